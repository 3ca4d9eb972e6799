import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from launcher import base, daemon, host, image, parameters, podman, wheelhouse
from launcher.engine import Engine
from launcher.errors import ProgramMissingError
from launcher.progress import Progress
from launcher.settings import ROOT


def test_missing_packages_are_told_from_installed_ones() -> None:
    assert host.missing(["base-files", "no-such-package"]) == ["no-such-package"]


def test_a_user_who_is_not_root_is_told_the_command() -> None:
    code = (
        "import os; from launcher import host; from launcher.progress import Progress\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "host.install(('mmdebstrap',), 'mmdebstrap', Progress())"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "ProgramMissingError" in ended.stderr
    assert "apt-get install --no-install-recommends mmdebstrap" in ended.stderr


def test_installed_packages_are_not_installed_again(progress: Progress) -> None:
    if not host.may_install():
        with pytest.raises(ProgramMissingError):
            host.install(["base-files"], "The base", progress)
    else:
        host.install(["base-files"], "The base", progress)


def test_podmans_limits_fit_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(podman, "may_raise", lambda: False)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 5000))
    assert 'default_ulimits = ["nofile=5000:5000", "nproc=5000:5000"]' in podman.configuration()
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, resource.RLIM_INFINITY))
    highest = Path("/proc/sys/kernel/pid_max").read_text().strip()
    assert f'["nofile=1048576:1048576", "nproc={highest}:{highest}"]' in podman.configuration()


def test_podman_needs_no_file_where_limits_may_be_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(podman, "may_raise", lambda: True)
    assert podman.configuration() == ""


def test_podman_settings_of_the_user_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(podman, "may_raise", lambda: False)
    monkeypatch.setenv("CONTAINERS_CONF", str(tmp_path / "mine.conf"))
    assert podman.podman_environment() == {}
    monkeypatch.delenv("CONTAINERS_CONF")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "containers").mkdir()
    (tmp_path / "containers/containers.conf").touch()
    assert podman.podman_environment() == {}


def test_images_of_this_machine_are_spelt_as_the_engine_wants_them() -> None:
    assert base.local(Engine("docker", "docker"), "oneedge:1") == "oneedge:1"
    assert base.local(Engine("podman", "podman"), "oneedge:1") == "localhost/oneedge:1"
    assert base.local(Engine("podman", "podman"), "example.org/oneedge:1") == "example.org/oneedge:1"


def test_wheels_are_for_debians_c_library() -> None:
    machine = os.uname().machine
    found = wheelhouse.platforms()
    assert found[0] == f"manylinux_2_36_{machine}"
    assert {f"manylinux2014_{machine}", f"manylinux_2_17_{machine}"} <= set(found)


def test_the_base_is_built_again_when_its_recipe_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    before = base.recipe()
    assert base.recipe() == before
    monkeypatch.setenv("BASE_MIRROR", "http://mirror.example.org/debian")
    assert base.recipe() != before


def test_an_edit_of_tests_or_pages_builds_no_image() -> None:
    rooms = {path.relative_to(ROOT).parts[0] for path in image.sources()}
    assert {"bootstrap", "onelib", "requirements", "pyproject.toml"} <= rooms
    assert not rooms & {"tests", "docs", "bench", "launcher", "build", ".git", "Makefile"}


def test_a_host_name_is_found() -> None:
    assert parameters.host_name() not in ("", "localhost")


def test_a_reused_pid_is_not_taken_for_the_daemon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    record = tmp_path / "dockerd"
    record.write_text(f"{os.getpid()} 12345\n")
    monkeypatch.setattr(daemon, "OWN_DAEMON", record)
    assert daemon.stop_own() is False
    assert not record.exists()


def test_a_daemon_of_our_own_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        record = tmp_path / "dockerd"
        record.write_text(f"{child.pid} {daemon.born(child.pid)}\n")
        monkeypatch.setattr(daemon, "OWN_DAEMON", record)
        assert daemon.stop_own() is True
        assert child.wait() == -15
