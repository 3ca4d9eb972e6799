"""From a decoded call to an answer: authentication, parameters, the handler, the envelope, the log."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial

from oned.access.authenticate import Authenticator, CallerCache, StaleTokenError, drop_token, upgrade_hash
from oned.access.backoff import Backoff
from oned.api.desk import Desk, Office
from oned.api.record import Record
from oned.api.xmlrpc import (
    NO_METHOD_FAULT,
    TYPE_FAULT,
    Fault,
    Long,
    Value,
    encode_answer,
    encode_around,
    escape,
)
from oned.config import Settings
from oned.database.ahead import pages
from oned.database.db import Database, Job, Transaction
from oned.database.listing import Listing
from oned.database.peers import Peers
from oned.drivers.questions import Answers, NeedsDriverError, Question
from oned.errors import ApiError, AuthenticationError, NotImplementedHereError, UnavailableError
from oned.hooks import api_event
from oned.hooks.hookconf import read_event_settings
from oned.methods.call import Answer, Call, Method
from oned.methods.table import METHODS, UPSTREAM
from onelib import checks
from onelib.logs import DEBUG, ERROR, Log

Piece = bool | int | str
"""An answer, or the beginning of a long one."""

_TYPE_NAMES = {str: "string", int: "int", bool: "boolean", list: "array"}
_NO_REPLICATION = Long(-1)


def _unavailable(_call: Call) -> Answer:
    raise NotImplementedHereError("This method is not available in this version of the server.")


def _whole(answer: Answer) -> Piece:
    """The answer of a method that reads nothing."""
    if isinstance(answer, Listing):
        raise TypeError("a listing needs the database")
    return answer


def find_method(name: str) -> Method:
    """The row of the table for ``name``. Raises :class:`Fault` for a name that 6.0 does not have either."""
    method = METHODS.get(name)
    if method is not None:
        return method
    if name in UPSTREAM:
        return Method(name, _unavailable, hidden=frozenset(range(1, 32)))
    raise Fault(NO_METHOD_FAULT, f"Method '{name[:80]}' not defined")


def check_params(method: Method, params: Sequence[Value]) -> list[Value]:
    """The parameters of ``method`` after the session. Raises :class:`Fault` for a missing or wrongly typed one."""
    wanted = method.params + method.optional
    given = params[1 : 1 + len(wanted)]
    if len(given) < len(method.params):
        raise Fault(TYPE_FAULT, "Not enough parameters")
    for kind, value in zip(wanted, given, strict=False):
        if type(value) is not kind:
            raise Fault(TYPE_FAULT, f"Parameter that is supposed to be {_TYPE_NAMES[kind]} is not")
    return list(given)


def session_of(params: Sequence[Value]) -> str:
    """The first parameter. Raises :class:`Fault`."""
    if not params:
        raise Fault(TYPE_FAULT, "Not enough parameters")
    if type(params[0]) is not str:
        raise Fault(TYPE_FAULT, "Parameter that is supposed to be string is not")
    return params[0]


class Service:
    """Answers calls from one database."""

    def __init__(
        self, settings: Settings, database: Database, log: Log, key: str, peers: Peers, *, office: Office
    ) -> None:
        self.settings = settings
        self._database = database
        self._log = log
        self._key = key
        self._authenticator = Authenticator(settings, log)
        self._peers = peers
        self._callers = CallerCache(peers)
        self._backoff = Backoff()
        self._desk = Desk(office, database, log)
        self._requests = itertools.count(1)
        self._tells = read_event_settings(settings.raw) is not None

    async def answer(self, name: str, params: Sequence[Value], client: str) -> bytes | AsyncGenerator[bytes]:
        """The answer of one call, on the wire, a long one in pieces (:meth:`_pieces`).

        Raises :class:`Fault` when the call itself is wrong.
        The health probe's question, every 10 s with nobody's credentials, is no event for the log.
        """
        record = Record(find_method(name), params, next(self._requests) % 10000, client)
        session = session_of(params)
        try:
            await self._hold_back(session, client)
            record.result = await self._carry_out(record, session)
        except ApiError as error:
            record.failure = error.with_traceback(None)  # its frames hold the record
        self._remember(record, session, client)
        await self._tell_failure(record)
        await self._repair(record, session)
        if session != checks.SESSION:
            self._write_log(record)
        failure = record.failure
        if failure is not None:
            return encode_answer(False, record.message, failure.code, failure.oid, _NO_REPLICATION)
        if record.rest is not None:
            return self._pieces(str(record.result), record.rest)
        return encode_answer(True, record.result, 0)

    async def _pieces(self, first: str, rest: Listing) -> AsyncGenerator[bytes]:
        """A long answer; pages are read while those before are escaped and sent. Raises :class:`ApiError`."""
        before, after = encode_around()
        piece = before + escape(first.encode())
        async with aclosing(pages(self._database, rest)) as following:
            async for page in following:
                yield piece
                piece = escape(page)
        yield piece + after

    async def _hold_back(self, session: str, client: str) -> None:
        """Wait, when this user failed too often from that address."""
        if not self._backoff.failing or session == checks.SESSION or self._callers.get(session) is not None:
            return
        seconds = self._backoff.wait(session, client.rpartition(":")[0])
        if seconds > 0:
            await asyncio.sleep(seconds)

    def _remember(self, record: Record, session: str, client: str) -> None:
        """Note what became of the authentication."""
        address = client.rpartition(":")[0]
        if isinstance(record.failure, AuthenticationError):
            if session != checks.SESSION and self._backoff.failed(session, address):
                self._log.write(
                    "AuM", ERROR, f"Calls from {address} keep failing to authenticate: slowing them down."
                )
        elif record.caller is not None and not record.remembered:
            self._backoff.succeeded(session, address)

    async def _carry_out(self, record: Record, session: str) -> Piece:
        """Run the handler, again as often as it needs another answer of a driver."""
        answers = Answers()
        try:
            while True:
                try:
                    return await self._run(record, session, answers)
                except NeedsDriverError as needed:
                    await self._ask(needed.question, answers)
        finally:
            if answers:
                self._desk.settle(answers)

    async def _ask(self, question: Question, answers: Answers) -> None:
        """Have a driver answer, which may change users and groups."""
        await self._desk.ask(question, answers)
        if question.settle is not None:
            self._callers.forget()
            await self._let_others_forget()

    async def _run(self, record: Record, session: str, answers: Answers) -> Piece:
        """Run the handler in a transaction: a reader's, or the writer's."""
        method = record.method
        known = self._callers.get(session)
        record.remembered = known is not None
        if known is not None and not method.stored:
            record.caller = known
            return _whole(self._handle(record, None))

        def job(transaction: Transaction) -> Piece:
            transaction.answers = answers
            answers.begin()
            record.caller = known or self._authenticator.authenticate(transaction, session)
            answer = self._handle(record, transaction)
            if isinstance(answer, Listing):
                listing, answer = answer, answer.next(transaction).decode()
                record.rest = None if listing.ended else listing
            if self._tells and method.write:
                api_event.succeeded(transaction, record, answer)
            return answer

        if method.accounts:
            self._callers.forget()
        moment = self._callers.moment()
        try:
            if method.write:
                answer = await asyncio.wrap_future(self._database.submit(job))
                if method.accounts:
                    await self._let_others_forget()
                return answer
            loop = asyncio.get_running_loop()
            threads = self._database.bulk_readers if method.bulk else self._database.readers
            return await loop.run_in_executor(threads, self._database.read, job)
        finally:
            if method.accounts:
                self._callers.forget()
            elif known is None and record.caller is not None:
                self._callers.keep(session, record.caller, moment)

    async def _let_others_forget(self) -> None:
        """Wait until no other server remembers users as they were before the last commit."""
        loop = asyncio.get_running_loop()
        seconds = await loop.run_in_executor(self._database.readers, self._peers.wait_seconds)
        if seconds > 0:
            await asyncio.sleep(seconds)

    def _handle(self, record: Record, transaction: Transaction | None) -> Answer:
        """Check the parameters and call the handler for an authenticated caller."""
        assert record.caller is not None  # noqa: S101 (the two callers set it)
        given = check_params(record.method, record.params)
        call = Call(record.caller, self.settings, record.request, self._key, transaction)
        return record.method.handler(call, *given)

    async def _tell_failure(self, record: Record) -> None:
        """Write the event of a refused call, whose own transaction is gone; a lost database cannot be told in."""
        refused = record.failure is not None and record.caller is not None and record.method.write
        if not self._tells or not refused or isinstance(record.failure, UnavailableError):
            return
        try:
            await asyncio.wrap_future(self._database.submit(partial(api_event.failed, record=record)))
        except ApiError as error:
            self._log.write("HKM", ERROR, f"Subscribers will not hear of a call: {error.detail}")

    async def _repair(self, record: Record, session: str) -> None:
        """Write what an authentication leaves behind: a hash to upgrade, a token to drop."""
        caller, failure = record.caller, record.failure
        job: Job[None]
        if caller is not None and caller.legacy_hash:
            job = partial(upgrade_hash, uid=caller.uid, session=session)
        elif isinstance(failure, StaleTokenError):
            job = partial(drop_token, uid=failure.uid, token=failure.token)
        else:
            return
        try:
            await asyncio.wrap_future(self._database.submit(job))
            await self._let_others_forget()
        except ApiError as error:
            self._log.write("AuM", ERROR, f"A user could not be updated: {error.detail}")
        finally:
            self._callers.forget()

    def _write_log(self, record: Record) -> None:
        """Log the call in upstream's form."""
        log = self._log
        if log.level >= DEBUG:
            log.write("ReM", DEBUG, record.invoked(self.settings.call_format))
        head = f"Req:{record.request} UID:{record.uid if record.uid != -1 else '-'} {record.method.name} result"
        if record.failure is not None:
            log.write("ReM", ERROR, f"{head} FAILURE {record.message}")
        elif log.level >= DEBUG:
            log.write("ReM", DEBUG, f"{head} SUCCESS, {record.shown_result}")
