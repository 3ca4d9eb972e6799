"""Steps with elapsed seconds on standard output: a live line on a terminal, plain lines elsewhere."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

# Seconds between two signs of life of a long step where there is no terminal, such as in a CI log.
HEARTBEAT = 30.0


class Step:
    """One running step; ``note`` is the text behind it, for instance what is being waited for."""

    def __init__(self, title: str, stream: TextIO) -> None:
        self.title = title
        self._stream = stream
        self._live = stream.isatty()
        self._started = time.monotonic()
        self._note = ""
        self._ended = threading.Event()
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self._started

    def note(self, text: str) -> None:
        """Show ``text`` behind the title; off a terminal it gets a line of its own, once per change."""
        with self._lock:
            if text == self._note:
                return
            self._note = text
            if self._live:
                self._draw("…")
            else:
                self._write(f"    {text} ({self.seconds:.0f} s)\n")

    def begin(self) -> None:
        """Print the title."""
        with self._lock:
            if self._live:
                self._draw("…")
            else:
                self._write(f"==> {self.title}\n")

    def end(self, word: str) -> None:
        """Print the closing line with ``word`` (``done``, ``failed``) and the seconds."""
        self._ended.set()
        with self._lock:
            if self._live:
                self._draw(word)
                self._write("\n")
            else:
                self._write(f"    {word} in {self.seconds:.1f} s\n")

    def beat(self) -> None:
        """Give signs of life until the step ends; the body of a thread."""
        while not self._ended.wait(1.0 if self._live else HEARTBEAT):
            with self._lock:
                if self._live:
                    self._draw("…")
                else:
                    self._write(f"    still at it ({self.seconds:.0f} s)\n")

    def _draw(self, word: str) -> None:
        note = f" ({self._note})" if self._note else ""
        self._write(f"\r\x1b[K==> {self.title}{note} {word} {self.seconds:.0f} s")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


class Progress:
    """Where steps are shown."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stdout if stream is None else stream

    def say(self, text: str) -> None:
        """Print one line."""
        self._stream.write(f"{text}\n")
        self._stream.flush()

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show ``title`` while the block runs and the seconds it took; an exception makes it ``failed``."""
        step = Step(title, self._stream)
        step.begin()
        thread = threading.Thread(target=step.beat, daemon=True)
        thread.start()
        word = "failed"
        try:
            yield step
            word = "done"
        finally:
            step.end(word)
            thread.join()
