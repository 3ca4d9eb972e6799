"""The record of an execution, as the server keeps it."""

from base64 import b64encode
from html import escape

from hem.execution import Result
from hem.journal import Execution

LARGEST_BYTES = 8 * 2**20
"""Of longer arguments only the beginning is kept, and such an execution cannot be tried again."""


def result_xml(execution: Execution, command: str, result: Result, *, remote: bool) -> str:
    """What the server keeps under HOOK_EXECUTION_RECORD; the outputs are in base64."""
    return (
        f"<ARGUMENTS>{_text(execution.arguments)}</ARGUMENTS>"
        f"<EXECUTION_RESULT><COMMAND>{_text(command[: LARGEST_BYTES // 4])}</COMMAND>"
        f"<STDOUT>{b64encode(result.stdout).decode()}</STDOUT>"
        f"<STDERR>{b64encode(result.stderr).decode()}</STDERR><CODE>{result.code}</CODE></EXECUTION_RESULT>"
        f"{f'<REMOTE_HOST>{_text(execution.host)}</REMOTE_HOST>' if remote and execution.host else ''}"
        f"{'<RETRY>yes</RETRY>' if execution.retry else ''}<UUID>{execution.uuid}</UUID>"
    )


def _text(value: str) -> str:
    return escape(value[:LARGEST_BYTES], quote=False)


def report(execution: Execution) -> bytes:
    """The message for the server."""
    return f"{execution.code} {execution.hook} {b64encode(execution.result.encode()).decode()}".encode()
