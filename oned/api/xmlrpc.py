"""XML-RPC on the wire: a decoder that is fed as bytes arrive, and an encoder.

The decoder never holds more than the values of the call; document types and entities are refused, depth and number of
elements are bounded. The numbers of the faults are xmlrpc-c's, the library below upstream's server.
"""

from xml.parsers import expat

TYPE_FAULT = -501
PARSE_FAULT = -503
NO_METHOD_FAULT = -506
LIMIT_FAULT = -509

MAX_DEPTH = 48
MAX_ELEMENTS = 200_000
_INT_BITS = {"i4": 31, "int": 31, "i8": 63}
_TYPES = frozenset(
    {"i4", "int", "i8", "boolean", "string", "double", "dateTime.iso8601", "base64", "array", "struct", "nil"}
)
_CHILDREN: dict[str, frozenset[str]] = {
    "": frozenset({"methodCall"}),
    "methodCall": frozenset({"methodName", "params"}),
    "params": frozenset({"param"}),
    "param": frozenset({"value"}),
    "value": _TYPES,
    "array": frozenset({"data"}),
    "data": frozenset({"value"}),
    "struct": frozenset({"member"}),
    "member": frozenset({"name", "value"}),
}
_NONE: frozenset[str] = frozenset()


class Fault(Exception):  # noqa: N818 (the name in XML-RPC)
    """An XML-RPC fault: the call itself is wrong, not what it asks for."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Opaque:
    """A value of a type that no method takes (date, binary data, structure, nil)."""

    __slots__ = ("kind",)

    def __init__(self, kind: str) -> None:
        self.kind = kind


class Long(int):
    """A value sent as ``i8``."""


Value = bool | int | float | str | list["Value"] | Opaque


class Decoder:
    """One call. Feed it, then take :attr:`method` and :attr:`params`."""

    def __init__(self) -> None:
        self.method = ""
        self.params: list[Value] = []
        self._path: list[str] = [""]
        self._lists: list[list[Value]] = [self.params]
        self._text: list[str] = []
        self._filled: list[bool] = []
        self._elements = 0
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.StartDoctypeDeclHandler = self._doctype
        self._parser: expat.XMLParserType | None = parser

    def feed(self, data: bytes, *, final: bool = False) -> None:
        """Take the next bytes. Raises :class:`Fault`."""
        if self._parser is None:
            raise RuntimeError("fed after the end")
        try:
            self._parser.Parse(data, final)
        except (expat.ExpatError, LookupError, ValueError) as error:  # also an encoding that does not exist
            raise Fault(PARSE_FAULT, f"Call XML not a proper XML-RPC call. {error}") from None
        if final:
            self.close()
            if not self.method:
                raise _malformed("it names no method")

    def close(self) -> None:
        """Part from the parser: it refers to this, which would keep both until some collection of garbage."""
        self._parser = None

    def _doctype(self, *_: object) -> None:
        raise _malformed("a document type is not allowed")

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        self._elements += 1
        parent = self._path[-1]
        if name not in _CHILDREN.get(parent, _NONE):
            raise _malformed(f"<{name[:40]}> is not allowed in <{parent}>")
        if len(self._path) > MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise Fault(LIMIT_FAULT, "The call is nested too deeply or has too many values.")
        if name == "value":
            self._filled.append(False)
        elif parent == "value":
            if self._filled[-1]:
                raise _malformed("a <value> holds two types")
            self._filled[-1] = True
            if name in {"array", "struct"}:
                self._lists.append([])
        self._path.append(name)
        self._text.clear()

    def _end(self, name: str) -> None:
        self._path.pop()
        text = "".join(self._text)
        self._text.clear()
        if name == "value":
            if not self._filled.pop():
                self._lists[-1].append(text)
        elif name == "methodName":
            self.method = text.strip()
        elif name == "array":
            inner = self._lists.pop()
            self._lists[-1].append(inner)
        elif name == "struct":
            self._lists.pop()
            self._lists[-1].append(Opaque("struct"))
        elif name in _TYPES:
            self._lists[-1].append(_scalar(name, text))


def _malformed(reason: str) -> Fault:
    return Fault(PARSE_FAULT, f"Call XML not a proper XML-RPC call: {reason}.")


def _scalar(kind: str, text: str) -> Value:
    """The value of the leaf element ``kind``."""
    if kind == "string":
        return text
    try:
        if kind in _INT_BITS:
            number = int(text)
            fits = -(1 << _INT_BITS[kind]) <= number < 1 << _INT_BITS[kind]
            return {True: Long(number) if kind == "i8" else number}[fits]
        if kind == "boolean":
            return {"0": False, "1": True}[text.strip()]
        if kind == "double":
            return float(text)
    except (ValueError, KeyError):
        raise _malformed(f"<{kind}> holds no such value") from None
    return Opaque(kind)


_RESPONSE = b'<?xml version="1.0" encoding="UTF-8"?>\r\n<methodResponse>\r\n%b</methodResponse>\r\n'
_ANSWER = _RESPONSE % (
    b"<params>\r\n<param><value><array><data>\r\n%b\r\n</data></array></value></param>\r\n</params>\r\n"
)
_FAULT = _RESPONSE % b"<fault>\r\n<value><struct>%b</struct></value>\r\n</fault>\r\n"


def escape(text: bytes) -> bytes:
    """``text`` as XML character data; a carriage return survives.

    What must not stand as it is in character data is ``]]>``; there are far fewer ``]`` in a body than ``>``.
    """
    return text.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b"]", b"&#93;").replace(b"\r", b"&#x0d;")


def encode_value(value: bool | int | str) -> bytes:
    """One value of the wire; characters that UTF-8 has not become ``?``."""
    if isinstance(value, bool):
        return b"<value><boolean>%d</boolean></value>" % value
    if isinstance(value, Long):
        return b"<value><i8>%d</i8></value>" % value
    if isinstance(value, int):
        return b"<value><i4>%d</i4></value>" % value
    return b"<value><string>%b</string></value>" % escape(value.encode("utf-8", "replace"))


def encode_answer(*values: bool | int | str) -> bytes:
    """The answer of a call: always one array."""
    return _ANSWER % b"".join(map(encode_value, values))


def encode_around() -> tuple[bytes, bytes]:
    """What stands before and behind the string of a long answer, which succeeded."""
    before, end, after = encode_answer(True, "", 0).partition(b"</string>")
    return before, end + after


def encode_fault(fault: Fault) -> bytes:
    """The answer to a call that is wrong in itself."""
    members = ((b"faultCode", fault.code), (b"faultString", fault.text))
    return _FAULT % b"".join(
        b"<member><name>%b</name>%b</member>" % (name, encode_value(value)) for name, value in members
    )
