"""Supervisor's configuration and the parts of its entry point that need no running Supervisor."""

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined, UndefinedError

from bootstrap.supervise import Options, Wakeup

CHECKOUT = Path(__file__).resolve().parents[3]
ENTRY = {"kind": "service", "autostart": True, "priority": 7, "stop_seconds": 3, "stop_signal": "INT"}


def render(**context: object) -> str:
    loader = FileSystemLoader(CHECKOUT / "supervisor")
    environment = Environment(loader=loader, undefined=StrictUndefined, autoescape=False)  # noqa: S701  no HTML
    return environment.get_template("supervisord.conf.j2").render(**context)


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401  a reader of untyped things
    """Render the templates for a table and let Supervisor itself read the result."""

    def once(services: dict[str, Any], **context: object) -> Any:  # noqa: ANN401  Supervisor's options
        run = tmp_path / "run/oneedge"
        run.mkdir(parents=True, exist_ok=True)
        monkeypatch.setenv("ONEEDGE_ROOT", str(tmp_path))
        (run / "services.json").write_text(json.dumps({"services": services}))
        given: dict[str, object] = {"run": run, "python": sys.executable, "library": CHECKOUT, "log": None}
        text = render(services=services, **({"maintenance": False} | given | context))
        (run / "supervisord.conf").write_text(text)
        options: Any = Options()
        options.realize(["-c", str(run / "supervisord.conf"), "--nodaemon"])
        return options

    return once


def programs(options: Any) -> dict[str, Any]:  # noqa: ANN401  Supervisor's options
    return {group.name: group.process_configs[0] for group in options.process_group_configs}


def test_what_supervisor_reads_of_a_service_and_of_a_one_shot(read: Any, tmp_path: Path) -> None:  # noqa: ANN401
    found = programs(
        read({"db": ENTRY, "once": ENTRY | {"kind": "oneshot", "priority": 8, "stop_signal": "WINCH"}})
    )
    assert list(found) == ["db", "once"]
    db, once = found["db"], found["once"]
    assert (db.priority, db.stopwaitsecs, db.stopsignal) == (7, 3, signal.SIGINT)
    assert (db.exitcodes, once.exitcodes) == ([78], [0, 78])
    assert once.stopsignal == signal.SIGWINCH
    assert (db.startsecs, db.stopasgroup, db.killasgroup, db.redirect_stderr) == (0, True, True, True)
    assert db.stdout_logfile is None
    assert db.make_process().get_execv_args()[1] == [
        sys.executable,
        "-I",
        "-S",
        str(CHECKOUT / "bootstrap/start.py"),
        "db",
    ]


def test_maintenance_starts_the_stub_alone(read: Any) -> None:  # noqa: ANN401
    table = {"infinite-loop": ENTRY, "db": ENTRY, "spare": ENTRY | {"autostart": False}}
    normal, maintenance = programs(read(table)), programs(read(table, maintenance=True))
    assert [normal[name].autostart for name in table] == [True, True, False]
    assert [maintenance[name].autostart for name in table] == [True, False, False]


def test_strange_paths_survive(read: Any, tmp_path: Path) -> None:  # noqa: ANN401
    strange = tmp_path / "50% of; a b"
    strange.mkdir()
    options = read({"db": ENTRY}, log=strange, library=strange, python=strange / "py thon")
    db = programs(options)["db"]
    assert db.stdout_logfile == f"{strange}/db.log"
    assert db.command == f'"{strange}/py thon" -I -S "{strange}/bootstrap/start.py" db'


def test_a_missing_fact_is_an_error_not_an_empty_text() -> None:
    with pytest.raises(UndefinedError):
        render(services={"db": {}}, maintenance=False, run="/run", python="p", library="l", log=None)


def test_a_signal_wakes_the_poll_at_once(read: Any) -> None:  # noqa: ANN401
    """Without the wake-up descriptor the poll would be taken up again after the signal (PEP 475)."""
    options = read({"db": ENTRY})

    class Idle:
        stop_groups = ()

        def processes(self) -> list[object]:
            return []

    options.front = Idle()
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    wakeup = Wakeup()
    try:
        options.poller.register_readable(wakeup.descriptor)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        began = time.monotonic()
        assert options.poller.poll(5) == ([wakeup.descriptor], [])
        assert time.monotonic() - began < 1
        wakeup.handle_read_event()
        assert options.poller.poll(0) == ([], [])
    finally:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGALRM, before)
        options.poller.close()
