"""The names of all methods that a 6.0 server registers."""

_COMMON = "allocate info update delete chown chmod rename lock unlock"
_UPSTREAM_BY_RESOURCE = {
    "vm": "deploy action migrate allocate info chown chmod monitoring attach detach attachnic detachnic rename resize "
    "update snapshotcreate snapshotrevert snapshotdelete disksaveas disksnapshotcreate disksnapshotrevert "
    "disksnapshotdelete disksnapshotrename recover updateconf lock unlock diskresize",
    "vmpool": "info infoextended infoset accounting monitoring showback calculateshowback",
    "template": f"{_COMMON} instantiate clone",
    "vntemplate": f"{_COMMON} instantiate clone",
    "host": "status update allocate delete info monitoring rename",
    "hostpool": "info monitoring",
    "group": "allocate delete info quota update addadmin deladmin",
    "groupquota": "info update",
    "vn": f"{_COMMON} reserve add_ar rm_ar update_ar free_ar hold release",
    "user": "allocate update delete info passwd chgrp addgroup delgroup chauth quota login enable",
    "userquota": "info update",
    "image": f"{_COMMON} persistent enable chtype clone snapshotdelete snapshotrevert snapshotflatten",
    "datastore": "allocate delete info update chown chmod rename enable",
    "cluster": "allocate delete info update rename addhost delhost adddatastore deldatastore addvnet delvnet",
    "document": f"{_COMMON} clone",
    "acl": "addrule delrule info",
    "zone": "updatedb allocate update delete info rename replicate fedreplicate voterequest raftstatus addserver "
    "delserver resetserver",
    "secgroup": "allocate delete info update chown chmod clone rename commit",
    "vmgroup": _COMMON,
    "vdc": "allocate update delete addgroup delgroup addcluster delcluster addhost delhost adddatastore deldatastore "
    "addvnet delvnet info rename",
    "vrouter": f"{_COMMON} instantiate attachnic detachnic",
    "market": "updatedb allocatedb allocate update delete chmod chown info rename",
    "marketapp": f"{_COMMON} updatedb dropdb allocatedb enable",
    "hook": "allocate delete update rename info lock unlock retry",
    "hooklog": "info",
    "system": "version config sql sqlquery",
}
_POOLS = (
    "template vntemplate host group vn user image datastore cluster document zone secgroup vmgroup vdc vrouter market "
    "marketapp hook"
)

UPSTREAM = frozenset(
    {f"one.{name}.{verb}" for name, verbs in _UPSTREAM_BY_RESOURCE.items() for verb in verbs.split()}
    | {f"one.{name}pool.info" for name in _POOLS.split()}
)
"""Every method that a 6.0.0 server registers."""
LATER = frozenset({"one.market.enable"})
"""Methods of later 6.0 releases that are here too."""
