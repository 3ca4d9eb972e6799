"""Machines of virtual routers, and security groups of machines that run, with the dummy drivers."""

from collections.abc import Iterator

import pytest

from tests.integration.oned.clients import Client, closed
from tests.integration.oned.conftest import PAIRED, end, new_daemon
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.machines import DRIVERS, Ground, Machine, lay, until
from tests.integration.oned.names import unique
from tests.integration.oned.networking import (
    ACTION,
    AUTHORIZATION,
    INTERNAL,
    NO_EXISTS,
    PARAMETER,
    leases,
    new_network,
    new_user,
    value,
)

pytestmark = closed


@pytest.fixture(scope="module", params=PAIRED)
def ground(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    daemon = new_daemon(tmp_path_factory.mktemp("routers"), request.param, request, DRIVERS)
    daemon.start()
    yield lay(daemon, "routers")
    end(daemon)


@pytest.fixture
def oned(ground: Ground) -> Daemon:
    return ground.oned


def new_template(oned: Daemon, more: str = "VROUTER = YES") -> int:
    text = f"NAME = {unique('template')}\nCPU = 1\nMEMORY = 64\n{more}"
    return int(oned.ok("one.template.allocate", text))


def new_router(oned: Daemon, network: int, more: str = "") -> int:
    nic = f"NIC = [ NETWORK_ID = {network}, FLOATING_IP = YES ]"
    return int(oned.ok("one.vrouter.allocate", f"NAME = {unique('router')}\n{nic}\n{more}"))


def deployed(ground: Ground, vm_ids: list[int]) -> list[Machine]:
    machines = [Machine(ground.oned, vm_id) for vm_id in vm_ids]
    for machine in machines:
        machine.call("deploy", ground.hosts[0], False, ground.system)
    return [machine.reaches("RUNNING") for machine in machines]


def test_machines_of_a_router(ground: Ground, oned: Daemon, one: Client) -> None:
    network = new_network(oned, "AR = [ TYPE = IP4, IP = 10.3.0.1, SIZE = 9 ]", "BRIDGE = br3")
    router = new_router(oned, network, 'KEEPALIVED_ID = 7\nKEEPALIVED_PASSWORD = "word"')
    template = new_template(oned)
    assert one.vrouter.instantiate(router, 2, template, "", False, "A = 1") == router
    found = one.vrouter.info(router)
    assert found.TEMPLATE["TEMPLATE_ID"] == str(template)
    machines = list(found.VMS.ID)
    first = one.vm.info(machines[0])
    assert [one.vm.info(vm_id).NAME for vm_id in machines] == [f"vr-{found.NAME}-{n}" for n in range(2)]
    content = first.TEMPLATE
    assert (content["VROUTER_ID"], content["VROUTER_KEEPALIVED_ID"]) == (str(router), "7")
    assert content["VROUTER_KEEPALIVED_PASSWORD"] == "word"
    assert (content["NIC"]["VROUTER_IP"], content["NIC"]["IP"]) == ("10.3.0.1", "10.3.0.2")
    assert first.USER_TEMPLATE["A"] == "1"
    assert leases(one, network) == [
        ("10.3.0.1", router),
        *((f"10.3.0.{n}", vm) for n, vm in enumerate(machines, 2)),
    ]
    running = deployed(ground, machines)
    other = new_network(oned, "AR = [ TYPE = IP4, IP = 10.4.0.1, SIZE = 9 ]", "BRIDGE = br4")
    assert one.vrouter.attachnic(router, f"NIC = [ NETWORK_ID = {other}, FLOATING_IP = YES ]") == router
    for machine in running:
        machine.reaches("RUNNING")
        assert [nic.findtext("NETWORK_ID") for nic in machine.body.findall("TEMPLATE/NIC")] == [
            str(network),
            str(other),
        ]
    assert len(leases(one, other)) == 3
    assert one.vrouter.detachnic(router, 1) == router
    until(lambda: leases(one, other) == [], "the addresses are given back")
    assert len(one.vn.info(other).VROUTERS.ID) == 0
    one.vrouter.chmod(router, -1, -1, -1, 1, -1, -1, -1, -1, -1)
    assert [one.vm.info(vm_id).PERMISSIONS.GROUP_U for vm_id in machines] == [1, 1]
    user = new_user(oned)
    one.vrouter.chown(router, user.uid, user.gid)
    assert {one.vm.info(vm_id).UID for vm_id in machines} == {user.uid}
    text = oned.fails(ACTION, "one.vm.attachnic", machines[0], f"NIC = [ NETWORK_ID = {other} ]")
    assert "not supported for virtual router VMs" in text
    assert one.vrouter.delete(router) == router
    for machine in running:
        machine.reaches("DONE")
    assert leases(one, network) == []
    ground.is_given_back()


def test_one_more_machine_of_the_same_template(oned: Daemon, one: Client) -> None:
    router = new_router(oned, new_network(oned))
    plain, marked = new_template(oned, ""), new_template(oned)
    too_many = "At most 100 virtual machines can be made at a time"
    for method, parameters, code, wanted in (
        (
            "instantiate",
            (1, -1, "", False, ""),
            ACTION,
            "A template ID was not provided, and the virtual router does not have a default one",
        ),
        ("instantiate", (1, 99999, "", False, ""), NO_EXISTS, "Error getting virtual machine template [99999]."),
        (
            "instantiate",
            (1, plain, "", False, ""),
            ACTION,
            "Only virtual router templates are allowed",
        ),
        (
            "instantiate",
            (101, marked, "", False, ""),
            PARAMETER,
            too_many,
        ),
        ("attachnic", ("A = [",), INTERNAL, ""),
        ("attachnic", ("",), ACTION, "The template must contain one NIC attribute"),
        ("attachnic", ("NIC_ALIAS = [ NETWORK_ID = 0 ]",), ACTION, "Alias can't be attached to virtual router."),
        ("detachnic", (5,), ACTION, "NIC with NIC_ID 5 does not exist."),
    ):
        text = oned.fails(code, f"one.vrouter.{method}", router, *parameters)
        assert text.startswith(f"[one.vrouter.{method}] ")
        assert text.endswith(wanted)
        oned.fails(
            NO_EXISTS, f"one.vrouter.{method}", 99999, *(("A = 1",) if method == "attachnic" else parameters)
        )
    one.vrouter.instantiate(router, 1, new_template(oned), "mine-%i", True, "")
    one.vrouter.instantiate(router, 1, -1, "again", True, "")
    machines = one.vrouter.info(router).VMS.ID
    assert [one.vm.info(vm_id).NAME for vm_id in machines] == ["mine-0", "again"]
    assert {one.vm.info(vm_id).STATE for vm_id in machines} == {2}
    one.vrouter.delete(router)
    assert {one.vm.info(vm_id).STATE for vm_id in machines} == {6}


def test_all_machines_or_none(ground: Ground, oned: Daemon, one: Client) -> None:
    """The second machine finds no address: neither it nor the first is there; nor an interface of one alone."""
    network = new_network(oned, "AR = [ TYPE = IP4, IP = 10.5.0.1, SIZE = 2 ]")
    router = new_router(oned, network)
    text = oned.fails(0x4000, "one.vrouter.instantiate", router, 2, new_template(oned), "", False, "")
    assert text.endswith(f"Cannot get IP/MAC lease from virtual network {network}.")
    assert list(one.vrouter.info(router).VMS.ID) == []
    assert len(leases(one, network)) == 1
    one.vrouter.instantiate(router, 1, new_template(oned), "", False, "")
    other = new_network(oned)
    text = oned.fails(
        ACTION, "one.vrouter.attachnic", router, f"NIC = [ NETWORK_ID = {other}, FLOATING_IP = YES ]"
    )
    assert "wrong state PENDING" in text
    assert leases(one, other) == []
    assert len(one.vn.info(other).VROUTERS.ID) == 0
    one.vrouter.delete(router)


def test_who_may(oned: Daemon) -> None:
    user = new_user(oned)
    router = new_router(oned, new_network(oned))
    for method, parameters in (
        ("instantiate", (1, new_template(oned), "", False, "")),
        ("attachnic", (f"NIC = [ NETWORK_ID = {new_network(oned)} ]",)),
        ("detachnic", (0,)),
    ):
        text = oned.fails(AUTHORIZATION, f"one.vrouter.{method}", router, *parameters, session=user.session)
        assert f"Not authorized to perform MANAGE VROUTER [{router}]" in text


@pytest.mark.parametrize("fails", [False, True])
def test_new_rules_reach_a_running_machine(ground: Ground, oned: Daemon, one: Client, fails: bool) -> None:
    rule = "RULE = [ PROTOCOL = TCP, RULE_TYPE = inbound, RANGE = {} ]"
    group = int(oned.ok("one.secgroup.allocate", f"NAME = {unique('group')}\n{rule.format(22)}"))
    wish = 'DUMMY = [ FAIL = "updatesg" ]' if fails else ""
    network = new_network(oned)
    text = f"CPU = 1\nMEMORY = 64\nNIC = [ NETWORK_ID = {network}, SECURITY_GROUPS = {group} ]\n{wish}"
    vm_id = int(oned.ok("one.vm.allocate", text))
    (machine,) = deployed(ground, [vm_id])
    assert [vm_id] == one.secgroup.info(group).UPDATED_VMS.ID
    one.secgroup.update(group, rule.format(80), 0)

    def settled() -> bool:
        found = one.secgroup.info(group)
        return not found.OUTDATED_VMS.ID and not found.UPDATING_VMS.ID

    until(settled, "the group is brought to its machine")
    found = one.secgroup.info(group)
    assert (found.ERROR_VMS.ID if fails else found.UPDATED_VMS.ID) == [vm_id]
    rules = [
        r
        for r in machine.body.findall("TEMPLATE/SECURITY_GROUP_RULE")
        if r.findtext("SECURITY_GROUP_ID") == str(group)
    ]
    assert [each.findtext("RANGE") for each in rules] == ["80"]
    machine.act("terminate-hard").reaches("DONE")
    assert value(oned.ok("one.secgroup.info", group), "ERROR_VMS") == ""
    assert one.secgroup.delete(group) == group
