"""What fits where: for each machine the hosts, datastores and networks that may have it, best first."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from scheduler.access import MANAGE, USE, Rules, Subject
from scheduler.expressions import ExpressionError, rank, requirement
from scheduler.settings import Settings
from scheduler.view import Datastore, Host, Machine, Network, Searched

Found = TypeVar("Found", bound=Searched)


@dataclass
class World:
    """What there is, and who may use it."""

    hosts: Sequence[Host]
    datastores: Sequence[Datastore]
    networks: Sequence[Network]
    rules: Rules
    users: dict[int, Subject]

    def image_datastore(self, oid: int) -> Datastore | None:
        """The datastore ``oid`` of images."""
        return next((one for one in self.datastores if one.oid == oid), None)


@dataclass(frozen=True)
class Placement:
    """A decision: the machine, where it goes, and a network for each of its interfaces that left that open."""

    machine: Machine
    host: Host
    datastore: int
    networks: dict[int, int] = field(default_factory=dict)

    @property
    def template(self) -> str:
        """The interfaces for ``one.vm.deploy``."""
        return "\n".join(
            f'NIC=[NIC_ID="{nic}",NETWORK_MODE="auto",NETWORK_ID="{network}"]'
            for nic, network in sorted(self.networks.items())
        )


class NoPlaceError(Exception):
    """A machine cannot be placed; the text is for its owner."""


@dataclass(frozen=True)
class Candidates:
    """Where a machine may go; datastores and networks best first."""

    machine: Machine
    hosts: list[Host]
    datastores: list[Datastore]
    networks: dict[int, list[Network]]
    rank: str
    """That of the hosts, which changes with every machine that one gets."""


def candidates(vm: Machine, world: World, settings: Settings) -> Candidates:
    """Match one machine. Raises :class:`NoPlaceError`."""
    if not vm.resched and not vm.resume:
        _check_images(vm, world)
    hosts = [host for host in world.hosts if not (vm.resched and host.oid == vm.last_host)]
    fitting = _matching(vm, hosts, "host", world, lambda host: host.fits(vm))
    order = vm.rank or settings.host_rank
    _ranked([], order)
    if vm.resched:
        stays = [one for one in world.datastores if one.oid == vm.last_datastore]
        return Candidates(vm, fitting, stays, {}, order)
    system = [one for one in world.datastores if one.is_system and one.enabled]
    datastores = _matching(
        vm, system, "system datastore", world, lambda one: not one.shared or vm.resume or vm.disk <= one.free
    )
    networks = {}
    for nic in vm.interfaces:
        usable = _matching(vm, world.networks, "network", world, lambda one: one.free > 0, wanted=nic.requirements)
        networks[nic.nic_id] = _ranked(usable, nic.rank or settings.network_rank)
    best = _ranked(datastores, vm.datastore_rank or settings.datastore_rank)
    return Candidates(vm, fitting, best, networks, order)


def _check_images(vm: Machine, world: World) -> None:
    for oid, size in vm.images.items():
        datastore = world.image_datastore(oid)
        if datastore is not None and size > datastore.free:
            raise NoPlaceError(f"Cannot schedule VM. Not enough capacity in image datastore {oid}")


_NAMES = {"host": "SCHED_REQUIREMENTS", "system datastore": "SCHED_DS_REQUIREMENTS", "network": "REQUIREMENTS"}
_NONE = {
    "host": "No hosts enabled to run VMs",
    "system datastore": "No system datastores found to run VMs",
    "network": "No networks found to run VMs",
}


def _matching(
    vm: Machine,
    things: Iterable[Found],
    what: str,
    world: World,
    fits: Callable[[Found], bool],
    *,
    wanted: str | None = None,
) -> list[Found]:
    """The things that the owner may use, that have room and meet the requirements. Raises :class:`NoPlaceError`."""
    if wanted is None:
        wanted = vm.requirements if what == "host" else vm.datastore_requirements
    try:
        test = requirement(wanted)
    except ExpressionError as error:
        raise NoPlaceError(f"Error in {_NAMES[what]}: '{wanted}', error: {error.message}") from None
    known = list(things)
    if not known:
        raise NoPlaceError(_NONE[what])
    allowed = [one for one in known if _allowed(vm, one, what, world)]
    if not allowed:
        raise NoPlaceError(f"User is not authorized to use any {what}")
    roomy = [one for one in allowed if fits(one)]
    if not roomy:
        ending = "to deploy the VM" if what == "host" else "for the VM"
        raise NoPlaceError(f"No {what} with enough capacity {ending}")
    matching = [one for one in roomy if test(one.attributes)]
    if not matching:
        raise NoPlaceError(f"No {what} meets capacity and {_NAMES[what]}: {wanted}")
    return matching


def _allowed(vm: Machine, one: Searched, what: str, world: World) -> bool:
    if vm.uid == 0 or vm.gid == 0:
        return True
    subject = world.users.get(vm.uid)
    return subject is not None and world.rules.allow(subject, MANAGE if what == "host" else USE, one.thing)


def _ranked(things: list[Found], expression: str) -> list[Found]:
    """Best first; equals in the order of their ids. Raises :class:`NoPlaceError`."""
    try:
        value = rank(expression)
    except ExpressionError as error:
        raise NoPlaceError(f"Error in RANK: '{expression}', error: {error.message}") from None
    return sorted(things, key=lambda one: (-value(one.attributes), one.oid))


class Dispatch:
    """Gives machines their places one after the other, within the limits of a round."""

    def __init__(self, world: World, settings: Settings) -> None:
        self._world = world
        self._settings = settings

    def place(self, found: Candidates) -> Placement:
        """Choose, and count what was chosen. Raises :class:`NoPlaceError`."""
        vm = found.machine
        for host in _ranked(found.hosts, found.rank):
            if self._settings.max_host and host.given >= self._settings.max_host:
                continue
            if not host.fits(vm) or not requirement(vm.requirements)(host.attributes):
                continue
            datastore = self._datastore(found, host)
            networks = self._networks(found, host)
            if datastore is None or networks is None:
                continue
            self._count(vm, host, datastore, networks)
            return Placement(vm, host, datastore.oid, {nic: one.oid for nic, one in networks.items()})
        raise NoPlaceError(
            "Cannot dispatch VM to any Host. Possible reasons: Not enough capacity in Host or System DS, dispatch "
            "limit reached, or limit of free leases reached."
        )

    def _datastore(self, found: Candidates, host: Host) -> Datastore | None:
        vm = found.machine
        for one in found.datastores:
            if host.cluster not in one.clusters:
                continue
            stays = vm.resched or vm.resume
            if (stays or vm.disk <= one.free) if one.shared else host.disk_fits(one.oid, vm.disk):
                return one
        return None

    def _networks(self, found: Candidates, host: Host) -> dict[int, Network] | None:
        chosen: dict[int, Network] = {}
        for nic, networks in found.networks.items():
            taken = [one.oid for one in chosen.values()]
            free = (
                one
                for one in networks
                if host.cluster in one.clusters
                and one.free > taken.count(one.oid)
                and not (self._settings.different_networks and one.oid in taken)
            )
            network = next(free, None)
            if network is None:
                return None
            chosen[nic] = network
        return chosen

    def _count(self, vm: Machine, host: Host, datastore: Datastore, networks: dict[int, Network]) -> None:
        host.take(vm)
        for network in networks.values():
            network.free -= 1
        if vm.resched or vm.resume:
            return
        if datastore.shared:
            datastore.free -= vm.disk
        elif datastore.oid in host.disks:
            host.disks[datastore.oid] -= vm.disk
        else:
            host.free_disk -= vm.disk
        for oid, size in vm.images.items():
            image = self._world.image_datastore(oid)
            if image is not None:
                image.free -= size
