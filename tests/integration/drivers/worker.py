"""oned with one more kind of task: it asks a driver, and counts in the database how often the result was applied."""

import os
import sys

from sqlalchemy import insert, select, update

from oned import cli
from oned.database.db import Transaction
from oned.database.schema import system_attributes
from oned.work import runner
from oned.work.context import Context, Job
from oned.work.drive import ask
from oned.work.table import HANDLERS
from onelib.driver import DriverError


async def count(context: Context) -> Job:
    answer = await ask(context)
    name = f"task-{context.task.id}"

    def job(transaction: Transaction) -> None:
        table = system_attributes
        row = transaction.one(select(table.c.body).where(table.c.name == name))
        text = f"failed: {answer}" if isinstance(answer, DriverError) else answer
        if row is None:
            transaction.write(insert(table), {"name": name, "body": f"1 {text}"})
        else:
            times = int(row[0].partition(" ")[0]) + 1
            transaction.write(update(table).where(table.c.name == name).values(body=f"{times} {text}"))

    return job


HANDLERS["test"] = count
runner.POLL_SECONDS = float(os.environ.get("TEST_POLL_SECONDS", runner.POLL_SECONDS))
sys.exit(cli.main())
