"""What two YAML files differ in, and that applying it makes the one into the other."""

import copy
from pathlib import Path

import pytest
import yaml as pyyaml
from hypothesis import given, settings
from hypothesis import strategies as st

from onecfg.catalogue import find
from onecfg.formats import Kind, load
from onecfg.formats.yaml import Document
from onecfg.formats.yaml_data import MAX_SIZE
from onecfg.model import (
    ABSENT,
    Absent,
    Change,
    ChangeError,
    Command,
    Data,
    Extra,
    FormatError,
    Key,
    PatchError,
    PlaceError,
    Status,
    Symbol,
)

FILE = "/etc/one/sunstone-server.conf"


def document(text: str, *, ordered: bool = False) -> Document:
    return Document(text, ordered=ordered)


def difference(one: str, other: str, *, ordered: bool = False) -> list[Change]:
    return document(one, ordered=ordered).difference(document(other, ordered=ordered), FILE)


def patched(text: str, changes: list[Change], *, ordered: bool = False, keep: bool = False) -> str:
    result = document(text, ordered=ordered)
    for change in changes:
        result.apply(change, keep=keep)
    return result.render()


def change(
    command: str,
    *path: Key,
    value: Data = None,
    old: "Data | Absent" = ABSENT,
    whole: bool = False,
    index: int | None = None,
) -> Change:
    return Change(FILE, Command(command), path, value, native=True, whole=whole, old=old, extra=Extra(index=index))


class Merge:
    """A key that is written ``<<``."""


class Dumper(pyyaml.SafeDumper):
    """Writes symbols, plain or with their tag."""

    tagged = False


class Tagging(Dumper):
    tagged = True


def represent_symbol(dumper: Dumper, symbol: Symbol) -> pyyaml.ScalarNode:
    tag = "!ruby/symbol" if dumper.tagged else "tag:yaml.org,2002:str"
    return dumper.represent_scalar(tag, symbol.name if dumper.tagged else f":{symbol.name}")


def represent_text(dumper: Dumper, text: str) -> pyyaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'" if text.startswith(":") else None)


Dumper.add_representer(Symbol, represent_symbol)
Dumper.add_representer(str, represent_text)
Dumper.add_representer(Merge, lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:merge", "<<"))


KEYS = ["a", "b", "c d", ":b", "", 2, 1.5, None, Symbol("b"), Symbol("sym"), "x: y", "é"]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from([1.0, 2.5, float("inf"), float("nan")])
    | st.sampled_from(
        ["", "a", "1", "1.5", "yes", "null", ":a", ":", "a: b", "a #b", "- a", "two\nlines\n", " x "]
    )
    | st.text(max_size=4)
    | st.sampled_from([Symbol("a"), Symbol("two words")])
)


@st.composite
def trees(draw: st.DrawFn, *, shared: bool) -> object:
    """Data in which parts may be shared, so that they are written with anchors and aliases."""
    pool: list[object] = []
    keys = st.sampled_from([*KEYS, draw(st.sampled_from([1, True, 1.0]))])

    def value(depth: int) -> object:
        kind = draw(st.integers(0, 9))
        if shared and pool and kind < 3:
            return draw(st.sampled_from(pool))
        if depth > 2 or kind < 6:
            return draw(SCALARS)
        count = draw(st.integers(0, 4))
        result: object = mapping(depth) if kind > 7 else [value(depth + 1) for _ in range(count)]
        pool.append(result)
        return result

    def mapping(depth: int) -> dict[object, object]:
        pairs: dict[object, object] = {}
        sources = [one for one in pool if isinstance(one, dict)]
        if shared and sources and draw(st.booleans()):
            pairs[Merge()] = draw(st.sampled_from(sources))
        for key in draw(st.lists(keys, max_size=4)):
            pairs.setdefault(key, value(depth + 1))
        return pairs

    return mapping(0) if draw(st.integers(0, 9)) else value(0)


@st.composite
def files(draw: st.DrawFn, *, shared: bool = True) -> str:
    """A file in some layout."""
    style = draw(st.sampled_from([None, False, False, True]))
    text = pyyaml.dump(
        draw(trees(shared=shared)),
        Dumper=Dumper if style is False else Tagging,
        default_flow_style=style,
        allow_unicode=True,
        sort_keys=False,
        explicit_start=draw(st.booleans()),
        explicit_end=draw(st.booleans()),
        indent=draw(st.sampled_from([2, 4])),
        line_break=draw(st.sampled_from(["\n", "\r\n"])),
        width=1000,
    )
    assert isinstance(text, str)
    if style is False and not any(mark in text for mark in "|>'\"\x85\u2028\u2029"):
        text = "".join(
            line + draw(st.sampled_from(["", "# c\n", "\n"])) for line in text.splitlines(keepends=True)
        )
    return text


def check(one: str, other: str, *, ordered: bool) -> list[Change]:
    """The difference, of which applying is proven to give the data of ``other``."""
    changes = difference(one, other, ordered=ordered)
    result = document(patched(one, changes, ordered=ordered), ordered=ordered)
    assert result.same(document(other, ordered=ordered))
    assert document(other, ordered=ordered).same(result)
    assert bool(changes) is not document(one, ordered=ordered).same(document(other, ordered=ordered))
    return changes


@settings(deadline=None)
@given(files(), files(), st.booleans())
def test_any_file_becomes_any_other(one: str, other: str, ordered: bool) -> None:
    check(one, other, ordered=ordered)


@settings(deadline=None)
@given(files(shared=False), files(), st.booleans())
def test_a_file_is_replaced_as_a_whole_only_when_nothing_less_will_do(one: str, other: str, ordered: bool) -> None:
    changes = check(one, other, ordered=ordered)
    before, after = document(one).data, document(other).data
    if isinstance(before, dict) and isinstance(after, dict) and None not in before.keys() | after.keys():
        assert "&id" in one or all(change.path for change in changes)


DEFAULTS = Path(__file__).parents[3] / "onecfg/defaults"
SHIPPED = [
    (f"/{path.relative_to(DEFAULTS)}", entry.kind)
    for path in sorted(DEFAULTS.rglob("*"))
    if path.is_file()
    and (entry := find(f"/{path.relative_to(DEFAULTS)}"))
    and entry.kind in {Kind.YAML, Kind.YAML_STRICT}
]


def mutated(draw: st.DrawFn, data: Data) -> Data:
    """``data`` with some of its parts gone, other or new."""
    match data:
        case dict():
            result = {key: mutated(draw, value) for key, value in data.items() if draw(st.integers(0, 9))}
            return result | {Symbol("new"): draw(SCALARS)} if not draw(st.integers(0, 3)) else result
        case list():
            items = [mutated(draw, item) for item in data if draw(st.integers(0, 5))]
            return items + [draw(SCALARS)] * draw(st.integers(0, 2))
    return data if draw(st.integers(0, 5)) else draw(SCALARS)


@pytest.mark.parametrize(("file", "kind"), SHIPPED)
@settings(deadline=None, max_examples=4)
@given(data=st.data())
def test_every_shipped_file_becomes_any_version_of_itself(file: str, kind: Kind, data: st.DataObject) -> None:
    text = (DEFAULTS / file[1:]).read_text()
    ordered = kind is Kind.YAML_STRICT
    before = document(text).data
    other = pyyaml.dump(data.draw(st.composite(mutated)(copy.deepcopy(before))), Dumper=Dumper, sort_keys=False)
    changes = check(text, other, ordered=ordered)
    if isinstance(before, dict) and isinstance(document(other).data, dict):
        assert all(one.components for one in changes)
    check(other, text, ordered=ordered)


def test_shipped_files_are_of_both_kinds() -> None:
    assert {kind for _, kind in SHIPPED} == {Kind.YAML, Kind.YAML_STRICT}


BASE = """\
# head
:port: 2616 # the port
:sym: :foo
map:
  a: 1
  # about b
  b: [x, y]
list:
- one
- two # 2
- three
last: x
"""


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("", "", []),
        (":port: 2616", ":port: 0xa38", []),
        (":port: 2616", ":port: 2616.0", [change("set", Symbol("port"), value=2616.0, old=2616)]),
        (":port: 2616", ":port: '2616'", [change("set", Symbol("port"), value="2616", old=2616)]),
        (":sym: :foo", ":sym: foo", [change("set", Symbol("sym"), value="foo", old=Symbol("foo"))]),
        (":sym: :foo", ":sym: ':foo'", [change("set", Symbol("sym"), value=":foo", old=Symbol("foo"))]),
        (
            ":sym:",
            "':sym':",
            [change("rm", Symbol("sym"), old=Symbol("foo")), change("ins", ":sym", value=Symbol("foo"))],
        ),
        ("  a: 1\n", "", [change("rm", "map", "a", old=1)]),
        ("  a: 1\n", "  a: {k: [1]}\n", [change("set", "map", "a", value={"k": [1]}, old=1)]),
        ("[x, y]", "[y, x]", []),
        ("[x, y]", "[y]", [change("rm", "map", "b", value="x", old="x", whole=True)]),
        ("[x, y]", "[x, y, 1]", [change("ins", "map", "b", value=1, whole=True)]),
        ("[x, y]", "[x, y, y]", [change("set", "map", "b", value=["x", "y", "y"], old=["x", "y"])]),
        (
            "[x, y]",
            "[z]",
            [
                change("ins", "map", "b", value="z", whole=True),
                change("rm", "map", "b", value="x", old="x", whole=True),
                change("rm", "map", "b", value="y", old="y", whole=True),
            ],
        ),
        ("last: x\n", "1: 2\ntrue: 3\n", None),
        ("last: x\n", "2: {3: 4}\nlast: x\n", [change("ins", 2, value={3: 4})]),
    ],
)
def test_the_changes_say_no_more_than_what_differs(old: str, new: str, changes: list[Change] | None) -> None:
    other = BASE.replace(old, new, 1)
    if changes is None:
        with pytest.raises(FormatError, match="Two keys of the same number"):
            document(other)
        return
    found = check(BASE, other, ordered=False)
    assert found == changes
    assert [(type(one.value), one.old) for one in found] == [(type(one.value), one.old) for one in changes]


def test_comments_of_what_stays_stay() -> None:
    other = BASE.replace("  a: 1\n", "").replace("- one\n", "- zero\n").replace("# head", "# other")
    assert patched(BASE, difference(BASE, other)) == BASE.replace("  a: 1\n", "").replace(
        "- one\n- two # 2\n- three\n", "- two # 2\n- three\n- zero\n"
    )


@pytest.mark.parametrize(
    ("one", "other", "changes"),
    [
        ("[a, b, c]", "[a, c]", ["rm 1 b"]),
        ("[a, b]", "[x, a, b]", ["ins 0 x before a"]),
        ("[a, b]", "[a, x, b, y]", ["ins 1 x before b", "ins 3 y before -"]),
        ("[a, b, c]", "[c, a, b]", ["rm 2 c", "ins 0 c before a"]),
        ("[a, b, c, d]", "[b, x, d]", ["rm 0 a", "rm 1 c", "ins 1 x before d"]),
        ("[a, b]", "[x, y]", ["ins 0 x before a", "ins 1 y before a", "rm 2 a", "rm 2 b"]),
        ("[a, b]", "[]", ["rm 0 a", "rm 0 b"]),
        ("[]", "[a, b]", ["ins 0 a before -", "ins 1 b before -"]),
        ("[a, a, b]", "[a, b]", None),
        ("[a, b]", "[a, b, a]", "set"),
        ("[a, b]", "[a, x, x, b]", "set"),
    ],
)
def test_ordered_lists_are_changed_by_index(one: str, other: str, changes: list[str] | str | None) -> None:
    found = check(f"k: {one}\n", f"k: {other}\n", ordered=True)
    check("k:" + block(one), "k:" + block(other), ordered=True)

    def text(item: Change) -> str:
        before = f" before {'-' if item.old is ABSENT else item.old}" if item.command is Command.INS else ""
        return f"{item.command.value} {item.extra.index} {item.value}{before}"

    if changes == "set":
        assert [(item.command, item.components) for item in found] == [(Command.SET, ("k",))]
    elif changes is not None:
        assert [text(item) for item in found] == changes


def block(flow: str) -> str:
    items = [item for item in flow.strip("[]").split(", ") if item]
    return "".join(f"\n- {item} # {item}" for item in items) + "\n" if items else " []\n"


def test_the_order_of_a_list_counts_only_where_it_is_said_to() -> None:
    one, other = "k: [{a: [1, 2]}, 3]\n", "k: [3, {a: [2, 1]}]\n"
    assert document(one).same(document(other))
    assert not document(one, ordered=True).same(document(other, ordered=True))
    assert not document("k: [1, 1, 2]\n").same(document("k: [1, 2, 2]\n"))
    assert not load(Kind.YAML_STRICT, one).same(load(Kind.YAML_STRICT, other))
    assert load(Kind.YAML, one).same(load(Kind.YAML, other))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        # An alias whose anchor changes gets a value of its own first, also when that stays.
        ("a: &x {k: 1}\nb: *x\n", "a: {k: 2}\nb: {k: 1}\n", "a: &x {k: 2}\nb:\n  k: 1\n"),
        ("a: &x {k: 1}\nb: *x\n", "a: {k: 1}\nb: {k: 2}\n", "a: &x {k: 1}\nb:\n  k: 2\n"),
        ("a: &x {k: 1}\nb: *x\n", "b: {k: 1}\n", "b:\n  k: 1\n"),
        ("a: &x {k: 1}\nb: [*x, 2]\n", "a: 1\nb: [{k: 1}, 2]\n", "a: 1\nb:\n  - k: 1\n  - 2\n"),
        ("l:\n- &x one\n- 2\nb: *x # c\n", "l: [2]\nb: one\n", "l:\n- 2\nb: one\n"),
        # A merge is left alone as long as what it brings in does not change.
        (
            "a: &x {k: 1}\nb:\n  <<: *x\n  m: 2 # c\n",
            "a: {k: 1}\nb: {k: 1, m: 3}\n",
            "a: &x {k: 1}\nb:\n  <<: *x\n  m: 3 # c\n",
        ),
        (
            "a: &x {k: 1}\nb:\n  <<: *x\n  m: 2\n",
            "a: {k: 1}\nb: {k: 4, m: 2}\n",
            "a: &x {k: 1}\nb:\n  <<: *x\n  m: 2\n  k: 4\n",
        ),
        ("a: &x {k: 1}\nb:\n  <<: *x\n  m: 2\n", "a: {k: 1}\nb: {m: 2}\n", "a: &x {k: 1}\nb:\n  m: 2\n"),
        (
            "a: &x {k: 1}\nb:\n  <<: *x\n  m: 2\n",
            "a: {k: 9}\nb: {k: 1, m: 2}\n",
            "a: &x {k: 9}\nb:\n  k: 1\n  m: 2\n",
        ),
        # A key that stands twice.
        ("z:\n  a: 1\n  b: 0\n  a: 2\n", "z: {b: 0}\n", "z:\n  b: 0\n"),
        # Keys that no path can end with.
        ("z: {null: 1, b: 2}\n", "z: {b: 2}\n", "z:\n  b: 2\n"),
        ("z: {1: x}\n", "z: {true: x}\n", "z: {true: x}\n"),
        # Other types of the whole.
        ("# c\n", "a: 1\n", "# c\na: 1\n"),
        ("# c\na: 1\n# d\n", "# e\n", "# c\nnull\n# d\n"),
        ("# c\na: 1\n", "- 1\n", "# c\n- 1\n"),
        ("--- # c\na: 1\n...\n", "text\n", "--- # c\ntext\n...\n"),
        ("--- {a: 1} # c\n", "[1]\n", "---\n- 1\n"),
    ],
)
def test_what_is_in_the_way_is_set_as_a_whole(one: str, other: str, expected: str) -> None:
    for ordered in (False, True):
        assert patched(one, check(one, other, ordered=ordered), ordered=ordered) == expected


def test_a_merge_is_read_as_ruby_reads_it() -> None:
    text = "a: &a {k: 1, l: 1}\nb: &b {k: 2, m: 2}\nc:\n  <<: [*a, *b]\n  l: 3\n"
    assert document(text).same(document("a: {k: 1, l: 1}\nb: {k: 2, m: 2}\nc: {k: 1, l: 3, m: 2}\n"))
    assert document("c: {'<<': {k: 1}}\n").data == {"c": {"<<": {"k": 1}}}
    assert document("c: {<<: 1}\n").data == {"c": {"<<": 1}}
    for refused in (
        change("set", "a", "k", value=9),
        change("rm", "c", "k"),
        change("set", "c", "k", "x", value=1),
    ):
        with pytest.raises(ChangeError):
            document(text).apply(refused)


def test_what_holds_itself_or_is_endless_is_no_value() -> None:
    bomb = "\n".join(["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)])
    for text in ("a: &a [*a]\n", f"{bomb}\n"):
        assert document(text).same(document(text))
        assert difference(text, text) == []
        assert len(check(text, text + "z: 1\n", ordered=False)) == 1
        for one, other in (("z: 1\n", text), (text, "z: 1\n")):
            with pytest.raises(ChangeError, match=f"larger than {MAX_SIZE >> 20} MiB"):
                difference(one, other)


# -- native changes


@pytest.mark.parametrize(
    ("text", "one", "expected"),
    [
        ("a: 1\n", change("set", "a", value=":x"), "a: ':x'\n"),
        ("a: 1\n", change("set", "a", value=Symbol("x")), "a: :x\n"),
        ("a: 1\n", change("set", ":a", value=2), "a: 1\n':a': 2\n"),
        ("a: 1\n", change("ins", Symbol("a"), value=[":x"]), "a: 1\n:a:\n  - ':x'\n"),
        ("1: {2: 3}\n", change("set", 1, 2, value=4), "1: {2: 4}\n"),
        ("'1': 0\n1: 0\n", change("set", 1, value=4), "'1': 0\n1: 4\n"),
        ("true: 0\n", change("set", True, value=4), "true: 4\n"),
        ("true: 0\n", change("rm", True), "{}\n"),
        ("'': 0\n", change("set", "", value=4), "'': 4\n"),
        ("a/b: 0\n", change("set", "a/b", value=4), "a/b: 4\n"),
        ("2020-01-01: 0\n", change("rm", "a"), "2020-01-01: 0\n"),
        ("a: [1]\n", change("ins", "a", value=2), "a: 2\n"),
        ("a: [1]\n", change("rm", "a", value=1), "{}\n"),
        ("a: [1]\n", change("ins", "a", value=":x", whole=True), "a: [1, ':x']\n"),
        ("a: [1]\n", change("ins", "a", value=[1], whole=True), "a: [1, [1]]\n"),
        ("a: [1]\n", change("ins", "a", value=1, whole=True), "a: [1]\n"),
        ("a: [[1, 2]]\n", change("ins", "a", value=[2, 1], whole=True), "a: [[1, 2]]\n"),
        ("a: [x, 1, x]\n", change("rm", "a", value="x", whole=True), "a: [1, x]\n"),
        ("a: [1]\n", change("rm", "a", value="1", whole=True), "a: [1]\n"),
        ("- 1\n", change("ins", value=2, whole=True), "- 1\n- 2\n"),
        ("- 1\n- 2\n", change("rm", value=1, whole=True), "- 2\n"),
        ("- 1\n", change("set", value={"a": 1}, whole=True), "a: 1\n"),
        ("# c\na: 1\n# d\n", change("set", value=None, whole=True), "# c\nnull\n# d\n"),
        ("%YAML 1.1\n---\na: 1\n", change("set", value=["x"], whole=True), "%YAML 1.1\n---\n- x\n"),
        # An index has no meaning where lists have no order.
        ("a: [1, 2]\n", change("ins", "a", value=3, old=9, whole=True, index=0), "a: [1, 2, 3]\n"),
        ("a: 1\n", change("set", "a", value=float("-inf")), "a: -.inf\n"),
        ("a: 1\n", change("set", "b" * 2000, value=1), f"a: 1\n? {'b' * 2000}\n: 1\n"),
        ("a: {}\n", change("ins", "a", "b" * 2000, value=1), f"a: {{? {'b' * 2000}: 1}}\n"),
        ("a: 1\n", change("set", "a", value=Symbol('x"y: #')), "a: !ruby/symbol 'x\"y: #'\n"),
    ],
)
def test_native_changes(text: str, one: Change, expected: str) -> None:
    assert patched(text, [one]) == expected


@pytest.mark.parametrize(
    ("text", "one", "says"),
    [
        ("a: 1\n", change("set", "b", "c", value=1), "'b' not found"),
        ("a: 1\n", change("set", "a", "c", value=1), "Expected Hash but got Integer"),
        ("a: 1\n", change("ins", "a", value=1, whole=True), "Expected Array but got Integer"),
        ("a: 1\n", change("ins", value=1, whole=True), "Expected Array but got Hash"),
        ("1: x\n", change("set", "1", "c", value=1), "'1' not found"),
        ("true: {}\n", change("set", 1, "c", value=1), "'1' not found"),
    ],
)
def test_a_native_change_without_its_place_is_refused(text: str, one: Change, says: str) -> None:
    unchanged = document(text)
    with pytest.raises(PlaceError, match=says) as caught:
        unchanged.apply(one)
    assert caught.value.todo
    assert unchanged.render() == text


def test_a_list_is_set_by_its_key() -> None:
    with pytest.raises(ChangeError, match="without its key"):
        document("a: [1]\n").apply(change("set", "a", value=[2], whole=True))


ROWS = "k:\n- a # 1\n# of b\n- b\n- c: 1\n  d: 2 # 2\n"


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (change("ins", "k", value="x", old="a", whole=True, index=0), ROWS.replace("- a", "- x\n- a")),
        (change("ins", "k", value="x", old="b", whole=True, index=1), ROWS.replace("# 1\n", "# 1\n- x\n")),
        (
            change("ins", "k", value={"x": [1]}, old={"d": 2, "c": 1}, whole=True, index=2),
            ROWS.replace("- b\n", "- b\n- x:\n    - 1\n"),
        ),
        (change("ins", "k", value="x", whole=True, index=3), ROWS + "- x\n"),
        (change("ins", "k", value="x", old=None, whole=True, index=30), ROWS + "- x\n"),
        (change("ins", "k", value="a", old="b", whole=True, index=1), ROWS),
        (change("rm", "k", value="b", old="b", whole=True, index=1), ROWS.replace("- b\n", "")),
        (change("rm", "k", value="a", old="a", whole=True, index=0), ROWS.replace("- a # 1\n", "")),
    ],
)
def test_elements_of_ordered_lists_have_a_place(one: Change, expected: str) -> None:
    assert patched(ROWS, [one], ordered=True) == expected
    flow, other = "k: [a, b, {c: 1, d: 2}]\n", document(expected)
    assert document(patched(flow, [one], ordered=True), ordered=True).same(other)


@pytest.mark.parametrize(
    "one",
    [
        change("ins", "k", value="x", old="b", whole=True, index=0),
        change("ins", "k", value="x", whole=True, index=0),
        change("ins", "k", value="x", old="b", whole=True, index=3),
        change("rm", "k", value="b", whole=True, index=0),
        change("rm", "k", value="b", whole=True, index=9),
    ],
)
def test_an_element_that_is_not_where_it_is_expected_stops_a_patch(one: Change) -> None:
    with pytest.raises(PlaceError, match="another value at"):
        patched(ROWS, [one], ordered=True)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (change("ins", "k", value="x", old="b", whole=True, index=0), "[a, x, b, c]"),
        (change("ins", "k", value="x", old="b", whole=True, index=2), "[a, x, b, c]"),
        (change("ins", "k", value="x", old="a", whole=True, index=2), "[a, b, x, c]"),
        (change("ins", "k", value="x", old="gone", whole=True, index=1), "[a, x, b, c]"),
        (change("ins", "k", value="x", old="gone", whole=True, index=9), "[a, b, c, x]"),
        (change("rm", "k", value="c", whole=True, index=0), "[a, b]"),
        (change("rm", "k", value="gone", whole=True, index=0), "[a, b, c]"),
    ],
)
def test_an_upgrade_looks_for_the_place_of_an_element(one: Change, expected: str) -> None:
    assert patched("k: [a, b, c]\n", [one], ordered=True, keep=True) == f"k: {expected}\n"


# -- an upgrade


@pytest.mark.parametrize(
    ("one", "status", "expected"),
    [
        (change("set", "a", value=2, old=1), Status.APPLIED, "a: 2\nl: [x, y]\n"),
        (change("set", "a", value=2, old=3), Status.NOT_APPLICABLE, ""),
        (change("set", "a", value=2), Status.NOT_APPLICABLE, ""),
        (change("set", "a", value=1, old=3), Status.IN_PLACE, ""),
        (change("set", "l", value=["z"], old=["y", "x"]), Status.APPLIED, "a: 1\nl:\n  - z\n"),
        (change("ins", "a", value=2), Status.NOT_APPLICABLE, ""),
        (change("ins", "a", value=1), Status.IN_PLACE, ""),
        (change("ins", "b", value=1), Status.APPLIED, "a: 1\nl: [x, y]\nb: 1\n"),
        (change("rm", "a", old=1), Status.APPLIED, "l: [x, y]\n"),
        (change("rm", "a", old=2), Status.NOT_APPLICABLE, ""),
        (change("rm", "a"), Status.APPLIED, "l: [x, y]\n"),
        (change("rm", "b", old=2), Status.IN_PLACE, ""),
        (change("rm", "l", value="x", old="x", whole=True), Status.APPLIED, "a: 1\nl: [y]\n"),
        (change("rm", "l", value="q", old="q", whole=True), Status.IN_PLACE, ""),
        (change("ins", "l", value="q", whole=True), Status.APPLIED, "a: 1\nl: [x, y, q]\n"),
    ],
)
def test_an_upgrade_keeps_the_users_own_values(one: Change, status: Status, expected: str) -> None:
    text = "a: 1\nl: [x, y]\n"
    user = document(text)
    result = user.apply(one, keep=True)
    assert result.status is status
    assert user.render() == (expected or text)
    assert bool(result.reason) is (status is not Status.APPLIED)


def test_an_upgrade_does_not_bring_back_what_the_user_removed() -> None:
    with pytest.raises(PlaceError, match="'b' not found"):
        patched("a: 1\n", [change("set", "b", value=2, old=1)], keep=True)


@settings(deadline=None)
@given(files(), files(), files(), st.booleans())
def test_an_upgrade_of_any_file_ends_in_a_file(stock: str, newer: str, own: str, ordered: bool) -> None:
    user = document(own, ordered=ordered)
    for one in difference(stock, newer, ordered=ordered):
        before = user.render()
        try:
            result = user.apply(one, keep=True)
        except PatchError:
            assert user.render() == before
        else:
            assert result.status is Status.APPLIED or user.render() == before
    document(user.render())
