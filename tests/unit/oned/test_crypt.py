"""Secrets in templates and server tokens: upstream's AES form."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oned.crypt import DecryptError, decrypt_bytes, decrypt_template, encrypt_bytes, encrypt_template, master_key
from onelib.template import Template

KEY = "5ebe2294ecd0e0f08eab7690d2a6ee695ebe2294ecd0e0f08eab7690d2a6ee69"


@given(st.binary(max_size=200))
def test_round_trip(data: bytes) -> None:
    assert decrypt_bytes(encrypt_bytes(data, KEY), KEY) == data


def test_same_as_openssl() -> None:
    command = ["openssl", "enc", "-aes-256-cbc", "-K", KEY[:32].encode().hex(), "-iv", "0" * 32]
    other = subprocess.run(command, input=b"serveradmin:joe:99", capture_output=True, check=True).stdout
    assert encrypt_bytes(b"serveradmin:joe:99", KEY) == other


@pytest.mark.parametrize("data", [b"", b"short", bytes(16), bytes(32)])
def test_garbage(data: bytes) -> None:
    with pytest.raises(DecryptError):
        decrypt_bytes(data, KEY)


def test_template_is_encrypted_once() -> None:
    template = Template([("PROVISION_BODY", '{"a": 1}'), ("OTHER", "x")])
    encrypt_template(template, ["PROVISION_BODY", "MISSING"], KEY)
    stored = template.copy()
    assert stored.get("PROVISION_BODY") != '{"a": 1}'
    encrypt_template(template, ["PROVISION_BODY"], KEY)
    assert template == stored
    decrypt_template(template, ["PROVISION_BODY", "OTHER"], KEY)
    assert template == Template([("PROVISION_BODY", '{"a": 1}'), ("OTHER", "x")])


def test_master_key_is_made_once(tmp_path: Path) -> None:
    key = master_key(tmp_path)
    assert len(key) == 64
    assert master_key(tmp_path) == key
    assert (tmp_path / "one_key").stat().st_mode & 0o777 == 0o600
