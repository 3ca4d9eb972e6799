"""Events: their keys and texts, when they are written, and which of them are still to be sent."""

import shutil
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from lxml import etree
from sqlalchemy import insert, select

from oned.access.acl import Caller
from oned.api.record import Record
from oned.config import Settings
from oned.database.db import Database, Transaction
from oned.database.lease import FileLease, identity
from oned.database.schema import event, hook_log, hook_pool
from oned.errors import ActionError, ConfigError, StateError
from oned.hooks import api_event, event_store, events, hooklog
from oned.hooks.event_store import EventStore
from oned.hooks.hookconf import EventSettings, read_event_settings
from oned.methods.call import Answer, Method
from oned.model.user import User
from onelib.template import Template

CALLER = Caller(0, 0, "oneadmin", "oneadmin", frozenset({0}), 0o177)
TABLE = select(event.c.topics, event.c.body).order_by(event.c.id)


def rows(database: Database) -> list[tuple[list[str], str]]:
    found = database.read(lambda transaction: transaction.rows(TABLE))
    return [(str(topics).split("\n"), str(body)) for topics, body in found]


def write(database: Database, job: Callable[[Transaction], object]) -> object:
    return database.submit(job).result(10)


def record(
    *params: str | int | bool | list[str], hidden: tuple[int, ...] = (), name: str = "one.x.allocate"
) -> Record:
    method = Method(name, lambda: 0, write=True, hidden=frozenset(hidden))
    return Record(method, list(params), 1, "a:1", CALLER)  # type: ignore[arg-type]  # lists of text


def told(database: Database, call: Record, answer: Answer, *touched: object) -> etree._Element:
    def job(transaction: Transaction) -> None:
        transaction.touched += [(obj, "") for obj in touched]
        api_event.succeeded(transaction, call, answer)

    write(database, job)
    topics, body = rows(database)[-1]
    assert topics == [f"EVENT API {call.method.name} 1"]
    return etree.fromstring(body.encode())


def values(message: etree._Element, direction: str) -> list[tuple[str, str]]:
    found = [part for part in message.iter("PARAMETER") if part.findtext("TYPE") == direction]
    return [(part.findtext("POSITION", ""), part.findtext("VALUE", "")) for part in found]


def test_state_of_a_machine(database: Database) -> None:
    write(
        database,
        lambda t: events.vm_state(t, "<VM/>", 7, "ACTIVE", "BOOT", service_id="12", remote_host="a<b"),
    )
    assert rows(database) == [
        (
            ["EVENT VM 7/ACTIVE/BOOT ", "EVENT STATE VM/ACTIVE/BOOT/7 ", "EVENT SERVICE 12 "],
            (
                "<HOOK_MESSAGE><HOOK_TYPE>STATE</HOOK_TYPE><HOOK_OBJECT>VM</HOOK_OBJECT><STATE>ACTIVE</STATE>"
                "<LCM_STATE>BOOT</LCM_STATE><RESOURCE_ID>7</RESOURCE_ID><SERVICE_ID>12</SERVICE_ID>"
                "<REMOTE_HOST>a&lt;b</REMOTE_HOST><VM/></HOOK_MESSAGE>"
            ),
        )
    ]


def test_a_service_that_is_no_number_gets_no_key(database: Database) -> None:
    write(database, lambda t: events.vm_state(t, "<VM/>", 7, "DONE", "LCM_INIT", service_id="1\nEVENT X"))
    ((topics, body),) = rows(database)
    assert topics == ["EVENT VM 7/DONE/LCM_INIT ", "EVENT STATE VM/DONE/LCM_INIT/7 "]
    assert "<REMOTE_HOST></REMOTE_HOST><VM/>" in body


def test_states_of_hosts_and_images(database: Database) -> None:
    write(database, lambda t: events.host_state(t, "<HOST/>", 3, "ERROR", "h"))
    write(database, lambda t: events.image_state(t, "<IMAGE/>", 4, "READY"))
    head = "<HOOK_MESSAGE><HOOK_TYPE>STATE</HOOK_TYPE><HOOK_OBJECT>"
    assert rows(database) == [
        (
            ["EVENT HOST 3/ERROR/ ", "EVENT STATE HOST/ERROR//3 "],
            (
                f"{head}HOST</HOOK_OBJECT><STATE>ERROR</STATE><REMOTE_HOST>h</REMOTE_HOST>"
                "<RESOURCE_ID>3</RESOURCE_ID><HOST/></HOOK_MESSAGE>"
            ),
        ),
        (
            ["EVENT IMAGE 4/READY/ ", "EVENT STATE IMAGE/READY//4 "],
            f"{head}IMAGE</HOOK_OBJECT><STATE>READY</STATE><RESOURCE_ID>4</RESOURCE_ID><IMAGE/></HOOK_MESSAGE>",
        ),
    ]


def test_retry(database: Database) -> None:
    write(database, lambda t: events.retry(t, 5, "a é", ""))
    write(database, lambda t: events.retry(t, 5, "", "h&1"))
    encoded = b64encode("a é".encode()).decode()
    assert rows(database) == [
        (["RETRY"], f"<HOOK_MESSAGE><ARGUMENTS>{encoded}</ARGUMENTS><HOOK_ID>5</HOOK_ID></HOOK_MESSAGE>"),
        (
            ["RETRY"],
            (
                "<HOOK_MESSAGE><ARGUMENTS></ARGUMENTS><HOOK_ID>5</HOOK_ID><REMOTE_HOST>h&amp;1</REMOTE_HOST>"
                "</HOOK_MESSAGE>"
            ),
        ),
    ]


def test_a_call_hides_its_session_and_its_secrets(database: Database) -> None:
    call = record("me:secret", "bob", "pass", True, 7, ["x"], "a<&\rb", hidden=(2,))
    message = told(database, call, 9)
    assert values(message, "IN") == [
        *(("1", "****"), ("2", "bob"), ("3", "****"), ("4", "1"), ("5", "7"), ("6", "")),
        ("7", "a<&\nb"),
    ]
    assert values(message, "OUT") == [("1", "true"), ("2", "9"), ("3", "0")]
    assert [message.findtext(path) for path in ("HOOK_TYPE", "CALL", "CALL_INFO/RESULT", "CALL_INFO/EXTRA")] == [
        *("API", "one.x.allocate", "1", "")
    ]


def test_a_token_that_is_the_answer_is_hidden(database: Database) -> None:
    message = told(database, record("s", "bob", "", hidden=(2,), name="one.user.login"), "token")
    assert values(message, "OUT")[1] == ("2", "****")
    message = told(database, record("s", name="one.x.enable"), True)
    assert values(message, "OUT")[1] == ("2", "true")


def test_the_object_that_came_is_told_without_its_secrets(database: Database) -> None:
    template = Template([("TOKEN_PASSWORD", "hush"), ("A", "1")])
    bob, eve = (
        User(oid, 1, "users", name, "hash-of-it", "core", True, {1}, [], template)
        for oid, name in ((5, "bob"), (6, "eve"))
    )
    message = told(database, record("s", name="one.user.allocate"), 5, bob, eve)
    extra = message.find("CALL_INFO/EXTRA/USER")
    assert extra is not None
    assert extra.findtext("NAME") == "bob"
    assert extra.findtext("PASSWORD") == "****"
    assert extra.findtext("TEMPLATE/TOKEN_PASSWORD") == "****"
    assert extra.findtext("TEMPLATE/A") == "1"
    assert told(database, record("s", name="one.user.update"), 5, bob).findtext("CALL_INFO/EXTRA") == ""


def test_a_refused_call(database: Database) -> None:
    call = record("s", 3, name="one.vm.rename")
    call.failure = ActionError("no & no", oid=3)
    write(database, lambda t: api_event.failed(t, call))
    ((topics, body),) = rows(database)
    assert topics == ["EVENT API one.vm.rename 0"]
    message = etree.fromstring(body.encode())
    assert message.findtext("CALL_INFO/RESULT") == "0"
    assert values(message, "OUT") == [("1", "false"), ("2", "[one.vm.rename] no & no"), ("3", "2048"), ("4", "3")]


def test_a_large_call_is_cut(database: Database) -> None:
    message = told(database, record("s", "é" * (api_event.LARGEST_BYTES // 2), *["x"] * 100), 1)
    given = values(message, "IN")
    assert len(given) == api_event.MOST_PARAMETERS
    assert given[1][1] == "é" * api_event.SHORT_CHARS


def test_events_are_written_with_the_job_or_not_at_all(database: Database) -> None:
    def failing(transaction: Transaction) -> None:
        events.publish(transaction, ("A",), "lost")
        raise ActionError("no")

    with pytest.raises(ActionError):
        write(database, failing)
    write(database, lambda t: events.publish(t, ("B", "C"), "kept"))
    with database.transaction() as transaction:
        events.publish(transaction, ("D",), "beside the writer")
    assert rows(database) == [(["B", "C"], "kept"), (["D"], "beside the writer")]


def test_a_signal_is_given_after_the_commit(settings: Settings, database: Database) -> None:
    heard: list[int] = []
    database.listen(events.SIGNAL, lambda: heard.append(len(rows(database))))
    write(database, lambda t: events.publish(t, ("A",), ""))
    write(database, lambda t: None)
    assert heard == [1]


def put(database: Database, *numbers: int) -> None:
    row = [{"id": number, "topics": f"T{number}", "body": ""} for number in numbers]
    write(database, lambda t: t.write(insert(event), row))


def test_a_row_that_is_committed_late_is_found(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EventStore(database)
    put(database, 1, 4)
    found = store.next()
    assert [one.id for one in found] == [1, 4]
    store.sent(found)
    put(database, 2, 5)
    monkeypatch.setattr(event_store, "SWEEP_SECONDS", 0.0)
    found = store.next()
    assert [one.id for one in found] == [2]
    store.sent(found)
    found = store.next()
    assert [one.topics for one in found] == [("T5",)]
    store.sent(found)
    put(database, 3)
    store.forget()
    assert [one.id for one in store.next()] == [3]
    assert store.to_forget == 0


def test_what_cannot_be_published_is_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_store, "MOST_ROWS", 3)
    monkeypatch.setattr(event_store, "_EXCESS", event_store._EXCESS.offset(3))
    store = EventStore(database)
    put(database, *range(1, 4))
    assert store.trim() == 0
    put(database, *range(4, 9))
    assert store.trim() == 5
    assert [one.id for one in store.next()] == [6, 7, 8]
    assert store.clear() == 3
    assert store.clear() == 0


def test_numbers_are_not_given_twice(database: Database) -> None:
    write(database, lambda t: events.publish(t, ("A",), ""))
    store = EventStore(database)
    first = store.next()
    store.sent(first)
    store.forget()
    write(database, lambda t: events.publish(t, ("B",), ""))
    assert [one.topics for one in store.next()] == [("B",)], "without waiting for the next sweep"


def test_a_file_lease_has_one_holder(tmp_path: Path) -> None:
    one, other = FileLease(tmp_path / "l"), FileLease(tmp_path / "l")
    assert one.hold()
    assert one.hold()
    assert not other.hold()
    one.release()
    assert other.hold()
    assert not one.hold()


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        ("", None),
        ('HM_MAD = [ EXECUTABLE = "one_hm" ]', EventSettings()),
        (
            'HM_MAD = [ ARGUMENTS = "-p 1 -l 2 -b ::1 -t 15 --hwm=9" ]\nHOOK_LOG_CONF = [ LOG_RETENTION = 3 ]',
            EventSettings("::1", 1, 2, 9, 3),
        ),
        (
            'HM_MAD = [ ARGUMENTS = "--publisher-port 7 --logger-port=8 --bind 0.0.0.0" ]',
            EventSettings("0.0.0.0", 7, 8),
        ),
    ],
)
def test_configuration(conf: str, expected: EventSettings | None) -> None:
    assert read_event_settings(Template.from_text(conf, configuration=True)) == expected


@pytest.mark.parametrize("arguments", ["-p x", "-p 0", "-p 65536", "-x", "-p 1 word", "-p '", "-h -1"])
def test_wrong_configuration(arguments: str) -> None:
    with pytest.raises(ConfigError, match="HM_MAD/ARGUMENTS"):
        read_event_settings(Template([("HM_MAD", {"ARGUMENTS": arguments})]))


def test_endpoints() -> None:
    assert EventSettings().endpoint(2101) == "tcp://127.0.0.1:2101"
    assert EventSettings("::1").endpoint(5) == "tcp://[::1]:5"


INNER = "<ARGUMENTS>a</ARGUMENTS><EXECUTION_RESULT><CODE>1</CODE></EXECUTION_RESULT>"


def encoded(text: str) -> bytes:
    return b64encode(text.encode())


def test_a_report() -> None:
    assert hooklog.parse_report(b"-1 7 " + encoded(INNER)) == hooklog.Sent(7, -1, INNER, "")
    sent = hooklog.parse_report(b"0 7 " + encoded(f"{INNER}<UUID>u</UUID>"))
    assert (sent.code, sent.uuid) == (0, "u")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"garbage",
        b"\xff\x00 1 2",
        b"1 1",
        b"x 1 " + encoded(INNER),
        b"1 1 " + encoded(INNER) + b" more",
        b"99999999999999999999 1 " + encoded(INNER),
        b"1 1 !!!",
        b"1 1 " + b64encode(b"\xff"),
        b"1 1 " + encoded("<ARGUMENTS/>"),
        b"1 1 " + encoded(f"{INNER}</R><R>"),
        b"1 1 " + encoded("<!DOCTYPE x><ARGUMENTS/>"),
        b"1 1 " + encoded("<a>" * 5000),
        b"1 1 " + encoded(INNER + "<x/>" * 5000),
    ],
)
def test_what_is_no_report(text: bytes) -> None:
    with pytest.raises(hooklog.RecordError):
        hooklog.parse_report(text)


def test_the_log_keeps_the_last_records_and_each_once(database: Database) -> None:
    row = {"oid": 2, "name": "h", "body": "<HOOK/>"}
    write(database, lambda t: t.write(insert(hook_pool), row))
    for number in range(5):
        sent = hooklog.Sent(2, number, f"{INNER}<UUID>{number}</UUID>", str(number))
        write(database, partial(hooklog.add, sent=sent, keep=3))
        write(database, partial(hooklog.add, sent=sent, keep=3))
    found = database.read(lambda t: t.rows(select(hook_log.c.exeid, hook_log.c.rc).order_by(hook_log.c.exeid)))
    assert [tuple(row) for row in found] == [(2, 2), (3, 3), (4, 4)]
    with pytest.raises(hooklog.RecordError, match="no hook 3"):
        write(database, lambda t: hooklog.add(t, hooklog.Sent(3, 0, INNER, ""), 3))


def test_a_server_keeps_its_identity(tmp_path: Path) -> None:
    known = identity(tmp_path)
    assert identity(tmp_path) == known
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path, copy)
    other = identity(copy)
    assert other != known, "the server on a copy of the folder is another one"
    assert (identity(copy), identity(tmp_path)) == (other, known)
    (tmp_path / ".server_id").write_bytes(b"\xff torn")
    assert identity(tmp_path) not in {known, ""}
    with pytest.raises(StateError):
        identity(tmp_path / "none")
