"""The line format of a patch (SR1.3, Table 1.7): ``FILENAME COMMAND PATH [JSON VALUE]``, one change per line.

Blank lines and lines that start with ``#`` are comments; there is no comment after a value and no continuation.
A path with blanks stands in double quotes, inside which ``\"`` is a double quote and nothing else is special.
"""

import json
import math
import re

from onecfg.model import Change, Command, Data, LineError

BLANKS = " \t\r\v\f"
_TOKEN = re.compile(rf"[^{BLANKS}]+")
_QUOTED = re.compile(r'"((?:\\"|[^"\\]|\\(?!"))*+)"')
_GAP = re.compile(rf"[{BLANKS}]*")
_COMMANDS = {command.value: command for command in (Command.INS, Command.SET, Command.RM)}
MAX_BYTES = 8 << 20


class _Scanner:
    """A position in one line, and errors that name it."""

    def __init__(self, text: str, number: int, source: str) -> None:
        self.text, self.number, self.source = text, number, source
        self.offset = 0
        self.skip()

    def skip(self) -> None:
        """Go over blanks."""
        gap = _GAP.match(self.text, self.offset)
        self.offset = gap.end() if gap else self.offset

    def error(self, message: str, todo: str = "", *, offset: int | None = None) -> LineError:
        """The error at ``offset``, by default here."""
        column = (self.offset if offset is None else offset) + 1
        return LineError(f"{self.source}:{self.number}:{column}: {message}", todo=todo)

    def token(self, what: str) -> str:
        """The text up to the next blank; ``what`` names it when there is none."""
        found = _TOKEN.match(self.text, self.offset)
        if found is None:
            raise self.error(
                f"Invalid format at line: {self.number}. The {what} is missing.",
                "A line is: FILENAME ins|set|rm PATH [JSON VALUE].",
            )
        self.offset = found.end()
        self.skip()
        return found.group()

    def path(self) -> str:
        """The path, out of its double quotes if it has them."""
        if not self.text.startswith('"', self.offset):
            return self.token("path")
        found = _QUOTED.match(self.text, self.offset)
        if found is None:
            raise self.error("The quoted path has no end.", 'Close it with ", and write " inside it as \\".')
        after = found.end()
        if after < len(self.text) and self.text[after] not in BLANKS:
            raise self.error(
                "Text follows the quoted path without a blank.",
                'Quote the whole path, e.g. "VM_MAD/\\"kvm\\"/ARGUMENTS".',
                offset=after,
            )
        self.offset = after
        self.skip()
        return found.group(1).replace('\\"', '"')


def parse(text: str | bytes, source: str = "patch") -> list[Change]:
    """Read a patch; ``source`` names it in messages. Raises ``LineError`` at the first malformed line."""
    if len(text) > MAX_BYTES:
        raise LineError(f"{source}:1:1: The patch is larger than {MAX_BYTES >> 20} MiB.", todo="Split it.")
    lines = (decode(text, source) if isinstance(text, bytes) else text).removeprefix("\ufeff").split("\n")
    changes = []
    for number, line in enumerate(lines, 1):
        bare = line.strip(BLANKS)
        if bare and not bare.startswith("#"):
            changes.append(_change(_Scanner(line.rstrip(BLANKS), number, source)))
    return changes


def _change(scanner: _Scanner) -> Change:
    """The change of one line."""
    file = scanner.token("command and the path")
    start = scanner.offset
    word = scanner.token("command")
    command = _COMMANDS.get(word.lower())
    if command is None:
        raise scanner.error(f"Invalid patch action '{word.lower()[:40]}'.", "Write ins, set or rm.", offset=start)
    quoted = scanner.text.startswith('"', scanner.offset)
    path = scanner.path()
    torn = not quoted and path.count('"') % 2 == 1
    return Change(file, command, path, _value(scanner, torn=torn), f"{scanner.source}:{scanner.number}")


def _value(scanner: _Scanner, *, torn: bool) -> Data:
    """The JSON at the end of a line, ``None`` without one. The text of the value is in no message.

    ``torn`` is a path that has one double quote too few: a name with a blank in it, most likely.
    """
    text = scanner.text[scanner.offset :]
    if not text:
        return None
    try:
        value: Data = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        todo = 'A text stands in double quotes, e.g. "yes"; nothing may follow the value.'
        if torn:
            todo = 'Quote a path with a blank in it as a whole, e.g. "VM_MAD/\\"my name\\"/ARGUMENTS".'
        raise scanner.error(
            f"The value is not JSON: {error.msg}.", todo, offset=scanner.offset + error.pos
        ) from None
    except UnicodeEncodeError:
        raise scanner.error("The value holds half of a surrogate pair.", "Write the whole character.") from None
    except ValueError:
        raise scanner.error("The value is a number out of range.", "Write it as a text.") from None
    except RecursionError:
        raise scanner.error("The value is nested too deeply.", "Patch the file in smaller steps.") from None
    return value


def _no_constant(name: str) -> float:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError
    return number


def decode(data: bytes, source: str) -> str:
    """``data`` as UTF-8, the only encoding of a patch."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise LineError(
            f"{source}:{line}:{column}: The patch is not UTF-8.", todo="Save it with that encoding."
        ) from None
