"""The bill of materials: complete, valid against CycloneDX's own schema, the same for the same contents."""

import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from images.frontend import sbom

STATUS = """\
Package: bash
Essential: yes
Status: install ok installed
Architecture: amd64
Source: bash (5.2.15-2)
Version: 5.2.15-2+b13
Description: GNU Bourne Again SHell
 A shell of several lines.

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
Description: removed, its configuration left

Package: tzdata
Status: install ok installed
Architecture: all
Version: 2026a-0+deb12u1
Description: time zone data
"""
COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
License: GPL-3+

Files: doc/*
License: GPL-3+ or Expat

License: GPL-3+
 text
"""
METADATA = """\
Metadata-Version: 2.4
Name: Ruamel.YAML
Version: 0.19.1
Summary: YAML with comments
License-Expression: MIT

A description.
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "var/lib/dpkg/status.d"
    folder.mkdir(parents=True)
    (folder.parent / "status").write_text(STATUS)
    (folder / "novnc").write_text("Package: novnc\nVersion: 1:1.3.0-1\nArchitecture: all\nDescription: page\n")
    doc = tmp_path / "usr/share/doc/bash"
    doc.mkdir(parents=True)
    (doc / "copyright").write_text(COPYRIGHT)
    info = tmp_path / "site-packages/ruamel_yaml-0.19.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(METADATA)
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "3.2.1"\n')
    return tmp_path


def bill(root: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    arguments = ["--root", str(root), "--site-packages", str(root / "site-packages"), "--name", "oneedge"]
    assert sbom.main([*arguments, "--project", str(root / "pyproject.toml"), "--epoch", "1760000000", *more]) == 0
    return capsys.readouterr().out


def component(text: str, name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [each for each in json.loads(text)["components"] if each["name"] == name]
    assert len(found) == 1, name
    return found[0]


def test_is_valid_cyclonedx(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = bill(root, capsys, "--terraform", "1.15.5")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_names_what_is_installed_and_nothing_else(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = {each["name"] for each in json.loads(bill(root, capsys))["components"]}
    assert names == {"bash", "tzdata", "novnc", "ruamel-yaml"}


def test_a_component_is_found_by_its_package_url(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = bill(root, capsys)
    assert component(text, "bash")["purl"] == "pkg:deb/debian/bash@5.2.15-2%2Bb13?arch=amd64&distro=debian-12"
    assert component(text, "ruamel-yaml")["purl"] == "pkg:pypi/ruamel-yaml@0.19.1"


def test_a_package_of_which_some_files_were_taken_says_so(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = bill(root, capsys)
    assert {"name": "oneedge:files", "value": "some"} in component(text, "novnc")["properties"]
    assert {"name": "oneedge:files", "value": "all"} in component(text, "bash")["properties"]


def test_terraform_is_named_with_its_licence(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    terraform = component(bill(root, capsys, "--terraform", "1.15.5"), "terraform")
    assert terraform["version"] == "1.15.5"
    assert terraform["licenses"] == [{"license": {"id": "BUSL-1.1"}}]


def test_the_image_depends_on_everything(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(bill(root, capsys))
    image = document["metadata"]["component"]
    assert (image["type"], image["version"]) == ("container", "3.2.1")
    edges = {each["ref"]: each.get("dependsOn", []) for each in document["dependencies"]}
    assert sorted(edges[image["bom-ref"]]) == sorted(each["bom-ref"] for each in document["components"])


def test_the_same_contents_give_the_same_bytes(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = bill(root, capsys)
    assert bill(root, capsys) == first
    assert json.loads(first)["metadata"]["timestamp"] == "2025-10-09T08:53:20+00:00"


def test_other_contents_give_another_serial_number(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = json.loads(bill(root, capsys))["serialNumber"]
    status = root / "var/lib/dpkg/status"
    status.write_text(STATUS.replace("2026a-0+deb12u1", "2026b-0+deb12u1"))
    assert json.loads(bill(root, capsys))["serialNumber"] != first


@pytest.mark.parametrize(
    ("debian", "spdx"),
    [
        ("GPL-2", "GPL-2.0-only"),
        ("GPL-2+", "GPL-2.0-or-later"),
        ("LGPL-2.1+", "LGPL-2.1-or-later"),
        ("AGPL-3", "AGPL-3.0-only"),
        ("Expat", "MIT"),
        ("BSD-3-clause", "BSD-3-Clause"),
        ("Apache-2.0", "Apache-2.0"),
        ("GPL-2+ with OpenSSL exception", "GPL-2+ with OpenSSL exception"),
    ],
)
def test_debians_licence_names_become_spdx(debian: str, spdx: str) -> None:
    assert sbom.spdx_name(debian) == spdx


def test_licences_of_a_copyright_file(root: Path) -> None:
    assert sbom.debian_licenses(root / "usr/share/doc/bash/copyright") == ["GPL-3.0-or-later", "MIT"]


def test_a_free_form_copyright_file_gives_no_guess(tmp_path: Path) -> None:
    path = tmp_path / "copyright"
    path.write_text("This is free software.\nLicense: see below\n")
    assert sbom.debian_licenses(path) == []
    assert sbom.debian_licenses(tmp_path / "missing") == []


@pytest.mark.parametrize(
    ("lines", "licenses"),
    [
        ("License-Expression: Apache-2.0 OR MIT\nLicense: ignored\n", ["Apache-2.0 OR MIT"]),
        ("License: BSD-3-Clause\n", ["BSD-3-Clause"]),
        (
            "License: " + "a whole licence text " * 9 + "\nClassifier: License :: OSI Approved :: MIT License\n",
            ["MIT License"],
        ),
        ("Classifier: Typing :: Typed\n", []),
    ],
)
def test_licences_of_a_distribution(root: Path, lines: str, licenses: list[str]) -> None:
    path = root / "site-packages/ruamel_yaml-0.19.1.dist-info/METADATA"
    path.write_text(f"Name: x\nVersion: 1\n{lines}\n")
    (found,) = sbom.python_components(path.parent.parent)
    text = sbom.as_json(sbom.bill_of_materials("x", "1", [found], 0))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    stated = json.loads(text)["components"][0].get("licenses", [])
    assert [
        each.get("expression") or each["license"].get("id") or each["license"]["name"] for each in stated
    ] == licenses
