"""Images over the API, with the dummy driver of datastores: what is created, copied, changed and removed."""

from xmlrpc.client import Fault

import pytest

from tests.integration.oned import storage
from tests.integration.oned.clients import Client, closed
from tests.integration.oned.conftest import served
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.names import new_member, unique
from tests.integration.oned.storage import (
    ACTION,
    ALLOCATE,
    AUTHORIZATION,
    CLONE,
    DELETE,
    DISABLED,
    ERROR,
    INTERNAL,
    LOCKED,
    NO_EXISTS,
    PARAMETER,
    READY,
    USED,
    gone,
    ids,
    image,
    ready_image,
    until,
    value,
)

pytestmark = closed
INFO = "one.image.info"


oned = served("images", storage.CONF, storage.settle)


@pytest.fixture
def joe(oned: Daemon) -> str:
    return new_member(oned)


def state(oned: Daemon, oid: int) -> int:
    return int(value(oned.ok(INFO, oid), "STATE"))


def new_datastore(oned: Daemon, text: str = "") -> int:
    template = f"NAME = {unique('ds')}\nTM_MAD = dummy\n{text or 'DS_MAD = dummy'}"
    oid = int(oned.ok("one.datastore.allocate", template, -1))
    storage.measured(oned, oid)
    return oid


def test_body_is_as_upstream_writes_it(oned: Daemon) -> None:
    name = unique("body")
    oid = oned.ok("one.image.allocate", f'NAME = "{name}"\nTYPE = datablock\nSIZE = 5\nFS = ext4\nA = "<1>"', 1)
    body = until(oned, INFO, int(oid), READY)
    source = value(body, "SOURCE")
    assert source.startswith(str(oned.root))  # the driver's folder, which each server has
    assert source.endswith(f"/var/lib/one/datastores/1/dummy-{oid}")
    assert body == (
        f"<IMAGE><ID>{oid}</ID><UID>0</UID><GID>0</GID><UNAME>oneadmin</UNAME><GNAME>oneadmin</GNAME>"
        f"<NAME>{name}</NAME><PERMISSIONS><OWNER_U>1</OWNER_U><OWNER_M>1</OWNER_M><OWNER_A>0</OWNER_A>"
        "<GROUP_U>0</GROUP_U><GROUP_M>0</GROUP_M><GROUP_A>0</GROUP_A><OTHER_U>0</OTHER_U><OTHER_M>0</OTHER_M>"
        "<OTHER_A>0</OTHER_A></PERMISSIONS><TYPE>2</TYPE><DISK_TYPE>0</DISK_TYPE><PERSISTENT>0</PERSISTENT>"
        f"<REGTIME>{value(body, 'REGTIME')}</REGTIME><SOURCE>{source}</SOURCE><PATH></PATH>"
        "<FORMAT>raw</FORMAT><FS>ext4</FS><SIZE>5</SIZE><STATE>1</STATE><PREV_STATE>1</PREV_STATE>"
        "<RUNNING_VMS>0</RUNNING_VMS><CLONING_OPS>0</CLONING_OPS><CLONING_ID>-1</CLONING_ID>"
        "<TARGET_SNAPSHOT>-1</TARGET_SNAPSHOT><DATASTORE_ID>1</DATASTORE_ID><DATASTORE>default</DATASTORE>"
        "<VMS></VMS><CLONES></CLONES><APP_CLONES></APP_CLONES><TEMPLATE><A><![CDATA[<1>]]></A>"
        "<DEV_PREFIX><![CDATA[sd]]></DEV_PREFIX></TEMPLATE><SNAPSHOTS><ALLOW_ORPHANS><![CDATA[NO]]></ALLOW_ORPHANS>"
        "<CURRENT_BASE><![CDATA[-1]]></CURRENT_BASE><NEXT_SNAPSHOT><![CDATA[0]]></NEXT_SNAPSHOT></SNAPSHOTS></IMAGE>"
    )
    assert int(oid) in ids(oned.ok("one.datastore.info", 1), "IMAGES")


def test_pyone_reads_images(oned: Daemon, one: Client) -> None:
    name = unique("pyone")
    oid = one.image.allocate({"NAME": name, "PATH": "/tmp/x", "PERSISTENT": "YES"}, 1)
    until(oned, INFO, oid, READY)
    found = one.image.info(oid)
    assert name == found.NAME
    assert (found.STATE, found.TYPE, found.PERSISTENT, found.SIZE) == (1, 0, 1, 1024)
    assert (found.PATH, found.FORMAT, found.DATASTORE) == ("/tmp/x", "raw", "default")
    assert (found.SNAPSHOTS.NEXT_SNAPSHOT, found.TEMPLATE["DEV_PREFIX"]) == ("0", "sd")
    assert oid in {listed.ID for listed in one.imagepool.info(-2, -1, -1).IMAGE}
    assert [listed.ID for listed in one.imagepool.info(-2, oid, oid).IMAGE] == [oid]
    one.image.lock(oid, 3)
    assert one.image.info(oid).LOCK.LOCKED == 3
    assert one.image.unlock(oid) == oid


def test_an_image_that_is_there_already(oned: Daemon) -> None:
    oid = image(oned, "SOURCE = /ds/there\nSIZE = 7\nTYPE = CDROM")
    info = oned.ok(INFO, oid)
    assert (value(info, "STATE"), value(info, "SOURCE"), value(info, "SIZE")) == ("1", "/ds/there", "7")
    assert (value(info, "TYPE"), value(info, "DEV_PREFIX")) == ("1", "hd")


@pytest.mark.parametrize(
    ("template", "datastore", "code", "text"),
    [
        ("NAME = [", 1, INTERNAL, None),
        ("PATH = /x", 1, ALLOCATE, "Invalid NAME, it cannot be empty"),
        ('NAME = "a;b"\nPATH = /x', 1, ALLOCATE, "Invalid NAME, char ';' is not allowed"),
        ("NAME = n\nPATH = /x\nTYPE = TAPE", 1, ALLOCATE, "Unknown type TAPE"),
        (
            "NAME = n\nPATH = /x\nSOURCE = /y\nSIZE = 1",
            1,
            ALLOCATE,
            "Template malformed, PATH and SOURCE are mutually",
        ),
        ("NAME = n", 1, INTERNAL, "Cannot parse image SIZE: Wrong number or missing SIZE attribute."),
        ("NAME = n\nSIZE = 1G", 1, INTERNAL, "Cannot parse image SIZE: Wrong number or missing SIZE attribute."),
        ("NAME = n\nSIZE = -1", 1, INTERNAL, "Cannot parse image SIZE: Wrong number or missing SIZE attribute."),
        ("NAME = n\nSOURCE = /x", 1, INTERNAL, "Cannot parse image SIZE: Wrong number or missing SIZE attribute."),
        ("NAME = n\nTYPE = CDROM", 1, INTERNAL, "Either PATH or SOURCE are required for CDROM"),
        ("NAME = n\nTYPE = kernel", 2, INTERNAL, "Either PATH or SOURCE are required for KERNEL"),
        ("NAME = n\nSIZE = 99999999", 1, ACTION, "Not enough space in datastore"),
        ("NAME = n\nPATH = /x", 0, ALLOCATE, "New images cannot be allocated in a system datastore."),
        (
            "NAME = n\nPATH = /x",
            2,
            ALLOCATE,
            "Only IMAGES of type KERNEL, RAMDISK and CONTEXT can be registered in a",
        ),
        ("NAME = n\nPATH = /x\nTYPE = CONTEXT", 1, ALLOCATE, "cannot be registered in an IMAGE_DS datastore"),
        ("NAME = n\nPATH = /x", 999, NO_EXISTS, "Error getting datastore [999]."),
        ("NAME = n\nFROM_APP = 999", 1, INTERNAL, "Cannot determine image SIZE."),
    ],
)
def test_templates_that_are_refused(
    oned: Daemon, template: str, datastore: int, code: int, text: str | None
) -> None:
    message = oned.fails(code, "one.image.allocate", template, datastore)
    assert message.startswith("[one.image.allocate] ")
    assert (text or "Parse error") in message
    if code == ALLOCATE:
        assert message.startswith("[one.image.allocate] Error allocating a new image. ")


def test_names_are_unique_for_each_owner(oned: Daemon, joe: str) -> None:
    name = unique("mine")
    mine = image(oned, name=name)
    assert oned.fails(ALLOCATE, "one.image.allocate", f"NAME = {name}\nPATH = /x", 1).endswith(
        f"NAME is already taken by IMAGE {mine}."
    )
    theirs = image(oned, name=name, session=joe)
    other = image(oned, session=joe)
    assert oned.fails(ACTION, "one.image.rename", other, name, session=joe).endswith(
        f"image cannot be renamed to {name} because it collides with image {theirs}"
    )
    assert oned.ok("one.image.rename", other, f"{name}-b", session=joe) == other
    assert oned.fails(INTERNAL, "one.image.chown", theirs, 0, -1).endswith(
        f"user [0] already owns image [{mine}] with NAME {name}"
    )


def test_files_are_no_disks(oned: Daemon) -> None:
    name = unique("kernel")
    template = f"NAME = {name}\nPATH = /x\nTYPE = KERNEL\nPERSISTENT = YES\nDEV_PREFIX = vd"
    oid = int(oned.ok("one.image.allocate", template, 2))
    info = until(oned, INFO, oid, READY)
    assert (value(info, "TYPE"), value(info, "PERSISTENT"), "DEV_PREFIX" in info) == ("3", "0", False)
    assert oned.fails(ACTION, "one.image.persistent", oid, True).endswith(
        "KERNEL, RAMDISK and CONTEXT must be non-persistent"
    )
    assert oned.fails(ACTION, "one.image.clone", oid, "x").endswith(
        "KERNEL, RAMDISK and CONTEXT cannot be cloned."
    )
    assert oned.ok("one.image.chtype", oid, "ramdisk") == oid
    assert oned.fails(ACTION, "one.image.chtype", oid, "OS").endswith("type for the current datastore.")


def test_a_driver_that_fails(oned: Daemon) -> None:
    for text, message in (
        ('PATH = /x\nDUMMY = [ FAIL = "cp" ]', " : Error copying image in the datastore"),
        ('PATH = /x\nDUMMY = [ FAIL = "stat" ]', " : Cannot parse image SIZE: "),
        ('TYPE = DATABLOCK\nSIZE = 1\nDUMMY = [ FAIL = "mkfs" ]', " : Error creating datablock"),
    ):
        oid = image(oned, text)
        info = until(oned, INFO, oid, ERROR)
        assert message in value(info, "ERROR")
        assert oned.ok("one.image.enable", oid, True) == oid
        assert state(oned, oid) == READY
        assert oned.ok("one.image.delete", oid) == oid
        gone(oned, INFO, oid)


def test_space(oned: Daemon, joe: str) -> None:
    store = new_datastore(oned, "DS_MAD = dummy\nLIMIT_MB = 11000")
    oned.ok("one.datastore.chmod", store, -1, -1, -1, -1, -1, -1, 1, -1, -1)
    names = [unique("space") for _ in range(3)]
    oned.fails(ACTION, "one.image.allocate", f"NAME = {names[0]}\nSIZE = 2000", store)
    oned.fails(ACTION, "one.image.allocate", f"NAME = {names[0]}\nSIZE = 2000", store, False, session=joe)
    assert oned.ok("one.image.allocate", f"NAME = {names[0]}\nSIZE = 2000", store, False)
    late = int(oned.ok("one.image.allocate", f"NAME = {names[1]}\nPATH = /x", store))
    assert value(until(oned, INFO, late, ERROR), "ERROR").endswith(" : Not enough space in datastore")
    late = int(oned.ok("one.image.allocate", f"NAME = {names[2]}\nPATH = /x", store, False))
    until(oned, INFO, late, READY)


def test_persistent(oned: Daemon, joe: str) -> None:
    oid = ready_image(oned)
    assert oned.ok("one.image.persistent", oid, True) == oid
    assert value(oned.ok(INFO, oid), "PERSISTENT") == "1"
    oned.ok("one.image.persistent", oid, False)
    assert value(oned.ok(INFO, oid), "PERSISTENT") == "0"
    uid = storage.uid_of(oned, joe)
    oned.ok("one.user.update", uid, "DEFAULT_IMAGE_PERSISTENT_NEW = YES\nDEFAULT_IMAGE_PERSISTENT = NO", 1)
    mine = ready_image(oned, session=joe)
    assert value(oned.ok(INFO, mine), "PERSISTENT") == "1"
    own = ready_image(oned, "PATH = /x\nPERSISTENT = NO\nPERSISTENT_TYPE = SHAREABLE", session=joe)
    assert value(oned.ok(INFO, own), "PERSISTENT") == "0"
    assert "PERSISTENT_TYPE" not in str(oned.ok(INFO, own))
    copy = int(oned.ok("one.image.clone", mine, unique("copy"), session=joe))
    assert value(oned.ok(INFO, copy), "PERSISTENT") == "0"


def test_a_datastore_for_persistent_images_only(oned: Daemon) -> None:
    store = new_datastore(oned, "DS_MAD = dev\nDISK_TYPE = BLOCK")
    name = unique("dev")
    assert oned.fails(ALLOCATE, "one.image.allocate", f"NAME = {name}\nSIZE = 1", store).endswith(
        "This Datastore only accepts persistent images."
    )
    oid = int(oned.ok("one.image.allocate", f"NAME = {name}\nSIZE = 1\nPERSISTENT = yes", store))
    assert value(until(oned, INFO, oid, READY), "DISK_TYPE") == "2"
    assert oned.fails(INTERNAL, "one.image.persistent", oid, False).endswith("only accepts persistent images.")


def test_types(oned: Daemon) -> None:
    oid = ready_image(oned)
    for name, number in (("cdrom", "1"), ("DATABLOCK", "2"), ("", "0")):
        assert oned.ok("one.image.chtype", oid, name) == oid
        assert value(oned.ok(INFO, oid), "TYPE") == number
    assert oned.fails(INTERNAL, "one.image.chtype", oid, "TAPE").endswith("Unknown type TAPE")
    assert oned.fails(ACTION, "one.image.chtype", oid, "KERNEL").startswith(
        "[one.image.chtype] Cannot change image type to an incompatible type"
    )


def test_enable(oned: Daemon) -> None:
    oid = ready_image(oned)
    for wanted, then in ((True, READY), (False, DISABLED), (False, DISABLED), (True, READY)):
        assert oned.ok("one.image.enable", oid, wanted) == oid
        assert state(oned, oid) == then
    slow = image(oned, 'PATH = /x\nDUMMY = [ DELAY = "1" ]')
    for wanted, verb in ((True, "enable"), (False, "disable")):
        assert oned.fails(INTERNAL, "one.image.enable", slow, wanted).endswith(
            f"Could not {verb} image: Image cannot be in state LOCKED."
        )


@pytest.mark.parametrize(("persistent", "while_copied"), [("YES", CLONE), ("NO", USED)])
def test_a_copy_holds_its_source(oned: Daemon, persistent: str, while_copied: int) -> None:
    source = ready_image(oned, f"PATH = /x\nPERSISTENT = {persistent}")
    oned.ok("one.image.update", source, 'DUMMY = [ DELAY = "0.5" ]', 1)
    copy = int(oned.ok("one.image.clone", source, unique("copy")))
    info = oned.ok(INFO, source)
    assert (value(info, "STATE"), value(info, "CLONING_OPS")) == (str(while_copied), "1")
    assert ids(info, "CLONES") == {copy}
    assert (state(oned, copy), value(oned.ok(INFO, copy), "CLONING_ID")) == (LOCKED, str(source))
    wanted = "There are 1 active clone operations." if persistent == "YES" else "There are 0 VMs using it."
    assert oned.fails(ACTION, "one.image.delete", source).endswith(f"Cannot delete image. {wanted}")
    if persistent == "YES":
        assert oned.fails(INTERNAL, "one.image.persistent", source, False).endswith(
            "Could not make image non-persistent: Image cannot be in state CLONE."
        )
    assert oned.fails(ALLOCATE, "one.image.clone", copy, unique("copy")).endswith(
        "Cannot clone image in state: LOCKED"
    )
    made = until(oned, INFO, copy, READY)
    assert (value(made, "PATH"), value(made, "FORMAT")) == (value(info, "SOURCE"), "raw")
    assert (value(made, "SIZE"), value(made, "CLONING_ID")) == ("1024", "-1")
    assert value(until(oned, INFO, source, READY), "CLONING_OPS") == "0"


def test_a_copy_that_is_deleted_lets_its_source_go(oned: Daemon) -> None:
    source = ready_image(oned, 'PATH = /x\nPERSISTENT = YES\nDUMMY = [ DELAY = "0.4" ]')
    copy = int(oned.ok("one.image.clone", source, unique("copy")))
    assert oned.ok("one.image.delete", copy) == copy
    assert state(oned, source) == READY
    gone(oned, INFO, copy)


def test_copies_elsewhere(oned: Daemon) -> None:
    source = ready_image(oned)
    name = unique("far")
    store = new_datastore(oned, "DS_MAD = fs")
    copy = int(oned.ok("one.image.clone", source, name, store))
    assert value(until(oned, INFO, copy, READY), "DATASTORE_ID") == str(store)
    for datastore, code, text in (
        (new_datastore(oned), ACTION, "Clone only supported to same DS_MAD Datastores"),
        (0, ACTION, "Clone only supported for IMAGE_DS Datastores"),
        (999, NO_EXISTS, "Error getting datastore [999]."),
    ):
        assert oned.fails(code, "one.image.clone", source, unique("far"), datastore).endswith(text)
    assert oned.fails(ALLOCATE, "one.image.clone", source, name).endswith(f"taken by IMAGE {copy}.")
    assert oned.fails(ALLOCATE, "one.image.clone", source, "").endswith("it cannot be empty")


def test_deleting(oned: Daemon, joe: str) -> None:
    oid = ready_image(oned, session=joe)
    oned.ok("one.image.update", oid, 'DUMMY = [ DELAY = "0.3" ]', 1)
    assert oned.ok("one.image.delete", oid, session=joe) == oid
    assert state(oned, oid) == DELETE
    assert oid not in ids(oned.ok("one.datastore.info", 1), "IMAGES")
    assert oned.ok("one.image.delete", oid) == oid
    gone(oned, INFO, oid)
    busy = image(oned, 'PATH = /x\nDUMMY = [ DELAY = "0.3" ]', session=joe)
    assert oned.fails(AUTHORIZATION, "one.image.delete", busy, session=joe).endswith(
        f"Not authorized to perform ADMIN IMAGE [{busy}]."
    )
    assert oned.ok("one.image.delete", busy) == busy
    oned.fails(NO_EXISTS, INFO, busy)


def test_quotas(oned: Daemon, joe: str) -> None:
    uid = storage.uid_of(oned, joe)
    oned.ok("one.user.quota", uid, 'DATASTORE = [ ID = "1", IMAGES = "2", SIZE = "1100" ]')
    first = ready_image(oned, session=joe)
    assert usage(oned, uid) == ("1", "1024")
    late = image(oned, session=joe)
    assert "limit of 1100 reached for SIZE quota in DATASTORE with ID: 1" in value(
        until(oned, INFO, late, ERROR), "ERROR"
    )
    assert usage(oned, uid) == ("2", "1024")
    text = oned.fails(AUTHORIZATION, "one.image.allocate", "NAME = third\nSIZE = 1", 1, session=joe)
    assert text.endswith(f"user [{uid}] limit of 2 reached for IMAGES quota in DATASTORE with ID: 1.")
    oned.fails(AUTHORIZATION, "one.image.clone", first, "third", session=joe)
    oned.ok("one.image.chown", late, 0, -1)
    assert usage(oned, uid) == ("1", "1024")
    oned.ok("one.image.chown", late, uid, -1)
    assert usage(oned, uid) == ("2", "1024")
    extra = ready_image(oned)
    oned.fails(AUTHORIZATION, "one.image.chown", extra, uid, -1)
    assert value(oned.ok(INFO, extra), "UID") == "0"
    oned.ok("one.image.delete", first)
    oned.ok("one.image.delete", late)
    assert "<DATASTORE_QUOTA><DATASTORE>" in str(oned.ok("one.user.info", uid))
    assert usage(oned, uid) == ("0", "0")


def usage(oned: Daemon, uid: int) -> tuple[str, str]:
    info = oned.ok("one.user.info", uid)
    return value(info, "IMAGES_USED"), value(info, "SIZE_USED")


def test_users_see_and_change_their_own(oned: Daemon, joe: str) -> None:
    theirs, mine = ready_image(oned), ready_image(oned, session=joe)
    for name, params in (
        ("info", ()),
        ("update", ("A = 1",)),
        ("delete", ()),
        ("rename", ("x",)),
        ("enable", (False,)),
        ("persistent", (True,)),
        ("chtype", ("CDROM",)),
        ("clone", ("x",)),
        ("lock", (1,)),
        ("unlock", ()),
        ("chown", (-1, 1)),
        ("chmod", (1, 1, -1, -1, -1, -1, -1, -1, -1)),
        ("snapshotdelete", (0,)),
        ("snapshotrevert", (0,)),
        ("snapshotflatten", (0,)),
    ):
        text = oned.fails(AUTHORIZATION, f"one.image.{name}", theirs, *params, session=joe)
        assert f"IMAGE [{theirs}]" in text
    listed = str(oned.ok("one.imagepool.info", -2, -1, -1, session=joe))
    assert f"<ID>{mine}</ID>" in listed
    assert f"<ID>{theirs}</ID>" not in listed
    oned.ok("one.image.chmod", theirs, -1, -1, -1, -1, -1, -1, 1, -1, -1)
    copy = oned.ok("one.image.clone", theirs, unique("copy"), session=joe)
    assert value(oned.ok(INFO, int(copy), session=joe), "GNAME") == "users"
    assert oned.ok("one.image.lock", mine, 1, session=joe) == mine
    oned.fails(AUTHORIZATION, "one.image.rename", mine, "x", session=joe)
    oned.ok("one.image.unlock", mine, session=joe)


def test_what_users_may_not_write(oned: Daemon, joe: str) -> None:
    text = oned.fails(AUTHORIZATION, "one.image.allocate", "NAME = s\nSOURCE = /x\nSIZE = 1", 1, session=joe)
    assert text.endswith(": Template includes a restricted attribute SOURCE.")
    mine = ready_image(oned, session=joe)
    oned.fails(INTERNAL, "one.image.update", mine, "SOURCE = /etc/shadow", 1, session=joe)
    oned.ok("one.image.update", mine, "DESCRIPTION = ok", 1, session=joe)
    outsider, group = unique("user"), int(oned.ok("one.group.allocate", unique("group")))
    oned.ok("one.acl.addrule", f"{0x200000000 | group:x}", "8400000000", "8")
    oned.ok("one.vdc.delgroup", 0, group)
    oned.ok("one.user.allocate", outsider, "word", "core", [group])
    text = oned.fails(AUTHORIZATION, "one.image.allocate", "NAME = p\nSIZE = 1", 1, session=f"{outsider}:word")
    assert text.endswith("Not authorized to perform USE DATASTORE [1].")


def test_secrets(oned: Daemon) -> None:
    oid = ready_image(oned, "PATH = /x\nLUKS_PASSWORD = hidden-word")
    assert "hidden-word" not in str(oned.ok(INFO, oid))
    assert value(oned.ok(INFO, oid, True), "LUKS_PASSWORD") == "hidden-word"


def test_snapshots_that_are_not_there(oned: Daemon) -> None:
    oid = ready_image(oned)
    for verb in ("delete", "revert", "flatten"):
        assert oned.fails(ACTION, f"one.image.snapshot{verb}", oid, 0).endswith("Snapshot does not exist")
    oned.ok("one.image.enable", oid, False)
    for verb, words in (("delete", "delete"), ("revert", "revert to"), ("flatten", "flatten")):
        assert oned.fails(ACTION, f"one.image.snapshot{verb}", oid, 0).endswith(
            f"Cannot {words} snapshot in state DISABLED"
        )


METHODS: dict[str, tuple[object, ...]] = {
    "info": (),
    "update": ("A = 1",),
    "delete": (),
    "rename": ("x",),
    "chown": (-1, -1),
    "chmod": (-1,) * 9,
    "enable": (True,),
    "persistent": (True,),
    "chtype": ("OS",),
    "clone": ("x",),
    "lock": (1,),
    "unlock": (),
    "snapshotdelete": (0,),
    "snapshotrevert": (0,),
    "snapshotflatten": (0,),
}


@pytest.mark.parametrize("name", METHODS)
def test_images_that_are_not_there_and_wrong_types(oned: Daemon, name: str) -> None:
    params = METHODS[name]
    text = oned.fails(NO_EXISTS, f"one.image.{name}", 99999999, *params)  # type: ignore[arg-type]  # differs by method
    assert text == f"[one.image.{name}] Error getting image [99999999]."
    for position, right in enumerate((0, *params)):
        wrong = [0, *params]
        wrong[position] = 7 if isinstance(right, str) else "seven"
        with pytest.raises(Fault):
            oned.call(f"one.image.{name}", *wrong)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(Fault):
        oned.call(f"one.image.{name}")


def test_parameters_of_the_others(oned: Daemon) -> None:
    oid = image(oned)
    assert oned.fails(PARAMETER, "one.image.update", oid, "", 2).endswith("Wrong update type")
    oned.fails(PARAMETER, "one.imagepool.info", -5, -1, -1)
    for name, params in (
        ("one.image.allocate", (1, 1)),
        ("one.image.allocate", ("NAME = x", "1")),
        ("one.image.allocate", ("NAME = x", 1, 1)),
        ("one.imagepool.info", ("-2", -1, -1)),
    ):
        with pytest.raises(Fault):
            oned.call(name, *params)
