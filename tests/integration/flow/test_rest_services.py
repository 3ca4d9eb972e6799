"""Services through REST: what reaches the engine, what never does, and who answers."""

import socket
from collections.abc import Iterator

import pytest

from flow.engine.operations import (
    Act,
    AddRole,
    Chgrp,
    Chmod,
    Chown,
    Operation,
    Recover,
    Release,
    RemoveRole,
    Rename,
    Scale,
    Undeploy,
    Update,
)
from flow.rest.call import MAX_BODY
from flow.types import JsonObject
from tests.integration.flow.rest_server import TEMPLATE, Rest, serving
from tests.integration.oned.conftest import end
from tests.integration.oned.daemon import Daemon


@pytest.fixture(scope="module")
def rest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rest]:
    daemon = Daemon(tmp_path_factory.mktemp("oned"))
    daemon.start()
    with serving(daemon) as found:
        yield found
    end(daemon)


def test_there_are_none(rest: Rest) -> None:
    rest.daemon.ok("one.user.allocate", "nobody", "word", "core")
    assert rest.ok(200, "GET", "/service", auth=("nobody", "word")) == {"DOCUMENT_POOL": {}}


def test_instantiation_answers_the_service(rest: Rest) -> None:
    path = f"/service_template/{rest.template()}"
    answer = rest.act(path, "instantiate", merge_template={"name": "mine", "custom_attrs_values": {"A": "b"}})
    assert answer.status_code == 201
    document = answer.json()["DOCUMENT"]
    assert (document["TYPE"], document["NAME"]) == ("100", "mine")
    assert document["TEMPLATE"]["BODY"]["custom_attrs_values"] == {"A": "b"}
    assert rest.act(path, "instantiate", merge_template=[1]).status_code == 400
    assert rest.act("/service_template/4711", "instantiate").status_code == 404
    shown = rest.ok(200, "GET", f"/service/{document['ID']}")["DOCUMENT"]
    assert shown == document
    listed = rest.ok(200, "GET", "/service")["DOCUMENT_POOL"]["DOCUMENT"]
    assert shown in listed


def _action(perform: str, **params: object) -> JsonObject:
    return {"action": {"perform": perform, "params": params}}


ROLE = {"name": "extra", "cardinality": 1, "vm_template": 0}
ASKED: list[tuple[str, str, object, Operation]] = [
    ("DELETE", "", None, Undeploy()),
    ("POST", "/action", _action("recover"), Recover(delete=False)),
    ("POST", "/action", {"action": {"perform": "recover"}}, Recover(delete=False)),
    ("POST", "/action", _action("recover", delete=True), Recover(delete=True)),
    ("POST", "/action", _action("chown", owner_id=3), Chown(3, None)),
    ("POST", "/action", _action("chown", owner_id="3", group_id="1"), Chown(3, 1)),
    ("POST", "/action", _action("chgrp", group_id=1), Chgrp(1)),
    ("POST", "/action", _action("chmod", octet="640"), Chmod("640")),
    ("POST", "/action", _action("rename", name="n m"), Rename("n m")),
    ("POST", "/action", _action("release"), Release()),
    ("POST", "/action", _action("suspend"), Act(None, "suspend", "", 60, 1)),
    ("POST", "/action", _action("suspend", period=0, number=2), Act(None, "suspend", "", 0, 2)),
    ("POST", "/role/app/action", _action("snapshot-revert", args="3"), Act("app", "snapshot-revert", "3", 60, 1)),
    ("POST", "/role/a%20b/action", _action("release"), Act("a b", "release", "", 60, 1)),
    ("POST", "/scale", {"role_name": "app", "cardinality": 4}, Scale("app", 4, force=False)),
    ("POST", "/scale", {"role_name": "app", "cardinality": "9", "force": True}, Scale("app", 9, force=True)),
    ("POST", "/role_action", _action("remove_role", role="app"), RemoveRole("app")),
]


@pytest.mark.parametrize(("verb", "tail", "body", "operation"), ASKED)
def test_what_the_engine_is_asked_for(
    rest: Rest, verb: str, tail: str, body: object, operation: Operation
) -> None:
    oid = rest.service()
    assert rest.ok(204, verb, f"/service/{oid}{tail}", body) == {}
    assert rest.desk.asked[-1] == ("oneadmin", oid, operation)


def test_bodies_that_the_engine_gets_checked(rest: Rest) -> None:
    oid = rest.service()
    for role in (ROLE, '{"name": "extra", "cardinality": 1, "vm_template": 0}'):
        rest.ok(204, "POST", f"/service/{oid}/role_action", _action("add_role", role=role))
        operation = rest.desk.asked[-1][2]
        assert isinstance(operation, AddRole)
        assert operation.role["name"] == "extra"
    rest.ok(204, "PUT", f"/service/{oid}", TEMPLATE)
    operation = rest.desk.asked[-1][2]
    assert isinstance(operation, Update)
    assert operation.body["roles"][1]["name"] == "app"


REFUSED = [
    (400, "PUT", "", {"name": "x"}),
    (500, "POST", "/action", _action("chown")),
    (500, "POST", "/action", _action("dance")),
    (500, "POST", "/role/app/action", _action("recover")),
    (500, "POST", "/role_action", _action("dance")),
    (400, "POST", "/role_action", _action("add_role", role={"cardinality": 1})),
    (400, "POST", "/role_action", _action("add_role", role="{")),
    (400, "POST", "/role_action", _action("add_role")),
    (400, "POST", "/role_action", _action("remove_role")),
    (400, "POST", "/action", _action("recover", delete="yes")),
    (400, "POST", "/action", _action("rename", name="a\x00b")),
    (400, "POST", "/action", _action("suspend", period=-1)),
    (400, "POST", "/action", _action("suspend", args=["x"])),
    (400, "POST", "/scale", {"role_name": "app"}),
    (400, "POST", "/scale", {"cardinality": 1}),
    (400, "POST", "/scale", {"role_name": "app", "cardinality": -1}),
    (400, "POST", "/scale", {"role_name": "app", "cardinality": 2**31}),
    (400, "POST", "/scale", {"role_name": "app", "cardinality": 1.5}),
    (400, "POST", "/scale", {"role_name": "app", "cardinality": 1, "force": "1"}),
    (400, "POST", "/scale", None),
]


@pytest.mark.parametrize(("status", "verb", "tail", "body"), REFUSED)
def test_what_never_reaches_the_engine(rest: Rest, status: int, verb: str, tail: str, body: object) -> None:
    oid = rest.service()
    before = len(rest.desk.asked)
    assert rest.fails(status, verb, f"/service/{oid}{tail}", body)
    assert len(rest.desk.asked) == before


def test_missing_services_and_documents_of_other_types(rest: Rest) -> None:
    for oid in (4711, rest.template()):
        rest.fails(404, "GET", f"/service/{oid}")
        rest.fails(404, "DELETE", f"/service/{oid}")


def test_purge(rest: Rest) -> None:
    before = rest.desk.purged
    rest.ok(204, "POST", "/service_pool/purge_done")
    assert rest.desk.purged == before + 1


def test_a_body_that_is_too_large_is_not_read(rest: Rest) -> None:
    oid = rest.service()
    assert str(MAX_BODY) in rest.fails(413, "PUT", f"/service/{oid}", content=b" " * (MAX_BODY + 1))
    for deep in (b"[" * 1_000_000, b'{"a":' * 200 + b"1" + b"}" * 200):
        assert "nested too deeply" in rest.fails(400, "PUT", f"/service/{oid}", content=deep)
    rest.fails(400, "PUT", f"/service/{oid}", content=b'{"a":' + b"9" * 5000 + b"}")


def test_a_server_that_does_not_lead_passes_changes_on(rest: Rest) -> None:
    oid = rest.service()
    with serving(rest.daemon, leader=lambda: rest.url) as other:
        assert other.ok(200, "GET", f"/service/{oid}")
        assert other.ok(204, "POST", f"/service/{oid}/scale", {"role_name": "app", "cardinality": 3}) == {}
        assert rest.desk.asked[-1] == ("oneadmin", oid, Scale("app", 3, force=False))
        assert other.desk.asked == []
        text = other.fails(500, "POST", f"/service/{oid}/action", _action("dance"))
        assert text == "Action dance not supported"
        other.ok(204, "POST", f"/service/{oid}/role/b%20c/action", _action("hold"))
        assert other.fails(403, "DELETE", f"/service/{oid}", auth=("oneadmin", "wrong"))


def test_nobody_leads_or_the_leader_is_gone(rest: Rest) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # nothing listens there, and nobody else can
        for address in ("", f"http://127.0.0.1:{held.getsockname()[1]}"):
            with serving(rest.daemon, leader=lambda address=address: address) as other:  # type: ignore[misc]
                answer = other.ask("DELETE", "/service/0")
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
                assert other.ask("GET", "/service").status_code == 200


def test_two_servers_that_take_each_other_for_the_leader(rest: Rest) -> None:
    urls: list[str] = []
    with (
        serving(rest.daemon, leader=lambda: urls[1]) as one,
        serving(rest.daemon, leader=lambda: urls[0]) as two,
    ):
        urls += [one.url, two.url]
        assert "No server leads" in one.fails(503, "DELETE", "/service/0")
        assert "No server leads" in two.fails(503, "DELETE", "/service/0")


def test_the_api_does_not_answer(rest: Rest) -> None:
    with serving(rest.daemon, endpoint="http://127.0.0.1:1/RPC2") as other:
        answer = other.ask("GET", "/service")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert "does not answer" in answer.text
