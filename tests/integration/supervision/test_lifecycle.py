"""Start, wait, stop: in order, at once, and told truthfully on the way."""

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.integration.supervision.front import CHECKOUT, Front, entry, need, until

RECORD = (
    'trap "echo {name} stopped \\$(date +%s.%N) >> {file}; exit 0" TERM; '
    "echo {name} started $(date +%s.%N) >> {file}; "
)
LOOP = "while :; do sleep 0.02; done"


def recording(name: str, file: Path, **changes: object) -> dict[str, object]:
    return entry("sh", "-c", RECORD.format(name=name, file=file) + LOOP, **changes)


def test_starts_without_delay_and_stops_in_reverse_order_without_pauses(front: Front) -> None:
    story = front.root / "story"
    names = [f"s{number}" for number in range(6)]
    front.start({name: recording(name, story, priority=100 + index) for index, name in enumerate(names)})
    front.ready()
    until(lambda: story.read_text().count("started") == 6)
    assert front.stop() == 0
    stopped = [line.split() for line in story.read_text().splitlines() if " stopped " in line]
    assert [words[0] for words in stopped] == names[::-1]
    gaps = [float(after[2]) - float(before[2]) for before, after in pairwise(stopped)]
    assert min(gaps) >= 0
    assert statistics.median(gaps) < 0.5  # Supervisor alone takes up to a second for each
    assert front.probe()[0] == 1


def test_first_service_runs_within_half_a_second_of_supervisor(front: Front) -> None:
    seconds = [60.0]
    while min(seconds) >= 0.5 and len(seconds) <= 10:  # a busy machine delays some starts, a pause all of them
        story = front.root / f"story{len(seconds)}"
        front.start({"one": recording("one", story)})
        until(lambda story=story: story.exists() and story.read_text().endswith("\n"))  # type: ignore[misc]
        (began,) = front.moments("supervisord started")
        seconds.append(float(story.read_text().split()[2]) - began.timestamp())
        assert front.stop() == 0
    assert min(seconds) < 0.5


def test_service_that_waits_is_never_ok_and_says_what_for(front: Front) -> None:
    wanted = front.root / "wanted"
    front.start({"one": entry("sleep", "60", needs=[need("file", wanted, "the key of oneadmin")])})
    until(lambda: front.state("one").get("phase") == "waiting")
    until(lambda: "one RUNNING" in " ".join(front.control("status").split()))  # for Supervisor all is well
    assert front.probe() == (1, "starting (waiting for the key of oneadmin)")
    wanted.write_text("")  # exists, and is still empty
    time.sleep(0.6)
    assert front.probe() == (1, "starting (waiting for the key of oneadmin)")
    wanted.write_text("x")
    assert front.ready() < 3
    assert front.state("one")["phase"] == "started"
    assert front.log().count("waiting for the key of oneadmin") == 1


def test_the_probe_names_what_the_first_service_in_order_lacks(front: Front) -> None:
    front.start(
        {
            "late": entry("sleep", "60", priority=300, needs=[need("service", "early", "the database")]),
            "early": entry("sleep", "60", priority=100, needs=[need("file", front.root / "go", "a disk")]),
        }
    )
    until(lambda: front.state("early").get("phase") == front.state("late").get("phase") == "waiting")
    assert front.probe() == (1, "starting (waiting for a disk)")
    (front.root / "go").write_text("x")
    front.ready()


def test_one_shot_that_succeeded_is_healthy_and_lets_others_start(front: Front) -> None:
    front.start(
        {
            "configure": entry("sh", "-c", "sleep 0.5; echo configured", kind="oneshot", priority=102),
            "server": entry("sleep", "60", priority=210, needs=[need("service", "configure")]),
        }
    )
    until(lambda: front.state("server").get("phase") == "waiting")
    assert front.probe()[1].startswith("starting (waiting for ")
    front.ready()
    assert front.state("configure")["phase"] == "done"
    assert "EXITED" in front.control("status", "configure")
    assert "configure | configured" in front.log()
    time.sleep(0.3)
    assert front.log().count("configure | configured") == 1


def test_one_shot_without_a_command_is_done_when_it_is_prepared(front: Front) -> None:
    prepare = ["tests.integration.supervision.preparations:note"]
    front.start({"configure": entry(kind="oneshot", prepare=prepare)})
    front.ready()
    assert front.state("configure")["phase"] == "done"
    text = (front.root / "prepared").read_text()
    assert text == f"configure {os.getuid()} {front.root} yaml 100"


def test_waits_for_the_ready_checks_of_another_service(front: Front, free_port: int, server: list[str]) -> None:
    needs = [need("service", "server", "the API")]
    ready = [need("http", f"http://127.0.0.1:{free_port}/", "the API's port")]
    slow = ["sh", "-c", "sleep 1; exec " + " ".join([*server, str(free_port)])]
    front.start({"server": entry(*slow, ready=ready, priority=1), "client": entry("sleep", "60", needs=needs)})
    until(lambda: front.state("server").get("phase") == "started")
    until(lambda: front.probe() == (1, "starting (waiting for server: the API's port)"))
    assert front.state("client")["phase"] == "waiting"
    front.ready()


def test_one_shots_run_again_when_what_they_need_is_started_again(front: Front) -> None:
    story, hold = front.root / "story", front.root / "hold"
    work = f"echo {{0}} >> {story}; while [ -e {hold} ]; do sleep 0.02; done; exit {{1}}"

    def once(name: str, of: str, code: int = 0, **changes: object) -> dict[str, object]:
        return entry("sh", "-c", work.format(name, code), kind="oneshot", needs=[need("service", of)], **changes)

    def told() -> list[str]:
        return sorted(story.read_text().split())

    front.start(
        {
            "server": entry("sleep", "600", priority=1),
            "other": once("other", "well"),
            "well": entry("sleep", "600", priority=1),
            "configure": once(
                "configure", "upgrade", priority=3
            ),  # before what it needs, if the order went by name
            "upgrade": once("upgrade", "server", priority=2),
            "spare": once("spare", "server", autostart=False),
            "user": entry("sleep", "600", needs=[need("service", "configure")], priority=4),
        }
    )
    front.ready()
    assert told() == ["configure", "other", "upgrade"]
    user = front.pid("user")
    hold.touch()
    os.kill(front.pid("server"), signal.SIGKILL)
    until(lambda: told().count("upgrade") == 2)
    assert front.state("upgrade")["phase"] == "started"
    assert front.state("configure")["phase"] == "waiting"
    assert front.probe() == (1, "starting (waiting for upgrade)")
    os.kill(front.pid("server"), signal.SIGKILL)  # while the one-shot is at work on it
    until(lambda: front.state("server")["starts"] == 3 and front.state("server")["phase"] == "started", 5)
    hold.unlink()
    front.ready()
    assert told() == ["configure"] * 2 + ["other"] + ["upgrade"] * 3
    assert {front.state(name)["phase"] for name in ("upgrade", "configure")} == {"done"}
    assert front.pid("user") == user
    front.control("restart", "server")
    until(lambda: told().count("configure") == 3)
    front.ready()
    assert told().count("upgrade") == 4


def test_one_shot_that_failed_for_good_is_not_run_again(front: Front) -> None:
    needs = [need("service", "server")]
    front.start(
        {"server": entry("sleep", "600"), "upgrade": entry("sh", "-c", "exit 78", kind="oneshot", needs=needs)}
    )
    until(lambda: front.probe() == (1, "failed: upgrade: exit status 78"))
    front.control("restart", "server")
    until(lambda: front.state("server")["starts"] == 2)
    time.sleep(0.5)
    assert front.state("upgrade")["starts"] == 1
    assert front.probe() == (1, "failed: upgrade: exit status 78")


def test_agent_that_was_killed_has_its_keys_again(front: Front) -> None:
    """OpenSSH's own agent, with the preparation of the front-end."""
    key, sock = front.root / "key", front.root / "run/one/ssh-agent.sock"
    sock.parent.mkdir()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    environment = {"SSH_AUTH_SOCK": str(sock)}
    ready = [need("unix", sock, "the agent's socket")]
    prepare = ["bootstrap.prepare.ssh:agent"]
    front.start(
        {
            "agent": entry("ssh-agent", "-D", "-a", str(sock), prepare=prepare, ready=ready, priority=1),
            "add": entry(
                "ssh-add",
                "-q",
                str(key),
                kind="oneshot",
                environment=environment,
                needs=[need("service", "agent")],
            ),
        }
    )
    front.ready()
    os.kill(front.pid("agent"), signal.SIGKILL)
    until(lambda: front.state("add")["starts"] == 2)
    front.ready()
    listed = subprocess.run(["ssh-add", "-l"], env=environment, capture_output=True, text=True, check=False)
    assert "(ED25519)" in listed.stdout


def test_upgrade_and_preparation_are_told(front: Front) -> None:
    prepare = [f"tests.integration.supervision.preparations:{name}" for name in ("slow", "upgrade")]
    front.start({"server": entry("sleep", "60", prepare=prepare)})
    until(lambda: front.probe() == (1, "starting (waiting for server: making the data directory)"))
    (front.root / "go").touch()
    until(lambda: front.probe() == (1, "upgrading (schema 5.12 to 6.0)"))
    assert front.details("server")["detail"] == "schema 5.12 to 6.0"
    (front.root / "upgraded").touch()
    front.ready()


def test_maintenance_runs_the_stub_alone_and_lets_an_operator_start_the_rest(front: Front) -> None:
    stub = entry("sleep", "infinity", priority=999, essential=False)
    front.start({"infinite-loop": stub, "server": entry("sleep", "60")}, maintenance=True)
    until(lambda: front.probe() == (0, "maintenance"))
    assert front.details("server")["state"] == "STOPPED"
    assert "started" in front.control("start", "server")
    assert front.probe() == (0, "maintenance")
    assert json.loads(front.probe("--json")[1])["status"] == "maintenance"


def test_service_without_autostart_is_left_alone(front: Front) -> None:
    front.start({"server": entry("sleep", "60"), "spare": entry("sleep", "60", autostart=False)})
    front.ready()
    assert front.state("spare") == {}


def test_operator_stop_is_told_and_start_mends_it(front: Front) -> None:
    front.start({"server": entry("sleep", "60"), "other": entry("sleep", "60")})
    front.ready()
    assert "server: stopped" in front.control("stop", "server")
    assert front.probe() == (1, "failed: server: stopped")
    assert front.probe("--live") == (0, "ok")
    assert "server: started" in front.control("start", "server")
    front.ready()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT, signal.SIGTERM])
def test_every_polite_signal_stops_in_order_with_exit_code_0(front: Front, number: int) -> None:
    front.start({"server": entry("sleep", "60")})
    front.ready()
    assert front.stop(number) == 0
    assert not (front.run / "supervisor.sock").exists()


def test_second_sigterm_does_not_break_the_order(front: Front) -> None:
    story = front.root / "story"
    slow = "trap 'sleep 0.4; echo {0} >> {1}; exit 0' TERM; while :; do sleep 0.02; done"
    front.start(
        {name: entry("sh", "-c", slow.format(name, story), priority=place) for place, name in enumerate("abc")}
    )
    front.ready()
    time.sleep(0.3)  # the shells have set their traps
    assert front.process
    front.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    assert front.stop() == 0
    assert story.read_text().split() == ["c", "b", "a"]


def test_sighup_changes_nothing(front: Front) -> None:
    front.start({"server": entry("sleep", "60")})
    front.ready()
    pid = front.pid("server")
    assert front.process
    front.process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert front.probe() == (0, "ok")
    assert front.pid("server") == pid


def test_reload_by_an_operator_starts_everything_anew(front: Front) -> None:
    front.start({"server": entry("sleep", "60")})
    front.ready()
    pid = front.pid("server")
    front.control("reload")
    until(lambda: front.state("server").get("pid", pid) != pid)
    front.ready()
    assert front.stop() == 0


def test_service_that_ignores_its_stop_signal_is_killed_in_time(front: Front) -> None:
    front.start({"deaf": entry("sh", "-c", "trap '' TERM; while :; do sleep 0.05; done", stop_seconds=1)})
    front.ready()
    time.sleep(0.3)
    began = time.monotonic()
    assert front.stop() == 0
    assert 0.9 < time.monotonic() - began < 4  # other services have five seconds


def test_stop_signal_reaches_the_service_and_ends_a_runner_that_would_ignore_it(front: Front) -> None:
    story = front.root / "story"
    front.start(
        {
            "web": entry("sh", "-c", f"trap 'echo winch > {story}; exit 0' WINCH; {LOOP}", stop_signal="WINCH"),
            "waits": entry("sleep", "60", needs=[need("file", "/nowhere")], stop_signal="WINCH", stop_seconds=60),
        }
    )
    until(lambda: front.state("web").get("phase") == "started" and front.state("waits").get("phase") == "waiting")
    time.sleep(0.3)
    began = time.monotonic()
    assert front.stop() == 0
    assert time.monotonic() - began < 20, "it ends when it is told to"
    assert story.read_text() == "winch\n"


def test_output_has_the_service_s_name_on_each_line_also_a_broken_last_one(front: Front) -> None:
    script = "printf 'one\\ntwo'; sleep 0.2; printf ' three\\nfour' >&2"
    front.start({"talks": entry("sh", "-c", script, kind="oneshot")})
    front.ready()
    until(lambda: "four" in front.log())
    lines = [line for line in front.log().splitlines() if line.startswith("talks | ")]
    assert lines[-3:] == ["talks | one", "talks | two three", "talks | four"]


def test_native_run_writes_a_log_file_for_each_service(front: Front) -> None:
    log = front.root / "var/log/one"
    log.mkdir(parents=True)
    front.start({"talks": entry("sh", "-c", "echo hello; sleep 60")}, log=log)
    front.ready()
    until(lambda: "hello" in (log / "talks.log").read_text())
    assert "spawned: 'talks'" in (log / "supervisord.log").read_text()
    assert "hello" not in front.log()


def test_state_of_an_earlier_boot_is_forgotten(front: Front) -> None:
    (front.run / "state").mkdir()
    old = {"phase": "done", "detail": "", "since": 1, "pid": 1, "clock": 1, "starts": 9}
    (front.run / "state/configure.json").write_text(json.dumps(old))
    front.start({"configure": entry("sleep", "60", kind="oneshot", needs=[need("file", front.root / "go")])})
    until(lambda: front.state("configure").get("phase") == "waiting")
    assert front.state("configure")["starts"] == 1


def test_root_with_spaces_and_percent_signs(front: Front) -> None:
    strange = Front(front.root / "a b%20 c")
    front.process = None
    strange.start({"server": entry("sleep", "60")})
    front.process = strange.process  # for the fixture to stop
    strange.ready()
    assert strange.stop() == 0


def test_probe_starts_no_process(front: Front, free_port: int, server: list[str]) -> None:
    ready = [need("http", f"http://127.0.0.1:{free_port}/")]
    front.start({"api": entry(*server, str(free_port), ready=ready), "one": entry("sleep", "60")})
    front.ready()
    code = f"""
import os, sys
def watch(event, args):
    if event in ("os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system", "subprocess.Popen"):
        os._exit(99)
sys.addaudithook(watch)
sys.path.append({str(CHECKOUT)!r})
from healthcheck.probe import main
sys.exit(main([]))
"""
    command = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(command, env=front.environment, capture_output=True, text=True, timeout=10, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")
