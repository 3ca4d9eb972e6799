"""Tables and pages of services and service templates."""

from collections.abc import Callable

from flow.commands.texts import (
    aligned,
    body_of,
    csv_text,
    formatted,
    line,
    permissions,
    printable,
    roles_of,
    state_text,
    time_text,
)
from flow.types import JsonObject

Column = tuple[str, bool, Callable[[JsonObject], object]]
"""Name, whether it is flush left, and what it shows of a document."""
_COMMON: tuple[Column, ...] = (
    ("ID", False, lambda document: document.get("ID", "")),
    ("USER", True, lambda document: document.get("UNAME", "")),
    ("GROUP", True, lambda document: document.get("GNAME", "")),
    ("NAME", True, lambda document: document.get("NAME", "")),
)
SERVICES: tuple[Column, ...] = (
    *_COMMON,
    ("STARTTIME", False, lambda document: time_text(body_of(document).get("start_time"))),
    ("STAT", True, lambda document: state_text(body_of(document).get("state"))),
)
TEMPLATES: tuple[Column, ...] = (
    *_COMMON,
    ("REGTIME", False, lambda document: time_text(body_of(document).get("registration_time"))),
)


def table(columns: tuple[Column, ...], documents: list[JsonObject], form: str = "") -> str:
    """``documents`` as rows, below the names of the columns; ``form`` is empty or ``csv``."""
    rows: list[list[object]] = [
        [name for name, _, _ in columns],
        *([value(document) for _, _, value in columns] for document in documents),
    ]
    return csv_text(rows) if form == "csv" else aligned(rows, [left for _, left, _ in columns])


def template_page(document: JsonObject) -> str:
    """``show`` of a service template."""
    body = body_of(document)
    facts = [*_facts(document), line("REGISTRATION TIME", time_text(body.get("registration_time")))]
    return "\n".join(
        [
            f"SERVICE TEMPLATE {document.get('ID')} INFORMATION",
            *facts,
            "",
            *permissions(document),
            "",
            "TEMPLATE CONTENTS",
            formatted("json", body),
        ]
    )


def service_page(document: JsonObject) -> str:
    """``show`` of a service: itself, its roles with their policies and machines, its last messages."""
    body = body_of(document)
    facts = [
        *_facts(document),
        line("STRATEGY", body.get("deployment", "none")),
        line("SERVICE STATE", state_text(body.get("state"))),
        line("START TIME", time_text(body.get("start_time"))),
        *_some(body, ("shutdown_action", "SHUTDOWN")),
    ]
    parts = ["\n".join([f"SERVICE {document.get('ID')} INFORMATION", *facts]), "\n".join(permissions(document))]
    parts += [_role(role) for role in roles_of(body)]
    log = body.get("log")
    if isinstance(log, list) and log:
        parts.append("\n".join(["LOG MESSAGES", *(_message(each) for each in log if isinstance(each, dict))]))
    return "\n\n".join(parts)


def _facts(document: JsonObject) -> list[str]:
    names = (("ID", "ID"), ("NAME", "NAME"), ("UNAME", "USER"), ("GNAME", "GROUP"))
    return [line(shown, document.get(name, "")) for name, shown in names]


def _some(found: JsonObject, *names: tuple[str, str], unit: str = "") -> list[str]:
    return [line(shown, f"{found[name]}{unit}") for name, shown in names if found.get(name) is not None]


def _message(entry: JsonObject) -> str:
    return printable(f"{time_text(entry.get('timestamp'))} [{entry.get('severity')}] {entry.get('message')}")


def _role(role: JsonObject) -> str:
    lines = [f"ROLE {printable(role.get('name'))}", line("ROLE STATE", state_text(role.get("state")))]
    if role.get("parents"):
        lines.append(line("PARENTS", ", ".join(map(str, role["parents"]))))
    lines += _some(role, ("vm_template", "VM TEMPLATE"), ("cardinality", "CARDINALITY"))
    lines += _some(role, ("min_vms", "MIN VMS"), ("max_vms", "MAX VMS"))
    lines += _some(role, ("cooldown", "COOLDOWN"), unit="s")
    lines += _some(role, ("shutdown_action", "SHUTDOWN"))
    for title, make in (("elasticity_policies", _elasticity), ("scheduled_policies", _schedule)):
        policies = [policy for policy in role.get(title) or [] if isinstance(policy, dict)]
        if policies:
            lines += ["", title.upper().replace("_", " "), make(policies)]
    nodes = [node for node in role.get("nodes") or [] if isinstance(node, dict)]
    return "\n".join([*lines, *(["", _machines(nodes)] if nodes else [])])


def _machines(nodes: list[JsonObject]) -> str:
    rows: list[list[object]] = [["VM_ID", "NAME", "USER", "GROUP"]]
    for node in nodes:
        info = node.get("vm_info")
        vm = info.get("VM") if isinstance(info, dict) else None
        known = vm if isinstance(vm, dict) else {}
        rows.append([node.get("deploy_id", "-"), *(known.get(name, "") for name in ("NAME", "UNAME", "GNAME"))])
    return aligned(rows, [False, True, True, True])


def adjustment(policy: JsonObject) -> str:
    """What a policy does to the number of machines: ``+ 1``, ``= 4``, ``- 20 % (2)``."""
    try:
        amount = int(policy.get("adjust") or 0)
    except (TypeError, ValueError):
        return "-"
    kind, sign = policy.get("type"), "-" if amount < 0 else "+"
    if kind == "CARDINALITY":
        return f"= {abs(amount)}"
    if kind != "PERCENTAGE_CHANGE":
        return f"{sign} {abs(amount)}"
    least = policy.get("min_adjust_step")
    return f"{sign} {abs(amount)} %" + (f" ({least})" if least else "")


def _elasticity(policies: list[JsonObject]) -> str:
    rows: list[list[object]] = [["ADJUST", "EXPRESSION", "EVALS", "PERIOD", "COOL"]]
    for policy in policies:
        count = policy.get("period_number")
        evaluations = f"{policy.get('true_evals') or 0}/{count}" if count else "-"
        times = (f"{policy[name]}s" if policy.get(name) else "-" for name in ("period", "cooldown"))
        expression = policy.get("expression_evaluated") or policy.get("expression", "")
        rows.append([adjustment(policy), expression, evaluations, *times])
    return aligned(rows, [True, True, False, False, False])


def _schedule(policies: list[JsonObject]) -> str:
    rows: list[list[object]] = [["ADJUST", "TIME"]]
    rows += [[adjustment(policy), policy.get("start_time") or policy.get("recurrence", "")] for policy in policies]
    return aligned(rows, [True, True])
