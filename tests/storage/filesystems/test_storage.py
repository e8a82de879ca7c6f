"""Tests of ftpx.storage.filesystems.storage, with filesystems that lie, lose and fail."""

# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import (
    FileChanged,
    NameRefused,
    NotARegularFile,
    NotFound,
    NotSupported,
    OutcomeUnknown,
    PermissionDenied,
    StorageFailure,
    StorageUnavailable,
)
from ftpx.interfaces import Path
from ftpx.storage.filesystems.filesystem import ASIDE
from ftpx.storage.filesystems.hidden import LEFT_OVER
from ftpx.storage.names import HIDDEN_PREFIX
from tests.storage.filesystems.fakes import Clock, FakeFsspec, make_storage

__all__: list[str] = []


class HostileTests(SynchronousTestCase):
    """What a filesystem tells is not believed."""

    def setUp(self) -> None:
        """A storage on a fake."""
        self.clock = Clock()
        self.fsspec = FakeFsspec()
        self.storage = make_storage(self.fsspec, self.clock)

    def names(self, path: Path = ()) -> list[str]:
        """The names of a listing."""
        return [entry.name for page in self.storage.list_directory(path) for entry in page]

    def put(self, path: Path, content: bytes, **options: Any) -> None:
        """Store a file."""
        target = self.storage.open_write(path, **options)
        target.write(content)
        target.commit()

    def hidden(self) -> list[str]:
        """What there is of hidden names."""
        return [name for name in self.fsspec.files if HIDDEN_PREFIX in name]

    def test_names_of_a_listing(self) -> None:
        """CL02: only what can be a name of something in the directory is listed, however it is told."""
        told = ["/top/a", "top/b", "/top/c/", "d", "/top", "/top/../etc", "..", ".", "/etc/passwd", "/top/x/y"]
        told += ["/top/n\0ul", "/top/l\nine", "", "/", "/top/.."]
        self.fsspec.told = [{"name": name, "type": "file", "size": 1} for name in told]
        self.assertEqual(self.names(), ["a", "b", "c", "d"])

    def test_listing_without_names(self) -> None:
        """CR13: entries without anything to go by do no harm."""
        self.fsspec.told = [{}, {"name": None}, {"name": 5}, {"name": "/top/a"}]
        self.assertEqual(self.names(), ["5", "None", "a"])

    def test_pages(self) -> None:
        """A listing comes in pages of bounded size, each sorted."""
        self.fsspec.told = [{"name": f"/top/{number:05}", "type": "file"} for number in range(2500, 0, -1)]
        pages = list(self.storage.list_directory(()))
        self.assertEqual([len(page) for page in pages], [1000, 1000, 500])
        for page in pages:
            self.assertEqual([entry.name for entry in page], sorted(entry.name for entry in page))

    def test_hidden_names(self) -> None:
        """PH21: what is being uploaded is neither listed nor reached by its name."""
        target = self.storage.open_write(("a",))
        name = self.hidden()[0].rpartition("/")[2]
        self.assertEqual(self.names(), [])
        self.assertRaises(NotFound, self.storage.stat, (name,))
        self.assertRaises(NotFound, self.storage.open_read, (name,))
        self.assertRaises(NotFound, self.storage.remove_file, (name,))
        self.assertRaises(NameRefused, self.storage.open_write, (name,))
        target.abort()
        self.assertEqual(self.hidden(), [])

    def test_taken_for_something_else(self) -> None:
        """A name that the filesystem would take for another one is refused, and nothing has it."""
        self.put(("a",), b"abc")
        self.patch(self.fsspec, "_strip_protocol", lambda path: path.replace("fake::", ""))
        self.assertRaises(NameRefused, self.storage.stat, ("fake::a",))
        self.assertRaises(NameRefused, self.storage.open_write, ("fake::a",))

    def test_octets_lost(self) -> None:
        """CR13: an upload of which the filesystem kept less than was sent is not published."""
        self.put(("a",), b"the old file")
        target = self.storage.open_write(("a",))
        target.write(b"the new file")
        target._file.lost = 1  # type: ignore[attr-defined]  # the fake's
        self.assertRaises(StorageFailure, target.commit)
        self.assertEqual(self.fsspec.files, {"/top/a": b"the old file"})

    def test_fails_in_upload(self) -> None:
        """RS06: whatever fails before the file has its name, the old one is whole and nothing else is left."""
        self.put(("a",), b"the old file")
        for fault in ("close", "mv"):
            target = self.storage.open_write(("a",))
            target.write(b"the new file")
            self.fsspec.faults = {fault: OSError("broken")}
            self.assertRaises(StorageFailure if fault == "close" else OutcomeUnknown, target.commit)
            target.abort()
            self.fsspec.faults = {}
            self.assertEqual(self.fsspec.files, {"/top/a": b"the old file"}, fault)

    def test_nothing_renames_over_a_file(self) -> None:
        """Where nothing renames over a file, the old one steps aside, and comes back if the new one fails."""
        self.put(("a",), b"old")
        self.put(("a",), b"new")
        self.assertEqual(self.fsspec.files, {"/top/a": b"new"})
        target = self.storage.open_write(("a",))
        move, calls = self.fsspec.mv, []

        def third_fails(source: str, destination: str) -> None:
            calls.append(source)
            if len(calls) == 3:
                raise PermissionError(destination)
            move(source, destination)

        self.patch(self.fsspec, "mv", third_fails)
        self.assertRaises(PermissionDenied, target.commit)
        self.assertEqual(self.fsspec.files, {"/top/a": b"new"})

    def test_cannot_be_removed_now(self) -> None:
        """An upload is thrown away without complaint where the filesystem is gone; what is left stays hidden."""
        target = self.storage.open_write(("a",))
        self.fsspec.faults = {"rm_file": ConnectionResetError(), "close": ConnectionResetError()}
        target.abort()
        target.abort()
        self.fsspec.faults = {}
        self.assertEqual((len(self.hidden()), self.names()), (1, []))

    def test_left_over(self) -> None:
        """CR02: a listing removes what a crash has left when it is old; not what is in use, or may be all of a file."""
        target = self.storage.open_write(("a",))
        used = self.hidden()[0]
        stray, young, aside = (f"/top/{HIDDEN_PREFIX}{name}" for name in ("stray", "young", f"kept{ASIDE}"))
        for name in (stray, young, aside):
            self.fsspec.files[name] = b"x"
        self.fsspec.times[young] = self.clock.now - LEFT_OVER + 60
        self.assertEqual(self.names(), [])
        self.assertEqual(sorted(self.fsspec.files), sorted([used, young, aside]))
        target.commit()
        self.assertEqual(self.names(), ["a"])

    def test_left_over_read_only(self) -> None:
        """Nothing is removed where nothing is to be written."""
        storage = make_storage(self.fsspec, self.clock, writable=False)
        self.fsspec.files[f"/top/{HIDDEN_PREFIX}stray"] = b"x"
        self.assertEqual(list(storage.list_directory(())), [])
        self.assertNotIn("rm_file", self.fsspec.called)

    def test_shorter(self) -> None:
        """CR13: a file that has less than was told is an error, and not a shorter file."""
        self.put(("a",), b"0123456789")
        source = self.storage.open_read(("a",))
        self.patch(source, "_file", self.fsspec.open("/top/a", "rb"))
        source._file.truncate(5)  # type: ignore[attr-defined]  # a BytesIO
        self.assertEqual(source.read(0, 5), b"01234")
        self.assertRaises(FileChanged, source.read, 3, 7)
        source.close()

    def test_size_not_known(self) -> None:
        """What has no known size is not sent: nobody could tell whether it was whole."""
        info = {"name": "/top/a", "type": "file", "size": None}
        self.patch(self.fsspec, "info", lambda path: info)
        self.assertRaises(NotARegularFile, self.storage.open_read, ("a",))

    def test_no_empty_directories(self) -> None:
        """A directory that is not there when it was made is not said to be."""
        self.patch(self.fsspec, "mkdir", lambda path, *, create_parents: None)
        self.assertRaises(NotSupported, self.storage.make_directory, ("d",))

    def test_unreachable(self) -> None:
        """CR09: where the filesystem cannot be reached, every operation says so."""
        self.fsspec.faults["info"] = ConnectionRefusedError("secret host")
        for call in (
            lambda: self.storage.stat(("a",)),
            self.names,
            lambda: self.storage.open_read(("a",)),
            lambda: self.storage.open_write(("a",)),
            lambda: self.storage.make_directory(("a",)),
            lambda: self.storage.remove_directory(("a",)),
            lambda: self.storage.remove_file(("a",)),
            lambda: self.storage.rename(("a",), ("b",)),
        ):
            error = self.assertRaises(StorageUnavailable, call)
            self.assertNotIn("secret", str(error))
