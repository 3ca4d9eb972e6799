"""Marketplaces and apps over the API, with a dummy driver."""

import base64
import time
from xmlrpc.client import Fault

import pytest

from tests.integration.oned import storage
from tests.integration.oned.clients import Client, closed
from tests.integration.oned.conftest import served
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.names import new_member, unique
from tests.integration.oned.storage import (
    ACTION,
    AUTHORIZATION,
    CLONE,
    INTERNAL,
    NO_EXISTS,
    PARAMETER,
    READY,
    gone,
    ids,
    market,
    ready_image,
    until,
    value,
)

pytestmark = closed
INFO, APP, IMAGE = "one.market.info", "one.marketapp.info", "one.image.info"
APP_READY, APP_LOCKED, APP_ERROR, APP_DISABLED = 1, 2, 3, 4
PUBLIC_BITS = [1, 1, 1, 1, 0, 0, 1, 0, 0]


oned = served("markets", f"{storage.CONF}\nMONITORING_INTERVAL_MARKET = 1", storage.settle)


@pytest.fixture
def joe(oned: Daemon) -> str:
    return new_member(oned)


def app(oned: Daemon, place: int, text: str) -> int:
    return int(oned.ok("one.marketapp.allocate", f'NAME = "{unique("app")}"\n{text}', place))


def published(oned: Daemon, place: int, image: int | None = None) -> int:
    """A new app of an image that is ready."""
    origin = ready_image(oned) if image is None else image
    oid = app(oned, place, f"ORIGIN_ID = {origin}\nTYPE = IMAGE")
    until(oned, APP, oid, APP_READY)
    return oid


def listed(*templates: str) -> str:
    words = " ".join(base64.b64encode(text.encode()).decode() for text in templates)
    return f'LISTED = "{words}"'


def wait_for(oned: Daemon, place: int, count: int) -> set[int]:
    """The apps of a marketplace as soon as it has so many."""
    limit = time.monotonic() + storage.SECONDS
    while True:
        found = ids(oned.ok(INFO, place), "MARKETPLACEAPPS")
        if len(found) == count:
            return found
        assert time.monotonic() < limit, found
        time.sleep(0.05)


def test_first_marketplaces(one: Client) -> None:
    first = [found for found in one.marketpool.info().MARKETPLACE if found.ID < 100]
    assert [(found.ID, found.NAME, found.MARKET_MAD) for found in first] == [
        (0, "OpenNebula Public", "one"),
        (1, "Linux Containers", "linuxcontainers"),
        (2, "TurnKey Linux Containers", "turnkeylinux"),
        (3, "DockerHub", "dockerhub"),
    ]
    for found in first:
        bits = found.PERMISSIONS
        assert PUBLIC_BITS[:6] == [
            bits.OWNER_U,
            bits.OWNER_M,
            bits.OWNER_A,
            bits.GROUP_U,
            bits.GROUP_M,
            bits.GROUP_A,
        ]
        assert PUBLIC_BITS[6:] == [bits.OTHER_U, bits.OTHER_M, bits.OTHER_A]
    assert first[3].TEMPLATE["DESCRIPTION"] == (
        "DockerHub is the world's largest library and  community for container images hosted at hub.docker.com/"
    )


def test_bodies_are_as_upstream_writes_them(oned: Daemon) -> None:
    name = unique("body")
    place = int(oned.ok("one.market.allocate", f"NAME = {name}\nMARKET_MAD = picky\nBASE_URL = u\nPUBLIC_DIR = d"))
    assert place >= 100
    head = "<UID>0</UID><GID>0</GID><UNAME>oneadmin</UNAME><GNAME>oneadmin</GNAME>"
    bits = (
        "<PERMISSIONS><OWNER_U>1</OWNER_U><OWNER_M>1</OWNER_M><OWNER_A>0</OWNER_A><GROUP_U>0</GROUP_U>"
        "<GROUP_M>0</GROUP_M><GROUP_A>0</GROUP_A><OTHER_U>0</OTHER_U><OTHER_M>0</OTHER_M><OTHER_A>0</OTHER_A>"
        "</PERMISSIONS>"
    )
    assert oned.ok(INFO, place) == (
        f"<MARKETPLACE><ID>{place}</ID>{head}<NAME>{name}</NAME><MARKET_MAD>picky</MARKET_MAD><ZONE_ID>0</ZONE_ID>"
        "<TOTAL_MB>0</TOTAL_MB><FREE_MB>0</FREE_MB><USED_MB>0</USED_MB><MARKETPLACEAPPS></MARKETPLACEAPPS>"
        f"{bits}<TEMPLATE><BASE_URL><![CDATA[u]]></BASE_URL><MARKET_MAD><![CDATA[picky]]></MARKET_MAD>"
        "<PUBLIC_DIR><![CDATA[d]]></PUBLIC_DIR></TEMPLATE></MARKETPLACE>"
    )
    oid = app(oned, market(oned), "ORIGIN_ID = 5\nTYPE = VMTEMPLATE\nVERSION = 2\nDESCRIPTION = d\nSOURCE = mine")
    body = oned.ok(APP, oid)
    assert body == (
        f"<MARKETPLACEAPP><ID>{oid}</ID>{head}<REGTIME>{value(body, 'REGTIME')}</REGTIME>"
        f"<NAME>{value(body, 'NAME')}</NAME><ZONE_ID>0</ZONE_ID><ORIGIN_ID>5</ORIGIN_ID>"
        f"<SOURCE>{value(body, 'SOURCE')}</SOURCE><MD5>{value(body, 'MD5')}</MD5><SIZE>{value(body, 'SIZE')}</SIZE>"
        f"<DESCRIPTION>d</DESCRIPTION><VERSION>2</VERSION><FORMAT>{value(body, 'FORMAT')}</FORMAT>"
        f"<APPTEMPLATE64></APPTEMPLATE64><MARKETPLACE_ID>{value(body, 'MARKETPLACE_ID')}</MARKETPLACE_ID>"
        f"<MARKETPLACE>{value(body, 'MARKETPLACE')}</MARKETPLACE><STATE>1</STATE><TYPE>2</TYPE>{bits}<TEMPLATE>"
        "<DESCRIPTION><![CDATA[d]]></DESCRIPTION><TYPE><![CDATA[VMTEMPLATE]]></TYPE>"
        "<VERSION><![CDATA[2]]></VERSION></TEMPLATE></MARKETPLACEAPP>"
    )


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("NAME = [", "Parse error"),
        ("MARKET_MAD = dummy", "Invalid NAME, it cannot be empty"),
        ("NAME = DockerHub\nMARKET_MAD = dummy", "NAME is already taken by MARKETPLACE 3"),
        ("NAME = m", "No marketplace driver (MARKET_MAD) in template."),
        ("NAME = m\nMARKET_MAD = x", 'MARKET_MAD_CONF named "x" is not defined in oned.conf'),
        ("NAME = m\nMARKET_MAD = picky\nBASE_URL = u", 'missing the "PUBLIC_DIR" attribute or it\'s empty.'),
    ],
)
def test_marketplaces_that_are_refused(oned: Daemon, template: str, text: str) -> None:
    assert text in oned.fails(INTERNAL, "one.market.allocate", template)


def test_life_of_a_marketplace(oned: Daemon, one: Client) -> None:
    place = market(oned)
    limit = time.monotonic() + storage.SECONDS
    while one.market.info(place).FREE_MB == 0:
        assert time.monotonic() < limit
        time.sleep(0.05)
    text = oned.fails(INTERNAL, "one.market.update", place, "MARKET_MAD = picky", 1)
    assert text.startswith("[one.market.update] Cannot update template. MarketPlace template is missing")
    assert one.market.update(place, "A = 1", 0) == place
    assert one.market.info(place).TEMPLATE == {"A": "1", "MARKET_MAD": "dummy"}
    made = published(oned, place)
    name = unique("renamed")
    assert one.market.rename(place, name) == place
    assert value(oned.ok(APP, made), "MARKETPLACE") == name
    assert oned.fails(ACTION, "one.market.rename", place, "DockerHub").endswith(
        "marketplace cannot be renamed to DockerHub because it collides with marketplace 3"
    )
    assert oned.fails(ACTION, "one.market.delete", place).endswith(
        f"Cannot delete marketplace. marketplace  {place} is not empty."
    )
    oned.ok("one.marketapp.delete", made)
    gone(oned, APP, made)
    assert one.market.chmod(place, -1, -1, -1, 1, -1, -1, -1, -1, -1) == place
    assert one.market.chown(place, -1, 1) == place
    assert (one.market.info(place).GNAME, one.market.info(place).PERMISSIONS.GROUP_U) == ("users", 1)
    assert one.market.delete(place) == place
    oned.fails(NO_EXISTS, INFO, place)


def test_an_app_of_an_image(oned: Daemon, one: Client) -> None:
    place = market(oned)
    origin = ready_image(oned, 'PATH = /x\nPERSISTENT = YES\nDUMMY = [ DELAY = "0.4" ]')
    oid = app(oned, place, f"ORIGIN_ID = {origin}")
    held = oned.ok(IMAGE, origin)
    assert (value(held, "STATE"), ids(held, "APP_CLONES")) == (str(CLONE), {oid})
    assert value(oned.ok(APP, oid), "STATE") == str(APP_LOCKED)
    until(oned, APP, oid, APP_READY)
    until(oned, IMAGE, origin, READY)
    found = one.marketapp.info(oid)
    assert (1024, "raw", str(origin), 1) == (found.SIZE, found.FORMAT, found.ORIGIN_ID, found.TYPE)
    assert (found.SOURCE, len(found.MD5)) == (f"dummy://marketplace/{place}/{oid}", 32)
    assert ids(oned.ok(INFO, place), "MARKETPLACEAPPS") == {oid}
    assert oid in {listed.ID for listed in one.marketapppool.info(-2, -1, -1).MARKETPLACEAPP}
    made = int(oned.ok("one.image.allocate", f"NAME = {unique('from')}\nFROM_APP = {oid}", 1))
    info = until(oned, IMAGE, made, READY)
    assert (value(info, "PATH"), value(info, "SIZE")) == (found.SOURCE, "1024")
    assert (value(info, "FROM_APP_NAME"), value(info, "FROM_APP_MD5")) == (found.NAME, found.MD5)


@pytest.mark.parametrize(
    ("template", "code", "text"),
    [
        ("NAME = [", INTERNAL, "Parse error"),
        ("ORIGIN_ID = 0", INTERNAL, "Invalid NAME, it cannot be empty"),
        ("NAME = a", INTERNAL, "Missing ORIGIN_ID for the MARKETPLACEAPP"),
        ("NAME = a\nORIGIN_ID = x", INTERNAL, "Missing ORIGIN_ID for the MARKETPLACEAPP"),
        ("NAME = a\nORIGIN_ID = 999", INTERNAL, "Image does not exist."),
        ("NAME = a\nORIGIN_ID = 0\nTYPE = TAPE", INTERNAL, "Marketplace app type not supported."),
    ],
)
def test_apps_that_are_refused(oned: Daemon, template: str, code: int, text: str) -> None:
    assert text in oned.fails(code, "one.marketapp.allocate", template, market(oned))


def test_where_no_apps_can_be_published(oned: Daemon) -> None:
    good = "NAME = a\nORIGIN_ID = 0\nTYPE = VMTEMPLATE"
    assert oned.fails(INTERNAL, "one.marketapp.allocate", good, 999).endswith("Cannot find associated MARKETPLACE")
    assert oned.fails(ACTION, "one.marketapp.allocate", good, 3).endswith("Create disabled for market: DockerHub")
    place = market(oned)
    first = app(oned, place, "ORIGIN_ID = 0\nTYPE = SERVICE_TEMPLATE")
    name = value(oned.ok(APP, first), "NAME")
    again = f"NAME = {name}\nORIGIN_ID = 0\nTYPE = VMTEMPLATE"
    assert oned.fails(INTERNAL, "one.marketapp.allocate", again, place).endswith(
        f"NAME is already taken by MARKETPLACEAPP {first}"
    )
    off = ready_image(oned)
    oned.ok("one.image.enable", off, False)
    text = f"NAME = {unique('app')}\nORIGIN_ID = {off}"
    assert oned.fails(INTERNAL, "one.marketapp.allocate", text, place).endswith(
        "Cannot clone image in current state"
    )
    assert ids(oned.ok(INFO, place), "MARKETPLACEAPPS") == {first}


def test_an_app_that_cannot_be_copied(oned: Daemon) -> None:
    origin = ready_image(oned)
    place = market(oned, 'MARKET_MAD = dummy\nDUMMY = [ FAIL = "import" ]')
    oid = app(oned, place, f"ORIGIN_ID = {origin}")
    assert " : Error importing app into marketplace" in value(until(oned, APP, oid, APP_ERROR), "ERROR")
    until(oned, IMAGE, origin, READY)
    assert oned.ok("one.marketapp.delete", oid) == oid
    gone(oned, APP, oid)


def test_an_app_that_is_deleted_while_it_is_made(oned: Daemon) -> None:
    origin = ready_image(oned, 'PATH = /x\nPERSISTENT = YES\nDUMMY = [ DELAY = "0.4" ]')
    place = market(oned)
    oid = app(oned, place, f"ORIGIN_ID = {origin}")
    assert oned.ok("one.marketapp.delete", oid) == oid
    assert value(oned.ok(IMAGE, origin), "STATE") == str(READY)
    assert ids(oned.ok(INFO, place), "MARKETPLACEAPPS") == set()
    gone(oned, APP, oid)


def test_changing_an_app(oned: Daemon, one: Client) -> None:
    place = market(oned)
    oid = published(oned, place)
    source = value(oned.ok(APP, oid), "SOURCE")
    one.marketapp.update(oid, "VERSION = 7\nDESCRIPTION = new\nSOURCE = mine\nORIGIN_ID = 5\nTAG = t", 1)
    found = one.marketapp.info(oid)
    assert (found.VERSION, found.DESCRIPTION, found.SOURCE, found.TEMPLATE["TAG"]) == ("7", "new", source, "t")
    assert "ORIGIN_ID" not in found.TEMPLATE
    for wanted, then in ((False, APP_DISABLED), (False, APP_DISABLED), (True, APP_READY)):
        assert one.marketapp.enable(oid, wanted) == oid
        assert then == one.marketapp.info(oid).STATE
    other = published(oned, place)
    assert oned.fails(ACTION, "one.marketapp.rename", oid, value(oned.ok(APP, other), "NAME")).endswith(
        f"because it collides with marketplaceapp {other}"
    )
    assert one.marketapp.rename(oid, unique("new")) == oid
    assert one.marketapp.lock(oid, 1) == oid
    assert one.marketapp.info(oid).LOCK.LOCKED == 1
    oned.fails(AUTHORIZATION, "one.marketapp.enable", oid, False)
    assert one.marketapp.unlock(oid) == oid
    assert one.marketapp.chmod(oid, -1, -1, -1, 1, -1, -1, -1, -1, -1) == oid
    assert one.marketapp.chown(oid, -1, 1) == oid
    assert oned.fails(PARAMETER, "one.marketapp.update", oid, "", 3).endswith("Wrong update type")


def test_a_marketplace_that_lists_its_apps(oned: Daemon, one: Client) -> None:
    names = [unique("listed") for _ in range(3)]
    texts = [f'NAME = "{name}"\nSOURCE = "http://x"\nMD5 = "1"\nSIZE = 5\nFORMAT = raw' for name in names]
    place = market(oned, f"MARKET_MAD = public\n{listed(*texts[:2])}")
    first = wait_for(oned, place, 2)
    apps = [one.marketapp.info(oid) for oid in sorted(first)]
    assert [(found.NAME, found.UID, found.STATE, found.SIZE) for found in apps] == [
        (names[0], 0, APP_READY, 5),
        (names[1], 0, APP_READY, 5),
    ]
    assert oned.fails(ACTION, "one.marketapp.delete", apps[0].ID).startswith(
        "[one.marketapp.delete] Cannot delete marketplaceapp. Delete disabled for market: "
    )
    one.market.update(place, f"MARKET_MAD = public\n{listed(*texts)}", 0)
    every = wait_for(oned, place, 3)
    assert first < every
    assert one.market.enable(place, False) == place
    assert (value(oned.ok(INFO, place), "STATE"), wait_for(oned, place, 0)) == ("1", set())
    gone(oned, APP, apps[0].ID)
    assert one.market.enable(place, False) == place
    assert one.market.enable(place, True) == place
    assert wait_for(oned, place, 3).isdisjoint(every)
    assert one.market.delete(place) == place
    for oid in every:
        oned.fails(NO_EXISTS, APP, oid)


def test_what_users_may_do(oned: Daemon, joe: str) -> None:
    place = market(oned)
    oid = published(oned, place)
    assert value(oned.ok(APP, oid, session=joe), "ID") == str(oid)
    assert f"<ID>{place}</ID>" in str(oned.ok("one.marketpool.info", session=joe))
    assert f"<ID>{oid}</ID>" in str(oned.ok("one.marketapppool.info", -2, -1, -1, session=joe))
    text = "NAME = x\nMARKET_MAD = dummy"
    assert oned.fails(AUTHORIZATION, "one.market.allocate", text, session=joe).endswith("CREATE MARKETPLACE.")
    text = f"NAME = x\nORIGIN_ID = {ready_image(oned)}"
    assert oned.fails(AUTHORIZATION, "one.marketapp.allocate", text, place, session=joe).endswith(
        "Not authorized to perform CREATE MARKETPLACEAPP."
    )
    oned.ok("one.acl.addrule", f"{0x100000000 | storage.uid_of(oned, joe):x}", "10000400000000", "8")
    assert "Not authorized to perform USE IMAGE" in oned.fails(
        AUTHORIZATION, "one.marketapp.allocate", text, place, session=joe
    )
    for name, params in MARKET_METHODS.items():
        if name != "info":
            oned.fails(AUTHORIZATION, f"one.market.{name}", place, *params, session=joe)  # type: ignore[arg-type]
    for name, params in APP_METHODS.items():
        if name != "info":
            oned.fails(AUTHORIZATION, f"one.marketapp.{name}", oid, *params, session=joe)  # type: ignore[arg-type]


MARKET_METHODS: dict[str, tuple[object, ...]] = {
    "info": (),
    "update": ("A = 1",),
    "delete": (),
    "rename": ("x",),
    "chown": (-1, -1),
    "chmod": (1,) * 9,
    "enable": (False,),
}
APP_METHODS: dict[str, tuple[object, ...]] = MARKET_METHODS | {"lock": (1,), "unlock": ()}
EVERY = [("market", "marketplace", name, params) for name, params in MARKET_METHODS.items()]
EVERY += [("marketapp", "marketplaceapp", name, params) for name, params in APP_METHODS.items()]


@pytest.mark.parametrize(("resource", "label", "name", "params"), EVERY)
def test_what_is_not_there_and_wrong_types(
    oned: Daemon, resource: str, label: str, name: str, params: tuple[object, ...]
) -> None:
    method = f"one.{resource}.{name}"
    text = oned.fails(NO_EXISTS, method, 99999999, *params)  # type: ignore[arg-type]  # differs by method
    assert text == f"[{method}] Error getting {label} [99999999]."
    for position, right in enumerate((0, *params)):
        wrong: list[object] = [0, *params]
        wrong[position] = 7 if isinstance(right, str) else "seven"
        with pytest.raises(Fault):
            oned.call(method, *wrong)  # type: ignore[arg-type]  # wrong on purpose


def test_parameters_of_the_others(oned: Daemon) -> None:
    for name, params in (
        ("one.market.allocate", (1,)),
        ("one.marketapp.allocate", ("NAME = x", "0")),
        ("one.marketapp.allocate", ("NAME = x",)),
        ("one.marketapppool.info", ("-2", -1, -1)),
    ):
        with pytest.raises(Fault):
            oned.call(name, *params)
    oned.fails(PARAMETER, "one.marketapppool.info", -5, -1, -1)
