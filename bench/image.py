"""Sizes of both targets, and how long an image takes after an edit."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench import box
from bench.figures import Bench, Figure, Yardstick
from launcher import daemon, image, settings
from launcher.progress import Progress
from tests.support.engine import ENGINE, IMAGE, engine, status

ROOT = Path(__file__).resolve().parents[1]
EDITED = "bootstrap/cli.py"
VERSION = "0.0.0.dev0"
"""Of the copy: its image gets a name of its own."""
ROUNDS = 3
INCUMBENT = 2050.0
"""Megabytes of the front-end image of OpenNebula 6.0, uncompressed."""


def megabytes(name: str) -> float:
    """The uncompressed size of an image as the engine reports it."""
    return int(engine("image", "inspect", "--format={{.Size}}", name)) / 1e6


def slim() -> str:
    """The slim image: ONEEDGE_TEST_SLIM_IMAGE, or built through the launcher."""
    given = os.environ.get("ONEEDGE_TEST_SLIM_IMAGE")
    if given:
        return given
    progress = Progress(sys.stderr)
    wanted = replace(settings.read({}), engine=ENGINE, target="slim")
    return image.ensure(daemon.existing(ENGINE), wanted, progress)


def sizes() -> list[Figure]:
    """Both targets beside the incumbent."""
    upstream = Yardstick("the incumbent's", INCUMBENT)
    return [
        Figure("full image", "MB", [megabytes(IMAGE)], 800, yardstick=upstream),
        Figure("slim image", "MB", [megabytes(slim())], 400, yardstick=upstream),
    ]


@contextmanager
def checkout() -> Iterator[Path]:
    """A copy of the work tree and its wheelhouse, with a version of its own."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="oneedge-bench-") as name:
        folder = Path(name)
        for path in filter(None, listed.stdout.split("\0")):
            if (ROOT / path).is_file():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / path, folder / path)
        shutil.copytree(ROOT / "build/wheelhouse", folder / "build/wheelhouse")
        project = folder / "pyproject.toml"
        project.write_text(
            project.read_text().replace(f'version = "{image.version()}"', f'version = "{VERSION}"', 1)
        )
        yield folder


def make_image(folder: Path) -> None:
    """``make image`` there. Its own output is shown where it fails."""
    environment = {key: value for key, value in os.environ.items() if key not in ("IMAGE", "TARGET", "REFRESH")}
    done = subprocess.run(
        ["make", "image"],
        cwd=folder, env=environment | {"ENGINE": ENGINE}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"make image: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def rebuilds() -> list[Figure]:
    """``make image`` after an edit of one line, and after none."""
    name = f"{'localhost/' if ENGINE == 'podman' else ''}oneedge:{VERSION}"
    try:
        with checkout() as folder:
            make_image(folder)
            edited, same = [], []
            for turn in range(ROUNDS):
                with (folder / EDITED).open("a") as file:
                    file.write(f"# edit {turn}\n")
                edited.append(box.seconds(lambda: make_image(folder)))
                same.append(box.seconds(lambda: make_image(folder)))
    finally:
        status(["rmi", name])
    empty = Yardstick("empty container", box.empty_container())
    return [
        Figure("`make image` after an edit of one line", "s", edited, 10, yardstick=empty),
        Figure("`make image` with nothing changed", "s", same, yardstick=empty),
    ]


SIZE = Bench("size", "Uncompressed, as `docker image inspect` reports it; MB of 10⁶ bytes.", sizes)
REBUILD = Bench(
    "rebuild",
    f"In a copy of the work tree with the build cache warm: a line added to `{EDITED}`, then `make image`.",
    rebuilds,
)
