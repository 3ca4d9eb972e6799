"""``one.datastore.*`` and ``one.datastorepool.info``."""

from oned.access.acl import Kind, Op
from oned.database.listing import Listing
from oned.database.pools import create, load, remove, save
from oned.errors import InternalError
from oned.infrastructure import clusters, datastores
from oned.methods.call import CHMOD, Call, Method
from oned.methods.shared import Owned, listing
from oned.methods.unique import Unique, home_cluster
from oned.model.base import escape, umask_bits
from oned.model.cluster import Cluster
from oned.model.datastore import Datastore, DatastoreState, DatastoreType
from oned.model.image import Image
from oned.storage.requests import monitor_datastore
from onelib.template import Template, TemplateError


class Datastores(Unique[Datastore], Owned[Datastore]):
    """A datastore follows its template and the configuration of its drivers."""

    def updated(self, call: Call, obj: Datastore) -> None:
        """Take type and drivers from the new template."""
        try:
            datastores.refill(obj, call.settings)
        except InternalError as error:
            raise InternalError(f"Cannot update template. {error.detail}") from None

    def renamed(self, call: Call, obj: Datastore) -> None:
        """The images show the datastore's name."""
        for oid in sorted(obj.images):
            image = load(call.transaction, Image, oid)
            image.datastore = obj.name
            save(call.transaction, image)


POOL = Datastores(Datastore)


def allocate(call: Call, text: str, cluster_id: int) -> int:
    """Create a datastore in a cluster (-1: the default one)."""
    try:
        template = Template.parse(text)
    except TemplateError as error:
        raise InternalError(f"Parse error: {error.message}") from None
    cluster = home_cluster(call, Kind.DATASTORE, cluster_id)
    caller = call.caller
    admin = caller.uid == 0 or caller.gid == 0
    bits = umask_bits(caller.umask, admin=admin, other=call.settings.other_permissions)
    datastore = datastores.new(template, caller, cluster.oid, bits)
    POOL.check_new(call, datastore.name)
    datastores.fill(datastore, call.settings)
    POOL.encrypt(call, template)
    create(call.transaction, datastore)
    clusters.attach(call.transaction, cluster, Kind.DATASTORE, datastore.oid)
    _measure(call, datastore)
    return datastore.oid


def _measure(call: Call, datastore: Datastore) -> None:
    """Ask how full it is; what is on the hosts themselves is measured there."""
    if datastore.type is not DatastoreType.SYSTEM_DS:
        monitor_datastore(call.transaction, datastore)
    elif datastore.shared:
        where = f"<DATASTORE_LOCATION>{escape(datastores.location(call.settings))}</DATASTORE_LOCATION>"
        monitor_datastore(call.transaction, datastore, extra=where)


def remove_datastore(call: Call, oid: int) -> int:
    """Delete a datastore without images."""
    for cluster_id in sorted(clusters.of(call.transaction, Kind.DATASTORE, oid)):
        load(call.transaction, Cluster, cluster_id)
    datastore = POOL.doomed(call, oid)
    if datastore.images:
        raise POOL.refuse(f"Datastore {oid} is not empty.")
    remove(call.transaction, datastore)
    for cluster_id in sorted(datastore.clusters):
        clusters.detach(call.transaction, cluster_id, Kind.DATASTORE, oid)
    return oid


def enable(call: Call, oid: int, enabled: bool) -> int:
    """Let new machines use a system datastore, or not."""
    datastore = load(call.transaction, Datastore, oid)
    call.authorization().add(Op.MANAGE, datastore.target()).check()
    if datastore.type is not DatastoreType.SYSTEM_DS:
        raise InternalError("Only SYSTEM_DS can be disabled or enabled")
    datastore.state = DatastoreState.READY if enabled else DatastoreState.DISABLED
    save(call.transaction, datastore)
    return oid


def pool_info(call: Call) -> Listing:
    """The datastores that the caller may see."""
    return listing(call, Datastore, "DATASTORE_POOL")


METHODS = (
    Method("one.datastore.allocate", allocate, (str, int), write=True),
    Method("one.datastore.info", POOL.info, (int,), (bool,)),
    Method("one.datastore.update", POOL.update, (int, str), (int,), write=True),
    Method("one.datastore.delete", remove_datastore, (int,), write=True),
    Method("one.datastore.chown", POOL.chown, (int, int, int), write=True),
    Method("one.datastore.chmod", POOL.chmod, CHMOD, write=True),
    Method("one.datastore.rename", POOL.rename, (int, str), write=True),
    Method("one.datastore.enable", enable, (int, bool), write=True),
    Method("one.datastorepool.info", pool_info, bulk=True),
)
