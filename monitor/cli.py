"""The command ``onemonitord``: the monitoring daemon alone.

``oned`` has it inside. Alone it serves next to an ``oned`` that cannot have the port, on the same database; which of
them has the port hears the hosts and looks after them.
"""

import signal
import sys
import threading

from monitor.daemon import Monitor
from oned import VERSION
from oned.config import read_settings
from oned.database.db import Database
from onelib.errors import OneError, report
from onelib.locations import Locations
from onelib.logs import INFO, Log

USAGE = "Usage: onemonitord [-h] [-v]\n"
HELP = f"""{USAGE}
Takes the reports of hosts on port 4124, in the foreground, until SIGTERM.
The configuration is <root>/etc/one/monitord.conf, and oned.conf for the database.

  -v, --version  print the version and exit
  -h, --help     print this and exit

ONEEDGE_ROOT names the tree that holds etc/one, var/lib/one and var/log/one; / without it.
"""
EXIT_USAGE = 64


def _run() -> None:
    """Until a signal. Raises :class:`OneError`."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    locations = Locations.from_environment()
    settings = read_settings(locations.etc / "oned.conf", locations)
    log = Log.open(settings.log_system, settings.log_level, settings.zone_id, locations.log, "monitor.log")
    database = Database(settings.database)
    monitor = Monitor(database, settings, locations, log)
    try:
        database.start()
        monitor.start()
        log.write("MON", INFO, f"Starting the monitoring daemon of OpenNebula {VERSION}")
        stopping.wait()
    finally:
        monitor.stop()
        database.close()


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    if given in (["-h"], ["--help"]):
        sys.stdout.write(HELP)
    elif given in (["-v"], ["--version"]):
        sys.stdout.write(f"OpenNebula {VERSION} (oneedge)\n")
    elif given:
        sys.stderr.write(USAGE)
        return EXIT_USAGE
    else:
        try:
            _run()
        except OneError as error:
            return report(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
