"""The log of hooks: a record of each execution, of which a number per hook is kept."""

import re
import time
from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass

from sqlalchemy import ColumnElement, bindparam, delete, func, insert, select

from oned.database.db import Transaction
from oned.database.pools import body_of
from oned.database.schema import hook_log
from oned.errors import NoExistsError
from oned.model.hook import Hook
from onelib.template_xml import MalformedXmlError, parse_root, text_of

MAX_ELEMENTS = 1000
_NUMBER = re.compile(rb"-?[0-9]{1,9}")

_OF_HOOK = hook_log.c.hkid == bindparam("hook")
_LAST = select(func.max(hook_log.c.exeid)).where(_OF_HOOK)
_ONE = select(hook_log.c.body).where(_OF_HOOK, hook_log.c.exeid == bindparam("execution"))
_BODIES = select(hook_log.c.body).where(_OF_HOOK)
_INSERT = insert(hook_log)
_FORGET = delete(hook_log).where(_OF_HOOK, hook_log.c.exeid <= bindparam("last"))


class RecordError(ValueError):
    """What was sent is not the record of an execution; sent again it would not be either."""


@dataclass(frozen=True)
class Execution:
    """What is needed to run a hook once more."""

    arguments: str
    remote_host: str


def records_xml(transaction: Transaction, *which: ColumnElement[bool]) -> str:
    """The element HOOKLOG with the records ``which``, hooks with the highest ids first."""
    query = select(hook_log.c.body).where(*which).order_by(hook_log.c.hkid.desc(), hook_log.c.exeid)
    return f"<HOOKLOG>{''.join(str(row[0]) for row in transaction.rows(query))}</HOOKLOG>"


def record_of(transaction: Transaction, hook: int, execution: int) -> Execution | None:
    """One execution; None without a record of it."""
    rows = transaction.rows(_ONE, {"hook": hook, "execution": execution})
    try:
        root = parse_root(str(rows[0][0]), MAX_ELEMENTS) if rows else None
    except MalformedXmlError:
        root = None
    if root is None or root.find("ARGUMENTS") is None:
        return None
    return Execution(text_of(root.find("ARGUMENTS")), text_of(root.find("REMOTE_HOST")))


@dataclass(frozen=True)
class Sent:
    """What the execution manager sends of an execution: its exit code and XML (ARGUMENTS, EXECUTION_RESULT ...)."""

    hook: int
    code: int
    inner: str
    uuid: str


def parse_report(text: bytes) -> Sent:
    """``<exit code> <hook> <base64 of XML>``. Raises :class:`RecordError`."""
    words = text.split()
    if len(words) != 3 or not all(_NUMBER.fullmatch(word) for word in words[:2]):
        raise RecordError("it is not an exit code, a hook and a record")
    try:
        inner = b64decode(words[2], validate=True).decode()
        root = parse_root(f"<R>{inner}</R>", MAX_ELEMENTS)
    except (Base64Error, UnicodeDecodeError):
        raise RecordError("the record is not base64 of a text") from None
    except MalformedXmlError:
        raise RecordError("the record is not XML") from None
    if root.find("ARGUMENTS") is None or root.find("EXECUTION_RESULT/CODE") is None:
        raise RecordError("the record has no ARGUMENTS or no EXECUTION_RESULT")
    return Sent(int(words[1]), int(words[0]), inner, text_of(root.find("UUID")))


def add(transaction: Transaction, sent: Sent, keep: int) -> None:
    """Write the record of an execution; only the last ``keep`` of its hook stay.

    A record whose UUID is in the log was sent once more because its sender did not hear of the first time: it is not
    written again. Raises :class:`RecordError`.
    """
    hook = sent.hook
    try:
        body_of(transaction, Hook.table, Hook.kind, hook)  # holds the hook, so that numbers are given once
    except NoExistsError:
        raise RecordError(f"there is no hook {hook}") from None
    known = f"<UUID>{sent.uuid}</UUID>"
    if sent.uuid and any(known in row[0] for row in transaction.rows(_BODIES, {"hook": hook})):
        return
    last = transaction.rows(_LAST, {"hook": hook})[0][0]
    number = 0 if last is None else last + 1
    now = int(time.time())
    body = (
        f"<HOOK_EXECUTION_RECORD><HOOK_ID>{hook}</HOOK_ID><EXECUTION_ID>{number}</EXECUTION_ID>"
        f"<TIMESTAMP>{now}</TIMESTAMP>{sent.inner}</HOOK_EXECUTION_RECORD>"
    )
    transaction.write(_INSERT, {"hkid": hook, "exeid": number, "timestamp": now, "rc": sent.code, "body": body})
    transaction.write(_FORGET, {"hook": hook, "last": number - keep})
