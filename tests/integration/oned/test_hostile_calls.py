"""Every parameter of every method, with values of every wrong kind: by oneadmin, by a user, by nobody.

The short form sends a part of the generated calls, another part for each parameter; the long form all of them.
"""

from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from lxml import etree

from oned.methods.call import Method
from oned.methods.table import METHODS, UPSTREAM
from tests.integration.oned.conftest import end, new_daemon
from tests.integration.oned.hostile import ADMIN, MIB, Answer, Line, unharmed
from tests.integration.oned.hostile_calls import LONG_TEXTS, SHELL_MARK, TEXTS, Case, Maker, body, string
from tests.integration.oned.hostile_world import CONFIGURATION, STRANGER, World

AUTHENTICATION, AUTHORIZATION = 0x100, 0x200
_STEPS = {"sqlite": 11, "mysql": 41}
"""Of so many generated calls the short form sends one."""


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Shared by the tests of this module: what they do to it harms only objects that are called ``victim``."""
    daemon = new_daemon(tmp_path_factory.mktemp("world"), request.param, request, CONFIGURATION)
    daemon.start()
    made = World.make(daemon, request)
    yield made
    made.close()
    end(daemon)


def cases(method: Method, session: str, oid: int, step: int, texts: dict[str, str]) -> Iterator[Case]:
    """One of ``step`` of the calls, each time others; what no decoder takes once."""
    maker = Maker(method, session, oid)
    generated = [*maker.types(), *maker.numbers(), *maker.texts(texts), *maker.unreadable(), maker.too_many()]
    yield from generated[len(method.name) % step :: step]


def check(world: World, line: Line, method: Method, case: Case, before: dict[str, int]) -> Answer:
    """Send one call; a clear answer, and no row more or less when it is refused."""
    try:
        answer = line.post(case.data, method.name)
    except AssertionError as error:
        raise AssertionError(f"{case.what}: {error}") from None
    assert not case.fault or answer.kind == "fault", (case.what, answer)
    if method.write and answer.kind == "refused":
        after = world.counts()
        assert after == before, (case.what, answer, set(after.items()) ^ set(before.items()))
    return answer


def everything(world: World, session: str, step: int, texts: dict[str, str]) -> Iterator[tuple[Case, Answer]]:
    """All methods in turn, over one connection."""
    before = world.counts()
    with Line(world.daemon) as line:
        for method in METHODS.values():
            for case in cases(method, session, world.target(method), step, texts):
                answer = check(world, line, method, case, before)
                if answer.kind == "done" and method.write:
                    before = world.counts()
                yield case, answer


def as_oneadmin(world: World, step: int) -> None:
    with unharmed(world.daemon, memory=100 * MIB) as condition:
        kinds = set()
        for number, (_, answer) in enumerate(everything(world, ADMIN, step, TEXTS)):
            kinds.add(answer.kind)
            if number % 500 == 0:
                condition.good_call()
    assert kinds == {"done", "refused", "fault"}
    assert not Path(SHELL_MARK).exists()


def as_a_user(world: World, step: int) -> None:
    """Nothing of another changes, and nothing of another is shown."""
    before = world.contents()
    with unharmed(world.daemon, memory=100 * MIB):
        for case, answer in everything(world, STRANGER, step, TEXTS):
            assert "victim" not in answer.text, (case.what, answer)
            assert "kept" not in answer.text, (case.what, answer)
    after = world.contents()
    before.pop("pool_control")  # the user's own objects have ids too
    for table, rows in before.items():
        assert set(rows) <= set(after[table]), (table, set(rows) - set(after[table]))


def as_nobody(world: World, step: int) -> None:
    """A name that is not there, each time another, so that nobody has to wait for being wrong too often."""
    before = world.contents()
    with unharmed(world.daemon, memory=100 * MIB), Line(world.daemon) as line:
        number = 0
        for method in METHODS.values():
            for case in cases(method, "nobody:word", world.target(method), step, TEXTS):
                number += 1
                answer = line.post(case.data.replace(b"nobody", b"nobody%d" % number, 1), method.name)
                assert answer.kind == "fault" or answer.code == AUTHENTICATION, (case.what, answer)
    assert world.contents() == before


def test_a_user(world: World) -> None:
    as_a_user(world, _STEPS[world.backend])


def test_nobody(world: World) -> None:
    as_nobody(world, _STEPS[world.backend])


def test_oneadmin(world: World) -> None:
    as_oneadmin(world, _STEPS[world.backend])


@pytest.mark.full
def test_all_calls(world: World) -> None:
    as_a_user(world, 1)
    as_nobody(world, 1)
    as_oneadmin(world, 1)


@pytest.mark.parametrize("what", LONG_TEXTS)
def test_long_texts(world: World, what: str) -> None:
    """One method of each way to read a text: a template, a name, a search, a list of ids, a word."""
    names = ["document.allocate", "vmpool.info"]
    if world.backend == "sqlite":
        names += ["document.rename", "vmpool.infoset", "vm.action", "acl.addrule"]
    long_texts(world, {what: LONG_TEXTS[what]}, [METHODS[f"one.{name}"] for name in names])


@pytest.mark.full
def test_all_long_texts(world: World) -> None:
    long_texts(world, LONG_TEXTS, list(METHODS.values()))


def long_texts(world: World, texts: dict[str, str], methods: list[Method]) -> None:
    before = world.counts()
    with unharmed(world.daemon, memory=200 * MIB) as condition, Line(world.daemon) as line:
        for method in methods:
            for case in Maker(method, STRANGER, world.target(method)).texts(texts):
                answer = check(world, line, method, case, before)
                if answer.kind == "done" and method.write:
                    before = world.counts()
            condition.good_call()


def test_methods_that_are_not_here(world: World) -> None:
    with Line(world.daemon) as line:
        for name in sorted(UPSTREAM - METHODS.keys()):
            assert line.post(body(name, string(ADMIN), string("'")), name).kind == "refused"
            assert line.post(body(name), name).kind == "fault"
        for name in (
            "one.",
            "",
            "__init__",
            "one.vm.__class__",
            "one.vm.info'",
            "../one.vm.info",
            "system.listMethods",
        ):
            assert line.post(body(name, string(ADMIN)), name).kind == "fault"


@pytest.mark.parametrize("what", TEXTS)
def test_texts_come_back_as_they_went(world: World, what: str) -> None:
    """As a value, and as a name where any name is allowed: neither SQL nor XML nor a template takes part of them."""
    text = TEXTS[what].replace("\r", "")  # XML itself makes a line feed of it
    value = f"<TEMPLATE><A><![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]></A></TEMPLATE>"
    daemon = world.daemon
    oid = int(daemon.ok("one.document.allocate", value, 100))
    name = text[:100]
    copy = int(daemon.ok("one.document.clone", oid, name))
    read = etree.fromstring(str(daemon.ok("one.document.info", copy)).encode())
    assert read.findtext("TEMPLATE/A") == text
    assert read.findtext("NAME") == (name or f"document-{copy}")
    stored = world.rows(f"SELECT name FROM document_pool WHERE oid = {copy}")
    assert stored == [(name or f"document-{copy}",)]


def test_searches_find_no_machine_of_another(world: World) -> None:
    """Whatever the filter: it is a value, and never a part of the condition."""
    filters = [*TEXTS.values(), "VM.ID=0", "VM.ID=0 OR 1=1", "VM.NAME=*", "VM.*", "*", "victim", "'victim'"]
    with Line(world.daemon) as line:
        for name in ("one.vmpool.info", "one.vmpool.infoextended"):
            for text in filters:
                values = [f"<value><i4>{number}</i4></value>".encode() for number in (-2, -1, -1, -2)]
                answer = line.post(body(name, string(STRANGER), *values, string(text)), name)
                assert "victim" not in answer.text, (text, answer)


def test_statements_are_for_oneadmin(world: World) -> None:
    daemon, before = world.daemon, world.contents()
    daemon.fails(AUTHORIZATION, "one.system.sqlquery", "SELECT body FROM user_pool", session=STRANGER)
    daemon.fails(AUTHORIZATION, "one.system.sql", "DELETE FROM user_pool", False, session=STRANGER)
    for statement in (
        "DROP TABLE user_pool",
        "DELETE FROM no_table",
        "DELETE FROM vm_pool; DROP TABLE vm_pool",
        "';",
    ):
        daemon.fails(0x800, "one.system.sql", statement, False)
    assert world.contents() == before


def test_sessions_with_harm_in_them(world: World) -> None:
    """In the place of the session."""
    before = world.contents()
    with unharmed(world.daemon, memory=100 * MIB), Line(world.daemon) as line:
        for what, text in {**TEXTS, **LONG_TEXTS}.items():
            for session in (text, f"{text[:100]}{what}:word", f"{what}:{text}"):
                data = body("one.user.info", string(session), b"<value><i4>0</i4></value>")
                assert line.post(data, "one.user.info").code == AUTHENTICATION, what
    assert world.contents() == before


@pytest.mark.parametrize("attributes", [1, pytest.param(399_990, marks=pytest.mark.full)])
def test_what_was_taken_can_be_used(world: World, attributes: int) -> None:
    """No text that a template may hold makes an object that nobody can read, change or remove."""
    daemon = world.daemon
    texts = ("<!DOCTYPE html>", "<" * 2**20, "&" * 2**20, "]]" * 1000, "<![CDATA[", "\x7f\x85\ufffd", "\U0001f600")
    oids = [int(daemon.ok("one.document.allocate", f'A = "{text}"\n' + "B=1\n" * attributes, 1)) for text in texts]
    oids.append(int(daemon.ok("one.document.allocate", '<T xmlns:n="u"><n:A><xml:b>1</xml:b></n:A><C/></T>', 1)))
    oids.append(int(daemon.ok("one.document.allocate", "<T>" + "<A/>" * attributes + "</T>", 1)))
    for oid in oids:
        assert daemon.ok("one.document.update", oid, "MORE = 1", 1) == oid
        assert daemon.ok("one.document.rename", oid, f"used-{oid}") == oid
        etree.fromstring(str(daemon.ok("one.document.info", oid)).encode(), etree.XMLParser(huge_tree=True))
        assert daemon.ok("one.document.delete", oid) == oid


def test_nothing_is_expanded_for_a_user(world: World) -> None:
    """Variables of a template show no secret of another, and no word of a template makes an owner."""
    daemon = world.daemon
    daemon.ok("one.user.update", world.ids["user"], "SECRET = kept", 1)
    text = (
        "NAME = expanded\nCPU = 1\nMEMORY = 1\nUID = 0\nGID = 0\nUNAME = oneadmin\n"
        'CONTEXT = [ A = "$USER[SECRET]", B = "$USER[PASSWORD]", C = "${SECRET}", D = "$(id)", '
        'E = "$DOCUMENT[SECRET, DOCUMENT_ID=0]", F = "$IMAGE[SOURCE, IMAGE_ID=0]", G = "$TEMPLATE[SECRET]" ]'
    )
    oid = int(daemon.ok("one.template.allocate", text, session=STRANGER))
    read = etree.fromstring(str(daemon.ok("one.template.info", oid)).encode())
    assert read.findtext("UNAME") == "stranger"
    for call in (
        ("one.template.instantiate", oid, "x", True),
        ("one.template.instantiate", oid, escape(text), True),
    ):
        answer = daemon.call(*call, session=STRANGER)
        if answer[0]:
            shown = str(daemon.ok("one.vm.info", answer[1]))
            assert "kept" not in shown
            assert "<UNAME>stranger</UNAME>" in shown
