"""Every document that a server answers to a test is held against the client's bindings."""

import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest

from tests.support.packages import installed
from tests.support.schema import Schema


@cache
def schema() -> Schema:
    """What the bindings of the 6.0 client know."""
    return Schema.of_bindings((installed("pyone-6.0") / "pyone/bindings/supbind.py").read_text())


def check(document: str) -> None:
    """Fail when anything is wrong with ``document``."""
    wrong = schema().problems(document)
    assert not wrong, f"{wrong}\n{document[:4000]}"


@contextmanager
def checked() -> Iterator[None]:
    """Check what any client in this process reads: all of them parse answers with the standard library."""
    plain = xmlrpc.client.Unmarshaller.close

    def close(self: xmlrpc.client.Unmarshaller) -> tuple[Any, ...]:
        answer = plain(self)
        match answer:
            case ([True, str(text), *_],) if text.startswith("<"):
                check(text)
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xmlrpc.client.Unmarshaller, "close", close)
        yield
