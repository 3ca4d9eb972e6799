"""The words that make a Docker container again, from what ``inspect`` tells of it."""

import shlex
from collections.abc import Iterator
from typing import Any

from launcher.upgrade.copying import (
    Copy,
    Inspect,
    entrypoint,
    own_environment,
    own_labels,
    ports,
    restart,
    section,
)

_VALUES = {
    "CgroupParent": "--cgroup-parent", "CgroupnsMode": "--cgroupns", "IpcMode": "--ipc", "PidMode": "--pid",
    "UTSMode": "--uts", "UsernsMode": "--userns", "Runtime": "--runtime", "VolumeDriver": "--volume-driver",
    "OomScoreAdj": "--oom-score-adj", "ShmSize": "--shm-size", "CpuShares": "--cpu-shares", "Memory": "--memory",
    "MemoryReservation": "--memory-reservation", "MemorySwap": "--memory-swap", "KernelMemory": "--kernel-memory",
    "MemorySwappiness": "--memory-swappiness", "CpuPeriod": "--cpu-period", "CpuQuota": "--cpu-quota",
    "CpuRealtimePeriod": "--cpu-rt-period", "CpuRealtimeRuntime": "--cpu-rt-runtime",
    "CpusetCpus": "--cpuset-cpus", "CpusetMems": "--cpuset-mems", "PidsLimit": "--pids-limit",
    "BlkioWeight": "--blkio-weight",
}  # fmt: skip
_FLAGS = {
    "Privileged": "--privileged", "PublishAllPorts": "--publish-all", "ReadonlyRootfs": "--read-only",
    "OomKillDisable": "--oom-kill-disable",
}  # fmt: skip
_LISTS = {
    "CapAdd": "--cap-add", "CapDrop": "--cap-drop", "Dns": "--dns", "DnsOptions": "--dns-option",
    "DnsSearch": "--dns-search", "ExtraHosts": "--add-host", "GroupAdd": "--group-add",
    "SecurityOpt": "--security-opt", "DeviceCgroupRules": "--device-cgroup-rule",
}  # fmt: skip
_MAPS = {"Sysctls": "--sysctl", "StorageOpt": "--storage-opt"}
_TEXTS = {
    "Domainname": "--domainname", "User": "--user", "WorkingDir": "--workdir", "StopSignal": "--stop-signal",
    "StopTimeout": "--stop-timeout", "MacAddress": "--mac-address",
}  # fmt: skip
_TERMINAL = {"Tty": "--tty", "OpenStdin": "--interactive"}
_HEALTH = {"Interval": "--health-interval", "Timeout": "--health-timeout", "StartPeriod": "--health-start-period"}


def copy(found: Inspect, image: Inspect) -> Copy:
    """The words for a container like ``found``, which was made of ``image``."""
    program, command = entrypoint(found, image)
    first, others = networks(found)
    options = (
        *_host(section(found, "HostConfig")),
        *_config(found, image),
        *(
            word
            for name, value in sorted(own_labels(found, image).items())
            for word in ("--label", f"{name}={value}")
        ),
        *mounts(found),
        *first,
    )
    life = ("--restart", restart(found), *_health(found, image))
    environment = own_environment(found, image)
    return Copy(options, ports(found), life, environment, program, command, others)


def _host(host: dict[str, Any]) -> Iterator[str]:
    for key, option in _VALUES.items():
        if host.get(key):
            yield from (option, str(host[key]))
    for key, option in _FLAGS.items():
        if host.get(key):
            yield option
    for key, option in _LISTS.items():
        for value in host.get(key) or []:
            yield from (option, str(value))
    for key, option in _MAPS.items():
        for name, value in sorted((host.get(key) or {}).items()):
            yield from (option, f"{name}={value}")
    if host.get("NanoCpus"):
        yield from ("--cpus", f"{host['NanoCpus'] / 1e9:g}")
    if host.get("Init") is not None:
        yield f"--init={'true' if host['Init'] else 'false'}"
    for path, words in sorted((host.get("Tmpfs") or {}).items()):
        yield from ("--tmpfs", f"{path}:{words}" if words else path)
    for item in host.get("Devices") or []:
        yield from ("--device", f"{item['PathOnHost']}:{item['PathInContainer']}:{item['CgroupPermissions']}")
    for item in host.get("Ulimits") or []:
        yield from ("--ulimit", f"{item['Name']}={item['Soft']}:{item['Hard']}")
    log = host.get("LogConfig") or {}
    if log.get("Type"):
        yield from ("--log-driver", log["Type"])
    for name, value in sorted((log.get("Config") or {}).items()):
        yield from ("--log-opt", f"{name}={value}")


def _config(found: Inspect, image: Inspect) -> Iterator[str]:
    config, given = section(found, "Config"), section(image, "Config")
    name = config.get("Hostname") or ""
    if name and not str(found.get("Id", "")).startswith(name) and not _hosts_network(found):
        yield from ("--hostname", name)
    for key, option in _TEXTS.items():
        if config.get(key) and config[key] != given.get(key):
            yield from (option, str(config[key]))
    for key, option in _TERMINAL.items():
        if config.get(key):
            yield option
    published = section(found, "HostConfig").get("PortBindings") or {}
    for port in sorted(config.get("ExposedPorts") or {}):
        if port not in (given.get("ExposedPorts") or {}) and port not in published:
            yield from ("--expose", port)


def _hosts_network(found: Inspect) -> bool:
    mode = str(section(found, "HostConfig").get("NetworkMode", ""))
    return mode == "host" or mode.startswith("container:")


def _health(found: Inspect, image: Inspect) -> Iterator[str]:
    has = section(found, "Config").get("Healthcheck") or {}
    given = section(image, "Config").get("Healthcheck") or {}
    test = health_command(has)
    if test == "NONE":
        yield "--no-healthcheck"
        return
    if test != health_command(given):
        yield from ("--health-cmd", test)
    for key, option in _HEALTH.items():
        if has.get(key) and has[key] != given.get(key):
            yield from (option, f"{has[key]}ns")
    if has.get("Retries") and has["Retries"] != given.get("Retries"):
        yield from ("--health-retries", str(has["Retries"]))


def health_command(check: dict[str, Any]) -> str:
    """A health check's command as one text, in whichever form it was given; ``NONE`` where it is switched off."""
    test = list(check.get("Test") or [])
    if test[:1] == ["NONE"]:
        return "NONE"
    return shlex.join(test[1:]) if test[:1] == ["CMD"] else " ".join(test[1:])


def mounts(found: Inspect) -> list[str]:
    """The same volumes and folders; volumes without a name of their own by the one that the engine gave them."""
    host = section(found, "HostConfig")
    named = {item["Destination"]: item.get("Name") or "" for item in found.get("Mounts") or []}
    words, done = [], set()
    for bind in host.get("Binds") or []:
        words += ["--volume", bind]
        done.add(bind.split(":")[1])
    for item in host.get("Mounts") or []:
        words += ["--mount", _mount(item, named.get(item["Target"], ""))]
        done.add(item["Target"])
    for item in sorted(found.get("Mounts") or [], key=lambda item: str(item["Destination"])):
        source = item.get("Name") if item["Type"] == "volume" else item.get("Source")
        if source and item["Destination"] not in done:
            words += ["--volume", f"{source}:{item['Destination']}" + ("" if item.get("RW", True) else ":ro")]
    return words


def _mount(item: dict[str, Any], name: str) -> str:
    """A mount as ``--mount`` spells it. What it leaves out, the comparison finds."""
    bind, volume, tmpfs = (item.get(key) or {} for key in ("BindOptions", "VolumeOptions", "TmpfsOptions"))
    fields = {
        "type": item["Type"],
        "source": item.get("Source") or name,
        "target": item["Target"],
        "readonly": "true" if item.get("ReadOnly") else "",
        "consistency": item.get("Consistency"),
        "bind-propagation": bind.get("Propagation"),
        "bind-nonrecursive": "true" if bind.get("NonRecursive") else "",
        "volume-nocopy": "true" if volume.get("NoCopy") else "",
        "volume-subpath": volume.get("Subpath"),
        "tmpfs-size": tmpfs.get("SizeBytes"),
        "tmpfs-mode": f"{tmpfs['Mode']:o}" if tmpfs.get("Mode") else "",
    }
    return ",".join(_quoted(f"{key}={value}") for key, value in fields.items() if value)


def _quoted(field: str) -> str:
    """A field of the comma-separated list, quoted where it has a comma or a quote itself."""
    doubled = field.replace('"', '""')
    return f'"{doubled}"' if "," in field or '"' in field else field


def networks(found: Inspect) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Words for the first network, and for each further one the words of ``network connect``."""
    mode = str(section(found, "HostConfig").get("NetworkMode") or "default")
    attached = section(found, "NetworkSettings").get("Networks") or {}
    first: list[str] = [] if mode == "default" else ["--network", mode]
    others = []
    for name, settings in sorted(attached.items()):
        by_number = len(mode) >= 12 and str(settings.get("NetworkID") or "").startswith(mode)
        if name == mode or by_number or (mode == "default" and name == "bridge"):
            first += _endpoint(found, settings, "--network-alias")
        else:
            others.append((*_endpoint(found, settings, "--alias"), name))
    return tuple(first), tuple(others)


def _endpoint(found: Inspect, settings: dict[str, Any], alias: str) -> Iterator[str]:
    for name in settings.get("Aliases") or []:
        if not str(found.get("Id", "")).startswith(name):
            yield from (alias, name)
    ipam = settings.get("IPAMConfig") or {}
    for key, option in (("IPv4Address", "--ip"), ("IPv6Address", "--ip6")):
        if ipam.get(key):
            yield from (option, ipam[key])
    for address in ipam.get("LinkLocalIPs") or []:
        yield from ("--link-local-ip", address)
    if alias == "--alias":
        for name, value in sorted((settings.get("DriverOpts") or {}).items()):
            yield from ("--driver-opt", f"{name}={value}")
