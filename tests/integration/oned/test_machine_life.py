"""What happens to a virtual machine besides its state: history, host, console, quotas, rights, images."""

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.integration.oned import machines
from tests.integration.oned.conftest import served
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.machines import Ground, Machine, furnished, new, parsed, running, until

TIMES = ("STIME", "ETIME", "PSTIME", "PETIME", "RSTIME", "RETIME", "ESTIME", "EETIME")
_numbers = itertools.count()
Report = Callable[[int, int, str], bool]


oned = served("machines", machines.DRIVERS)


@pytest.fixture(scope="module")
def ground(oned: Daemon) -> Ground:
    return machines.lay(oned, "ground")


@pytest.fixture(scope="module")
def report(oned: Daemon) -> Iterator[Report]:
    with machines.side_door(oned) as report:
        yield report


def action(vm: Machine, record: int = -1) -> int:
    return int(vm.records()[record].findtext("ACTION") or 0)


def stamped(vm: Machine, record: int = -1) -> set[str]:
    """The times of a record that have come."""
    return {name for name in TIMES if vm.records()[record].findtext(name) != "0"}


def on_host(ground: Ground, number: int) -> set[int]:
    host = parsed(ground.oned.ok("one.host.info", ground.hosts[number]))
    return {int(element.text or -1) for element in host.findall("VMS/ID")}


def shared_image(ground: Ground, text: str) -> int:
    """An image of oneadmin that all may use and change."""
    image = int(ground.oned.ok("one.image.allocate", text, ground.images))
    ground.oned.ok("one.image.chmod", image, 1, 1, 0, 1, 1, 0, 1, 1, 0)
    return image


def gone(vm: Machine) -> None:
    if vm.state != "DONE":
        vm.call("recover", 3)
    assert vm.state == "DONE"


def test_a_life_leaves_its_times_in_the_history(ground: Ground) -> None:
    vm = running(ground)
    assert stamped(vm) == {"STIME", "PSTIME", "PETIME", "RSTIME"}
    assert vm.text("DEPLOY_ID") == f"one-{vm.oid}"
    assert vm.oid in on_host(ground, 0)
    vm.act("terminate").reaches("DONE")
    assert stamped(vm) == set(TIMES)
    assert action(vm) == 27
    record = vm.records()[-1]
    assert (record.findtext("UID"), record.findtext("GID")) == ("0", "0")
    assert int(record.findtext("REQUEST_ID") or -1) >= 0
    assert vm.text("ETIME") != "0"
    assert vm.oid not in on_host(ground, 0)


def test_what_is_put_away_gives_its_capacity_back_and_comes_again_elsewhere(ground: Ground) -> None:
    vm = running(ground)
    vm.act("suspend").reaches("SUSPENDED")
    assert vm.oid in on_host(ground, 0)
    vm.act("resume").reaches("RUNNING")
    assert [action(vm, n) for n in (0, 1)] == [10, 0]
    vm.act("stop").reaches("STOPPED")
    assert vm.oid not in on_host(ground, 0)
    assert action(vm) == 9
    vm.act("resume").reaches("PENDING").deploy(ground.hosts[1]).reaches("RUNNING")
    assert vm.oid in on_host(ground, 1)
    assert [record.findtext("HOSTNAME") for record in vm.records()] == ["ground-1", "ground-1", "ground-2"]
    gone(vm)


@pytest.mark.parametrize(
    ("live", "how", "before", "after"),
    [(True, 0, 2, 0), (False, 0, 1, 0), (False, 1, 48, 0), (False, 2, 49, 0)],
    ids=["live", "saved", "poweroff", "poweroff-hard"],
)
def test_migrating_moves_capacity_and_says_how(
    ground: Ground, live: bool, how: int, before: int, after: int
) -> None:
    vm = running(ground)
    vm.call("migrate", ground.hosts[1], live, True, -1, how)
    vm.reaches("RUNNING")
    until(lambda: vm.oid in on_host(ground, 1) and vm.oid not in on_host(ground, 0), "it is on the other host")
    assert [action(vm, 0), action(vm, 1)] == [before, after]
    assert {"ETIME", "RETIME"} <= stamped(vm, 0)
    assert "RSTIME" in stamped(vm, 1)
    gone(vm)


@pytest.mark.parametrize(("live", "fail"), [(True, "migrate"), (False, "save")])
def test_a_migration_that_fails_leaves_the_machine_where_it_was(ground: Ground, live: bool, fail: str) -> None:
    vm = running(ground, furnished(ground)).wish(fail=fail)
    vm.call("migrate", ground.hosts[1], live)
    until(lambda: len(vm.records()) == 3, "the record of the way back")
    vm.reaches("RUNNING")
    assert fail in vm.error
    assert [record.findtext("HID") for record in vm.records()] == [str(ground.hosts[n]) for n in (0, 1, 0)]
    assert vm.oid in on_host(ground, 0)
    assert vm.oid not in on_host(ground, 1)
    gone(vm)


def test_a_host_is_checked_before_a_machine_goes_there(ground: Ground) -> None:
    big = Machine(ground.oned, int(ground.oned.ok("one.vm.allocate", 'CPU="100"\nMEMORY="1"')))
    text = f"virtual machine [{big.oid}] does not fit in host [{ground.hosts[0]}]. Not enough CPU: 10000/"
    assert big.refuses("deploy", ground.hosts[0], True).startswith(text)
    assert big.refuses("deploy", 4711, code=0x400) == "Error getting host [4711]."
    assert big.refuses("deploy", ground.hosts[0], False, ground.images, code=0x2000) == (
        f"Trying to use datastore [{ground.images}] to deploy the VM, but it is not of type system datastore."
    )
    big.call("deploy", ground.hosts[0], False, ground.system)
    big.reaches("RUNNING")
    assert big.refuses("migrate", ground.hosts[0], False) == f"VM is already running on host [{ground.hosts[0]}]"
    assert "does not fit in host" in big.refuses("migrate", ground.hosts[1], False, True)
    gone(big)


def test_hosts_and_datastores_of_other_clusters_are_refused(ground: Ground) -> None:
    oned, name = ground.oned, f"other-{next(_numbers)}"
    cluster = int(oned.ok("one.cluster.allocate", name))
    host = int(oned.ok("one.host.allocate", name, "dummy", "able", cluster))
    vm = new(ground, furnished(ground))
    assert vm.refuses("deploy", host) == (f"cluster [{cluster}] does not have any datastore of type SYSTEM_DS.")
    assert vm.refuses("deploy", host, False, ground.system) == (
        f"datastore [{ground.system}] and host [{host}] are not in the same cluster [{cluster}]."
    )
    vm.deploy(ground.hosts[0], ground.system).reaches("RUNNING")
    assert vm.refuses("migrate", host, False).startswith(
        f"Cannot migrate  VM [{vm.oid}] to host [{host}]. Host is in cluster [{cluster}], and VM requires"
    )
    oned.ok("one.host.status", host, 2)
    assert vm.refuses("migrate", host, False) == "Host is offline, cannot use it to deploy VM"
    gone(vm)


def test_each_machine_has_a_console_port_while_it_is_on_a_host(ground: Ground) -> None:
    first, second = (running(ground, 'GRAPHICS=[TYPE="vnc"]') for _ in range(2))
    ports = {vm.text("TEMPLATE/GRAPHICS/PORT") for vm in (first, second)}
    assert len(ports) == 2
    third = new(ground, f'GRAPHICS=[TYPE="vnc", PORT="{first.text("TEMPLATE/GRAPHICS/PORT")}"]')
    assert third.refuses("deploy", ground.hosts[0], False, ground.system) == (
        "Requested VNC port already assgined to a VM"
    )
    first.act("undeploy").reaches("UNDEPLOYED")
    assert first.body.find("TEMPLATE/GRAPHICS/PORT") is None
    third.deploy(ground.hosts[0], ground.system).reaches("RUNNING")
    for vm in (first, second, third):
        gone(vm)


def test_running_quotas_follow_the_machine(ground: Ground) -> None:
    def used() -> list[float]:
        user = parsed(ground.oned.ok("one.user.info", ground.uid))
        return [float(user.findtext(f"VM_QUOTA/VM/{name}_USED") or 0) for name in ("VMS", "RUNNING_VMS")]

    ground.is_given_back()
    vm, other = running(ground), new(ground)
    assert used() == [2, 2]
    vm.act("poweroff").reaches("POWEROFF")
    assert used() == [2, 1]
    ground.oned.ok("one.user.quota", ground.uid, 'VM=[VMS="-2", RUNNING_VMS="1", CPU="-2", MEMORY="-2"]')
    try:
        text = vm.oned.fails(0x800, "one.vm.action", "resume", vm.oid)
        assert text == f"[one.vm.action] user [{ground.uid}] limit of 1 reached for RUNNING_VMS quota in VM"
        other.act("terminate")
        vm.act("resume").reaches("RUNNING")
        assert used() == [1, 1]
    finally:
        ground.oned.ok("one.user.quota", ground.uid, 'VM=[RUNNING_VMS="-2"]')
    gone(vm)
    ground.is_given_back()


def test_operations_need_the_rights_of_their_list(ground: Ground) -> None:
    oned, vm = ground.oned, new(ground)
    denied = f"User [{ground.uid}] : Not authorized to perform ADMIN VM [{vm.oid}]"
    assert vm.refuses("deploy", ground.hosts[0], session=ground.owner, code=0x200).startswith(denied)
    assert vm.refuses("recover", 3, session=ground.owner, code=0x200) == f"{denied}."
    oned.ok("one.vm.action", "hold", vm.oid, session=ground.owner)
    oned.ok("one.user.update", ground.uid, 'VM_ADMIN_OPERATIONS="release"', 1)
    try:
        text = oned.fails(0x200, "one.vm.action", "release", vm.oid, session=ground.owner)
        assert text == f"[one.vm.action] {denied}."
    finally:
        oned.ok("one.user.update", ground.uid, "", 0)
    oned.ok("one.vm.lock", vm.oid, 1)
    assert "VM is locked" in oned.fails(0x200, "one.vm.action", "release", vm.oid)
    oned.ok("one.vm.unlock", vm.oid)
    oned.ok("one.vm.action", "release", vm.oid, session=ground.owner)
    assert vm.refuses(
        "attachnic", 'NIC=[NETWORK_ID="0", MAC="02:00:00:00:00:01"]', session=ground.owner, code=0x200
    ) == (f"User [{ground.uid}] : NIC includes a restricted attribute MAC.")
    oned.ok("one.vm.action", "terminate", vm.oid, session=ground.owner)


def test_disks_come_and_go(ground: Ground) -> None:
    vm = running(ground, furnished(ground))
    vm.call("attach", f'DISK=[IMAGE_ID="{ground.image}"]')
    vm.reaches("RUNNING")
    assert [disk.findtext("DISK_ID") for disk in vm.disks()] == ["0", "1", "3"]
    assert [disk.findtext("TARGET") for disk in vm.disks()] == ["sda", "sdb", "sdc"]
    assert vm.body.find("TEMPLATE/DISK/ATTACH") is None
    assert action(vm, 0) == 21
    vm.call("detach", 0)
    vm.reaches("RUNNING")
    assert "VMS" in str(ground.oned.ok("one.image.info", ground.image))
    image = parsed(ground.oned.ok("one.image.info", ground.image))
    assert str(vm.oid) in {element.text for element in image.findall("VMS/ID")}
    vm.wish(fail="attachdisk")
    vm.call("attach", 'DISK=[TYPE="fs", SIZE="3", FORMAT="raw"]')
    vm.reaches("RUNNING")
    assert len(vm.disks()) == 2
    assert vm.error.endswith("ATTACHDISK: attachdisk fails, as DUMMY asks for")
    assert vm.refuses("detach", 7) == "Could not detach disk with DISK_ID 7, it does not exist."
    assert vm.refuses("attach", 'DISK=[TYPE="fs", SIZE="3", FORMAT="raw", TARGET="sdb"]') == (
        "Target sdb is already in use."
    )
    vm.wish(fail="detachdisk").call("detach", 1)
    vm.reaches("RUNNING")
    assert len(vm.disks()) == 2
    gone(vm)
    ground.is_given_back()


def test_interfaces_come_and_go_with_their_aliases(ground: Ground) -> None:
    vm = running(ground, furnished(ground))
    vm.call("attachnic", f'NIC_ALIAS=[NETWORK_ID="{ground.network}", PARENT="NIC0"]')
    vm.reaches("RUNNING")
    assert vm.text("TEMPLATE/NIC_ALIAS/PARENT_ID") == "0"
    assert vm.text("TEMPLATE/NIC/ALIAS_IDS") == "1"
    assert vm.text("TEMPLATE/CONTEXT/ETH0_ALIAS0_IP") == vm.text("TEMPLATE/NIC_ALIAS/IP")
    assert action(vm, 0) == 46
    assert vm.refuses("attachnic", 'NIC_ALIAS=[NETWORK_ID="0", PARENT="NIC9"]') == "Alias not found."
    assert vm.refuses("attachnic", "CPU=1") == "Wrong format or missing NIC/NIC_ALIAS attribute"
    vm.call("detachnic", 0)
    vm.reaches("RUNNING")
    body = vm.body
    assert body.find("TEMPLATE/NIC") is None
    assert body.find("TEMPLATE/NIC_ALIAS") is None
    assert body.find("TEMPLATE/SECURITY_GROUP_RULE") is None
    assert body.find("TEMPLATE/CONTEXT/ETH0_IP") is None
    vm.wish(fail="attachnic").call("attachnic", f'NIC=[NETWORK_ID="{ground.network}"]')
    vm.reaches("RUNNING")
    assert vm.body.find("TEMPLATE/NIC") is None
    gone(vm)
    ground.is_given_back()


def test_snapshots_of_the_machine(ground: Ground) -> None:
    vm = running(ground)
    assert vm.call("snapshotcreate", "") == 0
    vm.reaches("RUNNING")
    assert vm.text("TEMPLATE/SNAPSHOT/NAME") == "snapshot-0"
    assert vm.text("TEMPLATE/SNAPSHOT/HYPERVISOR_ID") == "dummy-snap"
    assert vm.refuses("snapshotrevert", 5) == f"Could not revert VM {vm.oid} to snapshot 5, it does not exist."
    vm.act("poweroff").reaches("POWEROFF")
    vm.call("snapshotdelete", 0)
    until(lambda: vm.body.find("TEMPLATE/SNAPSHOT") is None, "the snapshot is deleted")
    assert (vm.text("STATE"), vm.text("LCM_STATE")) == ("8", "0")
    vm.act("resume").reaches("RUNNING").wish(fail="snapshotcreate")
    vm.call("snapshotcreate", "none")
    vm.reaches("RUNNING")
    assert vm.body.find("TEMPLATE/SNAPSHOT") is None
    gone(vm)


def test_drivers_that_do_not_keep_snapshots_lose_them(oned: Daemon) -> None:
    ground = machines.lay(oned, f"plain-{next(_numbers)}", "plain")
    vm = running(ground)
    vm.call("snapshotcreate", "lost")
    vm.reaches("RUNNING")
    assert vm.refuses("resize", 'MEMORY="256"') == "Hotplug resize not supported by driver plain"
    vm.act("poweroff").reaches("POWEROFF")
    assert vm.body.find("TEMPLATE/SNAPSHOT") is None
    vm.call("attachnic", f'NIC=[NETWORK_ID="{ground.network}"]')
    assert vm.state == "POWEROFF"
    assert vm.body.find("TEMPLATE/NIC/ATTACH") is None
    vm.call("detachnic", 0)
    assert vm.body.find("TEMPLATE/NIC") is None
    gone(vm)


def test_snapshots_of_a_disk_hang_on_each_other_and_count(ground: Ground) -> None:
    vm = running(ground, f'DISK=[IMAGE_ID="{ground.image}"]')
    for name in ("first", "second"):
        vm.call("disksnapshotcreate", 0, name)
        vm.reaches("RUNNING")
    assert vm.text("TEMPLATE/DISK/DISK_SNAPSHOT_TOTAL_SIZE") == "20"
    assert vm.refuses("disksnapshotdelete", 0, 0) == "Cannot delete snapshot with children"
    assert vm.refuses("disksnapshotdelete", 0, 1) == "Cannot delete the active snapshot"
    assert vm.refuses("diskresize", 0, "99") == "Cannot resize a disk with snapshots"
    assert vm.refuses("disksnapshotcreate", 9, "x") == "VM disk does not exist"
    vm.act("poweroff").reaches("POWEROFF")
    assert vm.refuses("disksnapshotrevert", 0, 7) == "Disk id (0) or snapshot id (7) is not invalid."
    vm.call("disksnapshotrevert", 0, 0)
    vm.reaches("POWEROFF")
    vm.call("disksnapshotdelete", 0, 1)
    vm.reaches("POWEROFF")
    vm.call("disksnapshotrename", 0, 0, "renamed")
    assert [each.findtext("NAME") for each in vm.body.findall("SNAPSHOTS/SNAPSHOT")] == ["renamed"]
    assert vm.text("TEMPLATE/DISK/DISK_SNAPSHOT_TOTAL_SIZE") == "10"
    user = parsed(ground.oned.ok("one.user.info", ground.uid))
    assert float(user.findtext("VM_QUOTA/VM/SYSTEM_DISK_SIZE_USED") or 0) == 20
    gone(vm)
    ground.is_given_back()


def test_capacity_changes_on_the_host_and_comes_back_when_the_driver_fails(ground: Ground) -> None:
    def memory() -> int:
        host = parsed(ground.oned.ok("one.host.info", ground.hosts[0]))
        return int(host.findtext("HOST_SHARE/MEM_USAGE") or -1) // 1024

    ground.is_given_back()
    vm = running(ground)
    vm.call("resize", 'MEMORY="512"\nCPU="0.02"', True)
    vm.reaches("RUNNING")
    assert (vm.text("TEMPLATE/MEMORY"), vm.text("TEMPLATE/CPU"), memory()) == ("512", "0.02", 512)
    vm.wish(fail="resize").call("resize", 'MEMORY="1024"', True)
    until(lambda: vm.body.find("TEMPLATE/RESIZE") is None, "the driver has failed")
    assert (vm.state, vm.text("TEMPLATE/MEMORY"), memory()) == ("RUNNING", "512", 512)
    assert vm.refuses("resize", 'MEMORY="-1"', code=0x2000) == "MEMORY must be a positive integer value."
    assert vm.refuses("resize", 'CPU="1000"').startswith("Not enough CPU: ")
    vm.act("suspend").reaches("SUSPENDED")
    assert vm.refuses("resize", 'MEMORY="64"') == "Cannot resize a VM in state SUSPENDED"
    gone(vm)
    assert memory() == 0
    ground.is_given_back()


def test_a_disk_becomes_an_image(ground: Ground) -> None:
    oned, name = ground.oned, f"saved-{next(_numbers)}"
    vm = running(ground, furnished(ground))
    image = vm.call("disksaveas", 0, name, "DATABLOCK", -1)
    vm.reaches("RUNNING")
    until(lambda: "<STATE>1</STATE>" in str(oned.ok("one.image.info", image)), "the image is ready")
    assert "<SAVED_VM_ID>" in str(oned.ok("one.image.info", image))
    assert vm.body.find("TEMPLATE/DISK/HOTPLUG_SAVE_AS") is None
    assert vm.refuses("disksaveas", 1, f"{name}b", "", -1, code=0x2000) == (
        "Cannot use DISK. DISK does not have a valid IMAGE_ID."
    )
    image = vm.wish(fail="cpds").call("disksaveas", 0, f"{name}c", "", -1)
    until(lambda: "<STATE>5</STATE>" in str(oned.ok("one.image.info", image)), "the image is in error")
    vm.reaches("RUNNING")
    gone(vm)


def test_what_a_persistent_disk_has_become_is_kept(ground: Ground) -> None:
    oned = ground.oned
    text = f'NAME="kept-{next(_numbers)}"\nTYPE="OS"\nSIZE="10"\nPERSISTENT="YES"'
    image = shared_image(ground, text)
    vm = new(ground, f'DISK=[IMAGE_ID="{image}"]').reaches("PENDING")
    vm.deploy(ground.hosts[0], ground.system).reaches("RUNNING")
    vm.call("diskresize", 0, "25")
    vm.reaches("RUNNING")
    vm.call("disksnapshotcreate", 0, "kept")
    vm.reaches("RUNNING").act("terminate").reaches("DONE")
    body = parsed(oned.ok("one.image.info", image))
    assert (body.findtext("SIZE"), body.findtext("STATE")) == ("25", "1")
    assert body.findtext("SNAPSHOTS/SNAPSHOT/NAME") == "kept"
    vm = new(ground, f'DISK=[IMAGE_ID="{image}"]').deploy(ground.hosts[0], ground.system).reaches("RUNNING")
    gone(vm)
    assert parsed(oned.ok("one.image.info", image)).findtext("STATE") == "5"


def test_machines_wait_for_their_images(ground: Ground) -> None:
    oned = ground.oned

    def image(**wishes: str) -> int:
        text = f'NAME="slow-{next(_numbers)}"\nTYPE="OS"\nSIZE="10"\n{machines.wish(**wishes)}'
        return shared_image(ground, text)

    slow = image(delay="0.3")
    waiting = new(ground, f'DISK=[IMAGE_ID="{slow}"]')
    held = Machine(oned, int(oned.ok("one.vm.allocate", f'CPU=1\nMEMORY=1\nDISK=[IMAGE_ID="{slow}"]', True)))
    assert waiting.state == held.state == "CLONING"
    broken = image(delay="0.3", fail="mkfs")
    failing = new(ground, f'DISK=[IMAGE_ID="{broken}"]')
    waiting.reaches("PENDING")
    assert waiting.body.find("TEMPLATE/DISK/CLONING") is None
    assert waiting.text("TEMPLATE/DISK/SOURCE")
    held.reaches("HOLD")
    failing.reaches("CLONING_FAILURE").call("recover", 1)
    assert failing.state == "CLONING_FAILURE"
    failing.act("terminate")
    for vm in (waiting, held, failing):
        gone(vm)


def test_the_configuration_changes(ground: Ground) -> None:
    vm = running(ground, furnished(ground))
    port = vm.text("TEMPLATE/GRAPHICS/PORT")
    vm.call("updateconf", 'GRAPHICS=[TYPE="spice", PORT="1"]\nCONTEXT=[NETWORK="YES", WORD="$NAME"]\nMEMORY="1"')
    vm.reaches("RUNNING")
    assert (vm.text("TEMPLATE/GRAPHICS/TYPE"), vm.text("TEMPLATE/GRAPHICS/PORT")) == ("spice", port)
    assert vm.text("TEMPLATE/CONTEXT/WORD") == vm.text("NAME")
    assert vm.text("TEMPLATE/CONTEXT/ETH0_IP").startswith("10.0.0.")
    assert vm.text("TEMPLATE/MEMORY") == "128"
    bare = new(ground)
    assert bare.refuses("updateconf", 'CONTEXT=[A="B"]', code=0x2000) == (
        "Virtual machine does not have context, cannot add a new one."
    )
    bare.act("terminate")
    assert bare.refuses("updateconf", 'RAW=[TYPE="kvm"]', code=0x2000) == (
        "configuration cannot be updated in state DONE"
    )
    gone(vm)


def test_reports_of_hosts_are_believed(ground: Ground, report: Report) -> None:
    vm = running(ground)
    here, there = ground.hosts
    assert not report(there, vm.oid, "POWEROFF")
    assert not report(here, vm.oid, "RUNNING")
    assert report(here, vm.oid, "POWEROFF")
    assert (vm.state, action(vm)) == ("POWEROFF", 44)
    assert report(here, vm.oid, "RUNNING")
    assert vm.state == "RUNNING"
    assert len(vm.records()) == 2
    assert report(here, vm.oid, "SUSPENDED")
    assert vm.state == "SUSPENDED"
    assert report(here, vm.oid, "RUNNING")
    assert report(here, vm.oid, "FAILURE")
    assert vm.state == "UNKNOWN"
    assert report(here, vm.oid, "RUNNING")
    vm.reaches("RUNNING").wish(hang="shutdown").act("terminate").reaches("SHUTDOWN")
    assert report(here, vm.oid, "POWEROFF")
    vm.wish().reaches("DONE")


def test_a_shutdown_that_hangs_is_overridden(ground: Ground) -> None:
    vm = running(ground).wish(hang="shutdown").act("poweroff").reaches("SHUTDOWN_POWEROFF")
    vm.act("poweroff-hard").reaches("POWEROFF")
    assert action(vm) == 20
    vm.act("resume").reaches("RUNNING").act("undeploy").reaches("SHUTDOWN_UNDEPLOY")
    vm.act("undeploy-hard").reaches("UNDEPLOYED").act("resume").reaches("PENDING")
    vm.deploy(ground.hosts[0]).reaches("RUNNING").act("terminate").reaches("SHUTDOWN")
    vm.act("terminate-hard").reaches("DONE")


def test_rebooting_and_rescheduling_change_no_state(ground: Ground) -> None:
    vm = running(ground).act("resched")
    assert vm.text("RESCHED") == "1"
    vm.act("unresched")
    assert vm.text("RESCHED") == "0"
    vm.act("resched").act("reboot")
    assert (vm.text("RESCHED"), vm.state) == ("0", "RUNNING")
    vm.wish(fail="reset").act("reboot-hard")
    until(lambda: "RESET: reset fails" in vm.error, "the failure is noted")
    assert vm.state == "RUNNING"
    gone(vm)


def test_networks_chosen_by_the_scheduler_are_taken_at_the_deployment(ground: Ground) -> None:
    vm = new(ground, 'NIC=[NETWORK_MODE="auto"]\nCONTEXT=[NETWORK="YES"]')
    chosen = f'NIC=[NIC_ID="0", NETWORK_ID="{ground.network}"]'
    assert vm.refuses(
        "deploy", ground.hosts[0], False, ground.system, chosen.replace('NIC_ID="0"', 'NIC_ID="3"')
    ) == ("NIC_ID 3 not found or not AUTO")
    vm.call("deploy", ground.hosts[0], False, ground.system, chosen)
    vm.reaches("RUNNING")
    assert vm.text("TEMPLATE/CONTEXT/ETH0_IP") == vm.text("TEMPLATE/NIC/IP")
    gone(vm)
    ground.is_given_back()
