"""Methods of objects that have a name of their own in the whole pool, and no owner: VDCs, zones, groups."""

from typing import TypeVar

from sqlalchemy import select

from oned.access.acl import Op
from oned.database.listing import Listing
from oned.database.pools import load, save
from oned.errors import ActionError
from oned.methods.call import Call
from oned.methods.shared import Templated, listing
from oned.model.base import PoolObject, check_name

Obj = TypeVar("Obj", bound=PoolObject)


def holder(call: Call, cls: type[PoolObject], name: str, uid: int | None = None) -> int:
    """The id of the object called ``name``, of the owner ``uid`` where names are theirs; -1 for a free name."""
    table = cls.table
    query = select(table.c.oid).where(table.c.name == name)
    rows = call.transaction.rows(query if uid is None else query.where(table.c.uid == uid))
    return int(rows[0][0]) if rows else -1


def check_collision(call: Call, cls: type[PoolObject], name: str, uid: int | None = None) -> None:
    """Refuse to give an object the name of another. Raises :class:`ActionError`."""
    other = holder(call, cls, name, uid)
    if other != -1:
        label = cls.kind.label
        raise ActionError(f"{label} cannot be renamed to {name} because it collides with {label} {other}")


class Named(Templated[Obj]):
    """What has a name and a template: ``info``, ``rename``, ``update`` and the pool."""

    def info(self, call: Call, oid: int, decrypt: bool = False) -> str:
        """The object's XML."""
        _ = decrypt
        obj = load(call.transaction, self.cls, oid)
        call.authorization().add(Op.USE, obj.target(), heed_lock=False).check()
        return obj.to_xml()

    def rename(self, call: Call, oid: int, name: str) -> int:
        """Give the object another name."""
        obj = load(call.transaction, self.cls, oid)
        if obj.name == name:
            return oid
        call.authorization().add(Op.MANAGE, obj.target()).check()
        check_collision(call, self.cls, name)
        reason = check_name(name)
        if reason:
            raise ActionError(reason)
        obj.name = name
        save(call.transaction, obj)
        return oid

    def pool_info(self, call: Call) -> Listing:
        """All objects that the caller may see."""
        return listing(call, self.cls, f"{self.cls.root}_POOL")
