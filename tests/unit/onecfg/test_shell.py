"""The family of shell assignments. Numbers in names are the cases of the behaviour's description."""

import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from onecfg.formats.shell import Document, quote
from onecfg.model import Change, FormatError, PatchError, Status
from onecfg.notation.line import parse

BASE = """# head
export LANG=C
export TIMEOUT=180 # tail

SIMPLE=1
export FOO BAR
DUP=1
QUOTED="a b"
DUP=2
ARR=(a b)
if [ -n "$X" ]; then
  INNER=1
fi
f() {
  INNER2=1
}
[ -z "$J" ] && J=5
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


@pytest.mark.parametrize(
    ("change", "old", "new", "letters"),
    [
        pytest.param("set TIMEOUT 300", "180", "300", "A", id="50"),
        pytest.param("set TIMEOUT 180", "", "", "P", id="50-same"),
        pytest.param('ins TIMEOUT "180"', "", "", "p", id="50-same-ins"),
        pytest.param('ins LANG "de"', "LANG=C", "LANG=de", "A", id="50-export-stays"),
        pytest.param("set X null", "", "", "n", id="51-null"),
        pytest.param("set X false", "", "", "n", id="51-false"),
        pytest.param("set SIMPLE true", "SIMPLE=1", "SIMPLE=true", "A", id="51-true"),
        pytest.param(r'set QUOTED "\"x y\""', '"a b"', '"x y"', "A", id="51-quoted"),
        pytest.param("ins SIMPLE null", "SIMPLE=1", "SIMPLE=", "A", id="51-empty"),
        pytest.param("rm FOO", "export FOO BAR", "export BAR", "A", id="52-export"),
        pytest.param("rm SIMPLE", "SIMPLE=1\n", "", "A", id="52"),
        pytest.param("rm NOPE", "", "", "p", id="52-absent"),
        pytest.param("rm LANG", "export LANG=C\n", "", "A", id="52-exported"),
    ],
)
def test_one_change_touches_nothing_else(change: str, old: str, new: str, letters: str) -> None:
    assert run(BASE, change) == (BASE.replace(old, new, 1) if old else BASE, letters)


def test_51_52_new_variables_go_to_the_end() -> None:
    assert run("#X=1\n", r'ins X "\"x y\""', "ins N null") == ('#X=1\nX="x y"\nN=\n', "AA")
    assert run("A=1", "set B 2") == ("A=1\nB=2\n", "A")
    assert run("", "set B 2") == ("B=2\n", "A")
    assert run("A=1\r\n", "set B 2", "set A 3") == ("A=3\r\nB=2\r\n", "AA")


def test_52_a_variable_given_twice_counts_where_it_stands_last() -> None:
    without = BASE.replace("DUP=1\n", "")
    assert run(BASE, "set DUP 9") == (without.replace("DUP=2", "DUP=9"), "A")
    assert run(BASE, "rm DUP") == (without.replace("DUP=2\n", ""), "A")
    assert Document(BASE).warnings() == [
        "Variable DUP specified multiple times. Only last value will be respected."
    ]
    assert run("export A\n", "rm A") == ("", "A")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ('ins NEW "x y"', "not a single word"),
        ('set NEW "a;b"', "not a single word"),
        ('set NEW "$(a"', "not a single word"),
        ('set NEW "#a"', "not a single word"),
        (r'set NEW "a\nB=1"', "not a single word"),
        ('set NEW ["a"]', "list or an object"),
        ("set ARR 1", "array"),
        ("set A/B 1", "Write B"),
        ("set / 1", "Name a variable"),
        ("set A-B 1", "no variable"),
        ("set INNER 1", "line 12"),
        ("set INNER2 1", "line 15"),
        ("set J 1", "line 17"),
    ],
)
def test_what_would_not_do_what_it_says_is_refused(change: str, says: str) -> None:
    with pytest.raises(PatchError) as caught:
        run(BASE, change)
    assert says in str(caught.value)
    assert caught.value.todo


@pytest.mark.parametrize(
    "text",
    [
        BASE,
        "A='it'\"'\"'s'\nB=a#b # c\nC=1; \nD=\"multi\nline\"\nE=${X:-y}\nF=$(id -u)\nG=`id`\nH=a\\ b\n",
        "A=1 B=2\nexport X=1 Y=2\n. /etc/x\nsource y\nunset Z\n",
        "case $A in\n  a) B=1 ;;\nesac\nC=1\n",
        "for i in 1 2; do\n  if true; then for j in 3; do A=1; done; fi\n  B=1\ndone\nC=1\n",
        "f()\n{\n  A=1\n}\necho a \\\n  b\n",
        "",
        "# no newline",
        "A=",
        "A=1\r\n# x\r\nexport B C\r\n",
    ],
)
def test_every_line_is_printed_back(text: str) -> None:
    assert Document(text).render() == text


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("A=1\nif true; then\n  B=1\n", 2, "without its end"),
        ("A=1\ncat <<END\nB=1\nEND\n", 2, "here-document"),
        ("A=1\nB='x\n", 2, "quote"),
        ('echo "x\n', 1, "quote"),
    ],
)
def test_a_file_that_cannot_be_understood_is_named_by_line(text: str, line: int, says: str) -> None:
    with pytest.raises(FormatError) as caught:
        Document(text)
    assert caught.value.line == line
    assert says in caught.value.message


def test_what_is_nested_is_not_taken_for_a_node() -> None:
    text = "for i in 1 2; do\n  if true; then for j in 3; do A=1; done; fi\n  B=1\ndone\n"
    with pytest.raises(PatchError, match="line 3"):
        run(text, "set B 2")


@settings(max_examples=15, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20))
@example('it\'s $HOME `id` \\ "x"\n#')
def test_a_quoted_value_reaches_the_shell_as_it_is(text: str) -> None:
    document = Document(BASE)
    change = parse("/f set X")[0]
    document.apply(Change("/f", change.command, ("VALUE",), quote(text)))
    shell = subprocess.run(
        ["bash", "-c", 'set -a; . /dev/stdin; printf "%s" "$VALUE" | od -An -tx1'],
        input=document.render().encode(),
        capture_output=True,
        check=False,
    )
    assert bytes.fromhex(shell.stdout.decode().replace("\n", "")) == text.encode(), shell.stderr


@given(st.text("AB=\"'$()#;\\\n\r \t{}`if", max_size=40))
def test_any_text_is_read_whole_or_refused(text: str) -> None:
    try:
        document = Document(text)
    except PatchError:
        return
    assert document.render() == text
