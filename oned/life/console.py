"""The port of the console: each machine with GRAPHICS has one in the cluster where it is."""

from typing import TYPE_CHECKING

from oned.errors import ActionError
from oned.infrastructure import vnc
from oned.model.history import History
from oned.model.vm_states import Action

if TYPE_CHECKING:
    from oned.life.machine import Life


def _port(graphics: dict[str, str], key: str) -> int | None:
    text = graphics.get(key, "")
    return int(text) if text.isdecimal() else None


def _free_port(life: "Life", record: History, key: str) -> None:
    graphics = life.vm.template.vector("GRAPHICS")
    port = _port(graphics, key)
    if port is not None:
        vnc.release(life.transaction, record.cid, port)
        del graphics[key]


def leave(life: "Life") -> None:
    """Give the port back."""
    if life.vm.history:
        _free_port(life, life.vm.history[-1], "PORT")


def leave_previous(life: "Life") -> None:
    """Give the port in the cluster before back."""
    if len(life.vm.history) > 1:
        _free_port(life, life.vm.history[-2], "PREVIOUS_PORT")


def go_back(life: "Life") -> None:
    """Have the port in the cluster before again."""
    graphics = life.vm.template.vector("GRAPHICS")
    if _port(graphics, "PREVIOUS_PORT") is None:
        return
    leave(life)
    graphics["PORT"] = graphics.pop("PREVIOUS_PORT")


def take(life: "Life", cluster_id: int) -> None:
    """A port for the console of a machine that comes to a cluster. Raises :class:`ActionError`."""
    vm = life.vm
    sections = vm.template.vectors("GRAPHICS")
    stopped = bool(vm.history) and vm.history[-1].action == Action.STOP
    if not sections or stopped:
        return
    port = _port(sections[0], "PORT")
    if port is None:
        found = vnc.acquire(life.transaction, life.settings, cluster_id, vm.oid)
        if found is None:
            raise ActionError("No free VNC ports available in the cluster")
        sections[0]["PORT"] = str(found)
    elif not vnc.claim(life.transaction, cluster_id, port):
        raise ActionError("Requested VNC port already assgined to a VM")


def move(life: "Life", cluster_id: int, *, keep: bool) -> None:
    """A port in another cluster; ``keep`` the same one, for a machine that goes on running. Raises ActionError."""
    graphics = life.vm.template.vector("GRAPHICS")
    port = _port(graphics, "PORT")
    if port is None:
        return
    if keep:
        found = port if vnc.claim(life.transaction, cluster_id, port) else None
    else:
        found = vnc.acquire(life.transaction, life.settings, cluster_id, life.vm.oid)
    if found is None:
        raise ActionError("No free VNC port available in the new cluster")
    graphics |= {"PREVIOUS_PORT": str(port), "PORT": str(found)}
