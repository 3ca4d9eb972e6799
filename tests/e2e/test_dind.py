"""Docker inside the container: real, and with no more than the capabilities that the README names."""

import uuid

from tests.support.engine import PREFIX, engine, status, until
from tests.support.front import DOCKER_IN_DOCKER, front

TINY = (
    "cd / && tar -ch bin/dash $(ldd /bin/dash | grep -o '/[^ ]*') | docker import - tiny >/dev/null && "
    "docker run --rm tiny /bin/dash -c 'echo inside $((6 * 7))'"
)


def test_a_container_runs_inside() -> None:
    with front({"DIND_ENABLED": "yes", "DIND_TCP_ENABLED": "yes"}, *DOCKER_IN_DOCKER) as one:
        one.healthy(90)
        assert {"containerd", "docker"} <= set(one.details()["services"])
        assert one.sh(TINY).strip() == "inside 42"
        assert one.sh("cat /run/oneedge/docker-host").strip() == "tcp://localhost:2375"
        assert "Server Version" in one.sh("docker -H unix:///var/run/docker.sock info", user="oneadmin")
        limited = one.sh("docker run --rm --memory=32m tiny /bin/dash -c 'echo limited'")
        assert limited.strip() == "limited"
        assert one.stop() < 30


def test_another_socket_and_a_container_of_its_own() -> None:
    """DIND_SOCKET and DIND_HOST: the role docker serves, another container uses it by name."""
    network = f"{PREFIX}dind-{uuid.uuid4().hex[:8]}"
    engine("network", "create", network)
    variables = {"DIND_TCP_ENABLED": "yes", "DIND_HOST": "dind"}
    role = {
        "OPENNEBULA_FRONTEND_SERVICE": "docker",
        "DIND_ENABLED": "yes",
        "DIND_SOCKET": "/run/inner/engine.sock",
    }
    on = f"--network={network}"
    try:
        with (
            front({**variables, **role}, *DOCKER_IN_DOCKER, on, "--network-alias=dind") as server,
            front({**variables, "OPENNEBULA_FRONTEND_SERVICE": "none"}, on) as client,
        ):
            server.healthy(90)
            client.healthy()
            assert "Server Version" in server.exec("docker", "-H", "unix:///run/inner/engine.sock", "info")
            name = client.exec("docker", "info", "--format", "{{.Name}}").strip()
            assert name == server.exec("hostname").strip()
    finally:
        status(["network", "rm", network])


def test_without_the_capabilities_health_says_what_is_missing() -> None:
    with front({"DIND_ENABLED": "yes"}) as one:
        until(lambda: one.probe()[1].startswith("failed: containerd: "), 40, "health tells")
        assert "cannot be made writable for the inner Docker" in one.probe()[1]
        assert "--cap-add SYS_ADMIN" in one.logs()
        assert one.state()["Running"]
