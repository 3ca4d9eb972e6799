"""What the tests of networks share: the configuration, names, users."""

import re
from typing import NamedTuple

from tests.integration.oned.clients import Client
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.names import unique

AUTHORIZATION, NO_EXISTS, ACTION, PARAMETER, INTERNAL, ALLOCATE = 0x200, 0x400, 0x800, 0x1000, 0x2000, 0x4000
NET, VNTEMPLATE, VROUTER, CLUSTER = 0x4000000000, 0x40000000000000, 0x4000000000000, 0x200000000000
SECGROUP = 0x1000000000000
USER, ALL, INDIVIDUAL = 0x100000000, 0x400000000, 0x100000000
USE, MANAGE, ADMIN, CREATE = 1, 2, 4, 8

CONFIGURATION = """
VNET_RESTRICTED_ATTR = "VN_MAD"
VNET_RESTRICTED_ATTR = "BRIDGE"
VNET_RESTRICTED_ATTR = "AR/VN_MAD"
VNET_RESTRICTED_ATTR = "AR/BRIDGE"
VNET_RESTRICTED_ATTR = "CLUSTER_IDS"
VNET_ENCRYPTED_ATTR = "PROVISION/TOKEN"
VM_RESTRICTED_ATTR = "NIC/MAC"
VM_RESTRICTED_ATTR = "NIC/BRIDGE"
INHERIT_VNET_ATTR = "MTU"
INHERIT_VNET_ATTR = "GATEWAY"
INHERIT_VNET_ATTR = "CONF"
VLAN_IDS = [ START = "10", RESERVED = "0, 1, 13, 20:4095" ]
VN_MAD_CONF = [ NAME = "mine", BRIDGE_TYPE = "none" ]
VN_MAD_CONF = [ NAME = "wrong", BRIDGE_TYPE = "wooden" ]
"""


class User(NamedTuple):
    """A user with a group of its own, whom no rule lets use networks."""

    session: str
    uid: int
    gid: int


def new_user(oned: Daemon) -> User:
    """A new user."""
    name = unique("user")
    gid = int(oned.ok("one.group.allocate", name))
    oned.ok("one.vdc.delgroup", 0, gid)
    uid = int(oned.ok("one.user.allocate", name, "word", "core", [gid]))
    return User(f"{name}:word", uid, gid)


def grant(oned: Daemon, uid: int, resource: int, rights: int) -> int:
    """A rule for a user. Returns its id."""
    return int(oned.ok("one.acl.addrule", f"{USER | uid:x}", f"{resource:x}", f"{rights:x}"))


def new_network(oned: Daemon, ranges: str = "AR = [ TYPE = IP4, IP = 10.0.0.1, SIZE = 4 ]", more: str = "") -> int:
    """A bridged network of oneadmin."""
    return int(oned.ok("one.vn.allocate", f"NAME = {unique()}\nVN_MAD = bridge\n{more}\n{ranges}", -1))


def share(oned: Daemon, oid: int) -> None:
    """Let everybody use a network."""
    oned.ok("one.vn.chmod", oid, -1, -1, -1, -1, -1, -1, 1, -1, -1)


def leases(one: Client, oid: int, ar: int = 0) -> list[tuple[str, int]]:
    """First address and owner (VM, or other) of each lease of a range."""
    found = one.vn.info(oid).AR_POOL.AR[ar].LEASES.LEASE
    return [
        (
            str(each.IP or each.IP6 or each.MAC),
            next(x for x in (each.VM, each.VNET, each.VROUTER) if x is not None),
        )
        for each in found
    ]


def values(xml: str | int, name: str) -> list[str]:
    """The texts of all elements called ``name``."""
    return re.findall(rf"<{name}>(?:<!\[CDATA\[)?(.*?)(?:]]>)?</{name}>", str(xml), re.DOTALL)


def value(xml: str | int, name: str) -> str:
    """The text of the first element called ``name``."""
    return values(xml, name)[0]
