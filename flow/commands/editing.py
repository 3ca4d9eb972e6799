"""What a person is asked for: a changed body in an editor, values of custom attributes."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from flow.commands.client import read_file
from flow.commands.errors import InputError, UsageError
from flow.commands.texts import formatted, printable
from flow.types import JsonObject


def edited(body: JsonObject) -> str:
    """``body`` as the user leaves it in ``$EDITOR``. Raises :class:`UsageError` when it cannot be run."""
    editor = os.environ.get("EDITOR") or "vi"
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8", delete=False) as stream:
        stream.write(formatted("json", body) + "\n")
    path = Path(stream.name)
    try:
        done = subprocess.run(["/bin/sh", "-c", f'{editor} "$1"', "sh", str(path)], check=False)
        if done.returncode:
            raise UsageError(
                f"The editor {editor} ended with {done.returncode}.", todo="Set EDITOR, or name a file."
            )
        return read_file(str(path))
    finally:
        path.unlink(missing_ok=True)


def answers(body: JsonObject) -> JsonObject:
    """What is to be merged into a template that asks for custom attributes, {} for one that does not.

    Raises :class:`InputError` where a value is needed and nobody can be asked.
    """
    questions = body.get("custom_attrs")
    if not isinstance(questions, dict) or not questions:
        return {}
    return {"custom_attrs_values": {name: _answer(str(name), str(form)) for name, form in questions.items()}}


def _answer(name: str, form: str) -> str:
    """``form`` is ``M|type|description|options|default``."""
    parts = [part.strip() for part in form.split("|")]
    needed, kind = parts[0].upper().startswith("M"), parts[1] if len(parts) > 1 else "text"
    description, default = (parts[2] if len(parts) > 2 else ""), (parts[4] if len(parts) > 4 else "")
    if not sys.stdin.isatty():
        if default or not needed:
            return default
        raise InputError(
            f"The template asks for {name}, and nobody is there to answer.",
            todo='Name a file with {"custom_attrs_values": {...}}.',
        )
    text = f"  * ({printable(name)}) {printable(description)}"
    value = click.prompt(
        text, default=default or (None if needed else ""), hide_input=kind == "password", err=True
    )
    return str(value)
