"""Records of TLS by hand: what no library sends."""

from __future__ import annotations

import hmac
import os
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from tests.integration.tls_control import TlsSocket

__all__ = [
    "ALERT", "APPLICATION_DATA", "HANDSHAKE", "SealingTls12", "SealingTls13", "alerts", "client_hello", "key_update",
    "record", "records",
]  # fmt: skip

ALERT, HANDSHAKE, APPLICATION_DATA = 21, 22, 23

_KEY_UPDATE = 24
_HEADER = 5

# What a client can do with either kind of certificate: secp256r1, X25519; ECDSA and RSA-PSS with SHA-256, RSA.
_GROUPS = b"\x00\x0a\x00\x06\x00\x04\x00\x17\x00\x1d"
_POINT_FORMATS = b"\x00\x0b\x00\x02\x01\x00"
_SIGNATURES = b"\x00\x0d\x00\x0a\x00\x08\x04\x03\x08\x04\x04\x01\x02\x01"


def record(kind: int, body: bytes, version: int = 0x0303) -> bytes:
    """One record, not encrypted."""
    return bytes([kind]) + version.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


def records(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """The records in what came: the kind and the body of each."""
    while len(octets) >= _HEADER:
        size = _HEADER + int.from_bytes(octets[3:5], "big")
        yield octets[0], octets[_HEADER:size]
        octets = octets[size:]


def alerts(octets: bytes) -> list[int]:
    """The descriptions of the alerts, not encrypted, in what came."""
    return [body[1] for kind, body in records(octets) if kind == ALERT and len(body) == 2]


def client_hello(version: int, suites: Sequence[int], compressions: bytes = b"\x00") -> bytes:
    """The record with a ClientHello of TLS 1.2 or before."""
    extensions = _GROUPS + _POINT_FORMATS + (_SIGNATURES if version >= 0x0303 else b"")
    offered = b"".join(suite.to_bytes(2, "big") for suite in suites)
    body = (
        version.to_bytes(2, "big") + os.urandom(32) + b"\x00"
        + len(offered).to_bytes(2, "big") + offered
        + bytes([len(compressions)]) + compressions
        + len(extensions).to_bytes(2, "big") + extensions
    )  # fmt: skip
    return record(HANDSHAKE, b"\x01" + len(body).to_bytes(3, "big") + body, min(version, 0x0301))


def key_update(*, wants_answer: bool) -> bytes:
    """The handshake message that changes the sender's keys (RFC 8446, section 4.6.3)."""
    return bytes([_KEY_UPDATE, 0, 0, 1, wants_answer])


def _secrets(path: Path) -> dict[str, tuple[bytes, bytes]]:
    """What a key log says last: the client's random octets and the secret, by label."""
    rows = (line.split() for line in path.read_text(encoding="ascii").splitlines() if not line.startswith("#"))
    return {label: (bytes.fromhex(random), bytes.fromhex(secret)) for label, random, secret in rows}


class SealingTls13:
    """
    Encrypts what a client sends over TLS 1.3, and can change the keys as often as it likes.

    :param tls: a connection right behind its handshake, over which nothing was sent; from now on nothing may be
        sent by it, but it still reads.
    :param key_log: the file that its context writes secrets to.
    """

    def __init__(self, tls: TlsSocket, key_log: Path) -> None:
        cipher = tls.tls.cipher()
        if cipher is None or cipher[0] != "TLS_AES_128_GCM_SHA256":
            raise ssl.SSLError(f"this is for one cipher suite only, not for {cipher}")
        self._secret = _secrets(key_log)["CLIENT_TRAFFIC_SECRET_0"][1]
        self._begin()

    def _begin(self) -> None:
        self._cipher = AESGCM(_expanded(self._secret, b"key", 16))
        self._offset = int.from_bytes(_expanded(self._secret, b"iv", 12), "big")
        self._number = 0

    def seal(self, kind: int, body: bytes) -> bytes:
        """One record."""
        header = b"\x17\x03\x03" + (len(body) + 17).to_bytes(2, "big")
        nonce = (self._offset ^ self._number).to_bytes(12, "big")
        self._number += 1
        return header + self._cipher.encrypt(nonce, body + bytes([kind]), header)

    def update(self, *, wants_answer: bool = False) -> bytes:
        """A record with KeyUpdate; what follows has the next keys."""
        octets = self.seal(HANDSHAKE, key_update(wants_answer=wants_answer))
        self._secret = _expanded(self._secret, b"traffic upd", 32)
        self._begin()
        return octets


class SealingTls12:
    """Encrypts what a client sends over TLS 1.2; see `SealingTls13`."""

    def __init__(self, tls: TlsSocket, key_log: Path) -> None:
        cipher = tls.tls.cipher()
        if cipher is None or not cipher[0].startswith("ECDHE-") or not cipher[0].endswith("-AES128-GCM-SHA256"):
            raise ssl.SSLError(f"this is for one kind of cipher suite only, not for {cipher}")
        client_random, secret = _secrets(key_log)["CLIENT_RANDOM"]
        # The first record of the server begins with its hello: kind and size, version, random octets.
        server_random = bytes(tls.received[_HEADER + 6 : _HEADER + 38])
        keys = _pseudo_random(secret, b"key expansion" + server_random + client_random, 40)
        self._cipher, self._salt = AESGCM(keys[:16]), keys[32:36]
        self._number = 1  # Finished was number 0.

    def seal(self, kind: int, body: bytes) -> bytes:
        """One record."""
        number = self._number.to_bytes(8, "big")
        self._number += 1
        version = b"\x03\x03"
        data = number + bytes([kind]) + version + len(body).to_bytes(2, "big")
        sealed = number + self._cipher.encrypt(self._salt + number, body, data)
        return bytes([kind]) + version + len(sealed).to_bytes(2, "big") + sealed


def _expanded(secret: bytes, label: bytes, size: int) -> bytes:
    """HKDF-Expand-Label without a context (RFC 8446, section 7.1)."""
    name = b"tls13 " + label
    return HKDFExpand(SHA256(), size, size.to_bytes(2, "big") + bytes([len(name)]) + name + b"\x00").derive(secret)


def _pseudo_random(secret: bytes, seed: bytes, size: int) -> bytes:
    """P_SHA256 (RFC 5246, section 5)."""
    octets, chained = b"", seed
    while len(octets) < size:
        chained = hmac.digest(secret, chained, "sha256")
        octets += hmac.digest(secret, chained + seed, "sha256")
    return octets[:size]
