"""Calls that nobody sends in good faith: for every parameter of every method, values it must not swallow."""

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape

from oned.methods.call import Method

Wire = bytes
"""One ``<value>`` as it stands on the wire."""


def typed(kind: str, text: str | bytes) -> Wire:
    inner = text if isinstance(text, bytes) else escape(text).encode()
    return b"<value><%b>%b</%b></value>" % (kind.encode(), inner, kind.encode())


def string(text: str) -> Wire:
    return typed("string", text)


def number(value: int) -> Wire:
    return typed("i4", str(value))


def body(method: str, *values: Wire) -> bytes:
    """The call of ``method`` with values that are already encoded; the first is the session."""
    params = b"".join(b"<param>%b</param>" % value for value in values)
    name = escape(method).encode()
    return b"<?xml version='1.0'?><methodCall><methodName>%b</methodName><params>%b</params></methodCall>" % (
        name,
        params,
    )


_EVERY_TYPE: dict[str, Wire] = {
    "str": string("text"),
    "int": number(1),
    "long": typed("i8", str(2**40)),
    "bool": typed("boolean", "1"),
    "double": typed("double", "1.5"),
    "list": b"<value><array><data><value><i4>0</i4></value></data></array></value>",
    "list of lists": b"<value><array><data><value><array><data/></array></value></data></array></value>",
    "struct": b"<value><struct><member><name>ID</name><value><i4>0</i4></value></member></struct></value>",
    "nil": b"<value><nil/></value>",
    "base64": typed("base64", base64.b64encode(b"bytes").decode()),
    "date": typed("dateTime.iso8601", "20240101T00:00:00"),
}
NUMBERS = (-1, -2, -5, -1000, 2**31 - 1, -(2**31))
BEYOND_NUMBERS: tuple[Wire, ...] = (
    typed("i4", str(2**31)),
    typed("i8", str(2**63)),
    typed("int", "9" * 5000),
    typed("i8", "-" + "9" * 100_000),
    typed("int", "0x10"),
    typed("int", "1e3"),
    typed("int", ""),
    typed("boolean", "yes"),
    typed("double", "one"),
)
"""No server can read them: a fault, whatever the method."""

BROKEN: tuple[Wire, ...] = (
    b"<value><string>\x00</string></value>",
    b"<value><string>\x01\x08\x1f</string></value>",
    b"<value><string>\xff\xfe\xc0\xaf</string></value>",
    b"<value><string>\xed\xa0\x80</string></value>",
    b"<value><string>&#xD800;</string></value>",
    b"<value><string>&#0;</string></value>",
    b"<value><string>&bomb;</string></value>",
    b"<value><string>]]></string></value>",
    b"<value><string><![CDATA[open</string></value>",
    b"<value><string><A></string></value>",
)
"""Bytes that are no text of XML: NUL, controls, invalid UTF-8, surrogates, unknown entities, open sections."""

_ENTITIES = '<!DOCTYPE T [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
SHELL_MARK = f"/tmp/oneedge-hostile-{os.getpid()}"
"""A file that nothing may make."""
TEXTS: dict[str, str] = {
    "empty": "",
    "blank": " \t\r\n",
    "quote": "'",
    "double quote": '"',
    "sql": "'; DROP TABLE user_pool; --",
    "sql or": "x' OR '1'='1",
    "sql backslash": "\\' OR 1=1 -- ",
    "sql union": "1) UNION SELECT body FROM user_pool -- ",
    "sql parameter": ":oid %(oid)s %s ? ${oid} {0}",
    "like": "%_%\\",
    "match": '"* -+<>()~@ NEAR(a b) ^"',
    "section": "<![CDATA[ x ]]>",
    "section end": 'A = "]]>"',
    "open tag": "<",
    "wrong tags": "<A><B></A></B>",
    "entities": f"{_ENTITIES}<TEMPLATE><A>&b;&b;&b;</A></TEMPLATE>",
    "a file": '<!DOCTYPE T [<!ENTITY x SYSTEM "file:///etc/passwd">]><TEMPLATE><NAME>n</NAME><A>&x;</A></TEMPLATE>',
    "unknown entity": "<TEMPLATE><A>&x;</A></TEMPLATE>",
    "declaration": '<?xml version="1.0" encoding="utf-16"?><TEMPLATE><A>1</A></TEMPLATE>',
    "shell": f'NAME = "$(touch {SHELL_MARK})`touch {SHELL_MARK}`${{HOME}};|&"',
    "variables": 'NAME = "v"\nCPU = 1\nMEMORY = 1\nCONTEXT = [A = "$USER[PASSWORD] ${A} $IMAGE[SOURCE, IMAGE_ID=0]"]',
    "break out": 'NAME = "a" UID = "0"\nGID = 0 ]\nB = [ C = "]',
    "open quote": 'A = "x',
    "open vector": "A = [ B = 1,",
    "no value": "= = =",
    "reserved": "UID = 0\nGID = 0\nUNAME = oneadmin\nID = 0\nPERMISSIONS = [ OWNER_U = 1 ]\nOID = 0",
    "path": "../../../../etc/passwd",
    "newlines": "a\nb\r\nc\rd",
    "wide": "\u202e\U0001f600\ufffd\x7f\x85\u2028",
    "numbers": "NAME = n\nCPU = 1e308\nMEMORY = 99999999999999999999\nSIZE = -1\nVCPU = NaN\nTYPE = inf",
}
"""Well-formed strings that mean harm to whoever joins them with other text."""

LONG_TEXTS: dict[str, str] = {
    "a megabyte": "x" * 2**20,
    "a long value": f'NAME = "{"n" * 2**20}"',
    "attributes": "".join(f"A{n} = {n}\n" for n in range(100_000)),
    "one vector": "V = [ " + ", ".join(f"A{n} = {n}" for n in range(100_000)) + " ]",
    "a thousand vectors": "NAME = n\nCPU = 1\nMEMORY = 1\n"
    + "DISK = [ SIZE = 1 ]\nNIC = [ NETWORK_ID = 0 ]\n" * 1000,
    "deep": "<TEMPLATE>" + "<A>" * 10_000 + "x" + "</A>" * 10_000 + "</TEMPLATE>",
    "quotes": '"' * 200_000,
    "escaped quotes": 'A = "' + '\\"' * 200_000,
    "brackets": "A = " + "[" * 200_000,
    "comments": "#\n" * 200_000,
    "dollars": 'CPU = 1\nMEMORY = 1\nCONTEXT = [ A = "' + "$A[" * 60_000 + '" ]',
    "parentheses": 'CPU = 1\nMEMORY = 1\nSCHED_REQUIREMENTS = "' + "(" * 50_000 + '"',
    "commas": "," * 200_000,
    "ids": ",".join(map(str, range(100_000))),
    "hexadecimal": "f" * 100_000,
    "blanks": " " * 2**20,
}


@dataclass(frozen=True)
class Case:
    """One call: what is wrong with it, its bytes; ``fault``: no method may accept it."""

    what: str
    data: bytes
    fault: bool = False


class Maker:
    """Makes the calls of one method by one caller; ``oid`` is an object that the method could be about."""

    def __init__(self, method: Method, session: str, oid: int) -> None:
        self._name = method.name
        self._session = string(session)
        self._types = method.params + method.optional
        self._required = len(method.params)
        good = {str: string(""), int: number(0), bool: typed("boolean", "0"), list: _EVERY_TYPE["list"]}
        self._good = [good[kind] for kind in self._types]
        if int in self._types:
            self._good[self._types.index(int)] = number(oid)

    def _case(self, what: str, at: int, value: Wire, *, fault: bool = False) -> Case:
        values = [*self._good[:at], value, *self._good[at + 1 :]]
        return Case(f"{self._name} parameter {at}: {what}", body(self._name, self._session, *values), fault)

    def types(self) -> Iterator[Case]:
        """Every other type in each place, too few parameters."""
        for at, kind in enumerate(self._types):
            for name, value in _EVERY_TYPE.items():
                if name != kind.__name__ and not (kind is list and name.startswith("list")):
                    yield self._case(name, at, value, fault=True)
        for count in range(self._required):
            data = body(self._name, self._session, *self._good[:count])
            yield Case(f"{self._name} with {count} parameters", data, fault=True)

    def too_many(self) -> Case:
        """Fifty values after the last parameter."""
        rest = [*_EVERY_TYPE.values()] * 5
        return Case(f"{self._name} with more", body(self._name, self._session, *self._full(), *rest[:50]))

    def _full(self) -> list[Wire]:
        """All parameters, of an object that is not there."""
        values = list(self._good)
        if int in self._types:
            values[self._types.index(int)] = number(2**31 - 2)
        return values

    def numbers(self) -> Iterator[Case]:
        """Numbers at the ends of their range and outside of it."""
        for at, kind in enumerate(self._types):
            if kind is int:
                yield from (self._case(str(value), at, number(value)) for value in NUMBERS)

    def texts(self, texts: dict[str, str]) -> Iterator[Case]:
        """``texts`` in the place of each string."""
        for at, kind in enumerate(self._types):
            if kind is str:
                yield from (self._case(what, at, string(text)) for what, text in texts.items())

    def unreadable(self) -> Iterator[Case]:
        """Values that no decoder takes, in the first place."""
        for value in (*BEYOND_NUMBERS, *BROKEN):
            at = 0 if self._types else -1
            values = [value, *self._good[at + 1 :]]
            data = body(self._name, self._session, *values)
            yield Case(f"{self._name}: {value[:60]!r}", data, fault=True)
