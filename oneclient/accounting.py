"""``one acct`` and ``one showback``: what machines used and what that cost. Columns and options are upstream's."""

import datetime
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import click

from oneclient.access import Access
from oneclient.columns import Column, Value
from oneclient.documents import number_at, plain, size_text, time_text, to_format
from oneclient.errors import UsageError
from oneclient.listing import chosen, table_text
from oneclient.names import filter_flag, one_id
from oneclient.options import FORMS, access_options, form_options, with_access
from oneclient.resources import RESOURCES
from oneclient.running import explaining
from oneclient.states import history_action
from onelib.api import Api
from onelib.template_xml import Element, text_of

ALL, OPEN = -2, -1
_DAY = datetime.timedelta(days=1)
Month = tuple[int, int]
"""Month and year, each -1 for an open end."""


def _at(path: str) -> Value:
    return lambda element, _: text_of(element.find(path))


def _received(path: str) -> Value:
    return lambda element, _: size_text(number_at(element, path) / 1024)


def _disks(element: Element, _: Element) -> str:
    sizes = (*element.findall("VM/TEMPLATE/DISK"), *element.findall("VM/SNAPSHOTS/SNAPSHOT"))
    return size_text(sum(number_at(size, "SIZE") for size in sizes), "M")


_HISTORY = (
    Column("UID", _at("VM/UID")),
    Column("VID", _at("OID")),
    Column("SEQ", _at("SEQ")),
    Column("HOSTNAME", _at("HOSTNAME"), True),
    Column("ACTION", lambda element, _: history_action(number_at(element, "ACTION")), True),
    Column("START_TIME", lambda element, _: time_text(text_of(element.find("STIME")))),
    Column("END_TIME", lambda element, _: time_text(text_of(element.find("ETIME")))),
    Column("MEMORY", lambda element, _: size_text(number_at(element, "VM/TEMPLATE/MEMORY"), "M")),
    Column("CPU", _at("VM/TEMPLATE/CPU")),
    Column("NETRX", _received("VM/MONITORING/NETRX")),
    Column("NETTX", _received("VM/MONITORING/NETTX")),
    Column("DISK", _disks),
)
_HISTORY_SHOWN = "VID,HOSTNAME,ACTION,START_TIME,END_TIME,MEMORY,CPU,NETRX,NETTX,DISK"
_COST = (
    Column("UID", _at("UID")),
    Column("USER_NAME", _at("UNAME"), True),
    Column("GID", _at("GID")),
    Column("GROUP_NAME", _at("GNAME"), True),
    Column("VM_ID", _at("VMID")),
    Column("VM_NAME", _at("VMNAME"), True),
    Column("MONTH", _at("MONTH")),
    Column("YEAR", _at("YEAR")),
    Column("HOURS", _at("HOURS")),
    Column("COST", _at("TOTAL_COST")),
)
_COST_SHOWN = "USER_NAME,GROUP_NAME,VM_ID,VM_NAME,MONTH,YEAR,HOURS,COST"


def moment(text: str) -> datetime.datetime:
    """A day or a time, in the local time zone. Raises :class:`UsageError`."""
    try:
        return datetime.datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is no time.", todo="Write 2021-05-31, or '2021-05-31 18:00'.") from None


def month(text: str | None) -> Month:
    """The month of a day, or ``2021-05``."""
    if not text:
        return OPEN, OPEN
    found = moment(f"{text}-01" if text.count("-") == 1 else text)
    return found.month, found.year


def _span(given: dict[str, Any]) -> tuple[int, int]:
    """Start and end in epoch seconds; an end that is a day is that day's end."""
    start = int(moment(given["start"]).timestamp()) if given["start"] else OPEN
    if not given["end"]:
        return start, OPEN
    end = moment(given["end"])
    return start, int((end + _DAY if end.time() == datetime.time() else end).timestamp())


def _is(api: Api, path: str, kind: str, text: str | None) -> Callable[[Element], bool]:
    if text is None:
        return lambda _: True
    wanted = one_id(api, kind, text)
    return lambda element: number_at(element, path) == wanted


def _flag(api: Api, given: dict[str, Any]) -> int:
    return filter_flag(api, given["userfilter"]) if given["userfilter"] else ALL


def _document(form: str, root: Element, kept: Sequence[Element], tag: str) -> str:
    for element in [element for element in root if element not in kept]:
        root.remove(element)
    return to_format(form, root, {str(root.tag): {tag: [plain(element) for element in kept]}})


def _parts(
    root: Element, kept: list[Element], columns: list[Column], heads: Callable[[Element], str], *, header: bool
) -> str:
    """A table for each run of records that have the same head."""
    texts = [
        f"{head}\n\n{table_text(columns, list(part), root, header=header)}\n"
        for head, part in groupby(kept, heads)
    ]
    return "\n".join(texts).rstrip("\n")


def acct_text(api: Api, given: dict[str, Any]) -> str:
    """The history of machines, of each user apart. Raises :class:`~onelib.errors.OneError`."""
    root = api.xml("one.vmpool.accounting", _flag(api, given), *_span(given))
    in_group, on_host = _is(api, "VM/GID", "group", given["group"]), _is(api, "HID", "host", given["host"])
    kept = [record for record in root.findall("HISTORY") if in_group(record) and on_host(record)]
    form = given["form"] or ""
    if form in FORMS:
        return _document(form, root, kept, "HISTORY")
    usual = f"UID,{_HISTORY_SHOWN}" if form == "csv" else _HISTORY_SHOWN
    columns = chosen(_HISTORY, given["columns"] or usual)
    kept.sort(key=lambda record: tuple(number_at(record, path) for path in ("VM/UID", "OID", "SEQ")))
    if form == "csv":
        return table_text(columns, kept, root, form=form, header=given["header"])

    def head(record: Element) -> str:
        text = f"# User {text_of(record.find('VM/UID'))}"
        return f"{text}, virtual machine {text_of(record.find('OID'))}" if given["split"] else text

    return _parts(root, kept, columns, head, header=given["header"])


def showback_text(api: Api, given: dict[str, Any]) -> str:
    """What machines cost, a month after the other. Raises :class:`~onelib.errors.OneError`."""
    months = (*month(given["start"]), *month(given["end"]))
    root = api.xml("one.vmpool.showback", _flag(api, given), *months)
    in_group = _is(api, "GID", "group", given["group"])
    kept = [record for record in root.findall("SHOWBACK") if in_group(record)]
    form = given["form"] or ""
    if form in FORMS:
        return _document(form, root, kept, "SHOWBACK")
    columns = chosen(_COST, given["columns"] or _COST_SHOWN)
    kept.sort(key=lambda record: tuple(number_at(record, path) for path in ("YEAR", "MONTH", "VMID")))
    if form == "csv":
        return table_text(columns, kept, root, form=form, header=given["header"])
    return _parts(
        root,
        kept,
        columns,
        lambda record: f"# Showback for {text_of(record.find('MONTH'))}/{text_of(record.find('YEAR'))}",
        header=given["header"],
    )


def _printing(text: Callable[[Api, dict[str, Any]], str]) -> Callable[..., int]:
    def action(access: Access, given: dict[str, Any]) -> None:
        given["header"] = not given.pop("no_header")
        with explaining(RESOURCES["vm"]):
            found = text(access.open(), given)
        if found:
            print(found)

    return with_access(action)


def _options(kind: str, *more: click.Parameter) -> list[click.Parameter]:
    return [
        *_between(kind),
        click.Option(["-u", "--userfilter"], metavar="USER", help="Only this user's machines."),
        click.Option(["-g", "--group"], metavar="GROUP", help="Only this group's machines."),
        *more,
        click.Option(
            ["-l", "--list", "columns"], default="", help="Columns, separated by commas.", metavar="NAMES"
        ),
        click.Option(["--no-header"], is_flag=True, help="Without the names of columns."),
        *form_options("csv", *FORMS),
        *access_options(),
    ]


def _between(kind: str) -> list[click.Parameter]:
    return [
        click.Option(["-s", "--start"], metavar=kind.upper(), help=f"First {kind}, as 2021-05-31."),
        click.Option(["-e", "--end"], metavar=kind.upper(), help=f"Last {kind}."),
    ]


def acct_command(name: str) -> click.Command:
    """``one acct``."""
    host = click.Option(["-H", "--host"], metavar="HOST", help="Only records of this host.")
    split = click.Option(["--split"], is_flag=True, help="A table for each machine.")
    text = "What virtual machines used, also those that are gone."
    return click.Command(name, callback=_printing(acct_text), params=_options("day", host, split), help=text)


def _calculate(access: Access, given: dict[str, Any]) -> None:
    with explaining(RESOURCES["vm"]):
        access.open().call("one.vmpool.calculateshowback", *month(given["start"]), *month(given["end"]))


def showback_group(name: str) -> click.Group:
    """``one showback``."""
    listing = click.Command(
        "list", callback=_printing(showback_text), params=_options("month"), help="What virtual machines cost."
    )
    calculate = click.Command(
        "calculate",
        callback=with_access(_calculate),
        params=[*_between("month"), *access_options()],
        help="Calculate it now; opennebula-showback does so every day.",
    )
    return click.Group(name, commands=[listing, calculate], help="What virtual machines cost in each month.")
