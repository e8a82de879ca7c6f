"""A stream that speaks TLS, over a socket."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

from OpenSSL import SSL
from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure
from zope.interface import implementer

from ftpx.buffer import thread_buffer
from ftpx.data.stream import IFileStream, Reactor, SocketStream
from ftpx.errors import (
    DataConnectionLost,
    DataConnectionNotResumed,
    DataConnectionNotSecured,
    DataConnectionTruncated,
)
from ftpx.interfaces import Block, IDataSecurity
from ftpx.tls.channel import RECORD_TYPES, outgoing
from ftpx.tls.openssl import attach, read_into
from ftpx.tls.tickets import ticket_records

__all__ = ["TlsStream", "make_stream"]

_RECORD_HEADER = 5
_MAJOR_VERSION = 3
_LONGEST_RECORD = 2**14 + 2048
_MOST_HANDSHAKE = 65536
"""Octets of a handshake; none that is meant takes so many."""

_PORTION = 512 * 1024
"""What OpenSSL gets at a time: enough that calling it costs little, and not so much that others wait long for it."""

_PATIENCE = 0.5
"""
Seconds that a connection that was declined stays open, unread: to close it resets it while the client is still sending,
and then most clients tell of that and not of the reply.
"""

# What pyOpenSSL says of a connection that ends in the middle of TLS.
_NO_CLOSE_NOTIFY = -1


@implementer(IFileStream)
class TlsStream:
    """
    TLS over a connected socket, as the server.

    The handshake begins at once: some clients wait for its end before they send the command. While it lasts, TLS works
    in memory and the stream reads exact records; then OpenSSL gets the socket.

    The session tickets of TLS 1.3, which OpenSSL writes behind the handshake, are held back until something else is
    to be sent. Most clients never read on an upload's connection, and to close one with tickets unread resets it and
    throws away what was not sent yet. So behind an upload they follow the client's end, and harm nobody.

    :param stream: the socket; this stream owns it from now on.
    """

    computes = True

    def __init__(self, stream: SocketStream, security: IDataSecurity) -> None:
        self._stream = stream
        self._security = security
        self._connection = security.connection()
        self._held = b""
        self._ended = False
        self._sends = False
        self._declined = False
        self._established = False
        self._refused: Exception | None = None
        self._broken: DataConnectionLost | None = None
        self._waiting: Deferred[None] | None = None
        stream.send_at_once()
        Deferred.fromCoroutine(self._shake_hands()).addCallbacks(self._agreed, self._failed)

    # The handshake

    def established(self) -> Deferred[None] | None:
        if self._established:
            return None
        if self._refused is not None:
            return fail(self._refused)
        self._waiting = Deferred()
        return self._waiting

    async def _shake_hands(self) -> None:
        received = 0
        while not self._handshake_is_over():
            await self._push(outgoing(self._connection))
            record = await self._record()
            self._connection.bio_write(record)
            received += len(record)
            if received > _MOST_HANDSHAKE:
                raise DataConnectionNotSecured("a TLS handshake without end")
        rest = outgoing(self._connection)
        if self._connection.get_protocol_version() >= SSL.TLS1_3_VERSION:
            self._held = rest
        else:
            await self._push(rest)
        try:
            self._security.judge(self._security.resumed_by(self._connection))
        except DataConnectionNotResumed:
            self._decline()
            raise
        attach(self._connection, self._stream.fileno())

    async def _record(self) -> bytes:
        """A record and not an octet more: what stands behind the handshake is to be read from the socket."""
        header = await self._exactly(_RECORD_HEADER)
        size = int.from_bytes(header[3:], "big")
        if header[0] in RECORD_TYPES and header[1] == _MAJOR_VERSION and size <= _LONGEST_RECORD:
            return header + await self._exactly(size)
        # It is none, and OpenSSL will say so without the rest.
        return header

    def _decline(self) -> None:
        """
        End TLS in good order, so that the client looks for the reason where it is: in the reply.

        The tickets are never sent: with one of them, a stranger would have a session to resume.
        """
        self._declined = True
        with suppress(SSL.Error, DataConnectionLost, BlockingIOError):
            records = ticket_records(self._connection)
            if records is None:
                self._connection.shutdown()
                self._stream.send(outgoing(self._connection), False)
            else:
                self._stream.send(records.close_notify(), False)

    def _handshake_is_over(self) -> bool:
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as error:
            with suppress(DataConnectionLost, BlockingIOError):
                self._stream.send(outgoing(self._connection), False)
            raise DataConnectionNotSecured(f"no TLS handshake: {error}") from error
        return True

    async def _push(self, octets: bytes) -> None:
        left = memoryview(octets)
        while left:
            try:
                left = left[self._stream.send(left, False) :]
            except BlockingIOError:
                await self._stream.writable()

    async def _exactly(self, size: int) -> bytes:
        block = bytearray(size)
        left = memoryview(block)
        while left:
            try:
                received = self._stream.receive_into(left)
            except BlockingIOError:
                await self._stream.readable()
                continue
            if not received:
                raise DataConnectionNotSecured("the data connection ended before its TLS handshake")
            left = left[received:]
        return bytes(block)

    def _agreed(self, _: None) -> None:
        self._established = True
        self._tell(None)

    def _failed(self, failure: Failure) -> None:
        self._refused = failure.value if isinstance(failure.value, Exception) else DataConnectionNotSecured()
        self._tell(self._refused)

    def _tell(self, error: Exception | None) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is None or waiting.called:
            return
        if error is None:
            waiting.callback(None)
        else:
            waiting.errback(error)

    # Octets

    def receive_into(self, buffer: memoryview) -> int:
        self._stream.demand_open()
        if self._broken is not None:
            raise self._broken
        if self._ended:
            return 0
        received, error = read_into(self._connection, buffer)
        if error is None:
            return received
        if isinstance(error, SSL.ZeroReturnError):
            self._ended = True
            # Who waits for our end gets it, and the tickets; who is gone already has sent everything.
            with suppress(DataConnectionLost, BlockingIOError):
                self._say_end()
        elif not isinstance(error, SSL.WantReadError):
            # OpenSSL says what has happened only once.
            self._broken = _lost(error)
            if not received:
                raise self._broken
        elif not received:
            # Behind data in one packet comes close_notify in another, which the peer's system holds back (Nagle).
            self._stream.acknowledge_at_once()
            raise BlockingIOError
        return received

    def send(self, block: Block, more: bool) -> int:
        self._send_held()
        return self._encrypt(memoryview(block)[:_PORTION])

    def send_file(self, descriptor: int, offset: int, size: int) -> int:
        self._send_held()
        buffer = thread_buffer()[:_PORTION]
        sent, read = 0, 1
        with suppress(BlockingIOError):
            while sent < size and read:
                read = os.preadv(descriptor, [buffer[: size - sent]], offset + sent)
                if read:
                    sent += self._encrypt(buffer[:read])
        if not sent and read:
            raise BlockingIOError
        return sent

    def _encrypt(self, octets: memoryview) -> int:
        """
        Send all of it.

        :raises BlockingIOError: a part may have been sent; the same octets are to be given again.
        """
        self._stream.demand_open()
        try:
            return self._connection.send(octets)
        except SSL.WantWriteError:
            raise BlockingIOError from None
        except SSL.Error as error:
            raise _lost(error) from error

    def _send_held(self) -> None:
        self._sends = True
        while self._held:
            self._held = self._held[self._stream.send(self._held, True) :]

    def end(self) -> None:
        self._say_end()
        self._stream.end()

    def _say_end(self) -> None:
        """Send close_notify."""
        self._send_held()
        try:
            self._connection.shutdown()
        except SSL.WantWriteError:
            raise BlockingIOError from None
        except SSL.Error as error:
            raise _lost(error) from error

    # The socket

    def readable(self) -> Deferred[None]:
        return succeed(None) if self._connection.pending() else self._stream.readable()

    def writable(self) -> Deferred[None]:
        return self._stream.writable()

    def progress(self, moved: int) -> int:
        self._stream.demand_unbroken()
        # What OpenSSL was given to send counts when all of it is sent; what the peer acknowledges counts at once.
        return moved + self._stream.acknowledged_octets() if self._sends else moved

    def unacknowledged(self) -> int:
        return self._stream.unacknowledged()

    def acknowledged(self) -> Deferred[None]:
        return self._stream.acknowledged()

    def abort(self, error: Exception, in_use: bool) -> None:
        if not self._declined:
            # A call in a thread ends soon, and then the connection is reset. To shut it down before would look like an
            # end to clients that do not ask for close_notify, as Python's.
            self._stream.abort(error, in_use=False)

    def close(self) -> None:
        # OpenSSL takes a connection without an end for a broken one, and forgets its session: the control connection's.
        self._connection.set_shutdown(SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN)
        if self._declined:
            self._stream.close_in(_PATIENCE)
        else:
            self._stream.close()


def make_stream(reactor: Reactor, connected: socket.socket, security: IDataSecurity | None) -> IFileStream:
    """The stream of a data connection: in clear, or with the TLS of its session."""
    stream = SocketStream(reactor, connected)
    return stream if security is None else TlsStream(stream, security)


def _lost(error: SSL.Error) -> DataConnectionLost:
    if isinstance(error, SSL.SysCallError) and error.args[0] == _NO_CLOSE_NOTIFY:
        return DataConnectionTruncated("the data connection ended without close_notify")
    return DataConnectionLost(f"the data connection broke: {error}")
