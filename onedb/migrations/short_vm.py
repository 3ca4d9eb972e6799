"""The columns that 5.8 added to ``vm_pool``: the short body that lists show, and the words that searches look in."""

from collections.abc import Iterable, Mapping
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
)
_DISK = (
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
_NIC = (
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
_GRAPHICS = ("LISTEN", "PASSWD", "PORT", "RANDOM_PASSWD", "TYPE")
_USER = (
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
_RECORD = ("OID", "SEQ", "HOSTNAME", "HID", "CID", "DS_ID", "ACTION")
_TOKEN_HEAD = ("UNAME", "GNAME", "NAME", "DEPLOY_ID")
_TOKEN_CHARS = str.maketrans("-_.:", "____")

Parts = Mapping[str, Element]
"""The children of an element by name; of several the last."""
_NONE: Parts = {}


def _parts(element: Element | None) -> Parts:
    return _NONE if element is None else {str(child.tag): child for child in element}


def _leaf(name: str, parts: Parts) -> str:
    element = parts.get(name)
    return f"<{name}>{escape((element.text or '').strip()) if element is not None else ''}</{name}>"


def _some(names: Iterable[str], parts: Parts) -> str:
    """Those of ``names`` that there are, whole ones included, in that order."""
    return "".join(text(parts[n]) if len(parts[n]) else _leaf(n, parts) for n in names if n in parts)


def _all(tag: str, names: Iterable[str], elements: Iterable[Element]) -> str:
    return "".join(f"<{tag}>{_some(names, _parts(element))}</{tag}>" for element in elements)


def _template(template: Element | None) -> str:
    if template is None:
        return "<TEMPLATE/>"
    parts = _parts(template)
    return (
        f"<TEMPLATE>{_some(('AUTOMATIC_REQUIREMENTS', 'AUTOMATIC_DS_REQUIREMENTS', 'CPU'), parts)}"
        f"{_all('DISK', _DISK, template.iterfind('DISK'))}{_all('GRAPHICS', _GRAPHICS, template.iterfind('GRAPHICS'))}"
        f"{_some(('MEMORY',), parts)}{_all('NIC', _NIC, template.iterfind('NIC'))}</TEMPLATE>"
    )


def short_body(root: Element) -> str:
    """The short body of a virtual machine."""
    parts = _parts(root)
    records = parts.get("HISTORY_RECORDS")
    last = list(records)[-1:] if records is not None else []
    lock = f"<LOCK>{_some(('LOCKED',), _parts(parts['LOCK']))}</LOCK>" if "LOCK" in parts else ""
    monitoring = _some(("CPU", "MEMORY", "STATE"), _parts(parts.get("MONITORING")))
    return (
        f"<VM>{''.join([_leaf(name, parts) for name in (*_BEFORE, 'DEPLOY_ID')])}{lock}"
        f"{_template(parts.get('TEMPLATE'))}<MONITORING>{monitoring}</MONITORING>"
        f"<USER_TEMPLATE>{_some(_USER, _parts(parts.get('USER_TEMPLATE')))}</USER_TEMPLATE>"
        f"<HISTORY_RECORDS>{_all('HISTORY', _RECORD, last)}</HISTORY_RECORDS></VM>"
    )


def _token(name: str, content: str) -> str:
    return f"{name}={content.strip().translate(_TOKEN_CHARS)}\n"


def _tokens(template: Element | None) -> str:
    if template is None:
        return ""
    found = [e for child in template for e in (child if len(child) else (child,))]
    return "".join([_token(str(e.tag), e.text) for e in found if e.text])


def search_token(root: Element) -> str:
    """The words of a virtual machine: a line ``NAME=value`` each, with the ends of words made ``_``."""
    parts = _parts(root)
    records = parts.get("HISTORY_RECORDS")
    last = _parts(records[-1]) if records is not None and len(records) else _NONE
    named = [(name, parts) for name in _TOKEN_HEAD] + [
        (name, last) for name in ("HOSTNAME", "HID", "CID", "DS_ID")
    ]
    lines = [_token(name, found[name].text or "") for name, found in named if name in found]
    return "".join([*lines, _tokens(parts.get("TEMPLATE")), _tokens(parts.get("USER_TEMPLATE"))])
