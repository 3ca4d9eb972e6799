"""``one.zone.*`` and ``one.zonepool.info``, as a server answers that belongs to no federation."""

from oned.access.acl import Op
from oned.database.pools import load, remove
from oned.errors import ActionError, AllocateError
from oned.methods.call import Call, Method
from oned.methods.named import Named
from oned.model.zone import Zone

FIRST_ID = 100


class _Zones(Named[Zone]):
    """The shared methods; the endpoint stays an attribute, and servers are none."""

    def updated(self, call: Call, obj: Zone) -> None:
        """Mend the new template."""
        _ = call
        if not obj.template.get("ENDPOINT"):
            obj.template.set("ENDPOINT", "-")
        obj.template.erase("SERVER")


POOL = _Zones(Zone)


def allocate(call: Call, text: str) -> int:
    """Zones come with a federation."""
    _ = call, text
    raise AllocateError("New zones can only be created at federation master", kind=Zone.kind.label)


def remove_zone(call: Call, oid: int) -> int:
    """Delete what is left of a federation."""
    zone = load(call.transaction, Zone, oid)
    call.authorization().add(Op.ADMIN, zone.target()).check()
    if oid < FIRST_ID:
        raise ActionError(f"Cannot delete zone. System Zones (ID < {FIRST_ID}) cannot be deleted.")
    remove(call.transaction, zone)
    return oid


def raftstatus(call: Call) -> str:
    """The state of replication: a server by itself takes no part in any."""
    zone = load(call.transaction, Zone, call.settings.zone_id)
    call.authorization().add(Op.ADMIN, zone.target()).check()
    return (
        "<RAFT><SERVER_ID>-1</SERVER_ID><STATE>0</STATE><TERM>0</TERM><VOTEDFOR>-1</VOTEDFOR><COMMIT>0</COMMIT>"
        "<LOG_INDEX>-1</LOG_INDEX><LOG_TERM>-1</LOG_TERM><FEDLOG_INDEX>-1</FEDLOG_INDEX></RAFT>"
    )


METHODS = (
    Method("one.zone.allocate", allocate, (str,), write=True),
    Method("one.zone.info", POOL.info, (int,), (bool,)),
    Method("one.zone.update", POOL.update, (int, str), (int,), write=True),
    Method("one.zone.rename", POOL.rename, (int, str), write=True),
    Method("one.zone.delete", remove_zone, (int,), write=True),
    Method("one.zone.raftstatus", raftstatus),
    Method("one.zonepool.info", POOL.pool_info, bulk=True),
)
