"""Databases as servers from 5.6 to 6.0 left them: users, groups, rules, hosts, machines with history, and the rest.

The same numbers and seed make the same rows, and what they say of each other agrees: ``onedb fsck`` finds nothing. What
the machines are and have is told in :mod:`tests.support.old_fleet`.
"""

import hashlib
import json
import random
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, insert, text
from sqlalchemy.schema import CreateTable

from oned.config import DatabaseSettings
from oned.database import schema
from oned.database.engine import make_engine
from oned.infrastructure.vnc import pack
from onedb.migrations import layout
from tests.support import old_bodies as bodies
from tests.support.old_bodies import Release, attributes, head, ids, permissions
from tests.support.old_fleet import HOSTS, IMAGES, NETWORKS, USERS, Fleet

NOW = 1_600_000_000
PASSWORD = "front-end-secret"
HALVES = {
    "5.6": ("5.6.0", "5.6.0"),
    "5.8": ("5.6.0", "5.8.0"),
    "5.10": ("5.10.0", "5.10.0"),
    "5.12": ("5.12.0", "5.12.0"),
    "6.0": ("6.0.0", "6.0.0"),
}
"""The versions of the shared and the local tables of each release."""
TEMPLATES, DOCUMENTS = 10, 12
IMAGES_OWNER = 2
_ROWS = 2000
_LATER = {"vn_template_pool": "5.8", "hook_pool": "5.10", "hook_log": "5.10"}

Rows = Iterable[dict[str, Any]]


def tables(version: str) -> dict[str, Table]:
    """The tables of that release."""
    release = Release(version)
    found = {
        table.name: table
        for table in schema.metadata.sorted_tables
        if not table.name.startswith("oneedge_") and release.since(_LATER.get(table.name, "5.6"))
    }
    if not release.since("5.12"):
        old = [layout.host_pool(), layout.vm_pool(short=release.since("5.8")), layout.acl()]
        found |= {table.name: table for table in old}
    if not release.since("5.10"):
        found["logdb"] = layout.logdb(applied=release.since("5.8"))
    return found


def make_old_database(settings: DatabaseSettings, version: str, vms: int, seed: int = 1) -> None:
    """Fill an empty database with ``vms`` machines of that release, and all that belongs to them."""
    known = tables(version)
    engine = make_engine(settings, 1, autocommit=False)
    try:
        with engine.begin() as connection:
            if settings.backend == "mysql":
                connection.execute(text("ALTER DATABASE CHARACTER SET utf8mb4"))
            for table in known.values():
                connection.execute(CreateTable(table))
            for name, rows in _contents(Release(version), vms, random.Random(seed)):
                _fill(connection, known[name], rows)
            if "short_body" in known["vm_pool"].c:
                connection.execute(text("CREATE INDEX state_oid_idx ON vm_pool (state, oid)"))
    finally:
        engine.dispose()


def _fill(connection: Connection, table: Table, rows: Rows) -> None:
    """Many rows at a time; of each, the columns that the table has."""
    columns = table.columns.keys()
    source = iter(rows)
    while part := list(islice(source, _ROWS)):
        connection.execute(insert(table), [{name: row.get(name) for name in columns} for row in part])


def _pool(oid: int, name: str, body: str, uid: int = 0, **more: int) -> dict[str, Any]:
    rights = {"owner_u": 1, "group_u": 1, "other_u": 0}
    return {"oid": oid, "name": name, "body": body, "uid": uid, "gid": 0 if uid == 0 else 1, **rights, **more}


def _contents(release: Release, vms: int, chance: random.Random) -> Iterator[tuple[str, Rows]]:
    shared, local = HALVES[release.name]
    comment = f"OpenNebula {release.name}.0 daemon bootstrap"
    yield "db_versioning", [{"oid": 0, "version": shared, "timestamp": NOW, "comment": comment}]
    yield (
        "local_db_versioning",
        [{"oid": 0, "version": local, "timestamp": NOW, "comment": comment, "is_slave": False}],
    )
    fleet = Fleet(vms, chance)
    owners, alive = fleet.owners, fleet.alive
    yield from _people(fleet)
    yield from _places()
    yield (
        "host_pool",
        (
            _pool(host, f"node{host}", body, state=2, cid=0, last_mon_time=NOW)
            for host in range(1, HOSTS + 1)
            for body in [bodies.host(release, host, fleet.on_host(host), NOW)]
        ),
    )
    yield "host_monitoring", _reports(bodies.host_report, release, range(1, HOSTS + 1), ("hid", "last_mon_time"))
    yield "vm_pool", (_vm(release, oid, owners[oid]) for oid in alive)
    yield "vm_monitoring", _reports(bodies.vm_report, release, alive, ("vmid", "last_poll"))
    yield "history", (row for oid in alive for row in _history(release, oid, owners[oid]))
    yield from _markets(release)
    yield from _things(release, fleet)
    yield "cluster_vnc_bitmap", [{"id": 0, "map": pack(fleet.ports())}]
    last = {
        "vm_pool": len(owners),
        "user_pool": 1 + USERS,
        "marketplace_pool": 3 if release.since("5.12") else 2,
        "acl": 3,
        "host_pool": HOSTS,
    }
    last |= dict.fromkeys(("zone_pool", "vdc_pool", "secgroup_pool"), 0)
    last |= {"group_pool": 99, "cluster_pool": 99, "datastore_pool": 99, "document_pool": DOCUMENTS - 1}
    last |= {"image_pool": IMAGES - 1, "network_pool": NETWORKS - 1, "template_pool": TEMPLATES - 1}
    yield "pool_control", [{"tablename": name, "last_oid": oid} for name, oid in last.items()]


def _reports(make: Any, release: Release, numbers: Iterable[int], key: tuple[str, str]) -> Rows:  # noqa: ANN401
    """Two reports of each."""
    for number in numbers:
        for when in (NOW - 60, NOW):
            yield {key[0]: number, key[1]: when, "body": make(release, number, when)}


def _vm(release: Release, oid: int, uid: int) -> dict[str, Any]:
    last = f"<HISTORY_RECORDS><HISTORY>{bodies.record(oid, 1, NOW - 5000, 0)}</HISTORY></HISTORY_RECORDS>"
    return _pool(
        oid,
        f"vm-{oid}",
        bodies.vm(release, oid, uid, NOW, last),
        uid,
        state=3,
        lcm_state=3,
        last_poll=NOW,
    ) | {
        "short_body": bodies.short_vm(oid, uid, NOW),
        "search_token": f"UNAME=user{uid}\nNAME=vm_{oid}\nCPU=1\nMEMORY=1024\n",
    }


def _history(release: Release, oid: int, uid: int) -> Rows:
    """An open record, half of the machines with a closed one before; a third had another owner at that time."""
    old = 0 if oid % 3 == 0 else uid
    for seq, start, end in ((0, NOW - 9000, NOW - 5000), (1, NOW - 5000, 0))[oid % 2 :]:
        vm = bodies.vm(release, oid, old, NOW, "", deep=False)
        body = f"<HISTORY>{bodies.record(oid, seq, start, end)}{vm}</HISTORY>"
        yield {"vid": oid, "seq": seq, "body": body, "stime": start, "etime": end}


def _people(fleet: Fleet) -> Iterator[tuple[str, Rows]]:
    users = {0: "oneadmin", 1: "serveradmin"} | {uid: f"user{uid}" for uid in range(2, 2 + USERS)}
    yield "user_pool", (_pool(uid, name, _user(uid, name), gid=0 if uid < 2 else 1) for uid, name in users.items())
    images = {IMAGES_OWNER: {image: bodies.image_size(image) for image in range(IMAGES)}}
    groups = {0: ("oneadmin", [0, 1]), 1: ("users", list(users)[2:])}
    yield (
        "user_quotas",
        ({"user_oid": u, "body": fleet.quotas(u, [u] if u else [], images.get(u, {}))} for u in users),
    )
    yield (
        "group_quotas",
        (
            {"group_oid": g, "body": fleet.quotas(g, found if g else [], images[IMAGES_OWNER] if g else {})}
            for g, (_, found) in groups.items()
        ),
    )
    yield (
        "group_pool",
        (
            _pool(
                gid,
                name,
                f"<GROUP><ID>{gid}</ID><NAME>{name}</NAME><TEMPLATE/>{ids('USERS', found)}<ADMINS></ADMINS></GROUP>",
            )
            for gid, (name, found) in groups.items()
        ),
    )
    rules = ((0x200000001, 0x21422000000000, 8), (0x400000000, 0x800400000000, 1), (0x100000002, 0x1000000001, 3))
    yield (
        "acl",
        (
            {"oid": oid, "user": who, "userset": who, "resource": what, "rights": rights, "zone": 0x400000000}
            for oid, (who, what, rights) in enumerate(rules)
        ),
    )
    quotas = "".join(f"<{name}_QUOTA></{name}_QUOTA>" for name in ("DATASTORE", "NETWORK", "VM", "IMAGE"))
    names = ("DEFAULT_USER_QUOTAS", "DEFAULT_GROUP_QUOTAS")
    yield "system_attributes", ({"name": name, "body": f"<{name}>{quotas}</{name}>"} for name in names)


def _user(uid: int, name: str) -> str:
    gid, group = (0, "oneadmin") if uid < 2 else (1, "users")
    driver = "server_cipher" if uid == 1 else "core"
    secret = hashlib.sha256(PASSWORD.encode()).hexdigest()
    return (
        f"<USER><ID>{uid}</ID><GID>{gid}</GID>{ids('GROUPS', [gid])}<GNAME>{group}</GNAME><NAME>{name}</NAME>"
        f"<PASSWORD>{secret}</PASSWORD><AUTH_DRIVER>{driver}</AUTH_DRIVER><ENABLED>1</ENABLED>"
        f"{attributes('TEMPLATE', TOKEN_PASSWORD=secret[::-1])}</USER>"
    )


def _places() -> Iterator[tuple[str, Rows]]:
    """Cluster, zone, VDC, security group, datastores."""
    cluster = (
        f"<CLUSTER><ID>0</ID><NAME>default</NAME>{ids('HOSTS', range(1, HOSTS + 1))}{ids('DATASTORES', [0, 1, 2])}"
        f"{ids('VNETS', range(NETWORKS))}<TEMPLATE/></CLUSTER>"
    )
    yield "cluster_pool", [_pool(0, "default", cluster)]
    yield "cluster_datastore_relation", ({"cid": 0, "oid": oid} for oid in range(3))
    yield "cluster_network_relation", ({"cid": 0, "oid": oid} for oid in range(NETWORKS))
    endpoint = attributes("TEMPLATE", ENDPOINT="http://localhost:2633/RPC2")
    zone = f"<ZONE><ID>0</ID><NAME>OpenNebula</NAME>{endpoint}<SERVER_POOL></SERVER_POOL></ZONE>"
    yield "zone_pool", [_pool(0, "OpenNebula", zone)]
    vdc = (
        f"<VDC><ID>0</ID><NAME>default</NAME>{ids('GROUPS', [1])}<CLUSTERS><CLUSTER><ZONE_ID>0</ZONE_ID>"
        "<CLUSTER_ID>-10</CLUSTER_ID></CLUSTER></CLUSTERS><HOSTS/><DATASTORES/><VNETS/><TEMPLATE/></VDC>"
    )
    yield "vdc_pool", [_pool(0, "default", vdc)]
    group = (
        f"<SECURITY_GROUP>{head(0, 'default')}{permissions(other=True)}<UPDATED_VMS/><OUTDATED_VMS/><UPDATING_VMS/>"
        "<ERROR_VMS/><TEMPLATE><RULE><PROTOCOL><![CDATA[ALL]]></PROTOCOL><RULE_TYPE><![CDATA[INBOUND]]></RULE_TYPE>"
        "</RULE></TEMPLATE></SECURITY_GROUP>"
    )
    yield "secgroup_pool", [_pool(0, "default", group)]
    stores = ((0, "system", 1), (1, "default", 0), (2, "files", 2))
    yield "datastore_pool", (_pool(oid, name, _store(oid, name, kind)) for oid, name, kind in stores)


def _markets(release: Release) -> Iterator[tuple[str, Rows]]:
    markets = ["OpenNebula Public", "Linux Containers", "TurnKey Linux Containers"]
    markets += ["DockerHub"] if release.since("5.12") else []
    yield "marketplace_pool", (_pool(oid, name, _market(oid, name)) for oid, name in enumerate(markets))


def _store(oid: int, name: str, kind: int) -> str:
    template = attributes("TEMPLATE", DS_MAD="fs", TM_MAD="ssh", **({"DRIVER": "qcow2"} if oid == 1 else {}))
    return (
        f"<DATASTORE>{head(oid, name)}{permissions()}<DS_MAD>fs</DS_MAD><TM_MAD>ssh</TM_MAD>"
        f"<BASE_PATH>/var/lib/one/datastores/{oid}</BASE_PATH><TYPE>{kind}</TYPE><DISK_TYPE>0</DISK_TYPE>"
        f"<STATE>0</STATE><CLUSTERS><ID>0</ID></CLUSTERS><TOTAL_MB>90000</TOTAL_MB><FREE_MB>50000</FREE_MB>"
        f"<USED_MB>40000</USED_MB>{ids('IMAGES', range(IMAGES) if oid == 1 else [])}{template}</DATASTORE>"
    )


def _market(oid: int, name: str) -> str:
    return (
        f"<MARKETPLACE>{head(oid, name)}<MARKET_MAD>one</MARKET_MAD><ZONE_ID>0</ZONE_ID><TOTAL_MB>0</TOTAL_MB>"
        f"<FREE_MB>0</FREE_MB><USED_MB>0</USED_MB><MARKETPLACEAPPS/>{permissions(other=True)}"
        f"{attributes('TEMPLATE', MARKET_MAD='one')}</MARKETPLACE>"
    )


def _things(release: Release, fleet: Fleet) -> Iterator[tuple[str, Rows]]:
    """Images, networks, templates, documents."""
    images = ((i, bodies.image(release, i, IMAGES_OWNER, 1, fleet.with_image(i))) for i in range(IMAGES))
    yield "image_pool", (_pool(i, f"image{i}", body, IMAGES_OWNER) for i, body in images)
    networks = ((i, bodies.network(release, i, fleet.in_network(i))) for i in range(NETWORKS))
    yield "network_pool", (_pool(i, f"net{i}", body, pid=-1) for i, body in networks)
    yield "template_pool", (_pool(i, f"template{i}", _template(i), 2) for i in range(TEMPLATES))
    yield "document_pool", (_pool(i, f"doc{i}", _document(release, i), 2, type=_kind(i)) for i in range(DOCUMENTS))


def _template(oid: int) -> str:
    content = attributes("TEMPLATE", CPU="1", MEMORY="1024", CONTEXT="a <b> & c")
    return f"<VMTEMPLATE>{head(oid, f'template{oid}', 2)}{permissions()}<REGTIME>{NOW}</REGTIME>{content}</VMTEMPLATE>"


def _kind(oid: int) -> int:
    """Services, their templates, and documents of another program."""
    return (100, 101, 200)[oid % 3]


def _document(release: Release, oid: int) -> str:
    networks = {"front": "M|network|Front <net>||id:"}
    fields = ("networks", "networks_values") if release.since("5.12") else ("custom_attrs", "custom_attrs_values")
    info = {"VM": {"ID": "1", "NAME": "vm-1", "UID": "2", "GID": "1", "UNAME": "user2", "GNAME": "users"}}
    if not release.since("5.12"):
        info["VM"] |= {"LAST_POLL": "1", "TEMPLATE": "large"}
    role = {"name": "web", "cardinality": 1, "nodes": [{"deploy_id": 1, "vm_info": info}]}
    body: dict[str, object] = {"name": f"doc{oid}", fields[0]: networks, "roles": [role]}
    if _kind(oid) == 100:
        body[fields[1]] = [{"front": {"id": "0"}}]
    content = json.dumps({"any": "thing"} if _kind(oid) == 200 else body)
    return (
        f"<DOCUMENT>{head(oid, f'doc{oid}', 2)}<TYPE>{_kind(oid)}</TYPE>{permissions()}"
        f"{attributes('TEMPLATE', BODY=content)}</DOCUMENT>"
    )
