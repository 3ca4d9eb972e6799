"""``one.group.*`` and ``one.grouppool.info``."""

from sqlalchemy import select

from oned.acl import Op
from oned.methods.call import Call, Method
from oned.methods.quotas import default_xml, new_body, own_xml
from oned.methods.shared import list_pool
from oned.model.group import Group
from oned.pools import load
from oned.schema import group_quotas

_DEFAULT = "DEFAULT_GROUP_QUOTAS"


def info(call: Call, oid: int, decrypt: bool = False) -> str:
    """A group with its quotas; -1 is the caller's."""
    _ = decrypt
    group = load(call.transaction, Group, call.caller.gid if oid == -1 else oid)
    call.authorization().add(Op.USE, group.target(), heed_lock=False).check()
    quotas = own_xml(call.transaction, group_quotas, group.oid)
    body = group.to_xml().removesuffix("</GROUP>")
    return f"{body}{quotas}{default_xml(call.transaction, _DEFAULT)}</GROUP>"


def pool_info(call: Call) -> str:
    """All groups that the caller may see, each followed by its quotas."""
    query = select(group_quotas.c.group_oid, group_quotas.c.body)
    quotas = {int(row[0]): str(row[1]) for row in call.transaction.rows(query)}
    parts = []
    for body in list_pool(call, Group):
        group = Group.from_xml(body)
        parts.append(body + quotas.get(group.oid, new_body(group.oid)))
    return f"<GROUP_POOL>{''.join(parts)}{default_xml(call.transaction, _DEFAULT)}</GROUP_POOL>"


METHODS = (
    Method("one.group.info", info, (int,), (bool,)),
    Method("one.grouppool.info", pool_info, bulk=True),
)
