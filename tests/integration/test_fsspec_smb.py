"""``fsspec:smb:`` with a real Samba server."""

# mypy: allow-untyped-calls

from __future__ import annotations

import atexit
import ftplib
import io
import json
import uuid
from functools import cache

from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import NameRefused, NotFound, PermissionDenied
from ftpx.interfaces import IStorage
from ftpx.storage.filesystems.plugin import open_filesystem
from ftpx.storage.filesystems.settings import FilesystemSettings
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import StorageContract
from tests.integration.cases import AUTH, PASSWORD, USER, ServerTestCase, checksum, content, tree
from tests.integration.samba import Samba
from tests.integration.server import FtpxServer
from tests.integration.waiting import eventually

__all__: list[str] = []


@cache
def samba() -> Samba:
    """The server that all tests here share."""
    server = Samba()
    atexit.register(server.remove)
    server.start()
    return server


def _not_for_windows(name: str) -> bool:
    return name.endswith((" ", ".")) or not set('\\:*?"<>|').isdisjoint(name)


class ContractTests(StorageContract, SynchronousTestCase):
    """The contract of storages, over SMB."""

    # Each takes some hundredths of a second, while it is made and while it is looked for.
    long_listing = 300
    # What Windows cannot have in a name, or at its end, is refused.
    good_names = tuple(name for name in StorageContract.good_names if not _not_for_windows(name))
    odd_names = (*StorageContract.odd_names, *filter(_not_for_windows, StorageContract.good_names))

    def make_storage(self) -> IStorage:
        """An empty directory."""
        server = samba()
        self.folder = uuid.uuid4().hex
        (server.root / self.folder).mkdir()
        return open_filesystem(FilesystemSettings(f"{server.url}/{self.folder}", server.options), InlinePool())

    def test_name_case(self) -> None:
        """PH14: one name is reached in one form only, or rights that go by names would not hold."""
        self.make_directory(("dir",))
        self.put(("dir", "a"), b"small")
        for path in (("dir", "A"), ("Dir", "a")):
            self.assert_fails(self.storage.open_write(path), NameRefused)
            self.assert_fails(self.storage.open_read(path), NameRefused)
            self.assert_fails(self.storage.stat(path), NameRefused)
            self.assert_fails(self.storage.remove_file(path), NameRefused)
            self.assert_fails(self.storage.rename(("dir", "a"), path), NameRefused)
        self.assert_fails(self.storage.make_directory(("DIR",)), NameRefused)
        self.assert_listing_fails(("DIR",), NameRefused)
        self.assertEqual((self.names(), self.get(("dir", "a"))), (["dir"], b"small"))

    def test_short_name(self) -> None:
        """Nor is a file reached by the short name that the server makes for it."""
        folder = samba().root / self.folder
        (folder / "ends in a dot.").write_bytes(b"x")
        (short,) = self.names()
        self.assertNotEqual(short, "ends in a dot.")
        self.put(("a long name of a file",), b"y")
        for number in range(3):
            self.assert_fails(self.storage.open_read((f"ALONGN~{number}",)), NameRefused, NotFound)

    def test_directory_renamed_before_commit(self) -> None:
        """A directory in which a file is open cannot get another name, and the upload is not harmed."""
        self.make_directory(("d",))
        target = self.result(self.storage.open_write(("d", "a")))
        self.result(target.write(b"x"))
        self.assert_fails(self.storage.rename(("d",), ("e",)), PermissionDenied)
        self.result(target.commit())
        self.assertEqual((self.names(), self.get(("d", "a"))), (["d"], b"x"))


class ServerTests(ServerTestCase):
    """``twistd ftpx`` in front of the SMB server."""

    @classmethod
    def make_server(cls) -> FtpxServer:
        """A server of the share."""
        server = FtpxServer()
        options = server.directory / "options.json"
        options.write_text(json.dumps(samba().options), encoding="utf-8")
        storage = f"fsspec:options={options}:{samba().url}"
        return server.start(*AUTH, "--storage", storage, "--storage-deadline", "4")

    def setUp(self) -> None:
        """A directory of the test's own on the share, and a client in it."""
        super().setUp()
        self.name = uuid.uuid4().hex
        self.folder = samba().root / self.name
        self.folder.mkdir()
        self.client = ftplib.FTP(timeout=60)
        self.client.connect("127.0.0.1", self.server.port)
        self.addCleanup(self.client.close)
        self.client.login(USER, PASSWORD)
        self.client.cwd(self.name)

    def retrieve(self, line: str, rest: int | None = None) -> bytes:
        """What a command sends."""
        got: list[bytes] = []
        self.client.retrbinary(line, got.append, rest=rest)
        return b"".join(got)

    def test_commands(self) -> None:
        """Octets arrive and come back, and names and times are those of the share."""
        sent = content(5_000_001)
        self.client.mkd("d")
        self.client.storbinary("STOR d/a", io.BytesIO(sent))
        self.client.storbinary("APPE d/a", io.BytesIO(b"more"))
        self.client.rename("d/a", "d/über b")
        self.assertTrue(self.client.sendcmd("MFMT 20200102030405 d/über b").startswith("213"))
        self.assertEqual(tree(self.folder), {"d": "directory", "d/über b": checksum(sent + b"more")})
        self.assertEqual((self.folder / "d" / "über b").stat().st_mtime, 1577934245)
        self.assertEqual(self.retrieve("RETR d/über b", rest=5_000_000), sent[5_000_000:] + b"more")
        self.assertEqual(self.client.nlst("d"), ["d/über b"])
        self.assertRaisesRegex(ftplib.error_perm, "^553", self.client.storbinary, "STOR a:b", io.BytesIO(b"x"))
        self.assertRaisesRegex(ftplib.error_perm, "^550", self.client.rmd, "d")
        self.client.delete("d/über b")
        self.client.rmd("d")
        self.assertEqual(tree(self.folder), {})

    def test_server_ends(self) -> None:
        """CR09: where the SMB server is gone, clients are told to try again; when it is back, all works as before."""
        self.client.storbinary("STOR a", io.BytesIO(b"hello"))
        samba().stop()
        try:
            self.assertRaisesRegex(ftplib.error_temp, "^45[01]", self.client.nlst)
            self.assertRaisesRegex(ftplib.error_temp, "^45[01]", self.client.storbinary, "STOR b", io.BytesIO(b"x"))
            self.assertTrue(self.client.voidcmd("NOOP").startswith("200"))
        finally:
            samba().start()

        def works() -> bool:
            try:
                self.client.storbinary("STOR b", io.BytesIO(b"again"))
            except ftplib.error_temp:
                return False
            return True

        eventually(works, seconds=40, pause=0.5, what="the server uses the SMB server again")
        self.assertEqual((self.client.nlst(), self.retrieve("RETR b")), (["a", "b"], b"again"))
