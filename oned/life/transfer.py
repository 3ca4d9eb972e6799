"""What transfer drivers are asked: the lines that move, make and delete the disks of a virtual machine.

Each line is a command of the driver's protocol (OpenNebula 6.0, "Storage Driver", transfer actions); paths on hosts
are ``HOST:/path``. The functions are pure: they read a machine with the last records of its history.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from oned.errors import InternalError
from oned.life.marks import attached, resized, saved, snapshotted
from oned.life.steps import Work
from oned.model.history import History
from oned.model.vm import Vm
from oned.model.vm_states import LcmState
from oned.vm.usage import is_volatile

Disk = dict[str, str]


@dataclass(frozen=True)
class Site:
    """Where the front-end is: its name, and its folders of datastores and of files of virtual machines."""

    hostname: str
    datastores: str
    machines: str

    def folder(self, record: History, oid: int) -> str:
        """The folder of a machine in a system datastore."""
        return f"{self.datastores.rstrip('/')}/{record.ds_id}/{oid}"


@dataclass(frozen=True)
class _Stay:
    """A machine on a host, or with its disks on the front-end."""

    vm: Vm
    site: Site
    record: History
    host: str

    @property
    def folder(self) -> str:
        return self.site.folder(self.record, self.vm.oid)

    @property
    def place(self) -> str:
        """The whole folder."""
        return f"{self.host}:{self.folder}"

    def disk(self, disk: Disk) -> str:
        """The file of a disk."""
        return f"{self.place}/disk.{disk.get('DISK_ID', '')}"

    def drivers(self, disk: Disk) -> tuple[str, str] | None:
        """The driver and the datastore of a disk; None when its image has none."""
        if is_volatile(disk):
            return self.record.tm_mad, str(self.record.ds_id)
        driver, datastore = disk.get("TM_MAD", ""), disk.get("DATASTORE_ID", "")
        return (driver, datastore) if driver and datastore else None

    def line(self, command: str, disk: Disk, *words: str) -> str:
        """``COMMAND[.system driver] driver words... vm datastore``; empty for a disk without a driver."""
        drivers = self.drivers(disk)
        if drivers is None:
            return ""
        system = disk.get("TM_MAD_SYSTEM", "")
        name = f"{command}.{system}" if system else command
        return " ".join((name, drivers[0], *words, str(self.vm.oid), drivers[1]))

    def whole(self, command: str, *places: str) -> str:
        """The same for the folder."""
        return " ".join((command, self.record.tm_mad, *places, str(self.vm.oid), str(self.record.ds_id)))


def _here(vm: Vm, site: Site) -> _Stay:
    return _Stay(vm, site, vm.history[-1], vm.history[-1].hostname)


def _before(vm: Vm, site: Site) -> _Stay:
    record = vm.history[-2] if len(vm.history) > 1 else vm.history[-1]
    return _Stay(vm, site, record, record.hostname)


def _front_end(vm: Vm, site: Site, record: History | None = None) -> _Stay:
    return _Stay(vm, site, record or vm.history[-1], site.hostname)


def _disks(vm: Vm) -> list[Disk]:
    return vm.template.vectors("DISK")


def _arrive(stay: _Stay, disk: Disk) -> str:
    """Make, copy or link one disk. Raises :class:`InternalError` for one that cannot be."""
    kind = disk.get("TYPE", "").upper()
    target = stay.disk(disk)
    if kind == "SWAP":
        return stay.line("MKSWAP", {**disk, "TM_MAD_SYSTEM": ""}, disk.get("SIZE", ""), target)
    if kind == "FS":
        words = (disk.get("SIZE", ""), disk.get("FORMAT") or "raw", target)
        return stay.line("MKIMAGE", {**disk, "TM_MAD_SYSTEM": ""}, *words)
    source, clone = disk.get("SOURCE", ""), disk.get("CLONE", "")
    if not (source and clone and stay.drivers(disk)):
        raise InternalError(
            "missing DISK mandatory attributes (SOURCE, TM_MAD, CLONE, DATASTORE_ID) for VM "
            f"{stay.vm.oid}, DISK {disk.get('DISK_ID', '')}"
        )
    origin = source if ":" in source else f"{stay.site.hostname}:{source}"
    return stay.line("CLONE" if clone.upper() == "YES" else "LN", disk, origin, target)


def _kernels(stay: _Stay) -> Iterator[str]:
    """Copy the files of the section OS."""
    section = stay.vm.template.vector("OS")
    for base in ("KERNEL", "INITRD"):
        values = [section.get(f"{base}_DS_{part}", "") for part in ("TM", "SOURCE", "DSID")]
        if section.get(f"{base}_DS") and all(values):
            driver, source, datastore = values
            target = f"{stay.place}/{base.lower()}"
            yield f"CLONE {driver} {stay.site.hostname}:{source} {target} {stay.vm.oid} {datastore}"


def _prolog(vm: Vm, site: Site) -> Iterator[str]:
    stay = _here(vm, site)
    for disk in _disks(vm):
        yield _arrive(stay, disk)
    yield from _kernels(stay)


def _move(here: _Stay, there: _Stay, *, owner: _Stay) -> Iterator[str]:
    """Move all disks, then the folder; ``owner`` is the stay whose drivers do it."""
    for disk in _disks(here.vm):
        yield owner.line("MV", disk, here.disk(disk), there.disk(disk))
    yield owner.whole("MV", here.place, there.place)


def _prolog_migrate(vm: Vm, site: Site) -> Iterator[str]:
    there = _here(vm, site)
    return _move(_before(vm, site), there, owner=there)


def _prolog_resume(vm: Vm, site: Site) -> Iterator[str]:
    there = _here(vm, site)
    return _move(_front_end(vm, site, _before(vm, site).record), there, owner=there)


def _epilog_stop(vm: Vm, site: Site) -> Iterator[str]:
    here = _here(vm, site)
    return _move(here, _front_end(vm, site), owner=here)


def _leave(stay: _Stay, disk: Disk) -> str:
    """Save a disk to its image, or delete it."""
    if disk.get("SAVE", "").upper() != "YES":
        return stay.line("DELETE", disk, stay.disk(disk))
    source = disk.get("SOURCE", "")
    return stay.line("MVDS", disk, stay.disk(disk), source) if source else ""


def _epilog_of(stay: _Stay) -> Iterator[str]:
    for disk in _disks(stay.vm):
        yield _leave(stay, disk)
    yield stay.whole("DELETE", stay.place)


def _delete(stay: _Stay) -> Iterator[str]:
    """Delete what there is, and save nothing."""
    for disk in _disks(stay.vm):
        yield stay.line("DELETE", disk, stay.disk(disk))
    yield stay.whole("DELETE", stay.place)


def _epilog_delete_both(vm: Vm, site: Site) -> Iterator[str]:
    yield from _delete(_here(vm, site))
    yield from _delete(_before(vm, site))


def attach_line(vm: Vm, site: Site) -> str:
    """Bring the disk that is being attached."""
    disk = attached(vm)
    return _arrive(_here(vm, site), disk) if disk else ""


def detach_line(vm: Vm, site: Site) -> str:
    """Take the disk away that is being detached."""
    disk = attached(vm)
    return _leave(_here(vm, site), disk) if disk else ""


def disk_snapshot_line(vm: Vm, site: Site, command: str) -> str:
    """``SNAP_CREATE``, ``SNAP_REVERT`` or ``SNAP_DELETE`` of the disk that says so."""
    disk = snapshotted(vm)
    stay = _here(vm, site)
    return stay.line(command, disk, stay.disk(disk), disk.get("DISK_SNAPSHOT_ID", "")) if disk else ""


def resize_line(vm: Vm, site: Site) -> str:
    """Grow the disk that is being resized."""
    disk = resized(vm)
    stay = _here(vm, site)
    return stay.line("RESIZE", disk, stay.disk(disk), disk.get("SIZE", "")) if disk else ""


def _save_as(vm: Vm, site: Site) -> Iterator[str]:
    disk = saved(vm)
    away = vm.lcm_state in {LcmState.HOTPLUG_SAVEAS_STOPPED, LcmState.HOTPLUG_SAVEAS_UNDEPLOYED}
    stay = _front_end(vm, site) if away else _here(vm, site)
    if disk:
        source, snapshot = disk.get("HOTPLUG_SAVE_AS_SOURCE", ""), disk.get("HOTPLUG_SAVE_AS_SNAPSHOT_ID", "-1")
        yield stay.line("CPDS", disk, stay.disk(disk), source, snapshot)


def context_line(vm: Vm, site: Site) -> str:
    """Make the disk with the context; empty for a machine without one."""
    context = vm.template.vector("CONTEXT")
    if not context.get("DISK_ID"):
        return ""
    stay = _here(vm, site)
    files = " ".join(filter(None, (context.get("FILES", ""), context.get("FILES_DS", ""))))
    words = [f"{site.machines.rstrip('/')}/{vm.oid}/context.sh", *([files] if files else []), stay.disk(context)]
    return stay.whole("CONTEXT", *words)


def migrate_line(vm: Vm, site: Site) -> str:
    """What comes before and after a live migration."""
    there, here = _here(vm, site), _before(vm, site)
    return there.whole("MIGRATE", here.host, there.host, there.folder)


def delete_lines(vm: Vm, site: Site, *, previous: bool = False) -> list[str]:
    """Delete the machine from the host, or from the one before."""
    return list(filter(None, _delete(_before(vm, site) if previous else _here(vm, site))))


def disk_path(vm: Vm, site: Site, disk: Disk) -> str:
    """The file of a disk, as its host sees it."""
    return _here(vm, site).disk(disk).partition(":")[2] if disk else ""


SCRIPTS: dict[Work, Callable[[Vm, Site], Iterator[str]]] = {
    Work.PROLOG: _prolog,
    Work.PROLOG_MIGRATE: _prolog_migrate,
    Work.PROLOG_RESUME: _prolog_resume,
    Work.PROLOG_ATTACH: lambda vm, site: iter((attach_line(vm, site),)),
    Work.EPILOG: lambda vm, site: _epilog_of(_here(vm, site)),
    Work.EPILOG_LOCAL: lambda vm, site: _epilog_of(_front_end(vm, site)),
    Work.EPILOG_STOP: _epilog_stop,
    Work.EPILOG_DELETE: lambda vm, site: _delete(_here(vm, site)),
    Work.EPILOG_DELETE_LOCAL: lambda vm, site: _delete(_front_end(vm, site)),
    Work.EPILOG_DELETE_BOTH: _epilog_delete_both,
    Work.EPILOG_DETACH: lambda vm, site: iter((detach_line(vm, site),)),
    Work.SAVE_AS: _save_as,
    Work.TM_SNAPSHOT_CREATE: lambda vm, site: iter((disk_snapshot_line(vm, site, "SNAP_CREATE"),)),
    Work.TM_SNAPSHOT_REVERT: lambda vm, site: iter((disk_snapshot_line(vm, site, "SNAP_REVERT"),)),
    Work.TM_SNAPSHOT_DELETE: lambda vm, site: iter((disk_snapshot_line(vm, site, "SNAP_DELETE"),)),
    Work.TM_RESIZE: lambda vm, site: iter((resize_line(vm, site),)),
}
"""The lines of each piece of work; empty ones are for disks that need nothing."""
