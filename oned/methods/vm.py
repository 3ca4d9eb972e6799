"""``one.vm.*``: making, showing and describing virtual machines. What is done with them is in ``vm_actions``."""

from sqlalchemy import select

from oned.access.acl import Op, Target
from oned.access.quota import charge, refund
from oned.crypt import decrypt_template
from oned.database.listing import Listing
from oned.database.pools import load, readable
from oned.database.schema import vm_monitoring
from oned.errors import ActionError, AuthorizationError, InternalError, ParameterError
from oned.methods.call import CHMOD, Call, Method
from oned.methods.restricted import changed_restricted, first_restricted
from oned.methods.shared import Owned, parse_template
from oned.model.base import check_name, merge_given
from oned.model.vm import Vm
from oned.model.vm_states import Action, VmState
from oned.storage.reading import peek
from oned.vm import rights, sched_action
from oned.vm.create import ENCRYPTED, RESTRICTED, authorize, create_vm
from oned.vm.info import full_xml, look
from oned.vm.store import save_vm
from oned.vm.usage import total_usage
from onelib.template import Template, TemplateError

_RESTRICTED = ("Tried to change restricted attribute: ", "User Template includes a restricted attribute ")


class _Machines(Owned[Vm]):
    """What virtual machines do otherwise than other objects."""

    def store(self, call: Call, obj: Vm) -> None:
        """Write the machine, and who owns it into the last record of its history."""
        save_vm(call.transaction, obj, refresh=True)

    def info(self, call: Call, oid: int, decrypt: bool = False) -> str:
        """The machine's XML with its whole history; with ``decrypt`` its secrets in clear, for administrators."""
        shown = look(call.transaction, oid)
        call.authorization().add(Op.USE, shown.target, heed_lock=False).check()
        body = shown.body
        if decrypt and call.caller.is_admin:
            vm = Vm.from_xml(body)
            for content in (vm.template, vm.user_template):
                decrypt_template(content, call.settings.names(ENCRYPTED), call.key)
            body = vm.to_xml()
        return full_xml(call.transaction, shown, body)

    def update(self, call: Call, oid: int, text: str, mode: int = 0) -> int:
        """Replace the user's template (``mode`` 0) or merge into it (1)."""
        vm = load(call.transaction, Vm, oid)
        rights.check(call, vm, Action.UPDATE)
        if mode not in {0, 1}:
            raise ParameterError("Wrong update type")
        try:
            template = Template.parse(text)
            sched_action.check(template)
        except TemplateError as error:
            raise InternalError(f"Cannot update template. Parse error: {error.message}") from None
        except InternalError as error:
            raise InternalError(f"Cannot update template. {error.detail}") from None
        if not call.caller.is_admin:
            self._refuse_restricted(call, vm.user_template, template, mode)
        if mode == 0:
            vm.user_template = template
        else:
            merge_given(vm.user_template, template)
        self.encrypt(call, vm.user_template)
        self.store(call, vm)
        return oid

    def _refuse_restricted(self, call: Call, old: Template, new: Template, mode: int) -> None:
        name = changed_restricted(new, old, call.settings.names(RESTRICTED))
        if name:
            what = (
                "User Template includes a restricted attribute "
                if mode
                else "Tried to change restricted attribute: "
            )
            raise InternalError(f"Cannot update template. {what}{name}")

    def rename(self, call: Call, oid: int, name: str) -> int:
        """Give the machine another name; others may have it too."""
        vm = load(call.transaction, Vm, oid)
        if vm.name == name:
            return oid
        rights.check(call, vm, Action.RENAME)
        reason = check_name(name)
        if reason:
            raise ActionError(reason)
        vm.name = name
        self.store(call, vm)
        return oid

    def chown(self, call: Call, oid: int, uid: int, gid: int) -> int:
        """Change owner and group, and whose quotas the machine counts for."""
        vm = peek(call.transaction, Vm, oid)
        call.authorization().add(Op.MANAGE, vm.target()).check()
        if vm.state is VmState.DONE:
            raise ActionError("Could not change VM ownership, wrong state")
        new_uid, new_gid = (-1 if uid == vm.uid else uid), (-1 if gid == vm.gid else gid)
        usage = total_usage(vm)
        charge(call.transaction, new_uid, new_gid, usage)
        refund(call.transaction, -1 if new_uid < 0 else vm.uid, -1 if new_gid < 0 else vm.gid, usage)
        return super().chown(call, oid, uid, gid)

    def _check_unique(self, call: Call, obj: Vm, uid: int) -> None:
        """Nothing: machines share names."""


POOL = _Machines(Vm)


def allocate(call: Call, text: str, hold: bool = False) -> int:
    """Create a machine from a template in text or XML; with ``hold`` it waits until it is released."""
    template = parse_template(text)
    if not call.caller.is_admin:
        name = first_restricted(template, call.settings.names(RESTRICTED))
        if name:
            raise AuthorizationError(f"VM Template includes a restricted attribute {name}")
    new = Target(Vm.kind, uid=call.caller.uid, gid=call.caller.gid)
    authorize(call, template, call.authorization().add(Op.CREATE, new))
    return create_vm(call, template, hold=hold)


def monitoring(call: Call, oid: int) -> Listing:
    """All that the machine was seen to use."""
    _, target = readable(call.transaction, Vm.table, Vm.kind, oid)
    call.authorization().add(Op.USE, target, heed_lock=False).check()
    rows = vm_monitoring.c
    return Listing("MONITORING_DATA", select(rows.body, rows.last_poll).where(rows.vmid == oid), (rows.last_poll,))


METHODS = (
    Method("one.vm.allocate", allocate, (str,), (bool,), write=True),
    Method("one.vm.info", POOL.info, (int,), (bool,)),
    Method("one.vm.update", POOL.update, (int, str), (int,), write=True),
    Method("one.vm.chown", POOL.chown, (int, int, int), write=True),
    Method("one.vm.chmod", POOL.chmod, CHMOD, write=True),
    Method("one.vm.rename", POOL.rename, (int, str), write=True),
    Method("one.vm.lock", POOL.lock, (int, int), (bool,), write=True),
    Method("one.vm.unlock", POOL.unlock, (int,), write=True),
    Method("one.vm.monitoring", monitoring, (int,), bulk=True),
)
