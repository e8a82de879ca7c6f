"""Tests of ftpx.storage.filesystems.entries."""

from __future__ import annotations

from datetime import UTC, datetime

from twisted.trial.unittest import SynchronousTestCase

from ftpx.interfaces import Kind
from ftpx.storage.filesystems.entries import entry_of, fingerprint, kind_of, size_of

__all__: list[str] = []

WHEN = 1_577_934_245.0


class EntryTests(SynchronousTestCase):
    """Each filesystem tells what it knows in its own way."""

    def test_times(self) -> None:
        """A time may be a number, a date with a zone or without, a tuple or a text, under any of many names."""
        told: list[dict[str, object]] = [
            {"mtime": WHEN},
            {"mtime": int(WHEN)},
            {"modified": datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)},
            {"LastModified": datetime(2020, 1, 2, 3, 4, 5)},  # without a zone, as some tell it
            {"last_modified": "2020-01-02T03:04:05Z"},
            {"Last-Modified": "Thu, 02 Jan 2020 03:04:05 GMT"},
            {"modify": "20200102030405"},
            {"date_time": (2020, 1, 2, 3, 4, 5)},
            {"modificationTime": WHEN * 1000},
            {"created": WHEN},
            {"mtime": "nonsense", "created": WHEN},
        ]
        for info in told:
            self.assertEqual(entry_of("a", {"type": "file", "size": 1, **info}).modified, WHEN, info)

    def test_absurd(self) -> None:
        """What makes no sense is not known."""
        for mtime in (float("nan"), float("inf"), 1e30, "x" * 100, None, True, (), (1, 2, "x"), b"1", 10**400):
            self.assertIsNone(entry_of("a", {"type": "file", "mtime": mtime}).modified, mtime)
        for size in (None, -1, "5", 1.5, True):
            self.assertIsNone(size_of({"size": size}), size)
            self.assertEqual(entry_of("a", {"type": "file", "size": size}).size, 0)

    def test_kinds(self) -> None:
        """A link is a link whatever it leads to, and what nobody knows is something else."""
        told: list[tuple[dict[str, object], Kind]]
        told = [({"type": "file"}, Kind.FILE), ({"type": "directory"}, Kind.DIRECTORY), ({"type": "link"}, Kind.LINK)]
        told += [({"type": "file", "islink": True}, Kind.LINK), ({"type": "other"}, Kind.OTHER), ({}, Kind.OTHER)]
        for info, kind in told:
            self.assertEqual(kind_of(info), kind)

    def test_fingerprint(self) -> None:
        """Another size, time or mark of the content is another fingerprint."""
        info: dict[str, object] = {"type": "file", "size": 1, "mtime": 1.0, "etag": "a"}
        changed: list[dict[str, object]] = [{"size": 2}, {"mtime": 2.0}, {"etag": "b"}]
        marks = {fingerprint(info), *(fingerprint({**info, **change}) for change in changed)}
        self.assertEqual(len(marks), 4)
        self.assertEqual(fingerprint(info), fingerprint({**info, "name": "x", "atime": 5}))

    def test_version(self) -> None:
        """Times in whole seconds make no version: the content may change twice within one."""
        self.assertIsNone(entry_of("a", {"type": "file", "mtime": 5.0}).version)
        self.assertIsNotNone(entry_of("a", {"type": "file", "mtime": 5.25}).version)
        self.assertIsNotNone(entry_of("a", {"type": "file", "ETag": "a"}).version)
