"""What a check of the database reports."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One inconsistency; ``repaired`` is False for one that needs a person, who reads ``message``."""

    message: str
    repaired: bool = True

    @property
    def line(self) -> str:
        """As it is printed."""
        return self.message if self.repaired else f"[UNREPAIRED] {self.message}"


def differences(label: str, holder: str, listed: set[int], right: set[int]) -> Iterator[str]:
    """The sentences for what the list of a ``holder`` lacks, and for what it should not have."""
    for oid in sorted(right - listed):
        yield f"{label} {oid} is missing from {holder} id list"
    for oid in sorted(listed - right):
        yield f"{label} {oid} is in {holder} id list, but it should not"


def unrepaired(message: str) -> Finding:
    """Something that a person has to look at."""
    return Finding(message, repaired=False)
