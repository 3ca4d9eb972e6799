"""``one.document.*`` and ``one.documentpool.info``."""

from oned.access.acl import Op, Target
from oned.database.listing import Listing
from oned.database.pools import create, load
from oned.errors import InternalError
from oned.methods.call import CHMOD, Call, Method
from oned.methods.shared import Owned, Window, listing, parse_template
from oned.model.base import NAME_MAX, umask_bits
from oned.model.document import Document
from onelib.template import Template

POOL = Owned(Document)


def _create(call: Call, template: Template, kind: int) -> int:
    """A document of the caller, named by the template's NAME."""
    caller = call.caller
    name = template.get("NAME")
    template.erase("NAME")
    if len(name.encode()) > NAME_MAX:
        raise InternalError(f"NAME is too long; max length is {NAME_MAX} chars.")
    POOL.encrypt(call, template)
    admin = caller.uid == 0 or caller.gid == 0
    document = Document(
        oid=-1,
        uid=caller.uid,
        gid=caller.gid,
        uname=caller.uname,
        gname=caller.gname,
        name=name,
        type=kind,
        bits=umask_bits(caller.umask, admin=admin, other=call.settings.other_permissions),
        template=template,
        lock=None,
    )
    return create(call.transaction, document)


def allocate(call: Call, text: str, kind: int) -> int:
    """Create a document of the type ``kind``."""
    template = parse_template(text)
    new = Target(Document.kind, uid=call.caller.uid, gid=call.caller.gid)
    call.authorization().add(Op.CREATE, new).check()
    return _create(call, template, kind)


def clone(call: Call, oid: int, name: str) -> int:
    """A copy that belongs to the caller."""
    source = load(call.transaction, Document, oid)
    new = Target(Document.kind, uid=call.caller.uid, gid=call.caller.gid)
    call.authorization().add(Op.USE, source.target()).add(Op.CREATE, new).check()
    template = source.template.copy()
    template.set("NAME", name)
    return _create(call, template, source.type)


def pool_info(call: Call, flag: int, start: int, end: int, kind: int) -> Listing:
    """The documents of one type."""
    return listing(call, Document, "DOCUMENT_POOL", Window(flag, start, end), Document.table.c.type == kind)


METHODS = (
    Method("one.document.allocate", allocate, (str, int), write=True),
    Method("one.document.info", POOL.info, (int,), (bool,)),
    Method("one.document.update", POOL.update, (int, str), (int,), write=True),
    Method("one.document.delete", POOL.delete, (int,), write=True),
    Method("one.document.chown", POOL.chown, (int, int, int), write=True),
    Method("one.document.chmod", POOL.chmod, CHMOD, write=True),
    Method("one.document.clone", clone, (int, str), write=True),
    Method("one.document.rename", POOL.rename, (int, str), write=True),
    Method("one.document.lock", POOL.lock, (int, int), (bool,), write=True),
    Method("one.document.unlock", POOL.unlock, (int,), write=True),
    Method("one.documentpool.info", pool_info, (int, int, int, int), bulk=True),
)
