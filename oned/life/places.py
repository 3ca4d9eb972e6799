"""Where a virtual machine is in its life: its two states as one value, and the families of such places.

Source: OpenNebula 6.0, "Virtual Machine States".
"""

from typing import NamedTuple

from oned.model.vm_states import LcmState, VmState, state_name

L = LcmState


class Place(NamedTuple):
    """Both states of a virtual machine."""

    state: VmState
    lcm: LcmState = LcmState.LCM_INIT

    @property
    def label(self) -> str:
        """How messages name it."""
        return state_name(self.state, self.lcm)


def active(lcm: LcmState) -> Place:
    """The place ``lcm`` inside of ACTIVE."""
    return Place(VmState.ACTIVE, lcm)


INIT = Place(VmState.INIT)
PENDING = Place(VmState.PENDING)
HOLD = Place(VmState.HOLD)
STOPPED = Place(VmState.STOPPED)
SUSPENDED = Place(VmState.SUSPENDED)
DONE = Place(VmState.DONE)
POWEROFF = Place(VmState.POWEROFF)
UNDEPLOYED = Place(VmState.UNDEPLOYED)
CLONING = Place(VmState.CLONING)
CLONING_FAILURE = Place(VmState.CLONING_FAILURE)
RUNNING = active(L.RUNNING)
UNKNOWN = active(L.UNKNOWN)
POWEROFF_SNAPSHOT = Place(VmState.POWEROFF, LcmState.HOTPLUG_SNAPSHOT)
"""The only work that 6.0 does outside of ACTIVE: a snapshot of a machine that is off is deleted."""

WAITING = (INIT, PENDING, HOLD, CLONING, CLONING_FAILURE)
"""Before the first host, or again without one."""
RESTING = (SUSPENDED, POWEROFF, STOPPED, UNDEPLOYED)
"""Put away by a user."""

BOOTS = (
    L.BOOT,
    L.BOOT_POWEROFF,
    L.BOOT_UNKNOWN,
    L.BOOT_SUSPENDED,
    L.BOOT_STOPPED,
    L.BOOT_UNDEPLOY,
    L.BOOT_MIGRATE,
)
BOOT_FAILURES = {
    L.BOOT_FAILURE: L.BOOT,
    L.BOOT_MIGRATE_FAILURE: L.BOOT_MIGRATE,
    L.BOOT_STOPPED_FAILURE: L.BOOT_STOPPED,
    L.BOOT_UNDEPLOY_FAILURE: L.BOOT_UNDEPLOY,
}
"""What failed, by its failure."""
PROLOG_FAILURES = {
    L.PROLOG_FAILURE: L.PROLOG,
    L.PROLOG_RESUME_FAILURE: L.PROLOG_RESUME,
    L.PROLOG_UNDEPLOY_FAILURE: L.PROLOG_UNDEPLOY,
}
MIGRATE_FAILURES = {
    L.PROLOG_MIGRATE_FAILURE: L.PROLOG_MIGRATE,
    L.PROLOG_MIGRATE_POWEROFF_FAILURE: L.PROLOG_MIGRATE_POWEROFF,
    L.PROLOG_MIGRATE_SUSPEND_FAILURE: L.PROLOG_MIGRATE_SUSPEND,
    L.PROLOG_MIGRATE_UNKNOWN_FAILURE: L.PROLOG_MIGRATE_UNKNOWN,
}
EPILOG_FAILURES = {
    L.EPILOG_FAILURE: L.EPILOG,
    L.EPILOG_STOP_FAILURE: L.EPILOG_STOP,
    L.EPILOG_UNDEPLOY_FAILURE: L.EPILOG_UNDEPLOY,
}
FAILURES = BOOT_FAILURES | PROLOG_FAILURES | MIGRATE_FAILURES | EPILOG_FAILURES

SHUTDOWNS = (L.SHUTDOWN, L.SHUTDOWN_POWEROFF, L.SHUTDOWN_UNDEPLOY)
SAVES = (L.SAVE_STOP, L.SAVE_SUSPEND, L.SAVE_MIGRATE)
DISK_SNAPSHOTS_OFF = {
    L.DISK_SNAPSHOT_POWEROFF: POWEROFF,
    L.DISK_SNAPSHOT_REVERT_POWEROFF: POWEROFF,
    L.DISK_SNAPSHOT_DELETE_POWEROFF: POWEROFF,
    L.DISK_SNAPSHOT_SUSPENDED: SUSPENDED,
    L.DISK_SNAPSHOT_REVERT_SUSPENDED: SUSPENDED,
    L.DISK_SNAPSHOT_DELETE_SUSPENDED: SUSPENDED,
}
"""Where work on the snapshots of a disk ends when the machine does not run."""
DISK_RESIZES_OFF = {L.DISK_RESIZE_POWEROFF: POWEROFF, L.DISK_RESIZE_UNDEPLOYED: UNDEPLOYED}
SAVE_AS_OFF = {
    L.HOTPLUG_SAVEAS_POWEROFF: POWEROFF,
    L.HOTPLUG_SAVEAS_SUSPENDED: SUSPENDED,
    L.HOTPLUG_SAVEAS_UNDEPLOYED: UNDEPLOYED,
    L.HOTPLUG_SAVEAS_STOPPED: STOPPED,
}
HOTPLUGS_OFF = {
    L.HOTPLUG_PROLOG_POWEROFF: POWEROFF,
    L.HOTPLUG_EPILOG_POWEROFF: POWEROFF,
    L.HOTPLUG_NIC_POWEROFF: POWEROFF,
}

_AWAY = (
    *DISK_SNAPSHOTS_OFF,
    *DISK_RESIZES_OFF,
    *SAVE_AS_OFF,
    *HOTPLUGS_OFF,
    L.PROLOG_MIGRATE_POWEROFF,
    L.PROLOG_MIGRATE_POWEROFF_FAILURE,
    L.PROLOG_MIGRATE_SUSPEND,
    L.PROLOG_MIGRATE_SUSPEND_FAILURE,
    L.EPILOG,
    L.EPILOG_STOP,
    L.EPILOG_UNDEPLOY,
    *EPILOG_FAILURES,
    L.CLEANUP_DELETE,
)


def counts_as_running(place: Place) -> bool:
    """Whether the quotas RUNNING_VMS, RUNNING_CPU and RUNNING_MEMORY count a machine there.

    As in 6.0 that is all what is not put away, with what waits for a host; here a machine that is already shut down
    counts no more while its disks are moved.
    """
    if place.state is VmState.ACTIVE:
        return place.lcm not in _AWAY
    return place in WAITING
