"""How figures are shown: a table on the terminal, and sections of RESULTS.md of which others stay as they are."""

import os
import platform
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.figures import Bench, Figure, number
from tests.support.engine import ENGINE, engine

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"
HEADING = "# Results\n\nMade by `make bench`; `python -m bench --help` lists the parts. Targets stand beside.\n"
COLUMNS = ("figure", "target", "min", "median", "p99", "max", "runs", "yardstick of the same run", "ratio", "")


@dataclass(frozen=True)
class Noise:
    """How busy the machine is with something else: percent of all cores over half a second, and the load average."""

    percent: float
    load: float

    @classmethod
    def now(cls) -> "Noise":
        """Sample it; takes half a second in which nothing of the bench runs."""
        first = _processor_times()
        time.sleep(0.5)
        second = _processor_times()
        total, idle = (after - before for after, before in zip(second, first, strict=True))
        return cls(100 * (1 - idle / total) if total else 0.0, os.getloadavg()[0])


def _processor_times() -> tuple[int, int]:
    """Ticks of all cores since boot, and those of them that were idle (proc(5))."""
    fields = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(fields), fields[3] + fields[4]


def machine(*, engine_too: bool = True) -> str:
    """Cores, memory, kernel, and the engine where it matters."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    if not engine_too:
        return f"{os.cpu_count()} cores, {memory:.0f} GiB, {system}"
    version = engine("version", "--format={{.Server.Version}}", check=False).strip()
    version = version or engine("--version").split()[-1]
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, {system}, {ENGINE} {version}"


def row(figure: Figure) -> tuple[str, ...]:
    """The cells of a figure."""
    unit, values, p99 = figure.unit, figure.values, figure.p99
    target = (
        "–"
        if figure.limit is None
        else f"{figure.judged} {'≥' if figure.floor else '≤'} {number(figure.limit)} {unit}"
    )
    spread = (number(min(values)), number(figure.median), "–" if p99 is None else number(p99), number(max(values)))
    against, ratio = "–", "–"
    if figure.yardstick:
        against = f"{figure.yardstick.what}: {number(figure.yardstick.value)} {unit}"
        ratio = f"{number(figure.median / figure.yardstick.value)}x"
    return (f"{figure.what}, {unit}", target, *spread, str(len(values)), against, ratio, figure.verdict)


def table(figures: Sequence[Figure]) -> str:
    """A Markdown table whose columns also line up as plain text."""
    rows = [COLUMNS, *map(row, figures)]
    widths = [max(len(cells[index]) for cells in rows) for index in range(len(COLUMNS))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
             for cells in rows]  # fmt: skip
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def section(bench: Bench, figures: Sequence[Figure], before: Noise, after: Noise, seconds: float) -> str:
    """The text of one bench: what, how to have it again, on which machine, how noisy, the table."""
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    noise = f"others had {before.percent:.0f} % of the cores before and {after.percent:.0f} % after"
    load = f"load {before.load:.1f} → {after.load:.1f}"
    return (
        f"### {bench.name}\n\n{bench.text}\n\nAgain: `python -m bench {bench.name}`\n\n"
        f"{when}, {machine(engine_too=bench.image)}; {noise}, {load}; took {seconds:.0f} s.\n\n{table(figures)}\n"
    )


def merged(old: str, sections: dict[str, str]) -> str:
    """``old`` with these parts of its section Figures replaced or added; every other section stays as it is."""
    head, *parts = re.split(r"^(?=## )", old or HEADING, flags=re.MULTILINE)
    index = next((at for at, part in enumerate(parts) if part.startswith("## Figures\n")), None)
    if index is None:
        parts.insert(0, "## Figures\n")
        index = 0
    start, *kept = re.split(r"^(?=### )", parts[index], flags=re.MULTILINE)
    known = {text.splitlines()[0].removeprefix("### ").strip(): text for text in kept} | sections
    parts[index] = "\n".join([start.rstrip() + "\n", *(text.strip() + "\n" for text in known.values())])
    return "\n".join([head.rstrip() + "\n", *(part.strip() + "\n" for part in parts)])


def write(sections: dict[str, str], path: Path = RESULTS) -> None:
    """Put these parts into RESULTS.md."""
    old = path.read_text() if path.is_file() else ""
    path.write_text(merged(old, sections))
