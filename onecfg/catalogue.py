"""Which file is of which family, and how it is created (facts of OpenNebula 6.0).

A pattern is a path in which ``*`` stands for any text without ``/`` and ``**`` for any folders.
"""

import os
import re
from dataclasses import dataclass
from functools import cached_property

from onecfg.formats import Kind
from onelib.locations import Locations

_REMOTES = "/var/lib/one/remotes"


@dataclass(frozen=True)
class Entry:
    """A file, or the files of a pattern; owner and mode are for a file that is created."""

    pattern: str
    kind: Kind
    owner: str = "root"
    group: str = "oneadmin"
    mode: int = 0o640

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        text = re.escape(self.pattern).replace(r"\*\*/", r"(?:[^/]+/)*").replace(r"\*", "[^/]*")
        return re.compile(text)

    def matches(self, path: str) -> bool:
        """Whether ``path``, absolute as seen from ``/``, is of this entry."""
        return path == self.pattern or ("*" in self.pattern and self._expression.fullmatch(path) is not None)


def _etc(kind: Kind, *names: str) -> list[Entry]:
    return [Entry(f"/etc/one/{name}", kind) for name in names]


def _remotes(kind: Kind, *names: str) -> list[Entry]:
    return [Entry(f"{_REMOTES}/{name}", kind, owner="oneadmin") for name in names]


CATALOGUE: tuple[Entry, ...] = (
    *_etc(Kind.ONED, "oned.conf", "monitord.conf", "sched.conf"),
    *_etc(Kind.ONED, "vmm_exec/vmm_exec_kvm.conf", "vmm_exec/vmm_exec_vcenter.conf"),
    *_etc(Kind.SHELL, "defaultrc", "tmrc", "hm/hmrc", "vmm_exec/vmm_execrc", "guacd"),
    *_etc(Kind.YAML_STRICT, "auth/ldap_auth.conf", "sunstone-logos.yaml"),
    Entry("/etc/one/cli/*.yaml", Kind.YAML_STRICT, group="root", mode=0o644),
    *_etc(Kind.YAML, "auth/server_x509_auth.conf", "auth/x509_auth.conf"),
    *_etc(Kind.YAML, "az_driver.conf", "ec2_driver.conf", "vcenter_driver.conf", "econe.conf"),
    *_etc(Kind.YAML, "fireedge-server.conf", "oneflow-server.conf", "onegate-server.conf", "onehem-server.conf"),
    *_etc(Kind.YAML, "sunstone-server.conf", "sunstone-views.yaml", "sunstone-views/**/*.yaml"),
    *_etc(Kind.PLAIN, *(f"{cloud}_driver.default" for cloud in ("vcenter", "ec2", "az", "packet"))),
    *_etc(Kind.PLAIN, "ec2query_templates/*.erb"),
    *_remotes(Kind.SHELL, "etc/datastore/datastore.conf", "etc/datastore/ceph/ceph.conf"),
    *_remotes(Kind.SHELL, "etc/datastore/fs/fs.conf", "etc/market/http/http.conf"),
    *_remotes(Kind.SHELL, "etc/tm/fs_lvm/fs_lvm.conf", "etc/tm/ssh/sshrc", "etc/vmm/kvm/kvmrc"),
    *_remotes(Kind.YAML, *(f"etc/im/{name}-probes.d/pci.conf" for name in ("kvm", "qemu", "lxd"))),
    *_remotes(
        Kind.YAML,
        *(f"etc/im/{name}-probes.d/probe_db.conf" for name in ("kvm", "qemu", "lxc", "lxd", "firecracker")),
    ),
    *_remotes(Kind.YAML, "etc/vmm/lxc/lxcrc", "etc/vmm/lxd/lxdrc", "etc/vmm/firecracker/firecrackerrc"),
    *_remotes(Kind.YAML, "etc/vmm/vcenter/vcenterrc", "etc/vnm/OpenNebulaNetwork.conf"),
    # Where releases before 5.6 kept them.
    *_remotes(Kind.SHELL, "datastore/ceph/ceph.conf", "vmm/kvm/kvmrc"),
    *_remotes(Kind.YAML, "vnm/OpenNebulaNetwork.conf"),
)
"""Every file that a patch may name. ``guacd`` is this front-end's addition: its service reads ``OPTS`` from it."""


def find(path: str, catalogue: tuple[Entry, ...] = CATALOGUE) -> Entry | None:
    """The entry that ``path`` is of; ``None`` for any other path, also for one with ``.``, ``..`` or ``//`` in it."""
    if not path.startswith("/") or any(part in {"", ".", ".."} for part in path[1:].split("/")):
        return None
    return next((entry for entry in catalogue if entry.matches(path)), None)


def existing(locations: Locations, catalogue: tuple[Entry, ...] = CATALOGUE) -> dict[str, Entry]:
    """The files of the catalogue that are there, as seen from ``/``, in its order. No link is followed."""
    found: dict[str, Entry] = {}
    for base in ("/etc/one", _REMOTES, f"{_REMOTES}/etc"):
        top = locations.under(base).resolve()
        for folder, folders, names in os.walk(top):
            folders.sort()
            inner = os.path.relpath(folder, top)
            for name in sorted(names):
                logical = os.path.normpath(f"{base}/{inner}/{name}")
                entry = find(logical, catalogue)
                if entry is not None and not os.path.islink(f"{folder}/{name}"):  # noqa: PTH114 - a text already
                    found[logical] = entry
    order = {id(entry): index for index, entry in enumerate(catalogue)}
    return dict(sorted(found.items(), key=lambda item: order[id(item[1])]))
