"""DELE, RNFR, RNTO, SIZE and MDTM."""

from __future__ import annotations

import attrs

from ftpx.errors import NoSpace, PermissionDenied, StorageFailure
from ftpx.interfaces import Kind
from ftpx.testing.server import EPOCH, ServerHarness
from tests.server.doubles import PlainStorage, ServerCase, codes


class RenameTests(ServerCase):
    """RNFR and RNTO."""

    def setUp(self) -> None:
        """Put files and directories."""
        super().setUp()
        self.client.command("MKD d", "MKD e", "MKD e/f")
        self.put("a", b"a")
        self.put("b", b"b")

    def test_rename(self) -> None:
        """PH17: a file gets another name, or takes that of another file."""
        self.assertEqual(self.codes("RNFR a", "RNTO d/c", "RNFR d/c", "RNTO b"), [350, 250, 350, 250])
        self.assertEqual((self.get("b"), self.names()), (b"a", ["b", "d", "e"]))

    def test_directories(self) -> None:
        """PH17: a directory replaces an empty one, no full one, no file, and never goes into itself."""
        self.assertEqual(self.codes("RNFR d", "RNTO e", "RNFR d", "RNTO a", "RNFR a", "RNTO d"), [350, 550] * 3)
        self.assertEqual(
            self.codes("RNFR e", "RNTO e/f/g", "RNFR e", "RNTO d", "RNFR d", "RNTO d"), [350, 553, 350, 250, 350, 250]
        )

    def test_sequence(self) -> None:
        """PH19: RNTO comes right behind RNFR, and RNFR is good for one RNTO."""
        self.assertEqual(self.codes("RNTO b", "RNFR a", "PWD", "RNTO c"), [503, 350, 257, 503])
        self.assertEqual(self.codes("RNFR a", "RNTO c", "RNTO c"), [350, 250, 503])
        self.assertEqual(self.codes("RNFR c", "RNTO missing/x", "RNTO a"), [350, 550, 503])
        self.assertEqual(self.codes("RNFR c", "USER alice", "PASS secret", "RNTO a"), [350, 331, 230, 503])
        self.assertEqual(self.codes("RNFR missing", "RNTO x", "RNFR c", "RNFR b", "RNTO x"), [550, 503, 350, 350, 250])
        self.assertEqual(self.names(), ["c", "d", "e", "x"])

    def test_root(self) -> None:
        """PH16: the root is not renamed, and nothing takes its place."""
        self.assertEqual(self.codes("RNFR /", "RNFR a/..", "RNFR a", "RNTO /"), [550, 550, 350, 550])

    def test_storage_errors(self) -> None:
        """RS06: what the storage says is told."""
        for error, code in ((PermissionDenied(), 550), (NoSpace(), 452), (StorageFailure(), 451)):
            self.script.faults = {
                "rename": error,
                "remove_file": error,
                "make_directory": error,
                "remove_directory": error,
            }
            self.assertEqual(self.codes("RNFR a", "RNTO c", "DELE a", "MKD x", "RMD d"), [350] + [code] * 4)
        self.assertEqual(self.names(), ["a", "b", "d", "e"])


class FilesTests(ServerCase):
    """DELE, SIZE and MDTM."""

    def setUp(self) -> None:
        """Put a file."""
        super().setUp()
        self.put("a", b"12345")

    def test_delete(self) -> None:
        """A file is deleted once."""
        self.assertEqual(self.codes("DELE a", "DELE a"), [250, 550])

    def test_size(self) -> None:
        """SIZE is that of binary transfers, and not known in ASCII."""
        self.assertEqual(self.texts("SIZE a"), "5")
        self.assertEqual(self.codes("TYPE A", "SIZE a", "TYPE I", "SIZE a"), [200, 550, 200, 213])

    def test_not_regular(self) -> None:
        """PH15: what has no content has no size and no time."""
        storage = PlainStorage(self.storage)
        for kind in (Kind.OTHER, Kind.LINK, Kind.DIRECTORY):
            storage.entries[("a",)] = attrs.evolve(self.result(self.storage.stat(("a",))), kind=kind)
            server = ServerHarness(storage)
            server.login()
            self.assertEqual(codes(server.command("SIZE a", "MDTM a", "SITE CPFR a", "CWD a")[:3]), [550] * 3)

    def test_time(self) -> None:
        """MDTM tells the time in UTC."""
        self.assertEqual(self.texts("MDTM a"), "20200101000000")

    def test_set_time(self) -> None:
        """MDTM with a time in front sets it, unless a file has that very name."""
        self.assertEqual(self.texts("MDTM 20190203040506 a"), "20190203040506")
        self.assertEqual(self.texts("MDTM a"), "20190203040506")
        self.put("20180101000000 a")
        self.assertEqual(self.texts("MDTM 20180101000000 a"), "20200101000000")
        self.assertEqual(self.texts("MDTM a"), "20190203040506")
        self.assertEqual(self.codes("MDTM 2018 a", "MDTM 20180101000000", "MDTM 20180101000000 "), [550] * 3)

    def test_set_time_not_able(self) -> None:
        """Where times cannot be set nothing has such a name."""
        client = self.server.connect()
        client.login("anonymous", "me@")
        client.replies()
        self.assertEqual(codes(client.command("MDTM 20180101000000 a", "MDTM a")), [550, 213])

    def test_unknown_time(self) -> None:
        """A file without a time is 550."""
        storage = PlainStorage(self.storage)
        storage.entries[("a",)] = attrs.evolve(self.result(self.storage.stat(("a",))), modified=None)
        server = ServerHarness(storage)
        server.login()
        self.assertEqual(codes(server.command("MDTM a")), [550])
        self.assertEqual(EPOCH, server.now())
