"""``--auth sqlite-users:FILE``: users and scrypt hashes in a table of a database."""

from __future__ import annotations

import hashlib
import hmac
import os
import sqlite3
from contextlib import closing
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.strcred import ICheckerFactory
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.plugin import IPlugin
from zope.interface import implementer

from ftpx_sqlite.database import connect

__all__ = ["SqliteChecker", "SqliteCheckerFactory", "add_user"]

_SCHEMA = "CREATE TABLE IF NOT EXISTS users (name BLOB PRIMARY KEY, salt BLOB NOT NULL, hash BLOB NOT NULL)"
# What is compared with for users that are not there, so that they take the same time.
_NOBODY = (b"\0" * 16, b"\0" * 64)


def _hash(password: bytes, salt: bytes) -> bytes:
    return hashlib.scrypt(password, salt=salt, n=2**14, r=8, p=1)


def _open(file: str) -> sqlite3.Connection:
    database = connect(file)
    database.execute(_SCHEMA)
    return database


def add_user(file: str, name: str, password: str) -> None:
    """Add a user, or give one another password."""
    salt = os.urandom(16)
    with closing(_open(file)) as database:
        row = [name.encode(), salt, _hash(password.encode(), salt)]
        database.execute("INSERT OR REPLACE INTO users VALUES (?, ?, ?)", row)


@implementer(ICredentialsChecker)
class SqliteChecker:
    """Looks up each login in the database, so changes count at once."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, file: str) -> None:
        self._file = file

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        """Fires with the name, or fails with `UnauthorizedLogin`."""
        return deferToThread(self.check, credentials.username, credentials.password)

    def check(self, name: bytes, password: bytes) -> bytes | tuple[()]:
        """In a thread: the name, if the password is right. :raises UnauthorizedLogin: it is not."""
        with closing(_open(self._file)) as database:
            row = database.execute("SELECT salt, hash FROM users WHERE name = ?", [name]).fetchone()
        salt, expected = row or _NOBODY
        if not hmac.compare_digest(_hash(password, salt), expected):
            raise UnauthorizedLogin
        return name


@implementer(ICheckerFactory, IPlugin)
class SqliteCheckerFactory:
    """Makes the checker from the command line."""

    authType = "sqlite-users"
    authHelp = "Users of an SQLite database, with scrypt hashes."
    argStringFormat = "FILE"
    credentialInterfaces = (IUsernamePassword,)

    def generateChecker(self, argstring: str) -> SqliteChecker:
        """A checker for the database of that name."""
        with closing(_open(argstring)):
            return SqliteChecker(argstring)
