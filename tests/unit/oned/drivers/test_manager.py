"""What reaches the rest of the server of a driver's answers, and of a Python driver's defects."""

import asyncio
import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from oned.drivers.configuration import Configuration
from oned.drivers.manager import ERROR_CHARS, Drivers, Handle, clean
from onelib.driver import DriverError, DriverGoneError, DriverSettings
from onelib.locations import Locations
from onelib.logs import DDEBUG, Log
from onelib.template import Template, cdata

HERE = "drivers_of_this_test"
"""What this module is called while its classes are loaded."""


class Echo:
    """Says what it is asked to say."""

    def __init__(self, settings: DriverSettings) -> None:
        self.settings = settings

    async def call(self, action: str, oid: int, message: str, task: str) -> str:
        match action:
            case "FAIL":
                raise DriverError(message)
            case "BREAK":
                raise KeyError(message)
            case "STOP":
                raise asyncio.CancelledError
            case "SLEEP":
                await asyncio.sleep(60)
        return f"{self.settings.name} {oid} {task} {message}"


class Deaf:
    """No driver: its call is no coroutine."""

    def __init__(self, settings: DriverSettings) -> None: ...

    def call(self, *_: object) -> str:
        return ""


class Broken:
    def __init__(self, settings: DriverSettings) -> None:
        raise ValueError(settings.name)


@pytest.fixture(autouse=True, scope="module")
def _loadable() -> None:
    sys.modules[HERE] = sys.modules[__name__]


def handle(executable: str = f"python:{HERE}:Echo", **attributes: str) -> tuple[Handle, io.StringIO]:
    stream = io.StringIO()
    return Handle(DriverSettings("vmm", "e", executable, (), attributes), Log(DDEBUG, 0, stream)), stream


def ask(driver: Handle, action: str, message: str = "x") -> str:
    return asyncio.run(driver.call(action, 7, message, "31"))


def test_a_class_is_asked() -> None:
    assert ask(handle()[0], "DEPLOY") == "e 7 31 x"


@given(st.text(max_size=50))
def test_every_answer_and_every_error_fits_into_xml(text: str) -> None:
    driver, _ = handle()
    answer = ask(driver, "DEPLOY", text)
    with pytest.raises(DriverError) as caught:
        ask(driver, "FAIL", text)
    for shown in (answer, str(caught.value)):
        etree.fromstring(f"<A>{cdata(shown)}</A>")


def test_what_is_allowed_stays() -> None:
    text = "tab\t line\n \u00e9 \U0001f600 <&>"
    assert clean(text) == text
    assert clean("\x00\x1b[31m\ud800\uffff") == "\ufffd\ufffd[31m\ufffd\ufffd"


def test_a_long_error_is_cut() -> None:
    with pytest.raises(DriverError) as caught:
        ask(handle()[0], "FAIL", "x" * 10**6)
    assert len(str(caught.value)) == ERROR_CHARS


@pytest.mark.parametrize(("action", "message"), [("BREAK", "KeyError, see the log"), ("STOP", "was stopped")])
def test_a_defect_of_a_driver_may_pass(action: str, message: str) -> None:
    driver, stream = handle()
    with pytest.raises(DriverGoneError, match=message):
        ask(driver, action)
    assert ("Traceback" in stream.getvalue()) is (action == "BREAK")
    assert ask(driver, "DEPLOY") == "e 7 31 x"


def test_one_that_takes_too_long() -> None:
    with pytest.raises(DriverError, match=r"within 0\.1 seconds"):
        ask(handle(TIMEOUT="0.1")[0], "SLEEP")


@pytest.mark.parametrize("name", ["no.such.module:X", f"{HERE}:NoClass", f"{HERE}:Broken", "", ":", "os:getcwd"])
def test_a_class_that_cannot_be_had(name: str) -> None:
    driver, stream = handle(f"python:{name}")
    with pytest.raises(DriverError, match="cannot be loaded") as caught:
        ask(driver, "DEPLOY")
    assert not isinstance(caught.value, DriverGoneError)
    assert "vmm:e cannot be loaded" in stream.getvalue()


def test_a_class_that_is_no_driver() -> None:
    with pytest.raises(DriverError, match="no coroutine"):
        ask(handle(f"python:{HERE}:Deaf")[0], "DEPLOY")


def test_drivers_are_found_by_name_and_kept() -> None:
    executable = f"python:{HERE}:Echo"
    text = f'VM_MAD=[NAME="e",EXECUTABLE="{executable}"]\nTM_MAD=[EXECUTABLE="{executable}",ARGUMENTS="-d a,b"]'
    configuration = Configuration(Template.from_text(text, configuration=True), Locations())
    drivers = Drivers(configuration, Log(DDEBUG, 0, io.StringIO()))
    assert drivers.get("vmm:e") is drivers.vmm("e")
    assert drivers.get("tm:a") is drivers.get("tm:b")
    for label in ("vmm:f", "tm:c", "im:e"):
        with pytest.raises(DriverError, match="is not available"):
            drivers.get(label)
    asyncio.run(drivers.close())
