"""Companions: the files beside a file that tell its digests, as ``sha256sum`` and its like write them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from ftpx.digests.algorithms import Algorithm
from ftpx.digests.expectation import Expectation
from ftpx.errors import (
    DigestMismatch,
    IsADirectory,
    NameRefused,
    NotADirectory,
    NotARegularFile,
    NotFound,
    PermissionDenied,
)
from ftpx.interfaces import IStorage, Path

__all__ = ["COMPANIONS", "companion_expectation", "parse_companion"]

#: What is put behind the name of a file, and what its companion of that name holds.
COMPANIONS: Final[Mapping[str, Algorithm]] = {
    ".sha512": Algorithm.SHA_512,
    ".sha256": Algorithm.SHA_256,
    ".sha1": Algorithm.SHA_1,
    ".md5": Algorithm.MD5,
}

_LARGEST: Final = 64 * 1024
_NONE: Final = (NotFound, NotADirectory, IsADirectory, NameRefused)
_USELESS: Final = (NotARegularFile, PermissionDenied)

# hex, or hex and two characters (the second tells text or binary; some leave it out) and a name; a backslash before it:
# \\ and \n in the name are escaped.
_GNU = re.compile(r"(\\?)([0-9A-Fa-f]+)(?: [ *]?(.+))?", re.DOTALL)
# SHA256 (name) = hex
_BSD = re.compile(r"(\\?)([A-Za-z0-9-]+) ?\((.+)\) ?= ?([0-9A-Fa-f]+)", re.DOTALL)
_ESCAPES = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}


def _unescaped(name: str, escaped: str) -> str:
    return re.sub(r"\\[\\nr]", lambda found: _ESCAPES[found[0]], name) if escaped else name


def _lines(text: str) -> Iterator[tuple[str | None, str | None, str]]:
    """The algorithm and the name, as far as each line tells them, and the digest."""
    for line in re.split(r"[\r\n]+", text):
        stripped = line.strip(" \t\ufeff")
        if form := _BSD.fullmatch(stripped):
            yield form[2], _unescaped(form[3], form[1]), form[4]
        elif form := _GNU.fullmatch(stripped):
            yield None, None if form[3] is None else _unescaped(form[3], form[1]), form[2]


def parse_companion(content: bytes, name: str, algorithm: Algorithm) -> str:
    """
    The digest that a companion tells of a file, in lower case.

    Lines are those of ``sha256sum`` (``hex  name``, ``hex *name``, with ``./`` before the name or a path), those of
    BSD (``SHA256 (name) = hex``), or nothing but hex, which then must be all there is.

    :raises DigestMismatch: it says nothing of the file that could be used, or two different things; the text is for
        the peer.
    """
    text = content.decode("utf-8", "surrogateescape")
    named, bare = set(), set()
    for kind, told, hexadecimal in _lines(text):
        digest = algorithm.read(hexadecimal)
        if digest is None or (kind is not None and kind.upper().replace("-", "") != algorithm.value.replace("-", "")):
            continue
        if told is None:
            bare.add(digest)
        elif told.rpartition("/")[2] == name:
            named.add(digest)
    found = named or bare
    if len(found) != 1:
        what = "more than one" if found else "no"
        raise DigestMismatch(f"Nothing was stored: the companion tells {what} {algorithm.value} of this file.")
    return found.pop()


async def _content(storage: IStorage, path: Path) -> bytes | None:
    """What is in a companion, ``None`` if there is none."""
    try:
        source = await storage.open_read(path)
    except _NONE:
        return None
    except _USELESS:
        raise DigestMismatch("Nothing was stored: the companion of this file cannot be read.") from None
    try:
        if source.entry.size > _LARGEST:
            raise DigestMismatch("Nothing was stored: the companion of this file is too large.")
        return await source.read(0, source.entry.size) if source.entry.size else b""
    finally:
        source.close()


async def companion_expectation(storage: IStorage, path: Path) -> Expectation | None:
    """
    What the companions of a file say that it must be; ``None`` if it has none.

    :raises DigestMismatch: there is one of which nothing can be used.
    :raises StorageError: there is one that cannot be read. Then nobody knows what it says, so nothing is let through.
    """
    digests = {}
    for suffix, algorithm in COMPANIONS.items():
        content = await _content(storage, (*path[:-1], path[-1] + suffix))
        if content is not None:
            digests[algorithm] = parse_companion(content, path[-1], algorithm)
    return Expectation(digests=digests) if digests else None
