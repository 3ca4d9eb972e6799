"""The yaml patch format."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecfg.catalogue import Entry
from onecfg.formats import Kind, load
from onecfg.formats.yaml_tree import MAX_DEPTH, MAX_NODES, Tree
from onecfg.model import (
    ABSENT,
    Change,
    ChangeError,
    Command,
    Data,
    Extra,
    Key,
    LineError,
    NewFile,
    Symbol,
    Tagged,
)
from onecfg.notation.descriptor import parse, write
from onecfg.notation.line import MAX_BYTES
from onecfg.notation.line import parse as parse_lines

ONED = "/etc/one/oned.conf"
SHELL = "/etc/one/tmrc"
YAML = "/etc/one/sunstone-server.conf"
STRICT = "/etc/one/auth/ldap_auth.conf"
PLAIN = "/etc/one/az_driver.default"

# As Ruby's Psych prints it: an array that two changes share is written once.
SAMPLE = """\
---
patches:
  "/etc/one/oned.conf":
    class: Augeas::ONE
    change:
    - path:
      - VM_MAD
      - '"kvm"'
      key: ARGUMENTS
      value: '"-t 15 -r 0 kvm"'
      old: '"-t 15 -r 1 kvm"'
      state: set
      extra: {}
    - path: []
      key: VM_RESTRICTED_ATTR
      old: '"NIC/MAC"'
      state: rm
      extra:
        multiple: true
    - path:
      - VM_MAD
      - '"vcenter"'
      key:
      state: rm
      extra: {}
  "/etc/one/tmrc":
    class: Augeas::Shell
    change:
    - path: []
      key: TM
      state: set
      extra:
        export: false
  "/etc/one/sunstone-server.conf":
    class: Yaml
    change:
    - path: &1 []
      key: :port
      value: 9870
      old: 9869
      state: set
      extra: {}
    - path: *1
      key: ":host"
      value: &2
      - :a
      - ":a"
      - yes
      state: ins
      extra: {}
    - path:
      - :tabs
      - 1
      key:
      old: *2
      state: rm
      extra: {}
    - path: []
      key:
      value:
        a: 2020-01-01
      state: set
      extra:
        hintings: false
  "/etc/one/auth/ldap_auth.conf":
    class: Yaml::Strict
    change:
    - path:
      - :order
      key:
      value: x
      old:
      state: ins
      extra:
        index: 3
  "/etc/one/az_driver.default":
    class: Simple
    change:
    - path: []
      key:
      value: |
        --- old
        +++ new
        @@ -1 +1 @@
        -a
        +b
      state: set
      extra: {}
"""


def native(file: str, command: str, path: tuple[Key, ...], value: Data = None, **other: object) -> Change:
    return Change(file, Command(command), path, value, native=True, **other)  # type: ignore[arg-type]


CHANGES = [
    native(ONED, "set", ("VM_MAD", '"kvm"', "ARGUMENTS"), '"-t 15 -r 0 kvm"', old='"-t 15 -r 1 kvm"'),
    native(ONED, "rm", ("VM_RESTRICTED_ATTR",), '"NIC/MAC"', old='"NIC/MAC"', extra=Extra(multiple=True)),
    native(ONED, "rm", ("VM_MAD", '"vcenter"'), whole=True),
    native(SHELL, "set", ("TM",), extra=Extra(export=False)),
    native(YAML, "set", (Symbol("port"),), 9870, old=9869),
    native(YAML, "ins", (":host",), [Symbol("a"), ":a", True]),
    native(YAML, "rm", (Symbol("tabs"), 1), [Symbol("a"), ":a", True], old=[Symbol("a"), ":a", True], whole=True),
    native(YAML, "set", (), {"a": Tagged("tag:yaml.org,2002:timestamp", "2020-01-01")}, whole=True),
    native(STRICT, "ins", (Symbol("order"),), "x", old=None, whole=True, extra=Extra(index=3)),
    native(PLAIN, "set", (), "--- old\n+++ new\n@@ -1 +1 @@\n-a\n+b\n", whole=True),
]


def test_what_upstream_prints_is_read() -> None:
    changes = parse(SAMPLE, "my.patch")
    assert changes == CHANGES
    assert [change.origin for change in changes[:2]] == ["my.patch:6", "my.patch:14"]
    assert parse(b"\xef\xbb\xbf" + SAMPLE.encode()) == parse(SAMPLE.replace("\n", "\r\n"))[:9] + changes[9:]


def test_what_is_written_is_read_back() -> None:
    text = write(CHANGES)
    assert text.startswith("---\npatches:\n  /etc/one/oned.conf:\n    class: Augeas::ONE\n")
    assert "        value: |\n          --- old\n          +++ new\n" in text
    assert "*1" not in text
    assert parse(text) == CHANGES
    assert write(parse(text)) == text
    assert (write([]), parse("patches: {}\n")) == ("---\npatches: {}\n", [])


def test_whole_files() -> None:
    files = [
        native(SHELL, "create", (), content=NewFile(b"A=1\nB=\xc3\xa9\n")),
        native(YAML, "create", (), content=NewFile(b"- \xff\x00\n", "oneadmin", "root", 0o600)),
        native(ONED, "delete", ()),
    ]
    text = write(files)
    assert parse(text) == files
    assert "    mode: '0640'\n    content: |\n      A=1\n      B=é\n" in text
    assert "content: !binary LSD/AAo=\n" in text
    shared = parse(f"patches:\n  {SHELL}: {{class: Augeas::Shell, action: create, content: x}}\n")
    assert shared == [native(SHELL, "create", (), content=NewFile(b"x", "root", "oneadmin", 0o640))]


def test_a_description_of_what_a_release_ships_changes_nothing() -> None:
    text = f"patches:\n  {SHELL}: {{class: Augeas::Shell, owner: root, mode: '0640', content: A=1}}\n"
    assert parse(text) == []
    change = "[{path: [], key: A, value: '2', state: ins}]"
    text = f"patches:\n  {SHELL}: {{class: Augeas::Shell, action: apply, change: {change}, content: A=2}}\n"
    assert parse(text) == [native(SHELL, "ins", ("A",), "2")]


def test_changes_of_the_line_format_keep_their_meaning() -> None:
    lines = f'{YAML} ins :list 3\n{YAML} rm :list 1\n{YAML} set :new {{":a": ":b"}}\n{YAML} rm :gone\n'
    before = ":list: [1, 2]\n:gone: 1\n"
    results = []
    for changes in (parse_lines(lines), parse(write(parse_lines(lines)))):
        document = load(Kind.YAML, before)
        assert all(document.apply(change).counts for change in changes)
        results.append(document.render())
    assert results == [":list: [2, 3]\n:new:\n  :a: :b\n"] * 2
    (change,) = parse(write(parse_lines(f'{ONED} rm VM_RESTRICTED_ATTR "\\"NIC/MAC\\""\n')))
    assert (change.native, change.whole, change.value) == (False, False, '"NIC/MAC"')


ODD: list[Key] = [":a", "a", Symbol("a"), Symbol("a b"), Symbol('"'), "", 1, True, 1.5, "null", "a/b", "é\n"]
KEYS: st.SearchStrategy[Key] = st.sampled_from(ODD) | st.text(max_size=5)
LINES = ["two\nlines\n", "two\nlines", "\n lines\n\n", "\ttab\n", "  \n", "a\r\nb\n", ":x", "---\n", "#\n#"]
SCALARS: st.SearchStrategy[Data] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"))
    | st.sampled_from(LINES)
)
VALUES: st.SearchStrategy[Data] = st.recursive(
    SCALARS | st.text(max_size=3).map(Symbol),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=5,
)
OLD = VALUES | st.just(ABSENT)


@st.composite
def changes_of_yaml(draw: st.DrawFn) -> Change:
    path = tuple(draw(st.lists(KEYS | st.none(), max_size=2)))
    command = draw(st.sampled_from([Command.INS, Command.SET, Command.RM]))
    value, old = draw(VALUES), draw(OLD)
    strict = draw(st.booleans())
    file = STRICT if strict else YAML
    if command is Command.SET and draw(st.booleans()):
        return native(file, "set", (), value, old=old, whole=True)
    if command is not Command.SET and draw(st.booleans()):
        index = draw(st.none() | st.integers(0, 9)) if strict else None
        old = value if command is Command.RM else old
        return native(file, command, path, value, old=old, whole=True, extra=Extra(index=index))
    return native(file, command, (*path, draw(KEYS)), None if command is Command.RM else value, old=old)


CONTENTS = st.builds(
    NewFile,
    st.binary() | st.text(st.characters(codec="utf-8")).map(str.encode),
    st.sampled_from(["root", "_x-1", "null"]),
    st.sampled_from(["oneadmin", "root"]),
    st.integers(0, 0o777),
)
WHOLE_FILES = st.builds(lambda content: native(SHELL, "create", (), content=content), CONTENTS) | st.just(
    native(ONED, "delete", ())
)


@given(st.lists(changes_of_yaml(), max_size=4), st.none() | WHOLE_FILES)
def test_any_changes_are_read_back(changes: list[Change], whole: Change | None) -> None:
    changes = sorted(changes, key=lambda change: change.file) + ([whole] if whole else [])
    text = write(changes)
    found = parse(text)
    assert found == changes
    assert repr([(one.path, one.value, one.old) for one in found]) == repr(
        [(one.path, one.value, one.old) for one in changes]
    )
    assert write(found) == text


@given(st.text("ab:- \n\t#|>é", max_size=30))
def test_texts_of_many_lines_stay_readable(text: str) -> None:
    change = native(YAML, "set", ("a",), text)
    written = write([change])
    assert parse(written) == [change]
    assert Tree(written).root is not None
    if text.count("\n") > 1 and text.strip("\n") and "\t" not in text:
        assert "value: |" in written


BOMB = "\n".join(
    ["    a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    + [f"    a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20)]
)


def in_change(item: str, file: str = YAML, kind: str = "Yaml") -> str:
    return f"patches:\n  {file}:\n    class: {kind}\n    change:\n    - {item}\n"


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("", "1:1", "does not contain expected YAML document"),
        ("# nothing\n", "1:1", "does not contain expected YAML document"),
        ("- a\n", "1:1", "does not contain expected YAML document"),
        ("/etc/one/oned.conf set PORT 1\n", "1:1", "does not contain expected YAML document"),
        ("a: 1\n", "1:1", "no 'patches'"),
        ("patches: {}\nmore: 1\n", "2:1", "Unknown key 'more' of the patch"),
        ("patches: {}\npatches: {}\n", "2:1", "stands twice"),
        ("patches: []\n", "1:10", "'patches' is no mapping"),
        ("patches:\n", "1:9", "'patches' is no mapping"),
        ("patches:\n  oned.conf: {}\n", "2:3", "Unknown file to patch 'oned.conf'"),
        ("patches:\n  /etc/one/../shadow: {}\n", "2:3", "Unknown file to patch '/etc/one/../shadow'"),
        ("patches:\n  /etc/one//oned.conf: {}\n", "2:3", "Unknown file to patch"),
        ("patches:\n  /etc/passwd: {}\n", "2:3", "Unknown file to patch"),
        ("patches:\n  :x: {}\n", "2:3", "Unknown file to patch ':x'"),
        ("patches:\n  1: {}\n", "2:3", "Unknown file to patch."),
        (f"patches:\n  {ONED}: []\n", "2:23", "A file is no mapping"),
        (f"patches:\n  {ONED}: {{}}\n", "2:3", "no class"),
        (f"patches:\n  {ONED}: {{class: Augeas::One}}\n", "2:31", "Unknown class 'Augeas::One'"),
        (f"patches:\n  {ONED}: {{class: Yaml}}\n", "2:31", "of another class"),
        (f"patches:\n  {YAML}: {{class: Yaml::Strict}}\n", "2:42", "of another class"),
        (f"patches:\n  {ONED}: {{class: 1}}\n", "2:31", "Unknown class."),
        (f"patches:\n  {ONED}: {{class: Augeas::ONE}}\n  {ONED}: {{class: Augeas::ONE}}\n", "3:3", "stands twice"),
        (f"patches:\n  {ONED}: {{class: Augeas::ONE, patch: []}}\n", "2:44", "Unknown key 'patch' of a file"),
        (f"patches:\n  {ONED}: {{class: Augeas::ONE, change: {{}}}}\n", "2:52", "change is no list"),
        (f"patches:\n  {ONED}: {{class: Augeas::ONE, action: x}}\n", "2:52", "Unknown action 'x'"),
        (f"patches:\n  {ONED}: {{class: Augeas::ONE, action: create}}\n", "2:3", "no content"),
        (f"patches:\n  {ONED}: {{class: Augeas::ONE, action: apply}}\n", "2:3", "no changes"),
        (f"patches:\n  {ONED}: {{class: Augeas::ONE, mode: 0640, content: ''}}\n", "2:50", "mode cannot"),
        (f"patches:\n  {ONED}: {{class: Augeas::ONE, mode: '4755', content: ''}}\n", "2:50", "mode cannot"),
        (f"patches:\n  {ONED}: {{class: Augeas::ONE, owner: a b, content: ''}}\n", "2:51", "owner cannot"),
        (f"patches:\n  {ONED}: {{class: Augeas::ONE, group: 0, content: ''}}\n", "2:51", "group cannot"),
        (f"patches:\n  {ONED}: {{class: Augeas::ONE, content: 1}}\n", "2:53", "no text"),
        (f"patches:\n  {ONED}: {{class: Augeas::ONE, content: !binary '?'}}\n", "2:53", "not base64"),
        (in_change("a"), "5:7", "A change is no mapping"),
        (in_change("{path: [], key: a, value: 1}"), "5:7", "no state"),
        (in_change("{key: a, state: rm}"), "5:7", "no path"),
        (in_change("{path: [], key: a, state: SET}"), "5:33", "Unknown state 'SET'"),
        (in_change("{path: [], key: a, state: !ruby/symbol set}"), "5:33", "Unknown state ':set'"),
        (in_change("{path: [], key: a, state: rm, on: 1}"), "5:37", "Unknown key of a change"),
        (in_change("{path: a/b, key: a, state: rm}"), "5:14", "path is no list"),
        (in_change("{path: [[a]], key: a, state: rm}"), "5:15", "no key"),
        (in_change("{path: [], key: [a], state: rm}"), "5:23", "no key"),
        (in_change("{path: [], key: a, value: 1, state: rm}"), "5:33", "rm has no value"),
        (in_change("{path: [a], key: null, value: 1, state: set}"), "5:7", "replaces the whole file"),
        (in_change("{path: [], key: a, state: rm, extra: []}"), "5:44", "no mapping"),
        (in_change("{path: [], key: a, state: rm, extra: {index: 1}}"), "5:45", "Unknown key 'index'"),
        (in_change("{path: [], key: a, state: rm, extra: {hintings: 1}}"), "5:55", "'hintings' has another type"),
        (
            in_change("{path: [], key: a, state: rm, extra: {index: 1}}", STRICT, "Yaml::Strict"),
            "5:7",
            "An index is of an element",
        ),
        (
            in_change("{path: [a], key: null, state: ins, extra: {index: -1}}", STRICT, "Yaml::Strict"),
            "5:57",
            "'index' has another type",
        ),
        (
            in_change("{path: [a], key: null, state: ins, extra: {index: true}}", STRICT, "Yaml::Strict"),
            "5:57",
            "'index' has another type",
        ),
        (in_change("{path: [1], key: A, state: rm}", ONED, "Augeas::ONE"), "5:15", "no key"),
        (in_change("{path: [], key: !ruby/symbol A, state: rm}", ONED, "Augeas::ONE"), "5:23", "no key"),
        (in_change("{path: [a, b, c], key: A, state: rm}", ONED, "Augeas::ONE"), "5:7", "more than 2 components"),
        (in_change("{path: [A], state: set, value: x}", ONED, "Augeas::ONE"), "5:7", "has no key"),
        (in_change("{path: [a], key: A, state: rm}", SHELL, "Augeas::Shell"), "5:7", "variable has no path"),
        (in_change("{path: [], state: rm}", SHELL, "Augeas::Shell"), "5:7", "variable has no path"),
        (in_change("{path: [], key: A, state: rm}", PLAIN, "Simple"), "5:7", "takes a unified diff"),
        (in_change("{path: [], state: set, value: [a]}", PLAIN, "Simple"), "5:7", "takes a unified diff"),
        # YAML itself
        (in_change("{path: [], key: :a, state: rm}"), "5:23", "expected node content"),
        ("patches:\n  a: b: c\n", "2:7", "not allowed"),
        ("patches: {}\n---\npatches: {}\n", "2:1", "second document"),
        ("patches: *x\n", "1:10", "without its anchor"),
        ("patches: {a: \x01}\n", "1:14", "control character"),
        ("patches: " + "[" * (MAX_DEPTH + 2), f"1:{MAX_DEPTH + 9}", "nested levels"),
        ("patches: [" + "x, " * MAX_NODES + "]", "1:", f"More than {MAX_NODES} values"),
        ("patches: !ruby/object:Gem::Requirement {}\n", "1:10", "tag of an object"),
        (in_change("{path: [], key: a, state: set, value: !ruby/object:File x}"), "5:45", "tag of an object"),
        (
            in_change("{path: [], key: a, state: set, value: [!!python/name:os.system x]}"),
            "5:46",
            "tag of an object",
        ),
        (in_change("{path: [], key: a, state: set, value: !ruby/hash:Foo {}}"), "5:45", "tag of an object"),
        (in_change("{path: [], key: a, state: set, value: &x [*x]}"), "5:49", "holds itself"),
        (f"patches:\n  /etc/one/oned.conf:\n{BOMB}\n", "", "aliases written out"),
    ],
)
def test_a_mistake_is_named_by_line_and_column(text: str, place: str, says: str) -> None:
    with pytest.raises(LineError) as caught:
        parse(text, "my.patch")
    assert caught.value.message.startswith(f"my.patch:{place}")
    assert says in caught.value.message
    assert caught.value.todo
    assert caught.value.exit_code == 255


def test_only_utf8_of_some_size_is_read() -> None:
    with pytest.raises(LineError, match=r"^p:2:3: .*UTF-8"):
        parse(b"# \xc3\xa9\n# \xff\n", "p")
    with pytest.raises(LineError, match="larger than 8 MiB"):
        parse(b"#" * (MAX_BYTES + 1))
    long = "x" * (1 << 20)
    with pytest.raises(LineError, match="aliases written out"):
        parse(in_change(f"{{path: [], key: a, state: set, value: [&x {long}, {', '.join(['*x'] * 9)}]}}"))


def test_no_message_shows_a_value() -> None:
    for item in (
        "{path: [], key: password, value: hunter2, state: rm}",
        "{path: [], key: password, value: hunter2, old: hunter2, state: put}",
        "{path: [hunter2], key: null, value: hunter2, state: set}",
        "{path: [], key: a, value: !ruby/object:A hunter2, state: set}",
        "{path: [], key: a, value: hunter2: x, state: set}",
    ):
        with pytest.raises(LineError) as caught:
            parse(in_change(item))
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ([native("/etc/passwd", "set", ("a",), 1)], "not in the catalogue"),
        ([native(SHELL, "delete", ()), native(SHELL, "set", ("A",), "1")], "and changed too"),
        ([native(YAML, "set", ("a",), [Tagged("!ruby/object:A", "x")])], "object of Ruby"),
        ([native(YAML, "set", ("a",), {"x": {Tagged("!A", "x"): 1}})], "object of Ruby"),
        ([native(YAML, "set", ("a", None), 1)], "cannot be written"),
        ([native(YAML, "set", (), 1)], "cannot be written"),
    ],
)
def test_what_cannot_be_read_back_is_not_written(changes: list[Change], says: str) -> None:
    with pytest.raises(ChangeError, match=says):
        write(changes)


def test_another_catalogue_may_be_given() -> None:
    catalogue = (Entry("/etc/one/old.conf", Kind.SHELL),)
    change = native("/etc/one/old.conf", "set", ("A",), "1", old=None)
    assert parse(write([change], catalogue=catalogue), catalogue=catalogue) == [change]


@given(st.text("patches: {}[]\n-&*!|'\"/etc", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(LineError):
        assert parse(text) == []
