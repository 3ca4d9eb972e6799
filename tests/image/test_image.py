"""What is in the image, seen before any boot and in the running all-in-one container, and what must not be."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bootstrap import documentation
from launcher import image as built
from tests.image.conftest import Entry, Machine
from tests.support.engine import ENGINE, IMAGE, PREFIX, engine, status, until
from tests.support.front import Front
from tests.support.image import BILL, FULL_MEGABYTES, PYTHON, VOLUMES, bill, megabytes

ROOT = Path(__file__).resolve().parents[2]

ACCOUNTS = {
    "oneadmin": (9869, 9869, "/var/lib/one", "/bin/bash"),
    "mysql": (9871, 9871, "/var/lib/mysql", "/usr/sbin/nologin"),
    "memcache": (9872, 9872, "/nonexistent", "/bin/false"),
    "stunnel4": (9873, 9873, "/var/run/stunnel4", "/usr/sbin/nologin"),
    "www-data": (33, 33, "/var/www", "/usr/sbin/nologin"),
}
NO_LOGIN = {"/usr/sbin/nologin", "/bin/false", "/bin/sync"}
# Table 1.2, once the bootstrap has been there.
FOLDERS = {
    "/var/lib/mysql": ("mysql", 0o750),
    "/var/lib/one/backups": ("oneadmin", 0o750),
    "/var/lib/one/datastores": ("oneadmin", 0o750),
    "/var/lib/one/sunstone_vmrc_tokens": ("oneadmin", 0o750),
    "/var/lib/one/.one": ("oneadmin", 0o700),
    "/var/lib/one/.ssh": ("oneadmin", 0o700),
    "/var/lib/one/.ssh-copyback": ("oneadmin", 0o700),
    "/var/lib/one/.ssh-oneprovision": ("oneadmin", 0o700),
    "/var/log": ("root", 0o755),
    "/var/log/one": ("oneadmin", 0o750),
    "/var/tmp/sunstone": ("oneadmin", 0o750),
    "/srv/one": ("root", 0o755),
    "/srv/one/secret-tls": ("oneadmin", 0o700),
    "/srv/one/secret-ssh-host-keys": ("root", 0o700),
}
PRESENT = ("apache2-bin", "ca-certificates", "cron", "iproute2", "logrotate", "mariadb-client-core",
           "mariadb-server-core", "memcached", "openssh-client", "openssh-server", "openssl", "python3", "stunnel4",
           "tzdata", "docker.io", "containerd", "runc", "iptables")  # fmt: skip
ABSENT = ("binutils", "cpp", "curl", "g++", "gcc", "git", "gnupg", "libpython3-dev", "libxml2", "make",
          "mariadb-server", "novnc", "perl", "python3-pip", "python3-pip-whl", "python3-setuptools", "systemd",
          "vim-tiny", "wget")  # fmt: skip
NO_PROGRAMS = {"as", "cc", "c++", "cpp", "curl", "g++", "gcc", "gdb", "git", "go", "ld", "make", "nc", "pip", "pip3",
               "strace", "sudo", "telnet", "wget"}  # fmt: skip
# Debian's own: changing passwords, mounting, scheduling, host-based SSH. Nothing of ours, nothing else.
# Modules whose libraries are left out and that no configuration loads.
UNRESOLVED = {"/usr/lib/apache2/modules/mod_proxy_html.so", "/usr/lib/apache2/modules/mod_xml2enc.so",
              "/usr/lib/x86_64-linux-gnu/tc/q_atm.so"}  # fmt: skip
PORTS = {"22/tcp", "80/tcp", "443/tcp", "2474/tcp", "2475/tcp", "2633/tcp", "2634/tcp", "4124/tcp", "4124/udp",
         "5030/tcp", "5031/tcp", "29876/tcp"}  # fmt: skip
COMPILED = """
import importlib.util, json, pathlib
found = {"count": 0, "missing": [], "checked": [], "old": []}
for root in ("/usr/lib/python3.11", "/opt/oneedge/lib"):
    for source in pathlib.Path(root).rglob("*.py"):
        code = pathlib.Path(importlib.util.cache_from_source(str(source)))
        found["count"] += 1
        if not code.exists():
            found["missing"].append(str(source))
            continue
        head = code.read_bytes()[:16]
        if head[:4] != importlib.util.MAGIC_NUMBER or head[8:] != importlib.util.source_hash(source.read_bytes()):
            found["old"].append(str(source))
        if head[4:8] != bytes([1, 0, 0, 0]):
            found["checked"].append(str(source))
print(json.dumps(found))
"""


@pytest.fixture(scope="module", autouse=True)
def crontab(box: Front) -> None:
    """Given at once, because cron looks once a minute."""
    job = "* * * * * cd /var/lib/one/backups && id -un >cron.part && mv cron.part cron\n"
    engine("exec", "--interactive", box.name, "crontab", "-u", "oneadmin", "-", text=job)


# ---- users ----


@pytest.mark.parametrize("name", ACCOUNTS)
def test_a_user_has_its_fixed_ids_home_and_shell(host: Machine, name: str) -> None:
    user = host.user(name)
    assert (user.uid, user.gid, user.home, user.shell) == ACCOUNTS[name]


def test_nobody_has_a_password(host: Machine) -> None:
    rows = [line.split(":") for line in host.file("/etc/shadow").content_string.splitlines()]
    assert len(rows) > 10
    assert [row[0] for row in rows if not row[1].startswith(("!", "*"))] == []


def test_only_root_and_oneadmin_have_a_shell(host: Machine) -> None:
    rows = [line.split(":") for line in host.file("/etc/passwd").content_string.splitlines()]
    assert {row[0] for row in rows if row[6] not in NO_LOGIN} == {"root", "oneadmin"}
    assert [row[0] for row in rows if row[2] == "0"] == ["root"]
    assert len({row[2] for row in rows}) == len(rows)


def test_no_group_lends_rights(host: Machine) -> None:
    members = {
        line.split(":")[0]: line.split(":")[3] for line in host.file("/etc/group").content_string.splitlines()
    }
    assert {name: found for name, found in members.items() if found} == {"stunnel4": "stunnel4"}


# ---- files ----


@pytest.mark.parametrize("path", FOLDERS)
def test_a_folder_of_the_volumes_has_owner_and_mode(host: Machine, path: str) -> None:
    folder = host.file(path)
    assert folder.is_directory
    assert (folder.user, folder.group, folder.mode) == (FOLDERS[path][0], FOLDERS[path][0], FOLDERS[path][1])


@pytest.mark.parametrize("path", ["/frontend-bootstrap.sh", "/frontend-healthcheck.sh"])
def test_the_two_files_of_the_contract(host: Machine, path: str) -> None:
    file = host.file(path)
    assert (file.user, file.group, file.mode) == ("root", "root", 0o755)
    assert file.content_string.startswith("#!/")
    assert host.run(f"{path} --help").rc == 0


def test_the_configuration_is_reached_through_a_link(host: Machine) -> None:
    for link, target, name, user in (
        ("/etc/one", "/run/one/etc", "oned.conf", "root"),
        ("/var/lib/one/remotes/etc", "/run/one/remotes", "vmm/kvm/kvmrc", "oneadmin"),
    ):
        assert host.file(link).is_symlink
        assert host.file(link).linked_to == target
        file = host.file(f"{link}/{name}")
        assert (file.user, file.group, file.mode) == (user, "oneadmin", 0o640)


def test_no_other_file_lends_rights(files: list[Entry]) -> None:
    found = {entry.path: entry.mode for entry in files if entry.kind == "f" and entry.mode & 0o6000}
    assert found == {}


def test_no_file_has_capabilities(box: Front) -> None:
    assert box.exec("getcap", "-r", "/usr", "/opt").strip() == ""


def test_only_temporary_folders_are_writable_for_all(files: list[Entry], box: Front) -> None:
    open_to_all = {entry.path: entry.mode for entry in files if entry.mode & 0o002 and entry.kind != "l"}
    assert open_to_all == {"/tmp": 0o1777, "/var/tmp": 0o1777, "/run/lock": 0o1777}
    later = box.sh("find / \\( -path /proc -o -path /sys -o -path /dev \\) -prune -o -perm -002 ! -type l -print")
    assert set(later.split()) == {*open_to_all, "/run/mysqld/mysqld.sock"}


def test_every_file_has_an_owner_that_exists(files: list[Entry]) -> None:
    assert [entry for entry in files if entry.user.isdigit() or entry.group.isdigit()] == []


def test_programs_belong_to_root(files: list[Entry]) -> None:
    inner = [entry for entry in files if entry.path.startswith(("/usr/", "/opt/", "/etc/"))]
    assert len(inner) > 1000
    assert [entry.path for entry in inner if entry.user != "root"] == []


def test_no_secret_is_readable_for_others(box: Front) -> None:
    """What is in the secret files, looked for by a user without rights in all that it can read."""
    script = (
        "cat /run/oneedge/secrets/* /srv/one/secret-db/*; cut -d: -f2- /var/lib/one/.one/*auth; "
        "grep -hv -e --- /srv/one/secret-tls/*.key /srv/one/secret-ssh-host-keys/*_key /var/lib/one/.ssh/id_ed25519; "
        "cat /var/lib/one/.one/one_key"
    )
    secrets = sorted({line for line in box.sh(script).splitlines() if len(line) >= 8})
    assert len(secrets) >= 10
    words = ("exec", "--interactive", "--user=nobody", box.name, "grep", "-rslF", "-f", "-")
    seen = engine(*words, "/run", "/etc", "/srv", "/var", "/tmp", "/opt/oneedge/share", text="\n".join(secrets),
                  check=False)  # fmt: skip
    assert seen.split() == []
    mine = engine(*(word.replace("nobody", "root") for word in words), "/run", "/srv", "/var/lib/one",
                  text="\n".join(secrets))  # fmt: skip
    assert len(mine.split()) >= 8


def test_no_key_comes_with_the_image(files: list[Entry]) -> None:
    folders = ("/etc", "/srv", "/var", "/root", "/home", "/run", "/usr/share", "/usr/local")
    words = ("run", "--rm", "--entrypoint=grep", IMAGE, "-rslE", "^-----BEGIN .*PRIVATE KEY-----")
    assert engine(*words, *folders, check=False).split() == []
    assert not [entry.path for entry in files if re.search(r"/ssh_host_\w+_key|/\.ssh/.|/one_auth$", entry.path)]


# ---- packages, and what is left out ----


def test_packages(host: Machine) -> None:
    found = set(host.check_output("dpkg-query -W -f '${Package} ${db:Status-Status}\\n'").splitlines())
    assert [name for name in PRESENT if f"{name} installed" not in found] == []
    assert [name for name in ABSENT if f"{name} installed" in found] == []


def test_no_program_that_builds_or_downloads(files: list[Entry]) -> None:
    programs = {entry.path.rsplit("/", 1)[1] for entry in files if re.search(r"/s?bin/[^/]+$", entry.path)}
    assert {"mariadbd", "oneedge", "sshd"} <= programs
    assert programs & NO_PROGRAMS == set()
    assert not {name for name in programs if re.fullmatch(r".*-(gcc|g\+\+|ld)(-\d+)?|pip3?\..*", name)}


@pytest.mark.parametrize("module", ["pip", "setuptools", "ensurepip", "wheel", "Cython", "numpy"])
def test_no_python_package_that_builds(box: Front, module: str) -> None:
    for python in (PYTHON, "/usr/bin/python3"):
        code, text = status(["exec", box.name, python, "-c", f"import {module}"])
        assert code == 1
        assert "ModuleNotFoundError" in text


def test_no_documentation_but_copyright(files: list[Entry]) -> None:
    share = [entry.path for entry in files if entry.kind == "f" and entry.path.startswith("/usr/share/")]
    documents = [path for path in share if path.startswith("/usr/share/doc/")]
    assert len(documents) > 100
    assert {path.rsplit("/", 1)[1] for path in documents} == {"copyright"}
    assert [path for path in share if re.match(r"/usr/share/(man|locale|lintian|gtk-doc)/", path)] == []
    assert [path for path in share if path.startswith("/usr/share/info/") and not path.endswith("/dir")] == []


def test_nothing_of_the_build_is_left(files: list[Entry]) -> None:
    names = [entry.path for entry in files if entry.kind == "f"]
    caches = r"/var/(lib/apt/lists|cache/apt|cache/ldconfig|log|tmp|backups)/|/(tmp|root/\.cache|home)/"
    assert [path for path in names if re.match(caches, path) and not path.endswith("/lock")] == []
    # The engine's own marks in a running container are not the image's.
    running = [path for path in names if path.startswith("/run/") and path != "/run/.containerenv"]
    assert running == []
    assert [path for path in names if re.search(r"\.(pyx|pxd|a|la|o|orig|rej|whl)$|/\.git|/(tests?)/.*\.py$", path)
            and not path.startswith(("/usr/lib/python3.11/", "/usr/share/dpkg/"))] == []  # fmt: skip
    assert "/etc/machine-id" not in names


def test_every_library_that_a_program_names_is_there(box: Front) -> None:
    script = r"""find /usr/bin /usr/sbin /usr/lib /opt -type f \( -perm /111 -o -name '*.so*' \) -print0 |
        xargs -0 ldd 2>/dev/null | awk '/^\// { file = $1 } /not found/ { print file }'"""
    assert {line.rstrip(":") for line in box.sh(script, timeout=300).split()} == UNRESOLVED


# ---- what the engine is told ----


def test_entrypoint_and_health_check(image: dict[str, Any]) -> None:
    assert image["Config"]["Entrypoint"] == ["/frontend-bootstrap.sh"]
    assert not image["Config"].get("Cmd")
    assert not image["Config"].get("User")
    found = image["Config"].get("Healthcheck") or image.get("HealthCheck") or image.get("Healthcheck")
    assert found, "the image has a health check: Podman keeps it with `build --format docker` alone"
    assert found["Test"] == ["CMD", "/frontend-healthcheck.sh"]


def test_ports_and_volumes(image: dict[str, Any]) -> None:
    assert set(image["Config"]["ExposedPorts"]) == PORTS
    assert set(image["Config"]["Volumes"]) == {*VOLUMES, "/var/lib/docker"}


def test_the_environment_is_the_two_variables_of_the_image(image: dict[str, Any]) -> None:
    assert {entry.partition("=")[0] for entry in image["Config"]["Env"]} == {"PATH", "LANG"}


def test_labels(image: dict[str, Any]) -> None:
    labels = image["Config"]["Labels"]
    for name in ("title", "description", "licenses", "version", "revision", "created", "base.name"):
        assert labels[f"org.opencontainers.image.{name}"].strip(), name
    assert [name for name, value in labels.items() if not value.strip()] == []
    assert labels["org.opencontainers.image.version"] == built.version()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", labels["org.opencontainers.image.created"])


def test_the_parameters_label_is_the_generated_list(image: dict[str, Any]) -> None:
    names = [line.split()[0] for line in documentation.names().splitlines()]
    assert image["Config"]["Labels"]["oneedge.parameters"].split() == names


def test_the_size() -> None:
    assert megabytes(IMAGE) <= FULL_MEGABYTES


# ---- bill of materials ----


def test_the_bill_names_what_is_installed(box: Front) -> None:
    found = bill(box.exec("cat", BILL))
    installed = dict(
        line.split() for line in box.exec("dpkg-query", "-W", "-f", "${Package} ${Version}\\n").splitlines()
    )
    assert found.debian == installed
    assert "mariadb-server-core" in found.debian
    assert set(found.partly) == {"mariadb-client", "novnc"}
    script = (
        "import json; from importlib.metadata import distributions as d; "
        "print(json.dumps({x.metadata['Name'].lower().replace('_', '-').replace('.', '-'): x.version for x in d()}))"
    )
    python = json.loads(box.exec(PYTHON, "-I", "-c", script))
    assert "supervisor" in found.python
    assert found.python == {name: version for name, version in python.items() if name != "oneedge"}
    assert found.image == ("oneedge", python["oneedge"])
    assert found.terraform


# ---- Python ----


def test_every_module_is_compiled_and_up_to_date(box: Front) -> None:
    found = json.loads(engine("exec", "--interactive", box.name, PYTHON, "-", text=COMPILED))
    assert found.pop("count") > 1000
    assert found == {"missing": [], "checked": [], "old": []}


@pytest.mark.parametrize("name", ["oneedge", "oned", "onecfg"])
def test_a_command_starts_without_warnings(box: Front, name: str) -> None:
    code, text = status(["exec", box.name, PYTHON, "-I", "-W", "error", f"/opt/oneedge/bin/{name}", "--help"])
    assert code == 0, text
    assert text.lower().startswith("usage: ")


def test_the_root_stays_as_it_is_while_services_run(box: Front) -> None:
    """Byte code, caches and state have their places; /run and /tmp are usually tmpfs, the rest may be read-only."""
    box.exec("oneedge", "status")
    changed = [line.split(" ", 1)[1] for line in engine("diff", box.name).splitlines()]
    mounted = {"/etc", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab"}
    parents = {str(parent) for path in VOLUMES for parent in Path(path).parents}
    # The spool has this module's own crontab.
    own = [path for path in changed if not re.match(r"/(run|tmp|dev|proc|sys|var/spool)(/|$)", path)]
    assert sorted({path for path in own if path not in {*mounted, *parents, *VOLUMES}}) == []


# ---- what people expect of a Debian system ----


def test_time_zones_and_locale(box: Front) -> None:
    assert box.sh("TZ=Asia/Tokyo date +%Z%z").strip() == "JST+0900"
    assert box.sh("TZ=Europe/Madrid date -d 2026-07-01T12:00Z +%Z%H").strip() == "CEST14"
    assert box.exec("locale", "charmap").strip() == "UTF-8"
    assert box.exec("/usr/bin/python3", "-c", "print('Größe', 'ñ'.upper())").strip() == "Größe Ñ"
    assert "C.utf8" in box.exec("locale", "-a").split()


def test_cron_runs_a_job_of_oneadmin(box: Front) -> None:
    until(lambda: box.sh("cat /var/lib/one/backups/cron", check=False) != "", 80, "cron has run the job", pause=1)
    assert box.exec("cat", "/var/lib/one/backups/cron").strip() == "oneadmin"


def test_nothing_runs_as_root_but_what_must(host: Machine) -> None:
    """Supervisor, and three daemons that change the user themselves for those who connect."""
    rows = {(row.comm, row.user) for row in host.process.filter() if row.comm not in {"ps", "sh"}}
    roots = {name for name, user in rows if user == "root"}
    assert roots == {"python", "cron", "sshd", "apache2"}
    assert [row.pid for row in host.process.filter(comm="python", user="root")] == [1]
    assert ("mariadbd", "mysql") in rows
    assert ("apache2", "www-data") in rows


def test_a_process_may_not_gain_what_the_engine_did_not_give(box: Front) -> None:
    assert ENGINE in {"docker", "podman"}
    assert box.name.startswith(PREFIX)
    bounding = box.sh("grep CapBnd /proc/1/status").split()[1]
    allowed = int(bounding, 16)
    assert not allowed >> 21 & 1, "SYS_ADMIN is not given, and not needed"
    for name in ("opennebula", "mysqld", "memcached", "stunnel", "opennebula-novnc"):
        effective = box.sh(f"grep CapEff /proc/{box.pids(name)}/status").split()[1]
        assert int(effective, 16) == 0, name
