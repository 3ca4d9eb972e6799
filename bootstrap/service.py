"""The runner: it stands in front of every service. Wait for its needs, prepare, drop privileges, exec.

Supervisor starts it as ``start.py NAME``; what the service is stands in the service table (:mod:`onelib.services`).
Since it ends by exec, the process that Supervisor watches is the service itself. On the way it writes the phase it is
in, which is what the probe tells. It ends with

78   a failure that no restart mends; the reason is in the service's state
127  the service's program, or the interpreter it names, does not exist
126  the program cannot be executed
1    a need was not met in time (or the exit code of the error that a preparation raised)
"""

# ruff: noqa: PTH113, PTH117, PTH118
# pathlib takes 14 ms to import.

from __future__ import annotations

import importlib
import os
import pwd
import signal
import sys
import time

from onelib import services

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from onelib.locations import Locations

KEPT = ("PATH", "TZ", "LANG", "LANGUAGE", "ONEEDGE_ROOT")
PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")
FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.5
BOOT_PAUSE, BOOT_SECONDS = 0.08, 15.0
"""While a boot is young its services follow each other closely: what one waits for is about to be there."""
DEFAULT_PATH = "/opt/oneedge/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Refusal(Exception):  # noqa: N818  it ends this start, and may be no error of the service
    """This start ends here, with ``code`` and the message as the reason."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class ServiceContext:
    """What a preparation function gets: the service, where everything stands, and a way to say what it does."""

    def __init__(self, name: str, run: str, table: dict[str, Any]) -> None:
        self.name = name
        self.run = run
        self.table = table
        self.service: dict[str, Any] = table["services"][name]
        self._told: tuple[str, str] | None = None
        try:
            last = services.read_state(run, name)
        except (OSError, ValueError):
            last = None
        self._starts = int(last["starts"]) + 1 if last else 1

    @property
    def locations(self) -> Locations:
        """The tree of this front-end."""
        from onelib.locations import Locations  # slow to import, and most services need it not

        return Locations.from_environment()

    def phase(self, phase: str, detail: str = "") -> None:
        """Enter ``phase`` (one of ``onelib.services.PHASES``); ``detail`` is shown to users: one line, no secret."""
        if (phase, detail) == self._told:
            return
        self._told = (phase, detail)
        try:
            services.write_state(self.run, self.name, phase, detail, pid=os.getpid(), starts=self._starts)
        except OSError as error:  # a full /run must not keep the service down: only its story is lost
            self.log(f"cannot write the state: {error}")

    def remark(self, detail: str) -> None:
        """Keep the phase and change its detail."""
        self.phase(self._told[0] if self._told else services.PREPARING, detail)

    def log(self, text: str) -> None:
        """Print ``text`` as a line of the service's log."""
        sys.stdout.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} [SERVICE {self.name}] {text}\n")
        sys.stdout.flush()


def main(argv: list[str]) -> int:
    """Run service ``argv[0]``; returns only when it could not be started, or had nothing but preparations."""
    run = services.run_folder()
    try:
        (name,) = argv
        context = ServiceContext(name, run, services.read_table(run))
    except (OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"usage: start.py NAME, a service of {run}/services.json ({error!r})\n")
        return services.PERMANENT
    try:
        _end_on(context.service.get("stop_signal", "TERM"))
        wait(context)
        prepare(context)
        return execute(context)
    except Refusal as refusal:
        context.log(f"ERROR: {refusal}")
        if refusal.code == services.PERMANENT:
            context.phase(services.FAILED, str(refusal))
        else:
            context.remark(str(refusal))
        return refusal.code


def _end_on(stop_signal: str) -> None:
    """Let the signal that stops the service end the runner too, also one that Python or the kernel would ignore."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    number = signal.Signals["SIG" + stop_signal.removeprefix("SIG")]
    if number in (signal.SIGWINCH, signal.SIGCHLD, signal.SIGURG, signal.SIGCONT):
        signal.signal(number, lambda *_: os._exit(128 + number))


def wait(context: ServiceContext) -> None:
    """Wait until every need is met, asking ever less often. Raises :class:`Refusal` (1) at the deadline.

    The time does not run while a service that is needed has failed: to fail as well would only hide the reason.
    """
    needs = context.service.get("needs", [])
    if not needs:
        return
    from onelib import checks  # a quarter of the start's cost, which a service without needs is spared

    limit = float(context.service.get("wait_seconds", 120))
    began = time.monotonic()
    deadline = began + limit
    pause, shown = FIRST_PAUSE, needs[0]["label"]
    context.phase(services.WAITING, shown)
    while missing := checks.unmet(needs, context.run, context.table, _within(2.0, deadline)):
        label = missing[0]["label"]
        if obstacle := _obstacle(context, missing):
            label = f"{obstacle[0]}, which failed: {obstacle[1]}"
            deadline = time.monotonic() + limit
        if label != shown or pause == FIRST_PAUSE:
            shown = label
            context.phase(services.WAITING, label)
            context.log(f"waiting for {label}")
        if not obstacle and time.monotonic() >= deadline:
            raise Refusal(f"{label} did not answer within {limit:g} s", 1)
        time.sleep(_within(pause, deadline))
        pause = min(2 * pause, BOOT_PAUSE if time.monotonic() - began < BOOT_SECONDS else LONGEST_PAUSE)


def _obstacle(context: ServiceContext, missing: list[dict[str, Any]]) -> tuple[str, str] | None:
    """The failed service, and why it did, that keeps one of the ``missing`` needs from being met."""
    for need in missing:
        if need["kind"] == "service":
            found = services.obstacle(context.run, need["address"], context.table)
            if found:
                return found
    return None


def _within(seconds: float, deadline: float) -> float:
    """``seconds``, or what is left until ``deadline`` if that is less; never quite nothing."""
    return max(0.001, min(seconds, deadline - time.monotonic()))


def prepare(context: ServiceContext) -> None:
    """Call the service's preparation functions in their order. Raises :class:`Refusal` when one fails."""
    context.phase(services.PREPARING)
    names = context.service.get("prepare", [])
    if not names:
        return
    _load_site()
    from onelib.errors import OneError  # slow to import, and most services prepare nothing

    for name in names:
        module, _, function = name.partition(":")
        try:
            getattr(importlib.import_module(module), function)(context)
        except OneError as error:
            permanent = getattr(error, "permanent", False)
            raise Refusal(str(error), services.PERMANENT if permanent else error.exit_code) from None
        except OSError as error:  # a full disk, a read-only volume: the reason says more than a traceback
            raise Refusal(f"{function} failed: {error}", os.EX_IOERR) from None


def _load_site() -> None:
    """Make installed packages importable where the interpreter was started with ``-S``."""
    if sys.flags.no_site:
        import site  # what -S is there to avoid

        site.main()


def execute(context: ServiceContext) -> int:
    """Become the service: privileges, umask, folder, environment, exec. A one-shot without a command is done here."""
    service = context.service
    command = service.get("command") or []
    if not command:
        if service.get("kind") != "oneshot":
            raise Refusal("it has no command", services.PERMANENT)
        context.phase(services.DONE)
        return 0
    environment = _environment(service)
    _find(command[0], environment["PATH"])
    context.log("starting " + command[0])
    context.phase(services.STARTED)
    _become(service.get("user"))
    _settle(service, environment)
    try:
        os.execvpe(command[0], command, environment)
    except FileNotFoundError:
        raise Refusal(f"{command[0]} or the interpreter it names does not exist", 127) from None
    except OSError as error:
        raise Refusal(f"{command[0]} cannot be executed: {error.strerror}", 126) from None


def _find(program: str, path: str) -> None:
    """Refuse a program that does not exist while the state can still be written (before privileges are dropped)."""
    folders = [""] if "/" in program else path.split(os.pathsep)
    found = [place for place in (os.path.join(folder, program) for folder in folders) if os.path.isfile(place)]
    if not found and "/" not in program:
        raise Refusal(f"{program} is not in PATH ({path})", 127)
    if not found and os.path.isabs(program):
        raise Refusal(f"{program} does not exist", 127)
    if found and not any(os.access(place, os.X_OK) for place in found):
        raise Refusal(f"{found[0]} is not executable", 126)


def _environment(service: dict[str, Any]) -> dict[str, str]:
    """The service's environment: what is kept of ours, the account's own variables, then the service's."""
    kept = {key: value for key, value in os.environ.items() if is_kept(key)}
    kept.setdefault("PATH", DEFAULT_PATH)
    user = service.get("user")
    try:
        account = pwd.getpwnam(user) if user else pwd.getpwuid(os.getuid())
    except KeyError:
        if user:
            raise Refusal(f"there is no user {user}", os.EX_NOUSER) from None
        kept["HOME"] = "/"  # an arbitrary uid without an account, as some platforms give to containers
    else:
        kept |= {"HOME": account.pw_dir, "USER": account.pw_name, "LOGNAME": account.pw_name}
    return kept | {key: str(value) for key, value in service.get("environment", {}).items()}


def is_kept(variable: str) -> bool:
    """Whether a service gets ``variable`` of the container's environment: no parameter is among these."""
    return variable in KEPT or variable.startswith("LC_") or variable.lower() in PROXIES


def _become(user: str | None) -> None:
    """Drop privileges to ``user`` and its groups for good. Raises :class:`Refusal` when that is not allowed."""
    if not user:
        return
    account = pwd.getpwnam(user)
    if os.getuid() == account.pw_uid != 0:
        return
    try:
        os.initgroups(user, account.pw_gid)
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    except OSError as error:
        raise Refusal(f"cannot become {user}: {error.strerror}", os.EX_NOPERM) from None


def _settle(service: dict[str, Any], environment: dict[str, str]) -> None:
    """Take the umask, the folder and clean standard files, as a daemon expects them."""
    os.umask(int(service.get("umask") or "0022", 8))
    folder = service.get("directory") or environment.get("HOME", "/")
    try:
        os.chdir(folder)
    except OSError as error:
        raise Refusal(f"cannot work in {folder}: {error.strerror}", 1) from None
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)  # nobody ever writes to the pipe that Supervisor put there
    os.close(null)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores them, and an ignored signal survives an exec


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
