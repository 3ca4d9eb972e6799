"""Service templates through REST, on a real server of the API."""

import json
from collections.abc import Iterator

import pytest

from tests.integration.flow.rest_server import TEMPLATE, Rest, serving
from tests.integration.oned.conftest import end
from tests.integration.oned.daemon import PASSWORD, Daemon


@pytest.fixture(scope="module")
def rest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rest]:
    daemon = Daemon(tmp_path_factory.mktemp("oned"))
    daemon.start()
    daemon.ok("one.user.allocate", "ann", "ann's:word-é", "core")
    daemon.ok("one.template.allocate", 'NAME="vm"\nCPU="0.1"\nMEMORY="64"')
    with serving(daemon) as found:
        yield found
    end(daemon)


def test_a_template_from_its_creation_to_its_end(rest: Rest) -> None:
    made = rest.ok(201, "POST", "/service_template", TEMPLATE)["DOCUMENT"]
    assert (made["NAME"], made["TYPE"], made["UNAME"], made["PERMISSIONS"]["OWNER_U"]) == (
        "web",
        "101",
        "oneadmin",
        "1",
    )
    assert isinstance(made["ID"], str)
    body = made["TEMPLATE"]["BODY"]
    assert body["roles"][1]["parents"] == ["db"]
    assert body["registration_time"] > 0
    path = f"/service_template/{made['ID']}"
    assert rest.ok(200, "GET", path)["DOCUMENT"] == made
    listed = rest.ok(200, "GET", "/service_template")["DOCUMENT_POOL"]["DOCUMENT"]
    assert made["ID"] in [document["ID"] for document in listed]
    changed = rest.ok(200, "PUT", path, TEMPLATE | {"description": 'a ]]> b & <c> "d" é \x01'})
    after = changed["DOCUMENT"]["TEMPLATE"]["BODY"]
    assert after["description"] == 'a ]]> b & <c> "d" é \x01'
    assert after["registration_time"] == body["registration_time"]
    assert rest.ok(204, "DELETE", path, {"delete_type": "none"}) == {}
    rest.fails(404, "GET", path)


def test_the_time_of_registration_stays(rest: Rest) -> None:
    path = f"/service_template/{rest.template()}"
    text = rest.fails(500, "PUT", path, TEMPLATE | {"registration_time": 7})
    assert text == "Immutable value: `service_template/registration_time` can not be changed"


def test_errors_of_a_body_are_told_and_nothing_is_made(rest: Rest) -> None:
    before = rest.ok(200, "GET", "/service_template")
    assert "roles" in rest.fails(400, "POST", "/service_template", {"name": "x"})
    for content in (b"{", b"[]", b'"x"', b"\xff", b'{"name": NaN}', b'{"name": "\\ud800", "roles": []}', b"1e999"):
        rest.fails(400, "POST", "/service_template", content=content)
    assert rest.ok(200, "GET", "/service_template") == before


def test_owner_permissions_and_name(rest: Rest) -> None:
    path = f"/service_template/{rest.template()}"
    assert rest.act(path, "chgrp", group_id=1).status_code == 204
    assert rest.act(path, "chmod", octet="604").status_code == 204
    assert rest.act(path, "rename", name="other").status_code == 204
    assert rest.act(path, "chown", owner_id="2").status_code == 204
    document = rest.ok(200, "GET", path)["DOCUMENT"]
    assert (document["UNAME"], document["GID"], document["NAME"]) == ("ann", "1", "other")
    bits = document["PERMISSIONS"]
    assert [bits[f"{who}_{bit}"] for who in ("OWNER", "GROUP", "OTHER") for bit in "UMA"] == list("110000100")
    assert rest.act(path, "chown", owner_id=0, group_id="0").status_code == 204
    document = rest.ok(200, "GET", path)["DOCUMENT"]
    assert (document["UNAME"], document["GID"]) == ("oneadmin", "0")


def test_actions_without_what_they_need(rest: Rest) -> None:
    path = f"/service_template/{rest.template()}"
    for perform, what in (("chown", "a UID"), ("chgrp", "a GID"), ("chmod", "an OCTET")):
        answer = rest.act(path, perform)
        assert (answer.status_code, answer.text) == (500, f"Action {perform}: You have to specify {what}")
    assert rest.act(path, "update").text == "Action update: You have to provide a template"
    assert rest.act(path, "dance").text == "Action dance not supported"
    for octet in ("888", "66", "6400", -1, True, [6]):
        assert rest.act(path, "chmod", octet=octet).status_code == 400
    owners: tuple[object, ...] = ("ann", -2, 1.5, 2**31, 10**30, True, {})
    for owner in owners:
        assert rest.act(path, "chown", owner_id=owner).status_code == 400
    rest.fails(
        404, "POST", "/service_template/4711/action", {"action": {"perform": "chmod", "params": {"octet": "600"}}}
    )
    bodies: list[object] = [
        {},
        [],
        {"action": 1},
        {"action": {"perform": 2}},
        {"action": {"perform": "chmod", "params": [1]}},
    ]
    for body in bodies:
        rest.fails(400, "POST", f"{path}/action", body)


def test_update_by_action(rest: Rest) -> None:
    path = f"/service_template/{rest.template()}"
    assert rest.act(path, "update", append=True, template_json='{"description": "d"}').status_code == 204
    assert rest.act(path, "update", append=True, template_raw='LABELS="a,b"').status_code == 204
    template = rest.ok(200, "GET", path)["DOCUMENT"]["TEMPLATE"]
    assert (template["LABELS"], template["BODY"]["description"], len(template["BODY"]["roles"])) == ("a,b", "d", 2)
    assert rest.act(path, "update", template_json=TEMPLATE).status_code == 204
    template = rest.ok(200, "GET", path)["DOCUMENT"]["TEMPLATE"]
    assert (template["LABELS"], template["BODY"].get("description", "")) == ("a,b", "")
    assert rest.act(path, "update", template_raw='LABELS="c"').status_code == 204
    template = rest.ok(200, "GET", path)["DOCUMENT"]["TEMPLATE"]
    assert (template["LABELS"], template["BODY"]["name"]) == ("c", "web")
    assert rest.act(path, "update", template_raw='BODY="nothing"').status_code == 400
    assert rest.act(path, "update", template_raw="]]").status_code == 400


def test_clones_and_their_machines_templates(rest: Rest) -> None:
    oned = rest.daemon
    oid = rest.template()
    path = f"/service_template/{oid}"
    plain = rest.act(path, "clone", name="copy", recursive="none").json()["DOCUMENT"]
    assert (plain["NAME"], plain["TEMPLATE"]["BODY"]["roles"][0]["vm_template"]) == ("copy", 0)
    deep = rest.act(path, "clone", name="deep", recursive="templates").json()["DOCUMENT"]
    ids = {role["vm_template"] for role in deep["TEMPLATE"]["BODY"]["roles"]}
    assert len(ids) == 1
    assert "<NAME>vm-deep</NAME>" in str(oned.ok("one.template.info", *ids))
    rest.ok(204, "DELETE", f"/service_template/{deep['ID']}", {"delete_type": "templates"})
    oned.fails(0x400, "one.template.info", *ids)
    assert "vm" in str(oned.ok("one.template.info", 0))


def test_a_clone_that_fails_leaves_nothing(rest: Rest) -> None:
    roles = [
        {"name": "a", "cardinality": 1, "vm_template": 0},
        {"name": "b", "cardinality": 1, "vm_template": 4711},
    ]
    oid = rest.template(roles=roles)
    before = rest.ok(200, "GET", "/service_template"), rest.daemon.ok("one.templatepool.info", -2, -1, -1)
    answer = rest.act(f"/service_template/{oid}", "clone", name="half", recursive="all")
    assert answer.status_code == 404
    assert "4711" in answer.text
    assert (
        rest.ok(200, "GET", "/service_template"),
        rest.daemon.ok("one.templatepool.info", -2, -1, -1),
    ) == before
    assert "4711" in rest.fails(404, "DELETE", f"/service_template/{oid}", {"delete_type": "all"})
    assert "<NAME>vm</NAME>" in str(rest.daemon.ok("one.template.info", 0))
    rest.ok(204, "DELETE", f"/service_template/{oid}")


def test_who_may(rest: Rest) -> None:
    path = f"/service_template/{rest.template()}"
    assert rest.fails(401, "GET", path, auth=None) == "A username and password must be provided"
    assert "authenticated" in rest.fails(403, "GET", path, auth=("oneadmin", "wrong"))
    text = rest.fails(401, "GET", path, auth=("ann", "ann's:word-é"))
    assert "Not authorized" in text
    assert rest.ok(200, "GET", "/service_template", auth=("ann", "ann's:word-é")) != {}
    for header in ("Basic", "Basic !!!", "Bearer x", "Basic b25l", "Basic /w==", "Basic OngA"):
        answer = rest.client.get(rest.url + path, headers={"Authorization": header})
        assert (answer.status_code, answer.text) == (401, "A username and password must be provided")
    for answer_text in (text, rest.fails(403, "GET", path, auth=("oneadmin", f"{PASSWORD}x"))):
        assert PASSWORD not in answer_text


def test_a_token_is_as_good_as_a_password(rest: Rest) -> None:
    token = str(rest.daemon.ok("one.user.login", "oneadmin", "", 600, -1))
    assert rest.ok(200, "GET", "/service_template", auth=("oneadmin", token))


def test_a_document_that_somebody_made_by_hand(rest: Rest) -> None:
    """Anybody may write documents of these types through the API: lists have to survive them."""
    deep = "[" * 5000 + "]" * 5000
    bodies = ("no json", deep, '{"a": 1e999}', '{"a": NaN}', '"text"', "")
    texts = [f"<T><BODY><![CDATA[{body}]]></BODY></T>" for body in bodies]
    ids = [int(rest.daemon.ok("one.document.allocate", text, 101)) for text in texts]
    raw = rest.ask("GET", "/service_template").text
    listed = json.loads(raw, parse_constant=pytest.fail)["DOCUMENT_POOL"]["DOCUMENT"]
    assert set(map(str, ids)) <= {document["ID"] for document in listed}
    for oid in ids:
        rest.ok(200, "GET", f"/service_template/{oid}")
        rest.fails(500, "PUT", f"/service_template/{oid}", TEMPLATE)
        rest.ok(204, "DELETE", f"/service_template/{oid}")


def test_ids_that_no_document_has(rest: Rest) -> None:
    for path in ("/service_template/2147483648", "/service_template/99999999999999999999", "/service_template/-1"):
        rest.fails(404, "GET", path)
    rest.fails(404, "GET", "/service_template/x")
    rest.fails(404, "GET", f"/service/{rest.template()}")
    rest.fails(405, "PATCH", "/service_template/1")
