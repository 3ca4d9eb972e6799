"""A patch over several files: all old or all new, whatever happens in between."""

import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path

import pytest

from onecfg import patch
from onecfg.disk import files, journal, lock, transaction
from onecfg.model import NewFile
from onecfg.patch import Change, Command, PatchError, Write, apply, parse
from onelib.locations import Locations

Put = Callable[[str, str | bytes], Path]
ONED, FLOW, RC, GONE, NEW = (
    "/etc/one/oned.conf",
    "/etc/one/oneflow-server.conf",
    "/var/lib/one/remotes/etc/vmm/kvm/kvmrc",
    "/etc/one/sched.conf",
    "/etc/one/sunstone-views/mixed/new.yaml",
)
OLD_FILES = {ONED: "PORT = 1\n", FLOW: ":port: 1\n", RC: "A=1\n", GONE: "X = 1\n", NEW: None}
NEW_FILES = {ONED: "PORT = 2\n", FLOW: ":port: 2\n", RC: "A=2\n", GONE: None, NEW: "a: 1\n"}
CHANGES = [
    *parse(f"{ONED} set PORT 2\n{FLOW} set :port 2\n{RC} set A 2\n"),
    Change(GONE, Command.DELETE, ()),
    Change(NEW, Command.CREATE, (), content=NewFile(b"a: 1\n")),
]


def lay(locations: Locations) -> None:
    """The old files."""
    for name, text in OLD_FILES.items():
        path = locations.under(name)
        if text is None:
            path.unlink(missing_ok=True)
            for folder in (path.parent, path.parent.parent):
                if folder.exists():
                    folder.rmdir()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def found(locations: Locations) -> dict[str, str | None]:
    """The files as they are."""
    paths = {name: locations.under(name) for name in OLD_FILES}
    return {name: path.read_text() if path.exists() else None for name, path in paths.items()}


def litter(locations: Locations) -> list[str]:
    """What a transaction left behind: hidden files, and folders without a file."""
    return [
        str(path)
        for path in locations.root.rglob("*")
        if path.name.startswith(".") or (path.name == "mixed" and not list(path.iterdir()))
    ]


def change_all(locations: Locations) -> None:
    """The patch under test."""
    apply(CHANGES, locations, unprivileged=True)


def killed_at(step: int, action: Callable[[], object]) -> bool:
    """Run ``action`` in a child that kills itself before its ``step``-th call that touches a file; whether it did."""
    child = os.fork()
    if child == 0:
        left = [step]

        def hook(event: str, _arguments: tuple[object, ...]) -> None:
            if event in {"open", "os.rename", "os.remove", "os.link", "os.mkdir", "os.rmdir", "os.truncate"}:
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        try:
            action()
        except BaseException:  # noqa: BLE001 - a child of the test must never return into pytest
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False


def instants(locations: Locations, direction: str) -> Iterator[int]:
    """The steps at which a kill is settled in this direction."""
    change_all_once(locations)
    for step in count(1):
        lay(locations)
        if not killed_at(step, lambda: change_all(locations)):
            return
        if direction in transaction.recover(locations):
            yield step


def change_all_once(locations: Locations) -> None:
    """Load what is only loaded when it is needed: a step is one of the transaction, not of an import."""
    lay(locations)
    change_all(locations)


def test_all_of_it_is_made(locations: Locations) -> None:
    lay(locations)
    change_all(locations)
    assert found(locations) == NEW_FILES
    assert litter(locations) == []


def test_killed_before_every_step_the_next_run_finds_all_old_or_all_new(locations: Locations) -> None:
    outcomes, step = [], 1
    change_all_once(locations)
    lay(locations)
    while killed_at(step, lambda: change_all(locations)):
        said = transaction.recover(locations)
        files_now = found(locations)
        assert files_now in (OLD_FILES, NEW_FILES), step
        assert ("finished" in said) <= (files_now == NEW_FILES)
        # Where the kill came before there was a journal, its temporary and the stale lock may be left.
        assert [path for path in litter(locations) if not path.endswith((lock.NAME, "journal.new"))] == [], step
        outcomes.append(files_now == NEW_FILES)
        lay(locations)
        step += 1
    assert found(locations) == NEW_FILES
    assert outcomes.count(False) > 15
    assert outcomes.count(True) > 5
    assert outcomes == sorted(outcomes), "old up to an instant, new from then on"


@pytest.mark.parametrize("direction", ["removed", "finished"])
def test_killed_again_while_it_recovers(locations: Locations, direction: str) -> None:
    """For three instants of the first kill, a second one before every step of what settles it."""
    for first in islice(instants(locations, direction), 0, 9, 3):
        step, again = 1, True
        while again:
            lay(locations)
            assert killed_at(first, lambda: change_all(locations))
            again = killed_at(step, lambda: transaction.recover(locations))
            transaction.recover(locations)
            assert found(locations) == (OLD_FILES if direction == "removed" else NEW_FILES), (first, step)
            step += 1
        assert step > 8


@pytest.mark.parametrize("pause", [0.0, 0.004, 0.009, 0.015, 0.022, 0.035])
def test_killed_from_outside_all_files_agree(locations: Locations, pause: float) -> None:
    lay(locations)
    code = (
        "import sys; from pathlib import Path; from onecfg.patch import *; from onelib.locations import Locations\n"
        "print('ready', flush=True)\n"
        "value = 1\n"
        "while True:\n"
        "    value += 1\n"
        "    apply(parse(f'/etc/one/oned.conf set PORT {value}\\n/etc/one/oneflow-server.conf set :port {value}\\n'\n"
        "        f'/var/lib/one/remotes/etc/vmm/kvm/kvmrc set A {value}'), Locations(Path(sys.argv[1])))\n"
    )
    environment = {"PYTHONPATH": str(Path(patch.__file__).parent.parent), "PATH": os.environ["PATH"]}
    worker = subprocess.Popen(
        [sys.executable, "-c", code, str(locations.root)], stdout=subprocess.PIPE, env=environment
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == b"ready\n"
    time.sleep(0.05 + pause)
    worker.kill()
    worker.communicate()
    transaction.recover(locations)
    numbers = {re.sub(r"\D", "", text) for name in (ONED, FLOW, RC) if (text := found(locations)[name])}
    assert len(numbers) == 1
    # And the next patch works, with nothing left behind.
    assert apply(parse(f"{ONED} set PORT 999999"), locations).saved
    assert litter(locations) == []


def test_a_reader_waits_for_nothing_when_nothing_is_interrupted(locations: Locations) -> None:
    lay(locations)
    with lock.held(files.home(locations)):
        assert transaction.recover(locations) == ""


def test_what_was_settled_is_a_warning(locations: Locations) -> None:
    step = next(instants(locations, "finished"))
    lay(locations)
    assert killed_at(step, lambda: change_all(locations))
    report = apply(parse(f"{ONED} set PORT 3"), locations)
    assert report.warnings[0].startswith("An interrupted patch was finished")


def test_a_rename_that_is_refused_brings_the_old_files_back(locations: Locations) -> None:
    """A file that is mounted by itself, as in a container, cannot be replaced."""
    lay(locations)
    inode = locations.under(ONED).stat().st_ino
    code = (
        "import sys; from pathlib import Path; from onecfg.patch import *; from onelib.locations import Locations\n"
        "apply(parse('/etc/one/oned.conf set PORT 2\\n/etc/one/oneflow-server.conf set :port 2'), "
        "Locations(Path(sys.argv[1])))\n"
    )
    busy = locations.under(FLOW)
    done = subprocess.run(
        [
            "unshare",
            *([] if os.geteuid() == 0 else ["-Ur"]),
            "-m",
            "sh",
            "-c",
            'mount --bind "$1" "$1" && shift && exec "$@"',
            "sh",
            str(busy),
            sys.executable,
            "-c",
            code,
            str(locations.root),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(Path(patch.__file__).parent.parent), "PATH": os.environ["PATH"]},
    )
    assert "Device or resource busy. No file was changed." in done.stderr, done.stderr
    assert "mount its folder" in done.stderr
    assert found(locations) == OLD_FILES
    assert locations.under(ONED).stat().st_ino == inode
    assert litter(locations) == []


def test_a_file_that_somebody_else_wrote_meanwhile_is_not_overwritten(put: Put, locations: Locations) -> None:
    oned = put(ONED, "PORT = 1\n")
    original = files.read(ONED, locations)
    oned.write_text("PORT = 12\n")
    with pytest.raises(PatchError, match="changed meanwhile"):
        transaction.commit([Write(oned, b"PORT = 2\n", original)], locations)
    assert oned.read_text() == "PORT = 12\n"
    assert litter(locations) == []


def test_a_file_that_appeared_meanwhile_is_not_overwritten(put: Put, locations: Locations) -> None:
    view = put(NEW, "mine: 1\n")
    with pytest.raises(PatchError, match="changed meanwhile"):
        transaction.commit([Write(view, b"a: 1\n")], locations)
    assert view.read_text() == "mine: 1\n"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"state": "forward"}', '{"state": "x", "files": [], "folders": []}']
)
def test_a_journal_that_cannot_be_read_stops_everything(put: Put, locations: Locations, text: str) -> None:
    oned = put(ONED, "PORT = 1\n")
    put(f"/etc/one/{journal.NAME}", text)
    with pytest.raises(PatchError, match="cannot be followed"):
        apply(parse(f"{ONED} set PORT 2"), locations)
    assert oned.read_text() == "PORT = 1\n"


def test_a_journal_of_another_user_is_not_followed(put: Put, locations: Locations) -> None:
    if os.geteuid() != 0:
        pytest.fail("this test gives a file to another user: run it as root")
    victim = put("/victim", "mine\n")
    content = {"state": "forward", "files": [{"path": str(victim), "new": False, "old": True}], "folders": []}
    planted = put(f"/etc/one/{journal.NAME}", json.dumps(content))
    os.chown(planted, 65534, 65534)
    put(ONED, "PORT = 1\n")
    with pytest.raises(PatchError, match="belongs to somebody else"):
        apply(parse(f"{ONED} set PORT 2"), locations)
    assert victim.read_text() == "mine\n"


def _insert(root: Path, number: int) -> None:
    for index in range(10):
        change = Change(ONED, Command.INS, "VM_RESTRICTED_ATTR", f'"{number}/{index}"')
        apply([change], Locations(root))


def test_patches_at_the_same_time_wait_for_each_other(put: Put, locations: Locations) -> None:
    oned = put(ONED, "PORT = 1\n")
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_insert, args=(locations.root, number)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert len(re.findall(r"VM_RESTRICTED_ATTR", oned.read_text())) == 40
    assert litter(locations) == []


def test_the_owner_of_the_lock_is_named(put: Put, locations: Locations, monkeypatch: pytest.MonkeyPatch) -> None:
    put(ONED, "PORT = 1\n")
    monkeypatch.setattr(lock, "WAIT_SECONDS", 0.2)
    started, ended = threading.Event(), threading.Event()

    def hold() -> None:
        with lock.held(locations.etc):
            started.set()
            ended.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert started.wait(10)
        begin = time.monotonic()
        with pytest.raises(PatchError, match=rf"Another patch is at work .*process {os.getpid()} \("):
            apply(parse(f"{ONED} set PORT 2"), locations)
        assert time.monotonic() - begin < 5
    finally:
        ended.set()
        holder.join()


def test_a_lock_that_a_killed_process_left_blocks_nobody(put: Put, locations: Locations) -> None:
    put(ONED, "PORT = 1\n")
    put(f"/etc/one/{lock.NAME}", "process 1 (onecfg) since ever")
    assert apply(parse(f"{ONED} set PORT 2"), locations).saved
    assert litter(locations) == []


def test_files_of_the_caller_change_with_the_others(put: Put, locations: Locations) -> None:
    put(ONED, "PORT = 1\n")
    state = locations.under("/etc/onecfg.conf")
    apply(parse(f"{ONED} set PORT 2"), locations, also=[Write(state, b"version: 6.0.0\n", mode=0o644)])
    assert state.read_text() == "version: 6.0.0\n"
    assert state.stat().st_mode & 0o777 == 0o644
