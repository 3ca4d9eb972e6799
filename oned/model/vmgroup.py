"""VM groups: roles, the virtual machines in them, and which of them belong on one host or never on one.

Source: OpenNebula 6.0, "Virtual Machine Affinity".
"""

from dataclasses import dataclass, field
from typing import ClassVar, Self

from sqlalchemy import Table

from oned.access.acl import Kind
from oned.database.schema import vmgroup_pool
from oned.errors import InternalError
from oned.model.base import OwnedObject, parse_body
from onelib.template import Template
from onelib.template_xml import attributes_of

MAX_ROLES = 32
AFFINED, ANTI_AFFINED = "AFFINED", "ANTI_AFFINED"


@dataclass
class VmGroup(OwnedObject):
    """A group of roles; each has ID, NAME, perhaps POLICY, host lists, and VMS (ids with commas)."""

    root: ClassVar[str] = "VM_GROUP"
    kind: ClassVar[Kind] = Kind.VMGROUP
    table: ClassVar[Table] = vmgroup_pool

    roles: list[dict[str, str]] = field(default_factory=list)

    @classmethod
    def from_xml(cls, body: str) -> Self:
        """The group of a body. Raises :class:`InternalError`."""
        root = parse_body(body, cls.root)
        roles = root.find("ROLES")
        found = Template(() if roles is None else attributes_of(roles)).vectors("ROLE")
        return cls(**cls.common(root), roles=found)

    def to_xml(self) -> str:
        """The body."""
        roles = Template(("ROLE", role) for role in self.roles).to_xml("ROLES")
        return f"<VM_GROUP>{self.head_xml()}{self.permissions_xml()}{roles}{self.template.to_xml()}</VM_GROUP>"

    def take_roles(self) -> None:
        """Make the template's ROLE attributes the roles. Raises :class:`InternalError`."""
        wanted = self.template.vectors("ROLE")
        self.template.erase("ROLE")
        if len(wanted) > MAX_ROLES:
            raise InternalError("Maximum number of roles in a VM Group reached")
        names = set()
        for oid, role in enumerate(wanted):
            name = role.get("NAME", "")
            if not name:
                raise InternalError("Missing NAME in VM group role")
            if name in names:
                raise InternalError("Role NAME already exists")
            names.add(name)
            role["ID"] = str(oid)
            role.pop("VMS", None)
        self.roles = wanted

    def role(self, name: str) -> dict[str, str] | None:
        """The role called ``name``."""
        return next((role for role in self.roles if role.get("NAME") == name), None)

    @staticmethod
    def machines(role: dict[str, str]) -> set[int]:
        """The virtual machines in ``role``."""
        return {int(text) for text in role.get("VMS", "").split(",") if text.strip().isdigit()}

    @property
    def size(self) -> int:
        """How many virtual machines are in all roles."""
        return sum(len(self.machines(role)) for role in self.roles)

    def set_machines(self, role: dict[str, str], machines: set[int]) -> None:
        """Change which virtual machines are in ``role``."""
        role.pop("VMS", None)
        if machines:
            role["VMS"] = ",".join(map(str, sorted(machines)))

    def check(self) -> None:
        """Raise :class:`InternalError` for rules about roles that contradict each other, or name none."""
        affined, anti = self._rules(AFFINED), self._rules(ANTI_AFFINED)
        for name in sorted(set().union(*affined)):
            role = self.role(name) or {}
            if role.get("POLICY", "").upper() == ANTI_AFFINED:
                raise InternalError(f"Role {name} is in an AFFINED rule but the role policy is ANTI_AFFINED")
        both = set().union(*affined) & set().union(*anti)
        if both:
            names = [role["NAME"] for role in self.roles if role["NAME"] in both]
            raise InternalError(f"Roles defined in AFFINED and ANTI_AFFINED rules: {' '.join(names)}")

    def _rules(self, policy: str) -> list[set[str]]:
        """The sets of roles that the attributes ``policy`` name."""
        found: list[set[str]] = []
        for value in self.template.all(policy):
            if not isinstance(value, str):
                continue
            names = {name.strip() for name in value.split(",") if name}
            if any(self.role(name) is None for name in names):
                raise InternalError(f"Some roles used in {policy} attribute ({value}) are not defined")
            if names in found:
                raise InternalError(f"Duplicated {policy} rule ({value}) detected.")
            found.append(names)
        return found
