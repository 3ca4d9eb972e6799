"""The YAML family. Numbers in names are the cases of the behaviour's description."""

import difflib

import pytest
import yaml as pyyaml
from hypothesis import given, settings
from hypothesis import strategies as st

from onecfg.formats.yaml import Document
from onecfg.formats.yaml_data import same, symbols
from onecfg.formats.yaml_text import after_colon, block, flow
from onecfg.formats.yaml_tree import MAX_DEPTH, Tree
from onecfg.model import Change, Data, FormatError, PatchError, Status, Symbol
from onecfg.notation.line import parse

BASE = """---
# head
:port: 2616   # the port
:sym: :foo
:flag: yes
:text: 'single'
:double: "double"
:url: http://localhost:2633/RPC2
:empty:
  #- hint
:list:
- a # of a
- b
# about map
:map:
  :x: 1
  # about y
  :y:
    deep: [1, two, {k: v}]
  # end of map

:block: |
  line one
  line two

last: 0640
"""


def run(text: str, *changes: str) -> tuple[str, str]:
    """The text after ``changes`` and a letter for each: Applied, in Place (capital if it counts), Not applicable."""
    document = Document(text)
    letters = ""
    for change in parse("\n".join(f"/f {change}" for change in changes)):
        result = document.apply(change)
        letter = {Status.APPLIED: "A", Status.IN_PLACE: "p", Status.NOT_APPLICABLE: "n"}[result.status]
        letters += letter.upper() if result.counts else letter
    document.check()
    return document.render(), letters


def refused(text: str, *changes: str) -> PatchError:
    with pytest.raises(PatchError) as caught:
        run(text, *changes)
    assert caught.value.todo
    return caught.value


@pytest.mark.parametrize(
    ("change", "old", "new", "letters"),
    [
        pytest.param("set :port 2617", "2616 ", "2617 ", "A", id="41"),
        pytest.param("set port 5", "last: 0640\n", "last: 0640\nport: 5\n", "A", id="42"),
        pytest.param("set :port 2616", "", "", "P", id="44-set"),
        pytest.param("set :port 2616.0", "2616 ", "2616.0 ", "A", id="44-float-is-no-integer"),
        pytest.param("ins :port 2616", "", "", "p", id="44-ins"),
        pytest.param('set :port "2616"', "2616 ", "'2616' ", "A", id="44-type"),
        pytest.param("set :flag 1", "yes", "1", "A", id="44-boolean-is-no-number"),
        pytest.param("set :flag true", "", "", "P", id="yes-is-true"),
        pytest.param("set last 416", "", "", "P", id="octal"),
        pytest.param('ins :list "c"', "- b\n", "- b\n- c\n", "A", id="45-append"),
        pytest.param('ins :list "b"', "", "", "p", id="45-again"),
        pytest.param('rm :list "b"', "- b\n", "", "A", id="45-remove"),
        pytest.param('rm :list "a"', "- a # of a\n", "", "A", id="45-remove-first"),
        pytest.param('rm :list "zz"', "", "", "p", id="45-remove-absent"),
        pytest.param("rm :list", ":list:\n- a # of a\n- b\n", "", "A", id="45-key"),
        pytest.param('set :list ["q"]', ":list:\n- a # of a\n- b\n", ":list:\n  - q\n", "A", id="45-replace"),
        pytest.param('set :list ["a", "b"]', "", "", "P", id="45-equal"),
        pytest.param('set :sym ":bar"', ":foo", ":bar", "A", id="46-symbol"),
        pytest.param('set :sym ":foo"', "", "", "P", id="46-same-symbol"),
        pytest.param('set :sym "foo"', ":foo", "foo", "A", id="46-string"),
        pytest.param('set :sym ":"', ":foo", "':'", "A", id="46-colon"),
        pytest.param('set :flag "true"', ":flag: yes", ":flag: 'true'", "A", id="46-true"),
        pytest.param(
            'ins :new {":a": ":b"}', "last: 0640\n", "last: 0640\n:new:\n  :a: :b\n", "A", id="46-nested"
        ),
        pytest.param('set :text "x"', "'single'", "'x'", "A", id="single-quotes-stay"),
        pytest.param('set :text "it\'s"', "'single'", "'it''s'", "A", id="quote-in-quotes"),
        pytest.param('set :double "x"', '"double"', '"x"', "A", id="double-quotes-stay"),
        pytest.param(r'set :double "a\"\\\n\u0085é"', '"double"', r'"a\"\\\n\x85é"', "A", id="escapes"),
        pytest.param('set :url "https://x:1/"', "http://localhost:2633/RPC2", "https://x:1/", "A", id="url"),
        pytest.param('set :url "0.0.0.0"', "http://localhost:2633/RPC2", "0.0.0.0", "A", id="address"),
        pytest.param("set :url null", "http://localhost:2633/RPC2", "null", "A", id="null"),
        pytest.param("set :empty null", "", "", "P", id="empty-is-null"),
        pytest.param('set :empty "x"', ":empty:\n", ":empty: x\n", "A", id="empty"),
        pytest.param('set :empty ["x"]', ":empty:\n", ":empty:\n  - x\n", "A", id="empty-list"),
        pytest.param("rm :empty", ":empty:\n", "", "A", id="remove-empty"),
        pytest.param("set :map/:x 2", ":x: 1", ":x: 2", "A", id="nested"),
        pytest.param("ins :map/:z 2", "  # end of map\n", "  # end of map\n  :z: 2\n", "A", id="nested-new"),
        pytest.param("rm :map/:x", "  :x: 1\n", "", "A", id="nested-remove"),
        pytest.param("rm :map/:y", "  :y:\n    deep: [1, two, {k: v}]\n", "", "A", id="nested-remove-last"),
        pytest.param("rm :map/:y/deep", ":y:\n    deep: [1, two, {k: v}]", ":y: {}", "A", id="only-key"),
        pytest.param("ins :map/:y/deep 3", "{k: v}]", "{k: v}, 3]", "A", id="flow-append"),
        pytest.param('rm :map/:y/deep "two"', ", two,", ",", "A", id="flow-remove"),
        pytest.param('rm :map/:y/deep {"k": "v"}', ", {k: v}]", "]", "A", id="flow-remove-last"),
        pytest.param('set :block "x"', "|\n  line one\n  line two\n", "x\n", "A", id="block-scalar"),
        pytest.param("rm :nope", "", "", "p", id="remove-absent"),
    ],
)
def test_one_change_touches_nothing_else(change: str, old: str, new: str, letters: str) -> None:
    assert run(BASE, change) == (BASE.replace(old, new, 1) if old else BASE, letters)


@pytest.mark.parametrize(
    ("text", "change", "says"),
    [
        (BASE, "ins :nope/:z 5", "Patch path ':nope' not found"),
        (BASE, "rm :port 2616", "Unexpected data type Integer"),
        (BASE, "rm :map 1", "Unexpected data type Hash"),
        (BASE, "set :list/0 1", "Expected Hash but got Array"),
        (BASE, "set :port/:x 1", "Expected Hash but got Integer"),
        (BASE, "set :flag/:x 1", "Expected Hash but got Boolean"),
        (BASE, "ins / 1", "path is empty"),
        (BASE, "rm /", "path is empty"),
        ("", "set :a 1", "Expected Hash but got NilClass"),
        ("# only a comment\n", "set :a 1", "Expected Hash but got NilClass"),
        ("- a\n", "set :a 1", "Expected Hash but got Array"),
        ("a: &x 1\nb: *x\n", "set a 2", "cannot be edited"),
        ("a: 1\nb: 0\na: 2\n", "rm a", "cannot be edited"),
    ],
)
def test_43_47_48_what_has_no_meaning_is_refused(text: str, change: str, says: str) -> None:
    assert says in refused(text, change).message
    document = Document(text)
    with pytest.raises(PatchError):
        run(text, change)
    assert document.render() == text


def test_47_the_whole_document() -> None:
    assert run("---\n# head\na: 1\nb: [1]\n# tail\n", 'set / {":a": {"b": [1]}}') == (
        "---\n# head\n:a:\n  b:\n    - 1\n# tail\n",
        "A",
    )
    assert run("# only\n", 'set / {"a": 1}') == ("# only\na: 1\n", "A")
    assert run("a: 1\n", 'set / {"a": 1}') == ("a: 1\n", "P")


@pytest.mark.parametrize(
    ("text", "change", "expected"),
    [
        ("a: 1\nb: 0\na: 2\n", "set a 3", "a: 1\nb: 0\na: 3\n"),
        ("a: &x\n  k: 1\nb: *x\n", "set b/k 2", "a: &x\n  k: 2\nb: *x\n"),
        ("a: &x\n  k: 1\nb: *x\n", "set b 2", "a: &x\n  k: 1\nb: 2\n"),
        ("a: {}\n", "ins a/k 1", "a: {k: 1}\n"),
        ("a: []\n", "ins a 1", "a: [1]\n"),
        ("a: {x: 1, y: 2}\n", "rm a/x", "a: {y: 2}\n"),
        ("a: {x: 1, y: 2}\n", "rm a/y", "a: {x: 1}\n"),
        ("a: {x: 1}\n", "rm a/x", "a: {}\n"),
        ("a: [x]\n", 'rm a "x"', "a: []\n"),
        ("a:\n- x\n", 'rm a "x"', "a: []\n"),
        ("a:\n  - x # c\n  - - y\n", 'rm a "x"', "a:\n  - - y\n"),
        ("a: # c\n  b: 1 # d\nz: 0\n", "set a 1", "a: 1 # c\nz: 0\n"),
        ("a: # c\n  b: 1\n", 'set a {"x": 1}', "a: # c\n  x: 1\n"),
        ("a: 1", "set b 2", "a: 1\nb: 2\n"),
        ("a: 1\n...\n", "set b 2", "a: 1\nb: 2\n...\n"),
        ("a: 1\r\nb:\r\n  c: 2\r\n", "ins b/d 3", "a: 1\r\nb:\r\n  c: 2\r\n  d: 3\r\n"),
        ("a: 1\r\nb: 2 # x\r\nc: 3\r\n", "rm b", "a: 1\r\nc: 3\r\n"),
        ("\ufeffa: 1\n", "set a 2", "\ufeffa: 2\n"),
        ("é: ü # ö\nb: 1\n", "set b 2", "é: ü # ö\nb: 2\n"),
        ("a: |+\n  x\n\n", "set b 2", "a: |+\n  x\n\nb: 2\n"),
        ("a: >-\n  x\n  y\n\n# c\nb: 1\n", 'set a "z"', "a: z\n\n# c\nb: 1\n"),
        ("a: two\n  lines\nb: 1\n", "set a 1", "a: 1\nb: 1\n"),
        ("<<: {x: 1}\na: 1\n", "set a 2", "<<: {x: 1}\na: 2\n"),
        (':"a b": 1\n', 'set ":a b" 2', ':"a b": 2\n'),
        ("a: !ruby/object:Foo\n  x: 1\n", "set a/x 2", "a: !ruby/object:Foo\n  x: 2\n"),
        ("d: 2020-01-01\n", 'set d "2020-01-01"', "d: '2020-01-01'\n"),
    ],
)
def test_unusual_notations(text: str, change: str, expected: str) -> None:
    assert run(text, change) == (expected, "A")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: 1\nb: c: d\n", 2, "not allowed"),
        ("a: 1\n---\nb: 1\n", 2, "second document"),
        ("a: 1\nb: *x\n", 2, "alias"),
        ("a: 1\nb: \x01\n", 2, "control character"),
        ("a: 1\nb: \udcff\n", 2, "UTF-8"),
        ("? [a]\n: 1\n", 1, "is a key"),
        ("a: " + "[" * (MAX_DEPTH + 1), 1, "nested levels"),
        ("a:\n- " + "- " * MAX_DEPTH + "x\n", 2, "nested levels"),
        ("a: [1\n", 2, "expected"),
    ],
)
def test_48_a_file_that_cannot_be_understood_is_named_by_line(text: str, line: int, says: str) -> None:
    with pytest.raises(FormatError) as caught:
        Document(text)
    assert caught.value.line == line
    assert says in caught.value.message


def test_very_deep_nesting_ends_quickly() -> None:
    for text in ("[" * 100_000, "{a: " * 50_000, "- " * 100_000):
        with pytest.raises(FormatError):
            Document(text)


def test_aliases_of_aliases_are_compared_once() -> None:
    levels = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    text = "\n".join(levels) + "\nz: 1\n"
    assert run(text, "set z 2") == (text.replace("z: 1", "z: 2"), "A")


def test_an_anchor_may_hold_itself() -> None:
    assert run("a: &a [*a]\nz: 1\n", "set z 2")[0] == "a: &a [*a]\nz: 2\n"


def plain(data: Data) -> object:
    """``data`` with symbols as texts."""
    match data:
        case Symbol(name):
            return f":{name}"
        case list():
            return [plain(item) for item in data]
        case dict():
            return {plain(key): plain(value) for key, value in data.items()}
    return data


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"))
    | st.sampled_from(["yes", "no", "y", "null", "~", "1", "1.5", "0x1", "a: b", "a #b", "- a", "x:", "<<", "="])
)
DATA = st.recursive(
    SCALARS | st.from_regex(r"[A-Za-z][a-z_]*", fullmatch=True).map(Symbol),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(DATA)
def test_what_is_written_is_read_back(data: Data) -> None:
    for text in (f"k: {flow(data)}\n", "k:" + after_colon(data, 0, "\n") + "\n"):
        root = Tree(text).root
        assert root is not None
        assert same(root.data, {"k": data})
    if isinstance(data, (dict, list)):
        root = Tree(block(data, 0, "\n") + "\n").root
        assert root is not None
        assert same(root.data, data)


VALUES: st.SearchStrategy[Data] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", ":b", "c d"]), inner, max_size=3)
    ),
    max_leaves=6,
)
PATHS = st.lists(st.sampled_from(["a", ":b", "c d", "list"]), min_size=1, max_size=3)


def loaded(text: str) -> Data:
    root = Tree(text).root
    assert root is not None
    return root.data


@st.composite
def documents(draw: st.DrawFn) -> str:
    data = draw(st.dictionaries(st.sampled_from(["a", ":b", "c d", "list", "e"]), VALUES, min_size=1, max_size=4))
    style = draw(st.sampled_from([None, False, True]))
    text = pyyaml.safe_dump(
        data,
        default_flow_style=style,
        allow_unicode=True,
        sort_keys=False,
        explicit_start=draw(st.booleans()),
        indent=draw(st.sampled_from([2, 4])),
        line_break=draw(st.sampled_from(["\n", "\r\n"])),
    )
    lines = text.splitlines(keepends=True) if "\x85" not in text else [text]
    if style is False and not any(mark in text for mark in "|>'\"\u2028\u2029"):
        lines = [line + draw(st.sampled_from(["", "", "# comment\n", "\n"])) for line in lines]
    return "".join(lines)


@settings(deadline=None)
@given(documents(), st.sampled_from(["ins", "set", "rm"]), PATHS, VALUES)
def test_any_change_gives_the_data_asked_for_and_touches_no_other_line(
    text: str, command: str, path: list[str], value: Data
) -> None:
    document = Document(text)
    change = parse(f"/f {command} x")[0]
    before = loaded(text)
    try:
        result = document.apply(Change("/f", change.command, tuple(path), None if command == "rm" else value))
    except PatchError as error:
        refusal = error
        result = None
    if result is None:
        assert document.render() == text
        assert "cannot be edited" not in refusal.message
        return
    if result.status is not Status.APPLIED:
        assert document.render() == text
        return
    asked = symbols(value)
    target = before
    keys = [Symbol(key[1:]) if key.startswith(":") else key for key in path]
    for key in keys[:-1]:
        assert isinstance(target, dict)
        target = target[key]
    assert isinstance(target, dict)
    old = target.get(keys[-1])
    if command == "rm":
        del target[keys[-1]]
    elif command == "ins" and isinstance(old, list):
        old.append(asked)
    else:
        target[keys[-1]] = asked
    assert repr(plain(loaded(document.render()))) == repr(plain(before))
    comments = [line for line in text.splitlines() if line.startswith("# comment")]
    kept = [line for line in document.render().splitlines() if line.startswith("# comment")]
    assert len(kept) >= (len(comments) if result.replaced is False and command != "rm" else 0)
    if not result.replaced and command == "ins":
        removed = [
            line for line in difflib.ndiff(text.splitlines(), document.render().splitlines()) if line[0] == "-"
        ]
        assert len(removed) <= 1


@given(st.text("ab:- \n#[]{}'\"|>&*!,?\t\r", max_size=40))
def test_any_text_is_read_whole_or_refused(text: str) -> None:
    try:
        document = Document(text)
    except PatchError:
        return
    assert document.render() == text
