"""From 5.12 to 6.0: what cannot be said without the user's values."""

from collections.abc import Iterator

from onecfg.model import Change, Command, Symbol
from onecfg.upgrades.migrations.before import Before

_REMOTES = "/var/lib/one/remotes/etc"
NEW_FILES = (
    "/etc/one/cli/oneprovider.yaml",
    "/etc/one/cli/oneprovision_template.yaml",
    "/etc/one/fireedge-server.conf",
    f"{_REMOTES}/datastore/datastore.conf",
    f"{_REMOTES}/im/qemu-probes.d/pci.conf",
    f"{_REMOTES}/im/qemu-probes.d/probe_db.conf",
    f"{_REMOTES}/im/lxc-probes.d/probe_db.conf",
    f"{_REMOTES}/tm/ssh/sshrc",
    f"{_REMOTES}/vmm/lxc/lxcrc",
)
_SUNSTONE = "/etc/one/sunstone-server.conf"


def before(files: Before, notes: list[str]) -> Iterator[Change]:  # noqa: ARG001 - the shape of all parts
    """The web GUI's lease ``suspense`` is called ``suspend`` now; the patch removes the old one."""
    leases = files.yaml(_SUNSTONE).get(Symbol("leases"))
    if isinstance(leases, dict) and "suspense" in leases:
        path = (Symbol("leases"), "suspend")
        yield Change(_SUNSTONE, Command.INS, path, leases["suspense"], "5.12.0_to_6.0.0", native=True)
