"""Images of releases to come, made from the real one: they have one more step of the database, from 6.0 to 6.2.

``working``   the step adds an element to users and to datastores
``failing``   the step works on users and fails at the datastore 1
``slow``      as working, at three seconds a datastore, so that it can be killed in the middle
``silent``    as working, and its oned never answers
``breaking``  as working, and its oned works for two seconds and dies, each time
``same``      the real image under another name and identifier

``python -m tests.support.next_image KIND TAG [BASE]`` makes one by hand, with the engine of the tests.
"""

import contextlib
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from tests.support.engine import ENGINE, IMAGE, PREFIX, engine, status

KINDS = ("working", "failing", "slow", "silent", "breaking", "same")
VERSION = "6.2.0"
"""Of both halves of the database, after the step."""
MARK = "<NEXT_RELEASE>yes</NEXT_RELEASE>"
"""What the step adds to the bodies of users and datastores."""
SLOW_SECONDS = 3.0
"""What ``slow`` takes for each datastore; a front-end has three at least."""

_CONTAINERFILE = """\
ARG BASE
FROM ${BASE}
LABEL oneedge.next="%s"
COPY *.py /tmp/next/
RUN python3 -I /tmp/next/change.py && rm -r /tmp/next
"""

_STEP = f'''
"""6.0 to 6.2."""

import time

from oned.database import schema
from onedb.migrations.step import MigrationError, Step, TableChange, key_of

KIND = "%s"


def _marked(layout, end):
    def change(_context, row):
        if layout is schema.datastore_pool and KIND == "slow":
            time.sleep({SLOW_SECONDS})
        if layout is schema.datastore_pool and KIND == "failing" and row["oid"] == 1:
            raise MigrationError(layout.name, key_of(layout, row), "this step fails on purpose")
        return ({{**row, "body": row["body"].replace(end, "{MARK}" + end)}},)

    return TableChange(layout, change)


SHARED = Step("shared", "6.0.0", "{VERSION}", (_marked(schema.user_pool, "</USER>"),))
LOCAL = Step("local", "6.0.0", "{VERSION}", (_marked(schema.datastore_pool, "</DATASTORE>"),))
'''

_SILENT = "import signal\n\nsignal.pause()\n"
_BREAKING = """\
import os
import sys
import threading

from oned.cli_of_base import main

threading.Timer(2.0, os._exit, (1,)).start()
sys.exit(main())
"""

_CHANGE = f"""
import compileall
import pathlib
import py_compile
import shutil
import sys

base = pathlib.Path("/opt/oneedge/lib/python3.11/site-packages")
here = pathlib.Path("/tmp/next")


def replace(name, old, new):
    path = base / name
    text = path.read_text()
    assert text.count(old) == 1, (name, old)
    path.write_text(text.replace(old, new))


replace("onedb/version.py", 'REQUIRED = "6.0.0"', 'REQUIRED = "{VERSION}"')
replace("onedb/migrations/chain.py", 'LATEST = "6.0.0"', 'LATEST = "{VERSION}"')
replace("oned/database/schema.py", 'SCHEMA_VERSION = "6.0.0"', 'SCHEMA_VERSION = "{VERSION}"')
chain = base / "onedb/migrations/chain.py"
chain.write_text(
    chain.read_text()
    + "\\nfrom onedb.migrations import next_step\\n\\nSHARED += (next_step.SHARED,)\\nLOCAL += (next_step.LOCAL,)\\n"
)
shutil.copy(here / "next_step.py", base / "onedb/migrations/next_step.py")
if (here / "cli.py").exists():
    shutil.move(base / "oned/cli.py", base / "oned/cli_of_base.py")
    shutil.copy(here / "cli.py", base / "oned/cli.py")
for folder in ("onedb", "oned"):
    compileall.compile_dir(
        base / folder, quiet=1, force=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
"""


def make(kind: str, tag: str, base: str = IMAGE) -> None:
    """Build the image ``tag`` of one of :data:`KINDS` from ``base``."""
    assert kind in KINDS, kind
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        containerfile = _CONTAINERFILE % kind
        if kind == "same":
            containerfile = containerfile.partition("COPY")[0]
        (folder / "Containerfile").write_text(containerfile)
        (folder / "change.py").write_text(_CHANGE)
        (folder / "next_step.py").write_text(_STEP % kind)
        program = {"silent": _SILENT, "breaking": _BREAKING}.get(kind)
        if program:
            (folder / "cli.py").write_text(program)
        options = ["--pull=never", "--format=docker"] if ENGINE == "podman" else []
        words = ["--tag", tag, "--file", f"{folder}/Containerfile", "--build-arg", f"BASE={base}"]
        engine("build", "--quiet", *options, *words, str(folder), timeout=300)


@contextlib.contextmanager
def next_image(kind: str, tag: str = "", base: str = IMAGE) -> Iterator[str]:
    """The name of such an image, gone at the end."""
    local = "localhost/" if ENGINE == "podman" else ""
    name = tag or f"{local}{PREFIX}next-{kind}:{uuid.uuid4().hex[:10]}"
    make(kind, name, base)
    try:
        yield name
    finally:
        status(["image", "rm", "--force", name])


if __name__ == "__main__":
    make(*sys.argv[1:])
