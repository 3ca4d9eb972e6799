"""Guessing passwords made slow: who fails again and again from one address waits before the next try is looked at.

The first failures are free, as people mistype; then each one doubles the wait of the next try for that user from that
address. Tries that come at the same time queue up, and when the queue is long they are refused unseen. A session that
was good a while ago never waits, so that a client at work is not held up by somebody who guesses beside it.
"""

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from oned.errors import AuthenticationError

FREE_FAILURES = 5
FIRST_SECONDS, LONGEST_SECONDS = 0.1, 2.0
QUEUE_SECONDS = 10.0
"""Tries that would wait longer are refused."""
FORGET_SECONDS = 60.0
"""A failure counts until that long after it."""
GOOD_SECONDS = 900.0
MAX_ENTRIES = 10_000
"""Of each kind; the oldest goes first."""

Key = tuple[str, str]


@dataclass
class _Failing:
    failures: int = 0
    until: float = 0.0
    next_try: float = 0.0


class Backoff:
    """Failures by user and address, of this process. Times are those of ``clock``, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._failing: dict[Key, _Failing] = {}
        self._good: dict[bytes, float] = {}

    def __len__(self) -> int:
        return len(self._failing) + len(self._good)

    @property
    def failing(self) -> bool:
        """Whether there are failures at all."""
        return bool(self._failing)

    @staticmethod
    def _key(session: str, address: str) -> Key:
        return session.partition(":")[0][:128], address

    def _proof(self, session: str) -> bytes:
        return hashlib.blake2b(
            session.encode("utf-8", "surrogateescape"), key=self._secret, digest_size=16
        ).digest()

    def _entry(self, key: Key) -> _Failing | None:
        """The failures of ``key`` that still count."""
        entry = self._failing.get(key)
        if entry is not None and self._clock() >= entry.until:
            del self._failing[key]
            return None
        return entry

    def wait(self, session: str, address: str) -> float:
        """How long this try has to wait, in seconds. Raises :class:`AuthenticationError` when too many wait."""
        entry = self._entry(self._key(session, address))
        if entry is None or entry.failures < FREE_FAILURES:
            return 0.0
        now = self._clock()
        if self._good.get(self._proof(session), 0.0) > now:
            return 0.0
        start = max(now, entry.next_try)
        if start - now > QUEUE_SECONDS:
            raise AuthenticationError
        pause: float = FIRST_SECONDS * 2 ** min(entry.failures - FREE_FAILURES, 10)
        entry.next_try = start + min(pause, LONGEST_SECONDS)
        return entry.next_try - now

    def failed(self, session: str, address: str) -> bool:
        """Count a failure; whether it is the one from which on tries have to wait."""
        key = self._key(session, address)
        entry = self._entry(key) or _Failing()
        entry.failures += 1
        entry.until = self._clock() + FORGET_SECONDS
        self._failing.pop(key, None)
        self._failing[key] = entry
        _shorten(self._failing)
        self._good.pop(self._proof(session), None)
        return entry.failures == FREE_FAILURES

    def succeeded(self, session: str, address: str) -> None:
        """The user proved who it is: nothing counts against it any more from there.

        Only a proof that is new counts, so that a client at work does not forgive others their guesses.
        """
        proof = self._proof(session)
        now = self._clock()
        if self._good.pop(proof, 0.0) <= now:
            self._failing.pop(self._key(session, address), None)
        self._good[proof] = now + GOOD_SECONDS
        _shorten(self._good)


def _shorten(table: dict[Key, _Failing] | dict[bytes, float]) -> None:
    """Drop the oldest of ``table`` when it is full."""
    if len(table) > MAX_ENTRIES:
        del table[next(iter(table))]  # type: ignore[arg-type]  # its own key
