"""``one.vmgroup.*`` and ``one.vmgrouppool.info``."""

from oned.access.acl import Op, Target
from oned.database.listing import Listing
from oned.database.pools import create
from oned.errors import InternalError
from oned.methods.call import CHMOD, Call, Method
from oned.methods.personal import Personal, check_new_name, owner_fields
from oned.methods.shared import Window, listing, parse_template
from oned.model.vmgroup import VmGroup


class _VmGroups(Personal[VmGroup]):
    """The shared methods, for groups whose rules have to fit their roles."""

    def updated(self, call: Call, obj: VmGroup) -> None:
        """The roles stay as they are, and a group in use stays whole."""
        _ = call
        if obj.size:
            raise InternalError(f"Cannot update template. VM Group has {obj.size} VMs")
        obj.template.erase("ROLE")
        try:
            obj.check()
        except InternalError as error:
            raise InternalError(f"Cannot update template. {error.detail}") from None


POOL = _VmGroups(VmGroup)


def allocate(call: Call, text: str) -> int:
    """Create a VM group with the roles of its template."""
    template = parse_template(text)
    new = Target(VmGroup.kind, uid=call.caller.uid, gid=call.caller.gid)
    call.authorization().add(Op.CREATE, new).check()
    name = template.get("NAME")
    check_new_name(call, VmGroup, name, "VMGroup")
    template.erase("NAME")
    group = VmGroup(name=name, template=template, **owner_fields(call))
    group.take_roles()
    group.check()
    return create(call.transaction, group)


def pool_info(call: Call, flag: int, start: int, end: int) -> Listing:
    """The VM groups that the caller may see."""
    return listing(call, VmGroup, "VM_GROUP_POOL", Window(flag, start, end))


METHODS = (
    Method("one.vmgroup.allocate", allocate, (str,), write=True),
    Method("one.vmgroup.info", POOL.info, (int,), (bool,)),
    Method("one.vmgroup.update", POOL.update, (int, str), (int,), write=True),
    Method("one.vmgroup.delete", POOL.delete, (int,), write=True),
    Method("one.vmgroup.chown", POOL.chown, (int, int, int), write=True),
    Method("one.vmgroup.chmod", POOL.chmod, CHMOD, write=True),
    Method("one.vmgroup.rename", POOL.rename, (int, str), write=True),
    Method("one.vmgroup.lock", POOL.lock, (int, int), (bool,), write=True),
    Method("one.vmgroup.unlock", POOL.unlock, (int,), write=True),
    Method("one.vmgrouppool.info", pool_info, (int, int, int), bulk=True),
)
