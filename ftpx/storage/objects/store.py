"""
What an object store is to the storage that is built on it: objects by key, without directories.

All calls block, and are made in threads, several at a time. They raise the errors of `ftpx.errors`; whatever can be
tried again has been tried again before they do.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from zope.interface import Attribute, Interface

__all__ = ["IObjectStore", "IObjectUpload", "IResumableObjectStore", "ObjectEntry", "ObjectPage", "UploadPart"]


@attrs.frozen(slots=True)
class ObjectEntry:
    """One object. ``etag`` differs between two contents of a key; ``md5`` is that of the content, if it is known."""

    key: str
    size: int
    modified: float
    etag: str
    md5: str | None = None


@attrs.frozen(slots=True)
class ObjectPage:
    """
    A page of a listing: objects, and the beginnings that others have in common up to a ``/``, each once and with it.

    ``next`` is what to ask for the next page with; ``None``: this was the last.
    """

    objects: Sequence[ObjectEntry]
    prefixes: Sequence[str]
    next: str | None


@attrs.frozen(slots=True)
class UploadPart:
    """A part that the store has. Parts are numbered from 1."""

    number: int
    size: int
    etag: str


class IObjectUpload(Interface):
    """An object that is sent in parts; nobody sees it before it is complete."""

    identifier: str | None = Attribute("What the store knows it by, to go on with it; ``None``: nobody can.")
    parts: Sequence[UploadPart] = Attribute("What the store has of it, by number, up to the first that is missing.")

    def put_part(number: int, content: bytes | memoryview) -> UploadPart:
        """
        Send a part. All but the last have the same size, `IObjectStore.part_size`. Where nobody can go on with the
        upload, parts come in order and each once; else in any order, several at a time, and a number may be sent again.

        :raises NoSpace: there are more parts than the store takes.
        """

    def complete(*, exclusive: bool = False) -> ObjectEntry:
        """
        Publish the object and look whether it is what was sent.

        :param exclusive: fail with `AlreadyExists` if the key is taken.
        """

    def abort() -> None:
        """Throw all parts away. Behind `complete`, or a second time, nothing happens."""


class IObjectStore(Interface):
    """A bucket, or the part of one below a prefix. Keys are relative to it."""

    part_size: int = Attribute("Octets of each part of an upload but the last.")
    directory_marker: str = Attribute(
        "What stands behind ``path/`` in the key of the empty object that makes an empty directory: nothing, or a name"
        " where no key may end in ``/``."
    )

    def head(key: str) -> ObjectEntry:
        """:raises NotFound: there is no such object."""

    def look(key: str) -> tuple[ObjectEntry | None, bool]:
        """The object of a key; and if there is none, whether there is any below ``key/``. Its MD5 need not be told."""

    def open(key: str, size: int) -> tuple[ObjectEntry, bytes]:
        """An object and so many of its first octets, or all that it has. :raises NotFound: there is none."""

    def list_page(prefix: str, start: str | None = None, limit: int = 1000) -> ObjectPage:
        """
        Objects whose keys begin with a prefix, and have no ``/`` behind it; of the others the common beginnings.

        :param prefix: is empty or ends in ``/``.
        :param start: what the page before gave as ``next``.
        """

    def list_all(prefix: str, start: str | None = None, limit: int = 1000) -> ObjectPage:
        """The same, with all objects whose keys begin with the prefix, and no beginnings."""

    def read(entry: ObjectEntry, offset: int, size: int) -> bytes:
        """
        Octets of the object as it was when its entry was made; fewer only where it ends.

        :raises FileChanged: it is another one now.
        """

    def put(key: str, content: bytes, *, exclusive: bool = False) -> ObjectEntry:
        """Store a small object in one step. :raises AlreadyExists: see ``exclusive``."""

    def begin_upload(key: str) -> IObjectUpload:
        """Begin an object that is sent in parts."""

    def copy(source: ObjectEntry, key: str) -> ObjectEntry:
        """Copy an object, of any size, within the store."""

    def delete(key: str) -> None:
        """Remove an object; nothing happens if there is none."""


class IResumableObjectStore(IObjectStore):
    """Optional: an upload can be gone on with, by another process too."""

    def resume_upload(key: str, identifier: str) -> IObjectUpload:
        """:raises NotFound: the store does not know it any more."""
