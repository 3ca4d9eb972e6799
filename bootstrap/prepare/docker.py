"""What the inner Docker needs of the kernel's file systems, which engines mount read-only into containers."""

import ctypes
import os
from pathlib import Path
from typing import ClassVar

from bootstrap.service import ServiceContext
from onelib.errors import OneError

MS_REMOUNT, MS_BIND = 32, 4096


class CapabilityError(OneError):
    """The container lacks a capability that the inner Docker needs; a restart does not help."""

    exit_code: ClassVar[int] = 77
    permanent = True


def _remount_writable(path: str) -> None:
    """``mount -o remount,bind,rw`` (mount(2)); plain remounting is refused as busy."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(None, path.encode(), None, MS_REMOUNT | MS_BIND, None) != 0:
        error = ctypes.get_errno()
        raise CapabilityError(
            f"{path} cannot be made writable for the inner Docker: {os.strerror(error)}.",
            todo="Start the container with --cap-add SYS_ADMIN --cap-add NET_ADMIN --security-opt seccomp=unconfined "
            "(and --security-opt apparmor=unconfined where AppArmor is in use), or set DIND_ENABLED=no.",
        )


def read_only_mounts(table: str) -> list[str]:
    """The mount points of control groups and kernel parameters that are read-only in ``table`` (/proc/mounts)."""
    found = []
    for line in table.splitlines():
        _, point, kind, options = line.split()[:4]
        if (kind in ("cgroup", "cgroup2") or point == "/proc/sys") and "ro" in options.split(","):
            found.append(point)
    return found


def kernel_files(_context: ServiceContext) -> None:
    """Make control groups and /proc/sys writable. Raises CapabilityError."""
    points = read_only_mounts(Path("/proc/mounts").read_text())
    for point in points:
        _remount_writable(point)
