"""``oneflow`` and ``oneflow-template`` as processes, as people run them, on a real REST server."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

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
from tests.integration.flow.rest_server import TEMPLATE, Rest, serving
from tests.integration.oned.conftest import end
from tests.integration.oned.daemon import PASSWORD, ROOT, Daemon


@dataclass(frozen=True)
class Commands:
    rest: Rest
    folder: Path

    def run(self, *words: str, text: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH", str(ROOT)),
            "HOME": str(self.folder),
            "ONE_AUTH": str(self.rest.daemon.auth / "one_auth"),
            "ONEFLOW_URL": self.rest.url,
            "ONE_XMLRPC": self.rest.daemon.uri,
        }
        code = f"import sys; from flow.commands.cli import run; sys.exit(run({words[0]!r}, sys.argv[1:]))"
        return subprocess.run(
            [sys.executable, "-c", code, *words[1:]],
            env=environment | more,
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=ROOT,
        )

    def ok(self, *words: str, text: str = "", **more: str) -> str:
        done = self.run(*words, text=text, **more)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    def fails(self, code: int, *words: str, text: str = "", **more: str) -> str:
        done = self.run(*words, text=text, **more)
        assert done.returncode == code, done
        assert "Traceback" not in done.stderr
        assert PASSWORD not in done.stderr + done.stdout
        return done.stderr

    def file(self, data: object) -> str:
        path = self.folder / "body.json"
        path.write_text(json.dumps(data))
        return str(path)

    def create(self, **more: object) -> str:
        text = json.dumps(TEMPLATE | more)
        return self.ok("oneflow-template", "create", "-", text=text).removeprefix("ID: ").strip()

    def service(self, **more: object) -> str:
        return self.ok("oneflow-template", "instantiate", self.create(**more)).removeprefix("ID: ").strip()


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    daemon = Daemon(tmp_path_factory.mktemp("oned"))
    daemon.start()
    daemon.ok("one.user.allocate", "ann", "ann-word", "core")
    daemon.ok("one.template.allocate", 'NAME="vm"\nCPU="0.1"\nMEMORY="64"')
    with serving(daemon) as rest:
        yield Commands(rest, tmp_path_factory.mktemp("home"))
    end(daemon)


def test_a_template_s_life(commands: Commands) -> None:
    oid = commands.create(name="shop")
    head, *rows = commands.ok("oneflow-template", "list").splitlines()
    assert head.split() == ["ID", "USER", "GROUP", "NAME", "REGTIME"]
    assert [row for row in rows if row.split()[:4] == [oid, "oneadmin", "oneadmin", "shop"]]
    page = commands.ok("oneflow-template", "show", "shop")
    assert f"SERVICE TEMPLATE {oid} INFORMATION" in page
    assert '"parents": [' in page
    data = json.loads(commands.ok("oneflow-template", "show", oid, "-j"))
    assert data["DOCUMENT"]["NAME"] == "shop"
    assert yaml.safe_load(commands.ok("oneflow-template", "show", oid, "-y")) == data
    commands.ok("oneflow-template", "rename", oid, "store")
    commands.ok("oneflow-template", "chmod", "store", "604")
    commands.ok("oneflow-template", "chown", "store", "ann", "users")
    commands.ok("oneflow-template", "update", oid, commands.file(TEMPLATE | {"description": "new"}))
    document = json.loads(commands.ok("oneflow-template", "show", oid, "-j"))["DOCUMENT"]
    assert (document["UNAME"], document["GNAME"], document["NAME"]) == ("ann", "users", "store")
    assert (document["PERMISSIONS"]["OTHER_U"], document["TEMPLATE"]["BODY"]["description"]) == ("1", "new")
    copy = (
        commands.ok("oneflow-template", "clone", oid, "second", "--recursive-templates")
        .removeprefix("ID: ")
        .strip()
    )
    roles = json.loads(commands.ok("oneflow-template", "show", copy, "-j"))["DOCUMENT"]["TEMPLATE"]["BODY"][
        "roles"
    ]
    assert roles[0]["vm_template"] != 0
    commands.ok("oneflow-template", "delete", f"{oid},second", "--delete-vm-templates")
    assert commands.fails(255, "oneflow-template", "show", oid)


def test_an_editor_changes_a_template(commands: Commands) -> None:
    oid = commands.create()
    commands.ok("oneflow-template", "update", oid, EDITOR="sed -i s/straight/none/")
    body = json.loads(commands.ok("oneflow-template", "show", oid, "-j"))["DOCUMENT"]["TEMPLATE"]["BODY"]
    assert body["deployment"] == "none"
    assert "ended with 1" in commands.fails(64, "oneflow-template", "update", oid, EDITOR="false")


def test_instances(commands: Commands) -> None:
    oid = commands.create(custom_attrs={"COLOR": "M|text|which| |", "SIZE": "O|text|how large| |7"})
    text = commands.fails(66, "oneflow-template", "instantiate", oid)
    assert "COLOR" in text
    merge = commands.file({"name": "mine", "custom_attrs_values": {"COLOR": "red", "SIZE": "8"}})
    lines = commands.ok("oneflow-template", "instantiate", oid, merge, "-m", "2").splitlines()
    assert [line[:4] for line in lines] == ["ID: ", "ID: "]
    assert lines[0] != lines[1]
    shown = json.loads(commands.ok("oneflow", "show", lines[0][4:], "-j"))["DOCUMENT"]
    assert (shown["NAME"], shown["TEMPLATE"]["BODY"]["custom_attrs_values"]["SIZE"]) == ("mine", "8")
    optional = commands.create(custom_attrs={"SIZE": "M|text|how large| |7"})
    last = commands.ok("oneflow-template", "instantiate", optional, "-j")
    assert json.loads(last)["DOCUMENT"]["TEMPLATE"]["BODY"]["custom_attrs_values"] == {"SIZE": "7"}


ASKED: list[tuple[tuple[str, ...], Operation]] = [
    (("scale", "@", "app", "4"), Scale("app", 4, force=False)),
    (("scale", "@", "app", "9", "--force"), Scale("app", 9, force=True)),
    (("recover", "@"), Recover(delete=False)),
    (("recover", "@", "--delete"), Recover(delete=True)),
    (("release", "@"), Release()),
    (("delete", "@"), Undeploy()),
    (("rename", "@", "x y"), Rename("x y")),
    (("chmod", "@", "640"), Chmod("640")),
    (("chown", "@", "ann"), Chown(2, None)),
    (("chown", "@", "ann", "users"), Chown(2, 1)),
    (("chgrp", "@", "users"), Chgrp(1)),
    (("action", "@", "a b", "suspend", "--period", "5", "-n", "2"), Act("a b", "suspend", "", 5, 2)),
    (("service", "action", "@", "snapshot-revert", "--args", "1"), Act(None, "snapshot-revert", "1", 60, 1)),
    (("remove-role", "@", "app"), RemoveRole("app")),
]


@pytest.mark.parametrize(("words", "operation"), ASKED)
def test_what_the_engine_is_asked_for(commands: Commands, words: tuple[str, ...], operation: Operation) -> None:
    oid = commands.service()
    commands.ok("oneflow", *(oid if word == "@" else word for word in words))
    assert commands.rest.desk.asked[-1] == ("oneadmin", int(oid), operation)


def test_roles_and_updates_from_files(commands: Commands) -> None:
    oid = commands.service()
    commands.ok("oneflow", "add-role", oid, commands.file({"name": "extra", "cardinality": 1, "vm_template": 0}))
    operation = commands.rest.desk.asked[-1][2]
    assert isinstance(operation, AddRole)
    assert operation.role["name"] == "extra"
    commands.ok("oneflow", "update", oid, commands.file(TEMPLATE))
    assert isinstance(commands.rest.desk.asked[-1][2], Update)
    before = commands.rest.desk.purged
    commands.ok("oneflow", "purge-done")
    assert commands.rest.desk.purged == before + 1


def test_lists_pages_and_views_of_services(commands: Commands) -> None:
    node = {
        "deploy_id": 7,
        "vm_info": {"VM": {"ID": "7", "NAME": "app_0\x1b[2J", "UNAME": "ann", "GNAME": "users"}},
    }
    rule = {"type": "PERCENTAGE_CHANGE", "adjust": -20, "min_adjust_step": 2, "expression": "CPU > 10"}
    rule |= {"period_number": 3, "true_evals": 1, "period": 20, "expression_evaluated": "CPU[12.5] > 10"}
    times = {"type": "CARDINALITY", "adjust": 4, "recurrence": "0 * * * *"}
    role = {
        "name": "app",
        "cardinality": 2,
        "vm_template": 0,
        "state": 8,
        "nodes": [node],
        "min_vms": 1,
        "max_vms": 5,
    }
    role |= {"elasticity_policies": [rule], "scheduled_policies": [times], "cooldown": 30, "parents": ["db"]}
    log = [{"timestamp": 1_600_000_000, "severity": "I", "message": "New state: SCALING"}]
    body = {"name": "seen", "state": 8, "start_time": 1_600_000_000, "roles": [role], "log": log}
    text = f"<T><NAME>seen</NAME><BODY><![CDATA[{json.dumps(body)}]]></BODY></T>"
    oid = str(commands.rest.daemon.ok("one.document.allocate", text, 100))
    gone = text.replace('"state": 8, "start', '"state": 5, "start').replace("<NAME>seen", "<NAME>gone")
    commands.rest.daemon.ok("one.document.allocate", gone, 100)
    rows = commands.ok("oneflow", "list").splitlines()
    assert rows[0].split() == ["ID", "USER", "GROUP", "NAME", "STARTTIME", "STAT"]
    assert [row for row in rows if row.split()[0] == oid and row.endswith("SCALING")]
    assert "gone" not in "".join(rows)
    assert "gone" in commands.ok("oneflow", "list", "--done")
    assert commands.ok("oneflow", "list", "--csv").splitlines()[0] == "ID,USER,GROUP,NAME,STARTTIME,STAT"
    assert json.loads(commands.ok("oneflow", "list", "-j"))["DOCUMENT_POOL"]["DOCUMENT"]
    page = commands.ok("oneflow", "show", "seen")
    for part in (
        "- 20 % (2)",
        "CPU[12.5] > 10",
        "1/3",
        "= 4",
        "0 * * * *",
        "New state: SCALING",
        "30s",
        "app_0?[2J",
    ):
        assert part in page
    assert "\x1b" not in page
    view = commands.ok("oneflow", "top", "seen", "-n", "2", "-d", "0.1")
    assert view.count("SERVICE") == 2
    assert " 1/2 " in view
    assert "CPU[12.5] > 10" in view
    assert commands.ok("oneflow", "top", "-n", "1").splitlines()[0].split() == rows[0].split()


def test_several_services_and_a_refusal_among_them(commands: Commands) -> None:
    first, second = commands.service(), commands.service()
    asked = len(commands.rest.desk.asked)
    text = commands.fails(255, "oneflow", "delete", f"{first},4711,{second}")
    assert "4711" in text
    assert [oid for _, oid, _ in commands.rest.desk.asked[asked:]] == [int(first), int(second)]


def test_refusals_say_what_to_do(commands: Commands) -> None:
    oid = commands.service()
    assert "not found" in commands.fails(255, "oneflow", "show", "nobody")
    assert "`list`" in commands.fails(255, "oneflow", "show", "4711")
    assert "does not answer" in commands.fails(69, "oneflow", "list", ONEFLOW_URL="http://127.0.0.1:1")
    assert "no address" in commands.fails(64, "oneflow", "list", "-s", "ftp://x")
    assert "no permissions" in commands.fails(64, "oneflow", "chmod", oid, "999")
    assert "--help" in commands.fails(64, "oneflow", "scale", oid, "app", "-1")
    assert "Commands:" in commands.fails(64, "oneflow")
    assert "no end" in commands.fails(64, "oneflow", "delete", "5..1")
    assert "cannot be read" in commands.fails(66, "oneflow-template", "create", "/nowhere")
    assert "no JSON" in commands.fails(65, "oneflow-template", "instantiate", commands.create(), "-", text="{")
    assert "roles" in commands.fails(255, "oneflow-template", "create", "-", text='{"name": "x"}')
    assert "USER named bob" in commands.fails(255, "oneflow", "chown", oid, "bob")


def test_whose_password(commands: Commands) -> None:
    oid = commands.service()
    as_ann = ("-u", "ann", "--password-file", "-")
    assert commands.ok("oneflow", "list", *as_ann, text="ann-word\n").startswith("ID")
    assert "Ask its owner" in commands.fails(255, "oneflow", "show", oid, *as_ann, text="ann-word\n")
    wrong = commands.fails(255, "oneflow", "list", *as_ann, text="bad-word\n")
    assert "Are user and password right?" in wrong
    assert "bad-word" not in wrong
    assert commands.ok("oneflow", "list", ONEFLOW_USER="ann", ONEFLOW_PASSWORD="ann-word")
    assert "nobody to ask" in commands.fails(64, "oneflow", "list", "-u", "ann")
    assert "Say whose" in commands.fails(64, "oneflow", "list", "--password-file", "-")
    assert "There is no credential file" in commands.fails(66, "oneflow", "list", ONE_AUTH="/nowhere")


@pytest.mark.parametrize("answer", [b"hello", b"{}", b"[]", b'{"DOCUMENT": 1}', b'{"DOCUMENT_POOL": 1}', b"\xff"])
def test_a_server_that_is_another(commands: Commands, answer: bytes) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's)
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Other)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        for words in (("oneflow", "show", "3"), ("oneflow", "list"), ("oneflow-template", "instantiate", "web")):
            assert "Is that the address of OneFlow?" in commands.fails(65, *words, ONEFLOW_URL=url)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
