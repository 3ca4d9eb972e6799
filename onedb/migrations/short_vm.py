"""The columns that 5.8 added to ``vm_pool``: the short body that lists show, and the words that searches look in."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from xml.sax.saxutils import escape

from onedb.migrations.bodies import Element, text

_BEFORE = (
    "ID",
    "UID",
    "GID",
    "UNAME",
    "GNAME",
    "NAME",
    "LAST_POLL",
    "STATE",
    "LCM_STATE",
    "RESCHED",
    "STIME",
    "ETIME",
    "DEPLOY_ID",
)
_DISK = frozenset(
    (
        "DATASTORE",
        "DATASTORE_ID",
        "DISK_ID",
        "IMAGE",
        "IMAGE_ID",
        "SIZE",
        "TARGET",
        "TYPE",
        "CLONE",
        "CLONE_TARGET",
        "LN_TARGET",
        "DISK_SNAPSHOT_TOTAL_SIZE",
    )
)
_NIC = frozenset(
    (
        "IP",
        "IP6",
        "IP6_ULA",
        "IP6_LINK",
        "IP6_GLOBAL",
        "MAC",
        "NETWORK",
        "NETWORK_ID",
        "NIC_ID",
        "SECURITY_GROUPS",
    )
)
_GRAPHICS = frozenset(("LISTEN", "PASSWD", "PORT", "RANDOM_PASSWD", "TYPE"))
_USER = frozenset(
    (
        "LABELS",
        "SCHED_RANK",
        "RANK",
        "SCHED_DS_RANK",
        "PUBLIC_CLOUD",
        "EC2",
        "SCHED_REQUIREMENTS",
        "SCHED_DS_REQUIREMENTS",
        "SCHED_MESSAGE",
        "USER_PRIORITY",
    )
)
_RECORD = frozenset(("OID", "SEQ", "HOSTNAME", "HID", "CID", "DS_ID", "ACTION"))
_FIRST = frozenset(("AUTOMATIC_REQUIREMENTS", "AUTOMATIC_DS_REQUIREMENTS", "CPU", "MEMORY"))
_MEASURED = frozenset(("CPU", "MEMORY", "STATE"))
_LOCK = frozenset(("LOCKED",))
_TOKEN_HEAD = ("UNAME", "GNAME", "NAME", "DEPLOY_ID")
_TOKEN_RECORD = ("HOSTNAME", "HID", "CID", "DS_ID")

Parts = Mapping[str, Element]
"""The children of an element by name; of several the last."""


def _parts(element: Element) -> Parts:
    return {str(child.tag): child for child in element}


def _xml(content: str | None) -> str:
    """A text as XML has it; most have nothing to escape."""
    if not content:
        return ""
    return escape(content) if "&" in content or "<" in content or ">" in content else content


def _some(names: AbstractSet[str], element: Element | None) -> str:
    """The children of those names, whole ones included."""
    if element is None:
        return ""
    found = [(child, child.tag) for child in element if child.tag in names]
    return "".join([text(c) if len(c) else f"<{tag!s}>{_xml(c.text)}</{tag!s}>" for c, tag in found])


def _template(template: Element | None) -> str:
    """Single values, then devices by kind."""
    if template is None:
        return "<TEMPLATE/>"
    kinds: Iterable[tuple[str, AbstractSet[str]]] = (("DISK", _DISK), ("NIC", _NIC), ("GRAPHICS", _GRAPHICS))
    devices = [f"<{kind}>{_some(names, e)}</{kind}>" for kind, names in kinds for e in template.iterfind(kind)]
    return f"<TEMPLATE>{_some(_FIRST, template)}{''.join(devices)}</TEMPLATE>"


def _last_record(parts: Parts) -> Element | None:
    records = parts.get("HISTORY_RECORDS")
    return records[-1] if records is not None and len(records) else None


def short_body(root: Element) -> str:
    """The short body of a virtual machine."""
    parts = _parts(root)
    last = _last_record(parts)
    head = [f"<{n}>{_xml(parts[n].text) if n in parts else ''}</{n}>" for n in _BEFORE]
    lock = f"<LOCK>{_some(_LOCK, parts['LOCK'])}</LOCK>" if "LOCK" in parts else ""
    record = "" if last is None else f"<HISTORY>{_some(_RECORD, last)}</HISTORY>"
    return (
        f"<VM>{''.join(head)}{lock}{_template(parts.get('TEMPLATE'))}"
        f"<MONITORING>{_some(_MEASURED, parts.get('MONITORING'))}</MONITORING>"
        f"<USER_TEMPLATE>{_some(_USER, parts.get('USER_TEMPLATE'))}</USER_TEMPLATE>"
        f"<HISTORY_RECORDS>{record}</HISTORY_RECORDS></VM>"
    )


def _tokens(template: Element | None) -> list[str]:
    if template is None:
        return []
    found = [e for child in template for e in (child if len(child) else (child,))]
    return [f"{e.tag!s}={content}" for e in found if (content := e.text)]


def search_token(root: Element) -> str:
    """The words of a virtual machine: a line ``NAME=value`` each, with what ends a word made ``_``."""
    parts = _parts(root)
    last = _last_record(parts)
    record = {} if last is None else _parts(last)
    named = [(name, parts) for name in _TOKEN_HEAD] + [(name, record) for name in _TOKEN_RECORD]
    lines = [f"{name}={found[name].text or ''}" for name, found in named if name in found]
    lines += _tokens(parts.get("TEMPLATE")) + _tokens(parts.get("USER_TEMPLATE"))
    return ("\n".join(lines) + "\n").replace("-", "_").replace(".", "_").replace(":", "_")
