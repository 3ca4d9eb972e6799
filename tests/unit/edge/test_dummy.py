"""The dummy family: what it answers, and how templates make it wait, fail and hang."""

import asyncio
import base64
import contextlib
import json
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.dummy.auth import Auth
from edge.dummy.behaviour import Dummy
from edge.dummy.datastore import Datastore
from edge.dummy.im import Im
from edge.dummy.ipam import Ipam
from edge.dummy.market import Market
from edge.dummy.tm import Tm
from edge.dummy.vmm import Vmm
from onelib.driver import DriverError, DriverSettings
from onelib.template import Template


def made(cls: type[Dummy], arguments: str = "", folder: Path = Path("/var/lib/one")) -> Dummy:
    return cls(DriverSettings(cls.__name__.lower(), "dummy", "", tuple(arguments.split()), folder=folder))


def ask(driver: Dummy, action: str, message: str = "", oid: int = 7, task: str = "1") -> str:
    return asyncio.run(driver.call(action, oid, message, task))


def vm(dummy: str, inner: str = "") -> str:
    template = f"<VM><USER_TEMPLATE><DUMMY>{dummy}</DUMMY></USER_TEMPLATE></VM>"
    return f"<VMM_DRIVER_ACTION_DATA>{inner}{template}</VMM_DRIVER_ACTION_DATA>"


@pytest.mark.parametrize(
    ("cls", "action", "message", "answer"),
    [
        (Vmm, "DEPLOY", "", "one-7"),
        (Vmm, "SHUTDOWN", "", ""),
        (Vmm, "SNAPSHOTCREATE", "", "dummy-snap"),
        (Vmm, "DISKSNAPSHOTCREATE", "", "dummy-snap"),
        (Vmm, "UPDATESG", "<A><SECURITY_GROUP_ID>101</SECURITY_GROUP_ID></A>", "101"),
        (Tm, "TRANSFER", "CLONE dummy a:b c:d 7 1\n# MV\n\nCONTEXT dummy x y 7 0", ""),
        (Tm, "TRANSFER", "<A><COMMANDS>CLONE.ssh dummy a:b c:d 7 1</COMMANDS></A>", ""),
        (Datastore, "STAT", "", "1024"),
        (Datastore, "CP", "<A><DATASTORE><ID>1</ID></DATASTORE></A>", "/var/lib/one/datastores/1/dummy-7 raw"),
        (Datastore, "CLONE", "", "/var/lib/one/datastores/0/dummy-7"),
        (Datastore, "MKFS", "", "/var/lib/one/datastores/0/dummy-7"),
        (Datastore, "RM", "", ""),
        (Market, "DELETE", "", ""),
        (Im, "STOP_MONITOR", "", ""),
        (Auth, "AUTHENTICATE", "5 dummy jo - secret", "dummy jo secret"),
    ],
)
def test_answers(cls: type[Dummy], action: str, message: str, answer: str) -> None:
    assert ask(made(cls), action, message) == answer


@pytest.mark.parametrize("cls", [Vmm, Tm, Datastore, Market, Ipam, Im, Auth])
def test_an_unknown_action_is_an_error(cls: type[Dummy]) -> None:
    with pytest.raises(DriverError, match="has no action DANCE"):
        ask(made(cls), "DANCE", "5 dummy jo - secret" if cls is Auth else "<A/>")


@pytest.mark.parametrize("cls", [Datastore, Tm, Market])
def test_space_is_a_template(cls: type[Dummy]) -> None:
    space = Template.from_text(ask(made(cls), "MONITOR", "<A/>"))
    assert int(space.get("TOTAL_MB")) == int(space.get("FREE_MB")) + int(space.get("USED_MB"))


def test_an_app_has_all_that_the_server_needs() -> None:
    message = "<A><IMAGE><SIZE>12</SIZE></IMAGE><MARKETPLACE><ID>3</ID></MARKETPLACE></A>"
    app = Template.from_text(ask(made(Market), "IMPORT", message))
    assert app.get("SIZE") == "12"
    assert all(app.get(name) for name in ("SOURCE", "MD5", "FORMAT"))
    assert ask(made(Market), "IMPORT", message) == ask(made(Market), "IMPORT", message, task="2")


def test_delay_of_the_driver_and_of_the_object() -> None:
    driver = made(Vmm, "-d 0.05")
    begin = time.monotonic()
    ask(driver, "DEPLOY")
    assert 0.05 <= time.monotonic() - begin < 0.5
    begin = time.monotonic()
    ask(driver, "DEPLOY", vm("<DELAY>0.2</DELAY>"))
    assert 0.2 <= time.monotonic() - begin < 0.7
    begin = time.monotonic()
    ask(driver, "DEPLOY", vm("<DELAY>soon</DELAY>"))
    assert time.monotonic() - begin < 0.5


def test_failures_that_are_asked_for() -> None:
    driver = made(Vmm)
    message = vm("<FAIL>deploy, Shutdown</FAIL>")
    for action in ("DEPLOY", "SHUTDOWN"):
        with pytest.raises(DriverError, match=f"{action.lower()} fails"):
            ask(driver, action, message)
    assert ask(driver, "CANCEL", message) == ""


def test_a_failure_once_stays_one_for_the_same_task() -> None:
    driver = made(Vmm)
    message = vm("<FAIL_ONCE>deploy</FAIL_ONCE>")
    for _ in range(2):
        with pytest.raises(DriverError):
            ask(driver, "DEPLOY", message, task="1")
    assert ask(driver, "DEPLOY", message, task="2") == "one-7"
    with pytest.raises(DriverError):
        ask(driver, "DEPLOY", message, oid=8, task="3")


def test_a_hang_ends_when_nobody_waits() -> None:
    async def run() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(made(Vmm).call("DEPLOY", 7, vm("<HANG>deploy</HANG>"), "1"), 0.1)

    asyncio.run(run())


def test_a_transfer_fails_by_its_commands() -> None:
    message = vm("<FAIL>mv</FAIL>", "<COMMANDS>{}</COMMANDS>")
    assert ask(made(Tm), "TRANSFER", message.format("CLONE dummy a b 7 1")) == ""
    with pytest.raises(DriverError, match="mv fails"):
        ask(made(Tm), "TRANSFER", message.format("CLONE dummy a b 7 1\nMV dummy a b 7 1"))
    with pytest.raises(DriverError, match="'fly' does not exist"):
        ask(made(Tm), "TRANSFER", "FLY dummy a b 7 1")


@given(st.text(max_size=60))
def test_any_message_is_answered_or_an_error(message: str) -> None:
    with contextlib.suppress(DriverError):
        assert ask(made(Vmm), "DEPLOY", message) == "one-7"


def sections(host: str) -> dict[str, Template]:
    answer = ask(made(Im), "START_MONITOR", f"<A><HOST>{host}</HOST></A>", oid=3)
    root = ET.fromstring(answer)  # noqa: S314 (our own)
    assert abs(int(root.findtext("TIMESTAMP") or 0) - time.time()) < 5
    return {
        part.tag: Template.from_text(base64.b64decode(part.text or "", validate=True).decode())
        for part in root
        if part.tag != "TIMESTAMP"
    }


def test_a_host_reports() -> None:
    share = "<HOST_SHARE><CPU_USAGE>200</CPU_USAGE><MEM_USAGE>1048576</MEM_USAGE></HOST_SHARE>"
    found = sections(f"<ID>3</ID><NAME>h3</NAME>{share}<VMS><ID>7</ID><ID>8</ID></VMS>")
    system, load = found["SYSTEM_HOST"], found["MONITOR_HOST"]
    assert (system.get("TOTALCPU"), system.get("TOTALMEMORY")) == ("800", "16777216")
    assert (system.get("HYPERVISOR"), system.get("HOSTNAME")) == ("dummy", "h3")
    assert (load.get("USEDCPU"), load.get("FREECPU")) == ("100", "700")
    assert int(load.get("USEDMEMORY")) + int(load.get("FREEMEMORY")) == 16777216
    machines = found["MONITOR_VM"].vectors("VM")
    assert [machine["ID"] for machine in machines] == ["7", "8"]
    inner = Template.from_text(base64.b64decode(machines[0]["MONITOR"]).decode())
    assert float(inner.get("CPU")) >= 0
    assert len(found["STATE_VM"]) == 0


def test_a_host_reports_the_states_that_it_is_told_to() -> None:
    dummy = "<TEMPLATE><DUMMY><VM_STATE>7:poweroff, 8:UNKNOWN, x:y, 9</VM_STATE></DUMMY></TEMPLATE>"
    states = sections(f"<NAME>h</NAME>{dummy}")["STATE_VM"].vectors("VM")
    assert [(state["ID"], state["STATE"]) for state in states] == [("7", "POWEROFF"), ("8", "UNKNOWN")]


RANGE = "<A><AR><IP>10.1.0.1</IP><SIZE>3</SIZE>{}</AR><ADDRESS><IP>{}</IP><SIZE>{}</SIZE></ADDRESS></A>"


def address(size: int, ip: str = "", more: str = "") -> str:
    return RANGE.format(more, ip, size)


def given_ip(ipam: Dummy, size: int, task: str) -> str:
    return Template.from_text(ask(ipam, "GET_ADDRESS", address(size), task=task)).vector("ADDRESS")["IP"]


def test_addresses_are_given_once(tmp_path: Path) -> None:
    ipam = made(Ipam, folder=tmp_path)
    assert [given_ip(ipam, 1, task) for task in ("a", "b", "a")] == ["10.1.0.1", "10.1.0.2", "10.1.0.1"]
    with pytest.raises(DriverError, match="not enough free"):
        given_ip(ipam, 2, "c")
    with pytest.raises(DriverError, match="in use"):
        ask(ipam, "ALLOCATE_ADDRESS", address(1, "10.1.0.2"), task="c")
    ask(ipam, "FREE_ADDRESS", address(1, "10.1.0.2"))
    ask(made(Ipam, folder=tmp_path), "ALLOCATE_ADDRESS", address(2, "10.1.0.2"), task="c")
    with pytest.raises(DriverError, match="no IP and SIZE"):
        ask(ipam, "GET_ADDRESS", "<A/>")


def test_ranges(tmp_path: Path) -> None:
    ipam = made(Ipam, folder=tmp_path)
    given_range = Template.from_text(ask(ipam, "REGISTER_ADDRESS_RANGE", "<A><AR/></A>")).vector("AR")
    assert (given_range["IP"], given_range["SIZE"]) == ("10.0.0.1", "100")
    asked = Template.from_text(
        ask(ipam, "REGISTER_ADDRESS_RANGE", "<A><AR><IP>1.2.3.4</IP><MORE>x</MORE></AR></A>")
    )
    assert asked.vector("AR") | {"SIZE": "1", "MORE": "x", "IPAM_MAD": "dummy"} == asked.vector("AR")
    assert len(json.loads((tmp_path / "dummy_ipam.json").read_text())[""]) == 2
    ask(ipam, "UNREGISTER_ADDRESS_RANGE", "<A><AR><IP>1.2.3.4</IP><SIZE>1</SIZE></AR></A>")
    assert len(json.loads((tmp_path / "dummy_ipam.json").read_text())[""]) == 1


def test_a_range_asks_for_trouble(tmp_path: Path) -> None:
    ipam = made(Ipam, folder=tmp_path)
    with pytest.raises(DriverError, match="get_address fails"):
        ask(ipam, "GET_ADDRESS", address(1, more="<DUMMY_FAIL>get_address</DUMMY_FAIL>"))
    assert ask(ipam, "FREE_ADDRESS", address(1, "10.1.0.1", "<DUMMY_FAIL>get_address</DUMMY_FAIL>")) == ""
    with pytest.raises(DriverError, match="register"):
        ask(made(Ipam, folder=tmp_path / "none"), "GET_ADDRESS", address(1))


def test_an_empty_secret_is_not_believed() -> None:
    with pytest.raises(DriverError, match="secret"):
        ask(made(Auth), "AUTHENTICATE", "5 dummy jo -")
