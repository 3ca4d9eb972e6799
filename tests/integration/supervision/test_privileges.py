"""What a service inherits: its account, groups, umask, folder, environment and signals, and nothing more."""

import json
import os
import pwd
from pathlib import Path

from tests.integration.supervision.front import Front, entry, until

REPORT = """
import json, os, signal, sys
mask = os.umask(0)
print(json.dumps({
    "uid": [os.getuid(), os.geteuid()], "gid": [os.getgid(), os.getegid()], "groups": os.getgroups(), "umask": mask,
    "cwd": os.getcwd(), "environment": dict(os.environ), "stdin": os.readlink("/proc/self/fd/0"),
    "status": open("/proc/self/status").read(), "files": len(os.listdir("/proc/self/fd")),
}), file=open(sys.argv[1], "w"))
"""


def report(front: Front, **changes: object) -> dict[str, object]:
    """What a service that only looks around finds."""
    shared = front.root / "shared"
    shared.mkdir(mode=0o777)
    shared.chmod(0o777)
    front.root.chmod(0o755)
    target = shared / "report"
    command = ["/usr/bin/python3", "-I", "-S", "-c", REPORT, str(target)]
    front.start({"looks": entry(*command, kind="oneshot", **changes)})
    until(lambda: front.state("looks").get("phase") == "done")
    found: dict[str, object] = json.loads(target.read_text())
    return found


def test_service_runs_as_its_user_with_its_groups_umask_and_folder(front: Front) -> None:
    assert os.getuid() == 0, "this test needs root, to become another user"
    account = pwd.getpwnam("www-data")
    found = report(front, user="www-data", umask="0027", directory="/tmp")
    assert found["uid"] == [account.pw_uid] * 2
    assert found["gid"] == [account.pw_gid] * 2
    assert found["groups"] == os.getgrouplist("www-data", account.pw_gid)
    assert found["umask"] == 0o027
    assert found["cwd"] == "/tmp"
    environment = found["environment"]
    assert isinstance(environment, dict)
    assert (environment["HOME"], environment["USER"]) == (account.pw_dir, "www-data")


LIBRARY_S = 1 << 31 | 1 << 32
"""Signals 32 and 33, which the C library keeps for itself: what a terminal or an agent above the tests has made of them
is inherited, and no program can change it (nptl(7))."""


def test_environment_keeps_what_is_named_and_drops_the_rest(front: Front) -> None:
    kept = {"TZ": "Europe/Madrid", "LANG": "C.UTF-8", "LC_TIME": "de_DE.UTF-8", "HTTP_PROXY": "http://proxy:3128"}
    kept["no_proxy"] = "localhost,100%"
    front.environment |= kept | {"MYSQL_PASSWORD": "never seen", "PYTHONPATH": "/nowhere"}
    found = report(front, environment={"OWN": "x", "LANG": "es_ES.UTF-8"})
    environment = found["environment"]
    assert isinstance(environment, dict)
    assert {key: environment.get(key) for key in kept} == kept | {"LANG": "es_ES.UTF-8"}
    assert environment["OWN"] == "x"
    assert environment["ONEEDGE_ROOT"] == str(front.root)
    expected = {*kept, "OWN", "ONEEDGE_ROOT", "PATH", "HOME", "USER", "LOGNAME", "LC_CTYPE"}
    assert set(environment) <= expected, "the service got more than it should"


def test_no_ignored_signals_no_foreign_files_no_input(front: Front) -> None:
    found = report(front)
    status = dict(line.split(":\t", 1) for line in str(found["status"]).splitlines() if ":\t" in line)
    python_s_own = 1 << 12 | 1 << 24  # SIGPIPE and SIGXFSZ, which the reporting Python itself ignores
    assert int(status["SigIgn"], 16) & ~(python_s_own | LIBRARY_S) == 0
    assert int(status["SigBlk"], 16) == 0
    assert found["stdin"] == "/dev/null"
    assert found["files"] == 4  # the three and the folder being listed


def test_sigpipe_has_its_default_again(front: Front) -> None:
    target = front.root / "status"
    front.start({"looks": entry("sh", "-c", f"grep SigIgn /proc/$$/status > {target}", kind="oneshot")})
    until(lambda: front.state("looks").get("phase") == "done")
    assert int(target.read_text().split()[1], 16) & ~LIBRARY_S == 0


def test_unknown_user_and_folder_are_named(front: Front) -> None:
    front.start({"one": entry("true", user="nobody-knows"), "two": entry("true", directory="/nowhere")})
    until(lambda: "[SERVICE one] ERROR: there is no user nobody-knows" in front.log())
    until(lambda: "[SERVICE two] ERROR: cannot work in /nowhere: No such file or directory" in front.log())


def test_state_files_are_readable_by_all_and_written_by_their_owner(front: Front) -> None:
    front.start({"one": entry("sleep", "60", umask="0077")})
    front.ready()
    mode = (front.run / "state/one.json").stat().st_mode & 0o777
    assert mode == 0o644
    assert (front.run / "supervisor.sock").stat().st_mode & 0o777 == 0o700
    assert [path.name for path in Path(front.run / "state").iterdir()] == ["one.json"]
