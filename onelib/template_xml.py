"""The XML form of the template grammar, and the one safe way to parse XML that came over the network."""

import re
from collections.abc import Iterator

from lxml import etree

Element = etree._Element  # noqa: SLF001 (lxml has no public name for the type of an element)


_DOCUMENT_TYPE = re.compile(r"\ufeff?(?:\s++|<\?.*?\?>|<!--.*?-->)*+<!DOCTYPE", re.DOTALL)
"""It stands before the root element or nowhere: the same characters further on are a value's."""


class MalformedXmlError(ValueError):
    """Not well formed, too many elements, or with a document type (which no OpenNebula document has)."""


def parse_root(text: str, max_elements: int) -> Element:
    """The root element of ``text``: no entities, no network, bounded. Raises :class:`MalformedXmlError`."""
    if _DOCUMENT_TYPE.match(text) or text.count("<") > 2 * max_elements:
        raise MalformedXmlError
    # A parser per call: lxml serialises the threads that share one.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True, encoding="utf-8")
    try:
        return etree.fromstring(text.encode(), parser)
    except (etree.XMLSyntaxError, UnicodeEncodeError):
        raise MalformedXmlError from None


def text_of(element: Element | None, default: str = "") -> str:
    """The text of ``element``."""
    return default if element is None else (element.text or "")


def attributes_of(root: Element) -> Iterator[tuple[str, str | dict[str, str]]]:
    """The child elements of ``root`` as template attributes: with children a vector, else a single one."""
    for child in root:
        if not isinstance(child.tag, str):
            continue
        inner = [part for part in child if isinstance(part.tag, str)] if len(child) else ()
        if inner:
            yield _name(child), {_name(part): text_of(part) for part in inner}
        else:
            yield _name(child), text_of(child)


def _name(element: Element) -> str:
    """The name without its namespace, which an attribute does not have."""
    name = str(element.tag)
    return name.rpartition("}")[2] if name.startswith("{") else name


def parse_xml(text: str, max_elements: int) -> Iterator[tuple[str, str | dict[str, str]]]:
    """The attributes of the document ``text``. Raises :class:`MalformedXmlError`."""
    return attributes_of(parse_root(text, max_elements))
