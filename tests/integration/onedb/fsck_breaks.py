"""Ways to break a database by hand, for tests of what fsck finds."""

import re
from collections.abc import Callable

from oned.model.app import App, AppState, AppType
from onelib.template import Template
from tests.integration.onedb.fsck_world import World

Break = Callable[[World], object]


def body(table: str, which: Callable[[World], int], *changes: tuple[str, str], key: str = "oid") -> Break:
    """Replace texts in a body."""
    return lambda w: w.edit(table, which(w), *changes, key=key)


def sql(statement: str, **values: Callable[[World], object]) -> Break:
    """Run a statement."""
    return lambda w: w.sql(statement, **{name: value(w) for name, value in values.items()})


def user(w: World) -> int:
    return w.ground.uid


def host(w: World) -> int:
    return w.ground.hosts[0]


def image(w: World) -> int:
    return w.ground.image


def network(w: World) -> int:
    return w.ground.network


def store(w: World) -> int:
    return w.ground.images


def running(w: World) -> int:
    return w.vms["RUNNING"]


def zero(_: World) -> int:
    return 0


def router(w: World) -> int:
    return w.router


def group(w: World) -> int:
    return w.group


def done(w: World) -> int:
    return w.vms["DONE"]


def reservation(w: World) -> int:
    return w.reservation


def persistent(w: World) -> int:
    return w.persistent


def both(*breaks: Break) -> Break:
    """All of them."""
    return lambda w: [each(w) for each in breaks]


def stranger(table: str, which: Callable[[World], int], tag: str) -> Break:
    """Put an object that does not exist into a list."""
    return body(table, which, (f"<{tag}>", f"<{tag}><ID>9999</ID>"))


def forgotten(table: str, which: Callable[[World], int], tag: str) -> Break:
    """Empty a list."""
    return lambda w: w.empty(table, which(w), tag)


def enlarged(table: str, which: Callable[[World], int], *tags: str, key: str = "oid") -> Break:
    """Put a 9 before the first number of each tag."""
    marks = [f"<{tag}><![CDATA[" if key != "oid" else f"<{tag}>" for tag in tags]
    return lambda w: w.edit(table, which(w), *((mark, f"{mark}9") for mark in marks), key=key)


def template(*changes: str) -> Break:
    """Give a template of a machine these elements."""
    return body("template_pool", zero, ("</TEMPLATE>", f"{''.join(changes)}</TEMPLATE>"))


def offer(market: int, name: str, state: AppState = AppState.INIT, origin: int = -1) -> Break:
    """Put an app into the database that says to be in a marketplace, and made of an image."""

    def function(w: World) -> None:
        app = App(
            oid=0, uid=0, gid=0, uname="oneadmin", gname="oneadmin", name="app", bits=[1, 1, 0, 0, 0, 0, 0, 0, 0],
            template=Template(), lock=None, market_id=market, market=name,
            state=state, type=AppType.IMAGE, origin_id=origin,
        )  # fmt: skip
        row = app.row()
        values = ", ".join(f":{column}" for column in row)
        w.sql(f"INSERT INTO marketplaceapp_pool ({', '.join(row)}) VALUES ({values})", **row)
        w.sql("UPDATE pool_control SET last_oid = 0 WHERE tablename = 'marketplaceapp_pool'")

    return function


def share(*names: str) -> Break:
    """Give another machine what the running one has of these attributes."""

    def function(w: World) -> None:
        body = w.body("vm_pool", running(w))
        for name in names:
            value = re.findall(rf"<{name}><!\[CDATA\[([^]]*)", body)[0]
            other = re.findall(rf"<{name}><!\[CDATA\[[^]]*", w.body("vm_pool", w.vms["POWEROFF"]))[0]
            w.edit("vm_pool", w.vms["POWEROFF"], (other, f"<{name}><![CDATA[{value}"))

    return function
