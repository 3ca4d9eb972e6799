"""Datastores over the API: life, what the configuration of the drivers adds, rights."""

import itertools

import pytest

from tests.integration.oned.clients import Client, closed
from tests.integration.oned.conftest import served
from tests.integration.oned.daemon import Daemon

AUTHORIZATION, NO_EXISTS, ACTION, INTERNAL = 0x200, 0x400, 0x800, 0x2000
CONFIGURATION = """
TM_MAD_CONF = [ NAME = "ssh", LN_TARGET = "SYSTEM", CLONE_TARGET = "SYSTEM", SHARED = "NO", DS_MIGRATE = "YES",
  ALLOW_ORPHANS = "YES" ]
TM_MAD_CONF = [ NAME = "shared", LN_TARGET = "none", CLONE_TARGET = "SYSTEM", SHARED = "YES",
  TM_MAD_SYSTEM = "ssh, qcow2", LN_TARGET_SSH = "SYSTEM", CLONE_TARGET_SSH = "SYSTEM", DISK_TYPE_SSH = "FILE",
  LN_TARGET_QCOW2 = "NONE", CLONE_TARGET_QCOW2 = "SELF", DISK_TYPE_QCOW2 = "BLOCK" ]
TM_MAD_CONF = [ NAME = "broken", LN_TARGET = "ELSEWHERE", CLONE_TARGET = "SELF" ]
TM_MAD_CONF = [ NAME = "half", LN_TARGET = "NONE", CLONE_TARGET = "SELF", TM_MAD_SYSTEM = "ssh" ]
DS_MAD_CONF = [ NAME = "lvm", REQUIRED_ATTRS = "disk_type, BRIDGE_LIST" ]
DATASTORE_LOCATION = "/srv/stores/"
DATASTORE_ENCRYPTED_ATTR = "SECRET_KEY"
"""
IN_CLUSTER_RULE = 0x100800000000
BROKEN = (
    "Attribute shared, ln_target or clone_target in TM_MAD_CONF for {} is missing or has wrong value in oned.conf"
)
IMAGE = "TM_MAD = shared\nDS_MAD = fs\n"
_numbers = itertools.count()

pytestmark = closed


oned = served("oned", CONFIGURATION)


@pytest.fixture
def joe(oned: Daemon) -> tuple[int, int, str]:
    """A new user of a new group, which no virtual data center lets use datastores: number, group, session."""
    name = f"store{next(_numbers)}"
    gid = int(oned.ok("one.group.allocate", name))
    oned.ok("one.vdc.delgroup", 0, gid)
    uid = int(oned.ok("one.user.allocate", name, "word", "core", [gid]))
    return uid, gid, f"{name}:word"


def new(one: Client, text: str = IMAGE, cluster: int = -1) -> int:
    return int(one.datastore.allocate(f"NAME = ds-{next(_numbers)}\n{text}", cluster))


def test_first_datastores(oned: Daemon) -> None:
    permissions = (
        "<PERMISSIONS><OWNER_U>1</OWNER_U><OWNER_M>1</OWNER_M><OWNER_A>0</OWNER_A><GROUP_U>1</GROUP_U>"
        "<GROUP_M>0</GROUP_M><GROUP_A>0</GROUP_A><OTHER_U>0</OTHER_U><OTHER_M>0</OTHER_M><OTHER_A>0</OTHER_A></PERMISSIONS>"
    )
    head = "<UID>0</UID><GID>0</GID><UNAME>oneadmin</UNAME><GNAME>oneadmin</GNAME>"
    sizes = "<TOTAL_MB>0</TOTAL_MB><FREE_MB>0</FREE_MB><USED_MB>0</USED_MB><IMAGES></IMAGES>"
    allowed = {"ALLOW_ORPHANS": "YES", "RESTRICTED_DIRS": "/", "SAFE_DIRS": "/var/tmp", "TM_MAD": "ssh"}
    targets = {"DS_MAD": "fs", "CLONE_TARGET": "SYSTEM", "LN_TARGET": "SYSTEM"}
    system = {"DISK_TYPE": "FILE", "DS_MIGRATE": "YES", "SHARED": "NO"}
    for oid, name, ds_mad, kind, more in (
        (0, "system", "-", 1, system | {"TYPE": "SYSTEM_DS"}),
        (1, "default", "fs", 0, targets | {"DISK_TYPE": "FILE", "TYPE": "IMAGE_DS"}),
        (2, "files", "fs", 2, targets | {"TYPE": "FILE_DS"}),
    ):
        template = "".join(
            f"<{key}><![CDATA[{value}]]></{key}>" for key, value in sorted((allowed | more).items())
        )
        assert oned.ok("one.datastore.info", oid) == (
            f"<DATASTORE><ID>{oid}</ID>{head}<NAME>{name}</NAME>{permissions}<DS_MAD>{ds_mad}</DS_MAD>"
            f"<TM_MAD>ssh</TM_MAD><BASE_PATH>/srv/stores/{oid}</BASE_PATH><TYPE>{kind}</TYPE><DISK_TYPE>0</DISK_TYPE>"
            f"<STATE>0</STATE><CLUSTERS><ID>0</ID></CLUSTERS>{sizes}<TEMPLATE>{template}</TEMPLATE></DATASTORE>"
        )


def test_life(oned: Daemon, one: Client) -> None:
    oid = new(one)
    assert oid >= 100
    found = one.datastore.info(oid)
    drivers = (found.DS_MAD, found.TM_MAD, found.BASE_PATH)
    assert drivers == ("fs", "shared", f"/srv/stores/{oid}")
    assert list(found.CLUSTERS.ID) == [0]
    assert oid in one.cluster.info(0).DATASTORES.ID
    assert one.datastore.rename(oid, f"{found.NAME}-2") == oid
    text = oned.fails(ACTION, "one.datastore.rename", oid, "default")
    assert text.endswith("datastore cannot be renamed to default because it collides with datastore 1")
    assert oid in {each.ID for each in one.datastorepool.info().DATASTORE}
    assert one.datastore.delete(oid) == oid
    assert oid not in one.cluster.info(0).DATASTORES.ID
    assert oned.fails(NO_EXISTS, "one.datastore.info", oid).endswith(f"Error getting datastore [{oid}].")


def test_what_the_drivers_add(one: Client) -> None:
    oid = new(one, IMAGE + "BASE_PATH = /mine\nSAFE_DIRS = /home\nSHARED = NO\nDISK_TYPE = block\nX = 1")
    found = one.datastore.info(oid)
    assert (found.TYPE, found.DISK_TYPE, found.STATE) == (0, 2, 0)
    assert found.TEMPLATE == {
        "ALLOW_ORPHANS": "NO",
        "CLONE_TARGET": "SYSTEM",
        "CLONE_TARGET_QCOW2": "SELF",
        "CLONE_TARGET_SSH": "SYSTEM",
        "DISK_TYPE": "BLOCK",
        "DISK_TYPE_QCOW2": "BLOCK",
        "DISK_TYPE_SSH": "FILE",
        "DS_MAD": "fs",
        "LN_TARGET": "NONE",
        "LN_TARGET_QCOW2": "NONE",
        "LN_TARGET_SSH": "SYSTEM",
        "SAFE_DIRS": "/home",
        "TM_MAD": "shared",
        "TM_MAD_SYSTEM": "ssh, qcow2",
        "X": "1",
    }
    one.datastore.delete(oid)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("NAME = default\nTM_MAD = ssh\nDS_MAD = fs", "NAME is already taken by DATASTORE 1."),
        ("TM_MAD = ssh\nDS_MAD = fs", "Invalid NAME, it cannot be empty"),
        ('NAME = "a/b"', "Invalid NAME, char '/' is not allowed"),
        ("NAME = w", "No DS_MAD in template."),
        ("NAME = w\nDS_MAD = fs", "No TM_MAD in template."),
        ("NAME = w\nTYPE = SYSTEM_DS\nDS_MAD = fs", "SYSTEM datastores cannot have DS_MAD defined."),
        ("NAME = w\nTM_MAD = ssh\nDS_MAD = nix", 'DS_MAD named "nix" is not defined in oned.conf'),
        ("NAME = w\nTM_MAD = nix\nDS_MAD = fs", 'TM_MAD named "nix" is not defined in oned.conf'),
        ("NAME = w\nTM_MAD = ssh\nDS_MAD = fs\nDISK_TYPE = ODD", "Unknown DISK_TYPE in template."),
        ("NAME = w\nTM_MAD = ssh\nDS_MAD = fs\nDISK_TYPE = CDROM", "Invalid DISK_TYPE for an Image Datastore."),
        (
            "NAME = w\nTM_MAD = ssh\nTYPE = system_ds\nDISK_TYPE = BLOCK",
            "Invalid DISK_TYPE for a System Datastore.",
        ),
        (
            "NAME = w\nTM_MAD = ssh\nDS_MAD = LVM\nDISK_TYPE = BLOCK",
            'Datastore template is missing the "BRIDGE_LIST" attribute or it\'s empty.',
        ),
        ("NAME = [", "Parse error: "),
        ("NAME = w\nTM_MAD = broken\nDS_MAD = fs", BROKEN.format("broken")),
        ("NAME = w\nTM_MAD = half\nDS_MAD = fs", BROKEN.format("half")),
        ("NAME = w\nTM_MAD = broken\nTYPE = SYSTEM_DS", BROKEN.format("broken")),
    ],
)
def test_datastores_that_cannot_be(oned: Daemon, text: str, reason: str) -> None:
    assert oned.fails(INTERNAL, "one.datastore.allocate", text, -1).startswith(
        f"[one.datastore.allocate] {reason}"
    )


def test_a_cluster_that_is_not_there(oned: Daemon) -> None:
    text = oned.fails(NO_EXISTS, "one.datastore.allocate", f"NAME = w\n{IMAGE}", 77777)
    assert text == "[one.datastore.allocate] Error getting cluster [77777]."


def test_update(oned: Daemon, one: Client) -> None:
    oid = new(one)
    one.datastore.update(oid, "A = 1", 0)
    found = one.datastore.info(oid)
    assert (found.TYPE, found.DISK_TYPE, found.TM_MAD, found.DS_MAD) == (0, 0, "shared", "fs")
    assert found.TEMPLATE == {"A": "1", "DS_MAD": "fs", "TM_MAD": "shared", "TYPE": "IMAGE_DS"}
    one.datastore.update(oid, "TM_MAD = ssh\nDISK_TYPE = RBD\nSECRET_KEY = open-sesame", 1)
    found = one.datastore.info(oid)
    assert (found.DISK_TYPE, found.TM_MAD, found.TEMPLATE["LN_TARGET"]) == (3, "ssh", "SYSTEM")
    assert "open-sesame" not in str(oned.ok("one.datastore.info", oid))
    assert one.datastore.info(oid, True).TEMPLATE["SECRET_KEY"] == "open-sesame"
    text = oned.fails(INTERNAL, "one.datastore.update", oid, "DS_MAD = nix", 1)
    assert text == '[one.datastore.update] Cannot update template. DS_MAD named "nix" is not defined in oned.conf'
    assert "nix" not in str(oned.ok("one.datastore.info", oid))
    one.datastore.update(oid, "TYPE = SYSTEM_DS", 1)
    found = one.datastore.info(oid)
    assert (found.TYPE, found.DS_MAD, found.TEMPLATE["SHARED"]) == (1, "-", "NO")
    assert {"DS_MAD", "LN_TARGET", "CLONE_TARGET"}.isdisjoint(found.TEMPLATE)
    one.datastore.delete(oid)
    one.datastore.update(0, "TYPE = IMAGE_DS", 1)
    assert (one.datastore.info(0).TYPE, one.datastore.info(0).TEMPLATE["TYPE"]) == (1, "SYSTEM_DS")


def test_enable(oned: Daemon, one: Client) -> None:
    oid = new(one, "TYPE = SYSTEM_DS\nTM_MAD = shared")
    for enabled, state in ((False, 1), (True, 0)):
        assert one.datastore.enable(oid, enabled) == oid
        assert int(one.datastore.info(oid).STATE) == state
    text = oned.fails(INTERNAL, "one.datastore.enable", 1, False)
    assert text == "[one.datastore.enable] Only SYSTEM_DS can be disabled or enabled"
    one.datastore.delete(oid)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("info", ()),
        ("update", ("A = 1",)),
        ("delete", ()),
        ("rename", ("x",)),
        ("enable", (True,)),
        ("chown", (-1, -1)),
        ("chmod", (-1,) * 9),
    ],
)
def test_datastores_that_are_not_there(oned: Daemon, name: str, params: tuple[str | int, ...]) -> None:
    for oid in (-1, 88888, 2**31 - 1):
        oned.fails(NO_EXISTS, f"one.datastore.{name}", oid, *params)


def test_rights(oned: Daemon, one: Client, joe: tuple[int, int, str]) -> None:
    uid, gid, session = joe
    oid = new(one)
    text = oned.fails(AUTHORIZATION, "one.datastore.allocate", f"NAME = j\n{IMAGE}", 0, session=session)
    assert text.endswith(
        "Not authorized to perform CREATE DATASTORE; Not authorized to perform ADMIN CLUSTER [0]."
    )
    oned.fails(AUTHORIZATION, "one.datastore.info", oid, session=session)
    assert oned.ok("one.datastorepool.info", session=session) == "<DATASTORE_POOL></DATASTORE_POOL>"
    one.datastore.chown(oid, -1, gid)
    assert oned.ok("one.datastore.info", oid, session=session)
    assert str(oned.ok("one.datastorepool.info", session=session)).count("<DATASTORE>") == 1
    keep = (-1, -1, -1, -1, -1, -1, -1)
    calls: tuple[tuple[str, tuple[str | int, ...]], ...] = (
        ("update", ("A = 1",)),
        ("rename", ("joes",)),
        ("enable", (True,)),
        ("chown", (-1, gid)),
        ("chmod", (-1, 0, *keep)),
    )
    for name, params in calls:
        oned.fails(AUTHORIZATION, f"one.datastore.{name}", oid, *params, session=session)
    one.datastore.chown(oid, uid, -1)
    assert oned.ok("one.datastore.update", oid, "A = 1", 1, session=session) == oid
    text = oned.fails(AUTHORIZATION, "one.datastore.delete", oid, session=session)
    assert text.endswith(f"Not authorized to perform ADMIN DATASTORE [{oid}].")
    one.datastore.chmod(oid, -1, -1, 1, -1, -1, -1, -1, -1, -1)
    assert oned.ok("one.datastore.delete", oid, session=session) == oid


def test_rights_by_cluster(oned: Daemon, one: Client, joe: tuple[int, int, str]) -> None:
    uid, _, session = joe
    cluster = one.cluster.allocate(f"stores-{uid}")
    oid = new(one, cluster=cluster)
    oned.fails(AUTHORIZATION, "one.datastore.info", oid, session=session)
    one.acl.addrule(f"{0x100000000 + uid:x}", f"{IN_CLUSTER_RULE + cluster:x}", "1")
    assert oned.ok("one.datastore.info", oid, session=session)
    assert str(oned.ok("one.datastorepool.info", session=session)).count("<DATASTORE>") == 1
    one.cluster.deldatastore(cluster, oid)
    oned.fails(AUTHORIZATION, "one.datastore.info", oid, session=session)
    one.datastore.delete(oid)
    one.cluster.delete(cluster)


def test_a_configuration_without_a_driver(tmp_path_factory: pytest.TempPathFactory) -> None:
    daemon = Daemon(tmp_path_factory.mktemp("bad"), extra='TM_MAD_CONF = [ NAME = "ssh" ]')
    done = daemon.run()
    assert done.returncode == 78
    assert "The datastore system cannot be made: Attribute shared" in done.stderr
    assert "Correct DS_MAD_CONF and TM_MAD_CONF in oned.conf." in done.stderr
