"""
A storage that fails, waits or reads too little where a plan says so, and the way to try every such place::

    storage = FaultyStorage(MyStorage(...), {Call("write", 2): Fail(NoSpace)})


    def story(plan: FaultPlan) -> Sequence[Call]:
        storage = FaultyStorage(MyStorage(...), plan)
        ...  # use it, and look at what has become of it
        return storage.calls


    every_fault(story)

Operations are called by the names that they have in `ftpx.interfaces`, those of open files among them; each page of a
listing is a call of ``list_directory``, and so is finding out that there is no more. What does not wait (``close``,
``rights``) does not fail. The octets of all files go by `IReadableFile.read` and `IWritableFile.write`, so files
provide what those of the inner storage do but for their descriptors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Final, TypeVar, cast

from twisted.internet.defer import Deferred
from zope.interface import alsoProvides, providedBy
from zope.interface.interface import InterfaceClass

from ftpx.interfaces import (
    Entry,
    ICreationTimes,
    IDurable,
    IFileDescriptor,
    IFreeSpace,
    IModes,
    IPartialFile,
    IPartialUploads,
    IQuotaLeft,
    IReadableFile,
    IRights,
    IServerSideCopy,
    IStorage,
    ISubtrees,
    ISymbolicLinks,
    ITimes,
    IWithoutLinks,
    IWritableFile,
    Path,
)
from ftpx.storage.forwarding import ForwardingStorage
from ftpx.testing.fault_plans import Call, Fail, Fault, FaultPlan, ShortRead, Stall, every_fault, plans_for

__all__ = ["Call", "Fail", "Fault", "FaultPlan", "FaultyStorage", "ShortRead", "Stall", "every_fault", "plans_for"]

_T = TypeVar("_T")


# What files do that waits, and what ends the use of one.
_WAITS: Final = frozenset({"read", "read_back", "write", "commit", "commit_durably", "abort", "suspend", "announce"})
_ENDS: Final = frozenset({"commit", "commit_durably", "suspend"})


class _Script:
    """Which calls were made, what becomes of the next, and which files are open."""

    def __init__(self, plan: FaultPlan) -> None:
        self.plan = plan
        self.calls: list[Call] = []
        self.stalled: list[Deferred[None]] = []
        self.open: list[object] = []
        self._counts: Counter[str] = Counter()

    async def call(self, operation: str, make: Callable[..., Awaitable[_T]], *arguments: Any, **named: Any) -> _T:
        """Make a call, unless it is to fail; see the plan."""
        self._counts[operation] += 1
        this = Call(operation, self._counts[operation])
        self.calls.append(this)
        match self.plan.get(this):
            case Fail(error, late=True):
                await self._lose(await make(*arguments, **named))
                raise error("the answer was lost, as planned")
            case Fail(error):
                raise error("failed, as planned")
            case Stall():
                waiting: Deferred[None] = Deferred()
                self.stalled.append(waiting)
                await waiting
            case ShortRead(octets):
                return cast("_T", cast(bytes, await make(*arguments, **named))[:octets])
        return await make(*arguments, **named)

    @staticmethod
    async def _lose(result: object) -> None:
        """What nobody was given is closed, and what was kept before is kept."""
        if IPartialFile.providedBy(result):
            await result.suspend()
        elif IWritableFile.providedBy(result):
            await result.abort()
        elif IReadableFile.providedBy(result):
            result.close()

    def opened(self, file: _T) -> _T:
        """Note that something is open."""
        self.open.append(file)
        return file

    def ended(self, file: object) -> None:
        """Note that it is not any more."""
        self.open = [other for other in self.open if other is not file]

    def release(self) -> None:
        """Let go of what waits."""
        stalled, self.stalled = self.stalled, []
        for waiting in stalled:
            if not waiting.called:
                waiting.callback(None)


class _FaultyFile:
    """A file whose calls go by the script."""

    def __init__(self, inner: Any, script: _Script) -> None:
        self._inner = inner
        self._script = script
        alsoProvides(self, *[each for each in providedBy(inner) if not each.isOrExtends(IFileDescriptor)])
        script.opened(self)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return partial(self._call, name, found) if name in _WAITS else found

    async def _call(self, name: str, make: Callable[..., Awaitable[_T]], *arguments: Any) -> _T:
        if name == "abort":
            self._script.ended(self)
        result = await self._script.call(name, make, *arguments)
        if name in _ENDS:
            self._script.ended(self)
        return result

    def close(self) -> None:
        """Let go of the file; see `IReadableFile`."""
        self._script.ended(self)
        self._inner.close()


class FaultyStorage(ForwardingStorage):
    """
    Another storage, whose calls fail, wait or read too little where a plan says so.

    :param inner: does everything else, and says which abilities there are.
    :param plan: which calls go wrong, and how.
    """

    abilities: ClassVar[Sequence[InterfaceClass]] = (
        ICreationTimes,
        IDurable,
        IFreeSpace,
        IModes,
        IPartialUploads,
        IQuotaLeft,
        IRights,
        IServerSideCopy,
        ISubtrees,
        ISymbolicLinks,
        ITimes,
        IWithoutLinks,
    )

    def __init__(self, inner: IStorage, plan: FaultPlan | None = None) -> None:
        super().__init__(inner)
        self._script = _Script(plan or {})

    @property
    def calls(self) -> Sequence[Call]:
        """The calls so far, in order."""
        return self._script.calls

    @property
    def stalled(self) -> int:
        """How many calls wait."""
        return len(self._script.stalled)

    @property
    def open(self) -> int:
        """How many files and listings are open."""
        return len(self._script.open)

    def release(self) -> None:
        """Let go of the calls that wait."""
        self._script.release()

    def _also(self, inner: IStorage) -> FaultyStorage:
        """A part of the inner storage, by the same script."""
        storage = FaultyStorage(inner)
        storage._script = self._script
        return storage

    def __getattr__(self, name: str) -> Any:
        found = super().__getattr__(name)
        if name in IRights:
            return found
        return partial(self._script.call, name, found)

    async def stat(self, path: Path) -> Entry:
        """The entry at a path; see `IStorage`."""
        return await self._script.call("stat", self.inner.stat, path)

    async def list_directory(self, path: Path) -> AsyncGenerator[Sequence[Entry], None]:
        """The entries of a directory; see `IStorage`."""
        pages = self._script.opened(self.inner.list_directory(path))
        try:
            while True:
                try:
                    page = await self._script.call("list_directory", pages.__anext__)
                except StopAsyncIteration:
                    return
                yield page
        finally:
            self._script.ended(pages)
            await pages.aclose()

    async def open_read(self, path: Path) -> IReadableFile:
        """Open a file; see `IStorage`."""
        file = await self._script.call("open_read", self.inner.open_read, path)
        return cast(IReadableFile, _FaultyFile(file, self._script))

    async def open_write(self, path: Path, *, offset: int | None = 0, exclusive: bool = False) -> IWritableFile:
        """Begin to write a file; see `IStorage`."""
        file = await self._script.call("open_write", self.inner.open_write, path, offset=offset, exclusive=exclusive)
        return cast(IWritableFile, _FaultyFile(file, self._script))

    async def make_directory(self, path: Path) -> None:
        """Make a directory; see `IStorage`."""
        await self._script.call("make_directory", self.inner.make_directory, path)

    async def remove_directory(self, path: Path) -> None:
        """Remove an empty directory; see `IStorage`."""
        await self._script.call("remove_directory", self.inner.remove_directory, path)

    async def remove_file(self, path: Path) -> None:
        """Remove anything but a directory; see `IStorage`."""
        await self._script.call("remove_file", self.inner.remove_file, path)

    async def rename(self, source: Path, destination: Path) -> None:
        """Give an entry another name; see `IStorage`."""
        await self._script.call("rename", self.inner.rename, source, destination)

    async def begin_upload(self, path: Path, owner: str, *, exclusive: bool = False) -> IPartialFile:
        """Begin to write a file that is kept if it breaks off; see `IPartialUploads`."""
        begin = IPartialUploads(self.inner).begin_upload
        file = await self._script.call("begin_upload", begin, path, owner, exclusive=exclusive)
        return cast(IPartialFile, _FaultyFile(file, self._script))

    async def continue_upload(
        self, path: Path, owner: str, offset: int | None, *, exclusive: bool = False
    ) -> IPartialFile | None:
        """Go on with what is kept; see `IPartialUploads`."""
        go_on = IPartialUploads(self.inner).continue_upload
        file = await self._script.call("continue_upload", go_on, path, owner, offset, exclusive=exclusive)
        return None if file is None else cast(IPartialFile, _FaultyFile(file, self._script))

    async def subtree(self, path: Path) -> IStorage:
        """A directory as a storage of its own, by the same plan; see `ISubtrees`."""
        return self._also(await self._script.call("subtree", ISubtrees(self.inner).subtree, path))

    def without_links(self) -> IStorage:
        """The same storage without links, by the same plan; see `IWithoutLinks`."""
        return self._also(IWithoutLinks(self.inner).without_links())
