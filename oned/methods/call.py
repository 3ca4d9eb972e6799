"""What a method of the API gets, and what it may answer."""

from collections.abc import Callable
from dataclasses import dataclass, field

from oned.access.acl import Authorization, Caller
from oned.config import Settings
from oned.database.db import Transaction
from oned.database.listing import Listing

Answer = bool | int | str | Listing

CHMOD = (int,) * 10
"""The parameters of ``chmod``: an id and nine permission bits."""


@dataclass(frozen=True)
class Call:
    """One authenticated call inside its transaction. ``key`` encrypts secrets in the database."""

    caller: Caller
    settings: Settings
    request_id: int
    key: str = field(repr=False)
    opened: Transaction | None

    @property
    def transaction(self) -> Transaction:
        """The database, for a method whose row in the table says ``stored``."""
        if self.opened is None:
            raise RuntimeError("this method is declared not to need the database")
        return self.opened

    def authorization(self) -> Authorization:
        """A question of access for the caller."""
        return Authorization(self.transaction, self.caller, self.settings.zone_id)


@dataclass(frozen=True)
class Method:
    """One row of the table of methods.

    ``params`` are the types after the session, ``optional`` the ones a client may leave out; what comes after them is
    ignored, as upstream does. ``accounts``: it changes users or groups. ``stored`` False: it needs nothing from the
    database. ``bulk``: it reads many rows. ``hidden`` are the positions (the session is 0) that the log never shows.
    """

    name: str
    handler: Callable[..., Answer]
    params: tuple[type, ...] = ()
    optional: tuple[type, ...] = ()
    write: bool = False
    accounts: bool = False
    stored: bool = True
    bulk: bool = False
    hidden: frozenset[int] = frozenset()
