"""The dummy hypervisor."""

from edge.dummy.behaviour import Dummy, find, unknown
from edge.dummy.world import WORLD
from onelib.template_xml import Element

_SILENT = frozenset(
    {
        "SHUTDOWN",
        "REBOOT",
        "RESET",
        "CANCEL",
        "SAVE",
        "RESTORE",
        "MIGRATE",
        "ATTACHDISK",
        "DETACHDISK",
        "ATTACHNIC",
        "DETACHNIC",
        "SNAPSHOTREVERT",
        "SNAPSHOTDELETE",
        "DISKSNAPSHOTREVERT",
        "CLEANUP",
        "UPDATECONF",
        "RESIZEDISK",
        "RESIZE",
    }
)
_STARTS = frozenset({"DEPLOY", "RESTORE", "MIGRATE"})
_ENDS = frozenset({"SHUTDOWN", "CANCEL", "SAVE", "CLEANUP"})


class Vmm(Dummy):
    """Runs nothing; a machine is called ``one-<id>``."""

    def answer(self, action: str, oid: int, root: Element | None, task: str) -> str:
        """DEPLOY: the deploy id; snapshots: their id on the host; UPDATESG: the security group."""
        _ = task
        if action in _STARTS:
            WORLD.put(find(root, "MIGR_HOST" if action == "MIGRATE" else "HOST"), oid)
        elif action in _ENDS:
            WORLD.take(oid)
        if action == "DEPLOY":
            return f"one-{oid}"
        if action in {"SNAPSHOTCREATE", "DISKSNAPSHOTCREATE"}:
            return "dummy-snap"
        if action == "UPDATESG":
            return find(root, "SECURITY_GROUP_ID")
        if action in _SILENT:
            return ""
        raise unknown(action)
