"""The hook execution manager and a server: both real processes, and programs that they run."""

import os
import signal
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from lxml import etree

from tests.integration.oned.conftest import end, new_daemon
from tests.integration.oned.daemon import ROOT, Daemon
from tests.integration.oned.listener import Ports, parsed
from tests.integration.oned.machines import DRIVERS, until

ECHO = '#!/bin/sh\necho "$0 $#: $*"; cat; exit ${CODE:-0}\n'


@dataclass
class Pair:
    """A server and its manager. Hooks get names of their own."""

    oned: Daemon
    ports: Ports
    concurrency: int = 3
    process: "subprocess.Popen[bytes] | None" = None
    made: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.script("echo.sh", ECHO)
        (self.oned.root / "etc/one/onehem-server.conf").write_text(
            f":debug_level: 3\n:subscriber_endpoint: 'tcp://localhost:{self.ports.publisher}'\n"
            f":replier_endpoint: 'tcp://localhost:{self.ports.logger}'\n:concurrency: {self.concurrency}\n"
        )

    @property
    def log(self) -> Path:
        return self.oned.root / "var/log/one/onehem.log"

    def script(self, name: str, text: str) -> Path:
        path = self.oned.root / "var/lib/one/remotes/hooks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def start(self) -> None:
        """Start the manager, and wait until it has the hooks and hears events."""
        environment = {
            "PATH": f"{self.oned.root}/bin:{os.environ['PATH']}",
            "ONEEDGE_ROOT": str(self.oned.root),
            "ONE_XMLRPC": self.oned.uri,
            "PYTHONPATH": str(ROOT),
        }
        loads = self.loads()
        with (self.oned.root / "hem-output").open("ab") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "hem.cli"], env=environment, stdout=stream, stderr=stream
            )
        until(lambda: self.loads() > loads, "the hooks are loaded")
        end = time.monotonic() + 10
        while self.loads() < loads + 2:  # it reads them again when it hears of a new one
            assert time.monotonic() < end, "the manager does not hear events"
            oid = self.oned.ok(
                "one.hook.allocate", f"NAME=probe-{time.monotonic_ns()}\nTYPE=api\nCALL=one.vm.recover\nCOMMAND=x"
            )
            time.sleep(0.1)
            self.oned.ok("one.hook.delete", oid)

    def loads(self) -> int:
        return self.log.read_text().count("hooks loaded") if self.log.exists() else 0

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        code = self.process.wait(15)
        self.process = None
        return code

    def hook(self, name: str, text: str) -> int:
        oid = self.made[name] = int(self.oned.ok("one.hook.allocate", f"NAME={name}\n{text}"))
        return oid

    def is_last(self, hook: int, execution: str) -> bool:
        """Whether ``execution`` is the last in the log of ``hook``."""
        log = parsed(str(self.oned.ok("one.hook.info", hook)))
        return log.findall("HOOKLOG/HOOK_EXECUTION_RECORD/EXECUTION_ID")[-1].text == execution

    def records(self, hook: int, count: int) -> list[etree._Element]:
        """The records of ``hook`` when there are ``count``."""

        def found() -> list[etree._Element]:
            return parsed(str(self.oned.ok("one.hook.info", hook))).findall("HOOKLOG/HOOK_EXECUTION_RECORD")

        until(lambda: len(found()) >= count, f"{count} records of hook {hook}, in {self.log.read_text()[-1500:]}")
        assert len(found()) == count
        return found()


def text(record: etree._Element, name: str) -> str:
    return record.findtext(name) or ""


def output(record: etree._Element, name: str = "STDOUT") -> str:
    return b64decode(text(record, f"EXECUTION_RESULT/{name}")).decode()


def code(record: etree._Element) -> int:
    return int(text(record, "EXECUTION_RESULT/CODE"))


def close(pair: Pair) -> None:
    if pair.process is not None:
        pair.stop(signal.SIGKILL)
    end(pair.oned)


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    ports = Ports()
    daemon = new_daemon(tmp_path_factory.mktemp("hem"), request.param, request, ports.conf + DRIVERS)
    pair = Pair(daemon, ports)
    daemon.start()
    pair.start()
    yield pair
    close(pair)
    assert "Traceback" not in (daemon.root / "hem-output").read_text()


@pytest.fixture
def lone(tmp_path: Path) -> Iterator[Pair]:
    """On SQLite, with a manager that runs one hook at a time."""
    ports = Ports()
    pair = Pair(Daemon(tmp_path, extra=ports.conf), ports, concurrency=1)
    pair.oned.start()
    pair.start()
    yield pair
    close(pair)


def test_a_call_starts_a_hook_that_was_just_made(pair: Pair) -> None:
    oid = pair.hook("call", "TYPE=api\nCALL=one.document.allocate\nCOMMAND=echo.sh\nARGUMENTS=\"a $API 'b c'\"")
    document = pair.oned.ok("one.document.allocate", "NAME=told\nX=1", 9)
    pair.oned.fails(0x2000, "one.document.allocate", "][", 9)
    first, second = sorted(pair.records(oid, 2), key=lambda record: -len(text(record, "ARGUMENTS")))
    words = text(first, "ARGUMENTS").split(" ")
    assert (words[0], words[2:]) == ("a", ["'b", "c'"])
    call = parsed(b64decode(words[1]).decode())
    assert call.tag == "CALL_INFO"
    assert call.findtext("EXTRA/DOCUMENT/ID") == str(document)
    path = pair.oned.root / "var/lib/one/remotes/hooks/echo.sh"
    assert output(first) == f"{path} 3: a {words[1]} b c\n"
    assert text(first, "EXECUTION_RESULT/COMMAND") == f"{path} {text(first, 'ARGUMENTS')}"
    assert parsed(b64decode(text(second, "ARGUMENTS").split(" ")[1]).decode()).findtext("RESULT") == "0"
    pair.oned.ok("one.hook.update", oid, "COMMAND=/bin/false", 1)
    pair.oned.ok("one.document.allocate", "X=1", 9)
    assert code(pair.records(oid, 3)[-1]) == 1
    pair.oned.ok("one.hook.delete", oid)
    after = pair.hook("after", "TYPE=api\nCALL=one.document.allocate\nCOMMAND=echo.sh")
    pair.oned.ok("one.document.allocate", "X=1", 9)
    pair.records(after, 1)
    pair.oned.ok("one.hook.delete", after)
    assert pair.log.read_text().count(f"Executing hook {oid} ") == 3


def test_states_start_hooks(pair: Pair) -> None:
    oned = pair.oned
    host = pair.hook(
        "host",
        "TYPE=state\nRESOURCE=HOST\nSTATE=DISABLED\nCOMMAND=echo.sh\nARGUMENTS=$TEMPLATE\nARGUMENTS_STDIN=yes",
    )
    vm = pair.hook(
        "vm",
        "TYPE=state\nRESOURCE=VM\nON=CUSTOM\nSTATE=HOLD\nLCM_STATE=LCM_INIT\nCOMMAND=echo.sh\nARGUMENTS=$TEMPLATE",
    )
    done = pair.hook("done", "TYPE=state\nRESOURCE=VM\nON=DONE\nCOMMAND=echo.sh")
    image = pair.hook("image", "TYPE=state\nRESOURCE=IMAGE\nSTATE=READY\nCOMMAND=echo.sh\nARGUMENTS=$TEMPLATE")
    host_id = oned.ok("one.host.allocate", "hooked", "dummy", "plain", -1)
    oned.ok("one.host.status", host_id, 1)
    machine = oned.ok("one.vm.allocate", "CPU=1\nMEMORY=1", True)
    oned.ok("one.vm.action", "terminate", machine)
    store = oned.ok("one.datastore.allocate", "NAME=hooked\nDS_MAD=dummy\nTM_MAD=dummy\nTYPE=IMAGE_DS", 0)
    until(lambda: "<FREE_MB>0<" not in str(oned.ok("one.datastore.info", store)), "the datastore is looked at")
    image_id = oned.ok("one.image.allocate", "NAME=hooked\nSIZE=1\nTYPE=DATABLOCK", store)
    (record,) = pair.records(host, 1)
    given = output(record).splitlines()
    assert given[0].endswith("echo.sh 0: ")
    assert parsed(b64decode(given[1]).decode()).findtext("NAME") == "hooked"
    for hook, tag, oid in ((vm, "VM", machine), (image, "IMAGE", image_id)):
        (record,) = pair.records(hook, 1)
        message = parsed(b64decode(text(record, "ARGUMENTS")).decode())
        assert (message.tag, message.findtext("ID")) == (tag, str(oid))
    assert text(pair.records(done, 1)[0], "ARGUMENTS") == ""


def test_what_goes_wrong_is_recorded(pair: Pair) -> None:
    call = "TYPE=api\nCALL=one.template.allocate\n"
    hanging = pair.hook("hanging", f"{call}COMMAND=\"/bin/sh -c 'echo begun; sleep 60'\"\nTIMEOUT=1")
    missing = pair.hook("missing", f"{call}COMMAND=none.sh")
    failing = pair.hook("failing", f"{call}COMMAND=\"/bin/sh -c 'echo oops >&2; exit 7'\"")
    remote = pair.hook("remote", f"{call}COMMAND=echo.sh\nREMOTE=yes")
    pair.oned.ok("one.template.allocate", "NAME=t")
    record = pair.records(hanging, 1)[0]
    assert (code(record), output(record), output(record, "STDERR")) == (
        255,
        "begun\n",
        "Timeout executing /bin/sh\n",
    )
    assert "No such file" in output(pair.records(missing, 1)[0], "STDERR")
    record = pair.records(failing, 1)[0]
    assert (code(record), output(record, "STDERR")) == (7, "oops\n")
    assert "No remote host" in output(pair.records(remote, 1)[0], "STDERR")
    for oid in (hanging, missing, failing, remote):
        pair.oned.ok("one.hook.delete", oid)


def test_a_remote_hook_runs_on_the_host_of_the_event(pair: Pair) -> None:
    ssh = pair.oned.root / "bin/ssh"
    ssh.parent.mkdir(exist_ok=True)
    ssh.write_text('#!/bin/sh\necho "$*"\n')
    ssh.chmod(0o755)
    state = "TYPE=state\nRESOURCE=HOST\nSTATE=OFFLINE\nREMOTE=yes\n"
    oid = pair.hook("far", f'{state}COMMAND="far.sh -x"\nARGUMENTS="one two"')
    host = pair.oned.ok("one.host.allocate", "far-host", "dummy", "plain", -1)
    pair.oned.ok("one.host.status", host, 2)
    (record,) = pair.records(oid, 1)
    assert output(record).endswith("-- far-host /var/tmp/one/hooks/far.sh -x one two\n")
    assert text(record, "REMOTE_HOST") == "far-host"
    pair.oned.ok("one.hook.retry", oid, 0)
    record = pair.records(oid, 2)[1]
    assert output(record).endswith("-- far-host /var/tmp/one/hooks/far.sh -x one two\n")
    assert text(record, "RETRY") == "yes"


def test_a_retry_has_the_same_arguments(pair: Pair) -> None:
    oid = pair.hook("again", 'TYPE=api\nCALL=one.secgroup.allocate\nCOMMAND=echo.sh\nARGUMENTS="$API x"')
    pair.oned.ok("one.secgroup.allocate", "NAME=again\nRULE=[PROTOCOL=TCP,RULE_TYPE=inbound]")
    (first,) = pair.records(oid, 1)
    pair.oned.ok("one.hook.retry", oid, 0)
    second = pair.records(oid, 2)[1]
    assert text(second, "ARGUMENTS") == text(first, "ARGUMENTS")
    assert output(second) == output(first)
    assert text(first, "RETRY") == ""
    for last in ("2", "3"):
        pair.oned.ok("one.hook.retry", oid, 1)
        until(partial(pair.is_last, oid, last), f"the record {last}")
    assert len(pair.records(oid, 3)) == 3, "no more are kept"


def test_no_more_than_allowed_run_at_a_time(pair: Pair, tmp_path: Path) -> None:
    script = pair.script("slow.sh", f"#!/bin/sh\necho + >>{tmp_path}/runs; sleep 0.2; echo - >>{tmp_path}/runs\n")
    pair.hook("slow", f"TYPE=api\nCALL=one.document.clone\nCOMMAND={script}")
    document = pair.oned.ok("one.document.allocate", "X=1", 5)
    for number in range(8):
        pair.oned.ok("one.document.clone", document, f"clone-{number}")
    runs = tmp_path / "runs"
    until(lambda: runs.exists() and runs.read_text().count("-") == 8, "all have run")
    running = highest = 0
    for line in runs.read_text().split():
        running += 1 if line == "+" else -1
        highest = max(highest, running)
    assert 2 <= highest <= pair.concurrency


def test_a_killed_manager_takes_up_what_it_left(lone: Pair, tmp_path: Path) -> None:
    lone.script("slow.sh", f'#!/bin/sh\necho "$1" >>{tmp_path}/begun; [ "$1" = 0 ] && exec sleep 60; exit 0\n')
    oid = lone.hook("slow", "TYPE=api\nCALL=one.document.chmod\nCOMMAND=slow.sh\nARGUMENTS=0")
    document = lone.oned.ok("one.document.allocate", "X=1", 5)
    for _ in range(2):
        lone.oned.ok("one.document.chmod", document, *[-1] * 9)
    begun = tmp_path / "begun"
    until(begun.exists, "the first runs")
    loads = lone.loads()
    lone.hook("later", "TYPE=api\nCALL=one.vm.recover\nCOMMAND=x")
    until(lambda: lone.loads() > loads, "what came before was heard")
    lone.stop(signal.SIGKILL)
    lone.script("slow.sh", f"#!/bin/sh\necho again >>{tmp_path}/begun\n")
    lone.start()
    first, second = lone.records(oid, 2)
    assert code(first) == 255
    assert "how far it came is not known" in output(first, "STDERR")
    assert code(second) == 0
    assert begun.read_text() == "0\nagain\n", "what ran is not run again by itself"


def test_a_manager_waits_for_its_server(lone: Pair) -> None:
    lone.script("wait.sh", "#!/bin/sh\nsleep 0.6\n")
    oid = lone.hook("wait", "TYPE=api\nCALL=one.document.allocate\nCOMMAND=wait.sh")
    lone.oned.ok("one.document.allocate", "X=1", 5)
    until(lambda: "Executing" in lone.log.read_text(), "it runs")
    lone.oned.stop(signal.SIGKILL)
    until(lambda: "successfully executed" in lone.log.read_text(), "it has run")
    lone.oned.start()
    lone.records(oid, 1)
    assert lone.stop() == 0
