"""The line protocol: what we write is one line, and nothing that a program prints makes us fail."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oned.drivers.lines import Answer, parse, request

WORD = st.from_regex(r"[A-Z_]{1,20}", fullmatch=True)
TEXT = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Z"]), max_size=40)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"DEPLOY SUCCESS 7 one-7\n", Answer("DEPLOY", "SUCCESS", 7, "one-7")),
        (b"DEPLOY FAILURE 7 no such host: x y\n", Answer("DEPLOY", "FAILURE", 7, "no such host: x y")),
        (b"INIT SUCCESS - -\n", Answer("INIT", "SUCCESS", -1, "")),
        (b"INIT SUCCESS\n", Answer("INIT", "SUCCESS", -1, "")),
        (b"LOG I 7 Command: a  b\n", Answer("LOG", "I", 7, "Command: a  b")),
        (b"SHUTDOWN SUCCESS 12 -\n", Answer("SHUTDOWN", "SUCCESS", 12, "")),
        (b"SHUTDOWN SUCCESS 12 -1\n", Answer("SHUTDOWN", "SUCCESS", 12, "-1")),
        (b"  shutdown \t FAILURE  -1\r\n", Answer("SHUTDOWN", "FAILURE", -1, "")),
        (b"CP SUCCESS 3 \xff\n", Answer("CP", "SUCCESS", 3, "\ufffd")),
    ],
)
def test_lines_of_programs(line: bytes, answer: Answer) -> None:
    assert parse(line) == answer


@pytest.mark.parametrize(
    "line", [b"", b"\n", b"DEPLOY\n", b"a-b SUCCESS 1\n", b"DEPLOY SUCCESS x y\n", b"\x00\x01 2 3\n"]
)
def test_what_is_not_of_the_protocol(line: bytes) -> None:
    assert parse(line) is None


@given(st.binary(max_size=200))
@example(b"A B 99999999999999999999 x")
def test_garbage_is_an_answer_or_nothing(line: bytes) -> None:
    answer = parse(line)
    assert answer is None or (answer.action.isupper() and answer.status and abs(answer.number) < 10**18)


@given(WORD, st.sampled_from(["SUCCESS", "FAILURE"]), st.integers(-1, 2**31 - 1), TEXT)
def test_every_answer_is_read_back(action: str, status: str, number: int, payload: str) -> None:
    line = f"{action} {status} {number} {payload}".encode() + b"\n"
    shown = "" if payload == "-" else payload
    assert parse(line) == Answer(action, status, number, shown)


@given(st.text(max_size=20), st.integers(0, 2**31 - 1), st.text(max_size=40), st.booleans())
@example("DEPLOY", 1, "a\nDEPLOY 2 b", False)
@example("DEPLOY 1\n", 1, "", False)
def test_a_request_is_one_line_or_refused(action: str, number: int, payload: str, stamped: bool) -> None:
    try:
        line = request(action, number, payload, stamped=stamped)
    except (ValueError, UnicodeEncodeError):
        return
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert b"\r" not in line
    assert line.split()[:1] == [action.encode()]


def test_requests_in_the_form_of_the_programs() -> None:
    assert request("DEPLOY", 7, "PGE+") == b"DEPLOY 7 PGE+\n"
    assert request("DRIVER_CANCEL", 7, "") == b"DRIVER_CANCEL 7\n"
    assert request("START_MONITOR", 7, "1700000000 eJw=", stamped=True) == b"START_MONITOR - 7 1700000000 eJw=\n"
