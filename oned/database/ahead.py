"""The pages of a long answer, read while those before are used."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

from oned.database.db import Database
from oned.database.listing import CutOffError, Listing

PAGES = 2
"""That are read at the same time."""


async def pages(database: Database, rest: Listing) -> AsyncGenerator[bytes]:
    """What ``rest`` still has to say, without empty pages. Raises :class:`oned.errors.ApiError`."""
    loop = asyncio.get_running_loop()
    begun: deque[asyncio.Future[bytes]] = deque()

    def begin() -> None:
        while len(begun) < PAGES and (job := rest.plan(len(begun))) is not None:
            begun.append(loop.run_in_executor(database.bulk_readers, database.read, job))

    begin()
    try:
        while begun:
            try:
                page = await begun.popleft()
            except CutOffError as error:
                _drop(begun)
                error.resume()
                page = b""
            begin()
            if page:
                yield page
    finally:
        _drop(begun)


def _drop(begun: deque[asyncio.Future[bytes]]) -> None:
    """Do without what was begun."""
    while begun:
        begun.popleft().cancel()
