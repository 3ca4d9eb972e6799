"""Virtual machines."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from lxml import etree
from sqlalchemy import Table

from oned.access.acl import Kind
from oned.database.schema import vm_pool
from oned.errors import InternalError
from oned.model.base import OwnedObject, escape, number, parse_body
from oned.model.history import History
from oned.model.vm_short import (
    search_token,
    short_monitoring_xml,
    short_template_xml,
    short_user_xml,
)
from oned.model.vm_states import LcmState, VmState, state_name
from onelib.template import Template
from onelib.template_xml import Element, attributes_of, text_of


@dataclass
class Vm(OwnedObject):
    """A virtual machine.

    ``template`` is what it is made of, ``user_template`` all else its owner wrote. ``prev_state`` and
    ``prev_lcm_state`` are the states that the database has: ``oned.vm.store.save_vm`` tells subscribers when they
    differ from ``state`` and ``lcm_state``, and then sets them. ``history`` ends with the last record; a body holds
    no other (``oned.vm.store.load_history``). ``snapshots`` has the element SNAPSHOTS of a disk by its id, ``written``
    is the body that was written last. Times are epoch seconds.
    """

    root: ClassVar[str] = "VM"
    kind: ClassVar[Kind] = Kind.VM
    table: ClassVar[Table] = vm_pool

    state: VmState
    lcm_state: LcmState
    prev_state: VmState
    prev_lcm_state: LcmState
    resched: int
    stime: int
    etime: int
    last_poll: int
    deploy_id: str
    monitoring: Template
    user_template: Template
    history: list[History]
    snapshots: dict[int, str]
    written: str = field(default="", init=False, repr=False, compare=False)

    @classmethod
    def from_xml(cls, body: str) -> Self:
        """The virtual machine of a body. Raises :class:`oned.errors.InternalError`."""
        root = parse_body(body, cls.root)
        state, lcm_state = _states(root)
        return cls(
            **cls.common(root),
            state=state,
            lcm_state=lcm_state,
            prev_state=state,
            prev_lcm_state=lcm_state,
            resched=number(root, "RESCHED", 0),
            stime=number(root, "STIME", 0),
            etime=number(root, "ETIME", 0),
            last_poll=number(root, "LAST_POLL", 0),
            deploy_id=text_of(root.find("DEPLOY_ID")),
            monitoring=_attributes(root, "MONITORING"),
            user_template=_attributes(root, "USER_TEMPLATE"),
            history=[History.from_element(element) for element in root.findall("HISTORY_RECORDS/HISTORY")],
            snapshots={
                number(element, "DISK_ID"): etree.tostring(element, encoding="unicode", with_tail=False)
                for element in root.findall("SNAPSHOTS")
            },
        )

    @property
    def state_name(self) -> str:
        """How messages name the state."""
        return state_name(self.state, self.lcm_state)

    @property
    def changed_state(self) -> bool:
        """Whether the state is not the one that the database has."""
        return (self.prev_state, self.prev_lcm_state) != (self.state, self.lcm_state)

    def to_xml(self, records: slice = slice(-1, None)) -> str:
        """The body; ``records`` of the history, the last one as upstream keeps it."""
        history = "".join(record.to_xml() for record in self.history[records])
        lock = self.lock.to_xml() if self.lock else ""
        return (
            f"<VM>{self.head_xml()}{self.permissions_xml().removesuffix(lock)}<LAST_POLL>{self.last_poll}</LAST_POLL>"
            f"<STATE>{int(self.state)}</STATE><LCM_STATE>{int(self.lcm_state)}</LCM_STATE>"
            f"<PREV_STATE>{int(self.prev_state)}</PREV_STATE><PREV_LCM_STATE>{int(self.prev_lcm_state)}</PREV_LCM_STATE>"
            f"<RESCHED>{self.resched}</RESCHED><STIME>{self.stime}</STIME><ETIME>{self.etime}</ETIME>"
            f"<DEPLOY_ID>{escape(self.deploy_id)}</DEPLOY_ID>{lock}"
            f"{self.monitoring.to_xml('MONITORING')}{self.template.to_xml()}"
            f"{self.user_template.to_xml('USER_TEMPLATE')}<HISTORY_RECORDS>{history}</HISTORY_RECORDS>"
            f"{''.join(self.snapshots[disk] for disk in sorted(self.snapshots))}</VM>"
        )

    def short_xml(self) -> str:
        """The body that lists of virtual machines show."""
        lock = f"<LOCK><LOCKED>{self.lock.level}</LOCKED></LOCK>" if self.lock else ""
        history = self.history[-1].short_xml() if self.history else ""
        return (
            f"<VM>{self.head_xml()}<LAST_POLL>{self.last_poll}</LAST_POLL>"
            f"<STATE>{int(self.state)}</STATE><LCM_STATE>{int(self.lcm_state)}</LCM_STATE>"
            f"<RESCHED>{self.resched}</RESCHED><STIME>{self.stime}</STIME><ETIME>{self.etime}</ETIME>"
            f"<DEPLOY_ID>{escape(self.deploy_id)}</DEPLOY_ID>{lock}{short_template_xml(self.template)}"
            f"{short_monitoring_xml(self.monitoring)}{short_user_xml(self.user_template)}"
            f"<HISTORY_RECORDS>{history}</HISTORY_RECORDS></VM>"
        )

    def row(self) -> dict[str, Any]:
        """The columns of the pool table."""
        columns = super().row()
        self.written = columns["body"]
        return columns | {
            "state": int(self.state),
            "lcm_state": int(self.lcm_state),
            "short_body": self.short_xml(),
            "search_token": search_token(self),
        }


def _attributes(root: Element, name: str) -> Template:
    content = root.find(name)
    return Template(() if content is None else attributes_of(content))


def _states(root: Element) -> tuple[VmState, LcmState]:
    """The state of a body. Raises :class:`InternalError` for one that 6.0 does not have."""
    try:
        return VmState(number(root, "STATE", 0)), LcmState(number(root, "LCM_STATE", 0))
    except ValueError:
        raise InternalError("A VM in the database has an unknown state; onedb fsck reports it.") from None
