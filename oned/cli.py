"""The command ``oned``."""

import fcntl
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from onelib.errors import OneError, report
from onelib.locations import Locations

if TYPE_CHECKING:
    from oned.config import Settings
    from onelib.logs import Log

USAGE = "Usage: oned [-h] [-v] [-f] [-i] [-c FILE]\n"
HELP = f"""{USAGE}
Starts the OpenNebula-compatible front-end daemon in the foreground, until SIGTERM.

  -c, --config FILE  read FILE instead of <root>/etc/one/oned.conf
  -f, --foreground   the default; accepted for the habit
  -i, --init-db      initialize the database and exit
  -v, --version      print the version and exit
  -h, --help         print this and exit

ONEEDGE_ROOT names the tree that holds etc/one, var/lib/one and var/log/one; / without it.
"""
EXIT_USAGE = 64
SWITCH_SECONDS = 0.0005
"""How long a thread may keep the interpreter while the one that answers waits for it."""


class UsageError(OneError):
    """The command line is wrong."""

    exit_code = EXIT_USAGE


def _parse(arguments: list[str], config: Path) -> tuple[str, Path]:
    """What to do (``run``, ``init``, ``version``, ``help``) and with which file."""
    action = "run"
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word in {"-f", "--foreground"}:
            continue
        if word in {"-h", "--help"}:
            return "help", config
        if word in {"-v", "--version"}:
            return "version", config
        if word in {"-i", "--init-db"}:
            action = "init"
        elif word in {"-c", "--config"} and rest:
            config = Path(rest.pop(0))
        elif word.startswith("--config="):
            config = Path(word.removeprefix("--config="))
        else:
            raise UsageError(f"oned does not understand {word!r}.", todo=USAGE.strip())
    return action, config


def _only_one(locations: Locations) -> int:
    """A lock that lives as long as this process, on the folder of the credentials.

    Raises :class:`oned.errors.AlreadyRunningError` or :class:`oned.errors.StateError`.
    """
    from oned.errors import AlreadyRunningError, StateError

    path = locations.auth / ".oned.lock"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(
            f"The folder {path.parent} cannot be used: {error.strerror}.",
            todo="Make it a folder that this user can write; it holds the credentials.",
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 32).decode(errors="replace").strip()
        os.close(descriptor)
        raise AlreadyRunningError(
            f"Another oned{f' (process {holder})' if holder.isdigit() else ''} already works on {locations.var}.",
            todo="Stop it first, or give this one another ONEEDGE_ROOT.",
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def _run(config: Path, *, init_only: bool) -> None:
    from oned import VERSION
    from oned.config import read_settings
    from onelib.logs import ERROR, INFO, Log

    locations = Locations.from_environment()
    settings = read_settings(config, locations)
    lock = _only_one(locations)
    log = Log.open(settings.log_system, settings.log_level, settings.zone_id, locations.log, "oned.log")
    try:
        log.write("ONE", INFO, f"Starting OpenNebula {VERSION}, configuration {config}")
        _serve(locations, settings, log, init_only=init_only)
        log.write("ONE", INFO, "All services stopped, exiting.")
    except OneError as error:
        log.write("ONE", ERROR, str(error))
        raise
    finally:
        os.close(lock)


def _serve(locations: Locations, settings: "Settings", log: "Log", *, init_only: bool) -> None:
    """Everything between a read configuration and the end of the process."""
    from oned.database.bootstrap import prepare
    from oned.database.db import Database
    from oned.hooks.hookconf import read_event_settings

    listener = runner = publisher = monitor = peers = None
    event_settings = read_event_settings(settings.raw)
    database = Database(settings.database)
    try:
        if not init_only:
            from oned.api.server import bind

            listener = bind(settings)
        prepare(database, settings, locations, log)
        if listener is not None:
            from monitor.daemon import Monitor
            from oned.api.server import serve
            from oned.api.service import Service
            from oned.crypt import master_key
            from oned.database.peers import Peers
            from oned.hooks.publisher import Publisher
            from oned.work.runner import Runner
            from onelib.logs import INFO

            sys.setswitchinterval(SWITCH_SECONDS)
            runner = Runner(database, settings, locations, log)
            publisher = Publisher(database, event_settings, locations, log)
            peers = Peers(database, locations.auth, log)
            database.start()
            peers.start()
            publisher.start()
            runner.start()
            monitor = Monitor(database, settings, locations, log)
            monitor.start()
            service = Service(settings, database, log, master_key(locations.auth), peers, office=runner)
            log.write("ReM", INFO, f"Starting XML-RPC server, port {settings.port} ...")
            serve(service, listener, log)
    except KeyboardInterrupt:
        pass
    finally:
        if listener is not None:
            listener.close()
        if monitor is not None:
            monitor.stop()
        if runner is not None:
            runner.stop()
        if publisher is not None:
            publisher.stop()
        if peers is not None:
            peers.stop()
        database.close()


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    try:
        default = Locations.from_environment().etc / "oned.conf"
        action, config = _parse(sys.argv[1:] if arguments is None else arguments, default)
        if action == "help":
            sys.stdout.write(HELP)
        elif action == "version":
            from oned import VERSION

            sys.stdout.write(f"OpenNebula {VERSION} (oneedge)\n")
        else:
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            _run(config, init_only=action == "init")
    except OneError as error:
        return report(error)
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
