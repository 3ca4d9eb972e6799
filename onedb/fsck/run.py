"""All checks in one transaction: it is committed as a whole, or, by a dry run and by a kill, not at all."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import Engine
from sqlalchemy.engine import Connection

from oned.model.base import PoolObject
from oned.model.document import Document
from oned.model.hook import Hook
from oned.model.secgroup import SecurityGroup
from oned.model.vdc import Vdc
from oned.model.vmgroup import VmGroup
from oned.model.vntemplate import NetworkTemplate
from oned.model.zone import Zone
from onedb.fsck import (
    clusters,
    consoles,
    datastores,
    histories,
    hosts,
    images,
    machines,
    markets,
    networks,
    pool_control,
    quotas,
    ranges,
    routers,
    templates,
    users,
)
from onedb.fsck.finding import Finding
from onedb.fsck.held import Held
from onedb.fsck.records import Records

Check = Callable[[Records, Held], Iterator[Finding]]


def _plain(check: Callable[[Records], Iterator[Finding]]) -> Check:
    """A check that does not need to know what machines have."""
    return lambda records, _held: check(records)


def _bodies(records: Records, _held: Held) -> Iterator[Finding]:
    """Bodies that no check could read, and those of pools that no other check reads."""
    kinds: tuple[type[PoolObject], ...] = (Document, Hook, SecurityGroup, Vdc, VmGroup, NetworkTemplate, Zone)
    for cls in kinds:
        for _ in records.objects(cls):
            pass
    yield from records.damaged.values()


CHECKS: tuple[tuple[str, Check], ...] = (
    ("pool_control", _plain(pool_control.check)),
    ("users and groups", _plain(users.check)),
    ("address ranges", _plain(ranges.check)),
    ("clusters", _plain(clusters.check)),
    ("datastores", _plain(datastores.check)),
    ("virtual machines", machines.check),
    ("console ports", consoles.check),
    ("history", histories.check),
    ("virtual routers", routers.check),
    ("hosts", hosts.check),
    ("marketplaces", _plain(markets.check)),
    ("images", images.check),
    ("networks", networks.check),
    ("quotas", quotas.check),
    ("templates", _plain(templates.check)),
    ("bodies", _bodies),
)
"""Names and checks, in upstream's order: what an early one repairs, a later one counts on."""


_WAIT = "SET @waits = 1 /*M!100300 , SESSION idle_transaction_timeout = 0 */"
"""While a backup is made the transaction does nothing; only MariaDB would end it."""


@dataclass
class Outcome:
    """What was found."""

    findings: list[Finding] = field(default_factory=list)
    committed: bool = False

    @property
    def unrepaired(self) -> int:
        """How many need a person."""
        return sum(not finding.repaired for finding in self.findings)

    @property
    def repaired(self) -> int:
        """How many are repaired, or would be."""
        return len(self.findings) - self.unrepaired


def run(
    engine: Engine,
    tell: Callable[[str, Finding | None], None],
    *,
    dry: bool,
    before_commit: Callable[[], None] = lambda: None,
) -> Outcome:
    """Check everything, and repair it unless ``dry``.

    ``tell`` is called with the name of each check when it begins, and with each finding. ``before_commit`` is called
    when there is something to commit, while all others still see the database as it was: the place for a backup.
    Raises :class:`sqlalchemy.exc.SQLAlchemyError`; then nothing has changed.
    """
    outcome = Outcome()
    with engine.connect() as connection, connection.begin() as transaction:
        if connection.dialect.name != "sqlite":
            connection.exec_driver_sql(_WAIT)
        _check(connection, tell, outcome)
        if dry or not outcome.repaired:
            transaction.rollback()
            return outcome
        before_commit()
        transaction.commit()
        outcome.committed = True
    return outcome


def _check(connection: Connection, tell: Callable[[str, Finding | None], None], outcome: Outcome) -> None:
    records, held = Records(connection), Held()
    for name, check in CHECKS:
        tell(name, None)
        for finding in check(records, held):
            outcome.findings.append(finding)
            tell(name, finding)
