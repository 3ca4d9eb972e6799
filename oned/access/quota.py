"""What users and groups use, counted against their quotas: charged and refunded in the transaction of the change.

Rows are locked until the end of that transaction, a user's before a group's, so that two changes never both take what
is left for one. The user oneadmin and its group have no quotas.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from sqlalchemy import Select, Table, Update, bindparam, select, update

from oned.database.db import Transaction
from oned.database.schema import group_quotas, system_attributes, user_quotas
from oned.errors import AuthorizationError
from oned.model.quota import DEFAULT, UNLIMITED, Quotas


@dataclass(frozen=True)
class Usage:
    """What a change takes; negative for what it gives back, as a resize may do. Sizes are megabytes.

    ``datastores`` has (images, size) by datastore, ``networks`` leases by network, ``images`` virtual machines that
    use an image.
    """

    vms: int = 0
    cpu: float = 0.0
    memory: int = 0
    running_vms: int = 0
    running_cpu: float = 0.0
    running_memory: int = 0
    system_disk: int = 0
    datastores: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    networks: Mapping[int, int] = field(default_factory=dict)
    images: Mapping[int, int] = field(default_factory=dict)

    def requests(self) -> Iterator[tuple[str, str, dict[str, float]]]:
        """Section, id and amounts, in the order in which 6.0 looks at them.

        Amounts have two digits, like the counters, so that what is charged and refunded adds up to nothing.
        """
        for oid, (images, size) in sorted(self.datastores.items()):
            yield "DATASTORE", str(oid), {"IMAGES": images, "SIZE": size}
        for oid, leases in sorted(self.networks.items()):
            yield "NETWORK", str(oid), {"LEASES": leases}
        machine = {
            "VMS": self.vms,
            "RUNNING_VMS": self.running_vms,
            "CPU": round(self.cpu, 2),
            "RUNNING_CPU": round(self.running_cpu, 2),
            "MEMORY": self.memory,
            "RUNNING_MEMORY": self.running_memory,
            "SYSTEM_DISK_SIZE": self.system_disk,
        }
        if any(machine.values()):
            yield "VM", "", machine
        for oid, users in sorted(self.images.items()):
            yield "IMAGE", str(oid), {"RVMS": users}


class _Account:
    """The statements for the quotas of one kind of owner."""

    def __init__(self, label: str, table: Table, defaults: str) -> None:
        self.label = label
        self.defaults = defaults
        key = table.primary_key.columns[0]
        shared = select(system_attributes.c.body).where(system_attributes.c.name == defaults).scalar_subquery()
        self.read: Select[tuple[str, str]] = select(table.c.body, shared).where(key == bindparam("key"))
        self.write: Update = update(table).where(key == bindparam("key")).values(body=bindparam("changed"))


_USER = _Account("user", user_quotas, "DEFAULT_USER_QUOTAS")
_GROUP = _Account("group", group_quotas, "DEFAULT_GROUP_QUOTAS")


@lru_cache(maxsize=16)
def _defaults(body: str, root: str) -> Quotas:
    """The defaults, for reading only."""
    return Quotas.from_xml(body, root)


def charge(transaction: Transaction, uid: int, gid: int, usage: Usage) -> None:
    """Count ``usage`` for a user and a group, for both or neither; -1 leaves one out.

    Raises :class:`AuthorizationError` with upstream's sentence when a limit would be passed. What a change gives back
    is never refused.
    """
    _change(transaction, uid, gid, usage, 1)


def refund(transaction: Transaction, uid: int, gid: int, usage: Usage) -> None:
    """Count ``usage`` no more. What was never counted, as for a user that is gone, stays so."""
    _change(transaction, uid, gid, usage, -1)


def _change(transaction: Transaction, uid: int, gid: int, usage: Usage, sign: int) -> None:
    requests = list(usage.requests())
    if not requests:
        return
    changed = []
    for account, oid in ((_USER, uid), (_GROUP, gid)):
        if oid <= 0:
            continue
        row = transaction.one(account.read, {"key": oid})
        if row is not None:
            quotas = Quotas.from_xml(str(row[0]))
            if sign > 0:
                _check(account, oid, quotas, str(row[1] or f"<{account.defaults}/>"), requests)
            _count(quotas, requests, sign)
            changed.append((account.write, {"key": oid, "changed": quotas.to_xml()}))
        elif sign > 0:
            raise AuthorizationError(f"{account.label.title()} not found")
    for statement, parameters in changed:
        transaction.write(statement, parameters)


def _check(
    account: _Account, oid: int, quotas: Quotas, shared: str, requests: list[tuple[str, str, dict[str, float]]]
) -> None:
    """Raise :class:`AuthorizationError` for the first limit that ``requests`` would pass."""
    for section, number, amounts in requests:
        own = quotas.sections[section].get(number)
        common = _defaults(shared, account.defaults).sections[section].get(number)
        for metric, amount in amounts.items():
            limit = own.limits[metric] if own else DEFAULT
            if limit == DEFAULT:
                limit = common.limits[metric] if common else UNLIMITED
            used = own.used[metric] if own else 0.0
            if amount > 0 and limit != UNLIMITED and round(used + amount, 2) > limit:
                which = f" with ID: {number}" if number else ""
                raise AuthorizationError(
                    f"{account.label} [{oid}] limit of {limit:g} reached for {metric} quota in {section}{which}"
                )


def _count(quotas: Quotas, requests: list[tuple[str, str, dict[str, float]]], sign: int) -> None:
    for section, number, amounts in requests:
        if sign < 0 and number not in quotas.sections[section]:
            continue
        entry = quotas.entry(section, number)
        for metric, amount in amounts.items():
            entry.used[metric] = round(entry.used[metric] + sign * amount, 2)
        quotas.clean(section, number)
