"""The ``onecfg`` command: one module per subcommand (SR1.3, Table 1.9)."""

import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import cast

import click

from onecfg.cli.output import FAILURE

COMMANDS = ("patch", "diff", "status", "init", "upgrade", "restore", "validate")
"""The subcommands; each is the function of its name in the module of its name, loaded when it is asked for."""


class _Group(click.Group):
    """The subcommands, of which only the one that runs is loaded."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        if cmd_name not in COMMANDS:
            return None
        return cast("click.Command", getattr(import_module(f"onecfg.cli.{cmd_name}"), cmd_name))


@click.group(
    name="onecfg",
    cls=_Group,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(None, "-V", "--version", package_name="oneedge", prog_name="onecfg")
@click.pass_context
def cli(context: click.Context) -> None:
    """Change the configuration of a front-end without disturbing its files."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; never returns."""
    gc.disable()  # the process ends in a moment, and what it holds has no cycles worth a look
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and not arguments[0].startswith("-") and arguments[0] not in COMMANDS:
        arguments = ["--help"]
    try:
        code = cli.main(list(arguments), prog_name="onecfg", standalone_mode=False)
    except click.ClickException as error:
        click.echo(error.format_message())
        code = FAILURE
    except click.Abort:
        code = FAILURE
    sys.exit(code or 0)
