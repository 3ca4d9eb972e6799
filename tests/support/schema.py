"""The documents of the API as the 6.0 client reads them, and what is wrong with one.

The client's bindings are generated code: a class for each element, whose ``buildChildren`` takes the children one by
one. Which children an element has, in which order, how often and of which type is read from the text of that code;
what may be absent is not in it and stands in :mod:`tests.support.documents`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lxml import etree

from tests.support.documents import ABSENT, ANY_ORDER, FREE, LOOSE, MORE, ROOTS, WHOLE, WRITTEN

NUMBERS = {
    "integer": re.compile(r"-?\d+"),
    "decimal": re.compile(r"-?\d+(\.\d+)?"),
    "float": re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?"),
}
_CLASS = re.compile(r"^class (\w+)\(GeneratedsSuper\):", re.MULTILINE)
_CHILD = re.compile(r"^        (?:el)?if nodeName_ == '(\w+)'", re.MULTILINE)
_NUMBER = re.compile(r"self\.gds_parse_(integer|decimal|float)\(")
_FACTORY = re.compile(r"obj_ = (\w+)\.factory\(")
_MANY = re.compile(r"self\.\w+\.append\(")
_WORDS = re.compile(r"def validate_(\w+)\(.*?enumerations = \[(.*?)\]", re.DOTALL)
_VALIDATE = re.compile(r"self\.validate_(\w+)\(")
_BUILD = re.compile(r"def _?buildChildren\(")
_ANY = "self.gds_build_any("


@dataclass(frozen=True)
class Child:
    """One possible child: ``element`` names the description of what is in it, else it holds a text."""

    element: str = ""
    number: str = ""
    words: frozenset[str] = frozenset()
    many: bool = False


@dataclass(frozen=True)
class Element:
    """What an element holds; an ``open`` one may hold anything else too, in any order."""

    children: Mapping[str, Child]
    open: bool = False


@dataclass(frozen=True)
class Schema:
    """All elements, by the name that the bindings have for them; a document's root has its own name."""

    elements: Mapping[str, Element] = field(repr=False)

    @classmethod
    def of_bindings(cls, source: str) -> "Schema":
        """Read it from the text of the client's ``bindings/supbind.py``."""
        parts = _CLASS.split(source)[1:]
        elements = {name: _element(body) for name, body in zip(parts[::2], parts[1::2], strict=True)}
        elements |= {name: elements[known] for name, known in ROOTS.items()}
        return cls(elements | {name: _written(words) for name, words in WRITTEN.items()})

    def problems(self, document: str) -> list[str]:
        """What is wrong with ``document``, each with the path of the element; an unknown root is wrong too."""
        parser = etree.XMLParser(huge_tree=True, resolve_entities=False)
        root = etree.fromstring(document.encode(), parser)
        name = str(root.tag)
        if name == "HOOK_MESSAGE" and root.findtext("HOOK_TYPE") != "API":
            name = f"HOOK_MESSAGE of {root.findtext('HOOK_OBJECT') or 'RETRY'}"
        if name not in self.elements:
            return [f"{name}: unknown document"]
        return list(self._inside(root, self.elements[name], name))

    def _inside(self, node: etree._Element, element: Element, path: str) -> Iterator[str]:
        """Wrong children of one element."""
        last, seen = "", set()
        places = {name: place for place, name in enumerate(element.children)}
        for inner in node:
            name = str(inner.tag)
            below = f"{path}/{name}"
            child = element.children.get(name)
            if child is None:
                if not element.open and not _listed(MORE, path, name):
                    yield f"{below}: unknown"
                continue
            if name in seen and not child.many:
                yield f"{below}: more than once"
            if last and places[name] < places[last] and not element.open and not _ends(path) & (ANY_ORDER | LOOSE):
                yield f"{below}: after {last}"
            last = name
            seen.add(name)
            yield from self._child(inner, child, below)
        for name, child in element.children.items():
            if name not in seen and not child.many and not element.open and not _listed(ABSENT, path, name):
                yield f"{path}/{name}: missing"

    def _child(self, node: etree._Element, child: Child, path: str) -> Iterator[str]:
        if child.element:
            mark, whole = WHOLE.get(path, ("", ""))
            known = whole if mark and node.find(mark) is not None else child.element
            if (node.text or "").strip():
                yield f"{path}: text {node.text!r} where elements belong"
            yield from self._inside(node, self.elements[known], path)
            return
        text = node.text or ""
        if str(node.tag) in FREE:
            return
        if len(node):
            yield f"{path}: elements where text belongs"
        elif child.number and not NUMBERS[child.number].fullmatch(text):
            yield f"{path}: {text!r} is no {child.number}"
        elif child.words and text not in child.words:
            yield f"{path}: {text!r} is none of {sorted(child.words)}"


def _ends(path: str) -> set[str]:
    """The path and every end of it."""
    parts = path.split("/")
    return {"/".join(parts[start:]) for start in range(len(parts))}


def _listed(table: Mapping[str, str], path: str, name: str) -> bool:
    """Whether ``table`` names ``name`` for the element ``path``."""
    return path.partition("/")[0] in LOOSE or any(
        {"*", name} & set(table[end].split()) for end in _ends(path) & table.keys()
    )


def _written(words: str) -> Element:
    """An element of :data:`WRITTEN`."""
    children = {}
    for word in words.split():
        name, _, element = word.partition("/")
        name, _, number = name.partition(":")
        children[name] = Child(element, number)
    return Element(children)


def _element(body: str) -> Element:
    """The description in one class of the bindings."""
    words = {name: frozenset(re.findall(r"'(\w+)'", values)) for name, values in _WORDS.findall(body)}
    build = _BUILD.split(body, 1)[-1]
    parts = _CHILD.split(build)
    children = {name: _child(text, words) for name, text in zip(parts[1::2], parts[2::2], strict=True)}
    return Element(children, _ANY in build)


def _child(text: str, words: Mapping[str, frozenset[str]]) -> Child:
    own = text.partition("\n        else:")[0]
    factory, number, validate = _FACTORY.search(own), _NUMBER.search(own), _VALIDATE.search(own)
    return Child(
        factory[1] if factory else "",
        number[1] if number else "",
        words.get(validate[1], frozenset()) if validate else frozenset(),
        bool(_MANY.search(own)),
    )
