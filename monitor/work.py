"""From messages to changes of the database: jobs for its writer, which commits many of them together.

A job is small, so that one that is refused takes nothing else with it: the newest report of the host itself, what its
machines use, and the new state of one machine.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from monitor.message import Decrypt, Kind, Message, MessageError
from oned.config import Settings
from oned.database.db import Transaction
from oned.errors import NoExistsError
from oned.infrastructure import hosts, machine_reports
from oned.infrastructure.machine_reports import Seen
from oned.model.host import HostState
from onelib.template import Template

Job = Callable[[Transaction], None]
MOST_MACHINES = 20_000
"""Machines in one report; no host has as many."""


class Work:
    """What the messages of a round lead to. ``complaints`` are what could not be used of them."""

    def __init__(self, settings: Settings, decrypt: Decrypt | None) -> None:
        self._settings = settings
        self._decrypt = decrypt
        self.complaints: list[str] = []

    def jobs(self, host_id: int, messages: Iterable[Message]) -> Iterator[Job]:
        """The jobs of one host that need nothing to be read; of two reports that replace each other, the newer."""
        last: dict[Kind, Message] = {}
        for message in messages:
            if not message.success:
                yield partial(self._failed, host_id=host_id, reason=message.reason(self._decrypt))
            elif message.kind is Kind.MONITOR_VM:
                yield from self._of(message, self._usage)
            elif message.kind is not Kind.STATE_VM:
                last[message.kind] = message
        for kind, take in ((Kind.SYSTEM_HOST, self._system), (Kind.MONITOR_HOST, self._load)):
            if kind in last:
                yield from self._of(last[kind], take)

    def states(self, messages: Iterable[Message]) -> Iterator[Template]:
        """The reports of states among the messages of a host, in their order."""
        for message in messages:
            if message.success and message.kind is Kind.STATE_VM:
                report = self._report(message)
                if report is not None:
                    yield report

    def state_jobs(self, transaction: Transaction, host_id: int, report: Template) -> list[Job]:
        """The jobs for a report of states, which needs to be compared with what is known."""
        host = machine_reports.home(transaction, host_id)
        if host is None:
            return []
        seen = machine_reports.seen_machines(transaction, report)[:MOST_MACHINES]
        changed = machine_reports.news(transaction, seen) + machine_reports.missing(report, host, seen)
        jobs: list[Job] = [partial(self._state, host_id=host_id, one=one) for one in changed]
        present = {one.vm_id for one in seen}
        if machine_reports.is_full(report) and (present - host.vms or host.template.get("ZOMBIES")):
            jobs.append(partial(machine_reports.note_zombies, host_id=host_id, present=present))
        return jobs

    def _report(self, message: Message) -> Template | None:
        try:
            return message.report(self._decrypt)
        except MessageError as error:
            self.complaints.append(f"{message.kind.value} of host {message.host_id}: {error}")
            return None

    def _of(self, message: Message, take: Callable[[Transaction, int, Template], None]) -> Iterator[Job]:
        report = self._report(message)
        if report is not None:
            yield partial(_call, take=take, host_id=message.host_id, report=report)

    def _failed(self, transaction: Transaction, host_id: int, reason: str) -> None:
        """The probes of a host failed."""
        hosts.report_state(transaction, host_id, HostState.ERROR, reason, settings=self._settings)

    def _system(self, transaction: Transaction, host_id: int, report: Template) -> None:
        hosts.system_info(transaction, host_id, report)

    def _load(self, transaction: Transaction, host_id: int, report: Template) -> None:
        retention = self._settings.monitord.host_retention
        if retention and machine_reports.home(transaction, host_id) is not None:
            hosts.add_monitoring(transaction, host_id, report, retention=retention)

    def _usage(self, transaction: Transaction, host_id: int, report: Template) -> None:
        machine_reports.report_usage(transaction, self._settings, host_id, report)

    def _state(self, transaction: Transaction, host_id: int, one: Seen) -> None:
        machine_reports.state_of_one(transaction, self._settings, host_id, one)


def _call(
    transaction: Transaction, take: Callable[[Transaction, int, Template], None], host_id: int, report: Template
) -> None:
    try:
        take(transaction, host_id, report)
    except NoExistsError:
        return  # deleted meanwhile
