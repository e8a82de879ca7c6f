"""Hashes of passwords: made by argon2id, verified also where other programs made them."""

from __future__ import annotations

import secrets
from typing import Final, Protocol

from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from argon2.low_level import ARGON2_VERSION
from twisted.logger import Logger

from ftpx.accounts.checkers import MAXIMUM_PASSWORD
from ftpx.accounts.htpasswd import Hashes, LibpassHashes
from ftpx.accounts.settings import Settings, account_settings
from ftpx.accounts.totp import DIGITS
from ftpx.errors import ConfigurationError

__all__ = ["Argon2Passwords", "PasswordHashes", "check_password"]

_ARGON2: Final = "$argon2"

_log = Logger()


class PasswordHashes(Protocol):
    """What is done with the hashes of accounts. All of it takes long, and is called in a thread."""

    def hash(self, password: bytes, settings: Settings) -> str:
        """A new hash of a password."""

    def verify(self, stored: str | None, password: bytes, settings: Settings) -> bool:
        """Whether a hash is that of a password; ``None``, or one that is damaged: it is not, after the same work."""

    def is_outdated(self, stored: str, settings: Settings) -> bool:
        """Whether the password should be hashed anew, when it is known."""


def check_password(password: bytes) -> bytes:
    """
    A password that somebody may have.

    :raises ConfigurationError: nobody could log in with it: it is empty, too long, or holds an octet 0 or a line end.
    """
    longest = MAXIMUM_PASSWORD - DIGITS
    if not 0 < len(password) <= longest or not set(b"\0\r\n").isdisjoint(password):
        raise ConfigurationError(f"A password has 1 to {longest} octets, none of them 0 or the end of a line.")
    return password


class Argon2Passwords:
    """
    `PasswordHashes` by argon2id, with the parameters of the settings.

    :raises ConfigurationError: a library is missing.
    """

    def __init__(self) -> None:
        self._others: Hashes = LibpassHashes()
        self._stand_ins: dict[tuple[int, int, int], str] = {}

    def hash(self, password: bytes, settings: Settings) -> str:
        """See `PasswordHashes`."""
        return _hasher(settings).hash(password)

    def verify(self, stored: str | None, password: bytes, settings: Settings) -> bool:
        """See `PasswordHashes`."""
        fault = None if stored is None else self.fault(stored)
        if stored is not None and fault is None:
            try:
                return self._matches(stored, password)
            except (VerificationError, InvalidHashError):
                fault = "the hash is damaged"
        if fault is not None:
            _log.error("The hash of a password cannot be used: {fault}.", fault=fault)
        self._matches(self._stand_in(settings), password)
        return False

    def is_outdated(self, stored: str, settings: Settings) -> bool:
        """See `PasswordHashes`: its parameters are below those of the settings, or another scheme made it."""
        try:
            found = extract_parameters(stored)
        except InvalidHashError:
            return True
        return (
            found.type is not Type.ID
            or found.version < ARGON2_VERSION
            or found.time_cost < settings.argon2_time_cost
            or found.memory_cost < settings.argon2_memory_cost
            or found.parallelism < settings.argon2_parallelism
        )

    def fault(self, stored: str) -> str | None:
        """What is wrong with a hash that is to be kept or verified, in a few words; ``None``: nothing."""
        try:
            octets = stored.encode("ascii")
        except UnicodeEncodeError:
            return "the hash is not ASCII"
        fault = self._others.fault(octets)
        return _excess(stored) if fault is None and stored.startswith(_ARGON2) else fault

    def _matches(self, stored: str, password: bytes) -> bool:
        if not stored.startswith(_ARGON2):
            return self._others.verify(stored.encode("ascii"), password)
        try:
            return PasswordHasher().verify(stored, password)
        except VerifyMismatchError:
            return False

    def _stand_in(self, settings: Settings) -> str:
        """A hash that nobody has, which costs as much as those that are made now."""
        costs = (settings.argon2_time_cost, settings.argon2_memory_cost, settings.argon2_parallelism)
        stand_in = self._stand_ins.get(costs)
        if stand_in is None:
            stand_in = self._stand_ins[costs] = self.hash(secrets.token_bytes(), settings)
        return stand_in


def _hasher(settings: Settings) -> PasswordHasher:
    return PasswordHasher(
        time_cost=settings.argon2_time_cost,
        memory_cost=settings.argon2_memory_cost,
        parallelism=settings.argon2_parallelism,
    )


def _excess(stored: str) -> str | None:
    """Whether a hash asks for more than any setting may: it was made to take the memory of the server."""
    try:
        found = extract_parameters(stored)
    except InvalidHashError:
        return "the hash is damaged"
    known = account_settings()
    too_dear = (
        found.time_cost > known["argon2_time_cost"].most
        or found.memory_cost > known["argon2_memory_cost"].most
        or found.parallelism > known["argon2_parallelism"].most
    )
    return "the hash asks for too much memory or time" if too_dear else None
