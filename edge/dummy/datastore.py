"""The dummy of datastores: images without content."""

from edge.dummy.behaviour import Dummy, find, space, unknown
from onelib.template_xml import Element

IMAGE_MB = 1024
FORMAT = "raw"


class Datastore(Dummy):
    """Every image is found, 1 GiB large, and stored where nothing is."""

    def answer(self, action: str, oid: int, root: Element | None, task: str) -> str:
        """CP: source and format; CLONE and MKFS: the source; STAT: MB; MONITOR: a template."""
        _ = task
        source = f"{self.settings.folder}/datastores/{find(root, 'DATASTORE/ID', '0')}/dummy-{oid}"
        if action == "CP":
            return f"{source} {FORMAT}"
        if action in {"CLONE", "MKFS"}:
            return source
        if action == "STAT":
            return str(IMAGE_MB)
        if action == "MONITOR":
            return space()
        if action in {"RM", "SNAP_DELETE", "SNAP_REVERT", "SNAP_FLATTEN"}:
            return ""
        raise unknown(action)
