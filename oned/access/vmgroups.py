"""Virtual machines in VM groups: the attribute VMGROUP of a template names a group and a role in it."""

from collections.abc import Mapping

from sqlalchemy import select

from oned.database.db import Transaction
from oned.database.pools import load, save
from oned.errors import InternalError
from oned.model.vmgroup import VmGroup
from oned.storage.reading import glance, held


def find(transaction: Transaction, wanted: Mapping[str, str], uid: int) -> VmGroup | None:
    """The group that VMGROUP_NAME (of VMGROUP_UID, or of the user ``uid``) or VMGROUP_ID names, if there is one.

    Its row is not locked.
    """
    name = wanted.get("VMGROUP_NAME", "")
    table = VmGroup.table
    if name:
        owner = wanted.get("VMGROUP_UID", "")
        query = select(table.c.oid, table.c.name).where(
            table.c.name == name, table.c.uid == (int(owner) if owner.isdecimal() else uid)
        )
        oid = next((int(row.oid) for row in transaction.rows(query) if row.name == name), -1)
    else:
        text = wanted.get("VMGROUP_ID", "")
        oid = int(text) if text.isdecimal() else -1
    return glance(transaction, VmGroup, oid)


def join(transaction: Transaction, wanted: dict[str, str], uid: int, vm_id: int) -> None:
    """Put a virtual machine into the role that ``wanted`` names, and note the group's id in it.

    Raises :class:`InternalError` with upstream's sentence.
    """
    name = wanted.get("ROLE", "")
    if not name:
        raise InternalError("Missing role name in VM Group definition")
    group = find(transaction, wanted, uid)
    if group is None:
        raise InternalError("Cannot find VM Group to associate the VM")
    group = load(transaction, VmGroup, group.oid)
    wanted["VMGROUP_ID"] = str(group.oid)
    role = group.role(name)
    if role is None:
        raise InternalError("Role does not exist in VM Group")
    group.set_machines(role, group.machines(role) | {vm_id})
    save(transaction, group)


def leave(transaction: Transaction, wanted: Mapping[str, str], vm_id: int) -> None:
    """Take a virtual machine out of its role; nothing happens when the group is gone."""
    text = wanted.get("VMGROUP_ID", "")
    group = held(transaction, VmGroup, int(text) if text.isdecimal() else -1)
    role = group.role(wanted.get("ROLE", "")) if group else None
    if group is not None and role is not None:
        group.set_machines(role, group.machines(role) - {vm_id})
        save(transaction, group)
