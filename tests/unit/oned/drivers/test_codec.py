"""Each kind of program gets its message in upstream's form; what comes back is plain text again."""

import base64
import contextlib
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oned.drivers.codec import FAMILIES, commands_of
from onelib.driver import DriverError

MESSAGE = "<A><B>é &amp; x</B></A>"
LINES = "CLONE dummy fe:/a host:/b 7 1\nLN dummy fe:/c host:/d 7 1"


@pytest.mark.parametrize("kind", ["vmm", "datastore", "market", "ipam"])
def test_xml_goes_out_in_base64(kind: str, tmp_path: Path) -> None:
    payload = FAMILIES[kind].encode(MESSAGE, 7, "1", tmp_path).payload
    assert base64.b64decode(payload, validate=True).decode() == MESSAGE
    assert " " not in payload


def test_monitoring_goes_out_packed_with_a_time(tmp_path: Path) -> None:
    stamp, _, packed = FAMILIES["im"].encode(MESSAGE, 7, "1", tmp_path).payload.partition(" ")
    assert stamp.isdigit()
    assert zlib.decompress(base64.b64decode(packed)).decode() == MESSAGE


@pytest.mark.parametrize(
    "message",
    [LINES, f"<TM_DRIVER_ACTION_DATA><COMMANDS>{LINES}</COMMANDS><VM><ID>7</ID></VM></TM_DRIVER_ACTION_DATA>"],
)
def test_transfers_go_out_in_a_file(message: str, tmp_path: Path) -> None:
    request = FAMILIES["tm"].encode(message, 7, "31", tmp_path)
    assert request.payload == str(tmp_path / "vms/7/transfer.31")
    assert request.file is not None
    assert request.file.read_text() == f"{LINES}\n"
    assert FAMILIES["tm"].encode(message, 7, "31", tmp_path) == request
    assert [path.name for path in (tmp_path / "vms/7").iterdir()] == ["transfer.31"]


def test_a_transfer_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "vms").write_text("a file")
    with pytest.raises(DriverError, match="cannot be written"):
        FAMILIES["tm"].encode(LINES, 7, "31", tmp_path)
    with pytest.raises(DriverError, match="not XML"):
        commands_of("<TM_DRIVER")


def test_words_stay_words(tmp_path: Path) -> None:
    assert FAMILIES["auth"].encode("5 ldap jo - a\nb", 0, "", tmp_path).payload == "5 ldap jo - a b"


@pytest.mark.parametrize(
    ("kind", "action", "payload", "text"),
    [
        ("vmm", "DEPLOY", "one-7", "one-7"),
        ("datastore", "CP", "/a raw", "/a raw"),
        ("datastore", "MONITOR", "VVNFRF9NQj0x", "USED_MB=1"),
        ("market", "IMPORT", "U0laRT0x", "SIZE=1"),
        ("market", "DELETE", "", ""),
        ("ipam", "GET_ADDRESS", "QT0x", "A=1"),
        ("im", "START_MONITOR", "1700000000 eJxLBAAAYgBi", "a"),
    ],
)
def test_answers(kind: str, action: str, payload: str, text: str) -> None:
    assert FAMILIES[kind].decode(action, payload) == text


@pytest.mark.parametrize(
    ("kind", "action", "payload"),
    [
        ("datastore", "MONITOR", "USED_MB=1"),
        ("ipam", "GET_ADDRESS", "é"),
        ("im", "START_MONITOR", "1700000000 AAAA"),
        ("im", "START_MONITOR", base64.b64encode(zlib.compress(b"x" * 2**27)).decode().join(["1 ", ""])),
    ],
)
def test_answers_that_cannot_be_read(kind: str, action: str, payload: str) -> None:
    with pytest.raises(DriverError, match="answer"):
        FAMILIES[kind].decode(action, payload)


@given(st.sampled_from(sorted(FAMILIES)), st.sampled_from(["MONITOR", "DEPLOY", "IMPORT"]), st.text(max_size=60))
def test_any_answer_is_a_text_or_an_error_of_the_driver(kind: str, action: str, payload: str) -> None:
    with contextlib.suppress(DriverError):
        assert isinstance(FAMILIES[kind].decode(action, payload), str)


def test_which_numbers_count_requests() -> None:
    assert FAMILIES["datastore"].counts("STAT")
    assert not FAMILIES["datastore"].counts("CP")
    assert FAMILIES["ipam"].counts("GET_ADDRESS")
    assert not FAMILIES["vmm"].counts("DEPLOY")
