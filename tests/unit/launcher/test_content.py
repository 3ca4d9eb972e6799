from pathlib import Path

import pytest

from launcher import content


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "room").mkdir(parents=True)
    (root / "room/code.py").write_text("1")
    (root / "run").write_text("#!/bin/sh\n")
    (root / "run").chmod(0o755)
    (root / "link").symlink_to("run")
    return root


def _digest(root: Path) -> str:
    return content.digest(root, content.files_below(root))


def test_what_tools_leave_behind_does_not_count(tree: Path) -> None:
    before = _digest(tree)
    (tree / ".git").mkdir()
    (tree / ".git/HEAD").write_text("ref")
    (tree / "room/__pycache__").mkdir()
    (tree / "room/__pycache__/code.pyc").write_text("x")
    (tree / "oneedge.egg-info").mkdir()
    (tree / "oneedge.egg-info/PKG-INFO").write_text("x")
    (tree / "room/code.py~").write_text("x")
    (tree / "room").touch()
    assert _digest(tree) == before


def test_skipped_paths_do_not_count(tree: Path) -> None:
    found = [str(path.relative_to(tree)) for path in content.files_below(tree, ["room", "link"])]
    assert found == ["run"]


@pytest.mark.parametrize("change", ["edit", "rename", "mode", "link", "add"])
def test_every_change_of_content_counts(tree: Path, change: str) -> None:
    before = _digest(tree)
    if change == "edit":
        (tree / "room/code.py").write_text("2")
    elif change == "rename":
        (tree / "room/code.py").rename(tree / "room/other.py")
    elif change == "mode":
        (tree / "run").chmod(0o644)
    elif change == "link":
        (tree / "link").unlink()
        (tree / "link").symlink_to("room")
    else:
        (tree / "room/empty").touch()
    assert _digest(tree) != before


def test_words_count_and_do_not_run_into_each_other(tmp_path: Path) -> None:
    assert content.digest(tmp_path, [], "ab", "c") != content.digest(tmp_path, [], "a", "bc")


def test_a_staged_copy_is_the_same_for_every_clone(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    (tree / "room/code.py").chmod(0o600)
    wheel = tree / "build/house/big.whl"
    wheel.parent.mkdir(parents=True)
    wheel.write_text("big")
    target = tmp_path / "stage"
    (target / "old").mkdir(parents=True)
    content.stage(tree, content.files_below(tree, ["build"]), target, [wheel])
    assert _digest(target) == _digest(tree)
    assert not (target / "old").exists()
    assert (target / "build/house/big.whl").samefile(wheel)
    assert (target / "room/code.py").stat().st_mode & 0o777 == 0o644
    assert (target / "run").stat().st_mode & 0o777 == 0o755
    assert (target / "link").readlink() == Path("run")
    made = [path for path in target.rglob("*") if not path.is_symlink() and path.name != "big.whl"]
    assert {int(path.stat().st_mtime) for path in made} == {1700000000}


def test_the_time_of_files_is_fixed_unless_the_user_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert content.epoch() == content.EPOCH
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert content.epoch() == 1700000000
