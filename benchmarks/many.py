"""
Many transfers at once, half of them down and half up, with every octet checked.

All files have the same size and each has content of its own. What came down is compared by its
SHA-256, and so is what was stored; both after the clock has stopped. One thread moves everything:
it waits for all connections together, and moves at most a block at a time on each of them, so that
none is preferred by the client.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import mmap
import os
import selectors
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import attrs

from benchmarks.clients import RefusedError, Session
from benchmarks.launch import Running
from benchmarks.work import Work, WrongOctetsError, throughput

__all__ = ["transfers_at_once"]

_BLOCK = 256 << 10
_PATIENCE = 60
_SEED = 959


@attrs.frozen
class _Content:
    """A file of the work: its name under the root that is served, and its digest."""

    name: str
    digest: str


@functools.cache
def _contents(root: Path, count: int, size: int) -> list[_Content]:
    """Write so many files of a size, each of other octets, the same in every run."""
    folder = f"checked-{count}-{size}"
    (root / folder).mkdir()
    found = []
    for number in range(count):
        octets = Random(_SEED + number).randbytes(size)
        content = _Content(f"{folder}/{number}", hashlib.sha256(octets).hexdigest())
        (root / content.name).write_bytes(octets)
        found.append(content)
    return found


class _Transfer:
    """One transfer of a session: it ends when its data connection has ended and its last reply has come."""

    event: int

    def __init__(self, session: Session, line: str) -> None:
        self.session = session
        self.line = line
        self.data = session.passive()
        self.data.setblocking(False)
        self.begun = False
        self.moved_all = False
        self.replied = False

    @property
    def ended(self) -> bool:
        return self.moved_all and self.replied

    def hear(self) -> None:
        """Take the replies that have come."""
        for line in self.session.arrived():
            if line[:3] in {b"150", b"125"}:
                self.begun = True
            elif line[:3] in {b"226", b"250"}:
                self.replied = True
            else:
                raise RefusedError(line.decode(errors="replace"))

    def move(self) -> None:
        """Move a block, or less; sets ``moved_all`` at the end."""
        raise NotImplementedError


class _Download(_Transfer):
    event = selectors.EVENT_READ

    def __init__(self, session: Session, name: str, buffer: memoryview) -> None:
        super().__init__(session, f"RETR {name}")
        self._buffer = buffer
        self._filled = 0

    def move(self) -> None:
        # The buffer has room for one octet more than the file, so that a file that is too long is seen.
        space = self._buffer[self._filled : self._filled + _BLOCK]
        size = self.data.recv_into(space) if space else 0
        self._filled += size
        self.moved_all = not size

    def digest(self) -> str:
        return hashlib.sha256(self._buffer[: self._filled]).hexdigest()


class _Upload(_Transfer):
    event = selectors.EVENT_WRITE

    def __init__(self, session: Session, name: str, source: int, size: int) -> None:
        super().__init__(session, f"STOR {name}")
        self._source = source
        self._offset = 0
        self._size = size

    def move(self) -> None:
        count = min(_BLOCK, self._size - self._offset)
        self._offset += os.sendfile(self.data.fileno(), self._source, self._offset, count)
        self.moved_all = self._offset == self._size


def transfers_at_once(count: int, each: Callable[[Work], int]) -> Callable[[Running, Work], tuple[float, float]]:
    """
    The work of ``count`` transfers of files of ``each`` octets.

    Its figures are GB a second in all, and how many times longer the slowest transfer took than the fastest, from the
    moment before the first command to the last reply of the transfer. `WrongOctetsError` if what arrived is not what
    was sent.
    """

    def run(server: Running, work: Work) -> tuple[float, float]:
        size = each(work)
        contents = _contents(work.root, count // 2, size)
        with contextlib.ExitStack() as stack:
            sessions = [stack.enter_context(server.session()) for _ in range(2 * len(contents))]
            down = [
                _Download(session, content.name, buffer)
                for session, content, buffer in zip(
                    sessions[::2], contents, _buffers(len(contents), size + 1), strict=True
                )
            ]
            up = [
                _Upload(session, f"stored/{number}", stack.enter_context(work.source(content.name)), size)
                for number, (session, content) in enumerate(zip(sessions[1::2], contents, strict=True))
            ]
            for transfer in (*down, *up):
                stack.callback(transfer.data.close)
            seconds = _run([transfer for pair in zip(down, up, strict=True) for transfer in pair])
            wrong = [
                item.name for item, transfer in zip(contents, down, strict=True) if transfer.digest() != item.digest
            ]
        wrong += _wrongly_stored(work, contents)
        if wrong:
            raise WrongOctetsError(f"{len(wrong)} of {count} files arrived with other octets: {', '.join(wrong[:5])}")
        moved = size * 2 * len(contents)
        return throughput(moved, moved, max(seconds)), max(seconds) / min(seconds)

    return run


def _run(transfers: list[_Transfer]) -> list[float]:
    """Begin all of them, and move octets until the last has ended; the seconds that each took."""
    ends: list[float] = []
    with selectors.EpollSelector() as selector:
        for transfer in transfers:
            selector.register(transfer.session, selectors.EVENT_READ, (transfer, transfer.hear))
        begin = time.perf_counter()
        for transfer in transfers:
            transfer.session.send(transfer.line)
        while len(ends) < len(transfers):
            for key, _ in selector.select(_PATIENCE) or _give_up():
                transfer, step = key.data
                begun = transfer.begun
                step()
                if transfer.begun and not begun:
                    selector.register(transfer.data, transfer.event, (transfer, transfer.move))
                if transfer.moved_all and transfer.data.fileno() >= 0:
                    selector.unregister(transfer.data)
                    transfer.data.close()
                if transfer.ended:
                    selector.unregister(transfer.session)
                    ends.append(time.perf_counter() - begin)
    return ends


def _buffers(count: int, size: int) -> list[memoryview]:
    """Memory for downloads, which the kernel has made ready, so that the client need not wait for it."""
    memory = memoryview(mmap.mmap(-1, count * size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE))
    return [memory[number * size : (number + 1) * size] for number in range(count)]


def _wrongly_stored(work: Work, contents: list[_Content]) -> list[str]:
    """The names of stored files whose octets are wrong or that are missing; removes all that was stored."""
    found = {}
    for path in (work.root / "stored").iterdir():
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    work.clear()
    wanted = {str(number): content.digest for number, content in enumerate(contents)}
    return [f"stored/{name}" for name in sorted({*found, *wanted}) if found.get(name) != wanted.get(name)]


def _give_up() -> list[tuple[selectors.SelectorKey, int]]:
    raise TimeoutError("nothing moved for a minute")
