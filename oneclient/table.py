"""The notation of the table of verbs, and its parser.

``takes`` says what follows a verb on the command line, ``sends`` what the method gets; both are lists of words.

======================  ==========================================================================================
word of ``takes``        meaning
======================  ==========================================================================================
``ids``, ``id``          objects of the resource: ids, ranges ``1..5,7``, names; or one of them
``name``                 a text
``host:host``            a kind: ``text``, ``int``, ``size`` (MB or ``10G``), ``file`` (template text), ``octal``,
                         ``secret``, ``rule``, or a resource, one of which is meant; ``host*`` lets ``ALL`` mean all
``login``, ``period``    a user's name, by default the caller's; seconds, -1 for ever
``times``                how often to call; ``%i`` in the name is the number of the call
``[host:host]``          may be left out: -1 or an empty text is sent
``--hard``               an option without a value
``-c/--cluster=cluster`` one with a value of a kind; ``=int:1`` with a default
``...>NETWORK_ID``       the value becomes that attribute of the template that is sent
``how!0!poff=1,hard=2``  options of which one can be given, the number without any, and theirs; ``how!!``: one has to be
======================  ==========================================================================================

======================  ==========================================================================================
word of ``sends``        meaning
======================  ==========================================================================================
``@host``                that value
``+poweroff``            the text, with ``-hard`` behind it when ``--hard`` is given
``=DISK``                the attributes of the command line as the vector ``DISK``; ``=`` as single ones, after the file
``=?``                   the same, and it may be empty
``7``, ``true``, ``''``  a constant; anything else is a text
======================  ==========================================================================================
"""

import re
from dataclasses import dataclass, field

_WORD = re.compile(
    r"(?P<open>\[)?(?P<name>[-/a-z_]+)(?:[:=](?P<kind>[a-z]+\??\*?)(?::(?P<default>\w*))?)?(?:>(?P<attribute>[A-Z_]+))?\]?"
)


@dataclass(frozen=True)
class Taken:
    """One argument or option. ``choices`` are numbers of which each has an option of its own."""

    name: str
    kind: str
    flags: tuple[str, ...] = ()
    required: bool = True
    default: str = ""
    attribute: str = ""
    choices: dict[str, int] = field(default_factory=dict)

    @property
    def is_switch(self) -> bool:
        """An option without a value."""
        return bool(self.flags) and self.kind == "flag"


@dataclass(frozen=True)
class Verb:
    """One row: the command line's verb, the method after ``one.``, and what is printed before its result.

    ``prints`` is a text, or ``@name`` for that value: ``ID: 7``, or ``ann:token``.
    """

    name: str
    takes: str
    method: str
    sends: str
    help: str
    prints: str = ""

    def taken(self) -> list[Taken]:
        """The parsed words of ``takes``."""
        return [_parse(word) for word in self.takes.split()]


@dataclass(frozen=True)
class Resource:
    """A type of object. ``flagged``: its pool takes filter and range; ``extra`` is what it takes after them."""

    name: str
    prefix: str
    pool: str
    title: str
    verbs: tuple[Verb, ...]
    flagged: bool = False
    extra: tuple[int, ...] = ()


def _parse(word: str) -> Taken:
    if "!" in word:
        name, default, rest = word.split("!")
        pairs = (pair.split("=") for pair in rest.split(","))
        choices = {key: int(value) for key, value in pairs}
        return Taken(name, "choice", required=not default, default=default, choices=choices)
    match = _WORD.fullmatch(word)
    if match is None:
        raise ValueError(f"no word of the table: {word}")
    flags = tuple(match["name"].split("/")) if match["name"].startswith("-") else ()
    plain = flags[-1].lstrip("-") if flags else match["name"]
    usual = "flag" if flags and not match["attribute"] else "text"
    kind = match["kind"] or (plain if plain in {"id", "ids", "file", "octal", "rule"} else usual)
    return Taken(
        plain.replace("-", "_"),
        kind,
        flags,
        required=not (flags or match["open"]),
        default=match["default"] or "",
        attribute=match["attribute"] or "",
    )
