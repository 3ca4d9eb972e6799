"""What two YAML files differ in, and that applying it makes the one into the other."""

import yaml as pyyaml
from hypothesis import given, settings
from hypothesis import strategies as st

from onecfg.formats.yaml import Document
from onecfg.model import Change, Command, Data, Key, Symbol

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


def change(command: str, *path: Key, value: Data = None, whole: bool = False, **other: object) -> Change:
    return Change(FILE, Command(command), path, value, native=True, whole=whole, **other)  # type: ignore[arg-type]


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
        result: object
        if kind < 8:
            result = [value(depth + 1) for _ in range(draw(st.integers(0, 4)))]
        else:
            result = mapping(depth)
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
