"""Stand-ins for two releases of the front-end, so that every way an upgrade can end is seen in seconds.

A release has a number and a kind. Its "database" is a file with a number on the volume of MariaDB: a release brings an
older one to its own number and keeps what was, refuses a newer one, and says so where another container is at it too.
``works``, ``slow`` (the step takes 8 s), ``fails`` (the step does), ``silent`` (the step works, nothing answers then),
``ends`` (the container does, at once), ``plain`` (has no way to put a database back).
"""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from launcher import base
from launcher.engine import Engine

CONTAINERFILE = """\
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
COPY boot /frontend-bootstrap.sh
COPY probe /frontend-healthcheck.sh
COPY oneedge onedb release /usr/local/bin/
RUN chmod 755 /frontend-*.sh /usr/local/bin/*; [ "$(. /usr/local/bin/release; echo $KIND)" != plain ] \
    || rm /usr/local/bin/oneedge
ENV COLOUR=of-the-image
LABEL colour=of-the-image
VOLUME ["/var/lib/mysql", "/var/lib/beyond"]
EXPOSE 80 2633
ENTRYPOINT ["/frontend-bootstrap.sh"]
HEALTHCHECK --interval=5s CMD ["/frontend-healthcheck.sh"]
"""

BOOT = """\
#!/bin/bash
. /usr/local/bin/release
cd /var/lib/mysql
say() { echo "$1" >/run/next && mv /run/next /run/text; echo "$1"; }
stay() { while :; do sleep 0.2 & wait $!; done; }
trap 'echo stopped $RELEASE >>history; exit 0' TERM
exec 9>>lock
flock -n 9 || { echo twice >>history; exit 9; }
echo started $RELEASE $KIND >>history
has=$(cat number 2>/dev/null) || has=$RELEASE
[ "$has" -le "$RELEASE" ] || { say "failed: opennebula: the database is of the newer release $has"; stay; }
[ "$KIND" != ends ] || { echo "there is no way on"; exit 7; }
if [ "$has" -lt "$RELEASE" ]; then
    say "upgrading (users, 40%)"
    sleep 0.6 & wait $!
    [ "$KIND" != slow ] || { sleep 8 & wait $!; }
    [ "$KIND" != fails ] || { say "failed: opennebula: the database upgrade failed, users 7"; stay; }
    cp number number.before
fi
echo $RELEASE >number.next && mv number.next number
[ "$KIND" != silent ] || { say "starting (waiting for oned)"; stay; }
say ok
stay
"""

PROBE = """\
#!/bin/sh
text=$(cat /run/text 2>/dev/null) || text="starting (waiting for the bootstrap)"
[ "$MAINTENANCE_MODE" != yes ] || text=maintenance
echo "$text"
case $text in ok|maintenance) ;; *) exit 1 ;; esac
"""

ONEEDGE = """\
#!/bin/bash
[ "$1" = put-back ] || exit 2
[ "$2" != --help ] || exit 0
[ "$2" = --since ] && [ "$3" -gt 1600000000 ] && [ "$4" = --json ] || exit 64
cd /var/lib/mysql
exec 9>>lock
flock -n 9 || { echo twice >>history; exit 9; }
echo put back >>history
[ ! -e broken ] || { echo "ERROR: the database cannot be put back: a tooth is broken" >&2; exit 88; }
result=nothing
[ ! -e number.before ] || { mv number.before number; result=exchanged; }
echo "{\\"result\\": \\"$result\\", \\"backup\\": null, \\"seconds\\": 0.1}"
"""

ONEDB = """\
#!/bin/sh
[ "$*" = "upgrade --confirm" ] || exit 2
rm -f /var/lib/mysql/number.before
"""


@contextlib.contextmanager
def release(engine: Engine, name: str, number: int, kind: str = "works") -> Iterator[str]:
    """The name of the stand-in's image, gone at the end."""
    tag = base.local(engine, name)
    files = {"boot": BOOT, "probe": PROBE, "oneedge": ONEEDGE, "onedb": ONEDB, "Containerfile": CONTAINERFILE}
    files["release"] = f"RELEASE={number}\nKIND={kind}\n"
    with tempfile.TemporaryDirectory() as folder:
        for file, text in files.items():
            (Path(folder) / file).write_text(text)
        # OCI images know no health check.
        options = ["--format=docker"] if engine.podman else []
        argument = f"BASE_IMAGE={base.local(engine, base.NAME)}"
        words = ("--tag", tag, "--file", f"{folder}/Containerfile", "--build-arg", argument)
        engine.must("build", *options, *words, folder, timeout=300)
    try:
        yield tag
    finally:
        engine.run("image", "rm", "--force", tag)
