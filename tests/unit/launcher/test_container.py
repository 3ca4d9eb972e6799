from dataclasses import replace
from typing import Any

import pytest

from launcher import container, settings
from launcher.container import Plan
from launcher.engine import Engine

WANTED = Plan(("--publish", "1:1"), {"HOST": "one", "ONEADMIN_PASSWORD": "s3cret"}, "oneedge:1", "sha256:abc")


def _found(**changes: object) -> dict[str, Any]:
    environment = ["PATH=/bin", *(f"{name}={value}" for name, value in WANTED.environment.items())]
    config = {"Env": environment, "Labels": {container.LABEL: WANTED.fingerprint}}
    return {"Image": "sha256:abc", "Config": config, **changes}


def test_nothing_changed() -> None:
    assert container.changes(_found(), WANTED) == []


def test_podman_names_images_without_their_algorithm() -> None:
    assert container.changes(_found(Image="abc"), replace(WANTED, image_id="abc")) == []
    assert container.changes(_found(Image="abc"), WANTED) == []


def test_changes_are_named_and_never_their_values() -> None:
    found = _found(Image="sha256:old", Config={"Env": ["HOST=one", "ONEADMIN_PASSWORD=other"]})
    assert container.changes(found, WANTED) == ["the image", "ONEADMIN_PASSWORD"]


def test_a_parameter_that_is_no_longer_given_is_a_change() -> None:
    wanted = replace(WANTED, arguments=(), environment={"HOST": "one"})
    assert container.changes(_found(), wanted) == ["ports, volumes or other settings of the launcher"]


def test_a_container_made_by_hand_is_taken_over_as_changed() -> None:
    assert container.changes({"Image": "sha256:abc", "Config": {"Env": None, "Labels": None}}, WANTED) != []


def test_the_fingerprint_holds_no_value_of_a_parameter() -> None:
    other = replace(WANTED, environment={"HOST": "two", "ONEADMIN_PASSWORD": "x"})
    assert other.fingerprint == WANTED.fingerprint


def test_every_volume_of_the_table_has_a_name() -> None:
    found = dict(container.volumes(settings.read({}), {}))
    named = (
        "mysql datastores shared_vmrc oneadmin_auth oneadmin_ssh oneadmin_ssh_copyback logs shared_tmp secret_tls"
    )
    for name in (*named.split(), "secret_ssh_host_keys"):
        assert f"opennebula_{name}" in found
    assert {"/var/lib/one/backups", "/var/log", "/srv/one"} <= set(found.values())


def test_a_volume_that_the_image_declares_beyond_the_table_gets_a_name_too() -> None:
    found = container.volumes(
        settings.read({"VOLUME_PREFIX": "x_"}), {"/var/lib/mysql": {}, "/var/lib/new-one": {}}
    )
    assert found.count(("x_mysql", "/var/lib/mysql")) == 1
    assert found[-1] == ("x_var_lib_new_one", "/var/lib/new-one")


@pytest.mark.parametrize("kind", ["docker", "podman"])
def test_capabilities_are_named_and_few(kind: str) -> None:
    words = container.privileges(Engine(kind, kind), settings.read({}))
    assert words == (["--cap-add", "AUDIT_WRITE"] if kind == "podman" else [])


def test_inner_docker_gets_what_it_needs_by_name_and_its_volume() -> None:
    chosen = settings.read({"DIND_ENABLED": "Yes"})
    words = container.privileges(Engine("docker", "docker"), chosen)
    assert "--privileged" not in words
    assert words[:4] == ["--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN"]
    assert ("opennebula_docker", "/var/lib/docker") in container.volumes(chosen, {})
    assert ("opennebula_docker", "/var/lib/docker") not in container.volumes(settings.read({}), {})
