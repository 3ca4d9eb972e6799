"""Users whose passwords a driver checks: what it is asked, and what its answer changes.

The answer is ``driver name password [group ...]``, a group with ``*`` is administered. Source: OpenNebula 6.0,
"Authentication Driver".
"""

from dataclasses import dataclass
from functools import partial

from oned.access.members import add_user, set_admin, set_groups
from oned.config import Settings
from oned.database.db import Transaction
from oned.database.pools import find_body
from oned.drivers.questions import Question, Settle
from oned.errors import ApiError, AuthenticationError
from oned.model.base import check_name
from oned.model.group import Group
from oned.model.user import User
from oned.storage.reading import glance
from onelib.logs import ERROR, Log
from onelib.template import Template

USER_NAME_EXTRA = " :\t\n\v\f\r"
"""What names of users cannot have besides what no name can."""
USERS_GROUP = 1
NOBODY = -1


class AnswerError(ValueError):
    """The driver's answer cannot be used."""


@dataclass(frozen=True)
class Identity:
    """Who a driver says it is."""

    driver: str
    name: str
    password: str
    groups: tuple[int, ...]
    admin: frozenset[int]


def is_word(text: str) -> bool:
    """Whether ``text`` can be told to a driver, to which white space ends a word."""
    return bool(text) and not any(char.isspace() or char < " " or "\ud800" <= char <= "\udfff" for char in text)


def question(user: User, driver: str, secret: str, settle: Settle | None = None) -> Question:
    """Whether ``secret`` proves that it is ``user``, whom nobody may know yet (``oid`` -1).

    Raises :class:`AnswerError` for what no driver can be told.
    """
    words = (driver, user.name, user.password, secret)
    if not all(map(is_word, words)):
        raise AnswerError("white space in a password or secret")
    message = " ".join((str(user.oid), *words))
    return Question(f"auth:{driver}", "AUTHENTICATE", message, ("auth", user.name, secret), user.oid, settle)


def default_driver(settings: Settings) -> str:
    """Who is asked about users that nobody knows (DEFAULT_AUTH); empty for nobody.

    The driver ``default``, which is meant where ``oned.conf`` names none, has to be among those of AUTH_MAD.
    """
    name = settings.raw.get("DEFAULT_AUTH")
    mads = settings.raw.vectors("AUTH_MAD")
    served = {word.strip() for mad in mads for word in (*mad.get("AUTHN", "").split(","), mad.get("NAME", ""))}
    return "" if name == "default" and name not in served else name


def stranger(name: str) -> User:
    """A user that is not in the database."""
    return User(NOBODY, NOBODY, "", name, "-", "", True, set(), [], Template())


def identity(text: str) -> Identity:
    """Who an answer names. Raises :class:`AnswerError`."""
    words = text.split()
    driver, name, password = [*words, "", "", ""][:3]
    numbers = [word.removeprefix("*") for word in words[3:]]
    if not all(number.isascii() and number.isdigit() and len(number) < 10 for number in numbers):
        raise AnswerError("One or more group IDs are malformed")
    admin = frozenset(int(word[1:]) for word in words[3:] if word.startswith("*"))
    return Identity(driver, name, password, tuple(dict.fromkeys(map(int, numbers))), admin)


def _checked(transaction: Transaction, text: str) -> Identity:
    found = identity(text)
    if any(glance(transaction, Group, gid) is None for gid in found.groups):
        raise AnswerError("One or more group IDs do not exist")
    return found


def _check_new(found: Identity) -> None:
    reason = check_name(found.name, USER_NAME_EXTRA) or ("" if found.password else "there is no password")
    if reason:
        raise AnswerError(reason)


def settle_stranger(settings: Settings, log: Log) -> Settle:
    """Create the user that an answer names, unless it has been created meanwhile."""

    def settle(transaction: Transaction, text: str) -> None:
        try:
            found = _checked(transaction, text)
            _check_new(found)
            if find_body(transaction, User.table, found.name) is not None:
                return
            gids = found.groups or (USERS_GROUP,)
            uid = add_user(transaction, found.name, found.password, found.driver, gids)
            if settings.auth_driver(found.driver).managed_admins:
                set_admin(transaction, uid, gids, found.admin)
        except (AnswerError, ApiError) as error:
            log.write("AuM", ERROR, f"Can't create user: {error}")
            raise AuthenticationError from None

    return settle


def settle_groups(settings: Settings, log: Log, user: User) -> Settle | None:
    """Put ``user`` into the groups of an answer, where its driver manages them; oneadmin keeps its own."""
    driver = settings.auth_driver(user.driver)
    if not driver.managed_groups or user.oid == 0:
        return None
    return partial(_regroup, log=log, uid=user.oid, admins=driver.managed_admins)


def _regroup(transaction: Transaction, text: str, *, log: Log, uid: int, admins: bool) -> None:
    try:
        found = _checked(transaction, text)
    except AnswerError as error:
        log.write("AuM", ERROR, f"An error occurred parsing the driver message: {error}")
        raise AuthenticationError from None
    if found.groups:
        set_groups(transaction, uid, found.groups)
        if admins:
            set_admin(transaction, uid, found.groups, found.admin)
