"""What the contracts speak of: paths, blocks, kinds, rights and entries."""

from __future__ import annotations

import enum

import attrs

__all__ = ["Block", "Direction", "Entry", "Kind", "Path", "Right"]

Path = tuple[str, ...]
Block = bytes | bytearray | memoryview


class Kind(enum.Enum):
    """What an entry of a directory is."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    OTHER = "other"


class Direction(enum.Enum):
    """Which way the octets of a transfer go, as the client sees it."""

    DOWNLOAD = "download"
    UPLOAD = "upload"


class Right(enum.Flag):
    """What an account may do in a storage. ``WRITE`` is to store a new file, ``OVERWRITE`` one over another."""

    LIST = enum.auto()
    READ = enum.auto()
    WRITE = enum.auto()
    APPEND = enum.auto()
    DELETE = enum.auto()
    RENAME = enum.auto()
    MAKE_DIRECTORY = enum.auto()
    SET_ATTRIBUTES = enum.auto()
    OVERWRITE = enum.auto()

    LOOK = LIST | READ
    ALL = LOOK | WRITE | APPEND | OVERWRITE | DELETE | RENAME | MAKE_DIRECTORY | SET_ATTRIBUTES


@attrs.frozen(slots=True)
class Entry:
    """
    One file, directory or other thing in a storage.

    ``size`` is in octets, ``modified`` and ``created`` are seconds since the epoch
    (UTC), ``mode`` holds the permission bits. What a storage does not know is ``None``.
    ``identity`` is the same for two names of one file and differs between two files.
    ``version`` changes whenever the content may have changed.
    ``target`` is the text of a symbolic link.
    """

    name: str
    kind: Kind
    size: int = 0
    modified: float | None = None
    created: float | None = None
    mode: int | None = None
    links: int = 1
    owner: str | None = None
    group: str | None = None
    identity: bytes | None = None
    version: bytes | None = None
    target: str | None = None
