"""``onecfg diff``: what was changed in the configuration (SR1.3). Exit code 0, also when something differs."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import click

from onecfg import defaults
from onecfg.catalogue import existing
from onecfg.cli.output import FAILURE, Log, logging
from onecfg.diff import Comparison, Difference, Line, Problem, compare
from onecfg.disk import transaction
from onecfg.model import ABSENT, Change, ChangeError, Command, Data, Key, PatchError, Symbol, Tagged
from onecfg.notation import descriptor
from onelib.locations import Locations

FORMATS = ("text", "line", "yaml")
_MAX_DEPTH = 100


@click.command()
@click.option("--format", "diff_format", default="text", help="What to print: text (default), line or yaml.")
@click.option("--prefix", metavar="DIR", help="Root of the tree to compare (default: /).")
@click.option("--from", "source", metavar="DIR", help="Root of the tree to compare it with (default: as shipped).")
@logging
def diff(*, diff_format: str, prefix: str | None, source: str | None, log: Log) -> int:
    """Print what differs from the configuration as it is shipped, or from another tree.

    Formats line and yaml are patches, which make the other tree into this one. What the line format cannot say is
    named on standard error. The output holds the values of the files, PASSWORDS TOO: keep it as you keep the files.
    """
    if diff_format not in FORMATS:
        click.echo(f"Unsupported format '{diff_format}'. Available formats - {', '.join(FORMATS)}", err=True)
        return FAILURE
    after = Locations(Path(prefix)) if prefix else Locations.from_environment()
    before = Locations(Path(source) if source else defaults.TREE)
    for tree in (after, before):
        if not existing(tree):
            raise PatchError(f"There is no configuration below '{tree.root}'.", todo="Name the root of a tree.")
    if settled := transaction.recover(after):
        log.print("WARN", settled)
    comparison = compare(before, after, deletions=source is not None)
    if diff_format == "yaml":
        comparison = _writable(comparison)
    if log.as_json:
        log.result(_data(comparison))
    elif diff_format == "line":
        _print_lines(comparison, log)
    else:
        log.result(None, _text(comparison) if diff_format == "text" else _yaml(comparison))
    for problem in comparison.problems:
        log.print("ERROR", str(problem))
    return FAILURE if comparison.problems else 0


def _print_lines(comparison: Comparison, log: Log) -> None:
    """The changes that have a line; those that have none are named on standard error."""
    lines = [line for one in comparison.differences for line in one.lines()]
    log.result(None, "\n".join(line.text for line in lines if line.text))
    for line in lines:
        if line.reason:
            log.print("WARN", f"Not in the line format: {line.change} - {line.reason}. Use --format yaml.")


def _writable(comparison: Comparison) -> Comparison:
    """Without the files whose changes the yaml format cannot hold; these are problems."""
    good, problems = [], list(comparison.problems)
    for one in comparison.differences:
        try:
            descriptor.write(one.changes)
        except ChangeError as error:
            problems.append(Problem(one.file, error))
        else:
            good.append(one)
    return Comparison(tuple(good), tuple(problems))


def _yaml(comparison: Comparison) -> str:
    """The changes as a patch of the yaml format, empty when there are none."""
    return descriptor.write(comparison.changes).removesuffix("\n") if comparison.changes else ""


# -- text


def _text(comparison: Comparison) -> str:
    """The changes below their files."""
    return "\n\n".join("\n".join(_paragraph(one)) for one in comparison.differences)


def _paragraph(difference: Difference) -> Iterator[str]:
    """The changes of one file, for people."""
    yield difference.file
    for change in difference.changes:
        words = [f"{change.command.value:<3}", *_place(change), *_value(change), *_notes(change)]
        yield f"- {' '.join(words)}".rstrip()


def _place(change: Change) -> Iterator[str]:
    if change.command in {Command.CREATE, Command.DELETE}:
        return
    path = change.where
    yield json.dumps(path, ensure_ascii=False) if any(mark in path for mark in '" \n\t') else path


def _value(change: Change) -> Iterator[str]:
    shown = change.value
    if change.command is Command.RM and shown is None and change.whole and change.old is not ABSENT:
        shown = change.old
    if shown is not None or (change.command in {Command.INS, Command.SET} and change.extra.export is None):
        yield json.dumps(_plain(shown), ensure_ascii=False, separators=(",", ":"))


def _notes(change: Change) -> Iterator[str]:
    if change.extra.export is not None:
        yield "(export)" if change.extra.export else "(no export)"
    if change.extra.index is not None:
        yield f"(at {change.extra.index})"


# -- JSON


def _data(comparison: Comparison) -> dict[str, object]:
    """The differences for machines."""
    return {
        "files": [
            {"file": one.file, "kind": one.kind.value, "changes": [_entry(line) for line in one.lines()]}
            for one in comparison.differences
        ],
        "problems": [
            {"file": problem.file, "message": problem.error.message, "todo": problem.error.todo}
            for problem in comparison.problems
        ],
    }


def _entry(line: Line) -> dict[str, object]:
    """One change, with its line or the reason why it has none."""
    change = line.change
    entry: dict[str, object] = {"command": change.command.value}
    if change.content is not None:
        entry["content"] = change.content.data.decode("utf-8", "backslashreplace")
    elif change.command is not Command.DELETE:
        entry |= {"path": [_plain(part) for part in change.components], "value": _plain(change.value)}
        entry |= {} if change.old is ABSENT else {"old": _plain(change.old)}
        entry |= {"whole": change.whole, "multiple": change.extra.multiple}
        entry |= {"export": change.extra.export, "index": change.extra.index}
    return entry | {"line": line.text or None, "reason": line.reason or None}


def _plain(value: "Data | Key", depth: int = 0) -> Data:
    """``value`` in the types of JSON; symbols with their colon."""
    match value:
        case Symbol(name):
            return f":{name}"
        case Tagged(_, text):
            return text
        case float() if not math.isfinite(value):
            return str(value)
        case list() | dict() if depth > _MAX_DEPTH:
            return "..."
        case list():
            return [_plain(item, depth + 1) for item in value]
        case dict():
            return {str(_plain(key)): _plain(item, depth + 1) for key, item in value.items()}
    return value
