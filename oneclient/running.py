"""A row of the table, done: values to parameters, one call for each object, results printed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from oneclient.access import Access
from oneclient.errors import NotFoundError
from oneclient.names import many_ids, one_id, pool
from oneclient.table import Resource, Taken, Verb
from oneclient.values import attributes, constant, convert, standard_input, template_text
from onelib.api import Api, ApiError, Parameter
from onelib.errors import OneError, report
from onelib.template_xml import Element

_HINTS = {
    0x100: "Are user and password right? They come from --user, $ONE_AUTH or ~/.one/one_auth.",
    0x200: "Ask its owner or an administrator; `one acl list` shows the rules.",
}


class Run:
    """One verb with what its command line says."""

    def __init__(self, api: Api, resource: Resource, verb: Verb, given: dict[str, Any]) -> None:
        self._api, self._resource, self._verb = api, resource, verb
        self._taken = verb.taken()
        self._given = given
        self._values: dict[str, Any] = {}

    def all(self) -> int:
        """Call once for each object; the last refusal's exit code, 0 without one.

        Raises :class:`~onelib.errors.OneError` for what concerns all of them.
        """
        for taken in self._taken:
            if taken.kind not in {"ids", "id"}:
                self._values[taken.name] = convert(self._api, taken, self._given.get(taken.name))
        code = 0
        targets, name = self._targets(), self._values.get("name", "")
        for number, oid in enumerate(targets):
            self._values.update(id=oid, ids=oid)
            if self._times:
                self._values["name"] = name.replace("%i", str(number))
            try:
                result = self._api.call(f"one.{self._verb.method}", *self._parameters())
            except ApiError as error:
                if len(targets) == 1:
                    raise
                code = report(explained(error, self._resource.name))
                continue
            if self._verb.prints:
                print(self._shown(result))
        return code

    def _shown(self, result: Any) -> str:  # noqa: ANN401 (as Api.call)
        head = self._verb.prints
        return f"{self._values[head[1:]]}:{result}" if head.startswith("@") else f"{head}: {result}"

    @property
    def _times(self) -> int:
        """How often to call for the one object; 0 where the verb does not ask."""
        return next((int(self._values[taken.name]) for taken in self._taken if taken.kind == "times"), 0)

    def _targets(self) -> list[int]:
        for taken in self._taken:
            if taken.kind == "ids":
                return many_ids(self._api, self._resource.name, self._given["ids"])
            if taken.kind == "id":
                return [one_id(self._api, self._resource.name, self._given["id"])] * max(self._times, 1)
        return [-1]

    def _parameters(self) -> list[Parameter]:
        found: list[Parameter] = []
        for word in self._verb.sends.split():
            if word.startswith("@"):
                value = self._values[word[1:]]
                found += self._spread(value) if isinstance(value, list) else [self._typed(word[1:], value)]
            elif word.startswith("+"):
                found.append(word[1:] + ("-hard" if self._values.get("hard") else ""))
            elif word.startswith("="):
                found.append(self._template(word[1:]))
            else:
                found.append(constant(word))
        return found

    @staticmethod
    def _spread(value: list[Any]) -> list[Parameter]:
        return list(value)

    def _typed(self, name: str, value: Any) -> Parameter:  # noqa: ANN401 (convert)
        kind = next((taken.kind for taken in self._taken if taken.name == name), "")
        if name == "append":
            return int(value)
        typed: Parameter = int(value) if kind in {"int", "period"} else value
        return typed

    def _template(self, vector: str) -> str:
        pairs = [
            pair for taken in self._contributing() for pair in attributes(self._api, taken, self._value(taken))
        ]
        text = self._values.get("file", "")
        if not pairs and not text and vector != "?":
            text = self._values["file"] = standard_input(f"{self._resource.name} {self._verb.name}")
        return template_text(text, pairs, vector.rstrip("?"))

    def _contributing(self) -> Iterator[Taken]:
        """The options that are given and belong into the template."""
        for taken in self._taken:
            if taken.attribute and self._given.get(taken.name) not in {None, False}:
                yield taken

    def _value(self, taken: Taken) -> Any:  # noqa: ANN401 (convert)
        return self._values[taken.name]


def explained(error: OneError, resource: str) -> OneError:
    """``error`` with what to do about it."""
    if isinstance(error, ApiError) and not error.todo:
        missing = f"`one {resource} list` shows what there is." if error.code == 0x400 else ""
        error.todo = _HINTS.get(error.code, missing)
    return error


@contextmanager
def explaining(resource: Resource) -> Iterator[None]:
    """Let refusals say what to do."""
    try:
        yield
    except ApiError as error:
        raise explained(error, resource.name) from None


def run_verb(access: Access, resource: Resource, verb: Verb, given: dict[str, Any]) -> int:
    """Do it; the exit code. Raises :class:`~onelib.errors.OneError`."""
    with explaining(resource):
        return Run(access.open(), resource, verb, given).all()


def run_show(access: Access, resource: Resource, text: str, form: str) -> str:
    """The text of ``show``. Raises :class:`~onelib.errors.OneError`."""
    from oneclient.showing import show_text

    with explaining(resource):
        api = access.open()
        oid = one_id(api, resource.name, text)
        root = _rule(api, resource, oid) if resource.name == "acl" else api.xml(f"one.{resource.prefix}.info", oid)
        return show_text(resource, root, form)


def _rule(api: Api, resource: Resource, oid: int) -> Element:
    """A rule, which the API knows in a pool only."""
    for rule in pool(api, resource):
        if rule.findtext("ID") == str(oid):
            return rule
    raise NotFoundError(f"There is no rule {oid}.", todo="`one acl list` shows the rules.")


def run_list(access: Access, resource: Resource, options: dict[str, Any]) -> str:
    """The text of ``list``. Raises :class:`~onelib.errors.OneError`."""
    from oneclient.listing import Listing

    with explaining(resource):
        return Listing(**options).text(access.open(), resource)
