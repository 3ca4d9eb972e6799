"""``one.vm.updateconf``: what of a virtual machine's template may change while it exists."""

from oned.crypt import encrypt_template
from oned.errors import AuthorizationError, InternalError
from oned.infrastructure import vnc
from oned.life.asking import question_for
from oned.life.machine import Life, life_of
from oned.life.places import CLONING, CLONING_FAILURE, HOLD, PENDING, POWEROFF, RUNNING, UNDEPLOYED, L
from oned.life.steps import Event
from oned.methods.call import Call
from oned.methods.restricted import changed_restricted
from oned.methods.shared import parse_template
from oned.model.vm import Vm
from oned.model.vm_states import Action, VmState
from oned.vm import attributes
from oned.vm.create import ENCRYPTED, RESTRICTED
from oned.vm.lookup import complete_context
from onelib.template import Template

SECTIONS = {
    "OS": (
        "ARCH",
        "MACHINE",
        "KERNEL",
        "INITRD",
        "BOOTLOADER",
        "BOOT",
        "KERNEL_CMD",
        "ROOT",
        "SD_DISK_BUS",
        "UUID",
    ),
    "FEATURES": (
        "PAE",
        "ACPI",
        "APIC",
        "LOCALTIME",
        "HYPERV",
        "GUEST_AGENT",
        "VIRTIO_SCSI_QUEUES",
        "IOTHREADS",
    ),
    "INPUT": ("TYPE", "BUS"),
    "GRAPHICS": ("TYPE", "LISTEN", "PASSWD", "KEYMAP", "COMMAND"),
    "RAW": ("TYPE", "DATA", "DATA_VMX"),
    "CPU_MODEL": ("MODEL",),
}
"""The keys of each vector attribute that may change; CONTEXT may change as a whole."""

_PLACES = frozenset({PENDING, HOLD, POWEROFF, UNDEPLOYED, CLONING, CLONING_FAILURE})
_LCM = frozenset(
    {
        L.LCM_INIT,
        L.PROLOG,
        L.RUNNING,
        L.EPILOG,
        L.SHUTDOWN,
        L.CLEANUP_RESUBMIT,
        L.SHUTDOWN_POWEROFF,
        L.CLEANUP_DELETE,
        L.HOTPLUG_SAVEAS_POWEROFF,
        L.SHUTDOWN_UNDEPLOY,
        L.EPILOG_UNDEPLOY,
        L.PROLOG_UNDEPLOY,
        L.HOTPLUG_PROLOG_POWEROFF,
        L.HOTPLUG_EPILOG_POWEROFF,
        L.BOOT_FAILURE,
        L.PROLOG_FAILURE,
        L.EPILOG_FAILURE,
        L.EPILOG_UNDEPLOY_FAILURE,
        L.PROLOG_MIGRATE_POWEROFF,
        L.PROLOG_MIGRATE_POWEROFF_FAILURE,
        L.BOOT_UNDEPLOY_FAILURE,
        L.PROLOG_UNDEPLOY_FAILURE,
        L.DISK_SNAPSHOT_POWEROFF,
        L.DISK_SNAPSHOT_REVERT_POWEROFF,
        L.DISK_SNAPSHOT_DELETE_POWEROFF,
    }
)
_WITH_PORT = {VmState.ACTIVE, VmState.POWEROFF, VmState.SUSPENDED}


def _changeable(template: Template) -> Template:
    """The part of a template that may change."""
    part = Template()
    for name, keys in SECTIONS.items():
        kept = {key: value for key, value in template.vector(name).items() if key in keys and value}
        if kept:
            part.add(name, kept)
    if template.vectors("CONTEXT"):
        part.add("CONTEXT", template.vector("CONTEXT"))
    return part


def update(call: Call, vm_id: int, text: str) -> int:
    """Replace what may change; a machine that runs gets its context at once."""
    wanted = _changeable(parse_template(text))
    question_for(call, vm_id, Action.UPDATECONF).check()
    life = life_of(call, vm_id)
    vm = life.vm
    if not call.caller.is_admin:
        name = changed_restricted(wanted, _changeable(vm.template), call.settings.names(RESTRICTED))
        if name:
            raise AuthorizationError(f"Template includes a restricted attribute {name}")
    if life.place not in _PLACES and not (vm.state is VmState.ACTIVE and vm.lcm_state in _LCM):
        raise InternalError(f"configuration cannot be updated in state {vm.state_name}")
    _replace(vm, wanted)
    attributes.set_boot_order(vm)
    _replace_context(call, vm, wanted)
    _complete_graphics(life)
    encrypt_template(vm.template, call.settings.names(ENCRYPTED), call.key)
    if life.place == RUNNING:
        life.take(Event.UPDATE_CONF)
    else:
        life.save()
    return vm_id


def _replace(vm: Vm, wanted: Template) -> None:
    """Take each section from ``wanted``; of one that is there the other keys stay."""
    for name, keys in SECTIONS.items():
        new, old = wanted.vector(name), vm.template.vector(name)
        if not new:
            vm.template.erase(name)
        elif not old:
            vm.template.set(name, new)
        else:
            kept = {key: value for key, value in old.items() if key not in keys}
            vm.template.set(name, kept | new)


def _replace_context(call: Call, vm: Vm, wanted: Template) -> None:
    new, old = wanted.vectors("CONTEXT"), vm.template.vectors("CONTEXT")
    if not new:
        return
    if not old:
        raise InternalError("Virtual machine does not have context, cannot add a new one.")
    files, files_wanted = old[0].get("FILES_DS", ""), new[0].pop("FILES_DS", "")
    fixed = {key: old[0][key] for key in ("TARGET", "DISK_ID") if key in old[0]}
    vm.template.set("CONTEXT", new[0] | fixed)
    complete_context(call, vm)
    if files and files_wanted:
        vm.template.vector("CONTEXT")["FILES_DS"] = files


def _complete_graphics(life: Life) -> None:
    vm = life.vm
    graphics = vm.template.vector("GRAPHICS")
    if not graphics:
        return
    attributes.complete_graphics(graphics)
    if graphics.get("PORT") or vm.state not in _WITH_PORT or not vm.history:
        return
    port = vnc.acquire(life.transaction, life.settings, vm.history[-1].cid, vm.oid)
    if port is None:
        raise InternalError("No free VNC ports available in the cluster")
    graphics["PORT"] = str(port)
