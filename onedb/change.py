"""Which bodies ``onedb change-body`` changes, and how."""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lxml import etree

from onedb.errors import UsageError
from onelib.template_xml import Element, text_of

_EXPRESSION = re.compile(r"(?P<path>.+?)(?P<how>>=|<=|!=|=|>|<)(?P<value>.*)", re.DOTALL)
_LEADING = re.compile(r"\s*([-+]?\d+)")
_NUMBERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def _find(root: Element, path: str, *, absolute: bool) -> list[Element]:
    """The elements at an XPath; ``absolute``: from the document, as ``VM/NAME`` is. Raises :class:`UsageError`."""
    try:
        found = root.getroottree().xpath(f"/{path}" if absolute and not path.startswith("/") else path)
    except etree.XPathError as error:
        raise UsageError(f"The XPath {path} is none: {error}.") from None
    if not isinstance(found, list):
        return []
    return [element for element in found if isinstance(element, etree._Element)]  # noqa: SLF001 (its only name)


@dataclass(frozen=True)
class Selection:
    """Which objects: with this id, that have ``xpath``, or for which ``expression`` holds; the first given counts."""

    oid: int | None = None
    xpath: str = ""
    expression: str = ""

    def takes(self, root: Element) -> bool:
        """Whether the object of this body is one. Raises :class:`UsageError`."""
        if self.oid is not None:
            return True
        if self.xpath:
            return bool(_find(root, self.xpath, absolute=False))
        return not self.expression or holds(root, self.expression)


def holds(root: Element, expression: str) -> bool:
    """Whether ``path=value`` (also ``!=``, and ``<``, ``>``, ``<=``, ``>=`` for numbers) holds for a body.

    Raises :class:`UsageError`.
    """
    match = _EXPRESSION.fullmatch(expression)
    if match is None:
        raise UsageError(f"Expression malformed: '{expression}'.")
    found = _find(root, match["path"].strip(), absolute=False)
    if not found:
        return False
    has, wanted = text_of(found[0]).strip(), match["value"].strip()
    if match["how"] in _NUMBERS:
        return _NUMBERS[match["how"]](_number(has), _number(wanted))
    return (has == wanted) is (match["how"] == "=")


def _number(text: str) -> int:
    """The digits that ``text`` begins with, 0 without any."""
    match = _LEADING.match(text)
    return int(match[1]) if match else 0


def edit(root: Element, path: str, value: str, *, delete: bool = False, append: bool = False) -> int:
    """Set, delete, or append what is at ``path`` in a body; how many elements that were.

    Raises :class:`UsageError` for a path that is none, or the document itself.
    """
    if append:
        parent, _, name = path.rpartition("/")
        holders = _find(root, parent, absolute=True) if parent else []
        for holder in holders:
            try:
                etree.SubElement(holder, name.upper()).text = etree.CDATA(value)
            except ValueError as error:
                raise UsageError(f"{name} or its value cannot be in XML: {error}.") from None
        return len(holders)
    found = _find(root, path, absolute=True)
    for element in found:
        if delete:
            above = element.getparent()
            if above is None:
                raise UsageError("The whole body cannot be deleted.")
            above.remove(element)
            continue
        try:
            _set(element, value)
        except ValueError as error:
            raise UsageError(f"The value cannot be in XML: {error}.") from None
    return len(found)


def _set(element: Element, value: str) -> None:
    for child in list(element):
        element.remove(child)
    element.text = value
