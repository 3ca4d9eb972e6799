"""Images and marketplaces on a server with dummy drivers."""

import re
import time
from typing import Any

from edge.dummy.behaviour import find
from edge.dummy.market import Market
from onelib.template_xml import Element
from tests.integration.oned.daemon import Daemon
from tests.integration.oned.names import unique

CONF = """
DATASTORE_MAD = [ EXECUTABLE = "python:edge.dummy.datastore:Datastore" ]
MARKET_MAD = [ EXECUTABLE = "python:tests.integration.oned.storage:Listing" ]
MARKET_MAD_CONF = [ NAME = "dummy", APP_ACTIONS = "create, delete, monitor", REQUIRED_ATTRS = "" ]
MARKET_MAD_CONF = [ NAME = "public", APP_ACTIONS = "monitor", PUBLIC = "yes" ]
MARKET_MAD_CONF = [ NAME = "picky", REQUIRED_ATTRS = "BASE_URL, PUBLIC_DIR", APP_ACTIONS = "create" ]
IMAGE_RESTRICTED_ATTR = "SOURCE"
IMAGE_ENCRYPTED_ATTR = "LUKS_PASSWORD"
"""
AUTHORIZATION, NO_EXISTS, ACTION, PARAMETER, INTERNAL, ALLOCATE = 0x200, 0x400, 0x800, 0x1000, 0x2000, 0x4000
READY, USED, DISABLED, LOCKED, ERROR, CLONE, DELETE = 1, 2, 3, 4, 5, 6, 7
SECONDS = 20


class Listing(Market):
    """A dummy that also lists the apps in LISTED, words in base64."""

    def answer(self, action: str, oid: int, root: Element | None, task: str) -> str:
        """As the dummy, with the apps."""
        text = super().answer(action, oid, root, task)
        if action == "MONITOR":
            text += "".join(f'APP="{word}"\n' for word in find(root, "MARKETPLACE/TEMPLATE/LISTED").split())
        return text


def value(xml: str | int, name: str) -> str:
    """The text of the first element ``name``."""
    found = re.search(rf"<{name}>(?:<!\[CDATA\[)?(.*?)(?:\]\]>)?</{name}>", str(xml), re.DOTALL)
    assert found, (name, xml)
    return found.group(1)


def ids(xml: str | int, name: str) -> set[int]:
    """The ids in the collection ``name``."""
    return {int(number) for number in re.findall(r"<ID>(\d+)</ID>", value(xml, name))}


def uid_of(oned: Daemon, session: str) -> int:
    return int(value(oned.ok("one.user.info", -1, session=session), "ID"))


def until(oned: Daemon, method: str, oid: int, *states: int) -> str:
    """The XML of an object as soon as it is in one of ``states``."""
    end = time.monotonic() + SECONDS
    while True:
        xml = str(oned.ok(method, oid))
        if int(value(xml, "STATE")) in states:
            return xml
        assert time.monotonic() < end, xml
        time.sleep(0.02)


def gone(oned: Daemon, method: str, oid: int) -> None:
    """Wait until an object is not there any more."""
    end = time.monotonic() + SECONDS
    while oned.call(method, oid)[0]:
        assert time.monotonic() < end, oned.call(method, oid)
        time.sleep(0.02)


def measured(oned: Daemon, datastore: int) -> None:
    """Wait until a datastore has room."""
    end = time.monotonic() + SECONDS
    while value(oned.ok("one.datastore.info", datastore), "FREE_MB") == "0":
        assert time.monotonic() < end, oned.output.read_text()
        time.sleep(0.02)


def settle(oned: Daemon) -> None:
    """Wait until images have a place."""
    measured(oned, 1)


def image(oned: Daemon, text: str = "", *, session: str | None = None, name: str = "") -> int:
    """A new image in the default datastore, whatever becomes of it."""
    template = f'NAME = "{name or unique("image")}"\n'
    template += text or "PATH = /tmp/x"
    how: dict[str, Any] = {} if session is None else {"session": session}
    return int(oned.ok("one.image.allocate", template, 1, **how))


def ready_image(oned: Daemon, text: str = "", *, session: str | None = None) -> int:
    """A new image that is ready."""
    oid = image(oned, text, session=session)
    until(oned, "one.image.info", oid, READY)
    return oid


def market(oned: Daemon, text: str = "MARKET_MAD = dummy") -> int:
    return int(oned.ok("one.market.allocate", f'NAME = "{unique("market")}"\n{text}'))
