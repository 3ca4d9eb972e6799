"""``one.vdc.*`` and ``one.vdcpool.info``."""

from dataclasses import replace

from oned.access.acl import Kind, Op, Target
from oned.access.vdc import rules_of, store, withdraw
from oned.database.pools import create, load, readable, remove
from oned.database.schema import cluster_pool, datastore_pool, group_pool, host_pool, network_pool, zone_pool
from oned.errors import ActionError, InternalError, NoExistsError
from oned.methods.call import Call, Method
from oned.methods.named import Named, holder
from oned.methods.shared import parse_template
from oned.model.base import PERMISSIONS, Lock, check_name, number, parse_body
from oned.model.vdc import ALL_RESOURCES, Vdc

FIRST_ID = 100
_POOLS = {
    Kind.GROUP: (group_pool, "GROUP"),
    Kind.ZONE: (zone_pool, "ZONE"),
    Kind.CLUSTER: (cluster_pool, "CLUSTER"),
    Kind.HOST: (host_pool, "HOST"),
    Kind.DATASTORE: (datastore_pool, "DATASTORE"),
    Kind.NET: (network_pool, "VNET"),
}

POOL = Named(Vdc)


def allocate(call: Call, text: str) -> int:
    """Create a VDC, named by the template's NAME."""
    template = parse_template(text)
    new = Target(Kind.VDC, uid=call.caller.uid, gid=call.caller.gid)
    call.authorization().add(Op.CREATE, new).check()
    name = template.get("NAME")
    reason = check_name(name)
    if reason:
        raise InternalError(reason)
    other = holder(call, Vdc, name)
    if other != -1:
        raise InternalError(f"NAME is already taken by Vdc {other}.")
    template.erase("NAME")
    return create(call.transaction, Vdc(-1, name, template))


def remove_vdc(call: Call, oid: int) -> int:
    """Delete a VDC and the rules it stood for."""
    vdc = load(call.transaction, Vdc, oid)
    call.authorization().add(Op.ADMIN, vdc.target()).check()
    if oid < FIRST_ID:
        raise ActionError(f"Cannot delete VDC. System VDCs (ID < {FIRST_ID}) cannot be deleted.")
    remove(call.transaction, vdc)
    withdraw(call.transaction, call.settings, oid, rules_of(call.settings, vdc))
    return oid


def _target(call: Call, kind: Kind, oid: int) -> Target:
    """Group, zone or resource, for a question of ADMIN rights. Raises :class:`NoExistsError`."""
    table, root = _POOLS[kind]
    body, target = readable(call.transaction, table, kind, oid)
    element = parse_body(body, root)
    bits = tuple(number(element, f"PERMISSIONS/{name}", 0) for name in PERMISSIONS)
    lock = Lock.of(element)
    private = kind is Kind.NET and number(element, "PARENT_NETWORK_ID") != -1
    return replace(target, bits=bits, locked=lock.level if lock else 0, private=private)


def _editable(call: Call, oid: int, others: list[tuple[Kind, int]], *, adding: bool) -> Vdc:
    """The VDC ``oid`` when the caller may administer it and ``others``; to take one out, it need not exist."""
    vdc = load(call.transaction, Vdc, oid)
    question = call.authorization().add(Op.ADMIN, vdc.target())
    for kind, number_of in others:
        try:
            question.add(Op.ADMIN, _target(call, kind, number_of))
        except NoExistsError:
            if adding:
                raise
    question.check()
    return vdc


def addgroup(call: Call, oid: int, gid: int) -> int:
    """Give a group what the VDC has."""
    vdc = _editable(call, oid, [(Kind.GROUP, gid)], adding=True)
    if gid in vdc.groups:
        raise InternalError(f"Group {gid} is already assigned to the VDC {oid}")
    before = rules_of(call.settings, vdc)
    vdc.groups.add(gid)
    store(call.transaction, call.settings, vdc, before)
    return oid


def delgroup(call: Call, oid: int, gid: int) -> int:
    """Take a group out of the VDC."""
    vdc = _editable(call, oid, [(Kind.GROUP, gid)], adding=False)
    if gid not in vdc.groups:
        raise InternalError(f"Group {gid} is not assigned to the VDC {oid}")
    before = rules_of(call.settings, vdc)
    vdc.groups.discard(gid)
    store(call.transaction, call.settings, vdc, before)
    return oid


def _edit(call: Call, oid: int, zone: int, resource: int, *, kind: Kind, adding: bool) -> int:
    """Put a resource of a zone into the VDC or take it out; -10 is all of the kind.

    A resource of another zone is not looked for.
    """
    others = [(Kind.ZONE, zone)]
    if resource != ALL_RESOURCES and zone == call.settings.zone_id:
        others.append((kind, resource))
    vdc = _editable(call, oid, others, adding=adding)
    before = rules_of(call.settings, vdc)
    what = f"{kind.name} {resource} from Zone {zone}"
    if adding:
        if not vdc.add(kind, zone, resource):
            raise InternalError(f"{what} is already assigned to the VDC")
    elif (zone, resource) in vdc.resources[kind]:
        vdc.resources[kind].remove((zone, resource))
    else:
        raise InternalError(f"{what} is not assigned to the VDC ")
    store(call.transaction, call.settings, vdc, before)
    return oid


def _method(verb: str, name: str, kind: Kind) -> Method:
    def change(call: Call, oid: int, zone: int, resource: int) -> int:
        return _edit(call, oid, zone, resource, kind=kind, adding=verb == "add")

    return Method(f"one.vdc.{verb}{name}", change, (int, int, int), write=True)


_RESOURCES = (
    ("cluster", Kind.CLUSTER),
    ("host", Kind.HOST),
    ("datastore", Kind.DATASTORE),
    ("vnet", Kind.NET),
)
METHODS = (
    Method("one.vdc.allocate", allocate, (str,), write=True),
    Method("one.vdc.info", POOL.info, (int,), (bool,)),
    Method("one.vdc.update", POOL.update, (int, str), (int,), write=True),
    Method("one.vdc.rename", POOL.rename, (int, str), write=True),
    Method("one.vdc.delete", remove_vdc, (int,), write=True),
    Method("one.vdc.addgroup", addgroup, (int, int), write=True),
    Method("one.vdc.delgroup", delgroup, (int, int), write=True),
    *(_method(verb, name, kind) for verb in ("add", "del") for name, kind in _RESOURCES),
    Method("one.vdcpool.info", POOL.pool_info, bulk=True),
)
