"""What subscribers hear of a real server, on both databases, and what it takes from the manager of hooks."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyone
import pytest
import zmq

from tests.integration.oned.conftest import end, new_daemon
from tests.integration.oned.daemon import PASSWORD, Daemon
from tests.integration.oned.listener import Listener, Ports, parsed, record, report, requester
from tests.integration.oned.machines import DRIVERS, until


@dataclass
class Told:
    """A server that publishes."""

    oned: Daemon
    ports: Ports
    listeners: list[Listener] = field(default_factory=list)

    def listen(self, *topics: str) -> Listener:
        self.listeners.append(Listener(self.ports.publisher, *topics).joined(self.oned))
        return self.listeners[-1]


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    ports = Ports()
    daemon = new_daemon(tmp_path_factory.mktemp("oned"), request.param, request, ports.conf + DRIVERS)
    daemon.start()
    yield Told(daemon, ports)
    end(daemon)


@pytest.fixture
def told(server: Told) -> Iterator[Told]:
    yield server
    while server.listeners:
        server.listeners.pop().__exit__()


def client(oned: Daemon) -> Any:  # noqa: ANN401 (its methods have no types)
    return pyone.OneServer(oned.uri, session=f"oneadmin:{PASSWORD}")


def hook(oned: Daemon, name: str, text: str = "TYPE=api\nCALL=one.vm.allocate") -> int:
    return int(oned.ok("one.hook.allocate", f"NAME={name}\nCOMMAND=x\n{text}"))


def test_calls(told: Told) -> None:
    oned, listener = told.oned, told.listen("EVENT API one.document")
    oid = oned.ok("one.document.allocate", 'NAME="a & b"\nX=1', 7)
    oned.ok("one.document.info", oid)
    oned.ok("one.documentpool.info", -2, -1, -1, 7)
    oned.fails(0x400, "one.document.rename", 9999, "x")
    oned.fails(0x100, "one.document.rename", oid, "x", session="oneadmin:wrong")
    oned.ok("one.document.delete", oid)
    found = listener.before_mark(oned)
    assert [key for key, _ in found] == [
        *(
            "EVENT API one.document.allocate 1",
            "EVENT API one.document.rename 0",
            "EVENT API one.document.delete 1",
        )
    ]
    made, refused, gone = (parsed(body) for _, body in found)
    assert made.findtext("CALL_INFO/PARAMETERS/PARAMETER[2]/VALUE") == 'NAME="a & b"\nX=1'
    assert made.findtext("CALL_INFO/PARAMETERS/PARAMETER[1]/VALUE") == "****"
    for message in (made, gone):
        assert message.findtext("CALL_INFO/EXTRA/DOCUMENT/ID") == str(oid)
        assert message.findtext("CALL_INFO/EXTRA/DOCUMENT/NAME") == "a & b"
    outcome = [part.findtext("VALUE") for part in refused.iter("PARAMETER") if part.findtext("TYPE") == "OUT"]
    assert outcome == ["false", "[one.document.rename] Error getting document [9999].", "1024", "9999"]


def test_no_secret_is_told(told: Told) -> None:
    oned, listener = told.oned, told.listen("EVENT API one.user")
    oid = oned.ok("one.user.allocate", "told", "swordfish", "core", [])
    token = oned.ok("one.user.login", "told", "", 100, -1, session="told:swordfish")
    oned.ok("one.user.passwd", oid, "marlin-fish")
    oned.ok("one.user.delete", oid)
    found = listener.before_mark(oned)
    assert len(found) == 4
    for _, body in found:
        for secret in ("swordfish", "marlin-fish", str(token), PASSWORD):
            assert secret not in body


def test_states_of_hosts_images_and_machines(told: Told) -> None:
    oned = told.oned
    listener = told.listen("EVENT HOST", "EVENT IMAGE", "EVENT VM", "EVENT STATE", "EVENT SERVICE")
    host = oned.ok("one.host.allocate", "state-host", "dummy", "plain", 0)
    until(lambda: "<STATE>2<" in str(oned.ok("one.host.info", host)), "the host is monitored")
    oned.ok("one.host.status", host, 1)
    store = oned.ok("one.datastore.allocate", "NAME=told\nDS_MAD=dummy\nTM_MAD=dummy\nTYPE=IMAGE_DS", 0)
    until(lambda: "<FREE_MB>0<" not in str(oned.ok("one.datastore.info", store)), "the datastore is looked at")
    image = oned.ok("one.image.allocate", "NAME=told\nSIZE=1\nTYPE=DATABLOCK", store)
    until(lambda: "<STATE>1<" in str(oned.ok("one.image.info", image)), "the image is ready")
    vm = oned.ok("one.vm.allocate", "CPU=1\nMEMORY=1\nSERVICE_ID=55\nUSER=x", True)
    oned.ok("one.vm.action", "terminate-hard", vm)
    found = listener.before_mark(oned)
    keys = [key for key, _ in found]
    for state in ("INIT", "MONITORED", "DISABLED"):
        assert f"EVENT HOST {host}/{state}/ " in keys
        assert f"EVENT STATE HOST/{state}//{host} " in keys
    assert f"EVENT IMAGE {image}/READY/ " in keys
    assert f"EVENT STATE IMAGE/READY//{image} " in keys
    of_machine = [key for key in keys if key.startswith(("EVENT VM", "EVENT STATE VM", "EVENT SERVICE"))]
    assert of_machine == [
        key
        for state in ("HOLD", "DONE")
        for key in (
            *(f"EVENT VM {vm}/{state}/LCM_INIT ", f"EVENT STATE VM/{state}/LCM_INIT/{vm} "),
            "EVENT SERVICE 55 ",
        )
    ]
    body = parsed(found[keys.index(f"EVENT VM {vm}/DONE/LCM_INIT ")][1])
    assert [child.tag for child in body] == [
        *("HOOK_TYPE", "HOOK_OBJECT", "STATE", "LCM_STATE", "RESOURCE_ID", "SERVICE_ID", "REMOTE_HOST", "VM")
    ]
    assert body.findtext("VM/STATE") == "6"


def test_order(told: Told) -> None:
    oned, listener = told.oned, told.listen("EVENT API one.document")
    oid = oned.ok("one.document.allocate", "NAME=order", 7)
    names = [f"order-{number}" for number in range(60)]
    for name in names:
        oned.ok("one.document.rename", oid, name)
    heard = [
        parsed(body).findtext("CALL_INFO/PARAMETERS/PARAMETER[3]/VALUE") for _, body in listener.before_mark(oned)
    ]
    assert heard[1:] == names


def test_records_are_kept_up_to_the_limit(told: Told) -> None:
    oned = told.oned
    oid = hook(oned, "records")
    with requester(told.ports.logger) as socket:
        for number in range(5):
            socket.send(report(oid, number % 2, record(str(number), str(number))))
            assert socket.recv() == b"ACK"
            socket.send(report(oid, number % 2, record(str(number), str(number))))
            assert socket.recv() == b"ACK", "an answer that got lost"
    with client(oned) as one:
        found = one.hook.info(oid).HOOKLOG.HOOK_EXECUTION_RECORD
    assert [entry.EXECUTION_ID for entry in found] == [2, 3, 4]
    assert [entry.EXECUTION_RESULT.STDOUT for entry in found] == ["2", "3", "4"]
    log = parsed(str(oned.ok("one.hooklog.info", -1, -1, oid, -1)))
    assert [entry.findtext("EXECUTION_ID") for entry in log] == ["3"], "those that failed"
    assert len(parsed(str(oned.ok("one.hooklog.info", -1, -1, oid, 1)))) == 2
    stamp = int(log.findtext("HOOK_EXECUTION_RECORD/TIMESTAMP", ""))
    assert len(parsed(str(oned.ok("one.hooklog.info", stamp + 5, -1, oid, 0)))) == 0
    assert len(parsed(str(oned.ok("one.hooklog.info", stamp - 60, stamp + 60, oid, 0)))) == 3
    oned.ok("one.hook.delete", oid)
    assert len(parsed(str(oned.ok("one.hooklog.info", -1, -1, oid, 0)))) == 0


def test_retry(told: Told) -> None:
    oned, listener = told.oned, told.listen("RETRY")
    oid = hook(oned, "retried")
    with requester(told.ports.logger) as socket:
        socket.send(report(oid, 1, f"{record(arguments='a &lt; b')}<REMOTE_HOST>h1</REMOTE_HOST>"))
        assert socket.recv() == b"ACK"
    oned.ok("one.hook.retry", oid, 0)
    message = "[one.hook.retry] Invalid HookLog body. Arguments not found."
    assert oned.fails(0x2000, "one.hook.retry", oid, 1) == message
    ((key, body),) = listener.before_mark(oned)
    assert key == "RETRY"
    assert body == (
        f"<HOOK_MESSAGE><ARGUMENTS>YSA8IGI=</ARGUMENTS><HOOK_ID>{oid}</HOOK_ID><REMOTE_HOST>h1</REMOTE_HOST>"
        "</HOOK_MESSAGE>"
    )


def test_hostile_reports(told: Told) -> None:
    oid = hook(told.oned, "hostile")
    context = zmq.Context()
    hostile = context.socket(zmq.DEALER)
    hostile.connect(f"tcp://127.0.0.1:{told.ports.logger}")
    for frames in ([b"no request"], [b""], [b"", b"x"], [b"", b""], [b"a", b"", b"b"], [b"", *[b"x"] * 1000]):
        hostile.send_multipart(frames)
    hostile.send_multipart([b"", bytes(20 * 2**20)])
    try:
        with requester(told.ports.logger) as socket:
            for text in (b"", b"\xff" * 100, report(99999), b"0 0 " + b"A" * 2**20, b"-5"):
                socket.send(text)
                assert socket.recv().startswith(b"ERROR ")
            socket.send(report(oid, 0, record("x" * 2**20)))
            assert socket.recv() == b"ACK"
    finally:
        context.destroy(linger=0)
    assert len(str(told.oned.ok("one.hook.info", oid))) > 2**20


def test_hooks_are_for_administrators(told: Told) -> None:
    oned = told.oned
    oid = hook(oned, "mine")
    oned.ok("one.user.allocate", "anyone", "pw", "core", [])
    for name, *params in (
        ("one.hook.allocate", "NAME=x\nTYPE=api"),
        ("one.hook.info", oid),
        ("one.hook.update", oid, "A=1", 1),
        ("one.hook.delete", oid),
        ("one.hook.rename", oid, "x"),
        ("one.hook.lock", oid, 1, False),
        ("one.hook.retry", oid, 0),
        ("one.hooklog.info", -1, -1, -1, 0),
    ):
        oned.fails(0x200, str(name), *params, session="anyone:pw")
    assert oned.ok("one.hookpool.info", -2, -1, -1, session="anyone:pw") == "<HOOK_POOL></HOOK_POOL>"


def test_a_hook_through_its_life(told: Told) -> None:
    oned = told.oned
    oid = hook(oned, "life", "TYPE=state\nRESOURCE=VM\nON=DONE\nREMOTE=yes")
    body = parsed(str(oned.ok("one.hook.info", oid)))
    assert [child.tag for child in body] == ["ID", "NAME", "TYPE", "TEMPLATE", "HOOKLOG"]
    assert [body.findtext(f"TEMPLATE/{name}") for name in ("STATE", "LCM_STATE", "REMOTE", "ON")] == [
        *("DONE", "LCM_INIT", "YES", None)
    ]
    taken = f"[one.hook.allocate] NAME is already taken by Hook {oid}."
    assert oned.fails(0x2000, "one.hook.allocate", "NAME=life\nTYPE=api\nCOMMAND=x\nCALL=one.vm.action") == taken
    wrong = "[one.hook.update] Cannot update template. The STATE attribute is not defined or it's invalid."
    assert oned.fails(0x2000, "one.hook.update", oid, "STATE=x", 1) == wrong
    wrong = "[one.hook.update] Cannot update template. The COMMAND attribute is not defined."
    assert oned.fails(0x2000, "one.hook.update", oid, "STATE=DONE", 0) == wrong
    assert oned.ok("one.hook.update", oid, "STATE=active\nLCM_STATE=boot", 1) == oid
    assert oned.ok("one.hook.rename", oid, "life2") == oid
    assert oned.ok("one.hook.lock", oid, 1, False) == oid
    with client(oned) as one:
        found = {entry.ID: entry for entry in one.hookpool.info(-2, -1, -1).HOOK}[oid]
    assert (found.NAME, found.TYPE, found.TEMPLATE["STATE"]) == ("life2", "state", "ACTIVE")
    assert oned.ok("one.hook.unlock", oid) == oid
    assert oned.ok("one.hook.delete", oid) == oid
    assert oned.fails(0x400, "one.hook.info", oid) == f"[one.hook.info] Error getting hook [{oid}]."
