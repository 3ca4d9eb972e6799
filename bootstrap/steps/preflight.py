"""What must hold before anything is touched: the role's programs, its volumes and its memory."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from bootstrap import descriptors
from bootstrap.actions import Action, Directory, File
from bootstrap.context import Context
from bootstrap.errors import MemoryLimitError, RoleUnavailableError, VolumeError

LAYOUT = 1
"""Number of the arrangement of the volumes; raised when an older image could not read them."""

MEMORY_LIMITS = ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes")


def memory_limit(root: Path = Path("/")) -> int | None:
    """The control group's memory limit in MiB (version 2, then 1), or None without one."""
    for name in MEMORY_LIMITS:
        try:
            text = (root / name).read_text().strip()
        except OSError:
            continue
        if text.isdigit() and int(text) < 1 << 50:
            return int(text) >> 20
        return None
    return None


def _check_memory(context: Context, enabled: dict[str, descriptors.Descriptor]) -> None:
    limit = None if context.native else memory_limit()
    needed = sum(descriptor.memory for descriptor in enabled.values())
    if limit is not None and limit < needed:
        raise MemoryLimitError(
            f"The container may use {limit} MiB of memory; the service {context.settings.role} needs {needed} MiB.",
            todo=f"Start it with --memory {needed}m or more.",
        )


def _check_programs(enabled: dict[str, descriptors.Descriptor]) -> None:
    for name, descriptor in enabled.items():
        program = descriptor.command[0]
        if "{" not in program and shutil.which(program) is None:
            raise RoleUnavailableError(
                f"The service {name} is not in this image: its program {program} does not exist here.",
                todo="Use the full image instead of the slim one, or switch the service off.",
            )


def _check_writable(path: Path) -> None:
    while not path.exists():
        path = path.parent
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        raise VolumeError(
            f"{path} is on a read-only file system.",
            todo="Mount that volume read-write: this service keeps its data there.",
        )


def _check_layout(stamp: Path) -> None:
    try:
        layout = int(json.loads(stamp.read_text())["layout"])
    except FileNotFoundError:
        return
    except (ValueError, KeyError, TypeError) as error:
        raise VolumeError(
            f"{stamp} is damaged.", todo="Remove that file if the volume is this front-end's."
        ) from error
    if layout > LAYOUT:
        raise VolumeError(
            f"The volume of {stamp.parent} was written by a newer oneedge: layout {layout}, this one knows {LAYOUT}.",
            todo="Start the version that wrote it, or a newer one.",
        )


def volumes(context: Context) -> list[Path]:
    """The folders that this role must be able to write."""
    at = context.at
    found = [at.srv]
    if context.serves("oned"):
        found += [at.auth, at.ssh, at.log]
    if context.own_database:
        found.append(at.mysql)
    return found


def check(context: Context) -> Iterator[Action]:
    """Refuse what cannot work, then stamp the volume with this layout.

    Raises RoleUnavailableError, MemoryLimitError or VolumeError.
    """
    enabled = descriptors.enabled(context)
    _check_memory(context, enabled)
    _check_programs(enabled)
    for path in volumes(context):
        _check_writable(path)
    stamp = context.at.srv / "version.json"
    _check_layout(stamp)
    yield Directory(context.at.srv, 0o755, context.owner("root"))
    yield File(stamp, json.dumps({"layout": LAYOUT}).encode() + b"\n", durable=True)
