"""The environment as parameters: aliases, ``NAME_FILE`` secrets, and words for what is nearly a parameter."""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path

from bootstrap.settings import PARAMETERS, Parameter

SECRET_LIMIT = 1 << 20
PREFIXES = ("OPENNEBULA_", "ONED_", "ONEFLOW_", "ONEGATE_", "SUNSTONE_", "TLS_", "ONEADMIN_", "DIND_", "MYSQL_",
            "FIREEDGE_", "GUACD_", "MEMCACHED_", "ONEPROVISION_", "MAINTENANCE_", "MONITORD_")  # fmt: skip


def read_secret(variable: str, path: str) -> str:
    """The text of the file that ``variable`` names, without its final line break.

    Raises ValueError with a sentence for the user; the content is never part of it.
    """
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(SECRET_LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise ValueError(f"{variable}: the file {path!a} cannot be read: {reason}") from error
    if len(data) > SECRET_LIMIT:
        raise ValueError(f"{variable}: the file {path!a} is larger than 1 MiB, so it is no secret")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ValueError(f"{variable}: the file {path!a} is not text (UTF-8)") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise ValueError(f"{variable}: the file {path!a} is empty")
    return text


def _values_of(parameter: Parameter, environment: Mapping[str, str]) -> dict[str, str]:
    """What the environment says of one parameter: variable -> value, over its aliases and their _FILE forms."""
    found: dict[str, str] = {}
    for name in parameter.variables:
        if environment.get(name):
            found[name] = environment[name]
        if parameter.secret and environment.get(f"{name}_FILE"):
            found[f"{name}_FILE"] = read_secret(f"{name}_FILE", environment[f"{name}_FILE"])
    return found


def collect(environment: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Values, and problems (conflicting aliases, unreadable secrets), both by field name.

    An empty variable counts as not set, as Compose passes ``NAME=`` for what a file leaves open.
    """
    values: dict[str, str] = {}
    problems: dict[str, str] = {}
    for parameter in PARAMETERS:
        try:
            found = _values_of(parameter, environment)
        except ValueError as error:
            problems[parameter.field] = str(error)
            continue
        if len(set(found.values())) > 1:
            names = " and ".join(found)
            problems[parameter.field] = f"{names} are set to different values: keep {parameter.name} alone"
        elif found:
            values[parameter.field] = next(iter(found.values()))
    return values, problems


def unknown(environment: Iterable[str]) -> list[str]:
    """A sentence for each variable that looks like a parameter and is none (a typo changes nothing, silently)."""
    known = {name for parameter in PARAMETERS for name in parameter.variables}
    known |= {f"{name}_FILE" for parameter in PARAMETERS if parameter.secret for name in parameter.variables}
    sentences = []
    for name in sorted(environment):
        if name in known or not name.startswith(PREFIXES):
            continue
        near = difflib.get_close_matches(name, known, n=1)
        hint = f": did you mean {near[0]}?" if near else ""
        sentences.append(f"{name} is not a parameter of this image and is ignored{hint}")
    return sentences
