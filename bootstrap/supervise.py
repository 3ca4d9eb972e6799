"""Supervisor's entry point of the front-end: ``python -m bootstrap.supervise -c supervisord.conf``, in the foreground.

It is Supervisor as its project ships it, with these differences:

* No start delay and no polling pauses. Supervisor waits up to a second between two looks at its processes; here it
  wakes when a signal arrives (a wake-up descriptor, because since PEP 475 a signal does not end a poll) and when the
  next thing is due. So services start at once, one that died is back at once, and the ordered stop (the reverse of
  the start, one after another) takes what the services take.
* Restarts are decided here, because Supervisor retries for ever and without a pause what exits after ``startsecs``
  (0 here, since a runner that waits is not a service that is up), and retries regardless of the exit code what exits
  before. A service that ends unexpectedly is restarted at once; when it has not stayed up for ``STABLE`` seconds after
  its runner's exec, then after 1 s, 2 s, 3 s; and after five times in a row it is FATAL.
* When a service is started again, the one-shots that are done and need it run again too, and those that need them:
  what they did may have gone with it (keys in an agent, for instance). Who waited for them is not disturbed.
* FATAL of an essential service stops everything in order and ends with exit code 70, so that the restart policy of
  the container engine acts. Not so when another essential service is down for good (exit code 78, never restarted):
  what fails then fails for that reason, and the container stays up for inspection.
* Every service's output goes to our standard output, each line with the service's name in front. The last error in it
  becomes the reason that the service's state tells when it exits with 78 or becomes FATAL.
* The end of an orphan (this process may be PID 1) is logged at debug level. SIGHUP does nothing.
* A reload (``supervisorctl reload``) stops all in order and executes this program anew: nothing old is left over.
"""

# mypy: disable-error-code="no-untyped-call, misc"
# ruff: noqa: ANN401
# Supervisor is not typed: what it takes and returns is Any, and so are its classes as a base.

import contextlib
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from supervisor.medusa import asyncore_25 as asyncore
from supervisor.options import ProcessConfig, ServerOptions, decode_wait_status
from supervisor.poller import Poller
from supervisor.process import Subprocess
from supervisor.states import ProcessStates, SupervisorStates

from bootstrap.output import LastWords, LineHandler
from onelib import services
from supervisor import dispatchers, events, loggers, supervisord

FATAL_EXIT = os.EX_SOFTWARE  # 70
AT_WORK = (services.PREPARING, services.UPGRADING, services.STARTED)
STABLE = 10.0
"""Seconds that a service must have been up for its end not to count as one more failure to start."""


class Wakeup:
    """A descriptor in Supervisor's socket map that turns readable whenever a signal arrives."""

    def __init__(self) -> None:
        self.descriptor, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)

    def readable(self) -> bool:
        """Always: Supervisor asks before each poll."""
        return True

    def writable(self) -> bool:
        """Never."""
        return False

    def handle_read_event(self) -> None:
        """Empty the pipe; the signals themselves are known to Supervisor's handlers."""
        os.read(self.descriptor, 4096)


class DuePoller(Poller):
    """A poller that waits no longer than until the next thing is due."""

    def poll(self, timeout: float) -> Any:
        """Poll for ``timeout`` seconds at most, or until ``options.due()`` if that is sooner."""
        return super().poll(self.options.due(timeout))


def _end_group(pid: int) -> None:
    """End what a dead service left in its process group, such as Apache's workers, which would hold its port."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


class Service(Subprocess):
    """One supervised service, with the restart policy that the module describes."""

    config: Any
    words: LastWords  # of its latest process
    failures = 0  # ends in a row that came too early
    reason = ""  # how it ended last
    outdated = False  # a one-shot at work while what it needs was started again

    @property
    def about(self) -> Mapping[str, Any]:
        """Its entry of the service table."""
        entry: Mapping[str, Any] = self.config.options.table["services"].get(self.config.name, {})
        return entry

    def spawn(self) -> Any:
        """Start it, and again what is done and needs it; a start by hand forgets earlier failures."""
        if self.state in (ProcessStates.STOPPED, ProcessStates.FATAL):
            self.failures = 0
        again, self.outdated = bool(self.laststart), False
        pid = super().spawn()
        if pid and again:
            for one in self.config.options.front.processes():
                if one.needs(self.config.name):
                    one.repeat(self.config.name)
        return pid

    def needs(self, name: str) -> bool:
        """Whether it waits for service ``name`` when it starts."""
        return any(need["kind"] == "service" and need["address"] == name for need in self.about.get("needs", ()))

    def repeat(self, because: str) -> None:
        """Run a one-shot again that is done, or at work, since service ``because`` was started again.

        One that failed for good is left to the operator.
        """
        if self.about.get("kind") != "oneshot" or not self.config.autostart:
            return
        if self.state == ProcessStates.EXITED and self.exitstatus == 0:
            self.config.options.logger.info(f"{self.config.name} runs again: {because} was started again")
            self.tell(services.WAITING, because)  # before anybody who needs it looks
            self.spawn()
        elif self.pid and self.config.options.state_of(self.config.name)["phase"] in AT_WORK:
            self.outdated = True

    def finish(self, pid: int, sts: int) -> None:
        """Note how the process ended, and decide when it is started again, if at all."""
        state = self.config.options.state_of(self.config.name)
        self.reason = decode_wait_status(sts)[1]
        remains = list(self.dispatchers.values())
        super().finish(pid, sts)
        _end_group(pid)
        for dispatcher in remains:
            if isinstance(getattr(dispatcher, "normallog", None), loggers.Logger):
                dispatcher.normallog.close()
        if self.state != ProcessStates.EXITED:
            return
        if self.exitstatus in self.config.exitcodes:
            if self.exitstatus == 0:
                self.done()
            elif state["phase"] != services.FAILED:  # not its runner, which says why, but the program itself
                self.tell(services.FAILED, self.words.text() or self.reason)
            return
        if os.WIFEXITED(sts) and (why := state["detail"] or self.words.text()):
            self.reason += f": {why}"  # as its runner says when it gives up, or the program itself
        up = time.monotonic() - state["clock"] if state["phase"] == services.STARTED else 0.0
        self.failures = 1 if up >= STABLE else self.failures + 1
        if self.failures > 1:
            self.backoff = (
                self.failures - 2
            )  # Supervisor adds one, waits as many seconds, and gives up at the fourth
            self.spawnerr = self.reason
            self.change_state(ProcessStates.BACKOFF)

    def done(self) -> None:
        """A one-shot has ended well; once more, if what it worked on was replaced meanwhile."""
        self.failures = 0
        if self.outdated and self.config.options.mood == SupervisorStates.RUNNING:
            self.repeat("what it needs")
        else:
            self.tell(services.DONE)

    def give_up(self) -> None:
        """Become FATAL; unless all is being stopped, the reason is kept for the probe."""
        if self.config.options.mood == SupervisorStates.RUNNING:
            self.tell(services.FAILED, f"{self.reason or self.spawnerr}, {max(self.failures, 1)} times in a row")
        super().give_up()

    def tell(self, phase: str, detail: str = "") -> None:
        """Write the service's phase in the name of a process that is gone."""
        options = self.config.options
        starts = int(options.state_of(self.config.name)["starts"])
        try:
            services.write_state(options.run, self.config.name, phase, detail, starts=starts)
        except OSError as error:
            options.logger.warn(f"cannot write the state of {self.config.name}: {error}")

    def due(self) -> float:
        """Seconds until :meth:`transition` has something to do."""
        running = self.config.options.mood == SupervisorStates.RUNNING
        if self.state == ProcessStates.STOPPING:
            return float(self.delay - time.time())
        if not running:
            return float("inf")
        if self.state == ProcessStates.BACKOFF:
            return float(self.delay - time.time()) if self.backoff <= self.config.startretries else 0.0
        fresh = self.state == ProcessStates.STOPPED and not self.laststart and self.config.autostart
        again = self.state == ProcessStates.EXITED and self.exitstatus not in self.config.exitcodes
        return 0.0 if fresh or again or self.state == ProcessStates.STARTING else float("inf")


class ServiceConfig(ProcessConfig):
    """A program section that makes a :class:`Service`."""

    name: str
    options: Any

    def make_process(self, group: Any = None) -> Service:
        """A stopped service of ``group``."""
        service = Service(self)
        service.group = group
        return service

    def make_dispatchers(self, proc: Service) -> Any:
        """Pipes to the process; without a log file its output goes to ours, line by line."""
        found, pipes = super().make_dispatchers(proc)
        proc.words = LastWords(self.name)
        for dispatcher in found.values():
            if isinstance(dispatcher, dispatchers.POutputDispatcher):
                if dispatcher.normallog is None:
                    dispatcher.normallog = dispatcher.childlog = self.options.getLogger()
                    dispatcher.normallog.addHandler(LineHandler(self.name))
                dispatcher.normallog.addHandler(proc.words)
        return found, pipes


class Options(ServerOptions):
    """Supervisor's options plus the service table."""

    logger: Any
    first, test = True, False

    def __init__(self) -> None:
        super().__init__()
        self.run = services.run_folder()
        self.table = services.read_table(self.run)
        self.poller = DuePoller(self)
        self.front: Any = None

    def processes_from_section(
        self,
        parser: Any,
        section: str,
        group_name: str,
        klass: Any = None,  # noqa: ARG002  Supervisor's
    ) -> Any:
        """Sections of programs make :class:`ServiceConfig`."""
        return super().processes_from_section(parser, section, group_name, ServiceConfig)

    def set_uid_or_exit(self) -> None:
        """Stay who we are: each service's runner drops its own privileges."""

    def setsignals(self) -> None:
        """As Supervisor does, but SIGHUP means nothing. A handler, because ignoring it would be inherited.

        The bootstrap has blocked what stops us until somebody heeds it: PID 1 loses a signal without a handler.
        """
        super().setsignals()
        signal.signal(signal.SIGHUP, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})

    def make_http_servers(self, supervisord: Any) -> Any:
        """The control socket, without a critical message at every start that it asks for no password.

        Its mode lets in nobody but us and root.
        """
        self.logger.critical = self.logger.debug
        try:
            return super().make_http_servers(supervisord)
        finally:
            del self.logger.critical

    def state_of(self, name: str) -> dict[str, Any]:
        """The state of service ``name``; a blank one when there is none to be read."""
        try:
            state = services.read_state(self.run, name)
        except (OSError, ValueError):
            state = None
        return state or {"phase": "", "detail": "", "clock": 0.0, "starts": 0}

    def due(self, timeout: float) -> float:
        """Seconds to wait, ``timeout`` at most, before a process or the ordered stop needs us."""
        if self.front.stop_groups and not self.front.stop_groups[-1].get_unstopped_processes():
            return 0.0
        every: list[float] = [process.due() for process in self.front.processes()]
        return max(0.0, min([timeout, *every]))


class Front(supervisord.Supervisor):
    """Supervisor with the front-end's answer to FATAL."""

    exit_code = 0

    def processes(self) -> list[Service]:
        """All services."""
        return [process for group in self.process_groups.values() for process in group.processes.values()]

    def runforever(self) -> None:
        """Serve until all is stopped."""
        wakeup = Wakeup()
        self.options.get_socket_map()[wakeup.descriptor] = wakeup
        events.subscribe(events.ProcessStateFatalEvent, self.on_fatal)
        super().runforever()

    def on_fatal(self, event: Any) -> None:
        """Stop everything when the service is essential and nothing else explains that it failed."""
        service = event.process
        if self.options.mood != SupervisorStates.RUNNING or not service.about.get("essential"):
            return
        essential = [one for one in self.processes() if one.about.get("essential")]
        down = [one.config.name for one in essential if one.exitstatus == services.PERMANENT]
        if down:
            self.options.logger.critical(f"{service.config.name} failed while {', '.join(down)} is down for good")
            return
        self.options.logger.critical(
            f"essential service {service.config.name} cannot be kept up: {service.reason or service.spawnerr}; "
            "stopping the front-end"
        )
        self.exit_code = FATAL_EXIT
        self.options.mood = SupervisorStates.SHUTDOWN

    def reap(self, once: bool = False, recursionguard: int = 0) -> None:  # noqa: ARG002  Supervisor's
        """Reap every child that has ended, ours and those that PID 1 inherits."""
        while (ended := self.options.waitpid())[0]:
            process = self.options.pidhistory.pop(ended[0], None)
            if process is None:
                self.options.logger.debug(f"reaped pid {ended[0]}, {decode_wait_status(ended[1])[1]}")
            else:
                process.finish(*ended)


def main(argv: list[str] | None = None) -> int:
    """Supervise until told to stop. Returns 0 after a stop that was asked for, 70 after an essential FATAL."""
    arguments = sys.argv[1:] if argv is None else argv
    options = Options()
    for state in Path(options.run, "state").glob("*.json*"):
        state.unlink(missing_ok=True)  # of an earlier boot
    options.realize([*arguments, "--nodaemon"], doc=__doc__)
    options.front = front = Front(options)
    try:
        front.main()
    except asyncore.ExitNow:
        options.logger.info(f"stopped, exit code {front.exit_code}")
    options.close_httpservers()
    options.close_logger()
    if options.mood == SupervisorStates.RESTARTING:
        signal.set_wakeup_fd(-1)
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # as we were started
    return front.exit_code


if __name__ == "__main__":
    sys.exit(main())
