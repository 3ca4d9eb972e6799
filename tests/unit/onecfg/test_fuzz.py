"""The parsers against any text: what cannot be read is refused with a ``PatchError``, what can is printed back.

The texts are bytes at random, the shipped files with damage, and words of each syntax in any order. The long form
(``ONEEDGE_TEST_FULL=1``) takes many more of them, and megabytes where the short one takes kilobytes.
"""

import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onecfg import defaults
from onecfg.catalogue import find
from onecfg.formats import Document, Kind, load
from onecfg.model import ABSENT, Change, Command, Data, Extra, PatchError, Status, Symbol
from onecfg.notation import descriptor, line

SHORT_AND_LONG = pytest.mark.parametrize("examples", [80, pytest.param(4000, marks=pytest.mark.full)])
KINDS = [Kind.ONED, Kind.SHELL, Kind.YAML, Kind.YAML_STRICT, Kind.PLAIN]
WORDS = {
    Kind.ONED: ["A", "DB", "VM_MAD", "NAME", "VM_RESTRICTED_ATTR", " = ", "=", "[", "]", ",", '"x"', '"', '\\"'],
    Kind.SHELL: [
        "A",
        "B",
        "=",
        "export ",
        "'",
        '"',
        "$(",
        ")",
        "`",
        "${A}",
        "if ",
        "; then\n",
        "fi\n",
        "<<E\n",
        "((",
    ],
    Kind.YAML: [
        "a",
        ":b",
        ": ",
        "- ",
        "&x ",
        "*x",
        "[",
        "]",
        "{",
        "}",
        "'",
        '"',
        "|\n",
        ">-\n",
        "  ",
        "? ",
        "!!t ",
        "---",
    ],
    Kind.PLAIN: [
        "--- a\n",
        "+++ b\n",
        "@@ -1,2 +1,2 @@\n",
        " one\n",
        "-two\n",
        "+three\n",
        "\\ No newline\n",
        "@@",
    ],
}
WORDS[Kind.YAML_STRICT] = WORDS[Kind.YAML]
COMMON = [
    "\n",
    "\r\n",
    "\r",
    " ",
    "\t",
    "# c\n",
    "\0",
    "\x1b",
    "\x85",
    "\u2028",
    "\ufeff",
    "\ud800",
    "\udcff",
    "1",
    "é",
]
PATCH = [
    defaults.ETC,
    "/etc/one/oned.conf",
    " set ",
    " ins ",
    " rm ",
    "DB/A",
    '"',
    '\\"',
    "[",
    "{",
    '"a": ',
    "1e9",
    "NaN",
]
YAML_PATCH = """---
patches:
  /etc/one/oned.conf:
    class: Augeas::ONE
    change:
    - {path: [DB], key: A, value: 1, state: set, old: 2, extra: {}}
    - {path: [VM_MAD, '"kvm"'], key: , state: rm}
  /etc/one/cli/onevm.yaml:
    class: Yaml::Strict
    change:
    - {path: [:default], key: , value: &1 [:a, *1], state: ins, extra: {index: 1}}
  /etc/one/new.conf:
    {class: Simple, action: create, owner: root, group: root, mode: "0644", content: !binary aGk=}
"""


def files_of(kind: Kind) -> list[str]:
    found = [name for name in defaults.names() if (entry := find(f"/{name}")) and entry.kind is kind]
    return [(defaults.TREE / name).read_text() for name in found] or ["<VM>\n  <CPU>1</CPU>\n</VM>\n"]


def any_bytes() -> st.SearchStrategy[str]:
    """As the engine hands over a file that is not UTF-8."""
    return st.binary(max_size=120).map(lambda data: data.decode("utf-8", "surrogateescape"))


def words(of: list[str]) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(of + COMMON), max_size=40).map("".join)


@st.composite
def damaged(draw: st.DrawFn, texts: list[str], parts: list[str]) -> str:
    """One of ``texts`` with up to four cuts, doubled pieces and strange words."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        stop = min(len(text), start + draw(st.integers(0, 60)))
        piece = draw(st.sampled_from(["", text[start:stop] * 2]) | st.sampled_from(parts + COMMON))
        text = text[:start] + piece + text[stop:]
    return text


def texts_for(kind: Kind) -> st.SearchStrategy[str]:
    return any_bytes() | words(WORDS[kind]) | damaged(files_of(kind), WORDS[kind])


PATHS = st.sampled_from(
    ["A", "PORT", "DB/A", "DB/BACKEND", "VM_RESTRICTED_ATTR", 'VM_MAD/"kvm"/NAME', 'VM_MAD/"kvm"', "a", ":b"]
) | st.sampled_from([":port", ":default", "a/:b", "/", "a/b/c/d", "\udcff", "\0"])
VALUES: st.SearchStrategy[Data] = st.sampled_from(
    [None, True, 0, -1.5, "", "x", '"x"', "a b", ":s", "\n", "\0", "\udcff"]
) | st.sampled_from([[], ["x", ":y"], {}, {":k": {"v": None}}, {"k": [[1]]}])
COMMANDS = st.sampled_from([Command.INS, Command.SET, Command.RM])
NATIVE = st.builds(
    lambda command, path, value, old, whole, extra: Change(
        "/f", command, tuple(path), value, native=True, old=old, whole=whole, extra=extra
    ),
    COMMANDS,
    st.lists(
        st.sampled_from(["A", "DB", "VM_MAD", '"kvm"', "VM_RESTRICTED_ATTR", "a", "", "x/y", None, 1])
        | st.sampled_from([Symbol("b"), Symbol("port"), Symbol("default"), True, "\udcff"]),
        max_size=3,
    ),
    VALUES | st.just(Symbol("s")),
    VALUES | st.just(ABSENT),
    st.booleans(),
    st.builds(Extra, st.booleans(), st.sampled_from([None, True, False]), st.sampled_from([None, 0, 1, -1, 99])),
)
CHANGES = (
    st.builds(lambda command, path, value: Change("/f", command, path, value), COMMANDS, PATHS, VALUES) | NATIVE
)


def refusal(work: Callable[[], object]) -> PatchError | None:
    """What ``work`` was refused with. Anything else that it raises is a defect."""
    try:
        work()
    except PatchError as error:
        return error
    return None


def changed(document: Document, change: Change) -> None:
    document.apply(change)
    document.check()


def run(strategy: st.SearchStrategy[object], check: Callable[..., None], examples: int) -> None:
    """``check`` with ``examples`` of ``strategy``."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
    settings(max_examples=examples, deadline=None, suppress_health_check=slow)(given(strategy)(check))()


@SHORT_AND_LONG
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.value)
def test_any_file_is_printed_back_or_refused_and_what_a_change_leaves_can_be_read(
    kind: Kind, examples: int
) -> None:
    def check(drawn: tuple[str, list[Change]]) -> None:
        text, changes = drawn
        if refusal(lambda: load(kind, text)):
            return
        document = load(kind, text)
        assert document.render() == text
        for change in changes:
            if refused := refusal(partial(changed, document, change)):
                assert refused.todo, refused.message
                return
            text = document.render()
            assert load(kind, text).render() == text

    run(st.tuples(texts_for(kind), st.lists(CHANGES, max_size=3)), check, examples)


@SHORT_AND_LONG
@pytest.mark.parametrize("kind", [Kind.ONED, Kind.SHELL, Kind.YAML, Kind.YAML_STRICT], ids=lambda kind: kind.value)
def test_a_refused_change_leaves_the_text(kind: Kind, examples: int) -> None:
    def check(drawn: tuple[str, Change]) -> None:
        text, change = drawn
        document = load(kind, text)
        if refusal(lambda: document.apply(change)):
            assert document.render() == text

    run(st.tuples(st.sampled_from(files_of(kind)), CHANGES), check, examples // 2)


@SHORT_AND_LONG
def test_any_diff_of_a_plain_file_is_applied_or_refused(examples: int) -> None:
    lines = [
        " one\n",
        "-two\n",
        "+three\n",
        "\\ No newline at end of file\n",
        "@@ -1,3 +1,3 @@\n",
        "@@ -2 +2 @@\n",
    ]
    real = "--- a\n+++ b\n@@ -1,4 +1,4 @@\n one\n-two\n+three\n one\n two\n"

    def check(drawn: tuple[str, str]) -> None:
        text, diff = drawn
        document = load(Kind.PLAIN, text)
        change = Change("/f", Command.SET, "/", diff)
        if refusal(lambda: document.apply(change)):
            assert document.render() == text
        elif document.render() != text:
            assert document.apply(change).status is Status.IN_PLACE

    texts = words(["one\n", "two\n", "three\n"]) | st.sampled_from(["one\ntwo\none\ntwo\n"])
    run(st.tuples(texts, words([*lines, "--- a\n", "+++ b\n"]) | damaged([real], lines)), check, examples)


@SHORT_AND_LONG
def test_any_patch_of_lines_is_read_or_refused_by_line_and_column(examples: int) -> None:
    lines = '/etc/one/oned.conf set DB/A "x"\n# c\n/etc/one/oned.conf rm "a \\" b"\n/f ins A {"k": [1, null]}\n'

    run(any_bytes() | words(PATCH) | damaged([lines], PATCH), lambda text: read(line.parse, text), examples)


def read(parse: Callable[[str | bytes, str], list[Change]], text: str) -> None:
    """Read a patch as a text and as its bytes."""
    for patch in (text, text.encode("utf-8", "surrogatepass")):
        if refused := refusal(partial(parse, patch, "p")):
            assert re.match(r"p:\d+:\d+: ", refused.message)
            assert refused.todo
        else:
            assert all(change.origin.startswith("p:") for change in parse(patch, "p"))


@SHORT_AND_LONG
def test_any_yaml_patch_is_read_or_refused_by_line_and_column(examples: int) -> None:
    parts = WORDS[Kind.YAML] + [
        "patches:",
        "change:",
        "class: ",
        "state: rm",
        "key: ",
        "value: ",
        "!binary ",
        "action: ",
    ]

    run(
        any_bytes() | words(parts) | damaged([YAML_PATCH], parts),
        lambda text: read(descriptor.parse, text),
        examples,
    )


def numbered(pattern: str) -> Callable[[int], str]:
    """Lines of ``pattern`` with a number each, about as many characters as asked for."""
    return lambda size: "".join(pattern.format(n) for n in range(size // len(pattern)))


def repeated(unit: str, before: str = "", after: str = "") -> Callable[[int], str]:
    return lambda size: before + unit * (size // len(unit)) + after


BLANKS = [repeated("\n"), repeated(" "), repeated("\t"), repeated("#"), repeated("# comment\n"), repeated("\r\n")]
SHAPES: dict[Kind, list[Callable[[int], str]]] = {
    Kind.ONED: [
        numbered("KEY_{} = 1\n"),
        numbered('VM_HOOK = [ NAME = "n{}", ON = "x" ]\n'),
        numbered('VM_HOOK = [ NAME = "same" ]\n# {}\n'),
        repeated("A = 1 # c\n"),
        repeated('VM_RESTRICTED_ATTR = "NIC/MAC"\n'),
        repeated("A = 1, ", "F = [ ", "A = 1 ]\n"),
        repeated("\n # c", "F = [ A = 1", "\n]\n"),
        repeated("\n # c", "F = [ A = 1"),
        repeated('\\"', 'A = "', '"\n'),
        repeated('\\"', 'A = "'),
        repeated("\n", 'A = "'),
        repeated("x", "A = "),
        repeated("A"),
        repeated("["),
        repeated("F = [ "),
        repeated(" ", "A = 1", "x"),
        repeated(" ", "A", "x"),
    ],
    Kind.SHELL: [
        numbered("KEY_{}=1\n"),
        repeated("A=1 # c\n"),
        repeated("export A B\n"),
        repeated(" A", "export"),
        repeated("A=1 ", "export "),
        repeated("A=1; "),
        repeated("A='x'\"y\"\\z"),
        *(repeated(unit) for unit in ("A=$(", "$(", "((", "`", "'", '"', "\\\n", "${", "<<E\n", "{ ", "( ", '"$(')),
        repeated("x", "A='"),
        repeated("\n", "A='"),
        repeated("if true; then\n"),
        repeated("fi\n"),
        repeated("case x in\n"),
        repeated("f() {\n"),
        repeated("if true; then A=1; fi\n"),
        repeated("echo a \\\n", after="b\n"),
        repeated("x", "A="),
        repeated("a b ", "A=(", ")\n"),
        repeated(" ", "A=1", "x"),
    ],
    Kind.YAML: [
        numbered("key_{}: 1 # c\n"),
        numbered("k{0}: &a{0} [x]\n"),
        repeated("a: 1\n"),
        repeated("- x\n"),
        repeated("- x\n", "a:\n"),
        repeated("x, ", "a: [", "x]\n"),
        repeated("x: 1, ", "a: {", "x: 1}\n"),
        repeated("*a, ", "a: &a [x]\nb: [", "x]\n"),
        *(repeated(unit) for unit in ("[", "{a: ", "- ", "? ", "&a ", "!t ", "*a ", "'", '"', "|", ">")),
        *(repeated(unit) for unit in ("%", ":", "a ")),
        repeated("x", "a: '"),
        repeated("\n", "a: '"),
        repeated('\\"', 'a: "'),
        repeated("  x\n", "a: |\n"),
        repeated("\n", "a: |\n"),
        repeated("  x\n", "a: >\n"),
        repeated("  x\n", "a:\n"),
        repeated(" ", "a: 1", "x"),
        *(repeated(unit, "a: 1", end) for unit in (":1", "1", "_1") for end in ("\n", ".0\n")),
    ],
}  # fmt: skip
SHAPES = {kind: BLANKS + shapes for kind, shapes in SHAPES.items()}


def settled(work: Callable[[], object]) -> float:
    """Seconds of processor time that ``work`` takes; a refusal is an end too."""
    begin = time.process_time()
    refusal(work)
    return time.process_time() - begin


def edited(kind: Kind, text: str) -> None:
    """All that a patch does with one file."""
    document = load(kind, text)
    document.warnings()
    for command, value in ((Command.SET, "x"), (Command.INS, "y"), (Command.RM, None)):
        document.apply(Change("/f", command, "NEW", value))
    document.check()
    document.render()


def shapes() -> Iterator[object]:
    for kind, makers in SHAPES.items():
        for number, make in enumerate(makers):
            start = make(24).encode("unicode_escape").decode()
            yield pytest.param(kind, make, id=f"{kind.value}-{number}-{start}")


@pytest.mark.parametrize("size", [16 << 10, pytest.param(1 << 20, marks=pytest.mark.full)])
@pytest.mark.parametrize(("kind", "make"), list(shapes()))
def test_four_times_the_file_takes_about_four_times_the_time(
    kind: Kind, make: Callable[[int], str], size: int
) -> None:
    assert_linear(lambda text: edited(kind, text), make, size)


def assert_linear(work: Callable[[str], object], make: Callable[[int], str], size: int) -> None:
    """A square law would give 16 times the time for 4 times the text; below 0.15 s nobody waits for it."""
    small, large = make(size), make(size * 4)
    for _ in range(3):
        one, four = settled(lambda: work(small)), settled(lambda: work(large))
        if four < max(0.15, 9 * one):
            return
    raise AssertionError(f"{one:.3f} s, and {four:.3f} s for four times as much")


LINES = "/etc/one/oned.conf set "
PATCHES = [
    *BLANKS,
    numbered(LINES + "KEY_{} 1\n"),
    repeated("x "),
    repeated("x", LINES + '"'),
    repeated('\\"', LINES + '"'),
    *(repeated(unit, LINES + "A ") for unit in ("[", '{"a":', "[1,", '"', "\\", " ", "9")),
    repeated("1,", LINES + "A [", "1]"),
    repeated("a/", LINES),
]
CHANGE = "    - {path: [], key: K, value: 1, state: set}\n"
HEAD = YAML_PATCH[: YAML_PATCH.index("    -")]
YAML_PATCHES = [
    *BLANKS,
    repeated(CHANGE, HEAD),
    repeated("[", HEAD + "    - {path: "),
    repeated("x, ", HEAD + "    - {path: [", "x], key: A, state: rm}\n"),
    repeated("*1, ", HEAD + "    - {path: [], key: A, state: set, value: [&1 [x, y], ", "x]}\n"),
    repeated("A", "---\npatches: {/etc/one/x: {class: Simple, action: create, content: !binary ", "}}\n"),
    *(lambda size, make=make: HEAD + make(size) for make in SHAPES[Kind.YAML][len(BLANKS) :]),
]


@pytest.mark.parametrize("size", [16 << 10, pytest.param(1 << 20, marks=pytest.mark.full)])
def test_four_times_the_patch_takes_about_four_times_the_time(size: int) -> None:
    for parse, makers in ((line.parse, PATCHES), (descriptor.parse, YAML_PATCHES)):
        for make in makers:
            assert_linear(parse, make, size)


@pytest.mark.parametrize("size", [16 << 10, pytest.param(1 << 20, marks=pytest.mark.full)])
def test_a_diff_that_fits_almost_everywhere_takes_about_four_times_the_time(size: int) -> None:
    def work(text: str) -> None:
        count = len(text) // 8
        context = " a\n" * count
        diff = f"@@ -1,{2 * count + 1} +1,{2 * count + 1} @@\n{context}-b\n+c\n{context}"
        load(Kind.PLAIN, text).apply(Change("/f", Command.SET, "/", diff))

    assert_linear(work, repeated("a\n", "x\n"), size)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.value)
def test_ten_megabytes_of_comments_are_read_at_once(kind: Kind) -> None:
    text = "# a comment of the usual length, as in the files that are shipped\n" * 155_000
    assert settled(lambda: load(kind, text + "A = 1\n" if kind is Kind.ONED else text)) < 5


def test_every_family_was_fuzzed_with_shipped_files() -> None:
    for kind in (Kind.ONED, Kind.SHELL, Kind.YAML, Kind.YAML_STRICT):
        assert len(files_of(kind)) >= 4, kind
    assert Path(defaults.TREE, defaults.ETC, "oned.conf").read_text() in files_of(Kind.ONED)
