"""The host ports that the all-in-one container publishes (Table 1.1), and who holds one that is taken."""

import errno
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher.errors import AccessError, PortTakenError

_LISTEN = "0A"


@dataclass(frozen=True)
class Port:
    """One published port.

    ``variable`` moves the outer side. ``parameter`` is the image parameter that advertises it; where ``same`` is
    set the service inside listens on the outer number too, because its clients are told that number.
    """

    variable: str
    inner: int
    what: str
    parameter: str = ""
    same: bool = False
    protocol: str = "tcp"
    bind: str = "DEPLOY_BIND_ADDR"


PORTS = (
    Port("DEPLOY_SSH_EXTERNAL_PORT", 22, "SSH", bind="DEPLOY_BIND_SSH_ADDR"),
    Port("DEPLOY_SUNSTONE_EXTERNAL_PORT", 80, "web, HTTP", parameter="SUNSTONE_PORT"),
    Port("DEPLOY_SUNSTONE_EXTERNAL_TLS_PORT", 443, "web, HTTPS", parameter="SUNSTONE_TLS_PORT"),
    Port("DEPLOY_SUNSTONE_EXTERNAL_VNC_PORT", 29876, "noVNC", parameter="SUNSTONE_VNC_PORT", same=True),
    Port("DEPLOY_ONED_EXTERNAL_PORT", 2633, "XML-RPC"),
    Port("DEPLOY_ONED_TLS_EXTERNAL_PORT", 2634, "XML-RPC, TLS"),
    Port("DEPLOY_ONEFLOW_EXTERNAL_PORT", 2474, "OneFlow"),
    Port("DEPLOY_ONEFLOW_TLS_EXTERNAL_PORT", 2475, "OneFlow, TLS"),
    Port("DEPLOY_ONEGATE_EXTERNAL_PORT", 5030, "OneGate", bind="DEPLOY_BIND_ONEGATE_ADDR"),
    Port("DEPLOY_ONEGATE_TLS_EXTERNAL_PORT", 5031, "OneGate, TLS", bind="DEPLOY_BIND_ONEGATE_ADDR"),
    Port("DEPLOY_MONITORD_EXTERNAL_PORT", 4124, "monitoring", parameter="MONITORD_PORT", same=True),
    Port("DEPLOY_MONITORD_EXTERNAL_PORT", 4124, "monitoring", "MONITORD_PORT", same=True, protocol="udp"),
)


@dataclass(frozen=True)
class Published:
    """A port with its numbers and its address settled."""

    port: Port
    outer: int
    inner: int
    address: str

    @property
    def argument(self) -> str:
        """The engine's ``--publish`` value."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.outer}:{self.inner}/{self.port.protocol}"

    @property
    def key(self) -> tuple[int, str]:
        """Outer number and protocol."""
        return self.outer, self.port.protocol


def check(wanted: Iterable[Published], own: frozenset[tuple[int, str]], owners: Mapping[int, str]) -> None:
    """Raise :class:`PortTakenError` naming every taken port of ``wanted`` with the variable that moves it.

    ``own`` are those that the container to be replaced holds now; ``owners`` names containers by the TCP port they
    publish. Ports that this user may not test are looked up among the listeners instead.
    """
    lines = []
    for item in wanted:
        if item.key in own or not _taken(item):
            continue
        holder = owners.get(item.outer) or _listener(item.outer, item.port.protocol)
        lines.append(
            f"    {item.outer}/{item.port.protocol} ({item.port.what}) is held by {holder}: set {item.port.variable}"
        )
    if lines:
        raise PortTakenError(
            "The container cannot publish all its ports:\n" + "\n".join(lines),
            todo="Choose free ports with these variables, for example "
            f"'make run {lines[0].rsplit(' ', 1)[1]}=10022', or end what holds them.",
        )


def _taken(item: Published) -> bool:
    family = socket.AF_INET6 if ":" in item.address else socket.AF_INET
    kind = socket.SOCK_DGRAM if item.port.protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(family, kind) as test:
        if kind == socket.SOCK_STREAM:
            # As the engines do: a port in TIME_WAIT is free.
            test.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            test.bind((item.address, item.outer))
            if kind == socket.SOCK_STREAM:
                test.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
            if error.errno == errno.EACCES:
                return bool(_inodes(item.outer, item.port.protocol))
            if error.errno == errno.EADDRNOTAVAIL:
                raise AccessError(
                    f"This host has no address {item.address}.",
                    todo=f"Set {item.port.bind} to an address of this host, or to 0.0.0.0.",
                ) from error
            raise
    return False


def _inodes(number: int, protocol: str) -> set[str]:
    """Socket inodes bound to ``number``, from /proc/net."""
    found = set()
    for name in (protocol, f"{protocol}6"):
        try:
            lines = Path("/proc/net", name).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            field = line.split()
            if int(field[1].rsplit(":", 1)[1], 16) == number and (protocol == "udp" or field[3] == _LISTEN):
                found.add(field[9])
    return found


def _listener(number: int, protocol: str) -> str:
    """Name and pid of the process that holds ``number``, as far as /proc tells this user."""
    wanted = {f"socket:[{inode}]" for inode in _inodes(number, protocol)}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(link.readlink()) in wanted for link in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:
            continue
    return "another process"
