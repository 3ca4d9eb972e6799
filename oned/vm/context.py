"""The CONTEXT of a virtual machine: variables, what its interfaces are called inside, files, the OneGate token.

Source: OpenNebula 6.0, "Contextualization" and "Virtual Machine Template", "Context Section".
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from oned.config import Settings
from oned.errors import InternalError
from oned.model.vm import Vm
from oned.vm.variables import Lookup, Variable, expand

VROUTER_KEYS = ("VROUTER_ID", "VROUTER_KEEPALIVED_ID", "VROUTER_KEEPALIVED_PASSWORD")

Files = Callable[[str], str]
"""The text ``$FILE[...] ...`` to ``source:'name' `` of each file."""


class _Key(NamedTuple):
    """``ETHx_<name>`` has ``source`` or ``alternative`` of the interface, with ``lookup`` else of its network."""

    name: str
    source: str
    alternative: str = ""
    lookup: bool = False


_NETWORK = (
    _Key("IP", "IP"),
    _Key("MAC", "MAC"),
    _Key("MASK", "NETWORK_MASK", lookup=True),
    _Key("NETWORK", "NETWORK_ADDRESS", lookup=True),
    _Key("GATEWAY", "GATEWAY", lookup=True),
    _Key("DNS", "DNS", lookup=True),
    _Key("SEARCH_DOMAIN", "SEARCH_DOMAIN", lookup=True),
    _Key("MTU", "GUEST_MTU", lookup=True),
    _Key("METRIC", "METRIC", lookup=True),
    _Key("VLAN_ID", "VLAN_ID", lookup=True),
    _Key("VROUTER_IP", "VROUTER_IP"),
    _Key("VROUTER_MANAGEMENT", "VROUTER_MANAGEMENT"),
    _Key("EXTERNAL", "EXTERNAL"),
    _Key("IP6", "IP6_GLOBAL", "IP6"),
    _Key("IP6_ULA", "IP6_ULA"),
    _Key("GATEWAY6", "GATEWAY6", lookup=True),
    _Key("METRIC6", "METRIC6", lookup=True),
    _Key("CONTEXT_FORCE_IPV4", "CONTEXT_FORCE_IPV4", lookup=True),
    _Key("IP6_PREFIX_LENGTH", "PREFIX_LENGTH", lookup=True),
    _Key("VROUTER_IP6", "VROUTER_IP6_GLOBAL", "VROUTER_IP6"),
)


def is_yes(text: str | None) -> bool:
    """Whether an attribute says yes."""
    return (text or "").strip().upper() == "YES"


def is_auto(nic: dict[str, str]) -> bool:
    """Whether the scheduler chooses the network of the interface."""
    return nic.get("NETWORK_MODE", "").upper() == "AUTO"


def _prefix(kind: str, nic: dict[str, str]) -> str:
    if kind == "NIC":
        return f"ETH{nic.get('NIC_ID', '')}_"
    return f"ETH{nic.get('PARENT_ID', '')}_ALIAS{nic.get('ALIAS_ID', '')}_"


def _interfaces(vm: Vm) -> Iterator[tuple[str, dict[str, str]]]:
    for kind in ("NIC", "NIC_ALIAS"):
        for nic in vm.template.vectors(kind):
            yield _prefix(kind, nic), nic


def add_network(vm: Vm, lookup: Lookup, *, auto: bool = False) -> None:
    """Write ``ETHx_*`` of the interfaces into the CONTEXT that asks for them with ``NETWORK = YES``.

    ``auto``: also of those whose network the scheduler chooses, which have none before a deployment.
    """
    context = vm.template.vector("CONTEXT")
    if not is_yes(context.get("NETWORK")):
        return
    for prefix, nic in _interfaces(vm):
        if is_auto(nic) and not auto:
            continue
        for key in _NETWORK:
            value = nic.get(key.source) or nic.get(key.alternative, "")
            if not value and key.lookup:
                value = lookup(Variable("NETWORK", key.source, filter="NIC_ID", wanted=nic.get("NIC_ID", "")))
            context[prefix + key.name] = value


def drop_network(vm: Vm, kind: str, nic: dict[str, str]) -> None:
    """Take ``ETHx_*`` of a detached NIC or NIC_ALIAS away."""
    context = vm.template.vector("CONTEXT")
    for key in _NETWORK:
        context.pop(_prefix(kind, nic) + key.name, None)


def _add_pci(vm: Vm, context: dict[str, str]) -> None:
    """``PCIx_*`` of the devices, with addresses of those that are network interfaces."""
    for pci in vm.template.vectors("PCI"):
        prefix = f"PCI{pci.get('PCI_ID', '')}_"
        if pci.get("TYPE") == "NIC" and is_yes(context.get("NETWORK")):
            for key in _NETWORK:
                value = pci.get(key.source) or pci.get(key.alternative, "")
                if value:
                    context[prefix + key.name] = value
        if pci.get("VM_ADDRESS"):
            context[f"{prefix}ADDRESS"] = pci["VM_ADDRESS"]


def _add_token(vm: Vm, context: dict[str, str], settings: Settings) -> None:
    """Where the machine finds OneGate; its token is made at the deployment. Raises :class:`InternalError`."""
    if not is_yes(context.get("TOKEN")):
        return
    endpoint = settings.raw.get("ONEGATE_ENDPOINT")
    if not endpoint:
        raise InternalError("TOKEN set, but onegate endpoint was not defined in oned.conf.")
    context["ONEGATE_ENDPOINT"] = endpoint
    context["VMID"] = str(vm.oid)
    vm.template.set("CREATED_BY", str(vm.uid))


def build(vm: Vm, settings: Settings, lookup: Lookup, files: Files, *, auto: bool = False) -> None:
    """Complete the CONTEXT in the template of ``vm``, if it has one.

    Only the first counts. ``lookup`` knows the variables, ``files`` those of FILES_DS. Raises :class:`InternalError`.
    """
    found = vm.template.vectors("CONTEXT")
    if not found:
        return
    raw = found[0]
    files_ds = raw.pop("FILES_DS", "")
    vm.template.set("CONTEXT", {key: expand(value, lookup) for key, value in raw.items()})
    context = vm.template.vector("CONTEXT")
    add_network(vm, lookup, auto=auto)
    _add_pci(vm, context)
    if files_ds:
        parsed = files(files_ds)
        if parsed:
            context["FILES_DS"] = parsed
    _add_token(vm, context, settings)
    for key in VROUTER_KEYS:
        if vm.template.get(key):
            context[key] = vm.template.get(key)
