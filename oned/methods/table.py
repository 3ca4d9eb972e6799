"""The one table of methods: the rows of one module per resource.

A method of the 6.0 API that has no row is known by name (:data:`oned.methods.upstream.UPSTREAM`) and answers that it
is not available.
"""

from importlib import import_module

from oned.methods.call import Method
from oned.methods.upstream import UPSTREAM

__all__ = ["METHODS", "UPSTREAM"]

_RESOURCES = (
    "acl",
    "cluster",
    "datastore",
    "document",
    "group",
    "hook",
    "hooklog",
    "host",
    "image",
    "market",
    "marketapp",
    "quotas",
    "secgroup",
    "sql",
    "system",
    "template",
    "user",
    "vdc",
    "vm",
    "vm_actions",
    "vmgroup",
    "vmpool",
    "vn",
    "vntemplate",
    "vrouter",
    "zone",
)
"""The modules of this package that have rows."""


def _rows(resource: str) -> tuple[Method, ...]:
    rows: tuple[Method, ...] = import_module(f"oned.methods.{resource}").METHODS
    return rows


METHODS: dict[str, Method] = {method.name: method for resource in _RESOURCES for method in _rows(resource)}
