"""Snapshots of a disk: of an image that keeps them, or of a disk of a virtual machine.

How a new one hangs on the others is ALLOW_ORPHANS (OpenNebula 6.0, "Disk Snapshots"): ``NO`` on the active one,
``MIXED`` on the one that was reverted to last, ``YES`` on none.
"""

import time
from typing import Self

from onelib.template import Template
from onelib.template_xml import Element, attributes_of

_ROOT = "SNAPSHOTS"


def _number(text: str, default: int) -> int:
    try:
        return int(text)
    except ValueError:
        return default


class Snapshots:
    """The element SNAPSHOTS. Sizes are megabytes."""

    def __init__(self, content: Template | None = None, *, disk_id: int = -1, orphans: str = "NO") -> None:
        if content is None:
            content = Template([("ALLOW_ORPHANS", orphans), ("CURRENT_BASE", "-1"), ("NEXT_SNAPSHOT", "0")])
            if disk_id != -1:
                content.set("DISK_ID", str(disk_id))
        self._content = content

    @classmethod
    def of(cls, root: Element) -> Self:
        """Those in a body, none when it has no such element."""
        element = root.find(_ROOT)
        return cls() if element is None else cls.from_element(element)

    @classmethod
    def from_element(cls, element: Element) -> Self:
        """Those of an element SNAPSHOTS."""
        return cls(Template(attributes_of(element)))

    @classmethod
    def from_xml(cls, text: str) -> Self:
        """Those of the text of an element SNAPSHOTS. Raises :class:`onelib.template.TemplateError`."""
        return cls(Template.from_xml(text))

    def to_xml(self) -> str:
        """The element SNAPSHOTS."""
        return self._content.to_xml(_ROOT)

    def copy(self, disk_id: int = -1) -> "Snapshots":
        """An independent copy for a disk of a virtual machine, or with -1 for an image."""
        content = self._content.copy()
        content.erase("DISK_ID")
        if disk_id != -1:
            content.set("DISK_ID", str(disk_id))
        return Snapshots(content)

    def __len__(self) -> int:
        return len(self._content.vectors("SNAPSHOT"))

    @property
    def orphans(self) -> str:
        """``YES``, ``NO`` or ``MIXED``."""
        text = self._content.get("ALLOW_ORPHANS").upper()
        return text if text in {"YES", "MIXED"} else "NO"

    @property
    def active(self) -> int:
        """The snapshot that the disk is on, -1 for none."""
        for snapshot in self._content.vectors("SNAPSHOT"):
            if snapshot.get("ACTIVE", "").upper() == "YES":
                return _number(snapshot.get("ID", ""), -1)
        return -1

    @property
    def base(self) -> int:
        """With ``MIXED`` the snapshot that was reverted to last, -1 for none."""
        return _number(self._content.get("CURRENT_BASE"), -1)

    @property
    def total_size(self) -> int:
        """The sizes of all together."""
        return sum(_number(snapshot.get("SIZE", ""), 0) for snapshot in self._content.vectors("SNAPSHOT"))

    def get(self, oid: int) -> dict[str, str]:
        """The attributes of a snapshot; empty when there is none."""
        for snapshot in self._content.vectors("SNAPSHOT"):
            if snapshot.get("ID") == str(oid):
                return snapshot
        return {}

    def size(self, oid: int) -> int:
        """The size of one snapshot."""
        return _number(self.get(oid).get("SIZE", ""), 0)

    def add(self, name: str, size: int, now: float | None = None) -> int:
        """Take a snapshot; it is not active until :meth:`activate`. Its id."""
        oid = _number(self._content.get("NEXT_SNAPSHOT"), 0)
        parent = {"NO": self.active, "MIXED": self.base}.get(self.orphans, -1)
        snapshot = {
            "DATE": str(int(time.time() if now is None else now)),
            "ID": str(oid),
            "PARENT": str(parent),
            "SIZE": str(size),
        }
        if name:
            snapshot["NAME"] = name
        above = self.get(parent)
        if above:
            above["CHILDREN"] = ",".join(filter(None, (above.get("CHILDREN"), str(oid))))
        self._content.add("SNAPSHOT", snapshot)
        self._content.set("NEXT_SNAPSHOT", str(oid + 1))
        return oid

    def refusal(self, oid: int) -> str:
        """Why a snapshot cannot be deleted; empty when it can."""
        snapshot = self.get(oid)
        if not snapshot:
            return "Snapshot does not exist"
        if self.orphans != "YES":
            if snapshot.get("ACTIVE", "").upper() == "YES":
                return "Cannot delete the active snapshot"
            if snapshot.get("CHILDREN"):
                return "Cannot delete snapshot with children"
        return ""

    def delete(self, oid: int) -> None:
        """Forget a snapshot."""
        gone = self.get(oid)
        if not gone:
            return
        above = self.get(_number(gone.get("PARENT", ""), -1))
        if above and self.orphans != "YES":
            children = [child for child in above.get("CHILDREN", "").split(",") if child not in {"", str(oid)}]
            above.pop("CHILDREN", None)
            if children:
                above["CHILDREN"] = ",".join(children)
        kept = [snapshot for snapshot in self._content.vectors("SNAPSHOT") if snapshot is not gone]
        self._content.erase("SNAPSHOT")
        for snapshot in kept:
            self._content.add("SNAPSHOT", snapshot)

    def activate(self, oid: int, *, revert: bool) -> bool:
        """Make a snapshot the active one, after taking it or, with ``revert``, after going back to it.

        False when there is none. With ``MIXED`` only a revert changes anything.
        """
        snapshot = self.get(oid)
        if oid == self.active:
            return True
        if not snapshot:
            return False
        if self.orphans == "MIXED":
            if not revert:
                return True
            self._content.set("CURRENT_BASE", str(oid))
        self.get(self.active).pop("ACTIVE", None)
        snapshot["ACTIVE"] = "YES"
        return True

    def rename(self, oid: int, name: str) -> bool:
        """Give a snapshot another name; False when there is none."""
        snapshot = self.get(oid)
        if snapshot:
            snapshot["NAME"] = name
        return bool(snapshot)
