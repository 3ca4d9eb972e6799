"""The commands on a database at rest: fsck with its exit codes and its backup, bodies, purges, versions, scripts."""

import io
import os
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import pytest
from sqlalchemy import select

from oned.database.schema import history
from oned.model.history import History
from oned.model.vm import Vm
from onedb.cli import main
from onelib.locations import Locations
from tests.integration.onedb.fsck_world import World


def onedb(made: World, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command; our own connections are closed, as nobody else may have any."""
    made.engine.dispose()
    out, err = io.StringIO(), io.StringIO()
    words = made.daemon.environment() | environment
    with patch.dict(os.environ, words), redirect_stdout(out), redirect_stderr(err):
        code = main(list(arguments))
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def break_host(made: World) -> None:
    made.sql("UPDATE host_pool SET cid = 5 WHERE oid = :oid", oid=made.ground.hosts[0])


def cid(made: World) -> object:
    return made.sql("SELECT cid FROM host_pool WHERE oid = :oid", oid=made.ground.hosts[0])[0][0]


def test_fsck_tells_its_outcome_by_its_exit_code(made: World) -> None:
    clean = onedb(made, "fsck")
    assert (clean.returncode, clean.stderr) == (0, "")
    assert "Total errors found: 0\n" in clean.stdout
    break_host(made)
    dry = onedb(made, "fsck", "--dry-run")
    assert (dry.returncode, cid(made)) == (2, 5)
    assert "but cid column has cluster 5\n" in dry.stdout
    backup = made.daemon.root / "before.sql"
    done = onedb(made, "fsck", "-b", str(backup))
    assert (done.returncode, cid(made)) == (0, 0), done
    assert "Total errors repaired: 1\nTotal errors unrepaired: 0\n" in done.stdout
    assert b"host_pool" in backup.read_bytes()
    assert "but cid column has cluster 5" in (Locations(made.daemon.root).log / "onedb-fsck.log").read_text()
    backup.unlink()
    made.sql("UPDATE vm_pool SET body = '<VM>' WHERE oid = :oid", oid=made.vms["HOLD"])
    left = onedb(made, "fsck", "--no-backup")
    assert left.returncode == 1
    assert "[UNREPAIRED] VM " in left.stdout


def test_a_backup_that_fails_leaves_all_as_it_was(made: World) -> None:
    break_host(made)
    target = made.daemon.root / "taken.sql"
    target.write_text("something else")
    refused = onedb(made, "fsck", "-b", str(target))
    assert (refused.returncode, cid(made), target.read_text()) == (255, 5, "something else")
    assert "exists, backup aborted" in refused.stderr


KILLED = """
import os, signal
from pathlib import Path
from oned.config import read_settings
from oned.database.engine import make_engine
from onedb.fsck.run import run
from onelib.locations import Locations

def end(*_):
    os.kill(os.getpid(), signal.SIGKILL)

locations = Locations.from_environment()
engine = make_engine(read_settings(locations.etc / "oned.conf", locations).database, 2, autocommit=False)
run(engine, lambda name, finding: end() if {when} else None, dry=False, before_commit=end)
"""


@pytest.mark.parametrize("when", ["finding", "name == 'templates'", "False"])
def test_a_run_that_is_killed_changes_nothing(made: World, when: str) -> None:
    break_host(made)
    made.sql("UPDATE pool_control SET last_oid = 0 WHERE tablename = 'vm_pool'")
    broken = made.keep()
    made.engine.dispose()
    script = KILLED.format(when=when)
    done = subprocess.run([sys.executable, "-c", script], env=made.daemon.environment(), timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert made.keep() == broken
    assert len(made.fsck()) == 2


def test_a_database_of_another_version_is_refused(made: World) -> None:
    made.sql("UPDATE db_versioning SET version = '5.12.0'")
    try:
        refused = onedb(made, "fsck")
    finally:
        made.sql("UPDATE db_versioning SET version = '6.0.0'")
    assert refused.returncode == 255
    assert "Version mismatch" in refused.stderr


def test_a_server_that_works_is_not_disturbed(made: World) -> None:
    made.engine.dispose()
    made.daemon.start()
    try:
        refused = onedb(made, "fsck")
    finally:
        made.daemon.stop(signal.SIGKILL)
    assert refused.returncode == 255
    assert "First stop OpenNebula" in refused.stderr


def test_bodies_are_shown_and_changed(made: World) -> None:
    oid = made.vms["HOLD"]
    shown = onedb(made, "show-body", "vm", "--id", str(oid))
    assert shown.returncode == 0
    assert f"<ID>{oid}</ID>" in shown.stdout
    dry = onedb(made, "change-body", "vm", "/VM/NAME", "other", "--id", str(oid), "--dry")
    assert "<NAME>other</NAME>" in dry.stdout
    assert "<NAME>other</NAME>" not in made.body("vm_pool", oid)
    assert onedb(made, "change-body", "vm", "/VM/NAME", "other", "--expr", f"ID={oid}").returncode == 0
    row = made.sql("SELECT name, short_body FROM vm_pool WHERE oid = :oid", oid=oid)[0]
    assert row[0] == "other"
    assert "<NAME>other</NAME>" in str(row[1])
    onedb(made, "change-body", "vm", "/VM/USER_TEMPLATE/color", "blue", "--id", str(oid), "--append")
    assert "<COLOR>blue</COLOR>" in onedb(made, "show-body", "vm", "-i", str(oid)).stdout.replace(
        "<![CDATA[", ""
    ).replace("]]>", "")
    onedb(made, "change-body", "vm", "//COLOR", "--id", str(oid), "--delete")
    assert "COLOR" not in made.body("vm_pool", oid)
    others = made.sql("SELECT name FROM vm_pool WHERE name = 'other'")
    assert len(others) == 1


def test_changes_that_would_damage_a_body_are_refused(made: World) -> None:
    oid = str(made.vms["HOLD"])
    before = made.keep()
    for words in (
        ("change-body", "vm", "/VM/STATE", "99", "--id", oid),
        ("change-body", "vm", "/VM/ID", "7777", "--id", oid),
        ("change-body", "vm", "/VM[", "1", "--id", oid),
        ("change-body", "vm", "/VM/NAME", "--id", oid),
        ("change-body", "vm", "/VM/NAME", "x", "--id", "99999"),
        ("change-body", "planet", "/VM/NAME", "x"),
    ):
        refused = onedb(made, *words)
        assert refused.returncode == 255, words
        assert refused.stderr.startswith("ERROR: ")
        assert "Traceback" not in refused.stderr
    assert made.keep() == before


def test_a_body_is_edited(made: World, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's#<NAME>.*</NAME>#<NAME>edited</NAME>#' \"$1\"\n")
    editor.chmod(0o700)
    oid = made.vms["HOLD"]
    assert onedb(made, "update-body", "vm", "--id", str(oid), EDITOR=str(editor)).returncode == 0
    assert made.sql("SELECT name FROM vm_pool WHERE oid = :oid", oid=oid) == [("edited",)]
    editor.write_text("#!/bin/sh\necho '<VM>' > \"$1\"\n")
    assert onedb(made, "update-body", "vm", "--id", str(oid), EDITOR=str(editor)).returncode == 255
    assert made.sql("SELECT name FROM vm_pool WHERE oid = :oid", oid=oid) == [("edited",)]


def test_machines_that_are_done_are_purged(made: World) -> None:
    oid = made.vms["DONE"]
    assert onedb(made, "purge-done", "--end", "1000").returncode == 0
    assert made.sql("SELECT oid FROM vm_pool WHERE oid = :oid", oid=oid)
    assert "1 virtual machines purged" in onedb(made, "purge-done").stdout
    assert made.sql("SELECT oid FROM vm_pool WHERE oid = :oid", oid=oid) == []
    assert made.sql("SELECT vid FROM history WHERE vid = :oid", oid=oid) == []
    assert made.fsck() == []


def _records(made: World, oid: int) -> list[tuple[int, History]]:
    with made.engine.connect() as connection:
        query = select(history.c.seq, history.c.body).where(history.c.vid == oid).order_by(history.c.seq)
        return [(row.seq, History.from_xml(row.body)) for row in connection.execute(query)]


def _lengthen(made: World, oid: int, count: int) -> None:
    """Give a machine ``count`` more records, each like its last one."""
    seq, last = _records(made, oid)[-1]
    vm = Vm.from_xml(made.body("vm_pool", oid))
    row = made.sql("SELECT body, stime FROM history WHERE vid = :oid AND seq = :seq", oid=oid, seq=seq)[0]
    for number in range(seq, seq + count):
        made.sql("UPDATE history SET etime = stime + 1 WHERE vid = :oid AND seq = :seq", oid=oid, seq=number)
        body = str(row[0]).replace(f"<SEQ>{seq}</SEQ>", f"<SEQ>{number + 1}</SEQ>", 1)
        made.sql(
            "INSERT INTO history (vid, seq, body, stime, etime) VALUES (:oid, :seq, :body, :stime, 0)",
            oid=oid, seq=number + 1, body=body, stime=row[1],
        )  # fmt: skip
    vm.history[-1].seq = seq + count
    made.sql("UPDATE vm_pool SET body = :body WHERE oid = :oid", oid=oid, body=vm.to_xml())
    assert last.seq == seq


def test_old_records_are_purged_and_the_last_two_stay(made: World) -> None:
    oid, short = made.vms["POWEROFF"], made.vms["DONE"]
    _lengthen(made, oid, 3)
    before, untouched = _records(made, oid), _records(made, short)
    assert onedb(made, "purge-history", "--end", "1000").stdout == "0 history records purged\n"
    done = onedb(made, "purge-history")
    assert (done.returncode, done.stdout) == (0, f"{len(before) - 2} history records purged\n")
    assert [(seq, record.seq) for seq, record in _records(made, oid)] == [(0, 0), (1, 1)]
    assert Vm.from_xml(made.body("vm_pool", oid)).history[-1].seq == 1
    assert _records(made, short) == untouched
    assert made.fsck() == []


def test_versions_are_listed(made: World) -> None:
    shown = onedb(made, "history")
    assert shown.returncode == 0
    assert shown.stdout.startswith("Version:   6.0.0\nTimestamp: ")
    assert "daemon bootstrap" in shown.stdout


def test_the_search_index_is_made_on_mariadb_only(made: World) -> None:
    answer = onedb(made, "create-index", "--recreate")
    if made.engine.dialect.name == "sqlite":
        assert answer.returncode == 255
        assert "not supported for sqlite" in answer.stderr
        return
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "is there" in onedb(made, "create-index").stdout
    assert made.sql("SHOW INDEX FROM vm_pool WHERE Key_name = 'ftidx'")


def test_a_script_is_run_whole_or_not_at_all(made: World, tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    head = "from oned.database.schema import host_pool\nVERSION = LOCAL_VERSION = '6.0.0'\n"
    key = f"{{'oid': {made.ground.hosts[0]}}}"
    change = f"    records.change(host_pool, {key}, {{'cid': int(extra[0])}})\n"
    script.write_text(f"{head}def patch(records, extra):\n{change}    raise RuntimeError('too late')\n")
    with pytest.raises(RuntimeError, match="too late"):
        onedb(made, "patch", str(script), "--extra", "5")
    assert cid(made) == 0
    script.write_text(f"{head}def patch(records, extra):\n{change}")
    assert onedb(made, "patch", str(script), "--extra", "5").returncode == 0
    assert cid(made) == 5
    script.write_text(head.replace("6.0.0", "5.12.0") + "def patch(records, extra):\n    pass\n")
    assert onedb(made, "patch", str(script)).returncode == 255
    assert onedb(made, "patch", str(tmp_path / "none.py")).returncode == 255
