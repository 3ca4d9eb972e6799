"""What subscribers are told: written in the transaction of the change, published in the order of commits."""

from collections.abc import Sequence

from sqlalchemy import insert

from oned.db import Transaction
from oned.schema import event

_INSERT = insert(event)


def publish(transaction: Transaction, topics: Sequence[str], body: str) -> None:
    """Tell the subscribers of each of ``topics`` (the keys of 6.0's event API) ``body``, an XML text."""
    transaction.write(_INSERT, {"topics": "\n".join(topics), "body": body})
