"""The tables of an OpenNebula 6.0 database, for MariaDB and SQLite.

Names, columns and keys are upstream's (``include``/``src/sql`` of 6.0), so that a database of either server opens in
the other. Pure data; ``onedb`` reads it too.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.mysql import BIGINT, LONGTEXT, MEDIUMTEXT
from sqlalchemy.types import TypeEngine

SCHEMA_VERSION = "6.0.0"
"""Version of both halves, shared and local, for every 6.0.x."""

metadata = MetaData()

_body: TypeEngine[str] = Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb")
_long: TypeEngine[str] = Text().with_variant(LONGTEXT(), "mysql", "mariadb")
_unsigned: TypeEngine[int] = BigInteger().with_variant(BIGINT(unsigned=True), "mysql", "mariadb")

_serial: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")


def _table(name: str, *columns: Column[int] | Column[str] | Column[bool], key: tuple[str, ...] = ()) -> Table:
    constraint = (PrimaryKeyConstraint(*key),) if key else ()
    return Table(name, metadata, *columns, *constraint)


def _integer(name: str, *, key: bool = False) -> Column[int]:
    return Column(name, Integer, primary_key=key, autoincrement=False)


def _string(name: str, length: int = 128, *, key: bool = False) -> Column[str]:
    return Column(name, String(length), primary_key=key)


def _pool(name: str, *extra: str, unique: tuple[str, ...] = ()) -> Table:
    """A pool table: the common columns, integer columns ``extra``, and what is unique in it."""
    columns = [_integer("uid"), _integer("gid"), _integer("owner_u"), _integer("group_u"), _integer("other_u")]
    return Table(
        name,
        metadata,
        _integer("oid", key=True),
        _string("name"),
        Column("body", _body),
        *columns,
        *(_integer(column) for column in extra),
        *((UniqueConstraint(*unique),) if unique else ()),
    )


_OWNED = ("name", "uid")
_GLOBAL = ("name",)

host_pool = _pool("host_pool", "state", "cid")
vm_pool = _pool("vm_pool", "state", "lcm_state")
vm_pool.append_column(Column("short_body", _body))
vm_pool.append_column(Column("search_token", _body))
vmgroup_pool = _pool("vmgroup_pool", unique=_OWNED)
template_pool = _pool("template_pool")
vn_template_pool = _pool("vn_template_pool")
vrouter_pool = _pool("vrouter_pool")
datastore_pool = _pool("datastore_pool")
marketplace_pool = _pool("marketplace_pool")
cluster_pool = _pool("cluster_pool", unique=_GLOBAL)
group_pool = _pool("group_pool", unique=_GLOBAL)
user_pool = _pool("user_pool", unique=_GLOBAL)
vdc_pool = _pool("vdc_pool", unique=_GLOBAL)
zone_pool = _pool("zone_pool", unique=_GLOBAL)
image_pool = _pool("image_pool", unique=_OWNED)
marketplaceapp_pool = _pool("marketplaceapp_pool", unique=_OWNED)
secgroup_pool = _pool("secgroup_pool", unique=_OWNED)
network_pool = _pool("network_pool", "pid", unique=_OWNED)
document_pool = _pool("document_pool", "type")
hook_pool = _pool("hook_pool", "type")

host_monitoring = _table(
    "host_monitoring",
    _integer("hid"),
    _integer("last_mon_time"),
    Column("body", _body),
    key=("hid", "last_mon_time"),
)
vm_monitoring = _table(
    "vm_monitoring", _integer("vmid"), _integer("last_poll"), Column("body", _body), key=("vmid", "last_poll")
)
vm_showback = _table(
    "vm_showback",
    _integer("vmid"),
    _integer("year"),
    _integer("month"),
    Column("body", _body),
    key=("vmid", "year", "month"),
)
vm_import = _table("vm_import", _string("deploy_id", key=True), _integer("vmid"))
history = _table(
    "history",
    _integer("vid"),
    _integer("seq"),
    Column("body", _body),
    _integer("stime"),
    _integer("etime"),
    key=("vid", "seq"),
)
hook_log = _table(
    "hook_log",
    _integer("hkid"),
    _integer("exeid"),
    _integer("timestamp"),
    _integer("rc"),
    Column("body", _body),
    key=("hkid", "exeid"),
)
cluster_datastore_relation = _table(
    "cluster_datastore_relation", _integer("cid"), _integer("oid"), key=("cid", "oid")
)
cluster_network_relation = _table("cluster_network_relation", _integer("cid"), _integer("oid"), key=("cid", "oid"))
cluster_vnc_bitmap = _table("cluster_vnc_bitmap", _integer("id", key=True), Column("map", _long))
network_vlan_bitmap = _table("network_vlan_bitmap", _integer("id", key=True), Column("map", _long))
acl = Table(
    "acl",
    metadata,
    _integer("oid", key=True),
    Column("userset", BigInteger),
    Column("resource", BigInteger),
    Column("rights", BigInteger),
    Column("zone", BigInteger),
    UniqueConstraint("userset", "resource", "rights", "zone"),
)
user_quotas = _table("user_quotas", _integer("user_oid", key=True), Column("body", _body))
group_quotas = _table("group_quotas", _integer("group_oid", key=True), Column("body", _body))
logdb = _table(
    "logdb",
    Column("log_index", _unsigned, primary_key=True, autoincrement=False),
    _integer("term"),
    Column("sqlcmd", _body),
    _integer("timestamp"),
    Column("fed_index", _unsigned),
    Column("applied", Boolean),
)
pool_control = _table("pool_control", _string("tablename", 32, key=True), Column("last_oid", _unsigned))
db_versioning = _table(
    "db_versioning",
    _integer("oid", key=True),
    _string("version", 256),
    _integer("timestamp"),
    _string("comment", 256),
)
local_db_versioning = _table(
    "local_db_versioning",
    _integer("oid", key=True),
    _string("version", 256),
    _integer("timestamp"),
    _string("comment", 256),
    Column("is_slave", Boolean),
)
system_attributes = _table("system_attributes", _string("name", key=True), Column("body", _body))

Index("state_oid_idx", vm_pool.c.state, vm_pool.c.oid)
Index("ftidx", vm_pool.c.search_token, mysql_prefix="FULLTEXT", mariadb_prefix="FULLTEXT").ddl_if(dialect="mysql")
Index("fed_index_idx", logdb.c.fed_index)
Index("applied_idx", logdb.c.applied)

task = Table(
    "oneedge_task",
    metadata,
    Column("id", _serial, primary_key=True, autoincrement=True),
    _string("kind", 64),
    _string("object", 16),
    _integer("oid"),
    Column("payload", _body),
    Column("due", Double),
    _integer("attempt"),
    _string("owner", 64),
    Column("lease", Double),
    _string("lane"),
    _string("place"),
    Index("oneedge_task_object", "object", "oid"),
    Index("oneedge_task_due", "owner", "due"),
    sqlite_autoincrement=True,  # an id is what drivers know a task by: it is never used again
)
"""Work outside of the database, written with the change that asks for it. Times are epoch seconds.

``owner`` is the worker that carries it out and ``lease`` how long nobody else may; ``lane`` (a driver, else the kind)
and ``place`` (lane and host, or empty) are what the number of tasks at the same time is bounded for.
"""
event = Table(
    "oneedge_event",
    metadata,
    Column("id", _serial, primary_key=True, autoincrement=True),
    _string("topics", 1024),
    Column("body", _body),
    sqlite_autoincrement=True,
)
"""What subscribers are still to be told, in the order of commits; ``topics`` are lines."""

lease = Table(
    "oneedge_lease",
    metadata,
    _string("name", 64, key=True),
    _string("owner", 64),
    Column("expires", Double),
)
"""What only one of several servers does at a time, and until when nobody else may, by the database's clock."""

OWN_INDEXES = (
    Index("oneedge_template_owner", template_pool.c.uid, template_pool.c.name),
    Index("oneedge_host_name", host_pool.c.name),
)
"""Indexes of this server in tables of 6.0, for names that are looked up at every new object."""

SHARED = frozenset(
    {
        "group_pool",
        "user_pool",
        "acl",
        "zone_pool",
        "vdc_pool",
        "marketplace_pool",
        "marketplaceapp_pool",
        "db_versioning",
    }
)
"""Tables that a federation shares; every other one is local to its zone."""
