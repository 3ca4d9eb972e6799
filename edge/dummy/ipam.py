"""The dummy of address ranges from elsewhere: a small register in ``/var/lib/one/dummy_ipam.json``.

An address range says in attributes of its own what it asks for: ``DUMMY_DELAY``, ``DUMMY_FAIL``, ``DUMMY_FAIL_ONCE``,
``DUMMY_HANG``, with the actions ``register_address_range``, ``get_address`` and so on.
"""

import fcntl
import ipaddress
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO
from xml.sax.saxutils import escape

from edge.dummy.behaviour import Dummy, find, parse, unknown
from onelib.driver import DriverError, DriverSettings
from onelib.template_xml import Element, text_of

_GIVEN = {
    "TYPE": "IP4",
    "IP": "10.0.0.1",
    "SIZE": "100",
    "NETWORK_MASK": "255.255.255.0",
    "GATEWAY": "10.0.0.1",
    "DNS": "10.0.0.1",
}
_WISHES = ("DELAY", "FAIL", "HANG")

Taken = dict[str, str]
"""Which request has each address."""


class Ipam(Dummy):
    """Gives 10.0.0.1 and the 99 addresses after it, or what is asked for. The same request gets the same answer."""

    def __init__(self, settings: DriverSettings) -> None:
        super().__init__(settings)
        self._failed_once: set[tuple[str, str]] = set()

    async def call(self, action: str, oid: int, message: str, task: str) -> str:
        """Wait, fail or answer, as the range asks. Raises :class:`onelib.driver.DriverError`."""
        root = parse(message)
        wishes = [(name, find(root, f"AR/DUMMY_{name}")) for name in _WISHES]
        inner = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in wishes if text)
        if inner and message.rstrip().endswith(">"):
            head, _, tail = message.rstrip().rpartition("</")
            message = f"{head}<DUMMY>{inner}</DUMMY></{tail}"
        self._fail_once(root, action.lower())
        return await super().call(action, oid, message, task)

    def _fail_once(self, root: Element | None, step: str) -> None:
        """Raise :class:`onelib.driver.DriverError` the first time; what is asked again is the same request."""
        wanted = find(root, "AR/DUMMY_FAIL_ONCE").lower().replace(",", " ").split()
        if step in wanted and (_key(root), step) not in self._failed_once:
            self._failed_once.add((_key(root), step))
            raise DriverError(f"{step} fails this time, as DUMMY_FAIL_ONCE asks for")

    def answer(self, action: str, oid: int, root: Element | None, task: str) -> str:
        """REGISTER_ADDRESS_RANGE: the range; GET_ADDRESS: free addresses in it."""
        _ = oid
        actions = {
            "REGISTER_ADDRESS_RANGE": self._register,
            "UNREGISTER_ADDRESS_RANGE": self._unregister,
            "GET_ADDRESS": self._get,
            "ALLOCATE_ADDRESS": self._allocate,
            "FREE_ADDRESS": self._free,
        }
        if action not in actions:
            raise unknown(action)
        return actions[action](root, task)

    @contextmanager
    def _ledger(self) -> Iterator[dict[str, Taken]]:
        """All that is given away, by range; nobody else changes it meanwhile. The name ``""`` has the ranges."""
        path: Path = self.settings.folder / "dummy_ipam.json"
        try:
            stream: TextIO = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise DriverError(f"The register {path} cannot be opened: {error.strerror}.") from None
        with stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            stream.seek(0)
            known = json.loads(stream.read() or "{}")
            yield known
            stream.truncate(0)
            json.dump(known, stream)

    def _register(self, root: Element | None, task: str) -> str:
        given = root.find("AR") if root is not None else None
        asked = {str(each.tag): text_of(each) for each in given} if given is not None else {}
        found = {"TYPE": "IP4", "SIZE": "1"} | asked if asked.get("IP") else asked | _GIVEN
        with self._ledger() as known:
            known.setdefault("", {})[f"{found['IP']}/{found['SIZE']} {task}"] = task
        inner = ", ".join(f'{name}="{value}"' for name, value in (found | {"IPAM_MAD": "dummy"}).items() if value)
        return f"AR=[ {inner} ]\n"

    def _unregister(self, root: Element | None, task: str) -> str:
        _ = task
        with self._ledger() as known:
            ranges = known.get("", {})
            mine = [name for name in ranges if name.startswith(f"{_key(root)} ")]
            for name in mine[:1]:
                del ranges[name]
            if len(mine) < 2:
                known.pop(_key(root), None)
        return ""

    def _get(self, root: Element | None, task: str) -> str:
        every = _addresses(root)
        count = int(find(root, "ADDRESS/SIZE", "1"))
        with self._ledger() as known:
            taken = known.setdefault(_key(root), {})
            for start in range(len(every) - count + 1):
                wanted = every[start : start + count]
                if all(taken.get(address, task) == task for address in wanted):
                    taken |= dict.fromkeys(wanted, task)
                    return f'ADDRESS=[ IP="{wanted[0]}", SIZE="{count}" ]\n'
        raise DriverError("There are not enough free addresses in the range.")

    def _allocate(self, root: Element | None, task: str) -> str:
        wanted = _wanted(root)
        with self._ledger() as known:
            taken = known.setdefault(_key(root), {})
            if any(taken.get(address, task) != task for address in wanted):
                raise DriverError("The address is in use.")
            taken |= dict.fromkeys(wanted, task)
        return ""

    def _free(self, root: Element | None, task: str) -> str:
        _ = task
        with self._ledger() as known:
            for address in _wanted(root):
                known.get(_key(root), {}).pop(address, None)
        return ""


def _key(root: Element | None) -> str:
    return f"{find(root, 'AR/IP')}/{find(root, 'AR/SIZE')}"


def _run(first: str, size: str) -> list[str]:
    try:
        start, count = ipaddress.IPv4Address(first), min(int(size), 2**16)
        return [str(start + index) for index in range(count)]
    except ValueError:
        return []


def _addresses(root: Element | None) -> list[str]:
    """All of the range. Raises :class:`DriverError`."""
    found = _run(find(root, "AR/IP"), find(root, "AR/SIZE", "1"))
    if not found:
        raise DriverError("The address range has no IP and SIZE that an address can be taken from.")
    return found


def _wanted(root: Element | None) -> list[str]:
    return _run(find(root, "ADDRESS/IP"), find(root, "ADDRESS/SIZE", "1"))
