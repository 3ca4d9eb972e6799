"""What every step knows: settings, where things stand, who owns them and what is found or made on the way."""

import grp
import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bootstrap.actions import Owner
from bootstrap.errors import MissingProgramError
from bootstrap.settings import Settings
from onelib.locations import Locations


@dataclass
class Secrets:
    """Secrets in use by this boot, found on a volume, given, or made. Never printed."""

    oneadmin: str = field(default="", repr=False)
    mysql: str = field(default="", repr=False)


@dataclass
class Context:
    """The boot in hand. ``native`` is a run of one user without a container."""

    settings: Settings
    at: Locations
    environment: Mapping[str, str]
    native: bool = False
    secrets: Secrets = field(default_factory=Secrets)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What a boot tells besides, with no reason to worry."""

    def owner(self, user: str, group: str | None = None) -> Owner | None:
        """The ids of ``user`` (and ``group``), or None in a native run, where everything is the user's own."""
        if self.native:
            return None
        try:
            entry = pwd.getpwnam(user)
            gid = grp.getgrnam(group).gr_gid if group else entry.pw_gid
        except KeyError as error:
            raise MissingProgramError(
                f"The system has no user or group {error.args[0].split()[-1]}.", todo="Use the front-end's image."
            ) from None
        return Owner(entry.pw_uid, gid)

    def serves(self, *roles: str) -> bool:
        """Whether this front-end has one of ``roles``: by name, or because it runs all of them."""
        if self.native:
            return "oned" in roles
        return self.settings.role in (*roles, "all")

    @property
    def own_database(self) -> bool:
        """Whether MariaDB runs in this container."""
        role, local = self.settings.role, self.settings.local_database
        return not self.native and (role == "mysqld" or (role == "all" and local))

    @staticmethod
    def real(path: Path) -> Path:
        """The folder behind ``path``; those of configuration are links in the image (its root may be read-only)."""
        return Path(os.path.realpath(path))
