"""The contract of object stores against real servers."""

from __future__ import annotations

import os
import unittest
from unittest.mock import patch

from ftpx.storage.objects.opening import open_object_store
from ftpx.storage.objects.s3_store import S3Store
from ftpx.storage.objects.store import IObjectStore, IResumableObjectStore
from tests.integration.azurite import CREDENTIALS as AZURE
from tests.integration.azurite import Azurite
from tests.integration.lying_store import Answer, Fault, LyingStore
from tests.integration.object_store_cases import open_at_once, use_test_credentials
from tests.integration.seaweedfs import Place, SeaweedFS, shared_seaweedfs
from tests.storage.objects.store_contract import ObjectStoreContract, ResumableObjectStoreContract


class LyingStoreContract(ResumableObjectStoreContract, unittest.TestCase):
    """The store of the hostile tests tells the truth when nothing else is asked of it."""

    def make_store(self) -> IResumableObjectStore:
        """One of its own."""
        use_test_credentials(self)
        self.lies = self.enterContext(LyingStore())
        return open_at_once(self.lies.address("&part_size=5"))

    def test_no_part_twice(self) -> None:
        """A part behind a gap is not sent again, unless other octets come in its place."""
        for content, count in ((b"end", 3), (b"END", 4)):
            before = self.lies.requests.count("UploadPart")
            begun = self.store.begin_upload("a")
            assert begun.identifier is not None
            begun.put_part(1, bytes(5 << 20))
            begun.put_part(3, b"end")
            resumed = self.store.resume_upload("a", begun.identifier)
            resumed.put_part(2, bytes(5 << 20))
            resumed.put_part(3, content)
            self.assertEqual(self.store.read(resumed.complete(), 10 << 20, 10), content)
            self.assertEqual(self.lies.requests.count("UploadPart") - before, count)


class SeaweedContract(ResumableObjectStoreContract, unittest.TestCase):
    """SeaweedFS, in a part of a bucket."""

    server: SeaweedFS
    place: Place

    def make_store(self) -> IResumableObjectStore:
        """A new place in a bucket."""
        self.server = shared_seaweedfs()
        use_test_credentials(self)
        self.place = self.server.place()
        return open_at_once(self.place.address("some/where") + "&part_size=5")

    def test_keys(self) -> None:
        """All keys stand behind the prefix, and what stands elsewhere is not seen."""
        self.place.put("some/other", b"")
        self.store.put("a/b", b"content")
        self.assertEqual(self.place.get("some/where/a/b"), b"content")
        self.assertEqual(self._listed("", 10, deep=True), ["a/b"])

    def test_no_orphans(self) -> None:
        """Neither an upload that was thrown away nor one that is complete leaves parts behind."""
        self._upload("a", b"one", b"two").abort()
        self._upload("b", b"content").complete()
        self.assertEqual(self.place.uploads(), [])

    def test_md5_known(self) -> None:
        """The MD5 of an object that was sent as one is known."""
        self.assertEqual(self.store.put("a", b"content").md5, "9a0364b9e99bb480dd25e1f0284c8555")
        self.assertEqual(self.store.head("a").md5, "9a0364b9e99bb480dd25e1f0284c8555")
        self.assertIsNone(self._upload("b", b"content").complete().md5)

    def test_large_copy(self) -> None:
        """What is too large to be copied at once is copied in parts, and leaves none behind."""
        assert isinstance(self.store, S3Store)
        entry = self._upload("a", bytes(5 << 20), bytes(5 << 20), b"end").complete()
        parts = S3Store(self.store._calls, part_size=5 << 20, copied_at_once=5 << 20)
        copied = parts.copy(entry, "b")
        self.assertEqual((copied.size, self.store.read(copied, copied.size - 4, 10)), (entry.size, b"\0end"))
        self.assertEqual(self.place.uploads(), [])

    def test_through_proxy(self) -> None:
        """CR10: a real store whose third part breaks off once gets it again, and each of the others once."""
        proxy = self.enterContext(LyingStore(upstream=self.server.port))
        proxy.faults = [Fault("UploadPart", Answer(reset=True), first=3, times=1)]
        bucket = self.server.bucket()
        store = open_at_once(f"s3://{bucket.bucket}?endpoint={proxy.endpoint}")
        parts = [bytes([number]) * (5 << 20) for number in range(3)] + [b"end"]
        upload = store.begin_upload("a b/é")
        for number, part in enumerate(parts, 1):
            upload.put_part(number, part)
        entry = upload.complete()
        self.assertEqual(proxy.requests.count("UploadPart"), 5)
        self.assertEqual(store.head("a b/é"), entry)
        self.assertEqual(store.read(entry, 0, entry.size), b"".join(parts))
        self.assertEqual([found.key for found in store.list_page("a b/").objects], ["a b/é"])
        self.assertEqual(bucket.uploads(), [])

    def test_survives_kill(self) -> None:
        """What the store had said that it has is there after a crash, and the upload goes on."""
        server = SeaweedFS()
        self.addCleanup(server.remove)
        server.start()
        store = open_at_once(server.place().address() + "&part_size=5")
        entry = store.put("a", b"content")
        upload = store.begin_upload("b")
        upload.put_part(1, bytes(5 << 20))
        server.kill()
        server.start()
        assert upload.identifier is not None
        resumed = store.resume_upload("b", upload.identifier)
        self.assertEqual([part.size for part in resumed.parts], [5 << 20])
        resumed.put_part(2, b"end")
        self.assertEqual(resumed.complete().size, (5 << 20) + 3)
        self.assertEqual(store.read(entry, 0, 100), b"content")


class AzuriteContract(ObjectStoreContract, unittest.TestCase):
    """Azure's blob storage, as its emulator has it."""

    server: Azurite

    @classmethod
    def setUpClass(cls) -> None:
        """One server is enough for all tests."""
        cls.server = Azurite()
        cls.addClassCleanup(cls.server.remove)

    def make_store(self) -> IObjectStore:
        """A new container."""
        self.enterContext(patch.dict(os.environ, AZURE))
        return open_object_store(self.server.address("some/where") + "&part_size=5")
