"""Many transfers at once: whether wrong octets are seen."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import attrs
from twisted.trial.unittest import SynchronousTestCase

from benchmarks.clients import RefusedError, Session
from benchmarks.launch import Running
from benchmarks.many import transfers_at_once
from benchmarks.work import Sizes, Work, WrongOctetsError

_SIZE = 1000


class _Scripted(Session):
    """A session with a server that has the folder, and changes what it sends and stores."""

    def __init__(self, root: Path, change: Callable[[bytes], bytes], reply: bytes) -> None:
        self._control, self._server = socket.socketpair()
        self._pending = b""
        self._root = root
        self._change = change
        self._reply = reply

    def close(self) -> None:
        super().close()
        self._server.close()
        self._data.close()

    def passive(self) -> socket.socket:
        mine, self._data = socket.socketpair()
        return mine

    def send(self, line: str) -> None:
        verb, name = line.split()
        self._server.sendall(b"150-first\r\n150 now\r\n" + self._reply)
        if verb == "RETR":
            self._data.sendall(self._change((self._root / name).read_bytes()))
            self._data.shutdown(socket.SHUT_WR)
        else:
            number = name.partition("/")[2]
            octets = next(self._root.glob(f"checked-*/{number}")).read_bytes()
            (self._root / name).write_bytes(self._change(octets))


@attrs.frozen
class _Server:
    root: Path
    change: Callable[[bytes], bytes]
    reply: bytes = b"226 done\r\n"

    def session(self) -> Session:
        return _Scripted(self.root, self.change, self.reply)


def _same(octets: bytes) -> bytes:
    return octets


class ManyTests(SynchronousTestCase):
    """Transfers whose server is a script."""

    def setUp(self) -> None:
        """A folder to serve."""
        self.root = Path(self.mktemp())
        (self.root / "stored").mkdir(parents=True)

    def _transfers(self, change: Callable[[bytes], bytes], reply: bytes = b"226 done\r\n") -> object:
        server: Running = _Server(self.root, change, reply)  # type: ignore[assignment]
        return transfers_at_once(6, lambda work: _SIZE)(server, Work(self.root, Sizes()))

    def test_right(self) -> None:
        """What arrives as it was sent has its two figures, and what was stored is removed."""
        figures = self._transfers(_same)
        assert isinstance(figures, tuple)
        speed, spread = figures
        self.assertGreater(speed, 0)
        self.assertGreaterEqual(spread, 1)
        self.assertEqual(list((self.root / "stored").iterdir()), [])

    def test_files_differ(self) -> None:
        """Every file has content of its own, so that one in the place of another is seen."""
        self._transfers(_same)
        contents = [path.read_bytes() for path in self.root.glob("checked-*/*")]
        self.assertEqual([len(octets) for octets in contents], [_SIZE] * 3)
        self.assertEqual(len(set(contents)), 3)

    def test_wrong(self) -> None:
        """One octet that is changed, missing or too much is an error for downloads and uploads alike."""
        changes: list[Callable[[bytes], bytes]] = [
            lambda octets: octets[:500] + bytes([octets[500] ^ 1]) + octets[501:],
            lambda octets: octets[:-1],
            lambda octets: octets + b"x",
        ]
        for change in changes:
            with self.subTest():
                error = self.assertRaises(WrongOctetsError, self._transfers, change)
                self.assertIn("6 of 6 files", str(error))

    def test_refused(self) -> None:
        """A reply that is no success ends the work."""
        self.assertRaises(RefusedError, self._transfers, _same, b"426 broken\r\n")
