"""Each kind of inconsistency: broken by hand, found, left alone by a dry run, repaired, and then not found again."""

import re
from collections.abc import Callable, Iterator

import pytest

from oned.model.app import App
from onelib.template import Template
from tests.integration.oned.conftest import BACKENDS
from tests.integration.onedb.fsck_world import STATES, World, world

Break = Callable[[World], object]


@pytest.fixture(scope="module", params=BACKENDS)
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(request.param, request, tmp_path_factory.mktemp("fsck"), STATES) as found:
        assert found.fsck() == [], "a database that only the server has written is clean"
        yield found


@pytest.fixture
def made(filled: World) -> Iterator[World]:
    """The world, put back afterwards."""
    kept = filled.keep()
    yield filled
    filled.restore(kept)


def body(table: str, which: Callable[[World], int], *changes: tuple[str, str], key: str = "oid") -> Break:
    """Replace texts in a body."""
    return lambda w: w.edit(table, which(w), *changes, key=key)


def sql(statement: str, **values: Callable[[World], object]) -> Break:
    """Run a statement."""
    return lambda w: w.sql(statement, **{name: value(w) for name, value in values.items()})


def user(w: World) -> int:
    return w.ground.uid


def host(w: World) -> int:
    return w.ground.hosts[0]


def image(w: World) -> int:
    return w.ground.image


def network(w: World) -> int:
    return w.ground.network


def store(w: World) -> int:
    return w.ground.images


def running(w: World) -> int:
    return w.vms["RUNNING"]


def zero(_: World) -> int:
    return 0


def router(w: World) -> int:
    return w.router


def offer(market: int, name: str) -> Break:
    """Put an app into the database that says to be in a marketplace."""

    def function(w: World) -> None:
        app = App(
            oid=0, uid=0, gid=0, uname="oneadmin", gname="oneadmin", name="app", bits=[1, 1, 0, 0, 0, 0, 0, 0, 0],
            template=Template(), lock=None, market_id=market, market=name,
        )  # fmt: skip
        row = app.row()
        values = ", ".join(f":{column}" for column in row)
        w.sql(f"INSERT INTO marketplaceapp_pool ({', '.join(row)}) VALUES ({values})", **row)
        w.sql("UPDATE pool_control SET last_oid = 0 WHERE tablename = 'marketplaceapp_pool'")

    return function


def share(*names: str) -> Break:
    """Give another machine what the running one has of these attributes."""

    def function(w: World) -> None:
        body = w.body("vm_pool", running(w))
        for name in names:
            value = re.findall(rf"<{name}><!\[CDATA\[([^]]*)", body)[0]
            other = re.findall(rf"<{name}><!\[CDATA\[[^]]*", w.body("vm_pool", w.vms["POWEROFF"]))[0]
            w.edit("vm_pool", w.vms["POWEROFF"], (other, f"<{name}><![CDATA[{value}"))

    return function


REPAIRED: dict[str, tuple[Break, str]] = {
    "counter behind": (
        sql("UPDATE pool_control SET last_oid = 0 WHERE tablename = 'vm_pool'"),
        "pool_control for table vm_pool has last_oid 0, but it is ",
    ),
    "counter missing": (
        sql("DELETE FROM pool_control WHERE tablename = 'host_pool'"),
        "pool_control for table host_pool has last_oid -1, but it is ",
    ),
    "primary group gone": (
        body("user_pool", user, ("<GID>1</GID>", "<GID>777</GID>")),
        "has primary group 777, but it does not exist",
    ),
    "primary group not listed": (
        body("user_pool", user, ("<ID>1</ID>", "")),
        "does not have his primary group 1 in the list of secondary groups",
    ),
    "secondary group gone": (
        body("user_pool", user, ("<ID>1</ID>", "<ID>1</ID><ID>888</ID>")),
        "has secondary group 888, but it does not exist",
    ),
    "group column": (
        sql("UPDATE user_pool SET gid = 0 WHERE oid = :oid", oid=user),
        "is in group 1, but the DB table has GID column 0",
    ),
    "user missing from group": (
        body("group_pool", lambda w: w.group, ("<USERS><ID>", "<USERS><ID>9999</ID><ID>")),
        "User 9999 is in Group ",
    ),
    "group lists nobody": (
        lambda w: w.empty("group_pool", w.group, "USERS"),
        "is missing from Group ",
    ),
    "host's cluster column": (
        sql("UPDATE host_pool SET cid = 5 WHERE oid = :oid", oid=host),
        "is in cluster 0, but cid column has cluster 5",
    ),
    "host's cluster gone": (
        body("host_pool", host, ("<CLUSTER_ID>0</CLUSTER_ID>", "<CLUSTER_ID>66</CLUSTER_ID>")),
        "is in cluster 66, but it does not exist",
    ),
    "host's cluster name": (
        body("host_pool", host, ("<CLUSTER>default</CLUSTER>", "<CLUSTER>other</CLUSTER>")),
        "has a wrong name for cluster 0, other. It will be changed to default",
    ),
    "datastore's cluster gone": (
        body("datastore_pool", store, ("<CLUSTERS>", "<CLUSTERS><ID>66</ID>")),
        "is in cluster 66, but it does not exist",
    ),
    "network's cluster gone": (
        body("network_pool", network, ("<CLUSTERS>", "<CLUSTERS><ID>66</ID>")),
        "is in cluster 66, but it does not exist",
    ),
    "cluster lists a stranger": (
        body("cluster_pool", zero, ("<HOSTS>", "<HOSTS><ID>9999</ID>")),
        "Host 9999 is in cluster 0 host id list, but it should not",
    ),
    "cluster forgets its members": (
        sql("UPDATE cluster_pool SET body = '<CLUSTER><ID>0</ID><NAME>default</NAME></CLUSTER>' WHERE oid = 0"),
        "is missing from cluster 0 datastore id list",
    ),
    "relation missing": (
        sql("DELETE FROM cluster_network_relation WHERE oid = :oid", oid=network),
        "Table cluster_network_relation is missing relation cluster 0, vnet ",
    ),
    "relation too many": (
        sql("INSERT INTO cluster_datastore_relation (cid, oid) VALUES (0, 9999)"),
        "Table cluster_datastore_relation contains relation cluster 0, datastore 9999, but it should not",
    ),
    "image's datastore name": (
        body("image_pool", image, ("<DATASTORE>fsck-img<", "<DATASTORE>other<")),
        "has a wrong name for datastore ",
    ),
    "datastore lists a stranger": (
        body("datastore_pool", store, ("<IMAGES>", "<IMAGES><ID>9999</ID>")),
        "Image 9999 is in Datastore ",
    ),
    "host's name in a machine": (
        body("vm_pool", running, ("<HOSTNAME>fsck-1<", "<HOSTNAME>other<")),
        "has a wrong hostname for Host ",
    ),
    "console ports": (
        sql("UPDATE cluster_vnc_bitmap SET map = 'damaged' WHERE id = 0"),
        "Cluster 0 has not the proper reserved VNC ports",
    ),
    "console ports missing": (
        sql("DELETE FROM cluster_vnc_bitmap WHERE id = 0"),
        "Cluster 0 has not the proper reserved VNC ports",
    ),
    "open record of a machine that is done": (
        sql("UPDATE history SET etime = 0 WHERE vid = :oid", oid=lambda w: w.vms["DONE"]),
        "is not closed (etime = 0), but the VM is in state DONE",
    ),
    "open record that is not the last": (
        sql("UPDATE history SET etime = 0 WHERE vid = :oid AND seq = 0", oid=lambda w: w.vms["PROLOG_MIGRATE"]),
        "seq # 0 is not closed (etime = 0)",
    ),
    "record without a begin": (
        sql("UPDATE history SET stime = 0 WHERE vid = :oid", oid=running),
        "has no start (stime = 0)",
    ),
    "router lists a stranger": (
        body("vrouter_pool", router, ("<VMS>", "<VMS><ID>9999</ID>")),
        "VM 9999 is in VRouter ",
    ),
    "router forgets its machines": (
        lambda w: w.empty("vrouter_pool", w.router, "VMS"),
        "is missing from VRouter ",
    ),
    "host lists a stranger": (
        body("host_pool", host, ("<VMS><ID>", "<VMS><ID>9999</ID><ID>")),
        "VM 9999 is in Host ",
    ),
    "host's counter": (
        lambda w: w.sql(
            "UPDATE host_pool SET body = REPLACE(body, '<RUNNING_VMS>', '<RUNNING_VMS>9') WHERE oid = :oid",
            oid=host(w),
        ),
        "RUNNING_VMS has 9",
    ),
    "host's processors": (
        sql("UPDATE host_pool SET body = REPLACE(body, '<CPU_USAGE>', '<CPU_USAGE>9') WHERE oid = :oid", oid=host),
        "CPU_USAGE has 9",
    ),
    "host's memory": (
        sql("UPDATE host_pool SET body = REPLACE(body, '<MEM_USAGE>', '<MEM_USAGE>9') WHERE oid = :oid", oid=host),
        "MEM_USAGE has 9",
    ),
    "PCI device of nobody": (
        body(
            "host_pool",
            host,
            (
                "<PCI_DEVICES>",
                "<PCI_DEVICES><PCI><ADDRESS>0</ADDRESS><DEVICE_NAME>card</DEVICE_NAME><VMID>9999</VMID></PCI>",
            ),
        ),
        "VM 9999 has a PCI device assigned in host ",
    ),
    "marketplace's zone": (
        body("marketplace_pool", zero, ("<ZONE_ID>0</ZONE_ID>", "<ZONE_ID>-1</ZONE_ID>")),
        "Marketplace 0 has an invalid ZONE_ID. Will be set to 0",
    ),
    "marketplace lists a stranger": (
        body("marketplace_pool", zero, ("<MARKETPLACEAPPS>", "<MARKETPLACEAPPS><ID>9999</ID>")),
        "Marketplace App 9999 is in Marketplace 0 app id list, but it should not",
    ),
    "app's marketplace name": (
        offer(0, "other"),
        "Marketplace App 0 has a wrong name for marketplace 0, other. It will be changed to OpenNebula Public",
    ),
    "app not in its marketplace": (
        offer(0, "OpenNebula Public"),
        "Marketplace App 0 is missing from Marketplace 0 app id list",
    ),
    "image lists a stranger": (
        body("image_pool", image, ("<VMS>", "<VMS><ID>9999</ID>")),
        "VM 9999 is in Image ",
    ),
    "image's counter": (
        sql(
            "UPDATE image_pool SET body = REPLACE(body, '<RUNNING_VMS>', '<RUNNING_VMS>9') WHERE oid = :oid",
            oid=image,
        ),
        "RUNNING_VMS has 9",
    ),
    "image's copies": (
        body("image_pool", image, ("<CLONES>", "<CLONES><ID>9999</ID>")),
        "Image 9999 is in Image ",
    ),
    "image's copies for apps": (
        body("image_pool", image, ("<APP_CLONES>", "<APP_CLONES><ID>9999</ID>")),
        "Marketplace App 9999 is in Image ",
    ),
    "image's copying counter": (
        body("image_pool", image, ("<CLONING_OPS>0<", "<CLONING_OPS>4<")),
        "CLONING_OPS has 4",
    ),
    "image's state": (
        body("image_pool", image, ("<STATE>2</STATE>", "<STATE>1</STATE>")),
        "has STATE READY \tis\tUSED",
    ),
    "persistent image's state": (
        body("image_pool", lambda w: w.persistent, ("<STATE>8</STATE>", "<STATE>6</STATE>")),
        "has STATE CLONE \tis\tUSED_PERS",
    ),
    "network's counter": (
        sql(
            "UPDATE network_pool SET body = REPLACE(body, '<USED_LEASES>', '<USED_LEASES>9') WHERE oid = :oid",
            oid=network,
        ),
        "used leases, but it is actually ",
    ),
    "leases forgotten": (
        sql(
            "UPDATE network_pool SET body = REPLACE(body, 'ALLOCATED', 'FORGOTTEN') WHERE oid = :oid", oid=network
        ),
        "does not have a lease for ",
    ),
    "lease of nobody": (
        body("network_pool", network, ("<ALLOCATED><![CDATA[", "<ALLOCATED><![CDATA[ 150 68719486735")),
        "has leased 10.0.0.151 to VM 9999, but it is actually free",
    ),
    "lease of another": (
        lambda w: w.sql(
            "UPDATE network_pool SET body = REPLACE(body, :old, ' 68719486735 ') WHERE oid = :oid",
            old=f" {0x1000000000 | running(w)} ",
            oid=network(w),
        ),
        "to VM 9999, but it is actually used by VM ",
    ),
    "lease on hold that is used": (
        lambda w: w.sql(
            "UPDATE network_pool SET body = REPLACE(body, :old, :new) WHERE oid = :oid",
            old=f" {0x1000000000 | running(w)} ",
            new=f" {0x10FFFFFFFF} ",
            oid=network(w),
        ),
        "on hold, but it is actually used by VM ",
    ),
    "more leases than addresses": (
        body("network_pool", lambda w: w.ground.network, ("<SIZE><![CDATA[200]]>", "<SIZE><![CDATA[3]]>")),
        "is greater than the AR size (3)",
    ),
    "reservation's column": (
        sql("UPDATE network_pool SET pid = -1 WHERE oid = :oid", oid=lambda w: w.reservation),
        "but pid column has -1",
    ),
    "network driver not in the template": (
        sql(
            "UPDATE network_pool SET body = REPLACE(body, '<VN_MAD><![CDATA[dummy]]></VN_MAD></TEMPLATE>', "
            "'</TEMPLATE>') WHERE oid = :oid",
            oid=network,
        ),
        "VN_MAD element is missing from the TEMPLATE",
    ),
    "quota of a user": (
        sql(
            "UPDATE user_quotas SET body = REPLACE(body, '<MEMORY_USED><![CDATA[', '<MEMORY_USED><![CDATA[9') "
            "WHERE user_oid = :oid",
            oid=user,
        ),
        "quotas: MEMORY_USED has 9",
    ),
    "quotas of a group forgotten": (
        lambda w: w.sql(
            "UPDATE group_quotas SET body = :body WHERE group_oid = :oid",
            body=f"<QUOTAS><ID>{w.group}</ID></QUOTAS>",
            oid=w.group,
        ),
        "RUNNING_VMS_USED has 0",
    ),
    "row of quotas missing": (
        sql("DELETE FROM user_quotas WHERE user_oid = :oid", oid=user),
        "there is no row in table user_quotas",
    ),
    "deprecated boot order": (
        lambda w: w.sql(
            "UPDATE template_pool SET body = REPLACE(body, '</TEMPLATE>', :new)",
            new=f"<DISK><IMAGE_ID>{w.ground.image}</IMAGE_ID></DISK><OS><BOOT>hd,network</BOOT></OS></TEMPLATE>",
        ),
        'OS/BOOT contains deprecated format "hd,network", is was updated to disk0,nic0',
    ),
}
"""What is broken, and a part of the sentence that tells it."""


@pytest.mark.parametrize("name", REPAIRED)
def test_is_found_and_repaired(made: World, name: str) -> None:
    break_, sentence = REPAIRED[name]
    before = made.keep()
    break_(made)
    broken = made.keep()
    assert broken != before
    found = made.fsck(dry=True)
    assert any(sentence in line and not line.startswith("[UNREPAIRED]") for line in found), found
    assert made.keep() == broken, "a dry run changes nothing"
    assert made.fsck() == found
    assert made.fsck() == []


def twin(w: World) -> None:
    """Make the user one of LDAP, and another one of the same name in capitals."""
    w.edit("user_pool", user(w), ("<![CDATA[core]]>", "<![CDATA[ldap]]>"))
    body = w.body("user_pool", user(w)).replace(f"<ID>{user(w)}</ID>", "<ID>50</ID>").replace(">fsck<", ">FSCK<")
    w.sql(
        "INSERT INTO user_pool (oid, name, body, uid, gid, owner_u, group_u, other_u) "
        "VALUES (50, 'Twin', :body, 50, 1, 1, 0, 0)",
        body=body,
    )


UNREPAIRED: dict[str, tuple[Break, str]] = {
    "names that differ by case": (
        twin,
        "has conficting name ",
    ),
    "image's datastore gone": (
        body("image_pool", image, ("<DATASTORE_ID>", "<DATASTORE_ID>99")),
        "but it does not exist. The image is probably unusable",
    ),
    "machine's image gone": (
        body("vm_pool", running, ("<IMAGE_ID><![CDATA[", "<IMAGE_ID><![CDATA[99")),
        "but it does not exist",
    ),
    "machine's network gone": (
        body("vm_pool", running, ("<NETWORK_ID><![CDATA[", "<NETWORK_ID><![CDATA[99")),
        "is using VNet 99",
    ),
    "machine's range gone": (
        body("vm_pool", running, ("<AR_ID><![CDATA[0]]>", "<AR_ID><![CDATA[9]]>")),
        "AR 9, but the AR does not exist",
    ),
    "machine's host gone": (
        body("vm_pool", running, ("<HID>", "<HID>99")),
        "is using Host 99",
    ),
    "machine's router gone": (
        body("vm_pool", running, ("<TEMPLATE>", "<TEMPLATE><VROUTER_ID>99</VROUTER_ID>")),
        "is part of VRouter 99, but it does not exist",
    ),
    "machine's addresses": (
        body("vm_pool", running, ("<IP><![CDATA[10.0.0.", "<IP><![CDATA[10.9.0.")),
        "IP does not match: 10.9.0.",
    ),
    "app's marketplace gone": (
        offer(77, "gone"),
        "Marketplace App 0 has marketplace 77, but it does not exist. The app is probably unusable",
    ),
    "one address twice": (
        share("MAC"),
        "has more than one lease with the same MAC address",
    ),
    "one console port twice": (
        share("PORT"),
        "have the same VNC port ",
    ),
    "reservation's range gone": (
        body(
            "network_pool",
            lambda w: w.reservation,
            ("<PARENT_NETWORK_AR_ID><![CDATA[0]]>", "<PARENT_NETWORK_AR_ID><![CDATA[9]]>"),
        ),
        "AR 9, but the AR does not exist",
    ),
    "network without a driver": (
        body("network_pool", network, ("<VN_MAD><![CDATA[dummy]]></VN_MAD>", "<VN_MAD/>")),
        "VN_MAD element is missing",
    ),
    "closed stay without an end": (
        lambda w: [
            w.sql(statement, oid=w.vms["PROLOG_MIGRATE"])
            for statement in (
                "UPDATE history SET etime = 0 WHERE vid = :oid AND seq = 0",
                "UPDATE history SET stime = 0, body = '<HISTORY><SEQ>1</SEQ></HISTORY>' WHERE vid = :oid AND seq = 1",
            )
        ],
        "seq # 0 is not closed (etime = 0)",
    ),
    "body that is none": (
        sql("UPDATE vm_pool SET body = '<VM><ID>' WHERE oid = :oid", oid=lambda w: w.vms["HOLD"]),
        "has a body that cannot be read",
    ),
}


@pytest.mark.parametrize("name", UNREPAIRED)
def test_what_cannot_be_repaired_is_said(made: World, name: str) -> None:
    break_, sentence = UNREPAIRED[name]
    break_(made)
    found = made.fsck()
    assert any(sentence in line and line.startswith("[UNREPAIRED]") for line in found), found
    assert made.fsck() == [line for line in found if line.startswith("[UNREPAIRED]")]
