"""An FTP conversation by hand: exact octets out, exact octets in."""

from __future__ import annotations

import re
import socket
import struct
from types import TracebackType

import attrs

__all__ = ["Control", "ProtocolError", "Reply", "port_argument", "read_all", "reset"]

_FIRST_LINE = re.compile(rb"([1-5][0-9]{2})([ -])")
_PASSIVE = re.compile(r"\((\d+),(\d+),(\d+),(\d+),(\d+),(\d+)\)")
_EXTENDED_PASSIVE = re.compile(r"\(\|\|\|(\d+)\|\)")
_LONGEST_LINE = 65536


class ProtocolError(AssertionError):
    """What came is no FTP reply, or not the one that was needed."""


@attrs.frozen
class Reply:
    """One reply: its code, and every line of it without line ends."""

    code: int
    lines: tuple[bytes, ...]

    @property
    def text(self) -> str:
        """All lines, joined by line feeds."""
        return b"\n".join(self.lines).decode("utf-8", "surrogateescape")


def reset(connection: socket.socket) -> None:
    """Close a connection so that the peer gets a reset instead of an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Control:
    """A control connection. Every line that comes must end with CR LF (invariant I2)."""

    def __init__(
        self,
        address: tuple[str, int] | str,
        *,
        source: str | None = None,
        timeout: float = 15,
        receive_buffer: int | None = None,
        preamble: bytes = b"",
    ) -> None:
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
        else:
            self.socket = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        self.socket.settimeout(timeout)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source is not None:
            self.socket.bind((source, 0))
        self.socket.connect(address)
        self.timeout = timeout
        self._source = source
        self._buffer = bytearray()
        if preamble:
            self.send(preamble)

    # Octets

    def send(self, data: bytes) -> None:
        """Send octets as they are."""
        self.socket.sendall(data)

    def send_urgent(self, data: bytes) -> None:
        """Send octets of which the last is TCP urgent data."""
        self.socket.send(data, socket.MSG_OOB)

    def _line(self) -> bytes:
        while b"\n" not in self._buffer:
            if len(self._buffer) > _LONGEST_LINE:
                raise ProtocolError("a reply line without an end")
            block = self.socket.recv(65536)
            if not block:
                raise EOFError(f"the control connection ended behind {bytes(self._buffer)!r}")
            self._buffer += block
        end = self._buffer.index(b"\n") + 1
        line = bytes(self._buffer[:end])
        del self._buffer[:end]
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise ProtocolError(f"a line that does not end with CR LF: {line!r}")
        return line[:-2]

    # Replies

    def reply(self) -> Reply:
        """
        The next reply.

        :raises EOFError: the connection ended.
        :raises TimeoutError: nothing came in time.
        """
        lines = [self._line()]
        first = _FIRST_LINE.match(lines[0])
        if first is None:
            raise ProtocolError(f"not a reply: {lines[0]!r}")
        if first[2] == b"-":
            last = first[1] + b" "
            while not lines[-1].startswith(last):
                lines.append(self._line())
        return Reply(int(first[1]), tuple(lines))

    def command(self, line: str | bytes) -> Reply:
        """Send one command line and return the next reply."""
        raw = line if isinstance(line, bytes) else line.encode("utf-8", "surrogateescape")
        self.send(raw + b"\r\n")
        return self.reply()

    def expect(self, line: str | bytes, *codes: int) -> Reply:
        """Send one command line; its reply has one of the codes."""
        answer = self.command(line)
        if answer.code not in codes:
            raise ProtocolError(f"{line!r} was answered by {answer.text!r}, not by {codes}")
        return answer

    def expect_reply(self, *codes: int) -> Reply:
        """The next reply, which has one of the codes."""
        answer = self.reply()
        if answer.code not in codes:
            raise ProtocolError(f"{answer.text!r} came, not {codes}")
        return answer

    def login(self, user: str, password: str) -> None:
        """Read the greeting and log in, with TYPE I."""
        self.expect_reply(220)
        self.login_after_greeting(user, password)

    def login_after_greeting(self, user: str, password: str) -> None:
        """Log in, with TYPE I."""
        self.expect(f"USER {user}", 331)
        self.expect(f"PASS {password}", 230)
        self.expect("TYPE I", 200)

    # Data connections

    def passive(self) -> tuple[str, int]:
        """Send PASV; the address in its answer."""
        found = _PASSIVE.search(self.expect("PASV", 227).text)
        if found is None:
            raise ProtocolError("227 without an address")
        numbers = [int(number) for number in found.groups()]
        return ".".join(map(str, numbers[:4])), numbers[4] * 256 + numbers[5]

    def extended_passive(self) -> tuple[str, int]:
        """Send EPSV; the control connection's host and the port in its answer."""
        found = _EXTENDED_PASSIVE.search(self.expect("EPSV", 229).text)
        if found is None:
            raise ProtocolError("229 without a port")
        return self.socket.getpeername()[0], int(found[1])

    def open_data(self, *, receive_buffer: int | None = None, restart: int | None = None) -> socket.socket:
        """A data connection by EPSV, with REST if the transfer is to begin at an offset."""
        address = self.extended_passive()
        if restart is not None:
            self.expect(f"REST {restart}", 350)
        return self.connect_data(address, receive_buffer=receive_buffer)

    def connect_data(
        self, address: tuple[str, int], *, source: str | None = None, receive_buffer: int | None = None
    ) -> socket.socket:
        """Connect to a passive port, from the address of the control connection or from another."""
        connection = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        connection.settimeout(self.timeout)
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            local = source or self._source
            if local is not None:
                connection.bind((local, 0))
            connection.connect(address)
        except BaseException:
            connection.close()
            raise
        return connection

    def listen_data(self) -> socket.socket:
        """A listening socket for the server to connect to, told by PORT or EPRT."""
        host = self.socket.getsockname()[0]
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        try:
            listener.settimeout(self.timeout)
            listener.bind((host, 0))
            listener.listen(1)
            port = listener.getsockname()[1]
            if ":" in host:
                self.expect(f"EPRT |2|{host}|{port}|", 200)
            else:
                self.expect(f"PORT {port_argument(host, port)}", 200)
        except BaseException:
            listener.close()
            raise
        return listener

    def retrieve(self, line: str | bytes) -> bytes:
        """All octets that a command such as RETR or LIST sends, over EPSV; its outcome is 226."""
        with self.open_data() as data:
            self.expect(line, 150, 125)
            received = read_all(data)
        self.expect_reply(226, 250)
        return received

    def store(self, line: str | bytes, octets: bytes) -> Reply:
        """Send octets by a command such as STOR, over EPSV, and return its outcome."""
        with self.open_data() as data:
            self.expect(line, 150, 125)
            data.sendall(octets)
        return self.reply()

    # The end

    def at_end(self) -> bool:
        """Read on until the server ends the connection; whether it did within the time."""
        try:
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            return True
        return True

    def reset(self) -> None:
        """Break the connection by a reset."""
        reset(self.socket)

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def __enter__(self) -> Control:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def port_argument(host: str, port: int) -> str:
    """The argument of PORT for an address."""
    return f"{host.replace('.', ',')},{port >> 8},{port & 255}"


def read_all(connection: socket.socket) -> bytes:
    """All octets until the peer ends the connection."""
    blocks = []
    while block := connection.recv(1 << 20):
        blocks.append(block)
    return b"".join(blocks)
