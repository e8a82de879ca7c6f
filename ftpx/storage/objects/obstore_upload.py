"""An object that is sent in parts through obstore."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import implementer

from ftpx.errors import AlreadyExists, NotFound, StorageFailure
from ftpx.storage.objects.obstore_failures import obstore_errors
from ftpx.storage.objects.store import IObjectUpload, ObjectEntry, UploadPart

if TYPE_CHECKING:
    from obstore import WritableFile

    from ftpx.storage.objects.obstore_store import ObstoreStore

__all__ = ["ObstoreUpload"]


@implementer(IObjectUpload)
class ObstoreUpload:
    """
    Parts in order, each once: obstore knows no other way, and nobody can go on with such an upload later.

    What is thrown away leaves nothing behind in memory and in a directory. At Google and Azure, obstore leaves the
    parts that were sent: Azure forgets them after a week, Google when the bucket has a rule that says so.
    """

    identifier: str | None = None

    def __init__(self, store: ObstoreStore, key: str, writer: WritableFile) -> None:
        self._store = store
        self._key = key
        self._writer: WritableFile | None = writer
        self.parts: list[UploadPart] = []

    def put_part(self, number: int, content: bytes | memoryview) -> UploadPart:
        """Send the next part; see `IObjectUpload.put_part`."""
        if self._writer is None or number != len(self.parts) + 1:
            raise StorageFailure("The parts of this upload come in order, each once.")
        with obstore_errors():
            self._writer.write(content)
        part = UploadPart(number, len(content), "")
        self.parts.append(part)
        return part

    def complete(self, *, exclusive: bool = False) -> ObjectEntry:
        """Publish the object; see `IObjectUpload.complete`."""
        if self._writer is None:
            raise NotFound("This upload has ended.")
        if not exclusive:
            return self._publish(self._writer)
        # obstore knows no condition for this. Within this process nobody comes between the look and the end.
        with self._store.publishing:
            self._look()
            return self._publish(self._writer)

    def _look(self) -> None:
        try:
            self._store.head(self._key)
        except NotFound:
            return
        raise AlreadyExists("There is an object of that name.")

    def _publish(self, writer: WritableFile) -> ObjectEntry:
        self._writer = None
        with obstore_errors():
            writer.close()
        entry = self._store.head(self._key)
        if entry.size != sum(part.size for part in self.parts):
            raise StorageFailure("The object has another size than what was sent.")
        return entry

    def abort(self) -> None:
        """Throw the parts away; see `IObjectUpload.abort`."""
        # A writer that is dropped without an end has stored nothing.
        self._writer = None
