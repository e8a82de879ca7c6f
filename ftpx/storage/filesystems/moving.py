"""Renaming and copying on a filesystem."""

from __future__ import annotations

import contextlib

from ftpx.errors import IsADirectory, NameRefused, NotADirectory
from ftpx.interfaces import Kind, Path
from ftpx.storage.filesystems.filesystem import Filesystem
from ftpx.storage.filesystems.looking import Look

__all__ = ["copy", "rename"]


def rename(filesystem: Filesystem, look: Look, source: Path, destination: Path) -> None:
    """
    Give an entry another name.

    :raises StorageError: see `IStorage.rename`. Anything else: what the filesystem raised.
    """
    found = look.find(filesystem, source)
    moves_directory = found.kind is Kind.DIRECTORY
    if moves_directory and source == destination[: len(source)] and source != destination:
        raise NameRefused("a directory cannot be put into itself")
    present = look.find_any(filesystem, destination)
    if source == destination:
        return
    path = filesystem.path(destination)
    if not moves_directory:
        if present is not None and present.kind is Kind.DIRECTORY:
            raise IsADirectory("a file cannot replace a directory")
        filesystem.replace(found.path, path)
        return
    if present is not None:
        if present.kind is not Kind.DIRECTORY:
            raise NotADirectory("a directory cannot replace a file")
        filesystem.remove_directory(path)
    filesystem.move_directory(found.path, path)


def copy(filesystem: Filesystem, look: Look, source: Path, destination: Path, hidden: Path) -> None:
    """
    Copy a file, which has a hidden name until it is whole.

    :raises StorageError: see `IServerSideCopy.copy`. Anything else: what the filesystem raised.
    """
    found = look.follow(filesystem, source)
    if found.kind is Kind.DIRECTORY:
        raise IsADirectory("is a directory")
    present = look.find_any(filesystem, destination)
    if present is not None and present.kind is Kind.DIRECTORY:
        raise IsADirectory("is a directory")
    if source == destination:
        return
    path = filesystem.path(hidden)
    try:
        filesystem.copy_file(found.path, path)
        filesystem.replace(path, filesystem.path(destination))
    except Exception:
        with contextlib.suppress(Exception):
            filesystem.remove_file(path)
        raise
