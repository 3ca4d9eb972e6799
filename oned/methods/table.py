"""The one table of methods.

A method of the 6.0 API that has no row here is known by name (:data:`UPSTREAM`) and answers that it is not available.
"""

from oned.methods import document, group, system, user
from oned.methods.call import Method

_PASSWORD_2 = frozenset({2})
_CHMOD = (int,) * 10

_TABLE = (
    Method("one.system.version", system.version, stored=False),
    Method("one.system.config", system.config, stored=False),
    Method(
        "one.user.allocate", user.allocate, (str, str, str), (list,), write=True, accounts=True, hidden=_PASSWORD_2
    ),
    Method("one.user.info", user.info, (int,), (bool,)),
    Method("one.user.update", user.POOL.update, (int, str), (int,), write=True, accounts=True),
    Method("one.user.delete", user.remove_user, (int,), write=True, accounts=True),
    Method("one.user.passwd", user.passwd, (int, str), write=True, accounts=True, hidden=_PASSWORD_2),
    Method("one.user.chgrp", user.chgrp, (int, int), write=True, accounts=True),
    Method("one.user.addgroup", user.addgroup, (int, int), write=True, accounts=True),
    Method("one.user.delgroup", user.delgroup, (int, int), write=True, accounts=True),
    Method("one.user.chauth", user.chauth, (int, str, str), write=True, accounts=True, hidden=frozenset({3})),
    Method("one.user.enable", user.enable, (int, bool), write=True, accounts=True),
    Method("one.user.login", user.login, (str, str, int), (int,), write=True, accounts=True, hidden=_PASSWORD_2),
    Method("one.userpool.info", user.pool_info, bulk=True),
    Method("one.group.info", group.info, (int,), (bool,)),
    Method("one.grouppool.info", group.pool_info, bulk=True),
    Method("one.document.allocate", document.allocate, (str, int), write=True),
    Method("one.document.info", document.POOL.info, (int,), (bool,)),
    Method("one.document.update", document.POOL.update, (int, str), (int,), write=True),
    Method("one.document.delete", document.POOL.delete, (int,), write=True),
    Method("one.document.chown", document.POOL.chown, (int, int, int), write=True),
    Method("one.document.chmod", document.POOL.chmod, _CHMOD, write=True),
    Method("one.document.clone", document.clone, (int, str), write=True),
    Method("one.document.rename", document.POOL.rename, (int, str), write=True),
    Method("one.document.lock", document.POOL.lock, (int, int), (bool,), write=True),
    Method("one.document.unlock", document.POOL.unlock, (int,), write=True),
    Method("one.documentpool.info", document.pool_info, (int, int, int, int), bulk=True),
)

METHODS = {method.name: method for method in _TABLE}

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
"""Every method that a 6.0 server registers."""
