"""Logins with the passwords of the accounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from sqlalchemy import Connection
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from ftpx.accounts.checkers import MAXIMUM_PASSWORD
from ftpx.accounts.database import revision
from ftpx.accounts.database.connection import Database
from ftpx.accounts.database.users import find_for_login, replace_password, use_totp
from ftpx.accounts.passwords import PasswordHashes
from ftpx.accounts.profile import Profile, User
from ftpx.accounts.settings import Settings
from ftpx.accounts.totp import matching_step, new_secret, split_code
from ftpx.accounts.verified_name import VerifiedName
from ftpx.errors import StorageUnavailable
from ftpx.interfaces import IWorkerPool
from ftpx.running import begin
from ftpx.wire.commands import decode, encode

__all__ = ["AccountChecker"]

# What is checked in the place of a password that cannot be right, and of a secret that nobody has.
_STAND_IN = b"\x01"
_STAND_IN_SECRET = new_secret()

_log = Logger()


@implementer(ICredentialsChecker)
@attrs.frozen
class AccountChecker:
    """
    Checks names and passwords against the users of the database.

    Everybody costs one look at the database and one hash: also who is unknown, disabled or has no password.

    :param pool: where passwords are hashed. Its threads bound the memory that logins take.
    :param now: the seconds since the epoch.
    :param current: the settings as they are now.
    """

    database: Database = attrs.field(repr=False)
    hashes: PasswordHashes = attrs.field(repr=False)
    pool: IWorkerPool = attrs.field(repr=False)
    now: Callable[[], float] = attrs.field(repr=False)
    current: Callable[[], Settings] = attrs.field(repr=False)

    credentialInterfaces = (IUsernamePassword,)

    # Twisted's annotation forgets what its documentation allows: "Alternatively, return the result itself."
    def requestAvatarId(self, credentials: Any) -> Any:
        """
        The name as the database has it, if the password is right.

        :raises UnauthorizedLogin: it is wrong, or the user is unknown or disabled.
        :raises StorageUnavailable: the database does not answer, or too many checks wait already.
        """
        return begin(self._check(credentials.username, credentials.password))

    async def _check(self, name: bytes, shown: bytes) -> bytes | tuple[()]:
        possible = len(shown) <= MAXIMUM_PASSWORD and b"\0" not in shown
        profile, number = await self.database.read(_look_up, decode(name))
        user = None if profile is None else profile.user
        password, step = self._parts(user, shown if possible else _STAND_IN)
        settings = self.current()
        stored = None if user is None else user.password
        right = await self.pool.run(self.hashes.verify, stored, password, settings)
        if profile is None or user is None or stored is None or user.disabled or not (right and possible):
            raise UnauthorizedLogin
        if user.totp is not None and (step is None or not await self.database.write(use_totp, user.id, step)):
            raise UnauthorizedLogin
        if self.hashes.is_outdated(stored, settings):
            renewed = Deferred.fromCoroutine(self._renew(user.id, stored, password, settings))
            renewed.addErrback(lambda failure: _log.failure("a password could not be hashed anew", failure))
        return VerifiedName.of(encode(user.name), profile, number)

    def _parts(self, user: User | None, shown: bytes) -> tuple[bytes, int | None]:
        """The password, and the time step whose one-time password stands behind it."""
        password, code = split_code(shown)
        secret = None if user is None else user.totp
        step = matching_step(secret or _STAND_IN_SECRET, code, self.now())
        return (shown, None) if secret is None else (password, step)

    async def _renew(self, id: int, stored: str, password: bytes, settings: Settings) -> None:
        """Have a hash with the parameters of now, while the login goes on; if that is not possible, another time."""
        try:
            renewed = await self.pool.run(self.hashes.hash, password, settings)
            await self.database.write(replace_password, id, stored, renewed)
        except StorageUnavailable:
            return


def _look_up(connection: Connection, name: str) -> tuple[Profile | None, int]:
    """The user, and the number of the revision in which that is so."""
    return find_for_login(connection, name), revision.current(connection)
