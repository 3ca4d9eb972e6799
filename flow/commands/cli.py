"""The entry points, and what a command line ends with."""

import os
import sys

import click

from onelib.errors import OneError, report

USAGE_EXIT, INTERRUPTED_EXIT, PIPE_EXIT = 64, 130, 141


def run(program: str, arguments: list[str]) -> int:
    """Run a command line of ``oneflow`` or ``oneflow-template``; the exit code."""
    from flow.commands import services, templates

    group = templates.group(program) if program.endswith("-template") else services.group(program)
    try:
        code: int | None = group.main(arguments, program, standalone_mode=False)
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


def services_main() -> None:
    """The command ``oneflow``."""
    sys.exit(run("oneflow", sys.argv[1:]))


def templates_main() -> None:
    """The command ``oneflow-template``."""
    sys.exit(run("oneflow-template", sys.argv[1:]))
