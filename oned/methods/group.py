"""``one.group.*`` and ``one.grouppool.info``."""

from sqlalchemy import delete, insert

from oned.access import members, rules
from oned.access.acl import Kind, Op, Target
from oned.access.vdc import rules_of, store
from oned.database.pools import create, load, remove, save
from oned.database.schema import group_quotas
from oned.errors import ActionError, InternalError, NoExistsError
from oned.methods.call import Call, Method
from oned.methods.named import holder
from oned.methods.quotas import GROUP_DEFAULTS, default_xml, new_body, own_xml, pool_xml, set_quotas
from oned.methods.shared import Templated
from oned.model.base import check_name
from oned.model.group import Group, unknown_operation
from oned.model.user import User
from oned.model.vdc import Vdc
from onelib.template import Template

FIRST_ID = 100
DEFAULT_VDC = 0


class _Groups(Templated[Group]):
    """The shared methods, for groups whose lists of operations have to name operations."""

    def updated(self, call: Call, obj: Group) -> None:
        """Refuse other words."""
        _ = call
        unknown = unknown_operation(obj.template)
        if unknown:
            raise InternalError(f"Cannot update template. Unknown vm operation: {unknown}")


POOL = _Groups(Group, restricted="GROUP_RESTRICTED_ATTR")


def allocate(call: Call, name: str) -> int:
    """Create a group. It joins the default VDC, whose rules let its members use hosts, networks and datastores.

    What else members may create is for the client to grant, as the command line does.
    """
    new = Target(Kind.GROUP, uid=call.caller.uid, gid=call.caller.gid)
    call.authorization().add(Op.CREATE, new).check()
    reason = check_name(name)
    if reason:
        raise InternalError(reason)
    other = holder(call, Group, name)
    if other != -1:
        raise InternalError(f"NAME is already taken by GROUP {other}.")
    gid = create(call.transaction, Group(-1, name, set(), set(), Template()))
    call.transaction.write(insert(group_quotas), {"group_oid": gid, "body": new_body(gid)})
    _join_default_vdc(call, gid)
    return gid


def _join_default_vdc(call: Call, gid: int) -> None:
    try:
        vdc = load(call.transaction, Vdc, DEFAULT_VDC)
    except NoExistsError:
        return
    before = rules_of(call.settings, vdc)
    vdc.groups.add(gid)
    store(call.transaction, call.settings, vdc, before)


def info(call: Call, oid: int, decrypt: bool = False) -> str:
    """A group with its quotas; -1 is the caller's."""
    _ = decrypt
    group = load(call.transaction, Group, call.caller.gid if oid == -1 else oid)
    call.authorization().add(Op.USE, group.target(), heed_lock=False).check()
    quotas = own_xml(call.transaction, group_quotas, group.oid)
    body = group.to_xml().removesuffix("</GROUP>")
    return f"{body}{quotas}{default_xml(call.transaction, GROUP_DEFAULTS)}</GROUP>"


def pool_info(call: Call) -> str:
    """All groups that the caller may see, each followed by its quotas."""
    return pool_xml(call, Group, group_quotas, GROUP_DEFAULTS)


def remove_group(call: Call, oid: int) -> int:
    """Delete a group that has no members, with its quotas and its access rules."""
    group = load(call.transaction, Group, oid)
    call.authorization().add(Op.ADMIN, group.target()).check()
    if oid < FIRST_ID:
        raise ActionError(f"Cannot delete group. System Groups (ID < {FIRST_ID}) cannot be deleted.")
    if group.users:
        raise ActionError(f"Cannot delete group. Group {oid} is not empty.")
    remove(call.transaction, group)
    call.transaction.write(delete(group_quotas).where(group_quotas.c.group_oid == oid))
    return oid


def _administered(call: Call, oid: int, uid: int) -> Group:
    """The group ``oid`` when the caller may name the user ``uid`` its administrator, or take that away."""
    group = load(call.transaction, Group, oid)
    user = load(call.transaction, User, uid)
    call.authorization().add(Op.ADMIN, group.target()).add(Op.ADMIN, user.target()).check()
    return group


def addadmin(call: Call, oid: int, uid: int) -> int:
    """Make a member an administrator of the group."""
    group = _administered(call, oid, uid)
    if uid not in group.users:
        raise InternalError(f"Cannot edit group. User {uid} is not part of Group {oid}.")
    if uid in group.admins:
        raise InternalError(f"Cannot edit group. User {uid} is already an administrator of Group {oid}.")
    group.admins.add(uid)
    save(call.transaction, group)
    rules.add_group_admin(call.transaction, uid, oid)
    return oid


def deladmin(call: Call, oid: int, uid: int) -> int:
    """Make an administrator a member like others."""
    group = _administered(call, oid, uid)
    if uid not in group.admins:
        raise InternalError(f"Cannot edit group. User {uid} is not an administrator of Group {oid}.")
    group.admins.discard(uid)
    save(call.transaction, group)
    rules.drop_group_admin(call.transaction, uid, oid)
    return oid


def join(call: Call, gid: int, uid: int) -> None:
    """Note in the group that a user is its member."""
    group = load(call.transaction, Group, gid)
    group.users.add(uid)
    save(call.transaction, group)


def leave(call: Call, gid: int, uid: int) -> None:
    """Note in the group that a user is no member of it any more, nor its administrator."""
    members.leave(call.transaction, gid, uid)


def quota(call: Call, oid: int, text: str) -> int:
    """Set limits of a group."""
    if oid == 0:
        raise ActionError("Cannot set quotas for oneadmin group")
    group = load(call.transaction, Group, oid)
    call.authorization().add(Op.ADMIN, group.target()).check()
    return set_quotas(call, group_quotas, oid, text)


METHODS = (
    Method("one.group.allocate", allocate, (str,), write=True),
    Method("one.group.info", info, (int,), (bool,)),
    Method("one.group.update", POOL.update, (int, str), (int,), write=True),
    Method("one.group.delete", remove_group, (int,), write=True, accounts=True),
    Method("one.group.addadmin", addadmin, (int, int), write=True),
    Method("one.group.deladmin", deladmin, (int, int), write=True),
    Method("one.group.quota", quota, (int, str), write=True),
    Method("one.grouppool.info", pool_info, bulk=True),
)
