"""Users and groups: a user's groups exist, the primary one is among them, and each group lists its users."""

from collections import defaultdict
from collections.abc import Iterator

from oned.model.group import Group
from oned.model.user import User
from onedb.fsck.finding import Finding, differences, unrepaired
from onedb.fsck.records import Records

USERS_GROUP = 1
"""Where a user goes whose primary group is gone: the group ``users`` of every database."""


def check(records: Records) -> Iterator[Finding]:
    """First the users, then the lists of the groups."""
    names = records.names(Group.table)
    members: dict[int, set[int]] = defaultdict(set)
    seen: dict[str, tuple[int, str]] = {}
    for user, row in records.objects(User, User.table.c.gid):
        found = [records.finding(User.table, text) for text in _mend(user, names, row.gid)]
        yield from found
        if found:
            records.save(user)
        for gid in user.groups:
            members[gid].add(user.oid)
        yield from _same_name(user, seen)
    yield from _groups(records, members)


def _mend(user: User, names: dict[int, str], column: int) -> Iterator[str]:
    """Repair a user in memory; the sentences of what was wrong."""
    before = user.gid
    if user.gid not in names:
        yield f"User {user.oid} has primary group {user.gid}, but it does not exist"
        user.groups.discard(user.gid)
        user.gid, user.gname = USERS_GROUP, names.get(USERS_GROUP, "users")
        user.groups.add(USERS_GROUP)
    if user.gid not in user.groups:
        yield f"User {user.oid} does not have his primary group {user.gid} in the list of secondary groups"
        user.groups.add(user.gid)
    for gid in sorted(user.groups - names.keys() - {user.gid}):
        yield f"User {user.oid} has secondary group {gid}, but it does not exist"
        user.groups.discard(gid)
    if before == user.gid != column:
        yield f"User {user.oid} is in group {user.gid}, but the DB table has GID column {column}"


def _same_name(user: User, seen: dict[str, tuple[int, str]]) -> Iterator[Finding]:
    """Users of LDAP whose names differ only by case: there they are one."""
    if user.driver != "ldap":
        return
    oid, name = seen.setdefault(user.name.lower(), (user.oid, user.name))
    if oid != user.oid:
        yield unrepaired(
            f"User id:{user.oid} has conficting name {user.name}, another user id:{oid} with name {name} is present"
        )


def _groups(records: Records, members: dict[int, set[int]]) -> Iterator[Finding]:
    unread = records.unread(User.table)
    for group, _ in records.objects(Group):
        right = members[group.oid] | group.users & unread
        if group.users == right and group.admins <= right:
            continue
        texts = [
            *differences("User", f"Group {group.oid} users", group.users, right),
            *differences("User", f"Group {group.oid} admins", group.admins, group.admins & right),
        ]
        yield from (records.finding(Group.table, text) for text in texts)
        group.users, group.admins = right, group.admins & right
        records.save(group)
