"""``monitord.conf``: where hosts send their reports, how often, and how long these are kept (OpenNebula 6.0)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from oned.errors import ConfigError
from onelib.template import Template, TemplateError

_NETWORK = {"ADDRESS": "0.0.0.0", "MONITOR_ADDRESS": "auto", "PORT": "4124", "PUBKEY": ""}
_PERIODS = {
    "BEACON_HOST": "30",
    "SYSTEM_HOST": "600",
    "MONITOR_HOST": "120",
    "STATE_VM": "5",
    "MONITOR_VM": "30",
    "SYNC_STATE_VM": "180",
}
MOST = 2**31 - 1


@dataclass(frozen=True)
class MonitordSettings:
    """What the monitoring daemon acts on. Times in seconds; a retention of 0 keeps nothing.

    ``network`` and ``periods`` are the sections NETWORK and PROBES_PERIOD as probes get them, ``private_key`` the
    file that decrypts reports, or empty.
    """

    address: str = "0.0.0.0"
    port: int = 4124
    timer: int = 15
    silence: int = 180
    host_retention: int = 43200
    vm_retention: int = 43200
    private_key: str = ""
    network: Mapping[str, str] = field(default_factory=lambda: dict(_NETWORK))
    periods: Mapping[str, str] = field(default_factory=lambda: dict(_PERIODS))

    def configuration(self, datastores: str) -> str:
        """``MONITOR_CONFIGURATION`` of the message that starts the probes; ``datastores`` is their folder there."""
        shown = Template()
        shown.add("NETWORK", self.network)
        shown.add("PROBES_PERIOD", self.periods)
        shown.add("DATASTORE_LOCATION", datastores)
        return shown.to_xml("MONITOR_CONFIGURATION")


def _number(path: Path, name: str, text: str, low: int, high: int) -> int:
    if text.isascii() and text.isdecimal() and low <= int(text) <= high:
        return int(text)
    raise ConfigError(
        f'{path}: {name} = "{text}" is not a number between {low} and {high}.', todo=f"Correct {name} in {path}."
    )


def _public_key(path: Path, name: str) -> str:
    """The text of a key: probes get it with their configuration."""
    if not name:
        return ""
    try:
        return Path(name).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: the file {name} of NETWORK/PUBKEY cannot be read: {error}.",
            todo="Make it a readable RSA key, or leave PUBKEY empty.",
        ) from None


def read_monitord(path: Path) -> MonitordSettings:
    """The settings in the file ``path``; without a file, the defaults. Raises :class:`ConfigError`."""
    try:
        raw = Template.from_text(path.read_text(encoding="utf-8"), configuration=True)
    except FileNotFoundError:
        return MonitordSettings()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.", todo="Make it a readable text file.") from None
    except TemplateError as error:
        raise ConfigError(f"{path}: {error.message}.", todo="Correct that line and start again.") from None
    network = raw.vector("NETWORK")
    private_key = network.get("PRIKEY", "")
    shown = _NETWORK | {name: network[name] for name in _NETWORK if name in network}
    shown["PUBKEY"] = _public_key(path, shown["PUBKEY"])
    periods = {
        name: str(_number(path, f"PROBES_PERIOD/{name}", raw.vector("PROBES_PERIOD").get(name, text), 1, MOST))
        for name, text in _PERIODS.items()
    }

    def single(name: str, default: int, low: int) -> int:
        return _number(path, name, raw.get(name, str(default)), low, MOST)

    return MonitordSettings(
        address=shown["ADDRESS"],
        port=_number(path, "NETWORK/PORT", shown["PORT"], 1, 65535),
        timer=single("MANAGER_TIMER", 15, 1),
        silence=single("MONITORING_INTERVAL_HOST", 180, 1),
        host_retention=single("HOST_MONITORING_EXPIRATION_TIME", 43200, 0),
        vm_retention=single("VM_MONITORING_EXPIRATION_TIME", 43200, 0),
        private_key=private_key,
        network=shown,
        periods=periods,
    )
