"""New networks: from a template to a row, for ``vn.allocate``, ``vn.reserve`` and ``vntemplate.instantiate``."""

from collections.abc import Iterable

from oned.access.acl import Kind
from oned.crypt import encrypt_template
from oned.database.pools import insert_row
from oned.errors import InternalError
from oned.infrastructure import clusters as membership
from oned.methods.call import Call
from oned.methods.personal import check_new_name, owner_fields
from oned.model.base import check_name
from oned.model.network import Network
from oned.model.secgroup import DEFAULT_GROUP
from oned.network import changes, vlan
from oned.network.addresses import mac_prefix
from oned.network.drivers import Physical, bridge_type
from oned.network.ipam import is_external, register
from oned.network.ranges import AddressRange, ids_in
from onelib.template import Template


def take(template: Template, name: str) -> str:
    """The single attribute ``name``, which the template then has no more."""
    value = template.get(name)
    template.erase(name)
    return value


def is_yes(text: str) -> bool:
    """Whether a template says yes."""
    return text.strip().upper() == "YES"


def _vlan_of(template: Template, prefix: str = "") -> tuple[str, bool]:
    """A VLAN number that the template has, else whether it asks for one."""
    number = template.get(f"{prefix}VLAN_ID")
    automatic = take(template, f"AUTOMATIC_{prefix}VLAN_ID")
    if not number:
        return "", is_yes(automatic)
    template.set(f"{prefix}VLAN_ID", number)
    return number, False


def physical_of(template: Template) -> Physical:
    """What ``template`` says of the layer below; the attributes that a body has elsewhere leave it.

    Raises :class:`InternalError` for what the driver needs and is not there.
    """
    vn_mad = take(template, "VN_MAD")
    if not vn_mad:
        raise InternalError("No VN_MAD in template for Virtual Network.")
    phydev, bridge = take(template, "PHYDEV"), take(template, "BRIDGE")
    vlan_id, automatic = _vlan_of(template)
    outer, outer_automatic = _vlan_of(template, "OUTER_")
    physical = Physical(vn_mad, phydev, bridge, vlan_id, automatic, outer, outer_automatic)
    physical.check()
    return physical


def check_physical(template: Template) -> None:
    """Raise :class:`InternalError` for what the driver of a network template needs and is not there."""
    physical_of(template.copy())


def new_range(call: Call, template: Template, attributes: dict[str, str], oid: int) -> AddressRange:
    """A range of a network with ``template``. Raises :class:`InternalError`."""
    ipam = template.get("IPAM_MAD")
    if ipam and not attributes.get("IPAM_MAD"):
        attributes = attributes | {"IPAM_MAD": ipam}
    if is_external(attributes):
        attributes = register(call.transaction, attributes)
    return changes.new_range(attributes, oid, mac_prefix(call.settings.raw.get("MAC_PREFIX", "02:00")))


def _take_ranges(call: Call, template: Template) -> list[AddressRange]:
    vectors = template.vectors("AR")
    template.erase("AR")
    return [new_range(call, template, attributes, oid) for oid, attributes in enumerate(vectors)]


def _check_name(call: Call, name: str, prefix: str) -> None:
    if name:
        check_new_name(call, Network, name, "NET")
    elif not prefix:
        raise InternalError("No NAME in template for Virtual Network.")
    elif check_name(f"{prefix}-0"):
        raise InternalError(check_name(f"{prefix}-0"))


def create_network(call: Call, template: Template, cluster_ids: Iterable[int], parent: int = -1) -> Network:
    """Create a network of the caller; its ``template`` changes on the way.

    Raises :class:`InternalError` with upstream's text, :class:`oned.errors.NoExistsError` for a cluster.
    """
    transaction = call.transaction
    wanted = set(cluster_ids)
    name, prefix = take(template, "NAME"), take(template, "TEMPLATE_NAME")
    _check_name(call, name, prefix)
    physical = physical_of(template)
    kind = bridge_type(call.settings, physical.vn_mad)
    ranges = _take_ranges(call, template)
    groups = ids_in(template.get("SECURITY_GROUPS")) | {DEFAULT_GROUP}
    template.set("SECURITY_GROUPS", ",".join(map(str, sorted(groups))))
    encrypt_template(template, call.settings.names(Network.encrypted), call.key)
    oid = transaction.next_oid(Network.table.name)
    for cluster_id in sorted(wanted):
        membership.attach(transaction, cluster_id, Kind.NET, oid)
    network = Network(
        **owner_fields(call) | {"oid": oid},
        name=name or f"{prefix}-{oid}",
        template=template,
        clusters=wanted,
        bridge=physical.bridge or _bridge_name(physical.vlan_id, oid, kind),
        bridge_type=kind,
        parent=parent,
        vn_mad=physical.vn_mad,
        phydev=physical.phydev,
        vlan_id=physical.vlan_id,
        outer_vlan_id=physical.outer_vlan_id,
        vlan_automatic=physical.vlan_automatic,
        outer_vlan_automatic=physical.outer_vlan_automatic,
        vrouters=set(),
        ranges=ranges,
    )
    set_physical(template, network)
    _number(call, network)
    insert_row(transaction, network)
    return network


def _bridge_name(vlan_id: str, oid: int, kind: str) -> str:
    if kind == "none":
        return ""
    return f"onebr.{vlan_id}" if vlan_id else f"onebr{oid}"


def _number(call: Call, network: Network) -> None:
    """Give the network the VLAN numbers it asks for, as far as its driver has such."""
    automatic = (network.vlan_automatic and not network.vlan_id, network.outer_vlan_automatic)
    if not any(automatic):
        return
    inner, outer = vlan.assign(call.transaction, call.settings, network.vn_mad, network.oid, automatic)
    network.vlan_id = network.vlan_id or inner
    network.outer_vlan_id = network.outer_vlan_id or outer


def set_physical(template: Template, network: Network) -> None:
    """Repeat in the template what the network is built on, as upstream does."""
    for name, value in (
        ("VN_MAD", network.vn_mad),
        ("PHYDEV", network.phydev),
        ("BRIDGE", network.bridge),
        ("BRIDGE_TYPE", network.bridge_type),
    ):
        template.set(name, value)
