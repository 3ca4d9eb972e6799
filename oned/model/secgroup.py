"""Security groups: rules for the traffic of interfaces, and which machines have their latest form."""

import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

from sqlalchemy import Table

from oned.access.acl import Kind
from oned.config import Settings
from oned.database.schema import secgroup_pool
from oned.errors import InternalError
from oned.model.base import OwnedObject, ids_xml, parse_body
from onelib.template import Template

DEFAULT_GROUP = 0
"""The group that every new network has."""

_DESCRIPTION = (
    "The default security group is added to every network. Use it to add default filter rules for your networks. "
    "You may remove this security group from any network by updating its properties."
)
_PROTOCOLS = ("TCP", "UDP", "ICMP", "ICMPV6", "IPSEC", "ALL")
_RANGE = re.compile(r"(?:\d+(?::\d+)?,)*\d+(?::\d+)?", re.ASCII)
_INTEGER = re.compile(r"\s*-?\d+\s*", re.ASCII)
_TYPES = (("ICMP_TYPE", "ICMP"), ("ICMPV6_TYPE", "ICMPV6"))


_LISTS = ("UPDATED_VMS", "OUTDATED_VMS", "UPDATING_VMS", "ERROR_VMS")
_ID = re.compile(r"<ID>\s*(\d+)\s*</ID>")


def _ids(lists: str, tag: str) -> set[int]:
    """The ids of one list. As the default group has nearly all machines, this does without parsing XML."""
    start, end = lists.find(f"<{tag}>"), lists.find(f"</{tag}>")
    return set(map(int, _ID.findall(lists, start, end))) if 0 <= start < end else set()


@dataclass
class SecurityGroup(OwnedObject):
    """A security group. Its machines are up to date, out of date, being updated, or failed to be."""

    root: ClassVar[str] = "SECURITY_GROUP"
    kind: ClassVar[Kind] = Kind.SECGROUP
    table: ClassVar[Table] = secgroup_pool

    updated: set[int] = field(default_factory=set)
    outdated: set[int] = field(default_factory=set)
    updating: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)

    @classmethod
    def from_xml(cls, body: str) -> Self:
        """The security group of a body. Raises :class:`oned.errors.InternalError`."""
        start = body.find(f"<{_LISTS[0]}>")
        end = body.find("<TEMPLATE>", start) if start != -1 else -1
        if end == -1:
            start = end = 0
        root = parse_body(body[:start] + body[end:], cls.root)
        updated, outdated, updating, failed = (_ids(body[start:end], tag) for tag in _LISTS)
        return cls(**cls.common(root), updated=updated, outdated=outdated, updating=updating, failed=failed)

    def to_xml(self) -> str:
        """The body. Upstream keeps no lock here."""
        return (
            f"<SECURITY_GROUP>{self.head_xml()}{self.permissions_xml()}"
            f"{''.join(map(ids_xml, _LISTS, self._lists))}{self.template.to_xml()}</SECURITY_GROUP>"
        )

    @property
    def in_use(self) -> bool:
        """Whether a machine has it."""
        return any(self._lists)

    @property
    def _lists(self) -> tuple[set[int], ...]:
        return self.updated, self.outdated, self.updating, self.failed

    def has(self, vm_id: int) -> bool:
        """Whether a machine is in one of the lists."""
        return any(vm_id in machines for machines in self._lists)

    def forget(self, vm_id: int) -> None:
        """Take a machine from all lists."""
        for machines in self._lists:
            machines.discard(vm_id)

    def renew(self, *, recover: bool) -> None:
        """Ask for the update of all machines, or with ``recover`` of those that did not succeed."""
        if not recover:
            self.outdated |= self.updated
            self.updated = set()
        self.outdated |= self.updating | self.failed
        self.updating, self.failed = set(), set()

    def rules(self) -> list[dict[str, str]]:
        """The rules as a machine's template has them."""
        origin = {"SECURITY_GROUP_ID": str(self.oid), "SECURITY_GROUP_NAME": self.name}
        return [rule | origin for rule in self.template.vectors("RULE")]


def _is_address(text: str) -> bool:
    for family in (socket.AF_INET6, socket.AF_INET):
        try:
            socket.inet_pton(family, text)
        except (OSError, UnicodeEncodeError, ValueError):
            continue
        return True
    return False


def _protocol_reason(rule: Mapping[str, str]) -> str:
    """Why the protocol of a rule and what belongs to it cannot be; empty when they can."""
    protocol = rule.get("PROTOCOL", "").upper()
    if protocol not in _PROTOCOLS:
        return f"Wrong PROTOCOL in rule. Valid options: {', '.join(_PROTOCOLS)}."
    ports = rule.get("RANGE", "")
    if ports and protocol not in {"TCP", "UDP"}:
        return "RANGE is supported only for TCP and UDP protocols."
    if ports and not _RANGE.fullmatch(ports):
        return "Invalid RANGE specification."
    for name, wanted in _TYPES:
        if rule.get(name) and protocol != wanted:
            return f"{name} is supported only for {wanted} protocol."
        if rule.get(name) and not _INTEGER.fullmatch(rule[name]):
            return f"Wrong {name}, it must be integer"
    return ""


def rule_reason(rule: Mapping[str, str]) -> str:
    """Why a rule cannot be one; empty when it can. The texts are upstream's."""
    reason = _protocol_reason(rule)
    if reason:
        return reason
    if rule.get("RULE_TYPE", "").upper() not in {"INBOUND", "OUTBOUND"}:
        return "Wrong RULE_TYPE in rule. Valid options: INBOUND, OUTBOUND."
    if rule.get("IP"):
        if not _INTEGER.fullmatch(rule.get("SIZE", "")):
            return "Wrong or empty SIZE."
        return "" if _is_address(rule["IP"]) else "Wrong format for IP value."
    if "NETWORK_ID" in rule and not _INTEGER.fullmatch(rule["NETWORK_ID"]):
        return "Wrong NETWORK_ID."
    return ""


def check_rules(template: Template) -> None:
    """Check the rules of a template and leave one of each. Raises :class:`oned.errors.InternalError`."""
    rules = template.vectors("RULE")
    for rule in rules:
        reason = rule_reason(rule)
        if reason:
            raise InternalError(reason)
    kept = {tuple(sorted(rule.items())): rule for rule in rules}
    if len(kept) < len(rules):
        template.erase("RULE")
        for rule in kept.values():
            template.add("RULE", rule)


def first_groups(settings: Settings) -> Sequence[SecurityGroup]:
    """The security groups of a new database: one that lets all traffic pass."""
    _ = settings
    template = Template([("DESCRIPTION", _DESCRIPTION)])
    for direction in ("OUTBOUND", "INBOUND"):
        template.add("RULE", {"RULE_TYPE": direction, "PROTOCOL": "ALL"})
    bits = [1, 1, 1, 1, 0, 0, 1, 0, 0]
    return [SecurityGroup(DEFAULT_GROUP, 0, 0, "oneadmin", "oneadmin", "default", bits, template, None)]
