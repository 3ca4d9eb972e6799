"""``python3 -m launcher COMMAND``: what the Makefile calls."""

import os
import signal
import sys
from types import FrameType

from launcher import commands, settings, usage
from launcher.progress import Progress
from launcher.upgrade import command as upgrade
from onelib.errors import OneError, report


def main(arguments: list[str]) -> int:
    """Run one command; the process's exit code."""
    name = arguments[0] if arguments else "help"
    signal.signal(signal.SIGTERM, ended)
    try:
        if name in {"help", "--help", "-h"}:
            Progress().say(usage.text())
            return 0
        if name == "upgrade":
            return upgrade.main(arguments[1:], os.environ)
        return commands.find(name).call(settings.read(os.environ), Progress())
    except OneError as error:
        return report(error)
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted; running the same command again goes on from here.\n")
        return 130
    except BrokenPipeError:
        # Python flushes once more at its end, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def ended(number: int, _: FrameType | None) -> None:
    """Leave by an exception, so that what has to be undone is."""
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
