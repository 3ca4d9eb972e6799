"""What the all-in-one container shows to the network: ports (Table 1.1), TLS, SSH, HTTP."""

import re
import socket
import ssl
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image.conftest import Machine
from tests.support.front import Front
from tests.support.http import fetch

OUTSIDE = {22, 80, 443, 2633, 2634, 4124, 29876}
"""Of Table 1.1, those whose services this image runs by itself."""
INSIDE = {2101, 2102, 3306, 11211}
TLS_PORTS = (443, 2634, 29876)
WEAK = re.compile(
    r"sha1$|sha1-96|md5|-cbc|3des|arcfour|^ssh-(dss|rsa)$|group(1|14-sha1|-exchange-sha1)$|rijndael|blowfish|^none$"
)


@pytest.fixture(scope="module")
def key(box: Front, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """oneadmin's own key."""
    path = tmp_path_factory.mktemp("ssh") / "key"
    path.write_text(box.exec("cat", "/var/lib/one/.ssh/id_ed25519"))
    path.chmod(0o600)
    yield path
    path.unlink()


# ---- ports ----


def test_what_listens(host: Machine) -> None:
    found = {(address.rpartition(":")[0], int(address.rpartition(":")[2]))
             for address in host.socket.get_listening_sockets() if not address.startswith("unix:")}  # fmt: skip
    everywhere = {"udp://0.0.0.0", "tcp://0.0.0.0", "tcp://:::", "tcp://::", "tcp://[::]"}
    assert {port for name, port in found if name in everywhere} == OUTSIDE
    assert {port for name, port in found if name not in everywhere} == INSIDE
    assert {name for name, _ in found if name not in everywhere} == {"tcp://127.0.0.1"}


def test_local_services_do_not_answer_outside(box: Front) -> None:
    for port in INSIDE:
        with pytest.raises(ConnectionRefusedError), socket.create_connection((box.address(), port), timeout=5):
            pass
    for port in OUTSIDE:
        with socket.create_connection((box.address(), port), timeout=5):
            pass


# ---- TLS ----


def client(version: ssl.TLSVersion, ciphers: str = "ALL:@SECLEVEL=0") -> ssl.SSLContext:
    """A client that speaks this version alone, however old, and trusts everything."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers(ciphers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the old versions are what the test is about
        context.minimum_version = context.maximum_version = version
    return context


def shake(address: str, port: int, context: ssl.SSLContext) -> tuple[str, str]:
    """Version and cipher of a handshake."""
    with socket.create_connection((address, port), timeout=10) as link, context.wrap_socket(link) as secured:
        return str(secured.version()), str((secured.cipher() or ("",))[0])


@pytest.mark.parametrize("port", TLS_PORTS)
def test_current_tls_is_spoken(box: Front, port: int) -> None:
    assert shake(box.address(), port, client(ssl.TLSVersion.TLSv1_3))[0] == "TLSv1.3"
    version, cipher = shake(box.address(), port, client(ssl.TLSVersion.TLSv1_2))
    assert version == "TLSv1.2"
    assert re.match(r"ECDHE-.*(GCM|CHACHA20)", cipher), cipher


@pytest.mark.parametrize("port", TLS_PORTS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_tls_is_refused(box: Front, port: int, version: ssl.TLSVersion) -> None:
    """By an alert of the server: the client itself is able and willing."""
    with pytest.raises(ssl.SSLError) as refused:
        shake(box.address(), port, client(version))
    assert refused.value.reason == "TLSV1_ALERT_PROTOCOL_VERSION"


@pytest.mark.parametrize("port", TLS_PORTS)
def test_ciphers_without_encryption_or_identity_are_refused(box: Front, port: int) -> None:
    with pytest.raises(ssl.SSLError) as refused:
        shake(box.address(), port, client(ssl.TLSVersion.TLSv1_2, "aNULL:eNULL:@SECLEVEL=0"))
    assert refused.value.reason == "SSLV3_ALERT_HANDSHAKE_FAILURE"


# ---- SSH ----


OPTIONS = ("-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
           "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none")  # fmt: skip


def ssh(
    box: Front, *options: str, user: str = "oneadmin", command: str = "id -un"
) -> subprocess.CompletedProcess[str]:
    """Exit code and outputs of ssh; where it asks for a password it gets one that is wrong."""
    words = ["ssh", *OPTIONS, *options, f"{user}@{box.address()}", command]
    environment = {"PATH": "/usr/bin:/bin", "SSH_ASKPASS_REQUIRE": "force", "SSH_ASKPASS": "/bin/echo"}
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=30, check=False)


def test_oneadmin_gets_in_with_the_key_and_finds_the_commands(box: Front, key: Path) -> None:
    done = ssh(box, "-i", str(key), command="id -un; command -v oneedge; umask")
    assert done.stdout.split() == ["oneadmin", "/opt/oneedge/bin/oneedge", "0022"], done.stderr


def test_files_can_be_copied(box: Front, key: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("over sftp\n")
    target = f"oneadmin@{box.address()}:/var/lib/one/datastores/file"
    words = ["scp", *OPTIONS, "-i", str(key), str(tmp_path / "file"), target]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert box.exec("cat", "/var/lib/one/datastores/file") == "over sftp\n"


def test_no_password_gets_anybody_in(box: Front, key: Path) -> None:
    ways = ("-o", "PreferredAuthentications=password,keyboard-interactive", "-o", "PubkeyAuthentication=no")
    for user in ("oneadmin", "root"):
        done = ssh(box, *ways, user=user)
        assert done.returncode == 255
        assert "Permission denied (publickey)" in done.stderr
    done = ssh(box, "-i", str(key), user="root")
    assert done.returncode == 255
    assert "Permission denied" in done.stderr


def test_only_sound_algorithms_are_offered(box: Front) -> None:
    said = ssh(box, "-vv", "-o", "BatchMode=yes").stderr.partition("peer server KEXINIT proposal")[2]
    offers = re.findall(
        r"^debug2: (KEX algorithms|host key algorithms|ciphers stoc|MACs stoc): (.+)$", said, re.MULTILINE
    )
    found = {name: lists.split(",") for name, lists in offers}
    assert set(found) == {"KEX algorithms", "host key algorithms", "ciphers stoc", "MACs stoc"}
    for name, lists in found.items():
        assert [word for word in lists if WEAK.search(word.strip())] == [], name
    assert "curve25519-sha256" in found["KEX algorithms"]
    assert {word.strip() for word in found["host key algorithms"]} == {"ssh-ed25519", "ecdsa-sha2-nistp256"}


# ---- HTTP ----


@pytest.mark.parametrize("path", ["/", "/index.html", "/missing", "/.htaccess", "/../etc/passwd"])
def test_apache_says_no_more_than_it_must(box: Front, path: str) -> None:
    answer = fetch(f"https://{box.address()}{path}")
    assert answer.status == (200 if path in {"/", "/index.html"} else 404 if "missing" in path else answer.status)
    assert answer.status in {200, 400, 403, 404}
    assert answer.headers["server"] == "Apache"
    assert not re.search(r"Apache/|OpenSSL|Debian|root:", answer.text)


def test_the_page_has_the_headers_that_browsers_heed(box: Front) -> None:
    headers = fetch(f"https://{box.address()}/").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["content-type"] == "text/html; charset=UTF-8"


def test_plain_http_leads_to_https(box: Front) -> None:
    answer = fetch(f"http://{box.address()}/x", host="front.test")
    assert (answer.status, answer.headers["location"]) == (302, "https://front.test/x")


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PUT", "DELETE"])
def test_apache_takes_no_method_that_it_has_no_use_for(box: Front, method: str) -> None:
    request = f"{method} /index.html HTTP/1.1\r\nHost: front.test\r\nConnection: close\r\n\r\n"
    modern = client(ssl.TLSVersion.TLSv1_3)
    with socket.create_connection((box.address(), 443), timeout=10) as link, modern.wrap_socket(link) as secured:
        secured.sendall(request.encode())
        assert int(secured.recv(4096).split()[1]) in {400, 403, 405}


def test_oned_does_not_name_its_server(box: Front) -> None:
    answer = fetch(f"http://{box.address()}:2633/RPC2", b"<nonsense")
    assert "server" not in answer.headers
    assert "Traceback" not in answer.text
