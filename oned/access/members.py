"""Users and their groups in the database: a new user, and groups as an authentication driver says them."""

from collections.abc import Iterable, Sequence

from sqlalchemy import insert

from oned.access import rules
from oned.database.db import Transaction
from oned.database.pools import create, load, save
from oned.database.schema import user_quotas
from oned.methods.quotas import new_body
from oned.model.group import Group
from oned.model.user import User
from onelib.auth import generate_password
from onelib.template import Template


def add_user(transaction: Transaction, name: str, password: str, driver: str, gids: Sequence[int]) -> int:
    """Create a user in ``gids``, first the primary one; ``password`` is what the driver keeps. Returns its id.

    Raises :class:`oned.errors.NoExistsError` for a group.
    """
    groups = [load(transaction, Group, gid) for gid in dict.fromkeys(gids)]
    user = User(
        oid=-1,
        gid=groups[0].oid,
        gname=groups[0].name,
        name=name,
        password=password,
        driver=driver,
        enabled=True,
        groups={group.oid for group in groups},
        tokens=[],
        template=Template([("TOKEN_PASSWORD", generate_password())]),
    )
    create(transaction, user)
    transaction.write(insert(user_quotas), {"user_oid": user.oid, "body": new_body(user.oid)})
    for group in groups:
        group.users.add(user.oid)
        save(transaction, group)
    return user.oid


def leave(transaction: Transaction, gid: int, uid: int) -> None:
    """Note in a group that a user is no member of it any more, nor its administrator."""
    group = load(transaction, Group, gid)
    group.users.discard(uid)
    if uid in group.admins:
        group.admins.discard(uid)
        rules.drop_group_admin(transaction, uid, gid)
    save(transaction, group)


def set_groups(transaction: Transaction, uid: int, gids: Sequence[int]) -> None:
    """Make ``gids`` the groups of a user; the primary one stays, if it is among them, else it is the first."""
    user = load(transaction, User, uid)
    before, after = user.groups, set(gids)
    if user.gid not in after:
        user.gid, user.gname = gids[0], load(transaction, Group, gids[0]).name
    elif before == after:
        return
    user.groups = after
    save(transaction, user)
    for gid in sorted(after - before):
        group = load(transaction, Group, gid)
        group.users.add(uid)
        save(transaction, group)
    for gid in sorted(before - after):
        leave(transaction, gid, uid)


def set_admin(transaction: Transaction, uid: int, gids: Iterable[int], wanted: Iterable[int]) -> None:
    """Let a user administer those of its groups ``gids`` that are ``wanted``, and no other of them."""
    chosen = set(wanted)
    for gid in sorted(set(gids)):
        group = load(transaction, Group, gid)
        if (uid in group.admins) == (gid in chosen):
            continue
        if gid in chosen:
            group.admins.add(uid)
            save(transaction, group)
            rules.add_group_admin(transaction, uid, gid)
        else:
            group.admins.discard(uid)
            save(transaction, group)
            rules.drop_group_admin(transaction, uid, gid)
