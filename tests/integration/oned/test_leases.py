"""Leases over the API: hold, release, reserve, quotas."""

import pytest

from tests.integration.oned.clients import Client, closed
from tests.integration.oned.conftest import served
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.names import unique
from tests.integration.oned.networking import (
    ACTION,
    ALL,
    AUTHORIZATION,
    CONFIGURATION,
    INDIVIDUAL,
    INTERNAL,
    NET,
    NO_EXISTS,
    USE,
    grant,
    leases,
    new_network,
    new_user,
    share,
    value,
    values,
)

pytestmark = closed
oned = served("leases", CONFIGURATION)


def test_hold_and_release(oned: Daemon, one: Client) -> None:
    oid = new_network(
        oned, "AR = [ TYPE = IP4, IP = 10.0.0.1, SIZE = 4 ]\nAR = [ TYPE = IP4, IP = 10.0.0.2, SIZE = 4 ]"
    )
    assert one.vn.hold(oid, "LEASES = [ IP = 10.0.0.3 ]") == oid
    assert [leases(one, oid, ar) for ar in (0, 1)] == [[("10.0.0.3", -1)]] * 2
    one.vn.hold(oid, "LEASES = [ IP = 10.0.0.4, AR_ID = 1 ]")
    assert [len(leases(one, oid, ar)) for ar in (0, 1)] == [1, 2]
    assert one.vn.release(oid, "LEASES = [ IP = 10.0.0.3, AR_ID = 0 ]") == oid
    assert [len(leases(one, oid, ar)) for ar in (0, 1)] == [0, 2]
    one.vn.release(oid, "LEASES = [ IP = 10.0.0.3 ]")
    one.vn.release(oid, "LEASES = [ IP = 10.0.0.3 ]")
    assert one.vn.info(oid).USED_LEASES == 1


@pytest.mark.parametrize("method", ["hold", "release"])
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "Empty lease description."),
        ("LEASES = [ AR_ID = 0 ]", "Missing MAC, IP or IP6."),
        ('LEASES = [ IP = 1.2.3.4, MAC = "02:00:00:00:00:01" ]', "Only one attribute MAC, IP or IP6 can be set."),
    ],
)
def test_wrong_leases(oned: Daemon, method: str, text: str, wanted: str) -> None:
    oid = new_network(oned)
    assert oned.fails(INTERNAL, f"one.vn.{method}", oid, text) == f"[one.vn.{method}] {wanted}"


def test_what_cannot_be_held(oned: Daemon) -> None:
    oid = new_network(oned)
    oned.ok("one.vn.hold", oid, "LEASES = [ IP = 10.0.0.1 ]")
    for address in ("IP = 10.0.0.1", "IP = 10.0.0.5", "IP = x", "IP = 10.0.0.2, AR_ID = 7", 'IP6 = "::1"'):
        text = oned.fails(INTERNAL, "one.vn.hold", oid, f"LEASES = [ {address} ]")
        assert text == "[one.vn.hold] Address is not part of the address range or in use."


def test_reserve(oned: Daemon, one: Client) -> None:
    oid = new_network(oned, "AR = [ TYPE = IP4, IP = 10.0.0.1, SIZE = 8, GATEWAY = 10.0.0.254 ]", "DNS = 1.1.1.1")
    name = unique()
    reservation = one.vn.reserve(oid, f"NAME = {name}\nSIZE = 2")
    found = one.vn.info(reservation)
    assert (found.NAME, int(found.PARENT_NETWORK_ID), found.TEMPLATE["DNS"]) == (name, oid, "1.1.1.1")
    each = found.AR_POOL.AR[0]
    assert (each.IP, each.IP_END, each.SIZE, int(each.PARENT_NETWORK_AR_ID)) == ("10.0.0.1", "10.0.0.2", 2, 0)
    assert found.BRIDGE == one.vn.info(oid).BRIDGE
    assert one.cluster.info(0).VNETS.ID.count(reservation) == 1
    assert one.vn.reserve(oid, f"NETWORK_ID = {reservation}\nSIZE = 1\nAR_ID = 0\nIP = 10.0.0.5") == reservation
    assert one.vn.info(reservation).AR_POOL.AR[1].IP == "10.0.0.5"
    assert leases(one, oid) == [(f"10.0.0.{n}", reservation) for n in (1, 2, 5)]
    one.vn.rm_ar(reservation, 0)
    assert leases(one, oid) == [("10.0.0.5", reservation)]
    one.vn.free_ar(reservation, 1)
    assert leases(one, oid) == []
    other = one.vn.reserve(oid, f'NAME = {unique()}\nSIZE = 3\nAR_ID = 0\nMAC = "02:00:0a:00:00:02"')
    assert leases(one, oid) == [(f"10.0.0.{n}", other) for n in (2, 3, 4)]
    one.vn.delete(other)
    one.vn.delete(reservation)
    assert one.vn.info(oid).USED_LEASES == 0
    one.vn.delete(oid)


def test_a_reservation_needs_neighbours(oned: Daemon, one: Client) -> None:
    oid = new_network(
        oned, "AR = [ TYPE = IP4, IP = 10.0.0.1, SIZE = 5 ]\nAR = [ TYPE = IP4, IP = 10.1.0.1, SIZE = 3 ]"
    )
    one.vn.hold(oid, "LEASES = [ IP = 10.0.0.3 ]")
    reservation = one.vn.reserve(oid, f"NAME = {unique()}\nSIZE = 3")
    assert one.vn.info(reservation).AR_POOL.AR[0].IP == "10.1.0.1"
    text = oned.fails(ACTION, "one.vn.reserve", oid, f"NAME = {unique()}\nSIZE = 3")
    assert text == "[one.vn.reserve] Not enough free addresses in an address range"
    for place in ("AR_ID = 0", "AR_ID = 7", "AR_ID = 0\nIP = 10.0.0.4", "AR_ID = 0\nIP = 9.9.9.9"):
        text = oned.fails(ACTION, "one.vn.reserve", oid, f"NAME = {unique()}\nSIZE = 3\n{place}")
        number = place.partition("\n")[0].removeprefix("AR_ID = ")
        assert text.endswith(f"Not enough free addresses in address range {number}, or it does not exist")
    assert len(leases(one, oid)) == 1


def test_wrong_reservations(oned: Daemon) -> None:
    oid, other = new_network(oned), new_network(oned)
    reservation = int(oned.ok("one.vn.reserve", oid, f"NAME = {unique()}\nSIZE = 1"))
    for text, wanted in (
        ("NAME = x", "Reservation SIZE must be a greater than 0"),
        ("NAME = x\nSIZE = 0", "Reservation SIZE must be a greater than 0"),
        ("NAME = x\nSIZE = -3", "Reservation SIZE must be a greater than 0"),
        ("SIZE = 1", "NAME for reservation has to be set"),
        ("SIZE = 1\nNETWORK_ID = -1", "NETWORK_ID must be equal or greater than 0"),
        (f"SIZE = 1\nNETWORK_ID = {oid}", "Cannot add a reservation from the same network"),
        (f"SIZE = 1\nNETWORK_ID = {other}", "Cannot add reservations to a non-reservation VNET"),
        ("SIZE = 1\nNAME = x\nAR_ID = -1", "AR_ID must be equal or greater than 0"),
        ("SIZE = 1\nNAME = x\nIP = 10.0.0.1", "AR_ID must be specified for IP/MAC based reservations"),
    ):
        assert oned.fails(ACTION, "one.vn.reserve", oid, text) == f"[one.vn.reserve] {wanted}"
    assert oned.fails(ACTION, "one.vn.reserve", other, f"SIZE = 1\nNETWORK_ID = {reservation}").endswith(
        f"New reservations for virtual network {reservation} have to be from network {oid}"
    )
    assert oned.fails(ACTION, "one.vn.reserve", reservation, "SIZE = 1\nNAME = x").endswith(
        "Cannot reserve addresses from a reserved VNET"
    )
    assert oned.fails(NO_EXISTS, "one.vn.reserve", oid, "SIZE = 1\nNETWORK_ID = 9999").endswith("[9999].")
    assert oned.fails(ACTION, "one.vn.reserve", oid, "SIZE = [").startswith("[one.vn.reserve] Parse error")
    name = value(oned.ok("one.vn.info", other), "NAME")
    assert oned.fails(INTERNAL, "one.vn.reserve", oid, f"SIZE = 1\nNAME = {name}").endswith(
        "is already taken by NET " + f"{other}."
    )
    text = oned.fails(INTERNAL, "one.vn.update_ar", reservation, "AR = [ AR_ID = 0, SIZE = 9 ]")
    assert text.endswith("The SIZE of a reservation cannot be changed.")


def test_reservations_of_users(oned: Daemon, one: Client) -> None:
    """A user needs no more than USE, pays with its quota, and keeps what it has reserved to itself."""
    session, uid, gid = new_user(oned)
    stranger = new_user(oned)
    oid = new_network(oned, "AR = [ TYPE = IP4, IP = 10.0.0.1, SIZE = 8, VN_MAD = dummy ]")
    share(oned, oid)
    oned.ok("one.user.quota", uid, f"NETWORK = [ ID = {oid}, LEASES = 3 ]")

    def used() -> list[str]:
        return values(oned.ok("one.user.info", uid), "LEASES_USED") + values(
            oned.ok("one.group.info", gid), "LEASES_USED"
        )

    text = oned.fails(AUTHORIZATION, "one.vn.reserve", oid, f"NAME = {unique()}\nSIZE = 4", session=session)
    assert f"limit of 3 reached for LEASES quota in NETWORK with ID: {oid}" in text
    assert used() == ["0"]
    mine = int(oned.ok("one.vn.reserve", oid, f"NAME = {unique()}\nSIZE = 2", session=session))
    assert used() == ["2", "2"]
    oned.fails(AUTHORIZATION, "one.vn.reserve", oid, f"NETWORK_ID = {mine}\nSIZE = 2", session=session)
    assert used() == ["2", "2"]
    oned.ok("one.vn.reserve", oid, f"NETWORK_ID = {mine}\nSIZE = 1", session=session)
    assert used() == ["3", "3"]
    oned.ok("one.vn.update_ar", mine, "AR = [ AR_ID = 0, VN_MAD = bridge, A = 1 ]", session=session)
    each = one.vn.info(mine).AR_POOL.AR[0]
    assert each.VN_MAD == "dummy"
    text = oned.fails(INTERNAL, "one.vn.update", mine, "BRIDGE = br9", 1, session=session)
    assert text.endswith("User Template includes a restricted attribute BRIDGE")
    oned.ok("one.vn.free_ar", mine, 1, session=session)
    assert used() == ["2", "2"]
    grant(oned, stranger.uid, NET | ALL, USE)
    assert oned.ok("one.vn.info", oid, session=stranger.session)
    oned.fails(AUTHORIZATION, "one.vn.info", mine, session=stranger.session)
    pool = str(oned.ok("one.vnpool.info", -2, -1, -1, session=stranger.session))
    assert f"<VNET><ID>{oid}</ID>" in pool
    assert f"<VNET><ID>{mine}</ID>" not in pool
    oned.fails(AUTHORIZATION, "one.vn.reserve", oid, f"NETWORK_ID = {mine}\nSIZE = 1", session=stranger.session)
    assert oned.fails(AUTHORIZATION, "one.vn.chown", mine, stranger.uid, stranger.gid, session=session)
    oned.ok("one.vn.chown", mine, stranger.uid, stranger.gid)
    assert used() == ["0"]
    assert values(oned.ok("one.user.info", stranger.uid), "LEASES_USED") == ["2"]
    oned.ok("one.vn.delete", mine)
    assert values(oned.ok("one.user.info", stranger.uid), "LEASES_USED") == []
    assert one.vn.info(oid).USED_LEASES == 0


def test_leases_show_only_what_the_caller_may_see(oned: Daemon) -> None:
    session, uid, _ = new_user(oned)
    oid = new_network(oned)
    oned.ok("one.vn.hold", oid, "LEASES = [ IP = 10.0.0.4 ]")
    oned.ok("one.vn.reserve", oid, f"NAME = {unique()}\nSIZE = 1")
    grant(oned, uid, NET | INDIVIDUAL | oid, USE)
    mine = oned.ok("one.vn.reserve", oid, f"NAME = {unique()}\nSIZE = 1", session=session)
    info = oned.ok("one.vn.info", oid, session=session)
    assert values(info, "VNET")[-1:] == [str(mine)] or f"<VNET><![CDATA[{mine}]]></VNET>" in str(info)
    assert str(info).count("<LEASE>") == 1
    assert "<USED_LEASES>3</USED_LEASES>" in str(info)
    assert str(oned.ok("one.vn.info", oid)).count("<LEASE>") == 3
