"""Guessing: the time of an answer tells nothing about who is there, and who guesses does so slowly and alone."""

import http.client
import itertools
import random
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from xmlrpc.client import dumps

import pytest

from tests.integration.oned.conftest import end
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.hostile import MIB, Answer, Line, judge, unharmed
from tests.integration.oned.hostile_calls import body, number, string

AUTHENTICATION = 0x100
USERS, TRIES = 60, 4
"""Fewer tries for each than make anyone wait."""
LOOKED_AT = "The password of a session is wrong"
HERE, ELSEWHERE = "127.0.0.1", "127.0.0.2"
_names = (f"known-{count}" for count in itertools.count())


@pytest.fixture(scope="module")
def oned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """On SQLite only: what is measured here happens before the database matters."""
    daemon = Daemon(tmp_path_factory.mktemp("guessed"))
    daemon.start()
    yield daemon
    end(daemon)


def someone(oned: Daemon) -> str:
    """The name of a new user, whose password is ``word``."""
    name = next(_names)
    oned.ok("one.user.allocate", name, "word", "core")
    return name


def ask(oned: Daemon, session: str, address: str = HERE) -> tuple[Answer, float]:
    """Ask who the user is, from ``address``: the answer, and the seconds it took."""
    begin = time.perf_counter()
    link = http.client.HTTPConnection(HERE, oned.port, timeout=30, source_address=(address, 0))
    try:
        link.request("POST", "/RPC2", dumps((session, -1), "one.user.info"))
        response = link.getresponse()
        answer = judge(response.status, response.read(), "one.user.info")
    finally:
        link.close()
    return answer, time.perf_counter() - begin


def superior(first: list[float], second: list[float]) -> float:
    """How likely one of ``first`` is larger than one of ``second``: 0.5 when nobody can tell them apart."""
    return statistics.fmean(a > b for a in first for b in second)


def test_the_time_tells_not_who_is_there(oned: Daemon) -> None:
    """Names that are there with a wrong password, disabled ones, and names that are not, in a random order."""
    kinds = {"wrong": [someone(oned) for _ in range(USERS)], "disabled": [someone(oned) for _ in range(USERS)]}
    for name in kinds["disabled"]:
        uid = oned.ok("one.user.info", -1, session=f"{name}:word")
        assert isinstance(uid, str)
        oned.ok("one.user.enable", int(uid.partition("<ID>")[2].partition("<")[0]), False)
    kinds["absent"] = [f"absent-{count}" for count in range(USERS)]
    tries = [(kind, name) for kind, names in kinds.items() for name in names] * TRIES
    random.Random(6).shuffle(tries)
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    with Line(oned) as line:
        for count, (kind, name) in enumerate(tries):
            data = body("one.user.info", string(f"{name}:guess{count}"), number(-1))
            begin = time.perf_counter()
            assert line.post(data, "one.user.info").code == AUTHENTICATION
            seconds[kind].append(time.perf_counter() - begin)
    medians = {kind: statistics.median(values) for kind, values in seconds.items()}
    assert max(medians.values()) < 1.25 * min(medians.values()), medians
    for first, second in itertools.combinations(seconds, 2):
        assert 0.3 < superior(seconds[first], seconds[second]) < 0.7, (first, second, medians)


def test_the_answer_tells_not_who_is_there(oned: Daemon) -> None:
    name = someone(oned)
    texts = {ask(oned, session)[0].text for session in (f"{name}:no", "absent:no", f"{name}:", f"{name}", ":", "")}
    assert texts == {"[one.user.info] User couldn't be authenticated, aborting call."}


def test_the_right_user_comes_in_from_elsewhere(oned: Daemon) -> None:
    """While somebody guesses, with many connections, at one address."""
    name, other = someone(oned), someone(oned)
    for count in range(8):
        ask(oned, f"{name}:first{count}")  # from now on each guess waits for 0.8 seconds more
    with ThreadPoolExecutor(4) as pool, unharmed(oned, memory=30 * MIB) as condition:
        guesses = [pool.submit(ask, oned, f"{name}:guess{count}") for count in range(4)]
        time.sleep(0.3)
        for session, address in ((f"{name}:word", ELSEWHERE), (f"{other}:word", HERE)):
            answer, seconds = ask(oned, session, address)
            assert answer.kind == "done"
            assert seconds < 2
            assert not all(guess.done() for guess in guesses)
        condition.good_call()
        assert {guess.result()[0].code for guess in guesses} == {AUTHENTICATION}
    assert ask(oned, f"{name}:word", ELSEWHERE)[0].kind == "done"


@pytest.mark.full
def test_many_guesses_at_once_are_not_many_looks(oned: Daemon) -> None:
    """Of two hundred simultaneous guesses few are looked at within the ten seconds that the last of them takes."""
    name = someone(oned)
    for count in range(8):
        ask(oned, f"{name}:first{count}")
    before = oned.output.read_text().count(LOOKED_AT)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda count: ask(oned, f"{name}:guess{count}"), range(200)))
    assert {answer.code for answer, _ in answers} == {AUTHENTICATION}
    assert 0 < oned.output.read_text().count(LOOKED_AT) - before <= 12
