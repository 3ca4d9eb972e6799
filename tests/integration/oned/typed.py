"""Runs in the environment of ``opennebula-cli``: each line of input is a JSON list of words to run its ``one`` with.

Its own program imports for a second each time; a line of output is the exit code, the output and the errors.
"""

import importlib
import json
import sys


def main() -> None:
    """Until the input ends."""
    app = importlib.import_module("opennebula_cli.__main__").app
    runner = importlib.import_module("typer.testing").CliRunner()
    for line in sys.stdin:
        done = runner.invoke(app, json.loads(line))
        print(json.dumps([done.exit_code, done.stdout, done.stderr]), flush=True)


if __name__ == "__main__":
    main()
