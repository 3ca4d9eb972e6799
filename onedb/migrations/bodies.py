"""Bodies as the steps read and write them: CDATA, entities and white space stay as they are."""

from lxml import etree
from sqlalchemy import Table

from onedb.migrations.step import MigrationError, Row, key_of

Element = etree._Element  # noqa: SLF001 (the only name that lxml has for its type)

_PARSER = etree.XMLParser(huge_tree=True, resolve_entities=False, strip_cdata=False, no_network=True)


def parse(layout: Table, row: Row, root: str) -> Element:
    """The body of a row, whose element must be ``root``. Raises :class:`MigrationError`."""
    body = row["body"]
    if not body:
        raise MigrationError(layout.name, key_of(layout, row), "its body is empty")
    try:
        element = etree.fromstring(body.encode() if isinstance(body, str) else body, _PARSER)
    except etree.XMLSyntaxError as error:
        reason = f"its body is not XML ({error.msg})"
        raise MigrationError(layout.name, key_of(layout, row), reason) from None
    if element.tag != root:
        raise MigrationError(layout.name, key_of(layout, row), f"its body is a {element.tag!s}, not a {root}")
    return element


def text(element: Element) -> str:
    """The XML of an element."""
    return etree.tostring(element, encoding="unicode", with_tail=False)


def value(element: Element, path: str) -> str:
    """The text at a path without white space around it, empty where there is no such element."""
    return (element.findtext(path) or "").strip()


def drop(element: Element, *names: str) -> None:
    """Remove all children of those names."""
    for name in names:
        for child in element.findall(name):
            element.remove(child)


def add(element: Element, name: str, content: str = "") -> Element:
    """A new last child."""
    child = etree.SubElement(element, name)
    if content:
        child.text = content
    return child
