"""The services of the all-in-one container: running as their own users, back after kill -9, told by the probe."""

import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engine import engine, until
from tests.support.front import Front, front, volumes

USERS = {
    "crond": "root",
    "memcached": "memcache",
    "mysqld": "mysql",
    "sshd": "root",
    "stunnel": "stunnel4",
    "opennebula-ssh-agent": "oneadmin",
    "opennebula-ssh-socks-cleaner": "oneadmin",
    "opennebula": "oneadmin",
    "opennebula-httpd": "root",
    "opennebula-hem": "oneadmin",
    "opennebula-novnc": "oneadmin",
    "opennebula-scheduler": "oneadmin",
    "opennebula-showback": "oneadmin",
}
OLD_CERTIFICATE = """
import datetime, pathlib
from bootstrap.steps import tls
folder = pathlib.Path("/srv/one/secret-tls")
begin = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=350)
key, cert = tls.self_signed(tls.Request.kept(folder), begin)
(folder / "one.key").write_bytes(key)
(folder / "one.crt").write_bytes(cert)
"""
ONE_SHOTS = ["mysqld-configure", "mysqld-upgrade", "opennebula-ssh-add"]


@pytest.fixture(scope="module")
def running() -> Iterator[Front]:
    with volumes() as mounts, front(mounts=mounts) as one:
        yield one.healthy()


def test_all_services_are_there(running: Front) -> None:
    found = running.details()["services"]
    assert set(found) == {*USERS, *ONE_SHOTS}
    assert {found[name]["state"] for name in USERS} == {"RUNNING"}
    assert {found[name]["state"] for name in ONE_SHOTS} == {"EXITED"}


@pytest.mark.parametrize("name", USERS)
def test_a_service_runs_as_its_user(running: Front, name: str) -> None:
    pid = running.pids(name)
    uid = running.sh(f"awk '/^Uid:/{{print $3}}' /proc/{pid}/status").strip()
    assert running.exec("id", "-un", uid).strip() == USERS[name]


def test_apache_serves_as_www_data(running: Front) -> None:
    workers = running.sh(
        "for p in /proc/[0-9]*; do grep -qs apache2 $p/comm && awk '/^Uid:/{print $3}' $p/status; done; true"
    )
    assert running.exec("id", "-u", "www-data").strip() in workers.split()


@pytest.mark.parametrize("name", USERS)
def test_a_killed_service_is_back_and_health_tells(running: Front, name: str) -> None:
    """kill -9: the probe is not healthy on the way (or the service is back faster than it asks), then it is."""
    before = running.pids(name)
    assert before > 0
    story = set()
    running.exec("kill", "-9", str(before))

    def back() -> bool:
        code, text = running.probe()
        story.add(text)
        return code == 0 and running.pids(name) not in (0, before)

    until(back, 30, f"{name} is back: {story}")
    assert all(text == "ok" or text.startswith(("starting (", "failed: ")) for text in story)
    assert running.details()["services"][name]["restarts"] >= 1


def test_the_agent_has_its_keys_again_after_a_kill(running: Front) -> None:
    running.exec("kill", "-9", str(running.pids("opennebula-ssh-agent")))
    script = "SSH_AUTH_SOCK=/run/one/ssh-agent.sock ssh-add -l"
    until(lambda: "ED25519" in running.sh(script, user="oneadmin", check=False), 20, "the agent has its key again")
    running.healthy()


def test_a_service_stopped_by_hand_is_told(running: Front) -> None:
    running.exec("supervisorctl", "stop", "memcached")
    assert running.probe() == (1, "failed: memcached: stopped")
    assert running.probe("--live")[0] == 0
    assert running.probe("--startup")[0] == 0
    running.exec("supervisorctl", "start", "memcached")
    running.healthy(10)


@pytest.mark.parametrize("name", ["opennebula", "mysqld", "sshd"])
def test_a_frozen_service_is_told(running: Front, name: str) -> None:
    """Supervisor still says RUNNING of a process that a signal has stopped; the probe does not say ok."""
    pid = str(running.pids(name))
    running.exec("kill", "-STOP", pid)
    try:
        until(lambda: running.probe()[0] == 1, 20, f"health tells that {name} is frozen")
        assert name in running.probe()[1]
    finally:
        running.exec("kill", "-CONT", pid)
    running.healthy(20)


def test_supervisorctl_and_status_work_as_they_are(running: Front) -> None:
    assert "opennebula" in running.exec("supervisorctl", "status", check=False)
    assert running.exec("oneedge", "status").startswith("ok\n")


def test_the_log_says_which_service_speaks_and_has_no_noise_of_probes(running: Front) -> None:
    for _ in range(5):
        running.probe()

    def own() -> list[str]:
        """oned's log without the scheduler's look at the machines every 15 s."""
        lines = running.exec("cat", "/var/log/one/oned.log").splitlines()
        return [line for line in lines if " one.vmpool.infoextended " not in line]

    before, known = running.logs(), own()
    for _ in range(10):
        assert running.probe()[0] == 0
    assert own() == known
    new = running.logs()[len(before) :].splitlines()
    assert len(new) <= 2, new
    assert any(line.startswith("mysqld | ") for line in before.splitlines())


def test_stop_is_ordered_and_quick() -> None:
    with front() as one:
        one.healthy()
        assert one.stop() < 15
        assert one.state()["ExitCode"] == 0
        stopped = [
            line.split("stopped: ")[1].split()[0] for line in one.logs().splitlines() if "stopped: " in line
        ]
        order = ["opennebula-httpd", "opennebula", "opennebula-ssh-agent", "mysqld"]
        assert [name for name in stopped if name in order] == order
        assert "Shutdown complete" in one.logs()


def test_a_service_that_cannot_start_ends_the_container(tmp_path: Path) -> None:
    """Essential and FATAL: non-zero, so that the engine's restart policy acts; the log says which and why."""
    broken = tmp_path / "memcached"
    broken.write_text("#!/bin/sh\necho 'ERROR: no room for a cache' >&2\nexit 3\n")
    broken.chmod(0o755)
    with front({}, f"--volume={broken}:/usr/bin/memcached:ro") as one:
        story: set[str] = set()

        def over() -> bool:
            story.add(one.probe()[1])
            return not one.state()["Running"]

        until(over, 60, "it ends")
        assert one.ended() == 70
        assert "essential service memcached cannot be kept up: exit status 3: no room for a cache" in one.logs()
        assert any("memcached: restart after exit status 3" in text for text in story), story


def test_the_engine_restarts_what_ended() -> None:
    with front({}, "--restart=on-failure:5") as one:
        one.healthy()
        one.sh("mv /usr/bin/memcached /usr/bin/memcached.gone; kill -9 $(pidof memcached)")
        until(lambda: "cannot be kept up" in one.logs(), 30, "the container gives up")
        until(lambda: _count(one) >= 1, 30, "the engine restarts it")
        until(lambda: one.state()["Running"], 30, "it runs again")
        one.sh("mv /usr/bin/memcached.gone /usr/bin/memcached", check=False)


def _count(one: Front) -> int:
    return int(engine("inspect", "--format={{.RestartCount}}", one.name))


@pytest.mark.full
def test_every_service_killed_again_and_again(running: Front) -> None:
    """All of them at once, five times. Between, each stays up long enough that this is no crash loop (10 s)."""
    for _ in range(5):
        time.sleep(11)
        for name in USERS:
            pid = running.pids(name)
            if pid:
                running.exec("kill", "-9", str(pid))
        running.healthy(60)


def test_what_cron_does_works(running: Front) -> None:
    """The lines of cron.d themselves, run as cron runs them: logs are rotated, a certificate that ends is renewed,
    and there is no upgrade to confirm.
    """
    jobs = [
        line.split(maxsplit=6)[6]
        for line in running.exec("cat", "/etc/cron.d/oneedge").splitlines()
        if "root" in line
    ]
    rotate, renew, confirm = (job.split(" >")[0] for job in jobs)
    assert running.sh(f"{rotate} && echo rotated").strip().endswith("rotated")
    running.sh(
        f"{rotate.replace('logrotate', 'logrotate --force', 1)}; {rotate.replace('logrotate', 'logrotate -f', 1)}"
    )
    assert "oned.log.1" in running.exec("ls", "/var/log/one")

    served = ssl.get_server_certificate((running.address(), 443), timeout=10)
    running.sh(renew)
    assert ssl.get_server_certificate((running.address(), 443), timeout=10) == served, "not due: left alone"
    running.exec("/opt/oneedge/bin/python", "-c", OLD_CERTIFICATE)
    running.sh(renew)
    renewed = ssl.get_server_certificate((running.address(), 443), timeout=10)
    assert renewed != served
    assert renewed.split() == running.exec("cat", "/srv/one/secret-tls/one.crt").split()
    running.healthy(20)
    assert running.sh(f"{confirm} && echo nothing to confirm").strip() == "nothing to confirm"
