"""What a user meets with ``make run`` and its companions, on Docker and on Podman, with a stand-in image."""

import socket
from contextlib import closing
from pathlib import Path

import pytest

from launcher import container
from tests.e2e.conftest import Deployment


def test_run_waits_until_healthy_and_says_where_everything_is(quick: Deployment) -> None:
    ended = quick.make("run")
    assert ended.returncode == 0, ended.stderr
    assert "starting (waiting for oned)" in ended.stdout
    assert "The front-end is up (ok). On one.example.com:" in ended.stdout
    for variable, number in quick.env.items():
        if variable.endswith("_PORT"):
            assert number in ended.stdout, variable
    kind = quick.engine.kind
    assert f"{kind} exec {quick.name} cat /var/lib/one/.one/one_auth" in ended.stdout


def test_running_again_changes_nothing_and_asks_the_engine_alone(quick: Deployment, observed: Path) -> None:
    assert quick.make("run").returncode == 0
    before = quick.inspect("{{.Id}} {{.State.StartedAt}}")
    observed.write_text("")
    again = quick.make("run")
    assert again.returncode == 0, again.stderr
    assert "runs already" in again.stdout
    assert quick.inspect("{{.Id}} {{.State.StartedAt}}") == before
    asked = {line.split()[0] for line in observed.read_text().splitlines()}
    assert asked <= {"version", "info", "image", "container", "exec"}, asked


def test_a_changed_parameter_is_named_and_the_volumes_stay(quick: Deployment) -> None:
    assert quick.make("run").returncode == 0
    before = quick.inspect("{{.Id}}")
    changed = quick.make("run", OPENNEBULA_FRONTEND_HOST="two.example.com", DEPLOY_RESTART_POLICY="no")
    assert changed.returncode == 0, changed.stderr
    assert f"Replacing {quick.name} because of: OPENNEBULA_FRONTEND_HOST" in changed.stdout
    assert quick.inspect("{{.Id}}") != before
    assert quick.exec("cat", "/var/lib/mysql/history").split() == ["started", "stopped", "started"]
    assert "two.example.com" in quick.inspect("{{.Config.Env}}")


def test_a_changed_image_replaces_the_container(quick: Deployment) -> None:
    assert quick.make("run").returncode == 0
    other = f"{quick.env['IMAGE']}-other"
    quick.engine.must("commit", "--change", "LABEL changed=yes", quick.name, other)
    try:
        changed = quick.make("run", IMAGE=other)
        assert changed.returncode == 0, changed.stderr
        assert "because of: the image" in changed.stdout
    finally:
        quick.engine.run("kill", quick.name)
        quick.engine.run("rm", "--force", quick.name)
        quick.engine.must("image", "rm", other)


def test_taken_ports_are_all_named_before_anything_is_made(quick: Deployment) -> None:
    web, monitor = quick.env["DEPLOY_SUNSTONE_EXTERNAL_PORT"], quick.env["DEPLOY_MONITORD_EXTERNAL_PORT"]
    with closing(socket.socket()) as tcp, closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as udp:
        tcp.bind(("127.0.0.1", int(web)))
        tcp.listen()
        udp.bind(("127.0.0.1", int(monitor)))
        refused = quick.make("run")
    assert refused.returncode != 0
    assert "Error 76" in refused.stderr
    assert f"{web}/tcp (web, HTTP) is held by" in refused.stderr
    assert "set DEPLOY_SUNSTONE_EXTERNAL_PORT" in refused.stderr
    assert f"{monitor}/udp (monitoring) is held by" in refused.stderr
    assert "(pid " in refused.stderr
    assert quick.engine.inspect("container", quick.name) is None
    assert quick.volumes == set()


def test_a_port_of_another_container_is_named_with_it(quick: Deployment) -> None:
    assert quick.make("run").returncode == 0
    second = f"{quick.name}-second"
    refused = quick.make("run", ONEEDGE_CONTAINER=second)
    assert "Error 76" in refused.stderr
    assert f"is held by the container {quick.name}" in refused.stderr
    assert quick.engine.inspect("container", second) is None


def test_a_container_that_ends_is_told_with_its_code_and_its_words(quick: Deployment) -> None:
    ended = quick.make("run", OPENNEBULA_FRONTEND_HOST="ends", DEPLOY_RESTART_POLICY="no")
    assert "Error 78" in ended.stderr
    assert "ended with exit code 7." in ended.stderr
    assert "there is no way on" in ended.stderr


def test_a_container_that_the_engine_restarts_in_vain_is_not_waited_for(quick: Deployment) -> None:
    # Waiting for health to the end would be another error: 79.
    ended = quick.make("run", OPENNEBULA_FRONTEND_HOST="ends")
    assert "Error 78" in ended.stderr
    assert "there is no way on" in ended.stderr


def test_a_failed_service_is_told_and_the_container_stays_for_inspection(quick: Deployment) -> None:
    ended = quick.make("run", OPENNEBULA_FRONTEND_HOST="fails", WAIT_SECONDS="10")
    assert "Error 79" in ended.stderr
    assert "failed: mysqld: the disk is full" in ended.stderr
    assert "booting as fails" in ended.stderr
    assert quick.inspect("{{.State.Running}}") == "true"
    status = quick.make("status")
    assert status.stdout.strip() == "failed: mysqld: the disk is full"
    assert "Error 1" in status.stderr


def test_stop_is_orderly_and_run_starts_the_same_container(quick: Deployment) -> None:
    assert quick.make("run").returncode == 0
    before = quick.inspect("{{.Id}}")
    assert quick.make("stop").returncode == 0
    assert quick.inspect("{{.State.ExitCode}}") == "0"
    status = quick.make("status")
    assert status.stdout == "stopped (exit code 0)\n"
    assert "Error 1" in status.stderr
    assert "stopped already" in quick.make("stop").stdout
    assert quick.make("run").returncode == 0
    assert quick.inspect("{{.Id}}") == before
    assert quick.exec("cat", "/var/lib/mysql/history").split() == ["started", "stopped", "started"]


def test_logs_and_shell(quick: Deployment) -> None:
    assert quick.make("run").returncode == 0
    assert "booting as one.example.com" in quick.make("logs", FOLLOW="no").stdout
    shell = quick.make("shell", given="cat /run/up; exit 3")
    assert shell.stdout == "up\n"
    assert "Error 3" in shell.stderr


def test_clean_keeps_data_unless_told_otherwise(quick: Deployment) -> None:
    assert quick.make("run").returncode == 0
    made = quick.volumes
    assert f"{quick.volume_prefix}mysql" in made
    assert f"{quick.volume_prefix}var_lib_beyond" in made
    kept = quick.make("clean")
    assert kept.returncode == 0, kept.stderr
    assert "CLEAN_VOLUMES=yes" in kept.stdout
    assert quick.engine.inspect("container", quick.name) is None
    assert quick.volumes == made
    assert quick.make("clean", CLEAN_VOLUMES="yes").returncode == 0
    assert quick.volumes == set()
    assert quick.engine.inspect("image", quick.env["IMAGE"]) is not None


@pytest.mark.parametrize("command", ["stop", "status", "logs", "shell"])
def test_a_command_without_a_container_says_how_to_make_one(quick: Deployment, command: str) -> None:
    ended = quick.make(command)
    assert "Error 66" in ended.stderr
    assert "make run" in ended.stderr


def test_no_parameters_value_reaches_an_argument_list(quick: Deployment, observed: Path) -> None:
    ended = quick.make("run", OPENNEBULA_FRONTEND_HOST="hidden.example.com")
    assert ended.returncode == 0, ended.stderr
    calls = observed.read_text()
    assert "--env OPENNEBULA_FRONTEND_HOST " in calls
    assert "hidden" not in calls
    assert "hidden.example.com" in quick.inspect("{{.Config.Env}}")


def test_the_container_runs_as_the_report_and_the_launcher_say(quick: Deployment) -> None:
    assert quick.make("run").returncode == 0
    found = quick.engine.inspect("container", quick.name)
    assert found is not None
    assert found["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert found["HostConfig"]["Privileged"] is False
    assert found["Config"]["StopTimeout"] == container.STOP_SECONDS
    assert found["Config"]["Healthcheck"]["Test"][-1] == container.PROBE
    mounted = {mount["Destination"] for mount in found["Mounts"] if mount["Type"] == "volume"}
    assert {folder for _, folder in container.VOLUMES} | {"/var/lib/beyond"} == mounted
    assert "755" in quick.exec("stat", "-c", "%a", "/run")


def test_an_image_that_is_nowhere_is_named(quick: Deployment) -> None:
    ended = quick.make("run", IMAGE="localhost/oneedge-no-such-image:1")
    assert "Error 73" in ended.stderr
    assert "IMAGE=localhost/oneedge-no-such-image:1" in ended.stderr
