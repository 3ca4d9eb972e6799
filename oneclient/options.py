"""Options that commands share."""

from collections.abc import Callable
from typing import Any

import click

from oneclient.access import Access

FORMS = ("json", "yaml", "xml")


def access_options() -> list[click.Parameter]:
    """Who calls, and where."""
    return [
        click.Option(["--user", "as_user"], help="Call as this user.", metavar="NAME"),
        click.Option(
            ["--password-file", "as_password"],
            help="Its password, on the first line; - reads standard input.",
            metavar="FILE",
        ),
        click.Option(["--endpoint", "as_endpoint"], help="Address of the API.", metavar="URL"),
    ]


def form_options(*forms: str) -> list[click.Parameter]:
    """Other forms than that for people."""
    return [
        click.Option(
            [*([f"-{form[0]}"] if form in FORMS else []), f"--{form}", "form"],
            flag_value=form,
            default=None,
            help=f"As {form.upper()}.",
        )
        for form in forms
    ]


def with_access(action: Callable[[Access, dict[str, Any]], int | None]) -> Callable[..., int]:
    """``action`` as click calls it: its result is the exit code."""

    def callback(**given: Any) -> int:  # noqa: ANN401 (what click parsed)
        access = Access(given.pop("as_user"), given.pop("as_password"), given.pop("as_endpoint"))
        return action(access, given) or 0

    return callback
