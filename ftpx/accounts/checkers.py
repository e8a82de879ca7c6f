"""Checkers of passwords, and several of them as one."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Protocol

import attrs
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import LoginFailed, UnauthorizedLogin
from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger
from zope.interface import implementer

from ftpx.errors import ConfigurationError, StorageUnavailable
from ftpx.interfaces import IWorkerPool
from ftpx.running import begin
from ftpx.wire.commands import encode

__all__ = ["MAXIMUM_PASSWORD", "AnyChecker", "ClearPasswords", "PasswordChecker", "Passwords", "memory_passwords"]

MAXIMUM_PASSWORD = 1024
"""Octets. No longer password is right, so a long one costs no more than a short one."""

# What is checked in the place of a password that cannot be right.
_STAND_IN = b"\x01"

_log = Logger()


class Passwords(Protocol):
    """Names and what proves them."""

    @property
    def blocking(self) -> bool:
        """Whether `verify` reads files or takes long."""

    def verify(self, name: bytes, password: bytes) -> bool:
        """
        Whether this is the password of the user of this name.

        The work is the same for a name that is unknown.

        :raises StorageUnavailable: it cannot be told now.
        """


class ClearPasswords:
    """Passwords that were given in clear text. Only keyed digests of them are kept."""

    blocking = False

    def __init__(self, passwords: Mapping[bytes, bytes]) -> None:
        self._key = secrets.token_bytes(32)
        # Nobody's digest: what the password of an unknown user is compared with.
        self._nobody = secrets.token_bytes(32)
        self._digests = {name: self._digest(password) for name, password in passwords.items()}

    def verify(self, name: bytes, password: bytes) -> bool:
        """See `Passwords`."""
        return hmac.compare_digest(self._digests.get(name, self._nobody), self._digest(password))

    def _digest(self, password: bytes) -> bytes:
        return blake2b(password, key=self._key, digest_size=32).digest()


def memory_passwords(arguments: str) -> ClearPasswords:
    """
    Users from ``alice:secret[:bob:hunter2...]``.

    :raises ConfigurationError: that is not the form. The text holds no password.
    """
    fields = [encode(field) for field in arguments.split(":")]
    names, passwords = fields[::2], fields[1::2]
    if len(fields) % 2 or not all(fields):
        raise ConfigurationError("memory: wants NAME:PASSWORD pairs, such as memory:alice:secret:bob:hunter2.")
    if len(set(names)) < len(names):
        raise ConfigurationError("memory: names the same user twice.")
    return ClearPasswords(dict(zip(names, passwords, strict=True)))


@implementer(ICredentialsChecker)
@attrs.frozen
class PasswordChecker:
    """Checks names and passwords; in a thread of a pool, where hashing and reading files may take their time."""

    passwords: Passwords = attrs.field(repr=False)
    pool: IWorkerPool = attrs.field(repr=False)

    credentialInterfaces = (IUsernamePassword,)

    # Twisted's annotation forgets what its documentation allows: "Alternatively, return the result itself."
    def requestAvatarId(self, credentials: Any) -> Any:
        """
        The name, if the password is right; at once where that can be told at once.

        :raises UnauthorizedLogin: it is wrong.
        :raises StorageUnavailable: too many checks wait already, or the users cannot be read.
        """
        name, password = credentials.username, credentials.password
        possible = len(password) <= MAXIMUM_PASSWORD and b"\0" not in password
        shown = password if possible else _STAND_IN
        if self.passwords.blocking:
            return begin(self._check(name, shown, possible))
        return _name_if(self.passwords.verify(name, shown) and possible, name)

    async def _check(self, name: bytes, shown: bytes, possible: bool) -> bytes | tuple[()]:
        return _name_if(await self.pool.run(self.passwords.verify, name, shown) and possible, name)


def _name_if(right: bool, name: bytes) -> bytes:
    if not right:
        raise UnauthorizedLogin
    return name


@implementer(ICredentialsChecker)
@attrs.frozen
class AnyChecker:
    """
    Several checkers of one kind of credentials as one: a user of any of them may log in.

    They are asked in order. One that breaks refuses, and the others are asked all the same.
    """

    credentialInterfaces: tuple[Any, ...]
    checkers: Sequence[Any]

    def requestAvatarId(self, credentials: Any) -> Any:
        """What the first checker says that knows the user; see `PasswordChecker` for what it raises."""
        return begin(self._ask(credentials))

    async def _ask(self, credentials: Any) -> Any:
        unavailable: StorageUnavailable | None = None
        for checker in self.checkers:
            try:
                return await maybeDeferred(checker.requestAvatarId, credentials)
            except LoginFailed:
                continue
            except StorageUnavailable as error:
                unavailable = error
            except Exception as error:
                # Only the type: the text of an error may quote the password (UnicodeDecodeError's does).
                _log.error(
                    "The login source {source} failed with {error}.",
                    source=type(checker).__name__,
                    error=type(error).__name__,
                )
        raise unavailable or UnauthorizedLogin()
