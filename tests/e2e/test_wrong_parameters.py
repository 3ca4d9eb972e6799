"""Wrong parameters, in the real container: each named, its own exit code, nothing written."""

import subprocess
from pathlib import Path

import pytest

from tests.support.engine import ENGINE, IMAGE, engine
from tests.support.front import HOST, once, volumes

LONG = "x" * 5000
B64 = "bm90IGEga2V5"
SETS: list[tuple[dict[str, str], list[str]]] = [
    ({"OPENNEBULA_FRONTEND_HOST": ""}, ["OPENNEBULA_FRONTEND_HOST"]),
    ({"OPENNEBULA_FRONTEND_HOST": "two words"}, ["OPENNEBULA_FRONTEND_HOST"]),
    ({"OPENNEBULA_FRONTEND_HOST": "-leading.example"}, ["OPENNEBULA_FRONTEND_HOST"]),
    ({"OPENNEBULA_FRONTEND_HOST": "a..b"}, ["OPENNEBULA_FRONTEND_HOST"]),
    ({"OPENNEBULA_FRONTEND_HOST": "$(reboot)"}, ["OPENNEBULA_FRONTEND_HOST"]),
    ({"OPENNEBULA_FRONTEND_SSH_HOST": "host\nHOSTNAME=evil"}, ["OPENNEBULA_FRONTEND_SSH_HOST"]),
    ({"OPENNEBULA_HOST": "other.example"}, ["OPENNEBULA_FRONTEND_HOST and OPENNEBULA_HOST", "different values"]),
    ({"OPENNEBULA_FRONTEND_SERVICE": "onedd"}, ["OPENNEBULA_FRONTEND_SERVICE", "oned", "sshd"]),
    ({"OPENNEBULA_FRONTEND_SERVICE": "ALL"}, ["OPENNEBULA_FRONTEND_SERVICE"]),
    ({"OPENNEBULA_FRONTEND_SERVICE": "oned", "OPENNEBULA_SERVICE": "sshd"}, ["OPENNEBULA_SERVICE"]),
    ({"OPENNEBULA_FRONTEND_SERVICE": "mysqld"}, ["MYSQL_PASSWORD"]),
    ({"OPENNEBULA_FRONTEND_SERVICE": "oned"}, ["MYSQL_PASSWORD"]),
    ({"MYSQL_HOST": "db.example"}, ["MYSQL_PASSWORD", "MYSQL_HOST=db.example"]),
    ({"MAINTENANCE_MODE": "maybe"}, ["MAINTENANCE_MODE", "yes or no"]),
    ({"DIND_ENABLED": "2"}, ["DIND_ENABLED"]),
    ({"TLS_PROXY_ENABLED": "on"}, ["TLS_PROXY_ENABLED"]),
    ({"SUNSTONE_HTTPS_ENABLED": "nein"}, ["SUNSTONE_HTTPS_ENABLED"]),
    ({"ONED_DB_BACKUP_ENABLED": "'yes'"}, ["ONED_DB_BACKUP_ENABLED"]),
    ({"SUNSTONE_PORT": "0"}, ["SUNSTONE_PORT", "1 to 65535"]),
    ({"SUNSTONE_TLS_PORT": "65536"}, ["SUNSTONE_TLS_PORT"]),
    ({"SUNSTONE_VNC_PORT": "https"}, ["SUNSTONE_VNC_PORT"]),
    ({"SUNSTONE_VNC_PORT": "2633"}, ["SUNSTONE_VNC_PORT", "oned"]),
    ({"ONEGATE_PORT": "-5030"}, ["ONEGATE_PORT"]),
    ({"MYSQL_PORT": "3306.5"}, ["MYSQL_PORT"]),
    ({"MONITORD_PORT": "29876"}, ["MONITORD_PORT", "SUNSTONE_VNC_PORT"]),
    ({"TLS_VALID_DAYS": "0"}, ["TLS_VALID_DAYS"]),
    ({"TLS_VALID_DAYS": "a year"}, ["TLS_VALID_DAYS"]),
    ({"TLS_DOMAIN_LIST": "good.example bad_^.example"}, ["TLS_DOMAIN_LIST"]),
    ({"TLS_KEY_BASE64": "%%%"}, ["TLS_KEY_BASE64", "base64"]),
    ({"TLS_KEY_BASE64": B64}, ["TLS_KEY_BASE64 is set without TLS_CERT_BASE64"]),
    ({"TLS_KEY_BASE64": B64, "TLS_CERT_BASE64": B64}, ["TLS_KEY_BASE64 and TLS_CERT_BASE64", "PEM"]),
    ({"TLS_KEY": "/certs/missing.key", "TLS_CERT": "/certs/missing.crt"}, ["TLS_KEY", "TLS_CERT", "missing"]),
    ({"TLS_CERT": "/etc/passwd"}, ["TLS_CERT is set without TLS_KEY"]),
    ({"TLS_CERT": "/etc", "TLS_KEY": "relative/path"}, ["TLS_CERT", "TLS_KEY", "absolute"]),
    ({"ONEADMIN_SSH_PRIVKEY": "/etc/hostname", "ONEADMIN_SSH_PUBKEY": "/etc/hostname"}, ["ONEADMIN_SSH_PRIVKEY"]),
    ({"ONEADMIN_SSH_PUBKEY_BASE64": B64}, ["ONEADMIN_SSH_PUBKEY_BASE64 is set without"]),
    ({"ONEADMIN_PASSWORD": "two\nlines"}, ["ONEADMIN_PASSWORD"]),
    ({"ONEADMIN_PASSWORD": LONG}, ["ONEADMIN_PASSWORD", "512"]),
    ({"ONEADMIN_PASSWORD_FILE": "/run/secrets/missing"}, ["ONEADMIN_PASSWORD_FILE", "cannot be read"]),
    ({"ONEADMIN_PASSWORD": "a", "ONEADMIN_PASSWORD_FILE": "/etc/hostname"}, ["ONEADMIN_PASSWORD_FILE"]),
    ({"MYSQL_PASSWORD_FILE": "/etc"}, ["MYSQL_PASSWORD_FILE"]),
    ({"MYSQL_DATABASE": "one`; DROP"}, ["MYSQL_DATABASE"]),
    ({"MYSQL_DATABASE": "x" * 65}, ["MYSQL_DATABASE", "64"]),
    ({"MYSQL_USER": "it's"}, ["MYSQL_USER"]),
    ({"OPENNEBULA_FRONTEND_PREHOOK": "/missing/hook"}, ["OPENNEBULA_FRONTEND_PREHOOK"]),
    ({"OPENNEBULA_FRONTEND_POSTHOOK": "/etc/passwd"}, ["OPENNEBULA_FRONTEND_POSTHOOK", "not executable"]),
    ({"OPENNEBULA_FRONTEND_ONECFG_PATCH": "/config/missing"}, ["OPENNEBULA_FRONTEND_ONECFG_PATCH"]),
    ({"DIND_SOCKET": "docker.sock"}, ["DIND_SOCKET", "absolute"]),
    ({"ONED_HOST": LONG}, ["ONED_HOST"]),
    (
        {"MYSQL_PORT": "x", "DIND_ENABLED": "x", "TLS_VALID_DAYS": "x", "ONEFLOW_HOST": "x y", "TLS_KEY": "/x"},
        ["5 parameters are wrong", "MYSQL_PORT", "DIND_ENABLED", "TLS_VALID_DAYS", "ONEFLOW_HOST", "TLS_KEY"],
    ),
]


def test_there_are_enough_of_them() -> None:
    assert len(SETS) >= 40


@pytest.mark.parametrize(("variables", "words"), SETS, ids=lambda value: ",".join(value)[:60])
def test_wrong_parameters_are_named(variables: dict[str, str], words: list[str]) -> None:
    code, text = once({"OPENNEBULA_FRONTEND_HOST": HOST, **variables})
    assert code == 78, text
    for word in words:
        assert word in text
    assert "Nothing was changed" in text
    assert "Traceback" not in text
    assert len(text) < 3000
    for name, value in variables.items():
        if "PASSWORD" in name and not name.endswith("_FILE") and len(value) > 3:
            assert value not in text


def test_nothing_is_written() -> None:
    """Volumes stay empty and the container's own layer unchanged."""
    with volumes() as mounts:
        flags = [f"--volume={volume}:/v/{key}" for key, volume in mounts.items()]
        name = f"{mounts['srv']}-wrong"
        mounted = [f"--volume={mounts['srv']}:/srv/one", f"--volume={mounts['auth']}:/var/lib/one/.one"]
        subprocess.run(
            [ENGINE, "run", f"--name={name}", *mounted, "--env=TLS_VALID_DAYS=x", IMAGE],
            capture_output=True, check=False,
        )  # fmt: skip
        try:
            changed = [line for line in engine("diff", name).splitlines() if not _by_engine(line)]
            assert changed == []
        finally:
            engine("rm", "--force", name)
        found = engine("run", "--rm", *flags, "--entrypoint=find", IMAGE, "/v", "-type", "f")
        assert found == ""


def _by_engine(line: str) -> bool:
    """Whether a line of ``diff`` is a mount point that the engine itself makes."""
    return line.split(maxsplit=1)[1].startswith(("/etc", "/run", "/dev", "/proc", "/sys", "/var/run")) and (
        "one" not in line
    )


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ("/etc/one/oned.conf frobnicate PORT 1\n", ["patch:1", "frobnicate"]),
        ("# fine\n/etc/one/oned.conf set PORT\n/etc/one/oned.conf set X 'single'\n", ["patch:3"]),
        ("/etc/one/none.conf set A 1\n", ["none.conf"]),
        ("/etc/one/../passwd set A 1\n", [".."]),
        ("\0\1\2\xff", ["patch:1"]),
    ],
)
def test_a_wrong_patch_stops_the_boot_with_line_and_reason(patch: str, words: list[str], tmp_path: Path) -> None:
    file = tmp_path / "patch"
    file.write_bytes(patch.encode("latin-1"))
    variables = {"OPENNEBULA_FRONTEND_HOST": HOST, "OPENNEBULA_FRONTEND_ONECFG_PATCH": "/config/patch"}
    code, text = once(variables, options=(f"--volume={file}:/config/patch:ro",))
    assert code == 81, text
    for word in words:
        assert word in text


@pytest.mark.parametrize(
    ("hook", "word"), [("#!/bin/sh\nexit 3\n", "status 3"), ("no interpreter", "cannot be executed")]
)
def test_a_hook_that_fails_stops_the_boot(hook: str, word: str, tmp_path: Path) -> None:
    file = tmp_path / "hook"
    file.write_text(hook)
    file.chmod(0o755)
    variables = {"OPENNEBULA_FRONTEND_HOST": HOST, "OPENNEBULA_FRONTEND_POSTHOOK": "/config/hook"}
    code, text = once(variables, options=(f"--volume={file}:/config/hook:ro",))
    assert code == 80, text
    assert word in text
