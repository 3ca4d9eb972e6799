"""What the variables in a context stand for: attributes of the virtual machine, its images, networks and owner."""

import base64
from functools import partial

from oned.access.acl import Caller
from oned.database.db import Transaction
from oned.errors import AuthorizationError, InternalError
from oned.methods.call import Call
from oned.model.image import Image, ImageState, ImageType
from oned.model.network import Network
from oned.model.user import User
from oned.model.vm import Vm
from oned.storage.disks import resolve_disk
from oned.storage.reading import glance
from oned.vm.context import build
from oned.vm.variables import Variable, files

_NET_FILTERS = {"NETWORK", "NETWORK_ID", "NIC_ID"}
_IMAGE_FILTERS = {"IMAGE", "IMAGE_ID"}


def _encoded(xml: str) -> str:
    return base64.b64encode(xml.encode()).decode()


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else -1


class VmLookup:
    """The variables of one virtual machine."""

    def __init__(self, transaction: Transaction, vm: Vm) -> None:
        self._transaction = transaction
        self._vm = vm
        self._networks: dict[int, Network | None] = {}

    def __call__(self, variable: Variable) -> str:
        """What ``variable`` stands for, empty when there is no such thing."""
        if not variable.key:
            return self._single(variable.name)
        if variable.name == "NETWORK":
            return self._network(variable)
        if variable.name == "IMAGE":
            return self._image(variable)
        if variable.name == "USER":
            return self._user(variable.key)
        for vector in self._vm.template.vectors(variable.name):
            if not variable.filter or vector.get(variable.filter) == variable.wanted:
                return vector.get(variable.key, "")
        return ""

    def _single(self, name: str) -> str:
        vm = self._vm
        if name == "TEMPLATE":
            return _encoded(vm.to_xml())
        known = {"UID": str(vm.uid), "GID": str(vm.gid), "UNAME": vm.uname, "GNAME": vm.gname, "NAME": vm.name}
        found = known.get(name)
        return (vm.template.get(name) or vm.user_template.get(name)) if found is None else found

    def _network(self, variable: Variable) -> str:
        """An attribute of the range or the network of an interface."""
        if variable.filter not in _NET_FILTERS:
            return ""
        template = self._vm.template
        for nic in [*template.vectors("NIC_ALIAS"), *template.vectors("NIC")]:
            if nic.get(variable.filter) == variable.wanted:
                break
        else:
            return ""
        network = self._network_of(_number(nic.get("NETWORK_ID")))
        range_id = _number(nic.get("AR_ID"))
        if network is None or range_id == -1:
            return ""
        if variable.key == "TEMPLATE":
            return _encoded(network.to_xml())
        found = network.range(range_id)
        return (found.attributes.get(variable.key, "") if found else "") or network.template.get(variable.key)

    def _network_of(self, oid: int) -> Network | None:
        """The network ``oid``, read once."""
        if oid not in self._networks:
            self._networks[oid] = glance(self._transaction, Network, oid)
        return self._networks[oid]

    def _image(self, variable: Variable) -> str:
        """An attribute of the image of a disk."""
        if variable.filter not in _IMAGE_FILTERS:
            return ""
        for disk in self._vm.template.vectors("DISK"):
            if disk.get(variable.filter) == variable.wanted:
                image = glance(self._transaction, Image, _number(disk.get("IMAGE_ID")))
                if image is None:
                    return ""
                return _encoded(image.to_xml()) if variable.key == "TEMPLATE" else image.template.get(variable.key)
        return ""

    def _user(self, key: str) -> str:
        """An attribute of the owner; its XML comes without password and login tokens."""
        user = glance(self._transaction, User, self._vm.uid)
        if user is None:
            return ""
        if key == "TEMPLATE":
            user.password, user.tokens = "", []
            return _encoded(user.to_xml())
        return user.template.get(key)


def owner_call(call: Call, vm: Vm) -> Call:
    """``call`` as the owner of the virtual machine."""
    if call.caller.uid == vm.uid:
        return call
    owner = glance(call.transaction, User, vm.uid)
    groups = frozenset(owner.groups) if owner else frozenset({vm.gid})
    caller = Caller(vm.uid, vm.gid, vm.uname, vm.gname, groups, call.caller.umask)
    return Call(caller, call.settings, call.request_id, call.key, call.opened)


def _file_image(call: Call, text: str, variable: Variable) -> Image:
    """The image that one ``$FILE[...]`` of ``text`` names."""
    named = {variable.key: variable.value} | ({variable.filter: variable.wanted} if variable.filter else {})
    if variable.key not in _IMAGE_FILTERS:
        raise InternalError(f"Error parsing: {text}. Cannot get image, set IMAGE_ID or IMAGE.")
    try:
        image = glance(call.transaction, Image, resolve_disk(call, named))
    except AuthorizationError:
        raise InternalError(f"Error parsing: {text}. User not authorize to use image.") from None
    except InternalError as error:
        raise InternalError(f"Error parsing: {text}. {error.detail}") from None
    if image is None:
        raise InternalError(f"Image no longer exists in attribute: {text}")
    return image


def file_images(call: Call, text: str) -> list[Image]:
    """The images that ``$FILE[...]`` in ``text`` name, and that the caller may use. Raises :class:`InternalError`."""
    return [_file_image(call, text, variable) for variable in files(text)]


def context_files(call: Call, text: str) -> str:
    """FILES_DS as drivers get it. Raises :class:`InternalError`."""
    parts = []
    for image in file_images(call, text):
        if image.type is not ImageType.CONTEXT:
            raise InternalError("Only images of type CONTEXT can be used in FILE_DS attribute.")
        if image.state is not ImageState.READY:
            raise InternalError(f"CONTEXT Image '{image.oid}' not in READY state.")
        parts.append(f"{image.source}:'{image.name}' ")
    return "".join(parts)


def complete_context(call: Call, vm: Vm, *, auto: bool = False) -> None:
    """Complete the CONTEXT of ``vm`` as its owner; ``auto`` as in :func:`oned.vm.context.build`.

    Raises :class:`InternalError`.
    """
    lookup = VmLookup(call.transaction, vm)
    build(vm, call.settings, lookup, partial(context_files, owner_call(call, vm)), auto=auto)
