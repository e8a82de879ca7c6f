"""Which entries the argument of a listing means."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import ArgumentError, NotADirectory, NotFound
from ftpx.interfaces import Entry, Kind, Path
from ftpx.server.arguments import LISTING
from ftpx.server.selection import select
from ftpx.storage.memory import MemoryStorage


class _WaitingStorage(MemoryStorage):
    """A storage whose listings wait for something that is a tuple."""

    def __init__(self, waiting: Deferred[tuple[str, str]]) -> None:
        super().__init__()
        self._waiting = waiting

    async def list_directory(self, path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        """See `IStorage`."""
        yield [Entry(name, Kind.FILE) for name in await self._waiting]


class SelectTests(SynchronousTestCase):
    """Directories, single entries and patterns."""

    def setUp(self) -> None:
        """Make a tree."""
        self.storage = MemoryStorage()
        self.successResultOf(Deferred.fromCoroutine(self.fill()))

    async def fill(self) -> None:
        """Make d with two texts and a hidden one, an empty directory, and a file."""
        for directory in ("d", "e"):
            await self.storage.make_directory((directory,))
        files: list[Path] = [("d", "a.txt"), ("d", "b.txt"), ("d", ".hidden.txt"), ("d", "c"), ("f",), ("[x]",)]
        for path in files:
            await (await self.storage.open_write(path)).commit()

    async def names(self, argument: str | None, cwd: Path) -> list[str]:
        """The names in the lines, each with the prefix."""
        async with select(self.storage, cwd, LISTING.parse(argument, cwd)) as selection:
            blocks = [block async for block in selection.blocks(lambda entry: selection.prefix + entry.name)]
        return b"".join(blocks).decode().split("\r\n")[:-1]

    def found(self, argument: str | None, cwd: Path = ()) -> list[str]:
        """What a listing has."""
        return self.successResultOf(Deferred.fromCoroutine(self.names(argument, cwd)))

    def test_directories(self) -> None:
        """Entries of a directory carry the path as it was written, those of the working directory none."""
        self.assertEqual(self.found(None), ["[x]", "d", "e", "f"])
        self.assertEqual(self.found("/"), ["[x]", "d", "e", "f"])
        self.assertEqual(self.found("d/"), ["d/.hidden.txt", "d/a.txt", "d/b.txt", "d/c"])
        self.assertEqual(self.found("-a ../d", ("e",)), ["../d/.hidden.txt", "../d/a.txt", "../d/b.txt", "../d/c"])
        self.assertEqual(self.found("/", ("d",)), ["/[x]", "/d", "/e", "/f"])
        self.assertEqual(self.found("."), ["[x]", "d", "e", "f"])
        self.assertEqual(self.found("e"), [])

    def test_single_entries(self) -> None:
        """A file, or with -d a directory, is one entry by the name that was asked for."""
        self.assertEqual(self.found("d/a.txt"), ["d/a.txt"])
        self.assertEqual(self.found("-d d"), ["d"])
        self.assertEqual(self.found("-d"), ["."])

    def test_patterns(self) -> None:
        """A pattern in the last name chooses among entries; hidden ones only by a pattern with a dot."""
        self.assertEqual(self.found("d/*.txt"), ["d/a.txt", "d/b.txt"])
        self.assertEqual(self.found("[ab].txt", ("d",)), ["a.txt", "b.txt"])
        self.assertEqual(self.found("d/.*"), ["d/.hidden.txt"])
        self.assertEqual(self.found("-l ?"), ["d", "e", "f"])

    def test_pattern_that_is_a_name(self) -> None:
        """A name that is there is no pattern."""
        self.assertEqual(self.found("[x]"), ["[x]"])

    def test_nothing(self) -> None:
        """What is not there, or matches nothing, is an error, and so is a pattern beneath a file or too long."""
        for argument, error in (
            ("g", NotFound),
            ("g/*", NotFound),
            ("*.pdf", NotFound),
            ("e/*", NotFound),
            ("d*/a.txt", NotFound),
            ("f/*", NotADirectory),
            ("*" * 300, ArgumentError),
        ):
            self.failureResultOf(Deferred.fromCoroutine(self.names(argument, ())), error)

    def test_listing_that_waits(self) -> None:
        """What a listing waits for arrives as it is, a tuple too."""
        waiting: Deferred[tuple[str, str]] = Deferred()
        self.storage = _WaitingStorage(waiting)
        names = Deferred.fromCoroutine(self.names(None, ()))
        self.assertNoResult(names)
        waiting.callback(("a", "b"))
        self.assertEqual(self.successResultOf(names), ["a", "b"])

    def test_pages(self) -> None:
        """A directory of many pages is read a page at a time, whatever page a match is on."""

        async def fill() -> None:
            await self.storage.make_directory(("many",))
            for number in range(3000):
                await (await self.storage.open_write(("many", f"{number:04}"))).commit()

        self.successResultOf(Deferred.fromCoroutine(fill()))
        self.assertEqual(len(self.found("many")), 3000)
        self.assertEqual(self.found("many/*00"), [f"many/{number:02}00" for number in range(30)])
        self.assertEqual(self.found("many/2999"), ["many/2999"])
