"""The check that every answer goes through: what it lets pass and what it finds."""

import pytest

from tests.integration.oned.daemon import Daemon
from tests.support import answers

WRONG = {
    "an unknown element": ("<NAME>", "<NICK>x</NICK><NAME>", ["GROUP/NICK: unknown"]),
    "a missing one": ("<NAME>users</NAME>", "", ["GROUP/NAME: missing"]),
    "one twice": ("<NAME>users</NAME>", "<NAME>a</NAME><NAME>b</NAME>", ["GROUP/NAME: more than once"]),
    "text for a number": ("<ID>1</ID>", "<ID>one</ID>", ["GROUP/ID: 'one' is no integer"]),
    "nothing for a number": ("<ID>1</ID>", "<ID></ID>", ["GROUP/ID: '' is no integer"]),
    "another order": ("<ID>1</ID><NAME>users</NAME>", "<NAME>users</NAME><ID>1</ID>", ["GROUP/ID: after NAME"]),
    "elements for text": ("<NAME>users", "<NAME><B/>users", ["GROUP/NAME: elements where text belongs"]),
    "text for elements": ("<ADMINS>", "<ADMINS>x", ["GROUP/ADMINS: text 'x' where elements belong"]),
    "wrong deep inside": (
        "<USERS>",
        "<USERS><ID>-</ID><UID>1</UID>",
        ["GROUP/USERS/ID: '-' is no integer", "GROUP/USERS/UID: unknown"],
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found(oned: Daemon, name: str) -> None:
    text = str(oned.ok("one.group.info", 1))
    old, new, found = WRONG[name]
    assert old in text
    assert answers.schema().problems(text) == []
    assert answers.schema().problems(text.replace(old, new, 1)) == found


def test_roots_are_known() -> None:
    assert answers.schema().problems("<GROUPS></GROUPS>") == ["GROUPS: unknown document"]
    assert {"VM", "VM_POOL", "HISTORY_RECORDS", "SHOWBACK_RECORDS", "HOOKLOG", "RAFT"} <= set(
        answers.schema().elements
    )
    assert len(answers.schema().elements["VM"].children) > 20


def test_messages_are_told_apart() -> None:
    check = answers.schema().problems
    begin = "<HOOK_MESSAGE><HOOK_TYPE>STATE</HOOK_TYPE><HOOK_OBJECT>HOST</HOOK_OBJECT><STATE>ERROR</STATE>"
    assert "HOOK_MESSAGE of HOST/HOST: missing" in check(f"{begin}</HOOK_MESSAGE>")
    assert check("<HOOK_MESSAGE><ARGUMENTS>x</ARGUMENTS></HOOK_MESSAGE>") == [
        "HOOK_MESSAGE of RETRY/HOOK_ID: missing"
    ]
    call = "<HOOK_MESSAGE><HOOK_TYPE>API</HOOK_TYPE><CALL>one.x.y</CALL><CALL_INFO><RESULT>1</RESULT><PARAMETERS>"
    parameter = "<PARAMETER><POSITION>1</POSITION><TYPE>BOTH</TYPE><VALUE/></PARAMETER>"
    found = check(f"{call}{parameter}</PARAMETERS></CALL_INFO></HOOK_MESSAGE>")
    assert found == ["HOOK_MESSAGE/CALL_INFO/PARAMETERS/PARAMETER/TYPE: 'BOTH' is none of ['IN', 'OUT']"]


def test_every_answer_is_checked(oned: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that wrote what no client knows would fail every test that asks it."""
    seen: list[str] = []
    monkeypatch.setattr(answers, "check", seen.append)
    text = str(oned.ok("one.group.info", 1))
    assert seen == [text]
    oned.ok("one.system.version")
    oned.fails(0x400, "one.group.info", 99999)
    assert seen == [text]
