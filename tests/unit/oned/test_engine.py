"""Texts between quotes in a statement for MariaDB: escaped as PyMySQL does it, only sooner."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymysql import converters
from pymysql.constants import SERVER_STATUS

from oned.database.mysql import QuickConnection


@pytest.fixture(scope="module")
def connection() -> QuickConnection:
    made = QuickConnection(defer_connect=True)
    made.server_status = 0
    return made


@given(st.text(st.sampled_from("\\\0\n\r\032\"'a é\U0001f600%_`<&")) | st.text())
def test_texts_are_escaped_as_by_the_library(connection: QuickConnection, text: str) -> None:
    assert connection.escape(text) == f"'{converters.escape_string(text)}'"


def test_a_server_without_backslashes(connection: QuickConnection) -> None:
    connection.server_status = SERVER_STATUS.SERVER_STATUS_NO_BACKSLASH_ESCAPES
    assert connection.escape("it's \\n") == "'it''s \\n'"
    connection.server_status = 0


def test_it_is_what_the_library_uses(connection: QuickConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release of the library may call its hook by another name: then the quick way would be left out unseen."""
    monkeypatch.setattr(converters, "escape_string", None)
    monkeypatch.setattr("pymysql.connections.converters.escape_string", None)
    assert connection.escape("it's") == "'it\\'s'"
