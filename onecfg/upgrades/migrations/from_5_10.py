"""From 5.10 to 5.12: what cannot be said without the user's values.

Monitoring moved out of ``oned.conf`` into a daemon with a ``monitord.conf`` of its own, and with it the drivers and
the intervals that a user may have changed.
"""

import re
from collections.abc import Iterator, Sequence

from onecfg import defaults
from onecfg.formats.oned_tree import Attribute, Section
from onecfg.model import ABSENT, Change, Command, Data, Key, Symbol
from onecfg.upgrades.migrations.before import Before
from onelib.locations import Locations

_REMOTES = "/var/lib/one/remotes/etc"
_ONED, _MONITORD = "/etc/one/oned.conf", "/etc/one/monitord.conf"
NEW_FILES = (
    "/etc/one/cli/oneflow.yaml",
    "/etc/one/cli/oneflowtemplate.yaml",
    _MONITORD,
    f"{_REMOTES}/im/kvm-probes.d/probe_db.conf",
    f"{_REMOTES}/im/lxd-probes.d/probe_db.conf",
    f"{_REMOTES}/im/firecracker-probes.d/probe_db.conf",
    f"{_REMOTES}/vmm/firecracker/firecrackerrc",
)
_AZURE = "/etc/one/az_driver.conf"
_SYMBOLS = {
    _AZURE: ("proxy_uri", "instance_types"),
    "/etc/one/ec2_driver.conf": ("proxy_uri", "state_wait_timeout_seconds", "instance_types"),
}
"""Keys that became symbols."""
_DRIVERS = ('"kvm"', '"lxd"', '"vcenter"')
"""Those of 5.10; a user who had removed one does not want it back."""
_KEYS = ("SUNSTONE_NAME", "EXECUTABLE", "ARGUMENTS")
_COLLECTD = '"collectd"'
_SHORTEST, _STOCK = 30, 180
"""The least seconds between two rounds of monitoring that can be moved, and what they were in 5.10."""


def before(files: Before, notes: list[str]) -> Iterator[Change]:
    """Rename keys of the drivers of public clouds, with the values they have."""
    for file, keys in _SYMBOLS.items():
        content = files.yaml(file)
        for key in (key for key in keys if key in content):
            yield _change(file, Command.INS, (Symbol(key),), content[key])
            yield _change(file, Command.RM, (key,))
    if "instance_types" in files.yaml(_AZURE):
        notes.append(f"{_AZURE}: Azure's machine types have other names in 5.12; bring the table up to date.")


def after(files: Before, notes: list[str]) -> Iterator[Change]:
    """Move the monitoring out of ``oned.conf``; a ``monitord.conf`` that is there already stays as it is."""
    nodes = files.oned(_ONED)
    old = _sections(nodes)
    if old and not files.exists(_MONITORD):
        new = Before(Locations(defaults.TREE)).oned(_MONITORD)
        yield from _move_drivers(old, _sections(new))
        yield from _move_intervals(nodes, old, _periods(new), notes)
    for name in old:
        if name != '"monitord"':
            yield Change(_ONED, Command.RM, ("IM_MAD", name), origin=_ORIGIN, native=True, whole=True)


_ORIGIN = "5.10.0_to_5.12.0"


def _change(file: str, command: Command, path: tuple[Key, ...], value: Data = None, old: str = "") -> Change:
    return Change(file, command, path, value, _ORIGIN, native=True, old=old or ABSENT)


def _sections(nodes: Sequence[Attribute | Section]) -> dict[str, dict[str, str]]:
    """The entries of each IM_MAD by its name, quotes included."""
    found = [_entries(node) for node in nodes if isinstance(node, Section) and node.key.upper() == "IM_MAD"]
    return {entries["NAME"]: entries for entries in found if "NAME" in entries}


def _entries(section: Section) -> dict[str, str]:
    return {entry.key.upper(): entry.value for entry in section.entries}


def _periods(nodes: Sequence[Attribute | Section]) -> dict[str, str]:
    sections = (node for node in nodes if isinstance(node, Section) and node.key.upper() == "PROBES_PERIOD")
    return next((_entries(section) for section in sections), {})


def _move_drivers(old: dict[str, dict[str, str]], new: dict[str, dict[str, str]]) -> Iterator[Change]:
    """Give the new file the drivers of the old one as the user has them."""
    for name, entries in old.items():
        if name in {_COLLECTD, '"monitord"'}:
            continue
        if name not in new:
            yield _change(_MONITORD, Command.INS, ("IM_MAD", name, "NAME"), name)
        shipped = new.get(name, {})
        for key in (key for key in _KEYS if key in entries and entries[key] != shipped.get(key)):
            yield _replace(("IM_MAD", name, key), entries[key], shipped.get(key))
    for name in (name for name in _DRIVERS if name in new and name not in old):
        yield Change(_MONITORD, Command.RM, ("IM_MAD", name), origin=_ORIGIN, native=True, whole=True)


def _replace(path: tuple[Key, ...], value: str, shipped: str | None) -> Change:
    if shipped is None:
        return _change(_MONITORD, Command.INS, path, value)
    return _change(_MONITORD, Command.SET, path, value, shipped)


def _move_intervals(
    nodes: Sequence[Attribute | Section],
    old: dict[str, dict[str, str]],
    shipped: dict[str, str],
    notes: list[str],
) -> Iterator[Change]:
    """Turn the intervals that differ from 5.10's into those of the probes."""
    moved: dict[str, int] = {}
    texts = [
        node.value for node in nodes if isinstance(node, Attribute) and node.key == "MONITORING_INTERVAL_HOST"
    ]
    interval = int(texts[0].strip('"')) if texts and re.fullmatch(r'"?\d{1,9}"?', texts[0], re.ASCII) else _STOCK
    if interval < _SHORTEST:
        notes.append(f"{_ONED}: MONITORING_INTERVAL_HOST is below {_SHORTEST} and was not moved to {_MONITORD}.")
    elif interval != _STOCK:
        yield _change(_MONITORD, Command.INS, ("MONITORING_INTERVAL_HOST",), str(interval))
        moved["BEACON_HOST"] = interval // 6
    collecting = re.search(r"-i\s*(\d{1,9})", old.get(_COLLECTD, {}).get("ARGUMENTS", ""), re.ASCII)
    if collecting and collecting[1] != "60":
        seconds = int(collecting[1])
        moved |= {"SYSTEM_HOST": seconds * 10, "MONITOR_HOST": seconds, "MONITOR_VM": seconds}
    for key, seconds in moved.items():
        yield _replace(("PROBES_PERIOD", key), str(seconds), shipped.get(key))
