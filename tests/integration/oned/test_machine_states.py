"""Every state of a virtual machine: how it is reached, what is refused there, how an administrator ends it."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from oned.life.places import POWEROFF_SNAPSHOT, Place, active
from oned.life.steps import Event
from oned.life.table import TABLE
from oned.life.verbs import VERBS
from oned.model.vm_states import LcmState, VmState
from tests.integration.oned import machines
from tests.integration.oned.conftest import PAIRED, end, new_daemon
from tests.integration.oned.daemon import Param
from tests.integration.oned.machines import Ground, Machine

RECIPES = """
PENDING
HOLD hold
PROLOG hang=transfer deploy
PROLOG_FAILURE fail=transfer deploy
BOOT hang=deploy deploy
BOOT_FAILURE fail=deploy deploy
RUNNING deploy
MIGRATE deploy RUNNING hang=migrate live
SAVE_STOP deploy RUNNING hang=save stop
SAVE_SUSPEND deploy RUNNING hang=save suspend
SAVE_MIGRATE deploy RUNNING hang=save migrate
PROLOG_MIGRATE deploy RUNNING hang=mv migrate
PROLOG_MIGRATE_FAILURE deploy RUNNING fail=mv migrate
BOOT_MIGRATE deploy RUNNING hang=restore migrate
BOOT_MIGRATE_FAILURE deploy RUNNING fail=restore migrate
SHUTDOWN deploy RUNNING hang=shutdown terminate
SHUTDOWN_POWEROFF deploy RUNNING hang=shutdown poweroff
SHUTDOWN_UNDEPLOY deploy RUNNING hang=shutdown undeploy
EPILOG deploy RUNNING hang=delete terminate
EPILOG_FAILURE deploy RUNNING fail=delete terminate
EPILOG_STOP deploy RUNNING hang=mv stop
EPILOG_STOP_FAILURE deploy RUNNING fail=mv stop
EPILOG_UNDEPLOY deploy RUNNING hang=mv undeploy
EPILOG_UNDEPLOY_FAILURE deploy RUNNING fail=mv undeploy
CLEANUP_RESUBMIT deploy RUNNING hang=cleanup recreate
HOTPLUG deploy RUNNING hang=attachdisk attach
HOTPLUG_NIC deploy RUNNING hang=attachnic attachnic
HOTPLUG_SNAPSHOT deploy RUNNING hang=snapshotcreate snapshot
HOTPLUG_SAVEAS deploy RUNNING hang=cpds saveas
HOTPLUG_RESIZE deploy RUNNING hang=resize resize
DISK_SNAPSHOT deploy RUNNING hang=disksnapshotcreate disk-snapshot
DISK_SNAPSHOT_DELETE deploy RUNNING disk-snapshot RUNNING hang=snap_delete disk-forget
DISK_RESIZE deploy RUNNING hang=resizedisk disk-resize
POWEROFF deploy RUNNING poweroff
BOOT_POWEROFF deploy RUNNING poweroff POWEROFF hang=deploy resume
PROLOG_MIGRATE_POWEROFF deploy RUNNING poweroff POWEROFF hang=mv migrate
PROLOG_MIGRATE_POWEROFF_FAILURE deploy RUNNING poweroff POWEROFF fail=mv migrate
HOTPLUG_PROLOG_POWEROFF deploy RUNNING poweroff POWEROFF hang=mkimage attach
HOTPLUG_EPILOG_POWEROFF deploy RUNNING poweroff POWEROFF hang=delete detach
HOTPLUG_NIC_POWEROFF deploy RUNNING poweroff POWEROFF hang=attachnic attachnic
HOTPLUG_SAVEAS_POWEROFF deploy RUNNING poweroff POWEROFF hang=cpds saveas
DISK_SNAPSHOT_POWEROFF deploy RUNNING poweroff POWEROFF hang=snap_create disk-snapshot
DISK_SNAPSHOT_REVERT_POWEROFF deploy RUNNING disk-snapshot RUNNING poweroff POWEROFF hang=snap_revert disk-revert
DISK_SNAPSHOT_DELETE_POWEROFF deploy RUNNING disk-snapshot RUNNING poweroff POWEROFF hang=snap_delete disk-forget
DISK_RESIZE_POWEROFF deploy RUNNING poweroff POWEROFF hang=resize disk-resize
SUSPENDED deploy RUNNING suspend
BOOT_SUSPENDED deploy RUNNING suspend SUSPENDED hang=restore resume
PROLOG_MIGRATE_SUSPEND deploy RUNNING suspend SUSPENDED hang=mv migrate
PROLOG_MIGRATE_SUSPEND_FAILURE deploy RUNNING suspend SUSPENDED fail=mv migrate
HOTPLUG_SAVEAS_SUSPENDED deploy RUNNING suspend SUSPENDED hang=cpds saveas
DISK_SNAPSHOT_SUSPENDED deploy RUNNING suspend SUSPENDED hang=snap_create disk-snapshot
DISK_SNAPSHOT_REVERT_SUSPENDED deploy RUNNING disk-snapshot RUNNING suspend SUSPENDED hang=snap_revert disk-revert
DISK_SNAPSHOT_DELETE_SUSPENDED deploy RUNNING disk-snapshot RUNNING suspend SUSPENDED hang=snap_delete disk-forget
STOPPED deploy RUNNING stop
PROLOG_RESUME deploy RUNNING stop STOPPED hang=mv deploy
PROLOG_RESUME_FAILURE deploy RUNNING stop STOPPED fail=mv deploy
BOOT_STOPPED deploy RUNNING stop STOPPED hang=restore deploy
BOOT_STOPPED_FAILURE deploy RUNNING stop STOPPED fail=restore deploy
HOTPLUG_SAVEAS_STOPPED deploy RUNNING stop STOPPED hang=cpds saveas
UNDEPLOYED deploy RUNNING undeploy
PROLOG_UNDEPLOY deploy RUNNING undeploy UNDEPLOYED hang=mv deploy
PROLOG_UNDEPLOY_FAILURE deploy RUNNING undeploy UNDEPLOYED fail=mv deploy
BOOT_UNDEPLOY deploy RUNNING undeploy UNDEPLOYED hang=deploy deploy
BOOT_UNDEPLOY_FAILURE deploy RUNNING undeploy UNDEPLOYED fail=deploy deploy
HOTPLUG_SAVEAS_UNDEPLOYED deploy RUNNING undeploy UNDEPLOYED hang=cpds saveas
DISK_RESIZE_UNDEPLOYED deploy RUNNING undeploy UNDEPLOYED hang=resize disk-resize
UNKNOWN deploy RUNNING lost
BOOT_UNKNOWN deploy RUNNING lost UNKNOWN hang=deploy resume
PROLOG_MIGRATE_UNKNOWN deploy RUNNING lost UNKNOWN hang=mv migrate
PROLOG_MIGRATE_UNKNOWN_FAILURE deploy RUNNING lost UNKNOWN fail=mv migrate
DONE deploy RUNNING terminate
"""
"""A state, and how to get there: verbs, states to wait for, and what the drivers do from then on."""

FULL = os.environ.get("ONEEDGE_TEST_FULL") == "1"
HOW = {name: words for name, *words in (line.split() for line in RECIPES.split("\n") if line)}
NOT_HERE = {"CLONING", "CLONING_FAILURE", "CLEANUP_DELETE", "INIT"}
"""Those of images that are still being copied have tests of their own; the others last no longer than a call."""


@dataclass(frozen=True)
class Yard:
    """A server, what machines stand on, and a way to report what hosts see."""

    ground: Ground
    report: Callable[[int, int, str], bool]

    def bring(self, state: str) -> Machine:
        """A machine in ``state``."""
        vm = machines.new(self.ground, machines.furnished(self.ground))
        for word in HOW[state]:
            self.do(vm, word)
        return vm.reaches(state)

    def do(self, vm: Machine, word: str) -> None:
        what, equals, which = word.partition("=")
        if equals:
            vm.wish(**{what: which})
        elif word in VERBS:
            vm.act(word)
        elif word in self.doings:
            method, *params = self.doings[word]
            vm.call(method, *params)
        elif word == "lost":
            assert self.report(self.ground.hosts[0], vm.oid, "FAILURE")
        else:
            vm.reaches(word)

    @property
    def doings(self) -> dict[str, tuple[str, *tuple[Param, ...]]]:
        ground = self.ground
        here, there = ground.hosts
        return {
            "deploy": ("deploy", here, False, ground.system),
            "migrate": ("migrate", there, False),
            "live": ("migrate", there, True),
            "recreate": ("recover", 4),
            "attach": ("attach", 'DISK=[TYPE="fs", SIZE="7", FORMAT="raw"]'),
            "detach": ("detach", 1),
            "attachnic": ("attachnic", f'NIC=[NETWORK_ID="{ground.network}"]'),
            "detachnic": ("detachnic", 0),
            "snapshot": ("snapshotcreate", "one"),
            "snapshot-revert": ("snapshotrevert", 0),
            "snapshot-delete": ("snapshotdelete", 0),
            "disk-snapshot": ("disksnapshotcreate", 0, "one"),
            "disk-revert": ("disksnapshotrevert", 0, 0),
            "disk-forget": ("disksnapshotdelete", 0, 0),
            "resize": ("resize", 'MEMORY="256"', True),
            "disk-resize": ("diskresize", 1, "9"),
            "disk-resize-more": ("diskresize", 1, "90"),
            "saveas": ("disksaveas", 0, f"saved-{next(_NUMBERS)}", "", -1),
        }


_NUMBERS = iter(range(100000))


@pytest.fixture(scope="module", params=PAIRED)
def yard(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    daemon = new_daemon(tmp_path_factory.mktemp("machines"), request.param, request, machines.DRIVERS)
    daemon.start()
    ground = machines.lay(daemon, "yard")
    with machines.side_door(daemon) as report:
        yield Yard(ground, report)
    end(daemon)


def place_of(state: str) -> Place:
    return active(LcmState[state]) if state in LcmState.__members__ else Place(VmState[state])


def for_all(yard: Yard, check: Callable[[Machine, str], None], states: list[str]) -> None:
    """Bring a machine into each of ``states``, several at a time, and ``check`` it."""

    def one(state: str) -> None:
        check(yard.bring(state), state)

    with ThreadPoolExecutor(8) as threads:
        begun = {state: threads.submit(one, state) for state in states}
    ends = {state: future.exception() for state, future in begun.items()}
    assert {state: error for state, error in ends.items() if error is not None} == {}


REFUSALS = {
    "attach": (Event.ATTACH_DISK, "Could not attach a new disk to VM {}, wrong state {}."),
    "detach": (Event.DETACH_DISK, "Could not detach disk from VM {}, wrong state {}."),
    "attachnic": (Event.ATTACH_NIC, "Could not add a new NIC to VM {}, wrong state {}."),
    "detachnic": (Event.DETACH_NIC, "Could not detach NIC from VM {}, wrong state {}."),
    "snapshot": (Event.SNAPSHOT, "Could not create a new snapshot for VM {}, wrong state {}."),
    "snapshot-revert": (Event.SNAPSHOT, "Could not revert VM {} to snapshot 0, wrong state {}."),
    "disk-snapshot": (Event.DISK_SNAPSHOT_CREATE, "Could not create a new snapshot for VM {}, wrong state {}."),
    "disk-revert": (Event.DISK_SNAPSHOT_REVERT, "Could not revert to disk snapshot for VM {}, wrong state {}."),
    "disk-resize-more": (Event.DISK_RESIZE, "Could not resize disk for VM {}, wrong state {}."),
    "deploy": (Event.DEPLOY, "Deploy action is not available for state {1}"),
    "migrate": (Event.MIGRATE, "Migrate action is not available for state {1}"),
    "saveas": (Event.SAVE_AS, "VM has to be RUNNING, POWEROFF or SUSPENDED to save disks."),
}


def test_recipes_reach_every_state() -> None:
    assert set(HOW) | NOT_HERE == {place.label for place, _ in TABLE if place != POWEROFF_SNAPSHOT}


def refused(yard: Yard, vm: Machine, state: str) -> None:
    """Ask for all that is not possible in ``state``."""
    place = place_of(state)
    for verb, (event, _) in VERBS.items():
        if (place, event) in TABLE:
            continue
        text = f"This action is not available for state {state}"
        if verb.startswith("terminate"):
            text = f"Could not terminate VM {vm.oid}, wrong state {state}."
        answer = yard.ground.oned.fails(0x800, "one.vm.action", verb, vm.oid)
        assert answer == f'[one.vm.action] Error performing action "{verb}": {text}'
    for word, (event, text) in REFUSALS.items():
        if (place, event) in TABLE or (word == "attach" and state in {"PENDING", "HOLD"}):
            continue
        method, *params = yard.doings[word]
        code = 0x2000 if word == "saveas" else 0x800
        assert vm.refuses(method, *params, code=code) == text.format(vm.oid, state), word
    assert vm.state == state


def chain(place: Place, event: Event) -> str:
    """Where ``event`` leads to when drivers then do all they are asked for."""
    while True:
        step = TABLE[place, event]
        if step.work is None:
            return step.to.label
        place, event = step.to, Event.SUCCESS


def recover(vm: Machine, state: str, operation: int, event: Event) -> None:
    """Settle what hangs or has failed, and end the machine."""
    place = place_of(state)
    if (place, event) in TABLE:
        vm.wish()
        vm.call("recover", operation)
        vm.reaches(chain(place, event))
    vm.call("recover", 3)
    assert vm.state == "DONE"


def share_of(yard: Yard, states: list[str]) -> list[str]:
    """All states on one database, some on the other: the table is the same."""
    if FULL:
        return states
    return states[:: 1 if "sqlite" in yard.ground.oned.db else 6]


def test_each_verb_is_refused_with_upstreams_words_where_it_is_not_possible(yard: Yard) -> None:
    def check(vm: Machine, state: str) -> None:
        refused(yard, vm, state)
        recover(vm, state, 1, Event.SUCCESS)

    for_all(yard, check, share_of(yard, list(HOW)))
    yard.ground.is_given_back()


def test_an_administrator_says_that_what_hangs_has_failed(yard: Yard) -> None:
    states = [state for state in HOW if (place_of(state), Event.FAILURE) in TABLE]
    states = share_of(yard, states)
    for_all(yard, lambda vm, state: recover(vm, state, 0, Event.FAILURE), states if FULL else states[::3])
    yard.ground.is_given_back()


def test_what_failed_is_tried_again(yard: Yard) -> None:
    states = [state for state in HOW if state.endswith("_FAILURE")]
    for_all(yard, lambda vm, state: recover(vm, state, 2, Event.RETRY), share_of(yard, states))
    yard.ground.is_given_back()


@pytest.mark.parametrize(
    "state", ["BOOT_FAILURE", "SAVE_MIGRATE", "DISK_SNAPSHOT", "HOTPLUG", "HOTPLUG_SAVEAS_STOPPED"]
)
def test_a_machine_is_made_anew_from_the_middle_of_something(yard: Yard, state: str) -> None:
    vm = yard.bring(state).wish()
    vm.call("recover", 4)
    vm.reaches("PENDING").deploy(yard.ground.hosts[1], yard.ground.system).reaches("RUNNING")
    vm.call("recover", 5)
    assert vm.state == "DONE"
    yard.ground.is_given_back()


def test_what_cannot_be_recovered_says_so(yard: Yard) -> None:
    vm = yard.bring("POWEROFF")
    assert (
        vm.refuses("recover", 1) == f"Could not perform a recover operation on VM {vm.oid}, wrong state POWEROFF."
    )
    assert vm.refuses("recover", 2) == f"Could not perform a retry on VM {vm.oid}, wrong state POWEROFF."
    assert vm.refuses("recover", 4) == "Cannot delete-recreate a powered off VM. Resume it first"
    assert vm.refuses("recover", 6) == "Wrong recovery operation code"
    vm.call("recover", 3)
    assert vm.refuses("recover", 4) == "Cannot delete-recreate a VM already in DONE state"
    assert yard.ground.oned.fails(0x800, "one.vm.action", "dance", vm.oid) == (
        '[one.vm.action] Action "dance" is not supported'
    )
