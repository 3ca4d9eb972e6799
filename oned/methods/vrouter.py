"""``one.vrouter.*`` and ``one.vrouterpool.info``."""

from oned.access.acl import Kind, Op, Target
from oned.access.quota import charge, refund
from oned.database.listing import Listing
from oned.database.pools import insert_row, load, remove
from oned.errors import InternalError
from oned.methods import vm
from oned.methods.call import CHMOD, Call, Method
from oned.methods.personal import owner_fields
from oned.methods.shared import Owned, Window, listing, parse_template
from oned.methods.vrouter_machines import attachnic, detachnic, instantiate
from oned.model.base import check_name
from oned.model.network import Network
from oned.model.vrouter import VirtualRouter
from oned.network.nics import acquire_floating, names_network, release_floating, resolve_nic
from oned.network.routers import end_machines, floating_usage, networks_of, prepare
from oned.storage.reading import lock_rows, peek
from onelib.template import Template, TemplateError


class Routers(Owned[VirtualRouter]):
    """What many resources do alike, and what is different for virtual routers."""

    def update(self, call: Call, oid: int, text: str, mode: int = 0) -> int:
        """Replace the template or merge into it; the interfaces stay."""
        try:
            template = Template.parse(text)
        except TemplateError:
            return super().update(call, oid, text, mode)
        template.erase("NIC")
        if mode == 0:
            for nic in load(call.transaction, VirtualRouter, oid).template.vectors("NIC"):
                template.add("NIC", nic)
        return super().update(call, oid, template.to_xml(), mode)

    def delete(self, call: Call, oid: int) -> int:
        """Delete a virtual router with its machines, and give its addresses back."""
        transaction = call.transaction
        router = peek(transaction, VirtualRouter, oid)
        call.authorization().add(Op.MANAGE, router.target()).check()
        nics = router.template.vectors("NIC")
        end_machines(call, router)
        refund(transaction, router.uid, router.gid, floating_usage(nics))
        lock_rows(transaction, Network.table, networks_of(nics))
        router = load(transaction, VirtualRouter, oid)
        for nic in router.template.vectors("NIC"):
            release_floating(transaction, oid, nic)
        remove(transaction, router)
        return oid

    def chown(self, call: Call, oid: int, uid: int, gid: int) -> int:
        """Change owner and group of the router and its machines."""
        router = peek(call.transaction, VirtualRouter, oid)
        if router.vms:
            call.authorization().add(Op.MANAGE, router.target()).check()
        for vm_id in sorted(router.vms):
            vm.POOL.chown(call, vm_id, uid, gid)
        return super().chown(call, oid, uid, gid)

    def chmod(self, call: Call, oid: int, *bits: int) -> int:
        """Change the permission bits of the router and its machines."""
        router = peek(call.transaction, VirtualRouter, oid)
        if router.vms:
            call.authorization().add(Op.MANAGE, router.target()).check()
        for vm_id in sorted(router.vms):
            vm.POOL.chmod(call, vm_id, *bits)
        return super().chmod(call, oid, *bits)


POOL = Routers(VirtualRouter)


def allocate(call: Call, text: str) -> int:
    """Create a virtual router and take its floating addresses."""
    transaction, caller = call.transaction, call.caller
    template = parse_template(text)
    nics = template.vectors("NIC")
    question = call.authorization().add(Op.CREATE, Target(Kind.VROUTER, uid=caller.uid, gid=caller.gid))
    for nic in nics:
        resolve_nic(call, nic, question)
    question.check()
    name = template.get("NAME")
    template.erase("NAME")
    reason = check_name(name)
    if reason:
        raise InternalError(reason)
    charge(transaction, caller.uid, caller.gid, floating_usage(nics))
    lock_rows(transaction, Network.table, networks_of(nics))
    oid = transaction.next_oid(VirtualRouter.table.name)
    for number, nic in enumerate(nics):
        nic["NIC_ID"] = str(number)
        if names_network(nic):
            acquire_floating(transaction, int(nic["NETWORK_ID"]), oid, nic, settings=call.settings)
        prepare(nic, call.settings)
    router = VirtualRouter(**owner_fields(call) | {"oid": oid}, name=name, template=template)
    insert_row(transaction, router)
    return oid


def pool_info(call: Call, flag: int, start: int, end: int) -> Listing:
    """The virtual routers."""
    return listing(call, VirtualRouter, "VROUTER_POOL", Window(flag, start, end))


METHODS = (
    Method("one.vrouter.allocate", allocate, (str,), write=True),
    Method("one.vrouter.info", POOL.info, (int,), (bool,)),
    Method("one.vrouter.update", POOL.update, (int, str), (int,), write=True),
    Method("one.vrouter.delete", POOL.delete, (int,), write=True),
    Method("one.vrouter.chown", POOL.chown, (int, int, int), write=True),
    Method("one.vrouter.chmod", POOL.chmod, CHMOD, write=True),
    Method("one.vrouter.rename", POOL.rename, (int, str), write=True),
    Method("one.vrouter.lock", POOL.lock, (int, int), (bool,), write=True),
    Method("one.vrouter.unlock", POOL.unlock, (int,), write=True),
    Method("one.vrouter.instantiate", instantiate, (int, int, int, str, bool, str), write=True),
    Method("one.vrouter.attachnic", attachnic, (int, str), write=True),
    Method("one.vrouter.detachnic", detachnic, (int, int), write=True),
    Method("one.vrouterpool.info", pool_info, (int, int, int), bulk=True),
)
