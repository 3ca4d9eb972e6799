"""The service table of this boot and Supervisor's configuration, both made from the descriptors."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

import bootstrap
from bootstrap import descriptors
from bootstrap.actions import Action, File
from bootstrap.context import Context
from onelib.locations import shared_data


def supervisor_configuration(context: Context, table: dict[str, object]) -> bytes:
    """supervisord.conf with one program for each service."""
    loader = FileSystemLoader(shared_data("supervisor"))
    environment = Environment(loader=loader, undefined=StrictUndefined, autoescape=False)  # noqa: S701 - no HTML
    return (
        environment.get_template("supervisord.conf.j2")
        .render(
            services=table["services"],
            maintenance=table["maintenance"],
            run=context.at.run,
            python=sys.executable,
            library=Path(bootstrap.__file__).resolve().parent.parent,
            log=context.at.log if context.native else None,
        )
        .encode()
    )


def enable(context: Context) -> Iterator[Action]:
    """Write ``services.json`` and ``supervisord.conf``."""
    table: dict[str, object] = {
        "version": 1,
        "maintenance": context.settings.maintenance,
        "boot": round(time.time(), 3),
        "services": descriptors.render(context, descriptors.enabled(context)),
    }
    run = context.at.run
    yield File(run / "supervisord.conf", supervisor_configuration(context, table))
    yield File(run / "services.json", json.dumps(table, indent=1).encode() + b"\n")
