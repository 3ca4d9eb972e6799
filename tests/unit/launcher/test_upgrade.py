import os
from typing import Any

import pytest

from launcher.errors import RefusedError, SettingError
from launcher.upgrade import comparing, copying, database, docker, podman, request, standing
from launcher.upgrade.standing import Names

NAMES = Names("one")
IMAGE = {"Config": {"Env": ["PATH=/bin", "LANG=C"], "Labels": {"v": "1"}, "Entrypoint": ["/boot"], "Cmd": None}}


def _container(identifier: str, origin: str = "", *, ran: bool = True) -> dict[str, Any]:
    labels = {copying.LABEL: origin} if origin else {}
    started = "2026-01-01T00:00:00Z" if ran else "0001-01-01T00:00:00Z"
    return {"Id": identifier, "Config": {"Labels": labels}, "State": {"StartedAt": started}}


OLD, NEW, FRESH = _container("a" * 64), _container("b" * 64, "a" * 64), _container("b" * 64, "a" * 64, ran=False)


@pytest.mark.parametrize(
    ("found", "phase"),
    [
        ({}, standing.MISSING),
        ({"one": OLD}, standing.NONE),
        ({"one": NEW}, standing.NONE),
        ({"one": OLD, NAMES.next: FRESH}, standing.PREPARED),
        ({NAMES.before: OLD, NAMES.next: FRESH}, standing.PREPARED),
        ({NAMES.before: OLD, "one": FRESH}, standing.PREPARED),
        ({NAMES.before: OLD, "one": NEW}, standing.STARTED),
        ({NAMES.before: OLD, NAMES.next: NEW}, standing.FAILED),
        ({NAMES.before: OLD, NAMES.failed: NEW}, standing.FAILED),
        ({"one": OLD, NAMES.failed: NEW}, standing.RETURNED),
        ({NAMES.before: OLD}, standing.ORPHANED),
        ({"one": NEW, NAMES.before: _container("c" * 64)}, standing.FOREIGN),
        ({"one": OLD, NAMES.next: _container("c" * 64)}, standing.FOREIGN),
        ({"one": OLD, NAMES.undo: _container("c" * 64)}, standing.FOREIGN),
        ({NAMES.failed: NEW}, standing.FOREIGN),
    ],
)
def test_what_stands_is_read_from_names_labels_and_states(found: dict[str, dict[str, Any]], phase: str) -> None:
    assert standing.classify(found, NAMES).phase == phase


def test_only_what_the_image_does_not_give_is_handed_on() -> None:
    labels = {"v": "1", "mine": "x", copying.LABEL: "a", copying.RESTART: "no"}
    found = {"Id": "ab12", "Config": {"Env": ["PATH=/bin", "LANG=de", "A=b=c"], "Labels": labels}}
    assert copying.own_environment(found, IMAGE) == {"LANG": "de", "A": "b=c"}
    assert copying.own_labels(found, IMAGE) == {"mine": "x"}


def test_ports_and_restart_policies_are_spelt_as_the_command_line_has_them() -> None:
    bindings = {
        "80/tcp": [{"HostIp": "::1", "HostPort": "8080"}],
        "9/udp": [{"HostIp": "", "HostPort": ""}],
        "22/tcp": None,
    }
    policy = {"Name": "on-failure", "MaximumRetryCount": 4}
    found = {"HostConfig": {"PortBindings": bindings, "RestartPolicy": policy}}
    assert copying.ports(found) == ("--publish", "[::1]:8080:80/tcp", "--publish", "9/udp")
    assert copying.restart(found) == "on-failure:4"
    assert copying.restart({}) == "no"


def test_a_program_of_ones_own_is_kept_and_the_images_is_not_pinned() -> None:
    own = {"Config": {"Entrypoint": ["/mine", "-v"], "Cmd": ["x"]}}
    assert copying.entrypoint(own, IMAGE) == (("--entrypoint", "/mine"), ("-v", "x"))
    assert copying.entrypoint({"Config": {"Entrypoint": ["/boot"], "Cmd": ["--plan"]}}, IMAGE) == ((), ("--plan",))
    assert copying.entrypoint({"Config": IMAGE["Config"]}, IMAGE) == ((), ())


def test_variables_that_the_engines_program_heeds_itself_never_become_its_own() -> None:
    given = copying.hand_over({"A": "1", "DOCKER_HOST": "tcp://elsewhere"}, _file())
    assert given.values == {"A": "1"}
    assert given.words[0] == "--env-file"
    assert given.words[2:] == ("--env", "A")
    with pytest.raises(RefusedError, match="more than one line"):
        copying.hand_over({"PATH": "a\nb"}, _file())


def _file() -> int:
    return os.memfd_create("test")


def test_mounts_without_a_name_get_the_engines() -> None:
    mounted = [
        {"Type": "volume", "Name": "0123", "Destination": "/data", "RW": True},
        {"Type": "volume", "Name": "named", "Destination": "/db", "RW": True},
    ]
    host = {
        "Binds": ["named:/db"],
        "Mounts": [{"Type": "bind", "Source": "/a,b", "Target": "/x", "ReadOnly": True}],
    }
    words = docker.mounts({"HostConfig": host, "Mounts": mounted})
    assert words == [
        *("--volume", "named:/db", "--mount", 'type=bind,"source=/a,b",target=/x,readonly=true'),
        *("--volume", "0123:/data"),
    ]


def test_podmans_command_is_taken_apart_into_options_and_words() -> None:
    words = [
        "podman",
        "run",
        "-dit",
        "-eA=1",
        "--env",
        "B",
        "--rm",
        "--memory=1g",
        "-v",
        "/x",
        "image",
        "-v",
        "word",
    ]
    options, command = podman.parse(words)
    assert options == [
        *(("-d", ""), ("-i", ""), ("-t", ""), ("-e", "A=1"), ("--env", "B"), ("--rm", "")),
        *(("--memory", "1g"), ("-v", "/x")),
    ]
    assert command == ("-v", "word")
    with pytest.raises(RefusedError, match="does not tell with which command"):
        podman.parse([])


def test_a_lost_setting_is_named_without_its_value_and_one_of_the_new_image_is_not() -> None:
    def found(**host: object) -> dict[str, Any]:
        return {"Id": "ab", "Config": {"Env": ["PW=s3cret"], "Hostname": "ab"}, "HostConfig": host, "Mounts": []}

    old, new = found(Memory=5, Strange="x"), found(Memory=5)
    new["Config"] = {"Env": ["PW=other"], "Hostname": "cd"}
    new["Mounts"] = [{"Type": "volume", "Name": "n", "Destination": "/new", "RW": True}]
    assert comparing.differences(old, IMAGE, new, IMAGE) == [
        "Config.Hostname",
        "HostConfig.Strange",
        "variable PW",
    ]
    assert comparing.differences(old, IMAGE, old, IMAGE) == []


def test_the_moment_of_creation_is_read_in_any_zone() -> None:
    for text in ("2026-11-24T02:00:00.123456789Z", "2026-11-24T03:00:00.5+01:00", "2026-11-23T21:30:00-04:30"):
        assert database.created({"Created": text}) == 1795485600


def test_options_win_over_the_launchers_variables() -> None:
    env = {"IMAGE": "a", "ONEEDGE_CONTAINER": "b", "DEADLINE": "5", "PULL": "yes", "DRY_RUN": "no"}
    found = request.parse([], env)
    assert (found.image, found.name, found.deadline, found.pull, found.dry_run) == ("a", "b", 5, True, False)
    assert request.parse(["--image", "x", "--no-build"], env).image == "x"
    for bad in (["--deadline", "0"], ["--name", "-x"], ["--engine", "lxc"]):
        with pytest.raises(SettingError):
            request.parse(bad, {})
