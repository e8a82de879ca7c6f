"""``object:ADDRESS``: a bucket of an object store."""

from __future__ import annotations

from zope.interface import implementer

from ftpx.interfaces import IStorage, IStoragePlugin, IStoragePool
from ftpx.storage.objects.opening import open_object_store
from ftpx.storage.objects.resumable import ResumableObjectStorage
from ftpx.storage.objects.storage import ObjectStorage
from ftpx.storage.objects.store import IResumableObjectStore

__all__ = ["ObjectPlugin", "plugin"]


@implementer(IStoragePlugin)
class ObjectPlugin:
    """``object:s3://BUCKET/PREFIX`` and the like."""

    prefix = "object"
    argument_format = "ADDRESS"
    help = (
        "A bucket of an object store, or what is below a prefix of it: s3://BUCKET/PREFIX, gs://, az://, file:///DIR "
        "or memory://. Credentials come from the environment or a profile."
    )

    def open_storage(self, arguments: str, pool: IStoragePool) -> IStorage:
        """The storage at an address; see `IStoragePlugin`."""
        store = open_object_store(arguments)
        if IResumableObjectStore.providedBy(store):
            return ResumableObjectStorage(store, pool)
        return ObjectStorage(store, pool)


plugin = ObjectPlugin()
