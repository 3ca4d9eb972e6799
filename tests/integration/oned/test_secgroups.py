"""Security groups over the API: life, rules, rights, what a change means for machines."""

from collections.abc import Iterator

import pytest

from oned.config import read_settings
from oned.database.db import Database
from oned.network.groups import join
from onelib.locations import Locations
from tests.integration.oned.clients import Client, closed
from tests.integration.oned.conftest import served
from tests.integration.oned.daemon import PASSWORD, Daemon, Param
from tests.integration.oned.names import unique
from tests.integration.oned.networking import (
    ACTION,
    ALL,
    ALLOCATE,
    AUTHORIZATION,
    CONFIGURATION,
    CREATE,
    INTERNAL,
    NO_EXISTS,
    SECGROUP,
    grant,
    new_user,
)

pytestmark = closed
oned = served("secgroups", CONFIGURATION)
PROTOCOLS = "TCP, UDP, ICMP, ICMPV6, IPSEC, ALL"
RULE = "RULE = [ PROTOCOL = TCP, RULE_TYPE = inbound, RANGE = 22 ]"


@pytest.fixture
def database(oned: Daemon) -> Iterator[Database]:
    database = Database(read_settings(oned.conf, Locations(oned.root)).database)
    database.start()
    yield database
    database.close()


def new(oned: Daemon, session: str = f"oneadmin:{PASSWORD}") -> int:
    return int(oned.ok("one.secgroup.allocate", f"NAME = {unique('group')}\n{RULE}", session=session))


def test_the_first_group(oned: Daemon) -> None:
    assert oned.ok("one.secgroup.info", 0) == (
        "<SECURITY_GROUP><ID>0</ID><UID>0</UID><GID>0</GID><UNAME>oneadmin</UNAME><GNAME>oneadmin</GNAME>"
        "<NAME>default</NAME><PERMISSIONS><OWNER_U>1</OWNER_U><OWNER_M>1</OWNER_M><OWNER_A>1</OWNER_A>"
        "<GROUP_U>1</GROUP_U><GROUP_M>0</GROUP_M><GROUP_A>0</GROUP_A><OTHER_U>1</OTHER_U><OTHER_M>0</OTHER_M>"
        "<OTHER_A>0</OTHER_A></PERMISSIONS><UPDATED_VMS></UPDATED_VMS><OUTDATED_VMS></OUTDATED_VMS>"
        "<UPDATING_VMS></UPDATING_VMS><ERROR_VMS></ERROR_VMS><TEMPLATE><DESCRIPTION><![CDATA[The default security "
        "group is added to every network. Use it to add default filter rules for your networks. You may remove this "
        "security group from any network by updating its properties.]]></DESCRIPTION>"
        "<RULE><PROTOCOL><![CDATA[ALL]]></PROTOCOL><RULE_TYPE><![CDATA[OUTBOUND]]></RULE_TYPE></RULE>"
        "<RULE><PROTOCOL><![CDATA[ALL]]></PROTOCOL><RULE_TYPE><![CDATA[INBOUND]]></RULE_TYPE></RULE></TEMPLATE>"
        "</SECURITY_GROUP>"
    )
    text = oned.fails(ACTION, "one.secgroup.delete", 0)
    assert text == (
        "[one.secgroup.delete] Cannot delete security group. The default security group (ID 0) cannot be deleted."
    )


def test_life(oned: Daemon, one: Client) -> None:
    oid = new(oned)
    assert oid >= 100
    group = one.secgroup.info(oid)
    assert group.TEMPLATE["RULE"]["RANGE"] == "22"
    text = oned.fails(INTERNAL, "one.secgroup.allocate", f"NAME = {group.NAME}")
    assert text == f"[one.secgroup.allocate] NAME is already taken by SecurityGroup {oid}."
    copy = one.secgroup.clone(oid, f"{group.NAME}-copy")
    assert one.secgroup.info(copy).TEMPLATE == group.TEMPLATE
    text = oned.fails(ALLOCATE, "one.secgroup.clone", oid, group.NAME)
    assert text == (
        f"[one.secgroup.clone] Error allocating a new security group. NAME is already taken by SecurityGroup {oid}."
    )
    text = oned.fails(ACTION, "one.secgroup.rename", copy, group.NAME)
    assert text.endswith(
        f"security group cannot be renamed to {group.NAME} because it collides with security group {oid}"
    )
    assert one.secgroup.rename(copy, f"{group.NAME}-new") == copy
    assert {oid, copy} <= {found.ID for found in one.secgrouppool.info(-2, -1, -1).SECURITY_GROUP}
    one.secgroup.chmod(oid, -1, -1, -1, 1, -1, -1, -1, -1, -1)
    assert one.secgroup.info(oid).PERMISSIONS.GROUP_U == 1
    assert one.secgroup.delete(copy) == copy
    assert oned.fails(NO_EXISTS, "one.secgroup.info", copy).endswith(f"Error getting security group [{copy}].")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "Invalid NAME, it cannot be empty"),
        (
            "NAME = {}\nRULE = [ PROTOCOL = X ]",
            "Wrong PROTOCOL in rule. Valid options: TCP, UDP, ICMP, ICMPV6, IPSEC, ALL.",
        ),
        ("NAME = {}\nRULE = [ PROTOCOL = TCP ]", "Wrong RULE_TYPE in rule. Valid options: INBOUND, OUTBOUND."),
    ],
)
def test_wrong_templates(oned: Daemon, text: str, wanted: str) -> None:
    answer = oned.fails(INTERNAL, "one.secgroup.allocate", text.format(unique("group")))
    assert answer == f"[one.secgroup.allocate] {wanted}"
    if "RULE" in text:
        answer = oned.fails(INTERNAL, "one.secgroup.update", new(oned), text)
        assert answer == f"[one.secgroup.update] Cannot update template. {wanted}"


def test_each_rule_once(oned: Daemon) -> None:
    oid = oned.ok("one.secgroup.allocate", f"NAME = {unique('group')}\n{RULE}\n{RULE}")
    assert str(oned.ok("one.secgroup.info", oid)).count("<RULE>") == 1
    oned.ok("one.secgroup.update", oid, f"{RULE}\n{RULE}\nRULE = [ PROTOCOL = ALL, RULE_TYPE = outbound ]", 0)
    assert str(oned.ok("one.secgroup.info", oid)).count("<RULE>") == 2


def test_a_change_goes_to_all_machines(oned: Daemon, one: Client, database: Database) -> None:
    oid = new(oned)
    database.submit(lambda transaction: join(transaction, 901, [oid])).result(30)
    database.submit(lambda transaction: join(transaction, 902, [oid])).result(30)
    group = one.secgroup.info(oid)
    assert (group.UPDATED_VMS.ID, group.OUTDATED_VMS.ID) == ([901, 902], [])
    one.secgroup.commit(oid, True)
    assert one.secgroup.info(oid).UPDATED_VMS.ID == [901, 902]
    text = oned.fails(ACTION, "one.secgroup.delete", oid)
    assert text.endswith("Cannot delete security group. The security group has VMs using it")
    one.secgroup.commit(oid, False)
    assert one.secgroup.info(oid).UPDATED_VMS.ID == []


def test_rights(oned: Daemon) -> None:
    session, uid, gid = new_user(oned)
    grant(oned, uid, SECGROUP | ALL, CREATE)
    mine = new(oned, session)
    other = new(oned)
    calls: list[tuple[str, tuple[Param, ...]]] = [
        ("info", ()),
        ("update", ("A = 1",)),
        ("chmod", (1, 1, -1, 0, 0, -1, -1, -1, -1)),
        ("clone", (unique(),)),
        ("rename", (unique(),)),
        ("commit", (False,)),
        ("delete", ()),
    ]
    for name, parameters in calls:
        assert oned.ok(f"one.secgroup.{name}", mine, *parameters, session=session)
        text = oned.fails(AUTHORIZATION, f"one.secgroup.{name}", other, *parameters, session=session)
        assert f"User [{uid}] : Not authorized to perform " in text
        for missing in (99999999, -1):
            oned.fails(NO_EXISTS, f"one.secgroup.{name}", missing, *parameters)
    oned.ok("one.secgroup.chown", other, uid, gid)
    assert oned.ok("one.secgroup.info", other, session=session)
    oned.ok("one.secgroup.chown", other, 0, 0)
    pool = str(oned.ok("one.secgrouppool.info", -2, -1, -1, session=session))
    assert "<NAME>default</NAME>" in pool
    assert f"<ID>{other}</ID>" not in pool
