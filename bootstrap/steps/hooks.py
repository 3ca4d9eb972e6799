"""The user's programs before and after the configuration (Table 1.3, PREHOOK and POSTHOOK)."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from bootstrap.actions import Action
from bootstrap.context import Context
from bootstrap.errors import HookError


@dataclass(frozen=True)
class Hook(Action):
    """Run a program with the boot's environment; its output is the container's."""

    parameter: str
    path: str
    environment: dict[str, str]

    def describe(self) -> str:
        """The program and the parameter that names it."""
        return f"run {self.path} ({self.parameter})"

    def needed(self) -> bool:
        """Hooks run at every boot."""
        return True

    def apply(self) -> None:
        """Run it. Raises HookError on a non-zero status, a signal, or a file that the kernel cannot execute."""
        try:
            status = subprocess.run([self.path], env=self.environment, check=False).returncode
        except OSError as error:
            raise HookError(
                f"{self.parameter}: {self.path} cannot be executed: {error.strerror}.",
                todo="It needs a first line such as #!/bin/sh and the program that line names.",
            ) from error
        if status != 0:
            raise HookError(
                f"{self.parameter}: {self.path} ended with status {status}.",
                todo="Its own output stands above. Mend it, or unset the parameter.",
            )


def before(context: Context) -> Iterator[Action]:
    """The pre-hook."""
    if context.settings.prehook:
        yield Hook("OPENNEBULA_FRONTEND_PREHOOK", context.settings.prehook, dict(context.environment))


def after(context: Context) -> Iterator[Action]:
    """The post-hook."""
    if context.settings.posthook:
        yield Hook("OPENNEBULA_FRONTEND_POSTHOOK", context.settings.posthook, dict(context.environment))
