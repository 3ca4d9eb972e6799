"""The command ``oneflow``."""

from urllib.parse import quote

import click

from flow.commands.client import Client, read_file
from flow.commands.common import Kind, argument, command, common_commands, each
from flow.commands.live import service_view
from flow.commands.names import one_id
from flow.commands.showing import SERVICES, service_page
from flow.commands.texts import DONE, body_of
from flow.types import JsonObject

KIND = Kind(
    "/service",
    SERVICES,
    service_page,
    service_view,
    hides=lambda document: body_of(document).get("state") == DONE,
)


def _path(client: Client, word: str) -> str:
    return f"{KIND.path}/{one_id(client, KIND.path, word)}"


def _delete(client: Client, ids: str) -> int:
    return each(client, KIND, ids, lambda path: client.send("DELETE", path))


def _recover(client: Client, ids: str, *, delete: bool) -> int:
    return each(client, KIND, ids, lambda path: client.act(path, "recover", {"delete": delete}))


def _release(client: Client, ids: str) -> int:
    return each(client, KIND, ids, lambda path: client.act(path, "release", {}))


def _scale(client: Client, word: str, role: str, cardinality: int, *, force: bool) -> None:
    body = {"role_name": role, "cardinality": cardinality, "force": force}
    client.send("POST", f"{_path(client, word)}/scale", body)


def _act(client: Client, word: str, role: str, perform: str, **given: int | str | None) -> None:
    client.act(f"{_path(client, word)}/role/{quote(role, safe='')}", perform, _batch(given))


def _act_on_all(client: Client, word: str, perform: str, **given: int | str | None) -> None:
    client.act(_path(client, word), perform, _batch(given))


def _batch(given: dict[str, int | str | None]) -> JsonObject:
    return {name: value for name, value in given.items() if value is not None}


def _add_role(client: Client, word: str, file: str) -> None:
    _change_roles(client, word, "add_role", read_file(file))


def _remove_role(client: Client, word: str, role: str) -> None:
    _change_roles(client, word, "remove_role", role)


def _change_roles(client: Client, word: str, perform: str, role: str) -> None:
    body = {"action": {"perform": perform, "params": {"role": role}}}
    client.send("POST", f"{_path(client, word)}/role_action", body)


def _purge(client: Client) -> None:
    client.send("POST", "/service_pool/purge_done")


def _batch_options() -> list[click.Parameter]:
    return [
        click.Option(["-p", "--period"], type=click.IntRange(0), help="Seconds between batches."),
        click.Option(["-n", "--number"], type=click.IntRange(0), help="Machines in a batch."),
        click.Option(["--args"], help="Values of the action, separated by commas."),
    ]


def group(program: str = "oneflow") -> click.Group:
    """The commands of services."""
    word, ids, role, act = argument("word", "ID"), argument("ids", "ID..."), argument("role"), argument("perform")
    cardinality = click.Argument(["cardinality"], type=click.IntRange(0))
    force = click.Option(["-f", "--force"], is_flag=True, help="Also beyond the role's limits.")
    delete = click.Option(["--delete"], is_flag=True, help="Give it up: delete machines and service.")
    on_all = command("action", "Act on all machines of a service.", _act_on_all, word, act, *_batch_options())
    found = [
        *common_commands(KIND),
        command("delete", "Undeploy services and delete them.", _delete, ids),
        command("recover", "Let services that failed go on.", _recover, ids, delete),
        command("release", "Release services that are on hold.", _release, ids),
        command("scale", "Give a role another number of machines.", _scale, word, role, cardinality, force),
        command("action", "Act on the machines of a role.", _act, word, role, act, *_batch_options()),
        command("add-role", "Add the role that a file describes.", _add_role, word, argument("file")),
        command("remove-role", "Remove a role with its machines.", _remove_role, word, role),
        command("purge-done", "Remove what is left of services that are done.", _purge),
        click.Group("service", {"action": on_all}, help="What concerns all roles."),
    ]
    return click.Group(program, {each.name or "": each for each in found}, help="Services of several machines.")
