"""The table of transitions on its own: legal, complete, with a way out of everything, and nothing kept at the end."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oned.life.places import (
    CLONING,
    DONE,
    FAILURES,
    HOLD,
    PENDING,
    POWEROFF,
    POWEROFF_SNAPSHOT,
    RESTING,
    RUNNING,
    STOPPED,
    SUSPENDED,
    UNDEPLOYED,
    UNKNOWN,
    WAITING,
    Place,
    active,
    counts_as_running,
)
from oned.life.places import L as LCM
from oned.life.steps import Act, Do, Event, Renew, Stamp, Step
from oned.life.table import TABLE
from oned.model.vm_states import Action, VmState

PLACES = sorted({place for place, _ in TABLE} | {step.to for step in TABLE.values()})
STARTS = (PENDING, HOLD, CLONING)
BY_DRIVERS = (Event.SUCCESS, Event.FAILURE)
MIGRATIONS = (Event.MIGRATE, Event.MIGRATE_OFF, Event.MIGRATE_OFF_HARD, Event.MIGRATE_LIVE)


def reached_from(*starts: Place) -> set[Place]:
    seen = set(starts)
    todo = list(starts)
    while todo:
        here = todo.pop()
        following = {step.to for (place, _), step in TABLE.items() if place == here} - seen
        seen |= following
        todo += following
    return seen


def test_every_state_of_the_6_0_is_there_and_no_other() -> None:
    assert {place.lcm for place in PLACES if place.state is VmState.ACTIVE} == set(LCM) - {LCM.LCM_INIT}
    others = {place for place in PLACES if place.state is not VmState.ACTIVE}
    assert others == {*WAITING, *RESTING, DONE, POWEROFF_SNAPSHOT}


def test_all_but_the_first_instant_is_reached_from_a_new_machine() -> None:
    assert reached_from(*STARTS) == set(PLACES) - {Place(VmState.INIT)}


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
def test_there_is_a_way_to_the_end_without_an_administrator_who_repairs_things(place: Place) -> None:
    assert DONE in reached_from(place)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
def test_an_administrator_ends_anything_at_once(place: Place) -> None:
    for event in (Event.DELETE, Event.ERASE):
        step = TABLE[place, event]
        if step.to == active(LCM.CLEANUP_DELETE):
            step = TABLE[step.to, Event.SUCCESS]
        assert step.to == DONE


def test_what_drivers_were_asked_for_has_an_end_either_way() -> None:
    for (place, event), step in TABLE.items():
        if step.work is None or step.to == DONE or event in {Event.REBOOT, Event.REBOOT_HARD}:
            continue
        for end in BY_DRIVERS:
            assert (step.to, end) in TABLE, (place.label, event.name)


def test_places_of_work_are_entered_with_work() -> None:
    resting = {RUNNING, UNKNOWN, DONE, *WAITING, *RESTING, active(LCM.CLEANUP_DELETE)}
    resting |= {active(lcm) for lcm in FAILURES}
    for (place, event), step in TABLE.items():
        if step.to not in resting and event is not Event.SAVE_AS:
            assert step.work is not None, (place.label, event.name)


@pytest.mark.parametrize("lcm", FAILURES, ids=lambda lcm: lcm.name)
def test_a_failure_is_retried_believed_terminated_or_recreated(lcm: LCM) -> None:
    place, again = active(lcm), active(FAILURES[lcm])
    assert TABLE[place, Event.RETRY].to == again
    assert TABLE[place, Event.RETRY].work is TABLE[again, Event.RETRY].work
    assert TABLE[place, Event.SUCCESS] == TABLE[again, Event.SUCCESS]
    assert TABLE[place, Event.TERMINATE].to == active(LCM.CLEANUP_DELETE)
    assert TABLE[place, Event.RECREATE].to == active(LCM.CLEANUP_RESUBMIT)


def test_nothing_leads_out_of_done() -> None:
    assert {step.to for (place, _), step in TABLE.items() if place == DONE} == {DONE}


def test_only_users_and_hosts_move_what_runs() -> None:
    assert (RUNNING, Event.SUCCESS) not in TABLE
    assert (RUNNING, Event.FAILURE) not in TABLE


ALLOWED = {
    Event.HOLD: {PENDING},
    Event.RELEASE: {HOLD},
    Event.STOP: {RUNNING, SUSPENDED},
    Event.SUSPEND: {RUNNING},
    Event.POWEROFF: {RUNNING, UNKNOWN},
    Event.POWEROFF_HARD: {RUNNING, UNKNOWN, active(LCM.SHUTDOWN_POWEROFF)},
    Event.UNDEPLOY: {RUNNING, UNKNOWN, POWEROFF},
    Event.UNDEPLOY_HARD: {RUNNING, UNKNOWN, POWEROFF, active(LCM.SHUTDOWN_UNDEPLOY)},
    Event.REBOOT: {RUNNING},
    Event.REBOOT_HARD: {RUNNING},
    Event.RESUME: {STOPPED, UNDEPLOYED, SUSPENDED, POWEROFF, UNKNOWN},
    Event.RESCHED: {RUNNING, UNKNOWN, POWEROFF},
    Event.UNRESCHED: {RUNNING, UNKNOWN, POWEROFF},
    Event.DEPLOY: {PENDING, HOLD, STOPPED, UNDEPLOYED},
    Event.MIGRATE: {RUNNING, UNKNOWN, POWEROFF, SUSPENDED},
    Event.MIGRATE_LIVE: {RUNNING},
    Event.ATTACH_DISK: {RUNNING, POWEROFF},
    Event.DETACH_NIC: {RUNNING, POWEROFF},
    Event.SNAPSHOT: {RUNNING},
    Event.DISK_SNAPSHOT_CREATE: {RUNNING, POWEROFF, SUSPENDED},
    Event.DISK_SNAPSHOT_REVERT: {POWEROFF, SUSPENDED},
    Event.DISK_RESIZE: {RUNNING, POWEROFF, UNDEPLOYED},
    Event.SAVE_AS: {RUNNING, POWEROFF, SUSPENDED, UNDEPLOYED, STOPPED},
}


@pytest.mark.parametrize("event", ALLOWED, ids=lambda event: event.name)
def test_verbs_are_possible_where_the_6_0_has_them(event: Event) -> None:
    assert {place for place, other in TABLE if other is event} == ALLOWED[event]


@pytest.mark.parametrize(
    ("path", "end"),
    [
        ("PENDING DEPLOY PROLOG SUCCESS BOOT SUCCESS RUNNING TERMINATE SHUTDOWN SUCCESS EPILOG SUCCESS", DONE),
        ("RUNNING SUSPEND SAVE_SUSPEND SUCCESS SUSPENDED STOP EPILOG_STOP SUCCESS", STOPPED),
        ("STOPPED DEPLOY_STOPPED PROLOG_RESUME SUCCESS BOOT_STOPPED SUCCESS", RUNNING),
        ("RUNNING UNDEPLOY SHUTDOWN_UNDEPLOY SUCCESS EPILOG_UNDEPLOY SUCCESS", UNDEPLOYED),
        ("UNDEPLOYED DEPLOY_UNDEPLOYED PROLOG_UNDEPLOY SUCCESS BOOT_UNDEPLOY SUCCESS", RUNNING),
        ("RUNNING MIGRATE SAVE_MIGRATE SUCCESS PROLOG_MIGRATE SUCCESS BOOT_MIGRATE SUCCESS", RUNNING),
        ("RUNNING MIGRATE SAVE_MIGRATE FAILURE", RUNNING),
        ("POWEROFF MIGRATE PROLOG_MIGRATE_POWEROFF SUCCESS", POWEROFF),
        ("RUNNING POWEROFF SHUTDOWN_POWEROFF FAILURE", RUNNING),
        ("RUNNING SEEN_FAILURE UNKNOWN RESUME BOOT_UNKNOWN FAILURE", UNKNOWN),
        ("CLONING IMAGES_FAILED CLONING_FAILURE IMAGES_READY_HOLD", HOLD),
    ],
)
def test_paths_of_the_manual(path: str, end: Place) -> None:
    words = path.split()
    names = {place.label: place for place in PLACES if place != POWEROFF_SNAPSHOT}
    here = names[words[0]]
    for event, following in zip(words[1::2], [*words[2::2], end.label], strict=True):
        here = TABLE[here, Event[event]].to
        assert here.label == following
    assert here == end


@dataclass
class Model:
    """What a machine holds, by what the steps of the table say."""

    place: Place
    hosts: list[int] = field(default_factory=list)
    held: set[int] = field(default_factory=set)
    freed: int = 0

    def take(self, event: Event, step: Step, host: int) -> None:
        if event in {Event.DEPLOY, Event.DEPLOY_STOPPED, Event.DEPLOY_UNDEPLOYED, Event.IMPORT, Event.IMPORT_OFF}:
            self.hosts = [*self.hosts[-1:], host]
        elif event in MIGRATIONS:
            self.hosts = [self.hosts[-1], host]
        for effect in step.does:
            self.do(effect)
        self.place = step.to

    def do(self, effect: object) -> None:
        previous, last = ([None, None, *self.hosts])[-2:]
        if effect is Do.HOST_IN:
            self.held.add(self.hosts[-1])
        elif effect is Do.HOST_OUT and last is not None:
            self.held.discard(last)
        elif effect is Do.PREVIOUS_OUT and previous is not None and previous != last:
            self.held.discard(previous)
        elif effect is Do.TARGET_OUT and last is not None and previous != last:
            self.held.discard(last)
        elif effect is Do.COPY or isinstance(effect, Renew):
            self.hosts = [self.hosts[-1]] * 2
        elif effect is Do.COPY_PREVIOUS:
            self.hosts = [self.hosts[-1], self.hosts[-2]]
        elif effect is Do.FREE:
            self.freed += 1


def possible(place: Place) -> list[Event]:
    return sorted((event for here, event in TABLE if here == place), key=lambda event: event.value)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_capacity_is_held_where_the_machine_is_and_nowhere_else(data: st.DataObject) -> None:
    model = Model(data.draw(st.sampled_from(STARTS)))
    for _ in range(data.draw(st.integers(1, 60))):
        event = data.draw(st.sampled_from(possible(model.place)))
        if event in {Event.DEPLOY_STOPPED, Event.DEPLOY_UNDEPLOYED} and not model.hosts:
            event = Event.DEPLOY
        before = model.place
        model.take(event, TABLE[before, event], data.draw(st.integers(0, 2)))
        if model.place in {*WAITING, DONE, STOPPED, UNDEPLOYED}:
            assert not model.held, (before.label, event.name)
        elif model.place in {RUNNING, UNKNOWN, POWEROFF, SUSPENDED}:
            assert model.held == {model.hosts[-1]}, (before.label, event.name)
        elif model.place in {active(LCM.MIGRATE), active(LCM.SAVE_MIGRATE)}:
            assert model.held == set(model.hosts), (before.label, event.name)
        assert len(model.held) <= 2
        if model.place == DONE:
            break
    assert model.freed == (model.place == DONE)


def test_what_waits_and_what_runs_counts_as_running() -> None:
    assert all(counts_as_running(place) for place in (*WAITING, RUNNING, UNKNOWN, active(LCM.BOOT_POWEROFF)))
    assert not any(counts_as_running(place) for place in (*RESTING, DONE, POWEROFF_SNAPSHOT))
    ends = (LCM.EPILOG, LCM.HOTPLUG_NIC_POWEROFF, LCM.PROLOG_MIGRATE_SUSPEND_FAILURE, LCM.DISK_RESIZE_UNDEPLOYED)
    assert not any(counts_as_running(active(lcm)) for lcm in ends)


def test_no_result_of_a_driver_can_be_refused_by_a_quota() -> None:
    """Only what a user asks for begins to count as running; what drivers report may only end it or go on."""
    for (place, event), step in TABLE.items():
        if event in BY_DRIVERS and counts_as_running(step.to) and not counts_as_running(place):
            assert place.lcm is LCM.CLEANUP_RESUBMIT or event is Event.FAILURE, (place.label, event.name)


def test_stamps_name_times_of_a_record() -> None:
    names = {"stime", "etime", "pstime", "petime", "rstime", "retime", "estime", "eetime"}
    for step in TABLE.values():
        for effect in step.does:
            if isinstance(effect, Stamp):
                assert set(effect.names) <= names


def test_each_verb_that_ends_a_stay_says_so_in_the_record() -> None:
    def actions(place: Place, event: Event) -> set[Action]:
        return {effect.action for effect in TABLE[place, event].does if isinstance(effect, Act | Renew)}

    assert actions(RUNNING, Event.TERMINATE_HARD) == {Action.TERMINATE_HARD}
    assert actions(POWEROFF, Event.TERMINATE_HARD) == {Action.TERMINATE}
    assert actions(SUSPENDED, Event.STOP) == {Action.STOP}
    assert actions(POWEROFF, Event.UNDEPLOY_HARD) == {Action.UNDEPLOY}
    assert actions(RUNNING, Event.MIGRATE_OFF) == {Action.POWEROFF_MIGRATE}
    assert actions(RUNNING, Event.SEEN_POWEROFF) == {Action.MONITOR}
    assert actions(active(LCM.BOOT), Event.DELETE) == {Action.DELETE}
    assert actions(POWEROFF, Event.ATTACH_DISK) == {Action.DISK_ATTACH}
