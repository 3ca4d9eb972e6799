"""Objects whose names are unique in the zone: clusters, hosts, datastores."""

from functools import cache
from typing import TypeVar

from sqlalchemy import Select, Table, bindparam, select

from oned.access.acl import Kind, Op, Target
from oned.crypt import decrypt_template
from oned.database.pools import hold_names, load, readable
from oned.errors import ActionError, InternalError
from oned.methods.call import Call
from oned.methods.shared import Templated
from oned.model.base import PoolObject, check_name
from oned.model.cluster import DEFAULT_CLUSTER, Cluster

Obj = TypeVar("Obj", bound=PoolObject)


@cache
def _called(table: Table) -> Select[tuple[int]]:
    """The object of a name."""
    return select(table.c.oid).where(table.c.name == bindparam("name")).limit(1)


def home_cluster(call: Call, kind: Kind, cluster_id: int) -> Cluster:
    """The cluster (-1 is the default one) where the caller may create an object of that kind."""
    oid = DEFAULT_CLUSTER if cluster_id == -1 else cluster_id
    cluster = load(call.transaction, Cluster, oid)
    new = Target(kind, uid=call.caller.uid, gid=call.caller.gid)
    call.authorization().add(Op.CREATE, new).add(Op.ADMIN, cluster.target()).check()
    return cluster


class Unique(Templated[Obj]):
    """``info`` and ``rename`` where a name is given once."""

    def taken_by(self, call: Call, name: str) -> int:
        """The object with that name, as the database compares names; -1 without one.

        Holds the counter of the pool until the commit, so that another worker cannot give the name meanwhile.
        """
        hold_names(call.transaction, self.cls.table)
        rows = call.transaction.rows(_called(self.cls.table), {"name": name})
        return int(rows[0][0]) if rows else -1

    def check_new(self, call: Call, name: str) -> None:
        """Raise :class:`InternalError` unless a new object can be called ``name``."""
        reason = check_name(name)
        if reason:
            raise InternalError(reason)
        other = self.taken_by(call, name)
        if other != -1:
            raise InternalError(f"NAME is already taken by {self.cls.root} {other}.")

    def info(self, call: Call, oid: int, decrypt: bool = False) -> str:
        """The object's XML; with ``decrypt`` its secrets in clear, for administrators."""
        body, target = readable(call.transaction, self.cls.table, self.cls.kind, oid)
        call.authorization().add(Op.USE, target, heed_lock=False).check()
        return self.decrypted(call, body) if decrypt and call.caller.is_admin else body

    def decrypted(self, call: Call, body: str) -> str:
        """``body`` with its secrets in clear."""
        obj = self.cls.from_xml(body)
        decrypt_template(obj.template, call.settings.names(self.cls.encrypted), call.key)
        return obj.to_xml()

    def rename(self, call: Call, oid: int, name: str) -> int:
        """Give the object another name."""
        obj = load(call.transaction, self.cls, oid)
        if obj.name == name:
            return oid
        call.authorization().add(self._op, obj.target()).check()
        other = self.taken_by(call, name)
        if other not in {-1, oid}:
            label = self.cls.kind.label
            raise ActionError(f"{label} cannot be renamed to {name} because it collides with {label} {other}")
        reason = check_name(name)
        if reason:
            raise ActionError(reason)
        obj.name = name
        self.store(call, obj)
        self.renamed(call, obj)
        return oid

    def renamed(self, call: Call, obj: Obj) -> None:
        """Write the new name where others keep it."""

    def doomed(self, call: Call, oid: int) -> Obj:
        """The object ``oid`` when the caller may delete it."""
        obj = load(call.transaction, self.cls, oid)
        call.authorization().add(Op.ADMIN, obj.target()).check()
        return obj

    def refuse(self, reason: str) -> ActionError:
        """Why an object cannot be deleted."""
        return ActionError(f"Cannot delete {self.cls.kind.label}. {reason}")
