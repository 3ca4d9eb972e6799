"""Addresses and leases: texts and numbers, the lowest free one, runs, owners."""

import ipaddress
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from oned.access.acl import Kind
from oned.network import addresses
from oned.network.leases import HOLD, Leases, owner, owner_id

INDEXES = st.integers(0, 40)
OWNERS = st.sampled_from([owner(Kind.VM, 3), owner(Kind.NET, 4), owner(Kind.VROUTER, 5), HOLD])


@given(st.integers(0, 2**48 - 1))
def test_mac_there_and_back(number: int) -> None:
    text = addresses.mac_text(number)
    assert addresses.mac_number(text) == number
    assert addresses.mac_number(text.upper()) == number
    assert len(text) == 17


@given(st.integers(0, 2**32 - 1))
def test_ip4_there_and_back(number: int) -> None:
    assert addresses.ip4_text(number) == str(ipaddress.IPv4Address(number))
    assert addresses.ip4_number(addresses.ip4_text(number)) == number


@given(st.integers(0, 2**128 - 1))
def test_ip6_there_and_back(number: int) -> None:
    assert addresses.ip6_number(addresses.ip6_text(number)) == number


@pytest.mark.parametrize(
    "text", ["", "1.2.3", "1.2.3.256", "1.2.3.4.5", "a.b.c.d", "1.2.3.-4", "1..2.3", "٣.1.1.1"]
)
def test_what_is_no_ip4(text: str) -> None:
    assert addresses.ip4_number(text) is None


@pytest.mark.parametrize("text", ["", "02:00", "02:00:00:00:00:0g", "02:00:00:00:00:00:00", "020000000000"])
def test_what_is_no_mac(text: str) -> None:
    assert addresses.mac_number(text) is None


@pytest.mark.parametrize("text", ["", "::g", "1.2.3.4", "fe80::1%eth0", "\0", "ü"])
def test_what_is_no_ip6(text: str) -> None:
    assert addresses.ip6_number(text) is None


@pytest.mark.parametrize(
    ("prefix", "mac", "wanted"),
    [
        ("fe80::", "02:00:c0:a8:00:01", "fe80::c0ff:fea8:1"),
        ("2001:db8::", "52:54:00:12:34:56", "2001:db8::5054:ff:fe12:3456"),
        ("fd00:1:2:3::", "00:16:3e:ff:ff:ff", "fd00:1:2:3:216:3eff:feff:ffff"),
    ],
)
def test_the_address_of_a_mac(prefix: str, mac: str, wanted: str) -> None:
    upper, number = addresses.prefix_number(prefix), addresses.mac_number(mac)
    assert upper is not None
    assert number is not None
    assert addresses.eui64_text(upper, number) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"), [("02:00", 0x200), (" 0a:1 ", 0xA01), ("0200", 1), ("02:00:00", 1), ("", 1), ("xx:yy", 1)]
)
def test_the_prefix_of_generated_macs(text: str, wanted: int) -> None:
    assert addresses.mac_prefix(text) == wanted


def test_text_is_upstream_s() -> None:
    leases = Leases()
    leases.take(0, owner(Kind.VM, 7))
    leases.take(3, HOLD)
    leases.take(10, owner(Kind.NET, 9), 2)
    assert leases.text() == " 0 68719476743 3 73014444031 10 274877906953 11 274877906953"
    assert list(Leases.parse(leases.text())) == list(leases)
    assert [owner_id(number) for _, number in leases] == [7, -1, 9, 9]


@pytest.mark.parametrize("text", ["1", "a 2", "1 2 3"])
def test_damaged_text(text: str) -> None:
    with pytest.raises(ValueError, match=r"owner|invalid literal"):
        Leases.parse(text)


def test_text_in_any_order() -> None:
    assert list(Leases.parse("5 1 2 2 5 9")) == [(2, 2), (5, 1)]


@given(st.dictionaries(INDEXES, OWNERS), st.integers(1, 8))
def test_the_lowest_run(taken: dict[int, int], count: int) -> None:
    leases = Leases(sorted(taken), [taken[index] for index in sorted(taken)])
    first = next(index for index in range(100) if index not in taken)
    assert leases.first_free() == first
    run = next(at for at in range(100) if not taken.keys() & set(range(at, at + count)))
    assert leases.first_run(count) == run
    assert leases.is_free(run, count)


@given(st.dictionaries(INDEXES, OWNERS), OWNERS, st.integers(0, 30), st.integers(0, 30))
def test_an_owner_gives_back_what_it_has(taken: dict[int, int], number: int, start: int, count: int) -> None:
    leases = Leases.parse(" ".join(f"{index} {taken[index]}" for index in sorted(taken)))
    gone = {index for index in taken if taken[index] == number and start <= index < start + count}
    assert leases.free_all(number, start, count) == len(gone)
    assert dict(leases) == {index: taken[index] for index in taken if index not in gone}


class LeaseMachine(RuleBasedStateMachine):
    """Two owners take and give back; a dictionary says what has to be the case."""

    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.leases = Leases()
        self.model: dict[int, int] = {}

    @rule(target=held, number=OWNERS)
    def take_lowest(self, number: int) -> tuple[int, int]:
        index = self.leases.first_free()
        assert index not in self.model
        self.leases.take(index, number)
        self.model[index] = number
        return index, number

    @rule(index=INDEXES, count=st.integers(1, 5), number=OWNERS)
    def take_at(self, index: int, count: int, number: int) -> None:
        wanted = range(index, index + count)
        if self.model.keys() & set(wanted):
            with pytest.raises(ValueError, match="taken"):
                self.leases.take(index, number, count)
        else:
            self.leases.take(index, number, count)
            self.model |= dict.fromkeys(wanted, number)

    @rule(lease=consumes(held))
    def give_back(self, lease: tuple[int, int]) -> None:
        index, number = lease
        assert self.leases.free(index, number) == (self.model.get(index) == number)
        if self.model.get(index) == number:
            del self.model[index]

    @rule(index=INDEXES, number=OWNERS)
    def give_back_what_is_not_one_s_own(self, index: int, number: int) -> None:
        if self.model.get(index) != number:
            assert not self.leases.free(index, number)

    @rule()
    def through_the_database(self) -> None:
        self.leases = Leases.parse(self.leases.text())

    @invariant()
    def agrees(self) -> None:
        assert dict(self.leases) == self.model
        assert [index for index, _ in self.leases] == sorted(self.model)
        assert self.leases.last() == max(self.model, default=-1)
        assert all(self.leases.owner_of(index) == self.model.get(index) for index in range(50))


LeaseMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
test_leases_like_a_dictionary = LeaseMachine.TestCase


def test_ten_thousand_leases_cost_milliseconds() -> None:
    text = Leases(list(range(10_000)), [owner(Kind.VM, number) for number in range(10_000)]).text()
    began = time.perf_counter()
    leases = Leases.parse(text)
    leases.take(leases.first_free(), HOLD)
    assert leases.text().endswith(f" 10000 {HOLD}")
    assert time.perf_counter() - began < 0.1
