"""Users over the API: who gets in, with what, and who may change whom."""

import base64
import hashlib
import itertools
import re
import time

import pytest

from oned.crypt import encrypt_bytes
from onelib.auth import read_auth
from tests.integration.oned.daemon import PASSWORD, Daemon

AUTHENTICATION, AUTHORIZATION, NO_EXISTS, ACTION, PARAMETER, INTERNAL = 0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000
_numbers = itertools.count()


@pytest.fixture
def joe(oned: Daemon) -> tuple[int, str]:
    """A new user of the group users: id and name; the password is ``word``."""
    name = f"joe{next(_numbers)}"
    return int(oned.ok("one.user.allocate", name, "word", "core")), name


def element(xml: str | int, name: str) -> str:
    found = re.search(rf"<{name}>(?:<!\[CDATA\[)?(.*?)(?:\]\]>)?</{name}>", str(xml), re.DOTALL)
    assert found, (name, xml)
    return found.group(1)


def test_new_user(oned: Daemon, joe: tuple[int, str]) -> None:
    uid, name = joe
    info = str(oned.ok("one.user.info", -1, session=f"{name}:word"))
    assert element(info, "ID") == str(uid)
    assert (element(info, "NAME"), element(info, "GNAME"), element(info, "GROUPS")) == (
        name,
        "users",
        "<ID>1</ID>",
    )
    assert element(info, "PASSWORD") == hashlib.sha256(b"word").hexdigest()
    assert f"<ID>{uid}</ID>" in element(oned.ok("one.group.info", 1), "USERS")
    for quota in ("DATASTORE", "NETWORK", "VM", "IMAGE"):
        assert info.count(f"<{quota}_QUOTA>") == 2
    assert oned.ok("one.userpool.info", session=f"{name}:word").count("<USER>") == 1  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "password", "message"),
    [
        ("", "word", "Invalid NAME, it cannot be empty."),
        ("a b", "word", "Invalid NAME, char ' ' is not allowed."),
        ("a:b", "word", "Invalid NAME, char ':' is not allowed."),
        ("a<b", "word", "Invalid NAME, char '<' is not allowed."),
        ("x" * 129, "word", "Invalid NAME, max length is 128 chars."),
        ("fine", "", "Invalid password, it cannot be empty."),
        ("fine", "a b", "Invalid password, character ' ' is not allowed."),
        ("oneadmin", "word", "NAME is already taken by USER 0."),
    ],
)
def test_users_that_cannot_be(oned: Daemon, name: str, password: str, message: str) -> None:
    text = oned.fails(INTERNAL, "one.user.allocate", name, password, "core")
    assert text == f"[one.user.allocate] {message}"


def test_wrong_credentials(oned: Daemon, joe: tuple[int, str]) -> None:
    _, name = joe
    wanted = "[one.user.info] User couldn't be authenticated, aborting call."
    for session in (f"{name}:wrong", f"{name}:", name, "", ":", "nobody:word", f"{name.upper()}:word", "a b:c"):
        assert oned.fails(AUTHENTICATION, "one.user.info", -1, session=session) == wanted


def test_colon_in_a_password(oned: Daemon, joe: tuple[int, str]) -> None:
    uid, name = joe
    oned.ok("one.user.passwd", uid, "a:b:c")
    assert oned.ok("one.system.version", session=f"{name}:a:b:c")


def test_password_change_counts_at_once(oned: Daemon, joe: tuple[int, str]) -> None:
    uid, name = joe
    for number in range(5):
        old = f"{name}:word" if number == 0 else f"{name}:word{number - 1}"
        assert oned.ok("one.system.version", session=old)
        assert oned.ok("one.user.passwd", uid, f"word{number}", session=old) == uid
        oned.fails(AUTHENTICATION, "one.system.version", session=old)
    assert "a b" not in oned.fails(ACTION, "one.user.passwd", uid, "a b")


def test_disabled_user(oned: Daemon, joe: tuple[int, str]) -> None:
    uid, name = joe
    assert oned.ok("one.system.version", session=f"{name}:word")
    oned.ok("one.user.enable", uid, False)
    oned.fails(AUTHENTICATION, "one.system.version", session=f"{name}:word")
    oned.ok("one.user.enable", uid, True)
    assert oned.ok("one.system.version", session=f"{name}:word")
    text = oned.fails(ACTION, "one.user.enable", 0, False)
    assert text == "[one.user.enable] Cannot enable/disable oneadmin user"


def test_deleted_user(oned: Daemon, joe: tuple[int, str]) -> None:
    uid, name = joe
    oned.ok("one.user.delete", uid)
    oned.fails(AUTHENTICATION, "one.system.version", session=f"{name}:word")
    assert oned.fails(NO_EXISTS, "one.user.info", uid) == f"[one.user.info] Error getting user [{uid}]."
    assert f"<ID>{uid}</ID>" not in element(oned.ok("one.group.info", 1), "USERS")
    text = oned.fails(ACTION, "one.user.delete", 0)
    assert text == "[one.user.delete] Cannot delete user. oneadmin cannot be deleted."


def test_users_may_not_change_others(oned: Daemon, joe: tuple[int, str]) -> None:
    uid, name = joe
    session = f"{name}:word"
    text = oned.fails(AUTHORIZATION, "one.user.passwd", 0, "stolen", session=session)
    assert text == f"[one.user.passwd] User [{uid}] : Not authorized to perform MANAGE USER [0]."
    for method, params in (
        ("one.user.info", (0,)),
        ("one.user.delete", (uid,)),
        ("one.user.chauth", (uid, "public", "")),
        ("one.user.enable", (uid, False)),
        ("one.user.addgroup", (uid, 0)),
        ("one.user.chgrp", (uid, 0)),
        ("one.user.allocate", ("other", "word", "core")),
        ("one.group.info", (0,)),
        ("one.user.login", ("oneadmin", "", 100)),
        ("one.system.config", ()),
    ):
        oned.fails(AUTHORIZATION, method, *params, session=session)


def test_restricted_attributes(oned: Daemon, joe: tuple[int, str]) -> None:
    uid, name = joe
    oned.ok("one.user.update", uid, "A = 1", 1, session=f"{name}:word")
    text = oned.fails(INTERNAL, "one.user.update", uid, "VM_USE_OPERATIONS = x", 1, session=f"{name}:word")
    assert text.endswith("User Template includes a restricted attribute VM_USE_OPERATIONS")
    oned.ok("one.user.update", uid, 'VM_USE_OPERATIONS = "resume"\nB = 2')
    oned.ok("one.user.update", uid, "C = 3", session=f"{name}:word")
    info = oned.ok("one.user.info", uid)
    assert element(info, "VM_USE_OPERATIONS") == "resume"
    assert "<B>" not in str(info)
    assert element(info, "C") == "3"


def test_groups(oned: Daemon, joe: tuple[int, str]) -> None:
    uid, name = joe
    assert oned.ok("one.user.addgroup", uid, 0) == uid
    assert oned.fails(ACTION, "one.user.addgroup", uid, 0).endswith("User is already in this group")
    assert oned.ok("one.user.info", 0, session=f"{name}:word")
    assert oned.ok("one.user.delgroup", uid, 0) == uid
    oned.fails(AUTHORIZATION, "one.user.info", 0, session=f"{name}:word")
    assert oned.fails(ACTION, "one.user.delgroup", uid, 0).endswith("User is not part of this group")
    assert oned.fails(ACTION, "one.user.delgroup", uid, 1).endswith("Cannot remove user from the primary group")
    assert oned.ok("one.user.chgrp", uid, 0) == uid
    info = oned.ok("one.user.info", uid)
    assert (element(info, "GNAME"), element(info, "GROUPS")) == ("oneadmin", "<ID>0</ID>")
    assert f"<ID>{uid}</ID>" not in element(oned.ok("one.group.info", 1), "USERS")
    assert oned.fails(PARAMETER, "one.user.chgrp", uid, -1).endswith("Wrong group ID")
    assert oned.fails(NO_EXISTS, "one.user.chgrp", uid, 55).endswith("Error getting group [55].")
    text = oned.fails(INTERNAL, "one.user.chgrp", 0, 1)
    assert text.endswith("user [0] oneadmin cannot be moved outside of the group [0] oneadmin")


def test_login_tokens(oned: Daemon, joe: tuple[int, str]) -> None:
    uid, name = joe
    session = f"{name}:word"
    token = oned.ok("one.user.login", name, "", 3600, session=session)
    assert oned.ok("one.system.version", session=f"{name}:{token}")
    chosen = oned.ok("one.user.login", name, "my-token", -1, session=session)
    assert chosen == "my-token"
    info = str(oned.ok("one.user.info", uid))
    assert info.count("<LOGIN_TOKEN>") == 2
    assert "<TOKEN>my-token</TOKEN><EXPIRATION_TIME>-1</EXPIRATION_TIME><EGID>-1</EGID>" in info
    assert oned.ok("one.user.login", name, "my-token", 0, session=session) == "my-token"
    oned.fails(AUTHENTICATION, "one.system.version", session=f"{name}:my-token")
    oned.fails(PARAMETER, "one.user.login", name, "my-token", 0, session=session)
    oned.fails(PARAMETER, "one.user.login", name, "", -2, session=session)
    oned.ok("one.user.login", name, "", 0, session=session)
    oned.fails(AUTHENTICATION, "one.system.version", session=f"{name}:{token}")
    assert str(token) not in oned.output.read_text()


def test_tokens_expire_and_are_limited(oned: Daemon, joe: tuple[int, str]) -> None:
    _, name = joe
    session = f"{name}:word"
    for _ in range(9):
        oned.ok("one.user.login", name, "", 3600, session=session)
    short = oned.ok("one.user.login", name, "", 2, session=session)  # more than one second, less than two
    assert oned.ok("one.system.version", session=f"{name}:{short}")
    text = oned.fails(PARAMETER, "one.user.login", name, "", 3600, session=session)
    assert text.endswith("Max number of tokens limit reached.")
    time.sleep(2.1)
    oned.fails(AUTHENTICATION, "one.system.version", session=f"{name}:{short}")
    assert oned.ok("one.user.login", name, "", 3600, session=session)


def test_token_for_one_group(oned: Daemon, joe: tuple[int, str]) -> None:
    uid, name = joe
    oned.ok("one.user.addgroup", uid, 0)
    session = f"{name}:word"
    token = oned.ok("one.user.login", name, "", 3600, 1, session=session)
    scoped = f"{name}:{token}"
    oned.fails(AUTHORIZATION, "one.user.info", 0, session=scoped)
    document = oned.ok("one.document.allocate", "", 100, session=scoped)
    assert element(oned.ok("one.document.info", document), "GNAME") == "users"
    text = oned.fails(PARAMETER, "one.user.login", name, "", 3600, session=scoped)
    assert text.endswith("Cannot create a full token with a specific group token")
    oned.ok("one.user.chgrp", uid, 0)
    oned.ok("one.user.delgroup", uid, 1)
    oned.fails(AUTHENTICATION, "one.system.version", session=scoped)
    assert str(token) not in str(oned.ok("one.user.info", uid))


def test_public_driver(oned: Daemon, joe: tuple[int, str]) -> None:
    uid, name = joe
    oned.ok("one.user.chauth", uid, "public", "")
    oned.fails(AUTHENTICATION, "one.system.version", session=f"{name}:word")
    assert "attempted a direct authentication" in oned.output.read_text()
    assert oned.ok("one.user.info", -1, session=server_session(oned, name))


def server_session(oned: Daemon, target: str, *, seconds: int = 600, egid: str = "", password: str = "") -> str:
    """The session that OneFlow and the others make from their credential file."""
    server = read_auth(oned.auth / "oneflow_auth")
    key = hashlib.sha256((password or server.password).encode()).hexdigest()
    text = f"{server.user}:{target}:{int(time.time()) + seconds}"
    token = base64.b64encode(encrypt_bytes(text.encode(), key)).decode()
    return f"{server.user}:{target}:{egid}{token}"


def test_server_acts_for_a_user(oned: Daemon, joe: tuple[int, str]) -> None:
    uid, name = joe
    session = server_session(oned, name)
    assert element(oned.ok("one.user.info", -1, session=session), "ID") == str(uid)
    oned.fails(AUTHORIZATION, "one.user.info", 0, session=session)
    narrowed = server_session(oned, name, egid="1:")
    assert element(oned.ok("one.user.info", -1, session=narrowed), "ID") == str(uid)


def test_server_tokens_that_are_not_valid(oned: Daemon, joe: tuple[int, str]) -> None:
    _, name = joe
    good = server_session(oned, name)
    head, _, token = good.rpartition(":")
    for session in (
        server_session(oned, name, seconds=-1),
        server_session(oned, name, password="guess"),
        server_session(oned, "nobody"),
        server_session(oned, name, egid="x:"),
        f"{head}:{token[:-8]}",
        f"{head}:",
        "serveradmin:",
        f"serveradmin:{read_auth(oned.auth / 'oneflow_auth').password}",
        f"oneadmin:{name}:{token}",
    ):
        oned.fails(AUTHENTICATION, "one.system.version", session=session)


def test_old_hash_is_replaced(oned: Daemon, joe: tuple[int, str]) -> None:
    """A SHA-1 of an old release lets the user in once, and is a SHA-256 from then on."""
    uid, name = joe
    legacy = hashlib.sha1(b"word", usedforsecurity=False).hexdigest()
    oned.ok("one.user.chauth", uid, "public", legacy)
    oned.ok("one.user.chauth", uid, "core", "")
    assert element(oned.ok("one.user.info", uid), "PASSWORD") == legacy
    assert oned.ok("one.system.version", session=f"{name}:word")
    assert element(oned.ok("one.user.info", uid), "PASSWORD") == hashlib.sha256(b"word").hexdigest()


DEFAULTS = """API_LIST_ORDER AUTH_MAD_CONF DATASTORE_CAPACITY_CHECK DATASTORE_LOCATION DB DEFAULT_AUTH
    DEFAULT_CDROM_DEVICE_PREFIX DEFAULT_COST DEFAULT_DEVICE_PREFIX DEFAULT_IMAGE_PERSISTENT
    DEFAULT_IMAGE_PERSISTENT_NEW DEFAULT_IMAGE_TYPE DEFAULT_UMASK DS_MAD_CONF DS_MONITOR_VM_DISK
    ENABLE_OTHER_PERMISSIONS FEDERATION HOOK_LOG_CONF HOST_ENCRYPTED_ATTR KEEPALIVE_MAX_CONN KEEPALIVE_TIMEOUT
    LISTEN_ADDRESS LOG LOG_CALL_FORMAT MAC_PREFIX MANAGER_TIMER MARKET_MAD_CONF MAX_CONN MAX_CONN_BACKLOG MESSAGE_SIZE
    MONITORING_INTERVAL_DATASTORE MONITORING_INTERVAL_DB_UPDATE MONITORING_INTERVAL_MARKET NETWORK_SIZE
    PCI_PASSTHROUGH_BUS PORT RAFT RPC_LOG SCRIPTS_REMOTE_DIR SESSION_EXPIRATION_TIME SHOWBACK_ONLY_RUNNING TIMEOUT
    TM_MAD_CONF VLAN_IDS VM_ADMIN_OPERATIONS VM_MANAGE_OPERATIONS VM_MONITORING_EXPIRATION_TIME VM_SUBMIT_ON_HOLD
    VM_USE_OPERATIONS VNC_PORTS VN_MAD_CONF VXLAN_IDS"""
"""What upstream answers with an empty ``oned.conf``."""


def test_configuration(oned: Daemon) -> None:
    shown = str(oned.ok("one.system.config"))
    assert "<PORT>" in shown
    assert [name for name in DEFAULTS.split() if f"<{name}>" not in shown] == []
    assert "<SCRIPTS_REMOTE_DIR><![CDATA[/var/tmp/one]]></SCRIPTS_REMOTE_DIR>" in shown
    assert "ONE_KEY" not in shown
    assert "db-secret-word" not in shown
    assert PASSWORD not in shown
