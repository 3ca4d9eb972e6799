"""``one RESOURCE VERB``, and ``onevm VERB`` for ``one vm VERB``: commands made from the table when asked for."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from oneclient.access import Access
from oneclient.options import FORMS, access_options, form_options, with_access
from oneclient.resources import RESOURCES
from oneclient.table import Resource, Taken, Verb
from onelib.errors import OneError, report

USAGE_EXIT = 64
INTERRUPTED_EXIT = 130
PIPE_EXIT = 141
SHELLS = ("bash", "zsh", "fish")
_OWN = ("list", "show")
_RECORDS = ("acct", "showback")
"""Of all machines, also of those that are gone; their commands are made apart."""


def _parameters(taken: Taken, resource: Resource) -> list[click.Parameter]:
    """The arguments and options of one word of the table."""
    if taken.kind == "choice":
        return [
            click.Option(
                [f"--{name}", taken.name], flag_value=number, type=int, default=None, required=taken.required
            )
            for name, number in taken.choices.items()
        ]
    if taken.is_switch:
        return [click.Option([*taken.flags, taken.name], is_flag=True)]
    metavar = _metavar(taken, resource)
    if taken.flags:
        return [click.Option([*taken.flags, taken.name], metavar=metavar)]
    several = -1 if taken.kind == "rule" else 1
    return [click.Argument([taken.name], required=taken.required, metavar=metavar, nargs=several)]


def _metavar(taken: Taken, resource: Resource) -> str:
    if taken.kind in {"id", "ids"}:
        return f"{resource.name.upper()}{'...' if taken.kind == 'ids' else ''}"
    name = {"octal": "MODE", "secret": "FILE", "secret?": "FILE"}.get(taken.kind, taken.name.upper())
    return f"[{name}]" if not (taken.required or taken.flags) else name


def _verb_command(resource: Resource, verb: Verb) -> click.Command:
    def action(access: Access, given: dict[str, Any]) -> int:
        from oneclient.running import run_verb

        return run_verb(access, resource, verb, given)

    words = [parameter for taken in verb.taken() for parameter in _parameters(taken, resource)]
    return click.Command(
        verb.name, callback=with_access(action), params=[*words, *access_options()], help=verb.help
    )


def _list_command(resource: Resource) -> click.Command:
    def action(access: Access, given: dict[str, Any]) -> None:
        from oneclient.running import run_list

        words = (*(given.pop("word") or ()), *(given.pop("filter") or ()))
        header = not given.pop("no_header")
        text = run_list(access, resource, {**given, "form": given["form"] or "", "words": words, "header": header})
        if text:
            print(text)

    parameters = [
        click.Argument(["word"], required=False, nargs=-1, metavar="[FILTER]..."),
        click.Option(
            ["-f", "--filter"],
            multiple=True,
            help="a(ll), m(ine), g(roups), G (primary group), USER, COLUMN=VALUE.",
        ),
        click.Option(
            ["-l", "--list", "columns"], default="", help="Columns, separated by commas.", metavar="NAMES"
        ),
        click.Option(["--no-header"], is_flag=True, help="Without the names of columns."),
        *(
            [click.Option(["--type", "kind"], type=int, help="Documents of this type.")]
            if resource.name == "document"
            else []
        ),
        *form_options("csv", *FORMS),
        *access_options(),
    ]
    return click.Command("list", callback=with_access(action), params=parameters, help="List them.")


def _show_command(resource: Resource) -> click.Command:
    def action(access: Access, given: dict[str, Any]) -> None:
        from oneclient.running import run_show

        print(run_show(access, resource, given["id"], given["form"] or ""))

    argument = click.Argument(["id"], metavar=resource.name.upper())
    parameters = [argument, *form_options(*FORMS), *access_options()]
    return click.Command("show", callback=with_access(action), params=parameters, help="Show one: ID or name.")


class ResourceGroup(click.Group):
    """The verbs of one type of object."""

    def __init__(self, resource: Resource, name: str) -> None:
        super().__init__(name, help=f"{resource.title.capitalize()}: {', '.join(_OWN)} and what can be done.")
        self._resource = resource
        self._verbs = {verb.name: verb for verb in resource.verbs}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's)
        """All verbs."""
        return [*_OWN, *sorted(self._verbs)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (click's)
        """One verb's command."""
        if cmd_name == "list":
            return _list_command(self._resource)
        if cmd_name == "show":
            return _show_command(self._resource)
        verb = self._verbs.get(cmd_name)
        return None if verb is None else _verb_command(self._resource, verb)


def _completion(shell: str) -> int:
    from click.shell_completion import get_completion_class

    for program in ("one", *aliases()):
        known = get_completion_class(shell)
        if known is not None:
            print(known(click.Group(), {}, program, f"_{program.upper()}_COMPLETE").source())
    return 0


class OneGroup(click.Group):
    """The types of objects, and completion."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's)
        """All types, and what is no type."""
        return [*RESOURCES, *_RECORDS, "completion"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (click's)
        """One type's group."""
        if cmd_name == "completion":
            shell = click.Argument(["shell"], type=click.Choice(SHELLS))
            return click.Command(
                cmd_name, callback=_completion, params=[shell], help="Print what a shell sources."
            )
        if cmd_name in _RECORDS:
            return _records(cmd_name)
        resource = RESOURCES.get(cmd_name)
        return None if resource is None else ResourceGroup(resource, cmd_name)


def _records(name: str) -> click.Command:
    from oneclient.accounting import acct_command, showback_group

    return acct_command(name) if name == "acct" else showback_group(name)


def aliases() -> dict[str, str]:
    """The names of upstream's commands and what each is about. Documents have none there."""
    return {f"one{name}": name for name in (*RESOURCES, *_RECORDS) if name != "document"}


def _group(program: str) -> click.Command:
    name = aliases().get(program)
    if name in _RECORDS:
        return _records(name)
    if name is not None:
        return ResourceGroup(RESOURCES[name], program)
    return OneGroup("one", help="Work with the objects of the cloud: one RESOURCE VERB ...")


def main() -> None:
    """Run what ``argv`` says, under the name it says it, and exit with its code."""
    sys.exit(run(Path(sys.argv[0]).name, sys.argv[1:]))


def run(program: str, arguments: list[str]) -> int:
    """Run a command line; the exit code."""
    try:
        code: int | None = _group(program).main(arguments, program, standalone_mode=False)
        sys.stdout.flush()
    except OneError as error:
        return report(error)
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.ctx.get_help(), file=sys.stderr)
        return USAGE_EXIT
    except click.ClickException as error:
        print(f"ERROR: {error.format_message()}", file=sys.stderr)
        context = getattr(error, "ctx", None)
        print(f"       `{context.command_path if context else program} --help` shows how.", file=sys.stderr)
        return USAGE_EXIT
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED_EXIT
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_EXIT
    return code or 0


if __name__ == "__main__":
    main()
