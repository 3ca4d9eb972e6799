"""``show``: one object for people, in sections; or as JSON, YAML or XML."""

from oneclient.documents import number_at, plain, printable, time_text, to_format
from oneclient.states import SHORT, short, vm_state
from oneclient.table import Resource
from onelib.template_xml import Element, text_of

_TIMES = {"STIME", "ETIME", "REGTIME", "LAST_POLL"}
_TEMPLATES = {"TEMPLATE", "USER_TEMPLATE"}
_WIDTH = 20


def show_text(resource: Resource, root: Element, form: str = "") -> str:
    """The text of ``show``; ``form`` as in :mod:`oneclient.documents`."""
    if form:
        return to_format(form, root, {str(root.tag): plain(root)})
    facts = [_line(name, value) for name, value in _facts(resource, root)]
    parts = [_section(f"{resource.title} {text_of(root.find('ID'))} INFORMATION", facts)]
    permissions = root.find("PERMISSIONS")
    if permissions is not None:
        parts.append(_section("PERMISSIONS", [_line(who, _rights(permissions, who)) for who in _WHO]))
    for child in root:
        lines = _lines(child) if len(child) and child.tag not in _APART and not _ids(child) else []
        if lines:
            parts.append(_section(str(child.tag).replace("_", " "), lines))
    return "\n\n".join(parts)


_APART = {"PERMISSIONS", "LOGIN_TOKEN"}  # shown above, and a secret
_WHO = ("OWNER", "GROUP", "OTHER")


def _section(title: str, lines: list[str]) -> str:
    return "\n".join([title, *lines])


def _line(name: str, value: str) -> str:
    return f"{name:<{_WIDTH}}: {printable(value)}".rstrip()


def _rights(permissions: Element, who: str) -> str:
    bits = zip("uma", ("U", "M", "A"), strict=True)
    return "".join(letter if number_at(permissions, f"{who}_{bit}") else "-" for letter, bit in bits)


def _ids(element: Element) -> bool:
    """A list of ids, which is one fact."""
    return all(child.tag == "ID" for child in element)


def _facts(resource: Resource, root: Element) -> list[tuple[str, str]]:
    facts = []
    for child in root:
        name = str(child.tag)
        if len(child) and _ids(child):
            facts.append((name, ", ".join(text_of(found) for found in child)))
        elif not len(child) and name not in _TEMPLATES and name != "PASSWORD":
            facts.append((name, _fact(resource, root, name, text_of(child))))
    return facts


def _fact(resource: Resource, root: Element, name: str, text: str) -> str:
    """``text`` with the name of a state or type behind its number, times as times."""
    if name in _TIMES:
        return time_text(text)
    if name == "STATE" and resource.name == "vm":
        return f"{text} ({vm_state(number_at(root, 'STATE'), number_at(root, 'LCM_STATE'))})"
    kind = {"STATE": resource.name, "TYPE": f"{resource.name}_type"}.get(name, "")
    return f"{text} ({short(kind, int(text))})" if kind in SHORT and text.isdigit() else text


def _lines(element: Element) -> list[str]:
    """What is below ``element``: single attributes as lines, vectors in brackets as templates write them."""
    lines = []
    for child in element:
        name = str(child.tag)
        if len(child):
            lines += _vector(name, child)
        elif text_of(child):
            lines.append(f'{name}="{printable(text_of(child))}"')
    return lines


def _vector(name: str, element: Element) -> list[str]:
    """One vector on lines of its own; what is deeper is named by its path."""
    inner = [f'  {path}="{printable(text)}"' for path, text in _leaves(element)]
    return (
        [f"{name}=[", *(f"{line}," for line in inner[:-1]), *(f"{line} ]" for line in inner[-1:])] if inner else []
    )


def _leaves(element: Element, above: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for child in element:
        path = above + str(child.tag)
        if len(child):
            found += _leaves(child, f"{path}/")
        elif text_of(child):
            found.append((path, text_of(child)))
    return found
