"""Changes as lines: what is written is read back as the same change, and the rest says why not."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onecfg.formats import Kind, load
from onecfg.formats.yaml_data import symbols
from onecfg.model import (
    ABSENT,
    Change,
    Command,
    Data,
    Extra,
    Key,
    LineError,
    NewFile,
    Symbol,
    Tagged,
)
from onecfg.notation.line import parse
from onecfg.notation.line_writer import Inexpressible, write
from tests.support.configurations import texts

ONED, SHELL, YAML, STRICT, PLAIN = (
    "/etc/one/oned.conf",
    "/etc/one/tmrc",
    "/etc/one/sunstone-server.conf",
    "/etc/one/cli/onevm.yaml",
    "/etc/one/az_driver.default",
)


def native(file: str, command: str, *path: Key, value: Data = None, **more: object) -> Change:
    return Change(file, Command(command), path, value, native=True, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (native(ONED, "set", "PORT", value="2700"), 'set PORT "2700"'),
        (native(ONED, "set", "DB", "PASSWD", value='"a b"'), r'set DB/PASSWD "\"a b\""'),
        (native(ONED, "set", "VM_MAD", '"kvm"', "TYPE", value="1"), r'set "VM_MAD/\"kvm\"/TYPE" "1"'),
        (native(ONED, "set", "VM_MAD", "a b", "TYPE", value="1"), 'set "VM_MAD/a b/TYPE" "1"'),
        (native(ONED, "rm", "PORT", old="1"), "rm  PORT"),
        (native(ONED, "rm", "VM_MAD", whole=True), "rm  VM_MAD"),
        (
            native(ONED, "rm", "VM_RESTRICTED_ATTR", value='"A"', old='"A"', extra=Extra(multiple=True)),
            r'rm  VM_RESTRICTED_ATTR "\"A\""',
        ),
        (native(ONED, "rm", "VM_RESTRICTED_ATTR", old="A"), 'rm  VM_RESTRICTED_ATTR "A"'),
        (native(SHELL, "ins", "X", value=""), 'ins X ""'),
        (native(SHELL, "rm", "X", old="(a b)"), "rm  X"),
        (native(PLAIN, "set", whole=True, value="--- a\n"), r'set / "--- a\n"'),
        (native(YAML, "set", Symbol("port"), value=5, old=4), "set :port 5"),
        (native(YAML, "set", Symbol("a"), "b c", value=None), 'set ":a/b c" null'),
        (native(YAML, "set", 'b\\"', value=[Symbol("a"), {Symbol("b"): 1.5}]), r'set "b\\"" [":a",{":b":1.5}]'),
        (native(YAML, "set", "b\\", value=True), "set b\\ true"),
        (native(YAML, "ins", "list", value=["a"]), 'set list ["a"]'),
        (native(YAML, "ins", "list", value="é", whole=True), 'ins list "é"'),
        (native(YAML, "rm", "list", value="a", whole=True), 'rm  list "a"'),
        (native(YAML, "rm", "list", old="a", whole=True), 'rm  list "a"'),
        (native(YAML, "set", whole=True, value={"a": 1}), 'set / {"a":1}'),
        (native(STRICT, "ins", "list", value="a", whole=True), 'ins list "a"'),
        (Change(YAML, Command.RM, ":list", ":a"), 'rm  :list ":a"'),
    ],
)
def test_a_change_is_one_line_that_is_read_back_as_it(change: Change, line: str) -> None:
    assert write(change) == f"{change.file} {line}"
    (again,) = parse(write(change))
    read = list(again.components)
    as_symbols = change.native and change.file in {YAML, STRICT}
    assert (symbols(list(read)) if as_symbols else read) == list(change.components)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (native("/etc/passwd", "set", "A", value="1"), "none that a patch may name"),
        (native(ONED, "create", content=NewFile(b"")), "whole file"),
        (native(ONED, "delete"), "whole file"),
        (native(ONED, "rm", "VM_MAD", '"kvm"', whole=True), "whole named section"),
        (native(ONED, "ins", "PORT", value="1", extra=Extra(multiple=True)), "several values"),
        (native(ONED, "rm", "DB", "X", old="1", extra=Extra(multiple=True)), "several values"),
        (native(ONED, "rm", "VM_RESTRICTED_ATTR", whole=True), "every value"),
        (native(ONED, "set", "PORT", value=""), "other tools"),
        (native(ONED, "set", "PORT", value='"a\\nb"'), "other tools"),
        (native(ONED, "set", "DB", "X", value="a]"), "other tools"),
        (native(ONED, "set", "PORT", value=["a"]), "a list or an object"),
        (native(ONED, "set", "VM_MAD", '"a/b"', "X", value="1"), "a / in it"),
        (native(ONED, "set", "VM_MAD", '"a\nb"', "X", value="1"), "line end"),
        (native(ONED, "set", "VM_MAD", '"\udce9"', "X", value="1"), "not UTF-8"),
        (native(SHELL, "set", "X", extra=Extra(export=False)), "exports"),
        (native(SHELL, "ins", "X", value="1", extra=Extra(export=True)), "exports"),
        (native(SHELL, "set", "X", value="(a b)"), "array"),
        (native(SHELL, "set", "X", value="a", old="(a b)"), "array"),
        (native(SHELL, "set", whole=True, value="--- a\n"), "commands"),
        (native(YAML, "set", "a", value=":b"), "colon"),
        (native(YAML, "set", ":a", value="b"), "colon"),
        (native(YAML, "set", "a", value={":b": 1}), "colon"),
        (native(YAML, "set", 5, value="b"), "neither a text nor a symbol"),
        (native(YAML, "set", "a", value={5: 1}), "neither a text nor a symbol"),
        (native(YAML, "set", "", value="b"), "empty"),
        (native(YAML, "set", "b c\\", value=1), "backslash"),
        (native(YAML, "set", '"\\', value=1), "backslash"),
        (native(YAML, "set", "a", value=math.inf), "JSON has not"),
        (native(YAML, "set", "a", value=Tagged("t", "2026-01-01")), "JSON has not"),
        (native(YAML, "set", "a", value=Symbol("")), "JSON has not"),
        (native(YAML, "rm", "list", old=None, whole=True), "empty element"),
        (native(YAML, "set", value=None, whole=True), "single value"),
        (native(STRICT, "ins", "list", value="a", whole=True, extra=Extra(index=0)), "at its place"),
    ],
)
def test_what_the_line_format_cannot_say_has_a_reason(change: Change, reason: str) -> None:
    with pytest.raises(Inexpressible) as caught:
        write(change)
    assert reason in caught.value.reason
    assert caught.value.exit_code == 255
    assert "yaml" in caught.value.todo


def test_a_file_with_a_blank_in_its_name_has_no_line() -> None:
    with pytest.raises(Inexpressible):
        write(native("/etc/one/cli/my own.yaml", "set", "a", value=1))


PART = st.text(st.sampled_from("ab:\"'\\ \t/é"), max_size=5)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | PART | PART.map(Symbol),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PART | PART.map(Symbol), inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(PART | PART.map(Symbol), min_size=1, max_size=3), DATA)
def test_every_line_addresses_the_same_place_with_the_same_value(path: list[Key], value: Data) -> None:
    change = native(YAML, "set", *path, value=value)
    try:
        line = write(change)
    except Inexpressible:
        return
    (again,) = parse(line)
    assert symbols(list(again.components)) == path
    assert symbols(again.value) == value


@pytest.mark.parametrize(
    ("kind", "file"),
    [(Kind.ONED, ONED), (Kind.SHELL, SHELL), (Kind.PLAIN, PLAIN), (Kind.YAML, YAML), (Kind.YAML_STRICT, STRICT)],
)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_line_does_to_a_file_what_its_change_does(kind: Kind, file: str, data: st.DataObject) -> None:
    before, after = data.draw(texts(kind)), data.draw(texts(kind))
    one, other = load(kind, before), load(kind, before)
    for change in one.difference(load(kind, after), file):
        try:
            (line,) = parse(write(change))
        except Inexpressible:
            return
        one.apply(change)
        other.apply(line)
        assert one.same(other)
        assert change.old is ABSENT or one.render() == other.render()


def test_a_name_with_a_blank_in_a_path_without_quotes_is_told_apart_from_a_bad_value() -> None:
    with pytest.raises(LineError) as caught:
        parse(f'{ONED} set VM_MAD/"my name"/TYPE "x"')
    assert r'"VM_MAD/\"my name\"/ARGUMENTS"' in caught.value.todo
    with pytest.raises(LineError) as caught:
        parse(f"{ONED} set PORT x")
    assert "VM_MAD" not in caught.value.todo
