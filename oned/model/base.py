"""What all kinds of objects share: names, ids, permissions, locks and the XML around them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from html import escape as escape_html
from typing import Any, ClassVar, Self

from sqlalchemy import Table

from oned.access.acl import Kind, Target
from oned.errors import InternalError
from onelib.template import Template, TemplateError
from onelib.template_xml import Element, MalformedXmlError, attributes_of, parse_root, text_of

PERMISSIONS = tuple(f"{who}_{what}" for who in ("OWNER", "GROUP", "OTHER") for what in "UMA")
NAME_MAX = 128
_FORBIDDEN = frozenset("&|:\\\";/'#{}$<>")


class PoolObject(ABC):
    """An object with a row in a pool table. ``encrypted`` names the setting that lists its secret attributes."""

    root: ClassVar[str]
    kind: ClassVar[Kind]
    table: ClassVar[Table]
    encrypted: ClassVar[str] = ""

    oid: int
    name: str
    template: Template

    @classmethod
    @abstractmethod
    def from_xml(cls, body: str) -> Self:
        """The object of a body. Raises :class:`InternalError` when it is not one."""

    @abstractmethod
    def to_xml(self) -> str:
        """The body."""

    @abstractmethod
    def row(self) -> dict[str, Any]:
        """The columns of the pool table."""

    @abstractmethod
    def target(self) -> Target:
        """For an access question."""


def check_name(name: str, extra: str = "") -> str:
    """The reason why ``name`` cannot be the name of an object, empty when it can. ``extra``: more such characters."""
    if not name:
        return "Invalid NAME, it cannot be empty"
    bad = next((char for char in name if char in _FORBIDDEN or char in extra), None)
    if bad is not None:
        return f"Invalid NAME, char '{bad}' is not allowed"
    if len(name.encode()) > NAME_MAX:
        return f"Invalid NAME, max length is {NAME_MAX} chars"
    return ""


def escape(text: str) -> str:
    """``text`` as XML character data."""
    return escape_html(text, quote=False)


def number(root: Element, path: str, default: int = -1) -> int:
    """The integer at ``path``, ``default`` where there is none."""
    text = text_of(root.find(path)).strip()
    try:
        return int(text) if text else default
    except ValueError:
        return default


def parse_body(body: str, root: str) -> Element:
    """The element of a body in the database. Raises :class:`InternalError` when it is not one."""
    try:
        element = parse_root(body, len(body))  # as much as was stored
    except MalformedXmlError:
        element = None
    if element is None or element.tag != root:
        raise InternalError(f"A {root} in the database is damaged; onedb fsck reports it.")
    return element


def template_of(root: Element) -> Template:
    """The element TEMPLATE of a body."""
    content = root.find("TEMPLATE")
    return Template(() if content is None else attributes_of(content))


def merge_given(template: Template, given: Template) -> None:
    """Merge what a client sent into an object's template. Raises :class:`InternalError` when it is too much."""
    try:
        template.merge(given, bounded=True)
    except TemplateError as error:
        raise InternalError(f"Cannot update template. {error.message}") from None


def ids_xml(tag: str, numbers: set[int]) -> str:
    """A collection of ids."""
    inner = "</ID><ID>".join(map(str, sorted(numbers)))
    return f"<{tag}><ID>{inner}</ID></{tag}>" if numbers else f"<{tag}></{tag}>"


def ids_of(root: Element, tag: str) -> set[int]:
    """The ids of a collection, which may be long."""
    content = root.find(tag)
    return set() if content is None else set(map(int, " ".join(content.itertext("ID")).split()))


def umask_bits(umask: int, *, admin: bool, other: bool) -> list[int]:
    """The nine permission bits of a new object. ``admin``: its owner or group is oneadmin's."""
    mode = (0o777 if admin else 0o666 if other else 0o660) & ~umask
    return [mode >> shift & 1 for shift in range(8, -1, -1)]


@dataclass
class Lock:
    """A lock that users set: ``level`` as passed, ``owner`` a user id, ``since`` in epoch seconds."""

    level: int
    owner: int
    since: int
    request: int

    @classmethod
    def of(cls, root: Element) -> "Lock | None":
        """The lock in a body."""
        level = number(root, "LOCK/LOCKED", 0)
        if not level:
            return None
        return cls(level, number(root, "LOCK/OWNER"), number(root, "LOCK/TIME", 0), number(root, "LOCK/REQ_ID"))

    def to_xml(self) -> str:
        """The element LOCK."""
        return (
            f"<LOCK><LOCKED>{self.level}</LOCKED><OWNER>{self.owner}</OWNER>"
            f"<TIME>{self.since}</TIME><REQ_ID>{self.request}</REQ_ID></LOCK>"
        )


@dataclass
class OwnedObject(PoolObject):
    """An object with an owner, a group, nine permission bits (owner use first) and perhaps a lock."""

    oid: int
    uid: int
    gid: int
    uname: str
    gname: str
    name: str
    bits: list[int]
    template: Template
    lock: Lock | None

    def head_xml(self) -> str:
        """The elements from ID to NAME."""
        return (
            f"<ID>{self.oid}</ID><UID>{self.uid}</UID><GID>{self.gid}</GID>"
            f"<UNAME>{escape(self.uname)}</UNAME><GNAME>{escape(self.gname)}</GNAME><NAME>{escape(self.name)}</NAME>"
        )

    def permissions_xml(self) -> str:
        """The element PERMISSIONS, and LOCK when there is one."""
        bits = "".join(f"<{name}>{bit}</{name}>" for name, bit in zip(PERMISSIONS, self.bits, strict=True))
        return f"<PERMISSIONS>{bits}</PERMISSIONS>{self.lock.to_xml() if self.lock else ''}"

    @staticmethod
    def common(root: Element) -> dict[str, Any]:
        """The fields of this class from a body."""
        return {
            "oid": number(root, "ID"),
            "uid": number(root, "UID"),
            "gid": number(root, "GID"),
            "uname": text_of(root.find("UNAME")),
            "gname": text_of(root.find("GNAME")),
            "name": text_of(root.find("NAME")),
            "bits": [number(root, f"PERMISSIONS/{name}", 0) for name in PERMISSIONS],
            "lock": Lock.of(root),
            "template": template_of(root),
        }

    def row(self) -> dict[str, Any]:
        """The columns of the pool table."""
        return {
            "oid": self.oid,
            "name": self.name,
            "body": self.to_xml(),
            "uid": self.uid,
            "gid": self.gid,
            "owner_u": self.bits[0],
            "group_u": self.bits[3],
            "other_u": self.bits[6],
        }

    def target(self) -> Target:
        """For an access question."""
        level = self.lock.level if self.lock else 0
        return Target(self.kind, self.oid, self.uid, self.gid, tuple(self.bits), level)
