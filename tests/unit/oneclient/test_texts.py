"""Texts: sizes, times, tables, states, rules, templates from options."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from oneclient.acl_rule import columns, rule_numbers
from oneclient.cli import run
from oneclient.documents import aligned, period_text, plain, printable, size_text
from oneclient.errors import UsageError
from oneclient.states import vm_state
from oneclient.values import template_text
from oned.model.vm_states import LcmState, VmState
from onelib.template import Template


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0, "K", "0K"), (1024, "K", "1024K"), (1536, "K", "1.5M"), (16 * 1024**2, "K", "16G")],
)
def test_sizes(value: int, unit: str, text: str) -> None:
    assert size_text(value, unit) == text


def test_periods() -> None:
    assert period_text(3 * 86400 + 4 * 3600 + 5 * 60 + 6) == "3d 04h05"


def test_every_state_of_a_machine_has_a_name() -> None:
    assert vm_state(VmState.ACTIVE, LcmState.RUNNING) == "runn"
    assert vm_state(VmState.ACTIVE, LcmState.BOOT_FAILURE) == "fail"
    for lcm in LcmState:
        assert vm_state(VmState.ACTIVE, lcm) != "actv" or lcm is LcmState.LCM_INIT
    assert vm_state(VmState.UNDEPLOYED, 0) == "unde"


def test_columns_are_aligned() -> None:
    assert aligned([["ID", "NAME"], ["1", "a"], ["100", "long"]], [False, True]) == " ID NAME\n  1 a\n100 long"


def test_a_name_cannot_steer_the_terminal() -> None:
    assert printable("a\x1b[31mb\r\u202ec") == "a?[31mb??c"


def test_plain_data() -> None:
    assert plain(etree.fromstring("<A><B>1</B><C/><D>1</D><D>2</D></A>")) == {"B": "1", "C": {}, "D": ["1", "2"]}


def test_rules() -> None:
    assert rule_numbers(["@1 VM+IMAGE/#3 USE+CREATE *"]) == ["200000001", "9100000003", "9", "400000000"]
    assert rule_numbers(["#5", "HOST/*", "MANAGE"]) == ["100000005", "2400000000", "2"]
    row = columns("@1 VM+IMAGE/* USE+CREATE #0")
    assert (row["RES_VHNIUTGDCOZSvRMAPt"], row["OPE_UMAC"]) == ("V--I--------------", "u--c")


@pytest.mark.parametrize("text", ["", "@1 VM/*", "@1 VMX/* USE", "@x VM/* USE", "@1 VM/* EAT", "1 VM/* USE"])
def test_what_is_no_rule(text: str) -> None:
    with pytest.raises(UsageError):
        rule_numbers([text])


@given(st.text(alphabet="@#%*/+ VMUSEIAG0123456789", max_size=40))
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    try:
        numbers = rule_numbers([text])
    except UsageError:
        return
    assert all(int(number, 16) > 0 for number in numbers)


def test_options_replace_what_a_file_says() -> None:
    text = template_text(
        'NAME="a"\nCPU="1"', [("NAME", "b"), ("DISK", {"IMAGE_ID": "1"}), ("DISK", {"IMAGE_ID": "2"})], ""
    )
    made = Template.parse(text)
    assert (made.get("NAME"), made.get("CPU")) == ("b", "1")
    assert [disk["IMAGE_ID"] for disk in made.vectors("DISK")] == ["1", "2"]
    vector = Template.parse(template_text('AR=[TYPE="IP4", SIZE="1"]', [("SIZE", "9")], "AR")).vector("AR")
    assert vector == {"TYPE": "IP4", "SIZE": "9"}


@pytest.mark.parametrize("arguments", [["vm", "nothing"], ["vm"], [], ["vm", "list", "--nothing"], ["vm", "show"]])
def test_a_wrong_command_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("one", arguments) == 64
    assert capsys.readouterr().err


def test_an_alias_is_the_resource(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("onevnet", ["--help"]) == 0
    assert "addar" in capsys.readouterr().out


def test_completion(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("one", ["completion", "fish"]) == 0
    out = capsys.readouterr().out
    assert "_ONE_COMPLETE" in out
    assert "_ONEVM_COMPLETE" in out
