"""The parameters of the image, each described once (SR1.1 Table 1.3, SR1.2 Table 1.4, SR1.3 Table 1.8).

The documentation table, ``default.env``, the image label and the launcher's list are generated from this model.
Values marked as companions are not in the report: they come from the released containers of 6.0.
"""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bootstrap.types import (
    AbsolutePath,
    Base64,
    Boolean,
    DatabaseName,
    DatabaseUser,
    Days,
    File,
    Host,
    Hosts,
    Port,
    Program,
    Secret,
)

Role = Literal[
    "all",
    "none",
    "oned",
    "sshd",
    "mysqld",
    "docker",
    "memcached",
    "sunstone",
    "guacd",
    "fireedge",
    "scheduler",
    "oneflow",
    "onegate",
    "oneprovision",
]


def parameter(
    name: str,
    default: Any,  # noqa: ANN401 - pydantic's own signature
    text: str,
    *,
    table: str = "1.3",
    roles: str = "",
    secret: bool = False,
    also: tuple[str, ...] = (),
) -> Any:  # noqa: ANN401 - stands for the field's own type, as pydantic.Field does
    """A field whose variable is ``name``; ``also`` are the accepted aliases, ``roles`` who reads it ('' for all)."""
    extra: dict[str, Any] = {
        "name": name,
        "table": table,
        "roles": roles,
        "secret": secret,
        "also": list(also),
    }
    return Field(default, description=text, json_schema_extra=extra)


class Settings(BaseModel):
    """What the environment asks for, parsed and typed. Cross-checks between fields are in ``bootstrap.validate``."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    maintenance: Boolean = parameter(
        "MAINTENANCE_MODE",
        False,
        "Configure everything and start nothing, for repairs.",
    )
    role: Role = parameter(
        "OPENNEBULA_FRONTEND_SERVICE",
        "all",
        "Service to run here: all, none, oned, sshd, mysqld, docker, memcached, sunstone, guacd, "
        "fireedge, scheduler, oneflow, onegate, oneprovision.",
        also=("OPENNEBULA_SERVICE",),
    )
    host: Host = parameter(
        "OPENNEBULA_FRONTEND_HOST",
        "",
        "Public host name or IP of the front-end. Required by oned, sunstone and all.",
        roles="all oned sunstone fireedge",
        also=("OPENNEBULA_HOST",),
    )
    ssh_host: Host = parameter(
        "OPENNEBULA_FRONTEND_SSH_HOST",
        "",
        "Host name or IP where hosts reach the front-end by SSH; OPENNEBULA_FRONTEND_HOST if empty.",
        roles="all oned",
        also=("OPENNEBULA_SSH_HOST",),
    )
    prehook: Program = parameter(
        "OPENNEBULA_FRONTEND_PREHOOK",
        "",
        "Path in the container of a program to run before anything is configured.",
        also=("OPENNEBULA_PREBOOTSTRAP_HOOK",),
    )
    posthook: Program = parameter(
        "OPENNEBULA_FRONTEND_POSTHOOK",
        "",
        "Path in the container of a program to run when everything is configured, before services start.",
        also=("OPENNEBULA_POSTBOOTSTRAP_HOOK",),
    )
    onecfg_patch: File = parameter(
        "OPENNEBULA_FRONTEND_ONECFG_PATCH",
        "",
        "Path in the container of an onecfg patch, applied before the bootstrap's own settings.",
        table="1.8",
        also=("OPENNEBULA_ONECFG_PATCH",),
    )
    batch_file: Program = parameter(
        "OPENNEBULA_BATCH_FILE",
        "",
        "Path in the container of a program to run as oneadmin each time oned has begun to answer.",
        table="companion",
        roles="all oned",
    )
    oned_host: Host = parameter(
        "ONED_HOST", "localhost", "Host or container of oned (port 2633).", roles="all sunstone fireedge"
    )
    db_backup: Boolean = parameter(
        "ONED_DB_BACKUP_ENABLED",
        True,
        "Back the database up to /var/lib/one/backups/db before an automatic upgrade.",
        table="1.4",
        roles="all oned",
    )
    oneflow_host: Host = parameter(
        "ONEFLOW_HOST",
        "localhost",
        "Host or container of OneFlow (port 2474).",
        roles="all sunstone fireedge",
    )
    onegate_host: Host = parameter(
        "ONEGATE_HOST", "localhost", "Host or container of OneGate (port 5030).", roles="all sunstone"
    )
    onegate_public_host: Host = parameter(
        "OPENNEBULA_ONEGATE_HOST",
        "",
        "Public name of OneGate for virtual machines; OPENNEBULA_FRONTEND_HOST if empty.",
        table="companion",
        roles="all oned",
    )
    onegate_port: Port = parameter(
        "ONEGATE_PORT", 5030, "Advertised port of OneGate, as published on the host.", roles="all oned"
    )
    monitord_port: Port = parameter(
        "MONITORD_PORT",
        4124,
        "Port of the monitor daemon, TCP and UDP; the same inside and outside.",
        table="companion",
        roles="all oned",
    )
    memcached_host: Host = parameter(
        "MEMCACHED_HOST", "localhost", "Host or container of memcached (port 11211).", roles="all sunstone"
    )
    guacd_host: Host = parameter(
        "GUACD_HOST", "localhost", "Host or container of guacd (port 4822).", roles="all fireedge"
    )
    fireedge_host: Host = parameter(
        "FIREEDGE_HOST", "localhost", "Host or container of FireEdge (port 2616).", roles="all sunstone"
    )
    oneprovision_host: Host = parameter(
        "ONEPROVISION_HOST",
        "localhost",
        "Host or container for remote oneprovision (SSH port 2222).",
        roles="all fireedge",
    )
    https: Boolean = parameter(
        "SUNSTONE_HTTPS_ENABLED",
        True,
        "Serve the GUI and VNC over TLS and redirect HTTP to HTTPS.",
        roles="all sunstone",
    )
    http_port: Port = parameter(
        "SUNSTONE_PORT", 80, "HTTP port as published on the host, for redirects.", roles="all sunstone"
    )
    https_port: Port = parameter(
        "SUNSTONE_TLS_PORT", 443, "HTTPS port as published on the host, for redirects.", roles="all sunstone"
    )
    vnc_port: Port = parameter(
        "SUNSTONE_VNC_PORT", 29876, "Port of noVNC; the same inside and outside.", roles="all sunstone"
    )
    tls_proxy: Boolean = parameter(
        "TLS_PROXY_ENABLED",
        True,
        "Serve the APIs over TLS too (oned 2634, OneFlow 2475, OneGate 5031).",
        roles="all oned oneflow onegate",
    )
    tls_domains: Hosts = parameter(
        "TLS_DOMAIN_LIST",
        "*",
        "Names of the self-signed certificate, separated by blanks; the first is its common name, and all of them "
        "and OPENNEBULA_FRONTEND_HOST are subject alternative names.",
        roles="all oned sunstone",
    )
    tls_days: Days = parameter(
        "TLS_VALID_DAYS", 365, "Validity of the self-signed certificate in days.", roles="all oned sunstone"
    )
    tls_key_base64: Base64 = parameter(
        "TLS_KEY_BASE64",
        "",
        "Private key of your own certificate, PEM in base64.",
        secret=True,
        roles="all oned sunstone",
    )
    tls_cert_base64: Base64 = parameter(
        "TLS_CERT_BASE64", "", "Your own certificate (chain), PEM in base64.", roles="all oned sunstone"
    )
    tls_key: File = parameter(
        "TLS_KEY",
        "",
        "Path in the container of the private key of your own certificate.",
        roles="all oned sunstone",
    )
    tls_cert: File = parameter(
        "TLS_CERT", "", "Path in the container of your own certificate (chain).", roles="all oned sunstone"
    )
    oneadmin_password: Secret = parameter(
        "ONEADMIN_PASSWORD",
        "",
        "Initial password of oneadmin; random if empty. Ignored once the credentials exist.",
        secret=True,
        roles="all oned",
    )
    ssh_privkey_base64: Base64 = parameter(
        "ONEADMIN_SSH_PRIVKEY_BASE64",
        "",
        "SSH private key of oneadmin without passphrase, in base64.",
        secret=True,
        roles="all oned",
    )
    ssh_pubkey_base64: Base64 = parameter(
        "ONEADMIN_SSH_PUBKEY_BASE64", "", "SSH public key of oneadmin, in base64.", roles="all oned"
    )
    ssh_privkey: File = parameter(
        "ONEADMIN_SSH_PRIVKEY",
        "",
        "Path in the container of the SSH private key of oneadmin; /ssh/id_rsa if that exists.",
        roles="all oned",
    )
    ssh_pubkey: File = parameter(
        "ONEADMIN_SSH_PUBKEY",
        "",
        "Path in the container of the SSH public key of oneadmin; /ssh/id_rsa.pub if that exists.",
        roles="all oned",
    )
    dind: Boolean = parameter(
        "DIND_ENABLED",
        False,
        "Run Docker inside the container; needs the capabilities that the README names.",
        roles="all docker",
    )
    dind_tcp: Boolean = parameter(
        "DIND_TCP_ENABLED",
        False,
        "Let the inner Docker listen on, and its clients use, TCP port 2375 of DIND_HOST (no TLS: private networks "
        "only).",
        roles="all docker oned",
    )
    dind_host: Host = parameter(
        "DIND_HOST", "localhost", "Host or container of the inner Docker.", roles="all docker oned"
    )
    dind_socket: AbsolutePath = parameter(
        "DIND_SOCKET", "/var/run/docker.sock", "Socket of the inner Docker.", roles="all docker oned"
    )
    mysql_host: Host = parameter(
        "MYSQL_HOST",
        "localhost",
        "Host or container of MariaDB. With another host than localhost, `all` starts no MariaDB of its own.",
        roles="all oned",
    )
    mysql_port: Port = parameter("MYSQL_PORT", 3306, "Port of MariaDB.", roles="all oned mysqld")
    mysql_database: DatabaseName = parameter(
        "MYSQL_DATABASE", "opennebula", "Name of the database.", roles="all oned mysqld"
    )
    mysql_user: DatabaseUser = parameter(
        "MYSQL_USER", "oneadmin", "User of the database.", roles="all oned mysqld"
    )
    mysql_password: Secret = parameter(
        "MYSQL_PASSWORD",
        "",
        "Password of the database user. Required by oned and mysqld; generated once for all.",
        secret=True,
        roles="all oned mysqld",
    )
    mysql_root_password: Secret = parameter(
        "MYSQL_ROOT_PASSWORD",
        "",
        "Password of MariaDB's root, which the system's root does not need on the local socket. None if empty.",
        secret=True,
        roles="all mysqld",
    )
    customer_token: Secret = parameter(
        "OPENNEBULA_CUSTOMER_TOKEN",
        "",
        "Support token, shown to the GUI.",
        table="companion",
        secret=True,
        roles="all sunstone",
    )

    @property
    def local_database(self) -> bool:
        """Whether MYSQL_HOST is this container, so that the service all brings its own MariaDB."""
        return self.mysql_host in ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Parameter:
    """One parameter as its readers need it: ``name`` and ``aliases`` are variables, ``field`` the attribute."""

    field: str
    name: str
    aliases: tuple[str, ...]
    secret: bool
    table: str
    roles: tuple[str, ...]
    default: str
    text: str

    @property
    def variables(self) -> tuple[str, ...]:
        """The accepted variables, the first being the name to write."""
        return (self.name, *self.aliases)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _parameters() -> tuple[Parameter, ...]:
    rows = []
    for field, info in Settings.model_fields.items():
        extra = info.json_schema_extra
        if not isinstance(extra, dict):
            raise TypeError(f"{field} is not described by parameter()")
        rows.append(
            Parameter(
                field=field,
                name=str(extra["name"]),
                aliases=tuple(str(name) for name in extra["also"] or ()),  # type: ignore[union-attr]
                secret=bool(extra["secret"]),
                table=str(extra["table"]),
                roles=tuple(str(extra["roles"]).split()),
                default=_text(info.default),
                text=info.description or "",
            )
        )
    return tuple(rows)


PARAMETERS: tuple[Parameter, ...] = _parameters()
