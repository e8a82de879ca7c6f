"""TLS for a control connection: octets in, octets out."""

from __future__ import annotations

from contextlib import suppress

from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from ftpx.errors import FtpxError
from ftpx.tls.tickets import TicketRecords, ticket_records

__all__ = ["Channel", "TlsFailed", "outgoing"]

_BLOCK = 16384

_MOST_SILENCE = 65536
"""
Octets of handshakes, alerts and key updates without a command between them that a peer may send: more than any
handshake takes, and little enough that nobody can keep the server busy with them.
"""

_RECORD_HEADER = 5
_RECORD_TYPES = range(20, 24)
"""With what records of TLS begin: change_cipher_spec, alert, handshake, application_data (RFC 8446, section 5.1)."""


class TlsFailed(FtpxError):
    """The peer broke the rules of TLS, or does not speak it."""


class Channel:
    """
    One TLS connection in memory: what the network brought goes in by `receive`, what is to be sent is `outgoing`.

    ``established``: the handshake is over. ``ended``: the peer has sent close_notify.

    :param connection: in memory, waiting for a handshake.
    """

    def __init__(self, connection: SSL.Connection) -> None:
        self._connection = connection
        self._silence = 0
        self._leaving: bytearray | None = None
        self._tickets: TicketRecords | None = None
        self._ticket_due = False
        self.established = False
        self.ended = False

    def receive(self, octets: bytes) -> bytes:
        """
        Take in what came and give what it says.

        :raises TlsFailed: what came is not TLS as it should be; an alert may be `outgoing`.
        """
        if self._leaving is not None:
            return self._follow(self._leaving, octets)
        try:
            self._connection.bio_write(octets)
            if not self.established:
                self._connection.do_handshake()
                self._tickets = ticket_records(self._connection)
                self.established = True
            said = self._read()
        except SSL.WantReadError:
            said = b""
        except SSL.Error as error:
            raise TlsFailed(_reason(error)) from None
        self._silence = 0 if said else self._silence + len(octets)
        if self._silence > _MOST_SILENCE:
            raise TlsFailed("the client keeps TLS busy without a command")
        return said

    def outgoing(self) -> bytes:
        """What TLS itself has to send: handshakes, tickets and alerts. Each octet is given once."""
        octets = outgoing(self._connection)
        if self._tickets is not None:
            self._tickets.sent(octets)
        return octets

    def protect(self, octets: bytes) -> bytes:
        """What is to be sent in the place of these octets, once the channel is established."""
        if not self._ticket_due or self._tickets is None:
            self._encrypt(octets)
            return self.outgoing()
        self._ticket_due = False
        first = octets[:_BLOCK]
        self._encrypt(first)
        record = outgoing(self._connection)
        ticket = self._tickets.in_place_of(record)
        if ticket is not None:
            return ticket + self.protect(octets)
        self._tickets.sent(record)
        return record + self.protect(octets[len(first) :])

    def send_ticket(self) -> None:
        """With the next octets, give the client a ticket for another data connection, if it may have none (TLS 1.3)."""
        self._ticket_due = True

    def leave(self) -> bytes:
        """
        The end of what we say by TLS (close_notify), which is to be sent.

        What comes next is dropped up to the peer's end, and what stands behind that `receive` gives as it is.
        """
        self._leaving = bytearray()
        if self.established:
            # If it has broken, there is nothing to end.
            with suppress(SSL.Error):
                self._connection.shutdown()
        return self.outgoing()

    def certified_name(self) -> str | None:
        """The common name of the certificate that the client has shown; ``None`` if there is not exactly one."""
        certificate = self._connection.get_peer_certificate(as_cryptography=True)
        if certificate is None:
            return None
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(names[0].value) if len(names) == 1 else None

    def _encrypt(self, octets: bytes) -> None:
        left = memoryview(octets)
        while left:
            left = left[self._connection.send(left) :]

    def _read(self) -> bytes:
        blocks: list[bytes] = []
        try:
            while True:
                blocks.append(self._connection.recv(_BLOCK))
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.ended = True
        return b"".join(blocks)

    def _follow(self, rest: bytearray, octets: bytes) -> bytes:
        """Look for the peer's end, record by record: what stands behind it may have come along, and is no TLS."""
        rest += octets
        while not self.ended and len(rest) >= _RECORD_HEADER and rest[0] in _RECORD_TYPES:
            size = _RECORD_HEADER + int.from_bytes(rest[3:5], "big")
            if len(rest) < size:
                return b""
            self._connection.bio_write(bytes(rest[:size]))
            del rest[:size]
            try:
                self._read()
            except SSL.Error as error:
                raise TlsFailed(_reason(error)) from None
        # Some clients go on in clear without an end of their own.
        self.ended = self.ended or bool(rest and rest[0] not in _RECORD_TYPES)
        if not self.ended:
            return b""
        clear = bytes(rest)
        rest.clear()
        return clear


def outgoing(connection: SSL.Connection) -> bytes:
    """What a connection in memory has made and nobody has taken."""
    blocks: list[bytes] = []
    try:
        while True:
            blocks.append(connection.bio_read(_BLOCK))
    except SSL.Error:
        return b"".join(blocks)


def _reason(error: SSL.Error) -> str:
    """What OpenSSL says, in its words."""
    if error.args and isinstance(error.args[0], list):
        return ", ".join(str(entry[-1]) for entry in error.args[0]) or "the TLS connection broke"
    return "the connection ended in the middle of TLS"
