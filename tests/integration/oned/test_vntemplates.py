"""Templates of networks over the API: life, rights, networks from them."""

import pytest

from tests.integration.oned.clients import Client, closed
from tests.integration.oned.conftest import served
from tests.integration.oned.daemon import Daemon, Param
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
    VNTEMPLATE,
    grant,
    new_user,
    value,
)

pytestmark = closed
oned = served("vntemplates", CONFIGURATION)


def new(oned: Daemon, more: str = "") -> int:
    return int(
        oned.ok("one.vntemplate.allocate", f"NAME = {unique('template')}\nVN_MAD = bridge\nMTU = 9\n{more}")
    )


def test_life(oned: Daemon, one: Client) -> None:
    oid = new(oned)
    template = one.vntemplate.info(oid)
    assert (template.TEMPLATE["MTU"], template.UNAME) == ("9", "oneadmin")
    assert template.REGTIME > 1_600_000_000
    assert oid in {found.ID for found in one.vntemplatepool.info(-2, -1, -1).VNTEMPLATE}
    text = oned.fails(INTERNAL, "one.vntemplate.allocate", f"NAME = {template.NAME}\nVN_MAD = bridge")
    assert text == f"[one.vntemplate.allocate] NAME is already taken by VN TEMPLATE {oid}."
    copy = one.vntemplate.clone(oid, f"{template.NAME}-copy")
    assert one.vntemplate.info(copy).TEMPLATE == template.TEMPLATE
    text = oned.fails(ALLOCATE, "one.vntemplate.clone", oid, template.NAME)
    assert text.startswith(
        "[one.vntemplate.clone] Error allocating a new virtual network template. NAME is already"
    )
    assert "collides with virtual network template" in oned.fails(
        ACTION, "one.vntemplate.rename", copy, template.NAME
    )
    one.vntemplate.rename(copy, f"{template.NAME}-new")
    one.vntemplate.update(copy, "DNS = 1.1.1.1", 1)
    assert one.vntemplate.info(copy).TEMPLATE["DNS"] == "1.1.1.1"
    one.vntemplate.chmod(copy, -1, -1, -1, 1, -1, -1, -1, -1, -1)
    one.vntemplate.lock(copy, 1)
    info = str(oned.ok("one.vntemplate.info", copy))
    assert info.index("<LOCK>") < info.index("<PERMISSIONS>") < info.index("<REGTIME>")
    assert one.vntemplate.info(copy).LOCK.LOCKED == 1
    one.vntemplate.unlock(copy)
    one.vntemplate.delete(copy)
    assert oned.fails(NO_EXISTS, "one.vntemplate.info", copy).endswith(
        f"Error getting virtual network template [{copy}]."
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("VN_MAD = bridge", "Invalid NAME, it cannot be empty"),
        ("NAME = {}", "Error inserting Template in DB. VN_MAD is mandatory"),
        ("NAME = {}\nVN_MAD = 802.1Q", "PHYDEV is mandatory for driver 802.1Q"),
    ],
)
def test_wrong_templates(oned: Daemon, text: str, wanted: str) -> None:
    answer = oned.fails(INTERNAL, "one.vntemplate.allocate", text.format(unique("template")))
    assert answer == f"[one.vntemplate.allocate] {wanted}"


def test_networks_from_a_template(oned: Daemon, one: Client) -> None:
    cluster = one.cluster.allocate(unique("cluster"))
    oid = new(oned, f'CLUSTER_IDS = "{cluster},0,9999"\nAR = [ TYPE = ETHER, SIZE = 3 ]')
    network = one.vntemplate.instantiate(oid, "", "")
    found = one.vn.info(network)
    assert f"{one.vntemplate.info(oid).NAME}-{network}" == found.NAME
    assert (found.TEMPLATE["TEMPLATE_ID"], found.TEMPLATE["MTU"]) == (str(oid), "9")
    assert set(found.CLUSTERS.ID) == {0, cluster}
    assert network in one.cluster.info(cluster).VNETS.ID
    assert len(found.AR_POOL.AR) == 1
    name = unique()
    network = one.vntemplate.instantiate(oid, name, "MTU = 5\nAR = [ TYPE = IP4, IP = 10.0.0.1, SIZE = 1 ]")
    found = one.vn.info(network)
    assert (found.NAME, found.TEMPLATE["MTU"], found.AR_POOL.AR[0].IP) == (name, "5", "10.0.0.1")
    text = oned.fails(ALLOCATE, "one.vntemplate.instantiate", oid, name, "")
    assert text == (
        "[one.vntemplate.instantiate] Error allocating a new virtual network template. "
        f"NAME is already taken by NET {network}."
    )
    text = oned.fails(INTERNAL, "one.vntemplate.instantiate", oid, "", "A = [")
    assert text.startswith("[one.vntemplate.instantiate] Parse error")
    user = new_user(oned)
    one.vntemplate.chmod(oid, -1, -1, -1, -1, -1, -1, 1, -1, -1)
    theirs = one.vn.info(one.vntemplate.instantiate(oid, "", f"AS_UID = {user.uid}\nAS_GID = {user.gid}"))
    assert (user.uid, user.gid, theirs.GNAME) == (theirs.UID, theirs.GID, theirs.UNAME)
    assert "AS_UID" not in theirs.TEMPLATE
    plain = one.vntemplate.instantiate(new(oned), "", "")
    assert one.vn.info(plain).CLUSTERS.ID == [0]


def test_rights(oned: Daemon) -> None:
    session, uid, gid = new_user(oned)
    oid = new(oned)
    text = oned.fails(AUTHORIZATION, "one.vntemplate.allocate", f"NAME = {unique()}\nMTU = 1", session=session)
    assert text.endswith(f"User [{uid}] : Not authorized to perform CREATE VNTEMPLATE.")
    grant(oned, uid, VNTEMPLATE | ALL, CREATE)
    text = oned.fails(AUTHORIZATION, "one.vntemplate.allocate", f"NAME = {unique()}\nVN_MAD = x", session=session)
    assert text.endswith("VM Template includes a restricted attribute VN_MAD.")
    calls: list[tuple[str, tuple[Param, ...]]] = [
        ("info", ()),
        ("update", ("VN_MAD = bridge\nA = 1",)),
        ("chmod", (1, 1, -1, 0, 0, -1, -1, -1, -1)),
        ("clone", (unique(),)),
        ("rename", (unique(),)),
        ("lock", (3,)),
        ("unlock", ()),
        ("instantiate", (unique(), "A = 1")),
        ("delete", ()),
    ]
    for name, parameters in calls:
        text = oned.fails(AUTHORIZATION, f"one.vntemplate.{name}", oid, *parameters, session=session)
        assert f"User [{uid}] : Not authorized to perform " in text
        for missing in (99999999, -1):
            oned.fails(NO_EXISTS, f"one.vntemplate.{name}", missing, *parameters)
    oned.ok("one.vntemplate.chown", oid, uid, gid)
    for name, parameters in calls[:-1]:
        oned.ok(f"one.vntemplate.{name}", oid, *parameters, session=session)
    text = oned.fails(AUTHORIZATION, "one.vntemplate.instantiate", oid, unique(), "BRIDGE = br0", session=session)
    assert text.endswith("User Template includes a restricted attribute BRIDGE.")
    text = oned.fails(INTERNAL, "one.vntemplate.update", oid, "VN_MAD = dummy", 0, session=session)
    assert text.endswith("Cannot update template. Tried to change restricted attribute: VN_MAD")
    network = oned.ok("one.vntemplate.instantiate", oid, unique(), "", session=session)
    assert value(oned.ok("one.vn.info", network, session=session), "UID") == str(uid)
    assert oned.ok("one.vntemplate.delete", oid, session=session) == oid
