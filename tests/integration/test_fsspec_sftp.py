"""``fsspec:sftp:`` with a real OpenSSH server."""

# mypy: allow-untyped-calls

from __future__ import annotations

import atexit
import contextlib
import ftplib
import io
import json
import shutil
import signal
import stat
import subprocess
import unittest
import uuid
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import StorageUnavailable
from ftpx.interfaces import IStorage
from ftpx.storage.filesystems.opening import Opener
from ftpx.storage.filesystems.plugin import open_filesystem
from ftpx.storage.filesystems.settings import FilesystemSettings
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import StorageContract
from tests.integration.cases import AUTH, PASSWORD, USER, ServerTestCase, checksum, content, tree
from tests.integration.server import FtpxServer
from tests.integration.sshd import Sshd
from tests.integration.waiting import eventually

__all__: list[str] = []

_T = TypeVar("_T")


@cache
def sshd() -> Sshd:
    """The server that all tests here share."""
    server = Sshd()
    atexit.register(server.remove)
    server.start()
    return server


class ContractTests(StorageContract, SynchronousTestCase):
    """The contract of storages, over SFTP."""

    # Each takes ten exchanges with the server.
    long_listing = 1200

    def make_storage(self) -> IStorage:
        """An empty directory."""
        server = sshd()
        name = uuid.uuid4().hex
        (server.root / name).mkdir()
        return open_filesystem(FilesystemSettings(f"{server.url}/{name}", server.options), InlinePool())


class HostKeyTests(SynchronousTestCase):
    """Which SFTP servers are connected to."""

    def test_unknown_host(self) -> None:
        """A host that is not known by its key is not spoken to, and the client is told nothing but that."""
        server = sshd()
        other = server.known_hosts.read_text(encoding="ascii").replace("127.0.0.1", "127.0.0.2")
        path = Path(str(self.mktemp()))
        for known in ("", other):
            path.write_text(known, encoding="ascii")
            options = {**server.options, "known_hosts": str(path)}
            storage = open_filesystem(FilesystemSettings(server.url, options), InlinePool())
            error = self.failureResultOf(Deferred.fromCoroutine(_wait(storage.stat(()))), StorageUnavailable)
            self.assertEqual(str(error.value), "the filesystem cannot be opened")


async def _wait(awaitable: Awaitable[_T]) -> _T:
    return await awaitable


class OldServerTests(SynchronousTestCase):
    """A server without ``posix-rename``."""

    def test_replaced(self) -> None:
        """The old file steps aside under a hidden name, and nothing is left of it; it stays if the new one is lost."""
        server = sshd()
        folder = server.root / uuid.uuid4().hex
        folder.mkdir()
        filesystem = Opener(FilesystemSettings(f"{server.url}/{folder.name}", server.options)).open()
        self.addCleanup(filesystem.close)

        def unsupported(old: str, new: str) -> None:
            raise OSError("Operation unsupported")

        self.patch(filesystem.filesystem.ftp, "posix_rename", unsupported)
        for text in ("first", "second"):
            (folder / "new").write_text(text)
            filesystem.replace(f"{folder}/new", f"{folder}/file")
            self.assertEqual(tree(folder), {"file": checksum(text.encode())})
        self.assertRaises(OSError, filesystem.replace, f"{folder}/lost", f"{folder}/file")
        self.assertEqual(tree(folder), {"file": checksum(b"second")})


class ServerTests(ServerTestCase):
    """``twistd ftpx`` in front of the SFTP server."""

    @classmethod
    def make_server(cls) -> FtpxServer:
        """A server of a directory on the SFTP server."""
        server = FtpxServer()
        options = server.directory / "options.json"
        options.write_text(json.dumps(sshd().options), encoding="utf-8")
        storage = f"fsspec:options={options}:{sshd().url}"
        return server.start(*AUTH, "--storage", storage, "--storage-deadline", "4")

    def setUp(self) -> None:
        """A directory of the test's own on the SFTP server."""
        super().setUp()
        self.name = uuid.uuid4().hex
        self.folder = sshd().root / self.name
        self.folder.mkdir()
        self.url = f"ftp://{USER}:{PASSWORD}@127.0.0.1:{self.server.port}/{self.name}/"

    def curl(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run curl to its end."""
        if shutil.which("curl") is None:
            raise unittest.SkipTest("curl is not installed")
        return subprocess.run(
            ["curl", "-sS", "--max-time", "60", *arguments], cwd=self.work, capture_output=True, timeout=90, check=False
        )

    def client(self) -> ftplib.FTP:
        """A client that is logged in, in the directory of the test."""
        client = ftplib.FTP(timeout=60)
        client.connect("127.0.0.1", self.server.port)
        self.addCleanup(client.close)
        client.login(USER, PASSWORD)
        client.cwd(self.name)
        return client

    def test_up_and_down(self) -> None:
        """Octets arrive and come back; only whole files have names, and nothing else is left."""
        sent = content(9_000_001)
        (self.work / "sent").write_bytes(sent)
        stored = self.curl("-T", "sent", self.url + "file")
        self.assertEqual(stored.returncode, 0, stored.stderr)
        self.assertEqual(tree(self.folder), {"file": checksum(sent)})
        fetched = self.curl("-o", "got", self.url + "file")
        self.assertEqual(fetched.returncode, 0, fetched.stderr)
        self.assertEqual(checksum(self.work / "got"), checksum(sent))
        self.assertEqual(self.curl("-r", "5000000-", self.url + "file").stdout, sent[5_000_000:])

    def test_resumed_and_appended(self) -> None:
        """REST and APPE keep what is there."""
        client = self.client()
        sent = content(300_000)
        client.storbinary("STOR a", io.BytesIO(sent[:100_000]))
        client.storbinary("STOR a", io.BytesIO(sent[50_000:200_000]), rest=50_000)
        client.storbinary("APPE a", io.BytesIO(sent[200_000:]))
        self.assertEqual(tree(self.folder), {"a": checksum(sent)})

    def test_commands(self) -> None:
        """Directories, names, times and modes are those of the SFTP server."""
        client = self.client()
        client.mkd("d")
        client.storbinary("STOR d/a", io.BytesIO(b"hello"))
        client.rename("d/a", "d/b")
        self.assertTrue(client.sendcmd("MFMT 20200102030405 d/b").startswith("213"))
        self.assertTrue(client.sendcmd("SITE CHMOD 640 d/b").startswith("200"))
        status = (self.folder / "d" / "b").stat()
        self.assertEqual((status.st_mtime, stat.S_IMODE(status.st_mode)), (1577934245, 0o640))
        self.assertEqual(client.nlst("d"), ["d/b"])
        self.assertRaisesRegex(ftplib.error_perm, "^550", client.rmd, "d")
        client.delete("d/b")
        client.rmd("d")
        self.assertEqual(tree(self.folder), {})

    def test_link_out(self) -> None:
        """PH05: a link of the SFTP server that leads out of the directory is not followed; one that stays inside is."""
        (self.folder / "out").symlink_to("/etc")
        (self.folder / "file").write_bytes(b"hello")
        (self.folder / "in").symlink_to("file")
        client = self.client()
        got: list[bytes] = []
        client.retrbinary("RETR in", got.append)
        self.assertEqual(b"".join(got), b"hello")
        for command in ("CWD out", "SIZE out/passwd", "MDTM out/passwd", "DELE out/passwd", "MKD out/x"):
            self.assertRaisesRegex(ftplib.error_perm, "^550", client.sendcmd, command)

    def test_many_at_once(self) -> None:
        """RS17: more transfers at once than connections to the SFTP server: each has its own octets, both ways."""
        sent = {f"file{number}": content(1_500_000 + number, seed=number) for number in range(20)}
        clients = {name: self.client() for name in sent}
        got: dict[str, bytes] = {}

        def transfer(name: str) -> None:
            clients[name].storbinary(f"STOR {name}", io.BytesIO(sent[name]))
            clients[name].nlst()
            blocks: list[bytes] = []
            clients[name].retrbinary(f"RETR {name}", blocks.append)
            got[name] = b"".join(blocks)

        with ThreadPoolExecutor(len(sent)) as threads:
            list(threads.map(transfer, sent))
        self.assertEqual(tree(self.folder), {name: checksum(data) for name, data in sent.items()})
        self.assertEqual({name: checksum(data) for name, data in got.items()}, tree(self.folder))

    def test_server_ends(self) -> None:
        """CR09: where the SFTP server is gone, clients are told to try again; when it is back, all works as before."""
        client = self.client()
        client.storbinary("STOR a", io.BytesIO(b"hello"))
        sshd().stop()
        try:
            self.assertRaisesRegex(ftplib.error_temp, "^45[01]", client.nlst)
            self.assertRaisesRegex(ftplib.error_temp, "^45[01]", client.storbinary, "STOR b", io.BytesIO(b"x"))
            self.assertTrue(client.voidcmd("NOOP").startswith("200"))
        finally:
            sshd().start()

        def works() -> bool:
            try:
                client.storbinary("STOR b", io.BytesIO(b"again"))
            except ftplib.error_temp:
                return False
            return True

        eventually(works, seconds=40, pause=0.5, what="the server uses the SFTP server again")
        self.assertEqual(client.nlst(), ["a", "b"])
        self.assertEqual((self.folder / "b").read_bytes(), b"again")

    def test_server_ends_in_upload(self) -> None:
        """CR10: what was being stored when the SFTP server ended is not there, and the old file is whole."""
        client = self.client()
        client.storbinary("STOR a", io.BytesIO(b"the old file"))

        client.voidcmd("TYPE I")
        connection = client.transfercmd("STOR a")
        try:
            connection.sendall(bytes(1 << 20))
            sshd().stop()
            with contextlib.suppress(OSError):
                # Until the server, which cannot store it, takes no more.
                connection.sendall(bytes(100 << 20))
            connection.close()
            self.assertRaisesRegex(ftplib.error_temp, "^4", client.voidresp)
        finally:
            sshd().stop()
            sshd().start()
        self.assertEqual((self.folder / "a").read_bytes(), b"the old file")
        self.assertEqual(eventually(client.nlst, what="a listing"), ["a"])

    def test_server_hangs(self) -> None:
        """CR09: where the SFTP server hangs, clients are told within the deadline, and others are not held up."""
        client, other = self.client(), self.client()
        client.storbinary("STOR a", io.BytesIO(b"hello"))
        sshd().signal(signal.SIGSTOP)
        try:
            self.assertRaisesRegex(ftplib.error_temp, "^45[01]", client.nlst)
            self.assertTrue(other.voidcmd("NOOP").startswith("200"))
        finally:
            sshd().signal(signal.SIGCONT)

        def works() -> bool:
            try:
                return client.nlst() == ["a"]
            except ftplib.error_temp:
                return False

        eventually(works, seconds=40, pause=0.5, what="the server uses the SFTP server again")
