"""Folders of this boot and of the volumes, and who owns them (Table 1.2)."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bootstrap.actions import Action, Directory, Removed, Tree, said_plainly
from bootstrap.context import Context

STALE = ("run/supervisord.pid", "run/mysqld/mysqld.pid", "run/mysqld/mysqld.sock", "run/mysqld/mysqld.sock.lock",
         "run/crond.pid", "run/containerd/containerd.pid", "run/docker.pid", "run/one/ssh-agent.sock",
         "run/lock/one/one", "var/run/docker.pid")  # fmt: skip


@dataclass(frozen=True)
class Emptied(Action):
    """A folder whose content belongs to the previous boot."""

    path: Path

    def describe(self) -> str:
        """What is emptied."""
        return f"empty {self.path}"

    def needed(self) -> bool:
        """Whether there is anything in it."""
        return self.path.is_dir() and any(self.path.iterdir())

    def apply(self) -> None:
        """Remove its content, links unfollowed."""
        with said_plainly(self.path):
            for entry in self.path.iterdir():
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()


def clean(context: Context) -> Iterator[Action]:
    """What a killed boot left below /run (a container that is restarted keeps it, a new one does not)."""
    yield Emptied(context.at.run)
    if not context.native:
        yield Emptied(context.at.under("/run/one"))
        for name in STALE:
            yield Removed(context.at.root / name)


def _of_this_boot(context: Context) -> Iterator[Action]:
    at, root, oneadmin = context.at, context.owner("root"), context.owner("oneadmin")
    yield Directory(at.run, 0o755, root)
    yield Directory(at.run / "state", 0o755, root)
    yield Directory(at.run / "secrets", 0o700, root)
    yield Directory(at.under("/run/one"), 0o755, oneadmin)
    yield Directory(context.real(at.etc), 0o750, context.owner("root", "oneadmin"))
    yield Directory(context.real(at.remotes / "etc"), 0o750, oneadmin)
    yield Directory(at.under("/run/lock/one"), 0o755, oneadmin)
    if context.native:
        return
    yield Directory(at.under("/run/sshd"), 0o755, root)
    if context.own_database:
        yield Directory(at.under("/run/mysqld"), 0o755, context.owner("mysql"))


def _of_oneadmin(context: Context) -> Iterator[Action]:
    at, oneadmin = context.at, context.owner("oneadmin")
    yield Directory(at.var, 0o750, oneadmin)
    private = (at.auth, at.ssh, at.var / ".ssh-copyback")
    shared = (at.log, at.backups, at.backups / "db", at.backups / "config", at.var / "sunstone_vmrc_tokens")
    if oneadmin is not None:
        for path in (*private, *shared):
            yield Tree(path, oneadmin)
    for path in private:
        yield Directory(path, 0o700, oneadmin)
    for path in (*shared, at.datastores):
        yield Directory(path, 0o750, oneadmin)
    yield Directory(at.under("/var/tmp/sunstone"), 0o750, oneadmin)  # noqa: S108 - the report's own path (Table 1.2)
    yield Directory(at.srv / "secret-tls", 0o700, oneadmin)


def prepare(context: Context) -> Iterator[Action]:
    """Make every folder that the role's services expect."""
    yield from _of_this_boot(context)
    yield from _of_oneadmin(context)
    if context.native:
        return
    root = context.owner("root")
    if context.serves("sshd", "oneprovision"):
        yield Directory(context.at.srv / "secret-ssh-host-keys", 0o700, root)
    if context.own_database or context.serves("oned"):
        yield Directory(context.at.srv / "secret-db", 0o700, root)
    if context.own_database:
        mysql = context.owner("mysql")
        if mysql is not None:
            yield Tree(context.at.mysql, mysql)
        yield Directory(context.at.mysql, 0o750, mysql)
