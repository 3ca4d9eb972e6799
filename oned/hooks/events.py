"""What subscribers are told: written in the transaction of the change, published in the order of commits.

Keys and texts are 6.0's (its event API); the blank at the end of a key of a state is part of it.
"""

from base64 import b64encode
from collections.abc import Sequence

from sqlalchemy import insert

from oned.database.db import Transaction
from oned.database.schema import event
from oned.model.base import escape

SIGNAL = "event"
"""What a transaction gives that wrote an event (:meth:`oned.database.db.Database.listen`)."""

_INSERT = insert(event)


def publish(transaction: Transaction, topics: Sequence[str], body: str) -> None:
    """Tell the subscribers of each of ``topics`` (the keys of 6.0's event API) ``body``, an XML text."""
    transaction.insert_at_end(_INSERT, {"topics": "\n".join(topics), "body": body})
    transaction.signals.add(SIGNAL)


def vm_state(
    transaction: Transaction,
    vm_xml: str,
    oid: int,
    state: str,
    lcm_state: str,
    *,
    service_id: str = "",
    remote_host: str = "",
) -> None:
    """Tell that a virtual machine is in the states of these names. ``vm_xml`` is its XML with the whole history.

    ``service_id`` is SERVICE_ID of its user template, ``remote_host`` the name of the host of its last record.
    """
    topics = [f"EVENT VM {oid}/{state}/{lcm_state} ", f"EVENT STATE VM/{state}/{lcm_state}/{oid} "]
    service = ""
    if service_id.isascii() and service_id.isdecimal():
        topics.append(f"EVENT SERVICE {service_id} ")
    if service_id:
        service = f"<SERVICE_ID>{escape(service_id)}</SERVICE_ID>"
    publish(
        transaction,
        topics,
        f"<HOOK_MESSAGE><HOOK_TYPE>STATE</HOOK_TYPE><HOOK_OBJECT>VM</HOOK_OBJECT><STATE>{state}</STATE>"
        f"<LCM_STATE>{lcm_state}</LCM_STATE><RESOURCE_ID>{oid}</RESOURCE_ID>{service}"
        f"<REMOTE_HOST>{escape(remote_host)}</REMOTE_HOST>{vm_xml}</HOOK_MESSAGE>",
    )


def host_state(transaction: Transaction, host_xml: str, oid: int, state: str, name: str) -> None:
    """Tell that the host ``name`` is in the state of this name."""
    publish(
        transaction,
        (f"EVENT HOST {oid}/{state}/ ", f"EVENT STATE HOST/{state}//{oid} "),
        f"<HOOK_MESSAGE><HOOK_TYPE>STATE</HOOK_TYPE><HOOK_OBJECT>HOST</HOOK_OBJECT><STATE>{state}</STATE>"
        f"<REMOTE_HOST>{escape(name)}</REMOTE_HOST><RESOURCE_ID>{oid}</RESOURCE_ID>{host_xml}</HOOK_MESSAGE>",
    )


def image_state(transaction: Transaction, image_xml: str, oid: int, state: str) -> None:
    """Tell that an image is in the state of this name."""
    publish(
        transaction,
        (f"EVENT IMAGE {oid}/{state}/ ", f"EVENT STATE IMAGE/{state}//{oid} "),
        f"<HOOK_MESSAGE><HOOK_TYPE>STATE</HOOK_TYPE><HOOK_OBJECT>IMAGE</HOOK_OBJECT><STATE>{state}</STATE>"
        f"<RESOURCE_ID>{oid}</RESOURCE_ID>{image_xml}</HOOK_MESSAGE>",
    )


def retry(transaction: Transaction, hook: int, arguments: str, remote_host: str) -> None:
    """Ask the execution manager to run a hook once more with these arguments."""
    encoded = b64encode(arguments.encode()).decode()
    host = f"<REMOTE_HOST>{escape(remote_host)}</REMOTE_HOST>" if remote_host else ""
    body = f"<HOOK_MESSAGE><ARGUMENTS>{encoded}</ARGUMENTS><HOOK_ID>{hook}</HOOK_ID>{host}</HOOK_MESSAGE>"
    publish(transaction, ("RETRY",), body)
