"""The quick reader against the standard library's own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onelib import quickjson
from onelib.quickjson import loads, quote

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES, st.sampled_from([None, 2]), st.booleans(), st.sampled_from(["", " ", "\n\t\r "]))
def test_reads_what_json_writes(value: Any, indent: int | None, ascii_only: bool, space: str) -> None:  # noqa: ANN401
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    try:
        data = (space + text + space).encode()
    except UnicodeEncodeError:  # a lone surrogate exists in JSON as an escape only
        data = json.dumps(value).encode()
    assert loads(data) == value


@given(st.text())
def test_quotes_as_json_does(text: str) -> None:
    assert quote(text) == json.dumps(text)
    assert loads(quote(text).encode()) == text


@given(st.text(alphabet='[]{},:"\\u0aeE-+.1 tfnulrsINy\n', max_size=12))
def test_accepts_and_refuses_what_json_accepts_and_refuses(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            loads(text.encode())
    else:
        assert repr(loads(text.encode())) == repr(expected)


@pytest.mark.parametrize(
    "data", [b"", b" ", b"[1,]", b"{} x", b'{"a" 1}', b'"\n"', b"\xff", b'"\xc3"', b"nul", b"\0"]
)
def test_what_is_not_json_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(data)


@pytest.mark.parametrize("text", ["{", "[1,", '{"a" 1}', '"\\x"', "nul", ""])
def test_what_is_not_json_is_a_value_error_also_where_json_is_not_yet_imported(text: str) -> None:
    code = f"""
import sys
sys.path.append({str(Path(quickjson.__file__).parents[1])!r})
from onelib.quickjson import loads
assert "json" not in sys.modules
try:
    loads({text.encode()!r})
except ValueError as error:
    print(type(error).__name__)
"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "JSONDecodeError\n"
