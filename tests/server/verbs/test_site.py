"""SITE and what it leads to."""

from __future__ import annotations

import tempfile

from ftpx.errors import StorageFailure
from ftpx.storage.registry import open_storage
from ftpx.testing.pool import InlinePool
from ftpx.testing.server import ServerHarness
from tests.server.doubles import PlainStorage, ServerCase, codes


class SiteTests(ServerCase):
    """The commands behind SITE."""

    def setUp(self) -> None:
        """Put a file."""
        super().setUp()
        self.put("a b", b"content")

    def test_change_mode(self) -> None:
        """PH23: CHMOD sets permission bits only."""
        self.assertEqual(self.codes("SITE CHMOD 600 a b", "site chmod 0640 a b"), [200, 200])
        self.assertIn("UNIX.mode=0640;", self.texts("MLST a b"))
        self.assertEqual(
            self.codes(
                "SITE CHMOD 4777 a b", "SITE CHMOD 0888 a b", "SITE CHMOD -1 a b", "SITE CHMOD 600", "SITE CHMOD"
            ),
            [501] * 5,
        )
        self.assertEqual(self.codes("SITE CHMOD 600 missing"), [550])
        self.assertIn("UNIX.mode=0640;", self.texts("MLST a b"))

    def test_set_time(self) -> None:
        """UTIME takes the time and the path, or the path and three times."""
        for line, time in (
            ("SITE UTIME 20190203040506 a b", "20190203040506"),
            ("SITE UTIME 201801020304 a b", "20180102030400"),
            ("SITE UTIME a b 20170101000000 20160101000000 20150101000000 UTC", "20160101000000"),
        ):
            self.assertEqual(self.codes(line), [200], line)
            self.assertEqual(self.texts("MDTM a b"), time)
        for line in (
            "SITE UTIME a b",
            "SITE UTIME 20190203040506",
            "SITE UTIME 2019 a b",
            "SITE UTIME 20191303040506 a b",
        ):
            self.assertEqual(self.codes(line), [501], line)

    def test_copy(self) -> None:
        """CPFR and CPTO copy a file within the storage."""
        self.assertEqual(self.codes("SITE CPFR a b", "SITE CPTO c"), [350, 250])
        self.assertEqual((self.get("c"), "copy" in self.script.done), (b"content", True))

    def test_copy_without_help(self) -> None:
        """A storage that cannot copy by itself is read and written."""
        server = ServerHarness(PlainStorage(self.storage))
        server.login()
        self.assertEqual(codes(server.command("SITE CPFR a b", "SITE CPTO c")), [350, 250])
        self.assertEqual((self.get("c"), "copy" in self.script.done), (b"content", False))

    def test_copy_sequence(self) -> None:
        """CPTO comes behind CPFR, with nothing but SITE between, and CPFR is good for one."""
        self.assertEqual(self.codes("SITE CPTO c"), [503])
        self.assertEqual(self.codes("SITE CPFR a b", "PWD", "SITE CPTO c"), [350, 257, 503])
        self.assertEqual(self.codes("SITE CPFR a b", "SITE HELP", "SITE CPTO c", "SITE CPTO d"), [350, 214, 250, 503])

    def test_copy_errors(self) -> None:
        """CP21: what cannot be copied is said at once or when it fails; nothing is left."""
        self.client.command("MKD d")
        self.assertEqual(self.codes("SITE CPFR missing", "SITE CPFR d", "SITE CPFR"), [550, 550, 501])
        self.assertEqual(
            self.codes("SITE CPFR a b", "SITE CPTO d", "SITE CPFR a b", "SITE CPTO x/y"), [350, 550, 350, 550]
        )
        self.script.faults["copy"] = StorageFailure()
        self.assertEqual(self.codes("SITE CPFR a b", "SITE CPTO c"), [350, 451])
        self.assertEqual(self.names(), ["a b", "d"])

    def test_read_only(self) -> None:
        """Who may not write neither sets nor copies."""
        self.server.login("anonymous", "me@")
        self.assertEqual(
            self.codes("SITE CHMOD 600 a b", "SITE UTIME 201902030405 a b", "SITE CPFR a b", "SITE CPTO c"),
            [502, 502, 350, 550],
        )

    def test_links(self) -> None:
        """SYMLINK is there where the operator allows it and the storage can."""
        self.assertEqual(self.codes("SITE SYMLINK a l"), [502])
        with tempfile.TemporaryDirectory() as directory:
            for allowed, answers in ((True, [200, 550, 501]), (False, [502] * 3)):
                server = ServerHarness(open_storage(f"local:{directory}", InlinePool()), symbolic_links=allowed)
                server.login()
                server.store("STOR a", b"x")
                self.assertEqual(
                    codes(server.command("SITE SYMLINK a l", "SITE SYMLINK a l", "SITE SYMLINK a")), answers
                )
                self.assertEqual(" SITE SYMLINK" in server.command("FEAT")[0].lines, allowed)
                self.assertEqual("SITE SYMLINK" in str(server.command("SITE HELP")), allowed)
            self.assertEqual(server.fetch("RETR l")[1], b"x")

    def test_help(self) -> None:
        """SITE HELP tells the forms, of what this account can use."""
        said = self.texts("SITE HELP")
        for text in ("SITE CHMOD mode path: ", "SITE CPFR path: ", "SITE CPTO path: ", "SITE HELP: ", "SITE UTIME "):
            self.assertIn(text, said)
        self.assertNotIn("SYMLINK", said)

    def test_unknown(self) -> None:
        """CP21: anything else is 504, and never run."""
        self.assertEqual(self.codes("SITE EXEC /bin/sh", "SITE CHMODX 600 a", "SITE  ", "SITE"), [500, 500, 500, 501])
