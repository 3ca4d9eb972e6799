"""What of a new machine's template goes where, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oned.config import Settings
from oned.errors import InternalError
from oned.model.vm import Vm
from oned.vm import attributes, sched_action, topology
from oned.vm.numbers import decimal, integer
from onelib.template import Template
from tests.unit.oned.vm_objects import machine


def split(user: str, *steps: str) -> Vm:
    vm = machine(user=user)
    for step in steps:
        getattr(attributes, step)(vm)
    return vm


def refusal(user: str, step: str) -> str:
    with pytest.raises(InternalError) as raised:
        split(user, step)
    return raised.value.detail


def test_capacity_is_taken_in_6_0s_form() -> None:
    vm = split('CPU = "0.50"\nMEMORY = 128\nVCPU = 2\nMEMORY_MAX = 256\nVCPU_MAX = none', "take_capacity")
    assert {name: vm.template.get(name) for name in vm.template.names()} == {
        "CPU": "0.5",
        "MEMORY": "128",
        "VCPU": "2",
        "MEMORY_MAX": "256",
    }
    assert vm.user_template.names() == ["VCPU_MAX"]


@pytest.mark.parametrize(
    ("user", "text"),
    [
        ("CPU = 1", "MEMORY attribute must be a positive integer value."),
        ("CPU = 1\nMEMORY = 128M", "MEMORY attribute must be a positive integer value."),
        ("CPU = 1\nMEMORY = -1", "MEMORY attribute must be a positive integer value."),
        ("CPU = 1\nMEMORY = 99999999999999999999", "MEMORY attribute must be a positive integer value."),
        ("MEMORY = 1", "CPU attribute must be a positive float or integer value."),
        ("MEMORY = 1\nCPU = 0", "CPU attribute must be a positive float or integer value."),
        ("MEMORY = 1\nCPU = nan", "CPU attribute must be a positive float or integer value."),
        ("MEMORY = 1\nCPU = 1e999", "CPU attribute must be a positive float or integer value."),
        ("MEMORY = 1\nCPU = 1\nVCPU = 1.5", "VCPU attribute must be a positive integer value."),
    ],
)
def test_wrong_capacity_is_refused(user: str, text: str) -> None:
    assert refusal(user, "take_capacity") == text


def test_costs_may_not_be_negative() -> None:
    assert split("CPU_COST = 1.50", "take_costs").template.get("CPU_COST") == "1.5"
    text = refusal("DISK_COST = -1", "take_costs")
    assert text == "DISK_COST attribute must be a positive float or integer value."


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ("", "one-7"),
        ("NAME = mine\nTEMPLATE_NAME = tmpl", "mine"),
        ("TEMPLATE_NAME = tmpl\nVMID = 99", "tmpl-7"),
    ],
)
def test_a_machine_gets_a_name(user: str, name: str) -> None:
    vm = split(f"{user}\nTEMPLATE_ID = 5", "set_name")
    assert vm.name == name
    assert (vm.template.get("VMID"), vm.template.get("TEMPLATE_ID")) == ("7", "5")
    assert len(vm.user_template) == 0


def test_a_name_with_forbidden_characters_is_refused() -> None:
    assert refusal('NAME = "a$b"', "set_name") == "Invalid NAME, char '$' is not allowed"


def test_every_machine_has_a_system_with_a_uuid() -> None:
    assert split("", "take_os").template.vector("OS")["UUID"] != split("", "take_os").template.vector("OS")["UUID"]
    assert split('OS = [ UUID = "u", ARCH = "x" ]', "take_os").template.vector("OS") == {"UUID": "u", "ARCH": "x"}
    assert refusal("OS = [ A = 1 ]\nOS = [ A = 2 ]", "take_os") == "Only one OS attribute can be defined."


def test_known_attributes_move_and_others_stay() -> None:
    vm = split('RAW = [ TYPE = "kvm" ]\nRAW = [ TYPE = "lxc" ]\nEMULATOR = "/bin/q"\nLABELS = "x"', "move_known")
    assert [raw["TYPE"] for raw in vm.template.vectors("RAW")] == ["kvm", "lxc"]
    assert vm.template.get("EMULATOR") == "/bin/q"
    assert vm.user_template.names() == ["LABELS"]


def test_pci_devices_get_numbers_and_addresses(settings: Settings) -> None:
    vm = machine(user='PCI = [ VENDOR = "10de" ]\nPCI = [ CLASS = "0300", VM_BUS = "0x2" ]')
    attributes.take_pci(vm, settings)
    found = vm.template.vectors("PCI")
    assert [(pci["PCI_ID"], pci["VM_BUS"], pci["VM_SLOT"], pci["VM_ADDRESS"]) for pci in found] == [
        ("0", "0x01", "0x01", "01:01.0"),
        ("1", "0x02", "0x02", "02:02.0"),
    ]


@pytest.mark.parametrize(
    ("user", "text"),
    [
        ('PCI = [ VENDOR = "xyz" ]', "Wrong Hex value for PCI attribute VENDOR"),
        ('PCI = [ TYPE = "NIC" ]', "DEVICE, VENDOR or CLASS must be defined for PCI."),
        ('PCI = [ VENDOR = "1", VM_BUS = "q" ]', "Wrong BUS in PCI attribute"),
    ],
)
def test_wrong_pci_devices_are_refused(settings: Settings, user: str, text: str) -> None:
    with pytest.raises(InternalError) as raised:
        attributes.take_pci(machine(user=user), settings)
    assert raised.value.detail == text


def test_defaults_of_interfaces_name_no_network() -> None:
    assert split('NIC_DEFAULT = [ MODEL = "v" ]', "take_nic_default").template.vector("NIC_DEFAULT") == {
        "MODEL": "v"
    }
    text = refusal('NIC_DEFAULT = [ NETWORK = "n" ]', "take_nic_default")
    assert text == "Attribute NETWORK is not allowed inside NIC_DEFAULT."
    text = refusal("NIC_DEFAULT = [ A = 1 ]\nNIC_DEFAULT = [ A = 1 ]", "take_nic_default")
    assert text == "Only one NIC_DEFAULT attribute can be defined."
    assert refusal("NIC_DEFAULT = x", "take_nic_default") == "Wrong format for NIC_DEFAULT attribute."


def test_a_random_password_is_made_once() -> None:
    graphics = split('GRAPHICS = [ TYPE = "SPICE", RANDOM_PASSWD = "YES" ]', "take_graphics").template.vector(
        "GRAPHICS"
    )
    assert len(graphics["PASSWD"]) == 59
    kept = split('GRAPHICS = [ RANDOM_PASSWD = "YES", PASSWD = "x" ]', "take_graphics").template.vector("GRAPHICS")
    assert kept["PASSWD"] == "x"
    assert refusal("GRAPHICS = [ PORT = 65536 ]", "take_graphics") == "Wrong PORT number in GRAPHICS attribute"
    assert refusal("GRAPHICS = [ PORT = x ]", "take_graphics") == "Wrong PORT number in GRAPHICS attribute"


def test_requirements_are_one_text() -> None:
    vm = machine(user='REQUIREMENTS = "ID = $VMID"')
    attributes.expand_requirements(vm, lambda _: "7")
    assert list(vm.user_template) == [("SCHED_REQUIREMENTS", "ID = 7")]
    for user, text in (
        (
            "SCHED_REQUIREMENTS = a\nSCHED_REQUIREMENTS = b",
            "Only one SCHED_REQUIREMENTS attribute can be defined.",
        ),
        ("SCHED_REQUIREMENTS = [ A = 1 ]", "Wrong format for SCHED_REQUIREMENTS attribute."),
    ):
        with pytest.raises(InternalError) as raised:
            attributes.expand_requirements(machine(user=user), lambda _: "")
        assert raised.value.detail == text


def test_machines_of_this_server_are_not_imported() -> None:
    vm = split("DEPLOY_ID = other", "take_deploy_id")
    assert (vm.deploy_id, vm.template.get("IMPORTED")) == ("other", "YES")
    assert refusal("DEPLOY_ID = one-5", "take_deploy_id") == "Trying to import an OpenNebula VM: 'one-*'."


def test_the_boot_order_is_written_into_devices() -> None:
    devices = "DISK = [ DISK_ID = 0, ORDER = 9 ]\nDISK = [ DISK_ID = 1 ]\nNIC = [ NIC_ID = 0 ]"
    vm = machine(template=f'{devices}\nOS = [ BOOT = "nic0,disk1" ]')
    attributes.set_boot_order(vm)
    assert [vm.template.vectors("DISK"), vm.template.vectors("NIC")] == [
        [{"DISK_ID": "0"}, {"DISK_ID": "1", "ORDER": "2"}],
        [{"NIC_ID": "0", "ORDER": "1"}],
    ]


@pytest.mark.parametrize(
    ("boot", "text"),
    [
        ("hd", 'Wrong OS/BOOT value: "hd" should be a comma-separated list of disk# or nic#'),
        ("disk3", "Wrong OS/BOOT value. Device with DISK_ID 3 not found"),
    ],
)
def test_a_wrong_boot_order_is_refused(boot: str, text: str) -> None:
    with pytest.raises(InternalError) as raised:
        attributes.set_boot_order(machine(template=f'OS = [ BOOT = "{boot}" ]'))
    assert raised.value.detail == text


def completed(text: str) -> Template:
    template = Template.parse(f"MEMORY = 1024\nCPU = 0.1\n{text}")
    topology.complete(template)
    return template


def test_pinned_machines_get_nodes_and_whole_processors() -> None:
    template = completed('VCPU = 8\nTOPOLOGY = [ PIN_POLICY = "thread", SOCKETS = 2, CORES = 2 ]')
    assert template.get("CPU") == "8"
    assert template.vector("TOPOLOGY")["THREADS"] == "2"
    assert template.vectors("NUMA_NODE") == [{"TOTAL_CPUS": "4", "MEMORY": "524288"}] * 2
    nodes = "NUMA_NODE = [ TOTAL_CPUS = 1, MEMORY = 256 ]\nNUMA_NODE = [ TOTAL_CPUS = 3, MEMORY = 768 ]"
    template = completed(f'VCPU = 4\nTOPOLOGY = [ PIN_POLICY = "CORE" ]\n{nodes}')
    assert template.vector("TOPOLOGY")["SOCKETS"] == "2"
    assert [node["MEMORY"] for node in template.vectors("NUMA_NODE")] == ["262144", "786432"]


def test_free_machines_say_all_three_numbers() -> None:
    template = completed("VCPU = 4\nTOPOLOGY = [ SOCKETS = 1, CORES = 2, THREADS = 2 ]\nNUMA_NODE = [ A = 1 ]")
    assert template.vector("TOPOLOGY")["PIN_POLICY"] == "NONE"
    assert "NUMA_NODE" not in template
    assert template.get("CPU") == "0.1"


PINNED = 'TOPOLOGY = [ PIN_POLICY = "CORE"'


@pytest.mark.parametrize(
    ("text", "refusal_text"),
    [
        ("VCPU = 4\nTOPOLOGY = [ SOCKETS = 1 ]", "Non-pinned VMs with a virtual topology needs to set "),
        (
            "VCPU = 4\nTOPOLOGY = [ SOCKETS = 1, CORES = 1, THREADS = 1 ]",
            "Total threads per core and socket needs",
        ),
        (f"VCPU = 4\n{PINNED}, CORES = 3 ]", "VCPU is not multiple of the total number of cores"),
        (f"VCPU = 6\n{PINNED}, CORES = 2 ]", "Computed number of threads is not power of 2"),
        (f"VCPU = 5\n{PINNED}, SOCKETS = 2 ]", "VCPU is not multiple of the number of NUMA nodes"),
        (f"VCPU = 3\n{PINNED}, SOCKETS = 3 ]", "MEMORY is not multiple of the number of NUMA nodes"),
        (f"VCPU = 2\nVCPU_MAX = 4\n{PINNED} ]", "VM with TOPOLOGY does not support CPU hotplug (VCPU_MAX)"),
        (f"{PINNED} ]\nNUMA_NODE = [ MEMORY = 1024 ]", "A NUMA_NODE must have TOTAL_CPUS greater than 0"),
        (f"{PINNED} ]\nNUMA_NODE = [ TOTAL_CPUS = 1 ]", " A NUMA_NODE must have MEMORY greater than 0"),
        (
            f"{PINNED} ]\nNUMA_NODE = [ TOTAL_CPUS = 2, MEMORY = 1 ]",
            "Total CPUS of NUMA nodes is different from VM VCPU",
        ),
        (
            f"{PINNED} ]\nNUMA_NODE = [ TOTAL_CPUS = 1, MEMORY = 1 ]",
            "Total MEMORY of NUMA nodes is different from VM",
        ),
    ],
)
def test_a_topology_that_cannot_be_is_refused(text: str, refusal_text: str) -> None:
    with pytest.raises(InternalError) as raised:
        completed(text)
    assert raised.value.detail.startswith(refusal_text)


@pytest.mark.parametrize(
    ("action", "text"),
    [
        ("REPEAT = 4", "Error parsing REPEAT attribute"),
        ("REPEAT = x", "Error parsing REPEAT attribute"),
        ("END_TYPE = 3, END_VALUE = 1", "Error parsing END_TYPE attribute"),
        ("END_VALUE = 1", "Error END_VALUE defined but not valid END_TYPE found"),
        ("END_TYPE = 1", "Missing END_VALUE"),
        ("END_TYPE = 1, END_VALUE = 0", "Error parsing END_VALUE, times has to be greater than 0"),
        ("END_TYPE = 2, END_VALUE = 99999999999", "Error parsing END_VALUE, wrong format for date."),
        ('REPEAT = 0, DAYS = ","', "Wrong format of DAYS attribute"),
        ('REPEAT = 0, DAYS = "1,7"', "Days in a week have to be in [0,6] range"),
        ("REPEAT = 1, DAYS = 0", "Days in a month have to be in [1,31] range"),
        ("REPEAT = 2, DAYS = 366", "Days in a year have to be in [0,365] range"),
        ('REPEAT = 3, DAYS = "1,2"', "Hours have to be in [0,168] range"),
    ],
)
def test_a_scheduled_action_that_cannot_come_is_refused(action: str, text: str) -> None:
    with pytest.raises(InternalError) as raised:
        sched_action.check(Template.parse(f"SCHED_ACTION = [ ACTION = stop, {action} ]"))
    assert raised.value.detail == text


def test_templates_forget_that_actions_were_carried_out() -> None:
    text = 'SCHED_ACTION = [ ACTION = "stop", TIME = 5, DONE = 6, MESSAGE = "m", REPEAT = 0, DAYS = "0,6" ]'
    kept, cleaned = Template.parse(text), Template.parse(text)
    sched_action.check(kept)
    sched_action.check(cleaned, clean=True)
    assert kept == Template.parse(text)
    assert sorted(cleaned.vector("SCHED_ACTION")) == ["ACTION", "DAYS", "REPEAT", "TIME"]


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_of_64_bits_are_read(value: int) -> None:
    assert integer(f" {value}") == value
    assert integer(f"{value} ") is None


@given(st.floats(-3e38, 3e38))
def test_numbers_are_read(value: float) -> None:
    assert decimal(repr(value)) == value


@pytest.mark.parametrize(
    "text", ["", "inf", "nan", "1,5", "0x10", "1_000", "\N{ARABIC-INDIC DIGIT THREE}", "9" * 40]
)
def test_other_texts_are_no_integers(text: str) -> None:
    assert integer(text) is None
