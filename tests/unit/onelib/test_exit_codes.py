"""``docs/exit-codes.md`` has every code that the programs end with, and no other."""

import re
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest

import monitor.cli
import oneclient.cli
from oned.errors import ConfigError, DatabaseError
from onelib.api import ApiError, UnreachableError
from onelib.auth import AuthFileError
from onelib.errors import OneError
from onelib.logs import LogError
from onelib.template import TemplateError
from scheduler.expressions import ExpressionError

TEXT = (Path(__file__).resolve().parents[3] / "docs/exit-codes.md").read_text()


def errors_of(room: str) -> set[type[OneError]]:
    """All that a user can meet of a room's own."""
    names = (found.name for found in walk_packages(import_module(room).__path__, f"{room}."))
    values = [value for name in names for value in vars(import_module(name)).values()]
    found = {value for value in values if isinstance(value, type) and issubclass(value, OneError)}
    return {error for error in found if error.__module__.startswith(f"{room}.")}


def codes(*errors: type[OneError]) -> set[int]:
    return {error.exit_code for error in errors}


ENDS = {
    "The server": codes(*errors_of("oned"), AuthFileError, LogError),
    "The monitoring daemon alone": codes(ConfigError, DatabaseError, LogError) | {monitor.cli.EXIT_USAGE},
    "The scheduler": codes(*(errors_of("scheduler") - {ExpressionError}), AuthFileError, LogError),
    "The hook execution manager": codes(*errors_of("hem"), AuthFileError),
    "The command line": codes(*errors_of("oneclient"), ApiError, UnreachableError, AuthFileError, TemplateError)
    | {0, oneclient.cli.USAGE_EXIT, oneclient.cli.INTERRUPTED_EXIT, oneclient.cli.PIPE_EXIT},
}
"""An expression that is wrong concerns one machine, and does not end the scheduler."""


@pytest.mark.parametrize("section", ENDS)
def test_the_page_has_every_code(section: str) -> None:
    table = TEXT.split(f"## {section}\n", 1)[1].split("\n## ", 1)[0]
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)} == ENDS[section]
