"""``onecfg validate``: can every file be read, and printed back as it was?"""

from pathlib import Path

import click

from onecfg.catalogue import Entry, existing
from onecfg.cli.output import Log, logging
from onecfg.disk import files, transaction
from onecfg.formats import load
from onecfg.model import PatchError
from onelib.locations import Locations


@click.command()
@click.option("--prefix", metavar="DIR", help="Root of the tree to check (default: /).")
@logging
def validate(prefix: str | None, *, log: Log) -> int:
    """Read every configuration file that a patch may name.

    The exit code is 0 when all of them are good, 1 when one is not, 255 when there is nothing to check.
    """
    locations = Locations(Path(prefix)) if prefix else Locations.from_environment()
    if settled := transaction.recover(locations):
        log.print("WARN", settled)
    results = []
    found = existing(locations)
    if not found:
        raise PatchError(f"There is no configuration below '{locations.root}'.", todo="Name its root in --prefix.")
    for name, entry in found.items():
        problem = _problem(name, entry, locations, log)
        if problem is None:
            log.info(f"File '{locations.under(name)}' - OK")
        else:
            log.print("ERROR", f"Unable to process file '{name}' - {problem}")
        results.append({"file": name, "good": problem is None, "problem": problem})
    log.result(results)
    return 0 if all(result["good"] for result in results) else 1


def _problem(name: str, entry: Entry, locations: Locations, log: Log) -> str | None:
    """Why the file cannot be patched, none when it can."""
    try:
        data = files.read(name, locations).data
        document = load(entry.kind, data.decode("utf-8", "surrogateescape"))
    except PatchError as error:
        return str(error)
    for warning in document.warnings():
        log.print("WARN", f"File '{name}': {warning}")
    same = document.render().encode("utf-8", "surrogateescape") == data
    return None if same else "It would not be printed back as it is. Report this as a fault of onecfg."
