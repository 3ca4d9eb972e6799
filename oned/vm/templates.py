"""Templates in use: made, copied with their images, and made into machines.

Source: OpenNebula 6.0, "Virtual Machine Templates", "Instantiating Templates".
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from oned.access.acl import Op, Target
from oned.crypt import encrypt_template
from oned.database.pools import create, hold_names, save
from oned.errors import ActionError, AllocateError, ApiError, InternalError
from oned.methods.call import Call
from oned.methods.personal import check_new_name, merge_extra, owner_fields
from oned.model.group import Group
from oned.model.template import VmTemplate
from oned.model.user import User
from oned.storage.clone import clone_image
from oned.storage.disks import resolve_disk
from oned.storage.reading import peek
from oned.vm import sched_action
from oned.vm.context import is_yes
from oned.vm.create import ENCRYPTED, RESTRICTED, authorize, create_vm
from oned.vm.numbers import integer
from onelib.template import Template

_OF_SOURCE = ("IMAGE", "IMAGE_UNAME", "IMAGE_UID", "OPENNEBULA_MANAGED")


def refused(error: ApiError) -> AllocateError:
    """A reason why something cannot be made, in the frame that methods of templates give it."""
    return AllocateError(error.detail, kind=VmTemplate.kind.label)


def create_template(call: Call, template: Template) -> int:
    """A template of the caller with the name NAME; its id. Raises :class:`InternalError`."""
    name = template.get("NAME")
    template.erase("NAME")
    hold_names(call.transaction, VmTemplate.table)
    check_new_name(call, VmTemplate, name, "TEMPLATE")
    sched_action.check(template, clean=True)
    encrypt_template(template, call.settings.names(ENCRYPTED), call.key)
    new = VmTemplate(**owner_fields(call), name=name, template=template, regtime=int(time.time()))
    return create(call.transaction, new)


def image_ids(call: Call, template: Template) -> list[int]:
    """The images of the disks; a name that nobody has is passed over."""
    found: set[int] = set()
    for disk in template.vectors("DISK"):
        with suppress(InternalError):
            found.add(resolve_disk(call, dict(disk), call.authorization()))
    return sorted(found - {-1})


def for_images(call: Call, template: Template, action: Callable[[int], object]) -> str:
    """Call ``action`` with the images of the disks; those for which it failed, joined with commas.

    The caller has to raise then, so that nothing of it stays.
    """
    failed = []
    for oid in image_ids(call, template):
        try:
            action(oid)
        except ApiError:
            failed.append(str(oid))
    return ",".join(failed)


def clone_template(call: Call, oid: int, name: str, extra: str = "", *, recursive: bool = False) -> int:
    """A copy that belongs to the caller, with ``extra`` merged; its id.

    ``recursive``: its disks are made of copies of the images. Raises :class:`oned.errors.ApiError`.
    """
    source = peek(call.transaction, VmTemplate, oid)
    template = source.template.copy()
    merge_extra(call, template, extra, RESTRICTED)
    template.set("NAME", name)
    new = Target(VmTemplate.kind, uid=call.caller.uid, gid=call.caller.gid)
    call.authorization().add(Op.USE, source.target()).add(Op.CREATE, new).check()
    try:
        copy_id = create_template(call, template)
    except InternalError as error:
        raise refused(error) from None
    if recursive:
        copy = peek(call.transaction, VmTemplate, copy_id)
        _clone_images(call, copy.template, name)
        save(call.transaction, copy)
    return copy_id


def _clone_images(call: Call, template: Template, name: str) -> None:
    """Copy the image of each disk for it. Raises :class:`ActionError`."""
    for number, disk in enumerate(template.vectors("DISK")):
        try:
            image_id = resolve_disk(call, dict(disk), call.authorization())
        except InternalError:
            continue
        if image_id == -1:
            continue
        try:
            copy_id = clone_image(call, image_id, f"{name}-disk-{number}")
        except ApiError as error:
            raise ActionError(f"Failed to clone images: {error.text(call.caller.uid)}") from None
        for key in _OF_SOURCE:
            disk.pop(key, None)
        disk["IMAGE_ID"] = str(copy_id)


def as_other(call: Call, template: Template) -> Call:
    """``call`` as the user AS_UID and in the group AS_GID of a template, which the caller has to manage."""
    uid, gid = (integer(template.get(name)) or 0 for name in ("AS_UID", "AS_GID"))
    question = call.authorization()
    caller = call.caller
    for name in ("AS_UID", "AS_GID"):
        template.erase(name)
    if uid > 0:
        user = peek(call.transaction, User, uid)
        question.add(Op.MANAGE, user.target())
        caller = replace(caller, uid=user.oid, uname=user.name)
    if gid > 0:
        group = peek(call.transaction, Group, gid)
        question.add(Op.MANAGE, group.target())
        caller = replace(caller, gid=group.oid, gname=group.name, groups=frozenset({group.oid}))
    if call.caller.uid != 0:
        question.check()
    return replace(call, caller=caller)


def instantiate(call: Call, oid: int, name: str, extra: str, *, hold: bool, added: Template | None = None) -> int:
    """A machine made of the template ``oid`` with ``extra`` of the user and ``added`` of the server merged; its id.

    Raises :class:`oned.errors.ApiError`.
    """
    source = peek(call.transaction, VmTemplate, oid)
    template = source.template.copy()
    merge_extra(call, template, extra, RESTRICTED)
    if added is not None:
        template.merge(added)
    call = as_other(call, template)
    for key, value in (("NAME", name), ("TEMPLATE_NAME", source.name), ("TEMPLATE_ID", str(oid))):
        template.erase(key)
        if value:
            template.set(key, value)
    question = call.authorization().add(Op.USE, source.target())
    if extra:
        question.add(Op.CREATE, Target(VmTemplate.kind, uid=call.caller.uid, gid=call.caller.gid))
    try:
        authorize(call, template, question)
        return create_vm(call, template, hold=hold)
    except (AllocateError, InternalError) as error:
        raise refused(error) from None


def check_instantiable(template: VmTemplate) -> None:
    """Refuse a template for virtual routers. Raises :class:`ActionError`."""
    if is_yes(template.template.get("VROUTER")):
        raise ActionError("Virtual router templates cannot be instantiated")
