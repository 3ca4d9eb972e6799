"""Whether a new container has every setting of the old one, told from what the engine says of both.

Each is taken without what its own image gives it. A setting that this code has never heard of is compared as well, so
that nothing is lost in silence: what differs is named, and the upgrade refused.
"""

from typing import Any

from launcher.upgrade.copying import PODMAN_OWN, Inspect, own_environment, own_labels, section
from launcher.upgrade.docker import health_command

# Told otherwise below, or of no meaning for what the container does.
_CONFIG_APART = {
    "Image", "Hostname", "Env", "Labels", "Healthcheck", "Cmd", "Entrypoint", "Volumes", "ExposedPorts", "OnBuild",
    "AttachStdin", "AttachStdout", "AttachStderr", "CreateCommand", "ArgsEscaped", "Annotations",
}  # fmt: skip
_HOST_APART = {
    "Binds", "Mounts", "VolumesFrom", "ContainerIDFile", "ConsoleSize", "PortBindings", "LogConfig", "NetworkMode",
}  # fmt: skip
# Podman notes in them when and how a container was started.
_ENGINES_NOTES = ("io.container.manager", "io.kubernetes.cri-o.", "org.opencontainers.image.")
Settings = dict[str, object]


def differences(old: Inspect, old_image: Inspect, new: Inspect, new_image: Inspect) -> list[str]:
    """Names of the settings that the new container does not have as the old one; never their values."""
    before, after = settings(old, old_image), settings(new, new_image)
    result = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    # Folders that only the new image declares as volumes are its own affair.
    return sorted(name for name in result if name in before or not name.startswith("mount "))


def settings(found: Inspect, image: Inspect) -> Settings:
    """The container's settings by name, without empty ones and without what its image gives."""
    config, given = section(found, "Config"), section(image, "Config")
    result: Settings = {}
    for key, value in config.items():
        if key not in _CONFIG_APART and value != given.get(key):
            result[f"Config.{key}"] = value
    result |= {f"HostConfig.{key}": value for key, value in section(found, "HostConfig").items()}
    for key in _HOST_APART:
        result.pop(f"HostConfig.{key}", None)
    result["Config.Hostname"] = _hostname(found)
    for name, value in (config.get("Annotations") or {}).items():
        if not name.startswith(_ENGINES_NOTES):
            result[f"annotation {name}"] = (value,)
    environment = {name: value for name, value in own_environment(found, image).items() if name not in PODMAN_OWN}
    result |= {f"variable {name}": (value,) for name, value in environment.items()}
    result |= {f"label {name}": (value,) for name, value in own_labels(found, image).items()}
    result |= _ports(found) | _program(config, given) | _health(config, given) | _mounts(found) | _networks(found)
    log = section(found, "HostConfig").get("LogConfig") or {}
    result["HostConfig.LogConfig"] = {
        key: log.get(key) for key in ("Type", "Config", "Size", "Tag") if log.get(key)
    }
    return {name: value for name, value in result.items() if value not in (None, "", 0, False, [], {}, ())}


def _hostname(found: Inspect) -> str:
    name = str(section(found, "Config").get("Hostname") or "")
    return "" if str(found.get("Id", "")).startswith(name) else name


def _ports(found: Inspect) -> Settings:
    bindings = section(found, "HostConfig").get("PortBindings") or {}
    return {
        f"port {inner}": sorted((_anywhere(item.get("HostIp")), item.get("HostPort") or "") for item in items)
        for inner, items in bindings.items()
        if items
    }


def _anywhere(address: object) -> str:
    return "" if address in (None, "0.0.0.0") else str(address)


def _program(config: dict[str, Any], given: dict[str, Any]) -> Settings:
    own = [_words(config.get(key)) for key in ("Entrypoint", "Cmd")]
    if own == [_words(given.get(key)) for key in ("Entrypoint", "Cmd")]:
        return {}
    if own[0] == _words(given.get("Entrypoint")):
        return {"Config.Cmd": own[1]}
    return {"Config.Entrypoint": own[0] + own[1]}


def _words(value: object) -> list[str]:
    return value.split() if isinstance(value, str) else [str(word) for word in value or []]  # type: ignore[attr-defined]


def _health(config: dict[str, Any], given: dict[str, Any]) -> Settings:
    has, image = config.get("Healthcheck") or {}, given.get("Healthcheck") or {}
    result: Settings = {
        f"Healthcheck.{key}": value for key, value in has.items() if key != "Test" and value != image.get(key)
    }
    if health_command(has) != health_command(image):
        result["Healthcheck.Test"] = health_command(has)
    return result


def _mounts(found: Inspect) -> Settings:
    result: Settings = {}
    for item in found.get("Mounts") or []:
        volume = item["Type"] == "volume"
        source = item.get("Name") if volume else item.get("Source")
        # Of volumes the engines tell other options for those with a name of one's own.
        options = () if volume else tuple(sorted(item.get("Options") or ()))
        result[f"mount {item['Destination']}"] = (
            item["Type"],
            source,
            item.get("RW"),
            item.get("Propagation"),
            options,
        )
    return result


def _networks(found: Inspect) -> Settings:
    result: Settings = {}
    for name, item in (section(found, "NetworkSettings").get("Networks") or {}).items():
        aliases = sorted(
            alias for alias in item.get("Aliases") or [] if not str(found.get("Id", "")).startswith(alias)
        )
        ipam = {key: value for key, value in (item.get("IPAMConfig") or {}).items() if value}
        result[f"network {name}"] = (aliases, sorted(ipam.items(), key=str), item.get("DriverOpts") or {})
    if not result:
        result["HostConfig.NetworkMode"] = section(found, "HostConfig").get("NetworkMode")
    return result
