"""The table of verbs against the table of the API's methods: every row is a call that the server takes."""

import pytest

from oneclient.columns import COLUMNS
from oneclient.resources import RESOURCES
from oneclient.table import Resource, Taken, Verb
from oneclient.values import constant
from oned.methods.table import METHODS

VERBS = [(resource, verb) for resource in RESOURCES.values() for verb in resource.verbs]
_TYPES = {"int": int, "ids": int, "id": int, "flag": bool, "choice": int, "period": int}


def _type(verb: Verb, name: str) -> list[type]:
    taken = next(taken for taken in verb.taken() if taken.name == name)
    if taken.kind == "octal":
        return [int] * 9
    if taken.kind == "rule":
        return [str] * 4
    kind = taken.kind.rstrip("*?")
    return [int] if kind in RESOURCES else [_TYPES.get(kind, str)]


def _sent(verb: Verb) -> list[type]:
    found: list[type] = []
    for word in verb.sends.split():
        if word == "@append":
            found.append(int)
        elif word.startswith("@"):
            found += _type(verb, word[1:])
        elif word[0] in "+=":
            found.append(str)
        else:
            found.append(type(constant(word)))
    return found


@pytest.mark.parametrize(("resource", "verb"), VERBS, ids=[f"{r.name}-{v.name}" for r, v in VERBS])
def test_a_verb_sends_what_its_method_takes(resource: Resource, verb: Verb) -> None:
    method = METHODS[f"one.{verb.method}"]
    sent = _sent(verb)
    taken = [*method.params, *method.optional]
    assert len(method.params) <= len(sent) <= len(taken)
    assert sent == taken[: len(sent)]


@pytest.mark.parametrize("resource", RESOURCES.values(), ids=list(RESOURCES))
def test_a_resource_has_its_pool_its_columns_and_verbs_of_different_names(resource: Resource) -> None:
    pool = METHODS[f"one.{resource.pool}.info"]
    assert len(pool.params) == (3 + len(resource.extra) if resource.flagged else 0)
    assert COLUMNS[resource.name]
    names = [verb.name for verb in resource.verbs]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("word", "taken"),
    [
        ("ids", Taken("ids", "ids")),
        ("host:host", Taken("host", "host")),
        ("[datastore:datastore]", Taken("datastore", "datastore", required=False)),
        ("--hard", Taken("hard", "flag", ("--hard",), required=False)),
        ("-m/--multiple=int:1", Taken("multiple", "int", ("-m", "--multiple"), required=False, default="1")),
        ("--cpu>CPU", Taken("cpu", "text", ("--cpu",), required=False, attribute="CPU")),
        ("vdc:vdc*", Taken("vdc", "vdc*")),
        ("k!0!a=1,b-c=2", Taken("k", "choice", required=False, default="0", choices={"a": 1, "b-c": 2})),
        ("k!!a=1", Taken("k", "choice", choices={"a": 1})),
    ],
)
def test_the_notation(word: str, taken: Taken) -> None:
    assert Verb("v", word, "", "", "").taken() == [taken]
