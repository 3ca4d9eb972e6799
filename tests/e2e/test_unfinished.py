"""``make run``, ``clean`` and ``stop`` where ``oneedge upgrade`` was cut off, or is at work: nothing is lost."""

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from launcher import lock
from launcher.engine import Engine
from launcher.progress import Progress
from tests.e2e.conftest import PREFIX, Deployment, make_base
from tests.e2e.release import release
from tests.e2e.upgrading import Operator, killing_engine

KINDS = {1: ("works",), 2: ("works", "fails")}


@dataclass(frozen=True)
class Cut:
    """The tool is killed after its ``turn``-th act; ``--resume`` ends with ``code`` on the database ``number``."""

    kind: str
    turn: int
    said: str
    code: int
    number: int


@pytest.fixture(scope="module")
def images(engine: Engine) -> Iterator[dict[tuple[int, str], str]]:
    """Images of the stand-ins by number and kind."""
    make_base(engine.kind)
    with contextlib.ExitStack() as stack:
        yield {
            (number, kind): stack.enter_context(release(engine, f"{PREFIX}cut-{number}-{kind}:test", number, kind))
            for number, kinds in KINDS.items()
            for kind in kinds
        }


@pytest.fixture
def ours(deployment: Deployment, images: dict[tuple[int, str], str]) -> Iterator[Deployment]:
    """A front-end of release 1, made by ``make run``."""
    deployment.env |= {"IMAGE": images[1, "works"], "OPENNEBULA_FRONTEND_HOST": "one.example.com"}
    ended = deployment.make("run")
    assert ended.returncode == 0, ended.stderr
    yield deployment
    Operator(deployment.engine, deployment.name).remove()


def _standing(one: Deployment) -> list[str]:
    """Every container of this front-end, running or not, by identifier and name."""
    lines = one.engine.must("ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Names}}").splitlines()
    return sorted(line for line in lines if line.split()[1].startswith(one.name))


CUTS = {
    "prepared": Cut("works", 1, "its new container was made and has never run", 80, 1),
    "started": Cut("works", 6, "its new container has taken over, and the old one is kept", 0, 2),
    "failed": Cut("fails", 9, "the old database is being put back", 80, 1),
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_what_was_cut_off_is_told_and_nothing_is_taken_from_it(
    ours: Deployment, images: dict[tuple[int, str], str], tmp_path: Path, cut: Cut
) -> None:
    path = killing_engine(tmp_path / "killing", ours.engine.program, ours.engine.kind, cut.turn)
    killed = Operator(ours.engine, ours.name, str(path)).upgrade("--image", images[2, cut.kind])
    assert killed.returncode == -9, killed.stdout + killed.stderr
    standing, volumes = _standing(ours), ours.volumes
    assert len(standing) == 2

    refused = [
        ours.make("run"),
        ours.make("run", OPENNEBULA_FRONTEND_HOST="two.example.com"),
        ours.make("clean"),
        ours.make("clean", CLEAN_VOLUMES="yes"),
    ]
    for ended in refused:
        assert "Error 83" in ended.stderr, ended.stdout + ended.stderr
        assert f"An upgrade of {ours.name} was cut off: {cut.said}." in ended.stderr
        assert f"'oneedge upgrade --resume --name {ours.name}'" in ended.stderr
    stopped = ours.make("stop")
    if any(line.endswith(f" {ours.name}") for line in standing):
        assert stopped.returncode == 0, stopped.stderr
        assert ours.inspect("{{.State.Running}}") == "false"
        assert cut.said in stopped.stdout
        assert "--resume" in stopped.stdout
    else:
        assert "Error 83" in stopped.stderr
    assert (_standing(ours), ours.volumes) == (standing, volumes)

    operator = Operator(ours.engine, ours.name)
    resumed = operator.upgrade("--resume")
    assert resumed.returncode == cut.code, resumed.stdout + resumed.stderr
    operator.alone_and_well(str(cut.number))
    again = ours.make("run", IMAGE=images[cut.number, "works"])
    assert again.returncode == 0, again.stderr
    operator.alone_and_well(str(cut.number))
    assert ours.make("clean", CLEAN_VOLUMES="yes").returncode == 0
    assert (_standing(ours), ours.volumes) == ([], set())


def test_an_upgrade_at_work_is_not_disturbed(ours: Deployment) -> None:
    standing = _standing(ours)
    path = lock.container_path(ours.engine.kind, ours.name)
    with lock.held("upgrade", Progress(io.StringIO()), path):
        for command in ("run", "stop", "clean"):
            ended = ours.make(command)
            assert "Error 75" in ended.stderr, ended.stdout + ended.stderr
            assert "make upgrade" in ended.stderr
    assert _standing(ours) == standing
    assert ours.inspect("{{.State.Running}}") == "true"
