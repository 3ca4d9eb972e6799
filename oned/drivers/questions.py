"""What a call has to know of a driver before it can be answered.

A handler runs inside a transaction, where nothing may be waited for. So it asks :meth:`Answers.of`, which raises
:class:`NeedsDriverError`: the transaction is rolled back, the service asks the driver, and runs the handler again, from
the beginning, with the answer in hand; as often as there are questions.

What a driver does for a question may have to be taken back: the call can fail after it, or its process end. Such a
question has ``record``. That writes a task before the driver is asked; the transaction that uses the answer deletes it
(:meth:`Given.use`), and a task that is left takes back what was done.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from oned.database.db import Transaction
from oned.errors import InternalError
from oned.tasks import drop
from onelib.driver import DriverError

About = tuple[str | int, ...]

Settle = Callable[[Transaction, str], None]
"""Writes what an answer means, in a transaction of its own. Raises :class:`oned.errors.ApiError`."""
Record = Callable[[Transaction, str], int]
"""Writes the task that takes an answer back: gets what the driver knows the request by, returns the task's id.

Raises :class:`onelib.driver.DriverError` when the driver is not to be asked.
"""


@dataclass(frozen=True)
class Question:
    """One request to ``driver`` (``auth:ssh``).

    ``about`` tells it from the call's other questions; it must stay the same when the handler runs again, whatever
    other calls have changed meanwhile. ``oid`` is what the driver is told as the object's id.
    """

    driver: str
    action: str
    message: str = field(repr=False)
    about: About = field(repr=False)
    oid: int = -1
    settle: Settle | None = field(default=None, repr=False)
    record: Record | None = field(default=None, repr=False)


class NeedsDriverError(Exception):
    """The handler cannot go on before ``question`` is answered. Not an error of the call."""

    def __init__(self, question: Question) -> None:
        super().__init__(f"{question.action} has to be asked of {question.driver}")
        self.question = question


@dataclass(frozen=True)
class Given:
    """An answer: a text, or why there is none. ``row`` is the task that takes it back, 0 without one."""

    text: str | DriverError = field(repr=False)
    row: int = 0

    def use(self, transaction: Transaction) -> None:
        """Keep what the driver did. Raises :class:`InternalError` when it is being taken back already."""
        if self.row and not drop(transaction, self.row):
            raise InternalError("The driver answered too late.")


class Answers:
    """What drivers have answered to one call."""

    def __init__(self) -> None:
        self._given: dict[About, Given] = {}
        self._asked: Counter[About] = Counter()

    def __len__(self) -> int:
        return len(self._given)

    def begin(self) -> None:
        """The handler begins, or begins again: the same question asked twice in a run is two."""
        self._asked.clear()

    def of(self, question: Question) -> Given:
        """The answer, whose text is one. Raises :class:`NeedsDriverError`, :class:`DriverError`."""
        about = (*question.about, self._asked[question.about])
        self._asked[question.about] += 1
        given = self._given.get(about)
        if given is None:
            raise NeedsDriverError(replace(question, about=about))
        if isinstance(given.text, DriverError):
            raise given.text
        return given

    def text_of(self, question: Question) -> str:
        """The answer to a question that changes nothing elsewhere. Raises as :meth:`of` does."""
        return str(self.of(question).text)

    def keep(self, question: Question, given: Given) -> None:
        """Note the answer."""
        self._given[question.about] = given

    def recorded(self) -> list[Given]:
        """The answers that tasks take back unless they were used."""
        return [given for given in self._given.values() if given.row]


def answers_of(transaction: Transaction) -> Answers:
    """Those of the call. Raises :class:`InternalError` where no call waits that could ask a driver."""
    if transaction.answers is None:
        raise InternalError("A driver has to be asked, which is only possible in a call.")
    return transaction.answers
