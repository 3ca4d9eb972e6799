"""What is read out of a driver's section."""

import pytest

from onelib.driver import DriverSettings


def made(arguments: str, kind: str = "vmm", executable: str = "/x", **attributes: str) -> DriverSettings:
    return DriverSettings(kind, "x", executable, tuple(arguments.split()), attributes)


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ("-t 3", "3"),
        ("-r 0 -t 3 kvm", "3"),
        ("-t3", "3"),
        ("--threads 3", "3"),
        ("--threads=3", "3"),
        ("-t -r 0", ""),
    ],
)
def test_options(arguments: str, value: str) -> None:
    assert made(arguments).option("-t", "--threads") == value


@pytest.mark.parametrize(
    ("arguments", "threads"),
    [("-t 3", 3), ("", 15), ("-t 0", 15), ("-t many", 15), ("-t", 15), ("--timeout 3", 15)],
)
def test_threads(arguments: str, threads: int) -> None:
    assert made(arguments).threads == threads


def test_threads_as_an_attribute() -> None:
    assert made("", THREADS="4").threads == 4
    assert made("-t 3", THREADS="4").threads == 3
    assert made("", THREADS="0").threads == 15


def test_seconds() -> None:
    assert made("").seconds == 0
    assert made("-w 90").seconds == 0
    assert made("-w 90", executable="python:m:C").seconds == 90
    assert made("-w 90", executable="python:m:C", TIMEOUT="0.5").seconds == 0.5
    assert made("-w 90", TIMEOUT="0.5").seconds == 0.5
    assert made("", TIMEOUT="soon").seconds == 0


def test_types() -> None:
    assert made("-t 15 -d a,b", "tm").types == frozenset({"a", "b"})
    assert made("-m a", "market").types == frozenset({"a"})
    assert made("", "auth", AUTHN="ssh, ldap").types == frozenset({"ssh", "ldap"})
    assert made("-t 15", "tm").types is None
    assert made("-d 2", "vmm").types is None


def test_hosts_of_a_hypervisor() -> None:
    assert made("").one_per_host
    assert not made("-p").one_per_host
    assert not made("--parallel").one_per_host
    assert not made("", "tm").one_per_host


def test_switches() -> None:
    assert made("", KEEP_SNAPSHOTS="Yes").enabled("KEEP_SNAPSHOTS")
    assert not made("", KEEP_SNAPSHOTS="no").enabled("KEEP_SNAPSHOTS")
    assert not made("").enabled("KEEP_SNAPSHOTS")
    assert made("").label == "vmm:x"
