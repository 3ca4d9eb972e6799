"""Days and months of ``one acct`` and ``one showback``, names of actions, and the programs that are installed."""

import datetime
import tomllib
from pathlib import Path

import pytest

from oneclient.accounting import OPEN, _span, moment, month
from oneclient.cli import aliases
from oneclient.errors import UsageError
from oneclient.states import history_action
from oned.model.vm_states import Action

ROOT = Path(__file__).resolve().parents[3]


def test_a_day_ends_with_its_last_second() -> None:
    first, last = datetime.datetime(2021, 5, 1), datetime.datetime(2021, 6, 1)  # noqa: DTZ001 (local, as people write)
    assert _span({"start": "2021-05-01", "end": "2021-05-31"}) == (int(first.timestamp()), int(last.timestamp()))
    noon = int(datetime.datetime(2021, 5, 31, 12).timestamp())  # noqa: DTZ001
    assert _span({"start": None, "end": "2021-05-31 12:00"}) == (OPEN, noon)


@pytest.mark.parametrize(
    ("text", "found"),
    [("2021-05", (5, 2021)), ("2021-12-31", (12, 2021)), (None, (OPEN, OPEN)), ("", (OPEN, OPEN))],
)
def test_months(text: str | None, found: tuple[int, int]) -> None:
    assert month(text) == found


@pytest.mark.parametrize("text", ["yesterday", "2021-13-01", "31.5.2021", "9999-12-31T23:59:59-23:59"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(UsageError, match="no time"):
        moment(text)


def test_actions_have_the_server_s_names() -> None:
    assert [history_action(action) for action in Action] == [
        action.name.lower().replace("_", "-") for action in Action
    ]
    assert history_action(99) == "99"


def test_every_command_is_installed() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert {name for name, target in scripts.items() if target == "oneclient.cli:main"} == {"one", *aliases()}
