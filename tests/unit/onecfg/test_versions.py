import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from onecfg.upgrades import migrations, versions
from onecfg.upgrades.versions import Version, VersionError

Install = Callable[[str], Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Make the shell script the only ``oned`` there is."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sys, "executable", str(folder / "python"))

    def write(script: str) -> Path:
        path = folder / "oned"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.mark.parametrize(
    ("lower", "higher"),
    [("5.10.0", "5.12.0"), ("5.12", "5.12.0.1"), ("5.9.9", "5.10"), ("5.12.12", "6.0.0"), ("6.0.0", "6.0.0.3")],
)
def test_versions_are_compared_by_their_numbers(lower: str, higher: str) -> None:
    assert Version.parse(lower) < Version.parse(higher)
    assert Version.parse(higher) > Version.parse(lower)


def test_zeros_at_the_end_make_no_difference() -> None:
    assert Version.parse("6.0.0") == Version.parse("6.0") == Version.parse("6")
    assert str(Version.parse("6.0.0")) == "6.0.0"
    assert hash(Version.parse("6.0.0")) == hash(Version.parse("6"))


@pytest.mark.parametrize("text", ["", "6.", "6.0.0.0.1", "v6", "6.0-rc1", "6 .0", "٦.0", "1234567", "6.0\n"])
def test_anything_else_is_no_version(text: str) -> None:
    with pytest.raises(VersionError, match=r"malformed.*6\.0\.0"):
        Version.parse(text)


@pytest.mark.parametrize(
    ("text", "after"), [("6.0.0", "6.1"), ("5.12.3", "5.13"), ("6.0.0.3", "6.0.1"), ("6", "1")]
)
def test_the_first_version_after_a_series(text: str, after: str) -> None:
    assert Version.parse(text).bumped() == Version.parse(after)


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ("OpenNebula 6.0.0.3 (oneedge)", "6.0.0.3"),
        ("OpenNebula 5.12.0 is distributed ...", "5.12.0"),
        ("warning\nOpenNebula 5.10.4\nmore", "5.10.4"),
    ],
)
def test_the_version_that_oned_prints(install: Install, printed: str, version: str) -> None:
    install(f"printf '%s\\n' {shlex.quote(printed)}")
    assert str(versions.detect()) == version


def test_the_version_of_our_own_oned(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    python = sys.base_prefix + "/bin/python3"
    root = Path(__file__).parents[3]
    install(
        f'PYTHONPATH={shlex.quote(":".join([str(root), *sys.path]))} exec {shlex.quote(python)} -m oned.cli "$@"'
    )
    assert versions.detect() >= Version.parse("6.0.0")
    assert migrations.supported(versions.detect())


def test_oned_beside_this_python_is_found_without_a_path(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("echo OpenNebula 6.0.0")
    monkeypatch.setenv("PATH", "/nowhere")
    assert str(versions.detect()) == "6.0.0"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 3", "ended with code 3"),
        ("echo oned 6.0.0", "printed no version"),
        ("echo OpenNebula six", "printed no version"),
        ("exec sleep 20", "did not end within 0.2 seconds"),
    ],
)
def test_why_the_version_is_unknown(
    install: Install, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    monkeypatch.setattr(versions, "DETECTION_SECONDS", 0.2 if "sleep" in script else 10)
    monkeypatch.setenv("PATH", f"{install(script).parent}:/usr/bin:/bin")
    with pytest.raises(VersionError, match=reason):
        versions.detect()


def test_a_missing_or_broken_oned(install: Install) -> None:
    with pytest.raises(VersionError, match="there is no program 'oned'"):
        versions.detect()
    install("").write_bytes(b"\x7fELF nonsense")
    with pytest.raises(VersionError, match="cannot be run"):
        versions.detect()


def chain(source: str, target: str) -> list[str]:
    return [one.name for one in migrations.chain(Version.parse(source), Version.parse(target))]


FIRST, SECOND = "5.10.0_to_5.12.0", "5.12.0_to_6.0.0"


@pytest.mark.parametrize(
    ("source", "target", "names"),
    [
        ("5.10.0", "6.0.0", [FIRST, SECOND]),
        ("5.10.5", "6.0.0.3", [FIRST, SECOND]),
        ("5.10.3", "5.12.7", [FIRST]),
        ("5.12.0", "6.0.0.3", [SECOND]),
        ("5.12.12", "6.0.3", [SECOND]),
        ("5.10.1", "5.10.4", []),
        ("6.0.0", "6.0.0.3", []),
        ("6.0.0", "5.12.0", []),
    ],
)
def test_the_migrations_between_two_versions(source: str, target: str, names: list[str]) -> None:
    assert chain(source, target) == names


def test_the_migrations_follow_each_other() -> None:
    for one, following in zip(migrations.MIGRATIONS, migrations.MIGRATIONS[1:], strict=False):
        assert one.source < one.target == following.source


@pytest.mark.parametrize(
    ("text", "todo"),
    [
        ("5.8.5", "Upgrade OpenNebula and its configuration to 5.10.0 first"),
        ("5.9.99", "to 5.10.0 first"),
        ("6.1.0", "knows the configuration up to 6.0.0"),
        ("6.2.0", "knows the configuration up to 6.0.0"),
    ],
)
def test_versions_out_of_reach(text: str, todo: str) -> None:
    with pytest.raises(VersionError, match=f"Unsupported version {text}.*{todo}"):
        migrations.require(Version.parse(text))
    assert not migrations.supported(Version.parse(text))


@pytest.mark.parametrize("text", ["5.10.0", "5.10.5", "5.12.12", "6.0.0", "6.0.0.3", "6.0.99"])
def test_versions_within_reach(text: str) -> None:
    assert migrations.require(Version.parse(text)) == Version.parse(text)
