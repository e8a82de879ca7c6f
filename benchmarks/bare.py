"""
The bare loops: what the machine itself can do, without any server around it.

``python -m benchmarks.bare PORT ROOT`` answers one connection after the other. ``RETR NAME``
is a loop of blocking `os.sendfile`, 4 MiB a call; ``STOR NAME`` one of ``recv_into`` a reused
1 MiB buffer and `os.write`; ``HASH NAME`` the same with a SHA-256 of all of it. A line of its
own takes the place of the 150 and 226 replies.
"""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from pathlib import Path

from benchmarks.clients import connect, drain, feed

__all__ = ["retrieve", "serve", "store"]

_SEND = 4 << 20
_RECEIVE = 1 << 20


def retrieve(port: int, name: str) -> int:
    """Fetch a file from `serve` and throw it away; how many octets it had."""
    with connect(port) as connection:
        connection.sendall(f"RETR {name}\n".encode())
        return drain(connection)


def store(port: int, name: str, source: int, size: int, verb: str = "STOR") -> None:
    """Store the first ``size`` octets of the file ``source`` by `serve`; return when it has them all."""
    with connect(port) as connection:
        connection.sendall(f"{verb} {name}\n".encode())
        if connection.recv(16) != b"ready\n":
            raise ConnectionError("the bare loop did not start")
        feed(connection, source, size)
        connection.shutdown(socket.SHUT_WR)
        if connection.recv(16) != b"done\n":
            raise ConnectionError("the bare loop did not finish")


def serve(port: int, root: Path) -> None:
    """Answer connections on a port of 127.0.0.1, one after the other, for ever."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        while True:
            connection, _ = listener.accept()
            with connection:
                verb, _, name = connection.recv(4096).decode().strip().partition(" ")
                if verb == "RETR":
                    _send_file(connection, root / name)
                elif verb in {"STOR", "HASH"}:
                    connection.sendall(b"ready\n")
                    _receive_file(connection, root / name, verb == "HASH")
                    connection.sendall(b"done\n")


def _send_file(connection: socket.socket, path: Path) -> None:
    source = os.open(path, os.O_RDONLY)
    try:
        offset = 0
        while sent := os.sendfile(connection.fileno(), source, offset, _SEND):
            offset += sent
    finally:
        os.close(source)


def _receive_file(connection: socket.socket, path: Path, hashing: bool) -> None:
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    buffer = memoryview(bytearray(_RECEIVE))
    digest = hashlib.sha256()
    try:
        while size := connection.recv_into(buffer):
            if hashing:
                digest.update(buffer[:size])
            written = 0
            while written < size:
                written += os.write(target, buffer[written:size])
    finally:
        os.close(target)


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]))
