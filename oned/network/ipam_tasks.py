"""The tasks of address ranges from elsewhere: taking back what a call did not use, and giving addresses back."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from oned import tasks
from oned.access.acl import Kind
from oned.database.db import Transaction
from oned.database.pools import save
from oned.model.network import Network
from oned.network import ipam
from oned.network.ranges import AddressRange
from oned.storage.reading import held
from oned.work.context import Context, Job, LaterError
from onelib.driver import DriverError, DriverGoneError, DriverTimeoutError

LONGEST_PAUSE = 300.0


def _later(context: Context, error: DriverError) -> LaterError:
    return LaterError(min(LONGEST_PAUSE, 2.0**context.task.attempt), str(error))


async def undo(context: Context) -> Job | None:
    """The handler of :data:`oned.network.ipam.UNDO`.

    When nobody knows the driver's answer it is asked the same again, under the same name, so that it can say what it
    has done; one that refuses has done nothing.
    """
    payload = context.task.payload
    if payload["action"] == ipam.UNREGISTER:
        return None  # the range is still here: who wants it gone tries again
    answer = payload.get("answer")
    if answer is None:
        try:
            driver = context.drivers.get(payload["driver"])
            answer = await driver.call(payload["action"], -1, payload["message"], payload["token"])
        except (DriverGoneError, DriverTimeoutError) as error:
            raise _later(context, error) from None
        except DriverError:
            return None
    return partial(_take_back, network_id=context.task.oid, payload=payload, answer=str(answer))


def _take_back(transaction: Transaction, *, network_id: int, payload: Mapping[str, Any], answer: str) -> None:
    """Ask for the opposite of what was answered. An answer that cannot be read tells of nothing to take back."""
    try:
        if payload["action"] == ipam.REGISTER:
            mad = payload["driver"].partition(":")[2]
            attributes = ipam.vector_of(answer, "AR") | {"IPAM_MAD": mad}
            request = {"driver": payload["driver"], "action": ipam.UNREGISTER, "message": ipam.message(attributes)}
            tasks.enqueue(transaction, ipam.BACK, (Kind.NET, network_id), request)
            return
        network = held(transaction, Network, network_id)
        each = network.range(payload["ar"]) if network is not None else None
        if each is not None:
            _free(transaction, network_id, each, _first(each, payload, answer), payload["count"])
    except DriverError:
        return


def _first(each: AddressRange, payload: Mapping[str, Any], answer: str) -> int | None:
    if payload["action"] == ipam.ALLOCATE:
        return int(payload["index"])
    return each.index_of("IP", ipam.vector_of(answer, "ADDRESS").get("IP", ""))


def _free(transaction: Transaction, network_id: int, each: AddressRange, first: int | None, count: int) -> None:
    """Give back what of the addresses nobody has here: a driver may have given what it had given before."""
    if first is None:
        return
    for index in range(first, min(first + count, each.size)):
        if each.leases.is_free(index, 1):
            ipam.enqueue_back(transaction, network_id, each, index)


async def back(context: Context) -> Job | None:
    """The handler of :data:`oned.network.ipam.BACK`: tries until the driver has taken it."""
    payload = context.task.payload
    try:
        driver = context.drivers.get(payload["driver"])
        await driver.call(payload["action"], -1, payload["message"], str(context.task.id))
    except DriverError as error:
        raise _later(context, error) from None
    if "lease" not in payload:
        return None
    return partial(_end_lease, network_id=context.task.oid, payload=payload)


def _end_lease(transaction: Transaction, *, network_id: int, payload: Mapping[str, Any]) -> None:
    network = held(transaction, Network, network_id)
    each = network.range(payload["ar"]) if network is not None else None
    if network is not None and each is not None and each.leases.free(payload["index"], payload["lease"]):
        save(transaction, network)
