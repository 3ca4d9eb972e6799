"""Networks over the API: life, ranges, rights, lists."""

import re

import pyone
import pytest

from tests.integration.oned.clients import Client, closed
from tests.integration.oned.conftest import served
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.names import unique
from tests.integration.oned.networking import (
    ACTION,
    ADMIN,
    ALL,
    AUTHORIZATION,
    CLUSTER,
    CONFIGURATION,
    CREATE,
    INDIVIDUAL,
    INTERNAL,
    MANAGE,
    NET,
    NO_EXISTS,
    PARAMETER,
    USE,
    grant,
    new_network,
    new_user,
    share,
    value,
    values,
)

pytestmark = closed
oned = served("networks", CONFIGURATION)


def test_body_is_as_upstream_writes_it(oned: Daemon) -> None:
    name = unique()
    text = f"NAME = {name}\nVN_MAD = bridge\nBRIDGE = br7\nDNS = 9.9.9.9\nSECURITY_GROUPS = 5\n"
    oid = oned.ok("one.vn.allocate", f"{text}AR = [ TYPE = IP4, IP = 10.1.0.9, SIZE = 2, GATEWAY = 10.1.0.1 ]", -1)
    head = (
        f"<VNET><ID>{oid}</ID><UID>0</UID><GID>0</GID><UNAME>oneadmin</UNAME><GNAME>oneadmin</GNAME>"
        f"<NAME>{name}</NAME><PERMISSIONS><OWNER_U>1</OWNER_U><OWNER_M>1</OWNER_M><OWNER_A>0</OWNER_A>"
        "<GROUP_U>0</GROUP_U><GROUP_M>0</GROUP_M><GROUP_A>0</GROUP_A><OTHER_U>0</OTHER_U><OTHER_M>0</OTHER_M>"
        "<OTHER_A>0</OTHER_A></PERMISSIONS><CLUSTERS><ID>0</ID></CLUSTERS><BRIDGE><![CDATA[br7]]></BRIDGE>"
        "<BRIDGE_TYPE><![CDATA[linux]]></BRIDGE_TYPE><PARENT_NETWORK_ID/><VN_MAD><![CDATA[bridge]]></VN_MAD>"
        "<PHYDEV/><VLAN_ID/><OUTER_VLAN_ID/><VLAN_ID_AUTOMATIC>0</VLAN_ID_AUTOMATIC>"
        "<OUTER_VLAN_ID_AUTOMATIC>0</OUTER_VLAN_ID_AUTOMATIC><USED_LEASES>0</USED_LEASES><VROUTERS></VROUTERS>"
        "<TEMPLATE><BRIDGE><![CDATA[br7]]></BRIDGE><BRIDGE_TYPE><![CDATA[linux]]></BRIDGE_TYPE>"
        "<DNS><![CDATA[9.9.9.9]]></DNS><PHYDEV><![CDATA[]]></PHYDEV><SECURITY_GROUPS><![CDATA[0,5]]></SECURITY_GROUPS>"
        "<VN_MAD><![CDATA[bridge]]></VN_MAD></TEMPLATE>"
    )
    assert oned.ok("one.vn.info", oid) == (
        f"{head}<AR_POOL><AR><AR_ID><![CDATA[0]]></AR_ID><GATEWAY><![CDATA[10.1.0.1]]></GATEWAY>"
        "<IP><![CDATA[10.1.0.9]]></IP><MAC><![CDATA[02:00:0a:01:00:09]]></MAC><SIZE><![CDATA[2]]></SIZE>"
        "<TYPE><![CDATA[IP4]]></TYPE><MAC_END><![CDATA[02:00:0a:01:00:0a]]></MAC_END>"
        "<IP_END><![CDATA[10.1.0.10]]></IP_END><USED_LEASES>0</USED_LEASES><LEASES/></AR></AR_POOL></VNET>"
    )
    pool = str(oned.ok("one.vnpool.info", -2, int(oid), int(oid)))
    assert pool == (
        f"<VNET_POOL>{head}<AR_POOL><AR><ALLOCATED><![CDATA[]]></ALLOCATED><AR_ID><![CDATA[0]]></AR_ID>"
        "<GATEWAY><![CDATA[10.1.0.1]]></GATEWAY><IP><![CDATA[10.1.0.9]]></IP><MAC><![CDATA[02:00:0a:01:00:09]]></MAC>"
        "<SIZE><![CDATA[2]]></SIZE><TYPE><![CDATA[IP4]]></TYPE></AR></AR_POOL></VNET></VNET_POOL>"
    )


def test_all_types_of_ranges(oned: Daemon, one: Client) -> None:
    oid = new_network(
        oned,
        """AR = [ TYPE = ETHER, SIZE = 2 ]
        AR = [ TYPE = IP4, IP = 10.0.0.1, SIZE = 2, MAC = "00:16:3e:00:00:01" ]
        AR = [ TYPE = IP6, SIZE = 2, MAC = "02:00:00:00:00:01", ULA_PREFIX = "fd00::", GLOBAL_PREFIX = "2001:db8::" ]
        AR = [ TYPE = IP4_6, IP = 192.168.0.1, SIZE = 2, ULA_PREFIX = "fd01::" ]
        AR = [ TYPE = IP6_STATIC, IP6 = "2001:db8::10", PREFIX_LENGTH = 64, SIZE = 2 ]
        AR = [ TYPE = IP4_6_STATIC, IP = 10.0.9.1, IP6 = "2001:db8::20", PREFIX_LENGTH = 64, SIZE = 2 ]""",
    )
    network = one.vn.info(oid)
    ranges = network.AR_POOL.AR
    assert [int(each.AR_ID) for each in ranges] == list(range(6))
    assert re.fullmatch("02:00(:[0-9a-f]{2}){4}", ranges[0].MAC)
    assert (ranges[1].MAC_END, ranges[1].IP_END) == ("00:16:3e:00:00:02", "10.0.0.2")
    assert (ranges[2].IP6_ULA, ranges[2].IP6_ULA_END) == ("fd00::ff:fe00:1", "fd00::ff:fe00:2")
    assert ranges[2].IP6_GLOBAL_END == "2001:db8::ff:fe00:2"
    assert (ranges[3].IP_END, ranges[3].IP6_ULA) == ("192.168.0.2", "fd01::c0ff:fea8:1")
    assert (ranges[4].IP6, ranges[4].IP6_END) == ("2001:db8::10", "2001:db8::11")
    assert (ranges[5].IP_END, ranges[5].IP6_END) == ("10.0.9.2", "2001:db8::21")
    assert oid in {found.ID for found in one.vnpool.info(-2, -1, -1).VNET}
    for lease in ("IP = 10.0.0.1", 'IP6 = "2001:db8::11"', 'MAC = "02:00:00:00:00:02"', "IP = 192.168.0.2"):
        one.vn.hold(oid, f"LEASES = [ {lease} ]")
    ranges = one.vn.info(oid).AR_POOL.AR
    assert [len(each.LEASES.LEASE) for each in ranges] == [0, 1, 1, 1, 1, 0]
    lease = ranges[3].LEASES.LEASE[0]
    assert (lease.IP, lease.MAC, lease.IP6_LINK) == ("192.168.0.2", "02:00:c0:a8:00:02", "fe80::c0ff:fea8:2")
    assert (lease.IP6_ULA, lease.VM) == ("fd01::c0ff:fea8:2", -1)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("VN_MAD = bridge", "No NAME in template for Virtual Network."),
        ("NAME = {}", "No VN_MAD in template for Virtual Network."),
        ("NAME = {}\nVN_MAD = nothing", 'VN_MAD named "nothing" is not defined in oned.conf'),
        (
            "NAME = {}\nVN_MAD = wrong",
            "Attribute bridge type in VN_MAD_CONF for wrong is missing or has wrong value in oned.conf",
        ),
        ("NAME = {}\nVN_MAD = 802.1Q", "PHYDEV is mandatory for driver 802.1Q"),
        ("NAME = {}\nVN_MAD = dummy", "BRIDGE is mandatory for driver dummy"),
        ("NAME = a:b\nVN_MAD = bridge", "Invalid NAME, char ':' is not allowed"),
        ("NAME = {}\nVN_MAD = bridge\nAR = [ TYPE = IP4, SIZE = 4 ]", "Wrong or empty IP attribute"),
        ("NAME = {}\nVN_MAD = bridge\nAR = [ SIZE = 4 ]", "Unknown or missing address range TYPE."),
    ],
)
def test_wrong_templates(oned: Daemon, text: str, wanted: str) -> None:
    before = oned.ok("one.vnpool.info", -2, -1, -1)
    answer = oned.fails(INTERNAL, "one.vn.allocate", text.format(unique()), -1)
    assert answer == f"[one.vn.allocate] {wanted}"
    assert oned.ok("one.vnpool.info", -2, -1, -1) == before


def test_names(oned: Daemon) -> None:
    name = unique()
    oid = oned.ok("one.vn.allocate", f"NAME = {name}\nVN_MAD = bridge", -1)
    text = oned.fails(INTERNAL, "one.vn.allocate", f"NAME = {name}\nVN_MAD = bridge", -1)
    assert text == f"[one.vn.allocate] NAME is already taken by NET {oid}."
    other = new_network(oned)
    text = oned.fails(ACTION, "one.vn.rename", other, name)
    assert text == (
        f"[one.vn.rename] virtual network cannot be renamed to {name} because it collides with virtual network {oid}"
    )
    assert oned.ok("one.vn.rename", other, f"{name}-2") == other
    assert oned.ok("one.vn.rename", other, f"{name}-2") == other
    assert oned.fails(ACTION, "one.vn.rename", other, "").endswith("Invalid NAME, it cannot be empty")


def test_bridges_and_vlans(oned: Daemon) -> None:
    def allocate(text: str) -> str:
        return str(oned.ok("one.vn.info", int(oned.ok("one.vn.allocate", f"NAME = {unique()}\n{text}", -1))))

    info = allocate("VN_MAD = bridge")
    assert value(info, "BRIDGE") == f"onebr{value(info, 'ID')}"
    info = allocate("VN_MAD = 802.1Q\nPHYDEV = eth0\nVLAN_ID = 77\nAUTOMATIC_VLAN_ID = YES")
    assert (value(info, "BRIDGE"), value(info, "VLAN_ID"), value(info, "VLAN_ID_AUTOMATIC")) == (
        "onebr.77",
        "77",
        "0",
    )
    assert "<VLAN_ID><![CDATA[77]]></VLAN_ID><" in info.partition("<TEMPLATE>")[2]
    info = allocate("VN_MAD = vxlan\nPHYDEV = eth0\nAUTOMATIC_VLAN_ID = yes")
    assert value(info, "VLAN_ID") == str(2 + int(value(info, "ID")))
    info = allocate("VN_MAD = mine")
    assert (value(info, "BRIDGE"), value(info, "BRIDGE_TYPE")) == ("", "none")
    info = allocate("VN_MAD = bridge\nAUTOMATIC_VLAN_ID = YES")
    assert ("<VLAN_ID/>" in info, value(info, "VLAN_ID_AUTOMATIC")) == (True, "1")


def test_vlan_numbers_run_out_and_come_back(oned: Daemon) -> None:
    text = "VN_MAD = {}\nPHYDEV = eth0\nAUTOMATIC_VLAN_ID = YES\nAUTOMATIC_OUTER_VLAN_ID = YES"
    made = {}
    for number in range(9):
        driver = ("802.1Q", "ovswitch", "ovswitch_vxlan")[number % 3]
        oid = int(oned.ok("one.vn.allocate", f"NAME = {unique()}\n{text.format(driver)}", -1))
        info = oned.ok("one.vn.info", oid)
        made[value(info, "VLAN_ID")] = oid
        outer = str(2 + oid) if driver == "ovswitch_vxlan" else ""
        assert (value(info, "OUTER_VLAN_ID") if outer else "") == outer
    assert made.keys() == {str(number) for number in range(10, 20)} - {"13"}
    answer = oned.fails(INTERNAL, "one.vn.allocate", f"NAME = {unique()}\n{text.format('802.1Q')}", -1)
    assert answer == "[one.vn.allocate] Cannot automatically assign VLAN_ID to network."
    oned.ok("one.vn.delete", made["15"])
    again = int(oned.ok("one.vn.allocate", f"NAME = {unique()}\n{text.format('802.1Q')}", -1))
    assert value(oned.ok("one.vn.info", again), "VLAN_ID") == "15"
    for oid in (again, *(made[key] for key in made if key != "15")):
        oned.ok("one.vn.delete", oid)


def test_update(oned: Daemon) -> None:
    oid = new_network(oned, more='DNS = 1.1.1.1\nPROVISION = [ TOKEN = "secret-word", A = 1 ]')
    assert "secret-word" not in str(oned.ok("one.vn.info", oid))
    assert value(oned.ok("one.vn.info", oid, True), "TOKEN") == "secret-word"
    oned.ok("one.vn.update", oid, "MTU = 1400\nSECURITY_GROUPS = 7", 1)
    info = str(oned.ok("one.vn.info", oid))
    assert (value(info, "DNS"), value(info, "MTU"), value(info, "SECURITY_GROUPS")) == ("1.1.1.1", "1400", "7")
    oned.ok(
        "one.vn.update",
        oid,
        "VN_MAD = dummy\nPHYDEV = eth9\nVLAN_ID = 5\nBRIDGE = br5\nAUTOMATIC_VLAN_ID = YES",
        0,
    )
    info = str(oned.ok("one.vn.info", oid))
    assert values(info, "BRIDGE") == ["br5", "br5"]
    assert values(info, "VN_MAD") == ["bridge", "bridge"]
    assert "eth9" not in info
    assert "<DNS>" not in info
    assert "AUTOMATIC_VLAN_ID>Y" not in info
    assert oned.fails(PARAMETER, "one.vn.update", oid, "", 2).endswith("Wrong update type")
    assert "Cannot update template. Parse error" in oned.fails(INTERNAL, "one.vn.update", oid, "A = [", 0)


def test_ranges_come_and_go(oned: Daemon, one: Client) -> None:
    oid = new_network(oned)
    assert one.vn.add_ar(oid, "AR = [ TYPE = IP4, IP = 10.9.0.1, SIZE = 3 ]") == oid
    assert one.vn.update_ar(oid, "AR = [ AR_ID = 1, SIZE = 5, IP = 1.1.1.1, MTU = 9 ]") == oid
    each = one.vn.info(oid).AR_POOL.AR[1]
    assert (each.IP, each.IP_END, each.SIZE) == ("10.9.0.1", "10.9.0.5", 5)
    one.vn.hold(oid, "LEASES = [ IP = 10.9.0.4 ]")
    for name, text, wanted in (
        ("add_ar", "", "Wrong AR definition. AR vector attribute is missing."),
        ("add_ar", "AR = [ TYPE = IP4 ]", "Wrong SIZE for address range"),
        ("update_ar", "", "Wrong AR definition. AR vector attribute is missing."),
        ("update_ar", "AR = [ SIZE = 4 ]", "AR/AR_ID attribute is missing."),
        ("update_ar", "AR = [ AR_ID = 9 ]", "Address Range with ID 9 was not found."),
        (
            "update_ar",
            "AR = [ AR_ID = 1, SIZE = 3 ]",
            "New SIZE cannot be applied. There are used leases that would fall outside the range.",
        ),
    ):
        assert oned.fails(INTERNAL, f"one.vn.{name}", oid, text) == f"[one.vn.{name}] {wanted}"
    assert oned.fails(INTERNAL, "one.vn.add_ar", oid, "AR = [").startswith("[one.vn.add_ar] Parse error")
    assert oned.fails(INTERNAL, "one.vn.rm_ar", oid, 9).endswith("Address Range does not exist")
    assert oned.fails(INTERNAL, "one.vn.rm_ar", oid, 1).endswith("Address Range has leases in use")
    assert oned.fails(INTERNAL, "one.vn.free_ar", oid, 1).endswith("Address Range has leases in use")
    assert one.vn.rm_ar(oid, 1, True) == oid
    assert one.vn.rm_ar(oid, 0) == oid
    assert one.vn.info(oid).USED_LEASES == 0
    assert len(one.vn.info(oid).AR_POOL.AR) == 0
    one.vn.add_ar(oid, "AR = [ TYPE = ETHER, SIZE = 3 ]")
    assert int(one.vn.info(oid).AR_POOL.AR[0].AR_ID) == 0


def test_who_may_create(oned: Daemon) -> None:
    session, uid, _ = new_user(oned)
    text = f"NAME = {unique()}\nVN_MAD = bridge"
    answer = oned.fails(AUTHORIZATION, "one.vn.allocate", text, -1, session=session)
    assert answer == (
        f"[one.vn.allocate] User [{uid}] : Not authorized to perform CREATE NET; "
        "Not authorized to perform ADMIN CLUSTER [0]."
    )
    grant(oned, uid, NET | ALL, CREATE)
    assert "CREATE" not in oned.fails(AUTHORIZATION, "one.vn.allocate", text, -1, session=session)
    grant(oned, uid, CLUSTER | INDIVIDUAL, ADMIN)
    oid = oned.ok("one.vn.allocate", text, -1, session=session)
    assert value(oned.ok("one.vn.info", oid, session=session), "UNAME") == session.partition(":")[0]
    assert (
        oned.fails(NO_EXISTS, "one.vn.allocate", text, 9999) == "[one.vn.allocate] Error getting cluster [9999]."
    )


def test_who_may_change(oned: Daemon) -> None:
    session, uid, _ = new_user(oned)
    oid = new_network(oned)
    calls: list[tuple[str, int, tuple[str | int | bool, ...]]] = [
        ("info", USE, ()),
        ("update", MANAGE, ("A = 1",)),
        ("hold", MANAGE, ("LEASES = [ IP = 10.0.0.1 ]",)),
        ("release", MANAGE, ("LEASES = [ IP = 10.0.0.1 ]",)),
        ("update_ar", MANAGE, ("AR = [ AR_ID = 0, A = 1 ]",)),
        ("rename", MANAGE, (unique(),)),
        ("lock", MANAGE, (3,)),
        ("unlock", MANAGE, ()),
        ("chmod", MANAGE, (1, 1, -1, 0, 0, -1, -1, -1, -1)),
        ("add_ar", ADMIN, ("AR = [ TYPE = ETHER, SIZE = 1 ]",)),
        ("rm_ar", ADMIN, (1,)),
        ("reserve", USE, (f"SIZE = 1\nNAME = {unique()}",)),
        ("free_ar", MANAGE, (0, True)),
        ("delete", MANAGE, ()),
    ]
    for name, op, parameters in calls:
        right = {USE: "USE", MANAGE: "MANAGE", ADMIN: "ADMIN"}[op]
        answer = oned.fails(AUTHORIZATION, f"one.vn.{name}", oid, *parameters, session=session)
        assert answer == f"[one.vn.{name}] User [{uid}] : Not authorized to perform {right} NET [{oid}]."
    for name, op, parameters in calls:
        rule = grant(oned, uid, NET | INDIVIDUAL | oid, op)
        if name == "free_ar":
            oned.ok("one.vn.delete", max(map(int, values(oned.ok("one.vnpool.info", -2, -1, -1), "ID"))))
        oned.ok(f"one.vn.{name}", oid, *parameters, session=session)
        if name != "delete":
            oned.ok("one.acl.delrule", rule)
    assert f"{NET | INDIVIDUAL | oid:x}" not in str(oned.ok("one.acl.info"))


@pytest.mark.parametrize("oid", [-1, 99999999])
def test_networks_that_are_not_there(oned: Daemon, oid: int) -> None:
    calls: dict[str, tuple[str | int, ...]] = {
        "info": (),
        "update": ("A = 1",),
        "delete": (),
        "rename": ("x",),
        "chown": (-1, -1),
        "chmod": (-1,) * 9,
        "lock": (1,),
        "unlock": (),
        "add_ar": ("",),
        "rm_ar": (0,),
        "update_ar": ("",),
        "free_ar": (0,),
        "hold": ("",),
        "release": ("",),
        "reserve": ("SIZE = 1\nNAME = x",),
    }
    for name, parameters in calls.items():
        answer = oned.call(f"one.vn.{name}", oid, *parameters)
        assert answer[:3] == [False, answer[1], NO_EXISTS], name
        assert answer[3] == oid


def test_locks_and_owners(oned: Daemon, one: Client) -> None:
    session, uid, gid = new_user(oned)
    oid = new_network(oned)
    one.vn.lock(oid, 2)
    assert one.vn.info(oid).LOCK.LOCKED == 2
    assert str(oned.ok("one.vn.info", oid)).index("<LOCK>") < str(oned.ok("one.vn.info", oid)).index(
        "<PERMISSIONS>"
    )
    with pytest.raises(pyone.OneAuthorizationException, match="NET is locked"):
        one.vn.delete(oid)
    one.vn.unlock(oid)
    one.vn.chown(oid, uid, gid)
    network = one.vn.info(oid)
    assert (uid, gid, network.GNAME) == (network.UID, network.GID, network.UNAME)
    assert oned.ok("one.vn.hold", oid, "LEASES = [ IP = 10.0.0.2 ]", session=session) == oid
    again = int(oned.ok("one.vn.allocate", f"NAME = {network.NAME}\nVN_MAD = bridge", -1))
    text = oned.fails(INTERNAL, "one.vn.chown", again, uid, -1)
    assert text.endswith(f"user [{uid}] already owns virtual network [{oid}] with NAME {network.NAME}")


def test_lists(oned: Daemon) -> None:
    session, uid, gid = new_user(oned)
    mine, shared, hidden = (new_network(oned) for _ in range(3))
    oned.ok("one.vn.chown", mine, uid, gid)
    share(oned, shared)

    def listed(flag: int, start: int = -1, end: int = -1) -> list[int]:
        pool = str(oned.ok("one.vnpool.info", flag, start, end, session=session))
        found = [int(oid) for oid in re.findall(r"<VNET><ID>(\d+)</ID>", pool)]
        return [oid for oid in found if oid >= mine]

    assert listed(-2) == [mine, shared]
    assert listed(-3) == [mine]
    assert listed(-4) == [mine]
    assert listed(0) == [shared]
    assert listed(-2, shared, hidden) == [shared]
    rule = grant(oned, uid, NET | ALL, USE)
    assert listed(-2) == [mine, shared, hidden]
    oned.ok("one.acl.delrule", rule)
    assert oned.fails(PARAMETER, "one.vnpool.info", -5, -1, -1).endswith("Incorrect filter_flag")


def test_a_network_follows_its_clusters(oned: Daemon, one: Client) -> None:
    cluster = one.cluster.allocate(unique("cluster"))
    oid = int(oned.ok("one.vn.allocate", f"NAME = {unique()}\nVN_MAD = bridge", cluster))
    assert [cluster] == one.vn.info(oid).CLUSTERS.ID
    assert oid in one.cluster.info(cluster).VNETS.ID
    one.cluster.addvnet(0, oid)
    assert [0, cluster] == one.vn.info(oid).CLUSTERS.ID
    one.cluster.delvnet(cluster, oid)
    assert one.vn.info(oid).CLUSTERS.ID == [0]
    one.vn.delete(oid)
    assert oid not in one.cluster.info(0).VNETS.ID


def test_a_big_range_costs_nothing(oned: Daemon) -> None:
    oid = new_network(oned, "AR = [ TYPE = IP4, IP = 10.0.0.0, SIZE = 16777216 ]")
    oned.ok("one.vn.hold", oid, "LEASES = [ IP = 10.255.255.255 ]")
    assert len(str(oned.ok("one.vn.info", oid))) < 3000
    answer = oned.fails(ACTION, "one.vn.reserve", oid, f"NAME = {unique()}\nSIZE = 16000000")
    assert answer == "[one.vn.reserve] At most 524288 addresses of an address range can be in use"
