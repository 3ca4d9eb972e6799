"""A database that another 6.0 server wrote opens as it is."""

import contextlib
import hashlib
import re
import sqlite3
from pathlib import Path

import pytest

from tests.integration.oned.daemon import Daemon

POOL = "oid INTEGER PRIMARY KEY, name VARCHAR(128), body MEDIUMTEXT, uid INTEGER, gid INTEGER, owner_u INTEGER"
TABLES = (
    f"user_pool ({POOL}, group_u INTEGER, other_u INTEGER, UNIQUE(name))",
    f"group_pool ({POOL}, group_u INTEGER, other_u INTEGER, UNIQUE(name))",
    (
        "document_pool (oid INTEGER PRIMARY KEY, name VARCHAR(128), body MEDIUMTEXT, type INTEGER, uid INTEGER, "
        "gid INTEGER, owner_u INTEGER, group_u INTEGER, other_u INTEGER)"
    ),
    "acl (oid INT PRIMARY KEY, userset BIGINT, resource BIGINT, rights BIGINT, zone BIGINT)",
    "user_quotas (user_oid INTEGER PRIMARY KEY, body MEDIUMTEXT)",
    "group_quotas (group_oid INTEGER PRIMARY KEY, body MEDIUMTEXT)",
    "system_attributes (name VARCHAR(128) PRIMARY KEY, body MEDIUMTEXT)",
    "pool_control (tablename VARCHAR(32) PRIMARY KEY, last_oid BIGINT UNSIGNED)",
    "db_versioning (oid INTEGER PRIMARY KEY, version VARCHAR(256), timestamp INTEGER, comment VARCHAR(256))",
    (
        "local_db_versioning (oid INTEGER PRIMARY KEY, version VARCHAR(256), timestamp INTEGER, comment VARCHAR(256), "
        "is_slave BOOLEAN)"
    ),
)
QUOTA = (
    "<QUOTAS><ID>5</ID><DATASTORE_QUOTA></DATASTORE_QUOTA><NETWORK_QUOTA></NETWORK_QUOTA><VM_QUOTA><VM>"
    "<CPU><![CDATA[4.00]]></CPU><CPU_USED><![CDATA[0]]></CPU_USED><MEMORY><![CDATA[-1]]></MEMORY><MEMORY_USED>"
    "<![CDATA[0]]></MEMORY_USED><RUNNING_CPU><![CDATA[-1]]></RUNNING_CPU><RUNNING_CPU_USED><![CDATA[0]]>"
    "</RUNNING_CPU_USED><RUNNING_MEMORY><![CDATA[-1]]></RUNNING_MEMORY><RUNNING_MEMORY_USED><![CDATA[0]]>"
    "</RUNNING_MEMORY_USED><RUNNING_VMS><![CDATA[-1]]></RUNNING_VMS><RUNNING_VMS_USED><![CDATA[0]]>"
    "</RUNNING_VMS_USED><SYSTEM_DISK_SIZE><![CDATA[-1]]></SYSTEM_DISK_SIZE><SYSTEM_DISK_SIZE_USED><![CDATA[0]]>"
    "</SYSTEM_DISK_SIZE_USED><VMS><![CDATA[-1]]></VMS><VMS_USED><![CDATA[0]]></VMS_USED></VM></VM_QUOTA>"
    "<IMAGE_QUOTA></IMAGE_QUOTA></QUOTAS>"
)


def user(oid: int, name: str, gid: int) -> str:
    """As a migration leaves it: indented."""
    group = "oneadmin" if gid == 0 else "staff"
    return f"""<USER>
  <ID>{oid}</ID>
  <GID>{gid}</GID>
  <GROUPS>
    <ID>{gid}</ID>
  </GROUPS>
  <GNAME>{group}</GNAME>
  <NAME>{name}</NAME>
  <PASSWORD><![CDATA[{hashlib.sha256(b"old-word").hexdigest()}]]></PASSWORD>
  <AUTH_DRIVER><![CDATA[core]]></AUTH_DRIVER>
  <ENABLED>1</ENABLED>
  <TEMPLATE>
    <TOKEN_PASSWORD><![CDATA[x]]></TOKEN_PASSWORD>
    <UMASK><![CDATA[137]]></UMASK>
  </TEMPLATE>
</USER>
"""


DOCUMENT = """<DOCUMENT>
  <ID>40</ID><UID>5</UID><GID>100</GID><UNAME>joe</UNAME><GNAME>staff</GNAME><NAME>web</NAME><TYPE>101</TYPE>
  <PERMISSIONS><OWNER_U>1</OWNER_U><OWNER_M>1</OWNER_M><OWNER_A>0</OWNER_A><GROUP_U>1</GROUP_U><GROUP_M>0</GROUP_M>
  <GROUP_A>0</GROUP_A><OTHER_U>0</OTHER_U><OTHER_M>0</OTHER_M><OTHER_A>0</OTHER_A></PERMISSIONS>
  <TEMPLATE><BODY><![CDATA[{"roles": []}]]></BODY></TEMPLATE>
</DOCUMENT>"""


def insert(connection: sqlite3.Connection, table: str, *values: object) -> None:
    connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    daemon = Daemon(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "var/lib/one/one.db")) as connection, connection:
        for table in TABLES:
            connection.execute(f"CREATE TABLE {table}")
        for oid, name, gid in ((0, "oneadmin", 0), (1, "serveradmin", 0), (5, "joe", 100)):
            insert(connection, "user_pool", oid, name, user(oid, name, gid), oid, gid, 1, 0, 0)
        for oid, name, members in ((0, "oneadmin", (0, 1)), (100, "staff", (5,))):
            inner = "".join(f"<ID>{member}</ID>" for member in members)
            body = f"<GROUP><ID>{oid}</ID><NAME>{name}</NAME><TEMPLATE/><USERS>{inner}</USERS><ADMINS/></GROUP>"
            insert(connection, "group_pool", oid, name, body, 0, oid, 1, 1, 0)
        insert(connection, "document_pool", 40, "web", DOCUMENT, 101, 5, 100, 1, 1, 0)
        insert(connection, "acl", 0, 0x200000064, 0x400400000000, 8, 0x400000000)
        insert(connection, "user_quotas", 5, QUOTA)
        for table, last in (("user_pool", 5), ("group_pool", 100), ("document_pool", 40), ("acl", 0)):
            insert(connection, "pool_control", table, last)
        insert(connection, "db_versioning", 0, "6.0.0", 1, "OpenNebula 6.0.0 daemon bootstrap")
        insert(connection, "local_db_versioning", 0, "6.0.0", 1, "OpenNebula 6.0.0 daemon bootstrap", 0)
    (daemon.auth / "one_auth").write_text("oneadmin:old-word\n")
    return daemon


def test_opens_as_it_is(daemon: Daemon) -> None:
    joe = "joe:old-word"
    daemon.start(session=joe)
    info = str(daemon.ok("one.user.info", -1, session=joe))
    assert "<CPU><![CDATA[4.00]]></CPU>" in info
    assert re.search(r"<DEFAULT_USER_QUOTAS>.*</DEFAULT_USER_QUOTAS></USER>$", info)
    assert daemon.ok("one.document.info", 40, session=joe) == DOCUMENT
    assert daemon.ok("one.document.update", 40, "A = 1", 1, session=joe) == 40
    assert '<BODY><![CDATA[{"roles": []}]]></BODY>' in str(daemon.ok("one.document.info", 40, session=joe))
    made = daemon.ok("one.document.allocate", "", 100, session=joe)
    assert made == 41
    assert "<GROUP_U>1</GROUP_U>" in str(daemon.ok("one.document.info", made, session=joe))
    assert daemon.ok("one.user.allocate", "new", "word", "core", [100], session="oneadmin:old-word") == 6
    assert not (daemon.auth / "sunstone_auth").exists()
    assert daemon.stop()[0] == 0


def test_users_without_a_version_are_not_overwritten(daemon: Daemon) -> None:
    path = daemon.root / "var/lib/one/one.db"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM db_versioning")
        connection.execute("DELETE FROM local_db_versioning")
    done = daemon.run()
    assert done.returncode == 65
    assert "holds users but no schema version" in done.stderr
