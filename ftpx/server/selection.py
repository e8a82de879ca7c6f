"""Which entries the argument of a listing means."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager

import attrs

from ftpx.errors import NameRefused, NotFound
from ftpx.interfaces import Entry, IStorage, Kind, Path
from ftpx.server.arguments import ListingArgument
from ftpx.wire.commands import encode
from ftpx.wire.patterns import compile_pattern, has_pattern

__all__ = ["Selection", "select", "select_all"]

Page = Sequence[Entry]


@attrs.frozen
class Selection:
    """
    The entries of a listing. The first page has been read already, so whatever is wrong with the
    path is known before a data connection opens. ``prefix`` makes pathnames out of the names.
    """

    prefix: str
    first: Page
    rest: AsyncGenerator[Page, None]

    async def blocks(self, line: Callable[[Entry], str]) -> AsyncGenerator[bytes, None]:
        """The lines that a function makes of the entries, as octets, a page at a time."""
        yield _lines(self.first, line)
        async for page in self.rest:
            yield _lines(page, line)


def _lines(page: Page, line: Callable[[Entry], str]) -> bytes:
    return encode("".join([f"{line(entry)}\r\n" for entry in page]))


@asynccontextmanager
async def select(storage: IStorage, cwd: Path, argument: ListingArgument) -> AsyncIterator[Selection]:
    """
    Find what an argument means: a directory's entries, one entry, or those that match a pattern.

    :raises NotFound: nothing is there, or nothing matches.
    """
    path = argument.path
    must_match = False
    try:
        entry = await storage.stat(path)
    except (NotFound, NameRefused):
        # What no file can be called may still be a pattern.
        if not path or not has_pattern(path[-1]):
            raise
        must_match = True
        prefix = argument.text[: argument.text.rfind("/") + 1]
        pages = _matching(storage.list_directory(path[:-1]), compile_pattern(path[-1]))
    else:
        if entry.kind is Kind.DIRECTORY and "d" not in argument.options:
            prefix = "" if path == cwd else argument.text.rstrip("/") + "/"
            pages = storage.list_directory(path)
        else:
            prefix = ""
            pages = _one(attrs.evolve(entry, name=argument.text or "."))
    async with _begun(pages, prefix) as selection:
        if must_match and not selection.first:
            raise NotFound
        yield selection


def select_all(storage: IStorage, directory: Path) -> AbstractAsyncContextManager[Selection]:
    """
    Find the entries of a directory, by nothing but the listing of it.

    :raises NotFound, NotADirectory: there is none.
    """
    return _begun(storage.list_directory(directory), "")


@asynccontextmanager
async def _begun(pages: AsyncGenerator[Page, None], prefix: str) -> AsyncIterator[Selection]:
    async with aclosing(pages):
        try:
            # Not with a default: what waits in the generator would then get a tuple as several results.
            first = await anext(pages)
        except StopAsyncIteration:
            first = ()
        yield Selection(prefix, first, pages)


async def _matching(pages: AsyncGenerator[Page, None], matches: Callable[[str], bool]) -> AsyncGenerator[Page, None]:
    async with aclosing(pages):
        async for page in pages:
            chosen = [entry for entry in page if matches(entry.name)]
            if chosen:
                yield chosen


async def _one(entry: Entry) -> AsyncGenerator[Page, None]:
    yield [entry]
