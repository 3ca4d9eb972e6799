"""Start the runner from a file, as Supervisor does: ``python -I -S .../bootstrap/start.py NAME``.

Without ``-m`` and without the site module a start costs a third less, and sixteen of them share two cores at boot.
Appended, not put first: a module of the standard library always wins.
"""

import sys

sys.path.append(__file__.rsplit("/", 2)[0])

from bootstrap.service import main  # importable only now

sys.exit(main(sys.argv[1:]))
