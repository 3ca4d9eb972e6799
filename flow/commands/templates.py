"""The command ``oneflow-template``."""

import click

from flow.commands.client import Client, document_in, read_file
from flow.commands.common import Kind, argument, command, common_commands, content, each, form_options
from flow.commands.editing import answers
from flow.commands.names import one_id
from flow.commands.showing import TEMPLATES, template_page
from flow.commands.texts import body_of, formatted
from flow.types import JsonObject

KIND = Kind("/service_template", TEMPLATES, template_page, template_page)


def _told(found: JsonObject, form: str | None) -> None:
    print(formatted(form, found) if form else f"ID: {document_in(found)['ID']}")


def _create(client: Client, file: str, form: str | None) -> None:
    _told(client.send("POST", KIND.path, read_file(file)), form)


def _delete(client: Client, ids: str, kind: str | None) -> int:
    return each(client, KIND, ids, lambda path: client.send("DELETE", path, {"delete_type": kind or "none"}))


def _instantiate(client: Client, word: str, file: str | None, multiple: int, form: str | None) -> None:
    path = f"{KIND.path}/{one_id(client, KIND.path, word)}"
    merge = answers(body_of(client.document(path))) if file is None else content(file)
    for _ in range(multiple):
        _told(client.act(path, "instantiate", {"merge_template": merge}), form)


def _clone(client: Client, word: str, name: str, kind: str | None, form: str | None) -> None:
    path = f"{KIND.path}/{one_id(client, KIND.path, word)}"
    _told(client.act(path, "clone", {"name": name, "recursive": kind or "none"}), form)


def _choice(value: str, text: str, *names: str) -> click.Parameter:
    return click.Option([*names, "kind"], flag_value=value, default=None, help=text)


def group(program: str = "oneflow-template") -> click.Group:
    """The commands of service templates."""
    word, ids, form = argument("word", "ID"), argument("ids", "ID..."), form_options()
    multiple = click.Option(["-m", "--multiple"], type=click.IntRange(1), default=1, help="How many services.")
    deleted = (
        _choice("templates", "Also the VM templates of its roles.", "--delete-vm-templates"),
        _choice("all", "Also those, and their images.", "--delete-images"),
    )
    cloned = (
        _choice("all", "Also the VM templates of its roles, and their images.", "-r", "--recursive"),
        _choice("templates", "Also the VM templates of its roles.", "--recursive-templates"),
    )
    file = argument("file", "[FILE]", required=False)
    found = [
        *common_commands(KIND),
        command("create", "Create one of a file, - for input.", _create, argument("file"), *form),
        command("delete", "Delete them.", _delete, ids, *deleted),
        command(
            "instantiate",
            "Make services of it; a file says what to merge.",
            _instantiate,
            word,
            file,
            multiple,
            *form,
        ),
        command("clone", "Copy it.", _clone, word, argument("name"), *cloned, *form),
    ]
    return click.Group(program, {each.name or "": each for each in found}, help="Templates of services.")
