"""New virtual machines: from a client's template to a row, with images, leases and quotas, or nothing of it."""

import time

from sqlalchemy import insert, select

from oned.access.acl import Authorization, Op
from oned.access.quota import charge
from oned.access.vmgroups import find, join
from oned.crypt import encrypt_template
from oned.database.schema import vm_import
from oned.errors import AllocateError, InternalError
from oned.methods.call import Call
from oned.methods.personal import owner_fields
from oned.model.datastore import Datastore
from oned.model.image import ImageState, ImageType
from oned.model.vm import Vm
from oned.model.vm_states import LcmState, VmState
from oned.storage.reading import glance
from oned.vm import attributes, disks, nics, sched_action, topology
from oned.vm.context import is_yes
from oned.vm.lookup import VmLookup, complete_context, file_images
from oned.vm.requirements import set_automatic
from oned.vm.store import insert_vm
from oned.vm.usage import capacity_usage, device_usage
from onelib.template import Template

ENCRYPTED = "VM_ENCRYPTED_ATTR"
RESTRICTED = "VM_RESTRICTED_ATTR"
"""The settings that name secret and restricted attributes of machines and their templates."""
_BOOT_FILES = (("KERNEL", ImageType.KERNEL), ("INITRD", ImageType.RAMDISK))


def authorize(call: Call, template: Template, question: Authorization) -> None:
    """Add to ``question`` all that a machine of ``template`` uses, and ask it.

    Its images and networks are resolved by the way. Raises :class:`oned.errors.AuthorizationError` with all that is
    refused, and only then :class:`InternalError` for what is not there.
    """
    missing: InternalError | None = None
    for resolve in (disks.resolve, nics.resolve):
        try:
            resolve(call, template, question)
        except InternalError as error:
            missing = missing or error
    group = find(call.transaction, template.vector("VMGROUP"), call.caller.uid)
    if group is not None:
        question.add(Op.USE, group.target())
    question.check()
    if missing is not None:
        raise missing


def create_vm(call: Call, template: Template, *, hold: bool = False) -> int:
    """Create a machine of the caller from ``template``, which :func:`authorize` has passed; its id.

    What is taken on the way is given back by the roll-back when anything fails. Raises :class:`InternalError` with
    upstream's text, :class:`AllocateError` for a topology that cannot be, and
    :class:`oned.errors.AuthorizationError` for a quota.
    """
    try:
        topology.complete(template)
    except InternalError as error:
        raise AllocateError(error.detail, kind=Vm.kind.label) from None
    vm = _blank(call, template, hold=hold)
    attributes.take_capacity(vm)
    charge(call.transaction, vm.uid, vm.gid, capacity_usage(vm.template, running=True))
    vm.oid = call.transaction.next_oid(Vm.table.name)
    attributes.set_name(vm)
    lookup = VmLookup(call.transaction, vm)
    attributes.move_known(vm)
    attributes.expand_public_clouds(vm, lookup)
    attributes.take_costs(vm)
    take_boot_files(call, attributes.take_os(vm))
    attributes.take_cpu_model(vm)
    attributes.take_pci(vm, call.settings)
    attributes.take_nic_default(vm)
    attributes.take_vrouter(vm)
    disks.take(call, vm)
    nics.take(call, vm)
    charge(call.transaction, vm.uid, vm.gid, device_usage(vm.template))
    attributes.take_hold(vm)
    if any(is_yes(disk.get("CLONING")) for disk in vm.template.vectors("DISK")):
        vm.state = VmState.CLONING
    attributes.set_boot_order(vm)
    complete_context(call, vm)
    attributes.expand_requirements(vm, lookup)
    set_automatic(call.transaction, vm.template, vm.user_template)
    attributes.take_graphics(vm)
    attributes.take_deploy_id(vm)
    _join_group(call, vm)
    sched_action.check(vm.user_template)
    for content in (vm.template, vm.user_template):
        encrypt_template(content, call.settings.names(ENCRYPTED), call.key)
    insert_vm(call.transaction, vm)
    _enter_import(call, vm)
    return vm.oid


def _blank(call: Call, template: Template, *, hold: bool) -> Vm:
    """A machine of the caller with nothing but its user's template."""
    hold = hold or is_yes(call.settings.raw.get("VM_SUBMIT_ON_HOLD"))
    if hold:
        template.set("SUBMIT_ON_HOLD", "YES")
    imported = bool(template.get("DEPLOY_ID"))
    state = VmState.HOLD if hold or imported else VmState.PENDING
    return Vm(
        **owner_fields(call),
        name="",
        template=Template(),
        state=state,
        lcm_state=LcmState.LCM_INIT,
        prev_state=state,
        prev_lcm_state=LcmState.LCM_INIT,
        resched=0,
        stime=int(time.time()),
        etime=0,
        last_poll=0,
        deploy_id="",
        monitoring=Template(),
        user_template=template,
        history=[],
        snapshots={},
    )


def take_boot_files(call: Call, system: dict[str, str]) -> None:
    """Write where the files are that KERNEL_DS and INITRD_DS of an OS vector name. Raises :class:`InternalError`."""
    for name, wanted in _BOOT_FILES:
        text = system.get(f"{name}_DS", "")
        if not text:
            continue
        images = file_images(call, text)
        if len(images) != 1:
            raise InternalError(f"Only one FILE variable can be used in: {text}")
        image = images[0]
        if image.type is not wanted:
            raise InternalError(f"{name} needs an image of type {wanted.name} and not {image.type.name}")
        if image.state is not ImageState.READY:
            raise InternalError(f"{image.type.name} Image '{image.oid} 'not in READY state.")
        system.pop(name, None)
        system |= {
            f"{name}_DS_ID": str(image.oid),
            f"{name}_DS_SOURCE": image.source,
            f"{name}_DS_DSID": str(image.datastore_id),
            f"{name}_DS_TM": datastore_driver(call, image.datastore_id),
        }


def datastore_driver(call: Call, oid: int) -> str:
    """The transfer driver of a datastore. Raises :class:`InternalError`."""
    datastore = glance(call.transaction, Datastore, oid)
    if datastore is None:
        raise InternalError("Associated datastore for image does not exist")
    return datastore.tm_mad


def _join_group(call: Call, vm: Vm) -> None:
    """Make the machine a member of the role that its first VMGROUP names. Raises :class:`InternalError`."""
    groups = vm.user_template.vectors("VMGROUP")
    vm.user_template.erase("VMGROUP")
    if groups:
        join(call.transaction, groups[0], vm.uid, vm.oid)
        vm.template.set("VMGROUP", groups[0])


def _enter_import(call: Call, vm: Vm) -> None:
    """Note the name under which an imported machine runs. Raises :class:`InternalError` for one that is known."""
    if not vm.deploy_id:
        return
    known = select(vm_import.c.vmid).where(vm_import.c.deploy_id == vm.deploy_id)
    if call.transaction.one(known) is not None:
        raise InternalError(f"Virtual Machine {vm.deploy_id} already imported.")
    call.transaction.write(insert(vm_import), {"deploy_id": vm.deploy_id, "vmid": vm.oid})
