"""``oned.conf``: the settings this server acts on, with upstream's defaults for what the file leaves out."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from oned import defaults
from oned.errors import ConfigError
from oned.infrastructure.monitord import MonitordSettings, read_monitord
from onelib.locations import Locations
from onelib.template import Template, TemplateError

PORT = 2633
MASK = "***"

_LOG_SYSTEMS = ("file", "std", "syslog")
_SECRET_NAMES = re.compile(r"(?:PASS(?:WD|WORD|PHRASE)?\d*|SECRET|(?:^|_)KEY|TOKEN)$", re.IGNORECASE)


@dataclass(frozen=True)
class DatabaseSettings:
    """Where the database is. ``backend`` is ``sqlite`` or ``mysql``."""

    backend: str
    server: str
    port: int
    user: str
    password: str
    name: str
    path: Path
    connections: int

    def __repr__(self) -> str:
        return f"DatabaseSettings({self.label})"

    @property
    def label(self) -> str:
        """How messages name the database; no secret."""
        return f"SQLite file {self.path}" if self.backend == "sqlite" else f"MariaDB {self.name} at {self.server}"


@dataclass(frozen=True)
class AuthDriver:
    """What ``AUTH_MAD_CONF`` says of one authentication driver; ``max_token_seconds`` -1 is no limit."""

    password_change: bool
    managed_groups: bool
    managed_admins: bool
    max_token_seconds: int


@dataclass(frozen=True)
class Settings:
    """Everything the server takes from ``oned.conf``. Times in seconds, sizes in bytes, ``umask`` as a number."""

    database: DatabaseSettings
    port: int
    listen: str
    log_system: str
    log_level: int
    session_seconds: int
    umask: int
    other_permissions: bool
    message_bytes: int
    keepalive_seconds: int
    timeout_seconds: int
    call_format: str
    descending: bool
    zone_id: int
    raw: Template
    monitord: MonitordSettings = field(default_factory=MonitordSettings)

    def auth_driver(self, name: str) -> AuthDriver:
        """The settings of the driver ``name``; an unknown one may do nothing."""
        change, managed, admins, seconds = False, False, False, -1
        for conf in (*defaults.drivers("AUTH_MAD_CONF"), *self.raw.vectors("AUTH_MAD_CONF")):
            if conf.get("NAME") == name:
                change = _yes(conf.get("PASSWORD_CHANGE"), default=change)
                managed = _yes(conf.get("DRIVER_MANAGED_GROUPS"), default=managed)
                admins = _yes(conf.get("DRIVER_MANAGED_GROUP_ADMIN"), default=admins)
                seconds = int(conf.get("MAX_TOKEN_TIME", str(seconds)))
        return AuthDriver(change, managed, admins, seconds)

    def names(self, attribute: str) -> list[str]:
        """The values of a repeated single attribute such as ``USER_RESTRICTED_ATTR``."""
        return [value for value in self.raw.all(attribute) if isinstance(value, str)]

    def masked(self) -> Template:
        """The configuration for ``one.system.config``, every secret replaced, without the key of the database."""
        shown = Template()
        for name, value in self.raw:
            if isinstance(value, str):
                shown.add(name, MASK if _SECRET_NAMES.search(name) else value)
            else:
                shown.add(name, {k: MASK if _SECRET_NAMES.search(k) else v for k, v in value.items()})
        return shown


def _yes(text: str | None, *, default: bool) -> bool:
    return default if text is None or not text.strip() else text.strip().upper() == "YES"


class _Reader:
    """Typed access to the template of one file; every failure names the attribute and the file."""

    def __init__(self, template: Template, path: Path) -> None:
        self.template = template
        self.path = path

    def fail(self, attribute: str, value: str, wanted: str) -> ConfigError:
        shown = MASK if _SECRET_NAMES.search(attribute) else value
        return ConfigError(
            f'{self.path}: {attribute} = "{shown}" is not {wanted}.', todo=f"Correct {attribute} in {self.path}."
        )

    def number(self, attribute: str, text: str, low: int, high: int, base: int = 10) -> int:
        try:
            number = int(text, base)
        except ValueError:
            raise self.fail(attribute, text, "a number") from None
        if not low <= number <= high:
            raise self.fail(attribute, text, f"between {low} and {high}")
        return number

    def single(self, name: str, default: int, low: int, high: int) -> int:
        return self.number(name, self.template.get(name, str(default)), low, high)

    def one_of(self, attribute: str, text: str, allowed: tuple[str, ...]) -> str:
        if text.lower() not in allowed:
            raise self.fail(attribute, text, f"one of {', '.join(allowed)}")
        return text.lower()


def _database(reader: _Reader, locations: Locations) -> DatabaseSettings:
    conf = reader.template.vector("DB")
    backend = reader.one_of("DB/BACKEND", conf.get("BACKEND", "sqlite"), ("sqlite", "mysql"))
    return DatabaseSettings(
        backend=backend,
        server=conf.get("SERVER", "localhost"),
        port=reader.number("DB/PORT", conf.get("PORT") or "0", 0, 65535),
        user=conf.get("USER", "oneadmin"),
        password=conf.get("PASSWD", "oneadmin"),
        name=conf.get("DB_NAME", "opennebula"),
        path=locations.var / "one.db",
        connections=reader.number("DB/CONNECTIONS", conf.get("CONNECTIONS", "25"), 1, 1000),
    )


def _check_auth_drivers(reader: _Reader) -> None:
    for conf in reader.template.vectors("AUTH_MAD_CONF"):
        reader.number("AUTH_MAD_CONF/MAX_TOKEN_TIME", conf.get("MAX_TOKEN_TIME", "-1"), -1, 2**31 - 1)


def _check_federation(federation: dict[str, str], path: Path) -> None:
    """Refuse roles that this server does not play: acting as a lone one would damage the shared database."""
    mode = federation.get("MODE", "STANDALONE").upper()
    if mode != "STANDALONE" or (federation.get("SERVER_ID") or "-1") != "-1":
        raise ConfigError(
            f"{path}: FEDERATION asks for a federation or a replicated server; this one only runs standalone.",
            todo='Set MODE = "STANDALONE" and SERVER_ID = -1.',
        )


def read_settings(path: Path, locations: Locations) -> Settings:
    """The settings in the file ``path``; without a file, upstream's defaults.

    Raises :class:`ConfigError` with the line or the attribute.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.", todo="Make it a readable text file.") from None
    try:
        template = Template.from_text(text, configuration=True)
    except TemplateError as error:
        raise ConfigError(f"{path}: {error.message}.", todo="Correct that line and start again.") from None
    reader = _Reader(template, path)
    _check_auth_drivers(reader)
    log = template.vector("LOG")
    federation = template.vector("FEDERATION")
    _check_federation(federation, path)
    return Settings(
        database=_database(reader, locations),
        port=reader.single("PORT", PORT, 1, 65535),
        listen=template.get("LISTEN_ADDRESS", "0.0.0.0"),
        log_system=reader.one_of("LOG/SYSTEM", log.get("SYSTEM", "file"), _LOG_SYSTEMS),
        log_level=reader.number("LOG/DEBUG_LEVEL", log.get("DEBUG_LEVEL", "3"), 0, 5),
        session_seconds=reader.single("SESSION_EXPIRATION_TIME", defaults.SESSION_SECONDS, 0, 2**31 - 1),
        umask=reader.number("DEFAULT_UMASK", template.get("DEFAULT_UMASK", "177"), 0, 0o777, base=8),
        other_permissions=_yes(template.get("ENABLE_OTHER_PERMISSIONS"), default=True),
        message_bytes=reader.single("MESSAGE_SIZE", defaults.MESSAGE_BYTES, 2**10, 2**31 - 1),
        keepalive_seconds=reader.single("KEEPALIVE_TIMEOUT", 15, 0, 86400),
        timeout_seconds=reader.single("TIMEOUT", 15, 1, 86400),
        call_format=template.get("LOG_CALL_FORMAT", defaults.CALL_FORMAT),
        descending=template.get("API_LIST_ORDER", defaults.LIST_ORDER).upper() == "DESC",
        zone_id=reader.number("FEDERATION/ZONE_ID", federation.get("ZONE_ID") or "0", 0, 2**31 - 1),
        raw=defaults.complete(template, locations.var),
        monitord=read_monitord(locations.etc / "monitord.conf"),
    )
