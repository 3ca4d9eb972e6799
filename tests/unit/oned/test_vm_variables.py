"""Variables in contexts: what is one, what is text, and that nothing is expanded twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oned.errors import InternalError
from oned.vm.variables import Variable, expand, files, parse


def shown(variable: Variable) -> str:
    return f"<{variable.name}|{variable.key}|{variable.filter}|{variable.wanted}>"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", ""),
        ("plain", "plain"),
        ("$NAME", "<NAME|||>"),
        ("$name.", "<NAME|||>."),
        ("a $A$B c", "a <A|||><B|||> c"),
        ("$USER[ssh_key]", "<USER|SSH_KEY||>"),
        ('$NETWORK[ DNS , network_id = "a, b]" ]!', "<NETWORK|DNS|NETWORK_ID|a, b]>!"),
        ("$NETWORK[DNS,NETWORK_ID=3]", "<NETWORK|DNS|NETWORK_ID|3>"),
        (r"costs \$5", r"costs \$5"),
        (r"\\$A", r"\\<A|||>"),
        ("end\\", "end\\"),
        ("line\n$A\nline", "line\n<A|||>\nline"),
    ],
)
def test_variables_are_found(text: str, wanted: str) -> None:
    assert expand(text, shown) == wanted


@pytest.mark.parametrize(
    "text", ["$", "$ A", "5$", "$[A]", "$A[", "$A[]", "$A[B", "$A[B,C]", "$A[B=1]", "$A[B C]", "$$A"]
)
def test_what_is_half_a_variable_is_refused(text: str) -> None:
    with pytest.raises(InternalError) as raised:
        expand(text, shown)
    assert raised.value.detail.startswith(f"Error parsing: {text}. syntax error, ")


def test_values_are_not_looked_at_again() -> None:
    assert expand("$A", lambda _: "$B \\$C $[") == "$B \\$C $["


def test_files_are_a_list_of_variables() -> None:
    found = files(' $FILE[IMAGE_ID=1] $FILE[IMAGE="my file", IMAGE_UNAME="joe"]')
    assert [(one.key, one.value, one.filter, one.wanted) for one in found] == [
        ("IMAGE_ID", "1", "", ""),
        ("IMAGE", "my file", "IMAGE_UNAME", "joe"),
    ]


@pytest.mark.parametrize(
    "text", ["/etc/passwd", "$FILE[IMAGE_ID=1], x", "$FILE[A]", "$IMAGE[A=1]", "$FILE", "x$FILE[A=1]"]
)
def test_other_files_are_refused(text: str) -> None:
    with pytest.raises(InternalError, match="Error parsing"):
        files(text)


@given(st.text())
def test_any_text_is_expanded_or_refused(text: str) -> None:
    try:
        parts = list(parse(text))
    except InternalError:
        return
    assert all(part for part in parts)
    if "$" not in text:
        assert "".join(part for part in parts if isinstance(part, str)) == text


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_characters="$\\")), st.from_regex(r"[A-Za-z0-9_]+", fullmatch=True)
        )
    )
)
def test_texts_around_variables_stay(pairs: list[tuple[str, str]]) -> None:
    text = "".join(f"{plain}.$K[{name}]" for plain, name in pairs)
    wanted = "".join(f"{plain}.({name.upper()})" for plain, name in pairs)
    assert expand(text, lambda variable: f"({variable.key})") == wanted
