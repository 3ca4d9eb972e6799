"""Templates over the API, and the machines that are made from them."""

from functools import partial

from tests.integration.oned.clients import Client, closed
from tests.integration.oned.conftest import served
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.machines import Machine, until
from tests.integration.oned.names import unique
from tests.integration.oned.networking import value
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
    new_user,
    shared,
)

pytestmark = closed
oned = served("templates", CONFIGURATION)


def make(oned: Daemon, more: str = "", name: str = "") -> int:
    return int(oned.ok("one.template.allocate", f'NAME = "{name or unique("template")}"\n{SMALL}{more}'))


def test_a_template_lives(oned: Daemon, one: Client) -> None:
    name = unique("template")
    oid = one.template.allocate({"TEMPLATE": {"NAME": name, "CPU": "1", "DISK": {"IMAGE": "x"}}})
    template = one.template.info(oid)
    assert (template.ID, template.NAME, template.UNAME, template.TEMPLATE["CPU"]) == (oid, name, "oneadmin", "1")
    assert template.REGTIME > 1_000_000_000
    assert "NAME" not in template.TEMPLATE
    one.template.update(oid, {"MEMORY": "7"}, 1)
    assert one.template.info(oid).TEMPLATE["MEMORY"] == "7"
    assert one.template.rename(oid, f"{name}-new") == oid
    one.template.lock(oid, 2)
    assert f"TEMPLATE is locked. [{oid}]" in oned.fails(AUTHORIZATION, "one.template.delete", oid)
    one.template.unlock(oid)
    assert oid in [each.ID for each in one.templatepool.info(-2, -1, -1).VMTEMPLATE]
    assert one.template.delete(oid) == oid
    assert f"Error getting virtual machine template [{oid}]." in oned.fails(NO_EXISTS, "one.template.info", oid)


def test_an_owner_has_each_name_once(oned: Daemon) -> None:
    name, user = unique("template"), new_user(oned)
    oid = make(oned, name=name)
    text = oned.fails(INTERNAL, "one.template.allocate", f"NAME = {name}")
    assert text == f"[one.template.allocate] NAME is already taken by TEMPLATE {oid}."
    other = make(oned)
    text = oned.fails(ACTION, "one.template.rename", other, name)
    assert "cannot be renamed to" in text
    assert f"collides with virtual machine template {oid}" in text
    mine = int(user.ok("one.template.allocate", f"NAME = {name}"))
    assert "already owns" in oned.fails(INTERNAL, "one.template.chown", mine, 0, 0)
    oned.ok("one.template.chown", other, user.uid, user.gid)
    assert value(user.ok("one.template.info", other), "UNAME") == user.name
    text = oned.fails(ALLOCATE, "one.template.clone", oid, name)
    assert text == (
        "[one.template.clone] Error allocating a new virtual machine template. "
        f"NAME is already taken by TEMPLATE {oid}."
    )
    assert oned.fails(INTERNAL, "one.template.allocate", "A = 1").endswith("Invalid NAME, it cannot be empty")


def test_restricted_attributes_are_for_administrators(oned: Daemon) -> None:
    user = new_user(oned)
    text = user.fails(AUTHORIZATION, "one.template.allocate", 'NAME = a\nNIC = [ MAC = "02:00:00:00:00:01" ]')
    assert text.endswith("VM Template includes a restricted attribute MAC.")
    oid = int(user.ok("one.template.allocate", f"NAME = {unique()}\n{SMALL}"))
    text = user.fails(INTERNAL, "one.template.update", oid, 'RAW = [ DATA = "x" ]', 1)
    assert text.endswith("Cannot update template. User Template includes a restricted attribute RAW")
    oned.ok("one.template.update", oid, 'RAW = [ DATA = "x" ]', 1)
    user.ok("one.template.update", oid, SMALL, 0)
    assert value(user.ok("one.template.info", oid), "DATA") == "x"
    vm = user.ok("one.template.instantiate", oid, "")
    assert value(user.ok("one.vm.info", vm), "DATA") == "x"
    text = user.fails(AUTHORIZATION, "one.template.instantiate", oid, "", False, 'RAW = [ DATA = "y" ]')
    assert text.endswith("User Template includes a restricted attribute RAW.")


def test_scheduled_actions_start_anew(oned: Daemon) -> None:
    oid = make(oned, 'SCHED_ACTION = [ ACTION = "stop", TIME = 5, DONE = 6, MESSAGE = "m" ]')
    assert "DONE" not in str(oned.ok("one.template.info", oid))
    oned.ok("one.template.update", oid, 'SCHED_ACTION = [ ACTION = "stop", DONE = 6 ]', 1)
    assert "DONE" not in str(oned.ok("one.template.info", oid))
    wrong = "SCHED_ACTION = [ REPEAT = 9 ]"
    text = oned.fails(INTERNAL, "one.template.update", oid, wrong, 1)
    assert text.endswith("Cannot update template. Error parsing REPEAT attribute")
    assert "REPEAT" in oned.fails(INTERNAL, "one.template.allocate", f"NAME = {unique()}\n{wrong}")
    assert "Wrong update type" in oned.fails(PARAMETER, "one.template.update", oid, SMALL, 5)


def test_machines_are_made_from_templates(oned: Daemon, one: Client) -> None:
    name = unique("web")
    oid = make(oned, 'A = 1\nB = 2\nUSER_INPUTS = [ B = "M|text|b" ]\nNIC_DEFAULT = [ MODEL = e1000 ]', name)
    vm = one.vm.info(one.template.instantiate(oid, ""))
    assert (vm.NAME, vm.STATE, vm.TEMPLATE["TEMPLATE_ID"]) == (f"{name}-{vm.ID}", 1, str(oid))
    assert vm.USER_TEMPLATE == {"A": "1", "B": "2", "USER_INPUTS": {"B": "M|text|b"}}
    vm = one.vm.info(one.template.instantiate(oid, "mine", True, "B = 3\nMEMORY = 256"))
    assert (vm.NAME, vm.STATE, vm.TEMPLATE["MEMORY"], vm.USER_TEMPLATE["B"]) == ("mine", 2, "256", "3")
    text = oned.fails(ALLOCATE, "one.template.instantiate", oid, "", False, "MEMORY = x")
    assert text == (
        "[one.template.instantiate] Error allocating a new virtual machine template. "
        "MEMORY attribute must be a positive integer value."
    )
    assert "Parse error" in oned.fails(INTERNAL, "one.template.instantiate", oid, "", False, "A = [ B")
    assert "Error getting" in oned.fails(NO_EXISTS, "one.template.instantiate", 99999, "")


def test_a_template_of_a_virtual_router_makes_no_machine(oned: Daemon) -> None:
    oid = make(oned, "VROUTER = yes")
    text = oned.fails(ACTION, "one.template.instantiate", oid, "")
    assert text == "[one.template.instantiate] Virtual router templates cannot be instantiated"


def test_instantiating_needs_the_template_and_its_images(oned: Daemon) -> None:
    image, user = new_image(oned), new_user(oned, rights="")
    oid = make(oned, f"DISK = [ IMAGE_ID = {image} ]")
    text = user.fails(AUTHORIZATION, "one.template.instantiate", oid, "")
    assert text.endswith(
        f"Not authorized to perform USE TEMPLATE [{oid}]; Not authorized to perform USE IMAGE [{image}]."
    )
    shared(oned, ("template", oid), ("image", image))
    vm = user.ok("one.template.instantiate", oid, "")
    assert value(user.ok("one.vm.info", vm), "UID") == str(user.uid)
    text = user.fails(AUTHORIZATION, "one.template.instantiate", oid, "", False, "A = 1")
    assert text.endswith("Not authorized to perform CREATE TEMPLATE.")


def test_machines_are_made_for_others(oned: Daemon) -> None:
    user, other = new_user(oned), new_user(oned)
    oid = make(oned)
    shared(oned, ("template", oid))
    vm = oned.ok("one.template.instantiate", oid, "", False, f"AS_UID = {user.uid}\nAS_GID = {user.gid}")
    body = oned.ok("one.vm.info", vm)
    assert (value(body, "UNAME"), value(body, "GNAME")) == (user.name, user.name)
    assert "AS_UID" not in str(body)
    text = other.fails(AUTHORIZATION, "one.template.instantiate", oid, "", False, f"AS_UID = {user.uid}")
    assert f"MANAGE USER [{user.uid}]" in text
    assert "Error getting user [9999]." in oned.fails(
        NO_EXISTS, "one.template.instantiate", oid, "", False, "AS_UID = 9999"
    )


def test_copies_of_templates_may_have_copies_of_images(oned: Daemon, one: Client) -> None:
    image = new_image(oned)
    oid = make(oned, f"DISK = [ IMAGE_ID = {image}, SIZE = 2048 ]\nDISK = [ TYPE = fs, SIZE = 5 ]")
    plain = one.template.info(one.template.clone(oid, unique("copy")))
    assert plain.TEMPLATE["DISK"][0]["IMAGE_ID"] == str(image)
    name = unique("copy")
    copy = one.template.info(one.template.clone(oid, name, True))
    copied = int(copy.TEMPLATE["DISK"][0]["IMAGE_ID"])
    assert copied != image
    assert f"{name}-disk-0" == one.image.info(copied).NAME
    assert copy.TEMPLATE["DISK"][0]["SIZE"] == "2048"
    user = new_user(oned)
    shared(oned, ("template", oid))
    before = str(user.ok("one.templatepool.info", -2, -1, -1))
    text = user.fails(ACTION, "one.template.clone", oid, "mine", True)
    assert "Failed to clone images: " in text
    assert user.ok("one.templatepool.info", -2, -1, -1) == before


def test_a_persistent_machine_has_a_template_and_images_of_its_own(oned: Daemon, one: Client) -> None:
    image, name = new_image(oned), unique("kept")
    oid = make(oned, f"DISK = [ IMAGE_ID = {image} ]\nA = 1")
    machine = Machine(oned, one.template.instantiate(oid, name, False, "A = 2", True))
    vm = one.vm.info(machine.oid)
    copy = one.template.info(int(vm.TEMPLATE["TEMPLATE_ID"]))
    assert (vm.NAME, copy.NAME, copy.TEMPLATE["A"], vm.USER_TEMPLATE["A"]) == (name, name, "2", "2")
    assert vm.TEMPLATE["CLONING_TEMPLATE_ID"] == str(oid)
    assert vm.TEMPLATE["DISK"]["IMAGE_ID"] == copy.TEMPLATE["DISK"]["IMAGE_ID"] != str(image)
    machine.reaches("PENDING")


def _gone(oned: Daemon, image: int) -> bool:
    return oned.call("one.image.info", image)[0] is False


def test_images_go_and_change_with_their_template(oned: Daemon, one: Client) -> None:
    first, second = new_image(oned), new_image(oned)
    oid = make(oned, f"DISK = [ IMAGE_ID = {first} ]\nDISK = [ IMAGE_ID = {second} ]")
    one.template.chmod(oid, -1, -1, -1, 1, -1, -1, -1, -1, -1, True)
    assert one.image.info(second).PERMISSIONS.GROUP_U == one.template.info(oid).PERMISSIONS.GROUP_U == 1
    vm = Machine(oned, one.template.instantiate(oid, ""))
    text = oned.fails(ACTION, "one.template.delete", oid, True)
    assert text == (
        f"[one.template.delete] Cannot delete virtual machine template. Cannot delete image: {first},{second}"
    )
    assert oid == one.template.info(oid).ID
    vm.act("terminate").reaches("DONE")
    one.template.delete(oid, True)
    for image in (first, second):
        until(partial(_gone, oned, image), f"image {image} is gone")


def test_a_template_is_shown_with_what_its_images_add(oned: Daemon, one: Client) -> None:
    image, user = new_image(oned), new_user(oned)
    oid = make(oned, f"DISK = [ IMAGE_ID = {image} ]\nDISK = [ IMAGE = gone ]\nNIC = [ NETWORK = gone ]")
    assert "SOURCE" not in one.template.info(oid).TEMPLATE["DISK"][0]
    disks = one.template.info(oid, True).TEMPLATE["DISK"]
    assert (disks[0]["DATASTORE_ID"], disks[0]["TM_MAD"], disks[1]["DISK_ID"]) == (
        str(one.image.info(image).DATASTORE_ID),
        "dummy",
        "1",
    )
    shared(oned, ("template", oid))
    user.ok("one.template.info", oid)
    assert f"USE IMAGE [{image}]" in user.fails(AUTHORIZATION, "one.template.info", oid, True)


def test_secrets_of_templates_are_for_administrators(oned: Daemon) -> None:
    oid = make(oned, 'CONTEXT = [ PASSWORD = "secret" ]')
    assert "secret" not in str(oned.ok("one.template.info", oid))
    assert value(oned.ok("one.template.info", oid, False, True), "PASSWORD") == "secret"


def test_no_method_finds_a_template_that_is_not_there(oned: Daemon) -> None:
    for method, params in (
        ("info", ()),
        ("update", ("A = 1", 0)),
        ("delete", ()),
        ("clone", ("x",)),
        ("chown", (0, 0)),
        ("chmod", (-1,) * 9),
        ("rename", ("x",)),
        ("lock", (1,)),
        ("unlock", ()),
    ):
        text = oned.fails(NO_EXISTS, f"one.template.{method}", 99999, *params)
        assert text == f"[one.template.{method}] Error getting virtual machine template [99999]."
