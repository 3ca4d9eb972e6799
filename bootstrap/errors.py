"""The errors of a boot; each class owns its exit code.

``OneError``
    ├── SettingsError          78  wrong parameters, all of them in one message
    ├── RoleUnavailableError   69  a role whose program this image does not carry
    ├── HookError              80  a pre- or post-hook failed
    ├── PatchError             81  the user's onecfg patch does not apply
    ├── VolumeError            82  a volume cannot be used as it is
    ├── NoSpaceError           83  a volume is full
    ├── MemoryLimitError       84  the memory limit is below what the role needs
    ├── AlreadyRunningError    85  ``up`` while the front-end runs
    ├── NotHealthyError        86  started, and not healthy in time
    ├── MissingProgramError    87  a program that a service needs is not installed
    ├── PutBackError           88  ``put-back`` has no way to the database from before an upgrade
    └── DatabaseAwayError      69  the database does not answer
"""

from onelib.errors import OneError


class SettingsError(OneError):
    """Parameters are wrong. ``problems`` has one sentence for each, without any secret value."""

    exit_code = 78

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        count = len(problems)
        lines = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(
            f"{count} parameter{'s are' if count > 1 else ' is'} wrong:{lines}",
            todo="Nothing was changed. Correct the parameters above and start again.",
        )


class RoleUnavailableError(OneError):
    """A role of SR1.1 whose program does not exist in this image."""

    exit_code = 69


class HookError(OneError):
    """A hook ended with a non-zero status or could not be executed."""

    exit_code = 80


class PatchError(OneError):
    """The file of ``OPENNEBULA_FRONTEND_ONECFG_PATCH`` does not apply."""

    exit_code = 81


class VolumeError(OneError):
    """A volume is read-only, of a newer version, or cannot be given to its user."""

    exit_code = 82


class NoSpaceError(OneError):
    """No space is left on the volume of a file that the boot has to write."""

    exit_code = 83


class MemoryLimitError(OneError):
    """The control group's memory limit is below the sum of what the role's services need."""

    exit_code = 84


class AlreadyRunningError(OneError):
    """``oneedge up`` found the front-end of this state folder running."""

    exit_code = 85


class NotHealthyError(OneError):
    """The front-end was started and did not become healthy before the deadline."""

    exit_code = 86


class MissingProgramError(OneError):
    """A program outside the distribution is missing."""

    exit_code = 87


class PutBackError(OneError):
    """The database from before the upgrade cannot be had back; it was not touched."""

    exit_code = 88


class DatabaseAwayError(OneError):
    """The database that ``put-back`` is about cannot be reached."""

    exit_code = 69
