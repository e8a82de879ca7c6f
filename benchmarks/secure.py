"""
The client under TLS 1.3, and as cheap: what takes long is not done while the clock runs.

A large download is thrown away inside the kernel as it comes, still encrypted, and a large
upload is encrypted before it is timed and then sent by ``os.sendfile``. Small files and
replies are decrypted. Every data connection resumes the TLS session of its control
connection, which vsftpd demands.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from benchmarks.certificate import SUITE
from benchmarks.clients import RefusedError, Session, drain, feed

__all__ = ["SecureConnection", "SecureSession", "Upload", "half_of_a_client_hello", "least_encrypted"]

# RFC 8446, section 5.2: a record holds so much, and has a header, its true type and a tag on top.
_RECORD = 1 << 14
_OVERHEAD = 5 + 1 + 16
_BLOCK = 256 << 10


def _new_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


_CONTEXT = _new_context()


def least_encrypted(size: int) -> int:
    """How many octets of TLS 1.3 records ``size`` octets make at least."""
    return size + -(-size // _RECORD) * _OVERHEAD


def half_of_a_client_hello() -> bytes:
    """The first half of what a client says first."""
    outgoing = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        _CONTEXT.wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    hello = outgoing.read()
    return hello[: len(hello) // 2]


class SecureConnection:
    """
    One end of TLS over a connected socket, which it owns.

    It resumes a ``session`` where there is one. A suite other than `SUITE` raises
    `RefusedError`: its figures could not be compared.
    """

    def __init__(self, connection: socket.socket, session: ssl.SSLSession | None = None) -> None:
        self._connection = connection
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = _CONTEXT.wrap_bio(self._incoming, self._outgoing, session=session)

    def __enter__(self) -> SecureConnection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def handshake(self) -> None:
        """Do the handshake."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                self._pull()
            else:
                break
        self._flush()
        _check_suite(self._tls.cipher())

    def count(self) -> int:
        """Decrypt everything up to the close_notify; how many octets that was."""
        total = 0
        while True:
            try:
                size = len(self._tls.read(_BLOCK))
            except ssl.SSLWantReadError:
                self._pull()
                continue
            if not size:
                break
            total += size
        self._close_notify()
        self._flush()
        return total

    def discard(self, size: int) -> None:
        """
        Throw away a download of ``size`` octets as it comes, still encrypted.

        `RefusedError` if there were too few for that size.
        """
        least = least_encrypted(size)
        came = self._incoming.pending
        came += drain(self._connection, least - came)
        if came < least:
            raise RefusedError(f"{came} encrypted octets came, and {size} in clear are {least} at least")
        # A server may wait for it; one that does not may have gone already.
        with contextlib.suppress(ConnectionError):
            self._close_notify()
            self._flush()
            drain(self._connection)

    def encrypt(self, source: int, size: int) -> Upload:
        """The first ``size`` octets of the file ``source``, and the close_notify, ready to be sent."""
        upload = Upload()
        offset = 0
        while block := os.pread(source, min(_BLOCK, size - offset), offset):
            offset += self._tls.write(block)
            upload.add(self._outgoing.read())
        self._close_notify()
        upload.add(self._outgoing.read())
        return upload

    def send(self, upload: Upload) -> None:
        """Send what was encrypted, and wait until the other side has ended the connection."""
        feed(self._connection, upload.descriptor, upload.size)
        self._connection.shutdown(socket.SHUT_WR)
        # What is left unread would reset the connection when it is closed, and might cost the upload its end.
        drain(self._connection)

    def _close_notify(self) -> None:
        # Without it OpenSSL gives up the session, and no other connection can resume it.
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()

    def _flush(self) -> None:
        self._connection.sendall(self._outgoing.read())

    def _pull(self) -> None:
        block = self._connection.recv(_BLOCK)
        if block:
            self._incoming.write(block)
        else:
            self._incoming.write_eof()


class Upload:
    """An encrypted file in memory: its descriptor, and its size in octets."""

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("encrypted")
        self.size = 0

    def __enter__(self) -> Upload:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.descriptor)

    def add(self, block: bytes) -> None:
        """Append what was encrypted."""
        while block:
            written = os.write(self.descriptor, block)
            self.size += written
            block = block[written:]


class SecureSession(Session):
    """A control connection under explicit TLS (RFC 4217); its transfers are under TLS, too."""

    _tls: ssl.SSLSocket

    @classmethod
    def greeted(cls, port: int) -> Self:
        """A connection that the server has greeted, after AUTH TLS and a full handshake."""
        session = super().greeted(port)
        session.command("AUTH TLS", b"234")
        session._control = session._tls = _CONTEXT.wrap_socket(session._control)
        _check_suite(session._tls.cipher())
        return session

    def prepare(self) -> None:
        """TYPE I and PROT P."""
        super().prepare()
        self.command("PBSZ 0", b"200")
        self.command("PROT P", b"200")

    def retrieve(self, name: str) -> int:
        """Fetch and decrypt a file; how many octets it had."""
        with self.transfer(f"RETR {name}") as data:
            return data.count()

    @contextlib.contextmanager
    def transfer(self, line: str) -> Iterator[SecureConnection]:
        """The data connection of a command, by EPSV and after its handshake; at the end the 226 is awaited."""
        with SecureConnection(self.passive(), self._tls.session) as data:
            self.send(line)
            try:
                data.handshake()
            except OSError:
                # The server's own words are a better reason.
                self.expect(b"150", b"125")
                self.expect(b"226", b"250")
                raise
            self.expect(b"150", b"125")
            yield data
        self.expect(b"226", b"250")


def _check_suite(cipher: tuple[str, str, int] | None) -> None:
    if cipher is None or cipher[0] != SUITE:
        raise RefusedError(f"the server chose {cipher[0] if cipher else 'nothing'}, not {SUITE}")
