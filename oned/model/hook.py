"""Hooks: programs that the hook execution manager runs after a call of the API, or when an object gets into a state."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar, Self

from sqlalchemy import Table

from oned.access.acl import Kind
from oned.database.schema import hook_pool
from oned.model.base import Lock, OwnedObject, escape, number, parse_body, template_of
from oned.model.host import HostState
from oned.model.image import ImageState
from oned.model.vm_states import LcmState, VmState
from onelib.template import Template
from onelib.template_xml import text_of

RESOURCES = frozenset({"VM", "HOST", "IMAGE"})
BITS = (1, 1, 0, 0, 0, 0, 0, 0, 0)
"""The permission bits, which bodies do not carry: hooks belong to oneadmin."""

_ON = {
    "PROLOG": (VmState.ACTIVE, LcmState.PROLOG),
    "RUNNING": (VmState.ACTIVE, LcmState.RUNNING),
    "SHUTDOWN": (VmState.ACTIVE, LcmState.EPILOG),
    "STOP": (VmState.STOPPED, LcmState.LCM_INIT),
    "DONE": (VmState.DONE, LcmState.LCM_INIT),
    "UNKNOWN": (VmState.ACTIVE, LcmState.UNKNOWN),
}
"""The words for a state of a virtual machine in the attribute ON."""
_UNDEFINED = "The {} attribute is not defined or it's invalid."


class HookType(IntEnum):
    """What starts a hook; the number is that of the table's column, the lower-case name that of templates."""

    STATE = 1
    API = 2

    @classmethod
    def of(cls, text: str) -> "HookType | None":
        """The type called ``text``, in any case."""
        return {"state": cls.STATE, "api": cls.API}.get(text.lower())


@dataclass
class Hook(OwnedObject):
    """A hook. Its template says what starts it (CALL, or RESOURCE, STATE and LCM_STATE) and what it runs."""

    root: ClassVar[str] = "HOOK"
    kind: ClassVar[Kind] = Kind.HOOK
    table: ClassVar[Table] = hook_pool

    type: HookType

    @classmethod
    def new(cls, oid: int, name: str, kind: HookType, template: Template, lock: Lock | None = None) -> Self:
        """A hook; it is oneadmin's."""
        return cls(oid, 0, 0, "", "oneadmin", name, list(BITS), template, lock, kind)

    @classmethod
    def from_xml(cls, body: str) -> Self:
        """The hook of a body. Raises :class:`oned.errors.InternalError`."""
        root = parse_body(body, cls.root)
        kind = HookType.of(text_of(root.find("TYPE"))) or HookType.API
        return cls.new(number(root, "ID"), text_of(root.find("NAME")), kind, template_of(root), Lock.of(root))

    def to_xml(self) -> str:
        """The body."""
        return (
            f"<HOOK><ID>{self.oid}</ID><NAME>{escape(self.name)}</NAME><TYPE>{self.type.name.lower()}</TYPE>"
            f"{self.lock.to_xml() if self.lock else ''}{self.template.to_xml()}</HOOK>"
        )

    def row(self) -> dict[str, Any]:
        """The columns of the pool table."""
        return super().row() | {"type": int(self.type)}


def _member(states: type[IntEnum], name: str) -> IntEnum | None:
    return states.__members__.get(name.upper())


def _machine_states(template: Template) -> tuple[IntEnum, IntEnum]:
    """The states that ON says, or STATE and LCM_STATE with ``ON = CUSTOM``. Raises ValueError."""
    on = template.get("ON").upper()
    if on in _ON:
        return _ON[on]
    if on != "CUSTOM":
        raise ValueError(f"Unkown state condition: {on}")
    state, lcm_state = _member(VmState, template.get("STATE")), _member(LcmState, template.get("LCM_STATE"))
    if state is None:
        raise ValueError(f"Wrong STATE: {template.get('STATE').upper()}")
    if lcm_state is None:
        raise ValueError(f"Wrong LCM_STATE: {template.get('LCM_STATE').upper()}")
    return state, lcm_state


def _image_state(text: str) -> str:
    """The name that events have for the state ``text`` of an image, empty when there is none."""
    state = ImageState.__members__.get(text.upper(), ImageState.INIT)
    return "" if state is ImageState.INIT else state.label


def check_condition(template: Template) -> None:
    """Check what a new hook waits for, and write the states as events name them.

    Raises ValueError with upstream's text.
    """
    resource, text = template.get("RESOURCE"), template.get("STATE")
    if not resource:
        raise ValueError("RESOURCE attribute is required for STATE hooks.")
    if resource not in RESOURCES:
        raise ValueError(f"Invalid resource type: {resource}")
    if resource == "VM":
        state, lcm_state = _machine_states(template)
        template.erase("ON")
        template.set("STATE", state.name)
        template.set("LCM_STATE", lcm_state.name)
    elif resource == "HOST":
        if _member(HostState, text) is None:
            raise ValueError(f"Invalid STATE: {text.upper()}")
        template.set("STATE", text.upper())
    else:
        if "STATE" not in template:
            raise ValueError("Hook STATE attribute not found or invalid")
        if not _image_state(text):
            raise ValueError(f"Invalid or unkown STATE condition: {text.upper()}")
        template.set("STATE", _image_state(text))


def check_changed_condition(template: Template) -> None:
    """As :func:`check_condition` for a hook that is updated, where ON has no meaning any more."""
    resource, text = template.get("RESOURCE"), template.get("STATE")
    if resource not in RESOURCES:
        raise ValueError("RESOURCE attribute is required for STATE hooks.")
    name = _image_state(text) if resource == "IMAGE" else text.upper()
    states: dict[str, type[IntEnum]] = {"VM": VmState, "HOST": HostState, "IMAGE": ImageState}
    if _member(states[resource], name) is None:
        raise ValueError(_UNDEFINED.format("STATE"))
    template.set("STATE", name)
    if resource == "VM":
        lcm_state = _member(LcmState, template.get("LCM_STATE"))
        if lcm_state is None:
            raise ValueError(_UNDEFINED.format("LCM_STATE"))
        template.set("LCM_STATE", lcm_state.name)
