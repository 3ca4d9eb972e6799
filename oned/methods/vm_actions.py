"""``one.vm.*``: what is done with virtual machines. The rules are in ``oned.life``."""

from oned.life import configuration, disks, moves, nics, recovery, sizes, snapshots, verbs
from oned.methods.call import Call, Method


def action(call: Call, verb: str, oid: int) -> int:
    """Do ``verb``."""
    return verbs.act(call, verb, oid)


METHODS = (
    Method("one.vm.deploy", moves.deploy, (int, int), (bool, int, str), write=True),
    Method("one.vm.action", action, (str, int), write=True),
    Method("one.vm.migrate", moves.migrate, (int, int, bool), (bool, int, int), write=True),
    Method("one.vm.recover", recovery.recover, (int, int), write=True),
    Method("one.vm.attach", disks.attach, (int, str), write=True),
    Method("one.vm.detach", disks.detach, (int, int), write=True),
    Method("one.vm.attachnic", nics.attach, (int, str), write=True),
    Method("one.vm.detachnic", nics.detach, (int, int), write=True),
    Method("one.vm.snapshotcreate", snapshots.create, (int, str), write=True),
    Method("one.vm.snapshotrevert", snapshots.revert, (int, int), write=True),
    Method("one.vm.snapshotdelete", snapshots.delete, (int, int), write=True),
    Method("one.vm.disksnapshotcreate", snapshots.create_of_disk, (int, int, str), write=True),
    Method("one.vm.disksnapshotrevert", snapshots.revert_disk, (int, int, int), write=True),
    Method("one.vm.disksnapshotdelete", snapshots.delete_of_disk, (int, int, int), write=True),
    Method("one.vm.disksnapshotrename", snapshots.rename_of_disk, (int, int, int, str), write=True),
    Method("one.vm.resize", sizes.resize, (int, str), (bool,), write=True),
    Method("one.vm.diskresize", sizes.resize_disk, (int, int, str), write=True),
    Method("one.vm.disksaveas", sizes.save_as, (int, int, str, str), (int,), write=True),
    Method("one.vm.updateconf", configuration.update, (int, str), write=True),
)
