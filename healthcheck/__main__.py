"""Run the probe: ``python -I -S .../healthcheck/__main__.py [--live|--ready|--startup] [--json]``.

As a file it needs neither the site module nor a module search for ``-m``, which would cost a third of its time.
"""

import os
import sys

sys.path.append(__file__.rsplit("/", 2)[0])

from healthcheck.probe import main  # importable only now

os._exit(main(sys.argv[1:]))  # its output is written; taking the interpreter apart would cost 1.5 ms
