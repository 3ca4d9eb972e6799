"""``sched.conf``: what the scheduler takes from it, with 6.0's defaults for what it leaves out."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from onelib.errors import OneError
from onelib.template import Template, TemplateError

_HOST_RANKS = {0: "RUNNING_VMS", 1: "- RUNNING_VMS", 2: "FREE_CPU", 4: "PRIORITY"}
_DATASTORE_RANKS = {0: "- FREE_MB", 1: "FREE_MB", 3: "PRIORITY"}
_NETWORK_RANKS = {0: "- FREE_LEASES", 1: "FREE_LEASES", 3: "PRIORITY"}


class SettingsError(OneError):
    """A line of ``sched.conf`` cannot be used."""

    exit_code: ClassVar[int] = 78


@dataclass(frozen=True)
class Settings:
    """Seconds between rounds, limits of a round (0: none), and the ranks where a machine has none of its own."""

    endpoint: str
    interval: float
    timeout: float
    max_machines: int
    max_dispatch: int
    max_host: int
    live: bool
    cold_mode: int
    different_networks: bool
    host_rank: str
    datastore_rank: str
    network_rank: str
    log_system: str
    log_level: int


def read(path: Path) -> Settings:
    """The settings in the file ``path``. Raises :class:`SettingsError` with the key or the line."""
    try:
        template = Template.from_text(path.read_text(encoding="utf-8"), configuration=True)
    except FileNotFoundError:
        template = Template()
    except TemplateError as error:
        raise SettingsError(f"{path}: {error.message}.", todo="Correct that line and start again.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}.", todo="Make it a readable text file.") from None

    def number(key: str, default: int, low: int = 0, high: int = 2**31 - 1) -> int:
        text = template.get(key, str(default))
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise SettingsError(
                f"{path}: {key} is not a number between {low} and {high}.", todo=f"Correct {key} in {path}."
            )
        return value

    log = template.vector("LOG")
    return Settings(
        endpoint=template.get("ONE_XMLRPC", "http://localhost:2633/RPC2"),
        interval=number("SCHED_INTERVAL", 15, 1),
        timeout=number("TIMEOUT", 60, 1),
        max_machines=number("MAX_VM", 5000),
        max_dispatch=number("MAX_DISPATCH", 30),
        max_host=number("MAX_HOST", 1),
        live=number("LIVE_RESCHEDS", 0, 0, 1) == 1,
        cold_mode=number("COLD_MIGRATE_MODE", 0, 0, 2),
        different_networks=template.get("DIFFERENT_VNETS", "YES").upper() == "YES",
        host_rank=_rank(template, "DEFAULT_SCHED", _HOST_RANKS, 3, path),
        datastore_rank=_rank(template, "DEFAULT_DS_SCHED", _DATASTORE_RANKS, 2, path),
        network_rank=_rank(template, "DEFAULT_NIC_SCHED", _NETWORK_RANKS, 2, path),
        log_system=log.get("SYSTEM", "file"),
        log_level=int(log.get("DEBUG_LEVEL", "3")) if log.get("DEBUG_LEVEL", "3").isdigit() else 3,
    )


def _rank(template: Template, key: str, known: dict[int, str], custom: int, path: Path) -> str:
    conf = template.vector(key)
    policy = conf.get("POLICY", "1")
    if policy == str(custom):
        return conf.get("RANK", "")
    if not policy.isdigit() or int(policy) not in known:
        raise SettingsError(
            f"{path}: {key}/POLICY is none of {', '.join(map(str, sorted({*known, custom})))}.",
            todo=f"Correct it in {path}.",
        )
    return known[int(policy)]
