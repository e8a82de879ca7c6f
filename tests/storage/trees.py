"""Whole trees of storages, for tests that compare them."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Sequence

from ftpx.errors import StorageError
from ftpx.interfaces import IServerSideCopy, IStorage, Kind, Path

__all__ = ["Tree", "change", "populate", "put", "random_tree", "tree_of"]

#: The content of each file, or target of each link, by its path; ``None`` for a directory.
Tree = dict[Path, bytes | None]

_NAMES = ("a", "b", "c")


async def tree_of(storage: IStorage, path: Path = (), *, without: Sequence[str] = ()) -> Tree:
    """All that is below a directory; ``without`` what has some of these names there."""
    found: Tree = {}
    async for page in storage.list_directory(path):
        for entry in page:
            child = (*path, entry.name)
            assert child not in found, f"{child} is listed twice"
            if entry.name in without:
                continue
            if entry.kind is Kind.LINK:
                found[child] = (entry.target or "").encode()
                continue
            assert (await storage.stat(child)).kind is entry.kind
            if entry.kind is Kind.DIRECTORY:
                found[child] = None
                found.update(await tree_of(storage, child))
            else:
                file = await storage.open_read(child)
                found[child] = await file.read(0, file.entry.size)
                file.close()
    return found


async def put(storage: IStorage, path: Path, content: bytes, offset: int | None = 0) -> None:
    """Write a file."""
    file = await storage.open_write(path, offset=offset)
    try:
        await file.write(content)
        await file.commit()
    finally:
        await file.abort()


async def populate(storage: IStorage, tree: Tree) -> None:
    """Make all of a tree."""
    for path in sorted(tree):
        content = tree[path]
        if content is None:
            await storage.make_directory(path)
        else:
            await put(storage, path, content)


def random_tree(chance: random.Random) -> Tree:
    """Some directories and files, up to three levels deep."""
    tree: Tree = {}
    directories: list[Path] = [()]
    for _ in range(chance.randrange(12)):
        path = (*chance.choice(directories), chance.choice(_NAMES))
        if path in tree or len(path) > 3:
            continue
        tree[path] = None if chance.random() < 0.5 else chance.randbytes(chance.randrange(5))
        if tree[path] is None:
            directories.append(path)
    return tree


def _path(chance: random.Random) -> Path:
    return tuple(chance.choice(_NAMES) for _ in range(chance.choice((1, 1, 2, 2, 3))))


async def change(storages: Sequence[IStorage], chance: random.Random) -> tuple[str, list[bool]]:
    """Make the same change in each of some storages; what it was, and where it succeeded."""
    kind = chance.choice(("put", "put", "continue", "append", "mkdir", "rmdir", "remove", "remove", "rename", "copy"))
    path, other, content = _path(chance), _path(chance), chance.randbytes(chance.randrange(4))

    def call(storage: IStorage) -> Awaitable[None]:
        match kind:
            case "put":
                return put(storage, path, content)
            case "continue":
                return put(storage, path, content, 1)
            case "append":
                return put(storage, path, content, None)
            case "mkdir":
                return storage.make_directory(path)
            case "rmdir":
                return storage.remove_directory(path)
            case "remove":
                return storage.remove_file(path)
            case "rename":
                return storage.rename(path, other)
            case _:
                return IServerSideCopy(storage).copy(path, other)

    outcomes = []
    for storage in storages:
        try:
            await call(storage)
        except StorageError:
            outcomes.append(False)
        else:
            outcomes.append(True)
    return f"{kind} {'/'.join(path)} {'/'.join(other)}", outcomes
