"""An FTP conversation by hand over TLS, with its records in sight."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from tests.integration.control import Control, ProtocolError, Reply

__all__ = ["VERSIONS", "TlsControl", "TlsSocket", "client_context"]

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)

_BLOCK = 65536
_KEPT = 65536

_T = TypeVar("_T")


def client_context(
    authority: bytes | None = None,
    *,
    version: ssl.TLSVersion | None = None,
    tickets: bool = True,
    protocols: Sequence[str] = (),
    certificate: Path | None = None,
    key_log: Path | None = None,
) -> ssl.SSLContext:
    """
    What a client wants of TLS.

    :param authority: the certificate (PEM) from which the server's must come; without it any is taken.
    :param version: the only one; without it whatever both know.
    :param tickets: whether sessions are resumed by tickets; by their numbers otherwise (TLS 1.2).
    :param protocols: what is asked for by ALPN.
    :param certificate: a file with the client's certificate and key.
    :param key_log: a file to write the secrets of every session to.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE if authority is None else ssl.CERT_REQUIRED
    if authority is not None:
        context.load_verify_locations(cadata=authority.decode("ascii"))
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if not tickets:
        context.options |= ssl.OP_NO_TICKET
    if protocols:
        context.set_alpn_protocols(list(protocols))
    if certificate is not None:
        context.load_cert_chain(certificate)
    if key_log is not None:
        context.keylog_filename = str(key_log)
    return context


class TlsSocket(socket.socket):
    """
    The client's end of a TLS connection, which takes the place of a connected socket.

    The handshake comes with the first octets, or by `shake_hands`. ``received``: the first octets of TLS itself that
    the server sent.
    """

    def __init__(
        self,
        connection: socket.socket,
        context: ssl.SSLContext,
        *,
        session: ssl.SSLSession | None = None,
        name: str | None = None,
    ) -> None:
        timeout = connection.gettimeout()
        super().__init__(connection.family, connection.type, connection.proto, connection.detach())
        self.settimeout(timeout)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name, session=session)
        self.received = bytearray()
        self._established = False

    # Octets of TLS itself

    def send_raw(self, octets: bytes) -> None:
        """Send octets as they are."""
        super().sendall(octets)

    def receive_raw(self) -> bytes:
        """What the server sends next, as it is; nothing at the end."""
        block = super().recv(_BLOCK)
        if len(self.received) < _KEPT:
            self.received += block
        return block

    def sealed(self, octets: bytes) -> bytes:
        """The records that would carry some octets, which are not sent."""
        self.shake_hands()
        self.tls.write(octets)
        return self._outgoing.read()

    def farewell(self) -> bytes:
        """The record that would carry close_notify, which is not sent."""
        with contextlib.suppress(ssl.SSLError):
            self.tls.unwrap()
        return self._outgoing.read()

    def hello(self) -> bytes:
        """The ClientHello, which is not sent."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self._outgoing.read()

    def _flush(self) -> None:
        octets = self._outgoing.read()
        if octets:
            self.send_raw(octets)

    def _drive(self, step: Callable[[], _T]) -> _T:
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                self._flush()
                block = self.receive_raw()
                if block:
                    self._incoming.write(block)
                else:
                    self._incoming.write_eof()
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    self._flush()
                raise
            else:
                self._flush()
                return result

    # Octets in TLS

    def shake_hands(self) -> None:
        """
        Do the handshake, unless it is done.

        :raises ssl.SSLError: it failed; ``ssl.SSLEOFError`` if the server ended the connection.
        """
        if not self._established:
            self._drive(self.tls.do_handshake)
            self._established = True

    def recv(self, size: int, flags: int = 0) -> bytes:
        """
        What came; nothing behind close_notify.

        :raises ssl.SSLEOFError: the connection ended without it.
        """
        self.shake_hands()
        return self._drive(lambda: self.tls.read(size))

    def sendall(self, data: bytes, flags: int = 0) -> None:  # type: ignore[override]
        """Send octets."""
        self.shake_hands()
        view = memoryview(data)
        while view:
            self.tls.write(view[:_BLOCK])
            view = view[_BLOCK:]
            self._flush()

    def end(self) -> None:
        """Send close_notify, and wait for nothing."""
        self.shake_hands()
        self.send_raw(self.farewell())

    def leave(self) -> tuple[socket.socket, bytes]:
        """
        End TLS on both sides and go on in clear.

        :return: the socket, and what has come in clear already.
        """
        self._drive(self.tls.unwrap)
        timeout = self.gettimeout()
        connection = socket.socket(fileno=self.detach())
        connection.settimeout(timeout)
        return connection, self._incoming.read()


class TlsControl(Control):
    """
    A control connection that can speak TLS, in clear at first.

    ``protected``: data connections speak TLS, and resume the control connection's session unless ``resumes`` is
    false; ``session`` is another one to resume.
    """

    def __init__(
        self,
        address: tuple[str, int],
        context: ssl.SSLContext,
        *,
        source: str | None = None,
        receive_buffer: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(address, source=source, receive_buffer=receive_buffer)
        self.context = context
        self.name = name
        self.protected = False
        self.resumes = True
        self.session: ssl.SSLSession | None = None

    @property
    def tls(self) -> TlsSocket:
        """The connection, which speaks TLS already."""
        if not isinstance(self.socket, TlsSocket):
            raise ProtocolError("the control connection speaks no TLS")
        return self.socket

    def begin_tls(self) -> None:
        """Send AUTH and do the handshake."""
        self.expect("AUTH TLS", 234)
        self.shake_hands()

    def shake_hands(self) -> None:
        """Do the handshake; nothing may have come in clear before it."""
        self.prepare_tls()
        self.tls.shake_hands()

    def prepare_tls(self) -> None:
        """Speak TLS from now on; its handshake comes with the first octets."""
        if self._buffer:
            raise ProtocolError(f"octets in clear in front of the handshake: {bytes(self._buffer)!r}")
        self.socket = TlsSocket(self.socket, self.context, name=self.name)

    def end_tls(self) -> None:
        """Go on in clear, by close_notify on both sides; ours may have been sent already."""
        self.socket, clear = self.tls.leave()
        self._buffer += clear

    def protect(self) -> None:
        """Have data connections protected."""
        self.expect("PBSZ 0", 200)
        self.expect("PROT P", 200)
        self.protected = True

    def login(self, user: str, password: str) -> None:
        """Read the greeting, begin TLS, log in, and have data connections protected, with TYPE I."""
        self.expect_reply(220)
        self.begin_tls()
        self.login_after_greeting(user, password)
        self.protect()

    def connect_data(
        self, address: tuple[str, int], *, source: str | None = None, receive_buffer: int | None = None
    ) -> socket.socket:
        """Connect to a passive port; the handshake, if there is to be one, comes with the first octets."""
        connection = super().connect_data(address, source=source, receive_buffer=receive_buffer)
        return self.secure_data(connection) if self.protected else connection

    def secure_data(self, connection: socket.socket) -> TlsSocket:
        """The client's end of a data connection's TLS."""
        session = self.session
        if session is None and self.resumes:
            session = self.tls.tls.session
        return TlsSocket(connection, self.context, session=session, name=self.name)

    def open_tls(self, *, receive_buffer: int | None = None, restart: int | None = None) -> TlsSocket:
        """A data connection that speaks TLS; see `open_data`."""
        connection = self.open_data(receive_buffer=receive_buffer, restart=restart)
        if not isinstance(connection, TlsSocket):
            raise ProtocolError("data connections are not protected")
        return connection

    def open_clear(self) -> socket.socket:
        """A data connection that speaks no TLS, whatever was agreed."""
        return Control.connect_data(self, self.extended_passive())

    def store(self, line: str | bytes, octets: bytes) -> Reply:
        """Send octets by a command such as STOR, over EPSV, and return its outcome."""
        if not self.protected:
            return super().store(line, octets)
        with self.open_tls() as data:
            self.expect(line, 150, 125)
            data.sendall(octets)
            data.end()
        return self.reply()

    def __enter__(self) -> TlsControl:
        return self
