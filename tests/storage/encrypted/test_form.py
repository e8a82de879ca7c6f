"""The form of files and names, decrypted by what the documentation says of it and by nothing of ftpx."""

# mypy: allow-untyped-calls

from __future__ import annotations

import base64
import hashlib
import hmac
import random
import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

from ftpx.storage.encrypted.keys import KeyRing
from ftpx.storage.encrypted.names import NameCipher
from tests.storage.encrypted.keyed import KEY, OTHER_KEY
from tests.storage.encrypted.stored_case import StoredCase


def _hkdf(key: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    """RFC 5869 with SHA-256."""
    pseudorandom = hmac.digest(salt or bytes(32), key, hashlib.sha256)
    octets = block = b""
    for count in range(1, -(-size // 32) + 1):
        block = hmac.digest(pseudorandom, block + info + bytes([count]), hashlib.sha256)
        octets += block
    return octets[:size]


def _decrypt(stored: bytes, key: bytes) -> bytes:
    """The plain content, by the documentation."""
    header = stored[:48]
    assert header[:8] == bytes.fromhex("8b667470780a0110")
    assert header[8:16] == _hkdf(key, b"", b"ftpx crypt key id", 8)
    cipher = AESGCM(_hkdf(key, header[16:], b"ftpx crypt content " + header[:8], 32))
    plain, position, number = b"", 48, 0
    while position < len(stored):
        end = min(position + 12 + 65536 + 16, len(stored))
        associated = struct.pack(">QB", number, end == len(stored)) + stored[position - 16 : position]
        plain += cipher.decrypt(stored[position : position + 12], stored[position + 12 : end], associated)
        position, number = end, number + 1
    return plain


class FormTests(StoredCase):
    """What the documentation says is all that is needed."""

    def test_contents(self) -> None:
        """Contents of every kind of size, those that were appended to, and of each key."""
        for size in (0, 1, 65535, 65536, 65537, 300_000):
            content = random.Random(size).randbytes(size)
            self.put(("a",), content)
            self.assertTrue(_decrypt(self.stored(), KEY) == content)
            self.put(("a",), b"more", offset=None)
            self.assertTrue(_decrypt(self.stored(), KEY) == content + b"more")
        self.storage = self.keyed(OTHER_KEY, KEY)
        self.put(("a",), b"hello")
        self.assertEqual(_decrypt(self.stored(), OTHER_KEY), b"hello")

    def test_names(self) -> None:
        """Names."""
        cipher = AESSIV(_hkdf(KEY, b"", b"ftpx crypt names", 64))
        for name in ("a", "é", "x" * 143):
            stored = NameCipher(KeyRing([OTHER_KEY, KEY])).hide(name)
            octets = base64.b32decode(stored.upper() + "=" * (-len(stored) % 8))
            self.assertEqual(cipher.decrypt(octets, None).decode(), name)
