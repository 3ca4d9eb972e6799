"""OpenNebula's template grammar: text and XML, to and from attributes.

A template is an ordered collection of named attributes; a name may repeat. A value is either a string (a *single*
attribute) or a mapping of strings (a *vector* attribute). The text form is the one of ``oned.conf`` and of every
resource template, the XML form the one that the database and the API carry (SR1.1; OpenNebula 6.0, "Template").
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from onelib.errors import OneError
from onelib.template_text import CDATA_END, TextError, parse_text, render_text

Value = str | dict[str, str]

MAX_ELEMENTS = 400_000
"""Elements that the XML form may hold besides what is in values: far below what exhausts memory."""
MAX_SIZE = 20_000
"""The :attr:`Template.size` of a template that is given to us: far above any real one, and no more than one caller's
work on it may keep the others waiting."""


class TemplateError(OneError):
    """The text is not a template. ``message`` names the line."""

    exit_code: ClassVar[int] = 65


def cdata(value: str) -> str:
    """``value`` as a CDATA section; a ``]]>`` inside it is split over two sections."""
    return f"<![CDATA[{value.replace(CDATA_END, ']]]]><![CDATA[>')}]]>"


def _bounded(pairs: Iterable[tuple[str, Value]]) -> Iterator[tuple[str, Value]]:
    """``pairs`` as long as they are not too many. Raises :class:`TemplateError`."""
    size = 0
    for pair in pairs:
        size += 1 if isinstance(pair[1], str) else 1 + len(pair[1])
        if size > MAX_SIZE:
            raise TemplateError(f"the template has more than {MAX_SIZE} attributes")
        yield pair


class Template:
    """Named attributes in OpenNebula's order: by name, and in order of appearance where a name repeats."""

    __slots__ = ("_attributes",)

    def __init__(self, pairs: Iterable[tuple[str, Value]] = ()) -> None:
        found: dict[str, list[Value]] = {}
        for name, value in pairs:
            kept = value if isinstance(value, str) else dict(value)
            values = found.get(name.upper())
            if values is None:
                found[name.upper()] = [kept]
            else:
                values.append(kept)
        self._attributes = found

    @classmethod
    def parse(cls, text: str) -> "Template":
        """The template that ``text`` holds, in XML form when it starts with ``<``.

        Trailing white space of ``NAME`` is dropped. Raises :class:`TemplateError`.
        """
        template = cls.from_xml(text) if text.startswith("<") else cls.from_text(text)
        name = template.get("NAME")
        if name:
            template.set("NAME", name.rstrip())
        return template

    @classmethod
    def from_text(cls, text: str, *, configuration: bool = False) -> "Template":
        """The template in the text form; ``configuration`` for that of ``oned.conf``, whose strings have escapes.

        Raises :class:`TemplateError` with line and column.
        """
        try:
            return cls(_bounded(parse_text(text, configuration=configuration)))
        except TextError as error:
            raise TemplateError(str(error)) from None

    @classmethod
    def from_xml(cls, text: str) -> "Template":
        """The children of the root element of ``text``. Raises :class:`TemplateError`."""
        from onelib.template_xml import MalformedXmlError, parse_xml  # lxml only where XML comes

        try:
            return cls(_bounded(parse_xml(text, MAX_ELEMENTS)))
        except MalformedXmlError:
            raise TemplateError("XML Template malformed.") from None

    def __iter__(self) -> Iterator[tuple[str, Value]]:
        for name in sorted(self._attributes):
            for value in self._attributes[name]:
                yield name, value

    def __contains__(self, name: str) -> bool:
        return name in self._attributes

    def __len__(self) -> int:
        return sum(len(values) for values in self._attributes.values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and self._attributes == other._attributes

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"Template({list(self)!r})"

    @property
    def size(self) -> int:
        """How many values it holds: single attributes, and vectors with their keys."""
        return sum(
            1 if isinstance(value, str) else 1 + len(value)
            for values in self._attributes.values()
            for value in values
        )

    def names(self) -> list[str]:
        """The distinct names, sorted."""
        return sorted(self._attributes)

    def get(self, name: str, default: str = "") -> str:
        """The first single attribute called ``name``."""
        return next((value for value in self._attributes.get(name, ()) if isinstance(value, str)), default)

    def vector(self, name: str) -> dict[str, str]:
        """The first vector attribute called ``name``; empty without one."""
        return next(iter(self.vectors(name)), {})

    def vectors(self, name: str) -> list[dict[str, str]]:
        """All vector attributes called ``name``."""
        return [value for value in self._attributes.get(name, ()) if isinstance(value, dict)]

    def all(self, name: str) -> list[Value]:
        """All attributes called ``name``."""
        return list(self._attributes.get(name, ()))

    def add(self, name: str, value: str | Mapping[str, str]) -> None:
        """Append an attribute; ``name`` is stored in upper case."""
        kept = value if isinstance(value, str) else dict(value)
        self._attributes.setdefault(name.upper(), []).append(kept)

    def set(self, name: str, value: str | Mapping[str, str]) -> None:
        """Make ``value`` the only attribute called ``name``."""
        self.erase(name)
        self.add(name, value)

    def erase(self, name: str) -> None:
        """Remove every attribute called ``name``."""
        self._attributes.pop(name.upper(), None)

    def merge(self, other: "Template", *, bounded: bool = False) -> None:
        """Take each name of ``other`` as a group: its attributes replace those of the same name here.

        An empty vector removes the name (``update`` of type 1). ``bounded``: raise :class:`TemplateError` when that
        makes a template that is too large larger still.
        """
        before = self.size if bounded else 0
        for name, values in other.copy()._attributes.items():  # noqa: SLF001  (its own class)
            kept = [value for value in values if value != {}]
            if kept:
                self._attributes[name] = kept
            else:
                self._attributes.pop(name, None)
        if bounded and self.size > max(before, MAX_SIZE):
            raise TemplateError(f"the template would have more than {MAX_SIZE} attributes")

    def copy(self) -> "Template":
        """An independent copy."""
        made = Template()
        for name, values in self._attributes.items():
            made._attributes[name] = [value if isinstance(value, str) else dict(value) for value in values]
        return made

    def to_xml(self, root: str = "TEMPLATE") -> str:
        """The XML form, values in CDATA, without white space between elements."""
        parts = [f"<{root}>"]
        for name, value in self:
            if isinstance(value, str):
                parts.append(f"<{name}>{cdata(value)}</{name}>")
            else:
                inner = "".join(f"<{key}>{cdata(value[key])}</{key}>" for key in sorted(value))
                parts.append(f"<{name}>{inner}</{name}>")
        parts.append(f"</{root}>")
        return "".join(parts)

    def to_text(self) -> str:
        """The text form.

        Raises :class:`TemplateError` for a value that the grammar cannot write: one that ends with a backslash, or
        that holds ``]]>``.
        """
        try:
            return render_text(self)
        except TextError as error:
            raise TemplateError(str(error), todo="Give the template in its XML form.") from None
