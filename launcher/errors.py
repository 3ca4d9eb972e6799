"""Errors of the launcher, each with its exit code (listed in docs/exit-codes.md).

``LauncherError``
    ├── ``SettingError`` 64, ``NoContainerError`` 66, ``ProgramMissingError`` 69, ``DaemonError`` 71, ``BuildError`` 73
    ├── ``InstallError`` 74, ``BusyError`` 75, ``PortTakenError`` 76, ``AccessError`` 77
    ├── ``ContainerEndedError`` 78, ``NotHealthyError`` 79, ``StageError`` 1, ``CommandError`` 70
    └── of an upgrade: ``PutBackError`` 80, ``RefusedError`` 81, ``StuckError`` 82, ``UnfinishedError`` 83
"""

from typing import ClassVar

from onelib.errors import OneError


class LauncherError(OneError):
    """Anything that ends a launcher command with a message."""


class StageError(LauncherError):
    """One or more stages of ``make test`` failed; the summary names them."""

    exit_code: ClassVar[int] = 1


class SettingError(LauncherError):
    """A variable given to the launcher has a value that cannot be meant; all of them are named at once."""

    exit_code: ClassVar[int] = 64


class NoContainerError(LauncherError):
    """The command needs the container, and there is none of that name."""

    exit_code: ClassVar[int] = 66


class ProgramMissingError(LauncherError):
    """A program is missing and this host is not one where the launcher may install it."""

    exit_code: ClassVar[int] = 69


class CommandError(LauncherError):
    """The container engine refused a command for a reason that has no class of its own."""

    exit_code: ClassVar[int] = 70


class DaemonError(LauncherError):
    """The container engine's daemon does not answer and could not be started."""

    exit_code: ClassVar[int] = 71


class BuildError(LauncherError):
    """The base, the wheelhouse or the image could not be built."""

    exit_code: ClassVar[int] = 73


class InstallError(LauncherError):
    """The distribution's package manager failed."""

    exit_code: ClassVar[int] = 74


class BusyError(LauncherError):
    """Another launcher command on this machine held the lock for too long."""

    exit_code: ClassVar[int] = 75


class PortTakenError(LauncherError):
    """Host ports that the container publishes are in use."""

    exit_code: ClassVar[int] = 76


class AccessError(LauncherError):
    """This user may not speak to the container engine."""

    exit_code: ClassVar[int] = 77


class ContainerEndedError(LauncherError):
    """The container ended, or ends again and again, before it became healthy."""

    exit_code: ClassVar[int] = 78


class NotHealthyError(LauncherError):
    """The container runs and did not become healthy in time."""

    exit_code: ClassVar[int] = 79


class PutBackError(LauncherError):
    """The new version did not become healthy; the old one runs again on its own database."""

    exit_code: ClassVar[int] = 80


class RefusedError(LauncherError):
    """The upgrade cannot be done as asked; nothing was changed."""

    exit_code: ClassVar[int] = 81


class StuckError(LauncherError):
    """The new version did not become healthy, and the old one could not be put back: a person has to look."""

    exit_code: ClassVar[int] = 82


class UnfinishedError(LauncherError):
    """An upgrade of the container was cut off, and the command would take from it what it needs to end well."""

    exit_code: ClassVar[int] = 83
