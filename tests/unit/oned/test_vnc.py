"""Maps of console ports."""

import base64
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from oned.config import Settings, read_settings
from oned.database.db import Database, Transaction
from oned.database.schema import cluster_vnc_bitmap, metadata
from oned.errors import InternalError
from oned.infrastructure import vnc
from onelib.locations import Locations
from onelib.template import Template


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


class TestPorts:
    """Ports given out from a database."""

    settings: Settings

    @pytest.fixture
    def ports(self, tmp_path: Path) -> Iterator[Transaction]:
        (tmp_path / "var/lib/one").mkdir(parents=True)
        self.settings = read_settings(tmp_path / "none", Locations(tmp_path))
        database = Database(self.settings.database)
        metadata.create_all(database.engine, [cluster_vnc_bitmap])
        with database.transaction() as transaction:
            yield transaction
        database.close()

    def with_ports(self, start: int, reserved: str) -> Settings:
        template = Template([("VNC_PORTS", {"START": str(start), "RESERVED": reserved})])
        return replace(self.settings, raw=template)

    def test_the_number_of_the_machine_decides(self, ports: Transaction) -> None:
        assert vnc.acquire(ports, self.settings, 0, 7) == 5907
        assert vnc.acquire(ports, self.settings, 0, 7) == 5900
        assert vnc.acquire(ports, self.settings, 1, 7) == 5907
        vnc.release(ports, 0, 5907)
        assert vnc.acquire(ports, self.settings, 0, 7) == 5907

    def test_ports_that_are_kept(self, ports: Transaction) -> None:
        settings = self.with_ports(6000, " 6000:6002 , 6004,x,1:2:3, 6005:, 65000:99999")
        assert [vnc.acquire(ports, settings, 0, vm) for vm in (0, 1, 5)] == [6003, 6005, 6006]

    def test_all_are_in_use(self, ports: Transaction) -> None:
        settings = self.with_ports(65534, "65535")
        assert vnc.acquire(ports, settings, 0, 0) == 65534
        assert vnc.acquire(ports, settings, 0, 0) is None

    def test_a_port_that_a_user_chose(self, ports: Transaction) -> None:
        assert vnc.claim(ports, 0, 5950)
        assert not vnc.claim(ports, 0, 5950)
        assert not vnc.claim(ports, 0, 65536)
        assert vnc.acquire(ports, self.settings, 0, 50) == 5900
        vnc.release(ports, 0, 5950)
        vnc.release(ports, 0, 70000)
        assert vnc.claim(ports, 0, 5950)
