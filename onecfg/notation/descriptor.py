"""The yaml format of a patch: what ``onecfg diff --format yaml`` prints, and what an upgrade is described by.

    ---
    patches:
      /etc/one/sunstone-server.conf:
        class: Yaml
        change:
          - path: []
            key: :port
            value: 9870
            old: 9869
            state: set
            extra: {}

A change says where (``path``, and ``key`` in the collection there), what (``state``: ins, set or rm), and with which
``value``; ``old`` is what is expected there. ``key: null`` means the collection itself: an element of a list to insert
(``value``) or to remove (``old``), a section to remove, or with ``path: []`` the whole file. ``action: create`` and
``action: delete`` are about whole files. Text is read as data alone: no tag ever makes an object.
"""

import base64
from collections.abc import Iterable, Iterator, Sequence

from onecfg.catalogue import CATALOGUE, Entry, find
from onecfg.formats import Kind, yaml_text
from onecfg.formats.yaml_data import refuse_endless, symbols
from onecfg.formats.yaml_tree import Tree
from onecfg.model import Absent, Change, ChangeError, Command, Data, Extra, FormatError, Key, LineError, Tagged
from onecfg.notation.descriptor_classes import CLASSES
from onecfg.notation.descriptor_reader import BINARY, Reader, is_plain
from onecfg.notation.line import MAX_BYTES, decode


def parse(text: str | bytes, source: str = "patch", *, catalogue: tuple[Entry, ...] = CATALOGUE) -> list[Change]:
    """Read a patch; ``source`` names it in messages. Raises ``LineError`` at the first mistake.

    The content that a file to change is delivered with is read over. ``value`` of a ``rm`` is the element to take out
    of a list, or of the keys that occur many times; ``old`` is what the patch says in any case.
    """
    if len(text) > MAX_BYTES:
        raise LineError(f"{source}:1:1: The patch is larger than {MAX_BYTES >> 20} MiB.", todo="Split it.")
    decoded = decode(text, source) if isinstance(text, bytes) else text
    decoded = decoded.removeprefix("\ufeff")
    try:
        tree = Tree(decoded)
    except FormatError as error:
        place, reason = f"{source}:{error.line}:{error.column}", error.message.partition(": ")[2]
        todo = "Mend the YAML there. Inside {} and [] a symbol is written !ruby/symbol NAME."
        raise LineError(f"{place}: {reason}", todo=todo) from None
    return Reader(decoded, source, catalogue).changes(tree.root)


def write(changes: Iterable[Change], *, catalogue: tuple[Entry, ...] = CATALOGUE) -> str:
    """The changes as a patch, which ``parse`` reads back: files in the order in which they first come.

    Changes of the line format are written as such (``hintings``). Raises ``ChangeError`` for what has no meaning: a
    file that is not in ``catalogue``, a file to create or to delete that is changed too, objects of Ruby as values.
    """
    files: dict[str, list[Change]] = {}
    for change in changes:
        files.setdefault(change.file, []).append(change)
    lines = ["---", "patches:" if files else "patches: {}"]
    for file, group in files.items():
        entry = find(file, catalogue)
        if entry is None:
            raise ChangeError(f"'{file}' is not in the catalogue.", todo="Name a configuration file.")
        lines += [f"  {yaml_text.scalar(file)}:", f"    class: {CLASSES[entry.kind]}"]
        lines += _file(file, group, entry)
    return "\n".join(lines) + "\n"


def _file(file: str, group: Sequence[Change], entry: Entry) -> Iterator[str]:
    """The lines of one file below its class."""
    whole = [change for change in group if change.command in {Command.CREATE, Command.DELETE}]
    if whole and len(group) > 1:
        raise ChangeError(f"'{file}' is created or deleted, and changed too.", todo="Do one of these.")
    if not whole:
        yield "    change:"
        for change in group:
            yield from _item(change, is_yaml=entry.kind in {Kind.YAML, Kind.YAML_STRICT})
        return
    yield f"    action: {whole[0].command.value}"
    content = whole[0].content
    if content is not None:
        yield f"    owner: {yaml_text.scalar(content.owner)}"
        yield f"    group: {yaml_text.scalar(content.group)}"
        yield f"    mode: '{content.mode:04o}'"
        yield _field("content", _text(content.data), 4)


def _text(data: bytes) -> Data:
    """The content of a file as text, or else as base64."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return Tagged(BINARY[0], base64.b64encode(data).decode())


def _item(change: Change, *, is_yaml: bool) -> Iterator[str]:
    """The lines of one change."""
    path: tuple[Key, ...] = change.path if isinstance(change.path, tuple) else change.components
    value, old, whole = change.value, change.old, change.whole
    if not change.native and is_yaml:
        path, value = tuple(_symbol(key) for key in path), symbols(value)
        old = old if isinstance(old, Absent) else symbols(old)
    if change.command is Command.RM and isinstance(old, Absent) and value is not None:
        old = value
        whole = whole or (is_yaml and not change.native)
    if not whole and (not path or path[-1] is None):
        raise ChangeError("A key that is null, or none at all, cannot be written.", todo="Set what contains it.")
    said: list[Data] = [*path, value, None if isinstance(old, Absent) else old]
    refuse_endless(said)
    _refuse_objects(said)
    yield _field("path", list(path if whole else path[:-1]), 8).replace("        path", "      - path", 1)
    yield _field("key", None if whole else path[-1], 8)
    if change.command is not Command.RM:
        yield _field("value", value, 8)
    if not isinstance(old, Absent):
        yield _field("old", old, 8)
    yield _field("state", change.command.value, 8)
    yield _field("extra", _extra(change.extra, native=change.native), 8)


def _symbol(key: Key) -> Key:
    data = symbols(key)
    return key if isinstance(data, (list, dict)) else data


def _extra(extra: Extra, *, native: bool) -> Data:
    """What is said besides, as far as something is."""
    said: dict[Key, Data] = {"multiple": True} if extra.multiple else {}
    if extra.export is not None:
        said["export"] = extra.export
    if extra.index is not None:
        said["index"] = extra.index
    return said if native else {**said, "hintings": True}


def _refuse_objects(data: Data) -> None:
    """Raise ``ChangeError`` for what ``parse`` refuses."""
    match data:
        case Tagged(tag) if not is_plain(tag):
            raise ChangeError("A value is an object of Ruby.", todo="Change the file itself there.")
        case list():
            for item in data:
                _refuse_objects(item)
        case dict():
            for key, item in data.items():
                _refuse_objects(key)
                _refuse_objects(item)


def _field(name: str, data: Data, column: int) -> str:
    """``name: data``; a text of many lines as a block where it can be one."""
    block = yaml_text.literal(data, column + 2) if isinstance(data, str) else None
    return yaml_text.pair(name, data, column, "\n") if block is None else f"{' ' * column}{name}: {block}"
