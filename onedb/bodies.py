"""The bodies of objects: ``onedb show-body``, ``change-body`` and ``update-body``.

A change is checked by the object's own reader and written in one transaction, with the columns that repeat what the
body says; beside a server it is as safe as a call to that server.
"""

import argparse
import contextlib
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from lxml import etree

from oned.errors import InternalError
from oned.model.base import PoolObject
from onedb.change import Selection, edit
from onedb.current import current_engine
from onedb.errors import OnedbError, UsageError
from onedb.fsck.records import Records
from onedb.objects import CLASSES, class_of, read, write
from onelib.template_xml import Element, MalformedXmlError, parse_root

_EDITOR = "vi"
_NAMES = ", ".join(CLASSES)


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The options of the three commands."""
    for name, text in (("show-body", "Shows the body of an object"), ("update-body", "Opens a body in EDITOR")):
        parser = subparsers.add_parser(name, description=f"{text}. OBJECT: {_NAMES}.")
        parser.add_argument("object", metavar="OBJECT")
        parser.add_argument("-i", "--id", type=int, required=True, help="the object's id")
    parser = subparsers.add_parser("change-body", description=f"Changes a value in bodies. OBJECT: {_NAMES}.")
    parser.add_argument("object", metavar="OBJECT")
    parser.add_argument("path", metavar="XPATH", help="such as /VM/TEMPLATE/CPU")
    parser.add_argument("value", metavar="VALUE", nargs="?")
    parser.add_argument("-i", "--id", type=int, help="only the object with this id")
    parser.add_argument("-x", "--xpath", help="only objects that have this")
    parser.add_argument("-e", "--expr", help="only objects for which this holds: NAME=web, ID>10")
    parser.add_argument("--dry", "--dry-run", action="store_true", help="only show the bodies")
    parser.add_argument("-d", "--delete", action="store_true", help="delete what XPATH finds")
    parser.add_argument("--append", action="store_true", help="add the last element of XPATH to the others")


def run(arguments: argparse.Namespace) -> int:
    """Run the command that was asked for."""
    cls = class_of(arguments.object)
    commands = {"show-body": _show, "update-body": _update, "change-body": _change}
    with (
        current_engine(arguments) as (_, engine),
        engine.connect() as connection,
        connection.begin() as transaction,
    ):
        records = Records(connection)
        commands[arguments.command](records, cls, arguments)
        if getattr(arguments, "dry", False) or arguments.command == "show-body":
            transaction.rollback()
    return 0


def _text(root: Element) -> str:
    etree.indent(root)
    return etree.tostring(root, encoding="unicode")


def _parse(body: str) -> Element:
    try:
        return parse_root(body, len(body))
    except MalformedXmlError:
        raise OnedbError("The body is not well-formed XML.", todo="Nothing was changed.") from None


def _show(records: Records, cls: type[PoolObject], arguments: argparse.Namespace) -> None:
    body = read(records, cls, arguments.id)
    try:
        shown = _text(_parse(body))
    except OnedbError:
        shown = body  # damaged: shown as it is, so that it can be mended
    sys.stdout.write(f"{shown}\n")


def _update(records: Records, cls: type[PoolObject], arguments: argparse.Namespace) -> None:
    body = read(records, cls, arguments.id)
    with contextlib.suppress(OnedbError):
        body = _text(_parse(body))
    parser = etree.XMLParser(remove_blank_text=True, resolve_entities=False, no_network=True, huge_tree=True)
    changed = _edit(body)
    _parse(changed)
    root = etree.fromstring(changed.encode(), parser)
    _write(records, cls, arguments.id, etree.tostring(root, encoding="unicode"))


def _edit(body: str) -> str:
    """What an editor makes of ``body``. The file is only this user's."""
    with tempfile.TemporaryDirectory(prefix="onedb-") as folder:
        path = Path(folder) / "body.xml"
        path.write_text(body, encoding="utf-8")
        editor = [*shlex.split(os.environ.get("EDITOR", "") or _EDITOR), str(path)]
        try:
            subprocess.run(editor, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise OnedbError(f"The editor failed: {error}.", todo="Set EDITOR; nothing was changed.") from None
        return path.read_text(encoding="utf-8")


def _write(records: Records, cls: type[PoolObject], oid: int, body: str) -> None:
    try:
        write(records, cls, oid, body)
    except (InternalError, ValueError):
        raise OnedbError(
            f"The body of {cls.root} {oid} would not be one of a {cls.root} with that ID.",
            todo="Nothing was changed. See onedb show-body for what it looks like.",
        ) from None


def _change(records: Records, cls: type[PoolObject], arguments: argparse.Namespace) -> None:
    if arguments.value is None and not arguments.delete:
        raise UsageError("A value or --delete should specified.")
    if not records.writable(cls.table):
        raise OnedbError(
            f"The table {cls.table.name} is the master's.", todo="Change it in the master OpenNebula."
        )
    selection = Selection(arguments.id, arguments.xpath or "", arguments.expr or "")
    found = False
    where = None if arguments.id is None else cls.table.c.oid == arguments.id
    for row in records.pages(cls.table, cls.table.c.body, where=where):
        found = True
        root = _parse(str(row.body))
        if not selection.takes(root):
            continue
        edit(root, arguments.path, arguments.value or "", delete=arguments.delete, append=arguments.append)
        body = etree.tostring(root, encoding="unicode")
        if arguments.dry:
            sys.stdout.write(f"{_text(root)}\n")
        _write(records, cls, row.oid, body)
    if arguments.id is not None and not found:
        raise OnedbError(f"Object with id {arguments.id} not found.")
