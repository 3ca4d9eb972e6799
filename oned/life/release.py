"""Giving back what a virtual machine has: images, addresses, security groups, its place in a group."""

from sqlalchemy import delete

from oned.access import vmgroups
from oned.database.db import Transaction
from oned.database.pools import save
from oned.database.schema import vm_import
from oned.model.image import Image
from oned.model.network import Network
from oned.model.snapshots import Snapshots
from oned.model.vm import Vm
from oned.model.vm_short import nics_of
from oned.model.vrouter import VirtualRouter
from oned.network import nics
from oned.network.groups import groups_of, leave
from oned.storage import disks
from oned.storage.reading import held, lock_rows
from oned.vm.context import is_yes
from oned.vm.usage import number


def snapshots_of(vm: Vm, disk: dict[str, str]) -> Snapshots | None:
    """The snapshots of a disk; None without any."""
    text = vm.snapshots.get(number(disk.get("DISK_ID")))
    return Snapshots.from_xml(text) if text else None


def image_of(disk: dict[str, str]) -> int:
    """The image that a disk is made of, -1 for a volatile one."""
    text = disk.get("IMAGE_ID", "")
    return int(text) if text.isdecimal() else -1


def keep_in_image(transaction: Transaction, vm: Vm, disk: dict[str, str]) -> None:
    """Tell a persistent image what its disk has become: how large, with which snapshots."""
    size = number(disk.get("SIZE"))
    grown = size if size > number(disk.get("ORIGINAL_SIZE")) else 0
    disks.put_back(transaction, image_of(disk), size=grown, snapshots=snapshots_of(vm, disk))


def give_back_disk(transaction: Transaction, vm: Vm, disk: dict[str, str], *, failed: bool = False) -> None:
    """Give the image of a disk back, which is no longer among those of ``vm`` or goes with all of them."""
    if image_of(disk) == -1:
        return
    if not failed:
        keep_in_image(transaction, vm, disk)
    disks.release(transaction, image_of(disk), vm.oid, failed=failed)


def free(transaction: Transaction, vm: Vm, *, failed: bool) -> None:
    """Give everything back. ``failed``: nobody knows what is on persistent disks."""
    every = vm.template.vectors("DISK")
    lock_rows(transaction, Image.table, {image_of(disk) for disk in every} - {-1})
    for disk in every:
        give_back_disk(transaction, vm, disk, failed=failed)
    interfaces = nics_of(vm.template)
    networks = {nic.get("NETWORK_ID", "") for nic in interfaces}
    lock_rows(transaction, Network.table, {int(network) for network in networks if network.isdecimal()})
    for nic in interfaces:
        nics.release(transaction, vm.oid, nic)
    leave(transaction, vm.oid, groups_of(interfaces))
    group = vm.template.vector("VMGROUP")
    if group:
        vmgroups.leave(transaction, group, vm.oid)
    _leave_router(transaction, vm)
    if is_yes(vm.template.get("IMPORTED")) and vm.deploy_id:
        transaction.write(delete(vm_import).where(vm_import.c.deploy_id == vm.deploy_id))


def _leave_router(transaction: Transaction, vm: Vm) -> None:
    text = vm.template.get("VROUTER_ID")
    router = held(transaction, VirtualRouter, int(text)) if text.isdecimal() else None
    if router is not None and vm.oid in router.vms:
        router.vms.remove(vm.oid)
        save(transaction, router)
