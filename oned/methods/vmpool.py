"""``one.vmpool.*``: lists of virtual machines, their history, use and cost."""

import time

from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.dialects.mysql import match

from oned.access.acl import SHOW_ALL, visible
from oned.database.listing import Listing
from oned.database.schema import history, vm_monitoring, vm_pool, vm_showback
from oned.errors import AuthorizationError, InternalError, ParameterError
from oned.methods.call import Answer, Call, Method
from oned.methods.shared import Window, windowed
from oned.model.vm import Vm
from oned.model.vm_states import VmState
from oned.vm.monitoring import newest
from oned.vm.showback import Prices, calculate, window

ANY_STATE, NOT_DONE = -2, -1
_YEARS = range(1970, 2107)
_ESCAPED = str.maketrans("-.:", "___", '"')


def _visible(call: Call, flag: int) -> ColumnElement[bool]:
    return visible(call.transaction, call.caller, Vm.kind, vm_pool, flag, zone_id=call.settings.zone_id)


def _list(
    call: Call, part: Window, where: ColumnElement[bool], *, extended: bool, found_by_id: bool = True
) -> Listing:
    """The machines a caller gets."""
    column = vm_pool.c.body if extended else vm_pool.c.short_body
    query = select(column, vm_pool.c.oid).where(_visible(call, part.flag), where)
    return windowed(call, "VM_POOL", query, vm_pool.c.oid, part, found_by_id=found_by_id)


def _in_state(state: int) -> ColumnElement[bool]:
    """The machines of a state argument. Raises :class:`ParameterError`."""
    if not ANY_STATE <= state <= max(VmState):
        raise ParameterError("Incorrect filter_flag, state")
    if state == ANY_STATE:
        return true()
    return vm_pool.c.state != VmState.DONE if state == NOT_DONE else vm_pool.c.state == state


def _matching(call: Call, words: str) -> ColumnElement[bool]:
    """The machines in whose attributes ``words`` are found. Raises :class:`InternalError` where there is no index."""
    if not words:
        return true()
    if not call.transaction.mysql:
        raise InternalError("Full text search is not supported by the SQL backend")
    asked = f'+"{words.translate(_ESCAPED)}"'
    return match(vm_pool.c.search_token, against=asked).in_boolean_mode()


def _pool(call: Call, part: Window, state: int, words: str, *, extended: bool) -> Listing:
    found_by_id = not words and state in {ANY_STATE, NOT_DONE}
    where = and_(_in_state(state), _matching(call, words))
    return _list(call, part, where, extended=extended, found_by_id=found_by_id)


def info(call: Call, flag: int, start: int, end: int, state: int, words: str = "") -> Listing:  # noqa: PLR0917 (6.0's)
    """The machines in a state (-2 any, -1 all but DONE), in short; of those, the ones with ``words``."""
    return _pool(call, Window(flag, start, end), state, words, extended=False)


def info_extended(call: Call, flag: int, start: int, end: int, state: int, words: str = "") -> Listing:  # noqa: PLR0917 (6.0's)
    """As :func:`info`, with everything but the older records of the history."""
    return _pool(call, Window(flag, start, end), state, words, extended=True)


def info_set(call: Call, ids: str, extended: bool) -> Answer:
    """The machines of a list of ids with commas."""
    wanted = {int(part) for part in ids.split(",") if part.strip().isdecimal() and len(part.strip()) < 11}
    if not wanted:
        return "<VM_POOL></VM_POOL>"
    return _list(call, Window(SHOW_ALL), vm_pool.c.oid.in_(sorted(wanted)), extended=extended, found_by_id=False)


def accounting(call: Call, flag: int, start: int, end: int) -> Listing:
    """The history of all machines, also of those that are gone, between two times (epoch seconds, -1 open)."""
    keys = (history.c.vid, history.c.seq)
    query = select(history.c.body, *keys).join(vm_pool, history.c.vid == vm_pool.c.oid).where(_visible(call, flag))
    if start != -1:
        query = query.where(or_(history.c.etime > start, history.c.etime == 0))
    if end != -1:
        query = query.where(history.c.stime < end)
    return Listing("HISTORY_RECORDS", query, keys)


def monitoring(call: Call, flag: int, seconds: int = -1) -> Listing:
    """What all machines were seen to use: always (negative), last (0), or in the last so many ``seconds``."""
    rows = vm_monitoring.c
    keys = (rows.vmid, rows.last_poll)
    query = select(rows.body, *keys).join(vm_pool, rows.vmid == vm_pool.c.oid).where(_visible(call, flag))
    if seconds == 0:
        last = newest().subquery()
        query = query.join(last, and_(last.c.vmid == rows.vmid, last.c.last_poll == rows.last_poll))
    elif seconds > 0:
        query = query.where(rows.last_poll > int(time.time()) - seconds)
    return Listing("MONITORING_DATA", query, keys)


def showback(call: Call, flag: int, start_month: int, start_year: int, end_month: int, end_year: int) -> Listing:  # noqa: PLR0917 (6.0's)
    """What machines cost in the months between two; -1 is open."""
    rows = vm_showback.c
    keys = (rows.year, rows.month, rows.vmid)
    query = select(rows.body, *keys).join(vm_pool, rows.vmid == vm_pool.c.oid).where(_visible(call, flag))
    if -1 not in {start_month, start_year}:
        query = query.where(or_(rows.year > start_year, and_(rows.year == start_year, rows.month >= start_month)))
    if -1 not in {end_month, end_year}:
        query = query.where(or_(rows.year < end_year, and_(rows.year == end_year, rows.month <= end_month)))
    return Listing("SHOWBACK_RECORDS", query, keys)


def _check_month(month: int, year: int) -> None:
    if -1 not in {month, year} and not (1 <= month <= 12 and year in _YEARS):
        raise ParameterError("Wrong month or year")


def calculate_showback(call: Call, start_month: int, start_year: int, end_month: int, end_year: int) -> str:
    """Calculate what machines cost in the months between two (-1 open), for the group oneadmin."""
    if call.caller.gid != 0:
        raise AuthorizationError("Action reserved for group 0 only")
    _check_month(start_month, start_year)
    _check_month(end_month, end_year)
    slots = window(call.transaction, (start_month, start_year), (end_month, end_year), time.time())
    calculate(call.transaction, slots, Prices.of(call.settings))
    return ""


_LIST = (int, int, int, int)
METHODS = (
    Method("one.vmpool.info", info, _LIST, (str,), bulk=True),
    Method("one.vmpool.infoextended", info_extended, _LIST, (str,), bulk=True),
    Method("one.vmpool.infoset", info_set, (str, bool), bulk=True),
    Method("one.vmpool.accounting", accounting, (int, int, int), bulk=True),
    Method("one.vmpool.monitoring", monitoring, (int,), (int,), bulk=True),
    Method("one.vmpool.showback", showback, (int, int, int, int, int), bulk=True),
    Method("one.vmpool.calculateshowback", calculate_showback, _LIST, write=True),
)
