"""Virtual data centers, zones, VM groups and statements of oneadmin, through the ecosystem's own client."""

import base64
import itertools
import re
from collections.abc import Iterator

import pyone
import pytest

from tests.integration.oned.clients import Client, client, closed
from tests.integration.oned.daemon import Daemon

pytestmark = closed
_numbers = itertools.count()
ALL_RESOURCES = -10


@pytest.fixture
def his(oned: Daemon, one: Client) -> Iterator[Client]:
    """A client of a new user of the group users."""
    name = f"ann{next(_numbers)}"
    one.user.allocate(name, "word", "core", [])
    yield from client(oned, f"{name}:word")


@pytest.fixture
def vdc(one: Client) -> int:
    return int(one.vdc.allocate(f'NAME = "vdc{next(_numbers)}"\nNOTE = "a"'))


@pytest.fixture
def gid(one: Client) -> int:
    """A group that is in no VDC."""
    gid = int(one.group.allocate(f"team{next(_numbers)}"))
    one.vdc.delgroup(0, gid)
    return gid


def rules(one: Client, gid: int) -> set[str]:
    """The rules of a group, without its name."""
    head = f"@{gid} "
    texts = [str(rule.STRING) for rule in one.acl.info().ACL]
    return {text.removeprefix(head) for text in texts if text.startswith(head)}


def test_the_default_vdc(one: Client) -> None:
    vdc = one.vdc.info(0)
    assert vdc.NAME == "default"
    assert 1 in vdc.GROUPS.ID
    assert [(found.ZONE_ID, found.CLUSTER_ID) for found in vdc.CLUSTERS.CLUSTER] == [(0, ALL_RESOURCES)]
    assert (vdc.HOSTS.HOST, vdc.DATASTORES.DATASTORE, vdc.VNETS.VNET) == ([], [], [])
    assert vdc.TEMPLATE["DESCRIPTION"].startswith("Every new group is added to this VDC.")
    with pytest.raises(pyone.OneActionException) as caught:
        one.vdc.delete(0)
    assert str(caught.value) == "[one.vdc.delete] Cannot delete VDC. System VDCs (ID < 100) cannot be deleted."


def test_names_and_templates(one: Client, vdc: int) -> None:
    assert vdc >= 100
    name = f"renamed{next(_numbers)}"
    assert one.vdc.rename(vdc, name) == vdc
    assert one.vdc.update(vdc, "B = 2", 1) == vdc
    found = one.vdc.info(vdc)
    assert (found.NAME, dict(found.TEMPLATE)) == (name, {"NOTE": "a", "B": "2"})
    assert vdc in {other.ID for other in one.vdcpool.info().VDC}
    with pytest.raises(pyone.OneActionException) as caught:
        one.vdc.rename(vdc, "default")
    text = "[one.vdc.rename] VDC cannot be renamed to default because it collides with VDC 0"
    assert str(caught.value) == text
    with pytest.raises(pyone.OneActionException, match="char '#' is not allowed"):
        one.vdc.rename(vdc, "a#b")
    for template, text in (
        (f"NAME = {name}", f"NAME is already taken by Vdc {vdc}."),
        ("A = 1", "Invalid NAME, it cannot be empty"),
        ("NAME = [", "Parse error"),
    ):
        with pytest.raises(pyone.OneInternalException, match=re.escape(text)):
            one.vdc.allocate(template)


BY_CLUSTER = {"HOST/%0 MANAGE #0", "NET/%0 USE #0", "DATASTORE/%0 USE #0"}


def test_groups_get_what_the_vdc_has(one: Client, vdc: int, gid: int) -> None:
    assert one.vdc.addcluster(vdc, 0, 0) == vdc
    assert one.vdc.adddatastore(vdc, 0, 1) == vdc
    assert rules(one, gid) == set()
    assert one.vdc.addgroup(vdc, gid) == vdc
    assert rules(one, gid) == BY_CLUSTER | {"DATASTORE/#1 USE #0"}
    assert one.vdc.deldatastore(vdc, 0, 1) == vdc
    assert one.vdc.adddatastore(vdc, 0, ALL_RESOURCES) == vdc
    assert rules(one, gid) == BY_CLUSTER | {"DATASTORE/* USE #0"}
    assert one.vdc.delgroup(vdc, gid) == vdc
    assert rules(one, gid) == set()
    assert (one.vdc.info(vdc).GROUPS.ID, len(one.vdc.info(vdc).CLUSTERS.CLUSTER)) == ([], 1)


def test_all_replaces_each(one: Client, vdc: int, gid: int) -> None:
    one.vdc.addgroup(vdc, gid)
    one.vdc.adddatastore(vdc, 0, 0)
    one.vdc.adddatastore(vdc, 0, 1)
    one.vdc.adddatastore(vdc, 0, ALL_RESOURCES)
    assert rules(one, gid) == {"DATASTORE/* USE #0"}
    found = one.vdc.info(vdc).DATASTORES.DATASTORE
    assert [(each.ZONE_ID, each.DATASTORE_ID) for each in found] == [(0, ALL_RESOURCES)]


def test_a_rule_stays_while_another_vdc_stands_for_it(one: Client, vdc: int, gid: int) -> None:
    other = one.vdc.allocate(f"NAME = other{next(_numbers)}")
    for oid in (vdc, other):
        one.vdc.addgroup(oid, gid)
        one.vdc.addcluster(oid, 0, 0)
    one.vdc.addhost(other, 0, ALL_RESOURCES)
    assert rules(one, gid) == BY_CLUSTER | {"HOST/* MANAGE #0"}
    one.vdc.delcluster(vdc, 0, 0)
    assert rules(one, gid) == BY_CLUSTER | {"HOST/* MANAGE #0"}
    assert one.vdc.delete(other) == other
    assert rules(one, gid) == set()


def test_what_is_deleted_leaves_its_vdcs(one: Client, vdc: int, gid: int) -> None:
    cluster = one.cluster.allocate(f"cluster{next(_numbers)}")
    host = one.host.allocate(f"host{next(_numbers)}", "dummy", "dummy", cluster)
    one.vdc.addgroup(vdc, gid)
    one.vdc.addcluster(vdc, 0, cluster)
    one.vdc.addhost(vdc, 0, host)
    assert f"HOST/#{host} MANAGE #0" in rules(one, gid)
    one.host.delete(host)
    one.cluster.delete(cluster)
    assert rules(one, gid) == set()
    found = one.vdc.info(vdc)
    assert (found.CLUSTERS.CLUSTER, found.HOSTS.HOST) == ([], [])
    one.group.delete(gid)
    assert one.vdc.info(vdc).GROUPS.ID == []


def test_editing_that_cannot_be(one: Client, his: Client, vdc: int) -> None:
    one.vdc.addgroup(vdc, 1)
    one.vdc.addcluster(vdc, 0, 0)
    for error, method, params, text in (
        (pyone.OneInternalException, "addgroup", (1,), f"Group 1 is already assigned to the VDC {vdc}"),
        (pyone.OneInternalException, "delgroup", (0,), f"Group 0 is not assigned to the VDC {vdc}"),
        (pyone.OneInternalException, "delgroup", (9999,), f"Group 9999 is not assigned to the VDC {vdc}"),
        (pyone.OneNoExistsException, "addgroup", (9999,), "Error getting group [9999]."),
        (pyone.OneInternalException, "addcluster", (0, 0), "CLUSTER 0 from Zone 0 is already assigned to the VDC"),
        (pyone.OneInternalException, "delcluster", (0, 9), "CLUSTER 9 from Zone 0 is not assigned to the VDC "),
        (pyone.OneInternalException, "delvnet", (7, 9), "NET 9 from Zone 7 is not assigned to the VDC "),
        (pyone.OneNoExistsException, "addvnet", (7, 9), "Error getting zone [7]."),
        (pyone.OneNoExistsException, "addvnet", (0, 9999), "Error getting virtual network [9999]."),
        (pyone.OneNoExistsException, "addhost", (0, 9999), "Error getting host [9999]."),
        (pyone.OneNoExistsException, "adddatastore", (0, 9999), "Error getting datastore [9999]."),
        (pyone.OneNoExistsException, "addcluster", (0, 9999), "Error getting cluster [9999]."),
    ):
        with pytest.raises(error) as caught:
            getattr(one.vdc, method)(vdc, *params)
        assert str(caught.value) == f"[one.vdc.{method}] {text}"
        with pytest.raises(pyone.OneNoExistsException, match=r"Error getting VDC \[9999\]"):
            getattr(one.vdc, method)(9999, *params)
    for method, arguments in (
        ("allocate", ("NAME = mine",)),
        ("info", (vdc,)),
        ("update", (vdc, "A = 1", 1)),
        ("rename", (vdc, "mine")),
        ("delete", (vdc,)),
        ("addgroup", (vdc, 0)),
        ("delcluster", (vdc, 0, 0)),
    ):
        with pytest.raises(pyone.OneAuthorizationException, match=r"Not authorized to perform [A-Z]+ VDC"):
            getattr(his.vdc, method)(*arguments)
    assert his.vdcpool.info().VDC == []


def test_the_zone(one: Client, his: Client) -> None:
    zone = his.zone.info(0)
    assert zone.NAME == "OpenNebula"
    assert zone.TEMPLATE["ENDPOINT"].startswith("http://localhost:")
    assert zone.SERVER_POOL.SERVER == []
    assert [found.ID for found in his.zonepool.info().ZONE] == [0]
    assert one.zone.update(0, 'A = 1\nSERVER = [ NAME = "x" ]\nENDPOINT = "http://front-end:2633/RPC2"', 0) == 0
    assert one.zone.info(0).TEMPLATE["ENDPOINT"] == "http://front-end:2633/RPC2"
    assert one.zone.update(0, "A = 2", 0) == 0
    assert one.zone.info(0).TEMPLATE["ENDPOINT"] == "-"
    assert one.zone.rename(0, "Here") == 0
    assert one.zone.rename(0, "OpenNebula") == 0
    raft = one.zone.raftstatus()
    assert (raft.SERVER_ID, raft.STATE, raft.TERM, raft.VOTEDFOR, raft.LOG_INDEX) == (-1, 0, 0, -1, -1)


def test_zones_of_a_federation(oned: Daemon, one: Client, his: Client) -> None:
    text = "Error allocating a new zone. New zones can only be created at federation master"
    assert oned.fails(0x4000, "one.zone.allocate", "NAME = far") == f"[one.zone.allocate] {text}"
    with pytest.raises(pyone.OneActionException) as caught:
        one.zone.delete(0)
    assert str(caught.value) == "[one.zone.delete] Cannot delete zone. System Zones (ID < 100) cannot be deleted."
    with pytest.raises(pyone.OneNoExistsException, match=r"Error getting zone \[5\]"):
        one.zone.info(5)
    for method, params in (
        ("update", (0, "A = 1")),
        ("rename", (0, "x")),
        ("delete", (0,)),
        ("raftstatus", ()),
    ):
        with pytest.raises(pyone.OneAuthorizationException, match=r"ZONE \[0\]"):
            getattr(his.zone, method)(*params)


TIERS = """NAME = "{name}"
ROLE = [ NAME = "web", POLICY = "AFFINED", HOST_AFFINED = "1,2", VMS = "5" ]
ROLE = [ NAME = "db", POLICY = "ANTI_AFFINED" ]
ROLE = [ NAME = "app" ]
AFFINED = "web, app"
ANTI_AFFINED = "db"
"""


def test_vm_groups(one: Client, his: Client) -> None:
    name = f"tiers{next(_numbers)}"
    oid = his.vmgroup.allocate(TIERS.format(name=name))
    group = his.vmgroup.info(oid)
    assert (name, 1, 0) == (group.NAME, group.PERMISSIONS.OWNER_U, group.PERMISSIONS.GROUP_U)
    roles = [(role.ID, role.NAME, role.POLICY, role.HOST_AFFINED) for role in group.ROLES.ROLE]
    assert roles == [(0, "web", "AFFINED", "1,2"), (1, "db", "ANTI_AFFINED", None), (2, "app", None, None)]
    assert dict(group.TEMPLATE) == {"AFFINED": "web, app", "ANTI_AFFINED": "db"}
    assert [found.ID for found in his.vmgrouppool.info(-3, -1, -1).VM_GROUP] == [oid]
    assert oid in {found.ID for found in one.vmgrouppool.info(-2, -1, -1).VM_GROUP}
    assert his.vmgroup.update(oid, 'AFFINED = "web"\nROLE = [ NAME = "new" ]', 0) == oid
    found = his.vmgroup.info(oid)
    assert (len(found.ROLES.ROLE), dict(found.TEMPLATE)) == (3, {"AFFINED": "web"})
    other = his.vmgroup.allocate(TIERS.format(name=f"{name}b"))
    with pytest.raises(pyone.OneActionException) as caught:
        his.vmgroup.rename(other, name)
    text = f"[one.vmgroup.rename] vm group cannot be renamed to {name} because it collides with vm group {oid}"
    assert str(caught.value) == text
    assert his.vmgroup.rename(other, f"{name}c") == other
    assert his.vmgroup.chmod(oid, -1, -1, -1, 1, -1, -1, -1, -1, -1) == oid
    assert his.vmgroup.info(oid).PERMISSIONS.GROUP_U == 1
    assert his.vmgroup.lock(oid, 1) == oid
    with pytest.raises(pyone.OneAuthorizationException, match=rf"MANAGE VMGROUP \[{oid}\]"):
        his.vmgroup.delete(oid)
    assert his.vmgroup.unlock(oid) == oid
    assert one.vmgroup.chown(oid, 0, 0) == oid
    with pytest.raises(pyone.OneAuthorizationException):
        his.vmgroup.info(oid)
    assert one.vmgroup.delete(oid) == oid
    with pytest.raises(pyone.OneNoExistsException, match=rf"Error getting vm group \[{oid}\]"):
        one.vmgroup.info(oid)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ROLE = [ NAME = a ]", "Invalid NAME, it cannot be empty"),
        ("NAME = g\nROLE = [ POLICY = AFFINED ]", "Missing NAME in VM group role"),
        ("NAME = g\nROLE = [ NAME = a ]\nROLE = [ NAME = a ]", "Role NAME already exists"),
        (
            'NAME = g\nROLE = [ NAME = a ]\nAFFINED = "a, b"',
            "Some roles used in AFFINED attribute (a, b) are not defined",
        ),
        (
            'NAME = g\nROLE = [ NAME = a ]\nANTI_AFFINED = "z"',
            "Some roles used in ANTI_AFFINED attribute (z) are not defined",
        ),
        (
            'NAME = g\nROLE = [ NAME = a ]\nROLE = [ NAME = b ]\nAFFINED = "a, b"\nAFFINED = "b,a"',
            "Duplicated AFFINED rule (b,a) detected.",
        ),
        (
            "NAME = g\nROLE = [ NAME = a, POLICY = anti_affined ]\nAFFINED = a",
            "Role a is in an AFFINED rule but the role policy is ANTI_AFFINED",
        ),
        (
            'NAME = g\nROLE = [ NAME = a ]\nROLE = [ NAME = b ]\nAFFINED = "a,b"\nANTI_AFFINED = "b"',
            "Roles defined in AFFINED and ANTI_AFFINED rules: b",
        ),
        (
            "NAME = g\n" + "".join(f"ROLE = [ NAME = r{number} ]\n" for number in range(33)),
            "Maximum number of roles in a VM Group reached",
        ),
    ],
)
def test_vm_groups_that_cannot_be(one: Client, text: str, message: str) -> None:
    with pytest.raises(pyone.OneInternalException) as caught:
        one.vmgroup.allocate(text)
    assert str(caught.value) == f"[one.vmgroup.allocate] {message}"


def test_statements(oned: Daemon, one: Client) -> None:
    oid = one.document.allocate('NAME = "sql"', 100)
    assert oned.ok("one.system.sql", f"UPDATE document_pool SET name = 'a%:b' WHERE oid = {oid}", False) == 0
    query = f"SELECT oid, name, body, NULL AS empty, '10:20%' AS time FROM document_pool WHERE oid = {oid}"
    answer = str(oned.ok("one.system.sqlquery", query))
    assert answer.startswith(f"<SQL_COMMAND><QUERY><![CDATA[{query}]]></QUERY><RESULT><ROW>")
    for part in (
        f"<oid><![CDATA[{oid}]]></oid>",
        "<name><![CDATA[a%:b]]></name>",
        "<time><![CDATA[10:20%]]></time>",
        "<empty><![CDATA[]]></empty>",
    ):
        assert part in answer
    encoded = answer.partition("<body64><![CDATA[")[2].partition("]]>")[0]
    assert base64.b64decode(encoded).decode() == oned.ok("one.document.info", oid)
    assert str(oned.ok("one.system.sqlquery", "SELECT COUNT(*) FROM user_pool")).count("<ROW>") == 1


def test_statements_that_are_refused(oned: Daemon, one: Client) -> None:
    name = f"eve{next(_numbers)}"
    one.user.allocate(name, "word", "core", [0])
    for method, params in (("sql", ("DELETE FROM acl", False)), ("sqlquery", ("SELECT 1",))):
        text = oned.fails(0x200, f"one.system.{method}", *params, session=f"{name}:word")
        assert "not authorized to perform action on" in text
    for statement in ("DROP TABLE acl", "", "  ", "COMMIT", "SELECT 1", "BEGIN; DELETE FROM acl"):
        assert "has to begin with" in oned.fails(0x800, "one.system.sql", statement, False)
    for statement in ("DELETE FROM acl", "UPDATE acl SET oid = 1", "WITH a AS (SELECT 1) DELETE FROM acl"):
        assert "has to begin with" in oned.fails(0x800, "one.system.sqlquery", statement)
    oned.fails(0x800, "one.system.sql", "DELETE FROM nowhere", False)
    oned.fails(0x800, "one.system.sqlquery", "SELECT * FROM nowhere")
    oned.fails(0x800, "one.system.sqlquery", "SELECT 1; DELETE FROM acl")
    assert len(one.acl.info().ACL) >= 6
