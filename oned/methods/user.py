"""``one.user.*`` and ``one.userpool.info``."""

import time

from sqlalchemy import delete

from oned.access.acl import Kind, Op, Target
from oned.access.authenticate import hash_password
from oned.access.external import USER_NAME_EXTRA
from oned.access.members import add_user
from oned.database.pools import find, find_body, load, remove, save
from oned.database.schema import user_quotas
from oned.errors import (
    ActionError,
    InternalError,
    NoExistsError,
    ParameterError,
)
from oned.methods.call import Call, Method
from oned.methods.group import join, leave
from oned.methods.quotas import USER_DEFAULTS, default_xml, own_xml, pool_xml, set_quotas
from oned.methods.shared import Templated
from oned.model.base import check_name
from oned.model.group import Group, unknown_operation
from oned.model.user import LoginToken, User
from onelib.auth import generate_password

MAX_TOKENS = 10
USERS_GROUP = 1
_WHITE_SPACE = " \t\n\v\f\r"


class _Users(Templated[User]):
    """The shared methods, for users whose lists of operations have to name operations."""

    def updated(self, call: Call, obj: User) -> None:
        """Refuse other words."""
        _ = call
        unknown = unknown_operation(obj.template)
        if unknown:
            raise InternalError(f"Cannot update template. Unknown vm operation: {unknown}")


POOL = _Users(User, restricted="USER_RESTRICTED_ATTR")


def password_reason(password: str) -> str:
    """Why ``password`` cannot be one; empty when it can. Never contains it."""
    if not password:
        return "Invalid password, it cannot be empty"
    bad = next((char for char in password if char in _WHITE_SPACE), None)
    return "" if bad is None else f"Invalid password, character '{bad}' is not allowed"


def stored_password(driver: str, password: str) -> str:
    """What a driver keeps of a password."""
    return hash_password(password) if driver == "core" else password


def _groups_of_new(call: Call, gids: list[object]) -> list[int]:
    """The groups of a new user, primary first; asks whether the caller may put users there."""
    wanted = [gid for gid in gids if type(gid) is int]
    if len(wanted) != len(gids):
        raise ParameterError("The group IDs have to be integers")
    question = call.authorization().add(Op.CREATE, Target(Kind.USER, uid=call.caller.uid, gid=call.caller.gid))
    for gid in wanted:
        group = load(call.transaction, Group, gid)
        if gid != call.caller.gid:
            question.add(Op.MANAGE, group.target())
    question.check()
    if wanted:
        return list(dict.fromkeys(wanted))
    return [USERS_GROUP if call.caller.gid == 0 else call.caller.gid]


def allocate(call: Call, name: str, password: str, driver: str, gids: list[object] | None = None) -> int:
    """Create a user in the groups ``gids`` (first the primary one)."""
    groups = _groups_of_new(call, gids or [])
    reason = password_reason(password) or check_name(name, USER_NAME_EXTRA)
    if reason:
        raise InternalError(f"{reason}.")
    known = find_body(call.transaction, User.table, name)
    if known is not None:
        raise InternalError(f"NAME is already taken by USER {User.from_xml(known).oid}.")
    driver = driver or "core"
    return add_user(call.transaction, name, stored_password(driver, password), driver, groups)


def info(call: Call, oid: int, decrypt: bool = False) -> str:
    """A user with its quotas; -1 is the caller."""
    _ = decrypt
    user = load(call.transaction, User, call.caller.uid if oid == -1 else oid)
    call.authorization().add(Op.USE, user.target(), heed_lock=False).check()
    quotas = own_xml(call.transaction, user_quotas, user.oid)
    body = user.to_xml().removesuffix("</USER>")
    return f"{body}{quotas}{default_xml(call.transaction, USER_DEFAULTS)}</USER>"


def pool_info(call: Call) -> str:
    """All users that the caller may see, each followed by its quotas."""
    return pool_xml(call, User, user_quotas, USER_DEFAULTS)


def _managed(call: Call, oid: int, op: Op) -> User:
    """The user ``oid`` when the caller may do ``op`` with it."""
    user = load(call.transaction, User, oid)
    call.authorization().add(op, user.target()).check()
    return user


def remove_user(call: Call, oid: int) -> int:
    """Delete a user, its place in groups, its quotas and its access rules."""
    user = _managed(call, oid, Op.ADMIN)
    if oid == 0:
        raise ActionError("Cannot delete user. oneadmin cannot be deleted.")
    remove(call.transaction, user)
    for gid in sorted(user.groups):
        leave(call, gid, oid)
    call.transaction.write(delete(user_quotas).where(user_quotas.c.user_oid == oid))
    return oid


def passwd(call: Call, oid: int, password: str) -> int:
    """Set the password; ends all sessions and tokens of the user."""
    user = _managed(call, oid, Op.MANAGE)
    if not call.caller.is_admin and not call.settings.auth_driver(user.driver).password_change:
        raise ActionError(f"Password for driver {user.driver} cannot be changed.")
    _set_password(user, password)
    save(call.transaction, user)
    return oid


def _set_password(user: User, password: str) -> None:
    reason = password_reason(password)
    if reason:
        raise ActionError(reason)
    user.password = stored_password(user.driver, password)
    user.tokens = []


def chauth(call: Call, oid: int, driver: str, password: str) -> int:
    """Change the authentication driver, and with it the password unless that is empty."""
    user = _managed(call, oid, Op.ADMIN)
    user.driver = driver
    if password:
        _set_password(user, password)
    save(call.transaction, user)
    return oid


def enable(call: Call, oid: int, enabled: bool) -> int:
    """Let a user in or keep it out."""
    user = _managed(call, oid, Op.ADMIN)
    if oid == 0:
        raise ActionError("Cannot enable/disable oneadmin user")
    user.enabled = enabled
    save(call.transaction, user)
    return oid


def quota(call: Call, oid: int, text: str) -> int:
    """Set limits of a user."""
    _managed(call, oid, Op.ADMIN)
    if oid == 0:
        raise ActionError("Cannot set quotas for oneadmin user")
    return set_quotas(call, user_quotas, oid, text)


def _membership(call: Call, oid: int, gid: int, group_op: Op) -> tuple[User, Group]:
    """User and group for a change of membership that the caller may make."""
    user = load(call.transaction, User, oid)
    if call.settings.auth_driver(user.driver).managed_groups:
        raise ActionError(f"Groups cannot be manually managed for auth driver {user.driver}")
    group = load(call.transaction, Group, gid)
    call.authorization().add(Op.MANAGE, user.target()).add(group_op, group.target()).check()
    return user, group


def addgroup(call: Call, oid: int, gid: int) -> int:
    """Put a user in another group."""
    user, _group = _membership(call, oid, gid, Op.MANAGE)
    if gid in user.groups:
        raise ActionError("User is already in this group")
    user.groups.add(gid)
    save(call.transaction, user)
    join(call, gid, oid)
    return oid


def delgroup(call: Call, oid: int, gid: int) -> int:
    """Take a user from a group that is not its primary one."""
    user, _group = _membership(call, oid, gid, Op.MANAGE)
    user.leave(gid)
    save(call.transaction, user)
    leave(call, gid, oid)
    return oid


def chgrp(call: Call, oid: int, gid: int) -> int:
    """Change the primary group; the old one is left unless the new one was a secondary group already."""
    if gid < 0:
        raise ParameterError("Wrong group ID")
    if oid == 0:
        name = load(call.transaction, User, 0).name
        load(call.transaction, Group, gid)
        raise InternalError(f"user [0] {name} cannot be moved outside of the group [0] oneadmin")
    user, group = _membership(call, oid, gid, Op.USE)
    old = user.gid
    if old == gid:
        return oid
    was_member = gid in user.groups
    user.gid, user.gname = gid, group.name
    user.groups.add(gid)
    if not was_member:
        user.groups.discard(old)
    save(call.transaction, user)
    join(call, gid, oid)
    if not was_member:
        leave(call, old, oid)
    return oid


def login(call: Call, name: str, token: str, seconds: int, egid: int = -1) -> str:
    """Make a login token (``seconds`` -1 for ever), or with 0 drop one or all. Returns the token."""
    user = find(call.transaction, User, name)
    if user is None:
        raise NoExistsError(kind=Kind.USER.label)
    call.authorization().add(Op.MANAGE, user.target()).check()
    longest = call.settings.auth_driver(user.driver).max_token_seconds
    if longest == 0:
        raise ActionError(f"Login tokens are disabled for driver {user.driver}")
    if longest > 0 and (seconds > longest or seconds == -1):
        seconds = longest
    if seconds < -1:
        raise ParameterError("Wrong valid period for token")
    if seconds == 0:
        _drop_tokens(user, token)
    else:
        _check_scope(call, user, egid)
        token = _new_token(user, token, seconds, egid)
    save(call.transaction, user)
    return token


def _drop_tokens(user: User, token: str) -> None:
    kept = [known for known in user.tokens if token and known.token != token]
    if token and len(kept) == len(user.tokens):
        raise ParameterError("Could not find token")
    user.tokens = kept


def _check_scope(call: Call, user: User, egid: int) -> None:
    caller = call.caller
    if egid == -1:
        if set(caller.groups) != user.groups:
            raise ParameterError("Cannot create a full token with a specific group token")
    elif not caller.is_admin and (egid not in user.groups or egid not in caller.groups):
        raise ParameterError("EGID is not in user group list")


def _new_token(user: User, token: str, seconds: int, egid: int) -> str:
    now = int(time.time())
    user.tokens = [known for known in user.tokens if known.valid(now)]
    if len(user.tokens) >= MAX_TOKENS:
        raise ParameterError("Max number of tokens limit reached.")
    token = token or generate_password()
    if password_reason(token):
        raise ParameterError("A token cannot have white space")
    if not any(known.token == token for known in user.tokens):
        expires = -1 if seconds == -1 else now + seconds
        user.tokens.append(LoginToken(token, expires, egid))
        user.tokens.sort(key=lambda known: known.token)
    return token


_PASSWORD_2 = frozenset({2})
METHODS = (
    Method("one.user.allocate", allocate, (str, str, str), (list,), write=True, accounts=True, hidden=_PASSWORD_2),
    Method("one.user.info", info, (int,), (bool,)),
    Method("one.user.update", POOL.update, (int, str), (int,), write=True, accounts=True),
    Method("one.user.delete", remove_user, (int,), write=True, accounts=True),
    Method("one.user.passwd", passwd, (int, str), write=True, accounts=True, hidden=_PASSWORD_2),
    Method("one.user.chgrp", chgrp, (int, int), write=True, accounts=True),
    Method("one.user.addgroup", addgroup, (int, int), write=True, accounts=True),
    Method("one.user.delgroup", delgroup, (int, int), write=True, accounts=True),
    Method("one.user.chauth", chauth, (int, str, str), write=True, accounts=True, hidden=frozenset({3})),
    Method("one.user.enable", enable, (int, bool), write=True, accounts=True),
    Method("one.user.login", login, (str, str, int), (int,), write=True, accounts=True, hidden=_PASSWORD_2),
    Method("one.user.quota", quota, (int, str), write=True),
    Method("one.userpool.info", pool_info, bulk=True),
)
