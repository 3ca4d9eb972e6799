"""Verbs that services and service templates have in common."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from flow.commands.client import Access, Client, document_in, read_file
from flow.commands.editing import edited
from flow.commands.errors import ContentError, UsageError
from flow.commands.live import watch
from flow.commands.names import documents, many_ids, one_id, owner_id
from flow.commands.showing import Column, table
from flow.commands.texts import body_of, formatted
from flow.types import JsonObject
from onelib.errors import OneError, report

Action = Callable[..., int | None]


@dataclass(frozen=True)
class Kind:
    """A type of document: where it stands, how it is shown."""

    path: str
    columns: tuple[Column, ...]
    page: Callable[[JsonObject], str]
    live: Callable[[JsonObject], str]
    hides: Callable[[JsonObject], bool] = lambda _: False


def access_options() -> list[click.Parameter]:
    """Where the server is, and who calls."""
    return [
        click.Option(["-s", "--server"], metavar="URL", help="Address of OneFlow; $ONEFLOW_URL."),
        click.Option(["-u", "--username"], metavar="NAME", help="Call as this user; $ONEFLOW_USER."),
        click.Option(
            ["--password-file"],
            metavar="FILE",
            help="Its password, on the first line; - reads standard input. $ONEFLOW_PASSWORD does without.",
        ),
    ]


def form_options(*more: str) -> list[click.Parameter]:
    """Other forms than that for people."""
    forms = [(["-j", "--json"], "json"), (["-y", "--yaml"], "yaml")]
    forms += [([f"--{form}"], form) for form in more]
    return [
        click.Option([*names, "form"], flag_value=form, default=None, help=f"As {form.upper()}.")
        for names, form in forms
    ]


def argument(name: str, metavar: str | None = None, *, required: bool = True) -> click.Parameter:
    """A word of the command line."""
    return click.Argument([name], metavar=metavar or name.upper(), required=required)


def command(name: str, text: str, action: Action, *parameters: click.Parameter) -> click.Command:
    """``action(client, **given)`` as a command; its result is the exit code."""

    def callback(**given: Any) -> int:  # noqa: ANN401  what click parsed
        access = Access(given.pop("server"), given.pop("username"), given.pop("password_file"))
        client = access.open()
        try:
            return action(client, **given) or 0
        finally:
            client.close()

    return click.Command(name, callback=callback, params=[*parameters, *access_options()], help=text)


def each(client: Client, kind: Kind, ids: str, act: Callable[[str], object]) -> int:
    """``act`` with the path of each object; the last refusal's exit code. Raises it when there is only one."""
    found, code = many_ids(client, kind.path, ids), 0
    for oid in found:
        try:
            act(f"{kind.path}/{oid}")
        except OneError as error:
            if len(found) == 1:
                raise
            code = report(error)
    return code


def content(path: str) -> JsonObject:
    """The JSON object in a file. Raises :class:`~onelib.errors.OneError`."""
    import json

    try:
        found = json.loads(read_file(path))
    except (ValueError, RecursionError) as error:
        raise ContentError(f"{path} is no JSON: {error}.", todo="Correct it.") from None
    if not isinstance(found, dict):
        raise ContentError(f"{path} does not hold a JSON object.", todo="Write { ... }.")
    return found


def common_commands(kind: Kind) -> list[click.Command]:
    """``list``, ``top``, ``show``, ``update``, ``rename``, ``chown``, ``chgrp`` and ``chmod``."""

    def listing(client: Client, form: str | None, *, done: bool = False) -> str:
        if form in {"json", "yaml"}:
            return formatted(form, client.get(kind.path))
        found = [each for each in documents(client, kind.path) if done or not kind.hides(each)]
        return table(kind.columns, found, form or "")

    def list_all(client: Client, form: str | None, *, done: bool = False) -> None:
        print(listing(client, form, done=done))

    def top(client: Client, word: str | None, delay: float, times: int | None) -> int:
        if word is None:
            return watch(lambda: listing(client, None), delay, times)
        path = f"{kind.path}/{one_id(client, kind.path, word)}"
        return watch(lambda: kind.live(client.document(path)), delay, times)

    def show(client: Client, word: str, form: str | None) -> None:
        found = client.get(f"{kind.path}/{one_id(client, kind.path, word)}")
        print(formatted(form, found) if form else kind.page(document_in(found)))

    def update(client: Client, word: str, file: str | None) -> None:
        path = f"{kind.path}/{one_id(client, kind.path, word)}"
        text = edited(body_of(client.document(path))) if file is None else read_file(file)
        client.send("PUT", path, text)

    done = click.Option(["--done"], is_flag=True, help="Also those that are done.")
    delay = click.Option(["-d", "--delay"], type=click.FloatRange(0.1), default=2.0, help="Seconds between views.")
    times = click.Option(["-n", "--times"], type=click.IntRange(1), help="Views to show; without end otherwise.")
    return [
        command("list", "List them.", list_all, done, *form_options("csv")),
        command("top", "Watch them, or one of them.", top, argument("word", "[ID]", required=False), delay, times),
        command("show", "Show one.", show, argument("word", "ID"), *form_options()),
        command("update", "Replace the content: a file's, or what is edited.", update, *_file_words()),
        *_owning_commands(kind),
    ]


def _file_words() -> list[click.Parameter]:
    return [argument("word", "ID"), argument("file", "[FILE]", required=False)]


def _owning_commands(kind: Kind) -> list[click.Command]:
    def rename(client: Client, word: str, name: str) -> None:
        client.act(f"{kind.path}/{one_id(client, kind.path, word)}", "rename", {"name": name})

    def chown(client: Client, ids: str, user: str, group: str | None) -> int:
        params: JsonObject = {"owner_id": owner_id(client, "user", user)}
        if group is not None:
            params["group_id"] = owner_id(client, "group", group)
        return each(client, kind, ids, lambda path: client.act(path, "chown", params))

    def chgrp(client: Client, ids: str, group: str) -> int:
        params = {"group_id": owner_id(client, "group", group)}
        return each(client, kind, ids, lambda path: client.act(path, "chgrp", params))

    def chmod(client: Client, ids: str, mode: str) -> int:
        if len(mode) != 3 or set(mode) - set("01234567"):
            raise UsageError(f"{mode!r} are no permissions.", todo="Write three octal digits, as 640.")
        return each(client, kind, ids, lambda path: client.act(path, "chmod", {"octet": mode}))

    ids, group = argument("ids", "ID..."), argument("group")
    optional = argument("group", "[GROUP]", required=False)
    return [
        command("rename", "Give it another name.", rename, argument("word", "ID"), argument("name")),
        command("chown", "Change owner, and group.", chown, ids, argument("user"), optional),
        command("chgrp", "Change the group.", chgrp, ids, group),
        command("chmod", "Set permissions: 640.", chmod, ids, argument("mode")),
    ]
