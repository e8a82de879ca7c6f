"""A stream that speaks TLS, over a socket."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from itertools import cycle

from OpenSSL import SSL
from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure
from zope.interface import implementer

from ftpx.buffer import record_buffers, thread_buffer
from ftpx.data.second_thread import Sender
from ftpx.data.stream import IFileStream, Reactor, SocketStream
from ftpx.data.tls_handshake import shake_hands
from ftpx.errors import (
    DataConnectionLost,
    DataConnectionNotResumed,
    DataConnectionNotSecured,
    DataConnectionTruncated,
)
from ftpx.interfaces import Block, IDataSecurity
from ftpx.tls.channel import outgoing
from ftpx.tls.openssl import decrypt_into, encrypt_into, input_waits, output_waits, pause_at_each_record, read_into

__all__ = ["TlsStream", "make_stream"]

_LONGEST_RECORD = 2**14 + 2048
_MOST_ANSWERS = 64 * 1024
"""Octets that TLS has to say to what a peer sends, and that the peer does not take."""

_PIECE = 256 * 1024
"""What OpenSSL gets at a time, and keeps memory for as long as the connection lasts."""

_PORTION = 768 * 1024
"""What is sent at a time, at most: system calls and the change of thread cost little then."""

_LEAST = 64 * 1024
"""What is encrypted though the kernel may have less room: smaller blocks cost more than to hold the rest."""

_PATIENCE = 0.5
"""
Seconds that a connection that was declined stays open, unread: to close it resets it while the client is still sending,
and then most clients tell of that and not of the reply.
"""


@implementer(IFileStream)
class TlsStream:
    """
    TLS over a connected socket, as the server.

    The handshake begins at once: some clients wait for its end before they send the command.

    OpenSSL works in memory: with a socket of its own, it would make a system call for each record that it writes, and
    two for each that it reads. What it has encrypted and the socket does not take is held, and nothing more is
    encrypted before that has gone.

    The session tickets of TLS 1.3, which OpenSSL writes behind the handshake, are held back until something else is
    to be sent. Most clients never read on an upload's connection, and to close one with tickets unread resets it and
    throws away what was not sent yet. So behind an upload they follow the client's end, and harm nobody.

    :param stream: the socket; this stream owns it from now on.
    """

    computes = True

    def __init__(self, stream: SocketStream, security: IDataSecurity) -> None:
        self._stream = stream
        self._connection = security.connection()
        pause_at_each_record(self._connection)
        self._tickets = b""
        self._held = b""
        self._unread = False
        self._ended = False
        self._end_said = False
        self._declined = False
        self._established = False
        self._refused: Exception | None = None
        self._broken: DataConnectionLost | None = None
        self._waiting: Deferred[None] | None = None
        stream.send_at_once()
        handshake = shake_hands(stream, self._connection, security)
        Deferred.fromCoroutine(handshake).addCallbacks(self._agreed, self._failed)

    def established(self) -> Deferred[None] | None:
        if self._established:
            return None
        if self._refused is not None:
            return fail(self._refused)
        self._waiting = Deferred()
        return self._waiting

    def _agreed(self, tickets: bytes) -> None:
        self._tickets = tickets
        # What the client has said right behind its part of the handshake.
        self._unread = input_waits(self._connection)
        self._established = True
        self._tell(None)

    def _failed(self, failure: Failure) -> None:
        self._refused = failure.value if isinstance(failure.value, Exception) else DataConnectionNotSecured()
        self._declined = isinstance(self._refused, DataConnectionNotResumed)
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
        received, error = self._decrypt(buffer)
        self._unread = input_waits(self._connection)
        if isinstance(error, SSL.ZeroReturnError):
            self._ended = True
            # Who waits for our end gets it, and the tickets; who is gone already has sent everything.
            with suppress(DataConnectionLost, BlockingIOError):
                self._say_end()
        elif isinstance(error, SSL.WantReadError):
            self._answer()
            if not received:
                raise BlockingIOError
        elif error is not None:
            # OpenSSL says what has happened only once.
            self._broken = _lost(error)
            if not received:
                raise self._broken
        return received

    def _decrypt(self, buffer: memoryview) -> tuple[int, SSL.Error | None]:
        if self._unread:
            received, error = read_into(self._connection, buffer)
            if received or not isinstance(error, SSL.WantReadError) or input_waits(self._connection):
                return received, error
            # It was the beginning of a record.
            self._unread = False
        records = record_buffers()[0][: max(len(buffer), _LONGEST_RECORD)]
        try:
            size = self._stream.receive_into(records)
        except BlockingIOError:
            # Behind data in one packet comes close_notify in another, which the peer's system holds back (Nagle).
            self._stream.acknowledge_at_once()
            raise
        if not size:
            raise DataConnectionTruncated("the data connection ended without close_notify")
        return decrypt_into(self._connection, records[:size], buffer)

    def _answer(self) -> None:
        """Send what TLS itself has to say to what came, as that keys are updated."""
        if output_waits(self._connection):
            self._held += outgoing(self._connection)
            with suppress(BlockingIOError):
                self._send_held()
            if len(self._held) > _MOST_ANSWERS:
                self._broken = DataConnectionLost("the data connection broke: it keeps TLS busy and takes no answer")
                raise self._broken

    def send(self, block: Block, more: bool) -> int:
        self._stream.demand_open()
        self._send_held()
        octets = memoryview(block)[:_PIECE]
        records = record_buffers()[0]
        size = self._encrypt(octets, records)
        sent = 0
        with suppress(BlockingIOError):
            sent = self._stream.send(records[:size], more or len(octets) < len(block))
        self._held = bytes(records[sent:size])
        return len(octets)

    def send_file(self, descriptor: int, offset: int, size: int) -> int:
        self._stream.demand_open()
        self._send_held()
        sent = 0
        buffers = cycle(record_buffers())
        with Sender(self._stream, size > _PORTION) as sender:
            while sent < size and not self._held:
                records = next(buffers)
                portion = min(size - sent, _PORTION, max(_LEAST, self._stream.room() - sender.started))
                taken, made = self._encrypt_file(descriptor, offset + sent, portion, records, sent > 0)
                if not taken:
                    break
                sent += taken
                self._held = sender.finish()
                if self._held:
                    self._held += records[:made]
                else:
                    sender.start(records[:made])
            self._held += sender.finish()
        return sent

    def _encrypt_file(
        self, descriptor: int, offset: int, size: int, records: memoryview, begun: bool
    ) -> tuple[int, int]:
        """
        Read and encrypt, in pieces that stay in the processor's cache.

        :param begun: whether there is something to return already, so that an error of the file can wait.
        :return: how many octets of the file, and of records.
        """
        octets = thread_buffer()[:_PIECE]
        taken = made = 0
        while taken < size:
            try:
                read = os.preadv(descriptor, [octets[: size - taken]], offset + taken)
            except OSError:
                # The next call comes to it again.
                if begun or taken:
                    break
                raise
            if not read:
                break
            made += self._encrypt(octets[:read], records[made:])
            taken += read
        return taken, made

    def _encrypt(self, octets: memoryview, records: memoryview) -> int:
        try:
            return encrypt_into(self._connection, octets, records)
        except SSL.Error as error:
            raise _lost(error) from error

    def _send_held(self) -> None:
        """:raises BlockingIOError: not all of it could be sent."""
        if self._tickets:
            self._held, self._tickets = self._tickets + self._held, b""
        while self._held:
            self._held = self._held[self._stream.send(self._held, True) :]

    def end(self) -> None:
        self._stream.demand_open()
        self._say_end()
        self._stream.end()

    def _say_end(self) -> None:
        """Send close_notify."""
        if not self._end_said:
            self._end_said = True
            try:
                self._connection.shutdown()
            except SSL.Error as error:
                raise _lost(error) from error
            self._held += outgoing(self._connection)
        self._send_held()

    # The socket

    def readable(self) -> Deferred[None]:
        if self._connection.pending():
            return succeed(None)
        # Records without data are no reason to keep others waiting.
        return self._stream.writable() if self._unread else self._stream.readable()

    def writable(self) -> Deferred[None]:
        return self._stream.writable()

    def progress(self, moved: int) -> int:
        return self._stream.progress(moved) - len(self._held)

    def unacknowledged(self) -> int:
        return self._stream.unacknowledged() + len(self._held)

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
    return DataConnectionLost(f"the data connection broke: {error}")
