"""Tables that only an upgrade or a restore knows.

``oneedge_new_X`` is a table on its way in: worth nothing until the swap, dropped by whoever finds it. ``oneedge_old_X``
is what X was, kept until the upgrade is confirmed or taken back. ``oneedge_old_journal`` comes and goes with the swap
itself, so where it is, there is an upgrade that can be taken back, and it names the tables that belong to it.
"""

from collections.abc import Iterable

NEW, OLD = "oneedge_new_", "oneedge_old_"
RESTORED, TAKEN_AWAY = "oneedge_restore_", "oneedge_replaced_"
"""What a restore brings before its swap, and what it has taken the place of: neither is worth anything afterwards."""
JOURNAL = "journal"
REPLACED, CREATED = "replaced", "created"
"""What the journal says of a table: it had a predecessor, or not."""
USED = "used"
"""What the journal says once an ``oned`` has worked on the new tables (:mod:`oned.database.upgraded` writes it)."""


def leftovers(tables: Iterable[str]) -> list[str]:
    """What a run that was killed left and nobody needs: new tables, and old ones of a confirmed upgrade."""
    names = set(tables)
    unneeded = (NEW, RESTORED, TAKEN_AWAY) if OLD + JOURNAL in names else (NEW, RESTORED, TAKEN_AWAY, OLD)
    return sorted(name for name in names if name.startswith(unneeded))
