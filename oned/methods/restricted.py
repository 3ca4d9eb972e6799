"""Restricted attributes: what only administrators may set (``USER_RESTRICTED_ATTR`` and the like)."""

from onelib.template import Template


def _vector_values(template: Template, name: str, keys: set[str]) -> list[str]:
    return sorted(f"{key}{vector[key]}" for vector in template.vectors(name) for key in keys if key in vector)


def changed_restricted(new: Template, old: Template, names: list[str]) -> str:
    """The first restricted attribute that ``new`` changes, empty when none is.

    ``names`` are ``NAME`` or ``VECTOR/KEY``. A restricted single attribute that ``new`` leaves out is kept: it is
    copied from ``old``.
    """
    vectors: dict[str, set[str]] = {}
    for name in names:
        vector, slash, key = name.partition("/")
        if slash:
            vectors.setdefault(vector, set()).add(key)
        elif name in new:
            if new.get(name) != old.get(name):
                return name
        elif name in old:
            new.set(name, old.get(name))
    for vector, keys in sorted(vectors.items()):
        if new.vectors(vector) and _vector_values(new, vector, keys) != _vector_values(old, vector, keys):
            return vector
    return ""
