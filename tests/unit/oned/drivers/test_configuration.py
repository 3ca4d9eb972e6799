"""Which driver of oned.conf and monitord.conf serves a name."""

from pathlib import Path

import pytest

from onecfg import defaults
from oned.drivers.configuration import Configuration
from onelib.locations import Locations
from onelib.template import Template


def configuration(text: str, root: Path) -> Configuration:
    return Configuration(Template.from_text(text, configuration=True), Locations(root))


def test_by_name_and_by_list(tmp_path: Path) -> None:
    found = configuration(
        'VM_MAD=[NAME="a",EXECUTABLE="/bin/a",ARGUMENTS="-t 3 -p x"]\nVM_MAD=[NAME="b",EXECUTABLE="prog"]\n'
        'TM_MAD=[EXECUTABLE="/bin/tm",ARGUMENTS="-t 7 -d one,two"]\nTM_MAD=[NAME="two",EXECUTABLE="python:m:C"]\n'
        'DATASTORE_MAD=[EXECUTABLE="/bin/ds"]',
        tmp_path,
    )
    a, b = found.find("vmm:a"), found.find("vmm:b")
    assert a is not None
    assert (a.executable, a.arguments, a.threads, a.one_per_host) == ("/bin/a", ("-t", "3", "-p", "x"), 3, False)
    assert b is not None
    assert (b.executable, b.threads, b.one_per_host) == (str(tmp_path / "usr/lib/one/mads/prog"), 15, True)
    one, two = found.find("tm:one"), found.find("tm:two")
    assert one is not None
    assert (one.executable, one.threads) == ("/bin/tm", 7)
    assert two is not None
    assert two.executable == "python:m:C"
    assert found.find("tm:three") is None
    assert found.find("vmm:c") is None
    assert found.find("datastore:anything") is not None
    assert found.find("nonsense") is None
    assert {settings.kind for settings in found} == {"vmm", "tm", "datastore"}


def test_monitoring_has_a_file_of_its_own(tmp_path: Path) -> None:
    etc = tmp_path / "etc/one"
    etc.mkdir(parents=True)
    (etc / "monitord.conf").write_text('IM_MAD=[NAME="kvm",EXECUTABLE="/bin/im"]\n')
    found = configuration('IM_MAD=[NAME="monitord",EXECUTABLE="onemonitord"]', tmp_path)
    kvm = found.find("im:kvm")
    assert kvm is not None
    assert kvm.executable == "/bin/im"
    (etc / "monitord.conf").write_text("IM_MAD=[")
    assert configuration("", tmp_path).find("im:kvm") is None


def test_what_comes_along_and_what_the_operator_put_there(tmp_path: Path) -> None:
    text = 'TM_MAD=[EXECUTABLE="one_tm",ARGUMENTS="-d dummy"]'
    bundled = configuration(text, tmp_path).find("tm:dummy")
    assert bundled is not None
    assert bundled.executable == "python:edge.programs.one_tm:Driver"
    own = tmp_path / "usr/lib/one/mads/one_tm"
    own.parent.mkdir(parents=True)
    own.touch()
    installed = configuration(text, tmp_path).find("tm:dummy")
    assert installed is not None
    assert installed.executable == str(own)


@pytest.mark.parametrize("name", ["../../bin/sh", "a b", "edge", "no_such", ""])
def test_names_that_are_no_module(name: str, tmp_path: Path) -> None:
    found = configuration(f'VM_MAD=[NAME="x",EXECUTABLE="{name}"]', tmp_path).find("vmm:x")
    assert found is not None
    assert not found.executable.startswith("python:")


@pytest.mark.parametrize(
    "label", ["vmm:dummy", "im:dummy", "tm:dummy", "datastore:dummy", "market:dummy", "ipam:dummy"]
)
def test_the_shipped_files_name_the_dummy_family(label: str) -> None:
    locations = Locations(defaults.TREE)
    text = (locations.etc / "oned.conf").read_text()
    found = Configuration(Template.from_text(text, configuration=True), locations).find(label)
    assert found is not None
    assert found.executable.startswith("python:edge.programs.")
