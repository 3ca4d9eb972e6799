"""The first start: tables, first users, groups, rules. Safe to be killed at any instant and to run again.

Tables are created when missing; then all rows go in with one commit. The credential files of the server user are
written durably before that commit, and an interrupted first start uses them again.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from sqlalchemy import Table, func, insert, select

from oned import VERSION
from oned.access.acl import DEFAULT_RULES
from oned.access.authenticate import hash_password
from oned.access.vdc import rules_of
from oned.config import Settings
from oned.database import schema
from oned.database.db import Database, Transaction
from oned.database.tables import create_missing, present
from oned.database.upgraded import note_work
from oned.errors import BootstrapError, NewerSchemaError, OlderSchemaError, StateError
from oned.infrastructure import clusters, datastores
from oned.methods.quotas import EMPTY, new_body
from oned.model.base import OwnedObject, PoolObject, check_name
from oned.model.group import Group
from oned.model.secgroup import first_groups
from oned.model.user import User
from oned.model.vdc import default_vdc, first_vdc
from oned.storage import periodic
from oned.storage.apps import first_markets
from onelib.auth import AuthFileError, Credentials, generate_password, read_auth, write_auth
from onelib.locations import Locations
from onelib.logs import INFO, WARNING, Log
from onelib.template import Template

SERVER_USER = "serveradmin"
SERVER_FILES = ("sunstone_auth", "occi_auth", "ec2_auth", "onegate_auth", "oneflow_auth")
FIRST_FREE_ID = 99
FIRST: tuple[Callable[[Settings], Sequence[PoolObject]], ...] = (
    clusters.first,
    datastores.first,
    first_groups,
    first_vdc,
    first_markets,
)
"""The objects of a new database, a function per kind; ids of others start at 100."""
FIRST_ROWS: tuple[Callable[[Settings], Iterable[tuple[Table, dict[str, Any]]]], ...] = (clusters.first_rows,)
"""Rows of a new database that belong to those objects."""
EVERY_START: tuple[Callable[[Transaction], None], ...] = (periodic.begin,)
"""What every start does with the database."""


def _version_number(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _installed(transaction: Transaction, table: Table) -> str:
    newest = select(func.max(table.c.oid)).scalar_subquery()
    rows = transaction.rows(select(table.c.version).where(table.c.oid == newest))
    return str(rows[0][0]) if rows else ""


def _check_versions(found: list[str]) -> None:
    """Compare the versions of the two halves with ours; an older half counts before a newer one."""
    ours = _version_number(schema.SCHEMA_VERSION)
    for version in found:
        if version and _version_number(version) < ours:
            raise OlderSchemaError(
                f"The database has the schema {version}, this server needs {schema.SCHEMA_VERSION}.",
                todo="Run onedb upgrade, which makes a backup first, or start the release that wrote it.",
            )
    for version in found:
        if version and _version_number(version) > ours:
            raise NewerSchemaError(
                f"The database has the schema {version}, newer than {schema.SCHEMA_VERSION} of this server.",
                todo="Start the release that wrote it, or restore a backup that this release made.",
            )


def prepare(database: Database, settings: Settings, locations: Locations, log: Log) -> None:
    """Check the schema and fill an empty database.

    Raises :class:`oned.errors.DatabaseError`, :class:`OlderSchemaError`, :class:`NewerSchemaError`,
    :class:`BootstrapError` or :class:`onelib.auth.AuthFileError`.
    """
    if settings.database.backend == "sqlite":
        _make_folder(settings.database.path.parent)
    names = present(database)
    versions = _versions(database, names)
    _check_versions(versions)
    if all(versions):
        if made := create_missing(database, names):
            log.write("ONE", INFO, f"The {settings.database.label} lacked, and has now: {', '.join(made)}.")
        note_work(database, names)
        database.beside(_begin)
        log.write("ONE", INFO, f"oned is using version {schema.SCHEMA_VERSION} of the {settings.database.label}")
        _warn_about_password(database, locations, log)
        return
    log.write("ONE", INFO, f"Bootstrapping the {settings.database.label}.")
    oneadmin, server = _credentials(locations)
    create_missing(database, names)
    with database.transaction() as transaction:
        _must_be_empty(transaction, database)
        _fill(transaction, oneadmin, server, settings)
        _begin(transaction)
    log.write("ONE", INFO, "The database is ready.")


def _begin(transaction: Transaction) -> None:
    for begin in EVERY_START:
        begin(transaction)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(
            f"The folder {folder} cannot be made: {error.strerror}.", todo="Make it, writable for this user."
        ) from None


def _versions(database: Database, names: AbstractSet[str]) -> list[str]:
    """Versions of the shared and the local half; empty for a half that is not there."""
    tables = (schema.db_versioning, schema.local_db_versioning)
    with database.transaction() as transaction:
        return [_installed(transaction, table) if table.name in names else "" for table in tables]


def _credentials(locations: Locations) -> tuple[Credentials, Credentials]:
    """Those of the first two users; the server's are made once and then taken from its files."""
    oneadmin = read_auth(locations.auth / "one_auth")
    if oneadmin.user == SERVER_USER or check_name(oneadmin.user):
        raise BootstrapError(
            f"The name of the first user in {locations.auth / 'one_auth'} is reserved or not allowed.",
            todo="Use another name, such as oneadmin.",
        )
    paths = [locations.auth / name for name in SERVER_FILES]
    existing = [path for path in paths if path.exists()]
    found = {read_auth(path) for path in existing}
    if len(found) > 1 or any(known.user != SERVER_USER for known in found):
        names = ", ".join(path.name for path in existing)
        raise BootstrapError(
            f"The database is empty, but {locations.auth} holds credentials that do not agree: {names}.",
            todo="Check DB in oned.conf. For a new front-end, remove these files.",
        )
    server = found.pop() if found else Credentials(SERVER_USER, generate_password())
    for path in paths:
        if path not in existing:
            write_auth(path, server)
    return oneadmin, server


def _must_be_empty(transaction: Transaction, database: Database) -> None:
    """Users without a schema version are not the trace of an interrupted first start: that writes both at once."""
    if transaction.rows(select(User.table.c.oid).limit(1)):
        raise BootstrapError(
            f"The {database.settings.label} holds users but no schema version: it is damaged, or not OpenNebula's.",
            todo="Check DB in oned.conf, or restore a backup with onedb restore.",
        )


def _missing(transaction: Transaction, table: Table, **row: Any) -> None:  # noqa: ANN401 (a row)
    """Insert ``row`` unless its key is there."""
    key = [column == row[column.name] for column in table.primary_key.columns]
    if not transaction.rows(select(*table.primary_key.columns).where(*key)):
        transaction.write(insert(table), row)


def _counter(transaction: Transaction, table: str, last: int) -> None:
    _missing(transaction, schema.pool_control, tablename=table, last_oid=last)


def _fill(transaction: Transaction, oneadmin: Credentials, server: Credentials, settings: Settings) -> None:
    """All rows of a new database."""
    now = int(time.time())
    comment = f"OpenNebula {VERSION} daemon bootstrap"
    _groups(transaction)
    _user(transaction, 0, oneadmin.user, hash_password(oneadmin.password), "core")
    _user(transaction, 1, server.user, hash_password(server.password), "server_cipher")
    _counter(transaction, "user_pool", 1)
    rules = (*DEFAULT_RULES, *sorted(rules_of(settings, default_vdc(settings.zone_id))))
    for oid, rule in enumerate(rules):
        row = {"userset": rule.user, "resource": rule.resource, "rights": int(rule.rights), "zone": rule.zone}
        _missing(transaction, schema.acl, oid=oid, **row)
    _counter(transaction, "acl", len(rules) - 1)
    _zone(transaction, settings)
    for first in FIRST:
        objects = first(settings)
        for obj in objects:
            if isinstance(obj, OwnedObject):
                obj.uname = oneadmin.user
            _missing(transaction, obj.table, **obj.row())
        _counter(transaction, objects[0].table.name, FIRST_FREE_ID)
    for first_rows in FIRST_ROWS:
        for table, row in first_rows(settings):
            _missing(transaction, table, **row)
    for name in ("DEFAULT_USER_QUOTAS", "DEFAULT_GROUP_QUOTAS"):
        _missing(transaction, schema.system_attributes, name=name, body=f"<{name}>{EMPTY}</{name}>")
    version = {"oid": 0, "version": schema.SCHEMA_VERSION, "timestamp": now, "comment": comment}
    _missing(transaction, schema.db_versioning, **version)
    _missing(transaction, schema.local_db_versioning, **version, is_slave=False)


def _groups(transaction: Transaction) -> None:
    views = {
        "DEFAULT_VIEW": "cloud",
        "VIEWS": "cloud",
        "GROUP_ADMIN_DEFAULT_VIEW": "groupadmin",
        "GROUP_ADMIN_VIEWS": "groupadmin,cloud",
    }
    for group in (
        Group(0, "oneadmin", {0, 1}, set(), Template()),
        Group(1, "users", set(), set(), Template([("SUNSTONE", views)])),
    ):
        _missing(transaction, Group.table, **group.row())
        _missing(transaction, schema.group_quotas, group_oid=group.oid, body=new_body(group.oid))
    _counter(transaction, "group_pool", FIRST_FREE_ID)


def _user(transaction: Transaction, oid: int, name: str, stored: str, driver: str) -> None:
    template = Template([("TOKEN_PASSWORD", generate_password())])
    user = User(oid, 0, "oneadmin", name, stored, driver, True, {0}, [], template)
    _missing(transaction, User.table, **user.row())
    _missing(transaction, schema.user_quotas, user_oid=oid, body=new_body(oid))


def _zone(transaction: Transaction, settings: Settings) -> None:
    template = Template([("ENDPOINT", f"http://localhost:{settings.port}/RPC2")])
    body = f"<ZONE><ID>0</ID><NAME>OpenNebula</NAME>{template.to_xml()}<SERVER_POOL></SERVER_POOL></ZONE>"
    row = {"name": "OpenNebula", "body": body, "uid": 0, "gid": 0, "owner_u": 1, "group_u": 0, "other_u": 0}
    _missing(transaction, schema.zone_pool, oid=0, **row)
    _counter(transaction, "zone_pool", FIRST_FREE_ID)


def _warn_about_password(database: Database, locations: Locations, log: Log) -> None:
    """Say that ``one_auth`` and the database differ: the database counts, as upstream has it."""
    path: Path = locations.auth / "one_auth"
    try:
        known = read_auth(path)
    except AuthFileError as error:
        log.write("ONE", WARNING, error.message)
        return
    with database.transaction() as transaction:
        rows = transaction.rows(select(User.table.c.body).where(User.table.c.oid == 0))
    if not rows:
        return
    user = User.from_xml(str(rows[0][0]))
    if user.driver == "core" and (user.name, user.password) != (known.user, hash_password(known.password)):
        log.write(
            "ONE",
            WARNING,
            f"{path} is not what the database has for {user.name}: clients that read it are refused.",
        )
