#!/usr/bin/python3 -IS
# The image's health check, in one process: no shell, no virtual environment, the standard library alone.
import sys

sys.path.append("/opt/oneedge/lib/python3.11/site-packages")
from healthcheck.probe import main

sys.exit(main(sys.argv[1:]))
