"""Temporary folders for programs that run as somebody else."""

import tempfile
from pathlib import Path


def open_to_all(path: Path) -> None:
    """Let every account reach ``path`` through the folders that pytest keeps to its own."""
    top = Path(tempfile.gettempdir())
    for folder in path.parents:
        if folder == top or top not in folder.parents:
            break
        folder.chmod(0o755)
