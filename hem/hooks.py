"""The hooks as the server has them: which of them an event starts, and with what arguments."""

from base64 import b64encode
from collections import defaultdict
from dataclasses import dataclass, field

from onelib.template_xml import Element, text_of

_YES = frozenset({"yes", "true"})


@dataclass(frozen=True)
class Hook:
    """A hook. ``key`` is the call of an API hook, or ``<object>/<state>/<lcm state>``.

    ``timeout`` is in seconds, 0 for none.
    """

    oid: int
    key: str
    command: str
    arguments: str = ""
    stdin: bool = False
    remote: bool = False
    timeout: float = 0

    @classmethod
    def of(cls, element: Element) -> "Hook":
        """The hook of an element HOOK."""

        def get(name: str) -> str:
            return text_of(element.find(f"TEMPLATE/{name}"))

        if text_of(element.find("TYPE")) == "api":
            key = get("CALL")
        else:
            key = f"{get('RESOURCE')}/{get('STATE')}/{get('LCM_STATE')}"
        seconds = get("TIMEOUT")
        return cls(
            oid=int(text_of(element.find("ID"), "-1")),
            key=key,
            command=get("COMMAND"),
            arguments=get("ARGUMENTS"),
            stdin=get("ARGUMENTS_STDIN").lower() in _YES,
            remote=get("REMOTE").lower() in _YES,
            timeout=float(seconds) if seconds.isascii() and seconds.isdigit() else 0,
        )


@dataclass
class Hooks:
    """All hooks, by their id and by what starts them."""

    by_id: dict[int, Hook] = field(default_factory=dict)
    by_key: dict[str, list[Hook]] = field(default_factory=dict)

    @classmethod
    def of(cls, pool: Element) -> "Hooks":
        """The hooks of ``one.hookpool.info``."""
        by_key: dict[str, list[Hook]] = defaultdict(list)
        by_id = {}
        for element in pool.findall("HOOK"):
            hook = Hook.of(element)
            by_id[hook.oid] = hook
            by_key[hook.key].append(hook)
        return cls(by_id, dict(by_key))

    def started_by(self, key: str) -> list[Hook]:
        """The hooks that the event ``key`` starts; an API hook is started by calls that fail too."""
        words = key.split()
        if len(words) < 3 or words[0] != "EVENT":
            return []
        if words[1] == "API":
            return self.by_key.get(words[2], [])
        return self.by_key.get(words[2].rpartition("/")[0], []) if words[1] == "STATE" else []


def _between(message: str, name: str) -> str:
    """The element ``name`` of a message, as it was sent; empty when there is none."""
    begin, end = message.find(f"<{name}>"), message.rfind(f"</{name}>")
    return message[begin : end + len(name) + 3] if 0 <= begin < end else ""


def _text(message: str, name: str) -> str:
    """The text of the first element ``name``, which holds names that need no escape."""
    begin = message.find(f"<{name}>")
    return message[begin + len(name) + 2 : message.find("<", begin + 1)] if begin != -1 else ""


def arguments(hook: Hook, message: str) -> str:
    """The arguments of ``hook``: ``$API`` and ``$TEMPLATE`` are what the event tells, in base64."""
    api = template = ""
    if _text(message, "HOOK_TYPE") == "API":
        api = _between(message, "CALL_INFO")
    else:
        template = _between(message, _text(message, "HOOK_OBJECT"))
    known = {"$API": api, "$TEMPLATE": template}
    words = (
        b64encode(known[word].encode()).decode() if word in known else word for word in hook.arguments.split()
    )
    return " ".join(words)


def remote_host(message: str) -> str:
    """The host that an event is about; empty when there is none."""
    return "" if _text(message, "HOOK_TYPE") == "API" else _text(message, "REMOTE_HOST")
