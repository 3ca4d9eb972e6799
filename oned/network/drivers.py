"""What a network driver (VN_MAD) needs of a network, and how the networks of each get their numbers.

Source: OpenNebula 6.0, "Open Cloud Networking". A driver that is not listed needs nothing and gets nothing.
"""

from dataclasses import dataclass
from typing import NamedTuple

from oned.config import Settings
from oned.defaults import drivers
from oned.errors import InternalError

BRIDGE_TYPES = frozenset({"linux", "openvswitch", "openvswitch_dpdk", "vcenter_port_groups", "none"})


class Driver(NamedTuple):
    """What is mandatory, and where automatic numbers come from: ``vlan`` (802.1Q), ``vxlan`` or neither."""

    phydev: bool = False
    bridge: bool = False
    vlan: bool = False
    outer: bool = False
    numbers: str = ""
    outer_numbers: str = ""


DRIVERS = {
    "dummy": Driver(bridge=True),
    "802.1Q": Driver(phydev=True, vlan=True, numbers="vlan"),
    "vxlan": Driver(phydev=True, vlan=True, numbers="vxlan"),
    "ovswitch": Driver(numbers="vlan"),
    "ovswitch_vxlan": Driver(outer=True, numbers="vlan", outer_numbers="vxlan"),
    "vcenter": Driver(numbers="vlan"),
}
_NOTHING = Driver()


@dataclass(frozen=True)
class Physical:
    """What a network says of the layer below it."""

    vn_mad: str
    phydev: str
    bridge: str
    vlan_id: str
    vlan_automatic: bool
    outer_vlan_id: str
    outer_vlan_automatic: bool

    def check(self) -> None:
        """Raise :class:`InternalError` for what the driver needs and is not there."""
        driver = driver_of(self.vn_mad)
        missing = (
            (driver.phydev and not self.phydev, "PHYDEV"),
            (driver.bridge and not self.bridge, "BRIDGE"),
            (driver.vlan and not self.vlan_automatic and not self.vlan_id, "VLAN_ID (or AUTOMATIC_VLAN_ID)"),
            (
                driver.outer and not self.outer_vlan_automatic and not self.outer_vlan_id,
                "OUTER_VLAN_ID (or AUTOMATIC)",
            ),
        )
        for absent, name in missing:
            if absent:
                raise InternalError(f"{name} is mandatory for driver {self.vn_mad}")


def driver_of(vn_mad: str) -> Driver:
    """The entry of a driver."""
    return DRIVERS.get(vn_mad, _NOTHING)


def bridge_type(settings: Settings, vn_mad: str) -> str:
    """The kind of bridge of a driver's networks. Raises :class:`InternalError` when oned.conf does not say."""
    confs = (*settings.raw.vectors("VN_MAD_CONF"), *drivers("VN_MAD_CONF"))
    conf = next((each for each in confs if each.get("NAME") == vn_mad), None)
    if conf is None:
        raise InternalError(f'VN_MAD named "{vn_mad}" is not defined in oned.conf')
    kind = conf.get("BRIDGE_TYPE", "")
    if kind not in BRIDGE_TYPES:
        raise InternalError(
            f"Attribute bridge type in VN_MAD_CONF for {vn_mad} is missing or has wrong value in oned.conf"
        )
    return kind
