"""The same packages and the same SOURCE_DATE_EPOCH give the same base archive and the same layers."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from launcher import image
from tests.support.engine import PREFIX

ROOT = Path(__file__).resolve().parents[2]
EPOCH = "1760000000"
NAME = f"{PREFIX}reproducible"

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1800)]


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH, "DOCKER_BUILDKIT": "0"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


@dataclass
class Builder:
    """Builds from checkouts, and remembers what it made, stages that end up in no image included."""

    base: str
    made: list[str] = field(default_factory=list)

    def layers(self, source: Path, target: str, *options: str) -> list[str]:
        """The layers of a target, built as images/README.md says."""
        tag = f"{NAME}-{target}"
        said = run(
            "docker", "build", *options, "--file=images/frontend/Containerfile", f"--target={target}", f"--tag={tag}",
            f"--build-arg=BASE_IMAGE={self.base}", f"--build-arg=SOURCE_DATE_EPOCH={EPOCH}", ".", cwd=source,
        )  # fmt: skip
        self.made += [tag, *reversed(re.findall(r"^ ---> ([0-9a-f]{12})$", said, re.MULTILINE))]
        found: list[str] = json.loads(run("docker", "inspect", "--format={{json .RootFS.Layers}}", tag))
        return found

    def clean(self) -> None:
        """Remove all that was made; the base, and what another build has taken as its cache, stay by themselves."""
        subprocess.run(["docker", "rmi", *dict.fromkeys(self.made)], capture_output=True, check=False)


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two base archives, built one after the other."""
    assert shutil.which("mmdebstrap"), "these tests build a base: apt-get install mmdebstrap"
    folder = tmp_path_factory.mktemp("base")
    first, second = folder / "first.tar", folder / "second.tar"
    for archive in (first, second):
        run(ROOT / "images/base/build", archive)
    return first, second


@pytest.fixture(scope="module")
def builder(archives: tuple[Path, Path]) -> Iterator[Builder]:
    assert shutil.which("docker"), "these tests build with Docker: apt-get install docker.io"
    base = f"{NAME}-base"
    run("docker", "import", archives[0], base)
    builds = Builder(base)
    try:
        yield builds
    finally:
        builds.clean()
        subprocess.run(["docker", "rmi", base], capture_output=True, check=False)


def checkout(folder: Path) -> Path:
    """What git has of the work tree and the wheelhouse, all with the time of now, as a fresh clone has it."""
    wheelhouse = ROOT / "build/wheelhouse"
    assert wheelhouse.is_dir(), "these tests build the image from build/wheelhouse: make image"
    for name in run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    shutil.copytree(wheelhouse, folder / "build/wheelhouse")
    return folder


def test_two_base_builds_are_byte_identical(archives: tuple[Path, Path]) -> None:
    first, second = (hashlib.sha256(path.read_bytes()).hexdigest() for path in archives)
    assert first == second


@pytest.mark.parametrize("target", ["slim", pytest.param("frontend", marks=pytest.mark.full)])
def test_two_builds_without_cache_have_the_same_layers(builder: Builder, tmp_path: Path, target: str) -> None:
    """From two checkouts of different times; and once more after an edit of what only people read."""
    first = builder.layers(checkout(tmp_path / "first"), target, "--no-cache")
    shutil.rmtree(tmp_path / "first")
    source = checkout(tmp_path / "second")
    assert builder.layers(source, target, "--no-cache") == first
    for name in ("README.md", "CHANGELOG.md", "images/README.md"):
        with (source / name).open("a") as file:
            file.write("\n<!-- a comment -->\n")
    assert builder.layers(source, target) == first


def test_an_edit_of_what_the_image_does_not_hold_builds_nothing() -> None:
    """Not even a new name for the same layers, for which a running container would be replaced."""
    read = {str(path.relative_to(ROOT)) for path in image.sources()}
    assert {"pyproject.toml", "bootstrap/cli.py", "images/frontend/Containerfile"} <= read
    assert not {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "images/README.md"} & read
    assert not [
        path for path in read if path.startswith(("tests/", "docs/", "bench/", "launcher/", "images/base/"))
    ]
