"""``python3 -m launcher COMMAND``: what the Makefile calls."""

import os
import sys

from launcher import commands, settings
from launcher.progress import Progress
from onelib.errors import OneError, report


def main(arguments: list[str]) -> int:
    """Run one command; the process's exit code."""
    name = arguments[0] if arguments else "help"
    try:
        if name in ("help", "--help", "-h"):
            return 0
        return commands.find(name).call(settings.read(os.environ), Progress())
    except OneError as error:
        return report(error)
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted; running the same command again goes on from here.\n")
        return 130
    except BrokenPipeError:
        return 141


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
