"""Address ranges whose addresses a driver hands out: what a handler asks, and what is given back.

A range with ``IPAM_MAD`` exists twice, in the network's body and with the driver. An address is taken here only when
the driver has given it, and free here only when the driver has it back: a lease that ends stays until the task
:data:`BACK` is done. A driver that is asked for something by a call has to take it back when the call comes to nothing;
the task :data:`UNDO`, written before the driver is asked, sees to that (:mod:`oned.drivers.questions`).
"""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy import bindparam, delete, select

from oned import tasks
from oned.access.acl import Kind
from oned.database.db import Transaction
from oned.database.schema import network_pool, task
from oned.drivers.questions import About, Given, Question, answers_of
from oned.errors import InternalError
from oned.network.changes import INTERNAL
from oned.network.ranges import AddressRange
from onelib.driver import DriverError
from onelib.template import Template, TemplateError, cdata

UNDO, BACK = "ipam.undo", "ipam.back"
REGISTER, UNREGISTER = "REGISTER_ADDRESS_RANGE", "UNREGISTER_ADDRESS_RANGE"
GET, ALLOCATE, FREE = "GET_ADDRESS", "ALLOCATE_ADDRESS", "FREE_ADDRESS"
UNDO_SECONDS = 300.0
"""After how long what a driver did for a call is taken back, when the server died that waited for it."""
NOWHERE = -1

_NO_ADDRESS = "<ADDRESS><MAC/><IP/><IP6_GLOBAL/><IP6_ULA/><IP6/><SIZE/></ADDRESS>"
_LOCK = select(network_pool.c.oid).where(network_pool.c.oid == bindparam("key"))
_OF_NETWORK = (task.c.object == Kind.NET.name, task.c.oid == bindparam("network"), task.c.kind.in_((UNDO, BACK)))
_PAYLOADS = select(task.c.id, task.c.kind, task.c.payload).where(*_OF_NETWORK)
_DELETE = delete(task).where(task.c.id == bindparam("number"))


def is_external(attributes: Mapping[str, str]) -> bool:
    """Whether a driver hands out the addresses of a range with ``attributes``."""
    return attributes.get("IPAM_MAD", "") not in {"", "internal"}


def message(attributes: Mapping[str, str], address: str = _NO_ADDRESS) -> str:
    """What a driver gets."""
    inner = "".join(f"<{name}>{cdata(attributes[name])}</{name}>" for name in sorted(attributes))
    return f"<IPAM_DRIVER_ACTION_DATA><AR>{inner}</AR>{address}</IPAM_DRIVER_ACTION_DATA>"


def address_xml(each: AddressRange, index: int, count: int) -> str:
    """Addresses of a range from ``index``."""
    found = each.addresses(index)
    names = [name for name in ("MAC", "IP", "IP6_ULA", "IP6_GLOBAL", "IP6") if name in found]
    inner = "".join(f"<{name}>{found[name]}</{name}>" for name in names)
    return f"<ADDRESS>{inner}<SIZE>{count}</SIZE></ADDRESS>"


def vector_of(answer: str, name: str) -> dict[str, str]:
    """``AR`` or ``ADDRESS`` of a driver's answer. Raises :class:`DriverError`."""
    try:
        found = Template.parse(answer.strip()).vector(name)
    except TemplateError as error:
        raise DriverError(f"The IPAM driver's response cannot be read: {error.message}") from None
    if not found:
        raise DriverError(f"{name} not found in IPAM driver response")
    return found


# What calls ask


def register(transaction: Transaction, attributes: Mapping[str, str]) -> dict[str, str]:
    """The range that the driver gives for the one that is asked for. Raises :class:`InternalError`."""
    kept = {name: value for name, value in attributes.items() if name not in INTERNAL}
    flat = [text for name in sorted(kept) for text in (name, kept[name])]
    mad = kept["IPAM_MAD"]
    payload = {"driver": f"ipam:{mad}", "action": REGISTER, "message": message(kept)}
    try:
        given = _ask(transaction, payload, NOWHERE, ("register", *flat))
        found = vector_of(str(given.text), "AR")
    except DriverError as error:
        raise InternalError(str(error)) from None
    given.use(transaction)
    return found | {"IPAM_MAD": found.get("IPAM_MAD") or mad}


def unregister(transaction: Transaction, network_id: int, each: AddressRange, *, force: bool) -> None:
    """Tell the driver that the range is not wanted any more. Raises :class:`InternalError`, not with ``force``.

    From then on no call takes an address of it.
    """
    payload = _payload(each, UNREGISTER, message(each.attributes), 0, each.size)
    try:
        _ask(transaction, payload, network_id, ("unregister", network_id, each.oid), alone=not force).use(
            transaction
        )
    except DriverError as error:
        if not force:
            raise InternalError(str(error)) from None
    for row in transaction.rows(_PAYLOADS, {"network": network_id}):
        if json.loads(row.payload).get("ar") == each.oid:
            transaction.write(_DELETE, {"number": row.id})
    transaction.signals.add(tasks.SIGNAL)


def get(transaction: Transaction, network_id: int, each: AddressRange, count: int) -> int | None:
    """The first of ``count`` addresses that the driver chooses; None when it gives none that can be used."""
    wanted = f"<ADDRESS><SIZE>{count}</SIZE></ADDRESS>"
    payload = _payload(each, GET, message(each.attributes, wanted), NOWHERE, count)
    try:
        given = _ask(transaction, payload, network_id, ("get", network_id, each.oid, count))
        index = each.index_of("IP", vector_of(str(given.text), "ADDRESS").get("IP", ""))
    except DriverError:
        return None
    if index is None or index + count > each.size or not each.leases.is_free(index, count):
        return None
    given.use(transaction)
    return index


def allocate(transaction: Transaction, network_id: int, each: AddressRange, index: int, count: int = 1) -> bool:
    """Whether the driver gives those very addresses, which are free here."""
    payload = _payload(each, ALLOCATE, message(each.attributes, address_xml(each, index, count)), index, count)
    try:
        given = _ask(transaction, payload, network_id, ("allocate", network_id, each.oid, index, count))
    except DriverError:
        return False
    given.use(transaction)
    return True


def _payload(each: AddressRange, action: str, text: str, index: int, count: int) -> dict[str, Any]:
    driver = f"ipam:{each.attributes['IPAM_MAD']}"
    return {"driver": driver, "action": action, "message": text, "ar": each.oid, "index": index, "count": count}


def _ask(
    transaction: Transaction,
    payload: dict[str, Any],
    network_id: int,
    about: About,
    *,
    alone: bool = True,
) -> Given:
    record = partial(_record, payload=payload, network_id=network_id, alone=alone)
    question = Question(payload["driver"], payload["action"], payload["message"], ("ipam", *about), record=record)
    return answers_of(transaction).of(question)


def _record(
    transaction: Transaction, token: str, *, payload: Mapping[str, Any], network_id: int, alone: bool
) -> int:
    """Write what has to be taken back; two calls never ask for the same at the same time."""
    if network_id != NOWHERE:
        transaction.one(_LOCK, {"key": network_id})
        if alone:
            for row in transaction.rows(_PAYLOADS, {"network": network_id}):
                if _in_the_way(json.loads(row.payload), payload):
                    raise DriverError("Another call asks for these addresses, or they are being given back.")
    return tasks.enqueue(
        transaction, UNDO, (Kind.NET, network_id), {**payload, "token": token}, delay=UNDO_SECONDS
    )


def _in_the_way(other: Mapping[str, Any], mine: Mapping[str, Any]) -> bool:
    """Whether two requests are about the same addresses; one that ends a range is about all of it."""
    if other.get("ar") != mine["ar"]:
        return False
    if UNREGISTER in {other["action"], mine["action"]}:
        return True
    first, second = sorted([(other["index"], other["count"]), (mine["index"], mine["count"])])
    return bool(first[0] != NOWHERE and first[0] + first[1] > second[0])


# What is given back


def give_back(transaction: Transaction, network_id: int, each: AddressRange, index: int, number: int) -> None:
    """Have the driver take an address back from the owner ``number``, who keeps it until then.

    The network's row is locked. An address that is on its way already stays on it.
    """
    if each.leases.owner_of(index) != number or _goes_back(transaction, network_id, each.oid, index):
        return
    enqueue_back(transaction, network_id, each, index, number)


def give_all_back(
    transaction: Transaction, network_id: int, each: AddressRange, number: int, span: tuple[int, int] = (0, 2**32)
) -> None:
    """The same for all that an owner has of ``span``: a first index, and how many."""
    for index, taken_by in list(each.leases):
        if taken_by == number and span[0] <= index < span[0] + span[1]:
            give_back(transaction, network_id, each, index, number)


def enqueue_back(
    transaction: Transaction, network_id: int, each: AddressRange, index: int, number: int | None = None
) -> None:
    """Write the task; without ``number`` nobody has the address here."""
    payload = _payload(each, FREE, message(each.attributes, address_xml(each, index, 1)), index, 1)
    if number is not None:
        payload["lease"] = number
    tasks.enqueue(transaction, BACK, (Kind.NET, network_id), payload)


def _goes_back(transaction: Transaction, network_id: int, ar_id: int, index: int) -> bool:
    for row in transaction.rows(_PAYLOADS, {"network": network_id}):
        payload = json.loads(row.payload)
        if row.kind == BACK and (payload.get("ar"), payload.get("index")) == (ar_id, index):
            return True
    return False
