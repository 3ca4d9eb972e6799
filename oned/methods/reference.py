"""The page on the API, from the table of methods: ``python -m oned.methods.reference > docs/api.md``."""

import sys
from collections.abc import Callable
from inspect import Parameter, signature

from oned.methods.call import Answer, Method
from oned.methods.table import METHODS, UPSTREAM

_TYPES = {int: "int", str: "string", bool: "boolean", list: "array"}
_TITLES = {
    "acl": "Access rules",
    "cluster": "Clusters",
    "datastore": "Datastores",
    "document": "Documents",
    "group": "Groups",
    "hook": "Hooks",
    "host": "Hosts",
    "image": "Images",
    "market": "Marketplaces",
    "marketapp": "Marketplace apps",
    "secgroup": "Security groups",
    "system": "System",
    "template": "Virtual machine templates",
    "user": "Users",
    "vdc": "Virtual data centers",
    "vm": "Virtual machines",
    "vmgroup": "Groups of virtual machines",
    "vn": "Virtual networks",
    "vntemplate": "Virtual network templates",
    "vrouter": "Virtual routers",
    "zone": "Zones",
}
_HEAD = """# The XML-RPC API

`oned` answers OpenNebula 6.0's API at `http://HOST:2633/RPC2`. Every call begins with the session, `user:password` or
`user:token`, which is left out below; parameters in brackets may be left out. An answer is `[true, result, 0, ...]`, or
`[false, message, code, object, ...]` with upstream's messages and codes.

This page lists all {all} methods that a 6.0 server registers: {here} of them work here. Each of the others answers
`This method is not available in this version of the server.` (code 0x2000).
"""


def _resource(name: str) -> str:
    """The resource that a method is about: ``one.vmpool.info`` belongs to the virtual machines."""
    word = name.split(".")[1]
    for suffix in ("pool", "quota", "log"):
        word = word.removesuffix(suffix)
    return word


def _parameters(method: Method) -> str:
    names = _names(method.handler)
    kinds = [*method.params, *method.optional]
    shown = []
    for position, kind in enumerate(kinds):
        text = f"{names[position]} {_TYPES[kind]}" if position < len(names) else _TYPES[kind]
        shown.append(text if position < len(method.params) else f"[{text}]")
    if len(method.params) == 10 and method.name.endswith(".chmod"):
        return ", ".join([shown[0], "nine bits int", *shown[10:]])
    return ", ".join(shown)


def _names(handler: Callable[..., Answer]) -> list[str]:
    """The handler's own names after the call; none where it takes any number."""
    kinds = {Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD}
    known = [parameter.name for parameter in signature(handler).parameters.values() if parameter.kind in kinds]
    return known[1:]


def _rows(names: list[str]) -> str:
    lines = ["| method | parameters |", "|---|---|"]
    for name in names:
        method = METHODS.get(name)
        lines.append(f"| `{name}` | {_parameters(method)} |" if method else f"| `{name}` | *not here yet* |")
    return "\n".join(lines)


def markdown() -> str:
    """The whole page."""
    by_resource: dict[str, list[str]] = {}
    for name in sorted(UPSTREAM | set(METHODS)):
        by_resource.setdefault(_resource(name), []).append(name)
    head = _HEAD.format(all=len(UPSTREAM), here=len(UPSTREAM & set(METHODS)))
    resources = sorted(by_resource, key=lambda key: _TITLES[key])
    sections = (f"## {_TITLES[resource]}\n\n{_rows(by_resource[resource])}\n" for resource in resources)
    return "\n".join([head, *sections])


if __name__ == "__main__":
    sys.stdout.write(markdown())
