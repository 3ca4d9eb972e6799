"""``opennebula-cli`` from PyPI, a client of 7.x: what of it asks for methods of 6.0 works here."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from tests.integration.oned.conftest import end, new_daemon
from tests.integration.oned.daemon import PASSWORD, Daemon
from tests.integration.oned.machines import Ground, Machine, lay
from tests.integration.oned.names import unique
from tests.integration.oned.newer import Front, front
from tests.integration.oned.vms import CONFIGURATION
from tests.support.packages import installed

TYPED = Path(__file__).with_name("typed.py")


def environment(uri: str, home: Path) -> dict[str, str]:
    """Nothing of the tests' own environment."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(installed("opennebula-cli")),
        "ONE_XMLRPC": uri,
        "ONE_AUTH": f"literal:oneadmin:{PASSWORD}",
        "NO_COLOR": "1",
    }


@dataclass
class Cli:
    """The program at work; ``calls`` are the methods that it asked for."""

    front: Front
    words: IO[str]
    answers: IO[str]

    def run(self, *words: object) -> tuple[int, Any, dict[str, Any]]:
        """Exit code, what it says, and the error it reports."""
        self.words.write(json.dumps(["--output", "json", *map(str, words)]) + "\n")
        self.words.flush()
        code, output, errors = json.loads(self.answers.readline())
        error = json.loads(errors)["error"] if errors.startswith("{") else {"message": errors}
        return code, json.loads(output) if output.strip() else None, error

    def ok(self, *words: object) -> Any:  # noqa: ANN401 (any JSON)
        """What it says when it succeeds."""
        code, output, error = self.run(*words)
        assert code == 0, (words, error)
        return output

    def fails(self, *words: object) -> str:
        """The message of its failure, in the server's words."""
        code, output, error = self.run(*words)
        assert code != 0, (words, output)
        return json.dumps(error)


@contextmanager
def started(told: Front, home: Path) -> Iterator[Cli]:
    # Without site-packages: all it has is what its own lock file brought.
    command = [sys.executable, "-S", str(TYPED)]
    pipes = subprocess.PIPE
    with subprocess.Popen(
        command, env=environment(told.uri, home), stdin=pipes, stdout=pipes, text=True, cwd=home
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Cli(told, process.stdin, process.stdout)
        process.stdin.close()
        assert process.wait(20) == 0


@pytest.fixture(scope="module")
def oned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    daemon = new_daemon(tmp_path_factory.mktemp("cli"), "mysql", request, CONFIGURATION)
    daemon.start()
    yield daemon
    end(daemon)


@pytest.fixture(scope="module")
def ground(oned: Daemon) -> Ground:
    return lay(oned, "cli")


@pytest.fixture(scope="module")
def cli(oned: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    with front(oned, "7.4.0") as told, started(told, tmp_path_factory.mktemp("home")) as client:
        yield client


def test_it_refuses_servers_of_6_0_by_itself(oned: Daemon, tmp_path: Path) -> None:
    """As it does with upstream's; the other tests tell it another version."""
    script = installed("opennebula-cli") / "bin/one"
    done = subprocess.run(
        [sys.executable, "-S", str(script), "vm", "list"],
        env=environment(oned.uri, tmp_path), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 15
    wanted = "Unsupported OpenNebula server line 6.0; supported profiles are 7.0 and 7.4."
    assert done.stderr.strip() == f"Error: {wanted}"


LISTS = {
    "pyone": ("vm", "host", "image", "template", "vnet", "datastore", "cluster", "acl", "user", "group"),
    "raw": ("vm", "host", "vnet", "acl"),
}
"""With the client inside it, and with its own reading of the XML."""


@pytest.mark.parametrize("backend", LISTS)
def test_lists_and_single_objects(oned: Daemon, cli: Cli, ground: Ground, backend: str) -> None:
    oned.ok("one.template.allocate", f"NAME = {unique()}\nCPU = 1\nMEMORY = 64")
    oned.ok("one.vm.allocate", "CPU = 1\nMEMORY = 64", True)
    for kind in LISTS[backend]:
        found = cli.ok("--backend", backend, kind, "list")
        assert found, kind
        if kind != "acl":
            shown = cli.ok("--backend", backend, kind, "show", found[0]["id"])
            assert (shown["id"], shown["name"]) == (found[0]["id"], found[0]["name"]), kind
    assert cli.ok("--backend", backend, "doctor")["xmlrpc"]["server_version"] == "7.4.0"


def test_the_life_of_a_machine(cli: Cli, ground: Ground, oned: Daemon, tmp_path: Path) -> None:
    description = tmp_path / "template"
    description.write_text(f"NAME = {unique()}\nCPU = 0.1\nMEMORY = 64\nDISK = [ IMAGE_ID = {ground.image} ]")
    template = cli.ok("template", "create", description)["id"]
    made = cli.ok("template", "instantiate", template)
    vm = int(made["id"] if isinstance(made, dict) else made[0]["id"])
    machine = Machine(oned, vm).reaches("PENDING")
    cli.ok("vm", "hold", vm)
    cli.ok("vm", "release", vm)
    cli.ok("vm", "rename", vm, "renamed")
    assert "Error getting host [9999]." in cli.fails("vm", "deploy", vm, 9999, ground.system)
    cli.ok("vm", "deploy", vm, ground.hosts[0], ground.system)
    machine.reaches("RUNNING")
    for verb, state in (
        ("poweroff", "POWEROFF"),
        ("resume", "RUNNING"),
        ("suspend", "SUSPENDED"),
        ("resume", "RUNNING"),
        ("reboot", "RUNNING"),
        ("undeploy", "UNDEPLOYED"),
    ):
        cli.ok("vm", verb, vm)
        machine.reaches(state)
    cli.ok("vm", "deploy", vm, ground.hosts[1], ground.system)
    machine.reaches("RUNNING")
    cli.ok("vm", "disk-attach", vm, "--image-id", ground.image)
    machine.reaches("RUNNING")
    assert [disk["disk_id"] for disk in cli.ok("vm", "disk-list", vm)] == [0, 1]
    cli.ok("vm", "disk-detach", vm, "--disk-id", 1)
    machine.reaches("RUNNING")
    cli.ok("vm", "disk-snapshot-create", vm, 0, "first")
    machine.reaches("RUNNING")
    cli.ok("vm", "disk-snapshot-rename", vm, 0, 0, "other")
    cli.ok("vm", "snapshot-create", vm, "all")
    machine.reaches("RUNNING")
    cli.ok("vm", "resched", vm)
    assert machine.text("RESCHED") == "1"
    cli.ok("vm", "lock", vm, "--level", "1")
    cli.ok("vm", "unlock", vm)
    shown = cli.ok("vm", "show", vm)
    assert (shown["name"], shown["state"], shown["lcm_state"]) == ("renamed", "ACTIVE", "RUNNING")
    cli.ok("vm", "terminate", vm, "--hard")
    machine.reaches("DONE")
    asked = {"instantiate", "deploy", "action", "attach", "detach", "disksnapshotcreate", "rename", "lock"}
    assert asked <= {method.rpartition(".")[2] for method in cli.front.calls}


def test_resources_are_made_changed_and_removed(cli: Cli, ground: Ground, tmp_path: Path) -> None:
    text = tmp_path / "text"

    def made(kind: str, body: str, *more: object) -> int:
        text.write_text(body)
        found = cli.ok(kind, "create", text, *more)
        return int(found["id"])

    image = made("image", f"NAME = {unique()}\nTYPE = DATABLOCK\nPATH = /x", "--datastore", ground.images)
    network = made("vnet", f"NAME = {unique()}\nVN_MAD = dummy\nBRIDGE = b")
    datastore = made("datastore", f"NAME = {unique()}\nDS_MAD = dummy\nTM_MAD = dummy")
    text.write_text("AR = [ TYPE = IP4, IP = 10.1.0.1, SIZE = 4 ]")
    cli.ok("vnet", "addar", network, text)
    cli.ok("vnet", "reserve", network, "--size", "2", "--name", unique())
    cluster = cli.ok("cluster", "create", unique())["id"]
    host = cli.ok("host", "create", unique(), "--im_mad", "dummy", "--vmm_mad", "able")["id"]
    group = cli.ok("group", "create", unique())["id"]
    cli.ok("cluster", "addhost", cluster, host)
    cli.ok("cluster", "addvnet", cluster, network)
    cli.ok("cluster", "adddatastore", cluster, datastore)
    assert cli.ok("cluster", "show", cluster)["hosts"] == [host]
    for kind, oid in (("image", image), ("vnet", network), ("datastore", datastore)):
        cli.ok(kind, "chown", oid, 1, group)
        cli.ok(kind, "rename", oid, unique())
        text.write_text("ADDED = yes")
        cli.ok(kind, "update", oid, text, "--append")
    cli.ok("image", "persistent", image)
    cli.ok("image", "disable", image)
    cli.ok("host", "disable", host)
    cli.ok("host", "enable", host)
    for kind, relation, oid in (("cluster", "delhost", host), ("cluster", "delvnet", network)):
        cli.ok(kind, relation, cluster, oid)
    cli.ok("cluster", "deldatastore", cluster, datastore)
    for kind, oid in (("cluster", cluster), ("host", host), ("image", image), ("group", group)):
        cli.ok(kind, "delete", oid)


NOT_IN_6_0 = {
    "one.vm.backup": ("vm", "backup", 0),
    "one.vm.backupcancel": ("vm", "backup-cancel", 0),
    "one.vm.backupmode": ("vm", "backupmode", 0, "FULL"),
    "one.vm.restore": ("vm", "restore", 0, 0),
    "one.vm.updatenic": ("vm", "nic-update", 0, 0, "FILE"),
    "one.vm.attachpci": ("vm", "pci-attach", 0, "FILE"),
    "one.vm.detachpci": ("vm", "pci-detach", 0, 0),
    "one.vm.attachsg": ("vm", "sg-attach", 0, 0, 0),
    "one.vm.detachsg": ("vm", "sg-detach", 0, 0, 0),
    "one.vm.schedadd": ("vm", "create-chart", 0, "FILE"),
    "one.vm.schedupdate": ("vm", "sched-update", 0, 0, "FILE"),
    "one.vm.scheddelete": ("vm", "sched-delete", 0, 0),
    "one.vm.save": ("vm", "save", 0, "x"),
    "one.vm.exec": ("vm", "exec", 0, "ls"),
    "one.vm.retryexec": ("vm", "exec-retry", 0),
    "one.vm.cancelexec": ("vm", "exec-cancel", 0),
    "one.vm.vmgroupadd": ("vm", "vmgroup-add", 0, 0, "r"),
    "one.vm.vmgroupdel": ("vm", "vmgroup-del", 0),
    "one.cluster.optimize": ("cluster", "optimize", 0),
    "one.cluster.planexecute": ("cluster", "planexecute", 0),
    "one.cluster.plandelete": ("cluster", "plandelete", 0),
    "one.group.vlan": ("group", "vlan", 0, "FILE"),
    "one.image.restore": ("image", "restore", 0),
    "one.host.forceupdate": ("host", "forceupdate", 0),
    "one.host.sync": ("host", "sync", 0),
    "one.vn.free": ("vnet", "free", 0, 0),
}
"""Commands that ask for what 6.0 has not, or what no release has."""


def test_what_6_0_has_not_is_named(cli: Cli, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("A = 1")
    for method, words in NOT_IN_6_0.items():
        said = cli.fails(*(str(text) if word == "FILE" else word for word in words))
        assert f"Method '{method}' not defined" in said, (method, said)


MISTAKEN = {
    ("vm", "chmod", "0", "640"): "<Fault -501: 'Not enough parameters'>",
    ("user", "create", "someone", "word"): "<Fault -501: 'Parameter that is supposed to be array is not'>",
    ("acl", "create", "@1 VM/* USE *"): "<Fault -501: 'Not enough parameters'>",
}
"""Commands that send parameters that no release takes: a mode in one word, a flag that the method has not."""


def test_its_own_mistakes_get_clear_answers(cli: Cli) -> None:
    for words, fault in MISTAKEN.items():
        assert fault in cli.fails(*words), words
