"""Keys and storages that the tests of encryption share."""

from __future__ import annotations

from collections.abc import Callable

from ftpx.interfaces import IStorage, IStoragePool
from ftpx.storage.encrypted.keys import KeyRing
from ftpx.storage.encrypted.names import NameCipher
from ftpx.storage.encrypted.naming import EncryptedNamesStorage
from ftpx.storage.encrypted.storage import EncryptedStorage
from ftpx.testing.pool import InlinePool

__all__ = ["KEY", "OTHER_KEY", "Counted", "encrypted", "with_names"]

KEY = bytes(range(32))
OTHER_KEY = bytes(range(100, 132))


class Counted:
    """In place of random octets: those of a number that grows with each call. It remembers what it has given."""

    def __init__(self) -> None:
        self.given: list[bytes] = []

    def __call__(self, size: int) -> bytes:
        """The next octets."""
        octets = (len(self.given) + 1).to_bytes(size, "big")
        self.given.append(octets)
        return octets


def encrypted(
    inner: IStorage,
    *keys: bytes,
    random: Callable[[int], bytes] | None = None,
    pool: IStoragePool | None = None,
) -> EncryptedStorage:
    """A storage with encrypted contents."""
    ring, pool = KeyRing(keys or (KEY,)), pool or InlinePool()
    return EncryptedStorage(inner, ring, pool) if random is None else EncryptedStorage(inner, ring, pool, random)


def with_names(inner: IStorage, *keys: bytes) -> EncryptedStorage:
    """A storage with encrypted contents and names."""
    ring = KeyRing(keys or (KEY,))
    return encrypted(EncryptedNamesStorage(inner, NameCipher(ring), InlinePool()), *keys)
