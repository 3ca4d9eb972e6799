"""The dummy of disks between datastores and hosts."""

from edge.dummy.behaviour import Dummy, find, space, unknown
from onelib.driver import DriverError
from onelib.template_xml import Element

COMMANDS = frozenset(
    {
        "clone",
        "context",
        "cpds",
        "delete",
        "failmigrate",
        "ln",
        "mkimage",
        "mkswap",
        "mv",
        "mvds",
        "postmigrate",
        "premigrate",
        "resize",
        "snap_create",
        "snap_create_live",
        "snap_delete",
        "snap_revert",
    }
)


class Tm(Dummy):
    """Moves nothing. FAIL and HANG name commands (``clone``), or ``transfer`` for any."""

    def steps(self, action: str, root: Element | None, message: str) -> list[str]:
        """The action and the verbs of its lines. Raises :class:`DriverError` for an unknown one."""
        text = message if root is None else find(root, "COMMANDS")
        if action != "TRANSFER":
            return [action.lower()]
        lines = [line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        verbs = [words[0].lower().partition(".")[0] for words in lines]
        for verb in verbs:
            if verb not in COMMANDS:
                raise DriverError(f"Driver path '{verb}' does not exists")
        return [action.lower(), *verbs]

    def answer(self, action: str, oid: int, root: Element | None, task: str) -> str:
        """TRANSFER: nothing; MONITOR: how full a system datastore is, a template."""
        _ = oid, root, task
        if action == "MONITOR":
            return space()
        if action != "TRANSFER":
            raise unknown(action)
        return ""
