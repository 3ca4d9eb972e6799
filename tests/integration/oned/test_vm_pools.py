"""Lists of virtual machines over the API: who sees which, in what part, their history, use and cost."""

import time

import pytest
from lxml import etree

from tests.integration.oned.clients import Client, closed
from tests.integration.oned.conftest import served
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.machines import Ground, Machine, lay, running
from tests.integration.oned.names import unique
from tests.integration.oned.networking import value, values
from tests.integration.oned.vms import AUTHORIZATION, CONFIGURATION, INTERNAL, PARAMETER, SMALL, User, new_user

pytestmark = closed
oned = served("pools", CONFIGURATION)
ALL, GROUP, MINE, MY_GROUPS = -2, -4, -3, -1


@pytest.fixture(scope="module")
def ground(oned: Daemon) -> Ground:
    return lay(oned, "pools")


def ids(xml: str | int) -> list[int]:
    """The ids of a pool, in its order."""
    return [int(vm.findtext("ID") or -1) for vm in etree.fromstring(str(xml).encode()).findall("VM")]


def make(user: User, count: int = 1, more: str = "") -> list[int]:
    return [int(user.ok("one.vm.allocate", f"{SMALL}{more}")) for _ in range(count)]


def test_filters_show_what_a_user_may_see(oned: Daemon) -> None:
    first, second = new_user(oned), new_user(oned)
    mine, shared, hidden = make(first, 2), make(second, 1)[0], make(second, 1)[0]
    oned.ok("one.vm.chmod", shared, -1, -1, -1, -1, -1, -1, 1, -1, -1)
    everybody = new_user(oned)
    assert ids(first.ok("one.vmpool.info", ALL, -1, -1, -1)) == [*mine, shared]
    assert ids(first.ok("one.vmpool.info", MINE, -1, -1, -1)) == mine
    assert ids(first.ok("one.vmpool.info", MY_GROUPS, -1, -1, -1)) == mine
    assert ids(first.ok("one.vmpool.info", second.uid, -1, -1, -1)) == [shared]
    assert ids(everybody.ok("one.vmpool.info", GROUP, -1, -1, -1)) == []
    assert ids(oned.ok("one.vmpool.info", second.uid, -1, -1, -1)) == [shared, hidden]
    assert "Incorrect filter_flag" in oned.fails(PARAMETER, "one.vmpool.info", -5, -1, -1, -1)


def test_ranges_and_pages(oned: Daemon) -> None:
    user = new_user(oned)
    made = make(user, 5)
    assert ids(user.ok("one.vmpool.info", MINE, made[1], made[3], -1)) == made[1:4]
    assert ids(user.ok("one.vmpool.info", MINE, made[3], -1, -1)) == made[3:]
    assert ids(user.ok("one.vmpool.info", MINE, 0, -2, -1)) == made[:2]
    assert ids(user.ok("one.vmpool.info", MINE, 4, -2, -1)) == made[4:]
    oned.ok("one.user.update", user.uid, 'OPENNEBULA = [ A = "1" ]\nAPI_LIST_ORDER = "DESC"', 1)
    assert sorted(ids(user.ok("one.vmpool.info", MINE, -1, -1, -1))) == made


def test_states_are_chosen(oned: Daemon) -> None:
    user = new_user(oned)
    pending, held, gone = make(user, 3)
    Machine(oned, held).act("hold")
    Machine(oned, gone).act("terminate").reaches("DONE")
    for state, wanted in (
        (-2, [pending, held, gone]),
        (-1, [pending, held]),
        (1, [pending]),
        (2, [held]),
        (6, [gone]),
    ):
        assert ids(user.ok("one.vmpool.info", MINE, -1, -1, state)) == wanted
        assert ids(user.ok("one.vmpool.infoextended", MINE, -1, -1, state)) == wanted
    for state in (-3, 12):
        text = oned.fails(PARAMETER, "one.vmpool.info", MINE, -1, -1, state)
        assert text == "[one.vmpool.info] Incorrect filter_flag, state"


def test_lists_are_short_and_extended_ones_whole(oned: Daemon, one: Client) -> None:
    user = new_user(oned)
    oid = make(user, 1, 'LABELS = "blue"\nNOTE = "x"\nGRAPHICS = [ TYPE = "VNC" ]\n')[0]
    short, whole = one.vmpool.info(-2, oid, oid, -1).VM[0], one.vmpool.infoextended(-2, oid, oid, -1).VM[0]
    assert short.USER_TEMPLATE == {"LABELS": "blue"}
    assert short.TEMPLATE["GRAPHICS"]["TYPE"] == "VNC"
    assert whole.USER_TEMPLATE == {"LABELS": "blue", "NOTE": "x"}
    assert whole.TEMPLATE["VMID"] == str(oid)


def test_sets_are_of_ids(oned: Daemon, one: Client) -> None:
    user, other = new_user(oned), new_user(oned)
    made, hidden = make(user, 3), make(other)[0]
    asked = f"{made[2]}, {made[0]},{hidden},99999"
    assert ids(user.ok("one.vmpool.infoset", asked, False)) == [made[0], made[2]]
    assert [vm.ID for vm in one.vmpool.infoset(asked, True).VM] == [made[0], made[2], hidden]
    for nothing in ("", "x", "-1", "99999999999999999999"):
        assert user.ok("one.vmpool.infoset", nothing, False) == "<VM_POOL></VM_POOL>"


def test_words_are_searched_where_there_is_an_index(oned: Daemon) -> None:
    user, word = new_user(oned), unique("word").replace("-", "")
    oid = make(user, 2, f'NOTE = "some {word}.here"\n')[0]
    if "mysql" not in oned.db:
        text = oned.fails(INTERNAL, "one.vmpool.info", -2, -1, -1, -1, word)
        assert text == "[one.vmpool.info] Full text search is not supported by the SQL backend"
        return
    user.ok("one.vm.update", oid, f'NOTE = "other{word}"', 0)
    assert ids(user.ok("one.vmpool.info", -2, -1, -1, -1, f"NOTE=other{word}")) == [oid]
    assert ids(oned.ok("one.vmpool.infoextended", -2, -1, -1, -1, f"{word}.here")) == [oid + 1]
    assert ids(oned.ok("one.vmpool.info", -2, -1, -1, -1, '") OR 1=1 -- ' + word)) == []


def test_the_history_of_machines_is_accounted(oned: Daemon, one: Client, ground: Ground) -> None:
    before = int(time.time())
    machine = running(ground, "NAME = counted")
    Machine(oned, machine.oid).act("terminate-hard").reaches("DONE")
    found = [each for each in one.vmpool.accounting(-2, before - 5, -1).HISTORY if machine.oid == each.OID]
    assert [(each.SEQ, each.HID, each.VM.NAME) for each in found] == [(0, ground.hosts[0], "counted")]
    assert before - 1 <= found[0].STIME <= found[0].ETIME <= time.time() + 1
    assert found[0].VM.TEMPLATE["MEMORY"] == "128"
    assert f"<OID>{machine.oid}</OID>" not in str(oned.ok("one.vmpool.accounting", -2, -1, before - 5))
    assert f"<OID>{machine.oid}</OID>" not in str(oned.ok("one.vmpool.accounting", -2, int(time.time()) + 5, -1))
    stranger = new_user(oned)
    assert stranger.ok("one.vmpool.accounting", -2, -1, -1) == "<HISTORY_RECORDS></HISTORY_RECORDS>"
    assert "Incorrect filter_flag" in oned.fails(PARAMETER, "one.vmpool.accounting", -9, -1, -1)


def test_machines_cost_what_was_calculated(oned: Daemon, one: Client, ground: Ground) -> None:
    machine = running(ground, "NAME = dear\nCPU_COST = 3600000")
    time.sleep(1.1)
    month, year = time.localtime().tm_mon, time.localtime().tm_year
    assert oned.ok("one.vmpool.calculateshowback", -1, -1, -1, -1) == ""
    found = [each for each in one.vmpool.showback(-2, -1, -1, -1, -1).SHOWBACK if machine.oid == each.VMID]
    assert [(each.VMNAME, each.YEAR, each.MONTH) for each in found] == [("dear", year, month)]
    assert float(found[0].CPU_COST) >= 1
    inside = str(oned.ok("one.vmpool.showback", -2, month, year, month, year))
    assert str(machine.oid) in values(inside, "VMID")
    assert oned.ok("one.vmpool.showback", -2, month, year + 1, -1, -1) == "<SHOWBACK_RECORDS></SHOWBACK_RECORDS>"
    assert oned.ok("one.vmpool.showback", -2, -1, -1, month, year - 1) == "<SHOWBACK_RECORDS></SHOWBACK_RECORDS>"
    user = new_user(oned)
    assert "Action reserved for group 0 only" in user.fails(
        AUTHORIZATION, "one.vmpool.calculateshowback", 1, 1, 1, 1
    )
    for wrong in ((13, 2020, -1, -1), (1, 2020, 0, 2020), (1, 10**6, -1, -1), (1, 2020, 1, -5)):
        assert "Wrong month or year" in oned.fails(PARAMETER, "one.vmpool.calculateshowback", *wrong)


def test_a_machine_shows_all_of_its_history(oned: Daemon, one: Client, ground: Ground) -> None:
    machine = running(ground)
    machine.act("poweroff-hard").reaches("POWEROFF")
    machine.act("resume").reaches("RUNNING")
    records = one.vm.info(machine.oid).HISTORY_RECORDS.HISTORY
    assert [record.SEQ for record in records] == list(range(len(records)))
    assert len(records) >= 1
    assert value(oned.ok("one.vmpool.info", -2, machine.oid, machine.oid, -1), "HID") == str(ground.hosts[0])


def test_what_was_seen_is_asked_in_three_ways(oned: Daemon, one: Client) -> None:
    oid = make(new_user(oned))[0]
    assert not one.vm.monitoring(oid).MONITORING
    for seconds in (-5, -1, 0, 60, 2**31 - 1):
        assert str(oned.ok("one.vmpool.monitoring", -2, seconds)).startswith("<MONITORING_DATA>")
    assert oned.ok("one.vmpool.monitoring", -3) == "<MONITORING_DATA></MONITORING_DATA>"
    assert "Incorrect filter_flag" in oned.fails(PARAMETER, "one.vmpool.monitoring", -9, 0)
