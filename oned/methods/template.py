"""``one.template.*`` and ``one.templatepool.info``: templates of virtual machines, and machines made from them."""

from oned.access.acl import Op, Target
from oned.database.listing import Listing
from oned.errors import ActionError, AuthorizationError, InternalError
from oned.methods import image
from oned.methods.call import CHMOD, Call, Method
from oned.methods.personal import Personal
from oned.methods.restricted import first_restricted
from oned.methods.shared import Window, listing, parse_template
from oned.model.template import VmTemplate
from oned.storage.reading import peek
from oned.vm import sched_action
from oned.vm.create import RESTRICTED
from oned.vm.extended import extend
from oned.vm.templates import check_instantiable, clone_template, create_template, for_images
from oned.vm.templates import instantiate as instantiate_template


class _Templates(Personal[VmTemplate]):
    """What templates do otherwise than other objects."""

    def updated(self, call: Call, obj: VmTemplate) -> None:
        """Check the scheduled actions."""
        _ = call
        try:
            sched_action.check(obj.template, clean=True)
        except InternalError as error:
            raise InternalError(f"Cannot update template. {error.detail}") from None

    def show(self, call: Call, oid: int, extended: bool = False, decrypt: bool = False) -> str:
        """The template; ``extended``: its disks with what comes from their images."""
        if not extended:
            return self.info(call, oid, decrypt)
        template = peek(call.transaction, VmTemplate, oid)
        call.authorization().add(Op.USE, template.target(), heed_lock=False).check()
        extend(call, template.template)
        return template.to_xml()

    def remove(self, call: Call, oid: int, recursive: bool = False) -> int:
        """Delete the template; ``recursive``: with the images of its disks, or nothing."""
        template = peek(call.transaction, VmTemplate, oid)
        call.authorization().add(Op.MANAGE, template.target()).check()
        if recursive:
            failed = for_images(call, template.template, lambda image_id: image.POOL.delete(call, image_id))
            if failed:
                raise self.refuse(f"Cannot delete image: {failed}")
        return self.delete(call, oid)

    def chmod_all(self, call: Call, oid: int, *bits: int) -> int:
        """Change the nine permission bits; a tenth: those of the images of its disks too, or nothing."""
        wanted = bits[:9]
        if bits[9:] == (True,):
            template = peek(call.transaction, VmTemplate, oid)
            call.authorization().add(Op.MANAGE, template.target()).check()
            failed = for_images(
                call, template.template, lambda image_id: image.POOL.chmod(call, image_id, *wanted)
            )
            if failed:
                raise ActionError(f"Cannot chmod image: {failed}")
        return self.chmod(call, oid, *wanted)


POOL = _Templates(VmTemplate, restricted=RESTRICTED)


def allocate(call: Call, text: str) -> int:
    """Create a template from one in text or XML, named by its NAME."""
    template = parse_template(text)
    call.authorization().add(Op.CREATE, Target(VmTemplate.kind, uid=call.caller.uid, gid=call.caller.gid)).check()
    if not call.caller.is_admin:
        name = first_restricted(template, call.settings.names(RESTRICTED))
        if name:
            raise AuthorizationError(f"VM Template includes a restricted attribute {name}")
    return create_template(call, template)


def clone(call: Call, oid: int, name: str, recursive: bool = False) -> int:
    """A copy that belongs to the caller; ``recursive``: with copies of the images."""
    return clone_template(call, oid, name, recursive=recursive)


def instantiate(  # noqa: PLR0917 (6.0's)
    call: Call, oid: int, name: str, hold: bool = False, extra: str = "", persistent: bool = False
) -> int:
    """A machine made from the template; ``persistent``: from a copy of it with copies of the images."""
    template = peek(call.transaction, VmTemplate, oid)
    check_instantiable(template)
    if persistent:
        copy_name = name or f"{template.name}-copy"
        source = oid
        oid = clone_template(call, oid, copy_name, extra, recursive=True)
        extra = f"CLONING_TEMPLATE_ID={source}\n"
    return instantiate_template(call, oid, name, extra, hold=hold)


def pool_info(call: Call, flag: int, start: int, end: int) -> Listing:
    """The templates."""
    return listing(call, VmTemplate, "VMTEMPLATE_POOL", Window(flag, start, end))


METHODS = (
    Method("one.template.allocate", allocate, (str,), write=True),
    Method("one.template.info", POOL.show, (int,), (bool, bool)),
    Method("one.template.update", POOL.update, (int, str), (int,), write=True),
    Method("one.template.delete", POOL.remove, (int,), (bool,), write=True),
    Method("one.template.clone", clone, (int, str), (bool,), write=True),
    Method("one.template.instantiate", instantiate, (int, str), (bool, str, bool), write=True),
    Method("one.template.chown", POOL.chown, (int, int, int), write=True),
    Method("one.template.chmod", POOL.chmod_all, CHMOD, (bool,), write=True),
    Method("one.template.rename", POOL.rename, (int, str), write=True),
    Method("one.template.lock", POOL.lock, (int, int), (bool,), write=True),
    Method("one.template.unlock", POOL.unlock, (int,), write=True),
    Method("one.templatepool.info", pool_info, (int, int, int), bulk=True),
)
