"""Any rules and any operations: what the rules do not allow does not happen, by no way round."""

# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import StorageError
from ftpx.interfaces import Entry, IAccessRules, IPartialFile, IStorage, IWritableFile, Kind, Path, Right
from ftpx.storage.copy import copy_file
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.mounted import MountedStorage
from ftpx.storage.permitted import PermittedStorage
from tests.storage.rules import rules

_T = TypeVar("_T")

_PATHS: st.SearchStrategy[Path] = st.sampled_from(
    [
        *(("a",), ("b",), ("c",), ("a", "a"), ("a", "b"), ("a", "a", "a"), ("a", "c"), ("a", "a", "c")),
        *(("b", "a"), ("b", "b"), ("b", "c"), ("b", "b", "a"), ("a", "h.x", "b"), ("b", "h.x"), ("h.x", "a")),
    ]
)
_RIGHTS = frozenset(["list", "read", "write", "append", "overwrite", "delete", "rename", "mkdir", "attributes"])
_FEW = st.frozensets(st.sampled_from(sorted(_RIGHTS)), max_size=2)
# Nearly all rights, or hardly any: with others next to nothing can be done.
_RULE = st.builds(
    lambda path, rights: f"/{'/'.join(path)}={','.join(sorted(rights)) or 'none'}",
    st.one_of(st.just(()), _PATHS),
    st.one_of(_FEW.map(lambda few: _RIGHTS - few), _FEW),
)
_OFFSETS = st.sampled_from([0, 0, None, 2])
_OWNER = "alice"
_MINE = b"mine"
_CHANGING = Right.OVERWRITE | Right.APPEND | Right.DELETE | Right.RENAME


async def _finish(file: IWritableFile | None) -> None:
    if file is None:
        return
    await file.write(_MINE)
    await file.commit()


async def _suspend(file: IPartialFile) -> None:
    await file.write(_MINE)
    await file.suspend()


async def _store(storage: Any, path: Path, offset: int | None) -> None:
    await _finish(await storage.open_write(path, offset=offset))


async def _upload(storage: Any, path: Path, offset: int | None) -> None:
    await _finish(await storage.begin_upload(path, _OWNER))


async def _break_off(storage: Any, path: Path, offset: int | None) -> None:
    await _suspend(await storage.begin_upload(path, _OWNER))


async def _continue(storage: Any, path: Path, offset: int | None) -> None:
    await _finish(await storage.continue_upload(path, _OWNER, offset))


async def _rename(storage: Any, source: Path, destination: Path) -> None:
    await storage.rename(source, destination)


Step = tuple[Callable[..., Awaitable[Any]], tuple[Any, ...]]
_STEPS: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.sampled_from([_store, _upload, _break_off, _continue]), st.tuples(_PATHS, _OFFSETS)),
    st.tuples(
        st.sampled_from(
            [
                lambda storage, path: storage.make_directory(path),
                lambda storage, path: storage.remove_directory(path),
                lambda storage, path: storage.remove_file(path),
                lambda storage, path: storage.set_mode(path, 0o600),
                lambda storage, path: storage.set_modified(path, 7.0),
                lambda storage, path: storage.discard_partial(path, _OWNER),
            ]
        ),
        st.tuples(_PATHS),
    ),
    st.tuples(st.sampled_from([_rename, copy_file]), st.tuples(_PATHS, _PATHS)),
)

Tree = dict[Path, tuple[Entry, bytes]]


async def _tree(storage: IStorage, path: Path, found: Tree) -> Tree:
    """All that can be listed and read below a directory; what cannot is empty."""
    try:
        pages = [page async for page in storage.list_directory(path)]
    except StorageError:
        return found
    for page in pages:
        for entry in page:
            below = (*path, entry.name)
            found[below] = (entry, await _content(storage, below) if entry.kind is Kind.FILE else b"")
            if entry.kind is Kind.DIRECTORY:
                await _tree(storage, below, found)
    return found


async def _content(storage: IStorage, path: Path) -> bytes:
    try:
        source = await storage.open_read(path)
    except StorageError:
        return b""
    return await source.read(0, source.entry.size)


async def _fill(storage: IStorage, label: str) -> None:
    """Directories and files; what each file holds no other does."""
    for directory in (("a",), ("b",), ("a", "a"), ("a", "h.x"), ("h.x",)):
        await storage.make_directory(directory)
    for path in (("a", "b"), ("a", "a", "a"), ("a", "h.x", "b"), ("b", "a"), ("h.x", "a"), ("b", "h.x")):
        file = await storage.open_write(path)
        await file.write(f"<{label}{'/'.join(path)}>".encode())
        await file.commit()


def _needed(before: tuple[Entry, bytes] | None, after: tuple[Entry, bytes] | None) -> Right:
    """The rights of which one at least must be there for such a change, but that of a rename; none if there is none."""
    if before is None or after is None:
        found = before or after
        directory = found is not None and found[0].kind is Kind.DIRECTORY
        made = Right.MAKE_DIRECTORY if directory else Right.WRITE
        return Right.DELETE if after is None else made
    (old, was), (new, now) = before, after
    if was != now:
        return Right.OVERWRITE | Right.DELETE | (Right.APPEND if now.startswith(was) else Right(0))
    if old.mode != new.mode or (new.kind is Kind.FILE and old.modified != new.modified):
        return Right.SET_ATTRIBUTES | Right.OVERWRITE
    return Right(0)


def _unlawful(rule: IAccessRules, before: Tree, after: Tree, *, renames: bool) -> list[str]:
    """What has changed that may not, in one step."""
    found = []
    for path in before.keys() | after.keys():
        old, new = before.get(path), after.get(path)
        needed, rights = _needed(old, new), rule.rights(path)
        # What is hidden in a directory goes with it.
        if not needed or (renames and rule.is_hidden(path)):
            continue
        replaces = old is not None and new is not None
        if (renames and Right.RENAME not in rights) or ((replaces or not renames) and not rights & needed):
            found.append(f"{path} {old} {new}: {rights}")
    return found


class PermittedModelTests(SynchronousTestCase):
    """Rules and operations by chance."""

    def done(self, awaitable: Awaitable[_T]) -> _T:
        """What comes of it."""

        async def wait() -> _T:
            return await awaitable

        return self.successResultOf(Deferred.fromCoroutine(wait()))

    def filled(self, label: str = "") -> IStorage:
        """A storage with files in it."""
        storage = MemoryStorage()
        self.done(_fill(storage, label))
        return storage

    async def attempt(self, storage: IStorage, step: Step) -> None:
        """Do a step, whether that is refused or not."""
        with contextlib.suppress(StorageError):
            await step[0](storage, *step[1])

    def check(self, inner: IStorage, rule: IAccessRules, steps: list[Step]) -> None:
        """Do steps, and look after each whether all that changed might; at the end whether a secret was found out."""
        storage = PermittedStorage(inner, rule)
        start = before = self.done(_tree(inner, (), {}))
        for step in steps:
            self.done(self.attempt(storage, step))
            after = self.done(_tree(inner, (), {}))
            self.assertEqual(_unlawful(rule, before, after, renames=step[0] is _rename), [], str(step))
            before = after
        seen = self.done(_tree(storage, (), {}))
        secrets = {content for path, (_, content) in start.items() if content and Right.READ not in rule.rights(path)}
        told = {content for _, content in seen.values()}
        self.assertEqual([secret for secret in secrets if any(secret in content for content in told)], [])
        for path, (entry, content) in seen.items():
            rights = rule.rights(path)
            self.assertTrue(rights & Right.LOOK or (rights and entry.kind is Kind.DIRECTORY), path)
            self.assertTrue(not content or Right.READ in rights, path)
        for path, (entry, content) in start.items():
            if entry.kind is Kind.FILE and not rule.rights(path) & _CHANGING:
                self.assertIn(content, {left for _, left in before.values()})

    @settings(max_examples=300, deadline=None)
    @given(st.lists(_RULE, max_size=4), st.booleans(), st.lists(_STEPS, min_size=1, max_size=12))
    def test_any_steps(self, texts: list[str], hides: bool, steps: list[Step]) -> None:
        """PH20: nothing is read, made, changed or removed where the rules do not say so, nor brought there."""
        self.check(self.filled(), rules(texts, ["h.*"] if hides else []), steps)

    @settings(max_examples=300, deadline=None)
    @given(st.lists(_RULE, max_size=4), st.booleans(), st.lists(_STEPS, min_size=1, max_size=12))
    def test_any_steps_mounted(self, texts: list[str], hides: bool, steps: list[Step]) -> None:
        """PH18, PH20: nor where a part of the tree is another storage."""
        inner = MountedStorage(self.filled(), {("b", "b"): self.filled("mounted")})
        self.check(inner, rules(texts, ["h.*"] if hides else []), steps)
