"""The rules for datastores: what ``oned.conf`` says of their drivers goes into their templates."""

from collections.abc import Sequence

from oned.access.acl import Caller
from oned.config import Settings
from oned.defaults import drivers
from oned.errors import ConfigError, InternalError
from oned.model.base import PoolObject, umask_bits
from oned.model.cluster import DEFAULT_CLUSTER
from oned.model.datastore import SYSTEM, Datastore, DatastoreType, DiskType
from onelib.template import Template

_TARGETS = {"NONE", "SELF", "SYSTEM"}
_IMAGE_DISKS = {DiskType[name] for name in ("FILE", "BLOCK", "ISCSI", "RBD", "GLUSTER", "SHEEPDOG")}
_SYSTEM_DISKS = {DiskType.FILE, DiskType.RBD}


def driver_conf(settings: Settings, section: str, name: str) -> dict[str, str] | None:
    """The vector ``section`` (TM_MAD_CONF, DS_MAD_CONF) of the driver ``name``, in any case; None without one."""
    wanted = name.upper()
    for conf in (*settings.raw.vectors(section), *drivers(section)):
        if conf.get("NAME", "").upper() == wanted:
            return conf
    return None


def location(settings: Settings) -> str:
    """The folder of all datastores, with a slash at its end."""
    folder = settings.raw.get("DATASTORE_LOCATION") or str(settings.database.path.parent / "datastores")
    return folder.rstrip("/") + "/"


def fill(datastore: Datastore, settings: Settings) -> None:
    """Complete a new datastore from its template and the configuration.

    Raises :class:`InternalError`.
    """
    template = datastore.template
    datastore.ds_mad = template.get("DS_MAD")
    datastore.type = DatastoreType.of(template.get("TYPE"))
    if datastore.type is DatastoreType.SYSTEM_DS:
        if datastore.ds_mad:
            raise InternalError("SYSTEM datastores cannot have DS_MAD defined.")
        datastore.ds_mad = "-"
    elif not datastore.ds_mad:
        raise InternalError("No DS_MAD in template.")
    _check_driver(datastore, settings)
    datastore.tm_mad = template.get("TM_MAD")
    if not datastore.tm_mad:
        raise InternalError("No TM_MAD in template.")
    _apply_transfer(datastore, settings, datastore.tm_mad)
    template.erase("BASE_PATH")
    datastore.base_path = location(settings)
    disk_type = template.get("DISK_TYPE")
    template.erase("DISK_TYPE")
    _set_disk_type(datastore, disk_type or "FILE")
    if not template.get("SAFE_DIRS") and not template.get("RESTRICTED_DIRS"):
        template.set("SAFE_DIRS", "/var/tmp")  # noqa: S108 (6.0's default, in the field's own words)
        template.set("RESTRICTED_DIRS", "/")


def refill(datastore: Datastore, settings: Settings) -> None:
    """Follow a template that was updated. Raises :class:`InternalError`."""
    template = datastore.template
    if datastore.oid == SYSTEM:
        datastore.type = DatastoreType.SYSTEM_DS
    elif template.get("TYPE"):
        datastore.type = DatastoreType.of(template.get("TYPE"))
    template.set("TYPE", datastore.type.name)
    disk_type = template.get("DISK_TYPE")
    template.erase("DISK_TYPE")
    if disk_type:
        _set_disk_type(datastore, disk_type)
    is_system = datastore.type is DatastoreType.SYSTEM_DS
    transfer = template.get("TM_MAD")
    if transfer:
        if is_system and transfer != datastore.tm_mad:
            datastore.measured(0, 0, 0)
        _apply_transfer(datastore, settings, transfer)
        datastore.tm_mad = transfer
    else:
        template.set("TM_MAD", datastore.tm_mad)
    _refill_driver(datastore, is_system=is_system)
    _check_driver(datastore, settings)


def _refill_driver(datastore: Datastore, *, is_system: bool) -> None:
    template = datastore.template
    driver = template.get("DS_MAD")
    if is_system:
        datastore.ds_mad = "-"
        template.erase("DS_MAD")
    elif not driver:
        template.set("DS_MAD", datastore.ds_mad)
    elif driver != datastore.ds_mad:
        datastore.ds_mad = driver
        datastore.measured(0, 0, 0)


def _check_driver(datastore: Datastore, settings: Settings) -> None:
    """The driver is known and the template has what it requires."""
    if datastore.type is DatastoreType.SYSTEM_DS:
        return
    conf = driver_conf(settings, "DS_MAD_CONF", datastore.ds_mad)
    if conf is None:
        raise InternalError(f'DS_MAD named "{datastore.ds_mad}" is not defined in oned.conf')
    for part in conf.get("REQUIRED_ATTRS", "").split(","):
        name = part.strip().upper()
        if name and not datastore.template.get(name):
            raise InternalError(f'Datastore template is missing the "{name}" attribute or it\'s empty.')


def _apply_transfer(datastore: Datastore, settings: Settings, transfer: str) -> None:
    """Copy into the template what the transfer driver does."""
    conf = driver_conf(settings, "TM_MAD_CONF", transfer)
    if conf is None:
        raise InternalError(f'TM_MAD named "{transfer}" is not defined in oned.conf')
    template = datastore.template
    if datastore.type is DatastoreType.SYSTEM_DS:
        template.set("SHARED", _yes(_required(conf, "SHARED", transfer)))
        template.set("DS_MIGRATE", _yes(conf.get("DS_MIGRATE") or "YES"))
        template.erase("LN_TARGET")
        template.erase("CLONE_TARGET")
    else:
        _apply_modes(datastore, conf, transfer)
        for name in ("LN_TARGET", "CLONE_TARGET"):
            template.set(name, _target(conf, name, transfer))
        if conf.get("DRIVER"):
            template.set("DRIVER", conf["DRIVER"])
        template.erase("SHARED")
    template.set("ALLOW_ORPHANS", conf.get("ALLOW_ORPHANS") or "NO")


def _apply_modes(datastore: Datastore, conf: dict[str, str], transfer: str) -> None:
    """The other transfer drivers a system datastore may have for images of this one."""
    modes = conf.get("TM_MAD_SYSTEM", "")
    if not modes:
        return
    template = datastore.template
    template.set("TM_MAD_SYSTEM", modes)
    for part in modes.split(","):
        mode = part.strip().upper()
        if not mode:
            continue
        for name in (f"LN_TARGET_{mode}", f"CLONE_TARGET_{mode}"):
            template.set(name, _target(conf, name, transfer))
        template.set(f"DISK_TYPE_{mode}", _required(conf, f"DISK_TYPE_{mode}", transfer))


def _yes(text: str) -> str:
    return "YES" if text.upper() == "YES" else "NO"


def _required(conf: dict[str, str], name: str, transfer: str) -> str:
    if not conf.get(name):
        raise InternalError(
            f"Attribute shared, ln_target or clone_target in TM_MAD_CONF for {transfer} is missing or has wrong value "
            "in oned.conf"
        )
    return conf[name]


def _target(conf: dict[str, str], name: str, transfer: str) -> str:
    target = conf.get(name, "").upper()
    return _required({name: target if target in _TARGETS else ""}, name, transfer)


def _set_disk_type(datastore: Datastore, text: str) -> None:
    """DISK_TYPE of the datastore, in its template too."""
    if datastore.type is DatastoreType.FILE_DS:
        datastore.disk_type = DiskType.FILE
        return
    is_image = datastore.type is DatastoreType.IMAGE_DS
    disk_type = DiskType.of(text)
    if disk_type is DiskType.NONE:
        raise InternalError("Unknown DISK_TYPE in template.")
    if disk_type not in (_IMAGE_DISKS if is_image else _SYSTEM_DISKS):
        what = "an Image" if is_image else "a System"
        raise InternalError(f"Invalid DISK_TYPE for {what} Datastore.")
    datastore.disk_type = disk_type
    datastore.template.set("DISK_TYPE", disk_type.name)


def new(template: Template, caller: Caller, cluster_id: int, bits: list[int]) -> Datastore:
    """A datastore without an id, of the caller; its group may always use it."""
    name = template.get("NAME")
    template.erase("NAME")
    bits[3] = 1
    owner = (caller.uid, caller.gid, caller.uname, caller.gname)
    return Datastore(-1, *owner, name, bits, template, None, clusters={cluster_id})


_FIRST = (
    {"NAME": "system", "TYPE": "SYSTEM_DS", "TM_MAD": "ssh"},
    {"NAME": "default", "TYPE": "IMAGE_DS", "DS_MAD": "fs", "TM_MAD": "ssh"},
    {"NAME": "files", "TYPE": "FILE_DS", "DS_MAD": "fs", "TM_MAD": "ssh"},
)
_FIRST_UMASK = 0o137


def first(settings: Settings) -> Sequence[PoolObject]:
    """The datastores of a new database. Raises :class:`ConfigError` for a configuration that forbids them."""
    oneadmin = Caller(0, 0, "oneadmin", "oneadmin", frozenset({0}), _FIRST_UMASK)
    made = []
    for oid, attributes in enumerate(_FIRST):
        bits = umask_bits(_FIRST_UMASK, admin=True, other=True)
        datastore = new(Template(attributes.items()), oneadmin, DEFAULT_CLUSTER, bits)
        try:
            fill(datastore, settings)
        except InternalError as error:
            raise ConfigError(
                f"The datastore {datastore.name} cannot be made: {error.detail}",
                todo="Correct DS_MAD_CONF and TM_MAD_CONF in oned.conf.",
            ) from None
        datastore.oid = oid
        made.append(datastore)
    return made
