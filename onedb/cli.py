"""The command ``onedb``: finds the module of the command that was asked for, imports only that, and runs it.

A command's module has ``add(subparsers)``, which makes its parser with the command's own options, and
``run(arguments)``, which returns the exit code. The options of the connection are there already; a command that uses
one of their letters for itself takes it over, as in OpenNebula's.
"""

import argparse
import sys
from importlib import import_module
from typing import NoReturn

from onedb import connection
from onedb.errors import OnedbError, UsageError
from onelib.errors import OneError, report

COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("version", "onedb.version", "show the version of the database, and whether it has to be upgraded"),
    ("upgrade", "onedb.upgrade.command", "bring the database to this release, or leave it as it is"),
    ("backup", "onedb.backup.commands", "write the database to a file and prove that it can be read"),
    ("verify", "onedb.backup.commands", "read a backup completely and tell what it holds"),
    ("restore", "onedb.backup.commands", "bring a backup back, all of it or nothing"),
    ("sqlite2mysql", "onedb.sqlite2mysql.command", "move a database from SQLite to MariaDB, all of it or nothing"),
    ("fsck", "onedb.fsck.command", "find and repair inconsistencies of the database"),
    ("history", "onedb.history", "show the versions that the database has had"),
    ("show-body", "onedb.bodies", "show the body of an object"),
    ("change-body", "onedb.bodies", "change a value in the bodies of objects"),
    ("update-body", "onedb.bodies", "open the body of an object in an editor"),
    ("purge-history", "onedb.purge", "delete old history records of virtual machines"),
    ("purge-done", "onedb.purge", "delete virtual machines that are done"),
    ("create-index", "onedb.search_index", "make the full-text index for searches of virtual machines"),
    ("patch", "onedb.patch", "run a script of your own on the database"),
)
"""Name, module and one line of help."""
INTERRUPTED = 130


class CommandParser(argparse.ArgumentParser):
    """A parser with the options of every command; it raises :class:`UsageError` instead of ending the process."""

    def __init__(self, *arguments: object, **options: object) -> None:
        options.setdefault("conflict_handler", "resolve")
        options.setdefault("allow_abbrev", False)
        super().__init__(*arguments, **options)  # type: ignore[arg-type]  # handed on as they came
        connection.add_options(self)

    def error(self, message: str) -> NoReturn:
        """Refuse the command line."""
        raise UsageError(f"{self.prog}: {message}.", todo=f"See {self.prog} --help.")


def _help() -> str:
    width = max(len(name) for name, _, _ in COMMANDS)
    lines = "\n".join(f"  {name:<{width}}  {text}" for name, _, text in COMMANDS)
    return f"Usage: onedb COMMAND [OPTIONS]\n\n{lines}\n\nonedb COMMAND --help tells the options of one.\n"


def _run(words: list[str]) -> int:
    names = {name for name, _, _ in COMMANDS}
    name = next((word for word in words if word in names), "")
    module = next((module for known, module, _ in COMMANDS if known == name), None)
    if {"-V", "--version"} & set(words):
        from oned import VERSION

        sys.stdout.write(f"OpenNebula {VERSION} (oneedge)\n")
        return 0
    if module is None:
        sys.stdout.write(_help())
        return 0
    command = import_module(module)
    parser = argparse.ArgumentParser(prog="onedb", add_help=False)
    command.add(parser.add_subparsers(dest="command", parser_class=CommandParser))
    words = [name, *words[: words.index(name)], *words[words.index(name) + 1 :]]
    return int(command.run(parser.parse_args(words)))


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    except OnedbError as error:
        return report(error)
    except OneError as error:
        report(error)
        return 255
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return INTERRUPTED
    except BrokenPipeError:
        return 141


if __name__ == "__main__":
    sys.exit(main())
