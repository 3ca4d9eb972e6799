"""Hosts: machines that run virtual machines."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, ClassVar, Self

from sqlalchemy import Table

from oned.access.acl import Kind, Target
from oned.database.schema import host_pool
from oned.model.base import PoolObject, escape, ids_of, ids_xml, number, parse_body, template_of
from oned.model.cluster import OWNER, OWNER_BITS
from oned.model.host_share import HostShare
from onelib.template import Template
from onelib.template_xml import text_of

EMPTY_MONITORING = "<MONITORING/>"
TAIL = f"{EMPTY_MONITORING}</HOST>"
"""The end of every body: what probes measured is in a table of its own and only shown with a single host."""

_UNKNOWN_WHEN_OFFLINE = ("TOTALCPU", "TOTALMEMORY", "FREECPU", "FREEMEMORY", "USEDCPU", "USEDMEMORY")


class HostState(IntEnum):
    """DISABLED hosts are monitored and take what is deployed by hand; OFFLINE ones do neither."""

    INIT = 0
    MONITORED = 2
    ERROR = 3
    DISABLED = 4
    OFFLINE = 8


_LEGACY = {1: HostState.MONITORED, 5: HostState.ERROR, 7: HostState.DISABLED}
"""What releases before 6.0 wrote while a probe was running."""

_STATES = frozenset(HostState)


def state_of(value: int) -> HostState:
    """The state with this number in a body."""
    return HostState(value) if value in _STATES else _LEGACY.get(value, HostState.INIT)


@dataclass
class Host(PoolObject):
    """A host. ``prev_state`` is the state that subscribers were told last."""

    root: ClassVar[str] = "HOST"
    kind: ClassVar[Kind] = Kind.HOST
    table: ClassVar[Table] = host_pool
    encrypted: ClassVar[str] = "HOST_ENCRYPTED_ATTR"

    oid: int
    name: str
    im_mad: str
    vm_mad: str
    cluster_id: int
    cluster: str
    state: HostState = HostState.INIT
    prev_state: HostState = HostState.INIT
    share: HostShare = field(default_factory=HostShare)
    vms: set[int] = field(default_factory=set)
    template: Template = field(default_factory=Template)

    @classmethod
    def new(cls, name: str, im_mad: str, vm_mad: str, cluster_id: int, cluster: str) -> Self:
        """A host that has no id yet."""
        host = cls(-1, name, im_mad, vm_mad, cluster_id, cluster)
        host.template = Template(
            [("RESERVED_CPU", ""), ("RESERVED_MEM", ""), ("IM_MAD", im_mad), ("VM_MAD", vm_mad)]
        )
        return host

    @classmethod
    def from_xml(cls, body: str) -> Self:
        """The host of a body. Raises :class:`oned.errors.InternalError`."""
        root = parse_body(body, cls.root)
        return cls(
            oid=number(root, "ID"),
            name=text_of(root.find("NAME")),
            im_mad=text_of(root.find("IM_MAD")),
            vm_mad=text_of(root.find("VM_MAD")),
            cluster_id=number(root, "CLUSTER_ID"),
            cluster=text_of(root.find("CLUSTER")),
            state=state_of(number(root, "STATE", 0)),
            prev_state=state_of(number(root, "PREV_STATE", 0)),
            share=HostShare.of(root),
            vms=ids_of(root, "VMS"),
            template=template_of(root),
        )

    def to_xml(self) -> str:
        """The body."""
        return (
            f"<HOST><ID>{self.oid}</ID><NAME>{escape(self.name)}</NAME><STATE>{self.state:d}</STATE>"
            f"<PREV_STATE>{self.prev_state:d}</PREV_STATE><IM_MAD>{escape(self.im_mad)}</IM_MAD>"
            f"<VM_MAD>{escape(self.vm_mad)}</VM_MAD><CLUSTER_ID>{self.cluster_id}</CLUSTER_ID>"
            f"<CLUSTER>{escape(self.cluster)}</CLUSTER>{self.share.to_xml()}{ids_xml('VMS', self.vms)}"
            f"{self.template.to_xml()}{TAIL}"
        )

    def row(self) -> dict[str, Any]:
        """The columns of the pool table."""
        columns = {"oid": self.oid, "name": self.name, "body": self.to_xml()}
        return columns | OWNER | {"state": int(self.state), "cid": self.cluster_id}

    def target(self) -> Target:
        """For an access question."""
        return Target(self.kind, self.oid, 0, 0, OWNER_BITS, clusters=frozenset({self.cluster_id}))

    @property
    def public_cloud(self) -> bool:
        """Whether it stands for a provider's cloud."""
        return self.template.get("PUBLIC_CLOUD").upper() == "YES"

    def reserved(self, cluster: tuple[str, str]) -> tuple[str, str]:
        """RESERVED_CPU and RESERVED_MEM: its own, else its cluster's."""
        cpu, memory = self.template.get("RESERVED_CPU"), self.template.get("RESERVED_MEM")
        return cpu or cluster[0], memory or cluster[1]

    def follow(self, cluster: tuple[str, str]) -> bool:
        """Reserve what its cluster says; False when its own template says all of it."""
        if self.template.get("RESERVED_CPU") and self.template.get("RESERVED_MEM"):
            return False
        self.share.configure(self.template, *self.reserved(cluster))
        return True

    def go_offline(self) -> None:
        """Neither monitored nor used any more."""
        self.state = HostState.OFFLINE
        self.share.forget()
        for name in _UNKNOWN_WHEN_OFFLINE:
            self.template.erase(name)
