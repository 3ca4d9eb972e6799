"""Which hooks an event starts, with what arguments, and what the manager reads of its configuration."""

from base64 import b64decode
from pathlib import Path

import pytest
from lxml import etree

from hem.hooks import Hook, Hooks, arguments, remote_host
from hem.settings import Settings, SettingsError, read
from onelib.locations import Locations

POOL = """<HOOK_POOL>
<HOOK><ID>1</ID><TYPE>api</TYPE><TEMPLATE><CALL>one.vm.allocate</CALL><COMMAND>a</COMMAND></TEMPLATE></HOOK>
<HOOK><ID>2</ID><TYPE>state</TYPE><TEMPLATE><RESOURCE>VM</RESOURCE><STATE>ACTIVE</STATE><LCM_STATE>BOOT</LCM_STATE>
<COMMAND>b</COMMAND><ARGUMENTS_STDIN>Yes</ARGUMENTS_STDIN><REMOTE>YES</REMOTE><TIMEOUT>7</TIMEOUT></TEMPLATE></HOOK>
<HOOK><ID>3</ID><TYPE>state</TYPE><TEMPLATE><RESOURCE>HOST</RESOURCE><STATE>ERROR</STATE><COMMAND>c</COMMAND>
<TIMEOUT>soon</TIMEOUT></TEMPLATE></HOOK>
<HOOK><ID>4</ID><TYPE>api</TYPE><TEMPLATE><CALL>one.vm.allocate</CALL><COMMAND>d</COMMAND></TEMPLATE></HOOK>
</HOOK_POOL>"""
HOOKS = Hooks.of(etree.fromstring(POOL))
API = (
    "<HOOK_MESSAGE><HOOK_TYPE>API</HOOK_TYPE><CALL>one.x</CALL><CALL_INFO><RESULT>1</RESULT><EXTRA><VM>é</VM>"
    "</EXTRA></CALL_INFO></HOOK_MESSAGE>"
)
STATE = (
    "<HOOK_MESSAGE><HOOK_TYPE>STATE</HOOK_TYPE><HOOK_OBJECT>HOST</HOOK_OBJECT><REMOTE_HOST>h1</REMOTE_HOST>"
    "<HOST><ID>3</ID><TEMPLATE><HOST>inner</HOST></TEMPLATE></HOST></HOOK_MESSAGE>"
)


@pytest.mark.parametrize(
    ("key", "started"),
    [
        ("EVENT API one.vm.allocate 1", [1, 4]),
        ("EVENT API one.vm.allocate 0", [1, 4]),
        ("EVENT API one.vm.allocates 1", []),
        ("EVENT STATE VM/ACTIVE/BOOT/17 ", [2]),
        ("EVENT STATE VM/ACTIVE/BOOT_POWEROFF/17 ", []),
        ("EVENT STATE HOST/ERROR//2 ", [3]),
        ("EVENT HOST 2/ERROR/ ", []),
        ("EVENT SERVICE 2 ", []),
        ("RETRY", []),
        ("", []),
    ],
)
def test_what_an_event_starts(key: str, started: list[int]) -> None:
    assert [hook.oid for hook in HOOKS.started_by(key)] == started


def test_how_a_hook_is_run() -> None:
    assert HOOKS.by_id[2] == Hook(2, "VM/ACTIVE/BOOT", "b", stdin=True, remote=True, timeout=7)
    assert HOOKS.by_id[3] == Hook(3, "HOST/ERROR/", "c")


def test_arguments_of_a_call() -> None:
    first, second, third = arguments(Hook(1, "", "", "one $API  $TEMPLATE"), API).split(" ")
    assert (first, third) == ("one", "")
    assert b64decode(second).decode() == API[API.index("<CALL_INFO>") : -len("</HOOK_MESSAGE>")]
    assert remote_host(API) == ""


def test_arguments_of_a_state() -> None:
    first, second = arguments(Hook(1, "", "", "$API $TEMPLATE"), STATE).split(" ")
    assert first == ""
    assert b64decode(second).decode() == "<HOST><ID>3</ID><TEMPLATE><HOST>inner</HOST></TEMPLATE></HOST>"
    assert remote_host(STATE) == "h1"
    assert arguments(Hook(1, "", ""), STATE) == ""


def test_the_shipped_configuration_is_the_default(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[3] / "onecfg/defaults/etc/one/onehem-server.conf"
    found = read(shipped, Locations(tmp_path))
    assert found == read(tmp_path / "none", Locations(tmp_path))
    assert found == Settings(hooks=tmp_path / "var/lib/one/remotes/hooks")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (":concurrency: 0", ":concurrency"),
        (":concurrency: many", ":concurrency"),
        (":debug_level: 4", ":debug_level"),
        (":debug_level: true", ":debug_level"),
        (":hook_base_path: here", ":hook_base_path"),
        (":subscriber_endpoint: 2101", ":subscriber_endpoint"),
        ("- a list", "keys and values"),
        (": : :", "YAML"),
        ("\x00", "YAML"),
    ],
)
def test_wrong_configuration_is_named(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "conf").write_text(text)
    with pytest.raises(SettingsError, match=named) as caught:
        read(tmp_path / "conf", Locations(tmp_path))
    assert caught.value.exit_code == 78
