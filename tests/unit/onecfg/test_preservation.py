"""An edit changes its own characters and no other: comments, order, quotes, blanks, line ends, mode and owner stay.

On generated files, where the text to expect is known to the character, and on every file that is shipped.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onecfg import defaults
from onecfg.catalogue import find
from onecfg.formats import Kind, load
from onecfg.model import Change, Command, Data, Status
from onecfg.patch import apply, parse
from onelib.locations import Locations

NAMES = list(defaults.names())
BARE = ("etc/one/auth/server_x509_auth.conf", "etc/one/auth/x509_auth.conf")
"""Only comments are in these; their first key is set with the whole document."""


@dataclass(frozen=True)
class Place:
    """A value in a text, the style that it is written in, and the lines that go with its key."""

    path: str
    start: int
    end: int
    style: str
    line: tuple[int, int]


@dataclass(frozen=True)
class Generated:
    """A file of ``kind`` and where its values are. ``newline`` ends all lines but perhaps the last."""

    kind: Kind
    text: str
    places: list[Place]
    newline: str


BLANKS = st.sampled_from(["", " ", "   ", "\t"])
SOME = st.sampled_from([" ", "  ", "\t"])
COMMENTS = st.text(st.sampled_from("aé#'\"[]{}:=,-$ \t"), max_size=8).map(lambda text: "#" + text)
WORDS = st.sampled_from(["x", "abc", "a.b/c", "0.0.0.0", "v1"])
QUOTES = st.sampled_from(["", "'", '"'])


@st.composite
def oned(draw: st.DrawFn) -> tuple[str, str, str, str, str]:
    """Path, what is before the value, its style, the value, what is after it."""
    quote = draw(st.sampled_from(["", '"']))
    before = draw(BLANKS) + "{key}" + draw(BLANKS) + "=" + draw(BLANKS)
    tail = draw(BLANKS) + draw(st.just("") | COMMENTS)
    if draw(st.booleans()):
        return "{key}", before, quote, draw(WORDS), tail
    inside = f"[ {draw(COMMENTS)}\nA = 1,{draw(BLANKS)}B{draw(BLANKS)}={draw(BLANKS)}"
    return "{key}/B", before + inside, quote, draw(WORDS), f"{draw(SOME)},\n {draw(COMMENTS)}\n C=2]{tail}"


@st.composite
def shell(draw: st.DrawFn) -> tuple[str, str, str, str, str]:
    lead = draw(st.sampled_from(["", " ", "\t"])) + draw(st.sampled_from(["", "export ", "export\t"]))
    tail = draw(st.sampled_from(["", " ", ";", " ; ", "\t"])) + draw(
        st.just("") | COMMENTS.map(lambda text: " " + text)
    )
    return "{key}", lead + "{key}=", draw(QUOTES), draw(WORDS), tail


@st.composite
def yaml(draw: st.DrawFn) -> tuple[str, str, str, str, str]:
    colon = draw(st.sampled_from(["", ":"]))
    tail = draw(st.sampled_from(["", " ", "  "])) + draw(st.just("") | COMMENTS.map(lambda text: " " + text))
    key = f"{colon}{{key}}"
    if draw(st.booleans()):
        return key, f"{key}:{draw(st.sampled_from([' ', '   ']))}", draw(QUOTES), draw(WORDS), tail
    inside = f"{key}:{draw(st.sampled_from(['', ' ']))}\n  # of it\n  a: [1,  2] # list\n\n  :b:  "
    return f"{key}/:b", inside, draw(QUOTES), draw(WORDS), f"{tail}\n  c: |\n    text"


FAMILIES = {
    Kind.ONED: (oned(), st.just("") | BLANKS | COMMENTS),
    Kind.SHELL: (
        shell(),
        BLANKS | COMMENTS | st.sampled_from(["echo a  b", "if x; then\n  y\nfi", ". /etc/rc # z"]),
    ),
    Kind.YAML: (yaml(), st.sampled_from(["", "  "]) | COMMENTS),
}


@st.composite
def files(draw: st.DrawFn) -> Generated:
    kind = draw(st.sampled_from(list(FAMILIES)))
    keys, fillers = FAMILIES[kind]
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    text, places = "", []
    for index in range(draw(st.integers(2, 5))):
        for _ in range(draw(st.integers(0, 2))):
            text += draw(fillers).replace("\n", newline) + newline
        path, before, quote, value, after = draw(keys)
        key = f"KEY_{index}"
        begin = len(text)
        text += before.replace("{key}", key).replace("\n", newline)
        start = len(text)
        text += quote + value + quote
        end = len(text)
        text += after.replace("\n", newline) + newline
        places.append(Place(path.replace("{key}", key), start, end, quote, (begin, len(text))))
    if draw(st.booleans()):
        text += draw(fillers)
    return Generated(kind, text, places, newline)


def make(file: Generated, command: Command, path: str, value: Data) -> tuple[str, Status]:
    document = load(file.kind, file.text)
    result = document.apply(Change("/f", command, path, value))
    document.check()
    return document.render(), result.status


@settings(deadline=None, max_examples=300)
@given(files(), st.sampled_from([Command.SET, Command.INS]), st.data())
def test_a_new_value_takes_the_place_of_the_old_one_and_nothing_else_moves(
    file: Generated, command: Command, data: st.DataObject
) -> None:
    place = data.draw(st.sampled_from(file.places))
    # The family of YAML knows texts and keeps their quotes; in the others the quotes are a part of the value.
    written = f"{place.style}new{place.style}"
    text, status = make(file, command, place.path, "new" if file.kind is Kind.YAML else written)
    assert status is Status.APPLIED
    assert text == file.text[: place.start] + written + file.text[place.end :]


@settings(deadline=None, max_examples=300)
@given(files(), st.data())
def test_a_key_takes_its_own_lines_away_and_nothing_else_moves(file: Generated, data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(file.places))
    path = place.path.partition("/")[0]
    text, status = make(file, Command.RM, path, None)
    assert status is Status.APPLIED
    assert text == file.text[: place.line[0]] + file.text[place.line[1] :]


@settings(deadline=None, max_examples=200)
@given(files())
def test_a_new_key_is_one_new_line(file: Generated) -> None:
    text, status = make(file, Command.INS, "NEW", "1")
    assert status is Status.APPLIED
    line = {Kind.ONED: "NEW = 1", Kind.SHELL: "NEW=1", Kind.YAML: "NEW: '1'"}[file.kind] + file.newline
    assert text.count(line) == 1
    before, _, after = text.partition(line)
    assert before + after in {file.text, file.text + file.newline}


def added(name: str) -> str:
    """The change that adds the key NEW."""
    return 'set / {"NEW": 1}' if name in BARE else "set NEW 1"


@pytest.mark.parametrize("name", NAMES)
def test_a_new_key_in_a_shipped_file_keeps_every_character(name: str) -> None:
    entry = find(f"/{name}")
    assert entry is not None
    for newline in ("\n", "\r\n"):
        text = (defaults.TREE / name).read_text().replace("\n", newline)
        document = load(entry.kind, text)
        (change,) = parse(f"/{name} {added(name)}")
        assert document.apply(change).status is Status.APPLIED
        lines = document.render().split(newline)
        (new,) = [line for line in lines if line.startswith("NEW")]
        lines.remove(new)
        assert newline.join(lines) == text


def test_one_patch_of_all_shipped_files_keeps_owners_modes_and_everything_else(tmp_path: Path) -> None:
    defaults.install(tmp_path)
    old = {}
    for index, name in enumerate(NAMES):
        file = tmp_path / name
        os.chown(file, 1000 + index, 2000 + index)
        file.chmod(0o600 + index % 0o100)
        old[name] = (file.stat(), file.read_text())
    report = apply(parse("".join(f"/{name} {added(name)}\n" for name in NAMES)), Locations(tmp_path))
    assert report.count() == (len(NAMES), len(NAMES))
    for name in NAMES:
        now = (tmp_path / name).stat()
        before, text = old[name]
        assert (now.st_uid, now.st_gid, now.st_mode) == (before.st_uid, before.st_gid, before.st_mode), name
        assert [line for line in (tmp_path / name).read_text().splitlines() if not line.startswith("NEW")] == (
            text.splitlines()
        )
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == sorted(
        NAMES
    )
