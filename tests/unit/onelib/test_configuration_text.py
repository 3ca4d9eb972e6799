import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecfg.patch import quote
from onelib.template import Template


@given(st.text(st.characters(exclude_categories=["C"]), max_size=30))
@pytest.mark.parametrize(
    "form", ["DB = [ BACKEND = mysql, PASSWD = {}, DB_NAME = x ]", "PASSWD = {}\nDB_NAME = x\n"]
)
def test_what_is_quoted_into_a_configuration_is_read_back(form: str, password: str) -> None:
    found = Template.from_text(form.format(quote(password)), configuration=True)
    values = found.vectors("DB")[0] if "DB =" in form else dict(found)
    assert values["PASSWD"] == password
    assert values["DB_NAME"] == "x"


def test_templates_keep_the_grammar_of_the_api() -> None:
    assert Template.from_text(r'A = "x\\y"').get("A") == r"x\\y"
