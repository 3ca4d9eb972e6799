"""What the tests of virtual machines and their templates share: a server, users, images, networks."""

from dataclasses import dataclass

from tests.integration.oned.daemon import Daemon, Param
from tests.integration.oned.machines import DRIVERS, until
from tests.integration.oned.names import unique

AUTHORIZATION, NO_EXISTS, ACTION, PARAMETER, INTERNAL, ALLOCATE = 0x200, 0x400, 0x800, 0x1000, 0x2000, 0x4000
SMALL = "CPU = 1\nMEMORY = 128\n"

CONFIGURATION = f"""{DRIVERS}
VM_RESTRICTED_ATTR = "NIC/MAC"
VM_RESTRICTED_ATTR = "CONTEXT/FILES"
VM_RESTRICTED_ATTR = "RAW"
VM_RESTRICTED_ATTR = "USER_PRIORITY"
VM_ENCRYPTED_ATTR = "CONTEXT/PASSWORD"
ONEGATE_ENDPOINT = "http://gate:5030"
DEFAULT_COST = [ CPU_COST = 1, MEMORY_COST = 0, DISK_COST = 0 ]
"""


@dataclass(frozen=True)
class User:
    """A user and the group of its own; ``ok`` and ``fails`` call as that user."""

    oned: Daemon
    name: str
    uid: int
    gid: int

    @property
    def session(self) -> str:
        return f"{self.name}:word"

    def ok(self, method: str, *params: Param) -> str | int:
        return self.oned.ok(method, *params, session=self.session)

    def fails(self, code: int, method: str, *params: Param) -> str:
        return self.oned.fails(code, method, *params, session=self.session)


CREATE_ALL = f"{0x1000000000 | 0x8000000000 | 0x20000000000 | 0x400000000:x}"
"""Machines, images and templates of a rule."""


def new_user(oned: Daemon, rights: str = "8") -> User:
    """A user who may create machines, images and templates of its own; without ``rights`` none."""
    name = unique("user")
    gid = int(oned.ok("one.group.allocate", name))
    if rights:
        oned.ok("one.acl.addrule", f"{0x200000000 | gid:x}", CREATE_ALL, rights)
    return User(oned, name, int(oned.ok("one.user.allocate", name, "word", "core", [gid])), gid)


def new_image(oned: Daemon, more: str = "", *, kind: str = "OS", size: int = 10) -> int:
    """An image of oneadmin that is ready."""
    datastore = _image_datastore(oned, "FILE_DS" if kind in {"KERNEL", "RAMDISK", "CONTEXT"} else "IMAGE_DS")
    text = f'NAME = "{unique("image")}"\nTYPE = {kind}\nPATH = "/x"\nSIZE = {size}\n{more}'
    oid = int(oned.ok("one.image.allocate", text, datastore))
    if "DUMMY" not in more:
        ready(oned, oid)
    return oid


def ready(oned: Daemon, oid: int) -> None:
    """Wait for an image."""
    until(lambda: "<STATE>4<" not in str(oned.ok("one.image.info", oid)), f"image {oid} is ready")


_datastores: dict[tuple[str, str], int] = {}


def _image_datastore(oned: Daemon, kind: str) -> int:
    """A datastore of the dummy family, one for each server and kind."""
    key = (str(oned.root), kind)
    if key not in _datastores:
        text = f'NAME = "{kind}"\nTYPE = {kind}\nDS_MAD = dummy\nTM_MAD = dummy'
        oid = _datastores[key] = int(oned.ok("one.datastore.allocate", text, -1))
        until(lambda: "<FREE_MB>0<" not in str(oned.ok("one.datastore.info", oid)), "the datastore is looked at")
    return _datastores[key]


def new_network(oned: Daemon, size: int = 5, more: str = "DNS = 9.9.9.9\n") -> int:
    """A network of oneadmin with addresses from 10.0.0.1."""
    ranges = f"AR = [ TYPE = IP4, IP = 10.0.0.1, SIZE = {size} ]"
    text = f"NAME = {unique('net')}\nVN_MAD = dummy\nBRIDGE = br0\n{more}{ranges}"
    return int(oned.ok("one.vn.allocate", text, -1))


def shared(oned: Daemon, *objects: tuple[str, int]) -> None:
    """Let everybody use objects: (``image``, id) and so on."""
    for kind, oid in objects:
        oned.ok(f"one.{kind}.chmod", oid, -1, -1, -1, -1, -1, -1, 1, -1, -1)
