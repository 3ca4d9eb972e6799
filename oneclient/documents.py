"""Documents of the API as plain data, and as text for people."""

import datetime
import json
from typing import Any

from onelib.template_xml import Element, text_of

FORMATS = ("json", "yaml", "xml", "csv")


def plain(element: Element) -> Any:  # noqa: ANN401 (text, mapping or list)
    """``element`` as JSON has it: texts, mappings without order of names, lists where a name repeats."""
    children = [child for child in element if isinstance(child.tag, str)]
    if not children:
        return element.text if element.text is not None else {}
    found: dict[str, Any] = {}
    for child in children:
        tag, value = str(child.tag), plain(child)
        if tag not in found:
            found[tag] = value
        elif isinstance(found[tag], list):
            found[tag].append(value)
        else:
            found[tag] = [found[tag], value]
    return found


def plain_pool(root: Element) -> dict[str, Any]:
    """A pool: for each name below the root a list, also of one, so that programs need no case for it."""
    found: dict[str, list[Any]] = {}
    for child in root:
        found.setdefault(str(child.tag), []).append(plain(child))
    return {str(root.tag): found}


def to_format(name: str, root: Element, data: Any) -> str:  # noqa: ANN401 (as plain)
    """``data`` as JSON or YAML, or ``root`` as XML."""
    if name == "json":
        return json.dumps(data, indent=2, ensure_ascii=False)
    if name == "yaml":
        import yaml

        return str(yaml.safe_dump(data, allow_unicode=True, sort_keys=False)).rstrip("\n")
    from lxml import etree

    return etree.tostring(root, pretty_print=True, encoding="unicode").rstrip("\n")


def size_text(value: float, unit: str = "K") -> str:
    """A size of so many ``unit``s (K, M, G or T), in the unit that keeps it short: ``1.5G``."""
    units = "KMGT"
    at = units.index(unit)
    while at < len(units) - 1 and abs(value) > 1024:
        value, at = value / 1024, at + 1
    rounded = round(value, 1)
    return f"{int(rounded) if rounded == int(rounded) else rounded}{units[at]}"


def period_text(seconds: int) -> str:
    """Days, hours and minutes: ``3d 04h05``."""
    minutes = max(0, seconds) // 60
    return f"{minutes // 1440}d {minutes // 60 % 24:02}h{minutes % 60:02}"


def time_text(stamp: str) -> str:
    """A time of the API in the local time zone; ``-`` for none."""
    if stamp in {"", "0"}:
        return "-"
    return datetime.datetime.fromtimestamp(int(stamp)).astimezone().strftime("%m/%d %H:%M:%S")


def number_at(element: Element, path: str) -> int:
    """The whole number at ``path``, 0 for none."""
    text = text_of(element.find(path)).partition(".")[0]
    return int(text) if text.lstrip("-").isdigit() else 0


def printable(text: str) -> str:
    """``text`` without what would steer a terminal: names are other people's."""
    return "".join(char if char.isprintable() else "?" for char in text)


def aligned(rows: list[list[str]], left: list[bool]) -> str:
    """``rows`` in columns as wide as what is in them."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = zip(row, widths, left, strict=True)
        lines.append(" ".join(f"{cell:{'<' if flush else '>'}{width}}" for cell, width, flush in cells).rstrip())
    return "\n".join(lines)
