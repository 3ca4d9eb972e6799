"""From the environment to settings: every error of every parameter in one message, before anything is touched."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from bootstrap import pairs
from bootstrap.environment import collect
from bootstrap.errors import SettingsError
from bootstrap.settings import PARAMETERS, Settings
from bootstrap.types import printable

NAMES = {parameter.field: parameter.name for parameter in PARAMETERS}
DEFAULT_SSH_PAIR = ("/ssh/id_rsa", "/ssh/id_rsa.pub")
NEEDS_HOST = ("all", "oned", "sunstone")
NEEDS_PASSWORD = ("oned", "mysqld")
INNER_PORTS = {22: "sshd", 80: "HTTP", 443: "HTTPS", 2222: "provision sshd", 2375: "Docker", 2474: "OneFlow",
               2475: "OneFlow TLS", 2616: "FireEdge", 2633: "oned", 2634: "oned TLS", 4822: "guacd",
               5030: "OneGate", 5031: "OneGate TLS", 11211: "memcached"}  # fmt: skip


def _field_problems(error: ValidationError, values: Mapping[str, str]) -> list[str]:
    problems = []
    for item in error.errors(include_url=False, include_context=True, include_input=False):
        field = str(item["loc"][0])
        text = item["msg"].removeprefix("Value error, ")
        if item["type"] == "literal_error":
            expected = item["ctx"]["expected"].replace("'", "")
            text = f"{printable(values[field])} is not a service of the front-end: use one of {expected}"
        problems.append(f"{NAMES[field]}: {text}")
    return problems


def _missing(settings: Settings, *, native: bool) -> list[str]:
    problems = []
    if settings.role in NEEDS_HOST and not settings.host:
        problems.append(
            f"OPENNEBULA_FRONTEND_HOST: the service {settings.role} needs the public host name or IP of the front-end"
        )
    apart = settings.role in NEEDS_PASSWORD or (settings.role == "all" and not settings.local_database)
    if apart and not settings.mysql_password and not native:
        problems.append(
            f"MYSQL_PASSWORD: with the service {settings.role} and MYSQL_HOST={settings.mysql_host} oned and MariaDB "
            "run apart, so the password cannot be generated: set the same one for both (or MYSQL_PASSWORD_FILE)"
        )
    return problems


def _half_pairs(settings: Settings) -> list[str]:
    problems = []
    for one, other in (
        ("tls_key_base64", "tls_cert_base64"),
        ("tls_key", "tls_cert"),
        ("ssh_privkey_base64", "ssh_pubkey_base64"),
        ("ssh_privkey", "ssh_pubkey"),
    ):
        given, missing = (one, other) if getattr(settings, one) else (other, one)
        if bool(getattr(settings, one)) != bool(getattr(settings, other)):
            problems.append(f"{NAMES[given]} is set without {NAMES[missing]}: both are needed, or neither")
    return problems


def _port_clashes(settings: Settings) -> list[str]:
    problems = []
    vnc, monitord = settings.vnc_port, settings.monitord_port
    for name, port in (("SUNSTONE_VNC_PORT", vnc), ("MONITORD_PORT", monitord)):
        taken = INNER_PORTS.get(port) or ("MariaDB" if port == settings.mysql_port else None)
        if taken:
            problems.append(f"{name}: port {port} is {taken}'s inside the container: choose another")
    if vnc == monitord:
        problems.append(f"SUNSTONE_VNC_PORT and MONITORD_PORT are both {vnc}: choose another for one of them")
    if settings.mysql_port in INNER_PORTS:
        problems.append(
            f"MYSQL_PORT: port {settings.mysql_port} is {INNER_PORTS[settings.mysql_port]}'s: choose another"
        )
    if settings.https and settings.http_port == settings.https_port:
        problems.append(f"SUNSTONE_PORT and SUNSTONE_TLS_PORT are both {settings.http_port}: they must differ")
    return problems


def _with_defaults(settings: Settings) -> Settings:
    """Fill in what defaults from elsewhere: the SSH host, the key pair of the /ssh folder."""
    update: dict[str, str] = {}
    if not settings.ssh_host:
        update["ssh_host"] = settings.host
    if not settings.onegate_public_host:
        update["onegate_public_host"] = settings.host
    if not settings.ssh_privkey and not settings.ssh_pubkey and all(Path(p).is_file() for p in DEFAULT_SSH_PAIR):
        update["ssh_privkey"], update["ssh_pubkey"] = DEFAULT_SSH_PAIR
    return settings.model_copy(update=update)


def settings_from(environment: Mapping[str, str], *, native: bool = False) -> Settings:
    """The settings that ``environment`` asks for. Raises SettingsError with every problem found."""
    values, unusable = collect(environment)
    problems = list(unusable.values())
    wrong = set(unusable)
    if native:
        values.setdefault("host", "localhost")
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += _field_problems(error, values)
        wrong |= {str(item["loc"][0]) for item in error.errors()}
        # What is right on its own is still checked against the rest, so that one start shows every problem.
        settings = Settings.model_validate({name: text for name, text in values.items() if name not in wrong})
    across = _missing(settings, native=native) + _half_pairs(settings) + _port_clashes(settings)
    problems += [problem for problem in across if not any(NAMES[field] in problem for field in wrong)]
    settings = _with_defaults(settings)
    problems += pairs.problems(settings)
    if problems:
        raise SettingsError(sorted(set(problems)))
    return settings
