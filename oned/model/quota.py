"""Quotas of a user, of a group, and the defaults of all: limits, what is used of them, and the XML of both.

Source: OpenNebula 6.0, "Managing Quotas"; the bodies are those of ``user_quotas``, ``group_quotas`` and
``system_attributes``.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

from oned.model.base import parse_body
from onelib.template import cdata
from onelib.template_xml import Element, text_of

DEFAULT, UNLIMITED = -1.0, -2.0
"""Limits that are none: what the defaults say, and no limit at all."""

METRICS: dict[str, tuple[str, ...]] = {
    "DATASTORE": ("SIZE", "IMAGES"),
    "NETWORK": ("LEASES",),
    "VM": ("VMS", "RUNNING_VMS", "CPU", "RUNNING_CPU", "MEMORY", "RUNNING_MEMORY", "SYSTEM_DISK_SIZE"),
    "IMAGE": ("RVMS",),
}
"""What is counted, by section, in the order of the XML; only VM has no ids. SIZE and MEMORY are megabytes."""

_NUMBER = re.compile(r"\s*[-+]?\d+(\.\d*)?([eE][-+]?\d+)?")
_ID = re.compile(r"\s*[-+]?\d{1,10}")


def shown(value: float) -> str:
    """A number as in the database: whole, or with two digits."""
    rounded = round(value, 2)
    return str(int(rounded)) if rounded == math.ceil(rounded) else f"{rounded:.2f}"


def _read(element: Element, name: str, default: float) -> float:
    text = text_of(element.find(name)).strip()
    return float(text) if _NUMBER.fullmatch(text) else default


@dataclass
class Entry:
    """Limits and use of one thing, by metric."""

    limits: dict[str, float]
    used: dict[str, float]


@dataclass
class Quotas:
    """All quotas of one ``root``: ``QUOTAS`` of the user or group ``oid``, or the defaults, which have no use."""

    root: str = "QUOTAS"
    oid: int = -1
    sections: dict[str, dict[str, Entry]] = field(default_factory=lambda: {name: {} for name in METRICS})

    @property
    def implicit(self) -> float:
        """The limit where none is set."""
        return DEFAULT if self.root == "QUOTAS" else UNLIMITED

    @classmethod
    def from_xml(cls, body: str, root: str = "QUOTAS") -> Self:
        """The quotas of a body. Raises :class:`oned.errors.InternalError`."""
        element = parse_body(body, root)
        quotas = cls(root, int(_read(element, "ID", -1)))
        for section, metrics in METRICS.items():
            for found in element.findall(f"{section}_QUOTA/{section}"):
                quotas.sections[section][text_of(found.find("ID"))] = Entry(
                    {metric: _read(found, metric, quotas.implicit) for metric in metrics},
                    {metric: _read(found, f"{metric}_USED", 0) for metric in metrics},
                )
        return quotas

    def parts_xml(self) -> str:
        """The four sections, as ``info`` shows them."""
        return "".join(
            f"<{name}_QUOTA>{''.join(_entry_xml(name, oid, entry) for oid, entry in entries.items())}</{name}_QUOTA>"
            for name, entries in self.sections.items()
        )

    def to_xml(self) -> str:
        """The body."""
        head = f"<ID>{self.oid}</ID>" if self.root == "QUOTAS" else ""
        return f"<{self.root}>{head}{self.parts_xml()}</{self.root}>"

    def entry(self, section: str, oid: str) -> Entry:
        """The quota of one thing, a new one where there is none."""
        metrics = METRICS[section]
        new = Entry(dict.fromkeys(metrics, self.implicit), dict.fromkeys(metrics, 0.0))
        return self.sections[section].setdefault(oid, new)

    def clean(self, section: str, oid: str) -> None:
        """Drop the quota of one thing when it neither limits nor counts anything."""
        entry = self.sections[section].get(oid)
        if entry is None or any(entry.used.values()):
            return
        if all(limit == self.implicit for limit in entry.limits.values()):
            del self.sections[section][oid]

    def set_limits(self, section: str, wanted: Mapping[str, str]) -> bool:
        """Replace the limits of one thing, a metric that is not named by the implicit one; False for bad ones."""
        oid = "" if section == "VM" else wanted.get("ID", "")
        if section != "VM":
            if not _ID.fullmatch(oid):
                return False
            oid = str(int(oid))
        limits = dict(self._limits(section, wanted))
        if any(math.isnan(limit) for limit in limits.values()):
            return False
        self.entry(section, oid).limits = limits
        self.clean(section, oid)
        return True

    def _limits(self, section: str, wanted: Mapping[str, str]) -> Iterator[tuple[str, float]]:
        """The limits that ``wanted`` asks for, not-a-number where it is none.

        Upstream takes words for the implicit limit; here they are what its message calls them, a bad format.
        """
        allowed = {self.implicit, UNLIMITED}
        for metric in METRICS[section]:
            text = wanted.get(metric, "").strip()
            limit = self.implicit if not text else float(text) if _NUMBER.fullmatch(text) else math.nan
            yield metric, limit if 0 <= limit < math.inf or limit in allowed else math.nan


def _entry_xml(section: str, oid: str, entry: Entry) -> str:
    values = {metric: shown(limit) for metric, limit in entry.limits.items()}
    values |= {f"{metric}_USED": shown(used) for metric, used in entry.used.items()}
    if oid:
        values["ID"] = oid
    inner = "".join(f"<{name}>{cdata(values[name])}</{name}>" for name in sorted(values))
    return f"<{section}>{inner}</{section}>"
