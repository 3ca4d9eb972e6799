#!/bin/sh
# The image's entrypoint: see `oneedge boot --help`.
exec /opt/oneedge/bin/python -I -m bootstrap.cli boot "$@"
