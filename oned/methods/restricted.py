"""Restricted attributes: what only administrators may set (``USER_RESTRICTED_ATTR`` and the like)."""

from onelib.template import Template


def _vector_values(template: Template, name: str, keys: set[str]) -> list[str]:
    return sorted(f"{key}{vector[key]}" for vector in template.vectors(name) for key in keys if key in vector)


def _by_name(names: list[str]) -> dict[str, set[str]]:
    """The keys of each restricted vector; none for an attribute that is restricted as a whole."""
    known: dict[str, set[str]] = {}
    for name in names:
        vector, slash, key = name.partition("/")
        known.setdefault(vector, set()).update({key} if slash else ())
    return known


def first_restricted(new: Template, names: list[str]) -> str:
    """The first restricted attribute that ``new`` has, by its key in a vector; empty when it has none.

    ``names`` are ``NAME`` or ``VECTOR/KEY``.
    """
    for name, keys in sorted(_by_name(names).items()):
        if not keys and name in new:
            return name
        for vector in new.vectors(name):
            found = sorted(keys & vector.keys())
            if found:
                return found[0]
    return ""


def changed_restricted(new: Template, old: Template, names: list[str]) -> str:
    """The first restricted attribute that ``new`` changes, empty when none is.

    ``names`` are ``NAME`` or ``VECTOR/KEY``. A restricted attribute that ``new`` leaves out is kept: it is copied from
    ``old``.
    """
    for name, keys in sorted(_by_name(names).items()):
        if keys:
            if new.vectors(name) and _vector_values(new, name, keys) != _vector_values(old, name, keys):
                return name
        elif name not in new:
            for value in old.all(name):
                new.add(name, value)
        elif new.all(name) != old.all(name):
            return name
    return ""
