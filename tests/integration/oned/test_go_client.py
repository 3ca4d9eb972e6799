"""The wire of the ecosystem's Go client, which Terraform's provider uses: where its calls look other than pyone's.

It sends no ``Content-Type``, numbers as ``<int>``, whole texts with character references for quotes, newlines and
tabs, fewer parameters than there are, and to some methods one that does not exist.
"""

import http.client
from typing import Any
from xml.sax.saxutils import escape
from xmlrpc.client import loads

import pytest
from lxml import etree

from tests.integration.oned.conftest import served
from tests.integration.oned.daemon import PASSWORD, Daemon
from tests.integration.oned.machines import Ground, Machine, lay
from tests.integration.oned.names import unique
from tests.integration.oned.vms import CONFIGURATION

oned = served("go", CONFIGURATION)
MARKS = {'"': "&#34;", "'": "&#39;", "\n": "&#xA;", "\t": "&#x9;", "\r": "&#xD;"}
REPLACE, MERGE = 0, 1


def value(parameter: str | int | list[int]) -> str:
    """A parameter as that client writes it."""
    if isinstance(parameter, bool):
        return f"<value><boolean>{int(parameter)}</boolean></value>"
    if isinstance(parameter, int):
        return f"<value><int>{parameter}</int></value>"
    if isinstance(parameter, list):
        return f"<value><array><data>{''.join(map(value, parameter))}</data></array></value>"
    return f"<value><string>{escape(parameter, MARKS)}</string></value>"


def call(daemon: Daemon, method: str, *parameters: str | int | list[int]) -> list[Any]:
    """The answer, with the types that it has on the wire."""
    words = "".join(f"<param>{value(word)}</param>" for word in (f"oneadmin:{PASSWORD}", *parameters))
    body = f"<methodCall><methodName>{method}</methodName><params>{words}</params></methodCall>"
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=30)
    connection.putrequest("POST", "/RPC2", skip_accept_encoding=True)
    text = f'<?xml version="1.0" encoding="UTF-8"?>{body}'.encode()
    for name, content in (
        ("User-Agent", "Go-http-client/1.1"),
        ("Content-Length", str(len(text))),
        ("Accept-Encoding", "gzip"),
    ):
        connection.putheader(name, content)
    connection.endheaders(text)
    response = connection.getresponse()
    read = response.read()
    connection.close()
    assert (response.status, response.getheader("Content-Encoding")) == (200, None)
    tags = [member[0].tag for member in etree.fromstring(read).iterfind(".//array/data/value")]
    # What that client takes: a boolean, a text or a number, a number; anything else is a failure to it.
    assert tags[0] == "boolean"
    assert tags[1] in {"string", "i4", "int"}
    assert tags[2] in {"i4", "int"}
    answer: list[Any] = loads(read)[0][0]  # type: ignore[assignment]  # loads knows no shape
    return answer


def ok(daemon: Daemon, method: str, *parameters: str | int | list[int]) -> Any:  # noqa: ANN401 (text or number)
    """The result of a call that has to succeed."""
    answer = call(daemon, method, *parameters)
    assert answer[0] is True, answer
    return answer[1]


@pytest.fixture(scope="module")
def ground(oned: Daemon) -> Ground:
    return lay(oned, "go")


def test_texts_come_through_whole(oned: Daemon) -> None:
    text = f'NAME="{unique()}"\nNOTE="a\tb <&> \'c\' ü"\nDISK=[\n    SIZE="1" ]\n'
    oid = ok(oned, "one.template.allocate", text)
    body = etree.fromstring(ok(oned, "one.template.info", oid, False, False))
    assert body.findtext("TEMPLATE/NOTE") == "a\tb <&> 'c' ü"
    assert body.findtext("TEMPLATE/DISK/SIZE") == "1"
    assert ok(oned, "one.template.update", oid, 'NOTE="b\nc"', MERGE) == oid
    body = etree.fromstring(ok(oned, "one.template.info", oid, True, False))
    assert body.findtext("TEMPLATE/NOTE") == "b\nc"


def test_lists_of_groups_also_empty_ones(oned: Daemon) -> None:
    gid = ok(oned, "one.group.allocate", unique())
    one = ok(oned, "one.user.allocate", unique(), "pass-word", "core", [gid, 1])
    none = ok(oned, "one.user.allocate", unique(), "pass-word", "core", [])
    assert [
        group.text for group in etree.fromstring(ok(oned, "one.user.info", one, False)).iterfind("GROUPS/ID")
    ] == [
        "1",
        str(gid),
    ]
    assert "<GID>1</GID>" in ok(oned, "one.user.info", none, False)


def test_parameters_that_the_method_has_not_are_passed_over(oned: Daemon) -> None:
    """The Go client gives a cluster to what has none."""
    vdc = ok(oned, "one.vdc.allocate", f'NAME="{unique()}"', -1)
    assert f"<ID>{vdc}</ID>" in ok(oned, "one.vdc.info", vdc, False)
    answer = call(oned, "one.zone.allocate", f'NAME="{unique()}"\nENDPOINT="e"', -1)
    assert answer[:3:2] == [False, 0x4000]


def test_a_machine_as_terraform_makes_it(oned: Daemon, ground: Ground) -> None:
    ok(oned, "one.image.chmod", ground.image, -1, -1, -1, 1, 0, 0, -1, 0, 0)
    template = (
        'CPU="0.100000"\nMEMORY="64"\nVCPU="1"\nCONTEXT=[\n    NETWORK="YES",\n    SET_HOSTNAME="$NAME" ]\n'
        f'DISK=[\n    IMAGE_ID="{ground.image}" ]\nNIC=[\n    NETWORK_ID="{ground.network}" ]\nTAG="a b"'
    )
    made = ok(oned, "one.template.allocate", f'NAME="{unique()}"\n{template}')
    oid = ok(oned, "one.template.instantiate", made, "web", True, 'TAG="other"', False)
    machine = Machine(oned, oid).reaches("HOLD")
    assert (machine.text("NAME"), machine.text("USER_TEMPLATE/TAG")) == ("web", "other")
    assert machine.text("TEMPLATE/CONTEXT/SET_HOSTNAME") == "web"
    assert ok(oned, "one.vm.deploy", oid, ground.hosts[0], False, ground.system) == oid
    machine.reaches("RUNNING")
    ok(oned, "one.vm.updateconf", oid, 'CONTEXT=[\n    A="b" ]')
    machine.reaches("RUNNING")
    ok(oned, "one.vm.attachnic", oid, f'NIC=[\n    NETWORK_ID="{ground.network}" ]')
    machine.reaches("RUNNING")
    assert [nic.findtext("NIC_ID") for nic in machine.body.iterfind("TEMPLATE/NIC")] == ["0", "1"]
    ok(oned, "one.vm.detachnic", oid, 1)
    machine.reaches("RUNNING")
    lists = ok(oned, "one.vmpool.infoextended", -2, oid, oid, -1), ok(oned, "one.vmpool.infoset", str(oid), True)
    assert all(f"<VM><ID>{oid}</ID>" in text for text in lists)
    ok(oned, "one.vm.action", "terminate-hard", oid)
    machine.reaches("DONE")


def test_failures_have_a_text_and_a_number(oned: Daemon) -> None:
    answer = call(oned, "one.vm.info", 9999, False)
    assert answer[:3] == [False, "[one.vm.info] Error getting virtual machine [9999].", 0x400]
