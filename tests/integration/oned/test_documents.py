"""Documents over the API: life, rights, locks, lists."""

import itertools
import json
import re

import pytest

from tests.integration.oned.daemon import Daemon

AUTHORIZATION, NO_EXISTS, ACTION, PARAMETER, INTERNAL = 0x200, 0x400, 0x800, 0x1000, 0x2000
_numbers = itertools.count()


@pytest.fixture
def joe(oned: Daemon) -> str:
    """The session of a new user of the group users."""
    name = f"doc{next(_numbers)}"
    oned.ok("one.user.allocate", name, "word", "core")
    return f"{name}:word"


def ids(xml: str | int) -> list[int]:
    return [int(found) for found in re.findall(r"<DOCUMENT><ID>(\d+)</ID>", str(xml))]


def value(xml: str | int, name: str) -> str:
    found = re.search(rf"<{name}>(?:<!\[CDATA\[)?(.*?)(?:\]\]>)?</{name}>", str(xml), re.DOTALL)
    assert found, (name, xml)
    return found.group(1)


def test_body_is_as_upstream_writes_it(oned: Daemon) -> None:
    oid = oned.ok("one.document.allocate", 'NAME = "a doc"\nBODY = "{}"\nV = [ B = 2, A = "<1>" ]', 101)
    assert oned.ok("one.document.info", oid) == (
        f"<DOCUMENT><ID>{oid}</ID><UID>0</UID><GID>0</GID><UNAME>oneadmin</UNAME><GNAME>oneadmin</GNAME>"
        "<NAME>a doc</NAME><TYPE>101</TYPE><PERMISSIONS><OWNER_U>1</OWNER_U><OWNER_M>1</OWNER_M><OWNER_A>0</OWNER_A>"
        "<GROUP_U>0</GROUP_U><GROUP_M>0</GROUP_M><GROUP_A>0</GROUP_A><OTHER_U>0</OTHER_U><OTHER_M>0</OTHER_M>"
        "<OTHER_A>0</OTHER_A></PERMISSIONS><TEMPLATE><BODY><![CDATA[{}]]></BODY>"
        "<V><A><![CDATA[<1>]]></A><B><![CDATA[2]]></B></V></TEMPLATE></DOCUMENT>"
    )


def test_names(oned: Daemon) -> None:
    nameless = oned.ok("one.document.allocate", "", 100)
    assert value(oned.ok("one.document.info", nameless), "NAME") == f"document-{nameless}"
    text = oned.fails(INTERNAL, "one.document.allocate", f'NAME = "{"x" * 129}"', 100)
    assert text == "[one.document.allocate] NAME is too long; max length is 128 chars."
    same = [oned.ok("one.document.allocate", "NAME = same", 100) for _ in range(2)]
    assert same[0] != same[1]
    assert oned.ok("one.document.rename", nameless, "other") == nameless
    assert value(oned.ok("one.document.info", nameless), "NAME") == "other"
    text = oned.fails(ACTION, "one.document.rename", nameless, "a<b")
    assert text == "[one.document.rename] Invalid NAME, char '<' is not allowed"


def test_any_json_survives(oned: Daemon) -> None:
    body = json.dumps({"text": 'ü€𝄞 "q" \\ <tag> &amp; ]]> \n', "list": list(range(100))}, ensure_ascii=False)
    escaped = body.replace("]]>", "]]]]><![CDATA[>")
    oid = oned.ok("one.document.allocate", f"<TEMPLATE><BODY><![CDATA[{escaped}]]></BODY></TEMPLATE>", 100)
    stored = value(oned.ok("one.document.info", oid), "BODY").replace("]]]]><![CDATA[>", "]]>")
    assert stored == body
    oned.ok("one.document.update", oid, "A = 1", 1)
    assert value(oned.ok("one.document.info", oid), "BODY").replace("]]]]><![CDATA[>", "]]>") == body


def test_update(oned: Daemon) -> None:
    oid = oned.ok("one.document.allocate", "A = 1\nA = 2\nB = 3", 100)
    assert oned.ok("one.document.update", oid, "A = 9\nC = 4", 1) == oid
    info = oned.ok("one.document.info", oid)
    assert (value(info, "A"), value(info, "B"), value(info, "C")) == ("9", "3", "4")
    oned.ok("one.document.update", oid, "D = 5", 0)
    assert "<A>" not in str(oned.ok("one.document.info", oid))
    oned.ok("one.document.update", oid, "E = 6")
    assert value(oned.ok("one.document.info", oid), "E") == "6"
    assert oned.fails(PARAMETER, "one.document.update", oid, "", 2).endswith("Wrong update type")
    text = oned.fails(INTERNAL, "one.document.update", oid, "A = [", 0)
    assert text.startswith("[one.document.update] Cannot update template. Parse error: syntax error")
    text = oned.fails(INTERNAL, "one.document.allocate", "<TEMPLATE>", 100)
    assert text == "[one.document.allocate] Parse error: XML Template malformed."


@pytest.mark.parametrize("oid", [-1, 99999999, 2147483647])
def test_documents_that_are_not_there(oned: Daemon, oid: int) -> None:
    answer = oned.call("one.document.info", oid)
    wanted = f"[one.document.info] Error getting document [{oid}]." if oid >= 0 else answer[1]
    assert answer[:4] == [False, wanted, NO_EXISTS, oid]
    assert len(answer) == 5
    for name, params in (
        ("update", ("A = 1",)),
        ("delete", ()),
        ("rename", ("x",)),
        ("clone", ("x",)),
        ("lock", (1,)),
        ("unlock", ()),
        ("chown", (-1, -1)),
        ("chmod", (-1,) * 9),
    ):
        oned.fails(NO_EXISTS, f"one.document.{name}", oid, *params)


def test_users_see_and_change_their_own(oned: Daemon, joe: str) -> None:
    mine = oned.ok("one.document.allocate", "NAME = mine", 100, session=joe)
    others = oned.ok("one.document.allocate", "NAME = others", 100)
    assert value(oned.ok("one.document.info", mine, session=joe), "GNAME") == "users"
    text = oned.fails(AUTHORIZATION, "one.document.info", others, session=joe)
    assert re.fullmatch(
        rf"\[one.document.info\] User \[\d+\] : Not authorized to perform USE DOCUMENT \[{others}\]\.", text
    )
    for name, params in (
        ("update", ("A = 1",)),
        ("delete", ()),
        ("rename", ("x",)),
        ("clone", ("x",)),
        ("lock", (1,)),
        ("unlock", ()),
        ("chown", (-1, 1)),
        ("chmod", (1, 1, -1, -1, -1, -1, -1, -1, -1)),
    ):
        oned.fails(AUTHORIZATION, f"one.document.{name}", others, *params, session=joe)
    oned.ok("one.document.chmod", others, -1, -1, -1, -1, -1, -1, 1, -1, -1)
    assert oned.ok("one.document.info", others, session=joe)
    copy = oned.ok("one.document.clone", others, "copy", session=joe)
    info = oned.ok("one.document.info", copy, session=joe)
    assert (value(info, "NAME"), value(info, "TYPE"), value(info, "OTHER_U")) == ("copy", "100", "0")
    assert oned.ok("one.document.delete", mine, session=joe) == mine


def test_chown(oned: Daemon, joe: str) -> None:
    oid = oned.ok("one.document.allocate", f"NAME = given-{joe[:6]}", 100)
    uid = int(value(oned.ok("one.user.info", -1, session=joe), "ID"))
    assert oned.ok("one.document.chown", oid, uid, 1) == oid
    info = oned.ok("one.document.info", oid, session=joe)
    assert (value(info, "UID"), value(info, "UNAME"), value(info, "GNAME")) == (
        str(uid),
        joe.split(":", maxsplit=1)[0],
        "users",
    )
    again = oned.ok("one.document.allocate", f"NAME = given-{joe[:6]}", 100)
    text = oned.fails(INTERNAL, "one.document.chown", again, uid, -1)
    assert text.endswith(f"user [{uid}] already owns document [{oid}] with NAME given-{joe[:6]}")
    assert oned.fails(NO_EXISTS, "one.document.chown", oid, 9999, -1).endswith("Error getting user [9999].")
    oned.fails(AUTHORIZATION, "one.document.chown", oid, 0, -1, session=joe)


def test_chown_compares_names_as_the_database_does(oned: Daemon, joe: str) -> None:
    """As in 6.0: MariaDB takes names that differ in case for the same."""
    uid = int(value(oned.ok("one.user.info", -1, session=joe), "ID"))
    name = f"Case-{joe[:6]}"
    held = oned.ok("one.document.allocate", f"NAME = {name}", 100, session=joe)
    oid = oned.ok("one.document.allocate", f"NAME = {name.lower()}", 100)
    answer = oned.call("one.document.chown", oid, uid, -1)
    if "mysql" in oned.db:
        text = f"user [{uid}] already owns document [{held}] with NAME {name.lower()}"
        assert answer[:3] == [False, f"[one.document.chown] {text}", INTERNAL]
    else:
        assert answer[:2] == [True, oid]


def test_chmod(oned: Daemon, joe: str) -> None:
    oid = oned.ok("one.document.allocate", "", 100, session=joe)
    oned.ok("one.document.chmod", oid, 1, 1, -1, 1, 0, -1, 0, 0, 0, session=joe)
    assert value(oned.ok("one.document.info", oid), "GROUP_U") == "1"
    oned.fails(AUTHORIZATION, "one.document.chmod", oid, -1, -1, 1, -1, -1, -1, -1, -1, -1, session=joe)
    text = oned.fails(INTERNAL, "one.document.chmod", oid, 2, -1, -1, -1, -1, -1, -1, -1, -1)
    assert text.endswith("New permission values must be -1, 0 or 1")


def test_locks(oned: Daemon, joe: str) -> None:
    oid = oned.ok("one.document.allocate", "", 100, session=joe)
    assert oned.ok("one.document.lock", oid, 2) == oid
    info = oned.ok("one.document.info", oid, session=joe)
    assert (value(info, "LOCKED"), value(info, "OWNER")) == ("2", "0")
    oned.fails(AUTHORIZATION, "one.document.update", oid, "A = 1", session=joe)
    text = oned.fails(AUTHORIZATION, "one.document.update", oid, "A = 1")
    assert text == f"[one.document.update] User [0] : DOCUMENT is locked. [{oid}]."
    text = oned.fails(ACTION, "one.document.unlock", oid, session=joe)
    assert text == "[one.document.unlock] Cannot unlock: Lock is owned by another user"
    text = oned.fails(ACTION, "one.document.lock", oid, 2, True)
    assert re.fullmatch(r"\[one.document.lock\] \d{10}", text)
    assert oned.fails(ACTION, "one.document.lock", oid, 5).endswith("Error trying to lock the resource.")
    assert oned.ok("one.document.unlock", oid) == oid
    assert "<LOCK>" not in str(oned.ok("one.document.info", oid))
    assert oned.ok("one.document.update", oid, "A = 1", session=joe) == oid


def test_lists(oned: Daemon, joe: str) -> None:
    kind = 500 + next(_numbers)
    admins = [oned.ok("one.document.allocate", "", kind) for _ in range(3)]
    mine = [oned.ok("one.document.allocate", "", kind, session=joe) for _ in range(5)]

    def listed(flag: int, start: int = -1, end: int = -1, session: str = joe) -> list[int]:
        return ids(oned.ok("one.documentpool.info", flag, start, end, kind, session=session))

    assert listed(-2) == mine
    assert listed(-3) == mine
    assert listed(-4) == mine
    assert listed(0) == []
    uid = int(value(oned.ok("one.user.info", -1, session=joe), "ID"))
    assert listed(uid) == mine
    admin = oned.ok("one.documentpool.info", -2, -1, -1, kind)
    assert ids(admin) == admins + mine
    assert ids(oned.ok("one.documentpool.info", -3, -1, -1, kind)) == admins
    oned.ok("one.document.chmod", admins[1], -1, -1, -1, -1, -1, -1, 1, -1, -1)
    assert listed(-2) == [admins[1], *mine]
    assert listed(-2, int(mine[1]), int(mine[3])) == mine[1:4]
    assert listed(-2, int(mine[2]), -1) == mine[2:]
    assert [listed(-2, offset, -2) for offset in (0, 2, 4, 6)] == [
        [admins[1], mine[0]],
        mine[1:3],
        mine[3:5],
        [],
    ]
    assert oned.fails(PARAMETER, "one.documentpool.info", -5, -1, -1, kind).endswith("Incorrect filter_flag")
    assert oned.ok("one.documentpool.info", -2, -1, -1, 424242) == "<DOCUMENT_POOL></DOCUMENT_POOL>"
    oned.ok("one.user.update", uid, "API_LIST_ORDER = DESC", 1, session=joe)
    assert listed(-3) == mine[::-1]


def test_secrets_of_provisions(oned: Daemon, joe: str) -> None:
    oid = oned.ok("one.document.allocate", 'PROVISION_BODY = "secret-word"\nBODY = x', 103, session=joe)
    assert "secret-word" not in str(oned.ok("one.document.info", oid))
    assert "secret-word" not in str(oned.ok("one.document.info", oid, True, session=joe))
    assert value(oned.ok("one.document.info", oid, True), "PROVISION_BODY") == "secret-word"
    oned.ok("one.document.update", oid, "BODY = y", 1)
    assert value(oned.ok("one.document.info", oid, True), "PROVISION_BODY") == "secret-word"
