"""What the image is held to, and its bill of materials."""

import json
from dataclasses import dataclass, field

from tests.support.engine import engine

PYTHON = "/opt/oneedge/bin/python"
BILL = "/usr/share/oneedge/sbom.cdx.json"
FULL_MEGABYTES, SLIM_MEGABYTES = 800, 400
VOLUMES = ("/var/lib/mysql", "/var/lib/one/backups", "/var/lib/one/datastores", "/var/lib/one/.one",
           "/var/lib/one/.ssh", "/var/lib/one/.ssh-copyback", "/var/lib/one/.ssh-oneprovision",
           "/var/lib/one/sunstone_vmrc_tokens", "/var/log", "/var/tmp/sunstone", "/srv/one")  # fmt: skip
"""Table 1.2. Logs of OpenNebula are within /var/log, secrets within /srv/one."""


def megabytes(image: str) -> float:
    """The uncompressed size as the engine reports it, in 10^6 bytes."""
    return int(engine("image", "inspect", "--format={{.Size}}", image)) / 1e6


@dataclass(frozen=True)
class Bill:
    """Names and versions of a bill of materials; ``partly`` are packages of which only some files are there."""

    image: tuple[str, str]
    debian: dict[str, str] = field(default_factory=dict)
    partly: dict[str, str] = field(default_factory=dict)
    python: dict[str, str] = field(default_factory=dict)
    terraform: str = ""


def bill(text: str) -> Bill:
    """Read CycloneDX JSON; every component has a package URL that says the same as name and version."""
    document = json.loads(text)
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    about = document["metadata"]["component"]
    found = Bill((about["name"], about["version"]))
    for row in document["components"]:
        kind = row["purl"].split("/")[0]
        files = {entry["name"]: entry["value"] for entry in row.get("properties", [])}.get("oneedge:files", "all")
        if kind == "pkg:deb":
            (found.debian if files == "all" else found.partly)[row["name"]] = row["version"]
        elif kind == "pkg:pypi":
            assert row["purl"].endswith(f"/{row['name']}@{row['version']}")
            found.python[row["name"]] = row["version"]
        else:
            assert row["name"] == "terraform", row
            found = Bill(found.image, found.debian, found.partly, found.python, row["version"])
    return found
