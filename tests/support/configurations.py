"""Configuration files of every family, for hypothesis: small alphabets, so that two of them have much in common."""

from hypothesis import strategies as st

from onecfg.formats import Kind
from onecfg.formats.oned_tree import quote

BLANK = st.sampled_from(["", " ", "  ", "\t"])
COMMENT = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=8).map(lambda text: "#" + text)
QUOTED = st.sampled_from(["", "a", 'a "b"', "a\\b", "kvm", "two words", "a/b", "é # , [ ]", "two\nlines"]).map(
    quote
)
WORD = st.sampled_from(["1", "2", "1.5", "yes", "/usr/bin/x", "-", "'x'", ":sym"])
ODD = st.sampled_from(["", '"a\\nb"'])
"""What oned reads and the line format does not write."""


@st.composite
def _section(draw: st.DrawFn, name: str) -> str:
    entries = draw(
        st.lists(
            st.tuples(st.sampled_from(["ARG", "TYPE", "X"]), QUOTED | WORD | ODD), min_size=not name, max_size=3
        )
    )
    texts = [f"{draw(BLANK)}{key}{draw(BLANK)}={value}" for key, value in entries]
    if name:
        texts.insert(draw(st.integers(0, len(texts))), f"NAME = {name}")
    return "[" + draw(st.sampled_from([",", ", # c\n  ", ",\n    "])).join(texts) + draw(BLANK) + "]"


@st.composite
def oned(draw: st.DrawFn) -> str:
    """A file of oned's syntax."""
    plain = st.tuples(st.sampled_from(["PORT", "LOG", "port", "VM_RESTRICTED_ATTR"]), QUOTED | WORD | ODD)
    lines = [f"{key} = {value}" for key, value in draw(st.lists(plain, max_size=5))]
    sections = draw(st.lists(st.sampled_from(["DB", "FEATURES", "PORT"]), unique=True, max_size=2))
    taken = {line.partition(" ")[0].upper() for line in lines}
    lines += [f"{key} = {draw(_section(''))}" for key in sections if key not in taken]
    names = draw(st.lists(QUOTED.filter(lambda text: text != '""') | WORD, unique=True, max_size=3))
    lines += [f"VM_MAD = {draw(_section(name))}" for name in names]
    lines = draw(st.permutations(lines))
    comments = [draw(st.just("") | COMMENT) for _ in lines]
    newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    text = "".join(f"{line} {note}{newline}" for line, note in zip(lines, comments, strict=True))
    return text + draw(st.just("") | COMMENT)


@st.composite
def shell(draw: st.DrawFn) -> str:
    """A file of shell assignments."""
    lines = draw(
        st.lists(
            st.builds(
                "{}{}={}".format,
                st.sampled_from(["", "", "export "]),
                st.sampled_from(["A", "B", "LANG"]),
                st.sampled_from(["", "1", "2", "'a b'", '"$A"', "$(id)", "(a b)", "a#b", "false"]),
            )
            | st.sampled_from(
                ["export A", "export LANG B", "[ -n x ] && B=9", "if true; then\n  C=1\nfi", "", "# c"]
            ),
            max_size=6,
        )
    )
    newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    return newline.join(lines) + draw(st.sampled_from(["", newline]))


KEYS = st.sampled_from([":port", "port", ":a b", "list", "'q\"'", "5", ":n/m", "~", "true", '":x"'])
SCALARS = st.sampled_from(
    [
        "1",
        "2",
        "1.5",
        "yes",
        "'no'",
        ":sym",
        '":str"',
        "~",
        "plain text",
        "2026-01-01",
        '"a\\nb"',
        "'x'",
        ".inf",
        "''",
    ]
)


def _in_flow(scalars: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Those that may stand in brackets, where nothing plain starts with a colon."""
    return scalars.filter(lambda text: not text.startswith(":"))


def _flow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.lists(st.tuples(_in_flow(KEYS), inner), max_size=3, unique_by=lambda pair: pair[0])
    return st.lists(inner, max_size=4).map(lambda items: f"[{', '.join(items)}]") | pairs.map(
        lambda items: "{" + ", ".join(f"{key}: {value}" for key, value in items) + "}"
    )


@st.composite
def yaml(draw: st.DrawFn) -> str:
    """A YAML file with symbols: a mapping, in which blocks and comments stand."""
    lines = [draw(st.sampled_from(["", "---\n", "# head\n"]))]
    for key in draw(st.lists(KEYS, max_size=5, unique=True)):
        value = draw(SCALARS | st.recursive(_in_flow(SCALARS), _flow, max_leaves=5))
        items = draw(st.just([]) | st.lists(SCALARS, min_size=1, max_size=4))
        note = draw(st.sampled_from(["", "  # note"]))
        block = "".join(f"\n- {item}" for item in items)
        lines.append(f"{key}:{note}{block}\n" if items else f"{key}: {value}{note}\n")
    return "".join(lines) + draw(st.sampled_from(["", "# tail\n"]))


def plain() -> st.SearchStrategy[str]:
    """Any lines, with few different ones."""
    ends = st.sampled_from(["\n", "\n", "\n", "\r\n", ""])
    line = st.sampled_from(["a", "b", "", "-- x", "++ y", "@@ z", "\\ w", "é"])
    rows = st.lists(st.tuples(line, ends.filter(bool)), max_size=12)
    return st.tuples(rows, line, ends).map(lambda parts: "".join(f"{a}{b}" for a, b in [*parts[0], parts[1:]]))


def texts(kind: Kind) -> st.SearchStrategy[str]:
    """Files of ``kind``."""
    match kind:
        case Kind.ONED:
            return oned()
        case Kind.SHELL:
            return shell()
        case Kind.PLAIN:
            return plain()
    return yaml()
