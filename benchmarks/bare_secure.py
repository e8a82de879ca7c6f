"""
The bare loops under TLS: what the machine can do with OpenSSL from Python, without any server around it.

``python -m benchmarks.bare_secure PORT ROOT CERTIFICATE`` answers one connection after the
other. A line in clear says what is asked for, then comes the handshake. ``LIBRARY RETR NAME``
is a loop of reading 256 KiB of the file into a reused buffer and one ``SSL_write`` of them;
``LIBRARY STOR NAME`` one of ``SSL_read`` until such a buffer is full, and `os.write`. The
sockets block. LIBRARY is ``ssl``, Python's own module, or ``OpenSSL``, the package pyOpenSSL
that Twisted uses. They may bring different versions of OpenSSL.
"""

from __future__ import annotations

import os
import socket
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import attrs
from OpenSSL import SSL

from benchmarks.clients import connect
from benchmarks.secure import SecureConnection

__all__ = ["LIBRARIES", "ask", "openssl_versions", "serve"]

_BLOCK = 256 << 10
# SSL_MODE_ENABLE_PARTIAL_WRITE: pyOpenSSL sets it, and a call then writes a single record of 16 KiB.
_PARTIAL_WRITE = 1


class _Tls(Protocol):
    """What the loops need of a connection, whose ``receive_into`` tells 0 at the close_notify."""

    def sendall(self, block: memoryview) -> None: ...

    def receive_into(self, buffer: memoryview) -> int: ...


@attrs.frozen
class _Standard:
    connection: ssl.SSLSocket

    def sendall(self, block: memoryview) -> None:
        self.connection.sendall(block)

    def receive_into(self, buffer: memoryview) -> int:
        return self.connection.recv_into(buffer)


@attrs.frozen
class _PyOpenSsl:
    connection: SSL.Connection

    def sendall(self, block: memoryview) -> None:
        self.connection.sendall(block)

    def receive_into(self, buffer: memoryview) -> int:
        try:
            return int(self.connection.recv_into(buffer))
        except SSL.ZeroReturnError:
            return 0


def ask(port: int, line: str) -> SecureConnection:
    """Ask `serve` for something; the connection after its handshake. `serve` ends it when all is done."""
    connection = connect(port)
    connection.sendall(line.encode() + b"\n")
    secure = SecureConnection(connection)
    secure.handshake()
    return secure


def openssl_versions() -> dict[str, str]:
    """Which OpenSSL each of the libraries brings."""
    texts = {"ssl": ssl.OPENSSL_VERSION, "pyOpenSSL": SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode()}
    return {f"OpenSSL of {library}": text.split()[1] for library, text in texts.items()}


def serve(port: int, root: Path, certificate: Path) -> None:
    """Answer connections on a port of 127.0.0.1, one after the other, for ever."""
    accepting = {name: begin(certificate) for name, begin in LIBRARIES.items()}
    with socket.create_server(("127.0.0.1", port)) as listener:
        while True:
            connection, _ = listener.accept()
            # The library owns a copy; a download ends with a FIN, and an upload without a word.
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                library, _, asked = _line(connection).partition(" ")
                verb, _, name = asked.partition(" ")
                if library in accepting and verb in _LOOPS:
                    _LOOPS[verb](accepting[library](connection.dup()), root / name)
                    connection.shutdown(socket.SHUT_WR)


def _line(connection: socket.socket) -> str:
    """The line in clear, and nothing of the handshake behind it."""
    line = b""
    while not line.endswith(b"\n") and (octet := connection.recv(1)):
        line += octet
    return line.decode().strip()


def _standard(certificate: Path) -> Callable[[socket.socket], _Tls]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return lambda connection: _Standard(context.wrap_socket(connection, server_side=True))


def _pyopenssl(certificate: Path) -> Callable[[socket.socket], _Tls]:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate_file(str(certificate))
    context.use_privatekey_file(str(certificate))
    context.clear_mode(_PARTIAL_WRITE)

    def accept(connection: socket.socket) -> _Tls:
        secure = SSL.Connection(context, connection)
        secure.set_accept_state()
        secure.do_handshake()
        return _PyOpenSsl(secure)

    return accept


def _send_file(connection: _Tls, path: Path) -> None:
    buffer = memoryview(bytearray(_BLOCK))
    source = os.open(path, os.O_RDONLY)
    try:
        while size := os.readv(source, [buffer]):
            connection.sendall(buffer[:size])
    finally:
        os.close(source)


def _receive_file(connection: _Tls, path: Path) -> None:
    buffer = memoryview(bytearray(_BLOCK))
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        while filled := _fill(connection, buffer):
            written = 0
            while written < filled:
                written += os.write(target, buffer[written:filled])
    finally:
        os.close(target)


def _fill(connection: _Tls, buffer: memoryview) -> int:
    """Read until the buffer is full or the stream ends; how much it holds."""
    filled = 0
    while filled < len(buffer) and (size := connection.receive_into(buffer[filled:])):
        filled += size
    return filled


LIBRARIES: dict[str, Callable[[Path], Callable[[socket.socket], _Tls]]] = {"ssl": _standard, "OpenSSL": _pyopenssl}
_LOOPS: dict[str, Callable[[_Tls, Path], None]] = {"RETR": _send_file, "STOR": _receive_file}


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
