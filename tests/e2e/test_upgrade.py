"""``oneedge upgrade`` on real engines: every way it can end, with stand-ins for two releases."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from launcher.engine import Engine
from tests.e2e.conftest import PREFIX, make_base
from tests.e2e.release import release
from tests.e2e.upgrading import Operator, kill, killing_engine, wait_for
from tests.support.engine import FULL

Images = Callable[[int, str], str]


@pytest.fixture(scope="module")
def images(engine: Engine) -> Iterator[Images]:
    """Images of stand-ins by number and kind, made when they are first asked for."""
    make_base(engine.kind)
    made: dict[tuple[int, str], str] = {}
    with contextlib.ExitStack() as stack:

        def image(number: int, kind: str) -> str:
            if (number, kind) not in made:
                name = f"{PREFIX}release-{number}-{kind}:test"
                made[number, kind] = stack.enter_context(release(engine, name, number, kind))
            return made[number, kind]

        yield image


@pytest.fixture
def operator(engine: Engine, request: pytest.FixtureRequest) -> Iterator[Operator]:
    """An operator of a container that does not exist yet; all is gone afterwards."""
    short = "".join(char for char in request.node.originalname if char.isalnum())[-24:]
    found = Operator(engine, f"{PREFIX}{short}")
    yield found
    found.remove()


@pytest.fixture
def one(operator: Operator, images: Images) -> Operator:
    """The same with a healthy container of release 1."""
    operator.start(images(1, "works"), "--restart=unless-stopped")
    return operator


def test_an_upgrade_goes_on_with_the_database_and_tells_what_happens(one: Operator, images: Images) -> None:
    done = one.upgrade("--image", images(2, "works"))
    assert done.returncode == 0, done.stderr
    assert "upgrading (users, 40%)" in done.stdout
    assert "runs the new image" in done.stdout
    one.alone_and_well("2")
    assert one.file("number.before") == "", "the old tables are let go of"
    assert one.file("history").splitlines() == ["started 1 works", "stopped 1", "started 2 works"]
    again = one.upgrade("--image", images(2, "works"))
    assert (again.returncode, "runs this image already" in again.stdout) == (0, True)
    assert one.upgrade("--resume").stdout.strip().endswith("there is nothing to resume.")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("fails", "the database upgrade failed, users 7"),
        ("silent", "is not healthy after 10 s: starting (waiting for oned)"),
        ("ends", "there is no way on"),
    ],
)
def test_what_does_not_become_healthy_is_put_back(one: Operator, images: Images, kind: str, reason: str) -> None:
    before = one.inspect()
    # What fails or ends is not waited for: the other deadline is beyond the time that the operator gives the tool.
    done = one.upgrade("--image", images(2, kind), "--deadline", "10" if kind == "silent" else "900")
    assert done.returncode == 80, done.stderr
    assert reason in done.stderr
    assert "The old version is back" in done.stderr
    assert ("The tables from before the upgrade are back" in done.stderr) == (kind == "silent")
    log = Path(done.stderr.rsplit("whole log is ", 1)[1].strip().rstrip("."))
    assert f"started 2 {kind}" not in log.read_text()
    assert log.stat().st_mode & 0o077 == 0
    log.unlink()
    one.alone_and_well("1")
    after = one.inspect()
    assert (after["Id"], after["HostConfig"]) == (before["Id"], before["HostConfig"])


def test_a_new_container_that_is_killed_half_way_is_put_back(one: Operator, images: Images) -> None:
    child = one.begin("--image", images(2, "slow"))
    wait_for(child, "upgrading (users, 40%)")
    one.engine.must("kill", one.name)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 80, errors
    assert "ended with exit code 137" in errors
    one.alone_and_well("1")


def test_a_tool_that_is_killed_while_it_waits_is_taken_up_again(one: Operator, images: Images) -> None:
    child = one.begin("--image", images(2, "slow"))
    wait_for(child, "upgrading (users, 40%)")
    second = one.upgrade("--image", images(2, "slow"))
    assert second.returncode == 75, second.stdout + second.stderr
    kill(child)
    assert len(one.containers) == 2
    done = one.upgrade("--resume")
    assert done.returncode == 0, done.stderr
    assert "was cut off (started)" in done.stdout
    one.alone_and_well("2")


def _kills(images: Images, one: Operator, tmp_path: Path, kind: str, turns: list[int]) -> None:
    """Kill the tool after each of its acts: the next run ends where an uncut one does, or finds it done."""
    number, code = ("2", 0) if kind == "works" else ("1", 80)
    for turn in turns:
        one.start(images(1, "works"), "--restart=unless-stopped")
        one.path = str(killing_engine(tmp_path / f"{kind}-{turn}", one.engine.program, one.engine.kind, turn))
        cut = one.upgrade("--image", images(2, kind))
        one.path = ""
        if cut.returncode != -9:
            assert cut.returncode == code, cut.stdout + cut.stderr
            assert turn > 8, "there are more acts than these"
            one.alone_and_well(number)
            one.remove()
            break
        done = one.upgrade("--image", images(2, kind))
        assert done.returncode == code, f"after act {turn}: {done.stdout}{done.stderr}"
        one.alone_and_well(number)
        assert one.inspect()["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
        one.remove()


def test_a_tool_that_is_killed_after_any_act_is_gone_on_with(
    operator: Operator, images: Images, tmp_path: Path
) -> None:
    _kills(images, operator, tmp_path, "works", list(range(1, 20)) if FULL else [1, 3, 5])


def test_a_tool_that_is_killed_after_any_act_of_putting_back_is_gone_on_with(
    operator: Operator, images: Images, tmp_path: Path
) -> None:
    _kills(images, operator, tmp_path, "fails", list(range(1, 30)) if FULL else [8, 12])
