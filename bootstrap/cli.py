"""``oneedge``: the entrypoint of the image, and the front-end of one user without a container."""

import os
import sys
from pathlib import Path

import click

from bootstrap import boot as booting
from bootstrap import documentation, native
from healthcheck import probe, verdict
from onelib import services
from onelib.errors import OneError, report
from onelib.locations import ROOT_VARIABLE


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


@main.command()
@click.option("--format", "form", type=click.Choice(["markdown", "env", "names"]), default="markdown")
def parameters(form: str) -> None:
    """Print the parameters, as documentation or as an environment file."""
    click.echo(documentation.RENDERERS[form](), nl=False)


if __name__ == "__main__":
    main()
