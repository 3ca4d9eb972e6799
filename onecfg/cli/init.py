"""``onecfg init``: record the version of the configuration."""

import click

from onecfg.cli.output import Log, logging
from onecfg.disk import transaction
from onecfg.upgrades import state, versions
from onecfg.upgrades.versions import Version
from onelib.locations import Locations


@click.command()
@click.option("-f", "--force", is_flag=True, help="Write the version anew when one is recorded.")
@click.option(
    "--to", "to_version", metavar="VERSION", help="Version of the configuration (default: OpenNebula's)."
)
@logging
def init(*, force: bool, to_version: str | None, log: Log) -> int:
    """Record which release the configuration belongs to.

    That is needed once, where an OpenNebula was installed before onecfg. The exit code is 0, or 255 on failure.
    """
    locations = Locations.from_environment()
    path = state.path(locations)
    transaction.recover(locations)
    if path.exists() and not force:
        log.print("ANY", "Already initialized")
        log.result({"initialized": False, "version": None})
        return 0
    version = Version.parse(to_version) if to_version else versions.detect()
    state.save(state.renewed(locations, version), locations)
    log.info(f"Initialized on version {version}")
    log.result({"initialized": True, "version": str(version)})
    return 0
