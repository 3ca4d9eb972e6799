"""The words in which the table of transitions is written: events, what a step does, what drivers are asked for."""

from dataclasses import dataclass
from enum import Enum, auto

from oned.life.places import Place
from oned.model.vm_states import Action


class Event(Enum):
    """What happens to a virtual machine."""

    DEPLOY = auto()
    DEPLOY_STOPPED = auto()
    """Deploy again after a stop: the machine continues from its checkpoint."""
    DEPLOY_UNDEPLOYED = auto()
    IMPORT = auto()
    """Take over a machine that runs on a host already."""
    IMPORT_OFF = auto()
    TERMINATE = auto()
    TERMINATE_HARD = auto()
    UNDEPLOY = auto()
    UNDEPLOY_HARD = auto()
    POWEROFF = auto()
    POWEROFF_HARD = auto()
    HOLD = auto()
    RELEASE = auto()
    STOP = auto()
    SUSPEND = auto()
    RESUME = auto()
    REBOOT = auto()
    REBOOT_HARD = auto()
    RESCHED = auto()
    UNRESCHED = auto()
    MIGRATE = auto()
    MIGRATE_OFF = auto()
    """Migrate, shut down instead of saved."""
    MIGRATE_OFF_HARD = auto()
    MIGRATE_LIVE = auto()
    ATTACH_DISK = auto()
    DETACH_DISK = auto()
    ATTACH_NIC = auto()
    DETACH_NIC = auto()
    SNAPSHOT = auto()
    """A snapshot of the whole machine is made, gone back to or deleted."""
    SNAPSHOT_OFF = auto()
    """The same while it is off: only deleting, by drivers that keep snapshots."""
    DISK_SNAPSHOT_CREATE = auto()
    DISK_SNAPSHOT_REVERT = auto()
    DISK_SNAPSHOT_DELETE = auto()
    RESIZE = auto()
    DISK_RESIZE = auto()
    SAVE_AS = auto()
    SAVE_AS_TARGET = auto()
    """The driver of the image says where the disk is to be copied."""
    UPDATE_CONF = auto()
    RETRY = auto()
    DELETE = auto()
    RECREATE = auto()
    ERASE = auto()
    """Forget the machine, whatever is on the host."""

    SUCCESS = auto()
    """The drivers did what was asked for."""
    FAILURE = auto()

    SEEN_RUNNING = auto()
    """A host reports the machine in that state."""
    SEEN_POWEROFF = auto()
    SEEN_SUSPENDED = auto()
    SEEN_FAILURE = auto()
    SEEN_UNKNOWN = auto()

    IMAGES_READY = auto()
    IMAGES_READY_HOLD = auto()
    IMAGES_WAIT = auto()
    IMAGES_FAILED = auto()


class Do(Enum):
    """What a step does besides changing the place; ``oned.life.effects`` has a function for each."""

    UNRESCHED = auto()
    MARK_RESCHED = auto()
    DROP_SNAPSHOTS = auto()
    """Forget snapshots of the whole machine, unless the driver keeps them."""
    CLOSE = auto()
    """End the record if it has not ended."""
    COPY = auto()
    """A new record on the same host."""
    COPY_PREVIOUS = auto()
    """A new record on the host before."""
    VNC_OUT = auto()
    VNC_PREVIOUS_OUT = auto()
    VNC_BACK = auto()
    """Take the port of the host before again."""
    HOST_IN = auto()
    HOST_OUT = auto()
    PREVIOUS_OUT = auto()
    """Give the capacity of the host before back; nothing when that is the same host."""
    TARGET_OUT = auto()
    """Give the capacity of this host back; nothing when the host before is the same."""
    FREE = auto()
    """Give everything back: addresses, images, place in a group."""
    REQUIREMENTS = auto()
    """Work out anew which hosts and datastores will do."""
    FORGET_DEPLOY_ID = auto()
    DISK_SNAPSHOTS_OUT = auto()
    """Forget the snapshots of disks that will be copied again."""
    ABANDON = auto()
    """Drop the marks of work on disks and interfaces that was under way."""
    DISK_KEPT = auto()
    DISK_DROPPED = auto()
    HOTPLUG_SUCCESS = auto()
    HOTPLUG_FAILURE = auto()
    NIC_SUCCESS = auto()
    NIC_FAILURE = auto()
    SNAPSHOT_SUCCESS = auto()
    SNAPSHOT_FAILURE = auto()
    DISK_SNAPSHOT_SUCCESS = auto()
    DISK_SNAPSHOT_FAILURE = auto()
    RESIZE_SUCCESS = auto()
    RESIZE_FAILURE = auto()
    DISK_RESIZE_SUCCESS = auto()
    DISK_RESIZE_FAILURE = auto()
    SAVE_AS_SUCCESS = auto()
    SAVE_AS_FAILURE = auto()


@dataclass(frozen=True)
class Stamp:
    """Times of a record of the history that become now, or 0."""

    names: tuple[str, ...]
    previous: bool = False
    never: bool = False


@dataclass(frozen=True)
class Act:
    """The action of a record: by the caller, or with ``server`` by nobody."""

    action: Action
    previous: bool = False
    server: bool = False


@dataclass(frozen=True)
class Renew:
    """End the record with the action and go on with a new one on the same host, for what bills must tell apart."""

    action: Action


Effect = Do | Stamp | Act | Renew


class Work(Enum):
    """What drivers are asked for; ``oned.life.work`` says how."""

    AGAIN = auto()
    """What the record says was asked for, once more."""
    DEPLOY = auto()
    RESTORE = auto()
    SAVE = auto()
    SHUTDOWN = auto()
    CANCEL = auto()
    REBOOT = auto()
    RESET = auto()
    MIGRATE = auto()
    CLEANUP = auto()
    CLEANUP_PREVIOUS = auto()
    CLEANUP_BOTH = auto()
    ATTACH_DISK = auto()
    DETACH_DISK = auto()
    ATTACH_NIC = auto()
    DETACH_NIC = auto()
    SNAPSHOT = auto()
    DISK_SNAPSHOT_CREATE = auto()
    RESIZE = auto()
    RESIZE_DISK = auto()
    UPDATE_CONF = auto()
    PROLOG = auto()
    PROLOG_MIGRATE = auto()
    PROLOG_RESUME = auto()
    PROLOG_ATTACH = auto()
    EPILOG = auto()
    EPILOG_LOCAL = auto()
    """The epilog of what lies on the front-end."""
    EPILOG_STOP = auto()
    EPILOG_DELETE = auto()
    EPILOG_DELETE_LOCAL = auto()
    EPILOG_DELETE_BOTH = auto()
    EPILOG_DETACH = auto()
    SAVE_AS = auto()
    TM_SNAPSHOT_CREATE = auto()
    TM_SNAPSHOT_REVERT = auto()
    TM_SNAPSHOT_DELETE = auto()
    TM_RESIZE = auto()


@dataclass(frozen=True)
class Step:
    """One row of the table: where it leads, what it does on the way (in that order), what drivers are asked then."""

    to: Place
    does: tuple[Effect, ...] = ()
    work: Work | None = None


def now(*names: str) -> Stamp:
    """Times of the last record that become now."""
    return Stamp(names)


def before(*names: str) -> Stamp:
    """Times of the record before that become now."""
    return Stamp(names, previous=True)


def never(*names: str) -> Stamp:
    """Times of the last record that become 0."""
    return Stamp(names, never=True)


NOBODY = Act(Action.NONE, server=True)
"""The action that was announced did not take place, or is over."""
