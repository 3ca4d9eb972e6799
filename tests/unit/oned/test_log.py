"""What the log says of a call: in upstream's words, without secrets."""

from oned.access.acl import Caller
from oned.api.record import Record
from oned.api.xmlrpc import Value
from oned.errors import AuthenticationError, NoExistsError
from oned.methods.table import METHODS

CALLER = Caller(2, 1, "joe", "users", frozenset({1}), 0o177)
FORMAT = "Req:%i UID:%u IP:%A %m invoked %l20"


def test_invoked_as_upstream() -> None:
    params: list[Value] = ["joe:word", "x" * 30, 100]
    record = Record(METHODS["one.document.allocate"], params, 12, "10.0.0.1:5000", CALLER)
    assert record.invoked(FORMAT) == (
        'Req:12 UID:2 IP:10.0.0.1 one.document.allocate invoked , "xxxxxxxxxxxxxxxxxxxx...", 100'
    )
    assert record.invoked("%U %G %g %P %% %q %p %a %l3") == 'joe users 1 5000 % %q **** **** , "xxx...", 100'


def test_passwords_never_show() -> None:
    record = Record(METHODS["one.user.allocate"], ["o:s", "joe", "word", "core"], 1, "a:1", CALLER)
    assert record.invoked(FORMAT).endswith(', "joe", ****, "core"')
    login = Record(METHODS["one.user.login"], ["o:s", "joe", "", 60], 1, "a:1", CALLER, result="token-word")
    assert login.shown_result == "****"


def test_messages_of_failures() -> None:
    method = METHODS["one.document.info"]
    missing = Record(method, [], 1, "a:1", CALLER, NoExistsError(kind="document", oid=7))
    assert missing.message == "[one.document.info] Error getting document [7]."
    unknown = Record(method, [], 1, "a:1", None, AuthenticationError())
    assert (unknown.uid, unknown.message) == (
        -1,
        "[one.document.info] User couldn't be authenticated, aborting call.",
    )
