"""What ``oneedge upgrade`` keeps of a container, and what it refuses before it changes anything."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launcher.upgrade import comparing
from tests.e2e.conftest import free_ports
from tests.e2e.test_upgrade import Images, images, one, operator
from tests.e2e.upgrading import SECRET, Operator, result

__all__ = ["images", "one", "operator"]
VOLUME = "/var/lib/beyond"


def _options(operator: Operator, folder: Path) -> list[str]:
    """Nearly everything that a container can be given, in the words of both engines."""
    first, second = free_ports(2)
    (folder / "file.env").write_text("FROM_FILE=yes\n")
    return [
        *("--hostname", "front", "--restart", "on-failure:4", "--stop-timeout", "33", "--init=false"),
        *("--health-cmd", "/frontend-healthcheck.sh", "--health-interval", "7s", "--health-retries", "5"),
        *("--tmpfs", "/tmp:mode=1777", "--shm-size", "100m", "--read-only", "--tmpfs", "/run:mode=755"),
        *("--publish", f"127.0.0.1:{first}:80", "--publish", f"127.0.0.1:{second}:4124/udp", "--expose", "99"),
        *(
            "--volume",
            f"{operator.name}_data:/var/lib/mysql",
            "--volume",
            f"{folder}:/given:ro",
            "--volume",
            "/plain",
        ),
        *(
            "--mount",
            f"type=volume,source={operator.name}_data,target=/again,{'ro' if operator.engine.podman else 'readonly'}",
        ),
        *(
            "--env-file",
            str(folder / "file.env"),
            "--env",
            "SECRET_OF_MINE",
            "--env",
            "EMPTY=",
            "--env",
            "COLOUR=mine",
        ),
        *("--env", "HOME=/elsewhere", "--env", "TWO_LINES", "--env", "QUOTES='a' \"b\" #c"),
        *("--cap-add", "SYS_CHROOT", "--cap-drop", "MKNOD", "--security-opt", "no-new-privileges"),
        *("--memory", "256m", "--memory-reservation", "128m", "--cpus", "1.5", "--pids-limit", "400"),
        *(
            "--cpu-shares",
            "512",
            "--oom-score-adj",
            "100",
            "--ulimit",
            "nofile=1000:2000",
            "--ulimit",
            "nproc=9000:9000",
            "--group-add",
            "5",
        ),
        *("--sysctl", "net.ipv4.ip_unprivileged_port_start=70", "--device", "/dev/null:/dev/nothing:r"),
        *("--network", f"{operator.name}_net", "--network-alias", "also", "--add-host", "other:127.0.0.9"),
        *("--dns", "127.0.0.53", "--dns-search", "example.com", "--label", "mine=a=b c", "--label", "colour=mine"),
        *("--log-opt", "max-size=3m", "--workdir", "/srv", "--user", "0:0"),
    ]


@pytest.fixture
def rich(
    operator: Operator, images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Operator]:
    """A container with all of that, on a network and a volume of its own."""
    monkeypatch.setenv("SECRET_OF_MINE", SECRET)
    monkeypatch.setenv("TWO_LINES", "one\ntwo")
    operator.engine.must("network", "create", f"{operator.name}_net")
    operator.start(images(1, "works"), *_options(operator, tmp_path))
    monkeypatch.delenv("SECRET_OF_MINE")
    monkeypatch.setenv("TWO_LINES", "of the operator's own")
    (tmp_path / "file.env").unlink()
    yield operator
    operator.remove()
    operator.engine.must("network", "rm", f"{operator.name}_net")


def test_every_setting_is_kept_over_two_upgrades(rich: Operator, images: Images, tmp_path: Path) -> None:
    rich.engine.must("exec", rich.name, "sh", "-c", f"echo kept >{VOLUME}/file; echo kept >/plain/file")
    before, variables = rich.inspect(), _variables(rich)
    assert variables["SECRET_OF_MINE"] == SECRET
    assert variables["TWO_LINES"] == "one\ntwo"
    rich.path = str(_observed(tmp_path, rich))
    for number in (2, 3):
        done = rich.upgrade("--image", images(number, "works"))
        assert done.returncode == 0, done.stderr
        assert SECRET not in done.stdout + done.stderr
        rich.alone_and_well(str(number))
        after = rich.inspect()
        assert after["Id"] != before["Id"]
        old, new = (rich.engine.inspect("image", item["Image"]) for item in (before, after))
        assert old is not None
        assert new is not None
        assert comparing.differences(before, old, after, new) == []
        assert _variables(rich) == variables
        for folder in (VOLUME, "/plain"):
            assert rich.engine.must("exec", rich.name, "cat", f"{folder}/file") == "kept"
    assert SECRET not in (tmp_path / "calls").read_text()
    assert "TWO_LINES" in (tmp_path / "calls").read_text()


def _variables(operator: Operator) -> dict[str, str]:
    words = operator.engine.must("exec", operator.name, "cat", "/proc/1/environ").split("\0")
    found = dict(word.split("=", 1) for word in words if "=" in word)
    return {name: value for name, value in found.items() if name not in ("PWD", "SHLVL", "_")}


def _observed(folder: Path, operator: Operator) -> Path:
    """A program of the engine's name that notes what it is called with."""
    program = folder / "bin" / operator.engine.kind
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{folder}/calls\nexec {operator.engine.program} "$@"\n')
    program.chmod(0o755)
    return program.parent


def _untouched(one: Operator, before: dict[str, Any]) -> None:
    after = one.inspect()
    assert (after["Id"], after["State"]["StartedAt"]) == (before["Id"], before["State"]["StartedAt"])
    assert after["HostConfig"] == before["HostConfig"]
    assert one.containers == [one.name]


def test_a_dry_run_checks_all_and_changes_nothing(one: Operator, images: Images) -> None:
    before = one.inspect()
    done = one.upgrade("--image", images(2, "works"), "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    assert result(done)["result"] == "dry-run"
    _untouched(one, before)


def test_json_tells_steps_and_the_end(one: Operator, images: Images) -> None:
    done = one.upgrade("--image", images(2, "fails"), "--json")
    assert done.returncode == 80
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"event": "note", "text": "upgrading (users, 40%)"}.items() <= next(
        line.items() for line in lines if line.get("text", "").startswith("upgrading")
    )
    assert (result(done)["result"], result(done)["code"]) == ("put back", 80)
    assert "the database upgrade failed, users 7" in result(done)["text"]


def test_what_cannot_be_upgraded_is_refused_and_not_touched(one: Operator, images: Images) -> None:
    before = one.inspect()
    for arguments, code, text in (
        (("--image", "localhost/oneedge-no-such-image:1"), 81, "cannot be pulled"),
        (("--image", images(2, "plain")), 81, "cannot put a database back"),
        (("--deadline", "soon"), 64, "cannot be meant"),
        (("--name", "a/b"), 64, "cannot be a container's name"),
        (("--colour", "red"), 64, "unrecognized arguments"),
    ):
        done = one.upgrade(*arguments)
        assert done.returncode == code, done.stderr
        assert text in done.stderr
        _untouched(one, before)
    stranger = f"{one.name}-before-upgrade"
    one.engine.must("create", "--name", stranger, images(1, "works"))
    done = one.upgrade("--image", images(2, "works"))
    assert (done.returncode, stranger in done.stderr) == (81, True)
    one.engine.must("rm", "--volumes", stranger)
    _untouched(one, before)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--rm",), "was started with --rm"),
        (("--env=MAINTENANCE_MODE=yes",), "is not healthy (maintenance)"),
        (("--label=com.docker.swarm.service.id=x",), "belongs to a Swarm service"),
    ],
)
def test_a_container_that_could_not_be_put_back_is_refused(
    operator: Operator, images: Images, options: tuple[str, ...], text: str
) -> None:
    operator.engine.must("run", "--detach", "--name", operator.name, *options, images(1, "works"))
    done = operator.upgrade("--image", images(2, "works"))
    assert done.returncode == 81
    assert text in done.stderr
    assert operator.containers == [operator.name]


def test_a_stopped_container_is_refused(one: Operator, images: Images) -> None:
    one.engine.must("stop", one.name)
    done = one.upgrade("--image", images(2, "works"))
    assert (done.returncode, "does not run" in done.stderr) == (81, True)
    missing = Operator(one.engine, f"{one.name}-nobody").upgrade("--image", images(2, "works"))
    assert missing.returncode == 66


def test_a_database_that_cannot_be_put_back_is_told_and_tried_again(one: Operator, images: Images) -> None:
    one.engine.must("exec", one.name, "touch", "/var/lib/mysql/broken")
    done = one.upgrade("--image", images(2, "silent"), "--deadline", "10")
    assert done.returncode == 82, done.stderr
    assert "a tooth is broken" in done.stderr
    assert "oneedge upgrade --resume" in done.stderr
    data = next(m["Source"] for m in _old(one)["Mounts"] if m["Destination"] == "/var/lib/mysql")
    Path(data, "broken").unlink()
    again = one.upgrade("--resume")
    assert again.returncode == 80, again.stderr
    one.alone_and_well("1")


def _old(one: Operator) -> dict[str, Any]:
    found = one.engine.inspect("container", f"{one.name}-before-upgrade")
    assert found is not None
    return found
