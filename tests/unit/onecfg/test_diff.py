"""Two trees compared: what differs, as a patch that makes the one into the other."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onecfg import defaults
from onecfg.catalogue import existing, find
from onecfg.diff import Comparison, compare
from onecfg.formats import Kind, load
from onecfg.model import Change, Command, PatchError, Status, Symbol
from onecfg.notation import descriptor
from onecfg.notation.line import parse
from onecfg.patch import apply
from onelib.locations import Locations
from tests.support.configurations import texts

FILES = {
    Kind.ONED: "/etc/one/oned.conf",
    Kind.SHELL: "/etc/one/tmrc",
    Kind.YAML: "/etc/one/sunstone-server.conf",
    Kind.YAML_STRICT: "/etc/one/cli/onevm.yaml",
    Kind.PLAIN: "/etc/one/az_driver.default",
}
SHIPPED = Locations(defaults.TREE)
TREES = st.fixed_dictionaries({}, optional={kind: texts(kind) for kind in FILES})


def tree(folder: str, name: str, content: dict[Kind, str]) -> Locations:
    """A tree of these files."""
    locations = Locations(Path(folder, name))
    for kind, text in content.items():
        path = locations.under(FILES[kind])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    for base in ("etc/one/cli", "var/lib/one/remotes/etc"):
        (locations.root / base).mkdir(parents=True, exist_ok=True)
    return locations


def same(one: Locations, other: Locations) -> bool:
    """Whether both trees have the same files with the same data."""
    found = existing(one)
    if found.keys() != existing(other).keys():
        return False
    for name, entry in found.items():
        documents = [load(entry.kind, tree.under(name).read_bytes().decode()) for tree in (one, other)]
        if not documents[0].same(documents[1]):
            return False
    return True


@settings(max_examples=30, deadline=None)
@given(TREES, TREES)
def test_a_difference_written_and_read_in_the_yaml_format_makes_any_tree_any_other(
    before: dict[Kind, str], after: dict[Kind, str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        old, new = tree(folder, "old", before), tree(folder, "new", after)
        comparison = compare(old, new)
        assert not comparison.problems
        assert [one.kind for one in comparison.differences] == sorted(
            (one.kind for one in comparison.differences), key=list(existing_kinds()).index
        )
        changes = descriptor.parse(descriptor.write(comparison.changes))
        if changes:
            report = apply(changes, old, unprivileged=True)
            assert {one.status for one in report.outcomes} == {Status.APPLIED}
        assert same(old, new)
        assert compare(old, new) == Comparison(())


def existing_kinds() -> list[Kind]:
    """The families in the order of the catalogue."""
    return [Kind.ONED, Kind.SHELL, Kind.YAML_STRICT, Kind.YAML, Kind.PLAIN]


@settings(max_examples=30, deadline=None)
@given(TREES, TREES)
def test_what_can_be_said_in_lines_applies_and_makes_every_file_that_can_the_same(
    before: dict[Kind, str], after: dict[Kind, str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        old, new = tree(folder, "old", before), tree(folder, "new", after)
        comparison = compare(old, new)
        lines = {one.file: list(one.lines()) for one in comparison.differences}
        assert [line.change for group in lines.values() for line in group] == comparison.changes
        assert all(bool(line.text) != bool(line.reason) for group in lines.values() for line in group)
        changes = parse("\n".join(line.text for group in lines.values() for line in group))
        if changes:
            report = apply(changes, old)
            assert report.count()[0] == report.count()[1]
        for name, group in lines.items():
            if all(line.text for line in group):
                entry = find(name)
                assert entry is not None
                one, other = (load(entry.kind, tree.under(name).read_bytes().decode()) for tree in (old, new))
                assert one.same(other)


def mutations(text: str) -> list[str]:
    """``text`` with some of its lines gone, and with some changed."""
    lines = text.splitlines(keepends=True)
    said = [number for number, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")]
    found = []
    for step in (1, 3, 7):
        gone, changed = said[::step], said[1::step]
        found.append("".join(line for number, line in enumerate(lines) if number not in gone))
        swapped = [line.replace("1", "27").replace("e", "xe") for line in lines]
        found.append("".join(swapped[number] if number in changed else line for number, line in enumerate(lines)))
    return found


@pytest.mark.parametrize("name", sorted(existing(SHIPPED)))
def test_every_shipped_file_is_reached_from_a_mutation_and_back(name: str) -> None:
    entry = find(name)
    assert entry is not None
    text = SHIPPED.under(name).read_text()
    tried = 0
    for mutation in mutations(text):
        if is_file(entry.kind, mutation):
            tried += 1
            there_and_back(entry.kind, name, text, mutation)
    assert tried


def is_file(kind: Kind, text: str) -> bool:
    try:
        load(kind, text)
    except PatchError:
        return False
    return True


def there_and_back(kind: Kind, name: str, text: str, mutation: str) -> None:
    for before, after in ((text, mutation), (mutation, text)):
        document, other = load(kind, before), load(kind, after)
        changes = document.difference(other, name)
        if changes:
            changes = descriptor.parse(descriptor.write(changes))
        for change in changes:
            document.apply(change)
        assert document.same(other)


def test_shipped_files_do_not_differ_from_themselves() -> None:
    assert compare(SHIPPED, SHIPPED) == Comparison(())


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Locations, Locations, Callable[[str, str, bytes], None]]:
    trees = {name: tree(str(tmp_path), name, {}) for name in ("old", "new")}

    def put(name: str, file: str, content: bytes) -> None:
        path = trees[name].under(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return trees["old"], trees["new"], put


Pair = tuple[Locations, Locations, Callable[[str, str, bytes], None]]


def test_files_of_one_tree_alone_are_created_and_deleted(pair: Pair) -> None:
    old, new, put = pair
    put("old", "/etc/one/oned.conf", b"PORT = 1\n")
    put("new", "/etc/one/cli/onevm.yaml", b"---\na: \xff\n")
    put("new", "/etc/one/unknown.conf", b"x\n")
    deleted, created = compare(old, new).changes
    assert (deleted.file, deleted.command) == ("/etc/one/oned.conf", Command.DELETE)
    assert (created.file, created.command) == ("/etc/one/cli/onevm.yaml", Command.CREATE)
    assert created.content is not None
    assert (created.content.data, created.content.group, created.content.mode) == (
        b"---\na: \xff\n",
        "root",
        0o644,
    )
    assert [change.command for change in compare(old, new, deletions=False).changes] == [Command.CREATE]
    apply(descriptor.parse(descriptor.write([deleted, created])), old, unprivileged=True)
    assert not old.under("/etc/one/oned.conf").exists()
    assert old.under("/etc/one/cli/onevm.yaml").read_bytes() == b"---\na: \xff\n"


def test_a_file_that_cannot_be_read_is_a_problem_and_the_others_are_compared(pair: Pair) -> None:
    old, new, put = pair
    for name, text in (("old", b"PORT = 1\n"), ("new", b"PORT = two words\n")):
        put(name, "/etc/one/oned.conf", text)
        put(name, "/etc/one/tmrc", text.replace(b" = ", b"=").replace(b" ", b""))
    (tmrc,) = (comparison := compare(old, new)).differences
    assert tmrc.file == "/etc/one/tmrc"
    (problem,) = comparison.problems
    assert str(problem).startswith(
        f"Unable to process file '/etc/one/oned.conf' - '{new.root}/etc/one/oned.conf' line 1"
    )
    assert "two" not in str(problem)


def test_bytes_that_are_not_utf_8_pass_as_comments_and_are_refused_as_values(pair: Pair) -> None:
    old, new, put = pair
    put("old", "/etc/one/oned.conf", b'# caf\xe9\nA = "\xe9"\n')
    put("new", "/etc/one/oned.conf", b'# caf\xe8\nA = "b"\n')
    (change,) = compare(old, new).changes
    assert change == Change("/etc/one/oned.conf", Command.SET, ("A",), '"b"', native=True)
    (problem,) = compare(new, old).problems
    assert "A is not UTF-8" in problem.error.message
    assert problem.error.todo


def test_a_line_that_needs_one_that_cannot_be_said_is_left_out_with_it(pair: Pair) -> None:
    old, new, put = pair
    put("old", "/etc/one/oned.conf", b"DB = [ A = 1 ]\n")
    put("new", "/etc/one/oned.conf", b"DB = [ B = ]\n")
    (difference,) = compare(old, new).differences
    reasons = [line.reason for line in difference.lines()]
    assert reasons == [
        "the value is one that oned reads and other tools do not",
        "it needs another change that has no line",
    ]


def test_changes_come_with_their_old_values_and_symbols(pair: Pair) -> None:
    old, new, put = pair
    put("old", "/etc/one/sunstone-server.conf", b":port: 1\n")
    put("new", "/etc/one/sunstone-server.conf", b":port: 2 # other\n")
    assert compare(old, new).changes == [
        Change("/etc/one/sunstone-server.conf", Command.SET, (Symbol("port"),), 2, native=True, old=1)
    ]
