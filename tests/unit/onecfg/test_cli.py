"""The command: messages, streams, options. What a patch does to a file is in ``test_cases.py``."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from onecfg import cli
from onelib.locations import Locations

Put = Callable[[str, str | bytes], Path]
Run = Callable[..., tuple[int, str, str]]
ONED = "/etc/one/oned.conf"
BASE = "PORT = 2633 # the port\n"


def test_all_applied_ends_with_0_and_says_so_when_asked(run: Run, put: Put, backups: Path) -> None:
    oned = put(ONED, BASE)
    assert run("patch", "-d", patch=f"{ONED} set PORT 1\n") == (
        0,
        "",
        (
            "INFO : Applying patch to 1 files\n"
            f"ANY  : Backup stored in '{next(backups.iterdir())}'\n"
            f"INFO : Patched '{ONED}' with 1/1 changes\n"
            "INFO : Applied 1/1 changes\n"
        ),
    )
    assert oned.read_text() == BASE.replace("2633", "1")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d:\d\d:\d\d_\d+", next(backups.iterdir()).name)
    assert (next(backups.iterdir()) / "etc/one/oned.conf").read_text() == BASE


def test_a_quiet_run_prints_where_the_backup_is(run: Run, put: Put) -> None:
    put(ONED, BASE)
    code, out, err = run("patch", patch=f"{ONED} set PORT 1\n")
    assert (code, out) == (0, "")
    assert re.fullmatch(r"ANY  : Backup stored in '.*'\n", err)


def test_being_in_place_is_enough_with_idempotent(run: Run, put: Put) -> None:
    oned = put(ONED, BASE)
    for patch in (f'{ONED} ins PORT "2633"\n{ONED} rm NOPE\n', f"{ONED} rm NOPE\n"):
        assert run("patch", patch=patch)[0] == 255
        assert run("patch", "--idempotent", patch=patch)[0] == 0
    assert oned.read_text() == BASE
    assert run("patch", "--all", "--idempotent", patch=f"{ONED} rm NOPE\n{ONED} set PORT 1\n")[0] == 0
    assert oned.read_text() == BASE.replace("2633", "1")


def test_the_report_tells_of_each_change_without_its_value(run: Run, put: Put) -> None:
    put(ONED, BASE)
    patch = f'{ONED} set PORT 1\n{ONED} set DB/PASSWD "hunter2"\n{ONED} rm NOPE\n'
    code, _, err = run("patch", "--debug", patch=patch)
    assert code == 1
    assert (
        f"DEBUG: --- PATCH REPORT '{ONED}' --- \n"
        "DEBUG: Patch [OK] replace set PORT\n"
        "DEBUG: Patch [OK] set DB/PASSWD\n"
        "DEBUG: Patch [--] rm NOPE (there is no such key)\n"
    ) in err
    assert "hunter2" not in err


def test_a_patch_file_is_read_and_a_missing_one_named(run: Run, put: Put, tmp_path: Path) -> None:
    put(ONED, BASE)
    file = tmp_path / "my.patch"
    file.write_text(f"{ONED} set PORT 1\n")
    assert run("patch", str(file), "--format", "line")[0] == 0
    code, _, err = run("patch", str(tmp_path / "nope"))
    assert code == 255
    assert "nope' cannot be read: No such file or directory" in err


def test_a_backup_that_cannot_be_made_stops_the_patch(run: Run, put: Put, backups: Path) -> None:
    oned = put(ONED, BASE)
    backups.write_text("in the way")
    code, _, err = run("patch", patch=f"{ONED} set PORT 1")
    assert code == 255
    assert "Error making backup due to" in err
    assert oned.read_text() == BASE


def test_backups_keep_mode_and_owner_and_never_share_a_name(run: Run, put: Put, backups: Path) -> None:
    oned = put(ONED, BASE)
    oned.chmod(0o604)
    os.chown(oned, 4321, 1234)
    for number in range(3):
        assert run("patch", patch=f"{ONED} set PORT {number}")[0] == 0
    copies = [folder / "etc/one/oned.conf" for folder in backups.iterdir()]
    assert len(copies) == 3
    for copy in copies:
        assert (copy.stat().st_mode & 0o777, copy.stat().st_uid, copy.stat().st_gid) == (0o604, 4321, 1234)


def test_usage(run: Run) -> None:
    for arguments in ((), ("--help",), ("nope",), ("-h",)):
        code, out, err = run(*arguments)
        assert (code, err) == (0, "")
        assert "patch" in out
    assert run("-V")[1].startswith("onecfg, version ")
    code, out, err = run("--nope")
    assert (code, err) == (255, "")
    assert "--nope" in out
    code, out, _ = run("patch", "a", "b")
    assert code == 255
    assert "unexpected extra argument" in out
    code, _, err = run("patch", "--format", "xml")
    assert (code, err) == (255, "Unsupported format 'xml'. Available formats - line, yaml\n")


def test_without_a_patch_on_a_terminal_it_says_so(locations: Locations) -> None:
    primary, secondary = os.openpty()
    done = subprocess.run(
        [sys.executable, "-c", "from onecfg.cli import main; main()", "patch", "--prefix", str(locations.root)],
        stdin=secondary,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(Path(cli.__file__).parent.parent)},
    )
    os.close(primary)
    os.close(secondary)
    assert (done.returncode, done.stderr) == (255, "No patch file or data on standard input found.\n")


def test_the_state_folder_of_a_native_run_holds_its_backups(
    put: Put, locations: Locations, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(ONED, BASE)
    monkeypatch.delenv("ONECFG_BACKUP_DIR", raising=False)
    monkeypatch.setenv("ONEEDGE_ROOT", str(locations.root))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{ONED} set PORT 1".encode())))
    with pytest.raises(SystemExit) as caught:
        cli.main(["patch"])
    assert caught.value.code == 0
    (copy,) = (locations.backups / "config").glob("*/etc/one/oned.conf")
    assert copy.read_text() == BASE
