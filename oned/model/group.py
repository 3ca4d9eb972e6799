"""Groups of users."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sqlalchemy import Table

from oned.access.acl import Kind, Target
from oned.database.schema import group_pool
from oned.model.base import PoolObject, escape, ids_of, ids_xml, number, parse_body, template_of
from onelib.template import Template
from onelib.template_xml import text_of

_WORDS = (
    "migrate delete recover retry deploy resched undeploy hold release stop suspend resume reboot poweroff disk-attach "
    "nic-attach disk-snapshot terminate disk-resize snapshot updateconf rename resize update disk-saveas"
)
_OPERATIONS = frozenset(_WORDS.split())
"""What the three lists of operations on virtual machines may name."""
_OPERATION_LISTS = ("VM_ADMIN_OPERATIONS", "VM_MANAGE_OPERATIONS", "VM_USE_OPERATIONS")


def unknown_operation(template: Template) -> str:
    """The first word in the lists of operations of a user or group that is none; empty when all are."""
    for name in _OPERATION_LISTS:
        words = {word.strip().lower() for word in template.get(name).split(",") if word}
        unknown = sorted(words - _OPERATIONS)
        if unknown:
            return unknown[0]
    return ""


@dataclass
class Group(PoolObject):
    """A group; its members may see it."""

    root: ClassVar[str] = "GROUP"
    kind: ClassVar[Kind] = Kind.GROUP
    table: ClassVar[Table] = group_pool

    oid: int
    name: str
    users: set[int]
    admins: set[int]
    template: Template

    @classmethod
    def from_xml(cls, body: str) -> Self:
        """The group of a body. Raises :class:`InternalError`."""
        root = parse_body(body, cls.root)
        return cls(
            oid=number(root, "ID"),
            name=text_of(root.find("NAME")),
            users=ids_of(root, "USERS"),
            admins=ids_of(root, "ADMINS"),
            template=template_of(root),
        )

    def to_xml(self) -> str:
        """The body."""
        return (
            f"<GROUP><ID>{self.oid}</ID><NAME>{escape(self.name)}</NAME>{self.template.to_xml()}"
            f"{ids_xml('USERS', self.users)}{ids_xml('ADMINS', self.admins)}</GROUP>"
        )

    def row(self) -> dict[str, Any]:
        """The columns of the pool table: oneadmin owns it, its group is itself."""
        owner = {"uid": 0, "gid": self.oid, "owner_u": 1, "group_u": 1, "other_u": 0}
        return {"oid": self.oid, "name": self.name, "body": self.to_xml()} | owner

    def target(self) -> Target:
        """For an access question."""
        return Target(self.kind, self.oid, 0, self.oid, (1, 1, 0, 1, 0, 0, 0, 0, 0))
