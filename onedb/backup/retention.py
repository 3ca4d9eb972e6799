"""How many backups of one kind are kept in a folder."""

import re
from pathlib import Path

from onedb.backup.reader import MAGIC

_MOMENT = re.compile(r"\d[\d:_.T-]*")


def keep_newest(path: Path, count: int) -> list[Path]:
    """Remove all but the ``count`` newest backups whose names differ from that of ``path`` in digits alone.

    ``path`` itself always stays, and so does every file that ``onedb`` has not written. Returns what was removed.
    """
    kind = _MOMENT.sub("0", path.name)
    alike = [
        file
        for file in path.parent.iterdir()
        if file != path and _MOMENT.sub("0", file.name) == kind and file.is_file() and _is_backup(file)
    ]
    alike.sort(key=lambda file: file.stat().st_mtime_ns, reverse=True)
    old = alike[max(0, count - 1) :]
    for file in old:
        file.unlink(missing_ok=True)
    return old


def _is_backup(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC
