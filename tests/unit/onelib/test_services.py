"""The service table and the state files, also when something else lies where they should be."""

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from onelib import services

GOOD = {"phase": "started", "detail": "", "since": 1.0, "pid": 1}


def put(run: Path, text: str | bytes) -> None:
    (run / "state").mkdir(exist_ok=True)
    (run / "state/one.json").write_bytes(text if isinstance(text, bytes) else text.encode())


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    before = time.time(), time.monotonic()
    services.write_state(str(tmp_path), "one", services.WAITING, "MariaDB «main»\n", pid=7, starts=3)
    state = services.read_state(str(tmp_path), "one")
    assert state is not None
    assert (state["phase"], state["detail"], state["pid"], state["starts"]) == (
        "waiting",
        "MariaDB «main»\n",
        7,
        3,
    )
    assert before[0] <= state["since"] <= time.time()
    assert before[1] <= state["clock"] <= time.monotonic()
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["one.json"]


def test_state_is_for_all_to_read_whatever_the_umask(tmp_path: Path) -> None:
    mask = os.umask(0o077)
    try:
        services.write_state(str(tmp_path), "one", services.WAITING)
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "state/one.json").stat().st_mode) == 0o644


def test_full_file_system_is_an_error_and_leaves_the_state_as_it_was(tmp_path: Path) -> None:
    assert os.getuid() == 0, "this test needs root, to mount a small file system"
    run = tmp_path / "small"
    run.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(run)], check=True)
    try:
        services.write_state(str(run), "one", services.WAITING, "a disk")
        with pytest.raises(OSError, match="No space left"):
            (run / "filler").write_bytes(b"x" * 65536)
        with pytest.raises(OSError, match="No space left"):
            services.write_state(str(run), "one", services.STARTED)
        state = services.read_state(str(run), "one")
        assert state is not None
        assert state["detail"] == "a disk"
        assert [path.name for path in (run / "state").iterdir()] == ["one.json"]
    finally:
        subprocess.run(["umount", str(run)], check=True)


def test_no_state_is_none_and_a_long_detail_is_cut(tmp_path: Path) -> None:
    assert services.read_state(str(tmp_path), "one") is None
    services.write_state(str(tmp_path), "one", services.FAILED, "é" * 10**6)
    state = services.read_state(str(tmp_path), "one")
    assert state is not None
    assert len(state["detail"]) == 1000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        json.dumps(GOOD)[:-3],
        "[]",
        "null",
        '"started"',
        b"\xff\xfe\x00",
        "[" * 16000,
        "{" + '"a":{' * 3000,
        json.dumps(GOOD | {"detail": "x" * 20000}),
        json.dumps(GOOD | {"phase": "fine"}),
        json.dumps(GOOD | {"phase": ["started"]}),
        json.dumps(GOOD | {"phase": None}),
        json.dumps(GOOD | {"detail": 3}),
        json.dumps(GOOD | {"pid": "1"}),
        json.dumps(GOOD | {"pid": True}),
        json.dumps(GOOD | {"since": None}),
        json.dumps(GOOD | {"clock": float("nan")}),
        json.dumps(GOOD | {"clock": float("inf")}),
        json.dumps(GOOD | {"starts": "many"}),
    ],
)
def test_what_is_not_a_state_is_an_error(tmp_path: Path, text: str | bytes) -> None:
    put(tmp_path, text)
    with pytest.raises(ValueError, match=r"."):
        services.read_state(str(tmp_path), "one")


def test_a_pipe_or_a_folder_instead_of_the_state_does_not_block(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    os.mkfifo(tmp_path / "state/one.json")
    with pytest.raises(ValueError, match="Expecting value"):
        services.read_state(str(tmp_path), "one")
    (tmp_path / "state/two.json").mkdir()
    with pytest.raises(IsADirectoryError):
        services.read_state(str(tmp_path), "two")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"services": []}', '{"services": {"one": 1}}', " " * (1 << 21)])
def test_what_is_not_a_table_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "services.json").write_text(text)
    with pytest.raises(ValueError, match=r"."):
        services.read_table(str(tmp_path))


def test_order_is_by_priority_then_name() -> None:
    table = {"services": {"b": {"priority": 2}, "c": {"priority": 1}, "a": {"priority": 2}, "z": {}}}
    assert services.in_order(table) == ["c", "a", "b", "z"]


def test_in_maintenance_only_the_stub_is_wanted() -> None:
    table = {
        "services": {"infinite-loop": {"autostart": True}, "one": {"autostart": True}, "two": {"autostart": False}}
    }
    assert [services.wanted(name, table) for name in table["services"]] == [True, True, False]
    table["maintenance"] = True  # type: ignore[assignment]
    assert [services.wanted(name, table) for name in table["services"]] == [True, False, False]


def test_obstacle_is_the_service_that_failed_at_the_end_of_those_that_wait(tmp_path: Path) -> None:
    run = str(tmp_path)

    def needs(*names: str) -> dict[str, object]:
        other = {"kind": "file", "address": "db"}
        return {"needs": [other, *({"kind": "service", "address": name} for name in names)]}

    table = {"services": {"api": needs("once", "web"), "once": needs("db", "api"), "web": needs(), "db": {}}}
    assert services.obstacle(run, "api", table) is None
    for name in ("api", "once", "web", "db"):
        services.write_state(run, name, services.WAITING, "something")
    assert services.obstacle(run, "api", table) is None
    services.write_state(run, "db", services.FAILED, "a newer version")
    for name in ("api", "once", "db"):
        assert services.obstacle(run, name, table) == ("db", "a newer version")
    assert services.obstacle(run, "web", table) is None
    services.write_state(run, "once", services.DONE)  # who is through does not depend on it any more
    assert services.obstacle(run, "api", table) is None
    put(tmp_path, "broken")
    assert services.obstacle(run, "one", table) is None
    assert services.obstacle(run, "unknown", table) is None


@pytest.mark.parametrize(
    ("root", "folder"), [("", "/run/oneedge"), ("/", "/run/oneedge"), ("/a/b/", "/a/b/run/oneedge")]
)
def test_run_folder_is_that_of_the_locations(monkeypatch: pytest.MonkeyPatch, root: str, folder: str) -> None:
    from onelib.locations import Locations

    monkeypatch.setenv("ONEEDGE_ROOT", root)
    assert services.run_folder() == folder
    if root:
        assert str(Locations.from_environment().run) == folder


@pytest.mark.parametrize("module", ["onelib.checks", "onelib.services", "bootstrap.service", "healthcheck.probe"])
def test_nothing_slow_is_imported(module: str) -> None:
    """What the start of a runner and the probe pays for: the standard library's quick part only."""
    code = f"import sys; sys.path.append({str(Path(__file__).parents[3])!r}); import {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    slow = {
        "pathlib",
        "dataclasses",
        "typing",
        "logging",
        "subprocess",
        "argparse",
        "asyncio",
        "ssl",
        "urllib.parse",
    }
    slow |= {
        "http.client",
        "json",
        "re",
        "socket",
        "xmlrpc.client",
        "inspect",
        "pydantic",
        "jinja2",
        "yaml",
        "supervisor",
        "site",
        "shutil",
    }
    assert not slow & set(done.stdout.split())
