"""The results of all tasks about images, datastores and marketplaces.

Each function gets the transaction that also deletes the task, the task's payload with ``oid``, and what the driver
answered or the :class:`onelib.driver.DriverError`. It never raises for what the driver or a user did.
"""

from collections.abc import Callable, Mapping
from typing import Any

from oned.database.db import Transaction
from oned.database.pools import save
from oned.model.datastore import Datastore
from oned.storage import image_results, market_results
from oned.storage.reading import held
from onelib.driver import DriverError
from onelib.template import Template, TemplateError


def monitor_datastore(transaction: Transaction, payload: Mapping[str, Any], answer: str | DriverError) -> None:
    """How full a datastore is; what was known stays when the driver does not say."""
    if isinstance(answer, DriverError):
        return
    try:
        facts = Template.from_text(answer)
        total, free, used = (int(float(facts.get(name))) for name in ("TOTAL_MB", "FREE_MB", "USED_MB"))
    except (TemplateError, ValueError, OverflowError):
        return
    datastore = held(transaction, Datastore, payload["oid"])
    if datastore is not None:
        datastore.measured(total, free, used)
        save(transaction, datastore)


RESULTS: dict[str, Callable[[Transaction, Mapping[str, Any], str | DriverError], None]] = {
    "image.stat": image_results.stat,
    "image.cp": image_results.cp,
    "image.mkfs": image_results.mkfs,
    "image.clone": image_results.clone,
    "image.rm": image_results.rm,
    "image.snap_delete": image_results.snap_delete,
    "image.snap_revert": image_results.snap_revert,
    "image.snap_flatten": image_results.snap_flatten,
    "datastore.monitor": monitor_datastore,
    "market.import": market_results.import_app,
    "market.delete": market_results.delete,
    "market.monitor": market_results.monitor,
}
