"""Object stores that are down, slow, or lie: the hostile cases CR09 to CR14, seen from the store's side."""

from __future__ import annotations

import contextlib
import os
import random
import socket
from typing import Any
from unittest.mock import patch

import attrs

from ftpx.errors import (
    AlreadyExists,
    ConfigurationError,
    FileChanged,
    NoSpace,
    NotFound,
    PermissionDenied,
    StorageError,
    StorageFailure,
    StorageUnavailable,
)
from ftpx.storage.objects.opening import open_object_store
from ftpx.storage.objects.store import IObjectUpload, ObjectEntry
from tests.integration.certified import certificate_files
from tests.integration.lying_store import Answer, Fault, LyingStore, Request, refusal
from tests.integration.object_store_cases import LyingStoreTestCase, open_at_once
from tests.integration.server import free_port

_RESET = Answer(reset=True)
_SLOW_DOWN = refusal(503, "SlowDown")
_PARTS = [random.Random(number).randbytes(20_000) for number in range(5)]


def _changed(**changes: Any) -> Fault:
    """The right answer to a read, but for this."""
    return Fault("GetObject", lambda _, right: attrs.evolve(right, **changes))


class DownTests(LyingStoreTestCase):
    """CR09: the store is not there. Each call ends with an error, in a thread that comes back."""

    def _assert_down(self, endpoint: str) -> None:
        store = open_object_store(f"s3://lies?endpoint={endpoint}")
        with self.assertRaises(StorageFailure) as caught:
            store.head("a")
        self.assertNotIn(endpoint, str(caught.exception))

    def test_refused(self) -> None:
        """CR09: nobody listens."""
        self._assert_down(f"http://127.0.0.1:{free_port()}")

    def test_no_such_host(self) -> None:
        """CR09: its name is not known."""
        self._assert_down("http://objects.invalid:8333")

    def test_no_answer(self) -> None:
        """CR09: it takes connections, and says nothing."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self._assert_down(f"http://127.0.0.1:{silent.getsockname()[1]}")

    def test_black_hole(self) -> None:
        """CR09: nothing comes back at all, as its queue of connections is full."""
        with contextlib.ExitStack() as stack:
            hole = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
            for _ in range(4):
                full = stack.enter_context(socket.socket())
                full.setblocking(False)
                full.connect_ex(hole.getsockname())
            self._assert_down(f"http://127.0.0.1:{hole.getsockname()[1]}")

    def test_no_metadata(self) -> None:
        """CR09: who has no credentials is told so, though what may know of a role of this machine says nothing."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            place = f"http://127.0.0.1:{silent.getsockname()[1]}"
            found = {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": place}
            kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
            with patch.dict(os.environ, {**kept, **found}, clear=True), self.assertRaises(ConfigurationError):
                open_object_store("s3://lies?region=eu-central-1")

    def test_no_tls(self) -> None:
        """CR09: it speaks no TLS, where it should."""
        self._assert_down(self.lies.endpoint.replace("http:", "https:"))


class TlsTests(LyingStoreTestCase):
    """A store that is spoken to over TLS."""

    def setUp(self) -> None:
        """Have one with a certificate of the tests' authority."""
        super().setUp()
        files = certificate_files()
        self.authority = str(files.authority_file)
        self.lies = self.enterContext(LyingStore(certificate=files.server_file))

    def test_trusted(self) -> None:
        """Who trusts its authority speaks to it; the octets are protected, so no digest of them is signed."""
        with patch.dict(os.environ, {"AWS_CA_BUNDLE": self.authority}):
            store = open_at_once(self.lies.address())
        self.assertEqual(store.read(store.put("a", b"content"), 0, 100), b"content")
        self.assertEqual(self.lies.seen[0].headers["x-amz-content-sha256"], "UNSIGNED-PAYLOAD")

    def test_not_trusted(self) -> None:
        """CR14: to a store that shows a certificate of somebody else nothing is sent."""
        with self.assertRaises(StorageFailure):
            open_at_once(self.lies.address()).put("a", b"content")
        self.assertEqual(self.lies.requests, [])


class _UploadTestCase(LyingStoreTestCase):
    """A test in which an object is replaced by an upload of five parts."""

    def setUp(self) -> None:
        """Have an old object."""
        super().setUp()
        self.old = self.store.put("a", b"old")

    def begin(self) -> IObjectUpload:
        """Begin the upload."""
        return self.store.begin_upload("a")

    def send(self, upload: IObjectUpload) -> None:
        """Send all parts."""
        for number, part in enumerate(_PARTS, 1):
            upload.put_part(number, part)

    def assert_old(self, upload: IObjectUpload) -> None:
        """Once the upload is thrown away, no parts are left, and the old object is whole."""
        upload.abort()
        self.assertEqual(self.lies.memory.uploads, {})
        self.assertEqual(self.store.read(self.store.head("a"), 0, 100), b"old")


class PartTests(_UploadTestCase):
    """CR10, CR11: something goes wrong in the middle of an upload."""

    def test_part_fails(self) -> None:
        """CR10: the third part fails for ever: the upload fails, no part is left, the old object is whole."""
        for fault, error in [
            (_RESET, StorageFailure),
            (refusal(500, "InternalError"), StorageFailure),
            (refusal(403, "ExpiredToken"), StorageFailure),
            (refusal(403, "AccessDenied"), PermissionDenied),
            (refusal(507, "InsufficientStorage"), NoSpace),
            (_SLOW_DOWN, StorageUnavailable),
        ]:
            with self.subTest(fault=fault):
                done = self.lies.requests.count("UploadPart")
                self.lies.faults = [Fault("UploadPart", fault, first=done + 3)]
                upload = self.begin()
                with self.assertRaises(error):
                    self.send(upload)
                self.assert_old(upload)

    def test_part_recovers(self) -> None:
        """CR10: the third part fails once: it is sent again, and the object is right."""
        for fault in (_RESET, refusal(500, "InternalError"), refusal(400, "RequestTimeout"), refusal(400, "BadDigest")):
            with self.subTest(fault=fault):
                done = self.lies.requests.count("UploadPart")
                self.lies.faults = [Fault("UploadPart", fault, first=done + 3, times=1)]
                upload = self.begin()
                self.send(upload)
                upload.complete()
                self.assertEqual(self.lies.objects["a"], b"".join(_PARTS))
                self.assertEqual(self.lies.requests.count("UploadPart"), done + 6)

    def test_slow_down(self) -> None:
        """CR11: it asks five times to be slower, whatever is called, and is obeyed."""
        for operation in ("UploadPart", "CreateMultipartUpload", "CompleteMultipartUpload", "HeadObject", "GetObject"):
            self.lies.faults.append(Fault(operation, _SLOW_DOWN, times=5))
        upload = self.begin()
        self.send(upload)
        entry = upload.complete()
        self.assertEqual(self.store.read(entry, 0, 1 << 20), b"".join(_PARTS))

    def test_answer_lost(self) -> None:
        """CR10: what was done is found to be done, though the answer that said so was lost."""
        self.lies.faults = [
            Fault("CompleteMultipartUpload", lambda *_: _RESET, times=1),
            Fault("PutObject", lambda *_: _RESET, first=2, times=1),
        ]
        upload = self.begin()
        self.send(upload)
        self.assertEqual(upload.complete().size, 100_000)
        self.assertEqual(self.store.put("new", b"content", exclusive=True).size, 7)

    def test_abort_again(self) -> None:
        """CR10: parts that come to the store behind the abort are thrown away too."""
        upload = self.begin()
        self.send(upload)
        self.lies.faults = [Fault("AbortMultipartUpload", Answer(204), times=2)]
        self.assert_old(upload)

    def test_abort_fails(self) -> None:
        """CR10: an abort that fails can be tried again."""
        upload = self.begin()
        self.send(upload)
        self.lies.faults = [Fault("AbortMultipartUpload", refusal(403, "AccessDenied"), times=1)]
        with self.assertRaises(PermissionDenied):
            upload.abort()
        self.assert_old(upload)

    def test_too_many_parts(self) -> None:
        """What has more parts than S3 takes is refused before it is sent."""
        with self.assertRaises(NoSpace):
            self.begin().put_part(10_001, b"content")


class SlowTests(LyingStoreTestCase):
    """CR12: a store that takes and gives 10 kB a second."""

    def test_slow(self) -> None:
        """CR12: it takes longer than any wait for an octet does, and is not cut while octets move."""
        content = random.Random(12).randbytes(35_000)
        self.lies.pace = 10_000
        entry = self.store.put("a", content)
        self.assertEqual(self.store.read(entry, 0, len(content)), content)
        self.assertEqual(self.lies.requests, ["PutObject", "GetObject"])


class LyingTests(_UploadTestCase):
    """CR13: the store says what is not so."""

    def _completed(self, upload: IObjectUpload) -> None:
        self.send(upload)
        with self.assertRaises(StorageError):
            upload.complete()

    def test_wrong_etag_of_part(self) -> None:
        """CR13: it has got other octets of a part than were sent, and goes on to say so."""
        wrong = Answer(headers={"ETag": f'"{"0" * 32}"'})
        self.lies.faults = [Fault("UploadPart", wrong, first=3)]
        upload = self.begin()
        with self.assertRaises(StorageFailure):
            self.send(upload)
        self.assert_old(upload)

    def test_wrong_etag_of_object(self) -> None:
        """CR13: it has made something else of the parts. Nobody gets it: the name is free."""

        def spoil(request: Request, right: Answer) -> Answer:
            content, _ = self.lies.memory.objects["a"]
            etag = f'"{"0" * 32}-5"'
            self.lies.memory.objects["a"] = (content[::-1], etag)
            body = f"<CompleteMultipartUploadResult><ETag>{etag}</ETag></CompleteMultipartUploadResult>"
            return attrs.evolve(right, body=body.encode())

        self.lies.faults = [Fault("CompleteMultipartUpload", spoil)]
        self._completed(self.begin())
        self.assertNotIn("a", self.lies.objects)

    def test_wrong_size_of_object(self) -> None:
        """CR13: it has left out a part, and does not even say so. Nobody gets it."""

        def spoil(request: Request, right: Answer) -> Answer:
            content, etag = self.lies.memory.objects["a"]
            self.lies.memory.objects["a"] = (content[:20_000], etag)
            return right

        self.lies.faults = [Fault("CompleteMultipartUpload", spoil)]
        self._completed(self.begin())
        self.assertNotIn("a", self.lies.objects)

    def test_replaced_since(self) -> None:
        """Who replaces the object right behind its publishing keeps it; that the other was there is not certain."""

        def replaced(request: Request, right: Answer) -> Answer:
            self.lies.memory.objects["a"] = (b"newer", '"newer"')
            return right

        self.lies.faults = [Fault("CompleteMultipartUpload", replaced)]
        upload = self.begin()
        self._completed(upload)
        self.assertEqual(self.lies.objects["a"], b"newer")

    def test_error_in_success(self) -> None:
        """CR13: an error in an answer with status 200 is an error."""
        inside = attrs.evolve(refusal(200, "InternalError"), status=200)
        self.lies.faults = [Fault("CompleteMultipartUpload", inside)]
        upload = self.begin()
        self._completed(upload)
        self.assert_old(upload)

    def test_nothing_in_success(self) -> None:
        """CR13: an empty answer with status 200 is not believed: the object is looked at."""
        self.lies.faults = [Fault("CompleteMultipartUpload", Answer(200))]
        upload = self.begin()
        self.send(upload)
        with self.assertRaises(StorageError):
            upload.complete()

    def test_wrong_etag_of_put(self) -> None:
        """CR13: the entity tag of a small object is compared too."""
        self.lies.faults = [Fault("PutObject", Answer(headers={"ETag": f'"{"0" * 32}"'}))]
        with self.assertRaises(StorageFailure):
            self.store.put("a", b"new")

    def test_short_body(self) -> None:
        """CR13: fewer octets than were asked for, with and without a length that admits it; or more; or others."""
        entry = self.store.head("a")
        told = {"ETag": f'"{entry.etag}"'}
        for fault in (
            _changed(cut=1),
            _changed(body=b"o"),
            _changed(body=b"older"),
            _changed(headers={**told, "Content-Range": "bytes 1-3/3"}),
            _changed(headers={**told, "Content-Range": "bytes 0-2/9"}),
            _changed(headers=told, body=b"oldold"),
            _changed(
                body=b"", headers={**told, "Content-Range": "bytes 0-2/3", "Content-Length": "1000000000000"}, cut=0
            ),
        ):
            with self.subTest(fault=fault):
                self.lies.faults = [fault]
                with self.assertRaises(StorageFailure):
                    self.store.read(entry, 0, 3)
                with self.assertRaises(StorageFailure):
                    self.store.open("a", 100)

    def test_short_body_once(self) -> None:
        """CR13: what broke off once is asked for again."""
        self.lies.faults = [attrs.evolve(_changed(cut=1), times=1)]
        self.assertEqual(self.store.read(self.store.head("a"), 0, 3), b"old")
        self.lies.faults = [attrs.evolve(_changed(cut=1), first=3, times=1)]
        self.assertEqual(self.store.open("a", 3), (self.store.head("a"), b"old"))

    def test_another_object(self) -> None:
        """CR13: the octets of another version are not taken for those that were asked for."""
        self.lies.faults = [_changed(headers={"ETag": '"other"', "Content-Range": "bytes 0-2/3"})]
        with self.assertRaises(FileChanged):
            self.store.read(self.store.head("a"), 0, 3)

    def test_listing(self) -> None:
        """CR13: a listing of what was not asked for, without an end, or that is none, is no listing."""
        inner = "<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>"
        entry = "<LastModified>2015-10-21T07:28:00.000Z</LastModified><ETag>x</ETag>"
        for inside in (
            inner,
            "<IsTruncated>true</IsTruncated>",
            f"<Contents><Key>c</Key><Size>1</Size>{entry}</Contents>",
            f"<Contents><Key>b/c</Key><Size>-1</Size>{entry}</Contents>",
            f"<Contents><Key>b/c</Key><Size>many</Size>{entry}</Contents>",
            f"<Contents><Key>b/c</Key>{entry}</Contents>",
            f"<Contents><Key>b/c/d</Key><Size>1</Size>{entry}</Contents>",
            "<CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes>",
            "<Contents>",
            "<IsTruncated>false</IsTruncated>" + " " * (9 << 20),
        ):
            with self.subTest(inside=inside[:100]):
                body = f"<ListBucketResult>{inside}</ListBucketResult>".encode()
                self.lies.faults = [Fault("ListObjectsV2", Answer(body=body))]
                with self.assertRaises(StorageFailure):
                    self.store.list_page("b/", "x")

    def test_listing_leaves_out(self) -> None:
        """CR13: what a listing does not tell of is there all the same when it is asked for by name."""
        self.lies.faults = [Fault("ListObjectsV2", Answer(body=b"<ListBucketResult></ListBucketResult>"))]
        self.assertEqual(list(self.store.list_page("").objects), [])
        with self.assertRaises(AlreadyExists):
            self.store.put("a", b"new", exclusive=True)

    def test_condition_unknown(self) -> None:
        """A store that knows no condition is asked first, and another try is made without it."""
        self.lies.faults = [Fault("PutObject", refusal(501, "NotImplemented"), first=2, times=1)]
        self.assertEqual(self.store.put("b", b"new", exclusive=True).size, 3)

    def test_rubbish(self) -> None:
        """CR13: answers that make no sense are errors of the storage, and of nothing else."""
        rubbish = Answer(200, b"\0\xff<<rubbish", {"ETag": "\x7f"})
        for operation in (
            "CreateMultipartUpload",
            "ListObjectsV2",
            "HeadObject",
            "GetObject",
            "CopyObject",
            "ListParts",
        ):
            self.lies.faults.append(Fault(operation, rubbish))
        entry = ObjectEntry("a", 3, 0.0, self.old.etag)
        for call in (
            lambda: self.store.begin_upload("a"),
            lambda: self.store.list_page(""),
            lambda: self.store.read(entry, 0, 3),
            lambda: self.store.copy(entry, "b"),
            lambda: self.store.resume_upload("a", "upload-1"),
        ):
            with self.assertRaises(StorageError):
                call()


class RedirectTests(LyingStoreTestCase):
    """CR14: the store sends its clients elsewhere."""

    def test_redirects(self) -> None:
        """CR14: whatever a redirect names, no request leaves for another host."""
        with LyingStore() as elsewhere:
            elsewhere.memory.objects["a"] = (b"secret", '"secret"')
            for status in (301, 302, 303, 307, 308):
                for target in (f"{elsewhere.endpoint}/lies/a", "http://169.254.169.254/latest/meta-data/"):
                    with self.subTest(status=status, target=target):
                        self.lies.faults = self._faults(status, target)
                        for call in (
                            lambda: self.store.head("a"),
                            lambda: self.store.put("a", b"content"),
                            lambda: self.store.list_page(""),
                            lambda: self.store.read(ObjectEntry("a", 6, 0.0, "secret"), 0, 6),
                        ):
                            with self.assertRaises(StorageFailure):
                                call()
            self.assertEqual(elsewhere.requests, [])

    def test_azure(self) -> None:
        """CR14: nor does one that obstore makes, which follows redirects."""
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            self.enterContext(patch.dict(os.environ, {name: "", name.upper(): ""}))
        self.enterContext(patch.dict(os.environ, {"AZURE_STORAGE_ACCOUNT_KEY": "c2VjcmV0"}))
        endpoint = self.lies.endpoint.replace("127.0.0.1", "localhost")
        store = open_object_store(f"az://container?account=name&endpoint={endpoint}/name")
        with LyingStore() as elsewhere:
            elsewhere.memory.objects["a"] = (b"secret", '"secret"')
            for target in (f"{elsewhere.endpoint}/lies/a", "http://169.254.169.254/latest/meta-data/"):
                with self.subTest(target=target):
                    self.lies.faults = self._faults(307, target)
                    with self.assertRaises(StorageError):
                        store.head("a")
            self.assertEqual(elsewhere.requests, [])
        self.assertIn("HeadObject", self.lies.requests)

    @staticmethod
    def _faults(status: int, target: str) -> list[Fault]:
        told = attrs.evolve(
            refusal(status, "PermanentRedirect"), headers={"Location": target, "x-amz-bucket-region": "evil.example/"}
        )
        return [Fault(name, told) for name in ("HeadObject", "PutObject", "ListObjectsV2", "GetObject", "HeadBucket")]

    def test_region_of_an_answer(self) -> None:
        """CR14: a region that an answer names is not taken for the requests that follow."""
        self.lies.faults = self._faults(301, "http://169.254.169.254/")
        with self.assertRaises(StorageFailure):
            self.store.head("a")
        self.lies.faults = []
        with self.assertRaises(NotFound):
            self.store.head("a")
        signed = self.lies.seen[-1].headers["authorization"]
        self.assertIn("/us-east-1/s3/", signed)
        self.assertNotIn("HeadBucket", self.lies.requests)
