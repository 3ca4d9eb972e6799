"""Rules of access: ``@1 VM+IMAGE/#3 USE+MANAGE *`` to the numbers that the API takes, and to upstream's columns."""

from oneclient.errors import UsageError

_SCOPES = {"#": 0x1_0000_0000, "@": 0x2_0000_0000, "%": 0x8_0000_0000}
_ALL = 0x4_0000_0000
# In the order of the column RES_VHNIUTGDCOZSvRMAPt.
_RESOURCES = {
    "VM": ("V", 0x10_0000_0000),
    "HOST": ("H", 0x20_0000_0000),
    "NET": ("N", 0x40_0000_0000),
    "IMAGE": ("I", 0x80_0000_0000),
    "USER": ("U", 0x100_0000_0000),
    "TEMPLATE": ("T", 0x200_0000_0000),
    "GROUP": ("G", 0x400_0000_0000),
    "DATASTORE": ("D", 0x1000_0000_0000),
    "CLUSTER": ("C", 0x2000_0000_0000),
    "DOCUMENT": ("O", 0x4000_0000_0000),
    "ZONE": ("Z", 0x8000_0000_0000),
    "SECGROUP": ("S", 0x1_0000_0000_0000),
    "VDC": ("v", 0x2_0000_0000_0000),
    "VROUTER": ("R", 0x4_0000_0000_0000),
    "MARKETPLACE": ("M", 0x8_0000_0000_0000),
    "MARKETPLACEAPP": ("A", 0x10_0000_0000_0000),
    "VMGROUP": ("P", 0x20_0000_0000_0000),
    "VNTEMPLATE": ("t", 0x40_0000_0000_0000),
}
_RIGHTS = {"USE": ("u", 1), "MANAGE": ("m", 2), "ADMIN": ("a", 4), "CREATE": ("c", 8)}


def _scope(text: str) -> int:
    if text == "*":
        return _ALL
    if text[:1] in _SCOPES and text[1:].isascii() and text[1:].isdigit():
        return _SCOPES[text[0]] | int(text[1:])
    raise UsageError(f"{text!r} in a rule says nobody.", todo="Write * for all, #ID for one, @GROUP or %CLUSTER.")


def _sum(text: str, known: dict[str, tuple[str, int]], what: str) -> int:
    bits = 0
    for name in text.split("+"):
        if name not in known:
            raise UsageError(f"{name!r} is no {what} of a rule.", todo=f"There are {', '.join(known)}.")
        bits |= known[name][1]
    return bits


def rule_numbers(words: list[str]) -> list[str]:
    """User, resource, rights and zone (this one's without it) in hexadecimal. Raises :class:`UsageError`."""
    parts = " ".join(words).split()
    if len(parts) not in {3, 4}:
        raise UsageError("A rule has three or four parts.", todo='For example "@1 VM+IMAGE/* USE+CREATE".')
    user, resource, rights = parts[:3]
    kinds, _, scope = resource.partition("/")
    numbers = [
        _scope(user),
        _sum(kinds, _RESOURCES, "resource") | _scope(scope or "*"),
        _sum(rights, _RIGHTS, "right"),
        *([_scope(parts[3])] if len(parts) == 4 else []),
    ]
    return [f"{number:x}" for number in numbers]


def _mask(text: str, known: dict[str, tuple[str, int]]) -> str:
    names = set(text.split("+"))
    return "".join(letter if name in names else "-" for name, (letter, _) in known.items())


def columns(rule: str) -> dict[str, str]:
    """Upstream's columns of the rule in its text form."""
    user, resource, rights, zone = (*rule.split(), "", "", "", "")[:4]
    kinds, _, scope = resource.partition("/")
    return {
        "USER": user,
        "RES_VHNIUTGDCOZSvRMAPt": _mask(kinds, _RESOURCES),
        "RID": scope,
        "OPE_UMAC": _mask(rights, _RIGHTS),
        "ZONE": zone,
    }
