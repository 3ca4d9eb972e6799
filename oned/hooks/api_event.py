"""The event of a call of the API: what was asked, what was answered, and the object that came or went."""

import re

from oned.api.record import HIDDEN, Record
from oned.api.xmlrpc import Value
from oned.database.db import Transaction
from oned.hooks.events import publish
from oned.methods.call import Answer
from oned.model.base import PoolObject, escape

LARGEST_BYTES = 8 * 2**20
"""Of a larger event only the beginning of each value is told, and no object."""
SHORT_CHARS = 2**16
MOST_PARAMETERS = 32

_ROOTS = {
    "vm": "VM",
    "vn": "VNET",
    "template": "VMTEMPLATE",
    "secgroup": "SECURITY_GROUP",
    "vmgroup": "VM_GROUP",
    "market": "MARKETPLACE",
}
"""The element of a resource, where it is not the name of the resource in capitals."""
_SECRETS = re.compile(r"<(PASSWORD|TOKEN|TOKEN_PASSWORD)>.*?</\1>", re.DOTALL)


def _shown(value: Value, limit: int) -> str:
    """A parameter as 6.0 writes it: numbers for truth, nothing for arrays."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, str):
        return escape(value[:limit])
    return str(value) if isinstance(value, int | float) else ""


def _parameter(position: int, direction: str, value: str) -> str:
    return f"<PARAMETER><POSITION>{position}</POSITION><TYPE>{direction}</TYPE><VALUE>{value}</VALUE></PARAMETER>"


def _message(record: Record, outcome: list[str], extra: str, limit: int) -> str:
    hidden = record.method.hidden
    given = "".join(
        _parameter(position + 1, "IN", HIDDEN if position == 0 or position in hidden else _shown(value, limit))
        for position, value in enumerate(record.params[:MOST_PARAMETERS])
    )
    answered = "".join(_parameter(position, "OUT", value) for position, value in enumerate(outcome, 1))
    return (
        f"<HOOK_MESSAGE><HOOK_TYPE>API</HOOK_TYPE><CALL>{record.method.name}</CALL><CALL_INFO>"
        f"<RESULT>{int(outcome[0] == 'true')}</RESULT><PARAMETERS>{given}{answered}</PARAMETERS>"
        f"<EXTRA>{extra}</EXTRA></CALL_INFO></HOOK_MESSAGE>"
    )


def _publish(transaction: Transaction, record: Record, outcome: list[str], extra: str = "") -> None:
    body = _message(record, outcome, extra, LARGEST_BYTES)
    if len(body) > LARGEST_BYTES // 4 and len(body.encode()) > LARGEST_BYTES:
        body = _message(record, [value[:SHORT_CHARS] for value in outcome], "", SHORT_CHARS)
    publish(transaction, (f"EVENT API {record.method.name} {int(outcome[0] == 'true')}",), body)


def _extra(transaction: Transaction, method: str, answer: Answer) -> str:
    """The object that ``allocate`` made or ``delete`` removed; of a user without what could be used to log in."""
    _, resource, verb = method.split(".")
    if verb not in {"allocate", "delete"}:
        return ""
    root = _ROOTS.get(resource, resource.upper())
    for obj, body in reversed(transaction.touched):
        if isinstance(obj, PoolObject) and obj.root == root and obj.oid == answer:
            text = body or obj.to_xml()
            return _SECRETS.sub(rf"<\1>{HIDDEN}</\1>", text) if root == "USER" else text
    return ""


def succeeded(transaction: Transaction, record: Record, answer: Answer) -> None:
    """Tell of a call in its own transaction, when its handler is done."""
    if isinstance(answer, bool):
        result = str(answer).lower()
    elif isinstance(answer, str):
        result = HIDDEN if record.method.hidden else escape(answer)
    else:
        result = str(answer)
    _publish(transaction, record, ["true", result, "0"], _extra(transaction, record.method.name, answer))


def failed(transaction: Transaction, record: Record) -> None:
    """Tell of a call that was refused."""
    failure = record.failure
    if failure is not None:
        outcome = ["false", escape(record.message), str(failure.code), str(failure.oid)]
        _publish(transaction, record, outcome)
