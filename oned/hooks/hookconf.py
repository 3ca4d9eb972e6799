"""What ``HM_MAD`` and ``HOOK_LOG_CONF`` of oned.conf say about events and the log of hooks."""

import getopt
import shlex
from dataclasses import dataclass

from oned.defaults import HOOK_LOG_RECORDS
from oned.errors import ConfigError
from onelib.template import Template

_SHORT = "t:p:l:h:b:"
_LONG = ["threads=", "publisher-port=", "logger-port=", "hwm=", "bind="]


@dataclass(frozen=True)
class EventSettings:
    """Where events are published and records of executions are taken.

    ``backlog`` is how many messages are kept for a subscriber that does not read, ``retention`` how many executions
    of each hook the log keeps.
    """

    address: str = "127.0.0.1"
    publisher_port: int = 2101
    logger_port: int = 2102
    backlog: int = 5000
    retention: int = 20

    def endpoint(self, port: int) -> str:
        """The ZeroMQ endpoint of one of the ports."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"tcp://{host}:{port}"


def _number(name: str, text: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise ConfigError(
            f"{name} of oned.conf is {text!r}, not a number from {low} to {high}.", todo="Correct that attribute."
        )
    return int(text)


def read_event_settings(template: Template) -> EventSettings | None:
    """The settings, None without ``HM_MAD``: nobody is told anything. Raises :class:`ConfigError`."""
    drivers = template.vectors("HM_MAD")
    if not drivers:
        return None
    try:
        words = shlex.split(drivers[0].get("ARGUMENTS", ""))
        options, rest = getopt.getopt(words, _SHORT, _LONG)
    except (ValueError, getopt.GetoptError) as error:
        rest, reason = [""], str(error)
    else:
        reason = f"{rest[0]!r} belongs to no option" if rest else ""
    if rest:
        raise ConfigError(
            f"HM_MAD/ARGUMENTS of oned.conf cannot be used: {reason}.",
            todo='Write them as in ARGUMENTS = "-p 2101 -l 2102 -b 127.0.0.1".',
        )
    given = {option.lstrip("-")[0]: value for option, value in options}
    retention = template.vector("HOOK_LOG_CONF").get("LOG_RETENTION", str(HOOK_LOG_RECORDS))
    return EventSettings(
        address=given.get("b", "127.0.0.1"),
        publisher_port=_number("HM_MAD/ARGUMENTS -p", given.get("p", "2101"), 1, 65535),
        logger_port=_number("HM_MAD/ARGUMENTS -l", given.get("l", "2102"), 1, 65535),
        backlog=_number("HM_MAD/ARGUMENTS -h", given.get("h", "5000"), 0, 2**31 - 1),
        retention=_number("HOOK_LOG_CONF/LOG_RETENTION", retention, 0, 2**31 - 1),
    )
