"""What every subcommand has in common: messages and how it fails.

Messages go to standard error as ``INFO : text``, with the severity padded to five columns; results go to standard
output, with ``--json`` as one JSON document: the subcommand's own, or ``{"error": {"message", "todo"}}``.
"""

import functools
import json
from collections.abc import Callable
from typing import Any

import click

from onecfg.model import FileError
from onelib.errors import OneError

FAILURE = 255


class Log:
    """Severities that are always printed, with ``--verbose``, and with ``--debug``; results, ``as_json`` or as text."""

    def __init__(self, *, verbose: bool, debug: bool, as_json: bool = False) -> None:
        self.as_json = as_json
        self._level = 2 if debug else 1 if verbose else 0

    def debug(self, text: str) -> None:
        """Print what only ``--debug`` shows."""
        if self._level >= 2:
            self._print("DEBUG", text)

    def info(self, text: str) -> None:
        """Print what ``--verbose`` shows."""
        if self._level >= 1:
            self._print("INFO", text)

    def print(self, severity: str, text: str) -> None:
        """Print at any level: WARN, ERROR, FATAL or ANY."""
        self._print(severity, text)

    def result(self, data: object, text: str | None = None) -> None:
        """Print what the subcommand is for: ``data`` with ``--json``, otherwise ``text`` if one is given."""
        if self.as_json:
            click.echo(json.dumps(data, ensure_ascii=False, indent=2))
        elif text is not None:
            click.echo(text)

    def fail(self, severity: str, message: str, error: OneError) -> None:
        """Print what ended the subcommand."""
        self.print(severity, message)
        if self.as_json:
            self.result({"error": {"message": error.message, "todo": error.todo}})

    @staticmethod
    def _print(severity: str, text: str) -> None:
        click.echo(f"{severity:<5}: {text}", err=True)


def logging(command: Callable[..., int]) -> Callable[..., int]:
    """Give ``command`` the options of the log, the log itself as ``log``, and the exit code 255 for its errors."""

    @click.option("-d", "--verbose", is_flag=True, help="Tell what is done.")
    @click.option(
        "--debug", "--ddebug", "--dddebug", "debug", is_flag=True, help="Tell what became of each change."
    )
    @click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
    @functools.wraps(command)
    def logged(*arguments: Any, verbose: bool, debug: bool, as_json: bool, **options: Any) -> int:  # noqa: ANN401
        log = Log(verbose=verbose, debug=debug, as_json=as_json)
        try:
            return command(*arguments, log=log, **options)
        except FileError as error:
            log.fail("ERROR", str(error), error)
        except OneError as error:
            log.fail("FATAL", f"FAILED - {error}", error)
        return FAILURE

    return logged
