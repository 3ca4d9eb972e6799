"""Backups: what is in them, how many stay, and bringing one back."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from onecfg.disk import backup
from onecfg.model import PatchError
from onelib.locations import Locations

Put = Callable[[str, str | bytes], Path]
Run = Callable[..., tuple[int, str, str]]
ONED, FLOW = "/etc/one/oned.conf", "/etc/one/oneflow-server.conf"


def newest(backups: Path) -> Path:
    return max(backups.iterdir(), key=lambda path: path.stat().st_mtime_ns)


def test_a_backup_holds_what_the_patch_touches_and_no_more(run: Run, put: Put, backups: Path) -> None:
    put(ONED, "PORT = 1\n").chmod(0o600)
    put(FLOW, ":port: 1\n")
    assert run("patch", patch=f"{ONED} set PORT 2")[0] == 0
    kept = newest(backups)
    assert sorted(str(path.relative_to(kept)) for path in kept.rglob("*") if path.is_file()) == [
        "etc/one/oned.conf",
        "manifest.json",
    ]
    assert (kept / "etc/one/oned.conf").read_text() == "PORT = 1\n"
    assert (kept / "etc/one/oned.conf").stat().st_mode & 0o777 == 0o600
    assert kept.stat().st_mode & 0o777 == 0o700
    assert json.loads((kept / "manifest.json").read_text()) == {
        "version": 1,
        "command": "patch",
        "files": [ONED],
        "absent": [],
    }


def test_restore_brings_the_newest_back_and_itself_can_be_undone(run: Run, put: Put, backups: Path) -> None:
    oned, flow = put(ONED, "PORT = 1 # mine\n"), put(FLOW, ":port: 1\n")
    oned.chmod(0o600)
    run("patch", patch=f"{ONED} set PORT 2\n{FLOW} set :port 2")
    code, out, err = run("restore", "-d")
    assert (code, out) == (0, "")
    assert f"INFO : Restored '{oned}'" in err
    assert "Restored 2 files from" in err
    assert (oned.read_text(), flow.read_text()) == ("PORT = 1 # mine\n", ":port: 1\n")
    assert oned.stat().st_mode & 0o777 == 0o600
    assert run("restore")[0] == 0
    assert (oned.read_text(), flow.read_text()) == ("PORT = 2 # mine\n", ":port: 2\n")
    assert len(list(backups.iterdir())) == 3


def test_restore_by_name_or_path_and_without_a_change(run: Run, put: Put, backups: Path) -> None:
    oned = put(ONED, "PORT = 1\n")
    run("patch", patch=f"{ONED} set PORT 2")
    first = newest(backups)
    run("patch", patch=f"{ONED} set PORT 3")
    assert run("restore", "--noop", first.name)[0] == 0
    assert oned.read_text() == "PORT = 3\n"
    assert run("restore", first.name)[0] == 0
    assert oned.read_text() == "PORT = 1\n"
    code, _, err = run("restore", str(first))
    assert (code, err) == (0, "ANY  : Nothing to restore\n")


def test_a_file_that_did_not_exist_goes_and_one_that_was_deleted_returns(
    run: Run, put: Put, locations: Locations, backups: Path
) -> None:
    oned = put(ONED, "PORT = 1\n")
    new = put("/etc/one/sched.conf", "A = 1\n")
    folder = backup.store([ONED, "/etc/one/monitord.conf"], locations, backups)
    oned.unlink()
    new.rename(locations.under("/etc/one/monitord.conf"))
    assert run("restore", folder.name)[0] == 0
    assert oned.read_text() == "PORT = 1\n"
    assert [path.name for path in locations.etc.iterdir()] == ["oned.conf"]


def test_the_oldest_backups_go(run: Run, put: Put, backups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(ONED, "PORT = 1\n")
    foreign = backups / "2001-01-01_00:00:00_1"
    foreign.mkdir(parents=True)
    monkeypatch.setenv(backup.KEEP, "3")
    for port in range(2, 9):
        assert run("patch", patch=f"{ONED} set PORT {port}")[0] == 0
    names = {path.name for path in backups.iterdir()}
    assert foreign.name in names, "a folder without our manifest is somebody else's"
    assert len(names) == 3 + 1
    monkeypatch.setenv(backup.KEEP, "0")
    for port in range(10, 13):
        run("patch", patch=f"{ONED} set PORT {port}")
    assert len(list(backups.iterdir())) == 6 + 1
    monkeypatch.setenv(backup.KEEP, "many")
    code, _, err = run("patch", patch=f"{ONED} set PORT 77")
    assert code == 255
    assert "ONECFG_BACKUP_KEEP is not a number" in err
    assert "77" not in (backups.parent / "etc/one/oned.conf").read_text()


def test_a_patch_that_changes_nothing_pushes_no_backup_out(run: Run, put: Put, backups: Path) -> None:
    oned = put(ONED, "PORT = 1\n")
    run("patch", patch=f"{ONED} set PORT 2")
    for _ in range(3):
        code, _, err = run("patch", patch=f"{ONED} set PORT 2")
        assert code == 0
        assert f"Backup stored in '{newest(backups)}'" in err
    assert len(list(backups.iterdir())) == 2
    run("patch", "--noop", patch=f"{ONED} set PORT 3")
    assert len(list(backups.iterdir())) == 2
    oned.chmod(0o600)
    run("patch", patch=f"{ONED} set PORT 3")
    assert len(list(backups.iterdir())) == 3, "another mode is another backup"


def test_the_list_is_newest_first_for_people_and_machines(run: Run, put: Put, backups: Path) -> None:
    assert run("restore", "--list") == (0, "", "")
    put(ONED, "PORT = 1\n")
    run("patch", patch=f"{ONED} set PORT 2")
    run("restore")
    out = run("restore", "--list")[1]
    assert [line.split()[1:] for line in out.splitlines()] == [["restore", ONED], ["patch", ONED]]
    listed = json.loads(run("restore", "--list", "--json")[1])
    assert [one["command"] for one in listed] == ["restore", "patch"]
    assert listed[0]["files"] == [ONED]
    (backups / listed[1]["name"] / "manifest.json").write_text("{")
    assert "no backup that can be read" in json.loads(run("restore", "--list", "--json")[1])[1]["error"]


def test_a_backup_of_upstream_has_no_manifest_and_can_be_brought_back(run: Run, put: Put, backups: Path) -> None:
    oned = put(ONED, "PORT = 2\n")
    old = backups / "2020-12-22_01:20:40_2878523"
    (old / "etc/one").mkdir(parents=True)
    (old / "etc/one/oned.conf").write_text("PORT = 1\n")
    (old / "etc/one/unknown").write_text("x")
    assert run("restore", old.name)[0] == 0
    assert oned.read_text() == "PORT = 1\n"
    assert not (oned.parent / "unknown").exists()


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "{",
        "[]",
        '{"files": ["/etc/passwd"], "absent": [], "command": "patch"}',
        '{"files": ["/etc/one/../passwd"], "absent": [], "command": "patch"}',
        '{"files": [], "absent": ["/etc/passwd"], "command": "patch"}',
        '{"files": ["/etc/one/sched.conf"], "absent": [], "command": "patch"}',
        "\xff",
    ],
)
def test_a_damaged_or_hostile_backup_changes_nothing(
    run: Run, put: Put, backups: Path, locations: Locations, manifest: str
) -> None:
    oned = put(ONED, "PORT = 1\n")
    put("/etc/passwd", "root")
    run("patch", patch=f"{ONED} set PORT 2")
    (newest(backups) / "manifest.json").write_bytes(manifest.encode("latin-1"))
    code, _, err = run("restore")
    assert code == 255
    assert "FATAL: FAILED - " in err
    assert oned.read_text() == "PORT = 2\n"
    assert locations.under("/etc/passwd").read_text() == "root"


def test_what_is_not_there_is_said(run: Run, backups: Path) -> None:
    assert "There is no backup in" in run("restore")[2]
    code, out, err = run("restore", "--json", "nope")
    assert code == 255
    assert "There is no backup 'nope'" in err
    assert json.loads(out)["error"]["todo"]
    assert run("restore", "..")[0] == 255
    assert not backups.exists()


def test_a_folder_that_cannot_be_written_stops_the_patch(put: Put, locations: Locations, tmp_path: Path) -> None:
    put(ONED, "PORT = 1\n")
    (tmp_path / "file").write_text("")
    with pytest.raises(PatchError, match="Error making backup due to"):
        backup.store([ONED], locations, tmp_path / "file" / "below")
    assert [path.name for path in locations.etc.iterdir()] == ["oned.conf"]
