"""Where calls wait for drivers: outside of any transaction, bounded in number and time.

A driver that is slow or dead holds up the calls that need it and no others.
"""

import asyncio
import secrets
from concurrent.futures import Future
from functools import partial
from typing import Protocol, TypeVar

from oned import tasks
from oned.database.db import Database, Job
from oned.drivers.codec import FAMILIES
from oned.drivers.questions import About, Answers, Given, Question, Record
from oned.errors import InternalError
from onelib.driver import DriverError, DriverGoneError, DriverTimeoutError
from onelib.logs import ERROR, Log

SECONDS = 90.0
"""How long a call waits for one answer, as in 6.0; TIMEOUT of the driver may be shorter."""
MOST_WAITING = 200
"""Questions to one driver that wait for others to be answered: more are refused."""
MOST_QUESTIONS = 256
"""Of one call."""

Result = TypeVar("Result")


class Office(Protocol):
    """Who has the drivers. Both may be called from any thread."""

    def ask(self, question: Question, token: str) -> "Future[str]":
        """Ask a driver; ``token`` is what it knows the request by."""

    def threads(self, label: str) -> int:
        """How many requests a driver takes at the same time."""


class _Line:
    """Those who wait for one driver."""

    def __init__(self, threads: int) -> None:
        self.free = asyncio.Semaphore(threads)
        self.waiting = 0


class Desk:
    """Asks drivers for calls. Belongs to the event loop of the service."""

    def __init__(self, office: Office, database: Database, log: Log) -> None:
        self._office = office
        self._database = database
        self._log = log
        self._lines: dict[str, _Line] = {}
        self._shared: dict[tuple[str, About], asyncio.Task[Given]] = {}

    async def ask(self, question: Question, answers: Answers) -> None:
        """Get the answer to ``question`` into ``answers``. Raises :class:`oned.errors.ApiError`."""
        if len(answers) >= MOST_QUESTIONS:
            raise InternalError(f"The call needs more than {MOST_QUESTIONS} answers of drivers.")
        if question.record is None:
            given = await self._share(question)
        else:
            given = await self._recorded(question, question.record, answers)
        answers.keep(question, given)

    async def _share(self, question: Question) -> Given:
        """Calls that ask the same at the same time share one answer; a caller that leaves does not end it."""
        key = (question.driver, question.about)
        work = self._shared.get(key)
        if work is None:
            work = self._shared[key] = asyncio.create_task(self._settled(question))
            work.add_done_callback(lambda _: self._shared.pop(key, None))
        return await asyncio.shield(work)

    async def _settled(self, question: Question) -> Given:
        answer = await self._answer(question, "")
        if question.settle is not None and isinstance(answer, str):
            settle, text = question.settle, answer
            await self._write(lambda transaction: settle(transaction, text))
        return Given(answer)

    async def _recorded(self, question: Question, record: Record, answers: Answers) -> Given:
        """Ask what may have to be taken back: a refusal leaves nothing, a silence may have left something."""
        token = secrets.token_hex(8)
        try:
            row = await self._write(lambda transaction: record(transaction, token))
        except DriverError as error:
            return Given(error)
        answers.keep(question, Given(DriverGoneError("The call ended before the driver answered."), row))
        answer = await self._answer(question, token)
        if _is_refusal(answer):
            await self._write(lambda transaction: tasks.drop(transaction, row))
            row = 0
        return Given(answer, row)

    async def _answer(self, question: Question, token: str) -> str | DriverError:
        line = self._lines.get(question.driver)
        if line is None:
            line = self._lines[question.driver] = _Line(self._office.threads(question.driver))
        answer: str | DriverError
        if line.waiting >= MOST_WAITING:
            answer = DriverError(f"Too many calls wait for the driver {question.driver}.")
        else:
            line.waiting += 1
            try:
                async with asyncio.timeout(SECONDS), line.free:
                    answer = await asyncio.wrap_future(self._office.ask(question, token))
            except TimeoutError:
                answer = DriverTimeoutError(f"The driver did not answer within {SECONDS:g} seconds.")
            except DriverError as error:
                answer = error
            finally:
                line.waiting -= 1
        if isinstance(answer, DriverError):
            family = FAMILIES[question.driver.partition(":")[0]]
            self._log.write(family.module, ERROR, f"{question.action} of {question.driver}: {answer}")
        return answer

    def settle(self, answers: Answers) -> None:
        """The call has ended: what its drivers did and it did not use is taken back now."""
        for given in answers.recorded():
            known = {"answer": given.text} if isinstance(given.text, str) else {}
            self._database.submit(partial(tasks.hasten, number=given.row, added=known))

    async def _write(self, job: Job[Result]) -> Result:
        return await asyncio.wrap_future(self._database.submit(job))


def _is_refusal(answer: str | DriverError) -> bool:
    """Whether the driver said that it did nothing."""
    return isinstance(answer, DriverError) and not isinstance(answer, DriverGoneError | DriverTimeoutError)
