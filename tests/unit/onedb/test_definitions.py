"""Which CREATE statements of a backup reach a database."""

import pytest
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.schema import CreateTable

from oned.database.schema import metadata
from onedb.backup.definitions import indexed_table, is_plain_table
from tests.support.old_database import HALVES, tables

PLAIN = [
    """(`oid` int(11) NOT NULL, `name` varchar(128) DEFAULT NULL, PRIMARY KEY (`oid`), UNIQUE KEY `name` (`name`,`uid`),
    FULLTEXT KEY `ftidx` (`search_token`)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci""",
    """(`id` bigint(20) NOT NULL AUTO_INCREMENT, `t` timestamp NOT NULL DEFAULT current_timestamp(), `d` double DEFAULT
    -0.5, `s` varchar(9) CHARACTER SET latin1 COLLATE latin1_bin DEFAULT 'it''s\\'' COMMENT 'a (b), c',
    PRIMARY KEY (`id`), KEY `k` (`s`(10) DESC)) ENGINE=InnoDB AUTO_INCREMENT=42 ROW_FORMAT=DYNAMIC COMMENT='x'""",
    "(oid INTEGER PRIMARY KEY, name VARCHAR(128), body MEDIUMTEXT, uid INTEGER, UNIQUE(name,uid))",
    "(name VARCHAR(9) NOT NULL, CONSTRAINT one UNIQUE (name)) WITHOUT ROWID",
]
HOSTILE = [
    "(a int) AS SELECT * FROM user_pool",
    "(a int) SELECT password FROM mysql.user",
    "(SELECT authentication_string FROM user_pool)",
    "(LIKE mysql.user)",
    "(LIKE user_pool)",
    "(a int) ENGINE=FEDERATED CONNECTION='mysql://u:p@elsewhere/db/t'",
    "(a int) ENGINE=CONNECT TABLE_TYPE=DOS FILE_NAME='/etc/passwd'",
    "(a int) ENGINE=CSV",
    "(a int) ENGINE=MRG_MyISAM UNION=(user_pool)",
    "(a int) DATA DIRECTORY='/tmp'",
    "(a int) ENGINE=InnoDB DATA DIRECTORY='/tmp'",
    "(a text DEFAULT (load_file('/etc/passwd')))",
    "(a text DEFAULT(load_file(1)))",
    "(a text AS (load_file('/etc/passwd')) STORED)",
    "(a int CHECK (sleep(100)))",
    "(a int, KEY k ((load_file('/etc/passwd'))))",
    "(a int REFERENCES mysql.user (host))",
    "(a int) PARTITION BY HASH (a)",
    "(a int) /*! DATA DIRECTORY='/tmp' */",
    "(a int) -- more",
    "(a int); DROP TABLE user_pool",
    "(a int",
    "(a int))",
    "(a int DEFAULT @@datadir)",
    "(a int DEFAULT 0x41 + 1)",
]


@pytest.mark.parametrize("rest", PLAIN)
def test_plain_tables_are_let_through(rest: str) -> None:
    assert is_plain_table(rest.encode())


@pytest.mark.parametrize("rest", HOSTILE)
def test_everything_else_is_not(rest: str) -> None:
    assert not is_plain_table(rest.encode())


@pytest.mark.parametrize("release", HALVES)
def test_tables_of_every_release_are_plain(release: str) -> None:
    for table in (*tables(release).values(), *metadata.sorted_tables):
        for dialect in (mysql, sqlite):
            statement = str(CreateTable(table).compile(dialect=dialect.dialect())).strip()
            assert is_plain_table(statement[statement.index("(") :].encode()), statement


def test_indexes() -> None:
    assert indexed_table(b"CREATE INDEX state_oid_idx ON vm_pool (state, oid)") == b"vm_pool"
    assert indexed_table(b'CREATE UNIQUE INDEX "a b" ON "vm pool" ("state" DESC,oid)') == b"vm pool"
    for text in ("(lower(name))", "(load_extension('/tmp/x'))", "(a) WHERE b = (SELECT 1)", "(a); DROP TABLE b"):
        assert not indexed_table(f"CREATE INDEX x ON y {text}".encode())
    assert not indexed_table(b"CREATE INDEX x ON main.y (a)")
