"""Bodies, headers and paths that nobody means well: each is answered, in time, without a fault of the server."""

import base64
import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flow.rest.table import TABLE, Entry
from flow.types import JsonObject
from tests.integration.flow.rest_server import TEMPLATE, Rest, serving
from tests.integration.oned.conftest import end
from tests.integration.oned.daemon import Daemon

EXPECTED = {200, 201, 204, 400, 401, 403, 404, 405, 500}
_WORDS = """action perform params role role_name cardinality force delete owner_id octet name instantiate clone update
chown chmod recover scale add_role merge_template recursive template_raw template_json append delete_type roles
registration_time"""
WORDS = st.sampled_from(_WORDS.split())
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | WORDS
    | st.text(max_size=20)
    | st.just("\x00]]>")
    | st.just(2**70)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=5),
    max_leaves=12,
)
ACTIONS = st.fixed_dictionaries(
    {
        "action": st.fixed_dictionaries(
            {"perform": WORDS, "params": st.dictionaries(WORDS, JSON, max_size=4) | JSON}
        )
    }
)
ROUTES = st.sampled_from([entry for entry in TABLE if entry.verb != "GET"])


@pytest.fixture(scope="module")
def rest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rest]:
    daemon = Daemon(tmp_path_factory.mktemp("oned"))
    daemon.start()
    with serving(daemon) as found:
        found.service()  # the template has the id 0, the service 1
        yield found
    end(daemon)


def _path(entry: Entry) -> str:
    """A deletion is of nothing that the others need."""
    oid = 1 if entry.path.startswith("/service/") else 4711 if entry.verb == "DELETE" else 0
    return entry.path.replace("{id:int}", str(oid)).replace("{role}", "app")


def _is_answered(rest: Rest, verb: str, path: str, content: bytes) -> None:
    answer = rest.ask(verb, path, content=content)
    assert answer.status_code in EXPECTED, (answer.status_code, answer.text)
    assert answer.text != "Internal Server Error", content
    if answer.status_code >= 400:
        assert answer.text
        assert "Traceback" not in answer.text


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ROUTES, ACTIONS | JSON)
@example(TABLE[3], {"action": {"perform": "chown", "params": {"owner_id": {}}}})
def test_any_json_on_any_route(rest: Rest, entry: Entry, body: object) -> None:
    try:
        content = json.dumps(body).encode()
    except ValueError:
        return
    _is_answered(rest, entry.verb, _path(entry), content)


@settings(max_examples=100, deadline=None)
@given(ROUTES, st.binary(max_size=200))
def test_any_bytes_on_any_route(rest: Rest, entry: Entry, content: bytes) -> None:
    _is_answered(rest, entry.verb, _path(entry), content)


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=1, max_size=40))
def test_any_credentials(rest: Rest, secret: bytes) -> None:
    header = b"Basic " + base64.b64encode(secret)
    answer = rest.client.get(f"{rest.url}/service", headers={b"Authorization": header})
    assert answer.status_code in {401, 403}, (secret, answer.text)


def test_a_template_of_ten_thousand_roles(rest: Rest) -> None:
    roles: list[JsonObject] = [
        {"name": f"r{number}", "cardinality": 1, "vm_template": 0} for number in range(10_000)
    ]
    answer = rest.ask("POST", "/service_template", TEMPLATE | {"roles": roles})
    assert answer.status_code in {201, 400}, answer.text
    assert len(answer.content) > 10
    assert rest.ask("GET", "/service").status_code == 200


def test_numbers_and_texts_of_any_length(rest: Rest) -> None:
    for text in (
        '{"a": ' + "9" * 100_000 + "}",
        '{"a": "' + "x" * 1_000_000 + '"}',
        '"' + "\\" * 1001,
        '{"a":1,' * 9,
    ):
        _is_answered(rest, "POST", "/service_template", text.encode())
        _is_answered(rest, "POST", "/service/1/action", text.encode())


def test_nothing_was_lost(rest: Rest) -> None:
    assert rest.ok(200, "GET", "/service")["DOCUMENT_POOL"]["DOCUMENT"]
    made = rest.template()
    assert rest.ok(200, "GET", f"/service_template/{made}")["DOCUMENT"]["TEMPLATE"]["BODY"]["roles"]
