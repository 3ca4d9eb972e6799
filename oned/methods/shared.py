"""Methods that many resources share, bound to one class of objects: ``POOL = Owned(Document)``."""

import time
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Select, Table, select, true

from oned.access.acl import SHOW_ALL, Op, visible
from oned.crypt import decrypt_template, encrypt_template
from oned.database.listing import Listing, PoolListing
from oned.database.pools import load, readable, remove, save
from oned.errors import (
    ActionError,
    AuthorizationError,
    InternalError,
    ParameterError,
)
from oned.methods.call import Call
from oned.methods.restricted import changed_restricted
from oned.model.base import Lock, OwnedObject, PoolObject, check_name, merge_given
from oned.model.group import Group
from oned.model.user import User
from onelib.template import Template, TemplateError

LOCK_LEVELS = range(5)

Obj = TypeVar("Obj", bound=PoolObject)
Owner = TypeVar("Owner", bound=OwnedObject)


def parse_template(text: str) -> Template:
    """The template a client sent. Raises :class:`InternalError` with upstream's frame."""
    try:
        return Template.parse(text)
    except TemplateError as error:
        raise InternalError(f"Parse error: {error.message}") from None


class Window(NamedTuple):
    """Which part of a pool: filter flag, and a range of ids, or with ``end`` below -1 a page of that many."""

    flag: int = SHOW_ALL
    start: int = -1
    end: int = -1


EVERYTHING = Window()


def listing(
    call: Call,
    cls: type[PoolObject],
    root: str,
    window: Window = EVERYTHING,
    where: ColumnElement[bool] | None = None,
) -> Listing:
    """The bodies a caller gets, in the element ``root``."""
    table: Table = cls.table
    clause = visible(call.transaction, call.caller, cls.kind, table, window.flag, zone_id=call.settings.zone_id)
    query = select(table.c.body, table.c.oid).where(clause, true() if where is None else where)
    return windowed(call, root, query, table.c.oid, window)


def windowed(
    call: Call, root: str, query: Select[Any], oid: ColumnElement[int], window: Window, *, found_by_id: bool = True
) -> Listing:
    """The part ``window`` of a pool whose texts and ids ``query`` selects, in the caller's order.

    ``found_by_id`` is False where another index than that of the ids leads to the rows.
    """
    _, start, end = window
    down = call.caller.descending
    if end < -1:
        return Listing(root, query, (oid,), descending=down, count=-end, offset=max(start, 0))
    first, last = (0, None) if start == -1 else (start, None if end == -1 else end)
    if found_by_id:
        return PoolListing(root, query, oid, descending=down, first=first, last=last)
    within = query.where(oid >= first, true() if last is None else oid <= last)
    return Listing(root, within, (oid,), descending=down)


class Templated(Generic[Obj]):
    """What has a template: ``update``, which asks for the right ``op``."""

    def __init__(self, cls: type[Obj], *, restricted: str = "", op: Op = Op.MANAGE) -> None:
        self.cls = cls
        self._restricted = restricted
        self._op = op

    def updated(self, call: Call, obj: Obj) -> None:
        """What else follows from a new template, before it is saved. Raises :class:`InternalError`."""

    def encrypt(self, call: Call, template: Template) -> None:
        """Encrypt what the configuration names for this kind of objects."""
        if self.cls.encrypted:
            encrypt_template(template, call.settings.names(self.cls.encrypted), call.key)

    def update(self, call: Call, oid: int, text: str, mode: int = 0) -> int:
        """Replace the template (``mode`` 0) or merge into it (1)."""
        obj = load(call.transaction, self.cls, oid)
        call.authorization().add(self._op, obj.target()).check()
        if mode not in {0, 1}:
            raise ParameterError("Wrong update type")
        try:
            template = Template.parse(text)
        except TemplateError as error:
            raise InternalError(f"Cannot update template. Parse error: {error.message}") from None
        if self._restricted and not call.caller.is_admin:
            self._check(call, obj.template, template, mode)
        if mode == 0:
            obj.template = template
        else:
            merge_given(obj.template, template)
        self.updated(call, obj)
        self.encrypt(call, obj.template)
        self.store(call, obj)
        return oid

    def store(self, call: Call, obj: Obj) -> None:
        """Write the object back."""
        save(call.transaction, obj)

    def _check(self, call: Call, old: Template, new: Template, mode: int) -> None:
        name = changed_restricted(new, old, call.settings.names(self._restricted))
        if name:
            what = (
                "Tried to change restricted attribute: "
                if mode == 0
                else "User Template includes a restricted attribute "
            )
            raise InternalError(f"Cannot update template. {what}{name}")


class Owned(Templated[Owner]):
    """What has an owner, permissions and locks."""

    def info(self, call: Call, oid: int, decrypt: bool = False) -> str:
        """The object's XML; with ``decrypt`` its secrets in clear, for administrators."""
        body, target = readable(call.transaction, self.cls.table, self.cls.kind, oid)
        call.authorization().add(Op.USE, target, heed_lock=False).check()
        if not (decrypt and call.caller.is_admin):
            return body
        obj = self.cls.from_xml(body)
        decrypt_template(obj.template, call.settings.names(self.cls.encrypted), call.key)
        return obj.to_xml()

    def delete(self, call: Call, oid: int) -> int:
        """Delete the object."""
        obj = load(call.transaction, self.cls, oid)
        call.authorization().add(Op.MANAGE, obj.target()).check()
        remove(call.transaction, obj)
        return oid

    def rename(self, call: Call, oid: int, name: str) -> int:
        """Give the object another name."""
        obj = load(call.transaction, self.cls, oid)
        if obj.name == name:
            return oid
        call.authorization().add(Op.MANAGE, obj.target()).check()
        reason = check_name(name)
        if reason:
            raise ActionError(reason)
        obj.name = name
        save(call.transaction, obj)
        return oid

    def chown(self, call: Call, oid: int, uid: int, gid: int) -> int:
        """Change owner and group; -1 keeps."""
        user = load(call.transaction, User, uid) if uid > -1 else None
        group = load(call.transaction, Group, gid) if gid > -1 else None
        obj = load(call.transaction, self.cls, oid)
        question = call.authorization().add(Op.MANAGE, obj.target())
        if user is not None:
            question.add(Op.MANAGE, user.target())
        if group is not None:
            question.add(Op.USE, group.target())
        question.check()
        if user is not None:
            self._check_unique(call, obj, user.oid)
            obj.uid, obj.uname = user.oid, user.name
        if group is not None:
            obj.gid, obj.gname = group.oid, group.name
        save(call.transaction, obj)
        return oid

    def _check_unique(self, call: Call, obj: Owner, uid: int) -> None:
        """Refuse when the new owner has an object of that name; the database compares, MariaDB without case."""
        table = self.cls.table
        query = select(table.c.oid).where(table.c.name == obj.name, table.c.uid == uid)
        rows = call.transaction.rows(query)
        if rows:
            label = self.cls.kind.label
            raise InternalError(f"user [{uid}] already owns {label} [{rows[0].oid}] with NAME {obj.name}")

    def chmod(self, call: Call, oid: int, *bits: int) -> int:
        """Change the nine permission bits; -1 keeps one."""
        obj = load(call.transaction, self.cls, oid)
        wanted = list(bits[:9])
        for position in (2, 5, 6, 7, 8):
            if wanted[position] == obj.bits[position]:
                wanted[position] = -1
        admin = any(wanted[position] != -1 for position in (2, 5, 8))
        other = any(wanted[position] != -1 for position in (6, 7, 8))
        if other and not call.settings.other_permissions and not call.caller.is_admin:
            raise AuthorizationError("'other' permissions is disabled in oned.conf", kind=self.cls.kind.label)
        call.authorization().add(Op.ADMIN if admin else Op.MANAGE, obj.target()).check()
        if any(bit not in {-1, 0, 1} for bit in wanted):
            raise InternalError("New permission values must be -1, 0 or 1")
        obj.bits = [old if new == -1 else new for old, new in zip(obj.bits, wanted, strict=True)]
        save(call.transaction, obj)
        return oid

    def lock(self, call: Call, oid: int, level: int, test: bool = False) -> int:
        """Lock the object; with ``test``, a lock that is held is an error that tells since when."""
        obj = load(call.transaction, self.cls, oid)
        call.authorization().add(Op.MANAGE, obj.target(), heed_lock=False).check()
        if test and obj.lock is not None:
            raise ActionError(str(obj.lock.since))
        if level not in LOCK_LEVELS:
            raise ActionError("Error trying to lock the resource.")
        held = Lock(level, call.caller.uid, int(time.time()), call.request_id)
        obj.lock = held if level else None
        save(call.transaction, obj)
        return oid

    def unlock(self, call: Call, oid: int) -> int:
        """Take the lock away: its owner, or an administrator."""
        obj = load(call.transaction, self.cls, oid)
        call.authorization().add(Op.MANAGE, obj.target(), heed_lock=False).check()
        owner = obj.lock.owner if obj.lock else -1
        if not call.caller.is_admin and owner != call.caller.uid:
            raise ActionError("Cannot unlock: Lock is owned by another user")
        obj.lock = None
        save(call.transaction, obj)
        return oid
