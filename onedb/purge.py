"""``onedb purge-history`` and ``purge-done``: old records of machines, and machines that are done.

Each page of machines is a transaction of its own: a run that is killed has purged some, and can be run again. Beside a
server either is safe.
"""

import argparse
import sys
import time
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine, delete, select, update

from oned.database.schema import history, vm_monitoring, vm_pool
from oned.errors import InternalError
from oned.model.vm import Vm
from oned.model.vm_states import VmState
from onedb.current import current_engine
from onedb.errors import UsageError
from onedb.fsck.records import PAGE, Records

KEPT = 2
"""Records that stay of each machine: the last one, and the one it came from."""


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The options of both commands."""
    texts = {
        "purge-history": f"Deletes all but the last {KEPT} history records of machines that are not done.",
        "purge-done": "Deletes machines that are done, with their history.",
    }
    for name, text in texts.items():
        parser = subparsers.add_parser(
            name, description=f"{text} TIME: epoch seconds, or YYYY-MM-DD[ HH:MM[:SS]]."
        )
        what = "begun" if name == "purge-history" else "ended"
        parser.add_argument("-s", "--start", metavar="TIME", help=f"only machines {what} at TIME or later")
        parser.add_argument("-e", "--end", metavar="TIME", help=f"only machines {what} before TIME")
        if name == "purge-done":
            parser.add_argument(
                "--pages", metavar="N", type=int, default=PAGE, help=f"machines at a time ({PAGE})"
            )


def moment(text: str | None, default: int) -> int:
    """A time of the command line in epoch seconds. Raises :class:`UsageError`."""
    if not text:
        return default
    if text.strip().isdecimal():
        return int(text)
    try:
        return int(datetime.fromisoformat(text.strip()).timestamp())
    except ValueError:
        raise UsageError(
            f"{text} is no time.", todo="Use 2021-04-30, '2021-04-30 12:00' or epoch seconds."
        ) from None


def run(arguments: argparse.Namespace) -> int:
    """Purge; tells how much."""
    start, end = moment(arguments.start, 0), moment(arguments.end, int(time.time()) + 1)
    with current_engine(arguments) as (_, engine):
        if arguments.command == "purge-done":
            if not 0 < arguments.pages <= PAGE:
                raise UsageError(f"{arguments.pages} machines at a time is not between 1 and {PAGE}.")
            count = _each(engine, arguments.pages, lambda records, oids: _purge_done(records, oids, start, end))
            sys.stdout.write(f"{count} virtual machines purged\n")
        else:
            count = _each(engine, PAGE, lambda records, oids: _purge_history(records, oids, start, end))
            sys.stdout.write(f"{count} history records purged\n")
    return 0


def _each(engine: Engine, size: int, job: Callable[[Records, list[int]], int]) -> int:
    """Run ``job`` for all machines, ``size`` at a time; the sum of what it returns."""
    last, count = -1, 0
    while True:
        with engine.begin() as connection:
            query = select(vm_pool.c.oid).where(vm_pool.c.oid > last).order_by(vm_pool.c.oid).limit(size)
            oids = list(connection.execute(query).scalars())
            if not oids:
                return count
            count += job(Records(connection), oids)
            last = oids[-1]


def _purge_done(records: Records, oids: list[int], start: int, end: int) -> int:
    """Delete those of ``oids`` that ended in that time."""
    where = vm_pool.c.oid.in_(oids) & (vm_pool.c.state == int(VmState.DONE))
    gone = []
    for row in records.pages(vm_pool, vm_pool.c.body, where=where):
        try:
            ended = Vm.from_xml(str(row.body)).etime
        except (InternalError, ValueError):
            continue
        if start <= ended < end:
            gone.append(row.oid)
    if gone:
        keys = (vm_pool.c.oid, history.c.vid, vm_monitoring.c.vmid)
        for key in keys:
            records.connection.execute(delete(key.table).where(key.in_(gone)))
    return len(gone)


def _purge_history(records: Records, oids: list[int], start: int, end: int) -> int:
    """Shorten the history of those of ``oids`` that began in that time."""
    where = vm_pool.c.oid.in_(oids) & (vm_pool.c.state != int(VmState.DONE))
    if records.connection.dialect.name != "sqlite":
        locked = select(vm_pool.c.oid).where(where).with_for_update()
        records.connection.execute(locked).all()
    count = 0
    for row in records.pages(vm_pool, vm_pool.c.body, where=where):
        try:
            vm = Vm.from_xml(str(row.body))
        except (InternalError, ValueError):
            continue
        if vm.history and vm.history[-1].seq >= KEPT and start <= vm.stime < end:
            count += _shorten(records, vm)
    return count


def _shorten(records: Records, vm: Vm) -> int:
    """Keep the last records of a machine as the first ones; how many are gone."""
    first = vm.history[-1].seq - KEPT + 1
    mine = history.c.vid == vm.oid
    gone = records.connection.execute(delete(history).where(mine, history.c.seq < first)).rowcount
    query = select(history.c.seq, history.c.body).where(mine).order_by(history.c.seq)
    for row in records.connection.execute(query).all():
        seq = row.seq - first
        body = str(row.body).replace(f"<SEQ>{row.seq}</SEQ>", f"<SEQ>{seq}</SEQ>", 1)
        change = update(history).where(mine, history.c.seq == row.seq).values(seq=seq, body=body)
        records.connection.execute(change)
    vm.history[-1].seq -= first
    records.save(vm)
    return gone
