"""Messages of hosts, and of those who only claim to be one."""

import base64
import zlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from monitor.message import MAX_LINE, MAX_PLAIN, Kind, MessageError, parse, read_key
from onelib.template_xml import parse_root

KINDS = st.sampled_from(sorted(kind.value for kind in Kind))


def pack(text: bytes) -> bytes:
    return base64.b64encode(zlib.compress(text))


@given(
    KINDS,
    st.booleans(),
    st.integers(0, 999_999_999),
    st.integers(0, 10**10),
    st.text(st.characters(codec="utf-8")),
)
def test_a_message_says_what_was_sent(kind: str, success: bool, host: int, when: int, text: str) -> None:
    status = "SUCCESS" if success else "FAILURE"
    found = parse(f"{kind} {status} {host} {when} ".encode() + pack(text.encode()))
    assert (found.kind.value, found.success, found.host_id, found.timestamp) == (kind, success, host, when)
    clear = found.text()
    assert len(clear) == len(text)
    assert all(got in (sent, "?") for got, sent in zip(clear, text, strict=True))
    parse_root(f"<A><![CDATA[{clear.replace(']]>', '')}]]></A>", 10)


@given(st.binary(max_size=300))
def test_anything_is_a_message_or_an_error(line: bytes) -> None:
    try:
        found = parse(line)
    except MessageError:
        return
    assert found.kind in Kind


@given(KINDS, st.binary(max_size=300), st.booleans())
def test_any_payload_is_a_template_or_an_error(kind: str, payload: bytes, compressed: bool) -> None:
    packed = pack(payload) if compressed else payload
    found = parse(f"{kind} SUCCESS 1 1 ".encode() + packed)
    assert len(found.reason()) <= 500
    try:
        report = found.report()
    except MessageError:
        return
    parse_root(report.to_xml(), 1000)


def test_a_beacon_needs_no_payload() -> None:
    assert parse(b"BEACON_HOST SUCCESS 3 1600000000 ").text() == ""
    assert parse(b"BEACON_HOST SUCCESS 3 1600000000").text() == ""


@pytest.mark.parametrize(
    "head",
    [
        b"START_MONITOR SUCCESS 1 1 ",
        b"STATE_VM MAYBE 1 1 ",
        b"STATE_VM SUCCESS -1 1 ",
        b"STATE_VM SUCCESS 1 ",
        b"state_vm SUCCESS 1 1 ",
        b"STATE_VM SUCCESS 1 1x",
        b"STATE_VM SUCCESS 9999999999 1 ",
        "STATE_VM SUCCESS ١ 1 ".encode(),
        b"STATE_VM SUCCESS 1 1 " + b"A" * MAX_LINE,
    ],
)
def test_what_is_no_message(head: bytes) -> None:
    with pytest.raises(MessageError):
        parse(head)


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"!!!!", "base64"),
        (base64.b64encode(b"plain"), "not compressed"),
        (pack(bytes(range(256)))[:64], "cut off"),
        (pack(b"A" * (MAX_PLAIN + 1)), "too large"),
        (pack(b"A" * (MAX_PLAIN * 20)), "too large"),
        (pack(b"A=b\n" * 60_000), "too large"),
        (pack(b"VM=[[["), "not a template"),
    ],
)
def test_what_is_no_payload(payload: bytes, says: str) -> None:
    with pytest.raises(MessageError, match=says):
        parse(b"STATE_VM SUCCESS 1 1 " + payload).report()


def test_a_large_payload_is_taken() -> None:
    text = "X=y\n" * 1000 + "#" * (MAX_PLAIN - 4000)
    assert parse(b"STATE_VM SUCCESS 1 1 " + pack(text.encode())).text() == text


def test_encrypted_payloads(tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    path = tmp_path / "key.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    decrypt = read_key(path)
    text = b'VM=[ ID="1", STATE="RUNNING" ]\n' * 20
    size = 2048 // 8 - 11
    pieces = [
        key.public_key().encrypt(text[at : at + size], padding.PKCS1v15()) for at in range(0, len(text), size)
    ]
    found = parse(b"STATE_VM SUCCESS 1 1 " + pack(b"".join(pieces)))
    assert len(found.report(decrypt).vectors("VM")) == 20
    with pytest.raises(MessageError, match="not encrypted"):
        parse(b"STATE_VM SUCCESS 1 1 " + pack(text)).text(decrypt)
    assert parse(b"BEACON_HOST SUCCESS 1 1").text(decrypt) == ""


@pytest.mark.parametrize("text", [b"", b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"])
def test_a_key_that_cannot_be_used(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(text)
    with pytest.raises(MessageError, match="cannot be used"):
        read_key(path)
    with pytest.raises(MessageError, match="cannot be used"):
        read_key(tmp_path / "none")
