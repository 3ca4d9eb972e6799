"""The shipped files: what SR1.3 promises of them, and that every change of them keeps the rest."""

import os
import stat
import time
from pathlib import Path

import pytest

from onecfg import defaults
from onecfg.catalogue import find
from onecfg.formats import load
from onecfg.formats.oned import Document as Oned
from onecfg.formats.oned_tree import Attribute, Section
from onecfg.formats.shell import Document as Shell
from onecfg.formats.shell_tree import Assignment
from onecfg.formats.yaml import Document as Yaml
from onecfg.formats.yaml_tree import Node
from onecfg.model import Change, Command, Status, Symbol

NAMES = list(defaults.names())
REMOTES = defaults.REMOTES


def lookup(path: Path, *keys: str) -> str:
    """The value at ``keys`` of a file of oned's syntax, or of a variable that is exported to a shell's children."""
    if path.name.endswith("rc"):
        (found,) = [node for node in Shell(path.read_text())._nodes if getattr(node, "name", None) == keys[0]]
        assert isinstance(found, Assignment)
        assert "export" in found.lead, keys
        return found.value
    document = Oned(path.read_text())
    for item in document._items:
        if isinstance(item, Attribute) and (item.key,) == keys:
            return item.value
        if isinstance(item, Section) and item.key == keys[0]:
            for entry in item.entries:
                if entry.key == keys[-1]:
                    return entry.value
    raise AssertionError(keys)


ETC = "etc/one"
KVM = f"{ETC}/vmm_exec/vmm_exec_kvm.conf"
KVMRC = "var/lib/one/remotes/etc/vmm/kvm/kvmrc"


@pytest.mark.parametrize(
    ("file", "keys", "value"),
    [
        # What SR1.3 asks of a fresh front-end, in its order.
        pytest.param(f"{ETC}/sched.conf", ("SCHED_INTERVAL",), "15", id="scheduling-interval"),
        pytest.param(KVM, ("FEATURES", "GUEST_AGENT"), '"yes"', id="guest-agent"),
        pytest.param(KVM, ("FEATURES", "VIRTIO_SCSI_QUEUES"), '"1"', id="scsi-queues"),
        pytest.param(KVM, ("DISK", "DISCARD"), '"unmap"', id="discard"),
        pytest.param(KVMRC, ("SHUTDOWN_TIMEOUT",), "180", id="shutdown-timeout"),
        pytest.param(KVMRC, ("FORCE_DESTROY",), "yes", id="destroy-after-timeout"),
        pytest.param(KVMRC, ("SYNC_TIME",), "yes", id="time-on-resume"),
        (f"{ETC}/oned.conf", ("PORT",), "2633"),
        (f"{ETC}/oned.conf", ("DB", "BACKEND"), '"sqlite"'),
        (f"{ETC}/oned.conf", ("SESSION_EXPIRATION_TIME",), "900"),
        (f"{ETC}/oned.conf", ("DEFAULT_UMASK",), "177"),
        (f"{ETC}/oned.conf", ("LOG", "DEBUG_LEVEL"), "3"),
        (f"{ETC}/oned.conf", ("HM_MAD", "ARGUMENTS"), '"-p 2101 -l 2102 -b 127.0.0.1"'),
        (f"{ETC}/monitord.conf", ("NETWORK", "PORT"), "4124"),
    ],
)
def test_defaults_are_those_of_the_specification(file: str, keys: tuple[str, ...], value: str) -> None:
    assert lookup(defaults.TREE / file, *keys) == value


@pytest.mark.parametrize("name", NAMES)
def test_every_file_is_of_the_catalogue_and_printed_back(name: str) -> None:
    entry = find(f"/{name}")
    assert entry is not None
    text = (defaults.TREE / name).read_text()
    document = load(entry.kind, text)
    assert document.render() == text
    assert document.warnings() == []
    assert text.endswith("\n")
    assert "\t" not in text
    assert text.lstrip("-\n").startswith("# ")


def leaves(node: Node, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The paths of all keys of a YAML file."""
    found = []
    for key, value in node.pairs:
        name = f":{key.data.name}" if isinstance(key.data, Symbol) else str(key.data)
        found += [(*path, name), *leaves(value, (*path, name))]
    return found


def paths(document: object) -> list[tuple[str, ...]]:
    """The paths of all keys that can be set."""
    if isinstance(document, Yaml):
        return leaves(document._tree.root) if document._tree.root else []
    if isinstance(document, Shell):
        return [(node.name,) for node in document._nodes if isinstance(node, Assignment)]
    assert isinstance(document, Oned)
    found: list[tuple[str, ...]] = []
    for item in document._items:
        if isinstance(item, Attribute) and not item.key.endswith("_ATTR"):
            found.append((item.key,))
        elif isinstance(item, Section):
            name = item.names()[:1] if item.key.endswith(("_MAD", "_CONF")) else []
            found += [(item.key, *name, entry.key) for entry in item.entries if entry.key != "NAME"]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_setting_any_key_changes_its_lines_alone(name: str) -> None:
    entry = find(f"/{name}")
    assert entry is not None
    text = (defaults.TREE / name).read_text()
    for path in paths(load(entry.kind, text)):
        document = load(entry.kind, text)
        assert document.apply(Change("/f", Command.SET, tuple(path), 987654321)).status is Status.APPLIED, path
        changed = document.render()
        assert document.apply(Change("/f", Command.SET, tuple(path), 987654321)).status is Status.IN_PLACE, path
        place = changed.index("987654321")
        # Before the value all is as it was; after it the rest of the file is a part of what was there.
        assert text.startswith(changed[:place].rstrip()), path
        assert text.endswith(changed[place + 9 :].lstrip(" ")), path


@pytest.mark.parametrize("name", NAMES)
def test_removing_any_key_removes_its_lines_alone(name: str) -> None:
    entry = find(f"/{name}")
    assert entry is not None
    text = (defaults.TREE / name).read_text()
    comments = [line for line in text.splitlines() if line.lstrip().startswith("#")]
    for path in paths(load(entry.kind, text)):
        document = load(entry.kind, text)
        siblings = [other for other in paths(document) if other[:-1] == path[:-1]]
        if entry.kind.value == "oned" and len(path) > 1 and len(siblings) == 1:
            continue
        assert document.apply(Change("/f", Command.RM, tuple(path), None)).status is Status.APPLIED, path
        left = load(entry.kind, document.render())
        assert [other for other in paths(left) if other[: len(path)] == path] == [], path
        if not any(other[: len(path)] == path and other != path for other in paths(load(entry.kind, text))):
            kept = [line for line in document.render().splitlines() if line.lstrip().startswith("#")]
            assert kept == comments, path


def test_installing_fills_both_folders_and_replaces_or_keeps_files(tmp_path: Path) -> None:
    assert sorted(defaults.install(tmp_path, oneadmin=(1234, 4321))) == sorted(NAMES)
    found = {
        name: (path.stat().st_uid, path.stat().st_gid, stat.S_IMODE(path.stat().st_mode))
        for name in ("etc/one", "etc/one/cli", "etc/one/oned.conf", "etc/one/cli/onevm.yaml", REMOTES, KVMRC)
        for path in [tmp_path / name]
    }
    own = os.getuid()
    assert found == {
        "etc/one": (own, 4321, 0o750),
        "etc/one/cli": (own, 4321, 0o750),
        "etc/one/oned.conf": (own, 4321, 0o640),
        "etc/one/cli/onevm.yaml": (own, 4321, 0o644),
        REMOTES: (1234, 4321, 0o750),
        KVMRC: (1234, 4321, 0o640),
    }
    oned, columns, kvmrc = tmp_path / "etc/one/oned.conf", tmp_path / "etc/one/cli/onevm.yaml", tmp_path / KVMRC
    (tmp_path / "etc/one/own.conf").write_text("mine")
    oned.write_text("PORT = 1\n")
    kvmrc.write_text("SYNC_TIME=no\n")
    columns.unlink()
    assert defaults.install(tmp_path, keep=True) == ["etc/one/cli/onevm.yaml"]
    assert oned.read_text() == "PORT = 1\n"
    assert all(name.startswith(REMOTES) for name in defaults.install(tmp_path, bases=[REMOTES]))
    assert kvmrc.read_bytes() == (defaults.TREE / KVMRC).read_bytes()
    assert oned.read_text() == "PORT = 1\n"
    defaults.install(tmp_path)
    assert oned.read_bytes() == (defaults.TREE / "etc/one/oned.conf").read_bytes()
    assert (tmp_path / "etc/one/own.conf").read_text() == "mine"


def test_installing_through_a_link_to_an_empty_place_and_never_through_a_file_link(tmp_path: Path) -> None:
    for base, place in (("etc/one", "run/one/etc"), (REMOTES, "run/one/remotes")):
        (tmp_path / base).parent.mkdir(parents=True)
        (tmp_path / base).symlink_to(tmp_path / place)
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (tmp_path / "run/one/etc").mkdir(parents=True)
    (tmp_path / "run/one/etc/oned.conf").symlink_to(outside)
    defaults.install(tmp_path)
    assert outside.read_text() == "mine"
    assert not (tmp_path / "run/one/etc/oned.conf").is_symlink()
    assert (tmp_path / "run/one/remotes/vmm/kvm/kvmrc").is_file()


def test_installing_is_quick(tmp_path: Path) -> None:
    begin = time.process_time()
    defaults.install(tmp_path)
    assert time.process_time() - begin < 0.2
