"""Names and users that no other test has."""

import itertools

from tests.integration.oned.daemon import Daemon

_numbers = itertools.count()


def unique(prefix: str = "thing") -> str:
    """A name that no other test has."""
    return f"{prefix}-{next(_numbers)}"


def new_member(oned: Daemon) -> str:
    """The session of a new user of the group users."""
    name = unique("user")
    oned.ok("one.user.allocate", name, "word", "core")
    return f"{name}:word"
