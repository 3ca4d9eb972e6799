"""What ``VM_MAD`` in ``oned.conf`` says a hypervisor driver can do."""

from collections.abc import Mapping

from oned.config import Settings

_TRUE = {"YES", "TRUE", "1"}


def driver_of(settings: Settings, name: str) -> Mapping[str, str] | None:
    """The section of the driver ``name``; None when there is no such driver."""
    return next((conf for conf in settings.raw.vectors("VM_MAD") if conf.get("NAME") == name), None)


def can(settings: Settings, name: str, ability: str) -> bool:
    """Whether the driver says yes to ``KEEP_SNAPSHOTS``, ``DS_LIVE_MIGRATION``, ``COLD_NIC_ATTACH``,
    ``LIVE_RESIZE`` or ``SUPPORT_SHAREABLE``; no for a driver that is not there."""
    conf = driver_of(settings, name)
    return conf is not None and conf.get(ability, "").strip().upper() in _TRUE


def imported_verbs(settings: Settings, name: str) -> frozenset[str]:
    """What may be done to machines that were there before us (``IMPORTED_VMS_ACTIONS``)."""
    conf = driver_of(settings, name) or {}
    return frozenset(verb.strip() for verb in conf.get("IMPORTED_VMS_ACTIONS", "").split(",") if verb.strip())
