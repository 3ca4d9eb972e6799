"""The REST interface on a real server of the API: real HTTP, and a desk that notes what it is asked for."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypedDict, Unpack

import httpx
import uvicorn

from flow.engine.operations import Operation
from flow.errors import InvalidError
from flow.rest import documents
from flow.rest.app import application
from flow.rest.checks import Checks
from flow.types import JsonObject
from onelib.api import Api
from tests.integration.oned.daemon import PASSWORD, Daemon

ADMIN = ("oneadmin", PASSWORD)
TEMPLATE: JsonObject = {
    "name": "web",
    "deployment": "straight",
    "roles": [
        {"name": "db", "cardinality": 1, "vm_template": 0},
        {"name": "app", "cardinality": 2, "vm_template": 0, "parents": ["db"], "min_vms": 1, "max_vms": 5},
    ],
}


def _check_template(body: JsonObject) -> JsonObject:
    if not isinstance(body.get("name"), str) or not isinstance(body.get("roles"), list):
        raise InvalidError("name and roles are required")
    return {"deployment": "none", **body}


def _check_role(role: JsonObject) -> JsonObject:
    if "name" not in role:
        raise InvalidError("name is required")
    return {"cardinality": 1, **role}


CHECKS = Checks(_check_template, _check_template, _check_role, {"type": "object"})
"""As little as the interface has to know: what the rules are is tested where they are."""


class More(TypedDict, total=False):
    """Who asks, and a body that is not made of an object."""

    auth: tuple[str, str] | None
    content: bytes


@dataclass
class Notes:
    """The engine's place: services are real documents, and whatever else is asked for is noted."""

    asked: list[tuple[str, int, Operation]] = field(default_factory=list)
    purged: int = 0

    async def create(self, user: Api, template_id: int, merge: JsonObject) -> int:
        def make() -> int:
            body = documents.body_of(documents.read(user, documents.TEMPLATE, template_id)) | merge
            return documents.allocate(user, documents.SERVICE, body | {"state": 0, "start_time": 1}, body["name"])

        return await asyncio.to_thread(make)

    async def request(self, user: Api, service_id: int, operation: Operation) -> None:
        await asyncio.to_thread(documents.read, user, documents.SERVICE, service_id)
        self.asked.append((user.user, service_id, operation))

    async def purge_done(self, user: Api) -> None:
        self.purged += 1


@dataclass
class Rest:
    """A running server, and a client of it."""

    url: str
    desk: Notes
    daemon: Daemon
    client: httpx.Client

    def ask(
        self,
        verb: str,
        path: str,
        body: object = None,
        *,
        auth: tuple[str, str] | None = ADMIN,
        content: bytes | None = None,
    ) -> httpx.Response:
        data = content if content is not None else (b"" if body is None else json.dumps(body).encode())
        return self.client.request(verb, self.url + path, content=data, auth=auth)

    def ok(self, status: int, verb: str, path: str, body: object = None, **more: Unpack[More]) -> JsonObject:
        answer = self.ask(verb, path, body, **more)
        assert answer.status_code == status, answer.text
        return dict(answer.json()) if answer.content else {}

    def fails(self, status: int, verb: str, path: str, body: object = None, **more: Unpack[More]) -> str:
        answer = self.ask(verb, path, body, **more)
        assert answer.status_code == status, (answer.status_code, answer.text)
        assert answer.headers["content-type"].startswith("text/plain")
        return answer.text

    def act(self, path: str, perform: str, **params: object) -> httpx.Response:
        return self.ask("POST", f"{path}/action", {"action": {"perform": perform, "params": params}})

    def template(self, **more: object) -> int:
        return int(self.ok(201, "POST", "/service_template", TEMPLATE | more)["DOCUMENT"]["ID"])

    def service(self, **more: object) -> int:
        path = f"/service_template/{self.template(**more)}"
        answer = self.act(path, "instantiate")
        assert answer.status_code == 201, answer.text
        return int(answer.json()["DOCUMENT"]["ID"])


@contextmanager
def serving(
    daemon: Daemon, leader: Callable[[], str | None] = lambda: None, endpoint: str | None = None
) -> Iterator[Rest]:
    """A REST server, in a thread of this process."""
    desk = Notes()
    app = application(desk, endpoint or daemon.uri, CHECKS, leader=leader)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        end = time.monotonic() + 60
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < end
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(timeout=60, trust_env=False) as client:
            yield Rest(f"http://127.0.0.1:{port}", desk, daemon, client)
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()
