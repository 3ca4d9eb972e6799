"""What is said about measured values, and what becomes of RESULTS.md."""

import pytest

from bench.figures import Bench, Figure, Yardstick, number
from bench.report import COLUMNS, Noise, merged, row, section, table


def test_the_median_decides_and_the_target_itself_is_met() -> None:
    assert Figure("boot", "s", [1.0, 3.0, 9.0], 3.0).verdict == "met"
    assert Figure("boot", "s", [1.0, 3.1, 3.2], 3.0).verdict == "**OVER**"
    assert Figure("boot", "s", [1.0]).verdict == "–"


def test_the_99th_percentile_is_the_nearest_rank() -> None:
    values = [float(value) for value in range(1, 301)]
    assert Figure("probe", "ms", values, 50, "p99").p99 == 297.0
    assert Figure("probe", "ms", [*[1.0] * 98, 60.0, 70.0], 50, "p99").p99 == 60.0


def test_too_few_runs_for_a_percentile_are_judged_by_the_worst() -> None:
    few = Figure("probe", "ms", [1.0, 2.0, 51.0], 50, "p99")
    assert few.p99 is None
    assert few.over


def test_a_figure_without_values_is_no_figure() -> None:
    with pytest.raises(ValueError, match="nothing was measured for 'boot'"):
        Figure("boot", "s", [])


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (0.01234, "0.0123"), (1.5, "1.50"), (12.345, "12.3"), (999.6, "1,000"), (20480.0, "20,480")],
)
def test_three_significant_digits(value: float, shown: str) -> None:
    assert number(value) == shown


def test_a_row_shows_the_spread_and_the_ratio() -> None:
    cells = row(Figure("boot", "s", [2.0, 4.0, 9.0], 3, yardstick=Yardstick("empty", 0.5)))
    assert cells == (
        "boot, s", "median ≤ 3.00 s", "2.00", "4.00", "–", "9.00", "3", "empty: 0.500 s", "8.00x", "**OVER**"
    )  # fmt: skip
    assert len(cells) == len(COLUMNS)


def test_a_table_lines_up() -> None:
    lines = table([Figure("a", "s", [1.0]), Figure("a long one", "ms", [1.0, 2.0])]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert len(lines) == 4


def test_a_section_names_command_machine_and_noise() -> None:
    bench = Bench("boot", "How it is done.", list)
    text = section(bench, [Figure("a", "s", [1.0])], Noise(3.4, 0.5), Noise(97.0, 2.5), 12.0)
    assert text.startswith("### boot\n\nHow it is done.\n")
    assert "python -m bench boot" in text
    assert "3 % of the cores before and 97 % after, load 0.5 → 2.5; took 12 s" in text


def test_noise_is_a_share_of_the_cores() -> None:
    assert 0 <= Noise.now().percent <= 100


def test_new_results_have_the_section() -> None:
    text = merged("", {"boot": "### boot\n\nfast\n"})
    assert text.startswith("# Results\n")
    assert text.endswith("## Figures\n\n### boot\n\nfast\n")


def test_only_the_parts_that_were_measured_change() -> None:
    old = merged("", {"boot": "### boot\n\nold\n", "oned": "### oned\n\nkept\n"})
    old += "\n## Long form\n\n### boot\n\nnot ours\n"
    new = merged(old, {"boot": "### boot\n\nnew\n"})
    assert new == old.replace("### boot\n\nold\n", "### boot\n\nnew\n")
    assert merged(new, {"boot": "### boot\n\nnew\n"}) == new


def test_results_of_others_alone_get_our_section_first() -> None:
    old = "# Results\n\nintro\n\n## Long form\n\nnot ours\n"
    new = merged(old, {"boot": "### boot\n\nfast\n"})
    assert new == "# Results\n\nintro\n\n## Figures\n\n### boot\n\nfast\n\n## Long form\n\nnot ours\n"
