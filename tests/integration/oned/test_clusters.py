"""Clusters over the API: life, members, rights."""

import pyone
import pytest

from tests.integration.oned.clients import Client, closed
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.names import new_member, unique

AUTHORIZATION, NO_EXISTS, ACTION, INTERNAL = 0x200, 0x400, 0x800, 0x2000
CLUSTER_RULE = 0x200100000000

pytestmark = closed


@pytest.fixture
def joe(oned: Daemon) -> str:
    return new_member(oned)


def new(one: Client) -> int:
    return int(one.cluster.allocate(unique("cluster")))


def test_first_cluster(oned: Daemon, one: Client) -> None:
    cluster = one.cluster.info(0)
    assert (cluster.ID, cluster.NAME) == (0, "default")
    assert cluster.DATASTORES.ID[:3] == [0, 1, 2]
    assert str(oned.ok("one.cluster.info", 0)).endswith(
        "<TEMPLATE><RESERVED_CPU><![CDATA[]]></RESERVED_CPU><RESERVED_MEM><![CDATA[]]></RESERVED_MEM>"
        "</TEMPLATE></CLUSTER>"
    )


def test_life(oned: Daemon, one: Client) -> None:
    oid = new(one)
    assert oid >= 100
    name = one.cluster.info(oid).NAME
    assert oned.fails(INTERNAL, "one.cluster.allocate", name) == (
        f"[one.cluster.allocate] NAME is already taken by CLUSTER {oid}."
    )
    assert oned.fails(INTERNAL, "one.cluster.allocate", "").endswith("Invalid NAME, it cannot be empty")
    assert oned.fails(INTERNAL, "one.cluster.allocate", "a:b").endswith("Invalid NAME, char ':' is not allowed")
    assert one.cluster.rename(oid, f"{name}-new") == oid
    assert oned.fails(ACTION, "one.cluster.rename", oid, "default").endswith(
        "cluster cannot be renamed to default because it collides with cluster 0"
    )
    assert oned.fails(ACTION, "one.cluster.rename", oid, "x" * 129).endswith("max length is 128 chars")
    one.cluster.update(oid, "RACK = 7", 1)
    assert one.cluster.info(oid).TEMPLATE == {"RACK": "7", "RESERVED_CPU": None, "RESERVED_MEM": None}
    one.cluster.update(oid, "RACK = 8", 0)
    assert one.cluster.info(oid).TEMPLATE == {"RACK": "8"}
    assert oid in {found.ID for found in one.clusterpool.info().CLUSTER}
    assert one.cluster.delete(oid) == oid
    with pytest.raises(pyone.OneNoExistsException, match=rf"Error getting cluster \[{oid}\]\."):
        one.cluster.info(oid)


def test_what_cannot_be_deleted(oned: Daemon, one: Client) -> None:
    text = oned.fails(ACTION, "one.cluster.delete", 0)
    assert text == "[one.cluster.delete] Cannot delete cluster. System Clusters (ID < 100) cannot be deleted."
    oid = new(one)
    one.cluster.adddatastore(oid, 1)
    text = oned.fails(ACTION, "one.cluster.delete", oid)
    assert text.endswith(f"Cannot delete cluster. Cluster {oid} is not empty, it contains 1 datastores.")
    host = one.host.allocate(f"full-{oid}", "dummy", "dummy", oid)
    assert oned.fails(ACTION, "one.cluster.delete", oid).endswith("it contains 1 hosts.")
    one.host.delete(host)
    one.cluster.deldatastore(oid, 1)
    one.cluster.delete(oid)


def test_datastores_join_and_leave(one: Client) -> None:
    oid = new(one)
    for _ in range(2):
        assert one.cluster.adddatastore(oid, 1) == oid
        assert one.cluster.info(oid).DATASTORES.ID == [1]
        assert oid in one.datastore.info(1).CLUSTERS.ID
    for _ in range(2):
        assert one.cluster.deldatastore(oid, 1) == oid
        assert one.cluster.info(oid).DATASTORES.ID == []
        assert oid not in one.datastore.info(1).CLUSTERS.ID
    assert 0 in one.datastore.info(1).CLUSTERS.ID


def test_networks_join_and_leave(one: Client) -> None:
    oid = new(one)
    network = one.vn.allocate(f"NAME = net-{oid}\nVN_MAD = bridge\nBRIDGE = br0", -1)
    assert network in one.cluster.info(0).VNETS.ID
    for _ in range(2):
        assert one.cluster.addvnet(oid, network) == oid
        assert list(one.cluster.info(oid).VNETS.ID) == [network]
        assert list(one.vn.info(network).CLUSTERS.ID) == [0, oid]
    for _ in range(2):
        assert one.cluster.delvnet(oid, network) == oid
        assert not one.cluster.info(oid).VNETS.ID
        assert list(one.vn.info(network).CLUSTERS.ID) == [0]
    one.vn.delete(network)
    assert network not in one.cluster.info(0).VNETS.ID


def test_hosts_move(one: Client) -> None:
    first, second = new(one), new(one)
    host = one.host.allocate(f"mover-{first}", "dummy", "dummy", second)
    for _ in range(2):
        assert one.cluster.addhost(first, host) == first
        found = one.host.info(host)
        cluster = one.cluster.info(first)
        assert (found.CLUSTER_ID, found.CLUSTER) == (cluster.ID, cluster.NAME)
        assert list(cluster.HOSTS.ID) == [host]
        assert not one.cluster.info(second).HOSTS.ID
    one.cluster.rename(first, f"renamed-{first}")
    assert str(one.host.info(host).CLUSTER) == f"renamed-{first}"
    assert one.cluster.delhost(first, host) == 0
    assert one.host.info(host).CLUSTER == "default"
    assert host in one.cluster.info(0).HOSTS.ID
    one.host.delete(host)
    assert host not in one.cluster.info(0).HOSTS.ID


def test_members_that_are_not_there(oned: Daemon) -> None:
    for what, label in (("host", "host"), ("datastore", "datastore"), ("vnet", "virtual network")):
        for verb in ("add", "del"):
            text = oned.fails(NO_EXISTS, f"one.cluster.{verb}{what}", 0, 99999)
            assert text == f"[one.cluster.{verb}{what}] Error getting {label} [99999]."
        text = oned.fails(NO_EXISTS, f"one.cluster.add{what}", 99999, 0)
        assert text == f"[one.cluster.add{what}] Error getting cluster [99999]."


@pytest.mark.parametrize(
    ("name", "params"),
    [("update", ("A = 1",)), ("delete", ()), ("rename", ("x",)), ("info", ())],
)
def test_clusters_that_are_not_there(oned: Daemon, name: str, params: tuple[str, ...]) -> None:
    for oid in (-1, 99999, 2**31 - 1):
        oned.fails(NO_EXISTS, f"one.cluster.{name}", oid, *params)


def test_rights(oned: Daemon, one: Client, joe: str) -> None:
    oid = new(one)
    assert oned.ok("one.clusterpool.info", session=joe) == "<CLUSTER_POOL></CLUSTER_POOL>"
    for name, params in (
        ("info", ()),
        ("update", ("A = 1",)),
        ("delete", ()),
        ("rename", ("x",)),
        ("adddatastore", (1,)),
        ("deldatastore", (1,)),
    ):
        oned.fails(AUTHORIZATION, f"one.cluster.{name}", oid, *params, session=joe)
    text = oned.fails(AUTHORIZATION, "one.cluster.allocate", "joes", session=joe)
    assert text.endswith("Not authorized to perform CREATE CLUSTER.")
    rule = one.acl.addrule("200000001", f"{CLUSTER_RULE + oid:x}", "1")
    assert "<ID>" in str(oned.ok("one.cluster.info", oid, session=joe))
    assert str(oned.ok("one.clusterpool.info", session=joe)).count("<CLUSTER>") == 1
    one.cluster.delete(oid)
    assert rule not in {found.ID for found in one.acl.info().ACL}
