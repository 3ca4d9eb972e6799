"""``one.vm.*``: what is done with virtual machines. The rules are in ``oned.life``."""

from oned.life import moves, recovery, verbs
from oned.methods.call import Call, Method


def action(call: Call, verb: str, oid: int) -> int:
    """Do ``verb``."""
    return verbs.act(call, verb, oid)


METHODS = (
    Method("one.vm.deploy", moves.deploy, (int, int), (bool, int, str), write=True),
    Method("one.vm.action", action, (str, int), write=True),
    Method("one.vm.migrate", moves.migrate, (int, int, bool), (bool, int, int), write=True),
    Method("one.vm.recover", recovery.recover, (int, int), write=True),
)
