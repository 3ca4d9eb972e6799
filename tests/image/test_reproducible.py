"""The same packages and the same SOURCE_DATE_EPOCH give the same base archive and the same layers."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EPOCH = "1760000000"
NAME = "oneedge-test-reproducible"


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH, "DOCKER_BUILDKIT": "0"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


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
def base(archives: tuple[Path, Path]) -> Iterator[str]:
    assert shutil.which("docker"), "these tests build with Docker: apt-get install docker.io"
    run("docker", "import", archives[0], f"{NAME}-base")
    yield f"{NAME}-base"
    run("docker", "rmi", f"{NAME}-base")


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


def layers(source: Path, base: str, tag: str) -> list[str]:
    """The layers of the full image, built without any cache from ``source``; nothing of the build is kept."""
    arguments = ["--build-arg", f"BASE_IMAGE={base}", "--build-arg", f"SOURCE_DATE_EPOCH={EPOCH}", "-t", tag, "."]
    log = run("docker", "build", "--no-cache", "-f", "images/frontend/Containerfile", *arguments, cwd=source)
    found: list[str] = json.loads(run("docker", "inspect", "--format", "{{json .RootFS.Layers}}", tag))
    run("docker", "rmi", tag)
    steps = re.findall(r"^ ---> ([0-9a-f]{12})$", log, re.MULTILINE)
    # The stages beside the image would stay; what stood below it alone went with it.
    kept = run("docker", "inspect", "--format", "{{.Id}}", base).removeprefix("sha256:")
    for step in reversed([step for step in steps if not kept.startswith(step)]):
        subprocess.run(["docker", "rmi", "--no-prune", step], capture_output=True, check=False)
    return found


def test_two_base_builds_are_byte_identical(archives: tuple[Path, Path]) -> None:
    first, second = (hashlib.sha256(path.read_bytes()).hexdigest() for path in archives)
    assert first == second


@pytest.mark.timeout(1800)
def test_two_image_builds_have_the_same_layers(base: str, tmp_path: Path) -> None:
    first = checkout(tmp_path / "first")
    second = shutil.copytree(
        first, tmp_path / "second", copy_function=shutil.copy
    )  # other times, as in a new clone
    assert layers(first, base, f"{NAME}-1") == layers(second, base, f"{NAME}-2")
