"""``oneedge``: the entrypoint of the image, and the front-end of one user without a container."""

import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

import click

from bootstrap import boot as booting
from bootstrap import documentation, native
from healthcheck import probe, verdict
from onelib import services
from onelib.errors import OneError, report
from onelib.locations import ROOT_VARIABLE, Locations


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run the ONEedge front-end. Exit codes are listed in docs/exit-codes.md."""


def _guarded(error: OneError) -> None:
    sys.stdout.flush()
    sys.exit(report(error))


@main.command()
@click.option("--plan", is_flag=True, help="Print what a boot would change, and change nothing.")
@click.option("--check", is_flag=True, help="Check the parameters, and change nothing.")
def boot(plan: bool, check: bool) -> None:
    """Configure everything from the environment and hand over to Supervisor (the image's entrypoint)."""
    booting.end_on_signal()
    try:
        context = booting.context_for(os.environ)
        if check:
            click.echo("the parameters are right")
        elif plan:
            booting.plan(context)
        else:
            booting.prepare(context)
            booting.hand_over(context)
    except OneError as error:
        _guarded(error)


@main.command()
@click.option("--state", type=click.Path(path_type=Path), help="State folder.", default=native.default_state)
@click.option("--timeout", default=60, help="Seconds to wait until it is healthy.", show_default=True)
def up(state: Path, timeout: int) -> None:
    """Start the front-end of one user, without a container, on SQLite, and wait until it is healthy."""
    try:
        native.up(state, timeout)
    except OneError as error:
        _guarded(error)


@main.command()
@click.option("--state", type=click.Path(path_type=Path), help="State folder.", default=native.default_state)
def down(state: Path) -> None:
    """Stop the front-end of one user in order."""
    try:
        native.down(state)
    except OneError as error:
        _guarded(error)


@main.command()
@click.option("--state", type=click.Path(path_type=Path), help="State folder of a native run.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def status(state: Path | None, as_json: bool) -> None:
    """Say how the front-end is, and each of its services; exit as the probe does."""
    if state is not None or not native.in_container():
        os.environ[ROOT_VARIABLE] = str((state or native.default_state()).absolute())
    if as_json:
        sys.exit(probe.main(["--json"]))
    health, details = probe.ask(services.run_folder(), "ready")
    click.echo(verdict.line(health))
    for name, detail in details.items():
        click.echo(f"  {name:30} {detail['status']:12} {detail['reason']}".rstrip())
    sys.exit(0 if health.status in verdict.HEALTHY else 1)


@main.command("tls-renew")
def tls_renew() -> None:
    """Renew a self-signed certificate that is about to end and restart what serves it (run daily by cron)."""
    from bootstrap import renewal

    try:
        renewal.renew()
    except OneError as error:
        _guarded(error)


@main.command("put-back")
@click.option("--since", type=int, required=True, help="Take back an upgrade of that time (epoch) or later only.")
@click.option("--force", is_flag=True, help="Also without a backup, where an oned has worked on the new database.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def put_back(since: int, force: bool, as_json: bool) -> None:
    """Put the database from before its upgrade back, with no other container on its volumes."""
    from bootstrap import put_back as way

    booting.end_on_signal()
    try:
        outcome = way.run(booting.context_for(os.environ), since, force=force)
    except OneError as error:
        _guarded(error)
    else:
        click.echo(json.dumps(asdict(outcome)) if as_json else outcome.text)


@main.command("confirm-upgrade")
def confirm_upgrade() -> None:
    """Drop the tables from before an upgrade that is a day old, if all is well (run daily by cron)."""
    from bootstrap import upgraded

    try:
        names = upgraded.confirm_old(Locations.from_environment(), time.time())
    except OneError as error:
        _guarded(error)
    else:
        if names:
            booting.log(f"the upgrade of the database is confirmed; dropped {', '.join(names)}")


@main.command()
@click.option("--format", "form", type=click.Choice(["markdown", "env", "names"]), default="markdown")
def parameters(form: str) -> None:
    """Print the parameters, as documentation or as an environment file."""
    click.echo(documentation.RENDERERS[form](), nl=False)


@main.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def upgrade(arguments: tuple[str, ...]) -> None:
    """Let a running container go on with a new image, or put the old one back (on the host; --help)."""
    try:
        from launcher.__main__ import main as launch
    except ModuleNotFoundError:
        click.echo("ERROR: 'oneedge upgrade' replaces this container: run it on the host, not inside.", err=True)
        sys.exit(64)
    sys.exit(launch(["upgrade", "--no-build", *arguments]))


if __name__ == "__main__":
    main()
