"""``top``: a view that keeps itself current."""

import sys
import time
from collections.abc import Callable

from flow.commands.errors import UnreachableError
from flow.commands.texts import aligned, body_of, line, printable, roles_of, state_text
from flow.types import JsonObject

_CLEAR = "\x1b[H\x1b[2J\x1b[3J"
_OTHER_SCREEN, _OWN_SCREEN = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_LAST_MESSAGES = 5


def watch(view: Callable[[], str], delay: float, times: int | None = None) -> int:
    """Show ``view()`` every ``delay`` seconds, ``times`` times or until the user ends it; the exit code.

    A terminal gets a screen of its own, anything else one view after the other. A server that does not answer is
    told, and asked again.
    """
    terminal = sys.stdout.isatty()
    if terminal:
        sys.stdout.write(_OTHER_SCREEN)
    try:
        while True:
            try:
                text = view()
            except UnreachableError as error:
                text = f"{error.message} Trying again."
            sys.stdout.write(f"{_CLEAR}{text}\n" if terminal else f"{text}\n\n")
            sys.stdout.flush()
            if times is not None:
                times -= 1
                if times <= 0:
                    return 0
            time.sleep(delay)
    except KeyboardInterrupt:
        return 0
    finally:
        if terminal:
            sys.stdout.write(_OWN_SCREEN)
            sys.stdout.flush()


def service_view(document: JsonObject) -> str:
    """One service: a line for each role, and what happened last."""
    body = body_of(document)
    head = f"SERVICE {document.get('ID')} {printable(document.get('NAME'))}: {state_text(body.get('state'))}"
    rows: list[list[object]] = [["ROLE", "STAT", "VMS", "MIN", "MAX", "POLICY"]]
    rows += [
        [
            role.get("name", ""),
            state_text(role.get("state")),
            f"{len(role.get('nodes') or [])}/{role.get('cardinality', '-')}",
            *("-" if role.get(name) is None else role[name] for name in ("min_vms", "max_vms")),
            _evaluated(role),
        ]
        for role in roles_of(body)
    ]
    log = [each for each in body.get("log") or [] if isinstance(each, dict)][-_LAST_MESSAGES:]
    messages = [line(time.strftime("%H:%M:%S", _local(each)), each.get("message", "")) for each in log]
    return "\n".join([head, "", aligned(rows, [True, True, False, False, False, True]), "", *messages]).rstrip()


def _local(entry: JsonObject) -> time.struct_time:
    stamp = entry.get("timestamp")
    return time.localtime(stamp if isinstance(stamp, int) and 0 <= stamp < 2**40 else 0)


def _evaluated(role: JsonObject) -> str:
    """The rules of the role, with the values that they had."""
    policies = [policy for policy in role.get("elasticity_policies") or [] if isinstance(policy, dict)]
    return "; ".join(str(each.get("expression_evaluated") or each.get("expression", "")) for each in policies)
