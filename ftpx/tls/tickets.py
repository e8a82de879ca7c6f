"""
Session tickets of TLS 1.3 for a control connection, as many as its client uses up.

OpenSSL sends two behind the handshake, and more when it is asked to, but in Python nothing can ask it: no binding has
`SSL_new_session_ticket`. Clients that use each ticket once, as RFC 8446, appendix C.4, advises, would have none left
after two uploads, on which they do not read what a server sends. So the last ticket is sent again, in a record that is
made here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from OpenSSL import SSL

__all__ = ["TicketRecords", "note_secret", "ticket_records"]

_HEADER = 5
_TAG = 16
_NONCE = 12
_ALERT = b"\x15"
_HANDSHAKE = b"\x16"
_CLOSE_NOTIFY = b"\x01\x00"
_NEW_SESSION_TICKET = 4
_SERVER_SECRET = b"SERVER_TRAFFIC_SECRET_0 "
_PROTECTED_RECORD = b"\x17\x03\x03"


@attrs.frozen
class _Cipher:
    """A cipher suite of TLS 1.3 (RFC 8446, appendix B.4)."""

    cipher: type[AESGCM] | type[ChaCha20Poly1305]
    key_size: int
    digest: type[HashAlgorithm]


_CIPHERS: Mapping[str, _Cipher] = {
    "TLS_AES_128_GCM_SHA256": _Cipher(AESGCM, 16, SHA256),
    "TLS_AES_256_GCM_SHA384": _Cipher(AESGCM, 32, SHA384),
    "TLS_CHACHA20_POLY1305_SHA256": _Cipher(ChaCha20Poly1305, 32, SHA256),
}


class TicketRecords:
    """
    The records that a server has sent behind the handshake, and one more with a ticket.

    :param suite: the name of the cipher suite, as OpenSSL has it.
    :param secret: the server's first application traffic secret.
    """

    def __init__(self, suite: str, secret: bytes) -> None:
        cipher = _CIPHERS[suite]
        self._cipher = cipher.cipher(_expanded(secret, b"key", cipher.key_size, cipher.digest()))
        self._salt = int.from_bytes(_expanded(secret, b"iv", _NONCE, cipher.digest()), "big")
        self._sequence = 0
        self._ticket: bytes | None = None

    def sent(self, octets: bytes) -> None:
        """Take note of records of OpenSSL's that go out."""
        for record in _records(octets):
            if self._ticket is None:
                self._keep_ticket(record)
            self._sequence += 1

    def in_place_of(self, record: bytes) -> bytes | None:
        """
        A record with the ticket, to be sent in the place of the next record, which OpenSSL has made and nobody gets.

        :return: ``None`` if it must be sent after all: there is no ticket, or the keys are not these any more.
        """
        if self._ticket is None or self._opened(record) is None:
            return None
        return self._made(self._ticket + _HANDSHAKE)

    def close_notify(self) -> bytes:
        """The end of TLS in the place of the next record, which OpenSSL has made and nobody gets."""
        return self._made(_CLOSE_NOTIFY + _ALERT)

    def _made(self, content: bytes) -> bytes:
        """The next record; ``content`` ends with its type (RFC 8446, section 5.2)."""
        header = _PROTECTED_RECORD + (len(content) + _TAG).to_bytes(2, "big")
        # A key and a nonce are for one content only (section 5.3): what OpenSSL has made with them must not be sent.
        made = header + self._cipher.encrypt(self._nonce(), content, header)
        self._sequence += 1
        return made

    def _keep_ticket(self, record: bytes) -> None:
        content = self._opened(record)
        if content is None or content[-1:] != _HANDSHAKE or content[0] != _NEW_SESSION_TICKET:
            return
        self._ticket = content[: 4 + int.from_bytes(content[1:4], "big")]

    def _opened(self, record: bytes) -> bytes | None:
        """What a record says and the type of that, if it is the next one under these keys."""
        try:
            return self._cipher.decrypt(self._nonce(), record[_HEADER:], record[:_HEADER]).rstrip(b"\0")
        except InvalidTag:
            return None

    def _nonce(self) -> bytes:
        return (self._salt ^ self._sequence).to_bytes(_NONCE, "big")


def note_secret(connection: SSL.Connection, line: bytes) -> None:
    """
    Keep with a connection what its `TicketRecords` need.

    :param line: of a key log (RFC 9850). OpenSSL gives the secrets of a handshake in no other way.
    """
    if line.startswith(_SERVER_SECRET):
        connection.set_app_data(bytes.fromhex(line.rpartition(b" ")[2].decode()))


def ticket_records(connection: SSL.Connection) -> TicketRecords | None:
    """The records of a connection whose handshake has just ended; ``None`` if its tickets are not used up (TLS 1.2)."""
    secret: bytes | None = connection.get_app_data()
    connection.set_app_data(None)
    suite = connection.get_cipher_name()
    return TicketRecords(suite, secret) if secret is not None and suite is not None and suite in _CIPHERS else None


def _records(octets: bytes) -> Iterator[bytes]:
    while octets:
        size = _HEADER + int.from_bytes(octets[3:_HEADER], "big")
        yield octets[:size]
        octets = octets[size:]


def _expanded(secret: bytes, label: bytes, size: int, digest: HashAlgorithm) -> bytes:
    """HKDF-Expand-Label without context (RFC 8446, section 7.1)."""
    label = b"tls13 " + label
    information = size.to_bytes(2, "big") + len(label).to_bytes(1, "big") + label + b"\0"
    return HKDFExpand(digest, size, information).derive(secret)
