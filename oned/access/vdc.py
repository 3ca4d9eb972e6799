"""The access rules that virtual data centers stand for: kept equal to what all of them say."""

from collections.abc import Iterable

from sqlalchemy import select

from oned.access import rules
from oned.access.acl import ALL, CLUSTER, GROUP, INDIVIDUAL, Kind, Op, Rule
from oned.config import Settings
from oned.database.db import Transaction
from oned.database.pools import hold_names, save
from oned.database.schema import vdc_pool
from oned.model.vdc import ALL_RESOURCES, Vdc

_BY_CLUSTER = {
    Kind.HOST: ("DEFAULT_VDC_CLUSTER_HOST_ACL", "MANAGE"),
    Kind.NET: ("DEFAULT_VDC_CLUSTER_NET_ACL", "USE"),
    Kind.DATASTORE: ("DEFAULT_VDC_CLUSTER_DATASTORE_ACL", "USE"),
}
"""Rights on what is in a cluster: the setting, and its default."""
_BY_KIND = {
    Kind.HOST: ("DEFAULT_VDC_HOST_ACL", "MANAGE"),
    Kind.NET: ("DEFAULT_VDC_VNET_ACL", "USE"),
    Kind.DATASTORE: ("DEFAULT_VDC_DATASTORE_ACL", "USE"),
}
"""Rights on a resource itself."""

"""Locked while rules of VDCs change, so that two servers do not each rely on what the other takes away."""


def _rights(settings: Settings, attribute: str, default: str) -> Op:
    """The operations that a setting names, as ``USE+MANAGE``; ``-`` is none."""
    rights = Op(0)
    for name in settings.raw.get(attribute, default).split("+"):
        rights |= Op.__members__.get(name.strip().upper(), Op(0))
    return rights


def rules_of(settings: Settings, vdc: Vdc, groups: Iterable[int] | None = None) -> set[Rule]:
    """The rules that ``vdc`` stands for: those of all its groups, or of the ones in ``groups``."""
    found = set()
    for gid in vdc.groups if groups is None else vdc.groups & set(groups):
        for kind, pairs in vdc.resources.items():
            wanted = _BY_CLUSTER if kind is Kind.CLUSTER else {kind: _BY_KIND[kind]}
            for about, (attribute, default) in wanted.items():
                rights = _rights(settings, attribute, default)
                found |= {_rule(gid, kind, about, pair, rights) for pair in pairs if rights}
    return found


def _rule(gid: int, kind: Kind, about: Kind, pair: tuple[int, int], rights: Op) -> Rule:
    zone, oid = pair
    named = (CLUSTER if kind is Kind.CLUSTER else INDIVIDUAL) | oid
    selector = ALL if oid == ALL_RESOURCES else named
    return Rule(GROUP | gid, about.bit | selector, rights, INDIVIDUAL | zone)


def store(transaction: Transaction, settings: Settings, vdc: Vdc, before: set[Rule]) -> None:
    """Write ``vdc`` back, whose rules were ``before``; a rule goes unless another VDC of its group stands for it."""
    hold_names(transaction, vdc_pool)
    save(transaction, vdc)
    after = rules_of(settings, vdc)
    for rule in sorted(after - before):
        rules.add(transaction, rule)
    withdraw(transaction, settings, vdc.oid, before - after)


def withdraw(transaction: Transaction, settings: Settings, oid: int, lost: set[Rule]) -> None:
    """Drop the rules ``lost`` that the VDC ``oid`` no longer stands for."""
    if not lost:
        return
    hold_names(transaction, vdc_pool)
    groups = {rule.user & ~GROUP for rule in lost}
    for row in transaction.rows(select(vdc_pool.c.body).where(vdc_pool.c.oid != oid)):
        lost = lost - rules_of(settings, Vdc.from_xml(str(row[0])), groups)
    for rule in sorted(lost):
        rules.drop(transaction, rule)
