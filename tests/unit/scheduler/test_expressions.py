"""Requirements and ranks of 6.0."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.expressions import MAX_DEPTH, ExpressionError, rank, requirement

VALUES = {
    "NAME": ["kvm-01"],
    "CLUSTER_ID": ["100"],
    "FREE_CPU": ["350.5"],
    "HYPERVISOR": ["kvm"],
    "CLUSTERS/ID": ["0", "100"],
    "EMPTY": [""],
}


def attributes(name: str) -> Sequence[str]:
    return VALUES.get(name, [])


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", True),
        ("  ", True),
        ('NAME = "kvm-01"', True),
        ("NAME = kvm-01", True),
        ('NAME = "kvm-*"', True),
        ('NAME != "kvm-*"', False),
        ("CLUSTER_ID = 100", True),
        ("CLUSTER_ID = 100.0", True),
        ("CLUSTER_ID != 101", True),
        ("FREE_CPU > 350", True),
        ("FREE_CPU < 350.5", False),
        ("NOPE = 1", False),
        ("NOPE != 1", False),
        ('NOPE != "x"', False),
        ("!(NOPE = 1)", True),
        ("NAME > 1", False),
        ('"CLUSTERS/ID" @> 100', True),
        ('"CLUSTERS/ID" @> 7', False),
        ('"CLUSTERS/ID" @> "1*"', True),
        ('EMPTY = ""', True),
        ("(CLUSTER_ID = 0 | CLUSTER_ID = 100) & !(PUBLIC_CLOUD = YES) & !(PIN_POLICY = PINNED)", True),
        # & and | bind alike, from left to right.
        ("CLUSTER_ID = 100 | CLUSTER_ID = 1 & CLUSTER_ID = 2", False),
        ("CLUSTER_ID = 100 | (CLUSTER_ID = 1 & CLUSTER_ID = 2)", True),
        ("! CLUSTER_ID = 1 & CLUSTER_ID = 100", True),
        ("!!CLUSTER_ID = 100", True),
        ('\n ( NAME\t=\n"kvm-01" ) ', True),
    ],
)
def test_a_requirement(text: str, holds: bool) -> None:
    assert requirement(text)(attributes) is holds


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("NAME", 5),
        ("NAME =", 7),
        ("= 1", 3),
        ("NAME = 1 2", 10),
        ("(NAME = 1", 10),
        ("NAME = 1)", 9),
        ("NAME == 1", 9),
        ("NAME = ^", 8),
        ('NAME = "open', 8),
        ("1 = NAME", 3),
        ("NAME = 1 &", 11),
        ("(" * (MAX_DEPTH + 1) + "A = 1" + ")" * (MAX_DEPTH + 1), MAX_DEPTH + 1),
        ("!" * (MAX_DEPTH * 2) + "A = 1", MAX_DEPTH + 1),
    ],
)
def test_a_requirement_that_is_none_names_the_column(text: str, column: int) -> None:
    with pytest.raises(ExpressionError, match=r"^Column (\d+): ") as caught:
        requirement(text)
    assert abs(int(caught.value.message.split(":")[0].split()[1]) - column) <= 1, caught.value.message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", 0),
        ("FREE_CPU", 350.5),
        ("- FREE_CPU", -350.5),
        ("FREE_CPU * 2 + 1", 702),
        ("1 + FREE_CPU * 2", 702),
        ("(1 + 2) * 3 - 4 / 2", 7),
        ("CLUSTER_ID / 0", 0),
        ("NOPE + 1", 1),
        ("NAME", 0),
        ("- - 3", 3),
        ("2 - 3 - 4", -5),
        ('"CLUSTERS/ID" + 1', 1),
    ],
)
def test_a_rank(text: str, value: float) -> None:
    assert rank(text)(attributes) == value


@pytest.mark.parametrize(
    "text", ["1 +", "* 2", "1 2", "(1", "a b", "1 ; 2", "()", "FREE_CPU()", "__import__('os')"]
)
def test_a_rank_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        rank(text)


@given(st.text(alphabet='ABC_/"=!<>@&|()*+- 019.\n', max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (requirement, rank):
        try:
            evaluate = read(text)
        except ExpressionError:
            continue
        evaluate(attributes)


@given(st.lists(st.tuples(st.sampled_from("&|"), st.booleans()), min_size=1, max_size=12))
def test_joined_as_written_from_left_to_right(parts: list[tuple[str, bool]]) -> None:
    words = ["CLUSTER_ID = 100" if holds else "CLUSTER_ID = 7" for _, holds in parts]
    text, expected = words[0], parts[0][1]
    for word, (sign, holds) in zip(words[1:], parts[1:], strict=True):
        text += f" {sign} {word}"
        expected = (expected and holds) if sign == "&" else (expected or holds)
    assert requirement(text)(attributes) is expected
