"""What every object store does: the contract of `IObjectStore` as tests."""

from __future__ import annotations

import hashlib
import random
import unittest
from typing import TYPE_CHECKING

import attrs
from zope.interface.verify import verifyObject

from ftpx.errors import AlreadyExists, FileChanged, NameRefused, NotFound, StorageError
from ftpx.storage.objects.store import IObjectStore, IObjectUpload, IResumableObjectStore, ObjectEntry, ObjectPage

__all__ = ["ObjectStoreContract", "ResumableObjectStoreContract"]

_NAMES = ("a b", "*~%#?|<>&'\"", "é", "e\u0301", "..a", ".hidden", "%41", "+", "=;,:@!$()[]{}^`", "\U0001f600")

if TYPE_CHECKING:
    _Case = unittest.TestCase
else:
    _Case = object


def _content(size: int) -> bytes:
    return random.Random(size).randbytes(size)


class ObjectStoreContract(_Case):
    """The tests. ``make_store`` returns an empty store."""

    store: IObjectStore

    def make_store(self) -> IObjectStore:
        """An empty store."""
        raise NotImplementedError

    def setUp(self) -> None:
        """Have an empty store."""
        super().setUp()
        self.store = self.make_store()

    # One object

    def test_interface(self) -> None:
        """The store provides what it says."""
        verifyObject(IObjectStore, self.store)

    def test_put(self) -> None:
        """What was put is there, with its size, and the entry of the put is that of the object."""
        put = self.store.put("a", b"content")
        found = self.store.head("a")
        self.assertEqual((put.key, put.size, put.etag), ("a", 7, found.etag))
        self.assertEqual((found.key, found.size), ("a", 7))
        self.assertLess(abs(found.modified - put.modified), 60)
        self.assertEqual(self.store.read(found, 0, 100), b"content")

    def test_open(self) -> None:
        """What an object is and its first octets come together; of a small one, of an empty one all."""
        for content, size in ((b"", 10), (b"c", 10), (b"content", 7), (b"content", 3)):
            self.store.put("a/b", content)
            self.assertEqual(self.store.open("a/b", size), (self.store.head("a/b"), content[:size]))
        for missing in ("a", "a/c", "b"):
            self.assertRaises(NotFound, self.store.open, missing, 10)

    def test_look(self) -> None:
        """It is told what has a key, or whether others are below it; those that only begin alike do not count."""
        self.assertEqual(self.store.look("a"), (None, False))
        for key in ("a-1", "a.b/c", "a1"):
            self.store.put(key, b"content")
            self.assertEqual(self.store.look("a"), (None, False))
        self.store.put("a/b/c", b"content")
        self.assertEqual(self.store.look("a"), (None, True))
        self.assertEqual(self.store.look("a/b"), (None, True))
        found, _ = self.store.look("a-1")
        assert found is not None
        self.assertEqual((found.key, found.size, found.etag), ("a-1", 7, self.store.head("a-1").etag))

    def test_put_replaces(self) -> None:
        """A second put has another entity tag and another content."""
        first = self.store.put("a", b"one")
        second = self.store.put("a", b"other")
        self.assertNotEqual(first.etag, second.etag)
        self.assertEqual(self.store.read(second, 0, 100), b"other")

    def test_put_empty(self) -> None:
        """An object can be empty."""
        entry = self.store.put("a", b"")
        self.assertEqual(entry.size, 0)
        self.assertEqual(self.store.read(entry, 0, 100), b"")

    def test_put_exclusive(self) -> None:
        """An exclusive put makes a new object, and leaves one that is there as it is."""
        self.store.put("a", b"one", exclusive=True)
        with self.assertRaises(AlreadyExists):
            self.store.put("a", b"two", exclusive=True)
        self.assertEqual(self.store.read(self.store.head("a"), 0, 100), b"one")

    def test_md5(self) -> None:
        """An MD5 that is known is that of the content."""
        self.store.put("a", b"content")
        known = self.store.head("a").md5
        self.assertIn(known, {None, hashlib.md5(b"content").hexdigest()})

    def test_not_found(self) -> None:
        """There is nothing that was not put; not where others are below either."""
        self.store.put("a/b", b"")
        for key in ("b", "a", "a/b/c"):
            with self.assertRaises(NotFound, msg=key):
                self.store.head(key)

    def test_names(self) -> None:
        """A name may hold all that FTP names do."""
        for name in _NAMES:
            self.store.put(f"d/{name}", name.encode())
        page = self.store.list_page("d/")
        self.assertEqual({entry.key for entry in page.objects}, {f"d/{name}" for name in _NAMES})
        for entry in page.objects:
            self.assertEqual(self.store.read(entry, 0, 100).decode(), entry.key[2:])

    def test_names_refused(self) -> None:
        """What no key can be is refused, or is not there."""
        for name in ("", "a\udcffb"):
            with self.assertRaises(NameRefused, msg=ascii(name)):
                self.store.put(name, b"")
            with self.assertRaises((NameRefused, NotFound), msg=ascii(name)):
                self.store.head(name)

    # Reading

    def test_read_pieces(self) -> None:
        """Any piece can be read; behind the end there is nothing."""
        entry = self.store.put("a", b"0123456789")
        pieces = {(0, 1): b"0", (3, 4): b"3456", (9, 1): b"9", (8, 10): b"89", (10, 5): b"", (11, 5): b"", (4, 0): b""}
        for (offset, size), content in pieces.items():
            self.assertEqual(self.store.read(entry, offset, size), content, (offset, size))

    def test_read_changed(self) -> None:
        """What was replaced since its entry was made is not read."""
        entry = self.store.put("a", b"0123456789")
        self.store.put("a", b"abcdefghij")
        with self.assertRaises(FileChanged):
            self.store.read(entry, 0, 4)

    def test_read_removed(self) -> None:
        """What was removed is not read."""
        entry = self.store.put("a", b"0123456789")
        self.store.delete("a")
        with self.assertRaises((NotFound, FileChanged)):
            self.store.read(entry, 0, 4)

    # Removing and copying

    def test_delete(self) -> None:
        """What was removed is gone; what is not there need not be removed."""
        self.store.put("a/b", b"")
        self.store.put("a/c", b"")
        self.store.delete("a/b")
        self.store.delete("a/b")
        with self.assertRaises(NotFound):
            self.store.head("a/b")
        self.assertEqual([entry.key for entry in self.store.list_all("").objects], ["a/c"])

    def test_copy(self) -> None:
        """A copy has the content, replaces what is there, and leaves the original."""
        self.store.put("b/c", b"old")
        copied = self.store.copy(self.store.put("a", b"content"), "b/c")
        self.assertEqual((copied.key, copied.size), ("b/c", 7))
        self.assertEqual(self.store.read(copied, 0, 100), b"content")
        self.assertEqual(self.store.read(self.store.head("a"), 0, 100), b"content")

    def test_copy_changed(self) -> None:
        """What was replaced since its entry was made is not copied."""
        entry = self.store.put("a", b"one")
        self.store.put("a", b"other")
        with self.assertRaises(FileChanged):
            self.store.copy(entry, "b")
        with self.assertRaises(NotFound):
            self.store.head("b")

    def test_copy_not_found(self) -> None:
        """What is not there is not copied."""
        entry = self.store.put("a", b"one")
        self.store.delete("a")
        with self.assertRaises((NotFound, FileChanged)):
            self.store.copy(entry, "b")

    # Listing

    def _fill(self) -> None:
        for key in ("a", "b/1", "b/2", "b/c/3", "b.x", "d/4", "e"):
            self.store.put(key, b"12345"[: len(key)])

    def _pages(self, prefix: str, limit: int, *, deep: bool = False) -> list[ObjectPage]:
        pages: list[ObjectPage] = []
        start: str | None = None
        while not pages or start is not None:
            listed = self.store.list_all if deep else self.store.list_page
            pages.append(listed(prefix, start, limit))
            start = pages[-1].next
            self.assertLess(len(pages), 50)
        return pages

    def _listed(self, prefix: str, limit: int, *, deep: bool = False) -> list[str]:
        pages = self._pages(prefix, limit, deep=deep)
        for page in pages:
            self.assertLessEqual(len(page.objects) + len(page.prefixes), limit)
        names = [entry.key for page in pages for entry in page.objects] + [n for page in pages for n in page.prefixes]
        self.assertEqual(len(names), len(set(names)), "each is told once")
        return sorted(names)

    def test_list_page(self) -> None:
        """A page has the objects of one directory and the names of those in it, each once, however short it is."""
        self._fill()
        for limit in (1, 2, 3, 1000):
            self.assertEqual(self._listed("", limit), ["a", "b.x", "b/", "d/", "e"], limit)
            self.assertEqual(self._listed("b/", limit), ["b/1", "b/2", "b/c/"], limit)
            self.assertEqual(self._listed("b/c/", limit), ["b/c/3"], limit)
            self.assertEqual(self._listed("nothing/", limit), [], limit)

    def test_list_all(self) -> None:
        """A deep page has all objects below a prefix."""
        self._fill()
        for limit in (1, 2, 3, 1000):
            self.assertEqual(self._listed("", limit, deep=True), ["a", "b.x", "b/1", "b/2", "b/c/3", "d/4", "e"], limit)
            self.assertEqual(self._listed("b/", limit, deep=True), ["b/1", "b/2", "b/c/3"], limit)

    def test_list_entries(self) -> None:
        """An entry of a page can be read from, and is that of `head` but for what a page does not tell."""
        self._fill()
        for entry in self.store.list_page("").objects:
            found = attrs.evolve(self.store.head(entry.key), md5=entry.md5)
            self.assertLess(abs(found.modified - entry.modified), 2)
            self.assertEqual(attrs.evolve(found, modified=entry.modified), entry)
            self.assertEqual(len(self.store.read(entry, 0, 100)), entry.size)

    def test_directory_marker(self) -> None:
        """The object that makes an empty directory is seen above it and in it, and can be removed."""
        marker = f"d/{self.store.directory_marker}"
        self.store.put(marker, b"")
        self.assertEqual(self._listed("", 10), ["d/"])
        self.assertEqual(self._listed("d/", 10), [marker])
        self.assertEqual(self.store.head(marker).size, 0)
        self.store.delete(marker)
        self.assertEqual(self._listed("", 10), [])

    # Uploads

    def _upload(self, key: str, *parts: bytes) -> IObjectUpload:
        upload = self.store.begin_upload(key)
        for number, part in enumerate(parts, 1):
            upload.put_part(number, part)
        return upload

    def test_upload(self) -> None:
        """Parts make an object, which nobody sees before it is complete."""
        parts = [_content(self.store.part_size), _content(self.store.part_size), b"end"]
        upload = self._upload("a/b", *parts)
        verifyObject(IObjectUpload, upload)
        sent = [(number, len(part)) for number, part in enumerate(parts, 1)]
        self.assertEqual([(part.number, part.size) for part in upload.parts], sent)
        self.assertEqual(self._listed("", 10, deep=True), [])
        with self.assertRaises(NotFound):
            self.store.head("a/b")
        entry = upload.complete()
        self.assertEqual((entry.key, entry.size), ("a/b", 2 * self.store.part_size + 3))
        self.assertEqual(entry.etag, self.store.head("a/b").etag)
        self.assertEqual(self._whole(entry), b"".join(parts))

    def _whole(self, entry: ObjectEntry) -> bytes:
        step = self.store.part_size - 1000
        return b"".join(self.store.read(entry, offset, step) for offset in range(0, entry.size, step))

    def test_upload_one_part(self) -> None:
        """One short part is an object too, and a view of memory may be sent."""
        upload = self.store.begin_upload("a")
        upload.put_part(1, memoryview(b"xcontentx")[1:-1])
        self.assertEqual(self.store.read(upload.complete(), 0, 100), b"content")

    def test_upload_replaces(self) -> None:
        """What has the key stays until the upload is complete."""
        old = self.store.put("a", b"old")
        upload = self._upload("a", b"new")
        self.assertEqual(self.store.read(old, 0, 100), b"old")
        self.assertEqual(self.store.read(upload.complete(), 0, 100), b"new")

    def test_upload_exclusive(self) -> None:
        """An exclusive upload fails if the key is taken when it is complete; what has it stays."""
        upload = self._upload("a", b"new")
        self.store.put("a", b"old")
        with self.assertRaises(AlreadyExists):
            upload.complete(exclusive=True)
        upload.abort()
        self.assertEqual(self.store.read(self.store.head("a"), 0, 100), b"old")
        self.assertEqual(self._upload("b", b"new").complete(exclusive=True).size, 3)

    def test_upload_aborted(self) -> None:
        """What was thrown away leaves nothing, and may be thrown away twice."""
        upload = self._upload("a/b", _content(self.store.part_size), b"end")
        upload.abort()
        upload.abort()
        self.assertEqual(self._listed("", 10, deep=True), [])
        with self.assertRaises(StorageError):
            upload.complete()

    def test_abort_after_complete(self) -> None:
        """Behind its end an upload is not thrown away any more."""
        upload = self._upload("a", b"content")
        entry = upload.complete()
        upload.abort()
        self.assertEqual(self.store.head("a").etag, entry.etag)


class ResumableObjectStoreContract(ObjectStoreContract):
    """The tests of a store whose uploads can be gone on with."""

    store: IResumableObjectStore

    def test_resume(self) -> None:
        """Who knows the identifier finds the parts, adds others, and completes the object."""
        verifyObject(IResumableObjectStore, self.store)
        parts = [_content(self.store.part_size), _content(self.store.part_size), b"end"]
        begun = self._upload("a/b", *parts[:2])
        assert begun.identifier is not None
        resumed = self.store.resume_upload("a/b", begun.identifier)
        self.assertEqual(list(resumed.parts), list(begun.parts))
        resumed.put_part(3, parts[2])
        self.assertEqual(self._whole(resumed.complete()), b"".join(parts))

    def test_resume_without_parts(self) -> None:
        """An upload of which nothing has come can be gone on with."""
        begun = self.store.begin_upload("a")
        assert begun.identifier is not None
        resumed = self.store.resume_upload("a", begun.identifier)
        self.assertEqual(list(resumed.parts), [])
        resumed.put_part(1, b"content")
        self.assertEqual(self.store.read(resumed.complete(), 0, 100), b"content")

    def test_resume_behind_a_gap(self) -> None:
        """A part counts when all in front of it have come, and not in an object that ends before it."""
        parts = [_content(self.store.part_size), _content(self.store.part_size), b"end"]
        for last in (3, 2):
            begun = self.store.begin_upload("a")
            assert begun.identifier is not None
            begun.put_part(1, parts[0])
            begun.put_part(3, parts[2])
            self.assertEqual([part.number for part in begun.parts], [1])
            resumed = self.store.resume_upload("a", begun.identifier)
            self.assertEqual([part.number for part in resumed.parts], [1])
            for number in range(2, last + 1):
                resumed.put_part(number, parts[number - 1])
            self.assertEqual(self._whole(resumed.complete()), b"".join(parts[:last]))

    def test_part_sent_again(self) -> None:
        """The last that was sent under a number counts."""
        upload = self._upload("a", b"wrong")
        upload.put_part(1, b"right!")
        entry = upload.complete()
        self.assertEqual(self.store.read(entry, 0, 100), b"right!")

    def test_part_missing(self) -> None:
        """An object with a gap is not made."""
        upload = self.store.begin_upload("a")
        upload.put_part(1, _content(self.store.part_size))
        upload.put_part(3, b"end")
        with self.assertRaises(StorageError):
            upload.complete()
        upload.abort()

    def test_resume_ended(self) -> None:
        """What was thrown away or completed cannot be gone on with."""
        for ended in ("abort", "complete"):
            upload = self._upload("a", b"content")
            getattr(upload, ended)()
            assert upload.identifier is not None
            with self.assertRaises(NotFound, msg=ended):
                self.store.resume_upload("a", upload.identifier)
