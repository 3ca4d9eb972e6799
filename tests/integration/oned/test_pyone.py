"""The ecosystem's own client against a real process."""

import gc
from collections.abc import Iterator
from typing import Any

import pyone
import pytest

from tests.integration.oned.daemon import PASSWORD, Daemon

Client = Any  # pyone makes its methods at run time

# pyone leaves the connections of its requests session to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def one(oned: Daemon) -> Iterator[Client]:
    client = pyone.OneServer(oned.uri, session=f"oneadmin:{PASSWORD}")
    yield client
    del client
    gc.collect()


def test_version_and_own_user(one: Client) -> None:
    assert one.system.version() == "6.0.0.3"
    user = one.user.info(-1)
    assert (user.ID, user.NAME, user.GNAME, user.AUTH_DRIVER, user.ENABLED) == (
        0,
        "oneadmin",
        "oneadmin",
        "core",
        1,
    )
    assert len(user.TEMPLATE["TOKEN_PASSWORD"]) == 64


def test_pools_and_groups(one: Client) -> None:
    assert {"oneadmin", "serveradmin"} <= {user.NAME for user in one.userpool.info().USER}
    assert {"oneadmin", "users"} <= {group.NAME for group in one.grouppool.info().GROUP}
    assert one.group.info(0).USERS.ID == [0, 1]
    assert one.group.info(1).TEMPLATE["SUNSTONE"]["VIEWS"] == "cloud"


def test_documents(one: Client) -> None:
    body = '{"name": "a<b>&c", "text": "ü\\n\\"q\\""}'
    oid = one.document.allocate({"TEMPLATE": {"NAME": "doc", "BODY": body}}, 100)
    document = one.document.info(oid)
    assert document.NAME == "doc"
    assert int(document.TYPE) == 100
    assert document.TEMPLATE["BODY"] == body
    assert oid in {found.ID for found in one.documentpool.info(-2, -1, -1, 100).DOCUMENT}
    one.document.lock(oid, 1)
    assert one.document.info(oid).LOCK.LOCKED == 1
    one.document.unlock(oid)
    assert one.document.delete(oid) == oid
    with pytest.raises(pyone.OneNoExistsException):
        one.document.info(oid)


def test_wrong_password(oned: Daemon) -> None:
    client = pyone.OneServer(oned.uri, session="oneadmin:wrong")
    with pytest.raises(pyone.OneAuthenticationException, match=r"\[one.system.version\] User couldn't be auth"):
        client.system.version()
    del client
    gc.collect()
