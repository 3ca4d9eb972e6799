"""Who calls: the session string of a call, checked as OpenNebula 6.0 does.

Order: login tokens of the user, session cache, driver. ``core`` compares a hash, ``public`` is only reached through a
server, ``server_cipher`` lets a server act for a user; any other driver is asked outside of the transaction
(:mod:`oned.drivers.questions`), and so is DEFAULT_AUTH about users that nobody knows. Every failure answers the same
sentence; the log has the reason.
"""

import base64
import binascii
import fnmatch
import hashlib
import hmac
import threading
import time
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from oned.access import external
from oned.access.acl import Caller
from oned.access.external import USER_NAME_EXTRA, AnswerError
from oned.config import Settings
from oned.crypt import DecryptError, decrypt_bytes
from oned.database.db import Transaction
from oned.database.peers import MEMORY_SECONDS, Peers
from oned.database.pools import find_body, load, save
from oned.drivers.questions import Settle, answers_of
from oned.errors import AuthenticationError
from oned.model.base import check_name
from oned.model.group import Group
from oned.model.user import LoginToken, User
from onelib import checks
from onelib.driver import DriverError
from onelib.logs import ERROR, Log

MAX_SESSIONS = 10_000
SHA1_DIGITS = 40


class StaleTokenError(AuthenticationError):
    """A token names a group that its user has left; it has to be dropped from the user."""

    def __init__(self, uid: int, token: str) -> None:
        super().__init__()
        self.uid = uid
        self.token = token


class SessionCache:
    """What drivers and server tokens have proved a while ago; what it holds dies with the stored passwords.

    ``server`` is who vouches for a user: a server, or the user itself.
    """

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._known: dict[bytes, float] = {}
        self._lock = threading.Lock()

    @staticmethod
    def _proof(user: User, server: User, token: str) -> bytes:
        users = [(str(each.oid), each.name, each.password, each.driver) for each in (user, server)]
        parts = (*users[0], *users[1], token)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).digest()

    def holds(self, user: User, server: User, token: str) -> bool:
        """Whether ``token`` was accepted less than the session time ago."""
        return time.monotonic() < self._known.get(self._proof(user, server, token), 0.0)

    def keep(self, user: User, server: User, token: str) -> None:
        """Accept ``token`` for the session time."""
        proof = self._proof(user, server, token)
        with self._lock:
            if len(self._known) >= MAX_SESSIONS:
                self._known.clear()
            self._known[proof] = time.monotonic() + self._seconds


class Moment(NamedTuple):
    """When something was read: what is remembered of it dies with the generation, and at ``expires``."""

    generation: int
    expires: float


class CallerCache:
    """Who was behind a session a moment ago, so that not every call asks the database.

    An entry lives a moment, and none outlives a change of users or groups. For changes by this process :meth:`forget`
    is called before one is queued and again after its commit, and :meth:`keep` refuses what was read before. For
    changes by another process, that one waits (:mod:`oned.database.peers`).
    """

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._generation = 0
        self._known: dict[bytes, tuple[Caller, float]] = {}

    @staticmethod
    def _key(session: str) -> bytes:
        return hashlib.sha256(session.encode("utf-8", "surrogateescape")).digest()

    def get(self, session: str) -> Caller | None:
        """The caller, when it is known and fresh."""
        found = self._known.get(self._key(session))
        return found[0] if found is not None and time.monotonic() < found[1] else None

    def moment(self) -> Moment:
        """Now: to be taken before what :meth:`keep` gets is read."""
        return Moment(self._generation, min(time.monotonic() + MEMORY_SECONDS, self._peers.until))

    def keep(self, session: str, caller: Caller, moment: Moment) -> None:
        """Remember what was read after ``moment``."""
        if moment.generation != self._generation or caller.legacy_hash:
            return
        if len(self._known) >= MAX_SESSIONS:
            self._known.clear()
        self._known[self._key(session)] = (caller, moment.expires)

    def forget(self) -> None:
        """Users or groups change."""
        self._generation += 1
        self._known.clear()


@lru_cache(maxsize=512)
def _parsed(body: str) -> User:
    """A user for reading only: never change what this returns."""
    return User.from_xml(body)


def _hashes(secret: str) -> tuple[str, str]:
    data = secret.encode("utf-8", "surrogateescape")
    return hashlib.sha256(data).hexdigest(), hashlib.sha1(data, usedforsecurity=False).hexdigest()


def hash_password(password: str) -> str:
    """What the driver ``core`` stores."""
    return _hashes(password)[0]


def legacy_hash(password: str) -> str:
    """What old releases stored; accepted, and replaced at the next login."""
    return _hashes(password)[1]


class Authenticator:
    """Checks sessions against the users in the database."""

    def __init__(self, settings: Settings, log: Log) -> None:
        self._settings = settings
        self._log = log
        self._sessions = SessionCache(settings.session_seconds)
        self._default = external.default_driver(settings)

    def authenticate(self, transaction: Transaction, session: str) -> Caller:
        """The caller behind ``session``. Raises :class:`AuthenticationError`."""
        name, colon, secret = session.partition(":")
        if not colon:
            raise AuthenticationError
        reason = check_name(name, USER_NAME_EXTRA)
        if reason:
            raise self._refuse(f"User is invalid, {reason}")
        user = self._user(transaction, name)
        if user is None and session == checks.SESSION:  # the health probe's, which is no event for the log
            raise AuthenticationError
        if user is None and self._default:
            return self._stranger(transaction, name, secret)
        if user is None or not user.enabled:
            _hashes(secret)  # as long as for a user that may come in, so that the time does not tell who is there
            raise self._refuse(f"User {name} is disabled" if user else "The user of a session does not exist")
        if fnmatch.fnmatchcase(user.driver, "server*"):
            return self._server(transaction, user, secret)
        return self._direct(transaction, user, secret)

    def _refuse(self, reason: str) -> AuthenticationError:
        self._log.write("AuM", ERROR, reason)
        return AuthenticationError()

    @staticmethod
    def _user(transaction: Transaction, name: str) -> User | None:
        body = find_body(transaction, User.table, name)
        user = None if body is None else _parsed(body)
        return user if user is not None and user.name == name else None

    def _caller(self, transaction: Transaction, user: User, egid: int = -1) -> Caller:
        umask = user.template.get("UMASK")
        order = user.template.get("API_LIST_ORDER").upper()
        gid, gname, groups = user.gid, user.gname, frozenset(user.groups)
        if egid != -1:
            gid, groups = egid, frozenset({egid})
            gname = load(transaction, Group, egid).name
        return Caller(
            uid=user.oid,
            gid=gid,
            uname=user.name,
            gname=gname,
            groups=groups,
            umask=_octal(umask, self._settings.umask),
            descending=order == "DESC" if order else self._settings.descending,
        )

    def _direct(self, transaction: Transaction, user: User, secret: str) -> Caller:
        token = _find_token(user, secret)
        if token is not None:
            if not token.valid():
                raise self._refuse("Token has expired.")
            if token.egid != -1 and token.egid not in user.groups:
                self._log.write("AuM", ERROR, "Token sets an EGID no longer part of user group list")
                raise StaleTokenError(user.oid, secret)
            return self._caller(transaction, user, token.egid)
        if user.driver == "public":
            raise self._refuse(f"User: {user.name} attempted a direct authentication.")
        if user.driver != "core":
            if not self._sessions.holds(user, user, secret):
                settle = external.settle_groups(self._settings, self._log, user)
                self._ask(transaction, user, user.driver, secret, settle)
                self._sessions.keep(user, user, secret)
            return self._caller(transaction, user)
        if not any(hmac.compare_digest(user.password.encode(), known.encode()) for known in _hashes(secret)):
            raise self._refuse("The password of a session is wrong")
        caller = self._caller(transaction, user)
        return replace(caller, legacy_hash=True) if len(user.password) == SHA1_DIGITS else caller

    def _stranger(self, transaction: Transaction, name: str, secret: str) -> Caller:
        """Somebody nobody knows: the default driver says who it is, and that user is created."""
        settle = external.settle_stranger(self._settings, self._log)
        answer = self._ask(transaction, external.stranger(name), self._default, secret, settle)
        found = external.identity(answer)
        user = self._user(transaction, found.name)
        if user is None or not user.enabled or user.driver != found.driver:
            raise self._refuse("The user that a driver names is disabled, gone, or another driver's")
        return self._caller(transaction, user)

    def _ask(
        self, transaction: Transaction, user: User, driver: str, secret: str, settle: Settle | None = None
    ) -> str:
        """What ``driver`` answers about ``user``, when it believes the secret."""
        try:
            return answers_of(transaction).text_of(external.question(user, driver, secret, settle))
        except (AnswerError, DriverError) as error:
            raise self._refuse(f"Auth Error: {error}") from None

    def _server(self, transaction: Transaction, server: User, secret: str) -> Caller:
        """``target:token`` or ``target:egid:token``, the token made with the server's password."""
        target, colon, token = secret.partition(":")
        if not colon:
            raise self._refuse("Wrong token format")
        head, colon, tail = token.partition(":")
        egid = -1
        if colon:
            if not head.isascii() or not head.isdigit():
                raise self._refuse("Wrong token format")
            egid, token = int(head), tail
        user = self._user(transaction, target)
        if user is None:
            raise self._refuse("The user that a server names does not exist")
        if not self._sessions.holds(user, server, token):
            if server.driver == "server_cipher":
                reason = self._check_server_token(server, token)
                if reason:
                    raise self._refuse(f"Auth Error: {reason}")
            else:
                self._ask(transaction, server, server.driver, token)
            self._sessions.keep(user, server, token)
        return self._caller(transaction, user, egid)

    @staticmethod
    def _check_server_token(server: User, token: str) -> str:
        """Why ``token`` is not valid; empty when it is."""
        try:
            text = decrypt_bytes(base64.b64decode(token, validate=True), server.password).decode()
        except (binascii.Error, DecryptError, UnicodeDecodeError, ValueError):
            return "bad decrypt"
        fields = text.split(":")
        if not hmac.compare_digest(fields[0].encode(), server.name.encode()):
            return "User name missmatch"
        if not fields[-1].isdigit() or time.time() >= int(fields[-1]):
            return "login token expired"
        return ""


def _octal(text: str, default: int) -> int:
    try:
        return int(text, 8) & 0o777 if text else default
    except ValueError:
        return default


def _find_token(user: User, secret: str) -> LoginToken | None:
    wanted = secret.encode()
    return next((t for t in user.tokens if hmac.compare_digest(t.token.encode(), wanted)), None)


def drop_token(transaction: Transaction, uid: int, token: str) -> None:
    """Take a login token from its user."""
    user = load(transaction, User, uid)
    user.tokens = [known for known in user.tokens if known.token != token]
    save(transaction, user)


def upgrade_hash(transaction: Transaction, uid: int, session: str) -> None:
    """Replace a SHA-1 that ``session`` has proved by SHA-256."""
    secret = session.partition(":")[2]
    user = load(transaction, User, uid)
    if user.driver == "core" and user.password == legacy_hash(secret):
        user.password = hash_password(secret)
        user.tokens = []
        save(transaction, user)
