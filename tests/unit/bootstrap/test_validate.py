import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap import environment, pairs
from bootstrap.errors import SettingsError
from bootstrap.settings import PARAMETERS, Parameter
from bootstrap.steps import ssh, tls
from bootstrap.validate import settings_from

HOST = {"OPENNEBULA_FRONTEND_HOST": "one.example.com"}


def problems(**variables: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        settings_from({**HOST, **variables})
    return caught.value.problems


def test_defaults_are_those_of_the_report() -> None:
    settings = settings_from(HOST)
    assert (settings.role, settings.mysql_host, settings.mysql_port) == ("all", "localhost", 3306)
    assert (settings.mysql_database, settings.mysql_user) == ("opennebula", "oneadmin")
    assert (settings.http_port, settings.https_port, settings.vnc_port) == (80, 443, 29876)
    assert settings.ssh_host == "one.example.com"
    assert settings.https
    assert settings.db_backup
    assert not settings.dind


@pytest.mark.parametrize("word", ["yes", "YES", "True", "1", " yes "])
def test_true_words(word: str) -> None:
    assert settings_from({**HOST, "MAINTENANCE_MODE": word}).maintenance


@pytest.mark.parametrize("word", ["no", "FALSE", "0"])
def test_false_words(word: str) -> None:
    assert not settings_from({**HOST, "SUNSTONE_HTTPS_ENABLED": word}).https


@pytest.mark.parametrize("word", ["yep", "2", "on", "nein", "y", "none"])
def test_other_words_are_errors_and_not_false(word: str) -> None:
    assert f"'{word}' is not a boolean" in problems(DIND_ENABLED=word)[0]


def test_all_problems_come_together(tmp_path: Path) -> None:
    found = "\n".join(
        problems(
            OPENNEBULA_FRONTEND_SERVICE="onedd",
            TLS_PROXY_ENABLED="maybe",
            SUNSTONE_PORT="70000",
            TLS_VALID_DAYS="-1",
            MYSQL_HOST="no host",
            OPENNEBULA_FRONTEND_PREHOOK="/missing/hook",
            TLS_KEY=str(tmp_path / "missing"),
            ONEADMIN_PASSWORD="two\nlines",
            MYSQL_PASSWORD_FILE="/missing/secret",
        )
    )
    for name in ("OPENNEBULA_FRONTEND_SERVICE", "TLS_PROXY_ENABLED", "SUNSTONE_PORT", "TLS_VALID_DAYS", "MYSQL_HOST",
                 "OPENNEBULA_FRONTEND_PREHOOK", "TLS_KEY", "ONEADMIN_PASSWORD", "MYSQL_PASSWORD_FILE"):  # fmt: skip
        assert name in found


def test_a_secret_is_in_no_message() -> None:
    found = "\n".join(
        problems(ONEADMIN_PASSWORD="hunter2\x01", TLS_KEY_BASE64="hunter3!", MYSQL_PASSWORD="x" * 600)
    )
    assert "hunter" not in found
    assert "xxx" not in found


def test_aliases_are_accepted_and_must_agree() -> None:
    assert settings_from({"OPENNEBULA_HOST": "a.example"}).host == "a.example"
    assert settings_from({**HOST, "OPENNEBULA_HOST": "one.example.com"}).host == "one.example.com"
    assert "OPENNEBULA_FRONTEND_HOST and OPENNEBULA_HOST" in problems(OPENNEBULA_HOST="b.example")[0]


@pytest.mark.parametrize("parameter", [p for p in PARAMETERS if p.secret], ids=lambda p: p.name)
def test_every_secret_has_a_file_form(parameter: Parameter, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("c2VjcmV0\n")
    values, wrong = environment.collect({f"{parameter.name}_FILE": str(file)})
    assert values == {parameter.field: "c2VjcmV0"}
    assert wrong == {}
    values, wrong = environment.collect({f"{parameter.name}_FILE": str(file), parameter.name: "other"})
    assert f"{parameter.name} and {parameter.name}_FILE" in wrong[parameter.field]


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"x" * ((1 << 20) + 1)])
def test_secret_files_that_are_none(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    assert "MYSQL_PASSWORD_FILE" in problems(MYSQL_PASSWORD_FILE=str(file))[0]


def test_a_folder_as_secret_or_file(tmp_path: Path) -> None:
    assert "cannot be read" in problems(MYSQL_PASSWORD_FILE=str(tmp_path))[0]
    assert "not a file" in problems(OPENNEBULA_FRONTEND_ONECFG_PATCH=str(tmp_path))[0]


def test_a_hook_must_be_executable(tmp_path: Path) -> None:
    hook = tmp_path / "hook"
    hook.write_text("#!/bin/sh\n")
    assert "not executable" in problems(OPENNEBULA_FRONTEND_PREHOOK=str(hook))[0]
    hook.chmod(0o755)
    assert settings_from({**HOST, "OPENNEBULA_FRONTEND_PREHOOK": str(hook)}).prehook == str(hook)


@pytest.mark.parametrize("role", ["oned", "sunstone", "all"])
def test_roles_that_need_a_host(role: str) -> None:
    with pytest.raises(SettingsError, match="OPENNEBULA_FRONTEND_HOST"):
        settings_from({"OPENNEBULA_FRONTEND_SERVICE": role, "MYSQL_PASSWORD": "x"})


@pytest.mark.parametrize("role", ["oned", "mysqld"])
def test_roles_that_need_the_database_password(role: str) -> None:
    assert "MYSQL_PASSWORD" in problems(OPENNEBULA_FRONTEND_SERVICE=role)[0]


def test_all_with_a_database_elsewhere_needs_its_password() -> None:
    assert "MYSQL_HOST=db.example" in problems(MYSQL_HOST="db.example")[0]
    assert settings_from({**HOST, "MYSQL_HOST": "db.example", "MYSQL_PASSWORD": "x"}).mysql_password == "x"


@pytest.mark.parametrize("name", ["sshd", "memcached", "docker", "none"])
def test_roles_that_need_nothing(name: str) -> None:
    assert settings_from({"OPENNEBULA_FRONTEND_SERVICE": name}).role == name


@pytest.mark.parametrize(
    ("variables", "word"),
    [
        ({"SUNSTONE_VNC_PORT": "443"}, "HTTPS"),
        ({"MONITORD_PORT": "29876"}, "both"),
        ({"MYSQL_PORT": "22"}, "sshd"),
        ({"SUNSTONE_PORT": "8080", "SUNSTONE_TLS_PORT": "8080"}, "differ"),
    ],
)
def test_ports_that_clash(variables: dict[str, str], word: str) -> None:
    assert word in problems(**variables)[0]


@pytest.mark.parametrize("name", ["a`b", "a'b", "a/b", "", " x", "x" * 65, "a\x00b", "a\nb", "😀"])
def test_database_names_that_cannot_be(name: str) -> None:
    if name:
        assert "MYSQL_DATABASE" in problems(MYSQL_DATABASE=name)[0]


@pytest.mark.parametrize("name", ["open-nebula", "one_1", "été", "a%b", "a b"])
def test_database_names_that_can(name: str) -> None:
    assert settings_from({**HOST, "MYSQL_DATABASE": name}).mysql_database == name


@given(st.text(max_size=40).filter(lambda text: "\0" not in text))
def test_any_text_is_a_setting_or_an_error_but_no_traceback(text: str) -> None:
    for name in ("OPENNEBULA_FRONTEND_HOST", "MYSQL_PORT", "TLS_DOMAIN_LIST", "DIND_SOCKET", "TLS_CERT_BASE64"):
        try:
            settings_from({**HOST, name: text})
        except SettingsError as error:
            assert len(str(error)) < 1000  # noqa: PT017 - either outcome is right, and an error is short


def tls_pair(days: int = 10, begin: datetime | None = None) -> tuple[bytes, bytes]:
    return tls.self_signed(tls.Request(("one.example.com",), days), begin or datetime.now(UTC))


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_a_given_certificate_is_checked() -> None:
    key, cert = tls_pair()
    other, _ = tls_pair()

    settings = settings_from({**HOST, "TLS_KEY_BASE64": encoded(key), "TLS_CERT_BASE64": encoded(cert)})
    assert pairs.tls_pair(settings) == pairs.Pair(key, cert, "TLS_KEY_BASE64 and TLS_CERT_BASE64")
    assert "do not belong together" in problems(TLS_KEY_BASE64=encoded(other), TLS_CERT_BASE64=encoded(cert))[0]
    assert "not a PEM certificate" in problems(TLS_KEY_BASE64=encoded(key), TLS_CERT_BASE64=encoded(b"no"))[0]
    assert "not a PEM private key" in problems(TLS_KEY_BASE64=encoded(b"no"), TLS_CERT_BASE64=encoded(cert))[0]
    assert "TLS_CERT_BASE64 is set without TLS_KEY_BASE64" in problems(TLS_CERT_BASE64=encoded(cert))[0]


def test_an_expired_certificate_is_refused() -> None:
    key, cert = tls_pair(1, datetime.now(UTC) - timedelta(days=5))
    assert "expired on" in problems(TLS_KEY_BASE64=encoded(key), TLS_CERT_BASE64=encoded(cert))[0]
    key, cert = tls_pair(1, datetime.now(UTC) + timedelta(days=5))
    assert "not valid before" in problems(TLS_KEY_BASE64=encoded(key), TLS_CERT_BASE64=encoded(cert))[0]


def test_a_given_ssh_pair_is_checked(tmp_path: Path) -> None:
    private, public = ssh.generate()
    _, stranger = ssh.generate()
    (tmp_path / "id_test").write_bytes(private)
    (tmp_path / "id_test.pub").write_bytes(public)
    paths = {
        "ONEADMIN_SSH_PRIVKEY": str(tmp_path / "id_test"),
        "ONEADMIN_SSH_PUBKEY": str(tmp_path / "id_test.pub"),
    }
    pair = pairs.ssh_pair(settings_from({**HOST, **paths}))
    assert pair is not None
    assert pair.name == "id_test"
    assert "PRIVATE" not in repr(pair)
    (tmp_path / "id_test.pub").write_bytes(stranger)
    assert "do not belong together" in problems(**paths)[0]
    (tmp_path / "id_test.pub").write_bytes(public + stranger)
    assert "one line" in problems(**paths)[0]


def test_base64_wins_over_paths(tmp_path: Path) -> None:
    private, public = ssh.generate()
    for name in ("id", "id.pub"):
        (tmp_path / name).write_text("not used")
    settings = settings_from(
        {
            **HOST,
            "ONEADMIN_SSH_PRIVKEY_BASE64": encoded(private),
            "ONEADMIN_SSH_PUBKEY_BASE64": encoded(public),
            "ONEADMIN_SSH_PRIVKEY": str(tmp_path / "id"),
            "ONEADMIN_SSH_PUBKEY": str(tmp_path / "id.pub"),
        }
    )
    pair = pairs.ssh_pair(settings)
    assert pair is not None
    assert pair.private == private


def test_a_key_with_a_passphrase_is_refused() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    _, cert = tls_pair()
    assert "passphrase" in problems(TLS_KEY_BASE64=encoded(private), TLS_CERT_BASE64=encoded(cert))[0]


def test_what_looks_like_a_parameter_is_named() -> None:
    assert environment.unknown(["ONEADMIN_PASWORD", "HOME", "MYSQL_PASSWORD_FILE"]) == [
        "ONEADMIN_PASWORD is not a parameter of this image and is ignored: did you mean ONEADMIN_PASSWORD?"
    ]
