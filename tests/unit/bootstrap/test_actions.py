import os
import stat
from pathlib import Path

import pytest

from bootstrap.actions import Directory, File, Owner, Removed, Tree, said_plainly
from bootstrap.errors import NoSpaceError, VolumeError

ME = Owner(os.getuid(), os.getgid())


def test_a_file_is_written_whole_with_its_mode(tmp_path: Path) -> None:
    action = File(tmp_path / "secret", b"hush", 0o600, ME, durable=True)
    assert action.needed()
    action.apply()
    assert not action.needed()
    assert (tmp_path / "secret").read_bytes() == b"hush"
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_a_secret_is_in_no_description() -> None:
    action = File(Path("/srv/one/x"), b"hush", 0o600)
    assert "hush" not in action.describe() + repr(action)
    assert action.describe() == "secret file /srv/one/x 0600"


def test_content_mode_and_links_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    File(path, b"one").apply()
    assert File(path, b"two").needed()
    assert File(path, b"one", 0o600).needed()
    link = tmp_path / "link"
    link.symlink_to(path)
    assert File(link, b"one").needed()
    File(link, b"one").apply()
    assert not link.is_symlink()


def test_a_folder_twice_is_nothing_to_do(tmp_path: Path) -> None:
    action = Directory(tmp_path / "a/b", 0o750, ME)
    assert action.needed()
    action.apply()
    assert not action.needed()
    (tmp_path / "a/b").chmod(0o777)
    assert action.needed()


def test_a_tree_is_walked_only_on_another_owner(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.fail("giving files away needs root")
    folder = tmp_path / "volume"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep/file").touch()
    (folder / "link").symlink_to("/etc/hostname")
    before = Path("/etc/hostname").stat().st_uid
    action = Tree(folder, Owner(4711, 4711))
    assert action.needed()
    action.apply()
    assert {path.lstat().st_uid for path in [folder, *folder.rglob("*")]} == {4711}
    assert Path("/etc/hostname").stat().st_uid == before
    assert not action.needed()


def test_removing_what_is_not_there(tmp_path: Path) -> None:
    assert not Removed(tmp_path / "none").needed()
    (tmp_path / "dangling").symlink_to("nowhere")
    assert Removed(tmp_path / "dangling").needed()
    Removed(tmp_path / "dangling").apply()
    assert list(tmp_path.iterdir()) == []


def test_a_full_volume_is_said_plainly_and_leaves_nothing_behind() -> None:
    full = Path("/dev/full")
    with pytest.raises(NoSpaceError, match="No space is left"), said_plainly(full), full.open("wb", 0) as stream:
        stream.write(b"x")


def test_a_name_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(VolumeError, match="file"):
        Directory(tmp_path / "file/below").apply()
