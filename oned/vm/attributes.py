"""What of a new machine's template goes where: TEMPLATE is what it is made of, USER_TEMPLATE the rest.

Each function takes attributes out of ``user_template`` of a new :class:`oned.model.vm.Vm`, checks them and puts them
into its ``template``. All raise :class:`InternalError` with upstream's text.
"""

import re
import secrets
import string
import uuid

from oned.config import Settings
from oned.errors import InternalError
from oned.model.base import check_name
from oned.model.vm import Vm
from oned.vm.context import VROUTER_KEYS
from oned.vm.numbers import decimal, integer
from oned.vm.variables import Lookup, expand

_MOVED = (
    "INPUT",
    "FEATURES",
    "RAW",
    "CLONING_TEMPLATE_ID",
    "TOPOLOGY",
    "NUMA_NODE",
    "HYPERV_OPTIONS",
    "SPICE_OPTIONS",
)
_NOT_DEFAULTS = ("NETWORK_ID", "NETWORK", "NETWORK_UID", "NETWORK_UNAME")
_HEX = re.compile(r"[0-9a-fA-F]{1,8}\Z")
_OWN_NAME = re.compile(r"one-[0-9]+\Z")
_PASSWORD_CHARS = string.ascii_letters + string.digits
SPICE_PASSWORD = 59
"""Characters that a SPICE password may have."""


def _take(vm: Vm, name: str) -> str:
    """Take the single attribute ``name`` out of the user's template."""
    value = vm.user_template.get(name)
    vm.user_template.erase(name)
    return value


def _move(vm: Vm, name: str) -> None:
    """Move all attributes called ``name``."""
    for value in vm.user_template.all(name):
        vm.template.add(name, value)
    vm.user_template.erase(name)


def set_name(vm: Vm) -> None:
    """Name the machine: NAME, else ``<template>-<id>``, else ``one-<id>``."""
    vm.user_template.erase("VMID")
    vm.template.set("VMID", str(vm.oid))
    template_id = _take(vm, "TEMPLATE_ID")
    if template_id:
        vm.template.set("TEMPLATE_ID", template_id)
    name = _take(vm, "NAME")
    prefix = _take(vm, "TEMPLATE_NAME") or "one"
    vm.name = name or f"{prefix}-{vm.oid}"
    reason = check_name(vm.name)
    if reason:
        raise InternalError(reason)


def move_known(vm: Vm) -> None:
    """Move what needs no check."""
    for name in _MOVED:
        _move(vm, name)
    emulator = _take(vm, "EMULATOR")
    if emulator:
        vm.template.set("EMULATOR", emulator)


def expand_public_clouds(vm: Vm, lookup: Lookup) -> None:
    """Replace the variables in PUBLIC_CLOUD and EC2."""
    for name in ("PUBLIC_CLOUD", "EC2"):
        vectors = vm.user_template.vectors(name)
        vm.user_template.erase(name)
        for vector in vectors:
            vm.user_template.add(name, {key: expand(value, lookup) for key, value in vector.items()})


def _take_count(vm: Vm, name: str, *, required: bool) -> None:
    """A positive integer. An optional one that is none stays with the user."""
    value = integer(vm.user_template.get(name))
    if value is None or value <= 0:
        if required:
            raise InternalError(f"{name} attribute must be a positive integer value.")
        return
    vm.user_template.erase(name)
    vm.template.set(name, str(value))


def take_capacity(vm: Vm) -> None:
    """MEMORY, CPU, VCPU, and what they may grow to."""
    _take_count(vm, "MEMORY", required=True)
    _take_count(vm, "MEMORY_MAX", required=False)
    _take_count(vm, "MEMORY_SLOTS", required=False)
    cpu = decimal(vm.user_template.get("CPU"))
    if cpu is None or cpu <= 0:
        raise InternalError("CPU attribute must be a positive float or integer value.")
    vm.user_template.erase("CPU")
    vm.template.set("CPU", f"{cpu:g}")
    if vm.user_template.get("VCPU"):
        _take_count(vm, "VCPU", required=True)
    _take_count(vm, "VCPU_MAX", required=False)


def take_costs(vm: Vm) -> None:
    """What an hour costs: per processor, per megabyte of memory and of disk."""
    for name in ("CPU_COST", "MEMORY_COST", "DISK_COST"):
        cost = decimal(vm.user_template.get(name))
        if cost is None:
            continue
        if cost < 0:
            raise InternalError(f"{name} attribute must be a positive float or integer value.")
        vm.user_template.erase(name)
        vm.template.set(name, f"{cost:g}")


def take_os(vm: Vm) -> dict[str, str]:
    """The vector OS, which every machine has, with a UUID. Its files are not looked at here."""
    count = len(vm.user_template.all("OS"))
    if count > 1:
        raise InternalError("Only one OS attribute can be defined.")
    if count and not vm.user_template.vectors("OS"):
        raise InternalError("Internal error parsing OS attribute.")
    vm.template.set("OS", vm.user_template.vector("OS"))
    vm.user_template.erase("OS")
    system = vm.template.vector("OS")
    if not system.get("UUID"):
        system["UUID"] = str(uuid.uuid4())
    return system


def take_cpu_model(vm: Vm) -> None:
    """The first CPU_MODEL."""
    models = vm.user_template.vectors("CPU_MODEL")
    vm.user_template.erase("CPU_MODEL")
    if models:
        vm.template.set("CPU_MODEL", models[0])


def take_pci(vm: Vm, settings: Settings) -> None:
    """The PCI devices to pass through, numbered, with the address that they have inside."""
    devices = vm.user_template.vectors("PCI")
    vm.user_template.erase("PCI")
    for number, device in enumerate(devices):
        device["PCI_ID"] = str(number)
        complete_pci(device, settings)
        vm.template.add("PCI", device)


def complete_pci(device: dict[str, str], settings: Settings) -> None:
    """Check one PCI device that has its PCI_ID, and give it its address inside."""
    described = False
    for key in ("VENDOR", "DEVICE", "CLASS"):
        value = device.get(key, "")
        if value and not _HEX.match(value):
            raise InternalError(f"Wrong Hex value for PCI attribute {key}")
        described = described or bool(value)
    if not described:
        raise InternalError("DEVICE, VENDOR or CLASS must be defined for PCI.")
    bus = device.get("VM_BUS") or settings.raw.get("PCI_PASSTHROUGH_BUS", "0x01")
    digits = bus.removeprefix("0x")
    if not _HEX.match(digits):
        raise InternalError("Wrong BUS in PCI attribute")
    bus = f"{int(digits, 16):02x}"
    slot = int(device["PCI_ID"]) + 1
    device |= {
        "VM_DOMAIN": "0x0000",
        "VM_BUS": f"0x{bus}",
        "VM_SLOT": f"0x{slot:02x}",
        "VM_FUNCTION": "0",
        "VM_ADDRESS": f"{bus}:{slot:02x}.0",
    }


def take_nic_default(vm: Vm) -> None:
    """NIC_DEFAULT: what interfaces have that do not say otherwise."""
    count = len(vm.user_template.all("NIC_DEFAULT"))
    if not count:
        return
    if count > 1:
        raise InternalError("Only one NIC_DEFAULT attribute can be defined.")
    vectors = vm.user_template.vectors("NIC_DEFAULT")
    if not vectors:
        raise InternalError("Wrong format for NIC_DEFAULT attribute.")
    for key in _NOT_DEFAULTS:
        if vectors[0].get(key):
            raise InternalError(f"Attribute {key} is not allowed inside NIC_DEFAULT.")
    _move(vm, "NIC_DEFAULT")


def take_vrouter(vm: Vm) -> None:
    """What makes the machine part of a virtual router."""
    for name in VROUTER_KEYS:
        value = _take(vm, name)
        if value:
            vm.template.set(name, value)


def take_graphics(vm: Vm) -> None:
    """GRAPHICS; its port is given at the deployment, when the cluster is known."""
    graphics = vm.user_template.vectors("GRAPHICS")
    if not graphics:
        return
    vm.user_template.erase("GRAPHICS")
    vm.template.set("GRAPHICS", graphics[0])
    complete_graphics(vm.template.vector("GRAPHICS"))


def complete_graphics(graphics: dict[str, str]) -> None:
    """Check the port, and make the password that RANDOM_PASSWD asks for."""
    port = graphics.get("PORT", "")
    if port:
        value = integer(port)
        if value is None or not 0 <= value <= 65535:
            raise InternalError("Wrong PORT number in GRAPHICS attribute")
    if graphics.get("RANDOM_PASSWD") and not graphics.get("PASSWD"):
        graphics["PASSWD"] = "".join(secrets.choice(_PASSWORD_CHARS) for _ in range(SPICE_PASSWORD))


def expand_requirements(vm: Vm, lookup: Lookup) -> None:
    """Replace the variables in SCHED_REQUIREMENTS, or in its old name REQUIREMENTS."""
    found = vm.user_template.all("SCHED_REQUIREMENTS") or vm.user_template.all("REQUIREMENTS")
    vm.user_template.erase("SCHED_REQUIREMENTS")
    vm.user_template.erase("REQUIREMENTS")
    if not found:
        return
    if len(found) > 1:
        raise InternalError("Only one SCHED_REQUIREMENTS attribute can be defined.")
    if not isinstance(found[0], str):
        raise InternalError("Wrong format for SCHED_REQUIREMENTS attribute.")
    vm.user_template.set("SCHED_REQUIREMENTS", expand(found[0], lookup))


def take_hold(vm: Vm) -> None:
    """SUBMIT_ON_HOLD, as the machine was asked to wait."""
    if "SUBMIT_ON_HOLD" in vm.user_template:
        vm.template.set("SUBMIT_ON_HOLD", "YES" if _take(vm, "SUBMIT_ON_HOLD").upper() == "YES" else "NO")


def take_deploy_id(vm: Vm) -> None:
    """DEPLOY_ID of a machine that runs already and is imported."""
    deploy_id = _take(vm, "DEPLOY_ID")
    if not deploy_id:
        return
    if _OWN_NAME.match(deploy_id):
        raise InternalError("Trying to import an OpenNebula VM: 'one-*'.")
    vm.template.set("IMPORTED", "YES")
    vm.deploy_id = deploy_id


def set_boot_order(vm: Vm) -> None:
    """Write ORDER into the disks and interfaces that OS/BOOT names, as ``disk0,nic1``."""
    devices = {"DISK": vm.template.vectors("DISK"), "NIC": vm.template.vectors("NIC")}
    for vectors in devices.values():
        for vector in vectors:
            vector.pop("ORDER", None)
    order = vm.template.vector("OS").get("BOOT", "")
    if not order:
        return
    for number, name in enumerate(filter(None, order.split(",")), 1):
        match = re.fullmatch(r"(DISK|NIC)([0-9]+)", name.upper())
        if match is None:
            raise InternalError(
                f'Wrong OS/BOOT value: "{order}" should be a comma-separated list of disk# or nic#'
            )
        key, wanted = f"{match.group(1)}_ID", match.group(2)
        found = [vector for vector in devices[match.group(1)] if integer(vector.get(key)) == integer(wanted)]
        if not found:
            raise InternalError(f"Wrong OS/BOOT value. Device with {key} {int(wanted[:20])} not found")
        found[0]["ORDER"] = str(number)
