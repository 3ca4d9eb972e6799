"""From the first start to the last: bootstrap, restart, signals, and everything that may be wrong at a start."""

import contextlib
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import stat
import time
from pathlib import Path

import pytest

from onelib.auth import read_auth
from tests.integration.oned.conftest import new_daemon
from tests.integration.oned.daemon import PASSWORD, Daemon
from tests.integration.oned.mariadb import MariaDb, free_port

SERVER_FILES = ("sunstone_auth", "occi_auth", "ec2_auth", "onegate_auth", "oneflow_auth")


def test_first_start_and_restart(fresh: Daemon) -> None:
    fresh.start()
    files = {name: (fresh.auth / name) for name in SERVER_FILES}
    secrets = {read_auth(path).session for path in files.values()}
    assert len(secrets) == 1
    assert read_auth(files["oneflow_auth"]).user == "serveradmin"
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.values()} == {0o600}
    users = fresh.ok("one.userpool.info")
    document = fresh.ok("one.document.allocate", "BODY = x", 100)
    assert fresh.stop()[0] == 0
    fresh.start()
    assert fresh.ok("one.userpool.info") == users
    assert "<BODY><![CDATA[x]]></BODY>" in str(fresh.ok("one.document.info", document))
    assert {read_auth(path).session for path in files.values()} == secrets
    assert PASSWORD not in fresh.output.read_text()
    assert secrets.pop().partition(":")[2] not in fresh.output.read_text()


def test_first_start_killed_at_any_instant(fresh: Daemon) -> None:
    """Kill the first start after a random while, again and again; the next one completes it."""
    chance = random.Random(6)
    for _ in range(6):
        fresh.spawn()
        time.sleep(chance.uniform(0.25, 0.6))
        fresh.stop(signal.SIGKILL)
    fresh.start()
    assert str(fresh.ok("one.userpool.info")).count("<USER>") == 2
    assert str(fresh.ok("one.grouppool.info")).count("<GROUP>") == 2
    assert len({read_auth(fresh.auth / name) for name in SERVER_FILES}) == 1
    assert fresh.ok("one.document.allocate", "", 100) == 0


def test_init_and_exit(fresh: Daemon) -> None:
    done = fresh.run("-i")
    assert (done.returncode, done.stderr) == (0, "")
    fresh.start()
    assert fresh.ok("one.system.version") == "6.0.0.3"


def test_starts_and_stops_within_a_second(fresh: Daemon) -> None:
    fresh.start()
    fresh.stop()
    best = [60.0, 60.0]
    for _ in range(20):  # a busy machine delays some of them, a slow server all
        start = fresh.start()
        code, stop = fresh.stop()
        assert code == 0
        best = [min(best[0], start), min(best[1], stop)]
        if max(best) < 1.0:
            break
    assert max(best) < 1.0, best


def test_stops_while_clients_hold_connections(fresh: Daemon) -> None:
    fresh.start()
    with contextlib.ExitStack() as stack:
        for data in (b"", b"POST /RPC2 HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n<methodCall>"):
            link = stack.enter_context(socket.create_connection(("127.0.0.1", fresh.port)))
            link.sendall(data)
        time.sleep(0.1)
        code, seconds = fresh.stop()
    assert code == 0
    assert seconds < 5


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_well(tmp_path: Path, how: signal.Signals) -> None:
    daemon = Daemon(tmp_path)
    daemon.start()
    assert daemon.stop(how)[0] == 0
    assert "All services stopped" in daemon.output.read_text()


def test_second_one_on_the_same_state(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    daemon.start()
    assert daemon.process is not None
    other = daemon.run("-f")
    assert other.returncode == 75
    assert f"Another oned (process {daemon.process.pid}) already works on" in other.stderr
    daemon.stop(signal.SIGKILL)
    daemon.start()
    daemon.stop()


def test_port_is_taken(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        daemon = Daemon(tmp_path, port=listener.getsockname()[1])
        done = daemon.run("-f")
    assert done.returncode == 71
    assert "Address already in use" in done.stderr
    assert not (daemon.auth / "sunstone_auth").exists()


def test_bad_configuration(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    daemon.write_conf('PORT = 2633\nDB = [ BACKEND "sqlite" ]\n')
    done = daemon.run()
    assert done.returncode == 78
    assert f"ERROR: {daemon.conf}: syntax error, expected '=' at line 2" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_credentials(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    (daemon.auth / "one_auth").unlink()
    done = daemon.run()
    assert done.returncode == 66
    assert "There is no credential file" in done.stderr
    assert "Write one line user:password" in done.stderr


def test_credentials_of_another_database(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    (daemon.auth / "sunstone_auth").write_text("serveradmin:one\n")
    (daemon.auth / "oneflow_auth").write_text("serveradmin:two\n")
    done = daemon.run()
    assert done.returncode == 65
    assert "do not agree: sunstone_auth, oneflow_auth" in done.stderr


@pytest.mark.parametrize("word", ["-x", "--config", "start"])
def test_usage(tmp_path: Path, word: str) -> None:
    done = Daemon(tmp_path).run(word)
    assert done.returncode == 64
    assert "Usage: oned" in done.stderr


def test_version_and_help(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    assert daemon.run("-v").stdout.startswith("OpenNebula 6.0.0.3")
    assert "--init-db" in daemon.run("--help").stdout


def test_log_file(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    daemon.write_conf(f'PORT = {daemon.port}\nLISTEN_ADDRESS = "127.0.0.1"\n')
    daemon.start()
    daemon.stop()
    log = (tmp_path / "var/log/one/oned.log").read_text()
    assert "[Z0][ONE][I]: Starting OpenNebula 6.0.0.3" in log
    assert "[Z0][ReM][D]: Req:1 UID:0 IP:127.0.0.1 one.system.version invoked" in log
    assert PASSWORD not in log


def test_database_is_unreachable(tmp_path: Path) -> None:
    db = f'BACKEND = "mysql", SERVER = "127.0.0.1", PORT = {free_port()}, PASSWD = "db-secret-word"'
    done = Daemon(tmp_path, db).run()
    assert done.returncode == 69
    assert "cannot be used: 2003: Can't connect to MySQL server" in done.stderr
    assert "Start MariaDB, and check SERVER, PORT" in done.stderr
    assert "db-secret-word" not in done.stderr + done.stdout


def test_database_refuses_the_user(mariadb: MariaDb, tmp_path: Path) -> None:
    db = f'BACKEND = "mysql", SERVER = "127.0.0.1", PORT = {mariadb.port}, USER = "nobody", PASSWD = "wrong-word"'
    done = Daemon(tmp_path, db).run()
    assert done.returncode == 69
    assert "Access denied" in done.stderr
    assert "wrong-word" not in done.stderr + done.stdout


def test_database_folder_is_not_writable(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    (tmp_path / "var/lib/one/one.db").mkdir()
    done = daemon.run()
    assert done.returncode == 69
    assert "unable to open database file" in done.stderr


@pytest.mark.parametrize(
    ("table", "version", "code", "text"),
    [
        ("db_versioning", "5.12.0", 78, "Run onedb upgrade"),
        ("local_db_versioning", "5.12.0", 78, "Run onedb upgrade"),
        ("db_versioning", "6.2.0", 78, "newer than 6.0.0"),
        ("local_db_versioning", "6.10.0", 78, "newer than 6.0.0"),
    ],
)
def test_schema_of_another_release(tmp_path: Path, table: str, version: str, code: int, text: str) -> None:
    daemon = Daemon(tmp_path)
    assert daemon.run("-i").returncode == 0
    path = tmp_path / "var/lib/one/one.db"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        insert = f"INSERT INTO {table} (oid, version, timestamp, comment) VALUES (7, ?, 0, 'test')"
        connection.execute(insert, (version,))
    before = path.read_bytes()
    done = daemon.run()
    assert done.returncode == code
    assert text in done.stderr
    assert f"schema {version}" in done.stderr
    assert path.read_bytes() == before


def test_one_auth_that_differs_from_the_database(fresh: Daemon) -> None:
    fresh.start()
    fresh.stop()
    (fresh.auth / "one_auth").write_text("oneadmin:another-secret\n")
    fresh.start()
    assert fresh.ok("one.system.version") == "6.0.0.3"
    fresh.fails(0x0100, "one.system.version", session="oneadmin:another-secret")
    log = fresh.output.read_text()
    assert "is not what the database has for oneadmin" in log
    assert "another-secret" not in log


def test_database_lost_and_back(tmp_path: Path) -> None:
    """Calls fail with the envelope while MariaDB is away; nothing else is needed when it is back."""
    folder = Path(f"/tmp/oned-lost-{os.getpid()}")
    folder.mkdir()
    server = MariaDb(folder, free_port())
    try:
        server.install()
        server.start()
        server.create("lost")
        db = (
            f'BACKEND = "mysql", SERVER = "127.0.0.1", PORT = {server.port}, PASSWD = "db-secret-word", '
            f'DB_NAME = "lost"'
        )
        daemon = Daemon(tmp_path, db)
        daemon.start()
        oid = daemon.ok("one.document.allocate", "BODY = x", 100)
        server.stop(kill=True)
        time.sleep(1.1)
        for name, params in (
            ("one.system.version", ()),
            ("one.document.info", (oid,)),
            ("one.document.allocate", ("A = 1", 100)),
            ("one.user.update", (0, "A = 1")),
        ):
            assert "The database does not answer" in daemon.fails(0x2000, name, *params)
        server.start()
        assert "<![CDATA[x]]>" in str(daemon.ok("one.document.info", oid))
        assert daemon.ok("one.document.allocate", "A = 1", 100) == 1
        assert daemon.ok("one.user.update", 0, "A = 1", 1) == 0
        assert daemon.process is not None
        assert daemon.process.poll() is None
        assert "db-secret-word" not in daemon.output.read_text()
        server.stop(kill=True)
        code, seconds = daemon.stop()
        assert code == 0
        assert seconds < 5
    finally:
        server.stop(kill=True)
        shutil.rmtree(folder)


def test_tables_hold_every_text(mariadb: MariaDb, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    daemon = new_daemon(tmp_path, "mysql", request)
    daemon.start()
    daemon.stop()
    found = re.search(r'DB_NAME = "(\w+)"', daemon.db)
    assert found
    query = "SELECT DISTINCT table_collation FROM information_schema.tables WHERE table_schema = 'NAME'"
    assert mariadb.query(query.replace("NAME", found.group(1))) == [("utf8mb4_general_ci",)]


def test_folder_of_credentials_cannot_be_used(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    shutil.rmtree(daemon.auth)
    daemon.auth.write_text("")
    done = daemon.run()
    assert done.returncode == 73
    assert "cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


def test_upstreams_own_configuration(tmp_path: Path) -> None:
    """The sections that a packaged oned.conf has and this server does not act on are no obstacle."""
    daemon = Daemon(tmp_path)
    daemon.extra = (
        'FEDERATION = [\n    MODE          = "STANDALONE",\n    ZONE_ID       = 0,\n    SERVER_ID     = -1,\n'
        '    MASTER_ONED   = ""\n]\n\n#*** comment ***\nVM_MAD = [\n    NAME = "kvm",\n'
        '    ARGUMENTS = "-t 15 -r 0 kvm",\n    IMPORTED_VMS_ACTIONS = "terminate, hold,\n        release"\n]\n'
        "SCRIPTS_REMOTE_DIR=/var/tmp/one\n"
    )
    daemon.write_conf()
    daemon.start()
    assert "IMPORTED_VMS_ACTIONS" in str(daemon.ok("one.system.config"))
    daemon.stop()
