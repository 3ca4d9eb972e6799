"""``onehem-server.conf``: what the manager takes from it, with 6.0's defaults for what it leaves out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml

from onelib.errors import OneError
from onelib.locations import Locations


class SettingsError(OneError):
    """The configuration cannot be used."""

    exit_code: ClassVar[int] = 78


@dataclass(frozen=True)
class Settings:
    """``hooks`` and ``remote_hooks`` are the folders of commands that are not absolute, here and on hosts."""

    hooks: Path
    remote_hooks: str = "/var/tmp/one/hooks"  # noqa: S108 (6.0's folder on hosts)
    subscriber: str = "tcp://localhost:2101"
    replier: str = "tcp://localhost:2102"
    concurrency: int = 10
    level: int = 2


def _content(path: Path) -> dict[str, Any]:
    todo = f"Correct {path}; the shipped one explains its keys."
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}.", todo="Make it a readable text file.") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is not YAML: {' '.join(str(error).split())}.", todo=todo) from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise SettingsError(f"{path} does not hold keys and values.", todo=todo)
    return {str(key).lstrip(":"): value for key, value in found.items()}


def read(path: Path, locations: Locations) -> Settings:
    """The settings in the file ``path``. Raises :class:`SettingsError` with the key."""
    content = _content(path)

    def number(key: str, default: int, low: int, high: int) -> int:
        value = content.get(key, default)
        if type(value) is not int or not low <= value <= high:
            raise SettingsError(
                f"{path}: :{key} is not a number from {low} to {high}.", todo=f"Correct :{key} in {path}."
            )
        return value

    def text(key: str, default: str, begin: str) -> str:
        value = content.get(key, default)
        if not isinstance(value, str) or not value.startswith(begin):
            raise SettingsError(f"{path}: :{key} does not begin with {begin}.", todo=f"Correct :{key} in {path}.")
        return value

    return Settings(
        hooks=locations.under(text("hook_base_path", "/var/lib/one/remotes/hooks", "/")),
        remote_hooks=text("remote_hook_base_path", Settings.remote_hooks, "/"),
        subscriber=text("subscriber_endpoint", Settings.subscriber, "tcp://"),
        replier=text("replier_endpoint", Settings.replier, "tcp://"),
        concurrency=number("concurrency", Settings.concurrency, 1, 1000),
        level=number("debug_level", Settings.level, 0, 3),
    )
