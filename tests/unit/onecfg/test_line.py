import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecfg.model import Change, Command, Data, LineError
from onecfg.notation.line import MAX_BYTES, parse

FILE = "/etc/one/oned.conf"


def one(text: str) -> Change:
    (change,) = parse(text)
    return change


@pytest.mark.parametrize(
    ("line", "components"),
    [
        ("PORT", ("PORT",)),
        ("/PORT", ("PORT",)),
        ("DB//BACKEND", ("DB", "BACKEND")),
        ("DB/BACKEND/", ("DB", "BACKEND")),
        ('"DB/BACKEND"', ("DB", "BACKEND")),
        ('IM_MAD/"monitord"/THREADS', ("IM_MAD", '"monitord"', "THREADS")),
        (r'"IM_MAD/\"monitord\"/THREADS"', ("IM_MAD", '"monitord"', "THREADS")),
        (r'"VM_MAD/\"a b\"/TYPE"', ("VM_MAD", '"a b"', "TYPE")),
        (r'"a\b/c"', (r"a\b", "c")),
        (":a/:b", (":a", ":b")),
        ("/", ()),
    ],
)
def test_a_path_is_split_at_slashes_and_keeps_inner_quotes(line: str, components: tuple[str, ...]) -> None:
    assert one(f"{FILE} set {line} 1").components == components


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("null", None),
        ("11", 11),
        ('"11"', "11"),
        ("\"'11'\"", "'11'"),
        (r'"\"11\""', '"11"'),
        ("true", True),
        ('"true"', "true"),
        ("1.50", 1.5),
        ('["apple", "orange"]', ["apple", "orange"]),
        ('{"fruit": "apple"}', {"fruit": "apple"}),
    ],
)
def test_values_are_json(text: str, value: Data) -> None:
    change = one(f"{FILE} set KEY {text}")
    assert change.value == value
    assert type(change.value) is type(value)


def test_blanks_comments_line_ends_and_the_case_of_commands_do_not_matter() -> None:
    changes = parse(f"\ufeff\n  # comment\n\t{FILE}\tSET \t PORT  2633  \r\n{FILE} Rm  PORT\r\n".encode())
    assert [(change.command, change.value) for change in changes] == [
        (Command.SET, 2633),
        (Command.RM, None),
    ]
    assert [change.origin for change in changes] == ["patch:3", "patch:4"]
    assert parse("\n # nothing\n") == []


@pytest.mark.parametrize(
    ("line", "column", "text"),
    [
        (FILE, 19, "Invalid format at line: 2"),
        (f"{FILE} set", 23, "The path is missing"),
        (f"{FILE} upd PORT 1", 20, "Invalid patch action 'upd'"),
        (f"{FILE} set PORT '11'", 29, "not JSON"),
        (f"{FILE} set PORT 11 # why", 32, "not JSON"),
        (f"{FILE} set PORT [1 2]", 32, "not JSON"),
        (f"{FILE} set PORT [1, 'a']", 33, "not JSON"),
        (f"{FILE} set PORT NaN", 29, "out of range"),
        (f"{FILE} set PORT 1e999", 29, "out of range"),
        (f"{FILE} set PORT {'9' * 5000}", 29, "out of range"),
        (f"{FILE} set PORT {'[' * 100_000}", 29, "nested too deeply"),
        (rf'{FILE} set PORT "\ud800"', 29, "surrogate"),
        (f'{FILE} set "PORT 1', 24, "quoted path has no end"),
        (f'{FILE} set "PORT\\" 1', 24, "quoted path has no end"),
        (f'{FILE} set "PORT"x 1', 30, "without a blank"),
        (f'   {FILE} set VM_MAD/"a b"/TYPE "x"', 37, "not JSON"),
    ],
)
def test_a_malformed_line_is_named_by_line_and_column(line: str, column: int, text: str) -> None:
    with pytest.raises(LineError) as caught:
        parse(f"# first\n{line}\n", "my.patch")
    assert caught.value.message.startswith(f"my.patch:2:{column}: ")
    assert text in caught.value.message
    assert caught.value.exit_code == 255


def test_a_patch_that_is_not_utf8_is_named_by_line_and_column() -> None:
    with pytest.raises(LineError, match=r"^p:2:3: .*UTF-8"):
        parse(b"# \xc3\xa9\n# \xff\n", "p")


def test_a_huge_patch_is_refused() -> None:
    with pytest.raises(LineError, match="larger than 8 MiB"):
        parse(b"#" * (MAX_BYTES + 1))


def test_no_message_shows_a_value() -> None:
    for line in (f'{FILE} set DB/PASSWD "hunter2" x', f"{FILE} set DB/PASSWD hunter2"):
        with pytest.raises(LineError) as caught:
            parse(line)
        assert "hunter2" not in str(caught.value)
    change = one(f'{FILE} set DB/PASSWD "hunter2"')
    assert "hunter2" not in f"{change} {change!r}"
    assert str(change) == f"{FILE} set DB/PASSWD"


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(LineError):
        assert all(change.origin.startswith("patch:") for change in parse(text))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.lists(st.text(st.characters(codec="ascii", exclude_characters="/\\\n\r"), min_size=1), min_size=1))
def test_what_is_written_as_a_line_is_read_back(value: Data, path: list[str]) -> None:
    quoted = "/".join(path).replace('"', '\\"')
    change = one(f'{FILE} ins "{quoted}" {json.dumps(value, ensure_ascii=False)}')
    assert change.components == tuple(path)
    assert change.value == value
