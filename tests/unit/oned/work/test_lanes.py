"""How many tasks run at the same time."""

from hypothesis import given
from hypothesis import strategies as st

from oned.work.context import Task
from oned.work.lanes import Lanes

LIMITS = {"a": (2, False), "b": (3, True), "c": (15, False)}
ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "h1", "h2"])), max_size=40)


def lanes(overall: int = 200) -> Lanes:
    return Lanes(LIMITS.__getitem__, overall)


def row(number: int, lane: str, host: str = "") -> tuple[int, str, str]:
    return number, lane, f"{lane} {host}" if host else ""


def as_task(found: tuple[int, str, str]) -> Task:
    return Task(found[0], "x", "VM", 1, {}, 1, found[1], found[2])


def test_a_lane_has_its_bound() -> None:
    assert lanes().choose([row(1, "a"), row(2, "a"), row(3, "a"), row(4, "c")]) == [1, 2, 4]


def test_a_host_of_some_lanes_takes_one_at_a_time() -> None:
    assert lanes().choose([row(1, "b", "h1"), row(2, "b", "h1"), row(3, "b", "h2"), row(4, "b")]) == [1, 3, 4]
    assert lanes().choose([row(1, "a", "h1"), row(2, "a", "h1")]) == [1, 2]


def test_all_together_have_a_bound() -> None:
    assert lanes(3).choose([row(number, "c") for number in range(9)]) == [0, 1, 2]


@given(ROWS, st.integers(1, 10))
def test_no_bound_is_ever_passed_and_nothing_is_left_behind(found: list[tuple[str, str]], overall: int) -> None:
    rows = [row(number, lane, host) for number, (lane, host) in enumerate(found)]
    state = lanes(overall)
    running: list[tuple[int, str, str]] = []
    waiting = rows
    while waiting:
        usable = [r for r in waiting if r[1] not in state.full_lanes and r[2] not in state.full_places]
        chosen = state.choose(usable)
        assert chosen
        running = [r for r in waiting if r[0] in chosen]
        waiting = [r for r in waiting if r[0] not in chosen]
        for found_row in running:
            state.enter(as_task(found_row))
        assert len(running) <= overall
        for lane, (bound, single) in LIMITS.items():
            here = [r for r in running if r[1] == lane]
            assert len(here) <= bound
            assert not single or len({r[2] for r in here if r[2]}) == len([r for r in here if r[2]])
        for found_row in running:
            state.leave(as_task(found_row))
    assert state.room == overall
    assert state.full_lanes == state.full_places == []
