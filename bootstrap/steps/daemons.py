"""Configuration of the daemons around OpenNebula, rendered below /run (the root file system may be read-only)."""

import os
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bootstrap.actions import Action, Directory, File
from bootstrap.context import Context
from bootstrap.descriptors import enabled
from bootstrap.errors import VolumeError

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
PROXIES = (
    ("opennebula", "oned", 2634, 2633),
    ("opennebula-flow", "oneflow", 2475, 2474),
    ("opennebula-gate", "onegate", 5031, 5030),
)
"""Service, name, TLS port and plain port of each API (Table 1.1)."""

HOSTS_MARK = "# added by oneedge"


def _rendered(name: str, context: Context, **more: object) -> bytes:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, autoescape=False)  # noqa: S701 - configuration files; the one page escapes by itself
    template = environment.get_template(f"{name}.j2")
    return template.render(settings=context.settings, at=context.at, role=context.settings.role, **more).encode()


def _hosts(context: Context) -> Iterator[Action]:
    """In ``all`` the SSH host name leads back into this container (hosts file, not DNS, so that it works offline)."""
    name, path = context.settings.ssh_host, context.at.under("/etc/hosts")
    if context.settings.role != "all" or not name or not path.is_file() or name.replace(".", "").isdigit():
        return
    lines = [text for text in path.read_text().splitlines() if not text.endswith(HOSTS_MARK)]
    if any(name in line.split("#")[0].split()[1:] for line in lines):
        return
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        context.warnings.append(
            f"/etc/hosts is read-only, so {name} does not lead back into the container: run it with "
            f"--add-host {name}:127.0.0.1"
        )
        return
    content = "\n".join([*lines, f"127.0.0.1 {name} {HOSTS_MARK}"]) + "\n"
    if content != path.read_text():
        yield InPlace(path, content.encode())


class InPlace(File):
    """A file that the engine has mounted and that therefore cannot be renamed over, such as /etc/hosts."""

    def apply(self) -> None:
        """Write into the file. Raises VolumeError where it is read-only."""
        try:
            self.path.write_bytes(self.content)
        except OSError as error:
            raise VolumeError(
                f"{self.path} cannot be written: {error.strerror}.", todo="Let the engine manage it, read-write."
            ) from error


def configure(context: Context) -> Iterator[Action]:
    """Write what the enabled daemons read."""
    if context.native:
        return
    run, services = context.at.run, enabled(context)
    yield from _hosts(context)
    if "mysqld" in services:
        includes = context.at.under("/etc/mysql/oneedge.d").is_dir()
        yield File(run / "my.cnf", _rendered("my.cnf", context, includes=includes))
    if "sshd" in services:
        yield File(run / "sshd_config", _rendered("sshd_config", context))
    if "stunnel" in services:
        proxies = [(name, outer, inner) for service, name, outer, inner in PROXIES if service in services]
        yield File(run / "stunnel.conf", _rendered("stunnel.conf", context, proxies=proxies), 0o600)
    if "opennebula-httpd" in services:
        yield File(run / "httpd.conf", _rendered("httpd.conf", context))
        yield Directory(run / "www", 0o755)
        yield File(run / "www/index.html", _rendered("index.html", context))
    settings = context.settings
    if "docker" in services:
        yield Directory(context.at.under(settings.dind_socket).parent, 0o755)
    docker = f"tcp://{settings.dind_host}:2375" if settings.dind_tcp else f"unix://{settings.dind_socket}"
    yield File(run / "docker-host", f"{docker}\n".encode())
