"""What drivers are asked: the lines of transfers, the messages to hypervisors, and what changes cost."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from oned.access.quota import Usage
from oned.config import Settings
from oned.database.db import Database, Transaction
from oned.database.schema import task
from oned.errors import InternalError
from oned.life import marks, transfer
from oned.life.accounts import difference, negative
from oned.life.steps import Work
from oned.life.transfer import SCRIPTS, Site
from oned.life.work import ask
from oned.model.history import History
from oned.model.vm import Vm
from oned.model.vm_states import Action, LcmState, VmState
from onelib.template import Template

SITE = Site("front", "/var/lib/one/datastores/", "/var/lib/one/vms")
IMAGE = {
    "DISK_ID": "0",
    "IMAGE_ID": "7",
    "SOURCE": "/ds/1/abc",
    "CLONE": "YES",
    "TM_MAD": "ssh",
    "DATASTORE_ID": "1",
    "SIZE": "10",
    "SAVE": "NO",
}
KEPT = IMAGE | {"DISK_ID": "1", "CLONE": "NO", "SAVE": "YES", "TM_MAD": "ceph", "SOURCE": "pool:one-7"}
SWAP = {"DISK_ID": "2", "TYPE": "swap", "SIZE": "512"}
EMPTY = {"DISK_ID": "3", "TYPE": "fs", "SIZE": "9", "FORMAT": "raw"}


def machine(*disks: dict[str, str], lcm: LcmState = LcmState.PROLOG) -> Vm:
    vm = Vm.from_xml("<VM><ID>42</ID><STATE>3</STATE></VM>")
    vm.state, vm.lcm_state = VmState.ACTIVE, lcm
    vm.template = Template(("DISK", disk) for disk in disks)
    vm.history = [
        History(42, 0, "old", 1, 0, "kvm", "ssh", 100, stored="x"),
        History(42, 1, "new", 2, 0, "kvm", "ssh", 105, stored="x"),
    ]
    vm.deploy_id = "one-42"
    return vm


def lines(work: Work, vm: Vm) -> list[str]:
    return [line for line in SCRIPTS[work](vm, SITE) if line]


def test_a_prolog_brings_every_disk() -> None:
    folder = "new:/var/lib/one/datastores/105/42"
    assert lines(Work.PROLOG, machine(IMAGE, KEPT, SWAP, EMPTY)) == [
        f"CLONE ssh front:/ds/1/abc {folder}/disk.0 42 1",
        f"LN ceph pool:one-7 {folder}/disk.1 42 1",
        f"MKSWAP ssh 512 {folder}/disk.2 42 105",
        f"MKIMAGE ssh 9 raw {folder}/disk.3 42 105",
    ]


def test_another_system_datastore_has_its_own_driver() -> None:
    vm = machine(IMAGE | {"TM_MAD_SYSTEM": "shared"})
    assert lines(Work.PROLOG, vm)[0].startswith("CLONE.shared ssh front:")


def test_kernels_come_with_the_disks() -> None:
    vm = machine()
    vm.template.set(
        "OS",
        {"KERNEL_DS": "$FILE[IMAGE_ID=1]", "KERNEL_DS_TM": "ssh", "KERNEL_DS_SOURCE": "/k", "KERNEL_DS_DSID": "2"},
    )
    assert lines(Work.PROLOG, vm) == ["CLONE ssh front:/k new:/var/lib/one/datastores/105/42/kernel 42 2"]


def test_a_disk_that_cannot_be_brought_is_named() -> None:
    broken = {key: value for key, value in IMAGE.items() if key != "SOURCE"}
    with pytest.raises(InternalError, match="for VM 42, DISK 0"):
        lines(Work.PROLOG, machine(broken))


@pytest.mark.parametrize(
    ("work", "wanted"),
    [
        (Work.PROLOG_MIGRATE, "MV ssh old:{0}/100/42 new:{0}/105/42 42 105"),
        (Work.PROLOG_RESUME, "MV ssh front:{0}/100/42 new:{0}/105/42 42 105"),
        (Work.EPILOG_STOP, "MV ssh new:{0}/105/42 front:{0}/105/42 42 105"),
        (Work.EPILOG, "DELETE ssh new:{0}/105/42 42 105"),
        (Work.EPILOG_LOCAL, "DELETE ssh front:{0}/105/42 42 105"),
        (Work.EPILOG_DELETE, "DELETE ssh new:{0}/105/42 42 105"),
        (Work.EPILOG_DELETE_BOTH, "DELETE ssh old:{0}/100/42 42 100"),
    ],
)
def test_the_folder_goes_last(work: Work, wanted: str) -> None:
    found = lines(work, machine(IMAGE, SWAP))
    assert found[-1] == wanted.format("/var/lib/one/datastores")
    assert len(found) == (6 if work is Work.EPILOG_DELETE_BOTH else 3)


def test_an_epilog_saves_what_is_to_be_saved() -> None:
    folder = "new:/var/lib/one/datastores/105/42"
    assert lines(Work.EPILOG, machine(IMAGE, KEPT))[:2] == [
        f"DELETE ssh {folder}/disk.0 42 1",
        f"MVDS ceph {folder}/disk.1 pool:one-7 42 1",
    ]
    assert all(line.startswith("DELETE") for line in lines(Work.EPILOG_DELETE, machine(IMAGE, KEPT)))


def test_one_disk_at_a_time() -> None:
    vm = machine(IMAGE, KEPT)
    folder = "new:/var/lib/one/datastores/105/42"
    disk = vm.template.vectors("DISK")[1]
    marks.mark_snapshotted(disk, 4)
    assert lines(Work.TM_SNAPSHOT_REVERT, vm) == [f"SNAP_REVERT ceph {folder}/disk.1 4 42 1"]
    marks.unmark_snapshotted(disk)
    marks.mark_resized(disk, 30)
    assert lines(Work.TM_RESIZE, vm) == [f"RESIZE ceph {folder}/disk.1 30 42 1"]
    marks.unmark_resized(disk, restore=True)
    assert disk["SIZE"] == "10"
    marks.mark_saved(disk, 9, "pool:one-9", -1)
    assert lines(Work.SAVE_AS, vm) == [f"CPDS ceph {folder}/disk.1 pool:one-9 -1 42 1"]
    vm.lcm_state = LcmState.HOTPLUG_SAVEAS_STOPPED
    assert lines(Work.SAVE_AS, vm)[0].startswith("CPDS ceph front:")
    assert marks.unmark_saved(disk) == 9
    marks.mark_attached(disk)
    assert lines(Work.PROLOG_ATTACH, vm) == [f"LN ceph pool:one-7 {folder}/disk.1 42 1"]
    assert lines(Work.EPILOG_DETACH, vm) == [f"MVDS ceph {folder}/disk.1 pool:one-7 42 1"]
    marks.unmark_attached(disk)
    assert disk == KEPT
    assert lines(Work.EPILOG_DETACH, vm) == []


def test_the_context_is_made_of_files() -> None:
    vm = machine()
    assert transfer.context_line(vm, SITE) == ""
    vm.template.set("CONTEXT", {"DISK_ID": "1", "FILES_DS": "/ds/2/f:'f' "})
    assert transfer.context_line(vm, SITE) == (
        "CONTEXT ssh /var/lib/one/vms/42/context.sh /ds/2/f:'f'  new:/var/lib/one/datastores/105/42/disk.1 42 105"
    )


def test_removing_a_vector_leaves_the_others() -> None:
    vm = machine(IMAGE, KEPT, SWAP)
    marks.remove_vector(vm, marks.find_disk(vm, 1))
    assert [disk["DISK_ID"] for disk in vm.template.vectors("DISK")] == ["0", "2"]


Asked = Callable[..., dict[str, Any]]


@pytest.fixture
def asked(database: Database, settings: Settings) -> Asked:
    """What ``ask`` writes: the task's kind, its payload, and its message as XML."""

    def function(vm: Vm, work: Work) -> dict[str, Any]:
        import json

        def job(transaction: Transaction) -> dict[str, Any]:
            ask(transaction, settings, vm, work)
            row = transaction.rows(task.select())[-1]
            payload: dict[str, Any] = json.loads(row.payload)
            return payload | {"kind": row.kind, "xml": etree.fromstring(payload["message"])}

        return database.submit(job).result(10)

    return function


def test_a_deployment_says_where_and_what(asked: Asked) -> None:
    found = asked(machine(IMAGE, lcm=LcmState.BOOT), Work.DEPLOY)
    assert (found["kind"], found["driver"], found["action"]) == ("vm.deploy", "vmm:kvm", "DEPLOY")
    assert (found["host"], found["expects"]) == ("new", [3, 2])
    assert [child.tag for child in found["xml"]][:9] == [
        "HOST",
        "MIGR_HOST",
        "DEPLOY_ID",
        "LOCAL_DEPLOYMENT_FILE",
        "REMOTE_DEPLOYMENT_FILE",
        "CHECKPOINT_FILE",
        "TM_COMMAND",
        "TM_COMMAND_ROLLBACK",
        "DISK_TARGET_PATH",
    ]
    assert found["xml"].findtext("LOCAL_DEPLOYMENT_FILE").endswith("/vms/42/deployment.1")
    assert found["xml"].findtext("VM/ID") == "42"


@pytest.mark.parametrize(
    ("work", "lcm", "action", "host"),
    [
        (Work.SAVE, LcmState.SAVE_SUSPEND, "SAVE", "new"),
        (Work.SAVE, LcmState.SAVE_MIGRATE, "SAVE", "old"),
        (Work.MIGRATE, LcmState.MIGRATE, "MIGRATE", "old"),
        (Work.CLEANUP_PREVIOUS, LcmState.CLEANUP_RESUBMIT, "CLEANUP", "old"),
        (Work.RESTORE, LcmState.BOOT_MIGRATE, "RESTORE", "new"),
    ],
)
def test_the_host_that_has_the_machine_is_asked(
    asked: Asked, work: Work, lcm: LcmState, action: str, host: str
) -> None:
    found = asked(machine(lcm=lcm), work)
    assert (found["action"], found["host"], found["xml"].findtext("HOST")) == (action, host, host)
    if work is Work.MIGRATE:
        assert found["xml"].findtext("MIGR_HOST") == "new"
        assert found["xml"].findtext("TM_COMMAND").startswith("MIGRATE ssh old new /")


@pytest.mark.parametrize(
    ("lcm", "action", "eetime", "wanted"),
    [
        (LcmState.SHUTDOWN, Action.TERMINATE, 0, "SHUTDOWN"),
        (LcmState.SHUTDOWN_POWEROFF, Action.POWEROFF_HARD, 0, "CANCEL"),
        (LcmState.SAVE_MIGRATE, Action.MIGRATE, 0, "SAVE"),
        (LcmState.SAVE_MIGRATE, Action.POWEROFF_MIGRATE, 0, "SHUTDOWN"),
        (LcmState.EPILOG, Action.TERMINATE, 0, "EPILOG"),
        (LcmState.EPILOG, Action.TERMINATE, 5, "EPILOG_LOCAL"),
    ],
)
def test_what_is_tried_again_is_what_the_record_says(
    asked: Asked, lcm: LcmState, action: Action, eetime: int, wanted: str
) -> None:
    vm = machine(lcm=lcm)
    vm.history[-1].action, vm.history[-1].eetime = action, eetime
    assert asked(vm, Work.AGAIN)["work"] == wanted


def test_transfers_carry_their_machine(asked: Asked) -> None:
    found = asked(machine(IMAGE), Work.PROLOG)
    assert (found["kind"], found["driver"], found["action"]) == ("vm.transfer", "tm:ssh", "TRANSFER")
    assert found["xml"].findtext("COMMANDS").startswith("CLONE ssh ")
    assert found["xml"].findtext("VM/ID") == "42"


_amounts = st.dictionaries(st.integers(0, 3), st.integers(1, 5), max_size=3)
_usages = st.builds(
    Usage,
    vms=st.integers(0, 3),
    memory=st.integers(0, 3),
    system_disk=st.integers(0, 9),
    datastores=_amounts.map(lambda sizes: {key: (0, size) for key, size in sizes.items()}),
    networks=_amounts,
    images=_amounts,
)


@given(_usages, _usages)
def test_what_a_change_costs_is_what_it_gives_back(one: Usage, other: Usage) -> None:
    assert difference(one, one) == Usage()
    assert negative(difference(one, other)) == difference(other, one)
    assert difference(one, Usage()) == one
