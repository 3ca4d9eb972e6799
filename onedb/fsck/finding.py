"""What a check of the database reports."""

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


def unrepaired(message: str) -> Finding:
    """Something that a person has to look at."""
    return Finding(message, repaired=False)
