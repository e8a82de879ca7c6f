"""The TLS handshake of a data connection."""

from __future__ import annotations

from contextlib import suppress

from OpenSSL import SSL

from ftpx.data.stream import SocketStream
from ftpx.errors import DataConnectionLost, DataConnectionNotResumed, DataConnectionNotSecured
from ftpx.interfaces import IDataSecurity
from ftpx.tls.channel import outgoing
from ftpx.tls.tickets import ticket_records

__all__ = ["shake_hands"]

_BLOCK = 16 * 1024
_MOST = 64 * 1024
"""Octets of a handshake; none that is meant takes so many."""


async def shake_hands(stream: SocketStream, connection: SSL.Connection, security: IDataSecurity) -> bytes:
    """
    Shake hands as the server, in memory. What the client says right behind its part is in ``connection`` then.

    :return: what the server has to say behind it and has not sent: the session tickets of TLS 1.3.
    :raises DataConnectionNotSecured: it came to nothing.
    :raises DataConnectionNotResumed: the data connection belongs to nobody; the client has been told the end of TLS.
    """
    received = 0
    block = memoryview(bytearray(_BLOCK))
    while not _is_over(stream, connection):
        await _send(stream, outgoing(connection))
        size = await _receive_into(stream, block)
        connection.bio_write(block[:size].tobytes())
        received += size
        if received > _MOST:
            raise DataConnectionNotSecured("a TLS handshake without end")
    unsent = outgoing(connection)
    if connection.get_protocol_version() < SSL.TLS1_3_VERSION:
        await _send(stream, unsent)
        unsent = b""
    try:
        security.judge(security.resumed_by(connection))
    except DataConnectionNotResumed:
        _decline(stream, connection)
        raise
    return unsent


def _is_over(stream: SocketStream, connection: SSL.Connection) -> bool:
    try:
        connection.do_handshake()
    except SSL.WantReadError:
        return False
    except SSL.Error as error:
        with suppress(DataConnectionLost, BlockingIOError):
            stream.send(outgoing(connection), False)
        raise DataConnectionNotSecured(f"no TLS handshake: {error}") from error
    return True


async def _send(stream: SocketStream, octets: bytes) -> None:
    left = memoryview(octets)
    while left:
        try:
            left = left[stream.send(left, False) :]
        except BlockingIOError:
            await stream.writable()


async def _receive_into(stream: SocketStream, block: memoryview) -> int:
    while True:
        try:
            received = stream.receive_into(block)
        except BlockingIOError:
            await stream.readable()
            continue
        if not received:
            raise DataConnectionNotSecured("the data connection ended before its TLS handshake")
        return received


def _decline(stream: SocketStream, connection: SSL.Connection) -> None:
    """
    End TLS in good order, so that the client looks for the reason where it is: in the reply.

    The tickets are never sent: with one of them, a stranger would have a session to resume.
    """
    with suppress(SSL.Error, DataConnectionLost, BlockingIOError):
        records = ticket_records(connection)
        if records is None:
            connection.shutdown()
            stream.send(outgoing(connection), False)
        else:
            stream.send(records.close_notify(), False)
