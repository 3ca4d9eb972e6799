"""The template grammar: examples from upstream's own files, and what has to hold for any template."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onelib.template import MAX_SIZE, Template, TemplateError, Value

_XML_TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t", exclude_characters="\ufffe\uffff")
)
_NAMES = st.from_regex(r"[A-Z_][A-Z0-9_]{0,9}", fullmatch=True)
_VECTORS = st.dictionaries(_NAMES, _XML_TEXT, min_size=1, max_size=4)
_TEMPLATES = st.lists(st.tuples(_NAMES, st.one_of(_XML_TEXT, _VECTORS)), max_size=8).map(Template)


def _has_text_form(value: Value) -> bool:
    texts = [value] if isinstance(value, str) else list(value.values())
    return not any(text.endswith("\\") or "]]>" in text for text in texts)


@given(_TEMPLATES)
def test_xml_round_trip(template: Template) -> None:
    assert Template.from_xml(template.to_xml()) == template


@given(_TEMPLATES.filter(lambda t: all(_has_text_form(value) for _, value in t)))
def test_text_round_trip(template: Template) -> None:
    assert Template.from_text(template.to_text()) == template


@given(_TEMPLATES, _TEMPLATES)
def test_merge_takes_names_as_groups(old: Template, new: Template) -> None:
    merged = old.copy()
    merged.merge(new)
    assert set(merged.names()) == set(old.names()) | set(new.names())
    for name in merged.names():
        assert merged.all(name) == (new.all(name) or old.all(name))


@given(st.text(max_size=200))
def test_any_text_parses_or_is_refused(text: str) -> None:
    with contextlib.suppress(TemplateError):
        assert len(Template.parse(text)) <= len(text)


def test_forms_of_a_value() -> None:
    template = Template.parse(
        'NAME = "web server  "\n'
        "# a comment\n"
        "CPU=1 MEMORY = 512   # after a value\n"
        "EMPTY =\n"
        'TEXT = "two\nlines with \\"quotes\\""\n'
        'nic = [ network="private" ,\n   ip = 10.0.0.1 ]\n'
        "NIC = [\n  NETWORK = other\n]\n"
        "NONE = []"
    )
    assert template.get("NAME") == "web server"
    assert (template.get("CPU"), template.get("MEMORY")) == ("1", "512")
    assert template.get("EMPTY", "?") == ""
    assert template.get("TEXT") == 'two\nlines with "quotes"'
    assert template.vectors("NIC") == [{"NETWORK": "private", "IP": "10.0.0.1"}, {"NETWORK": "other"}]
    assert template.vector("NONE") == {}
    assert "NONE" in template


def test_order_is_by_name_and_of_appearance() -> None:
    template = Template.parse("B=2\nA=x\nB=1\n")
    assert template.to_xml() == "<TEMPLATE><A><![CDATA[x]]></A><B><![CDATA[2]]></B><B><![CDATA[1]]></B></TEMPLATE>"


def test_backslash_before_the_last_quote_belongs_to_the_value() -> None:
    assert Template.parse('PATH = "C:\\dir\\"').get("PATH") == "C:\\dir\\"


def test_quote_inside_a_bare_value() -> None:
    assert Template.parse('A = "x"y').get("A") == '"x"y'


def test_quote_that_does_not_close_is_part_of_a_bare_value() -> None:
    assert Template.parse('A = "open').get("A") == '"open'


def test_first_of_two_equal_keys_counts() -> None:
    assert Template.parse("V = [ A = 1, A = 2 ]").vector("V") == {"A": "1"}


def test_crlf() -> None:
    template = Template.parse('A = "1"\r\nB = 2\r\nC =\r\n')
    assert [template.get(name) for name in "ABC"] == ["1", "2", ""]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A", 1),
        ("A = 1\nB", 2),
        ("A = 1\n= 2", 2),
        ("A = [ B = 1", 1),
        ("A = [ B = 1,\n ]", 2),
        ("A = [ B = ]", 1),
        ("A = #", 1),
        ('A = "x ]]> y"', 1),
        ("A = 1\n\nB = [ C = 1 D = 2 ]", 3),
        ("1A = 2", 1),
        ("A = 1 ; B = 2", 1),
    ],
)
def test_errors_name_the_line(text: str, line: int) -> None:
    with pytest.raises(TemplateError, match=f"at line {line}, column"):
        Template.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "<TEMPLATE><A>1</TEMPLATE>",
        "<",
        '<!DOCTYPE t [<!ENTITY a "b">]><TEMPLATE><A>&a;</A></TEMPLATE>',
        '<!DOCTYPE t [<!ENTITY a SYSTEM "file:///etc/passwd">]><TEMPLATE><A>&a;</A></TEMPLATE>',
        "<TEMPLATE><A>&undefined;</A></TEMPLATE>",
        '<?xml version="1.0"?>\n<!-- <!-- --><?x <a>?> <!DOCTYPE t><TEMPLATE><A>1</A></TEMPLATE>',
        '<!-- c --><!DOCTYPE t [<!ENTITY a "b">]><TEMPLATE><A B="&a;"/></TEMPLATE>',
        "<TEMPLATE><!DOCTYPE t><A>1</A></TEMPLATE>",
        "<TEMPLATE><A>1</A></TEMPLATE><!DOCTYPE t>",
        "<!-- " * 50_000,
        "<?x ?>" * 50_000,
    ],
)
def test_bad_xml(text: str) -> None:
    with pytest.raises(TemplateError, match="XML Template malformed"):
        Template.parse(text)


def test_too_many_elements() -> None:
    with pytest.raises(TemplateError, match="malformed"):
        Template.parse("<T>" + "<A/>" * 900_000 + "</T>")


@pytest.mark.parametrize("more", ["B = 1\nC = 1", "B = [ C = 1 ]", "<A>1</A><C>1</C>", "<B><C>1</C></B>"])
def test_too_many_attributes(more: str) -> None:
    one, rest = ("<A>1</A>", "</T>") if more.startswith("<") else ("A=1\n", "")
    text = ("<T>" if rest else "") + one * (MAX_SIZE - 1)
    assert len(Template.parse(f"{text}{one}{rest}")) == MAX_SIZE
    with pytest.raises(TemplateError, match=f"more than {MAX_SIZE} attributes"):
        Template.parse(f"{text}{more}{rest}")


def test_many_equal_signs_in_values_are_not_many_attributes() -> None:
    text = "a=b" * MAX_SIZE
    assert Template.parse(f'A = "{text}"').get("A") == text


def test_a_merge_does_not_make_it_too_large() -> None:
    template = Template(("A", str(number)) for number in range(MAX_SIZE - 1))
    template.merge(Template([("B", "1")]), bounded=True)
    with pytest.raises(TemplateError, match="would have more than"):
        template.merge(Template([("C", "1")]), bounded=True)
    template.merge(Template([("B", "2")]), bounded=True)  # too large already, and not larger
    assert template.size == MAX_SIZE + 1


def test_a_document_type_in_a_value_is_a_text() -> None:
    template = Template.parse('A = "<!DOCTYPE html>"')
    assert list(Template.parse(template.to_xml())) == [("A", "<!DOCTYPE html>")]


@pytest.mark.parametrize(
    "text",
    [
        '<T xmlns:n="u"><n:A><n:B>1</n:B></n:A></T>',
        '<T xmlns="u"><A><B>1</B></A></T>',
        "<T><xml:A><B>1</B></xml:A></T>",
    ],
)
def test_attributes_have_no_namespace(text: str) -> None:
    template = Template.parse(text)
    assert list(template) == [("A", {"B": "1"})]
    assert Template.parse(template.to_xml()) == template


def test_xml_form() -> None:
    template = Template.parse(
        "<TEMPLATE>\n <NAME><![CDATA[a b ]]></NAME><V>\n <K>1</K><K2><![CDATA[<&>]]></K2></V><!-- c --><E/></TEMPLATE>"
    )
    assert template.get("NAME") == "a b"
    assert template.vector("V") == {"K": "1", "K2": "<&>"}
    assert template.get("E", "?") == ""


def test_no_text_form() -> None:
    with pytest.raises(TemplateError, match="no text form"):
        Template([("A", "ends with \\")]).to_text()


def test_merge_with_an_empty_vector_removes() -> None:
    template = Template.parse("A = [ B = 1 ]\nC = 1")
    template.merge(Template.parse("A = []"))
    assert template == Template([("C", "1")])


def test_long_value_is_linear() -> None:
    text = 'A = "' + '\\"x' * 200_000 + '"'
    assert len(Template.parse(text).get("A")) == 400_000
