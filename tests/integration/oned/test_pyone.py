"""The ecosystem's own client, of the server's release and the newest, against a real process: every resource."""

import re
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.integration.oned import storage
from tests.integration.oned.clients import RELEASES, Client, Library, client, closed, library, several
from tests.integration.oned.conftest import BACKENDS, end, new_daemon
from tests.integration.oned.daemon import PASSWORD, ROOT, Daemon
from tests.integration.oned.machines import until
from tests.integration.oned.names import unique

pytestmark = closed
ALL = (-2, -1, -1)
"""Everybody's, from the first to the last."""
NETWORK = 'VN_MAD = "dummy"\nBRIDGE = "br0"\nAR = [ TYPE = "IP4", IP = "10.0.0.1", SIZE = "4" ]\n'
ROLES = 'ROLE = [ NAME = "front" ]\nROLE = [ NAME = "back", POLICY = "AFFINED" ]\nAFFINED = "front,back"\n'
HOOK = 'TYPE = "api"\nCALL = "one.vm.allocate"\nCOMMAND = "/bin/true"\n'


@pytest.fixture(scope="module", params=zip(RELEASES, BACKENDS, strict=True), ids="-".join)
def pair(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A release of the client and a database."""
    release, backend = request.param
    return release, backend


@pytest.fixture(scope="module")
def oned(
    pair: tuple[str, str], request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Daemon]:
    extra = f"{storage.CONF}\nMONITORING_INTERVAL_MARKET = 1"
    daemon = new_daemon(tmp_path_factory.mktemp("pyone"), pair[1], request, extra)
    daemon.start()
    storage.measured(daemon, 1)
    yield daemon
    end(daemon)


@pytest.fixture(scope="module")
def pyone(pair: tuple[str, str]) -> Library:
    return library(pair[0])


@pytest.fixture
def one(oned: Daemon, pyone: Library) -> Iterator[Client]:
    yield from client(oned, library=pyone)


def test_the_releases_are_what_their_names_say() -> None:
    old, new = (library(release) for release in RELEASES)
    assert old.__file__ != new.__file__
    assert not hasattr(old.bindings.supbind.VM, "SCHED_ACTIONS")
    assert old.OneServer is not new.OneServer


def test_version_and_own_user(one: Client) -> None:
    assert one.system.version() == "6.0.0.3"
    user = one.user.info(-1)
    assert (user.ID, user.NAME, user.GNAME, user.AUTH_DRIVER, user.ENABLED) == (
        0,
        "oneadmin",
        "oneadmin",
        "core",
        1,
    )
    assert len(user.TEMPLATE["TOKEN_PASSWORD"]) == 64


def test_the_example_of_the_page(oned: Daemon, pyone: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    example = re.search(r"```python\n(.*?)```", (ROOT / "docs/clients.md").read_text(), re.DOTALL)
    assert example
    code = example[1].replace("http://127.0.0.1:2633/RPC2", oned.uri).replace("PASSWORD", PASSWORD)
    monkeypatch.setitem(sys.modules, "pyone", pyone)
    told: list[object] = []
    exec(code, {"print": lambda *words: told.extend(words)})  # noqa: S102 (our own page)
    assert ("web", "blue") in pairwise(told)
    assert str(told[-1]) == "[one.vm.info] Error getting virtual machine [9999]."


def text(name: str, more: str = "") -> str:
    return f'NAME = "{name}"\nNOTE = "a<b>&c ü"\n{more}'


MAKE: dict[str, Callable[[Client, str], int]] = {
    "acl": lambda one, name: int(one.acl.addrule("100000009", "1000000000", "1")),
    "cluster": lambda one, name: int(one.cluster.allocate(name)),
    "datastore": lambda one, name: int(
        one.datastore.allocate({"NAME": name, "DS_MAD": "dummy", "TM_MAD": "dummy"}, -1)
    ),
    "document": lambda one, name: int(one.document.allocate({"TEMPLATE": {"NAME": name}}, 100)),
    "group": lambda one, name: int(one.group.allocate(name)),
    "hook": lambda one, name: int(one.hook.allocate(text(name, HOOK))),
    "host": lambda one, name: int(one.host.allocate(name, "dummy", "dummy", -1)),
    "image": lambda one, name: int(one.image.allocate({"NAME": name, "PATH": "/x", "TYPE": "DATABLOCK"}, 1)),
    "market": lambda one, name: int(one.market.allocate({"NAME": name, "MARKET_MAD": "dummy"})),
    "secgroup": lambda one, name: int(
        one.secgroup.allocate(text(name, 'RULE = [ PROTOCOL = "TCP", RULE_TYPE = "inbound" ]'))
    ),
    "template": lambda one, name: int(
        one.template.allocate({"TEMPLATE": {"NAME": name, "CPU": "1", "MEMORY": "64"}})
    ),
    "user": lambda one, name: int(one.user.allocate(name, "pass-word", "core", [])),
    "vdc": lambda one, name: int(one.vdc.allocate({"NAME": name})),
    "vm": lambda one, name: int(one.vm.allocate({"NAME": name, "CPU": "1", "MEMORY": "64"}, True)),
    "vmgroup": lambda one, name: int(one.vmgroup.allocate(text(name, ROLES))),
    "vn": lambda one, name: int(one.vn.allocate(text(name, NETWORK), -1)),
    "vntemplate": lambda one, name: int(one.vntemplate.allocate({"NAME": name, "VN_MAD": "dummy", "BRIDGE": "b"})),
    "vrouter": lambda one, name: int(one.vrouter.allocate({"NAME": name})),
}
"""A new object of each resource; with parameters as dictionaries, as texts, and in both kinds of dictionaries."""
POOL: dict[str, tuple[str, tuple[Any, ...]]] = {
    "acl": ("ACL", ()),
    "cluster": ("CLUSTER", ()),
    "datastore": ("DATASTORE", ()),
    "document": ("DOCUMENT", (*ALL, 100)),
    "group": ("GROUP", ()),
    "hook": ("HOOK", ALL),
    "host": ("HOST", ()),
    "image": ("IMAGE", ALL),
    "market": ("MARKETPLACE", ALL),
    "secgroup": ("SECURITY_GROUP", ALL),
    "template": ("VMTEMPLATE", ALL),
    "user": ("USER", ()),
    "vdc": ("VDC", ()),
    "vm": ("VM", (*ALL, -1)),
    "vmgroup": ("VM_GROUP", ALL),
    "vn": ("VNET", ALL),
    "vntemplate": ("VNTEMPLATE", ALL),
    "vrouter": ("VROUTER", ALL),
}
"""The members of each pool and what its list is asked with."""
PERMITTED = [
    "datastore",
    "document",
    "image",
    "market",
    "secgroup",
    "template",
    "vm",
    "vmgroup",
    "vn",
    "vntemplate",
    "vrouter",
]
LOCKED = ["document", "image", "template", "vm", "vmgroup", "vn", "vntemplate", "vrouter", "hook"]


def members(one: Client, kind: str) -> dict[int, Any]:
    """A pool by id."""
    element, parameters = POOL[kind]
    pool = one.acl.info() if kind == "acl" else getattr(one, f"{kind}pool").info(*parameters)
    return {member.ID: member for member in getattr(pool, element)}


def made(one: Client, kind: str) -> tuple[int, str]:
    name = unique(kind)
    oid = MAKE[kind](one, name)
    if kind == "image":
        until(lambda: one.image.info(oid).STATE == storage.READY, "the image is ready")
    return oid, name


@pytest.mark.parametrize("kind", sorted(MAKE.keys() - {"acl"}))
def test_made_shown_listed_changed_and_gone(one: Client, pyone: Library, kind: str) -> None:
    oid, name = made(one, kind)
    resource = getattr(one, kind)
    shown = resource.info(oid)
    assert (oid, name) == (shown.ID, shown.NAME)
    assert name == members(one, kind)[oid].NAME
    template = "USER_TEMPLATE" if kind == "vm" else "TEMPLATE"
    if kind != "hook":
        assert resource.update(oid, {"ADDED": 'a "b"'.replace('"', "'"), "MORE": "ü<&>"}, 1) == oid
        changed = getattr(resource.info(oid), template)
        assert (changed["ADDED"], changed["MORE"]) == ("a 'b'", "ü<&>")
    if kind not in {"user", "group"}:
        assert resource.rename(oid, f"{name}-2") == oid
        assert f"{name}-2" == resource.info(oid).NAME
    if kind == "vm":
        assert one.vm.recover(oid, 3) == oid
        until(lambda: one.vm.info(oid).STATE == pyone.VM_STATE.DONE, "the machine is gone")
        return
    assert resource.delete(oid) == oid
    if kind == "image":
        until(lambda: oid not in members(one, kind), "the image is gone")
    with pytest.raises(pyone.OneNoExistsException, match=rf"\[one\.{kind}\.info\] Error getting .* \[{oid}\]\."):
        resource.info(oid)


@pytest.mark.parametrize("kind", PERMITTED)
def test_permissions_and_owners(one: Client, kind: str) -> None:
    oid, _ = made(one, kind)
    resource = getattr(one, kind)
    assert resource.chmod(oid, 1, 1, 0, 1, 0, 0, 1, 0, 0) == oid
    bits = resource.info(oid).PERMISSIONS
    assert [bits.OWNER_U, bits.OWNER_M, bits.OWNER_A] == [1, 1, 0]
    assert [bits.GROUP_U, bits.GROUP_M, bits.GROUP_A, bits.OTHER_U, bits.OTHER_M, bits.OTHER_A] == [
        1,
        0,
        0,
        1,
        0,
        0,
    ]
    assert resource.chown(oid, -1, 1) == oid
    shown = resource.info(oid)
    assert (shown.UID, shown.UNAME, shown.GID, shown.GNAME) == (0, "oneadmin", 1, "users")


@pytest.mark.parametrize("kind", LOCKED)
def test_locks(one: Client, kind: str) -> None:
    oid, _ = made(one, kind)
    resource = getattr(one, kind)
    if kind != "hook":
        assert resource.info(oid).LOCK is None
    assert resource.lock(oid, 1) == oid
    if kind != "hook":
        lock = resource.info(oid).LOCK
        assert (lock.LOCKED, lock.OWNER) == (1, 0)
        assert lock.TIME > 10**9
    assert resource.unlock(oid) == oid


def test_what_is_locked_is_refused(oned: Daemon, one: Client, pyone: Library) -> None:
    name = unique("joe")
    one.user.allocate(name, "pass-word", "core", [])
    for joe in client(oned, f"{name}:pass-word", pyone):
        oid = joe.document.allocate({"NAME": "d"}, 100)
        one.document.chmod(oid, 1, 1, 0, 0, 0, 0, 0, 0, 0)
        one.document.lock(oid, 2)
        with pytest.raises(
            pyone.OneAuthorizationException, match=rf"\[one.document.update\] User \[\d+\] .*{oid}"
        ):
            joe.document.update(oid, {"A": "1"}, 1)
        assert joe.document.info(oid).LOCK.LOCKED == 2


def test_rules(one: Client, pyone: Library) -> None:
    name = unique("staff")
    gid = one.group.allocate(name)
    rule = one.acl.addrule(f"{0x200000000 | gid:x}", f"{0x1000000000 | 0x400000000:x}", "9")
    found = members(one, "acl")[rule]
    assert (
        f"{0x200000000 | gid:x}",
        "9",
        f"@{gid} VM/* USE+CREATE #0",
    ) == (found.USER, found.RIGHTS, found.STRING)
    with pytest.raises(pyone.OneInternalException, match="already exists"):
        one.acl.addrule(f"{0x200000000 | gid:x}", f"{0x1000000000 | 0x400000000:x}", "9")
    assert one.acl.delrule(rule) == rule
    assert rule not in members(one, "acl")


def test_groups_users_and_quotas(one: Client) -> None:
    gid, uid = made(one, "group")[0], made(one, "user")[0]
    one.user.addgroup(uid, gid)
    assert [1, gid] == one.user.info(uid).GROUPS.ID
    assert [uid] == one.group.info(gid).USERS.ID
    one.group.addadmin(gid, uid)
    assert [uid] == one.group.info(gid).ADMINS.ID
    one.user.quota(uid, 'VM = [ VMS = "2", CPU = "1.5" ]\nDATASTORE = [ ID = "1", SIZE = "100", IMAGES = "3" ]')
    user = one.user.info(uid)
    assert [(float(quota.CPU), int(quota.VMS)) for quota in several(user.VM_QUOTA.VM)] == [(1.5, 2)]
    assert [(int(q.ID), int(q.SIZE)) for q in user.DATASTORE_QUOTA.DATASTORE] == [(1, 100)]
    assert uid in [quotas.ID for quotas in one.userpool.info().QUOTAS]
    token = one.user.login(one.user.info(uid).NAME, "", 1000, gid)
    login = one.user.info(uid).LOGIN_TOKEN[0]
    assert (token, gid) == (login.TOKEN, login.EGID)
    one.group.deladmin(gid, uid)
    one.user.delgroup(uid, gid)
    one.user.chgrp(uid, gid)
    assert one.user.info(uid).GNAME == one.group.info(gid).NAME
    one.user.enable(uid, False)
    assert one.user.info(uid).ENABLED == 0


def test_clusters_and_vdcs(one: Client) -> None:
    cluster, host, network = (made(one, kind)[0] for kind in ("cluster", "host", "vn"))
    one.cluster.addhost(cluster, host)
    one.cluster.addvnet(cluster, network)
    one.cluster.adddatastore(cluster, 0)
    shown = one.cluster.info(cluster)
    assert ([host], [network], [0]) == (shown.HOSTS.ID, shown.VNETS.ID, shown.DATASTORES.ID)
    assert cluster == one.host.info(host).CLUSTER_ID
    assert cluster in one.vn.info(network).CLUSTERS.ID
    vdc = made(one, "vdc")[0]
    one.vdc.addcluster(vdc, 0, cluster)
    one.vdc.addgroup(vdc, 1)
    shown = one.vdc.info(vdc)
    assert shown.GROUPS.ID == [1]
    assert [(c.ZONE_ID, c.CLUSTER_ID) for c in shown.CLUSTERS.CLUSTER] == [(0, cluster)]


def test_networks_and_addresses(one: Client) -> None:
    oid, _ = made(one, "vn")
    one.vn.add_ar(oid, 'AR = [ TYPE = "IP6", SIZE = "2", GLOBAL_PREFIX = "2001:db8::" ]')
    one.vn.hold(oid, 'LEASES = [ IP = "10.0.0.2" ]')
    shown = one.vn.info(oid)
    first, second = shown.AR_POOL.AR
    assert (shown.USED_LEASES, shown.BRIDGE, first.SIZE, first.IP_END) == (1, "br0", 4, "10.0.0.4")
    assert [(lease.IP, lease.VM) for lease in first.LEASES.LEASE] == [("10.0.0.2", -1)]
    assert second.IP6_GLOBAL.startswith("2001:db8::")
    part = one.vn.reserve(oid, {"SIZE": "2", "NAME": unique("part")})
    assert str(oid) == one.vn.info(part).PARENT_NETWORK_ID
    assert len(members(one, "vn")[oid].AR_POOL.AR) == 2


def test_images_and_their_copies(one: Client, pyone: Library) -> None:
    oid, name = made(one, "image")
    shown = one.image.info(oid)
    assert (shown.STATE, shown.TYPE, shown.PERSISTENT) == (
        pyone.IMAGE_STATES.READY,
        pyone.IMAGE_TYPES.DATABLOCK,
        0,
    )
    assert (shown.DATASTORE_ID, shown.DATASTORE, shown.SNAPSHOTS.SNAPSHOT) == (1, "default", [])
    one.image.persistent(oid, True)
    one.image.enable(oid, False)
    shown = one.image.info(oid)
    assert (shown.STATE, shown.PERSISTENT) == (pyone.IMAGE_STATES.DISABLED, 1)
    one.image.enable(oid, True)
    copy = one.image.clone(oid, f"{name}-2", -1)
    until(lambda: one.image.info(copy).STATE == pyone.IMAGE_STATES.READY, "the copy is ready")
    assert oid in one.datastore.info(1).IMAGES.ID


def test_markets_and_the_export_of_an_app(one: Client, pyone: Library) -> None:
    market, image = made(one, "market")[0], made(one, "image")[0]
    app = one.marketapp.allocate({"NAME": unique("app"), "ORIGIN_ID": image, "TYPE": "IMAGE"}, market)
    until(lambda: one.marketapp.info(app).STATE == pyone.MARKETPLACEAPP_STATES.READY, "the app is ready")
    shown = one.marketapp.info(app)
    assert (market, str(image), "raw") == (shown.MARKETPLACE_ID, shown.ORIGIN_ID, shown.FORMAT)
    assert [app] == one.market.info(market).MARKETPLACEAPPS.ID
    assert app in {found.ID for found in one.marketapppool.info(*ALL).MARKETPLACEAPP}
    got = one.marketapp.export(app, 1, unique("got"))
    until(lambda: one.image.info(got["image"]).STATE == pyone.IMAGE_STATES.READY, "the app's image is ready")
    assert one.image.info(got["image"]).TEMPLATE["FROM_APP"] == str(app)


def test_security_groups_groups_of_machines_and_hooks(one: Client) -> None:
    rules = one.secgroup.info(made(one, "secgroup")[0]).TEMPLATE["RULE"]
    assert dict(rules) == {"PROTOCOL": "TCP", "RULE_TYPE": "inbound"}
    group = one.vmgroup.info(made(one, "vmgroup")[0])
    assert [(role.ID, role.NAME, role.POLICY) for role in group.ROLES.ROLE] == [
        (0, "front", None),
        (1, "back", "AFFINED"),
    ]
    hook = one.hook.info(made(one, "hook")[0])
    assert (hook.TYPE, hook.TEMPLATE["CALL"], hook.TEMPLATE["REMOTE"]) == ("api", "one.vm.allocate", "NO")
    assert hook.HOOKLOG.HOOK_EXECUTION_RECORD == []


def test_zones_and_the_configuration(one: Client) -> None:
    zone = one.zone.info(0)
    assert (zone.NAME, zone.TEMPLATE["ENDPOINT"][:7]) == ("OpenNebula", "http://")
    assert [member.ID for member in several(one.zonepool.info().ZONE)] == [0]
    assert one.zone.raftstatus().SERVER_ID == -1
    configuration = one.system.config()
    assert [mad.NAME for mad in configuration.MARKET_MAD_CONF] == ["dummy", "public", "picky", "one", "http", "s3"]


WRONG: dict[str, tuple[str, Callable[[Client], object], str]] = {
    "nothing there": (
        "OneNoExistsException",
        lambda one: one.vm.info(9999),
        "Error getting virtual machine [9999].",
    ),
    "not now": ("OneActionException", lambda one: one.cluster.delete(0), ""),
    "a lone zone": (
        "OneException",
        lambda one: one.zone.allocate({"NAME": "z", "ENDPOINT": "e"}),
        "federation master",
    ),
    "a wrong number": ("OneApiException", lambda one: one.vmpool.info(-9, -1, -1, -1), "Incorrect filter_flag"),
    "a wrong text": ("OneInternalException", lambda one: one.user.update(0, "A = [", 1), ""),
    "a name twice": (
        "OneInternalException",
        lambda one: one.group.allocate("users"),
        "NAME is already taken by GROUP 1.",
    ),
    "a wrong type": ("OneException", lambda one: one.vm.info("one"), ""),
    "an unknown method": ("OneException", lambda one: one.vm.fly(1), ""),
}


def test_errors_are_exceptions(one: Client, pyone: Library) -> None:
    for what, (kind, call, message) in WRONG.items():
        with pytest.raises(pyone.OneException) as caught:
            call(one)
        assert type(caught.value).__name__ == kind, (what, caught.value)
        assert message in str(caught.value), what


def test_wrong_password(oned: Daemon, pyone: Library) -> None:
    for stranger in client(oned, "oneadmin:wrong", pyone):
        with pytest.raises(
            pyone.OneAuthenticationException, match=r"\[one.system.version\] User couldn't be auth"
        ):
            stranger.system.version()
