"""An upgrade that kills itself at its N-th event, as a process: N and the options of the connection."""

import argparse
import os
import signal
import sys

from onedb.connection import add_options, database_settings
from onedb.upgrade.progress import Event
from onedb.upgrade.run import Options, upgrade


def main(number: int, words: list[str]) -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)
    left = number

    def listener(event: Event) -> None:
        nonlocal left
        if left == 0:
            sys.stdout.write(f"{event.phase} {event.table}\n")
            sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    upgrade(database_settings(parser.parse_args(words)), Options(), listener)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
