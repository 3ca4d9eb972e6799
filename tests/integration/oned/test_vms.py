"""Virtual machines over the API: made, described, owned."""

from collections.abc import Callable

import pyone
import pytest

from tests.integration.oned.clients import Client, closed
from tests.integration.oned.conftest import served
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.machines import Machine
from tests.integration.oned.names import unique
from tests.integration.oned.networking import leases, value, values
from tests.integration.oned.vms import (
    ACTION,
    ALLOCATE,
    AUTHORIZATION,
    CONFIGURATION,
    INTERNAL,
    NO_EXISTS,
    PARAMETER,
    SMALL,
    new_image,
    new_network,
    new_user,
    shared,
)

pytestmark = closed
oned = served("machines", CONFIGURATION)


def test_a_machine_is_made_as_6_0_does(one: Client) -> None:
    oid = one.vm.allocate({"TEMPLATE": {"NAME": "web", "CPU": "0.5", "MEMORY": "256", "LABELS": "blue"}}, True)
    vm = one.vm.info(oid)
    assert (oid, "web", 2, 0, 0, 0) == (vm.ID, vm.NAME, vm.STATE, vm.LCM_STATE, vm.RESCHED, vm.ETIME)
    assert vm.TEMPLATE["CPU"] == "0.5"
    assert vm.TEMPLATE["SUBMIT_ON_HOLD"] == "YES"
    assert vm.USER_TEMPLATE == {"LABELS": "blue"}
    assert not vm.HISTORY_RECORDS.HISTORY
    assert vm.PERMISSIONS.OWNER_M == 1
    assert one.vm.info(one.vm.allocate(SMALL)).NAME.startswith("one-")


def test_disks_and_interfaces_are_taken(oned: Daemon, one: Client) -> None:
    system, cdrom, network = new_image(oned), new_image(oned, kind="CDROM"), new_network(oned)
    name = value(oned.ok("one.image.info", system), "NAME")
    text = (
        f'{SMALL}DISK = [ TYPE = fs, SIZE = 5 ]\nDISK = [ IMAGE = "{name}", SIZE = 2048 ]\n'
        f'DISK = [ IMAGE_ID = {cdrom} ]\nNIC = [ NETWORK_ID = {network}, NAME = "public" ]\n'
        f'NIC_ALIAS = [ NETWORK_ID = {network}, PARENT = "public" ]\nOS = [ BOOT = "nic0,disk1" ]\n'
        'NIC = [ NETWORK_MODE = "auto", NAME = "NIC7" ]\nNIC_DEFAULT = [ MODEL = "virtio" ]\n'
        'CONTEXT = [ NETWORK = "YES", TOKEN = "YES", HOST = "$NAME", DNS = "$NETWORK[DNS, NETWORK_ID=\\"1\\"]",\n'
        'WHO = "$USER[MAIL]", SIZE = "$DISK[SIZE, DISK_ID=1]" ]'
    )
    oned.ok("one.user.update", 0, 'MAIL = "me@x"', 1)
    vm = one.vm.info(one.vm.allocate(text.replace('\\"1\\"', str(network))))
    disks = vm.TEMPLATE["DISK"]
    assert [(disk["DISK_ID"], disk["TARGET"], disk["SIZE"]) for disk in disks] == [
        ("0", "sdb", "5"),
        ("1", "sda", "2048"),
        ("2", "hda", "1024"),
    ]
    nics, alias, context = vm.TEMPLATE["NIC"], vm.TEMPLATE["NIC_ALIAS"], vm.TEMPLATE["CONTEXT"]
    assert [(nic["NAME"], nic.get("MODEL")) for nic in nics] == [("public", "virtio"), ("_NIC7", None)]
    assert [nic["NIC_ID"] for nic in nics] == ["0", "1"]
    assert (nics[0]["IP"], nics[0]["ALIAS_IDS"], nics[0]["ORDER"], disks[1]["ORDER"]) == (
        "10.0.0.1",
        "2",
        "1",
        "2",
    )
    assert (alias["NIC_ID"], alias["PARENT_ID"], alias["ALIAS_ID"], alias["NAME"]) == (
        "2",
        "0",
        "0",
        "NIC0_ALIAS0",
    )
    wanted = {"DISK_ID": "3", "TARGET": "hdb", "HOST": vm.NAME, "DNS": "9.9.9.9", "WHO": "me@x", "SIZE": "2048"}
    wanted |= {"ETH0_IP": "10.0.0.1", "ETH0_DNS": "9.9.9.9", "ETH0_ALIAS0_IP": "10.0.0.2", "VMID": str(vm.ID)}
    assert wanted.items() <= dict(context).items()
    assert context["ONEGATE_ENDPOINT"] == "http://gate:5030"
    assert vm.TEMPLATE["AUTOMATIC_NIC_REQUIREMENTS"] == '("CLUSTERS/ID" @> 0)'
    assert vm.TEMPLATE["SECURITY_GROUP_RULE"][0]["SECURITY_GROUP_ID"] == "0"
    assert leases(one, network) == [("10.0.0.1", vm.ID), ("10.0.0.2", vm.ID)]
    image = one.image.info(system)
    assert (image.STATE, image.RUNNING_VMS, image.VMS.ID) == (2, 1, [vm.ID])
    assert vm.ID in one.secgroup.info(0).UPDATED_VMS.ID


def test_a_machine_waits_for_its_image(oned: Daemon) -> None:
    image = new_image(oned, 'DUMMY = [ DELAY = "0.3" ]')
    machine = Machine(oned, int(oned.ok("one.vm.allocate", f"{SMALL}DISK = [ IMAGE_ID = {image} ]", True)))
    assert machine.state == "CLONING"
    machine.reaches("HOLD")
    assert machine.text("TEMPLATE/DISK/IMAGE_ID") == str(image)


def test_boot_files_come_from_their_datastore(oned: Daemon, one: Client) -> None:
    kernel, files = new_image(oned, kind="KERNEL"), new_image(oned, kind="CONTEXT")
    text = f'{SMALL}OS = [ KERNEL_DS = "$FILE[IMAGE_ID={kernel}]", KERNEL = "/old" ]\n'
    vm = one.vm.info(one.vm.allocate(f'{text}CONTEXT = [ FILES_DS = "$FILE[IMAGE_ID={files}]" ]'))
    assert vm.TEMPLATE["OS"]["KERNEL_DS_ID"] == str(kernel)
    assert vm.TEMPLATE["OS"]["KERNEL_DS_TM"] == "dummy"
    assert vm.TEMPLATE["OS"]["KERNEL_DS_CLUSTER_ID"] == "0"
    assert "KERNEL" not in vm.TEMPLATE["OS"]
    assert vm.TEMPLATE["CONTEXT"]["FILES_DS"].endswith(f":'{one.image.info(files).NAME}' ")
    wrong = f'{SMALL}OS = [ INITRD_DS = "$FILE[IMAGE_ID={kernel}]" ]'
    assert "INITRD needs an image of type RAMDISK and not KERNEL" in oned.fails(INTERNAL, "one.vm.allocate", wrong)
    private = new_user(oned)
    refused = private.fails(INTERNAL, "one.vm.allocate", f'{SMALL}OS = [ KERNEL_DS = "$FILE[IMAGE_ID={kernel}]" ]')
    assert "User not authorize to use image." in refused


def test_nothing_stays_of_a_machine_that_cannot_be_made(oned: Daemon, one: Client) -> None:
    image, network, full = new_image(oned), new_network(oned), new_network(oned, size=1)
    user = new_user(oned)
    shared(oned, ("image", image), ("vn", network), ("vn", full))
    one.vm.allocate(f"{SMALL}NIC = [ NETWORK_ID = {full} ]")
    nics = f"NIC = [ NETWORK_ID = {network} ]\nNIC = [ NETWORK_ID = {full} ]"
    text = user.fails(INTERNAL, "one.vm.allocate", f"{SMALL}DISK = [ IMAGE_ID = {image} ]\n{nics}")
    assert text == f"[one.vm.allocate] Cannot get IP/MAC lease from virtual network {full}."
    assert (leases(one, network), one.image.info(image).STATE) == ([], 1)
    assert "<VMS_USED>" not in str(oned.ok("one.user.info", user.uid))
    before = int(oned.ok("one.vm.allocate", SMALL))
    text = oned.fails(INTERNAL, "one.vm.allocate", f'{SMALL}NAME = "a$b"')
    assert text == "[one.vm.allocate] Invalid NAME, char '$' is not allowed"
    assert oned.ok("one.vm.allocate", SMALL) == before + 1


WRONG = {
    "A = [ B": "Parse error",
    "CPU = 1": "MEMORY attribute must be a positive integer value.",
    f"{SMALL}DISK = [ IMAGE_ID = 9999 ]": "DISK 0: Image with ID: 9999 does not exist",
    f"{SMALL}DISK = [ IMAGE = nobodys ]": "DISK 0: User 0 does not own an image with name: nobodys . ",
    f"{SMALL}DISK = [ TYPE = tape, SIZE = 1 ]": "DISK 0: Unknown disk type TAPE",
    f"{SMALL}DISK = [ TYPE = fs, SIZE = 0 ]": "DISK 0: SIZE attribute must be a positive integer value.",
    SMALL + "DISK = [ TYPE = fs, SIZE = 1 ]\n" * 21: "Exceeded the maximum number of disks (20)",
    SMALL + "DISK = [ TYPE = fs, SIZE = 1, TARGET = sda ]\n" * 2: "Two disks have defined the same target sda",
    f"{SMALL}NIC = [ NETWORK_ID = 9999 ]": "Virtual network with ID: 9999 does not exist",
    f"{SMALL}NIC_ALIAS = [ PARENT = none, NETWORK_ID = 0 ]": "",
    f"{SMALL}NIC_ALIAS = [ PARENT = none ]": "NIC named none not found for alias",
    f"{SMALL}NIC_ALIAS = [ PARENT = a, NETWORK_MODE = auto ]": "Alias is incompatible with auto mode",
    f'{SMALL}CONTEXT = [ A = "5$" ]': "Error parsing: 5$. syntax error",
    f'{SMALL}CONTEXT = [ FILES_DS = "/etc/passwd" ]': "Error parsing: /etc/passwd. ",
    f"{SMALL}OS = [ BOOT = hd ]": 'Wrong OS/BOOT value: "hd" should be a comma-separated list of disk# or nic#',
    f"{SMALL}GRAPHICS = [ PORT = 99999 ]": "Wrong PORT number in GRAPHICS attribute",
    f"{SMALL}SCHED_ACTION = [ REPEAT = 9 ]": "Error parsing REPEAT attribute",
    f"{SMALL}DEPLOY_ID = one-1": "Trying to import an OpenNebula VM: 'one-*'.",
    f'{SMALL}VMGROUP = [ VMGROUP_NAME = "none", ROLE = "a" ]': "Cannot find VM Group to associate the VM",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_template_makes_no_machine(oned: Daemon, text: str) -> None:
    assert WRONG[text] in oned.fails(INTERNAL, "one.vm.allocate", text)


def test_a_topology_is_refused_in_its_own_frame(oned: Daemon) -> None:
    text = oned.fails(ALLOCATE, "one.vm.allocate", f"{SMALL}VCPU = 4\nTOPOLOGY = [ SOCKETS = 1 ]")
    assert text.startswith(
        "[one.vm.allocate] Error allocating a new virtual machine. Non-pinned VMs with a virtual"
    )


def test_hostile_templates_stay_text(oned: Daemon, one: Client) -> None:
    nasty = "'; DROP TABLE vm_pool; -- </USER_TEMPLATE><HISTORY_RECORDS>&amp;\\ %s %(x)s {0}"
    oid = int(oned.ok("one.vm.allocate", f'{SMALL}NOTE = "{nasty}"\nSERVICE_ID = "1\nEVENT API x 1"'))
    assert one.vm.info(oid).USER_TEMPLATE["NOTE"] == nasty
    assert [vm.ID for vm in one.vmpool.info(-2, oid, oid, -1).VM] == [oid]
    assert one.vmpool.infoset(f"{oid},x,-1,{2**40}", True).VM[0].USER_TEMPLATE["NOTE"] == nasty
    bomb = '<!DOCTYPE t [<!ENTITY a "aaaa">]><TEMPLATE><CPU>1</CPU><NAME>&a;</NAME></TEMPLATE>'
    assert "Parse error" in oned.fails(INTERNAL, "one.vm.allocate", bomb)
    big = oned.ok("one.vm.allocate", f'{SMALL}NOTE = "{"x" * 2_000_000}"')
    assert len(str(oned.ok("one.vm.info", big))) > 2_000_000


def test_users_may_not_set_what_is_restricted(oned: Daemon) -> None:
    user = new_user(oned)
    for more, name in (
        ('RAW = [ TYPE = "kvm", DATA = "<x/>" ]', "RAW"),
        ('NIC = [ MAC = "02:00:00:00:00:01" ]', "MAC"),
        ('CONTEXT = [ FILES = "/etc/shadow" ]', "FILES"),
        ("USER_PRIORITY = 9", "USER_PRIORITY"),
    ):
        text = user.fails(AUTHORIZATION, "one.vm.allocate", f"{SMALL}{more}")
        assert text == f"[one.vm.allocate] User [{user.uid}] : VM Template includes a restricted attribute {name}."
        oned.ok("one.vm.allocate", f"{SMALL}{more}")


def test_users_need_rights_to_all_parts(oned: Daemon) -> None:
    image, network, user = new_image(oned), new_network(oned), new_user(oned)
    oned.ok("one.vdc.delgroup", 0, user.gid)
    parts = f"{SMALL}DISK = [ IMAGE_ID = {image} ]\nNIC = [ NETWORK_ID = {network} ]"
    text = user.fails(AUTHORIZATION, "one.vm.allocate", parts)
    assert f"Not authorized to perform USE IMAGE [{image}]" in text
    assert f"Not authorized to perform USE NET [{network}]" in text
    shared(oned, ("image", image), ("vn", network))
    oid = user.ok("one.vm.allocate", parts)
    assert new_user(oned).fails(AUTHORIZATION, "one.vm.info", oid).endswith(f"USE VM [{oid}].")
    assert oned.fails(NO_EXISTS, "one.vm.info", 99999) == "[one.vm.info] Error getting virtual machine [99999]."


def test_a_group_without_rules_makes_no_machines(oned: Daemon) -> None:
    user = new_user(oned, rights="")
    text = user.fails(AUTHORIZATION, "one.vm.allocate", SMALL)
    assert text == f"[one.vm.allocate] User [{user.uid}] : Not authorized to perform CREATE VM."


def used(oned: Daemon, user: int, name: str = "user") -> dict[str, str]:
    """The counters of a user's or group's machines."""
    body = str(oned.ok(f"one.{name}.info", user)).partition("DEFAULT_")[0]
    return {key: values(body, key)[0] for key in ("VMS_USED", "CPU_USED", "MEMORY_USED") if values(body, key)}


def test_machines_count_against_quotas_and_move_with_their_owner(oned: Daemon) -> None:
    first, second, image = new_user(oned), new_user(oned), new_image(oned)
    shared(oned, ("image", image))
    oned.ok("one.user.quota", first.uid, f"VM = [ VMS = 1 ]\nIMAGE = [ ID = {image}, RVMS = 1 ]")
    oid = first.ok("one.vm.allocate", f"{SMALL}DISK = [ IMAGE_ID = {image} ]")
    assert used(oned, first.uid) == {"VMS_USED": "1", "CPU_USED": "1", "MEMORY_USED": "128"}
    text = first.fails(AUTHORIZATION, "one.vm.allocate", SMALL)
    assert "limit of 1 reached for VMS quota in VM" in text
    oned.ok("one.vm.chown", oid, second.uid, second.gid)
    assert used(oned, first.uid).get("VMS_USED", "0") == "0"
    assert used(oned, second.uid)["VMS_USED"] == used(oned, second.gid, "group")["VMS_USED"] == "1"
    body = str(oned.ok("one.vm.info", oid))
    assert (value(body, "UNAME"), value(body, "GNAME")) == (second.name, second.name)
    first.ok("one.vm.allocate", SMALL)
    assert "limit of 1" in oned.fails(AUTHORIZATION, "one.vm.chown", oid, first.uid, -1)
    assert used(oned, second.uid)["VMS_USED"] == "1"


def test_what_users_write_into_devices_gains_nothing(oned: Daemon, one: Client) -> None:
    user, network = new_user(oned), new_network(oned)
    oned.ok("one.vdc.delgroup", 0, user.gid)
    oned.ok("one.user.quota", user.uid, "VM = [ SYSTEM_DISK_SIZE = 50 ]")
    disk = "DISK = [ TYPE = fs, SIZE = 60, DISK_SNAPSHOT_TOTAL_SIZE = -60, DISK_ID = 7 ]"
    text = user.fails(AUTHORIZATION, "one.vm.allocate", f"{SMALL}{disk}")
    assert "limit of 50 reached for SYSTEM_DISK_SIZE quota in VM" in text
    nic = f"NIC = [ NETWORK_MODE = auto, NETWORK_ID = {network}, SECURITY_GROUPS = 0, NIC_ID = 9 ]"
    vm = one.vm.info(user.ok("one.vm.allocate", f"{SMALL}{nic}"))
    assert dict(vm.TEMPLATE["NIC"]) == {
        "NAME": "NIC0",
        "NETWORK_MODE": "auto",
        "NIC_ID": "0",
        "SECURITY_GROUPS": "0",
    }
    assert "SECURITY_GROUP_RULE" not in vm.TEMPLATE


def test_the_owner_of_a_machine_that_is_gone_stays(oned: Daemon) -> None:
    machine = Machine(oned, int(oned.ok("one.vm.allocate", SMALL)))
    machine.act("terminate").reaches("DONE")
    assert "Could not change VM ownership, wrong state" in machine.refuses("chown", 0, 1)


def test_templates_of_users_are_replaced_and_merged(oned: Daemon, one: Client) -> None:
    user = new_user(oned)
    oid = int(user.ok("one.vm.allocate", f"{SMALL}A = 1\nB = 2"))
    oned.ok("one.vm.update", oid, "USER_PRIORITY = 5", 1)
    user.ok("one.vm.update", oid, "B = 3\nC = [ D = 4 ]", 1)
    assert one.vm.info(oid).USER_TEMPLATE == {"A": "1", "B": "3", "C": {"D": "4"}, "USER_PRIORITY": "5"}
    user.ok("one.vm.update", oid, "E = 5", 0)
    assert one.vm.info(oid).USER_TEMPLATE == {"E": "5", "USER_PRIORITY": "5"}
    text = user.fails(INTERNAL, "one.vm.update", oid, "USER_PRIORITY = 6", 0)
    assert text == "[one.vm.update] Cannot update template. Tried to change restricted attribute: USER_PRIORITY"
    text = user.fails(INTERNAL, "one.vm.update", oid, "USER_PRIORITY = 6", 1)
    assert text.endswith("Cannot update template. User Template includes a restricted attribute USER_PRIORITY")
    assert "Wrong update type" in user.fails(PARAMETER, "one.vm.update", oid, "E = 5", 2)
    assert "Cannot update template. Parse error" in user.fails(INTERNAL, "one.vm.update", oid, "E = [ B", 0)
    wrong = "SCHED_ACTION = [ ACTION = stop, REPEAT = 7 ]"
    assert "Error parsing REPEAT attribute" in user.fails(INTERNAL, "one.vm.update", oid, wrong, 1)
    assert "MANAGE VM" in new_user(oned).fails(AUTHORIZATION, "one.vm.update", oid, "E = 5", 1)


def test_names_may_be_shared(oned: Daemon, one: Client) -> None:
    first, second = one.vm.allocate(f"{SMALL}NAME = same"), one.vm.allocate(f"{SMALL}NAME = other")
    assert one.vm.rename(second, "same") == second
    assert one.vm.info(second).NAME == one.vm.info(first).NAME
    assert "Invalid NAME, char ';'" in oned.fails(ACTION, "one.vm.rename", second, "a;b")
    assert one.vm.rename(second, "same") == second


def test_operations_need_the_rights_of_the_lists(oned: Daemon) -> None:
    user = new_user(oned)
    oid = int(user.ok("one.vm.allocate", SMALL))
    oned.ok("one.user.update", user.uid, 'VM_ADMIN_OPERATIONS = "rename"', 1)
    assert "ADMIN VM" in user.fails(AUTHORIZATION, "one.vm.rename", oid, "new")
    user.ok("one.vm.update", oid, "A = 1", 1)
    oned.ok("one.user.update", user.uid, 'VM_ADMIN_OPERATIONS = ""', 1)
    user.ok("one.vm.rename", oid, "new")
    shown = int(oned.ok("one.vm.allocate", SMALL))
    shared(oned, ("vm", shown))
    assert "MANAGE VM" in user.fails(AUTHORIZATION, "one.vm.rename", shown, "new")
    oned.ok("one.group.update", user.gid, 'VM_USE_OPERATIONS = "rename"', 1)
    user.ok("one.vm.rename", shown, "new")
    assert "MANAGE VM" in user.fails(AUTHORIZATION, "one.vm.update", shown, "A = 1", 1)


def test_permissions_and_locks(oned: Daemon, one: Client) -> None:
    user = new_user(oned)
    oid = int(oned.ok("one.vm.allocate", SMALL))
    one.vm.chmod(oid, -1, -1, -1, -1, -1, -1, 1, -1, -1)
    user.ok("one.vm.info", oid)
    assert "MANAGE VM" in user.fails(AUTHORIZATION, "one.vm.chmod", oid, -1, -1, -1, 1, -1, -1, -1, -1, -1)
    assert one.vm.lock(oid, 2) == oid
    assert one.vm.info(oid).LOCK.LOCKED == 2
    assert f"VM is locked. [{oid}]" in oned.fails(AUTHORIZATION, "one.vm.rename", oid, "x")
    assert one.vm.unlock(oid) == oid
    assert one.vm.info(oid).LOCK is None
    assert one.vm.rename(oid, "x") == oid


def test_secrets_in_contexts_are_for_administrators(oned: Daemon) -> None:
    user = new_user(oned)
    oid = user.ok("one.vm.allocate", f'{SMALL}CONTEXT = [ PASSWORD = "pass$UNAME" ]')
    assert "passuser" not in str(user.ok("one.vm.info", oid, True))
    assert value(oned.ok("one.vm.info", oid, True), "PASSWORD") == f"pass{user.name}"


def test_a_machine_that_runs_elsewhere_is_imported_once(oned: Daemon) -> None:
    name = unique("wild")
    oid = oned.ok("one.vm.allocate", f"{SMALL}DEPLOY_ID = {name}")
    body = oned.ok("one.vm.info", oid)
    assert (value(body, "DEPLOY_ID"), value(body, "STATE"), value(body, "IMPORTED")) == (name, "2", "YES")
    text = oned.fails(INTERNAL, "one.vm.allocate", f"{SMALL}DEPLOY_ID = {name}")
    assert text.endswith(f"Virtual Machine {name} already imported.")


def test_members_of_a_group_are_counted(oned: Daemon) -> None:
    group = oned.ok("one.vmgroup.allocate", f'NAME = {unique("group")}\nROLE = [ NAME = "db" ]')
    oid = oned.ok("one.vm.allocate", f'{SMALL}VMGROUP = [ VMGROUP_ID = {group}, ROLE = "db" ]')
    assert value(oned.ok("one.vmgroup.info", group), "VMS") == str(oid)
    user = new_user(oned)
    text = user.fails(AUTHORIZATION, "one.vm.allocate", f'{SMALL}VMGROUP = [ VMGROUP_ID = {group}, ROLE = "db" ]')
    assert f"USE VMGROUP [{group}]" in text


def test_parameters_have_types(one: Client) -> None:
    calls: tuple[Callable[[], object], ...] = (
        lambda: one.vm.allocate(5),
        lambda: one.vm.info("x"),
        lambda: one.vm.update(0),
        lambda: one.vm.chown(0, "x", 1),
        lambda: one.vm.rename("x", "y"),
        lambda: one.vm.lock(0, "x"),
        lambda: one.vm.monitoring("x"),
    )
    for call in calls:
        with pytest.raises(pyone.OneException, match=r"Parameter that is supposed to be|Not enough parameters"):
            call()


def test_no_method_finds_a_machine_that_is_not_there(oned: Daemon) -> None:
    for method, params in (
        ("info", ()),
        ("update", ("A = 1", 0)),
        ("chown", (0, 0)),
        ("chmod", (-1,) * 9),
        ("rename", ("x",)),
        ("lock", (1,)),
        ("unlock", ()),
        ("monitoring", ()),
    ):
        for oid in (99999, -1, 2**31 - 1):
            text = oned.fails(NO_EXISTS, f"one.vm.{method}", oid, *params)
            assert text.startswith(f"[one.vm.{method}] Error getting virtual machine")
