"""The words that make a Podman container again, from the command that made it.

Podman's ``inspect`` tells the command line; values of variables and the names of volumes come from its other parts.
"""

from collections.abc import Iterator, Sequence

from launcher.errors import RefusedError
from launcher.upgrade.copying import (
    LABELS,
    PODMAN_OWN,
    Copy,
    Inspect,
    own_environment,
    ports,
    restart,
    section,
)

# Options of podman run and create that stand alone; every other one has a value.
_ALONE = {
    "--detach", "-d", "--disable-content-trust", "--env-host", "--help", "--http-proxy", "--init",
    "--interactive", "-i", "--no-healthcheck", "--no-hosts", "--no-hostname", "--oom-kill-disable",
    "--passwd", "--privileged", "--publish-all", "-P", "--quiet", "-q", "--read-only",
    "--read-only-tmpfs", "--replace", "--rm", "--rmi", "--rootfs", "--sig-proxy", "--tls-verify",
    "--tty", "-t", "--unsetenv-all",
}  # fmt: skip
_SHORT_ALONE = "diPqt"
# Given anew, or of no use for a container that replaces another.
_DROPPED = {
    "--attach", "-a", "--cidfile", "--conmon-pidfile", "--detach", "-d", "--detach-keys", "--env", "-e",
    "--env-file", "--env-host", "--env-merge", "--health-cmd", "--health-interval",
    "--health-on-failure", "--health-retries", "--health-start-period", "--health-timeout",
    "--http-proxy", "--name", "--no-healthcheck", "--pidfile", "--publish", "-p", "--publish-all", "-P",
    "--pull", "--quiet", "-q", "--replace", "--restart", "--sig-proxy", "--unsetenv", "--unsetenv-all",
}  # fmt: skip
_HEALTH = ("--health-", "--no-healthcheck")


def copy(found: Inspect, image: Inspect) -> Copy:
    """The words for a container like ``found``, which was made of ``image``. Raises :class:`RefusedError`."""
    options, command = parse(section(found, "Config").get("CreateCommand") or [])
    kept: list[str] = []
    for option, value in options:
        if option in _DROPPED or _unnamed(option, value) or value.startswith(LABELS):
            continue
        kept += [option] if option in _ALONE and not value else [f"{option}={value}"]
    life = [f"--restart={restart(found)}"]
    life += [f"{option}={value}" if value else option for option, value in options if option.startswith(_HEALTH)]
    # What comes from files is in none of the words.
    given = set(PODMAN_OWN) if any(option == "--env-file" for option, _ in options) else _variables(options)
    defaults = {"TERM=xterm", "container=podman", f"HOSTNAME={section(found, 'Config').get('Hostname', '')}"}
    environment = {
        name: value
        for name, value in own_environment(found, image).items()
        if name not in PODMAN_OWN or (name in given and f"{name}={value}" not in defaults)
    }
    # What the container has of this host's proxies is in its environment by now.
    words = (*kept, "--http-proxy=false", *_volumes(found, options))
    return Copy(words, ports(found), tuple(life), environment, (), command)


def parse(words: Sequence[str]) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
    """The options, each with its value or an empty text, and the words behind the image's name.

    Raises :class:`RefusedError` for a container that no command line made.
    """
    start = next((place for place, word in enumerate(words) if word in ("run", "create")), None)
    if start is None:
        raise RefusedError(
            "Podman does not tell with which command the container was made, and so not all of its settings.",
            todo="Make it anew with 'podman run' on the same volumes. Nothing was changed.",
        )
    options: list[tuple[str, str]] = []
    rest = iter(words[start + 1 :])
    for word in rest:
        if not word.startswith("-"):
            break
        options += _option(word, rest)
    return options, tuple(rest)


def _option(word: str, rest: Iterator[str]) -> list[tuple[str, str]]:
    """One option with its value; letters that stand together are taken apart."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        if equals:
            return [(name, value)]
        return [(name, "" if name in _ALONE else next(rest, ""))]
    found = []
    for place, letter in enumerate(word[1:], 2):
        if letter in _SHORT_ALONE:
            found.append((f"-{letter}", ""))
            continue
        found.append((f"-{letter}", word[place:].removeprefix("=") or next(rest, "")))
        break
    return found


def _variables(options: Sequence[tuple[str, str]]) -> set[str]:
    return {value.partition("=")[0] for option, value in options if option in ("--env", "-e")}


def _unnamed(option: str, value: str) -> bool:
    """Whether this is a volume without a name: it is given by the one that Podman made for it."""
    if option in ("--volume", "-v"):
        return ":" not in value
    fields = dict(field.partition("=")[::2] for field in value.split(","))
    return option == "--mount" and fields.get("type") == "volume" and not {"source", "src"} & fields.keys()


def _targets(options: Sequence[tuple[str, str]]) -> set[str]:
    found = set()
    for option, value in options:
        if option in ("--volume", "-v") and ":" in value:
            found.add(value.split(":")[1])
        elif option == "--mount" and not _unnamed(option, value):
            fields = dict(field.partition("=")[::2] for field in value.split(","))
            found |= {fields[key] for key in ("target", "destination", "dst") if key in fields}
    return {path.rstrip("/") for path in found}


def _volumes(found: Inspect, options: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Volumes that the command does not name: those of the image, and those without a name."""
    named = _targets(options)
    others = any(option == "--volumes-from" for option, _ in options)
    for item in sorted(found.get("Mounts") or [], key=lambda item: str(item["Destination"])):
        if item["Type"] == "volume" and item["Destination"] not in named and not others:
            yield f"--volume={item['Name']}:{item['Destination']}" + ("" if item.get("RW", True) else ":ro")
