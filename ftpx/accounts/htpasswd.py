"""Apache's password files: bcrypt, argon2, sha-crypt, apr1 and {SHA}, verified by libpass."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Protocol

from ftpx.accounts.password_file import Format, PasswordFile
from ftpx.errors import ConfigurationError

__all__ = ["HashedPasswords", "Hashes", "LibpassHashes", "htpasswd_file"]

_SCHEMES = ("bcrypt", "argon2", "sha512_crypt", "sha256_crypt", "apr_md5_crypt", "ldap_sha1")
_LIBRARIES = ("passlib.context", "bcrypt", "argon2")

# bcrypt takes no more; Apache's htpasswd cuts what is longer, and so must whoever verifies.
_BCRYPT_OCTETS = 72

_MISSING = "Apache password files need libraries that are not installed: pip install 'ftpx[htpasswd]'."
_UNKNOWN = "the hash is none of bcrypt, argon2, $5$, $6$, $apr1$ and {SHA}"
_BROKEN = "the hash is damaged"


class Hashes(Protocol):
    """The ways to hash a password that can be verified."""

    def fault(self, stored: bytes) -> str | None:
        """What is wrong with a stored hash, in a few words; ``None``: it can be verified."""

    def verify(self, stored: bytes, password: bytes) -> bool:
        """Whether a stored hash without fault is that of a password. Takes as long as the hash asks for."""


class LibpassHashes:
    """
    The hashes of an Apache password file, by libpass, the maintained passlib.

    :raises ConfigurationError: a library is missing.
    """

    def __init__(self) -> None:
        try:
            context, *_ = [import_module(library) for library in _LIBRARIES]
        except ImportError:
            raise ConfigurationError(_MISSING) from None
        # No clear text and no DES among them, unlike in passlib's own HtpasswdFile: with those,
        # every odd line would be somebody's password.
        self._context: Any = context.CryptContext(schemes=list(_SCHEMES))

    def fault(self, stored: bytes) -> str | None:
        """See `Hashes`."""
        scheme = self._scheme(stored)
        if scheme is None:
            return _UNKNOWN
        try:
            whole = scheme.from_string(stored).checksum is not None
        except Exception:
            # Not only ValueError: salts that are no base64 end in TypeError and others.
            return _BROKEN
        return None if whole else _BROKEN

    def verify(self, stored: bytes, password: bytes) -> bool:
        """See `Hashes`."""
        scheme = self._scheme(stored)
        secret = password[:_BCRYPT_OCTETS] if scheme.name == "bcrypt" else password
        return bool(scheme.verify(secret, stored))

    def _scheme(self, stored: bytes) -> Any:
        try:
            return self._context.identify(stored, resolve=True)
        except UnicodeDecodeError:
            return None


class HashedPasswords:
    """
    Passwords of which only hashes are known.

    For an unknown name the hash of another user is verified, always the same one for the same
    name, and the result thrown away: so unknown names take as long as known ones do, also where
    the hashes of a file differ in scheme and cost.
    """

    blocking = True

    def __init__(self, hashes: Hashes, stored: Mapping[bytes, bytes]) -> None:
        self._hashes = hashes
        self._stored = dict(stored)
        self._others = tuple(self._stored.values())
        self._key = secrets.token_bytes(32)

    def verify(self, name: bytes, password: bytes) -> bool:
        """See `ftpx.accounts.checkers.Passwords`."""
        if not self._others:
            return False
        digest = hmac.digest(self._key, name, "sha256")
        other = self._others[int.from_bytes(digest, "big") % len(self._others)]
        matches = self._hashes.verify(self._stored.get(name, other), password)
        return matches and name in self._stored


def htpasswd_file(path: str) -> PasswordFile:
    """
    An Apache password file.

    :raises ConfigurationError: the file cannot be used, or a library is missing.
    """
    hashes = LibpassHashes()
    return PasswordFile(path, Format("htpasswd", hashes.fault, lambda stored: HashedPasswords(hashes, stored)))
