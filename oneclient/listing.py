"""``list``: a pool as a table, CSV, JSON, YAML or XML."""

import re
from dataclasses import dataclass

from oneclient.columns import COLUMNS, Column
from oneclient.documents import aligned, plain, printable, to_format
from oneclient.errors import UsageError
from oneclient.names import filter_flag, pool
from oneclient.table import Resource
from onelib.api import Api
from onelib.template_xml import Element

_CONDITION = re.compile(r"(\w+)(!=|=|<|>)(.*)", re.DOTALL)
_NOT_OBJECTS = {"QUOTAS", "DEFAULT_USER_QUOTAS", "DEFAULT_GROUP_QUOTAS"}


@dataclass(frozen=True)
class Listing:
    """What is asked for: ``words`` are a filter flag, a user's name, or conditions ``COLUMN=VALUE``."""

    form: str = ""
    words: tuple[str, ...] = ()
    columns: str = ""
    header: bool = True
    kind: int | None = None

    def text(self, api: Api, resource: Resource) -> str:
        """The listing. Raises :class:`~onelib.errors.OneError`."""
        conditions = [found for word in self.words if (found := _CONDITION.fullmatch(word))]
        flags = [word for word in self.words if not _CONDITION.fullmatch(word)]
        root = self._pool(api, resource, flags)
        every = COLUMNS[resource.name]
        objects = [element for element in root if element.tag not in _NOT_OBJECTS]
        kept = [element for element in objects if all(_holds(found, every, element, root) for found in conditions)]
        if self.form in {"json", "yaml", "xml"}:
            for element in [element for element in objects if element not in kept] if conditions else ():
                root.remove(element)
            return self._document(root, kept)
        return table_text(chosen(every, self.columns), kept, root, form=self.form, header=self.header)

    def _pool(self, api: Api, resource: Resource, flags: list[str]) -> Element:
        if len(flags) > 1:
            raise UsageError(f"More than one filter: {' '.join(flags)}.", todo="Give one of a, m, g, G or a user.")
        extra = None if self.kind is None else (self.kind,)
        if not flags:
            return pool(api, resource, extra=extra)
        if not resource.flagged:
            raise UsageError(
                f"All see the same {resource.name}s.", todo="Leave the filter out, or give COLUMN=VALUE."
            )
        return pool(api, resource, filter_flag(api, flags[0]), extra)

    def _document(self, root: Element, kept: list[Element]) -> str:
        tag = str(root.tag)
        name = str(kept[0].tag) if kept else tag.removesuffix("_POOL")
        return to_format(self.form, root, {tag: {name: [plain(element) for element in kept]}})


def table_text(
    columns: list[Column], kept: list[Element], root: Element, *, form: str = "", header: bool = True
) -> str:
    """``kept``, objects of ``root``, as rows for people, or as CSV."""
    head = [[column.name for column in columns]] if header else []
    rows = head + [[column.value(element, root) for column in columns] for element in kept]
    if form == "csv":
        import csv
        import io

        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerows(rows)
        return stream.getvalue().rstrip("\n")
    shown = [[printable(cell) for cell in row] for row in rows]
    return aligned(shown, [column.left for column in columns]) if shown else ""


def chosen(every: tuple[Column, ...], names: str) -> list[Column]:
    """The columns called ``names``, all for an empty text. Raises :class:`UsageError`."""
    known = {column.name: column for column in every}
    wanted = [name.strip().upper() for name in names.split(",")] if names else list(known)
    upper = {name.upper(): column for name, column in known.items()}
    for name in wanted:
        if name.upper() not in upper:
            raise UsageError(f"There is no column {name}.", todo=f"There are {', '.join(known)}.")
    return [upper[name.upper()] for name in wanted]


def _holds(found: re.Match[str], every: tuple[Column, ...], element: Element, root: Element) -> bool:
    name, how, wanted = found.groups()
    value = chosen(every, name)[0].value(element, root)
    if how in {"=", "!="}:
        return (value == wanted) is (how == "=")
    try:
        return float(value) < float(wanted) if how == "<" else float(value) > float(wanted)
    except ValueError:
        return value < wanted if how == "<" else value > wanted
