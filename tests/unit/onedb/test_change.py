"""Which bodies a change takes, and what it makes of them."""

import pytest
from lxml import etree

from onedb.change import Selection, edit, holds
from onedb.errors import UsageError
from onedb.purge import moment
from onelib.template_xml import Element

BODY = "<VM><ID>10</ID><NAME>web</NAME><TEMPLATE><CPU>1.5</CPU><DISK/><DISK/></TEMPLATE></VM>"


def body() -> Element:
    return etree.fromstring(BODY)


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("NAME=web", True),
        ("NAME = web ", True),
        ("NAME=WEB", False),
        ("NAME!=db", True),
        ("ID>9", True),
        ("ID>10", False),
        ("ID>=10", True),
        ("ID<=9", False),
        ("ID<11", True),
        ("TEMPLATE/CPU>0", True),
        ("TEMPLATE/CPU>1", False),
        ("/VM/NAME=web", True),
        ("NOTHING!=1", False),
    ],
)
def test_expressions(expression: str, answer: bool) -> None:
    assert holds(body(), expression) is answer


@pytest.mark.parametrize("expression", ["NAME", "=1", "[=1"])
def test_expressions_that_are_none(expression: str) -> None:
    with pytest.raises(UsageError):
        holds(body(), expression)


def test_the_first_way_to_choose_counts() -> None:
    assert Selection().takes(body())
    assert Selection(oid=3, xpath="NOTHING").takes(body())
    assert not Selection(xpath="NOTHING", expression="NAME=web").takes(body())
    assert Selection(xpath="TEMPLATE/DISK").takes(body())


@pytest.mark.parametrize("path", ["/VM/NAME", "VM/NAME", "//NAME"])
def test_a_value_is_set(path: str) -> None:
    root = body()
    assert edit(root, path, "a<b") == 1
    assert "<NAME>a&lt;b</NAME>" in etree.tostring(root, encoding="unicode")


def test_every_match_is_deleted() -> None:
    root = body()
    assert edit(root, "/VM/TEMPLATE/DISK", "", delete=True) == 2
    assert "DISK" not in etree.tostring(root, encoding="unicode")


def test_the_last_name_of_a_path_is_appended_in_capitals() -> None:
    root = body()
    assert edit(root, "/VM/TEMPLATE/color", "blue", append=True) == 1
    assert root.findtext("TEMPLATE/COLOR") == "blue"


@pytest.mark.parametrize(
    ("path", "value", "how"),
    [
        ("/VM", "", "delete"),
        ("/VM[", "1", ""),
        ("/VM/NAME", "\x00", ""),
        ("/VM/TEMPLATE/1a", "1", "append"),
    ],
)
def test_what_cannot_be_is_refused(path: str, value: str, how: str) -> None:
    with pytest.raises(UsageError):
        edit(body(), path, value, delete=how == "delete", append=how == "append")


def test_times_of_the_command_line() -> None:
    assert moment(None, 7) == 7
    assert moment("1600000000", 0) == 1600000000
    assert moment("2020-09-14 12:00", 0) - moment("2020-09-14 11:00", 0) == 3600
    with pytest.raises(UsageError):
        moment("yesterday", 0)
