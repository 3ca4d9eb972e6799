"""The oned.conf-like family. Numbers in names are the cases of the behaviour's description."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecfg.formats.oned import Document
from onecfg.formats.oned_tree import quote
from onecfg.model import Change, ChangeError, Command, FormatError, PatchError, Status
from onecfg.notation.line import parse

BASE = """PORT = 2633 # the port

DB = [ BACKEND = "sqlite",
       TIMEOUT = 2500 ]
"""
MADS = """# above
VM_MAD = [
    NAME      = "kvm",   # the name
    ARGUMENTS = "-t 15", # of kvm
    # about the type
    TYPE      = "kvm"    # last
    # tail one
    # tail two
]
VM_MAD = [
    NAME = "vcenter",
    ARGUMENTS = "-p",
    DEFAULT = "x" ]
"""
ATTRS = """VM_RESTRICTED_ATTR = "NIC/MAC"
VM_RESTRICTED_ATTR = "NIC/VLAN_ID" # two
END = 1
"""


def run(text: str, *changes: str) -> tuple[str, str]:
    """The text after ``changes`` and a letter for each: Applied, in Place (capital if it counts), Not applicable."""
    document = Document(text)
    letters = ""
    for change in parse("\n".join(f"/f {change}" for change in changes)):
        result = document.apply(change)
        letter = {Status.APPLIED: "A", Status.IN_PLACE: "p", Status.NOT_APPLICABLE: "n"}[result.status]
        letters += letter.upper() if result.counts else letter
    document.check()
    return document.render(), letters


def refused(text: str, *changes: str) -> PatchError:
    with pytest.raises(PatchError) as caught:
        run(text, *changes)
    assert caught.value.todo
    return caught.value


@pytest.mark.parametrize(
    ("change", "old", "new", "letters"),
    [
        pytest.param('set PORT "2633"', "", "", "P", id="02-text"),
        pytest.param("rm PORT 9", "PORT = 2633 # the port\n", "", "A", id="07-value"),
        pytest.param("rm DB/BACKEND", 'BACKEND = "sqlite",\n       TIMEOUT', "TIMEOUT", "A", id="21-first"),
        pytest.param("rm DB/NOPE", "", "", "p", id="21-absent"),
        pytest.param("rm NOPE/NADA", "", "", "p", id="21-absent-section"),
        pytest.param("set DB/TIMEOUT true", "2500", "true", "A", id="boolean"),
        pytest.param("set DB/TIMEOUT 1.50", "2500", "1.5", "A", id="float"),
        pytest.param("set DB/TIMEOUT 1e20", "2500", "1.0e+20", "A", id="exponent"),
    ],
)
def test_one_change_touches_nothing_else(change: str, old: str, new: str, letters: str) -> None:
    assert run(BASE, change) == (BASE.replace(old, new) if old else BASE, letters)


def test_03_24_new_keys_and_sections_go_to_the_end() -> None:
    assert run(BASE, "set FOO 1", "ins NEW/KEY 5") == (BASE + "FOO = 1\nNEW = [\n    KEY = 5\n]\n", "AA")
    assert run("A = 1", "set B 2") == ("A = 1\nB = 2\n", "A")
    assert run("# only", "set B 2") == ("# only\nB = 2\n", "A")
    assert run("", "set B 2") == ("B = 2\n", "A")
    assert run("A = 1\r\nB = [ C = 1 ]\r\n", "set D 2", "set B/E 3", "ins F/G 4") == (
        "A = 1\r\nB = [ C = 1,\r\n    E = 3 ]\r\nD = 2\r\nF = [\r\n    G = 4\r\n]\r\n",
        "AAA",
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ('set PORT "a b"', "not a single word"),
        ("set PORT", "empty"),
        ("set PORT null", "empty"),
        ('set PORT ""', "empty"),
        ('set PORT ["a"]', "list or an object"),
        ('set PORT {"a": 1}', "list or an object"),
        ('set PORT "[x]"', "not a single word"),
        ('set PORT "a#b"', "not a single word"),
        (r'set PORT "\"a\\nb\""', "not a single word"),
        ('set DB/TIMEOUT "1,2"', "not a single word"),
        ('set DB/TIMEOUT "1]"', "not a single word"),
        ("set MY-KEY 1", "no key"),
        ("set port 1", "PORT"),
        ("set DB/backend 1", "BACKEND"),
        ("rm db/BACKEND", "DB"),
        ("set DB 1", "is a section"),
        ("set PORT/KEY 1", "is a key"),
        ('set DB/a/b "x"', "Unknown index key name for section DB"),
        ('set NOPE/a/b "x"', "Unknown index key name for section NOPE"),
        ("set DB/a/b/c 1", "4 elements"),
        ("set / 1", "path is empty"),
    ],
)
def test_11_13_25_what_could_not_be_read_back_is_refused(change: str, says: str) -> None:
    assert says in str(refused(BASE, change))


def test_22_the_only_key_of_a_section_cannot_be_removed() -> None:
    error = refused(BASE, "rm DB/TIMEOUT", "rm DB/BACKEND")
    assert "rm DB" in error.todo


def test_29_a_name_without_its_quotes_is_refused_with_the_spelling_to_use() -> None:
    assert 'VM_MAD/"kvm"/TYPE' in refused(MADS, "set VM_MAD/kvm/TYPE 1").todo
    assert "not found" in refused(MADS, 'set VM_MAD/"lxc"/TYPE 1').message
    assert "not found" in refused(MADS, 'rm VM_MAD/"lxc"/TYPE').message


def test_30_a_named_section_is_created_by_its_name() -> None:
    added = MADS + 'VM_MAD = [\n    NAME = "lxc",\n    TYPE = "xml"\n]\n'
    name, kind = r'ins VM_MAD/"lxc"/NAME "\"lxc\""', r'ins VM_MAD/"lxc"/TYPE "\"xml\""'
    assert run(MADS, name, kind) == (added, "AA")
    assert "not found" in refused(MADS, name.replace('"lxc\\"', '"qemu\\"'), kind).message
    assert "NAME" in refused(MADS, r'set VM_MAD/"kvm"/NAME "\"x\""').message


def test_31_comments_stay_where_their_key_stays() -> None:
    assert run(MADS, 'rm VM_MAD/"vcenter"/DEFAULT')[0] == MADS.replace(',\n    DEFAULT = "x"', "")
    assert run(MADS, 'rm VM_MAD/"kvm"/ARGUMENTS')[0] == MADS.replace('    ARGUMENTS = "-t 15", # of kvm\n', "")
    assert run(MADS, 'rm VM_MAD/"kvm"/TYPE')[0] == MADS.replace('15", #', '15" #').replace(
        '    TYPE      = "kvm"    # last\n', ""
    )
    assert run(MADS, 'ins VM_MAD/"kvm"/NEW 1')[0] == MADS.replace(
        '"kvm"    # last\n', '"kvm",    # last\n    NEW = 1\n'
    )


def test_32_removing_a_named_section_is_not_in_the_line_format() -> None:
    assert run(MADS, 'rm VM_MAD/"vcenter"') == (MADS, "n")
    assert run(MADS, "rm VM_MAD") == ("# above\n", "A")
    assert (
        Document(MADS)
        .apply(parse('/f rm VM_MAD/"vcenter"')[0])
        .reason.endswith("""path: [VM_MAD, '"vcenter"'], key: null, state: rm""")
    )
    assert refused(MADS, 'set VM_MAD/"vcenter" 1').todo.endswith('VM_MAD/"vcenter"/KEY.')


def test_an_empty_value_is_told_from_an_empty_text() -> None:
    assert "rm PORT" in refused(BASE, "set PORT").todo
    assert run(BASE, r'set PORT "\"\""')[0] == BASE.replace("2633", '""')


def test_33_names_with_blanks_quotes_and_apostrophes() -> None:
    text = "VM_MAD = [ NAME = \"a 'b'\", TYPE = 1 ]\n"
    assert run(text, r"""set "VM_MAD/\"a 'b'\"/TYPE" 2""")[0] == text.replace("= 1", "= 2")


def test_a_key_of_many_sections_needs_their_name() -> None:
    assert 'VM_MAD/"name"/ARGUMENTS' in refused(MADS, "set VM_MAD/ARGUMENTS 1").todo
    assert refused(MADS, "rm VM_MAD/ARGUMENTS")
    assert refused(BASE, "ins VM_MAD/ARGUMENTS 1")
    alone = 'IM_MAD = [ NAME = "monitord", THREADS = 8 ]\n'
    assert run(alone, "set IM_MAD/THREADS 9") == (alone.replace("8", "9"), "A")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("A = 1\nF = [ X = 1 ]\nF = [ X = 1 ]\n", 3, "Invalid multiple sections of F"),
        ('VM_MAD = [ NAME = "a" ]\n\nVM_MAD = [ X = 1 ]\n', 3, "Missing NAME identification"),
        ('VM_MAD = [ NAME = "a" ]\nvm_mad = [ name = "a" ]\n', 2, 'Duplicate identification for VM_MAD["a"]'),
        ('VM_MAD = [ NAME = "a", NAME = "b" ]\n', 1, "Multiple NAME identifications"),
        ("A = 1\nB = two words\n", 2, "Text follows the value"),
        ('A = "x\n', 1, "quoted value has no end"),
        ("F = [ A = 1, ]\n", 1, "comma stands before"),
        ("F = [\n # nothing\n]\n", 3, "section is empty"),
        ("F = [ A = 1\n B = 2 ]\n", 2, "comma or ] is missing"),
        ("F = [ A = 1", 1, "comma or ] is missing"),
        ("F = [ A ]", 1, "KEY = value is missing"),
        ("F = [ A = 1 ] x\n", 1, "Text follows the section"),
        ("A-B = 1\n", 1, "Neither a comment nor"),
        ("A = 1\n  just text\n", 2, "Neither a comment nor"),
    ],
)
def test_34_a_file_that_cannot_be_understood_is_named_by_line(text: str, line: int, says: str) -> None:
    with pytest.raises(FormatError) as caught:
        Document(text)
    assert caught.value.line == line
    assert says in caught.value.message


def test_35_37_keys_of_which_every_occurrence_counts() -> None:
    new = r'ins VM_RESTRICTED_ATTR "\"NEW\""'
    assert run(ATTRS, new, new) == (ATTRS + 'VM_RESTRICTED_ATTR = "NEW"\n', "Ap")
    assert run(ATTRS, r'ins VM_RESTRICTED_ATTR "\"NIC/MAC\""') == (ATTRS, "p")
    without = ATTRS.replace('VM_RESTRICTED_ATTR = "NIC/VLAN_ID" # two\n', "")
    assert run(ATTRS, r'rm VM_RESTRICTED_ATTR "\"NIC/VLAN_ID\""') == (without, "A")
    assert run(ATTRS, "rm VM_RESTRICTED_ATTR") == (ATTRS, "n")
    assert run(ATTRS, 'rm VM_RESTRICTED_ATTR "zz"') == (ATTRS, "p")
    assert run(ATTRS, r'set VM_RESTRICTED_ATTR "\"NIC/MAC\""') == (ATTRS, "P")
    assert run(ATTRS, r'set VM_RESTRICTED_ATTR "\"ONLY\""') == (without.replace("NIC/MAC", "ONLY"), "A")


def test_38_a_key_given_twice() -> None:
    twice = "PORT = 1\nX = 0\nPORT = 2\n"
    for command in ("set", "ins"):
        assert run(twice, f"{command} PORT 3") == ("PORT = 3\nX = 0\n", "A")
    assert run(twice, "rm PORT") == ("X = 0\n", "A")
    assert run(twice, 'set PORT "1"') == (twice, "P")
    section = "F = [ A = 1, B = 0, A = 2 ]\n"
    assert run(section, "set F/A 3") == ("F = [ A = 3, B = 0 ]\n", "A")
    assert run(section, "rm F/A") == ("F = [ B = 0 ]\n", "A")


def test_39_keys_in_lower_case_are_found_and_stay_as_they_are() -> None:
    text = 'port = 1\nlog = [ system = "x", debug_level = 3 ]'
    assert run(text, "set PORT 5", r'set LOG/SYSTEM "\"std\""') == (
        'port = 5\nlog = [ system = "std", debug_level = 3 ]',
        "AA",
    )


def test_40_commented_keys_are_no_keys() -> None:
    text = '#EMULATOR = /usr/bin/x\nDISK = [\n    DRIVER = "raw"\n]\n'
    assert run(text, r'ins DISK/IO "\"native\""', 'set EMULATOR "/y"') == (
        text.replace('"raw"', '"raw",\n    IO = "native"') + "EMULATOR = /y\n",
        "AA",
    )


@pytest.mark.parametrize(
    "text",
    [
        "   # indented\n\t#tab\n\n \t\nA = 1",
        "F = [ A = 1 ] # after\n",
        'F = [ A = "x" # c\n # d\n # e\n , # f\n B = 1\n # g\n # h\n]\n',
        "A =\nB = # nothing\n",
        "A = 'x'\n\tB=2\n",
        'A = "two\nlines \\"quoted\\" \\\\"\n',
        "A = 1\r\nF = [ B = 1,\r\n C = 2 ]\r\n",
        "A = 1 # caf\udce9\n",
        "# no newline at the end",
        "A = 1 # no newline at the end",
        "",
        "\n\n",
    ],
)
def test_what_oned_reads_is_read_and_printed_back(text: str) -> None:
    assert Document(text).render() == text


def test_values_may_be_any_text_once_quoted() -> None:
    secret = 'a "b" \\ c # d ] , [ \n é'
    document = Document(BASE)
    document.apply(Change("/f", Command.SET, ("DB", "PASSWD"), quote(secret)))
    assert Document(document.render()).render() == BASE.replace("2500 ]", f"2500,\n    PASSWD = {quote(secret)} ]")


BLANK = st.sampled_from(["", " ", "  ", "\t"])
COMMENT = st.text(st.characters(exclude_characters="\n"), max_size=8).map(lambda text: "#" + text)
NEWLINE = st.sampled_from(["\n", "\r\n"])
KEY = st.sampled_from(["PORT", "DB", "A_1", "port", "X"])
QUOTED = st.text(max_size=8).map(quote)
WORD = st.text(st.sampled_from("abc019/.:-'_\\"), min_size=1, max_size=6)
BETWEEN = st.lists(
    st.sampled_from([" ", "\n", "\t", "\r\n"]) | COMMENT.map(lambda text: text + "\n"), max_size=3
).map("".join)


@st.composite
def sections(draw: st.DrawFn) -> str:
    entries = [
        draw(BETWEEN) + draw(KEY) + draw(BLANK) + "=" + draw(BLANK) + draw(QUOTED | WORD) + draw(BETWEEN)
        for _ in range(draw(st.integers(1, 3)))
    ]
    return "[" + ",".join(entries) + "]"


@st.composite
def documents(draw: st.DrawFn) -> str:
    lines = []
    for index in range(draw(st.integers(0, 6))):
        value = draw(QUOTED | WORD | sections())
        name = draw(KEY) + (f"_{index}" if value.startswith("[") else "")
        attribute = draw(BLANK) + name + draw(BLANK) + "=" + draw(BLANK) + value + draw(BLANK)
        lines.append(draw(st.just(attribute) | BLANK) + draw(st.just("") | COMMENT) + draw(NEWLINE))
    return "".join(lines) + draw(st.just("") | COMMENT)


@given(documents())
def test_every_document_is_printed_back(text: str) -> None:
    assert Document(text).render() == text


@given(documents(), st.sampled_from(["PORT", "X", "DB/X", "DB_0/PORT", "NEW"]), QUOTED | WORD)
def test_a_set_leaves_the_rest_alone_and_is_undone_by_its_reverse(text: str, path: str, value: str) -> None:
    document = Document(text)
    components = path.split("/")
    try:
        result = document.apply(Change("/f", Command.SET, tuple(components), value))
    except ChangeError:
        assert document.render() == text
        return
    changed = document.render()
    again = Document(changed)
    assert again.apply(Change("/f", Command.SET, tuple(components), value)).status is Status.IN_PLACE
    assert again.render() == changed
    if result.status is Status.IN_PLACE:
        assert changed == text
    elif not result.replaced:
        # Nothing is gone: every character of before is there, in order.
        rest = iter(changed)
        assert all(character in rest for character in text)


@given(st.text('AB=[]",#\\\n\r \t1x', max_size=60))
def test_any_text_is_read_whole_or_refused(text: str) -> None:
    try:
        document = Document(text)
    except PatchError:
        return
    assert document.render() == text
