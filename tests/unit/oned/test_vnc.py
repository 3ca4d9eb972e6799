"""Maps of console ports."""

import base64
import zlib

import pytest

from oned import vnc
from oned.errors import InternalError


def test_a_map_is_as_upstream_writes_it() -> None:
    used = bytearray(vnc.PORTS)
    used[5900] = used[0] = 1
    text = zlib.decompress(base64.b64decode(vnc.pack(used))).decode()
    assert len(text) == 65536
    assert [65535 - place for place, digit in enumerate(text) if digit == "1"] == [5900, 0]
    assert vnc.unpack(vnc.pack(used)) == used


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "AAAA",
        base64.b64encode(zlib.compress(b"01")).decode(),
        base64.b64encode(zlib.compress(b"2" * 65536)).decode(),
    ],
)
def test_damaged_maps(text: str) -> None:
    with pytest.raises(InternalError, match="is damaged"):
        vnc.unpack(text)


def test_a_bomb_is_not_unpacked() -> None:
    assert len(vnc.unpack(base64.b64encode(zlib.compress(b"0" * 10**7)).decode())) == vnc.PORTS
