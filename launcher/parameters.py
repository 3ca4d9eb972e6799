"""The image's parameters: those the user has set, and those that follow the host and the published ports."""

import socket
from collections.abc import Mapping
from pathlib import Path

from launcher.ports import Published
from launcher.settings import FALSE

# Generated from the image's settings: one name a line, a second word "secret" where the value is one.
LIST = Path("bootstrap/parameters.txt")
_HOST = ("OPENNEBULA_FRONTEND_HOST", "OPENNEBULA_HOST")
_SSH_HOST = ("OPENNEBULA_FRONTEND_SSH_HOST", "OPENNEBULA_SSH_HOST")


def known(root: Path) -> tuple[str, ...]:
    """Names of every image parameter, aliases and ``NAME_FILE`` included, as the generated list has them."""
    path = root / LIST
    if not path.exists():
        return ()
    lines = (line.split() for line in path.read_text().splitlines())
    return tuple(words[0] for words in lines if words and not words[0].startswith("#"))


def chosen(env: Mapping[str, str], names: tuple[str, ...], published: tuple[Published, ...]) -> dict[str, str]:
    """The container's environment. Values may be secrets: hand them over by the environment only."""
    values = {name: env[name] for name in names if name in env}
    host = _first(env, _HOST) or host_name()
    values.setdefault(_set_name(env, _HOST), host)
    values.setdefault(_set_name(env, _SSH_HOST), _first(env, _SSH_HOST) or host)
    for item in published:
        if item.port.parameter:
            values[item.port.parameter] = env.get(item.port.parameter, "").strip() or str(item.outer)
    values["ONEGATE_PORT"] = env.get("ONEGATE_PORT", "").strip() or str(_gate(env, published))
    return values


def host_name() -> str:
    """This host's full name where it has one, its short name otherwise."""
    full = socket.getfqdn()
    return full if "." in full and not full.startswith("localhost") else socket.gethostname()


def _first(env: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((env[name].strip() for name in names if env.get(name, "").strip()), "")


def _set_name(env: Mapping[str, str], names: tuple[str, ...]) -> str:
    """The spelling that the user uses, the first one where none is used."""
    return next((name for name in names if env.get(name, "").strip()), names[0])


def _gate(env: Mapping[str, str], published: tuple[Published, ...]) -> int:
    """The port that virtual machines are told for OneGate: behind the TLS proxy it is the proxy's."""
    tls = env.get("TLS_PROXY_ENABLED", "").strip().lower() not in FALSE
    variable = "DEPLOY_ONEGATE_TLS_EXTERNAL_PORT" if tls else "DEPLOY_ONEGATE_EXTERNAL_PORT"
    return next(item.outer for item in published if item.port.variable == variable)
