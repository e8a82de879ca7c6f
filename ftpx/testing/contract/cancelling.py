"""The part of the storage contract about operations that nobody waits for any more."""

# The assertions of Twisted's test case have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final

from twisted.internet.defer import CancelledError, Deferred

from ftpx.interfaces import IPartialUploads, IStorage
from ftpx.testing.contract.case import StorageCase
from ftpx.testing.pool import SteppedPool
from ftpx.testing.trees import Tree, read_tree

__all__ = ["CancellingContract"]

_MOST_CALLS: Final = 200
_LONG: Final = b"0123456789" * 20_000
_BEFORE: Final[Tree] = {("a",): b"old", ("b",): _LONG, ("d",): None, ("full",): None, ("full", "c"): b"c"}

_Story = Callable[[IStorage], Awaitable[object]]


async def _store(storage: IStorage, offset: int | None = 0) -> None:
    target = await storage.open_write(("a",), offset=offset)
    try:
        await target.write(_LONG)
        await target.write(b"end")
        await target.commit()
    finally:
        await target.abort()


async def _append(storage: IStorage) -> None:
    await _store(storage, None)


async def _abort(storage: IStorage) -> None:
    target = await storage.open_write(("a",))
    try:
        await target.write(_LONG)
    finally:
        await target.abort()


async def _break_off(storage: IStorage) -> None:
    if not IPartialUploads.providedBy(storage):
        return
    target = await IPartialUploads(storage).begin_upload(("a",), "alice")
    try:
        await target.write(_LONG)
        await target.suspend()
    finally:
        await target.abort()
    await IPartialUploads(storage).discard_partial(("a",), "alice")


async def _fetch(storage: IStorage) -> None:
    source = await storage.open_read(("b",))
    try:
        await source.read(0, 1000)
        await source.read(100_000, 1000)
    finally:
        source.close()


async def _list(storage: IStorage) -> None:
    pages = storage.list_directory(())
    try:
        async for _ in pages:
            pass
    finally:
        await pages.aclose()


def _without(*names: str) -> Tree:
    return {path: content for path, content in _BEFORE.items() if path[0] not in names}


# What is done, by its name, and what is there when it was.
_STORIES: Final[Mapping[str, tuple[_Story, Tree]]] = {
    "look": (lambda storage: storage.stat(("a",)), _BEFORE),
    "list": (_list, _BEFORE),
    "fetch": (_fetch, _BEFORE),
    "store": (_store, {**_BEFORE, ("a",): _LONG + b"end"}),
    "append": (_append, {**_BEFORE, ("a",): b"old" + _LONG + b"end"}),
    "throw away": (_abort, _BEFORE),
    "break off": (_break_off, _BEFORE),
    "make a directory": (lambda storage: storage.make_directory(("new",)), {**_BEFORE, ("new",): None}),
    "remove a directory": (lambda storage: storage.remove_directory(("d",)), _without("d")),
    "remove a file": (lambda storage: storage.remove_file(("a",)), _without("a")),
    "rename over a file": (lambda storage: storage.rename(("a",), ("b",)), {**_without("a"), ("b",): b"old"}),
    "rename a directory": (
        lambda storage: storage.rename(("full",), ("new",)),
        {**_without("full"), ("new",): None, ("new", "c"): b"c"},
    ),
}


class CancellingContract(StorageCase):
    """
    An operation that is cancelled while it waits was done or was not, and leaves nothing open.

    The calls of the storage are held back one after another: see `StorageCase.make_storage_on`.
    """

    def test_cancelled_before_a_call(self) -> None:
        """Whatever is cancelled while a call waits for a thread, old or new is whole, and all goes on."""
        self._cancel_everywhere(late=False)

    def test_cancelled_within_a_call(self) -> None:
        """So it is if the call is being made, and ends when nobody waits for it."""
        self._cancel_everywhere(late=True)

    def _cancel_everywhere(self, *, late: bool) -> None:
        for name, (story, after) in _STORIES.items():
            calls = 0
            while self._cancelled(name, story, after, calls, late=late):
                calls += 1
                self.assertLess(calls, _MOST_CALLS, name)

    def _cancelled(self, name: str, story: _Story, after: Tree, calls: int, *, late: bool) -> bool:
        """Cancel a story behind so many calls. False: it was over by then."""
        pool = SteppedPool()
        self.storage = self.make_storage_on(pool)
        for path, content in _BEFORE.items():
            if content is None:
                self.make_directory(path)
            else:
                self.put(path, content)
        pool.waits = True
        waiting: Deferred[object] = Deferred.fromCoroutine(self._told(story))
        for _ in range(calls):
            if pool.waiting:
                pool.make_next()
        over = waiting.called
        waiting.cancel()
        if not late:
            pool.waiting = [call for call in pool.waiting if not call[0].called]
        for _ in range(_MOST_CALLS):
            if pool.waiting:
                pool.make_next()
        pool.waits = False
        ended: list[object] = []
        waiting.addBoth(ended.append)
        told = f"{name}, cancelled behind {calls} calls"
        self.assertEqual(len(ended), 1, f"{told}: it never ends")
        self.assertIn(self._tree(), (_BEFORE, after) if not over else (after,), told)
        self.assert_nothing_open()
        if self._tree() == _BEFORE:
            self.result(story(self.storage))
            self.assertEqual(self._tree(), after, f"{told}: it cannot be done any more")
            self.assert_nothing_open()
        return not over

    async def _told(self, story: _Story) -> None:
        with suppress(CancelledError):
            await story(self.storage)

    def _tree(self) -> Tree:
        return self.result(read_tree(self.storage))
