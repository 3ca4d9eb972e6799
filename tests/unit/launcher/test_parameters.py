from pathlib import Path

import pytest

from launcher import parameters, settings

NAMES = ("OPENNEBULA_FRONTEND_HOST", "OPENNEBULA_HOST", "ONEADMIN_PASSWORD", "TZ")


def _chosen(env: dict[str, str]) -> dict[str, str]:
    return parameters.chosen(env, NAMES, settings.read(env).published)


def test_the_list_is_one_name_a_line_with_an_optional_mark(tmp_path: Path) -> None:
    (tmp_path / "bootstrap").mkdir()
    (tmp_path / parameters.LIST).write_text("# generated\nMYSQL_HOST\n\nMYSQL_PASSWORD secret\n")
    assert parameters.known(tmp_path) == ("MYSQL_HOST", "MYSQL_PASSWORD")


def test_without_the_list_nothing_is_passed_on(tmp_path: Path) -> None:
    assert parameters.known(tmp_path) == ()


def test_only_parameters_of_the_image_are_passed_on() -> None:
    found = _chosen({"ONEADMIN_PASSWORD": "x", "HOME": "/root"})
    assert found["ONEADMIN_PASSWORD"] == "x"
    assert "HOME" not in found


def test_a_parameter_set_to_nothing_is_passed_on_as_nothing() -> None:
    assert _chosen({"TZ": ""})["TZ"] == ""


def test_the_hosts_default_to_this_machine() -> None:
    found = _chosen({})
    assert found["OPENNEBULA_FRONTEND_HOST"] == parameters.host_name() != ""
    assert found["OPENNEBULA_FRONTEND_SSH_HOST"] == parameters.host_name()


def test_the_ssh_host_follows_the_public_host() -> None:
    found = _chosen({"OPENNEBULA_FRONTEND_HOST": "one.example.com"})
    assert found["OPENNEBULA_FRONTEND_SSH_HOST"] == "one.example.com"


def test_the_later_spelling_is_kept_and_not_doubled() -> None:
    found = _chosen({"OPENNEBULA_HOST": "one.example.com"})
    assert found["OPENNEBULA_HOST"] == "one.example.com"
    assert "OPENNEBULA_FRONTEND_HOST" not in found


@pytest.mark.parametrize(
    ("env", "name", "value"),
    [
        ({}, "SUNSTONE_PORT", "80"),
        ({"DEPLOY_SUNSTONE_EXTERNAL_PORT": "8080"}, "SUNSTONE_PORT", "8080"),
        ({"DEPLOY_SUNSTONE_EXTERNAL_TLS_PORT": "8443"}, "SUNSTONE_TLS_PORT", "8443"),
        ({"DEPLOY_SUNSTONE_EXTERNAL_PORT": "8080", "SUNSTONE_PORT": "80"}, "SUNSTONE_PORT", "80"),
        ({"DEPLOY_SUNSTONE_EXTERNAL_VNC_PORT": "6080"}, "SUNSTONE_VNC_PORT", "6080"),
        ({"DEPLOY_MONITORD_EXTERNAL_PORT": "5124"}, "MONITORD_PORT", "5124"),
        ({}, "ONEGATE_PORT", "5031"),
        ({"DEPLOY_ONEGATE_TLS_EXTERNAL_PORT": "6031"}, "ONEGATE_PORT", "6031"),
        ({"TLS_PROXY_ENABLED": "no", "DEPLOY_ONEGATE_EXTERNAL_PORT": "6030"}, "ONEGATE_PORT", "6030"),
        ({"ONEGATE_PORT": "443"}, "ONEGATE_PORT", "443"),
    ],
)
def test_advertised_ports_follow_the_published_ones(env: dict[str, str], name: str, value: str) -> None:
    assert _chosen(env)[name] == value
