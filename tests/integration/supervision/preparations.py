"""Preparation functions that the tests' services name."""

import os
import time

from bootstrap.service import ServiceContext
from onelib import services
from onelib.errors import OneError


class PermanentError(OneError):
    permanent = True


class PassingError(OneError):
    exit_code = 75


def note(context: ServiceContext) -> None:
    """Write who prepared where, and that installed packages can be imported."""
    import yaml

    text = f"{context.name} {os.getuid()} {context.locations.root} {yaml.__name__} {context.service['priority']}"
    context.locations.under("prepared").write_text(text)


def upgrade(context: ServiceContext) -> None:
    """An upgrade that lasts until a file appears."""
    context.phase(services.UPGRADING, "schema 5.12 to 6.0")
    while not context.locations.under("upgraded").exists():
        time.sleep(0.02)


def slow(context: ServiceContext) -> None:
    context.remark("making the data directory")
    while not context.locations.under("go").exists():
        time.sleep(0.02)


def permanent(context: ServiceContext) -> None:
    raise PermanentError("The database is of a newer version.", todo="Take a newer image.")


def passing(context: ServiceContext) -> None:
    raise PassingError("The disk is busy.", todo="Wait.")


def full(context: ServiceContext) -> None:
    raise OSError(28, "No space left on device", "/var/lib/mysql/ibdata1")


def defect(context: ServiceContext) -> None:
    raise AssertionError("a defect shows its traceback")
