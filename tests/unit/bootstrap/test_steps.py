import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bootstrap import boot, descriptors
from bootstrap.context import Context
from bootstrap.errors import MemoryLimitError, PatchError, RoleUnavailableError, VolumeError
from bootstrap.prepare.docker import read_only_mounts
from bootstrap.prepare.mysql import series
from bootstrap.steps import configuration, credentials, preflight, services, ssh, tls
from bootstrap.validate import settings_from
from onelib.locations import Locations

HOST = {"OPENNEBULA_FRONTEND_HOST": "one.example.com"}


def native(root: Path, **variables: str) -> Context:
    return Context(settings_from(variables, native=True), Locations(root), {}, native=True)


def container(root: Path, **variables: str) -> Context:
    return Context(settings_from({**HOST, **variables}), Locations(root), {})


def tree(root: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(root)): (path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in root.rglob("*")
        if "run/" not in str(path)
    }


def test_a_native_boot_twice_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boot, "log", lambda *_: None)
    boot.prepare(native(tmp_path))
    first = tree(tmp_path)
    boot.prepare(native(tmp_path))
    assert tree(tmp_path) == first
    assert (tmp_path / "var/lib/one/.one/one_auth").stat().st_mode & 0o777 == 0o600


def test_planning_touches_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert boot.plan(native(tmp_path / "state")) > 10
    assert not (tmp_path / "state").exists()
    text = capsys.readouterr().out
    assert "secret file" in text
    assert "one_auth" in text


def test_the_initial_password_is_kept_and_a_later_one_is_warned_about(tmp_path: Path) -> None:
    for action in credentials.prepare(native(tmp_path, ONEADMIN_PASSWORD="first:with colon")):
        action.path.parent.mkdir(parents=True, exist_ok=True)  # type: ignore[attr-defined]
        action.apply()
    again = native(tmp_path, ONEADMIN_PASSWORD="second")
    list(credentials.prepare(again))
    assert again.secrets.oneadmin == "first:with colon"
    assert "initial password" in again.warnings[0]
    assert "second" not in again.warnings[0]


def test_a_damaged_one_auth_is_said(tmp_path: Path) -> None:
    path = tmp_path / "var/lib/one/.one/one_auth"
    path.parent.mkdir(parents=True)
    path.write_text("no colon here\n")
    with pytest.raises(Exception, match="does not hold user:password"):
        list(credentials.prepare(native(tmp_path)))


def test_a_new_key_replaces_the_old_one_and_leaves_strangers_alone() -> None:
    _, old = ssh.generate()
    _, new = ssh.generate("ecdsa")
    _, stranger = ssh.generate()
    present = f'# mine\n{stranger.decode()}command="x" {old.decode()}'
    text = ssh.authorized(present, new.decode(), {ssh._key_of(old.decode())})
    assert stranger.decode() in text
    assert "# mine" in text
    assert old.decode().split()[1] not in text
    assert text.endswith(new.decode())
    assert ssh.authorized(text, new.decode(), set()) == text


def test_the_common_name_is_among_the_alternative_names() -> None:
    from cryptography import x509

    request = tls.Request.of(settings_from({"TLS_DOMAIN_LIST": "one.example.com *.edge.example", **HOST}))
    _, cert = tls.self_signed(request, datetime.now(UTC))
    found = x509.load_pem_x509_certificate(cert)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["one.example.com", "*.edge.example", "localhost"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert found.subject.rfc4514_string() == "CN=one.example.com"


@pytest.mark.parametrize(
    ("days", "age", "renew"),
    [(365, 0, False), (365, 330, False), (365, 336, True), (365, 400, True), (9, 5, False), (9, 7, True)],
)
def test_a_certificate_is_renewed_before_it_ends(days: int, age: int, renew: bool) -> None:
    _, cert = tls.self_signed(tls.Request(("x",), days), datetime.now(UTC) - timedelta(days=age))
    assert tls.due(cert, datetime.now(UTC)) is renew


def test_a_certificate_from_the_future_or_no_certificate_is_due() -> None:
    _, cert = tls.self_signed(tls.Request(("x",), 365), datetime.now(UTC) + timedelta(days=30))
    assert tls.due(cert, datetime.now(UTC))
    assert tls.due(b"garbage", datetime.now(UTC))


def test_the_certificate_follows_its_request(tmp_path: Path) -> None:
    def action(**variables: str) -> tls.Certificate:
        return tls.Certificate(tmp_path, tls.Request.of(settings_from({**HOST, **variables})), None, None)

    assert action().needed()
    action().apply()
    assert not action().needed()
    assert action(TLS_VALID_DAYS="30").needed()
    assert action(TLS_DOMAIN_LIST="other.example").needed()
    (tmp_path / "one.key").write_bytes(tls.self_signed(tls.Request(("x",), 5), datetime.now(UTC))[0])
    assert action().needed(), "a torn pair"
    (tmp_path / "one.crt").write_bytes(b"")
    assert action().needed()


def test_a_role_without_its_program_is_refused() -> None:
    for role in ("oneflow", "onegate", "guacd", "fireedge", "oneprovision"):
        with pytest.raises(RoleUnavailableError, match=role):
            descriptors.enabled(container(Path("/"), OPENNEBULA_FRONTEND_SERVICE=role))


ROLES = {
    "all": "containerd? crond memcached mysqld mysqld-configure mysqld-upgrade opennebula opennebula-hem "
    "opennebula-httpd opennebula-novnc opennebula-scheduler opennebula-showback opennebula-ssh-add "
    "opennebula-ssh-agent opennebula-ssh-socks-cleaner sshd stunnel",
    "none": "crond infinite-loop",
    "mysqld": "crond mysqld mysqld-configure mysqld-upgrade",
    "oned": "crond opennebula opennebula-hem opennebula-showback opennebula-ssh-add opennebula-ssh-agent "
    "opennebula-ssh-socks-cleaner stunnel",
    "scheduler": "crond opennebula-scheduler",
    "sshd": "crond sshd",
    "memcached": "crond memcached",
    "sunstone": "crond opennebula-httpd opennebula-novnc",
    "docker": "crond",
}


@pytest.mark.parametrize("role", ROLES)
def test_services_of_each_role(role: str) -> None:
    context = container(Path("/"), OPENNEBULA_FRONTEND_SERVICE=role, MYSQL_PASSWORD="x")
    wanted = [name for name in ROLES[role].split() if not name.endswith("?")]
    assert sorted(descriptors.enabled(context)) == wanted


def test_switches_add_and_remove_services() -> None:
    names = set(descriptors.enabled(container(Path("/"), DIND_ENABLED="yes", TLS_PROXY_ENABLED="no")))
    assert {"docker", "containerd"} <= names
    assert "stunnel" not in names
    names = set(descriptors.enabled(container(Path("/"), MYSQL_HOST="db.example", MYSQL_PASSWORD="x")))
    assert not {"mysqld", "mysqld-configure", "mysqld-upgrade"} & names


def test_priorities_follow_needs() -> None:
    everything = descriptors.load()
    for name, service in everything.items():
        for need in service.needs:
            if need.service:
                assert everything[need.service].priority < service.priority, f"{name} needs {need.service}"


def test_stop_times_fit_the_grace_period() -> None:
    for role in ROLES:
        context = container(Path("/"), OPENNEBULA_FRONTEND_SERVICE=role, MYSQL_PASSWORD="x", DIND_ENABLED="yes")
        services_of_role = descriptors.enabled(context).values()
        assert sum(service.stop for service in services_of_role if not service.oneshot) < 90, role


def test_the_table_has_no_secret_and_its_configuration_every_program() -> None:
    context = container(Path("/"), MYSQL_PASSWORD="hush-hush", ONEADMIN_PASSWORD="hush-hush", DIND_ENABLED="yes")
    rows = descriptors.render(context, descriptors.enabled(context))
    table = {"services": rows, "maintenance": False}
    text = json.dumps(table) + services.supervisor_configuration(context, table).decode()
    assert "hush" not in text
    assert all(f"[program:{name}]" in text for name in rows)


def test_ready_checks_leave_no_trace_in_the_logs_of_those_that_note_each_connection() -> None:
    """sshd and stunnel log a connection that says nothing, websockify too; MariaDB greets before it cares."""
    context = container(Path("/"), SUNSTONE_HTTPS_ENABLED="yes", SUNSTONE_VNC_PORT="29877")
    rows = descriptors.render(context, descriptors.enabled(context))
    found = {name: [(check["kind"], check["address"]) for check in row["ready"]] for name, row in rows.items()}
    assert found["sshd"] == [("listen", "22")]
    assert found["stunnel"] == [("listen", "2634")]
    assert found["opennebula-novnc"] == [("listen", "29877")]
    assert found["opennebula-httpd"] == [("http", "http://127.0.0.1:80/"), ("listen", "443")]
    assert found["mysqld"] == [("banner", "/run/mysqld/mysqld.sock"), ("listen", "3306")]
    assert not [name for name, ready in found.items() if "tcp" in dict(ready)]


def test_maintenance_starts_the_stub_alone() -> None:
    context = container(Path("/"), MAINTENANCE_MODE="yes")
    rows = descriptors.render(context, descriptors.enabled(context))
    assert [name for name, row in rows.items() if row["autostart"]] == ["infinite-loop"]


def changes(**variables: str) -> dict[tuple[str, str], object]:
    context = container(Path("/"), **variables)
    return {
        (change.file.removeprefix("/etc/one/"), change.where): change.value
        for change in configuration.own_changes(context)
    }


def test_settings_reach_their_files() -> None:
    found = changes(SUNSTONE_TLS_PORT="8443", ONEGATE_PORT="5555", OPENNEBULA_ONEGATE_HOST="gate.example")
    assert found["oned.conf", "ONEGATE_ENDPOINT"] == '"https://gate.example:5555"'
    assert found["oned.conf", "HOSTNAME"] == '"one.example.com"'
    assert found["sunstone-server.conf", ":public_fireedge_endpoint"] == "https://one.example.com:8443"
    assert ("oned.conf", "HM_MAD/ARGUMENTS") not in found
    assert "-b 0.0.0.0" in str(
        changes(OPENNEBULA_FRONTEND_SERVICE="oned", MYSQL_PASSWORD="x")["oned.conf", "HM_MAD/ARGUMENTS"]
    )


def test_the_patch_is_parsed_and_overridden_keys_are_named(tmp_path: Path) -> None:
    patch = tmp_path / "patch"
    patch.write_text("/etc/one/oned.conf set PORT 1234\n/etc/one/oned.conf set LOG/DEBUG_LEVEL 4\n")
    context = container(tmp_path, OPENNEBULA_FRONTEND_ONECFG_PATCH=str(patch))
    list(configuration.own_settings(context))
    assert len(context.warnings) == 1
    assert "set PORT is overridden" in context.warnings[0]
    patch.write_text(
        "---\npatches:\n  /etc/one/sunstone-server.conf:\n    class: Yaml\n    change:\n"
        "    - {path: [], key: :port, value: 81, state: set}\n".replace("key: :port", "key: !ruby/symbol port")
    )
    context = container(tmp_path, OPENNEBULA_FRONTEND_ONECFG_PATCH=str(patch))
    list(configuration.own_settings(context))
    assert "set :port is overridden" in context.warnings[0], "the yaml format too"
    patch.write_text("/etc/one/oned.conf frobnicate PORT 1\n")
    with pytest.raises(PatchError, match="patch:1"):
        list(configuration.own_settings(context))


def test_a_patch_that_is_in_place_is_a_success_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(boot, "log", lines.append)
    (tmp_path / "patch").write_text(
        '/etc/one/oned.conf set LOG/DEBUG_LEVEL 4\n/etc/one/oned.conf ins VM_RESTRICTED_ATTR "\\"X\\""\n'
    )
    for _ in range(2):
        lines.clear()
        boot.prepare(native(tmp_path, OPENNEBULA_FRONTEND_ONECFG_PATCH=str(tmp_path / "patch")))
    assert "OPENNEBULA_FRONTEND_ONECFG_PATCH: 2 of 2 settings are already in place" in lines
    assert not [line for line in lines if "WARNING" in line]


def test_the_patch_reaches_the_drivers_configuration_and_a_later_boot_brings_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boot, "log", lambda *_: None)
    name = "var/lib/one/remotes/etc/vmm/kvm/kvmrc"
    (tmp_path / "patch").write_text(f"/{name} set SHUTDOWN_TIMEOUT 99\n")
    boot.prepare(native(tmp_path, OPENNEBULA_FRONTEND_ONECFG_PATCH=str(tmp_path / "patch")))
    assert "\nexport SHUTDOWN_TIMEOUT=99\n" in (tmp_path / name).read_text()
    shutil.rmtree(tmp_path / "var/lib/one/remotes")
    oned = (tmp_path / "etc/one/oned.conf").stat()
    boot.prepare(native(tmp_path))
    assert "\nexport SHUTDOWN_TIMEOUT=180\n" in (tmp_path / name).read_text()
    assert (tmp_path / "etc/one/oned.conf").stat().st_mtime_ns == oned.st_mtime_ns


def test_a_newer_volume_and_a_damaged_stamp_are_refused(tmp_path: Path) -> None:
    stamp = tmp_path / "srv/one/version.json"
    stamp.parent.mkdir(parents=True)
    stamp.write_text('{"layout": 99}')
    with pytest.raises(VolumeError, match="newer oneedge"):
        list(preflight.check(native(tmp_path)))
    stamp.write_text("\0")
    with pytest.raises(VolumeError, match="damaged"):
        list(preflight.check(native(tmp_path)))


@pytest.mark.parametrize(
    ("file", "text", "limit"),
    [
        ("sys/fs/cgroup/memory.max", "67108864\n", 64),
        ("sys/fs/cgroup/memory.max", "max\n", None),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n", None),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "134217728\n", 128),
        ("other", "1", None),
    ],
)
def test_memory_limits_of_both_control_group_versions(
    tmp_path: Path, file: str, text: str, limit: int | None
) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    assert preflight.memory_limit(tmp_path) == limit


def test_too_little_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "memory_limit", lambda: 1)
    with pytest.raises(MemoryLimitError, match="1 MiB"):
        list(preflight.check(container(Path("/"), OPENNEBULA_FRONTEND_SERVICE="none", MAINTENANCE_MODE="yes")))


def test_a_service_whose_program_is_missing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RoleUnavailableError, match="containerd does not exist here"):
        list(preflight.check(container(Path("/"), OPENNEBULA_FRONTEND_SERVICE="docker", DIND_ENABLED="yes")))


def test_the_environment_of_services_has_no_parameter() -> None:
    given = {"PATH": "/bin", "TZ": "Europe/Prague", "LC_ALL": "C", "HTTP_PROXY": "http://proxy", "no_proxy": "x",
             "MYSQL_PASSWORD": "hush", "LD_PRELOAD": "/evil.so", "ONEADMIN_PASSWORD": "hush"}  # fmt: skip
    assert set(boot.clean_environment(given)) == {"PATH", "TZ", "LC_ALL", "HTTP_PROXY", "no_proxy"}


def test_read_only_mounts_that_the_inner_docker_needs() -> None:
    table = (
        "cgroup /sys/fs/cgroup/memory cgroup ro,nosuid 0 0\n"
        "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
        "proc /proc/sys proc ro,nosuid 0 0\n"
        "sysfs /sys sysfs ro 0 0\n"
    )
    assert read_only_mounts(table) == ["/sys/fs/cgroup/memory", "/proc/sys"]


@pytest.mark.parametrize(
    ("older", "newer"), [("10.11.14-MariaDB", "11.4.2-MariaDB"), ("10.5.1", "10.11.2"), ("", "10.1")]
)
def test_series_of_mariadb_compare(older: str, newer: str) -> None:
    assert series(older) < series(newer)
    assert series("10.11.3-MariaDB-log") == series("10.11.14-MariaDB")


def test_no_owner_is_changed_natively(tmp_path: Path) -> None:
    assert native(tmp_path).owner("oneadmin") is None
