"""How long the check of a password takes tells neither who is there nor how near a guess came."""

import statistics
import time
from functools import partial
from io import StringIO

import pytest
from sqlalchemy import insert

from oned.access.authenticate import Authenticator, hash_password
from oned.config import Settings
from oned.database.db import Database, Transaction
from oned.errors import AuthenticationError
from oned.model.user import User
from onelib.logs import Log
from onelib.template import Template

LONG = 400_000
"""Characters of a password whose hash takes longer than all the rest of the check."""


def add_user(transaction: Transaction, oid: int, name: str, password: str, *, enabled: bool) -> None:
    user = User(oid, 1, "users", name, hash_password(password), "core", enabled, {1}, [], Template())
    transaction.write(insert(User.table), user.row())


@pytest.fixture
def authenticator(database: Database, settings: Settings) -> Authenticator:
    database.submit(partial(add_user, oid=2, name="ann", password="right", enabled=True)).result(30)
    database.submit(partial(add_user, oid=3, name="bob", password="right", enabled=False)).result(30)
    return Authenticator(settings, Log(0, stream=StringIO()))


def refusal_seconds(database: Database, authenticator: Authenticator, session: str) -> float:
    def job(transaction: Transaction) -> float:
        begin = time.perf_counter()
        with pytest.raises(AuthenticationError):
            authenticator.authenticate(transaction, session)
        return time.perf_counter() - begin

    return database.read(job)


def medians(
    database: Database, authenticator: Authenticator, sessions: dict[str, str], rounds: int
) -> dict[str, float]:
    """By name of a session; measured in turn, so that a busy machine slows all alike."""
    measured: dict[str, list[float]] = {name: [] for name in sessions}
    for _ in range(rounds):
        for name, session in sessions.items():
            measured[name].append(refusal_seconds(database, authenticator, session))
    return {name: statistics.median(values) for name, values in measured.items()}


def test_a_user_that_is_not_there_takes_as_long(database: Database, authenticator: Authenticator) -> None:
    guess = "x" * LONG
    sessions = {"wrong": f"ann:{guess}", "unknown": f"nobody:{guess}", "disabled": f"bob:{guess}"}
    found = medians(database, authenticator, sessions, 40)
    assert max(found.values()) < 1.6 * min(found.values()), found


def test_a_near_guess_takes_as_long(database: Database, authenticator: Authenticator) -> None:
    sessions = {"near": "ann:righ", "nearer": "ann:right ", "far": "ann:zzzzz"}
    found = medians(database, authenticator, sessions, 400)
    assert max(found.values()) < 1.6 * min(found.values()), found


def test_the_right_password(database: Database, authenticator: Authenticator) -> None:
    caller = database.read(partial(authenticator.authenticate, session="ann:right"))
    assert (caller.uid, caller.gid, caller.groups) == (2, 1, frozenset({1}))
