"""``one.hook.*`` and ``one.hookpool.info``."""

from sqlalchemy import bindparam, delete, select

from oned.access.acl import Op, Target
from oned.database.listing import Listing
from oned.database.pools import create, hold_names, load, readable, remove
from oned.database.schema import hook_log
from oned.errors import ActionError, InternalError
from oned.hooks import events
from oned.hooks.hooklog import record_of, records_xml
from oned.methods.call import Call, Method
from oned.methods.shared import Owned, Window, listing, parse_template
from oned.methods.upstream import UPSTREAM
from oned.model.base import check_name
from oned.model.hook import Hook, HookType, check_changed_condition, check_condition
from onelib.template import Template

READ_ONLY = frozenset(
    {"info", "infoextended", "infoset", "accounting", "monitoring", "showback", "version", "config", "sqlquery"}
)
"""What the last part of a method's name is when it changes nothing: such calls are no event."""

_BY_NAME = select(Hook.table.c.oid).where(Hook.table.c.name == bindparam("name")).limit(1)


def is_event(method: str) -> bool:
    """Whether subscribers are told of calls of ``method``, now or when it has become available."""
    from oned.methods.table import METHODS  # that table holds this module's methods

    known = METHODS.get(method)
    if known is not None:
        return known.write
    return method in UPSTREAM and method.rpartition(".")[2] not in READ_ONLY


def _holder(call: Call, name: str) -> int:
    """The hook called ``name``, -1 without one; until the commit no other worker gives a name."""
    hold_names(call.transaction, Hook.table)
    rows = call.transaction.rows(_BY_NAME, {"name": name})
    return int(rows[0][0]) if rows else -1


class Hooks(Owned[Hook]):
    """Hooks have their log, and a name of their own."""

    def info(self, call: Call, oid: int, decrypt: bool = False) -> str:
        """The hook's XML with the records of its executions."""
        _ = decrypt
        body, target = readable(call.transaction, Hook.table, Hook.kind, oid)
        call.authorization().add(Op.USE, target, heed_lock=False).check()
        return f"{body.removesuffix('</HOOK>')}{records_xml(call.transaction, hook_log.c.hkid == oid)}</HOOK>"

    def delete(self, call: Call, oid: int) -> int:
        """Delete the hook and its log."""
        hook = load(call.transaction, Hook, oid)
        call.authorization().add(Op.MANAGE, hook.target()).check()
        remove(call.transaction, hook)
        call.transaction.write(delete(hook_log).where(hook_log.c.hkid == oid))
        return oid

    def rename(self, call: Call, oid: int, name: str) -> int:
        """Give the hook another name."""
        hook = load(call.transaction, Hook, oid)
        if hook.name != name:
            call.authorization().add(Op.MANAGE, hook.target()).check()
            other = _holder(call, name)
            if other not in {-1, oid}:
                raise ActionError(f"hook cannot be renamed to {name} because it collides with hook {other}")
        return super().rename(call, oid, name)

    def updated(self, _call: Call, obj: Hook) -> None:
        """Check the new template as a whole."""
        try:
            _check_update(obj)
        except ValueError as error:
            raise InternalError(f"Cannot update template. {error}") from None


POOL = Hooks(Hook)


def _write_remote(template: Template) -> None:
    template.set("REMOTE", "YES" if template.get("REMOTE").upper() in {"YES", "TRUE", "Y", "T"} else "NO")


def _check_update(hook: Hook) -> None:
    """Check the template that a hook gets. Raises ValueError with upstream's text."""
    template = hook.template
    if not template.get("COMMAND"):
        raise ValueError("The COMMAND attribute is not defined.")
    if "REMOTE" in template:
        _write_remote(template)
    if hook.type is HookType.STATE:
        check_changed_condition(template)
    elif not is_event(template.get("CALL")):
        raise ValueError("The CALL attribute is not defined or it's invalid.")


def _prepare(template: Template, kind: HookType) -> None:
    """Check a new template and bring it into the form that is kept. Raises ValueError with upstream's text."""
    if not template.get("COMMAND"):
        raise ValueError("No COMMAND in template for Hook.")
    _write_remote(template)
    template.erase("TYPE")
    if kind is HookType.STATE:
        check_condition(template)
    elif not is_event(template.get("CALL")):
        raise ValueError(f"API call does not exist or is not supported: {template.get('CALL')}")


def allocate(call: Call, text: str) -> int:
    """Create a hook; only oneadmin may unless a rule grants it."""
    template = parse_template(text)
    call.authorization().add(Op.CREATE, Target(Hook.kind, uid=call.caller.uid, gid=call.caller.gid)).check()
    kind = HookType.of(template.get("TYPE"))
    if kind is None:
        raise InternalError(f"Invalid Hook type: {template.get('TYPE').lower()}")
    name = template.get("NAME")
    template.erase("NAME")
    if check_name(name):
        raise InternalError("Invalid name.")
    other = _holder(call, name)
    if other != -1:
        raise InternalError(f"NAME is already taken by Hook {other}.")
    try:
        _prepare(template, kind)
    except ValueError as error:
        raise InternalError(str(error)) from None
    return create(call.transaction, Hook.new(-1, name, kind, template))


def retry(call: Call, oid: int, execution: int) -> int:
    """Have the execution manager run the hook once more, with the arguments of an execution in its log."""
    hook = load(call.transaction, Hook, oid)
    call.authorization().add(Op.MANAGE, hook.target()).check()
    record = record_of(call.transaction, oid, execution)
    if record is None:
        raise InternalError("Invalid HookLog body. Arguments not found.")
    events.retry(call.transaction, oid, record.arguments, record.remote_host)
    return oid


def pool_info(call: Call, flag: int, start: int, end: int) -> Listing:
    """The hooks that the caller may see, without their logs."""
    return listing(call, Hook, "HOOK_POOL", Window(flag, start, end))


METHODS = (
    Method("one.hook.allocate", allocate, (str,), write=True),
    Method("one.hook.info", POOL.info, (int,), (bool,), bulk=True),
    Method("one.hook.update", POOL.update, (int, str), (int,), write=True),
    Method("one.hook.delete", POOL.delete, (int,), write=True),
    Method("one.hook.rename", POOL.rename, (int, str), write=True),
    Method("one.hook.lock", POOL.lock, (int, int), (bool,), write=True),
    Method("one.hook.unlock", POOL.unlock, (int,), write=True),
    Method("one.hook.retry", retry, (int, int), write=True),
    Method("one.hookpool.info", pool_info, (int, int, int), bulk=True),
)
