"""What a front-end meets in its life: stops under load, kills at any instant, volumes in every condition."""

import random
import re
import threading
import time
from http.client import HTTPException
from pathlib import Path
from xml.parsers.expat import ExpatError

import pytest

from tests.support.engine import FULL, IMAGE, engine, until
from tests.support.front import Front, front, volumes
from tests.support.http import call

STOPS = 20 if FULL else 3
KILLS = 30 if FULL else 4
CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID", "SYS_CHROOT")
READ_ONLY = ("--read-only", "--tmpfs=/tmp", "--tmpfs=/run", "--tmpfs=/run/lock")


def in_volume(mounts: dict[str, str], key: str, script: str) -> str:
    """Run a shell script as root with one volume at /v."""
    return engine("run", "--rm", f"--volume={mounts[key]}:/v", "--entrypoint=sh", IMAGE, "-c", script, timeout=300)


class Load:
    """Clients that allocate documents as fast as they are acknowledged, and remember which were."""

    def __init__(self, one: Front, clients: int = 4) -> None:
        self.acknowledged: list[int] = []
        self._address, self._end = one.address(), threading.Event()
        self._session = one.exec("cat", "/var/lib/one/.one/one_auth").strip()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self, number: int) -> None:
        count = 0
        while not self._end.is_set():
            count += 1
            name = f"load-{number}-{count}-{time.monotonic_ns()}"
            try:
                answer = call(self._address, "one.document.allocate", self._session, f'NAME="{name}"', 199)
            except (OSError, HTTPException, ExpatError, ValueError):
                continue  # the server is being stopped under us; what it did not acknowledge does not count
            if answer[0]:
                self.acknowledged.append(int(answer[1]))

    def end(self) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(30)


def documents(one: Front) -> set[int]:
    session = one.exec("cat", "/var/lib/one/.one/one_auth").strip()
    answer = call(one.address(), "one.documentpool.info", session, -2, -1, -1, 199)
    assert answer[0], answer
    return {int(number) for number in re.findall(r"<DOCUMENT><ID>(\d+)</ID>", answer[1])}


def test_stop_under_load_loses_nothing() -> None:
    """Stopped while clients write: within the grace period, MariaDB shut down cleanly, nothing acknowledged lost."""
    known: set[int] = set()
    with volumes() as mounts:
        for turn in range(STOPS + 1):
            with front(mounts=mounts) as one:
                one.healthy()
                assert "crash recovery" not in one.logs()
                assert known <= documents(one), f"lost after stop {turn}"
                load = Load(one)
                time.sleep(1.5)
                seconds = one.stop()
                load.end()
                assert load.acknowledged, "the load reached the server"
                known |= set(load.acknowledged)
                assert seconds < 30
                assert one.state()["ExitCode"] == 0
                assert "Shutdown complete" in one.logs()


def test_kill_at_any_instant_of_the_boot() -> None:
    """SIGKILL to everything at random instants; the next boot is healthy, with the credentials of the first."""
    dice = random.Random(20260)
    credentials = ""
    with volumes() as mounts:
        for _ in range(KILLS):
            with front(mounts=mounts) as one:
                time.sleep(dice.uniform(0.1, 7.0))
                one.kill()
            found = in_volume(mounts, "auth", "cat /v/one_auth 2>/dev/null || true")
            assert found == credentials or not credentials
            credentials = found
        with front(mounts=mounts) as one:
            one.healthy()
            assert not credentials or one.exec("cat", "/var/lib/one/.one/one_auth") == credentials
            session = one.exec("cat", "/var/lib/one/.one/one_auth").strip()
            assert call(one.address(), "one.user.info", session, -1)[0] is True


@pytest.mark.parametrize("delay", [0.4, 0.7, 1.0, 1.5, 2.5])
def test_a_stop_during_the_boot_is_heeded_at_once(delay: float) -> None:
    with front() as one:
        time.sleep(delay)
        assert one.stop(60) < 20
        assert one.state()["ExitCode"] in (0, 143)


def test_a_stop_ends_a_hook_that_hangs(tmp_path: Path) -> None:
    hook = tmp_path / "hook"
    hook.write_text("#!/bin/sh\necho hanging\nexec sleep 600\n")
    hook.chmod(0o755)
    with front({"OPENNEBULA_FRONTEND_PREHOOK": "/hook"}, f"--volume={hook}:/hook:ro") as one:
        until(lambda: "hanging" in one.logs(), 20, "the hook runs")
        assert one.probe() == (1, "starting (waiting for the bootstrap)")
        assert one.stop(60) < 10
        assert one.state()["ExitCode"] == 143


def test_the_same_container_killed_and_started_again() -> None:
    """Its own /run is still there: stale process ids, sockets and locks do no harm."""
    with front() as one:
        one.healthy()
        auth = one.exec("cat", "/var/lib/one/.one/one_auth")
        for _ in range(2):
            one.kill()
            engine("start", one.name)
            one.healthy()
        assert one.exec("cat", "/var/lib/one/.one/one_auth") == auth
        assert one.exec("cat", "/etc/hosts").count("oneedge") <= 1


def test_read_only_root() -> None:
    with volumes() as mounts, front({}, *READ_ONLY, mounts=mounts) as one:
        one.healthy()
        assert one.sh("touch /opt/x 2>&1", check=False).endswith("Read-only file system\n")
        assert "SHUTDOWN_TIMEOUT=180" in one.exec("cat", "/var/lib/one/remotes/etc/vmm/kvm/kvmrc")
        one.exec("kill", "-9", str(one.pids("opennebula-httpd")))
        time.sleep(1)
        one.healthy()


def test_named_capabilities_are_enough() -> None:
    with front({}, "--cap-drop=ALL", *(f"--cap-add={name}" for name in CAPABILITIES),
               "--security-opt=no-new-privileges") as one:  # fmt: skip
        one.healthy()


def test_a_full_volume_ends_the_boot() -> None:
    with front({}, "--mount=type=tmpfs,destination=/srv/one,tmpfs-size=4k") as one:
        assert one.ended() == 83
        assert "No space is left to write /srv/one/" in one.logs()


def test_a_full_database_volume_ends_with_the_reason() -> None:
    with front({}, "--mount=type=tmpfs,destination=/var/lib/mysql,tmpfs-size=8m") as one:
        assert one.ended(90) == 70
        assert "mysqld" in one.logs()
        assert "mariadb-install-db ended" in one.logs()


@pytest.mark.parametrize(
    ("key", "path"), [("srv", "/srv/one"), ("auth", "/var/lib/one/.one"), ("mysql", "/var/lib/mysql")]
)
def test_a_read_only_volume_is_named(key: str, path: str) -> None:
    with volumes(key) as mounts, front({}, f"--volume={mounts[key]}:{path}:ro") as one:
        assert one.ended() == 82
        assert f"{path} is on a read-only file system" in one.logs()


def test_volumes_of_another_user_are_taken_over_and_datastores_not_walked() -> None:
    with volumes() as mounts:
        with front(mounts=mounts) as one:
            one.healthy()
            one.sh("mkdir /var/lib/one/datastores/1; touch /var/lib/one/datastores/1/disk.0")
            one.stop()
        for key in mounts:
            in_volume(mounts, key, "chown -R 12345:12345 /v")
        with front(mounts=mounts) as one:
            one.healthy()
            owners = one.sh(
                "stat -c %U /var/lib/mysql/ibdata1 /var/lib/one/.one/one_auth /var/lib/one/.ssh/id_ed25519 "
                "/var/lib/one/datastores; stat -c %u /var/lib/one/datastores/1/disk.0"
            ).split()
            assert owners == ["mysql", "oneadmin", "oneadmin", "oneadmin", "12345"]


def test_a_volume_of_a_newer_oneedge_is_refused() -> None:
    with volumes("srv") as mounts:
        in_volume(mounts, "srv", """echo '{"layout": 99}' >/v/version.json""")
        with front(mounts=mounts) as one:
            assert one.ended() == 82
            assert "written by a newer oneedge" in one.logs()


def test_data_of_a_newer_mariadb_keeps_the_service_down_and_the_container_up() -> None:
    with volumes() as mounts:
        with front(mounts=mounts) as one:
            one.healthy().stop()
        in_volume(mounts, "mysql", "echo 99.1.1-MariaDB >/v/mysql_upgrade_info")
        with front(mounts=mounts) as one:
            until(lambda: one.probe()[1].startswith("failed: mysqld: "), 40, "health tells the reason")
            assert "MariaDB 99.1.1" in one.probe()[1]
            time.sleep(3)
            assert one.state()["Running"]
            assert one.probe("--live")[0] == 0, "a restart would not help"


@pytest.mark.parametrize("backup", ["yes", "no"])
def test_data_of_an_older_mariadb_is_upgraded_and_health_says_so(backup: str) -> None:
    """ONED_DB_BACKUP_ENABLED: with it a dump lies on the backups' volume before anything is changed."""
    with volumes() as mounts:
        with front(mounts=mounts) as one:
            one.healthy().stop()
        in_volume(mounts, "mysql", "echo 10.5.1-MariaDB >/v/mysql_upgrade_info")
        with front({"ONED_DB_BACKUP_ENABLED": backup}, mounts=mounts) as one:
            story: list[str] = []
            until(lambda: _tell(one, story), 60, f"healthy: {story}", pause=0.02)
            assert any(text.startswith("upgrading (MariaDB 10.5.1-MariaDB to ") for text in story), story
            assert in_volume(mounts, "mysql", "cat /v/mysql_upgrade_info").startswith("10.11.")
            found = one.sh("stat -c '%U %a %n' /var/lib/one/backups/db/*", check=False)
            if backup == "no":
                assert found == ""
                return
            assert re.fullmatch(r"oneadmin 600 \S+/opennebula-\d{4}-\d\d-\d\d-\d+\.sql\n", found)
            dump = one.sh("cat /var/lib/one/backups/db/*.sql")
            assert "CREATE TABLE `user_pool`" in dump
            assert dump.rstrip().splitlines()[-1].startswith("-- Dump completed")


def test_no_upgrade_without_its_backup() -> None:
    """No room for the dump: nothing is upgraded, the reason is in the health text, the container stays up."""
    with volumes() as mounts:
        with front(mounts=mounts) as one:
            one.healthy().stop()
        in_volume(mounts, "mysql", "echo 10.5.1-MariaDB >/v/mysql_upgrade_info")
        with front({}, "--mount=type=tmpfs,destination=/var/lib/one/backups,tmpfs-size=16k", mounts=mounts) as one:
            until(lambda: one.probe()[1].startswith("failed: mysqld-upgrade: "), 60, "health tells the reason")
            assert "backup before the upgrade" in one.probe()[1]
            assert in_volume(mounts, "mysql", "cat /v/mysql_upgrade_info").startswith("10.5.1")
            assert one.state()["Running"]


def _tell(one: Front, story: list[str]) -> bool:
    code, text = one.probe()
    if not story or story[-1] != text:
        story.append(text)
    return code == 0


def test_a_database_of_a_newer_opennebula_keeps_oned_down_with_the_reason() -> None:
    with volumes() as mounts:
        with front(mounts=mounts) as one:
            one.healthy()
            for table in ("db_versioning", "local_db_versioning"):
                one.exec("mariadb", "opennebula", "-e", f"UPDATE {table} SET version = '9.0.0'")
            one.stop()
        with front(mounts=mounts) as one:
            until(lambda: one.probe()[1].startswith("failed: opennebula: "), 40, "health tells the reason")
            assert "9.0.0" in one.probe()[1]
            time.sleep(3)
            assert one.state()["Running"]


def test_200000_files_do_not_slow_the_boot() -> None:
    """No recursive chown: the boot's own time stays what it is with empty volumes."""
    count = 200_000
    make = (
        "import os\n"
        f"for n in range({count // 1000}):\n"
        "    os.mkdir(f'/v/{n}')\n"
        "    for m in range(1000):\n"
        "        os.close(os.open(f'/v/{n}/{m}', os.O_CREAT))\n"
    )
    with volumes() as mounts:
        empty = _boot_seconds(mounts)
        for key in ("datastores", "logs"):
            engine("run", "--rm", "--user=9869", f"--volume={mounts[key]}:/v", "--entrypoint=python3", IMAGE, "-c",
                   make, timeout=300)  # fmt: skip
        full = _boot_seconds(mounts)
    assert full < empty + 0.5, f"{full:.2f} s with {2 * count} files, {empty:.2f} s without"


def _boot_seconds(mounts: dict[str, str]) -> float:
    """Seconds that the bootstrap says it took."""
    with front(mounts=mounts) as one:
        one.healthy()
        found = re.search(r"changes in ([0-9.]+) s", one.logs())
        assert found
        one.stop()
        return float(found.group(1))


def test_a_clock_that_jumped_renews_the_certificate() -> None:
    """A boot far in the future (libfaketime on the bootstrap): the certificate is made anew, all else is as it was."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
    assert library is not None, "libfaketime is missing: `make test` installs it"
    with volumes() as mounts:
        with front(mounts=mounts) as one:
            one.healthy()
            cert, auth = (
                one.exec("cat", path) for path in ("/srv/one/secret-tls/one.crt", "/var/lib/one/.one/one_auth")
            )
            one.stop()
        fake = {"LD_PRELOAD": "/faketime.so", "FAKETIME": "+3650d"}
        with front(fake, f"--volume={library}:/faketime.so:ro", mounts=mounts) as one:
            until(lambda: "changes in" in one.logs(), 30, "the boot")
            assert one.exec("cat", "/srv/one/secret-tls/one.crt") != cert
        with front(mounts=mounts) as one:
            one.healthy()
            assert one.exec("cat", "/var/lib/one/.one/one_auth") == auth
            assert one.exec("openssl", "x509", "-checkend", "8000000", "-in", "/srv/one/secret-tls/one.crt")


def test_without_network_and_dns() -> None:
    with front({}, "--network=none") as one:
        one.healthy()


def test_too_little_memory_is_said() -> None:
    with front({}, "--memory=64m") as one:
        assert one.ended() == 84
        assert "may use 64 MiB of memory" in one.logs()
        assert "--memory" in one.logs()


def test_files_that_are_no_database() -> None:
    with volumes("mysql") as mounts:
        in_volume(mounts, "mysql", "echo hello >/v/notes.txt")
        with front(mounts=mounts) as one:
            until(lambda: one.probe()[1].startswith("failed: mysqld: "), 40, "health tells the reason")
            assert "notes.txt" in one.probe()[1]


def test_torn_credentials_are_refused() -> None:
    with volumes("auth") as mounts:
        in_volume(mounts, "auth", "printf oneadm >/v/one_auth")
        with front(mounts=mounts) as one:
            assert one.ended() != 0
            assert "one_auth does not hold user:password" in one.logs()
