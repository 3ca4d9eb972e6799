"""A front-end's volumes, databases of old releases on them, and what is in them."""

import contextlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xmlrpc.client import ServerProxy

from lxml import etree

from oned.config import DatabaseSettings
from tests.support.engine import IMAGE, PREFIX, engine, status, until
from tests.support.front import HOST, Front, volumes
from tests.support.old_database import PASSWORD, make_old_database

DATABASE_PASSWORD = "db secret 'word'"
ENVIRONMENT = {
    "OPENNEBULA_FRONTEND_HOST": HOST,
    "ONEADMIN_PASSWORD": PASSWORD,
    "MYSQL_PASSWORD": DATABASE_PASSWORD,
}
BACKUPS = "/var/lib/one/backups"
FAILED = "failed: opennebula: the database upgrade failed, it is as it was: "
POOLS = ("vm", "host", "image", "vn", "template", "user", "group", "datastore", "cluster", "secgroup")


@dataclass
class Place:
    """The volumes of one front-end; containers come and go on them."""

    mounts: dict[str, str]
    backups: str
    environment: dict[str, str] = field(default_factory=lambda: dict(ENVIRONMENT))

    def container(self, image: str = IMAGE, **environment: str) -> Front:
        """A container of ``image`` on these volumes, not started."""
        options = (f"--volume={self.backups}:{BACKUPS}",)
        return Front({**self.environment, **environment}, options, self.mounts, image=image)

    @contextlib.contextmanager
    def front(self, image: str = IMAGE, **environment: str) -> Iterator[Front]:
        """The same, started, not yet healthy, gone at the end."""
        one = self.container(image, **environment)
        try:
            yield one.start()
        finally:
            one.remove()

    def fill(self, version: str, vms: int) -> None:
        """Put a database of that old release onto the volume of MariaDB."""
        with self.front(OPENNEBULA_FRONTEND_SERVICE="mysqld") as one:
            make_old_database(database_of(one.healthy()), version, vms)
            one.stop()
        # What the old front-end's oned wrote when it began, and other services read.
        files = " ".join(f"/v/{name}_auth" for name in ("sunstone", "oneflow", "onegate"))
        write = f"for file in {files}; do echo serveradmin:{PASSWORD} >$file; done"
        script = f"{write}; chown 9869:9869 /v/*; chmod 600 /v/*"
        engine("run", "--rm", f"--volume={self.mounts['auth']}:/v", "--entrypoint=sh", IMAGE, "-c", script)

    def put_back(self, image: str, since: float, *words: str) -> tuple[int, dict[str, Any], str]:
        """Exit code, answer and all output of ``oneedge put-back`` in a container of ``image``."""
        command = self.container(image).command()
        flags = [word for word in command if word.startswith(("--volume=", "--env="))]
        order = [
            "run",
            "--rm",
            *flags,
            "--entrypoint=oneedge",
            image,
            "put-back",
            f"--since={int(since)}",
            "--json",
        ]
        code, text = status([*order, *words], timeout=180)
        # Both outputs: what an engine warns of stands after the answer.
        answers = [line for line in text.splitlines() if line.startswith("{")]
        answer: dict[str, Any] = json.loads(answers[-1]) if code == 0 else {}
        return code, answer, text


@contextlib.contextmanager
def place() -> Iterator[Place]:
    """Fresh volumes, removed at the end."""
    backups = f"{PREFIX}backups-{uuid.uuid4().hex[:10]}"
    with volumes() as mounts:
        engine("volume", "create", backups)
        try:
            yield Place(mounts, backups)
        finally:
            status(["volume", "rm", "--force", backups])


@contextlib.contextmanager
def apart(place: Place) -> Iterator[tuple[Front, Front]]:
    """Two containers on those volumes, neither started: MariaDB, which the other one knows as ``db``, and oned."""
    network = f"{PREFIX}{uuid.uuid4().hex[:10]}"
    engine("network", "create", network)
    at = f"--network={network}"
    database = place.container(OPENNEBULA_FRONTEND_SERVICE="mysqld")
    database.options = (at, "--network-alias=db")
    database.volumes = {"mysql": place.mounts["mysql"]}
    oned = place.container(OPENNEBULA_FRONTEND_SERVICE="oned", MYSQL_HOST="db")
    oned.options += (at,)
    oned.volumes = {key: volume for key, volume in place.mounts.items() if key != "mysql"}
    try:
        yield database, oned
    finally:
        oned.remove()
        database.remove()
        status(["network", "rm", network])


def database_of(one: Front) -> DatabaseSettings:
    """The database of a container whose MariaDB listens on every address."""
    unused = Path("/nonexistent")
    return DatabaseSettings("mysql", one.address(), 3306, "oneadmin", DATABASE_PASSWORD, "opennebula", unused, 2)


def sql(one: Front, statement: str) -> list[list[str]]:
    """The rows of a statement, as root of the MariaDB of a container."""
    text = one.exec("mariadb", "--batch", "--skip-column-names", "--raw", "opennebula", "--execute", statement)
    return [line.split("\t") for line in text.splitlines()]


def tables(one: Front) -> list[str]:
    """All tables."""
    return sorted(name for (name,) in sql(one, "SHOW TABLES"))


def versions(one: Front) -> list[str]:
    """The versions of the shared and the local half."""
    halves = ("db_versioning", "local_db_versioning")
    return [sql(one, f"SELECT version FROM {name} ORDER BY oid DESC LIMIT 1")[0][0] for name in halves]


def contents(one: Front) -> dict[str, str]:
    """A checksum of every table that is not this server's own."""
    names = [name for name in tables(one) if not name.startswith("oneedge_")]
    return {name.split(".")[1]: sum_ for name, sum_ in sql(one, f"CHECKSUM TABLE {', '.join(names)}")}


def record(one: Front) -> dict[str, Any]:
    """The container's record of its last upgrade."""
    found: dict[str, Any] = json.loads(one.exec("cat", f"{BACKUPS}/db/last-upgrade.json"))
    return found


def backups(one: Front) -> list[str]:
    """The backups of the database, oldest first."""
    return sorted(one.sh(f"ls {BACKUPS}/db/*.sql 2>/dev/null", check=False).split())


def call(one: Front, method: str, *arguments: object) -> Any:  # noqa: ANN401 (what the method answers)
    """The answer of the API to oneadmin."""
    with ServerProxy(f"http://{one.address()}:2633/RPC2") as proxy:
        good, answer, *_ = getattr(proxy, method)(f"oneadmin:{PASSWORD}", *arguments)
    assert good, answer
    return answer


def found(one: Front) -> dict[str, list[str]]:
    """The names of all objects that the API lists, by pool."""
    listed = {}
    for pool in POOLS:
        ranges = {"vm": (-2, -1, -1, -1), "image": (-2, -1, -1), "vn": (-2, -1, -1), "template": (-2, -1, -1)}
        ranges["secgroup"] = (-2, -1, -1)
        root = etree.fromstring(call(one, f"one.{pool}pool.info", *ranges.get(pool, ())))
        listed[pool] = sorted(root.xpath("*/NAME/text()"))
    return listed


def own_tables(one: Front) -> list[str]:
    """Tables that only an upgrade makes."""
    return [name for name in tables(one) if name.startswith(("oneedge_new_", "oneedge_old_"))]


def story(one: Front, *, healthy: bool = True, seconds: float = 90) -> list[str]:
    """All that the probe says until it is healthy, or until it says that something failed."""
    told: list[str] = []

    def ended() -> bool:
        code, text = one.probe()
        if text not in told[-1:]:
            told.append(text)
        if not healthy:
            return text.startswith("failed")
        assert not text.startswith("failed: opennebula:"), f"{text}\n{one.logs()[-3000:]}"
        return code == 0

    try:
        until(ended, seconds, "the end of the story", pause=0.02)
    except AssertionError as error:
        raise AssertionError(f"{error}: {told}\n{one.logs()[-3000:]}") from error
    return told
