"""Rules, groups and quotas over the API, through the ecosystem's own client."""

import itertools
import time
from collections.abc import Callable, Iterator

import pyone
import pytest

from tests.integration.oned.clients import Client, client, closed
from tests.integration.oned.daemon import Daemon

pytestmark = closed
_numbers = itertools.count()

GROUP, INDIVIDUAL, ALL, CLUSTER = 0x2_0000_0000, 0x1_0000_0000, 0x4_0000_0000, 0x8_0000_0000
VM, HOST, DOCUMENT, USER = 0x10_0000_0000, 0x20_0000_0000, 0x4000_0000_0000, 0x100_0000_0000
USE, MANAGE, CREATE = 1, 2, 8


@pytest.fixture
def joe(oned: Daemon, one: Client) -> tuple[int, str]:
    """A new user of a new group: id and session."""
    name = f"joe{next(_numbers)}"
    gid = one.group.allocate(f"group-of-{name}")
    return one.user.allocate(name, "word", "core", [gid]), f"{name}:word"


@pytest.fixture
def his(oned: Daemon, joe: tuple[int, str]) -> Iterator[Client]:
    yield from client(oned, joe[1])


def texts(one: Client) -> dict[str, int]:
    """All rules by their text."""
    return {rule.STRING: rule.ID for rule in one.acl.info().ACL}


def group_of(one: Client, uid: int) -> int:
    return int(one.user.info(uid).GID)


def test_rules_of_a_new_database(one: Client) -> None:
    assert {text for text, oid in texts(one).items() if oid < 6} == {
        "@1 VM+IMAGE+TEMPLATE+DOCUMENT+SECGROUP+VMGROUP/* CREATE *",
        "* ZONE/* USE *",
        "* MARKETPLACE+MARKETPLACEAPP/* USE *",
        "@1 HOST/* MANAGE #0",
        "@1 NET/* USE #0",
        "@1 DATASTORE/* USE #0",
    }


def test_a_rule_counts_at_once(one: Client, joe: tuple[int, str], his: Client) -> None:
    uid, _ = joe
    with pytest.raises(pyone.OneAuthorizationException, match=r"Not authorized to perform CREATE DOCUMENT"):
        his.document.allocate("NAME=a", 100)
    user, resource = f"{INDIVIDUAL | uid:x}", f"{DOCUMENT | ALL:x}"
    oid = one.acl.addrule(user, resource, f"{CREATE:x}", f"{ALL:x}")
    rule = next(rule for rule in one.acl.info().ACL if oid == rule.ID)
    assert (user, resource, "8", "400000000") == (rule.USER, rule.RESOURCE, rule.RIGHTS, rule.ZONE)
    assert f"#{uid} DOCUMENT/* CREATE *" == rule.STRING
    document = his.document.allocate("NAME=a", 100)
    with pytest.raises(pyone.OneInternalException) as caught:
        one.acl.addrule(user, resource, "8", f"{ALL:x}")
    assert str(caught.value) == f"[one.acl.addrule] Rule #{uid} DOCUMENT/* CREATE * already exists"
    assert one.acl.delrule(oid) == oid
    with pytest.raises(pyone.OneAuthorizationException):
        his.document.allocate("NAME=b", 100)
    his.document.delete(document)
    with pytest.raises(pyone.OneInternalException, match=rf"^\[one.acl.delrule\] Rule {oid} does not exist$"):
        one.acl.delrule(oid)


def test_without_a_zone_a_rule_is_for_this_one(one: Client, joe: tuple[int, str]) -> None:
    oid = one.acl.addrule(f"{INDIVIDUAL | joe[0]:x}", f"0X{VM | GROUP | 1:X}", "3")
    assert texts(one)[f"#{joe[0]} VM/@1 USE+MANAGE #0"] == oid


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ((ALL | INDIVIDUAL, VM | ALL, 1, ALL), "[user] INDIVIDUAL (#) and ALL (*) bits are exclusive"),
        ((ALL | GROUP, VM | ALL, 1, ALL), "[user] GROUP (@) and ALL (*) bits are exclusive"),
        ((INDIVIDUAL | GROUP, VM | ALL, 1, ALL), "[user] INDIVIDUAL (#) and GROUP (@) bits are exclusive"),
        ((5, VM | ALL, 1, ALL), "[user] is missing one of the INDIVIDUAL, GROUP or ALL bits"),
        ((INDIVIDUAL | 0x8000_0000, VM | ALL, 1, ALL), "[user] ID cannot be negative"),
        ((ALL | 1, VM | ALL, 1, ALL), "when using the ALL bit, [user] ID must be 0"),
        (
            (ALL, VM | ALL | GROUP, 1, ALL),
            "[resource] INDIVIDUAL (#), GROUP (@), CLUSTER (%) and ALL (*) bits are exclusive",
        ),
        (
            (ALL, VM | CLUSTER | 0, 1, ALL),
            "[resource] CLUSTER(%) selector can be applied only to DATASTORE, HOST and NET types",
        ),
        (
            (ALL, HOST | GROUP | 1, 1, ALL),
            "[resource] GROUP(@) selector cannot be applied to HOST, GROUP, CLUSTER, ZONE or VDC types",
        ),
        ((ALL, VM, 1, ALL), "[resource] is missing one of the INDIVIDUAL, GROUP, CLUSTER or ALL bits"),
        ((ALL, ALL, 1, ALL), "[resource] type is missing"),
        ((ALL, 0x80_0000_0000_0000 | ALL, 1, ALL), "wrong [resource] type"),
        ((ALL, VM | ALL | 3, 1, ALL), "when using the ALL bit, [resource] ID must be 0"),
        ((ALL, VM | ALL, 0, ALL), "wrong [rights], it cannot be 0"),
        ((ALL, VM | ALL, 16, ALL), "wrong [rights], it cannot be bigger than 0xF"),
        ((ALL, VM | ALL, 1, GROUP), "[zone] GROUP (@) bit is not supported"),
        ((ALL, VM | ALL, 1, 0), "[zone] is missing one of the INDIVIDUAL or ALL bits"),
        ((ALL, VM | ALL, 1, ALL | INDIVIDUAL), "[zone] INDIVIDUAL (#) and ALL (*) bits are exclusive"),
        (
            (ALL, VM | INDIVIDUAL | 7, 1, ALL),
            "[resource] INDIVIDUAL(#) selector cannot be applied to ALL zones, except for USER, GROUP and ZONE types",
        ),
    ],
)
def test_malformed_rules(one: Client, rule: tuple[int, int, int, int], text: str) -> None:
    with pytest.raises(pyone.OneInternalException) as caught:
        one.acl.addrule(*(f"{part:x}" for part in rule))
    message = str(caught.value)
    assert message.startswith("[one.acl.addrule] Rule ")
    assert message.endswith(f" is malformed: {text}"), message


@pytest.mark.parametrize("junk", ["", "zz", "-1", "1 2", "0x", "f" * 40, "4'; DROP TABLE acl; --", "\u0664"])
def test_numbers_that_are_none(one: Client, junk: str) -> None:
    with pytest.raises(pyone.OneInternalException, match="is malformed: "):
        one.acl.addrule(junk, junk, junk, junk)
    assert texts(one)


def test_rules_are_for_administrators(his: Client, joe: tuple[int, str]) -> None:
    for method, params in (("info", ()), ("addrule", ("1", "1", "1")), ("delrule", (0,))):
        with pytest.raises(pyone.OneAuthorizationException) as caught:
            getattr(his.acl, method)(*params)
        text = f"[one.acl.{method}] User [{joe[0]}] : Not authorized to perform MANAGE ACL."
        assert str(caught.value) == text


def test_a_new_group(one: Client) -> None:
    name = f"staff{next(_numbers)}"
    gid = one.group.allocate(name)
    assert gid >= 100
    group = one.group.info(gid)
    assert (name, [], []) == (group.NAME, group.USERS.ID, group.ADMINS.ID)
    rules = texts(one)
    assert {f"@{gid} HOST/* MANAGE #0", f"@{gid} NET/* USE #0", f"@{gid} DATASTORE/* USE #0"} <= set(rules)
    assert gid in one.vdc.info(0).GROUPS.ID
    one.acl.addrule(f"{GROUP | gid:x}", f"{VM | ALL:x}", "8", f"{ALL:x}")
    one.acl.addrule(f"{GROUP | 1:x}", f"{VM | GROUP | gid:x}", "1", f"{ALL:x}")
    assert one.group.delete(gid) == gid
    assert not any(f"@{gid} " in text for text in texts(one))
    assert gid not in one.vdc.info(0).GROUPS.ID
    with pytest.raises(pyone.OneNoExistsException, match=rf"Error getting group \[{gid}\]"):
        one.group.info(gid)


def test_groups_that_cannot_be(one: Client, his: Client) -> None:
    for name, text in (
        ("", "Invalid NAME, it cannot be empty"),
        ("a$b", "Invalid NAME, char '$' is not allowed"),
        ("x" * 129, "Invalid NAME, max length is 128 chars"),
        ("users", "NAME is already taken by GROUP 1."),
    ):
        with pytest.raises(pyone.OneInternalException) as caught:
            one.group.allocate(name)
        assert str(caught.value) == f"[one.group.allocate] {text}"
    with pytest.raises(pyone.OneAuthorizationException, match="Not authorized to perform CREATE GROUP"):
        his.group.allocate("mine")


def test_groups_that_stay(one: Client, his: Client, joe: tuple[int, str]) -> None:
    gid = group_of(one, joe[0])
    for oid, text in ((1, "System Groups (ID < 100) cannot be deleted."), (gid, f"Group {gid} is not empty.")):
        with pytest.raises(pyone.OneActionException) as caught:
            one.group.delete(oid)
        assert str(caught.value) == f"[one.group.delete] Cannot delete group. {text}"
    with pytest.raises(pyone.OneAuthorizationException, match=rf"ADMIN GROUP \[{gid}\]"):
        his.group.delete(gid)


def test_group_template(one: Client, his: Client, joe: tuple[int, str]) -> None:
    gid = group_of(one, joe[0])
    assert one.group.update(gid, 'A = 1\nVM_USE_OPERATIONS = "resume, poweroff"', 0) == gid
    assert one.group.update(gid, "B = 2", 1) == gid
    template = his.group.info(-1).TEMPLATE
    assert (template["A"], template["B"], template["VM_USE_OPERATIONS"]) == ("1", "2", "resume, poweroff")
    with pytest.raises(pyone.OneInternalException) as caught:
        one.group.update(gid, 'VM_ADMIN_OPERATIONS = "fly"', 1)
    assert str(caught.value) == "[one.group.update] Cannot update template. Unknown vm operation: fly"
    with pytest.raises(pyone.OneApiException, match="Wrong update type"):
        one.group.update(gid, "C = 3", 2)
    with pytest.raises(pyone.OneAuthorizationException, match=rf"MANAGE GROUP \[{gid}\]"):
        his.group.update(gid, "C = 3", 1)


ADMIN_RULES = (
    "#{uid} USER/@{gid} USE+MANAGE+ADMIN+CREATE *",
    "#{uid} VM+NET+IMAGE+TEMPLATE+DOCUMENT+SECGROUP+VROUTER+VMGROUP/@{gid} USE+MANAGE *",
    "#{uid} VROUTER/* CREATE *",
    "#{uid} GROUP/#{gid} MANAGE *",
)


def test_group_administrators(one: Client, his: Client, joe: tuple[int, str]) -> None:
    uid, gid = joe[0], group_of(one, joe[0])
    mate = one.user.allocate(f"mate{next(_numbers)}", "word", "core", [gid])
    with pytest.raises(pyone.OneAuthorizationException):
        his.user.info(mate)
    assert one.group.addadmin(gid, uid) == gid
    assert [uid] == one.group.info(gid).ADMINS.ID
    wanted = {text.format(uid=uid, gid=gid) for text in ADMIN_RULES}
    assert {text for text in texts(one) if text.startswith(f"#{uid} ")} == wanted
    assert mate == his.user.info(mate).ID
    assert his.user.passwd(mate, "other") == mate
    assert his.group.update(gid, "A = 1", 1) == gid
    assert his.user.allocate(f"new{next(_numbers)}", "word", "core", []) > mate
    for method, text in (
        (one.group.addadmin, f"User {uid} is already an administrator of Group {gid}."),
        (lambda group, _: one.group.addadmin(group, 1), f"User 1 is not part of Group {gid}."),
        (lambda group, _: one.group.deladmin(group, mate), f"User {mate} is not an administrator of Group {gid}."),
    ):
        with pytest.raises(pyone.OneInternalException) as caught:
            method(gid, uid)
        assert str(caught.value).endswith(f"] Cannot edit group. {text}")
    with pytest.raises(pyone.OneNoExistsException, match=r"Error getting user \[99999\]"):
        one.group.addadmin(gid, 99999)
    with pytest.raises(pyone.OneAuthorizationException, match=rf"ADMIN GROUP \[{gid}\]"):
        his.group.deladmin(gid, uid)
    assert one.group.deladmin(gid, uid) == gid
    assert not any(text.startswith(f"#{uid} ") for text in texts(one))
    with pytest.raises(pyone.OneAuthorizationException):
        his.user.info(mate)


def test_an_administrator_of_two_groups_loses_one(one: Client, joe: tuple[int, str]) -> None:
    uid, first = joe[0], group_of(one, joe[0])
    second = one.group.allocate(f"second{next(_numbers)}")
    one.user.addgroup(uid, second)
    one.group.addadmin(first, uid)
    one.group.addadmin(second, uid)
    one.user.delgroup(uid, second)
    assert one.group.info(second).ADMINS.ID == []
    wanted = {text.format(uid=uid, gid=first) for text in ADMIN_RULES}
    assert {text for text in texts(one) if text.startswith(f"#{uid} ")} == wanted
    one.user.delete(uid)
    assert not any(text.startswith(f"#{uid} ") for text in texts(one))


QUOTAS = """DATASTORE = [ ID = 1, SIZE = 1024, IMAGES = 5 ]
NETWORK = [ ID = 3, LEASES = 0 ]
IMAGE = [ ID = 7, RVMS = -2 ]
VM = [ VMS = 3, MEMORY = 2048, CPU = 1.5, RUNNING_VMS = 2, SYSTEM_DISK_SIZE = -1 ]"""


def machines(quotas: Client) -> Client:
    """The one quota of virtual machines: some versions of the client make a list of it."""
    found = quotas.VM_QUOTA.VM
    return found[0] if isinstance(found, list) and found else found


def test_quotas_of_a_user_and_a_group(one: Client, joe: tuple[int, str]) -> None:
    uid, gid = joe[0], group_of(one, joe[0])
    assert one.user.quota(uid, QUOTAS) == uid
    assert one.group.quota(gid, QUOTAS) == gid
    for owner in (one.user.info(uid), one.group.info(gid)):
        datastore, network = owner.DATASTORE_QUOTA.DATASTORE[0], owner.NETWORK_QUOTA.NETWORK[0]
        image, machine = owner.IMAGE_QUOTA.IMAGE[0], machines(owner)
        assert (datastore.ID, datastore.SIZE, datastore.IMAGES) == ("1", "1024", "5")
        assert (datastore.SIZE_USED, datastore.IMAGES_USED) == ("0", "0")
        assert (network.ID, network.LEASES, network.LEASES_USED) == ("3", "0", "0")
        assert (image.ID, image.RVMS, image.RVMS_USED) == ("7", "-2", "0")
        limits = (machine.VMS, machine.MEMORY, machine.CPU, machine.RUNNING_VMS, machine.RUNNING_CPU)
        assert [float(limit) for limit in limits] == [3, 2048, 1.5, 2, -1]
        assert float(machine.SYSTEM_DISK_SIZE) == -1
        assert float(machine.VMS_USED) == 0
    pool = one.userpool.info()
    assert next(quotas for quotas in pool.QUOTAS if uid == quotas.ID).DATASTORE_QUOTA.DATASTORE[0].SIZE == "1024"
    quotas = next(quotas for quotas in one.grouppool.info().QUOTAS if gid == quotas.ID)
    assert machines(quotas).VMS == "3"
    one.user.quota(uid, "NETWORK = [ ID = 3 ]\nVM = [ VMS = 4 ]")
    owner = one.user.info(uid)
    assert owner.NETWORK_QUOTA.NETWORK == []
    assert [float(machines(owner).VMS), float(machines(owner).MEMORY)] == [4, -1]


@pytest.mark.parametrize(
    ("quota", "text"),
    [
        ("VM = [ VMS = -3 ]", "Negative limits or bad format in quota VM = [ VMS=-3 ]"),
        ("VM = [ VMS = five ]", "Negative limits or bad format in quota VM = [ VMS=five ]"),
        ("NETWORK = [ LEASES = 3 ]", "Negative limits or bad format in quota NETWORK = [ LEASES=3 ]"),
        (
            'DATASTORE = [ ID = "x", SIZE = 1 ]',
            "Negative limits or bad format in quota DATASTORE = [ ID=x,SIZE=1 ]",
        ),
        (
            'IMAGE = [ ID = 1, RVMS = "1e999" ]',
            "Negative limits or bad format in quota IMAGE = [ ID=1,RVMS=1e999 ]",
        ),
    ],
)
def test_quotas_that_cannot_be(one: Client, joe: tuple[int, str], quota: str, text: str) -> None:
    uid, gid = joe[0], group_of(one, joe[0])
    for method, oid in ((one.user.quota, uid), (one.group.quota, gid)):
        with pytest.raises(pyone.OneActionException) as caught:
            method(oid, f"VM = [ CPU = 7 ]\n{quota}")
        assert str(caught.value).endswith(f".quota] {text}")
    assert not machines(one.user.info(uid))


def test_who_sets_quotas(one: Client, his: Client, joe: tuple[int, str]) -> None:
    uid, gid = joe[0], group_of(one, joe[0])
    for method, oid in ((his.user.quota, uid), (his.group.quota, gid)):
        with pytest.raises(pyone.OneAuthorizationException, match="Not authorized to perform ADMIN"):
            method(oid, QUOTAS)
    for method, oid, text in (
        (one.user.quota, uid, "[one.user.quota] Cannot set quotas for oneadmin user"),
        (one.group.quota, gid, "[one.group.quota] Cannot set quotas for oneadmin group"),
    ):
        with pytest.raises(pyone.OneActionException) as caught:
            method(0, QUOTAS)
        assert str(caught.value) == text
        with pytest.raises(pyone.OneNoExistsException):
            method(99999, QUOTAS)
        with pytest.raises(pyone.OneActionException, match="Parse error"):
            method(oid, "VM = [")


def test_default_quotas(oned: Daemon, one: Client, joe: tuple[int, str]) -> None:
    for kind in ("user", "group"):
        root = f"DEFAULT_{kind.upper()}_QUOTAS"
        update = f"one.{kind}quota.update"
        answer = str(oned.ok(update, "VM = [ VMS = 9 ]"))
        assert answer.startswith(f"<{root}>")
        assert "<VMS><![CDATA[9]]></VMS>" in answer
        assert "<CPU><![CDATA[-2]]></CPU>" in answer
        assert oned.ok(f"one.{kind}quota.info", session=joe[1]) == answer
        text = oned.fails(0x200, update, "VM = [ VMS = 1 ]", session=joe[1])
        assert text == (
            f"[{update}] User [{joe[0]}] : The default quotas can only be updated by users in the oneadmin group."
        )
        text = oned.fails(0x800, update, "VM = [ VMS = -1 ]")
        assert text == f"[{update}] Negative limits or bad format in quota VM = [ VMS=-1 ]"
        assert oned.ok(f"one.{kind}quota.info") == answer
    assert machines(one.user.info(joe[0]).DEFAULT_USER_QUOTAS).VMS in {"9", 9}
    assert machines(one.group.info(1).DEFAULT_GROUP_QUOTAS).VMS in {"9", 9}
    for kind in ("user", "group"):
        assert "<VM>" not in str(oned.ok(f"one.{kind}quota.update", "VM = [ VMS = -2 ]"))


def seconds(work: Callable[[], object]) -> float:
    """How long ``work`` takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def test_guessing_is_slow(oned: Daemon, joe: tuple[int, str]) -> None:
    oned = oned.alone  # each server counts the guesses it hears
    name, good = joe[1].partition(":")[0], joe[1]
    for number in range(5):
        oned.fails(0x100, "one.user.info", -1, session=f"{name}:guess{number}")
    begin = time.perf_counter()
    for number in range(3):
        oned.fails(0x100, "one.user.info", -1, session=f"{name}:more{number}")
    assert time.perf_counter() - begin >= 0.1 + 0.2 + 0.4
    # what would be slowed down would be so each time, by 0.8 seconds and more
    assert min(seconds(lambda: oned.ok("one.system.version")) for _ in range(5)) < 0.7
    assert oned.ok("one.user.info", -1, session=good)

    def mistype() -> None:
        oned.fails(0x100, "one.user.info", -1, session=f"{name}:again")
        assert oned.ok("one.user.info", -1, session=good)

    assert min(seconds(mistype) for _ in range(3)) < 0.7
    assert "Calls from 127.0.0.1 keep failing to authenticate: slowing them down." in oned.output.read_text()
    assert "guess" not in oned.output.read_text()
