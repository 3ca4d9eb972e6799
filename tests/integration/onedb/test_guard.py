"""Who is found at work on a database before it is changed."""

import signal
import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from oned.config import DatabaseSettings
from onedb.link import open_link
from onedb.upgrade.guard import data_folder
from onedb.upgrade.listening import answers, endpoint_of
from tests.integration.oned.daemon import Daemon
from tests.integration.onedb.world import World, sqlite_world

MARIADB = DatabaseSettings("mysql", "db", 0, "oneadmin", "", "opennebula", Path("/var/lib/one/one.db"), 2)
SILENT = "http://127.0.0.1:1/RPC2"


def _conf(root: Path, text: str) -> None:
    (root / "etc/one").mkdir(parents=True)
    (root / "etc/one/oned.conf").write_text(text)


def test_an_oned_that_answers_blocks_and_one_that_was_killed_does_not(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "front")
    world = sqlite_world(tmp_path)
    world.fill(vms=2)

    def upgrade() -> tuple[int, str]:
        process = world.start(*world.command("upgrade", "--no-backup"), ONE_XMLRPC=daemon.uri)
        _, err = process.communicate(timeout=60)
        return process.returncode, err

    daemon.start()
    try:
        code, err = upgrade()
    finally:
        daemon.stop(signal.SIGKILL)
    assert (code, f"OpenNebula found listening on '{daemon.uri}'" in err) == (255, True)
    assert world.versions() == ("5.12.0", "5.12.0")
    assert upgrade()[0] == 0


def test_what_is_no_oned_does_not_block() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for said in (b"HTTP/1.0 200 OK\r\n\r\n<html>a page</html>", b"SSH-2.0-OpenSSH\r\n", b""):
                peer, _ = server.accept()
                with peer:
                    peer.recv(4096)
                    peer.sendall(said)

        thread = threading.Thread(target=serve)
        thread.start()
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}/RPC2"
        assert [answers(endpoint) for _ in range(3)] == [False] * 3
        thread.join()
    for other in (endpoint, "file:///etc/passwd", "localhost", "http://["):
        assert not answers(other)


def test_only_the_oned_of_this_database_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEEDGE_ROOT", str(tmp_path))
    monkeypatch.delenv("ONE_XMLRPC", raising=False)
    here = sqlite_world(tmp_path).settings
    _conf(tmp_path, 'PORT = 2700\nDB = [ BACKEND = "mysql", SERVER = "db", DB_NAME = "opennebula" ]\n')
    assert endpoint_of(MARIADB) == "http://localhost:2700/RPC2"
    assert endpoint_of(replace(MARIADB, port=3306)) == "http://localhost:2700/RPC2"
    assert endpoint_of(replace(MARIADB, name="copy")) == ""
    assert endpoint_of(here) == ""
    monkeypatch.setenv("ONE_XMLRPC", SILENT)
    assert endpoint_of(here) == SILENT


def test_the_disk_of_another_host_is_not_measured(world: World) -> None:
    if world.server is None:
        world.settings.path.touch()
    with open_link(world.settings) as link:
        folder = data_folder(link, world.settings)
        assert folder is not None
        assert folder.is_dir()
        if world.server is not None:
            assert data_folder(link, replace(world.settings, server="db.example.org")) is None
