"""``one.vntemplate.*`` and ``one.vntemplatepool.info``."""

import time

from oned.access.acl import Kind, Op
from oned.database.listing import Listing
from oned.database.pools import create, load
from oned.errors import AllocateError, AuthorizationError, InternalError
from oned.methods.call import CHMOD, Call, Method
from oned.methods.personal import Personal, check_creation, check_new_name, copy, merge_extra, owner_fields
from oned.methods.restricted import first_restricted
from oned.methods.shared import Window, listing, parse_template
from oned.model.cluster import DEFAULT_CLUSTER, Cluster
from oned.model.vntemplate import NetworkTemplate
from oned.network.create import check_physical, create_network
from oned.network.ranges import ids_in
from oned.storage.reading import glance
from oned.vm.templates import as_other
from onelib.template import Template

RESTRICTED = "VNET_RESTRICTED_ATTR"
POOL = Personal(NetworkTemplate, restricted=RESTRICTED)


def _create(call: Call, template: Template) -> int:
    """A template of the caller. Raises :class:`InternalError`."""
    name = template.get("NAME")
    template.erase("NAME")
    check_new_name(call, NetworkTemplate, name, "VN TEMPLATE")
    if not template.get("VN_MAD"):
        raise InternalError("Error inserting Template in DB. VN_MAD is mandatory")
    check_physical(template)
    POOL.encrypt(call, template)
    registered = int(time.time())
    new = NetworkTemplate(**owner_fields(call), name=name, template=template, registered=registered)
    return create(call.transaction, new)


def allocate(call: Call, text: str) -> int:
    """Create a template; users cannot set restricted attributes."""
    template = parse_template(text)
    check_creation(call, Kind.VNTEMPLATE)
    if not call.caller.is_admin:
        name = first_restricted(template, call.settings.names(RESTRICTED))
        if name:
            raise AuthorizationError(f"VM Template includes a restricted attribute {name}")
    return _create(call, template)


def clone(call: Call, oid: int, name: str) -> int:
    """A copy that belongs to the caller."""
    return copy(call, NetworkTemplate, oid, name, _create)


def instantiate(call: Call, oid: int, name: str, text: str) -> int:
    """A network of the caller in the clusters of the template's CLUSTER_IDS."""
    source = load(call.transaction, NetworkTemplate, oid)
    template = source.template.copy()
    listed = template.get("CLUSTER_IDS")
    wanted = {cid for cid in ids_in(listed) if glance(call.transaction, Cluster, cid) is not None}
    merge_extra(call, template, text, RESTRICTED)
    call = as_other(call, template)
    template.set("TEMPLATE_NAME", source.name)
    template.set("TEMPLATE_ID", str(oid))
    template.erase("NAME")
    if name:
        template.set("NAME", name)
    call.authorization().add(Op.USE, source.target()).check()
    try:
        return create_network(call, template, wanted if listed else {DEFAULT_CLUSTER}).oid
    except InternalError as error:
        raise AllocateError(error.detail, kind=Kind.VNTEMPLATE.label) from None


def pool_info(call: Call, flag: int, start: int, end: int) -> Listing:
    """The templates."""
    return listing(call, NetworkTemplate, "VNTEMPLATE_POOL", Window(flag, start, end))


METHODS = (
    Method("one.vntemplate.allocate", allocate, (str,), write=True),
    Method("one.vntemplate.info", POOL.info, (int,), (bool,)),
    Method("one.vntemplate.update", POOL.update, (int, str), (int,), write=True),
    Method("one.vntemplate.delete", POOL.delete, (int,), write=True),
    Method("one.vntemplate.clone", clone, (int, str), write=True),
    Method("one.vntemplate.chown", POOL.chown, (int, int, int), write=True),
    Method("one.vntemplate.chmod", POOL.chmod, CHMOD, write=True),
    Method("one.vntemplate.rename", POOL.rename, (int, str), write=True),
    Method("one.vntemplate.lock", POOL.lock, (int, int), (bool,), write=True),
    Method("one.vntemplate.unlock", POOL.unlock, (int,), write=True),
    Method("one.vntemplate.instantiate", instantiate, (int, str, str), write=True),
    Method("one.vntemplatepool.info", pool_info, (int, int, int), bulk=True),
)
