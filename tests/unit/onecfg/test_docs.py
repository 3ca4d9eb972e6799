"""The page about onecfg says what is so: its commands run, its traps are refused, its messages exist.

The commands below one ``##`` heading are one session in a front-end's fresh tree. ``$ cat NAME.patch`` makes that file;
below other commands stands what they print, in which an ellipsis is any text.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap.settings import PARAMETERS
from onecfg import defaults
from onecfg.patch import apply, parse
from onelib.locations import Locations

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/onecfg.md").read_text()
SECTIONS = {text.partition("\n")[0]: text for text in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]}
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SESSIONS = [title for title, text in SECTIONS.items() if "```console" in text]


def blocks(language: str, text: str = PAGE) -> list[str]:
    return [block for found, block in BLOCK.findall(text) if found == language]


def commands(text: str) -> list[tuple[str, str]]:
    """Each command of the console blocks, and what is below it."""
    found = []
    for block in blocks("console", text):
        for part in block.removeprefix("$ ").split("\n$ "):
            command, _, output = part.rstrip("\n").partition("\n")
            found.append((command, output))
    return found


@pytest.mark.parametrize("title", SESSIONS)
def test_a_session_goes_as_the_page_says(title: str, tmp_path: Path) -> None:
    root, work = tmp_path / "root", tmp_path / "work"
    work.mkdir()
    defaults.install(root)
    script, expected = "", []
    for command, output in commands(SECTIONS[title]):
        if command.startswith("cat "):
            (work / command.removeprefix("cat ")).write_text(output + "\n")
            continue
        # onecfg knows the root from its variable, other programs do not.
        there = (
            command if command.startswith("onecfg") else re.sub("(?<![^ >])/(etc|var)/", rf"{root}/\1/", command)
        )
        script += f"{there}\nprintf '\\x1e%s\\x1e' $?\n"
        expected.append((command, output))
    shell = subprocess.run(
        ["bash"],
        input=script,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
        cwd=work,
        env={
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "ONEEDGE_ROOT": str(root),
            "LANG": "C.UTF-8",
        },
    )
    printed = shell.stdout.replace(str(root), "").split("\x1e")
    for (command, output), text, code in zip(expected, printed[::2], printed[1::2], strict=False):
        lines = [line.rstrip() for line in text.rstrip("\n").splitlines()]
        same = re.fullmatch(re.escape(output).replace("…", ".*"), "\n".join(lines), re.DOTALL)
        assert same, "\n".join([f"$ {command}", *lines])
        assert code == "0", command


@pytest.mark.parametrize("patch", blocks("yaml"))
def test_a_yaml_patch_applies_whole(patch: str, tmp_path: Path) -> None:
    defaults.install(tmp_path)
    report = apply(parse(patch, "docs"), Locations(tmp_path), unprivileged=True)
    good, total = report.count()
    assert good == total > 0


def table(title: str) -> list[list[str]]:
    found = [line for line in SECTIONS[title].splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in found]


@pytest.mark.parametrize("row", table("Traps"), ids=lambda row: row[0].strip("`"))
def test_a_trap_is_refused_and_what_to_write_instead_applies(row: list[str], tmp_path: Path) -> None:
    defaults.install(tmp_path)
    wrong, right = (f"/etc/one/oned.conf {cell.strip('`')}\n" for cell in (row[0], row[2]))
    run = [sys.executable, "-c", "from onecfg.cli import main; main()", "patch", "--prefix", str(tmp_path)]
    environment = {**os.environ, "ONECFG_BACKUP_DIR": str(tmp_path / "kept"), "PYTHONPATH": str(ROOT)}
    codes = [
        subprocess.run(run, input=patch, text=True, check=False, capture_output=True, env=environment).returncode
        for patch in (wrong, right)
    ]
    assert codes == [255, 0]


def test_every_message_of_the_table_is_one_of_ours() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "onecfg").rglob("*.py"))
    for message, *_ in table("Messages"):
        for part in message.strip("`").split("…"):
            assert part.strip(" '") in sources, message


def test_parameters_and_variables_of_the_page_exist() -> None:
    known = {parameter.name for parameter in PARAMETERS}
    for name in re.findall(r"-e ([A-Z_]+)=", "".join(blocks("sh"))):
        assert name in known
    sources = "\n".join(path.read_text() for path in (ROOT / "onecfg").rglob("*.py"))
    for name in set(re.findall(r"ONECFG_(?!PATCH)[A-Z_]+", PAGE)):
        assert f'"{name}"' in sources


def test_every_block_is_of_a_kind_that_is_tried() -> None:
    assert {found for found, _ in BLOCK.findall(PAGE)} == {"console", "yaml", "sh", ""}
    assert [block.split()[0] for block in blocks("sh")] == ["docker", "python3"]
    assert blocks("") == ["FILENAME COMMAND PATH VALUE\n"]
