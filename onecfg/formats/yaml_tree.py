"""The nodes of a YAML file with their places in the text, and the data they stand for.

Built from the event stream of PyYAML (libyaml where its extension is there), because every event carries the offsets
of its text. Data is as Ruby's loader reads it: a plain ``:name`` is a ``Symbol``, yes and on are true.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml

from onecfg.formats.yaml_data import has
from onecfg.model import Data, FormatError, Key, Symbol, Tagged

MAX_DEPTH = 100
LONGEST_NUMBER = 1000
"""Characters; what is longer is taken as a text, because the sexagesimal ones of YAML 1.1 take square time."""
MAX_NODES = 200_000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER: Any = yaml.resolver.Resolver()
_CONSTRUCTOR: Any = yaml.constructor.SafeConstructor()
_CORE = "tag:yaml.org,2002:"
_CONSTRUCT = {
    f"{_CORE}int": _CONSTRUCTOR.construct_yaml_int,
    f"{_CORE}float": _CONSTRUCTOR.construct_yaml_float,
    f"{_CORE}bool": _CONSTRUCTOR.construct_yaml_bool,
    f"{_CORE}null": _CONSTRUCTOR.construct_yaml_null,
}
_QUOTED_SYMBOL = re.compile(r""":(["'])(.*)\1""")


@dataclass(slots=True)
class Node:
    """A node in the text: from ``start``, anchor and tag included, to ``end``, where its last character ended.

    The end is before the blanks, comments and line ends that follow; for a node without text it is ``start``.
    """

    start: int
    end: int
    data: Data
    style: str = ""
    """``'`` or ``"`` or ``|`` or ``>`` of a scalar, ``flow`` or ``block`` of a collection, empty otherwise."""
    pairs: list[tuple["Node", "Node"]] = field(default_factory=list)
    items: list["Node"] = field(default_factory=list)
    target: "Node | None" = None
    """The node that this alias stands for."""
    tag: str = ""
    """The explicit tag of a collection: its data is read as if there were none."""

    def resolved(self) -> "Node":
        """The node itself, or the one that it is an alias of."""
        return self if self.target is None else self.target

    def pair(self, key: Key) -> "tuple[Node, Node] | None":
        """The last pair of this mapping with ``key``, which is of the same type too."""
        found = (pair for pair in reversed(self.pairs) if pair[0].data == key)
        return next((pair for pair in found if type(pair[0].data) is type(key)), None)

    @property
    def merges(self) -> bool:
        """Whether this is the plain key ``<<``, which brings in the pairs of another mapping."""
        return self.data == "<<" and not self.style


class Tree:
    """A parsed text: its root node (none when there is only a comment) and the offset where the document ends."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.root: Node | None = None
        self.end = len(text)
        self._anchors: dict[str, Node] = {}
        self._stack: list[tuple[Node, list[Node]]] = []
        self._documents = self._count = 0
        try:
            for event in yaml.parse(text, Loader=_LOADER):
                self._take(event)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            raise FormatError(
                f"{error.problem or 'not YAML'}.".capitalize(), line=line, column=column, todo="Mend the file."
            ) from None
        except yaml.reader.ReaderError as error:
            raise FormatError.at(
                text, min(error.position, len(text)), "A control character.", todo="Remove it."
            ) from None
        except UnicodeEncodeError as error:
            raise FormatError.at(text, error.start, "Not UTF-8.", todo="Save the file as UTF-8.") from None

    def _take(self, event: Any) -> None:  # noqa: ANN401 - PyYAML's events have no common typed base
        match event:
            case yaml.ScalarEvent():
                self._put(self._scalar(event), event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._close(event)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._open(event)
            case yaml.AliasEvent():
                self._put(self._alias(event), event)
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise self._error(event, "A second document begins.", "Keep one document per file.")
            case yaml.DocumentEndEvent():
                self._end(event)

    def _error(self, event: Any, message: str, todo: str) -> FormatError:  # noqa: ANN401 - as above
        return FormatError.at(self.text, event.start_mark.index, message, todo=todo)

    def _end(self, event: Any) -> None:  # noqa: ANN401 - as above
        if event.explicit:
            self.end = event.start_mark.index

    def _alias(self, event: Any) -> Node:  # noqa: ANN401 - as above
        target = self._anchors.get(event.anchor)
        if target is None:
            raise self._error(event, "An alias without its anchor.", "Name an anchor that stands above.")
        return Node(event.start_mark.index, event.end_mark.index, target.data, target=target)

    def _scalar(self, event: Any) -> Node:  # noqa: ANN401 - as above
        start, end, style = event.start_mark.index, event.end_mark.index, event.style or ""
        if style in {"|", ">"}:
            raw = self.text[start:end]
            header = raw.partition("\n")[0]
            # Trailing line ends are content with "+" only; the last one ends the line in any case.
            end = start + len(raw.removesuffix("\n") if "+" in header else raw.rstrip(" \t\r\n"))
        read = _known if len(event.value) <= _KEPT else _data
        return Node(start, end, read(event.value, event.tag, plain=event.implicit[0] and not style), style)

    def _open(self, event: Any) -> None:  # noqa: ANN401 - as above
        if len(self._stack) >= MAX_DEPTH:
            raise self._error(event, f"More than {MAX_DEPTH} nested levels.", "Configuration is flatter.")
        data: Data = {} if isinstance(event, yaml.MappingStartEvent) else []
        style = "flow" if event.flow_style else "block"
        node = Node(event.start_mark.index, event.end_mark.index, data, style, tag=event.tag or "")
        if event.anchor:
            self._anchors[event.anchor] = node
        self._stack.append((node, []))

    def _close(self, event: Any) -> None:  # noqa: ANN401 - as above
        node, children = self._stack.pop()
        if isinstance(node.data, list):
            node.items = children
            node.data.extend(child.data for child in children)
        elif isinstance(node.data, dict):
            node.pairs = list(zip(children[::2], children[1::2], strict=True))
            for key, value in node.pairs:
                if isinstance(key.data, (list, dict)):
                    raise FormatError.at(self.text, key.start, "A list or mapping is a key.", todo="Name it.")
                merged = _merged(value.data) if key.merges else None
                for name, item in {key.data: value.data}.items() if merged is None else merged.items():
                    self._store(node.data, key, name, item)
        node.end = event.end_mark.index if node.style == "flow" else max(child.end for child in children)
        self._put(node, event)

    def _store(self, data: dict[Key, Data], key: Node, name: Key, value: Data) -> None:
        """Give ``data`` a pair of the node ``key``."""
        if isinstance(name, (int, float)) and name in data and not has(data, name):
            raise FormatError.at(self.text, key.start, "Two keys of the same number.", todo="Put one in quotes.")
        data[name] = value

    def _put(self, node: Node, event: Any) -> None:  # noqa: ANN401 - as above
        """Hand a finished node to what it stands in."""
        self._count += 1
        if self._count > MAX_NODES:
            raise self._error(event, f"More than {MAX_NODES} values.", "Configuration is smaller.")
        if getattr(event, "anchor", None) and node.target is None:
            self._anchors[event.anchor] = node
        if self._stack:
            self._stack[-1][1].append(node)
        else:
            self.root = node


def _merged(value: Data) -> dict[Key, Data] | None:
    """The pairs that ``<<: value`` brings in, as Ruby does: of a mapping, or of a list of them, the first one first."""
    sources = value if isinstance(value, list) else [value]
    mappings = [source for source in sources if isinstance(source, dict)]
    if len(mappings) < len(sources):
        return None
    return {name: item for mapping in reversed(mappings) for name, item in mapping.items()}


def _data(text: str, tag: str | None, *, plain: bool) -> Data:
    """What a scalar stands for."""
    if tag in {"!ruby/symbol", "!ruby/sym"}:
        return Symbol(text)
    if tag and tag not in {"!", f"{_CORE}str"}:
        return Tagged(tag, text)
    if not plain:
        return text
    if text.startswith(":") and len(text) > 1:
        quoted = _QUOTED_SYMBOL.fullmatch(text)
        return Symbol(quoted[2] if quoted else text[1:])
    found: str = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))
    if found == f"{_CORE}timestamp":
        return Tagged(found, text)
    construct = _CONSTRUCT.get(found)
    if construct is None or len(text) > LONGEST_NUMBER:
        return text
    try:
        number: Data = construct(yaml.ScalarNode(found, text))
    except (ValueError, OverflowError):  # digits that no number has, as in 0o9; hours (1:30:00.5) without end
        return text
    return number


_KEPT = 80
_known = lru_cache(maxsize=4096)(_data)
"""For short scalars: a text is read again with each change of it, and most of them stay."""
