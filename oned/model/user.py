"""Users and their login tokens."""

import time
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from sqlalchemy import Table

from oned.access.acl import Kind, Target
from oned.database.schema import user_pool
from oned.errors import ActionError
from oned.model.base import PoolObject, escape, ids_of, ids_xml, number, parse_body, template_of
from onelib.template import Template, cdata
from onelib.template_xml import text_of


@dataclass
class LoginToken:
    """A token that stands for the password: until ``expires`` (epoch seconds, -1 never), narrowed to ``egid``."""

    token: str = field(repr=False)
    expires: int
    egid: int

    def valid(self, now: float | None = None) -> bool:
        """Whether it has not expired."""
        return self.expires == -1 or (time.time() if now is None else now) < self.expires


@dataclass
class User(PoolObject):
    """A user. ``password`` is what the driver keeps: for ``core`` a hexadecimal SHA-256."""

    root: ClassVar[str] = "USER"
    kind: ClassVar[Kind] = Kind.USER
    table: ClassVar[Table] = user_pool

    oid: int
    gid: int
    gname: str
    name: str
    password: str = field(repr=False)
    driver: str
    enabled: bool
    groups: set[int]
    tokens: list[LoginToken]
    template: Template

    @classmethod
    def from_xml(cls, body: str) -> Self:
        """The user of a body. Raises :class:`InternalError`."""
        root = parse_body(body, cls.root)
        return cls(
            oid=number(root, "ID"),
            gid=number(root, "GID"),
            gname=text_of(root.find("GNAME")),
            name=text_of(root.find("NAME")),
            password=text_of(root.find("PASSWORD")),
            driver=text_of(root.find("AUTH_DRIVER"), "core"),
            enabled=number(root, "ENABLED", 0) == 1,
            groups=ids_of(root, "GROUPS"),
            tokens=[
                LoginToken(text_of(e.find("TOKEN")), number(e, "EXPIRATION_TIME", 0), number(e, "EGID"))
                for e in root.findall("LOGIN_TOKEN")
            ],
            template=template_of(root),
        )

    def to_xml(self) -> str:
        """The body."""
        tokens = "".join(
            f"<LOGIN_TOKEN><TOKEN>{escape(t.token)}</TOKEN><EXPIRATION_TIME>{t.expires}</EXPIRATION_TIME>"
            f"<EGID>{t.egid}</EGID></LOGIN_TOKEN>"
            for t in self.tokens
        )
        return (
            f"<USER><ID>{self.oid}</ID><GID>{self.gid}</GID>{ids_xml('GROUPS', self.groups)}"
            f"<GNAME>{escape(self.gname)}</GNAME><NAME>{escape(self.name)}</NAME>"
            f"<PASSWORD>{cdata(self.password)}</PASSWORD><AUTH_DRIVER>{cdata(self.driver)}</AUTH_DRIVER>"
            f"<ENABLED>{int(self.enabled)}</ENABLED>{tokens}{self.template.to_xml()}</USER>"
        )

    def row(self) -> dict[str, Any]:
        """The columns of the pool table: a user owns itself."""
        owner = {"uid": self.oid, "gid": self.gid, "owner_u": 1, "group_u": 0, "other_u": 0}
        return {"oid": self.oid, "name": self.name, "body": self.to_xml()} | owner

    def target(self) -> Target:
        """For an access question: the user may use and manage itself."""
        return Target(self.kind, self.oid, self.oid, self.gid, (1, 1, 0, 0, 0, 0, 0, 0, 0))

    def leave(self, gid: int) -> None:
        """Take the user out of a group. Raises :class:`ActionError`."""
        if gid == self.gid:
            raise ActionError("Cannot remove user from the primary group")
        if gid not in self.groups:
            raise ActionError("User is not part of this group")
        self.groups.remove(gid)
