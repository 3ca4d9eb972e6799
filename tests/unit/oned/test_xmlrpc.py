"""The wire: what clients send, what they must not send, and what they get."""

import gc
import weakref
from contextlib import suppress
from xmlrpc.client import Fault as ClientFault
from xmlrpc.client import dumps, loads

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oned.api.xmlrpc import (
    LIMIT_FAULT,
    PARSE_FAULT,
    Decoder,
    Fault,
    Long,
    Opaque,
    Value,
    encode_answer,
    encode_fault,
)

_TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t\r", exclude_characters="\ufffe\uffff")
)


def decode(data: bytes) -> Decoder:
    decoder = Decoder()
    decoder.feed(data, final=True)
    return decoder


@given(st.lists(st.one_of(_TEXT, st.booleans(), st.integers(-(2**31), 2**31 - 1)), max_size=6))
def test_decodes_what_clients_encode(params: list[Value]) -> None:
    sent = [param.replace("\r", "") if isinstance(param, str) else param for param in params]
    decoder = decode(dumps(tuple(sent), "one.x.y").encode())  # type: ignore[arg-type]
    assert decoder.method == "one.x.y"
    assert decoder.params == sent
    assert [type(value) for value in decoder.params] == [type(value) for value in sent]


@given(_TEXT, st.integers(-(2**31), 2**31 - 1))
def test_clients_decode_what_is_encoded(text: str, number: int) -> None:
    assert loads(encode_answer(True, text, number))[0] == ([True, text, number],)


@given(st.binary(max_size=300))
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    with pytest.raises(Fault):
        decode(data)


@given(st.integers(1, 400))
def test_any_split_of_the_body(size: int) -> None:
    data = dumps(("session", "<x>&amp;", [1, "a", [True]], 7), "one.a.b").encode()
    decoder = Decoder()
    for start in range(0, len(data), size):
        decoder.feed(data[start : start + size])
    decoder.feed(b"", final=True)
    assert decoder.params == ["session", "<x>&amp;", [1, "a", [True]], 7]


def call(value: str) -> bytes:
    return f"<methodCall><methodName>m</methodName><params><param>{value}</param></params></methodCall>".encode()


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("<value>plain</value>", "plain"),
        ("<value></value>", ""),
        ("<value/>", ""),
        ("<value><string/></value>", ""),
        ("<value>\n <i4> 5 </i4>\n</value>", 5),
        ("<value><i8>5000000000</i8></value>", Long(5_000_000_000)),
        ("<value><double>1.5</double></value>", 1.5),
        ("<value><string><![CDATA[<a>]]></string></value>", "<a>"),
        ("<value><array><data/></array></value>", []),
    ],
)
def test_values(value: str, wanted: Value) -> None:
    assert decode(call(value)).params == [wanted]


@pytest.mark.parametrize("kind", ["base64", "dateTime.iso8601", "nil"])
def test_types_that_no_method_takes(kind: str) -> None:
    (value,) = decode(call(f"<value><{kind}>x</{kind}></value>")).params
    assert isinstance(value, Opaque)
    assert value.kind == kind


def test_structures_are_read_over() -> None:
    body = call("<value><struct><member><name>n</name><value><i4>1</i4></value></member></struct></value>")
    (value,) = decode(body).params
    assert isinstance(value, Opaque)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<",
        b"<methodCall/>",
        b"<methodCall><methodName/></methodCall>",
        b"<methodResponse/>",
        b"<methodCall><params/></methodCall>",
        call("<value><i4>x</i4></value>"),
        call("<value><i4>2147483648</i4></value>"),
        call("<value><i4>1_0</i4></value>").replace(b"1_0", b"1 0"),
        call("<value><i8>9223372036854775808</i8></value>"),
        call("<value><boolean>true</boolean></value>"),
        call("<value><string>a</string><i4>1</i4></value>"),
        call("<value><string><b/></string></value>"),
        call("<string>a</string>"),
        call("<value>&#0;</value>"),
        call("<value>\x01</value>"),
        b"\xff\xfe<\x00",
        b'<?xml version="1.0" encoding="utf-99"?><methodCall/>',
        b'<?xml version="1.0" encoding="shift_jis"?><methodCall/>',
    ],
)
def test_malformed(body: bytes) -> None:
    with pytest.raises(Fault) as caught:
        decode(body)
    assert caught.value.code == PARSE_FAULT


def test_entity_bomb() -> None:
    bomb = b'<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>' + call(
        "<value>&b;</value>"
    )
    with pytest.raises(Fault, match="document type is not allowed"):
        decode(bomb)


def test_entity_bomb_in_another_encoding() -> None:
    text = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE b [<!ENTITY a "a">]><methodCall/>'
    with pytest.raises(Fault, match="document type is not allowed"):
        decode(text.encode("utf-16"))


def test_depth_is_bounded() -> None:
    deep = "<value><array><data>" * 5000
    with pytest.raises(Fault) as caught:
        decode(call(deep))
    assert caught.value.code == LIMIT_FAULT


def test_number_of_values_is_bounded() -> None:
    with pytest.raises(Fault) as caught:
        decode(call("<value><array><data>" + "<value/>" * 300_000 + "</data></array></value>"))
    assert caught.value.code == LIMIT_FAULT


@pytest.mark.parametrize("data", [call("<value>long</value>"), b"no XML", b"<methodCall/>"])
def test_what_was_read_is_not_left_to_the_collection_of_garbage(data: bytes) -> None:
    gc.disable()
    try:
        decoder = Decoder()
        with suppress(Fault):
            decoder.feed(data, final=True)
        decoder.close()
        left = weakref.ref(decoder)
        del decoder
        assert left() is None
    finally:
        gc.enable()


def test_nothing_is_read_after_the_end() -> None:
    decoder = decode(call("<value/>"))
    with pytest.raises(RuntimeError):
        decoder.feed(b"<")


def test_fault_on_the_wire() -> None:
    with pytest.raises(ClientFault) as caught:
        loads(encode_fault(Fault(-501, "a <b> & c")))
    assert (caught.value.faultCode, caught.value.faultString) == (-501, "a <b> & c")
