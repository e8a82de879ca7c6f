"""Object stores by obstore: Google Cloud Storage, Azure Blob Storage, a directory, and the memory of this process."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

from zope.interface import implementer

from ftpx.errors import FileChanged, NameRefused, NotADirectory, NotFound, StorageFailure
from ftpx.storage.objects.looking import look_twice
from ftpx.storage.objects.obstore_failures import obstore_errors
from ftpx.storage.objects.obstore_listing import ObstoreListing, entry_of
from ftpx.storage.objects.obstore_upload import ObstoreUpload
from ftpx.storage.objects.store import IObjectStore, IObjectUpload, ObjectEntry, ObjectPage

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import ObjectStore

__all__ = ["ObstoreStore"]


@implementer(IObjectStore)
class ObstoreStore:
    """
    An `IObjectStore` on a store of obstore.

    :param patient: the same store with timeouts for many octets; ``None``: the store itself.
    :param root: before all keys; empty, or with a ``/`` at its end.
    :param ordered: see `ObstoreListing`.
    """

    # No key of obstore ends in a slash.
    directory_marker: Final = ".ftpx-directory"

    def __init__(
        self,
        store: ObjectStore,
        *,
        patient: ObjectStore | None = None,
        root: str = "",
        part_size: int,
        ordered: bool,
    ) -> None:
        self._store = store
        self._patient = store if patient is None else patient
        self._root = root
        self._listing = ObstoreListing(store, root, ordered)
        self.part_size = part_size
        self.publishing = Lock()

    def _path(self, key: str) -> str:
        # obstore takes these slashes away, so two keys would be one.
        if not key or key.startswith("/") or key.endswith("/"):
            raise NameRefused("The object store can have no such name.")
        return self._root + key

    def head(self, key: str) -> ObjectEntry:
        """See `IObjectStore.head`."""
        import obstore

        path = self._path(key)
        try:
            with obstore_errors():
                return entry_of(obstore.head(self._store, path), key)
        except NotADirectory:
            # In a directory, below a file.
            raise NotFound("There is no such object.") from None

    def look(self, key: str) -> tuple[ObjectEntry | None, bool]:
        """See `IObjectStore.look`."""
        return look_twice(self, key)

    def open(self, key: str, size: int) -> tuple[ObjectEntry, bytes]:
        """See `IObjectStore.open`."""
        found = self.head(key)
        return found, self.read(found, 0, size)

    def list_page(self, prefix: str, start: str | None = None, limit: int = 1000) -> ObjectPage:
        """See `IObjectStore.list_page`."""
        with obstore_errors():
            return self._listing.page(prefix, start, limit, deep=False)

    def list_all(self, prefix: str, start: str | None = None, limit: int = 1000) -> ObjectPage:
        """See `IObjectStore.list_all`."""
        with obstore_errors():
            return self._listing.page(prefix, start, limit, deep=True)

    def read(self, entry: ObjectEntry, offset: int, size: int) -> bytes:
        """See `IObjectStore.read`."""
        import obstore

        end = min(entry.size, offset + size)
        if offset >= end:
            return b""
        path = self._path(entry.key)
        with obstore_errors():
            options: GetOptions = {"range": (offset, end), "if_match": f'"{entry.etag}"'}
            found = obstore.get(self._patient, path, options=options)
            if entry_of(found.meta, entry.key).etag != entry.etag or found.meta["size"] != entry.size:
                raise FileChanged("The object was changed meanwhile.")
            content = bytes(found.bytes())
        if len(content) != end - offset:
            raise StorageFailure("The object store sent less of the object than there is.")
        return content

    def put(self, key: str, content: bytes, *, exclusive: bool = False) -> ObjectEntry:
        """See `IObjectStore.put`."""
        import obstore

        path = self._path(key)
        with obstore_errors():
            obstore.put(self._patient, path, content, mode="create" if exclusive else "overwrite", use_multipart=False)
        entry = self.head(key)
        if entry.size != len(content):
            raise StorageFailure("The object has another size than what was sent.")
        return entry

    def begin_upload(self, key: str) -> IObjectUpload:
        """See `IObjectStore.begin_upload`."""
        import obstore

        path = self._path(key)
        with obstore_errors():
            # One part is on its way while the next is filled, and no more.
            writer = obstore.open_writer(self._patient, path, buffer_size=self.part_size, max_concurrency=1)
        return ObstoreUpload(self, key, writer)

    def copy(self, source: ObjectEntry, key: str) -> ObjectEntry:
        """See `IObjectStore.copy`."""
        import obstore

        origin, target = self._path(source.key), self._path(key)
        if self.head(source.key).etag != source.etag:
            raise FileChanged("The object was changed meanwhile.")
        with obstore_errors():
            obstore.copy(self._patient, origin, target, overwrite=True)
        entry = self.head(key)
        if entry.size != source.size:
            raise StorageFailure("The copy has another size than the object.")
        return entry

    def delete(self, key: str) -> None:
        """See `IObjectStore.delete`."""
        import obstore

        path = self._path(key)
        try:
            with obstore_errors():
                obstore.delete(self._store, path)
        except (NotFound, NotADirectory):
            return
