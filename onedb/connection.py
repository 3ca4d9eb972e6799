"""Where the database is: options of the command line, the environment, or ``DB`` of oned.conf.

Without any option of the connection oned.conf decides. ``--sqlite`` means SQLite, every other one MariaDB unless
``--type`` says otherwise. A password is never taken from the command line, where every user of the host could read it.
"""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from onedb.errors import UsageError

if TYPE_CHECKING:
    from oned.config import DatabaseSettings

PASSWORD_VARIABLE = "ONE_DB_PASSWORD"  # noqa: S105 (a name)
_CONNECTIONS = 2
_NAMED = ("type", "server", "port", "username", "password_file", "dbname", "sqlite")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that every command has."""
    group = parser.add_argument_group("connection (without any: DB of oned.conf)")
    group.add_argument("-s", "--sqlite", metavar="FILE", type=Path, help="the file of an SQLite database")
    group.add_argument("-t", "--type", metavar="TYPE", help="mysql or sqlite")
    group.add_argument("-S", "--server", metavar="HOST", help="MariaDB's host or socket (localhost)")
    group.add_argument("-P", "--port", metavar="PORT", type=int, help="MariaDB's port (3306)")
    group.add_argument("-u", "--username", metavar="USER", help="user of MariaDB")
    group.add_argument("-p", "--password", metavar="PASSWORD", help="refused: it would be seen by everybody")
    group.add_argument("--password-file", metavar="FILE", type=Path, help="file that holds the password")
    group.add_argument("-d", "--dbname", metavar="NAME", help="name of the database")
    group.add_argument("--encoding", metavar="CHARSET", help="accepted; the tables' own is used")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell more")


def _password(file: Path | None) -> str:
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"The file {file} cannot be read: {error}.", todo="Name a file with the password."
            ) from None
    if (found := os.environ.get(PASSWORD_VARIABLE)) is not None:
        return found
    raise UsageError(
        "The password of the database is not known.", todo=f"Set {PASSWORD_VARIABLE}, or use --password-file FILE."
    )


def database_settings(arguments: argparse.Namespace) -> "DatabaseSettings":
    """The database that the parsed options of a command name. Raises :class:`UsageError`."""
    from oned.config import DatabaseSettings
    from onelib.locations import Locations

    options = {name: getattr(arguments, name, None) for name in _NAMED}
    if getattr(arguments, "password", None) is not None:
        raise UsageError(
            "A password on the command line could be read by every user of this host.",
            todo=f"Set {PASSWORD_VARIABLE}, use --password-file FILE, or leave all options out to use oned.conf.",
        )
    if all(value is None for value in options.values()):
        return _from_file()
    kind = options["type"] or ("sqlite" if options["sqlite"] else "mysql")
    default = Locations.from_environment().var / "one.db"
    if kind == "sqlite":
        path = Path(options["sqlite"] or default)
        return DatabaseSettings("sqlite", "", 0, "", "", "", path, _CONNECTIONS)
    if kind != "mysql":
        raise UsageError(f"There is no support for databases of the type {kind}.", todo="Use mysql or sqlite.")
    for name, label in (("username", "USER"), ("dbname", "DBNAME")):
        if not options[name]:
            raise UsageError(f"MySQL option {label} is needed", todo=f"Add --{name}.")
    return DatabaseSettings(
        backend="mysql",
        server=options["server"] or "localhost",
        port=options["port"] or 0,
        user=str(options["username"]),
        password=_password(options["password_file"]),
        name=str(options["dbname"]),
        path=default,
        connections=_CONNECTIONS,
    )


def _from_file() -> "DatabaseSettings":
    from oned.config import read_settings
    from oned.errors import ConfigError
    from onelib.locations import Locations

    locations = Locations.from_environment()
    try:
        return read_settings(locations.etc / "oned.conf", locations).database
    except ConfigError as error:
        raise UsageError(f"Unable to parse oned.conf: {error.message}", todo=error.todo) from None
