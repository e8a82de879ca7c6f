"""All that is in a storage, to compare it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ftpx.interfaces import IStorage, Kind, Path

__all__ = ["Tree", "read_tree"]

Tree = Mapping[Path, bytes | None]
"""What is at each path: the content of a file; ``None``: a directory."""

_BLOCK: Final = 1 << 20


async def read_tree(storage: IStorage) -> Tree:
    """Everything below the root of a storage that has no links."""
    tree: dict[Path, bytes | None] = {}
    directories: list[Path] = [()]
    while directories:
        path = directories.pop()
        async for page in storage.list_directory(path):
            for entry in page:
                found = (*path, entry.name)
                if entry.kind is Kind.DIRECTORY:
                    tree[found] = None
                    directories.append(found)
                else:
                    tree[found] = await _content(storage, found)
    return tree


async def _content(storage: IStorage, path: Path) -> bytes:
    source = await storage.open_read(path)
    try:
        blocks: list[bytes] = []
        offset = 0
        while block := await source.read(offset, _BLOCK):
            blocks.append(block)
            offset += len(block)
        return b"".join(blocks)
    finally:
        source.close()
