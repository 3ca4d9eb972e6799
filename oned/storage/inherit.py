"""Attributes that disks take from their image and from its datastore (INHERIT_IMAGE_ATTR, INHERIT_DATASTORE_ATTR)."""

from collections.abc import Iterable

from onelib.template import Template


def inherit(disk: dict[str, str], template: Template, names: Iterable[str]) -> None:
    """Copy attributes that ``disk`` does not have; of a vector attribute, all that is in it."""
    for name in names:
        vector = template.vector(name)
        for key, value in (vector or {name: template.get(name)}).items():
            if value and not disk.get(key):
                disk[key] = value
