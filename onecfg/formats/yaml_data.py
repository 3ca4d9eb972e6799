"""Data of YAML files: how it is compared, and how large it is when it is written without aliases."""

from onecfg.model import ChangeError, Data, Key, Symbol

MAX_SIZE = 8 << 20
_NODE = 16
"""What a value counts for besides its text."""


def symbols(value: Data) -> Data:
    """``value`` with every text that starts with ``:``, keys included, made a symbol."""
    match value:
        case str() if value.startswith(":") and len(value) > 1:
            return Symbol(value[1:])
        case list():
            return [symbols(item) for item in value]
        case dict():
            return {_key(symbols(key)): symbols(item) for key, item in value.items()}
    return value


def _key(data: Data) -> Key:
    if isinstance(data, (list, dict)):
        raise TypeError("a collection is no key")
    return data


def same(one: Data, other: Data) -> bool:
    """Whether both are equal with their types (1 is neither 1.0 nor true); the order of keys does not matter."""
    seen: set[tuple[int, int]] = set()

    def compare(a: Data, b: Data) -> bool:
        if type(a) is not type(b):
            return False
        match a, b:
            case (list(), list()) | (dict(), dict()) if (id(a), id(b)) in seen:
                return True
            case list(), list():
                seen.add((id(a), id(b)))
                return len(a) == len(b) and all(compare(x, y) for x, y in zip(a, b, strict=True))
            case dict(), dict():
                seen.add((id(a), id(b)))
                return len(a) == len(b) and all(has(b, key) and compare(a[key], b[key]) for key in a)
            case float(), float():
                return repr(a) == repr(b)
        return a == b

    return compare(one, other)


def has(mapping: dict[Key, Data], key: Key) -> bool:
    """Whether ``key`` itself is in there, and not one that Python takes for equal (1, 1.0 and true)."""
    if not isinstance(key, (int, float)):
        return key in mapping
    return key in mapping and any(type(one) is type(key) for one in mapping if one == key)


def similar(one: Data, other: Data, *, ordered: bool) -> bool:
    """Whether both are equal, lists as multisets unless ``ordered``."""
    if ordered or not isinstance(one, (list, dict)):
        return same(one, other)
    numbers = Numbers(ordered=False)
    return numbers.of(one) == numbers.of(other)


class Numbers:
    """Numbers values so that ``similar`` ones get the same number: long lists are compared in little time."""

    def __init__(self, *, ordered: bool) -> None:
        self._ordered = ordered
        self._numbers: dict[tuple[object, ...], int] = {}
        self._known: dict[int, tuple[Data, int]] = {}

    def of(self, value: Data) -> int:
        """The number of ``value``."""
        if not isinstance(value, (list, dict)):
            return self._number(type(value), repr(value))
        if id(value) not in self._known:
            # A value that holds itself meets this number inside. The value is kept: its id is its own that long.
            self._known[id(value)] = value, -1
            if isinstance(value, dict):
                pairs = ((self.of(key), self.of(item)) for key, item in value.items())
                number = self._number(dict, *sorted(pairs))
            else:
                items = [self.of(item) for item in value]
                number = self._number(list, *(items if self._ordered else sorted(items)))
            self._known[id(value)] = value, number
        return self._known[id(value)][1]

    def _number(self, *what: object) -> int:
        return self._numbers.setdefault(what, len(self._numbers))


def refuse_endless(data: Data) -> None:
    """Raise ``ChangeError`` when ``data`` cannot be written without aliases: it holds itself, or is huge."""
    sizes: dict[int, int] = {}

    def size(value: Data) -> int:
        if not isinstance(value, (list, dict)):
            return _NODE + (len(value) if isinstance(value, str) else 0)
        if id(value) not in sizes:
            sizes[id(value)] = MAX_SIZE + 1
            parts = value if isinstance(value, list) else [part for pair in value.items() for part in pair]
            sizes[id(value)] = min(_NODE + sum(size(part) for part in parts), MAX_SIZE + 1)
        return sizes[id(value)]

    if size(data) > MAX_SIZE:
        raise ChangeError(
            f"A value is larger than {MAX_SIZE >> 20} MiB with its aliases written out, or holds itself.",
            todo="Change the file itself there.",
        )
