"""Users whose secrets a driver checks: programs, scripts and the classes that come along, asked by a real process."""

import base64
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.oned.conftest import end, new_daemon
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.names import unique
from tests.integration.oned.networking import values

AUTHENTICATION = 0x100
WORD = "hidden-word"

CONFIGURATION = """
AUTH_MAD = [ NAME = "program", EXECUTABLE = "{root}/program", TIMEOUT = "1" ]
AUTH_MAD = [ EXECUTABLE = "one_auth_mad", AUTHN = "ssh,dummy,script,default,server_mine,absent", TIMEOUT = "20" ]
AUTH_MAD_CONF = [ NAME = "default", PASSWORD_CHANGE = "YES", DRIVER_MANAGED_GROUPS = "YES",
                  DRIVER_MANAGED_GROUP_ADMIN = "YES", MAX_TOKEN_TIME = "-1" ]
DEFAULT_AUTH = "default"
"""

PROGRAM = """
import sys, time
for line in sys.stdin:
    action, number, *words = [*line.split(), "-", "-"]
    if action == "INIT":
        print("INIT SUCCESS", flush=True)
    elif action == "FINALIZE":
        break
    elif action == "AUTHENTICATE":
        secret = words[4]
        if secret.startswith("die"):
            sys.exit(3)
        elif secret.startswith("yes"):
            print("AUTHENTICATE SUCCESS", number, "-", flush=True)
        elif not secret.startswith("silent"):
            print("AUTHENTICATE FAILURE", number, "no such secret", flush=True)
"""

SCRIPT = """
import re, sys, time
from pathlib import Path
told = sys.stdin.read()
user, stored, secret = (re.search(f"<{tag}>(.*?)</{tag}>", told)[1] for tag in ("USERNAME", "PASSWORD", "SECRET"))
folder = Path(__file__).parent
with (folder / "asked").open("a") as stream:
    print(user, stored, file=stream)
answers = folder / f"{user}.answer"
while secret.startswith("slow") and (folder / "hold").exists():
    time.sleep(0.05)
if not secret.endswith("hidden-word"):
    print("ERROR MESSAGE --8<------", "no such secret", "ERROR MESSAGE ------>8--", sep="\\n", file=sys.stderr)
    sys.exit(1)
if answers.exists():
    print(answers.read_text())
"""


def write_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def oned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    root = tmp_path_factory.mktemp("auth")
    write_program(root / "program", PROGRAM)
    for name in ("script", "default", "server_mine"):
        write_program(root / f"var/lib/one/remotes/auth/{name}/authenticate", SCRIPT)
    daemon = new_daemon(root, request.param, request, CONFIGURATION.format(root=root))
    daemon.start()
    yield daemon
    end(daemon)
    assert WORD not in daemon.output.read_text()


def new_user(oned: Daemon, driver: str, stored: str = "word") -> tuple[str, int]:
    name = unique("user")
    return name, int(oned.ok("one.user.allocate", name, stored, driver))


def asked(oned: Daemon, name: str, driver: str = "script") -> int:
    """How often a script was asked about a user."""
    path = oned.root / f"var/lib/one/remotes/auth/{driver}/asked"
    return [line.split()[0] for line in path.read_text().splitlines()].count(name) if path.exists() else 0


def answer(oned: Daemon, name: str, text: str) -> None:
    (oned.root / f"var/lib/one/remotes/auth/default/{name}.answer").write_text(text)


def refused(oned: Daemon, session: str) -> None:
    message = oned.fails(AUTHENTICATION, "one.user.info", -1, session=session)
    assert message == "[one.user.info] User couldn't be authenticated, aborting call."


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("keys")
    found = [folder / "mine", folder / "theirs"]
    for path in found:
        subprocess.run(["openssl", "genrsa", "-out", path, "2048"], check=True, capture_output=True)
    return found


def public(key: Path) -> str:
    """What ``oneuser key`` prints."""
    text = subprocess.run(
        ["openssl", "rsa", "-in", key, "-pubout"], check=True, capture_output=True, text=True
    ).stdout
    return "".join(line for line in text.splitlines() if "PUBLIC KEY" not in line)


def signed(key: Path, text: str) -> str:
    """A login token, made by another program."""
    command = ["openssl", "pkeyutl", "-sign", "-inkey", str(key)]
    done = subprocess.run(command, input=text.encode(), check=True, capture_output=True)
    return base64.b64encode(done.stdout).decode()


def test_an_ssh_key(oned: Daemon, keys: list[Path]) -> None:
    name, uid = new_user(oned, "ssh", public(keys[0]))
    token = signed(keys[0], f"{name}:{int(time.time()) + 60}")
    for _ in range(2):
        assert values(oned.ok("one.user.info", -1, session=f"{name}:{token}"), "ID")[0] == str(uid)


@pytest.mark.parametrize("fault", ["expired", "another name", "another key", "no signature", "no base64"])
def test_an_ssh_key_that_proves_nothing(oned: Daemon, keys: list[Path], fault: str) -> None:
    name, _ = new_user(oned, "ssh", public(keys[0]))
    later = int(time.time()) + 60
    tokens = {
        "expired": signed(keys[0], f"{name}:{later - 61}"),
        "another name": signed(keys[0], f"{name}x:{later}"),
        "another key": signed(keys[1], f"{name}:{later}"),
        "no signature": base64.b64encode(f"{name}:{later}".encode()).decode(),
        "no base64": "?",
    }
    refused(oned, f"{name}:{tokens[fault]}")


def test_a_stored_password_that_is_no_key(oned: Daemon, keys: list[Path]) -> None:
    name, _ = new_user(oned, "ssh", "nokey")
    refused(oned, f"{name}:{signed(keys[0], f'{name}:{int(time.time()) + 60}')}")


def test_a_script_is_asked_once_until_what_it_knows_changes(oned: Daemon) -> None:
    name, uid = new_user(oned, "script")
    for _ in range(3):
        oned.ok("one.user.info", -1, session=f"{name}:{WORD}")
    assert asked(oned, name) == 1
    oned.ok("one.user.passwd", uid, "other")
    oned.ok("one.user.info", -1, session=f"{name}:{WORD}")
    assert asked(oned, name) == 2


def test_the_dummy_believes(oned: Daemon) -> None:
    name, uid = new_user(oned, "dummy")
    assert oned.ok("one.template.allocate", f"NAME = {name}", session=f"{name}:any") is not None
    assert values(oned.ok("one.user.info", -1, session=f"{name}:other"), "ID")[0] == str(uid)


@pytest.mark.parametrize(
    ("driver", "secret"),
    [("script", "wrong"), ("script", f"a {WORD}"), ("program", "wrong"), ("absent", WORD), ("unheard", WORD)],
)
def test_who_is_refused(oned: Daemon, driver: str, secret: str) -> None:
    name, _ = new_user(oned, driver)
    refused(oned, f"{name}:{secret}")


def test_a_disabled_user_is_not_asked_about(oned: Daemon) -> None:
    name, uid = new_user(oned, "script")
    oned.ok("one.user.enable", uid, False)
    refused(oned, f"{name}:{WORD}")
    assert asked(oned, name) == 0


def test_a_program_that_dies_or_is_silent(oned: Daemon) -> None:
    name, uid = new_user(oned, "program")
    refused(oned, f"{name}:die")
    begin = time.perf_counter()
    refused(oned, f"{name}:silent")
    assert time.perf_counter() - begin < 4
    assert values(oned.ok("one.user.info", -1, session=f"{name}:yes"), "ID")[0] == str(uid)


def test_a_slow_driver_holds_up_nobody_else(oned: Daemon) -> None:
    users = [new_user(oned, "script")[0] for _ in range(17)]
    hold = oned.root / "var/lib/one/remotes/auth/script/hold"
    hold.touch()
    with ThreadPoolExecutor(17) as threads:
        slow = [threads.submit(oned.call, "one.user.info", -1, session=f"{user}:slow-{WORD}") for user in users]
        time.sleep(0.5)
        for _ in range(20):
            oned.ok("one.template.allocate", f"NAME = {unique()}")
        running = Path("/proc").glob("[0-9]*/cmdline")
        shown = [text for path in running if (text := _read(path)) and str(oned.root) in text]
        assert not any(future.done() for future in slow)
        hold.unlink()
        assert all(future.result()[0] for future in slow)
    assert shown, "a script was to be under way"
    assert not any(WORD in text for text in shown)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def test_a_stranger_is_created_with_the_groups_of_the_answer(oned: Daemon) -> None:
    name = unique("stranger")
    gids = [int(oned.ok("one.group.allocate", unique("group"))) for _ in range(2)]
    answer(oned, name, f"default {name} kept-word {gids[0]} *{gids[1]}")
    with ThreadPoolExecutor(8) as threads:
        calls = [threads.submit(oned.ok, "one.user.info", -1, session=f"{name}:{WORD}") for _ in range(8)]
        bodies = {str(future.result()) for future in calls}
    assert len({tuple(values(body, "ID")[:1]) for body in bodies}) == 1
    body = bodies.pop()
    assert values(body, "GID") == [str(gids[0])]
    assert values(body, "AUTH_DRIVER") == ["default"]
    uid = values(body, "ID")[0]
    assert [uid in values(oned.ok("one.group.info", gid), "ID")[1:] for gid in gids] == [True, True]
    admins = [
        str(oned.ok("one.group.info", gid)).partition("<ADMINS>")[2].partition("</ADMINS>")[0] for gid in gids
    ]
    assert [f"<ID>{uid}</ID>" in text for text in admins] == [False, True]


def test_a_stranger_without_groups_is_one_of_the_users(oned: Daemon) -> None:
    name = unique("stranger")
    answer(oned, name, f"default {name} kept-word")
    assert values(oned.ok("one.user.info", -1, session=f"{name}:{WORD}"), "GID") == ["1"]


@pytest.mark.parametrize(
    "text", ["", "default", "default other kept x1", "default other kept 9999", "default a:b kept"]
)
def test_an_answer_that_creates_nobody(oned: Daemon, text: str) -> None:
    before = oned.ok("one.userpool.info")
    name = unique("stranger")
    answer(oned, name, text)
    refused(oned, f"{name}:{WORD}")
    assert oned.ok("one.userpool.info") == before


def test_an_answer_cannot_name_a_user_of_another_driver(oned: Daemon) -> None:
    name = unique("stranger")
    answer(oned, name, "default oneadmin kept")
    refused(oned, f"{name}:{WORD}")


def test_the_driver_manages_the_groups(oned: Daemon) -> None:
    name = unique("managed")
    first, second = (int(oned.ok("one.group.allocate", unique("group"))) for _ in range(2))
    answer(oned, name, f"default {name} kept *{first}")
    uid = values(oned.ok("one.user.info", -1, session=f"{name}:{WORD}"), "ID")[0]
    answer(oned, name, f"default {name} kept {second} {first}")
    body = str(oned.ok("one.user.info", -1, session=f"{name}:2{WORD}"))
    assert values(body.partition("<GROUPS>")[2].partition("</GROUPS>")[0], "ID") == sorted(
        [str(first), str(second)]
    )
    assert values(body, "GID") == [str(first)]
    assert "<ADMINS/>" in str(oned.ok("one.group.info", first)).replace("<ADMINS></ADMINS>", "<ADMINS/>")
    answer(oned, name, f"default {name} kept {second}")
    assert values(oned.ok("one.user.info", -1, session=f"{name}:3{WORD}"), "GID") == [str(second)]
    assert f"<ID>{uid}</ID>" not in str(oned.ok("one.group.info", first))


def test_a_server_with_a_driver_of_its_own(oned: Daemon) -> None:
    server, _ = new_user(oned, "server_mine")
    target, uid = new_user(oned, "core", "word")
    for _ in range(2):
        body = oned.ok("one.user.info", -1, session=f"{server}:{target}:{WORD}")
        assert values(body, "ID")[0] == str(uid)
    assert asked(oned, server, "server_mine") == 1
    refused(oned, f"{server}:{target}:wrong")


def test_a_login_token_needs_no_driver(oned: Daemon) -> None:
    name, _ = new_user(oned, "script")
    token = oned.ok("one.user.login", name, "", 60, session=f"{name}:{WORD}")
    oned.ok("one.user.info", -1, session=f"{name}:{token}")
    assert asked(oned, name) == 1
