"""Steps as JSON, an object a line, for those who watch an upgrade with a program."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from launcher.progress import Progress, Step


class JsonStep(Step):
    """A step whose notes are objects."""

    def note(self, text: str) -> None:
        """Print ``text``, once per change."""
        if text != self._note:
            self._note = text
            tell(self._stream, event="note", step=self.title, text=text, seconds=round(self.seconds, 1))


class JsonProgress(Progress):
    """Progress that is an object a line."""

    def say(self, text: str) -> None:
        """Print a line of text as an object."""
        tell(self._stream, event="text", text=text)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Print an object when the block begins and one when it ends."""
        step = JsonStep(title, self._stream)
        tell(self._stream, event="begin", step=title)
        word = "failed"
        try:
            yield step
            word = "done"
        finally:
            tell(self._stream, event=word, step=title, seconds=round(step.seconds, 1))

    def result(self, document: dict[str, object]) -> None:
        """Print the last object."""
        tell(self._stream, event="result", **document)


def tell(stream: TextIO, **fields: object) -> None:
    """Print one object, with the time."""
    stream.write(json.dumps({"time": round(time.time(), 3), **fields}) + "\n")
    stream.flush()
