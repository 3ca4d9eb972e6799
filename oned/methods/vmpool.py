"""``one.vmpool.*``: lists of virtual machines, their history, use and cost."""

import time

from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.dialects.mysql import match

from oned.access.acl import SHOW_ALL, visible
from oned.database.schema import history, vm_monitoring, vm_pool, vm_showback
from oned.errors import AuthorizationError, InternalError, ParameterError
from oned.methods.call import Call, Method
from oned.methods.shared import Window
from oned.model.vm import Vm
from oned.model.vm_states import VmState
from oned.vm.monitoring import newest
from oned.vm.showback import Prices, calculate, window

ANY_STATE, NOT_DONE = -2, -1
_YEARS = range(1970, 2107)
_ESCAPED = str.maketrans("-.:", "___", '"')


def _visible(call: Call, flag: int) -> ColumnElement[bool]:
    return visible(call.transaction, call.caller, Vm.kind, vm_pool, flag, zone_id=call.settings.zone_id)


def _list(call: Call, part: Window, where: ColumnElement[bool], *, extended: bool) -> str:
    """The machines a caller gets."""
    flag, start, end = part
    column = vm_pool.c.body if extended else vm_pool.c.short_body
    query = select(column).where(_visible(call, flag), where)
    query = query.order_by(vm_pool.c.oid.desc() if call.caller.descending else vm_pool.c.oid)
    if end < -1:
        query = query.limit(-end).offset(max(start, 0))
    elif start != -1:
        query = query.where(vm_pool.c.oid >= start)
        if end != -1:
            query = query.where(vm_pool.c.oid <= end)
    return f"<VM_POOL>{''.join([row[0] for row in call.transaction.rows(query)])}</VM_POOL>"


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


def _pool(call: Call, part: Window, state: int, words: str, *, extended: bool) -> str:
    return _list(call, part, and_(_in_state(state), _matching(call, words)), extended=extended)


def info(call: Call, flag: int, start: int, end: int, state: int, words: str = "") -> str:  # noqa: PLR0917 (6.0's)
    """The machines in a state (-2 any, -1 all but DONE), in short; of those, the ones with ``words``."""
    return _pool(call, Window(flag, start, end), state, words, extended=False)


def info_extended(call: Call, flag: int, start: int, end: int, state: int, words: str = "") -> str:  # noqa: PLR0917 (6.0's)
    """As :func:`info`, with everything but the older records of the history."""
    return _pool(call, Window(flag, start, end), state, words, extended=True)


def info_set(call: Call, ids: str, extended: bool) -> str:
    """The machines of a list of ids with commas."""
    wanted = {int(part) for part in ids.split(",") if part.strip().isdecimal() and len(part.strip()) < 11}
    if not wanted:
        return "<VM_POOL></VM_POOL>"
    return _list(call, Window(SHOW_ALL), vm_pool.c.oid.in_(sorted(wanted)), extended=extended)


def accounting(call: Call, flag: int, start: int, end: int) -> str:
    """The history of all machines, also of those that are gone, between two times (epoch seconds, -1 open)."""
    query = select(history.c.body).join(vm_pool, history.c.vid == vm_pool.c.oid).where(_visible(call, flag))
    if start != -1:
        query = query.where(or_(history.c.etime > start, history.c.etime == 0))
    if end != -1:
        query = query.where(history.c.stime < end)
    bodies = call.transaction.rows(query.order_by(history.c.vid, history.c.seq))
    return f"<HISTORY_RECORDS>{''.join([row[0] for row in bodies])}</HISTORY_RECORDS>"


def monitoring(call: Call, flag: int, seconds: int = -1) -> str:
    """What all machines were seen to use: always (negative), last (0), or in the last so many ``seconds``."""
    rows = vm_monitoring.c
    query = select(rows.body).join(vm_pool, rows.vmid == vm_pool.c.oid).where(_visible(call, flag))
    if seconds == 0:
        last = newest().subquery()
        query = query.join(last, and_(last.c.vmid == rows.vmid, last.c.last_poll == rows.last_poll))
    elif seconds > 0:
        query = query.where(rows.last_poll > int(time.time()) - seconds)
    bodies = call.transaction.rows(query.order_by(rows.vmid, rows.last_poll))
    return f"<MONITORING_DATA>{''.join([row[0] for row in bodies])}</MONITORING_DATA>"


def showback(call: Call, flag: int, start_month: int, start_year: int, end_month: int, end_year: int) -> str:  # noqa: PLR0917 (6.0's)
    """What machines cost in the months between two; -1 is open."""
    rows = vm_showback.c
    query = select(rows.body).join(vm_pool, rows.vmid == vm_pool.c.oid).where(_visible(call, flag))
    if -1 not in {start_month, start_year}:
        query = query.where(or_(rows.year > start_year, and_(rows.year == start_year, rows.month >= start_month)))
    if -1 not in {end_month, end_year}:
        query = query.where(or_(rows.year < end_year, and_(rows.year == end_year, rows.month <= end_month)))
    bodies = call.transaction.rows(query.order_by(rows.year, rows.month, rows.vmid))
    return f"<SHOWBACK_RECORDS>{''.join([row[0] for row in bodies])}</SHOWBACK_RECORDS>"


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
