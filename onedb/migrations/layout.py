"""Tables between 5.6 and 6.0 where they are not those of 6.0 (``oned.database.schema``)."""

from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, String, Table, Text, UniqueConstraint
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.types import TypeEngine

_body: TypeEngine[str] = Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb")


def _integers(*names: str) -> list[Column[int]]:
    return [Column(name, Integer) for name in names]


def _head() -> list[Column[int] | Column[str]]:
    return [
        Column("oid", Integer, primary_key=True, autoincrement=False),
        Column("name", String(128)),
        Column("body", _body),
    ]


def host_pool() -> Table:
    """Up to 5.10: with the time of the last report."""
    rest = _integers("state", "last_mon_time", "uid", "gid", "owner_u", "group_u", "other_u", "cid")
    return Table("host_pool", MetaData(), *_head(), *rest)


def vm_pool(*, short: bool) -> Table:
    """Up to 5.10: with the time of the last report; ``short`` from 5.8 on: the columns that lists are read from."""
    rest = _integers("uid", "gid", "last_poll", "state", "lcm_state", "owner_u", "group_u", "other_u")
    extra = [Column("short_body", _body), Column("search_token", _body)] if short else []
    return Table("vm_pool", MetaData(), *_head(), *rest, *extra)


def acl() -> Table:
    """Up to 5.10: whom a rule is for is in ``user``."""
    oid = Column("oid", Integer, primary_key=True, autoincrement=False)
    names = ("user", "resource", "rights", "zone")
    return Table("acl", MetaData(), oid, *(Column(name, BigInteger) for name in names), UniqueConstraint(*names))


def logdb(*, applied: bool) -> Table:
    """Up to 5.8: signed numbers; ``applied`` from 5.8 on."""
    return Table(
        "logdb",
        MetaData(),
        Column("log_index", Integer, primary_key=True, autoincrement=False),
        Column("term", Integer),
        Column("sqlcmd", _body),
        Column("timestamp", Integer),
        Column("fed_index", Integer),
        *([Column("applied", Boolean)] if applied else []),
    )
