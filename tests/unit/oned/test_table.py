"""The table of methods against the list of the 6.0 API."""

import inspect
from importlib import import_module
from pkgutil import iter_modules

from oned import methods
from oned.methods.call import Method
from oned.methods.table import METHODS, UPSTREAM
from oned.methods.upstream import LATER


def test_every_method_is_one_of_upstreams() -> None:
    assert set(METHODS) <= UPSTREAM | LATER


def test_every_row_of_every_module_is_in_the_table() -> None:
    modules = [import_module(f"oned.methods.{module.name}") for module in iter_modules(methods.__path__)]
    tables = [getattr(module, "METHODS", ()) for module in modules]
    rows = [row for table in tables if isinstance(table, tuple) for row in table]
    assert sorted(row.name for row in rows) == sorted(METHODS)


def test_size_of_the_list() -> None:
    assert len(UPSTREAM) == 263  # names registered by 6.0.0.3


def test_handlers_take_what_the_table_says() -> None:
    def arity(method: Method) -> tuple[int, int]:
        parameters = list(inspect.signature(method.handler).parameters.values())[1:]
        if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
            return len(method.params), len(method.params) + len(method.optional)
        required = sum(parameter.default is parameter.empty for parameter in parameters)
        return required, len(parameters)

    for method in METHODS.values():
        assert arity(method) == (len(method.params), len(method.params) + len(method.optional)), method.name


VERBS = "info infoextended infoset monitoring accounting showback raftstatus version config sqlquery"
READING = set(VERBS.split())


def test_writers_are_declared() -> None:
    reading = {name for name, method in METHODS.items() if not method.write}
    assert reading == {name for name in METHODS if name.rpartition(".")[2] in READING}


def test_passwords_are_hidden() -> None:
    hidden = {name: set(method.hidden) for name, method in METHODS.items() if method.hidden}
    assert hidden == {
        "one.user.allocate": {2},
        "one.user.passwd": {2},
        "one.user.login": {2},
        "one.user.chauth": {3},
    }
