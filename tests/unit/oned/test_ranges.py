"""Address ranges of every type, what drivers need of a network, VLAN numbers, rules of security groups."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oned.access.acl import Kind
from oned.errors import InternalError
from oned.model.secgroup import rule_reason
from oned.network import vlan
from oned.network.addresses import LOW_32
from oned.network.changes import new_range, take_range, update_range
from oned.network.drivers import Physical
from oned.network.leases import owner
from oned.network.ranges import TYPES, AddressRange, ids_in, whole

IP = {"TYPE": "IP4", "IP": "10.0.0.1", "SIZE": "5"}
DUAL = {"TYPE": "IP4_6", "IP": "10.0.0.1", "SIZE": "3", "ULA_PREFIX": "fd00::", "GLOBAL_PREFIX": "2001:db8::"}
STATIC = {"TYPE": "IP6_STATIC", "IP6": "2001:db8::ffff:fff0", "PREFIX_LENGTH": "64", "SIZE": "4"}
EVERY = {
    "ETHER": {"TYPE": "ETHER", "SIZE": "4"},
    "IP4": IP,
    "IP6": {"TYPE": "IP6", "SIZE": "3", "ULA_PREFIX": "fd00::"},
    "IP4_6": DUAL,
    "IP6_STATIC": STATIC,
    "IP4_6_STATIC": {**STATIC, "TYPE": "IP4_6_STATIC", "IP": "10.0.0.1"},
}


def make(attributes: dict[str, str], **more: str) -> AddressRange:
    return new_range(attributes | more, 0, 0x0200)


def test_every_type_is_tried() -> None:
    assert EVERY.keys() == TYPES


@pytest.mark.parametrize("kind", sorted(EVERY))
def test_addresses_count_up(kind: str) -> None:
    each = make(EVERY[kind])
    every = [each.addresses(index) for index in range(each.size)]
    for name in every[0]:
        assert len({addresses[name] for addresses in every}) == each.size, name
        index = each.size - 1
        if name in {"MAC", "IP", "IP6"}:
            assert each.index_of(name, every[index][name]) == index
    assert ("IP" in every[0]) == (kind in {"IP4", "IP4_6", "IP4_6_STATIC"})
    assert ("IP6_LINK" in every[0]) == (kind in {"IP6", "IP4_6"})
    assert ("IP6" in every[0]) == (kind in {"IP6_STATIC", "IP4_6_STATIC"})
    assert ("IP6_ULA" in every[0]) == (kind in {"IP6", "IP4_6"})


@pytest.mark.parametrize("kind", sorted(EVERY))
def test_last_addresses_of_an_answer(kind: str) -> None:
    each = make(EVERY[kind])
    xml = each.to_xml(lambda _name, _oid: True)
    last = each.addresses(each.size - 1)
    for name in ("MAC", "IP", "IP6", "IP6_ULA", "IP6_GLOBAL"):
        found = re.search(rf"<{name}_END><!\[CDATA\[(.*?)]]>", xml)
        assert (found[1] if found else None) == last.get(name)
    assert xml.endswith("<USED_LEASES>0</USED_LEASES><LEASES/></AR>")


def test_generated_macs() -> None:
    assert make(IP).attributes["MAC"] == "02:00:0a:00:00:01"
    assert make(IP, MAC="00:11:22:33:44:55").addresses(1)["MAC"] == "00:11:22:33:44:56"
    first, second = make(EVERY["ETHER"]), make(EVERY["ETHER"])
    assert first.attributes["MAC"].startswith("02:00:")
    assert first.attributes["MAC"] != second.attributes["MAC"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"TYPE": ""}, "Unknown or missing address range TYPE."),
        ({"TYPE": "IP5"}, "Unknown or missing address range TYPE."),
        ({"SIZE": ""}, "Wrong SIZE for address range"),
        ({"SIZE": "0"}, "Wrong SIZE for address range"),
        ({"SIZE": "-1"}, "Wrong SIZE for address range"),
        ({"SIZE": "many"}, "Wrong SIZE for address range"),
        ({"SIZE": "4294967296"}, "Wrong SIZE for address range"),
        ({"SIZE": "4294967295"}, "Wrong SIZE for address range"),
        ({"IP": "255.255.255.255"}, "Wrong SIZE for address range"),
        ({"MAC": "02:00:ff:ff:ff:ff"}, "Wrong SIZE for address range"),
        ({"IP": ""}, "Wrong or empty IP attribute"),
        ({"IP": "10.0.0.300"}, "Wrong or empty IP attribute"),
        ({"MAC": "02:00"}, "Wrong format for MAC attribute"),
        ({"TYPE": "IP4_6", "GLOBAL_PREFIX": "xyz"}, "Wrong format for IP6 global address prefix"),
        ({"TYPE": "IP4_6", "ULA_PREFIX": "1.2.3.4"}, "Wrong format for IP6 unique local address prefix"),
        ({"TYPE": "IP6_STATIC"}, "Wrong or empty IP6 attribute"),
        ({"TYPE": "IP6_STATIC", "IP6": "::1"}, "Wrong or empty PREFIX_LENGTH"),
        ({"TYPE": "IP6_STATIC", "IP6": "::ffff:ffff", "PREFIX_LENGTH": "64"}, "Wrong SIZE for address range"),
    ],
)
def test_wrong_ranges(change: dict[str, str], text: str) -> None:
    with pytest.raises(InternalError) as caught:
        make(IP | change)
    assert caught.value.detail == text


def test_what_a_type_has_not_is_dropped() -> None:
    given_too_much = {**STATIC, "TYPE": "ETHER", "IP": "1.2.3.4", "ULA_PREFIX": "fd00::", "GLOBAL_PREFIX": "::"}
    more = {"ALLOCATED": " 0 1", "USED_LEASES": "9", "PARENT_NETWORK_AR_ID": "3"}
    kept = make(given_too_much | more).attributes
    assert kept.keys() == {"AR_ID", "TYPE", "SIZE", "MAC", "PREFIX_LENGTH"}


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("IP", "10.0.0.1", 0),
        ("IP", "10.0.0.5", 4),
        ("IP", "10.0.0.6", None),
        ("IP", "10.0.0.0", None),
        ("IP", "rubbish", None),
        ("MAC", "02:00:0a:00:00:03", 2),
        ("MAC", "03:00:0a:00:00:03", None),
        ("IP6", "::1", None),
    ],
)
def test_the_index_of_an_address(name: str, text: str, wanted: int | None) -> None:
    assert make(IP).index_of(name, text) == wanted


def test_ports_of_a_shared_address() -> None:
    each = make(IP, PORT_START="1000", PORT_SIZE="10")
    assert each.addresses(2)["EXTERNAL_PORT_RANGE"] == "1021:1030"
    assert each.addresses(2)["INTERNAL_PORT_RANGE"] == "1-10/1021"


def test_a_reserved_range() -> None:
    each = make(DUAL, SECURITY_GROUPS="1,2", IPAM_MAD="internal")
    taken = take_range(each, 1, 2, owner(Kind.NET, 9))
    reserved = AddressRange.stored(taken | {"AR_ID": "0"})
    assert (reserved.size, reserved.parent, reserved.security_groups) == (2, 0, {1, 2})
    assert reserved.addresses(0) == each.addresses(1)
    assert "IPAM_MAD" not in taken
    assert each.free == 1


def test_update_keeps_addresses() -> None:
    each = make(DUAL)
    update_range(
        each,
        {"AR_ID": "0", "IP": "1.1.1.1", "SIZE": "9", "MTU": "5", "MAC_END": "x", "TYPE": "ETHER"},
        frozenset(),
    )
    assert (each.type, each.attributes["IP"], each.size, each.attributes["MTU"]) == ("IP4_6", "10.0.0.1", 9, "5")
    assert "MAC_END" not in each.attributes
    assert "IP6_ULA" not in each.addresses(0)
    update_range(each, {"SIZE": "2", "ULA_PREFIX": "fd00::"}, frozenset())
    assert "IP6_ULA" in each.addresses(0)
    assert "MTU" not in each.attributes


def test_update_keeps_what_users_cannot_change() -> None:
    each = make(IP, VN_MAD="dummy")
    update_range(each, {"VN_MAD": "bridge", "BRIDGE": "br0"}, frozenset({"VN_MAD", "BRIDGE"}))
    assert each.attributes["VN_MAD"] == "dummy"
    assert "BRIDGE" not in each.attributes


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"SIZE": "2"}, "New SIZE cannot be applied. There are used leases that would fall outside the range."),
        ({"SIZE": "4294967295"}, "Wrong SIZE for address range"),
        ({"ULA_PREFIX": "x"}, "Wrong format for IP6 unique local address prefix"),
    ],
)
def test_wrong_updates(change: dict[str, str], text: str) -> None:
    each = make(DUAL)
    each.leases.take(2, owner(Kind.VM, 1))
    with pytest.raises(InternalError, match=re.escape(text)):
        update_range(each, change, frozenset())


def test_a_reservation_keeps_its_size() -> None:
    each = AddressRange.stored(take_range(make(IP), 0, 2, owner(Kind.NET, 9)))
    with pytest.raises(InternalError, match=re.escape("The SIZE of a reservation cannot be changed.")):
        update_range(each, {"SIZE": "3"}, frozenset())


def test_a_damaged_range() -> None:
    with pytest.raises(InternalError, match="damaged"):
        AddressRange.stored(IP | {"ALLOCATED": "1 2 3"})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("7", 7), (" 7 ", 7), ("", None), (None, None), ("-1", None), ("²", None), ("9" * 30, None)],
)
def test_whole_numbers(text: str | None, wanted: int | None) -> None:
    assert whole(text) == wanted


def test_lists_of_ids() -> None:
    assert ids_in("3, 1,,x,1,-2") == {1, 3}
    assert whole(str(LOW_32)) == LOW_32


def test_vlan_maps() -> None:
    assert vlan.unpack(vlan.pack(set())) == set()
    assert vlan.unpack(vlan.pack({0, 5, 4095})) == {0, 5, 4095}
    assert vlan.reserved("0, 1, 10:12, x, 4000:9999") == {0, 1, 10, 11, 12, *range(4000, 4096)}
    for text in ("", "rubbish!", "AAAA", vlan.pack(set())[:8]):
        with pytest.raises(InternalError, match="damaged"):
            vlan.unpack(text)


@given(st.sets(st.integers(0, 4095)), st.integers(0, 4094), st.integers(0, 4094))
def test_vlan_numbers_are_free(taken: set[int], start: int, hint: int) -> None:
    if taken >= set(range(start, 4096)) and (hint in taken or not hint):
        with pytest.raises(InternalError, match=r"Cannot automatically assign VLAN_ID to network\."):
            vlan.choose(taken, start, hint)
        return
    number = vlan.choose(taken, start, hint)
    assert number not in taken
    assert number == hint or number >= start


@pytest.mark.parametrize(
    ("physical", "text"),
    [
        (Physical("802.1Q", "", "", "5", False, "", False), "PHYDEV is mandatory for driver 802.1Q"),
        (
            Physical("vxlan", "eth0", "", "", False, "", False),
            "VLAN_ID (or AUTOMATIC_VLAN_ID) is mandatory for driver vxlan",
        ),
        (Physical("dummy", "", "", "", False, "", False), "BRIDGE is mandatory for driver dummy"),
        (
            Physical("ovswitch_vxlan", "", "", "", True, "", False),
            "OUTER_VLAN_ID (or AUTOMATIC) is mandatory for driver ovswitch_vxlan",
        ),
    ],
)
def test_what_drivers_need(physical: Physical, text: str) -> None:
    with pytest.raises(InternalError) as caught:
        physical.check()
    assert caught.value.detail == text


@pytest.mark.parametrize(
    "physical",
    [
        Physical("bridge", "", "", "", False, "", False),
        Physical("802.1Q", "eth0", "", "", True, "", False),
        Physical("ovswitch_vxlan", "", "", "", False, "7", False),
        Physical("something of mine", "", "", "", False, "", False),
    ],
)
def test_what_drivers_do_not_need(physical: Physical) -> None:
    physical.check()


GOOD_RULES: list[dict[str, str]] = [
    {"PROTOCOL": "tcp", "RULE_TYPE": "inbound", "RANGE": "22,80:90"},
    {"PROTOCOL": "ICMP", "RULE_TYPE": "OUTBOUND", "ICMP_TYPE": "8"},
    {"PROTOCOL": "ICMPv6", "RULE_TYPE": "OUTBOUND", "ICMPV6_TYPE": "128"},
    {"PROTOCOL": "ALL", "RULE_TYPE": "INBOUND", "IP": "10.0.0.0", "SIZE": "8"},
    {"PROTOCOL": "ALL", "RULE_TYPE": "INBOUND", "IP": "fd00::", "SIZE": "8"},
    {"PROTOCOL": "IPSEC", "RULE_TYPE": "INBOUND", "NETWORK_ID": "4"},
]


@pytest.mark.parametrize("rule", GOOD_RULES)
def test_good_rules(rule: dict[str, str]) -> None:
    assert rule_reason(rule) == ""


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"PROTOCOL": "SCTP"}, "Wrong PROTOCOL in rule. Valid options: TCP, UDP, ICMP, ICMPV6, IPSEC, ALL."),
        ({"PROTOCOL": "ALL", "RANGE": "1"}, "RANGE is supported only for TCP and UDP protocols."),
        ({"RANGE": "1-2"}, "Invalid RANGE specification."),
        ({"ICMP_TYPE": "8"}, "ICMP_TYPE is supported only for ICMP protocol."),
        ({"ICMPV6_TYPE": "8"}, "ICMPV6_TYPE is supported only for ICMPV6 protocol."),
        ({"PROTOCOL": "ICMP", "ICMP_TYPE": "x"}, "Wrong ICMP_TYPE, it must be integer"),
        ({"RULE_TYPE": "SIDEWAYS"}, "Wrong RULE_TYPE in rule. Valid options: INBOUND, OUTBOUND."),
        ({"IP": "1.2.3.4"}, "Wrong or empty SIZE."),
        ({"IP": "1.2.3", "SIZE": "1"}, "Wrong format for IP value."),
        ({"NETWORK_ID": "x"}, "Wrong NETWORK_ID."),
    ],
)
def test_wrong_rules(change: dict[str, str], text: str) -> None:
    assert rule_reason({"PROTOCOL": "TCP", "RULE_TYPE": "INBOUND"} | change) == text
