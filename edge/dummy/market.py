"""The dummy marketplace."""

import hashlib

from edge.dummy.behaviour import Dummy, find, space, unknown
from edge.dummy.datastore import FORMAT, IMAGE_MB
from onelib.template_xml import Element


class Market(Dummy):
    """Takes every app, and lists none of its own."""

    def answer(self, action: str, oid: int, root: Element | None, task: str) -> str:
        """IMPORT: where the app is, its checksum, size and format; MONITOR: the space."""
        _ = task
        if action == "IMPORT":
            source = f"dummy://marketplace/{find(root, 'MARKETPLACE/ID', '0')}/{oid}"
            checksum = hashlib.md5(source.encode(), usedforsecurity=False).hexdigest()
            size = find(root, "IMAGE/SIZE", str(IMAGE_MB))
            return f'SOURCE="{source}"\nMD5="{checksum}"\nSIZE="{size}"\nFORMAT="{FORMAT}"\n'
        if action == "MONITOR":
            return space()
        if action == "DELETE":
            return ""
        raise unknown(action)
