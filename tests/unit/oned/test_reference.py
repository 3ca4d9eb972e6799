"""The page on the API follows the table of methods."""

from pathlib import Path

from oned.methods.reference import markdown
from oned.methods.table import METHODS, UPSTREAM

PAGE = Path(__file__).parents[3] / "docs/api.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == markdown(), "run: python -m oned.methods.reference > docs/api.md"


def test_every_method_is_on_it_once() -> None:
    page = markdown()
    for name in UPSTREAM | set(METHODS):
        assert page.count(f"| `{name}` |") == 1, name
