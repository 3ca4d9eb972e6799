"""Each parameter of Tables 1.3, 1.4 and 1.8 does what the report says, in a real container."""

import base64
import re
import ssl
import subprocess
import uuid
import xmlrpc.client
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from bootstrap.steps import ssh, tls
from tests.support.engine import PREFIX, engine, status, until
from tests.support.front import Front, front, once, volumes
from tests.support.http import call, fetch

PASSWORD = 'it\'s "quoted" \\ 100% ünïcode'
ROOT_PASSWORD = "root's; DROP TABLE `x` --"
ADMIN_PASSWORD = "admin:with colon & ünïcode"

VARIABLES = {
    "OPENNEBULA_FRONTEND_HOST": "one.example.com",
    "OPENNEBULA_FRONTEND_SSH_HOST": "ssh.example.com",
    "ONEADMIN_PASSWORD": ADMIN_PASSWORD,
    "MYSQL_DATABASE": "open-nebula_1",
    "MYSQL_USER": "one admin",
    "MYSQL_PASSWORD": PASSWORD,
    "MYSQL_ROOT_PASSWORD": ROOT_PASSWORD,
    "MYSQL_PORT": "3307",
    "SUNSTONE_PORT": "8080",
    "SUNSTONE_TLS_PORT": "8443",
    "SUNSTONE_VNC_PORT": "29877",
    "ONEGATE_PORT": "5555",
    "OPENNEBULA_ONEGATE_HOST": "gate.example.com",
    "MONITORD_PORT": "4125",
    "ONEFLOW_HOST": "flow.example.com",
    "ONEGATE_HOST": "gate-peer.example.com",
    "GUACD_HOST": "guacd.example.com",
    "FIREEDGE_HOST": "fireedge.example.com",
    "MEMCACHED_HOST": "127.0.0.1",
    "ONEPROVISION_HOST": "provision.example.com",
    "OPENNEBULA_CUSTOMER_TOKEN": "token-of-support",
    "TLS_DOMAIN_LIST": "one.example.com *.edge.example.com",
    "TLS_VALID_DAYS": "30",
    "TZ": "Asia/Tokyo",
    "https_proxy": "http://proxy.example.com:3128",
    "OPENNEBULA_FRONTEND_PREHOOK": "/config/pre",
    "OPENNEBULA_FRONTEND_POSTHOOK": "/config/post",
    "OPENNEBULA_FRONTEND_ONECFG_PATCH": "/config/patch",
    "OPENNEBULA_BATCH_FILE": "/config/batch",
}
PRE = "#!/bin/sh\n[ ! -e /run/one/etc/oned.conf ] && date >/srv/one/pre-hook\n"
POST = "#!/bin/sh\ngrep -q example /run/one/etc/oned.conf && date >/srv/one/post-hook\n"
BATCH = "#!/bin/sh\n{ id -un; date; } >/var/lib/one/backups/batch\n"
PATCH = """\
/etc/one/oned.conf set LOG/DEBUG_LEVEL 4
/etc/one/sched.conf set MAX_DISPATCH 77
/etc/one/oned.conf set PORT 1234
/var/lib/one/remotes/etc/vmm/kvm/kvmrc set SHUTDOWN_TIMEOUT 99
"""


def script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture(scope="module")
def custom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    config = tmp_path_factory.mktemp("config")
    for name, text in (("pre", PRE), ("post", POST), ("batch", BATCH), ("patch", PATCH)):
        script(config / name, text)
    config.chmod(0o755)  # oneadmin runs the batch file
    with front(VARIABLES, f"--volume={config}:/config:ro") as one:
        yield one.healthy()


def conf(one: Front, name: str) -> str:
    return one.exec("cat", f"/etc/one/{name}")


def test_host_names_reach_their_files(custom: Front) -> None:
    oned = conf(custom, "oned.conf")
    assert 'HOSTNAME = "ssh.example.com"' in oned
    assert 'ONEGATE_ENDPOINT = "https://gate.example.com:5555"' in oned
    sunstone = conf(custom, "sunstone-server.conf")
    assert ":oneflow_server: http://flow.example.com:2474" in sunstone
    assert ":private_fireedge_endpoint: http://fireedge.example.com:2616" in sunstone
    assert ":public_fireedge_endpoint: https://one.example.com:8443" in sunstone
    assert ":memcache_host: 127.0.0.1" in sunstone
    assert ":one_xmlrpc: http://localhost:2633/RPC2" in sunstone
    assert "token-of-support" in sunstone
    fireedge = conf(custom, "fireedge-server.conf")
    assert "host: guacd.example.com" in fireedge
    assert "ssh -t -p 2222 provision.example.com" in fireedge
    assert ":oneflow_server: http://flow.example.com:2474" in conf(custom, "onegate-server.conf")
    assert "PORT = 4125" in " ".join(conf(custom, "monitord.conf").split())


def test_the_ssh_host_leads_back_into_the_container(custom: Front) -> None:
    assert custom.exec("getent", "hosts", "ssh.example.com").split()[0] == "127.0.0.1"


def test_the_initial_password_is_oneadmins(custom: Front) -> None:
    assert custom.exec("cat", "/var/lib/one/.one/one_auth") == f"oneadmin:{ADMIN_PASSWORD}\n"
    assert call(custom.address(), "one.system.version", f"oneadmin:{ADMIN_PASSWORD}")[:2] == [True, "6.0.0.3"]
    assert call(custom.address(), "one.system.version", "oneadmin:wrong")[0] is False


def sql(one: Front, user: str, password: str, statement: str) -> tuple[int, str]:
    return status(
        ["exec", f"--env=MYSQL_PWD={password}", one.name, "mariadb", "--protocol=tcp", "--host=127.0.0.1",
         "--port=3307", f"--user={user}", "--batch", "--skip-column-names", "--execute", statement]
    )  # fmt: skip


def test_the_database_is_made_as_asked(custom: Front) -> None:
    code, text = sql(custom, "one admin", PASSWORD, "SELECT COUNT(*) > 5 FROM information_schema.tables "
                     "WHERE table_schema = 'open-nebula_1'")  # fmt: skip
    assert (code, text.strip()) == (0, "1")
    code, text = sql(custom, "one admin", PASSWORD, "SHOW DATABASES")
    assert text.split() == ["information_schema", "open-nebula_1"]
    assert sql(custom, "one admin", "wrong", "SELECT 1")[0] == 1


def test_root_has_the_password_and_nobody_else_is_there(custom: Front) -> None:
    def root(password: str, statement: str) -> tuple[int, str]:
        """As another system user than root, so that the socket alone does not let in."""
        words = ["exec", "--user=oneadmin", f"--env=MYSQL_PWD={password}", custom.name]
        return status([*words, "mariadb", "--user=root", "--batch", "--skip-column-names", "--execute", statement])

    assert root("wrong", "SELECT 1")[0] == 1
    accounts = root(ROOT_PASSWORD, "SELECT User, Host FROM mysql.global_priv ORDER BY 1, 2")
    assert accounts == (0, "mariadb.sys\tlocalhost\nmysql\tlocalhost\none admin\t%\nroot\tlocalhost\n")
    assert root(ROOT_PASSWORD, "SELECT @@global.tx_isolation") == (0, "READ-COMMITTED\n")
    assert sql(custom, "root", ROOT_PASSWORD, "SELECT 1")[0] == 1, "no root over the network"


def test_redirect_and_pages(custom: Front) -> None:
    address = custom.address()
    moved = fetch(f"http://{address}/path?x=1", host="one.example.com")
    assert (moved.status, moved.headers["location"]) == (302, "https://one.example.com:8443/path?x=1")
    page = fetch(f"https://{address}/")
    assert page.status == 200
    assert "one.example.com" in page.text
    assert page.headers["x-content-type-options"] == "nosniff"
    missing = fetch(f"https://{address}/fireedge")
    assert missing.status in (500, 502, 503)
    assert "fireedge.example.com:2616 is not running" in missing.text
    assert fetch(f"https://{address}:29877/vnc.html").status == 200


def test_the_certificate_says_what_was_asked(custom: Front) -> None:
    pem = custom.exec("cat", "/srv/one/secret-tls/one.crt")
    found = x509.load_pem_x509_certificate(pem.encode())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName)[:2] == ["one.example.com", "*.edge.example.com"]
    left = found.not_valid_after_utc - datetime.now(UTC)
    assert 29 <= left.days <= 30
    for port in (443, 2634, 29877):
        served = ssl.get_server_certificate((custom.address(), port), timeout=10)
        assert served.split() == pem.split(), port


def test_the_api_answers_over_tls(custom: Front) -> None:
    body = xmlrpc.client.dumps((f"oneadmin:{ADMIN_PASSWORD}",), "one.system.version").encode()
    assert "6.0.0.3" in fetch(f"https://{custom.address()}:2634/RPC2", body).text


def test_hooks_ran_before_and_after(custom: Front) -> None:
    assert custom.exec("cat", "/srv/one/pre-hook")
    assert custom.exec("cat", "/srv/one/post-hook")


def test_the_batch_file_ran_as_oneadmin_once_oned_answered(custom: Front) -> None:
    until(lambda: custom.sh("cat /var/lib/one/backups/batch", check=False) != "", 20, "the batch file ran")
    assert custom.exec("cat", "/var/lib/one/backups/batch").split()[0] == "oneadmin"


def test_the_patch_is_applied_and_what_is_overridden_is_warned_about(custom: Front) -> None:
    assert re.search(r"DEBUG_LEVEL\s*=\s*4\b", conf(custom, "oned.conf"))
    assert re.search(r"^MAX_DISPATCH\s*=\s*77$", conf(custom, "sched.conf"), re.MULTILINE)
    assert "SHUTDOWN_TIMEOUT=99" in custom.exec("cat", "/var/lib/one/remotes/etc/vmm/kvm/kvmrc")
    assert re.search(r"^PORT\s*=\s*2633$", conf(custom, "oned.conf"), re.MULTILINE)
    assert "patch:3" in custom.logs()
    assert "set PORT is overridden" in custom.logs()


def test_time_zone_and_proxies_reach_the_services_and_secrets_do_not(custom: Front) -> None:
    pid = custom.pids("opennebula")
    found = custom.exec("cat", f"/proc/{pid}/environ", user="oneadmin").split("\0")
    assert "TZ=Asia/Tokyo" in found
    assert "https_proxy=http://proxy.example.com:3128" in found
    assert "JST" in custom.sh("TZ=Asia/Tokyo date")
    everything = _what_processes_show(custom)
    for secret in (PASSWORD, ROOT_PASSWORD, ADMIN_PASSWORD):
        # The entrypoint's own environment became Supervisor's, which is clean; only the engine's inspect has it.
        assert secret not in everything
        assert secret not in custom.logs()


def _what_processes_show(one: Front) -> str:
    """Environments and command lines of Supervisor and every service, each read by the user it runs as."""
    text = ""
    for pid in [
        1,
        *(int(row["pid"] or 0) for row in one.details()["services"].values() if row["state"] == "RUNNING"),
    ]:
        user = one.exec("stat", "--format=%U", f"/proc/{pid}").strip()
        text += one.exec("cat", f"/proc/{pid}/environ", f"/proc/{pid}/cmdline", user=user, check=False)
    assert text.count("PATH=") > 5
    return text


def test_secret_files_have_owners_and_modes(custom: Front) -> None:
    listing = custom.sh("stat -c '%U %a %n' /var/lib/one/.one/one_auth /srv/one/secret-tls/one.key "
                        "/var/lib/one/.ssh/id_ed25519 /srv/one/secret-ssh-host-keys/ssh_host_ed25519_key "
                        "/run/oneedge/secrets/mysql-password /etc/one/oned.conf")  # fmt: skip
    modes = {line.split()[2].rsplit("/", 1)[1]: line.split()[:2] for line in listing.splitlines()}
    assert modes == {
        "one_auth": ["oneadmin", "600"],
        "one.key": ["oneadmin", "600"],
        "id_ed25519": ["oneadmin", "600"],
        "ssh_host_ed25519_key": ["root", "600"],
        "mysql-password": ["root", "600"],
        "oned.conf": ["root", "640"],
    }


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def login(one: Front, key: Path) -> int:
    """Exit code of ssh into the container's sshd with ``key``."""
    key.chmod(0o600)
    return subprocess.run(
        ["ssh", "-i", str(key), "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no", "-o", "BatchMode=yes",
         "-o", "UserKnownHostsFile=/dev/null", "-F", "none", f"oneadmin@{one.address()}", "id -un"],
        capture_output=True, timeout=30, check=False,
    ).returncode  # fmt: skip


def test_given_pairs_plain_apis_and_rotation(tmp_path: Path) -> None:
    """Base64 pairs, HTTPS and the TLS proxy off; then other pairs by path and secrets by file on the same volumes."""
    first, second = ssh.generate("ecdsa"), ssh.generate()
    for name, pair in (("first", first), ("second", second)):
        (tmp_path / name).write_bytes(pair[0])
        (tmp_path / f"{name}.pub").write_bytes(pair[1])
    key, cert = tls.self_signed(tls.Request(("given.example",), 90), datetime.now(UTC))
    (tmp_path / "tls.key").write_bytes(key)
    (tmp_path / "tls.crt").write_bytes(cert)
    (tmp_path / "secret").write_text("from a file\n")
    given = {
        "SUNSTONE_HTTPS_ENABLED": "no",
        "TLS_PROXY_ENABLED": "no",
        "ONEADMIN_SSH_PRIVKEY_BASE64": encoded(first[0]),
        "ONEADMIN_SSH_PUBKEY_BASE64": encoded(first[1]),
        "MYSQL_PASSWORD": "one",
    }
    with volumes() as mounts:
        with front(given, mounts=mounts) as one:
            one.healthy()
            assert "<title>" in fetch(f"http://{one.address()}/").text
            assert fetch(f"http://{one.address()}:29876/vnc.html").status == 200
            assert not {"stunnel"} & set(one.details()["services"])
            assert 'ONEGATE_ENDPOINT = "http://front.test:5030"' in conf(one, "oned.conf")
            assert ":public_fireedge_endpoint: http://front.test" in conf(one, "sunstone-server.conf")
            assert (login(one, tmp_path / "first"), login(one, tmp_path / "second")) == (0, 255)
            assert one.sh("SSH_AUTH_SOCK=/run/one/ssh-agent.sock ssh-add -l", user="oneadmin").count("\n") == 1
            host_key = one.exec("cat", "/srv/one/secret-ssh-host-keys/ssh_host_ed25519_key.pub")
            auth = one.exec("cat", "/var/lib/one/.one/one_auth")
            one.stop()
        changed = {
            "ONEADMIN_SSH_PRIVKEY": "/given/second",
            "ONEADMIN_SSH_PUBKEY": "/given/second.pub",
            "TLS_KEY": "/given/tls.key",
            "TLS_CERT": "/given/tls.crt",
            "MYSQL_PASSWORD_FILE": "/given/secret",
            "ONEADMIN_PASSWORD": "too late",
        }
        with front(changed, f"--volume={tmp_path}:/given:ro", mounts=mounts) as one:
            one.healthy()
            assert (login(one, tmp_path / "first"), login(one, tmp_path / "second")) == (255, 0)
            assert ssl.get_server_certificate((one.address(), 443), timeout=10).split() == cert.decode().split()
            assert 'PASSWD = "from a file"' in conf(one, "oned.conf")
            assert one.exec("cat", "/srv/one/secret-ssh-host-keys/ssh_host_ed25519_key.pub") == host_key
            assert one.exec("cat", "/var/lib/one/.one/one_auth") == auth
            assert "ONEADMIN_PASSWORD is only the initial password" in one.logs()


def test_services_in_containers_of_their_own() -> None:
    """MYSQL_HOST, ONED_HOST, MEMCACHED_HOST and the role: four containers that find each other by name."""
    network = f"{PREFIX}net-{uuid.uuid4().hex[:8]}"
    engine("network", "create", network)
    try:
        with volumes("auth", "srv") as mounts:
            _composed(network, mounts)
    finally:
        status(["network", "rm", network])


def _composed(network: str, mounts: dict[str, str]) -> None:
    def role(name: str, **variables: str) -> dict[str, str]:
        return {"OPENNEBULA_FRONTEND_SERVICE": name, "MYSQL_PASSWORD": "shared", **variables}

    def on(alias: str) -> tuple[str, str]:
        return f"--network={network}", f"--network-alias={alias}"

    peers = {"ONED_HOST": "oned", "MEMCACHED_HOST": "cache", "FIREEDGE_HOST": "fireedge"}
    with (
        front(role("oned", MYSQL_HOST="db"), *on("oned"), mounts=mounts) as oned,
        front(role("sunstone", **peers), *on("gui"), mounts=mounts) as gui,
    ):
        until(lambda: "MariaDB at db:3306" in oned.probe()[1], 20, "oned says what it waits for", pause=0.2)
        assert oned.probe()[0] == 1
        with (
            front(role("mysqld"), *on("db")) as database,
            front(role("memcached"), *on("cache")) as cache,
        ):
            for one in (database, cache, oned, gui):
                one.healthy(90)
            assert ":one_xmlrpc: http://oned:2633/RPC2" in conf(gui, "sunstone-server.conf")
            stats = (
                "import socket; s = socket.create_connection(('cache', 11211)); "
                "s.send(b'stats\\r\\n'); print(s.recv(9))"
            )
            assert "STAT pid" in gui.exec("python3", "-c", stats)
            assert "-b 0.0.0.0" in conf(oned, "oned.conf")
            database.stop()
            until(lambda: oned.probe()[0] == 1, 30, "oned without its database is not healthy")
            engine("start", database.name)
            oned.healthy()
            assert set(database.details()["services"]) == {"crond", "mysqld", "mysqld-configure", "mysqld-upgrade"}


def test_maintenance_configures_everything_and_starts_nothing() -> None:
    with volumes() as mounts, front({"MAINTENANCE_MODE": "yes"}, mounts=mounts) as one:
        until(lambda: one.probe() == (0, "maintenance"), 30, "maintenance")
        running = [name for name, row in one.details()["services"].items() if row["state"] == "RUNNING"]
        assert running == ["infinite-loop"]
        assert (
            one.sh("test -s /etc/one/oned.conf && test -s /var/lib/one/.one/one_auth && echo yes").strip() == "yes"
        )
        one.exec("supervisorctl", "start", "mysqld")
        until(lambda: one.details()["services"]["mysqld"]["state"] == "RUNNING", 20, "mysqld started by hand")
        assert one.probe() == (0, "maintenance")


def test_none_runs_cron_and_the_stub() -> None:
    with front({"OPENNEBULA_FRONTEND_SERVICE": "none"}) as one:
        one.healthy()
        assert set(one.details()["services"]) == {"crond", "infinite-loop"}


@pytest.mark.parametrize("role", ["oneflow", "onegate", "guacd", "fireedge", "oneprovision"])
def test_a_role_whose_program_is_not_there_is_refused(role: str) -> None:
    code, text = once({"OPENNEBULA_FRONTEND_SERVICE": role, "OPENNEBULA_FRONTEND_HOST": "x"})
    assert code == 69
    assert f"The service {role} is not in this image" in text
