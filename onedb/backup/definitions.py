"""Which statements of a backup make tables and indexes: plain ones alone.

Those are the only statements of a file that a database gets to see. Columns, keys and the usual options are let
through; whatever could reach another table, a file, another server or a function is not.
"""

import re

_TOKEN = re.compile(rb"\s+|`[^`]+`|\"[^\"]+\"|'(?:[^'\\]|''|\\.)*'|[-+]?\d+(?:\.\d+)?(?!\w)|\w+|[(),=]", re.DOTALL)
_WORDS = frozenset(
    re.findall(
        rb"\w+",
        b"INT INTEGER BIGINT SMALLINT TINYINT MEDIUMINT UNSIGNED SIGNED ZEROFILL BOOLEAN BOOL DOUBLE PRECISION FLOAT "
        b"REAL DECIMAL NUMERIC BIT CHAR VARCHAR TEXT TINYTEXT MEDIUMTEXT LONGTEXT BLOB TINYBLOB MEDIUMBLOB LONGBLOB "
        b"BINARY VARBINARY DATE TIME DATETIME TIMESTAMP YEAR NOT NULL DEFAULT CURRENT_TIMESTAMP AUTO_INCREMENT "
        b"AUTOINCREMENT PRIMARY KEY UNIQUE INDEX FULLTEXT CONSTRAINT CHARACTER SET CHARSET COLLATE COMMENT USING BTREE "
        b"HASH ASC DESC ENGINE INNODB MYISAM ARIA ROW_FORMAT DYNAMIC COMPACT COMPRESSED REDUNDANT FIXED PAGE CHECKSUM "
        b"PAGE_CHECKSUM TRANSACTIONAL STATS_PERSISTENT AVG_ROW_LENGTH MAX_ROWS MIN_ROWS KEY_BLOCK_SIZE PACK_KEYS "
        b"DELAY_KEY_WRITE WITHOUT ROWID STRICT",
    )
)
LONGEST = 1 << 18
"""Bytes of a definition; the longest of OpenNebula has some thousand."""
_NAMES_FOLLOW = frozenset({b"COLLATE", b"SET", b"CHARSET", b"CONSTRAINT", b"=C"})
_TEXTS_FOLLOW = frozenset({b"DEFAULT", b"COMMENT"})
_NAME = rb"(?:`[^`]+`|\"[^\"]+\"|\w+)"
_INDEX = re.compile(
    rb"CREATE\s+(?:UNIQUE\s+)?INDEX\s+(?:IF\s+NOT\s+EXISTS\s+)?%(n)b\s+ON\s+(%(n)b)\s*"
    rb"\(\s*%(n)b(?:\s+(?:ASC|DESC))?(?:\s*,\s*%(n)b(?:\s+(?:ASC|DESC))?)*\s*\)\s*" % {b"n": _NAME},
    re.IGNORECASE,
)


def indexed_table(statement: bytes) -> bytes:
    """Of which table ``statement`` makes an index of columns; empty where it does something else."""
    match = _INDEX.fullmatch(statement)
    return match[1].strip(b'`"') if match else b""


def is_plain_table(rest: bytes) -> bool:
    """Whether a CREATE TABLE that goes on with ``rest`` behind its name makes columns and keys, and nothing else."""
    if len(rest) > LONGEST:
        return False
    depth, before = 0, b""
    for token in _tokens(rest):
        if token == b"(":
            if before in _TEXTS_FOLLOW:
                return False  # a function
            depth += 1
        elif token == b")":
            depth -= 1
        elif not _is_plain(token, before, depth):
            return False
        if not 0 <= depth <= 3:
            return False
        before = b"=C" if token == b"=" and before in _NAMES_FOLLOW else token.upper()
    return depth == 0


def _tokens(text: bytes) -> list[bytes]:
    """The words, names and marks of ``text``, and one that is never plain for anything else."""
    found: list[bytes] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            return [*found, b"?"]
        at = match.end()
        if not match[0].isspace():
            found.append(match[0])
    return found


def _is_plain(token: bytes, before: bytes, depth: int) -> bool:
    first = token[:1]
    if first == b"?":
        return False
    if first == b"'":
        return depth < 2 and before in _TEXTS_FOLLOW | {b"="}
    if depth == 3:
        return token.isdigit()  # how much of a column is in a key
    if depth == 2 or first in b",=`-+0123456789" or first == b'"':
        return True
    begins = depth == 1 and before in {b"(", b","}
    return begins or before in _NAMES_FOLLOW or token.upper() in _WORDS
