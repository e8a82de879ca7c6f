"""A way to the server that breaks in the middle of a transfer, and notes what a client says."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from tests.integration.control import reset
from tests.integration.waiting import eventually

__all__ = ["BreakingProxy", "unread"]

_BLOCK = 65536
_EXTENDED_PASSIVE = re.compile(rb"\(\|\|\|(\d+)\|\)")
_PASSIVE = re.compile(rb"\((\d+,\d+,\d+,\d+),(\d+),(\d+)\)")
_SECONDS = 30


def unread(connection: socket.socket) -> int:
    """How much of what was sent over a connection of this machine its reader has not taken from the kernel."""
    here, there = (f"{address[1]:04X}" for address in (connection.getsockname(), connection.getpeername()))
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(":" + there) and fields[2].endswith(":" + here):
            return int(fields[4].partition(":")[2], 16)
    return 0


class BreakingProxy:
    """
    Listens on a port of its own, and leads to a server on 127.0.0.1, data connections too (PASV and EPSV).

    ``commands`` are what clients have sent; ``break_after`` octets, the next upload is reset, once.
    """

    def __init__(self, server: int) -> None:
        self.commands: list[str] = []
        self.break_after: int | None = None
        self._server = server
        self._open: set[socket.socket] = set()
        self._listener = self._listen()
        self.port: int = self._listener.getsockname()[1]
        self._begin(self._accept_sessions)

    def _begin(self, function: Callable[..., None], *arguments: object) -> None:
        def run() -> None:
            # Whoever goes away ends what was going on.
            with contextlib.suppress(OSError):
                function(*arguments)

        threading.Thread(target=run, daemon=True).start()

    def _listen(self) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", 0))
        self._open.add(listener)
        return listener

    def _accept_sessions(self) -> None:
        while True:
            client, _ = self._listener.accept()
            server = socket.create_connection(("127.0.0.1", self._server), _SECONDS)
            self._open |= {client, server}
            self._begin(self._relay_commands, client, server)
            self._begin(self._relay_replies, server, client)

    def _relay_commands(self, client: socket.socket, server: socket.socket) -> None:
        with client.makefile("rb") as lines:
            for line in lines:
                self.commands.append(line.decode("utf-8", "replace").strip())
                server.sendall(line)
        server.shutdown(socket.SHUT_WR)

    def _relay_replies(self, server: socket.socket, client: socket.socket) -> None:
        with server.makefile("rb") as lines:
            for line in lines:
                client.sendall(self._rewritten(line))
        client.shutdown(socket.SHUT_WR)

    def _rewritten(self, line: bytes) -> bytes:
        """A reply that leads to a port of ours in place of the server's."""
        if line.startswith(b"229 ") and (found := _EXTENDED_PASSIVE.search(line)):
            return _EXTENDED_PASSIVE.sub(b"(|||%d|)" % self._data_port(int(found[1])), line)
        if line.startswith(b"227 ") and (found := _PASSIVE.search(line)):
            port = self._data_port(int(found[2]) * 256 + int(found[3]))
            return _PASSIVE.sub(b"(127,0,0,1,%d,%d)" % divmod(port, 256), line)
        return line

    def _data_port(self, server: int) -> int:
        listener = self._listen()
        self._begin(self._accept_data, listener, server)
        port: int = listener.getsockname()[1]
        return port

    def _accept_data(self, listener: socket.socket, port: int) -> None:
        listener.settimeout(_SECONDS)
        client, _ = listener.accept()
        listener.close()
        server = socket.create_connection(("127.0.0.1", port), _SECONDS)
        self._open |= {client, server}
        # By one thread: a socket that another one waits for could not be reset.
        ends = {client: server, server: client}
        passed = 0
        while ends:
            for source in select.select(list(ends), [], [], _SECONDS)[0]:
                block = source.recv(_BLOCK)
                if source is client and self.break_after is not None and passed + len(block) >= self.break_after:
                    self._break(client, server, block[: self.break_after - passed])
                    return
                passed += len(block) * (source is client)
                if block:
                    ends[source].sendall(block)
                else:
                    ends.pop(source).shutdown(socket.SHUT_WR)

    def _break(self, client: socket.socket, server: socket.socket, last: bytes) -> None:
        """Pass on what is still to come to the server, and reset both connections when it has read that."""
        server.sendall(last)
        eventually(lambda: not unread(server), what="the server has read everything", pause=0.001)
        reset(server)
        reset(client)
        self.break_after = None

    def __enter__(self) -> BreakingProxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
