"""Files that want more than to be restored, through a whole restore: no other database, no file, no crash."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from onedb.backup.reader import END, MAGIC
from onedb.backup.restore import restore
from onedb.backup.writer import backup
from onedb.errors import OnedbError
from onedb.upgrade.run import Options, upgrade
from tests.integration.oned import mariadb
from tests.integration.oned.mariadb import MariaDb, free_port
from tests.integration.onedb.odd_values import everything, fill, mysql_settings, sqlite_settings
from tests.integration.onedb.stores import Store

MANY = b"1" * 200_000
LONG = b"1" * 5000
"""More digits than Python makes a number of."""

BOTH = {
    "another database": b"INSERT INTO `precious`.`user_pool` (oid) VALUES (7);",
    "a table of another database": b"CREATE TABLE `precious`.`t` (a int);",
    "a delete": b"DELETE FROM precious.user_pool;",
    "an update": b"UPDATE user_pool SET name = 'x';",
    "a trigger": b"CREATE TRIGGER t AFTER INSERT ON user_pool BEGIN DELETE FROM acl; END;",
    "a view": b"CREATE VIEW v AS SELECT 1;",
    "a table of a select": b"CREATE TABLE t AS SELECT * FROM user_pool;",
    "a table of a select behind columns": b"CREATE TABLE t (a int) SELECT * FROM user_pool;",
    "a table like another": b"CREATE TABLE t LIKE precious.user_pool;",
    "a check": b"CREATE TABLE t (a int CHECK (load_extension('x')));",
    "a generated column": b"CREATE TABLE t (a int, b int AS (sleep(100)));",
    "a function as a default": b"CREATE TABLE t (a int DEFAULT (random()));",
    "rows without a table": b"INSERT INTO other VALUES (1);",
    "rows of a select": b"INSERT INTO user_pool SELECT * FROM precious.user_pool;",
    "a call in a row": b"INSERT INTO acl VALUES (load_file('/etc/passwd'),1,1,1,1);",
    "too many values": b"INSERT INTO acl VALUES (9,1,1,1,1,1,1,1);",
    "too few values": b"INSERT INTO acl VALUES (9);",
    "a column that is not there": b"INSERT INTO acl (oid,`no such`) VALUES (9,1);",
    "the same key twice": b"INSERT INTO acl (oid) VALUES (77),(77);",
    "a table twice": b"CREATE TABLE user_pool (a int);",
    "a name that is no UTF-8": b"CREATE TABLE `\xff\xfe` (a int);",
    "a column that is no UTF-8": b"CREATE TABLE t (`\xff` int);",
    "rows of a name that is no UTF-8": b"INSERT INTO `\xff` VALUES (1);",
    "rows of a column that is no UTF-8": b"INSERT INTO acl (`\xff`) VALUES (1);",
    "a name with a zero": b"CREATE TABLE `a\0b` (a int);",
    "an index of a name that is no UTF-8": b"CREATE INDEX i ON `\xff` (a);",
    "a long number": b"INSERT INTO acl (oid) VALUES (" + LONG + b");",
    "a long number in a version": b"INSERT INTO db_versioning (oid,version) VALUES (" + LONG + b",'6.0.0');",
    "a long version": b"INSERT INTO db_versioning (oid,version) VALUES (99,'6." + LONG + b"');",
    "a version of odd digits": "INSERT INTO db_versioning (oid,version) VALUES (99,'6.\u00b2');".encode(),
    "a number that goes on as a word": b"INSERT INTO acl (oid) VALUES (" + MANY + b"x);",
    "a number without an end": b"INSERT INTO acl (oid) VALUES (" + MANY + b"." + MANY + b"e5x);",
    "a table of very many words": b"CREATE TABLE t (" + b"a," * 3_000_000 + b"a int);",
    "nested comments": b"/* /* */ DROP DATABASE precious; */",
    "a conditional comment": b"/*!50000 DROP DATABASE precious */;",
    "another database to use": b"USE precious;\nDROP TABLE IF EXISTS user_pool;",
    "a database to drop": b"DROP DATABASE precious;",
    "a table to drop": b"DROP TABLE user_pool;",
    "a deep replace": b"INSERT INTO acl (oid) VALUES (" + b"replace(" * 4000 + b"1);",
}
SQLITE = {
    "another file": b"ATTACH DATABASE 'taken.db' AS precious;",
    "a file to write": b"VACUUM INTO 'taken.db';",
    "a virtual table": b"CREATE VIRTUAL TABLE t USING fts5(a);",
    "the schema": b"INSERT INTO sqlite_master VALUES ('table','t','t',1,'CREATE TABLE t (a)');",
    "the schema as a table": b"CREATE TABLE sqlite_master (a int);",
    "a writable schema": b"PRAGMA writable_schema=ON;",
    "broken last numbers": b"INSERT INTO sqlite_sequence VALUES ('a',1,2);",
    "half of last numbers": b"INSERT INTO sqlite_sequence VALUES ('a');",
    "text as a last number": b"INSERT INTO sqlite_sequence VALUES ('a','b');",
    "a command of the shell": b".shell touch taken",
    "an index of an expression": b"CREATE INDEX i ON acl (load_extension('x'));",
    "a part of an index": b"CREATE INDEX i ON acl (oid) WHERE load_extension('x');",
    "binary data that is no text": b"INSERT INTO acl (oid) VALUES (CAST(X'ff' AS TEXT));",
}
MYSQL = {
    "a file of the server": b"LOAD DATA INFILE '/etc/passwd' INTO TABLE user_pool;",
    "a folder": b"CREATE TABLE t (a int) ENGINE=InnoDB DATA DIRECTORY='/tmp';",
    "another server": b"CREATE TABLE t (a int) ENGINE=FEDERATED CONNECTION='mysql://x@y/z/t';",
    "a file as a table": b"CREATE TABLE t (a int) ENGINE=CSV;",
    "other tables as one": b"CREATE TABLE t (a int) ENGINE=MERGE UNION=(precious.user_pool);",
    "a foreign key": b"CREATE TABLE t (a int, FOREIGN KEY (a) REFERENCES precious.user_pool (oid));",
    "a user": b"GRANT ALL ON *.* TO 'x'@'%';",
    "a setting": b"SET GLOBAL general_log_file='/tmp/taken';",
    "a procedure": b"CREATE PROCEDURE p() DROP DATABASE precious;",
    "a delimiter": b"DELIMITER ;;\nDROP DATABASE precious;;",
    "code": b"EXECUTE IMMEDIATE 'DROP DATABASE precious';",
    "a name that ends": b"CREATE TABLE `a``; DROP DATABASE precious; --` (a int);",
    "a quote that ends": b"CREATE TABLE t (a text COMMENT '\\''; DROP DATABASE precious; --');",
    "a long name": b"CREATE TABLE `" + b"n" * 60 + b"` (a int);",
    "a row that ends": b"INSERT INTO acl (oid) VALUES ('\\'); DROP DATABASE precious; -- ');",
}
WRITTEN = {"acl", "db_versioning", "sqlite_sequence"}
"""Tables to which some of these add rows, which are rows like others."""
LAST_LINES = {
    "endless": b'{"backend": "mysql", "tables": ' + b"[" * 100_000 + b"}\n",
    "infinite": b'{"backend": "mysql", "scope": "whole", "tables": {"a": [1e999, 0]}}\n',
    "long": b'{"backend": "mysql", "scope": "whole", "tables": {"a": [' + LONG + b", 0]}}\n",
    "a list": b'[{"backend": "mysql"}\n',
    "of other kinds": b'{"backend": 5, "scope": [], "tables": [["a", [1, 2]]]}\n',
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    found = MariaDb(tmp_path_factory.mktemp("db"), free_port())
    found.install()
    found.start()
    yield found
    found.stop()


@pytest.fixture(params=["sqlite", "mysql"], scope="module")
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A database to restore into, one beside it that nothing may touch, and a good backup."""
    folder = tmp_path_factory.mktemp("store")
    if request.param == "sqlite":
        target, precious = sqlite_settings(folder / "one.db"), sqlite_settings(folder / "precious")
    else:
        server = request.getfixturevalue("server")
        target, precious = mysql_settings(server, "opennebula"), mysql_settings(server, "precious")
    fill(target, big=3)
    fill(precious, version="5.12.0", big=5)
    made = backup(precious, folder / "good.sql").path
    return Store(target, precious, folder, made.read_bytes())


def _cases() -> list[tuple[str, str, bytes]]:
    groups = (("sqlite", BOTH | SQLITE), ("mysql", BOTH | MYSQL))
    return [(kind, name, statement) for kind, group in groups for name, statement in group.items()]


def _refused(store: Store, file: Path) -> OnedbError | None:
    try:
        restore(store.settings, file, overwrite=True)
    except OnedbError as error:
        return error
    return None


@pytest.mark.parametrize("place", ["begin", "end"])
def test_nothing_but_the_database_is_touched(
    store: Store, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    precious = everything(store.precious)
    for kind, name, statement in _cases():
        if kind != store.settings.backend:
            continue
        file = store.file(statement, at_the_end=place == "end")
        before = everything(store.settings)
        if refused := _refused(store, file):
            assert refused.todo, name
            assert everything(store.settings) == before, name
        else:
            found = everything(store.settings)
            assert set(precious) <= set(found), name
            assert {table for table in precious if found[table] != precious[table]} <= WRITTEN, name
        assert everything(store.precious) == precious, name
        assert [each.name for each in tmp_path.iterdir()] == [], name
        assert not Path("/tmp/taken").exists(), name


@pytest.mark.parametrize("kind", LAST_LINES)
def test_a_last_line_that_is_none_is_refused(store: Store, kind: str) -> None:
    before = everything(store.settings)
    file = store.folder / "hostile.sql"
    file.write_bytes(MAGIC + b"1\n" + END + LAST_LINES[kind])
    with pytest.raises(OnedbError, match="damaged in its last line"):
        restore(store.settings, file, overwrite=True)
    assert everything(store.settings) == before


def test_a_name_may_have_more_bytes_than_letters(store: Store) -> None:
    """Where it ends is counted in letters, or what was looked at is not what the database is given."""
    statement = "CREATE TABLE `éééé` (`a` int, `b` int);\nINSERT INTO `éééé` VALUES (1,2);"
    restore(store.settings, store.file(statement.encode(), at_the_end=True), overwrite=True)
    assert everything(store.settings)["éééé"] == [(1, 2)]


def test_a_server_whose_exchange_does_not_survive_its_crash_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that calls itself an older one."""
    monkeypatch.setattr(mariadb, "SMALL", (*mariadb.SMALL, "--version=10.5.23-MariaDB"))
    server = MariaDb(tmp_path, free_port())
    server.install()
    server.start()
    try:
        settings = mysql_settings(server, "opennebula")
        fill(settings, version="5.12.0", big=3)
        made = backup(settings, tmp_path / "a.sql").path
        before = everything(settings)
        with pytest.raises(OnedbError, match=r"The server is .*10\.5\.23-MariaDB"):
            restore(settings, made, overwrite=True)
        with pytest.raises(OnedbError, match=r"The server is .*10\.5\.23-MariaDB"):
            upgrade(settings, Options())
        assert everything(settings) == before
    finally:
        server.stop()
