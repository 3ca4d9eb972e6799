"""The image's recipes: what two builds, two targets and the source tree must agree on."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CONTAINERFILE = (ROOT / "images/frontend/Containerfile").read_text()
BASE_BUILD = ROOT / "images/base/build"
SCRIPTS = [
    "images/base/build",
    "images/base/clean",
    "images/frontend/build/python",
    "images/frontend/build/seal",
    "images/frontend/overlay/frontend-bootstrap.sh",
]


def stages() -> dict[str, str]:
    """Name -> instructions, continuation lines joined, comments gone."""
    lines = "\n".join(line for line in CONTAINERFILE.splitlines() if not line.lstrip().startswith("#"))
    text = re.sub(r"\\\n\s*", "", lines)
    parts = re.split(r"^FROM \S+ AS (\S+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def instructions(stage: str, keyword: str) -> list[str]:
    return re.findall(rf"^{keyword} (.*)$", stages()[stage], re.MULTILINE)


def test_the_context_holds_every_room_of_the_distribution() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    on_the_host = {"launcher"}  # it drives container engines; no container needs it
    assert set(wheel["packages"]) - on_the_host | set(wheel["shared-data"]) <= allowed


def test_full_is_the_default_target_and_slim_stands_before_its_parts() -> None:
    names = list(stages())
    assert names[-1] == "frontend"
    assert names.index("slim") < names.index("system-docker"), (
        "the classic builder builds every stage before a target"
    )


def test_both_targets_declare_the_same_volumes_but_the_inner_dockers() -> None:
    (slim,), (full,) = instructions("slim", "VOLUME"), instructions("frontend", "VOLUME")
    paths = re.findall(r'"(/[^"]+)"', slim)
    assert re.findall(r'"(/[^"]+)"', full) == [*paths, "/var/lib/docker"]
    table = {"mysql", "one/backups", "one/datastores", "one/.one", "one/.ssh", "one/.ssh-copyback"}
    assert {f"/var/lib/{name}" for name in table} | {"/var/log", "/srv/one", "/var/tmp/sunstone"} <= set(paths)


def test_both_targets_carry_the_same_labels() -> None:
    def keys(stage: str) -> list[str]:
        return re.findall(r'([\w.]+)="', instructions(stage, "LABEL")[0])

    assert keys("slim") == keys("frontend")
    assert "BUSL-1.1" in instructions("frontend", "LABEL")[0]
    assert "BUSL-1.1" not in instructions("slim", "LABEL")[0]


def test_every_step_that_writes_ends_sealed() -> None:
    for name in stages():
        for command in instructions(name, "RUN"):
            assert "/seal" in command, f"a step of {name} leaves its times and caches behind"


def test_no_step_needs_more_than_the_classic_builder_knows() -> None:
    text = "".join(stages().values())
    assert "--mount" not in text
    assert "<<" not in text


def test_no_recipe_names_a_mirror() -> None:
    for path in [*SCRIPTS, "images/frontend/Containerfile"]:
        assert not re.search(r"https?://\w", (ROOT / path).read_text()), path


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_valid_posix_shell(script: str) -> None:
    path = ROOT / script
    assert path.stat().st_mode & 0o111, f"{script} is not executable"
    subprocess.run(["sh", "-n", path], check=True)


def base_build(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = environment.pop("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
    return subprocess.run(
        ["/bin/sh", BASE_BUILD, *arguments],
        env={"PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("arguments", [(), ("--help-me",), ("base.tgz",)])
def test_base_build_refuses_a_wrong_call(arguments: tuple[str, ...]) -> None:
    done = base_build(*arguments)
    assert done.returncode == 64
    assert done.stderr.startswith("ERROR: ")


def test_base_build_says_which_program_is_missing(tmp_path: Path) -> None:
    done = base_build(str(tmp_path / "base.tar"), PATH=str(tmp_path))
    assert done.returncode == 69
    assert "apt-get install mmdebstrap" in done.stderr
    assert list(tmp_path.iterdir()) == []


def needs_mmdebstrap() -> None:
    assert shutil.which("mmdebstrap"), "these tests need mmdebstrap: apt-get install mmdebstrap"


def test_base_build_names_an_unreadable_authority_file(tmp_path: Path) -> None:
    needs_mmdebstrap()
    done = base_build(str(tmp_path / "base.tar"), BASE_CA=str(tmp_path / "none.pem"))
    assert done.returncode == 66
    assert "none.pem" in done.stderr


def test_base_build_says_when_the_archive_cannot_be_written(tmp_path: Path) -> None:
    needs_mmdebstrap()
    (tmp_path / "file").touch()
    done = base_build(str(tmp_path / "file/base.tar"))
    assert done.returncode == 73


def test_base_build_that_fails_leaves_no_archive(tmp_path: Path) -> None:
    needs_mmdebstrap()
    done = base_build(str(tmp_path / "base.tar"), BASE_MIRROR=f"deb file://{tmp_path}/none bookworm main")
    assert done.returncode == 70
    assert "BASE_MIRROR" in done.stderr
    assert list(tmp_path.iterdir()) == []


def seal(folder: Path, epoch: str | None) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin"} | ({} if epoch is None else {"SOURCE_DATE_EPOCH": epoch})
    script = ROOT / "images/frontend/build/seal"
    return subprocess.run([script, folder], env=environment, capture_output=True, text=True, check=False)


def test_seal_makes_nothing_younger_than_the_epoch_and_leaves_the_rest(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    young, old, link = tmp_path / "folder/young", tmp_path / "old", tmp_path / "link"
    young.touch()
    old.touch()
    subprocess.run(["touch", "--date=@1000", old], check=True)
    link.symlink_to("nowhere")
    assert seal(tmp_path, "1760000000").returncode == 0
    times = {path.name: int(path.lstat().st_mtime) for path in (tmp_path, young.parent, young, old, link)}
    assert times.pop("old") == 1000
    assert set(times.values()) == {1760000000}


def test_seal_insists_on_an_epoch(tmp_path: Path) -> None:
    done = seal(tmp_path, None)
    assert done.returncode != 0
    assert "SOURCE_DATE_EPOCH" in done.stderr
