"""What lists and searches need of a virtual machine: its short body, and its words for the full-text index."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from oned.model.base import escape
from onelib.template import Template, cdata

if TYPE_CHECKING:
    from oned.model.vm import Vm

_DISK = (
    "DISK_ID",
    "DATASTORE",
    "DATASTORE_ID",
    "IMAGE",
    "IMAGE_ID",
    "SIZE",
    "TYPE",
    "CLONE",
    "CLONE_TARGET",
    "LN_TARGET",
    "DISK_SNAPSHOT_TOTAL_SIZE",
)
_NIC_SET = (
    "IP",
    "EXTERNAL_IP",
    "IP6",
    "IP6_ULA",
    "IP6_LINK",
    "IP6_GLOBAL",
    "NETWORK_MODE",
    "SCHED_REQUIREMENTS",
    "SCHED_RANK",
)
_NIC = ("MAC", "NETWORK", "NETWORK_ID", "NIC_ID", "SECURITY_GROUPS")
_USER = ("LABELS", "SCHED_RANK", "SCHED_DS_RANK", "SCHED_REQUIREMENTS", "SCHED_DS_REQUIREMENTS", "USER_PRIORITY")
_TOKEN_CHARS = str.maketrans("-.:", "___")


def _elements(vector: dict[str, str], names: Iterable[str], *, empty: bool) -> str:
    """The keys ``names`` of ``vector``; ``empty``: those it does not have as well."""
    return "".join(f"<{n}>{escape(vector.get(n, ''))}</{n}>" for n in names if empty or vector.get(n))


def vector_xml(name: str, vector: dict[str, str]) -> str:
    """A vector attribute as an element."""
    inner = "".join(f"<{key}>{cdata(vector[key])}</{key}>" for key in sorted(vector))
    return f"<{name}>{inner}</{name}>"


def nics_of(template: Template) -> list[dict[str, str]]:
    """All interfaces of a TEMPLATE: NIC, PCI devices that are network interfaces, NIC_ALIAS."""
    pci = [vector for vector in template.vectors("PCI") if vector.get("TYPE") == "NIC"]
    return [*template.vectors("NIC"), *pci, *template.vectors("NIC_ALIAS")]


def short_template_xml(template: Template) -> str:
    """The TEMPLATE of a short body."""
    disks = "".join(f"<DISK>{_elements(disk, _DISK, empty=True)}</DISK>" for disk in template.vectors("DISK"))
    nics = "".join(
        f"<NIC>{_elements(nic, _NIC_SET, empty=False)}{_elements(nic, _NIC, empty=True)}</NIC>"
        for nic in nics_of(template)
    )
    graphics = "".join(vector_xml("GRAPHICS", vector) for vector in template.vectors("GRAPHICS")[:1])
    return (
        f"<TEMPLATE><CPU>{escape(template.get('CPU'))}</CPU><MEMORY>{escape(template.get('MEMORY'))}</MEMORY>"
        f"{disks}{nics}{graphics}</TEMPLATE>"
    )


def short_user_xml(template: Template) -> str:
    """The USER_TEMPLATE of a short body."""
    parts = [f"<{name}>{escape(template.get(name))}</{name}>" for name in _USER if name in template]
    for name in ("PUBLIC_CLOUD", "SCHED_ACTION"):
        parts += [vector_xml(name, vector) for vector in template.vectors(name)]
    return f"<USER_TEMPLATE>{''.join(parts)}</USER_TEMPLATE>"


def short_monitoring_xml(monitoring: Template) -> str:
    """The MONITORING of a short body."""
    if not len(monitoring):
        return "<MONITORING/>"
    parts = "".join(f"<{name}>{escape(monitoring.get(name))}</{name}>" for name in ("CPU", "MEMORY", "STATE"))
    return f"<MONITORING>{parts}</MONITORING>"


def _token(name: str, value: str) -> str:
    """One ``NAME=value`` of the search text: the index takes ``-``, ``.`` and ``:`` as ends of words."""
    return f"{name}={value}".translate(_TOKEN_CHARS) + "\n"


def _template_tokens(template: Template) -> str:
    parts = []
    for name, value in template:
        if isinstance(value, str):
            parts.append(_token(name, value) if value else "")
        else:
            parts += [_token(key, value[key]) for key in sorted(value) if value[key]]
    return "".join(parts)


def search_token(vm: "Vm") -> str:
    """The text in which a list of virtual machines is searched."""
    parts = [
        f"UNAME={vm.uname}\nGNAME={vm.gname}\n",
        f"{_template_tokens(vm.template)}\n{_template_tokens(vm.user_template)}",
        _token("NAME", vm.name),
    ]
    if vm.history:
        last = vm.history[-1]
        parts.append(f"\n{_token('HOSTNAME', last.hostname)}HID={last.hid}\nCID={last.cid}\nDS_ID={last.ds_id}\n")
    return "".join(parts)
