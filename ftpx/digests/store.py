"""The digests that are known."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import attrs

from ftpx.digests.algorithms import Algorithm
from ftpx.interfaces import Entry

__all__ = ["DigestStore"]

_FILES: Final = 100_000


@attrs.define
class _Known:
    """The digests of one file as long as it has one version."""

    version: bytes
    size: int
    digests: dict[Algorithm, str]


class DigestStore:
    """
    Digests by the identity and the version of files; of those without, none are kept.

    A file has one version at a time, so there is one record for each; the one that was not asked for the longest is
    dropped for a new one.

    :param files: how many files are remembered.
    """

    def __init__(self, files: int = _FILES) -> None:
        self._files = files
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    def __len__(self) -> int:
        """How many files are remembered."""
        return len(self._known)

    def get(self, entry: Entry, algorithm: Algorithm) -> str | None:
        """The digest of a file, in lower case, if it is known of this very version."""
        known = self._record(entry)
        return None if known is None else known.digests.get(algorithm)

    def knows(self, entry: Entry) -> bool:
        """Whether any digest of this very version is known."""
        return self._record(entry) is not None

    def put(self, entry: Entry, algorithm: Algorithm, digest: str) -> None:
        """Remember the digest of a whole file; what is known of other versions is forgotten."""
        if entry.identity is None or entry.version is None:
            return
        known = self._record(entry)
        if known is None:
            known = self._known[entry.identity] = _Known(entry.version, entry.size, {})
            self._known.move_to_end(entry.identity)
            if len(self._known) > self._files:
                self._known.popitem(last=False)
        known.digests[algorithm] = digest

    def carry(self, before: Entry, after: Entry) -> None:
        """Keep what is known over a change of nothing but attributes, which makes another version of the same file."""
        known = self._record(before)
        same = before.identity == after.identity and before.size == after.size
        if known is not None and same and after.version is not None:
            known.version = after.version

    def forget(self, entry: Entry) -> None:
        """
        Drop what is known of a file: it was just written.

        A file that is gone may leave its identity to a new one, and within one tick of the clock its version too.
        """
        if entry.identity is not None:
            self._known.pop(entry.identity, None)

    def _record(self, entry: Entry) -> _Known | None:
        if entry.identity is None:
            return None
        known = self._known.get(entry.identity)
        if known is None or known.version != entry.version or known.size != entry.size:
            return None
        self._known.move_to_end(entry.identity)
        return known
