"""The command: messages, streams, exit codes. Numbers in names are the cases of the behaviour's description."""

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


@pytest.fixture
def backups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "kept"
    monkeypatch.setenv("ONECFG_BACKUP_DIR", str(folder))
    return folder


@pytest.fixture
def run(
    locations: Locations, backups: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run ``onecfg`` with a patch on standard input; exit code, standard output, standard error."""

    def command(*arguments: str, patch: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(patch.encode())))
        prefix = ["--prefix", str(locations.root)] if arguments and arguments[0] == "patch" else []
        with pytest.raises(SystemExit) as caught:
            cli.main([*arguments, *prefix])
        assert isinstance(caught.value.code, int)
        return (caught.value.code, *capsys.readouterr())

    return command


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


def test_09_10_some_applied_ends_with_1_and_with_all_changes_nothing(run: Run, put: Put) -> None:
    oned = put(ONED, BASE)
    patch = f"{ONED} rm NOPE\n{ONED} set PORT 1\n"
    code, _, err = run("patch", "--all", patch=patch)
    assert code == 255
    assert "ERROR: Modifications not saved due to 1 unapplied changes!\n" in err
    assert oned.read_text() == BASE
    code, _, err = run("patch", "--verbose", patch=patch)
    assert code == 1
    assert "INFO : Applied 1/2 changes\n" in err
    assert oned.read_text() == BASE.replace("2633", "1")
    code, _, err = run("patch", "--all", "--idempotent", patch=patch)
    assert code == 0


def test_05_08_nothing_applied_ends_with_255_unless_being_in_place_is_enough(run: Run, put: Put) -> None:
    put(ONED, BASE)
    patch = f'{ONED} ins PORT "2633"\n{ONED} rm NOPE\n'
    code, _, err = run("patch", patch=patch)
    assert code == 255
    assert err.endswith("ERROR: No changes applied\n")
    assert run("patch", "--idempotent", patch=patch)[0] == 0


def test_55_noop_answers_as_the_real_run_and_changes_nothing(run: Run, put: Put, backups: Path) -> None:
    oned = put(ONED, BASE)
    code, _, err = run("patch", "-n", "-d", patch=f"{ONED} set PORT 1\n{ONED} rm NOPE\n")
    assert code == 1
    assert err.endswith("INFO : Applied 1/2 changes\nINFO : Changes ARE NOT saved in no-op mode!\n")
    assert oned.read_text() == BASE
    assert len(list(backups.iterdir())) == 1


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


@pytest.mark.parametrize("patch", ["", "\n# nothing\n"])
def test_18_an_empty_patch_ends_with_255(run: Run, backups: Path, patch: str) -> None:
    assert run("patch", patch=patch) == (255, "", "ERROR: No changes to apply\n")
    assert not backups.exists()


@pytest.mark.parametrize(
    ("patch", "says"),
    [
        (ONED, "FATAL: FAILED - standard input:1:19: Invalid format at line: 1"),
        (f"{ONED} upd PORT 1", "Invalid patch action 'upd'"),
        (f"{ONED} set PORT '11'", "The value is not JSON"),
        ("/etc/one/nope set PORT 11", "FATAL: FAILED - Unknown or missing file to patch '/etc/one/nope'"),
        (f"{ONED} set DB/a/b 1", f"ERROR: Failed to patch file '{ONED}' - standard input:1: Unknown index"),
    ],
)
def test_14_16_17_25_a_faulty_patch_ends_with_255_and_makes_no_backup(
    run: Run, put: Put, backups: Path, patch: str, says: str
) -> None:
    oned = put(ONED, BASE)
    code, out, err = run("patch", patch=patch)
    assert (code, out) == (255, "")
    assert says in err
    assert oned.read_text() == BASE
    assert not backups.exists()


def test_56_a_symbolic_link_among_the_files_ends_with_255(
    run: Run, put: Put, backups: Path, locations: Locations
) -> None:
    put(ONED, BASE)
    (locations.etc / ".hidden").symlink_to("oned.conf")
    # A folder of configuration may itself be a link of the installation.
    locations.under("/run/remotes").mkdir(parents=True)
    locations.under("/var/lib/one/remotes/etc").rmdir()
    locations.under("/var/lib/one/remotes/etc").symlink_to("../../../../run/remotes")
    assert run("patch", patch=f"{ONED} set PORT 1")[0] == 0
    (locations.etc / "cli").mkdir()
    (locations.etc / "cli/x").symlink_to("../oned.conf")
    code, _, err = run("patch", patch=f"{ONED} set PORT 2")
    assert code == 255
    assert "is a symbolic link" in err
    assert len(list(backups.iterdir())) == 1


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
    assert (code, err) == (255, "Unsupported format 'xml'. Available formats - line\n")


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
