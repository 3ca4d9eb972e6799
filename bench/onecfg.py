"""onecfg: whole processes that patch files, beside Augeas where it has a lens, and the incumbent's figures."""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Bench, Figure, Yardstick
from bench.processes import Life, process
from onecfg import defaults
from onecfg.catalogue import find
from onecfg.formats import Kind

ROUNDS = 15
FILES = 80
ONECFG = Path(sys.executable).with_name("onecfg")
SEVEN = r"""
/etc/one/oned.conf set PORT 2633
/etc/one/oned.conf set LISTEN_ADDRESS "\"127.0.0.1\""
/etc/one/oned.conf set DB/BACKEND "\"mysql\""
/etc/one/oned.conf ins DB/SERVER "\"localhost\""
/etc/one/oned.conf ins DB/USER "\"oneadmin\""
/etc/one/oned.conf ins DB/PASSWD "\"secret_password\""
/etc/one/oned.conf ins DB/NAME "\"opennebula\""
"""
INCUMBENT = {"7 lines": 1.51, "200 lines": 2.48}
"""Seconds of OpenNebula 6.0.0.3's ``onecfg patch``, 7 lines of one file and 200 lines of one file, on two cores."""


def tree(root: Path) -> list[str]:
    """The shipped files below ``root``, and as many views of the web GUI as make up the catalogue's eighty."""
    names = [f"/{name}" for name in defaults.install(root)]
    # The two files of nothing but comments take no key.
    names = [name for name in names if not name.endswith("x509_auth.conf")]
    model = (defaults.TREE / defaults.ETC / "sunstone-server.conf").read_bytes()
    for number in range(FILES - len(names)):
        name = f"/etc/one/sunstone-views/kvm/view_{number}.yaml"
        (root / name[1:]).parent.mkdir(parents=True, exist_ok=True)
        (root / name[1:]).write_bytes(model)
        names.append(name)
    return names


def changes(names: Sequence[str], count: int) -> str:
    """``count`` new keys, spread over the files."""
    return "".join(f"{names[number % len(names)]} set BENCH_{number} {number}\n" for number in range(count))


@dataclass(frozen=True)
class Place:
    """A folder with a fresh tree for every run."""

    folder: Path

    def fresh(self) -> tuple[Path, list[str]]:
        """An untouched tree and the names of its files. What went before has reached the disk."""
        root = Path(tempfile.mkdtemp(dir=self.folder))
        names = tree(root)
        os.sync()
        return root, names

    def onecfg(self, make: Callable[[list[str]], str]) -> Life:
        """``onecfg patch`` of a fresh tree, backup and flushes included."""
        root, names = self.fresh()
        patch = root / "patch"
        patch.write_text(make(names))
        os.environ["ONECFG_BACKUP_DIR"] = str(root / "backups")
        return process(str(ONECFG), "patch", "--all", "--prefix", str(root), str(patch))

    def augtool(self, count: int) -> Life:
        """The same changes of the shell files by Augeas, told which files to read and by which lens."""
        root, names = self.fresh()
        script = root / "script"
        sets = (line.split() for line in changes(shell_files(names), count).splitlines())
        script.write_text("".join(f"set /files{name}/{key} {value}\n" for name, _, key, value in sets) + "save\n")
        lenses = [word for name in shell_files(names) for word in ("--transform", f"Shellvars incl {name}")]
        return process("/usr/bin/augtool", "--noautoload", *lenses, "--root", str(root), "--file", str(script))

    def flushed(self) -> float:
        """Seconds to write as many files plainly: a temporary, a flush and a rename each."""
        root, names = self.fresh()
        begin = time.perf_counter()
        for name in names:
            path, new = root / name[1:], (root / name[1:]).with_suffix(".new")
            with new.open("wb") as stream:
                stream.write(path.read_bytes())
                stream.flush()
                os.fsync(stream.fileno())
            new.rename(path)
        return time.perf_counter() - begin


def shell_files(names: Sequence[str]) -> list[str]:
    """Those of shell assignments: the only family that Augeas ships a lens for."""
    return [name for name in names if (entry := find(name)) and entry.kind is Kind.SHELL]


def figures(what: str, lives: Sequence[Life], limit: float | None, *against: Yardstick | None) -> list[Figure]:
    """Time and memory of one command."""
    seconds, memory = against
    return [
        Figure(what, "s", [life.seconds for life in lives], limit, yardstick=seconds),
        Figure(f"{what}: peak memory", "MiB", [life.memory for life in lives], yardstick=memory),
    ]


def median(what: str, lives: Sequence[Life]) -> tuple[Yardstick, Yardstick]:
    """Time and memory of what stands beside."""
    return (
        Yardstick(what, Figure(what, "s", [life.seconds for life in lives]).median),
        Yardstick(what, Figure(what, "MiB", [life.memory for life in lives]).median),
    )


def measure() -> list[Figure]:
    """All runs take turns, so that the machine's noise meets each alike."""
    count = 24
    with tempfile.TemporaryDirectory() as name:
        place = Place(Path(name))
        kinds: dict[str, Callable[[], Life]] = {
            "empty": lambda: process(sys.executable, "-c", ""),
            "7": lambda: place.onecfg(lambda _: SEVEN),
            "28": lambda: place.onecfg(lambda _: SEVEN + changes(["/etc/one/oned.conf"], 21)),
            "200": lambda: place.onecfg(lambda names: changes(names, 200)),
            "800": lambda: place.onecfg(lambda names: changes(names, 800)),
            "shell": lambda: place.onecfg(lambda names: changes(shell_files(names), count)),
            "augtool": lambda: place.augtool(count),
        }
        rounds = [{kind: run() for kind, run in kinds.items()} for _ in range(ROUNDS)]
        flushed = [place.flushed() for _ in range(ROUNDS)]
    lives = {kind: [one[kind] for one in rounds] for kind in kinds}
    memory = {kind: median(f"{kind} changes", lives[kind])[1] for kind in ("7", "200")}
    empty = median("an interpreter that does nothing", lives["empty"])[1]
    shell = f"{count} changes of the shell files"
    return [
        *figures("7 lines", lives["7"], 0.15, Yardstick("the incumbent", INCUMBENT["7 lines"]), empty),
        *figures("28 lines", lives["28"], None, None, memory["7"]),
        *figures(
            f"200 changes of {FILES} files", lives["200"], 0.3,
            Yardstick("the incumbent, 200 of one file", INCUMBENT["200 lines"]), empty,
        ),
        *figures(f"800 changes of {FILES} files", lives["800"], None, None, memory["200"]),
        Figure(f"{FILES} files written plainly, each flushed", "s", flushed),
        *figures(shell, lives["shell"], None, *median("augtool", lives["augtool"])),
    ]  # fmt: skip


ONECFG_BENCH = Bench(
    "onecfg",
    f"`onecfg patch` as a whole process, from its start until it is reaped, each time on a fresh tree of the {FILES} "
    "files of the catalogue (the shipped ones, and views of the web GUI); backup and flushes to the disk included. "
    "Memory is the process's peak; beside four times as many changes stands that of the smaller patch. The "
    "incumbent's figures are of another run on a machine like this. Augeas has no lens for files of oned's syntax and "
    "none for YAML with Ruby's symbols, so only shell files are compared: the same changes by `augtool`, which is told "
    "each file and its lens, and makes no backup.",
    measure,
    image=False,
)
