"""The values of one key in a file of oned's syntax, at the top or in a section: what a change does to them."""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from onecfg.formats.oned_tree import ENTRY_VALUE, REPEATED, VALUE, Attribute, Entry
from onecfg.model import ABSENT, Change, ChangeError, Command, Result, stringify

_N = TypeVar("_N", Attribute, Entry)

_KEY = re.compile(r"[A-Z0-9_]+")
_TEXT = r'"(?:[^"\\]|\\["\\])*"'
_NEW_VALUE = re.compile(rf'{_TEXT}|[^\s"\[#]+')
_NEW_ENTRY_VALUE = re.compile(rf'{_TEXT}|[^\s"#,\[\]]+')


def sayable(text: str, *, in_section: bool) -> bool:
    """Whether the line format may write ``text`` as a value."""
    return bool((_NEW_ENTRY_VALUE if in_section else _NEW_VALUE).fullmatch(text))


def change_values(
    change: Change,
    key: str,
    found: list[_N],
    add: Callable[[str], None],
    remove: Callable[[Sequence[_N]], None],
    *,
    text: str,
    keep: bool,
) -> Result:
    """Change the values of ``key``, which are those of the nodes ``found``; ``text`` is the new one."""
    many = is_many(change, key)
    if change.command is Command.RM:
        return _remove_values(key, found, remove, element(change) if many else None, many=many)
    adds = change.command is Command.INS
    if not found:
        if keep and not adds and change.old is not ABSENT:
            return Result.not_applicable("the key is gone, and stays so")
        add(text)
        return Result.applied()
    if adds and many:
        if any(node.value == text for node in found):
            return Result.in_place("this value is there")
        add(text)
        return Result.applied()
    if found[0].value == text:
        return _unchanged(change)
    expected = not adds and change.old is not ABSENT and found[0].value == stringify(change.old)
    if keep and not expected:
        return Result.not_applicable("the value is the user's own, and stays")
    found[0].value = text
    if not keep and len(found) > 1:
        remove(found[1:])
    return Result.applied(replaced=not expected)


def _remove_values(
    key: str, found: list[_N], remove: Callable[[Sequence[_N]], None], text: str | None, *, many: bool
) -> Result:
    """Remove the first node whose value is ``text``, or with not ``many`` all of them."""
    if many and text is None:
        return Result.not_applicable(f"{key} occurs many times: name the value to remove after it")
    nodes = [node for node in found if node.value == text][:1] if many else found
    if not nodes:
        return Result.in_place("there is no such value" if many else "there is no such key")
    remove(nodes)
    return Result.applied()


def is_many(change: Change, key: str) -> bool:
    """Whether every occurrence of the changed key counts."""
    return change.extra.multiple or (key in REPEATED and len(change.components) == 1)


def element(change: Change) -> str | None:
    """The value that an ``rm`` names, which the yaml format calls the old one."""
    if change.value is not None:
        return stringify(change.value)
    return None if change.old is ABSENT or change.old is None else stringify(change.old)


def refuse_lower_case(key: str) -> None:
    """Raise ``ChangeError`` unless ``key`` is one that oned would read back as it stands."""
    if _KEY.fullmatch(key):
        return
    if _KEY.fullmatch(key.upper()):
        raise ChangeError(
            f"{key} is not in upper case and would become a second key.", todo=f"Write {key.upper()}."
        )
    raise ChangeError(f"{key} is no key.", todo="Keys consist of A-Z, 0-9 and _.")


def new_value(change: Change, key: str, *, in_section: bool) -> str:
    """The text to store. Raises ``ChangeError`` when it could not be read back."""
    text = stringify(change.value)
    # A native text is one that a file of this kind held, if need be one that only oned can read.
    read = (ENTRY_VALUE if in_section else VALUE) if change.native and change.value is not None else None
    if sayable(text, in_section=in_section) or (read is not None and read.fullmatch(text)):
        return text
    if text == "":
        raise ChangeError(
            f"The value for {key} is empty.", todo=f'Write one ("\\"\\"" is an empty text), or rm {key}.'
        )
    raise ChangeError(
        f"The value for {key} is not a single word.",
        todo='Quote it for the file too: "\\"some text\\"", and inside only \\" and \\\\ take a backslash.',
    )


def _unchanged(change: Change) -> Result:
    """The result for a value that is there: a ``set`` counts; an ``ins`` only as upstream compares, by type."""
    counts = change.command is Command.SET or not isinstance(change.value, str)
    return Result.in_place("this value is there", counts=counts)
