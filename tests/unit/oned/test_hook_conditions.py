"""What hooks wait for: the states that 6.0 has, by the names that events have."""

import pytest

from oned.methods.hook import is_event
from oned.methods.table import METHODS
from oned.methods.upstream import UPSTREAM
from oned.model.hook import Hook, HookType, check_changed_condition, check_condition
from onelib.template import Template


def condition(**attributes: str) -> Template:
    return Template(list(attributes.items()))


@pytest.mark.parametrize(
    ("on", "state", "lcm_state"),
    [
        ("PROLOG", "ACTIVE", "PROLOG"),
        ("running", "ACTIVE", "RUNNING"),
        ("SHUTDOWN", "ACTIVE", "EPILOG"),
        ("STOP", "STOPPED", "LCM_INIT"),
        ("DONE", "DONE", "LCM_INIT"),
        ("UNKNOWN", "ACTIVE", "UNKNOWN"),
    ],
)
def test_words_for_states(on: str, state: str, lcm_state: str) -> None:
    template = condition(RESOURCE="VM", ON=on)
    check_condition(template)
    assert template == condition(RESOURCE="VM", STATE=state, LCM_STATE=lcm_state)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"RESOURCE": "VM", "ON": "custom", "STATE": "active", "LCM_STATE": "boot"}, ("ACTIVE", "BOOT")),
        ({"RESOURCE": "HOST", "STATE": "error"}, ("ERROR", "")),
        ({"RESOURCE": "HOST", "STATE": "INIT"}, ("INIT", "")),
        ({"RESOURCE": "IMAGE", "STATE": "ready"}, ("READY", "")),
        ({"RESOURCE": "IMAGE", "STATE": "USED_PERS"}, ("USED", "")),
        ({"RESOURCE": "IMAGE", "STATE": "LOCKED_USED_PERS"}, ("LOCKED_USED", "")),
    ],
)
def test_states_are_kept_as_events_name_them(given: dict[str, str], kept: tuple[str, str]) -> None:
    template = condition(**given)
    check_condition(template)
    assert (template.get("STATE"), template.get("LCM_STATE")) == kept
    again = template.copy()
    check_changed_condition(again)
    assert again == template


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "RESOURCE attribute is required for STATE hooks."),
        ({"RESOURCE": "NET"}, "Invalid resource type: NET"),
        ({"RESOURCE": "vm", "ON": "DONE"}, "Invalid resource type: vm"),
        ({"RESOURCE": "VM"}, "Unkown state condition: "),
        ({"RESOURCE": "VM", "ON": "x"}, "Unkown state condition: X"),
        ({"RESOURCE": "VM", "ON": "CUSTOM", "STATE": "x", "LCM_STATE": "BOOT"}, "Wrong STATE: X"),
        ({"RESOURCE": "VM", "ON": "CUSTOM", "STATE": "3", "LCM_STATE": "BOOT"}, "Wrong STATE: 3"),
        ({"RESOURCE": "VM", "ON": "CUSTOM", "STATE": "ACTIVE"}, "Wrong LCM_STATE: "),
        ({"RESOURCE": "HOST"}, "Invalid STATE: "),
        ({"RESOURCE": "HOST", "STATE": "up"}, "Invalid STATE: UP"),
        ({"RESOURCE": "IMAGE"}, "Hook STATE attribute not found or invalid"),
        ({"RESOURCE": "IMAGE", "STATE": "INIT"}, "Invalid or unkown STATE condition: INIT"),
    ],
)
def test_what_is_no_condition(given: dict[str, str], text: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        check_condition(condition(**given))
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"RESOURCE": "VM", "ON": "DONE"}, "STATE"),
        ({"RESOURCE": "VM", "STATE": "ACTIVE", "LCM_STATE": "x"}, "LCM_STATE"),
        ({"RESOURCE": "HOST", "STATE": "x"}, "STATE"),
        ({"RESOURCE": "IMAGE", "STATE": "x"}, "STATE"),
        ({"STATE": "ERROR"}, "RESOURCE"),
    ],
)
def test_what_no_hook_may_become(given: dict[str, str], name: str) -> None:
    with pytest.raises(ValueError, match=rf"^(The )?{name} attribute"):
        check_changed_condition(condition(**given))


def test_every_method_that_changes_something_is_an_event_and_no_other() -> None:
    known = {name for name, method in METHODS.items() if method.write}
    assert {name for name in known if not is_event(name)} == set()
    assert {name for name in METHODS.keys() - known if is_event(name)} == set()
    assert not is_event("one.vm.nonsense")
    assert is_event("one.vm.allocate")
    assert {"one.hook.info", "one.vmpool.infoextended", "one.system.version"} <= {
        name for name in UPSTREAM if not is_event(name)
    }


def test_a_body_is_read_as_it_was_written() -> None:
    hook = Hook.new(3, "a<b", HookType.STATE, condition(COMMAND="x", STATE="DONE"))
    again = Hook.from_xml(hook.to_xml())
    assert again == hook
    assert again.row()["type"] == 1
    assert again.to_xml() == (
        "<HOOK><ID>3</ID><NAME>a&lt;b</NAME><TYPE>state</TYPE><TEMPLATE><COMMAND><![CDATA[x]]></COMMAND>"
        "<STATE><![CDATA[DONE]]></STATE></TEMPLATE></HOOK>"
    )
