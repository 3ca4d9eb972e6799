"""``one.secgroup.*`` and ``one.secgrouppool.info``."""

from oned.access.acl import Kind, Op
from oned.database.listing import Listing
from oned.database.pools import create, load, remove, save
from oned.errors import InternalError
from oned.methods.call import CHMOD, Call, Method
from oned.methods.personal import Personal, check_creation, check_new_name, copy, owner_fields
from oned.methods.shared import Window, listing, parse_template
from oned.model.secgroup import DEFAULT_GROUP, SecurityGroup, check_rules
from oned.network import updates
from onelib.template import Template


class SecurityGroups(Personal[SecurityGroup]):
    """What many resources do alike, and what is different for security groups."""

    def updated(self, call: Call, obj: SecurityGroup) -> None:
        """Check the rules and bring them to all machines."""
        try:
            check_rules(obj.template)
        except InternalError as error:
            raise InternalError(f"Cannot update template. {error.detail}") from None
        _renew(call, obj, recover=False)

    def delete(self, call: Call, oid: int) -> int:
        """Delete a security group that no machine has; not the default one."""
        group = load(call.transaction, SecurityGroup, oid)
        call.authorization().add(Op.MANAGE, group.target()).check()
        if oid == DEFAULT_GROUP:
            raise self.refuse("The default security group (ID 0) cannot be deleted.")
        if group.in_use:
            raise self.refuse("The security group has VMs using it")
        remove(call.transaction, group)
        return oid


POOL = SecurityGroups(SecurityGroup)


def _renew(call: Call, group: SecurityGroup, *, recover: bool) -> None:
    """Ask for the update of machines; the group is not saved here."""
    group.renew(recover=recover)
    updates.enqueue(call.transaction, group)


def _create(call: Call, template: Template) -> int:
    """A security group of the caller. Raises :class:`InternalError`."""
    name = template.get("NAME")
    template.erase("NAME")
    check_new_name(call, SecurityGroup, name, "SecurityGroup")
    check_rules(template)
    return create(call.transaction, SecurityGroup(**owner_fields(call), name=name, template=template))


def allocate(call: Call, text: str) -> int:
    """Create a security group."""
    template = parse_template(text)
    check_creation(call, Kind.SECGROUP)
    return _create(call, template)


def clone(call: Call, oid: int, name: str) -> int:
    """A copy that belongs to the caller."""
    return copy(call, SecurityGroup, oid, name, _create)


def commit(call: Call, oid: int, recover: bool) -> int:
    """Bring the rules to the machines again; with ``recover`` to those where that failed or did not end."""
    group = load(call.transaction, SecurityGroup, oid)
    call.authorization().add(Op.MANAGE, group.target()).check()
    _renew(call, group, recover=recover)
    save(call.transaction, group)
    return oid


def pool_info(call: Call, flag: int, start: int, end: int) -> Listing:
    """The security groups."""
    return listing(call, SecurityGroup, "SECURITY_GROUP_POOL", Window(flag, start, end))


METHODS = (
    Method("one.secgroup.allocate", allocate, (str,), write=True),
    Method("one.secgroup.info", POOL.info, (int,), (bool,)),
    Method("one.secgroup.update", POOL.update, (int, str), (int,), write=True),
    Method("one.secgroup.delete", POOL.delete, (int,), write=True),
    Method("one.secgroup.chown", POOL.chown, (int, int, int), write=True),
    Method("one.secgroup.chmod", POOL.chmod, CHMOD, write=True),
    Method("one.secgroup.clone", clone, (int, str), write=True),
    Method("one.secgroup.rename", POOL.rename, (int, str), write=True),
    Method("one.secgroup.commit", commit, (int, bool), write=True),
    Method("one.secgrouppool.info", pool_info, (int, int, int), bulk=True),
)
