"""Configuration of OpenNebula: shipped defaults, the user's patch, then what this deployment needs (SR1.1, SR1.3).

The bootstrap's own settings come last, so that services always find each other; a key of the user's patch that they
override is named in a warning.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bootstrap.actions import Action, said_plainly
from bootstrap.context import Context
from bootstrap.errors import PatchError
from onecfg import defaults
from onecfg import patch as onecfg
from onecfg.patch import Change, Command, Data, Status
from onecfg.patch import quote as quoted

XMLRPC = "http://{host}:2633/RPC2"
SUBSCRIBER = "tcp://{host}:2101"
"""oned's event endpoint (ZeroMQ); reachable on the private network of the composed deployment, and nowhere else."""


@dataclass(frozen=True)
class Defaults(Action):
    """The shipped defaults into ``base`` below the root; one file of them, ``sample``, tells whether they are there."""

    base: str
    sample: str
    context: Context

    def describe(self) -> str:
        """Where they go."""
        return f"default configuration into {self._target}"

    def needed(self) -> bool:
        """Whether there is no configuration yet."""
        return not (self._target / self.sample).exists()

    def apply(self) -> None:
        """Copy them."""
        oneadmin = self.context.owner("oneadmin")
        owner = (oneadmin.uid, oneadmin.gid) if oneadmin else None
        with said_plainly(self._target):
            defaults.install(self.context.at.root, bases=[self.base], oneadmin=owner)

    @property
    def _target(self) -> Path:
        return self.context.at.root / self.base


@dataclass(frozen=True)
class Patch(Action):
    """Changes of configuration files, all of them or none. Values are never shown: some are passwords."""

    title: str
    changes: list[Change]
    context: Context
    report: bool = False
    """Whether a boot tells how many of them are in place already."""

    def describe(self) -> str:
        """The files and how many changes."""
        files = sorted({change.file for change in self.changes})
        return f"{self.title}: {len(self.changes)} settings in {', '.join(files)}"

    def needed(self) -> bool:
        """Applying settles what is already in place, so a patch with changes is always tried."""
        return bool(self.changes)

    def apply(self) -> None:
        """Apply them. Raises PatchError with the first line that cannot be and why; then no file was touched."""
        try:
            report = onecfg.apply(self.changes, self.context.at)
        except onecfg.PatchError as error:
            raise PatchError(f"{self.title}: {error.message}", todo=error.todo) from error
        self.context.warnings += [f"{outcome.change.origin}: {outcome}" for outcome in report.not_applicable]
        self.context.warnings += report.warnings
        in_place = sum(outcome.status is Status.IN_PLACE for outcome in report.outcomes)
        if self.report and in_place:
            self.context.notes.append(
                f"{self.title}: {in_place} of {len(report.outcomes)} settings are already in place"
            )


def user_changes(context: Context) -> list[Change]:
    """The user's patch, parsed whole. Raises PatchError with line and reason."""
    path = context.settings.onecfg_patch
    if not path:
        return []
    try:
        return onecfg.parse(Path(path).read_bytes(), path)
    except onecfg.PatchError as error:
        raise PatchError(f"OPENNEBULA_FRONTEND_ONECFG_PATCH: {error.message}", todo=error.todo) from error


def defaults_and_patch(context: Context) -> Iterator[Action]:
    """Defaults, then the user's patch."""
    yield Defaults(defaults.ETC, "oned.conf", context)
    yield Defaults(defaults.REMOTES, "vmm/kvm/kvmrc", context)
    changes = user_changes(context)
    if changes:
        yield Patch("OPENNEBULA_FRONTEND_ONECFG_PATCH", changes, context, report=True)


def _set(file: str, path: str, value: Data) -> Change:
    return Change(file, Command.SET, path, value, "the bootstrap")


def _oned(context: Context) -> Iterator[Change]:
    settings, file = context.settings, "/etc/one/oned.conf"
    yield _set(file, "HOSTNAME", quoted(settings.ssh_host))
    yield _set(file, "PORT", "2633")
    scheme = "https" if settings.tls_proxy and not context.native else "http"
    endpoint = f"{scheme}://{settings.onegate_public_host}:{settings.onegate_port}"
    yield _set(file, "ONEGATE_ENDPOINT", quoted(endpoint))
    if context.native:
        yield _set(file, "DB/BACKEND", quoted("sqlite"))
        return
    yield _set(file, "DB/BACKEND", quoted("mysql"))
    yield _set(file, "DB/SERVER", quoted(settings.mysql_host))
    yield _set(file, "DB/PORT", str(settings.mysql_port))
    yield _set(file, "DB/USER", quoted(settings.mysql_user))
    yield _set(file, "DB/PASSWD", quoted(context.secrets.mysql))
    yield _set(file, "DB/DB_NAME", quoted(settings.mysql_database))
    if settings.role == "oned":
        yield _set(file, "HM_MAD/ARGUMENTS", quoted("-p 2101 -l 2102 -b 0.0.0.0"))


def _monitord(context: Context) -> Iterator[Change]:
    yield _set("/etc/one/monitord.conf", "NETWORK/PORT", str(context.settings.monitord_port))


def _scheduler(context: Context) -> Iterator[Change]:
    yield _set("/etc/one/sched.conf", "ONE_XMLRPC", quoted(XMLRPC.format(host=context.settings.oned_host)))


def _public_fireedge(context: Context) -> str:
    settings = context.settings
    scheme, port, usual = (
        ("https", settings.https_port, 443) if settings.https else ("http", settings.http_port, 80)
    )
    return f"{scheme}://{settings.host}" + ("" if port == usual else f":{port}")


def _sunstone(context: Context) -> Iterator[Change]:
    settings, file = context.settings, "/etc/one/sunstone-server.conf"
    tls = context.at.srv / "secret-tls"
    values: dict[str, Data] = {
        ":one_xmlrpc": XMLRPC.format(host=settings.oned_host),
        ":oneflow_server": f"http://{settings.oneflow_host}:2474",
        ":subscriber_endpoint": SUBSCRIBER.format(host=settings.oned_host),
        ":port": 80,
        ":vnc_proxy_port": settings.vnc_port,
        ":tmpdir": "/var/tmp/sunstone/shared",  # noqa: S108 - the report's own path (Table 1.2)
        ":private_fireedge_endpoint": f"http://{settings.fireedge_host}:2616",
        ":public_fireedge_endpoint": _public_fireedge(context),
        ":sessions": "memcache",
        ":memcache_host": settings.memcached_host,
    }
    if settings.https:
        values |= {
            ":vnc_proxy_support_wss": "only",
            ":vnc_proxy_cert": str(tls / "one.crt"),
            ":vnc_proxy_key": str(tls / "one.key"),
        }
    if settings.customer_token:
        values[":token_remote_support"] = settings.customer_token
    for key, value in values.items():
        yield _set(file, key, value)


def _fireedge(context: Context) -> Iterator[Change]:
    settings, file = context.settings, "/etc/one/fireedge-server.conf"
    yield _set(file, "port", 2616)
    yield _set(file, "one_xmlrpc", XMLRPC.format(host=settings.oned_host))
    yield _set(file, "oneflow_server", f"http://{settings.oneflow_host}:2474")
    yield _set(file, "oneprovision_prepend_command", f"ssh -t -p 2222 {settings.oneprovision_host}")
    yield _set(file, "guacd", {"host": settings.guacd_host, "port": 4822})


def _engines(context: Context) -> Iterator[Change]:
    settings = context.settings
    flow, gate = "/etc/one/oneflow-server.conf", "/etc/one/onegate-server.conf"
    for file, port in ((flow, 2474), (gate, 5030)):
        yield _set(file, ":one_xmlrpc", XMLRPC.format(host=settings.oned_host))
        yield _set(file, ":host", "0.0.0.0")
        yield _set(file, ":port", port)
    yield _set(flow, ":subscriber_endpoint", SUBSCRIBER.format(host=settings.oned_host))
    yield _set(gate, ":oneflow_server", f"http://{settings.oneflow_host}:2474")


def own_changes(context: Context) -> list[Change]:
    """What this deployment's parameters set, by the roles that read it (facts of the first containers, table 4a)."""
    writers = (
        (("oned",), _oned),
        (("oned",), _monitord),
        (("scheduler",), _scheduler),
        (("sunstone",), _sunstone),
        (("fireedge",), _fireedge),
        (("oneflow", "onegate"), _engines),
    )
    return [change for roles, write in writers if context.serves(*roles) for change in write(context)]


def own_settings(context: Context) -> Iterator[Action]:
    """The bootstrap's own settings, and a warning for each key that they take back from the user's patch."""
    own = own_changes(context)
    context.warnings += [
        f"{change.origin}: {change} is overridden by the bootstrap, which sets it from its parameters"
        for change in onecfg.overridden(user_changes(context), own)
    ]
    yield Patch("own settings", own, context)
