"""The CONTEXT of a machine: variables, interfaces, files, OneGate."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oned.config import Settings
from oned.errors import InternalError
from oned.model.vm import Vm
from oned.vm.context import build, drop_network
from oned.vm.variables import Variable
from onelib.template import Template
from tests.unit.oned.vm_objects import machine

NETWORK = {"NETWORK_MASK": "255.0.0.0", "GATEWAY": "10.0.0.254", "DNS": "9.9.9.9"}
NIC = 'NIC = [ NIC_ID = "0", IP = "10.0.0.1", MAC = "02:00:0a:00:00:01", IP6 = "2001::1", GATEWAY = "10.0.0.9" ]\n'
PCI = (
    'PCI = [ PCI_ID = "0", TYPE = "NIC", IP = "10.0.0.3", VM_ADDRESS = "01:01.0" ]\n'
    'PCI = [ PCI_ID = "1", VM_ADDRESS = "01:02.0" ]'
)
CONTEXTS = 'CONTEXT = [ A = "$X and $Y", B = "plain", NETWORK = "NO" ]\nCONTEXT = [ C = "second" ]\n'


def lookup(variable: Variable) -> str:
    """A network with the attributes above, and ``<name>`` for single variables."""
    if variable.name == "NETWORK":
        return NETWORK.get(variable.key, "") if variable.wanted == "0" else ""
    return f"<{variable.name}>"


def context(vm: Vm, settings: Settings, files: str = "", *, auto: bool = False) -> dict[str, str]:
    build(vm, settings, lookup, lambda text: f"{files}({text})", auto=auto)
    return vm.template.vector("CONTEXT")


def test_a_machine_without_a_context_has_none(settings: Settings) -> None:
    assert context(machine(), settings) == {}


def test_variables_are_replaced_by_value(settings: Settings) -> None:
    vm = machine(template=CONTEXTS + NIC)
    assert context(vm, settings) == {"A": "<X> and <Y>", "B": "plain", "NETWORK": "NO"}
    assert len(vm.template.vectors("CONTEXT")) == 1


@given(st.text(st.characters(exclude_characters="$")))
def test_a_value_adds_no_other_attribute(value: str) -> None:
    vm = machine()
    vm.template.add("CONTEXT", {"A": "$X", "B": value})
    build(vm, Settings.__new__(Settings), lambda _: value, lambda text: text)
    assert vm.template.vector("CONTEXT") == {"A": value, "B": value}


def test_interfaces_are_described(settings: Settings) -> None:
    alias = 'NIC_ALIAS = [ NIC_ID = "1", PARENT_ID = "0", ALIAS_ID = "0", IP = "10.0.0.2", EXTERNAL = "YES" ]\n'
    found = context(machine(template=f'CONTEXT = [ NETWORK = "yes" ]\n{NIC}{alias}'), settings)
    assert {
        key: value for key, value in found.items() if value and key.startswith("ETH0_") and "ALIAS" not in key
    } == {
        "ETH0_IP": "10.0.0.1",
        "ETH0_MAC": "02:00:0a:00:00:01",
        "ETH0_IP6": "2001::1",
        "ETH0_MASK": "255.0.0.0",
        "ETH0_GATEWAY": "10.0.0.9",
        "ETH0_DNS": "9.9.9.9",
    }
    assert (found["ETH0_ALIAS0_IP"], found["ETH0_ALIAS0_EXTERNAL"]) == ("10.0.0.2", "YES")
    assert len([key for key in found if key.startswith("ETH0_ALIAS0_")]) == 20


def test_interfaces_without_a_network_yet_wait_for_it(settings: Settings) -> None:
    template = 'CONTEXT = [ NETWORK = "YES" ]\nNIC = [ NIC_ID = "0", NETWORK_MODE = "auto" ]'
    assert context(machine(template=template), settings) == {"NETWORK": "YES"}
    assert "ETH0_IP" in context(machine(template=template), settings, auto=True)


def test_a_detached_interface_is_forgotten(settings: Settings) -> None:
    other = NIC.replace('"0", IP', '"1", IP')
    vm = machine(template=f'CONTEXT = [ NETWORK = "YES" ]\n{NIC}{other}')
    context(vm, settings)
    drop_network(vm, "NIC", vm.template.vectors("NIC")[0])
    left = vm.template.vector("CONTEXT")
    assert not [key for key in left if key.startswith("ETH0_")]
    assert left["ETH1_IP"] == "10.0.0.1"


def test_devices_that_are_passed_through_are_described(settings: Settings) -> None:
    found = context(machine(template=f'CONTEXT = [ NETWORK = "YES" ]\n{PCI}'), settings)
    assert found == {
        "NETWORK": "YES",
        "PCI0_IP": "10.0.0.3",
        "PCI0_ADDRESS": "01:01.0",
        "PCI1_ADDRESS": "01:02.0",
    }


def test_files_come_from_their_images(settings: Settings) -> None:
    vm = machine(template='CONTEXT = [ FILES_DS = "$FILE[IMAGE_ID=1]" ]')
    assert context(vm, settings, "found") == {"FILES_DS": "found($FILE[IMAGE_ID=1])"}


def test_a_token_needs_to_know_where_onegate_is(settings: Settings) -> None:
    vm = machine(template='CONTEXT = [ TOKEN = "YES" ]')
    with pytest.raises(InternalError, match="TOKEN set, but onegate endpoint was not defined in oned"):
        context(vm, settings)
    known = replace(settings, raw=Template([("ONEGATE_ENDPOINT", "http://gate:5030")]))
    found = context(machine(template='CONTEXT = [ TOKEN = "YES" ]'), known)
    assert found == {"TOKEN": "YES", "ONEGATE_ENDPOINT": "http://gate:5030", "VMID": "7"}


def test_a_token_is_for_who_made_the_machine(settings: Settings) -> None:
    known = replace(settings, raw=Template([("ONEGATE_ENDPOINT", "http://gate:5030")]))
    vm = machine(template='CONTEXT = [ TOKEN = "YES" ]')
    context(vm, known)
    assert vm.template.get("CREATED_BY") == "2"


def test_machines_of_a_virtual_router_are_told(settings: Settings) -> None:
    found = context(machine(template='CONTEXT = [ A = "1" ]\nVROUTER_ID = "4"'), settings)
    assert found == {"A": "1", "VROUTER_ID": "4"}
