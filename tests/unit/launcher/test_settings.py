import pytest

from launcher import settings
from launcher.errors import SettingError
from launcher.ports import PORTS


def test_defaults_are_the_tables() -> None:
    found = settings.read({})
    assert (found.container, found.volume_prefix, found.target) == ("oneedge", "opennebula_", "frontend")
    assert {item.argument for item in found.published} == {
        "0.0.0.0:22:22/tcp",
        "0.0.0.0:80:80/tcp",
        "0.0.0.0:443:443/tcp",
        "0.0.0.0:2474:2474/tcp",
        "0.0.0.0:2475:2475/tcp",
        "0.0.0.0:2633:2633/tcp",
        "0.0.0.0:2634:2634/tcp",
        "0.0.0.0:4124:4124/tcp",
        "0.0.0.0:4124:4124/udp",
        "0.0.0.0:5030:5030/tcp",
        "0.0.0.0:5031:5031/tcp",
        "0.0.0.0:29876:29876/tcp",
    }


def _arguments(env: dict[str, str], variable: str) -> set[str]:
    return {item.argument for item in settings.read(env).published if item.port.variable == variable}


def test_a_port_moves_outside_only() -> None:
    assert _arguments({"DEPLOY_SSH_EXTERNAL_PORT": "2222"}, "DEPLOY_SSH_EXTERNAL_PORT") == {"0.0.0.0:2222:22/tcp"}


@pytest.mark.parametrize("variable", ["DEPLOY_MONITORD_EXTERNAL_PORT", "MONITORD_PORT"])
def test_monitord_listens_on_what_is_published_whichever_variable_says_so(variable: str) -> None:
    assert _arguments({variable: "5124"}, "DEPLOY_MONITORD_EXTERNAL_PORT") == {
        "0.0.0.0:5124:5124/tcp",
        "0.0.0.0:5124:5124/udp",
    }


def test_addresses_may_differ_per_group_and_ipv6_gets_brackets() -> None:
    env = {"DEPLOY_BIND_ADDR": "192.0.2.1", "DEPLOY_BIND_SSH_ADDR": "::1"}
    assert _arguments(env, "DEPLOY_SSH_EXTERNAL_PORT") == {"[::1]:22:22/tcp"}
    assert _arguments(env, "DEPLOY_ONED_EXTERNAL_PORT") == {"192.0.2.1:2633:2633/tcp"}


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({"ENGINE": "lxc"}, "ENGINE='lxc'"),
        ({"TARGET": "huge"}, "TARGET='huge'"),
        ({"DIND_ENABLED": "on"}, "DIND_ENABLED='on'"),
        ({"CLEAN_VOLUMES": "y"}, "CLEAN_VOLUMES='y'"),
        ({"WAIT_SECONDS": "0"}, "WAIT_SECONDS='0'"),
        ({"WAIT_SECONDS": "-5"}, "WAIT_SECONDS='-5'"),
        ({"WAIT_SECONDS": "٣"}, "WAIT_SECONDS='٣'"),
        ({"DEPLOY_SSH_EXTERNAL_PORT": "0"}, "DEPLOY_SSH_EXTERNAL_PORT='0'"),
        ({"DEPLOY_SSH_EXTERNAL_PORT": "65536"}, "DEPLOY_SSH_EXTERNAL_PORT='65536'"),
        ({"DEPLOY_SSH_EXTERNAL_PORT": "ssh"}, "DEPLOY_SSH_EXTERNAL_PORT='ssh'"),
        ({"DEPLOY_RESTART_POLICY": "sometimes"}, "DEPLOY_RESTART_POLICY='sometimes'"),
        ({"ONEEDGE_CONTAINER": "a b"}, "ONEEDGE_CONTAINER='a b'"),
        ({"ONEEDGE_CONTAINER": "-rm"}, "ONEEDGE_CONTAINER='-rm'"),
        ({"VOLUME_PREFIX": "/etc:"}, "VOLUME_PREFIX='/etc:'"),
        ({"VOLUME_PREFIX": "ä_"}, "VOLUME_PREFIX='ä_'"),
        ({"RUN_ARGS": "'open"}, "RUN_ARGS"),
        ({"SUNSTONE_VNC_PORT": "1", "DEPLOY_SUNSTONE_EXTERNAL_VNC_PORT": "2"}, "must be the same"),
        ({"DEPLOY_SSH_EXTERNAL_PORT": "443"}, "port 443 is given to"),
    ],
)
def test_a_bad_value_is_named(env: dict[str, str], named: str) -> None:
    with pytest.raises(SettingError) as error:
        settings.read(env)
    assert named in error.value.message
    assert error.value.exit_code == 64


def test_all_bad_values_are_named_at_once() -> None:
    env = {"ENGINE": "lxc", "WAIT_SECONDS": "soon", "DEPLOY_ONED_EXTERNAL_PORT": "99999"}
    with pytest.raises(SettingError) as error:
        settings.read(env)
    assert all(name in error.value.message for name in env)


def test_a_number_may_be_used_for_tcp_and_udp() -> None:
    assert len({item.key for item in settings.read({}).published}) == len(PORTS)


def test_run_args_are_split_as_a_shell_does() -> None:
    assert settings.read({"RUN_ARGS": "-v '/a b:/c'"}).run_args == ("-v", "/a b:/c")
