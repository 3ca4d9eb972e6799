"""The columns of ``list``: names, order and values are upstream's defaults."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from oneclient import acl_rule
from oneclient.documents import number_at, period_text, size_text, time_text
from oneclient.states import short, vm_state
from onelib.template_xml import Element, text_of

Value = Callable[[Element, Element], str]
"""The text of a column, from an object and its pool."""


@dataclass(frozen=True)
class Column:
    """One column; ``left`` aligned or right."""

    name: str
    value: Value
    left: bool = False


def _at(path: str, default: str = "") -> Value:
    return lambda element, _: text_of(element.find(path), default) or default


def _count(path: str, every: str = "") -> Value:
    """How many ids there are; ``every`` is the id that stands for all of them."""

    def value(element: Element, _: Element) -> str:
        ids = [text_of(found) for found in element.findall(path)]
        return "ALL" if every and every in ids else str(len(ids))

    return value


def _size(path: str, unit: str = "M") -> Value:
    return lambda element, _: size_text(number_at(element, path), unit)


def _named(path: str, kind: str) -> Value:
    return lambda element, _: short(kind, number_at(element, path))


def _flag(path: str) -> Value:
    return lambda element, _: "Yes" if number_at(element, path) else "No"


def _time(path: str) -> Value:
    return lambda element, _: time_text(text_of(element.find(path)))


def _free(element: Element, _: Element) -> str:
    total = number_at(element, "TOTAL_MB")
    return f"{round(100 * number_at(element, 'FREE_MB') / total)}%" if total else "-"


def _datastore_size(element: Element, pool: Element) -> str:
    unshared = text_of(element.find("TEMPLATE/SHARED")).upper() == "NO"
    return "-" if unshared else _size("TOTAL_MB")(element, pool)


def _share(used: str, most: str, text: Callable[[int], str]) -> Value:
    def value(element: Element, _: Element) -> str:
        taken, total = number_at(element, f"HOST_SHARE/{used}"), number_at(element, f"HOST_SHARE/{most}")
        if total:
            return f"{text(taken)} / {text(total)} ({100 * taken // total}%)"
        return f"{text(taken)} / -" if taken else "-"

    return value


def _vm_host(element: Element, _: Element) -> str:
    found = element.findall("HISTORY_RECORDS/HISTORY/HOSTNAME")
    return text_of(found[-1]) if found and text_of(element.find("STATE")) in {"3", "5", "8"} else ""


def _vm_time(element: Element, _: Element) -> str:
    end = number_at(element, "ETIME") or int(time.time())
    return period_text(end - number_at(element, "STIME"))


def _vm_state(element: Element, _: Element) -> str:
    return vm_state(number_at(element, "STATE"), number_at(element, "LCM_STATE"))


@lru_cache(maxsize=1)
def _quotas(pool: Element) -> dict[str, Element]:
    """The quotas on virtual machines in a pool of users or groups, by id."""
    found = ((text_of(quotas.find("ID")), quotas.find("VM_QUOTA/VM")) for quotas in pool.findall("QUOTAS"))
    return {oid: quota for oid, quota in found if quota is not None}


def _quota(name: str, text: Callable[[str], str]) -> Value:
    """Use and limit: the object's own, else the default of the pool, else none."""

    def value(element: Element, pool: Element) -> str:
        oid = text_of(element.find("ID"))
        if oid == "0":
            return "-"
        quota = _quotas(pool).get(oid)
        used = text_of(None if quota is None else quota.find(f"{name}_USED"), "0")
        limit = text_of(None if quota is None else quota.find(name), "-1")
        if limit == "-1":
            limit = text_of(pool.find(f"DEFAULT_{element.tag!s}_QUOTAS/VM_QUOTA/VM/{name}"), "-2")
        return f"{text(used)} / {'-' if limit.startswith('-') else text(limit)}"

    return value


def _megabytes(text: str) -> str:
    return size_text(int(text or 0), "M")


def _acl(name: str) -> Value:
    return lambda element, _: acl_rule.columns(text_of(element.find("STRING")))[name]


def _roles(element: Element, _: Element) -> str:
    return ", ".join(text_of(role) for role in element.findall("ROLES/ROLE/NAME"))


def _role_vms(element: Element, _: Element) -> str:
    return str(sum(len(list(filter(None, text_of(vms).split(",")))) for vms in element.findall("ROLES/ROLE/VMS")))


_ID = Column("ID", _at("ID"))
_NAME = Column("NAME", _at("NAME"), True)
_OWNER = (_ID, Column("USER", _at("UNAME"), True), Column("GROUP", _at("GNAME"), True), _NAME)
_QUOTAS = (
    Column("VMS", _quota("VMS", str)),
    Column("MEMORY", _quota("MEMORY", _megabytes)),
    Column("CPU", _quota("CPU", str)),
)


def _clusters(element: Element, _: Element) -> str:
    return ",".join(text_of(found) for found in element.findall("CLUSTERS/ID")) or "-"


COLUMNS: dict[str, tuple[Column, ...]] = {
    "vm": (*_OWNER, Column("STAT", _vm_state), Column("CPU", _at("TEMPLATE/CPU", "0")),
           Column("MEM", _size("TEMPLATE/MEMORY")), Column("HOST", _vm_host, True), Column("TIME", _vm_time)),
    "host": (_ID, _NAME, Column("CLUSTER", _at("CLUSTER"), True), Column("TVM", _at("HOST_SHARE/RUNNING_VMS", "0")),
             Column("ALLOCATED_CPU", _share("CPU_USAGE", "MAX_CPU", str)),
             Column("ALLOCATED_MEM", _share("MEM_USAGE", "MAX_MEM", size_text)),
             Column("STAT", _named("STATE", "host"), True)),
    "cluster": (_ID, _NAME, Column("HOSTS", _count("HOSTS/ID")), Column("VNETS", _count("VNETS/ID")),
                Column("DATASTORES", _count("DATASTORES/ID"))),
    "datastore": (_ID, _NAME, Column("SIZE", _datastore_size), Column("AVAIL", _free, True),
                  Column("CLUSTERS", _clusters), Column("IMAGES", _count("IMAGES/ID")),
                  Column("TYPE", _named("TYPE", "datastore_type"), True), Column("DS", _at("DS_MAD"), True),
                  Column("TM", _at("TM_MAD"), True), Column("STAT", _named("STATE", "datastore"), True)),
    "image": (*_OWNER, Column("DATASTORE", _at("DATASTORE"), True), Column("SIZE", _size("SIZE")),
              Column("TYPE", _named("TYPE", "image_type"), True), Column("PERSISTENT", _flag("PERSISTENT")),
              Column("STAT", _named("STATE", "image"), True), Column("RVMS", _at("RUNNING_VMS", "0"))),
    "vnet": (*_OWNER, Column("CLUSTERS", _clusters, True), Column("BRIDGE", _at("BRIDGE"), True),
             Column("LEASES", _at("USED_LEASES", "0"))),
    "secgroup": (*_OWNER, Column("UPDATED", _count("UPDATED_VMS/ID")), Column("OUTDATED", _count("OUTDATED_VMS/ID")),
                 Column("ERROR", _count("ERROR_VMS/ID"))),
    "template": (*_OWNER, Column("REGTIME", _time("REGTIME"))),
    "vntemplate": (*_OWNER, Column("REGTIME", _time("REGTIME"))),
    "user": (_ID, _NAME, Column("ENABLED", lambda element, _: "yes" if number_at(element, "ENABLED") else "no", True),
             Column("GROUP", _at("GNAME"), True), Column("AUTH", _at("AUTH_DRIVER"), True), *_QUOTAS),
    "group": (_ID, _NAME, Column("USERS", _count("USERS/ID")), *_QUOTAS),
    "acl": (_ID, *(Column(name, _acl(name)) for name in ("USER", "RES_VHNIUTGDCOZSvRMAPt", "RID", "OPE_UMAC", "ZONE"))),
    "vdc": (_ID, _NAME, Column("GROUPS", _count("GROUPS/ID")),
            *(Column(f"{kind}S", _count(f"{kind}S/{kind}/{kind}_ID", "-10"))
              for kind in ("CLUSTER", "HOST", "VNET", "DATASTORE"))),
    "zone": (_ID, _NAME, Column("ENDPOINT", _at("TEMPLATE/ENDPOINT"), True)),
    "document": _OWNER,
    "market": (_ID, _NAME, Column("SIZE", _size("TOTAL_MB")), Column("AVAIL", _free, True),
               Column("APPS", _count("MARKETPLACEAPPS/ID")), Column("MAD", _at("MARKET_MAD"), True),
               Column("ZONE", _at("ZONE_ID"))),
    "marketapp": (_ID, _NAME, Column("VERSION", _at("VERSION")), Column("SIZE", _size("SIZE")),
                  Column("STAT", _named("STATE", "marketapp")), Column("TYPE", _named("TYPE", "marketapp_type")),
                  Column("REGTIME", _time("REGTIME")), Column("MARKET", _at("MARKETPLACE"), True),
                  Column("ZONE", _at("ZONE_ID"))),
    "hook": (_ID, _NAME, Column("TYPE", _at("TYPE"))),
    "vrouter": _OWNER,
    "vmgroup": (*_OWNER, Column("VMS", _role_vms), Column("ROLES", _roles, True)),
}  # fmt: skip
