"""``mount:``, ``readonly:``, ``overlay:`` and ``trash:`` of the real server, with curl, lftp and a bare session."""

from __future__ import annotations

import os
import re
import time
import unittest

from tests.integration.cases import AUTH, PASSWORD, USER, ServerTestCase, checksum, content, tree
from tests.integration.clients import Login, Mode
from tests.integration.control import Control
from tests.integration.server import FtpxServer, run_ftpx
from tests.integration.test_clients_curl import Curl
from tests.integration.test_clients_lftp import Lftp
from tests.integration.waiting import eventually


class WrapperCase(ServerTestCase):
    """A server with a storage that is made of others."""

    @classmethod
    def storage(cls, server: FtpxServer) -> str:
        """What is served."""
        raise NotImplementedError

    @classmethod
    def make_server(cls) -> FtpxServer:
        """The server; beside its root there are two more directories."""
        server = FtpxServer()
        for name in ("lower", "archive"):
            (server.directory / name).mkdir()
            (server.directory / name / "old").write_bytes(name.encode())
        return server.start(*AUTH, "--storage", cls.storage(server))

    def client(self, kind: type[Curl] | type[Lftp]) -> Curl | Lftp:
        """A client that is logged in."""
        kind.require()
        return kind(Login("127.0.0.1", self.server.port, USER, PASSWORD, Mode("EPSV")), self.work)

    def both_ways(self, client: Curl | Lftp, remote: str) -> None:
        """A large file is stored and fetched."""
        local, fetched = self.work / "local", self.work / "fetched"
        local.write_bytes(content(3_000_000))
        fetched.unlink(missing_ok=True)
        client.upload(local, remote)
        client.download(remote, fetched)
        self.assertEqual(checksum(fetched), checksum(local))


class MountTests(WrapperCase):
    """Several directories in one tree."""

    @classmethod
    def storage(cls, server: FtpxServer) -> str:
        """One of them is read-only."""
        lower, archive = server.directory / "lower", server.directory / "archive"
        return f"mount:/in=[local:{lower}]:/archive=[readonly:local:{archive}]:local:{server.root}"

    def test_clients(self) -> None:
        """Clients store and fetch in each of them."""
        for kind in (Curl, Lftp):
            client = self.client(kind)
            for directory in ("", "/in"):
                self.both_ways(client, f"{directory}/file")
            self.assertEqual(client.names("/"), {"archive", "in", "file"})

    def test_read_only(self) -> None:
        """What is mounted read-only is refused before an octet is sent, and cannot be moved."""
        control = self.login()
        self.assertEqual(control.retrieve("RETR archive/old"), b"archive")
        for line in ("DELE archive/old", "MKD archive/d", "RMD archive"):
            control.expect(line, 550)
        control.expect("RNFR in/old", 350)
        control.expect("RNTO old", 553)
        control.expect("RNFR in/old", 350)
        control.expect("RNTO in/moved", 250)
        control.expect("RNFR in/moved", 350)
        control.expect("RNTO in/old", 250)


class OverlayTests(WrapperCase):
    """Changes over a directory that stays as it is."""

    @classmethod
    def storage(cls, server: FtpxServer) -> str:
        """The served directory takes the changes."""
        return f"overlay:lower=[local:{server.directory / 'lower'}]:local:{server.root}"

    def setUp(self) -> None:
        """Have a tree in the lower directory."""
        super().setUp()
        self.lower = self.server.directory / "lower"
        (self.lower / "d" / "e").mkdir(parents=True, exist_ok=True)
        for name in ("d/a", "d/e/b"):
            (self.lower / name).write_bytes(name.encode())
        self.before = tree(self.lower)
        self.addCleanup(lambda: self.assertEqual(tree(self.lower), self.before))

    def test_clients(self) -> None:
        """Clients store, replace, fetch and continue."""
        for kind in (Curl, Lftp):
            client = self.client(kind)
            for path in ("/new", "/d/new", "/d/a"):
                self.both_ways(client, path)
            local = self.work / "local"
            local.write_bytes(b"old and new")
            self.assertEqual(client.names("/d"), {"a", "e", "new"})
            self.server.empty_root()

    def test_changes(self) -> None:
        """What is deleted stays so, and directories move with all that is in them."""
        control = self.login()
        control.expect("DELE d/a", 250)
        control.expect("RNFR d", 350)
        control.expect("RNTO moved", 250)
        self.assertEqual(set(control.retrieve("NLST").split()), {b"moved", b"old"})
        self.assertEqual(control.retrieve("NLST moved").split(), [b"moved/e"])
        self.assertEqual(control.retrieve("RETR moved/e/b"), b"d/e/b")
        control.expect("MKD d", 257)
        self.assertEqual(control.retrieve("NLST d"), b"")
        self.assertEqual(control.store("APPE old", b" and more").code, 226)
        self.assertEqual(control.retrieve("RETR old"), b"lower and more")
        mark = next(path.name for path in self.server.root.iterdir() if path.name.startswith(".ftpx-"))
        control.expect(f"DELE {mark}", 550)
        control.expect(f"SIZE {mark}", 550)

    def test_remove_tree(self) -> None:
        """lftp removes a tree, and it is gone."""
        client = self.client(Lftp)
        assert isinstance(client, Lftp)
        client.script("rm -r d")
        self.assertEqual(client.names("/"), {"old"})


class TrashTests(WrapperCase):
    """What is deleted or replaced comes back."""

    @classmethod
    def storage(cls, server: FtpxServer) -> str:
        """The served directory."""
        return f"trash:days=7:local:{server.root}"

    def test_clients(self) -> None:
        """Clients store, replace, fetch, delete and bring back."""
        for kind in (Curl, Lftp):
            client = self.client(kind)
            self.both_ways(client, "/file")
            first = content(3_000_000)
            self.both_ways(client, "/file")
            (version,) = client.names("/.trash")
            self.assertRegex(version, r"^file~\d{8}-\d{6}-[0-9a-f]{12}$")
            kept = self.work / kind.program
            client.download(f"/.trash/{version}", kept)
            self.assertEqual(checksum(kept), checksum(first))
            self.server.empty_root()

    def test_session(self) -> None:
        """A file that is deleted is found and moved back, and nothing else is done in the trash."""
        control = self.login()
        self.assertEqual(control.retrieve("NLST"), b"")
        control.expect("MKD d", 257)
        self.assertEqual(control.store("STOR d/a", b"first").code, 226)
        control.expect("DELE d/a", 250)
        (name,) = control.retrieve("NLST .trash/d").decode().split()
        path = f".trash/d/{name.rpartition('/')[2]}"
        facts = control.expect(f"MLST {path}", 250).text
        self.assertIn("perm=fr;", facts.lower())
        for line in (f"DELE {path}", "RMD .trash/d", "MKD .trash/new", "RMD .trash"):
            control.expect(line, 550)
        control.expect(f"RNFR {path}", 350)
        control.expect("RNTO d/back", 250)
        self.assertEqual(control.retrieve("RETR d/back"), b"first")

    def test_remove_tree(self) -> None:
        """lftp removes a tree, of which every file is in the trash."""
        client = self.client(Lftp)
        assert isinstance(client, Lftp)
        for name in ("d/a", "d/e/b"):
            self.make(name, name.encode())
        client.script("rm -r d")
        self.assertEqual(client.names("/"), {".trash"})
        contents = sorted(path.read_bytes() for path in self.server.root.rglob("*~*") if path.is_file())
        self.assertEqual(contents, [b"d/a", b"d/e/b"])


class TidyTests(unittest.TestCase):
    """What has expired."""

    def test_at_the_start(self) -> None:
        """A server that starts throws away versions whose time is over, and no others."""
        server = FtpxServer()
        self.addCleanup(server.stop)
        trash = server.root / ".trash" / "d"
        trash.mkdir(parents=True)
        today = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        for name in (f"new~{today}-0123456789ab", "old~20200101-000000-0123456789ab", "foreign"):
            (trash / name).write_bytes(b"x")
        server.start("--storage", f"trash:days=2:local:{server.root}", *AUTH)
        eventually(lambda: len(os.listdir(trash)) == 2, what="the old version is gone")
        self.assertEqual(sorted(os.listdir(trash)), ["foreign", f"new~{today}-0123456789ab"])


class HomesTests(unittest.TestCase):
    """Directories of users in storages that are made of others."""

    def login(self, server: FtpxServer, user: str) -> Control:
        """A session of somebody."""
        control = Control((server.host, server.port))
        self.addCleanup(control.close)
        control.login(user, "secret")
        return control

    def test_per_user(self) -> None:
        """``--home per-user`` goes with each of them, and with all together."""
        for storage in ("mount:/m=[memory:]:local:{0}", "trash:local:{0}", "overlay:lower=[memory:]:local:{0}",
                        "trash:mount:/m=[memory:]:overlay:lower=[memory:]:local:{0}"):  # fmt: skip # one a line
            server = FtpxServer()
            self.addCleanup(server.stop)
            server.start(
                "--storage", storage.format(server.root), "--auth", "memory:alice:secret:bob:secret",
                "--home", "per-user",
            )  # fmt: skip # a pair a line
            for user in ("alice", "bob"):
                control = self.login(server, user)
                self.assertEqual(control.store("STOR f", user.encode()).code, 226, storage)
                control.expect("DELE f", 250)
                listed = control.retrieve("NLST").split()
                self.assertEqual(listed, [b".trash"] if "trash" in storage else [], storage)
                if listed:
                    (version,) = control.retrieve("NLST .trash").decode().split()
                    version = version.rpartition("/")[2]
                    self.assertEqual(control.retrieve(f"RETR .trash/{version}"), user.encode())
            self.assertEqual((server.root / "alice").is_dir(), True)


class CommandLineTests(unittest.TestCase):
    """What the command line says."""

    def test_help(self) -> None:
        """``--help-storage`` lists them with their settings."""
        told = run_ftpx("--help-storage").stdout
        for form in (
            "--storage mount:/PATH=[STORAGE]:...STORAGE",
            "--storage overlay:lower=[STORAGE]:STORAGE",
            "--storage readonly:STORAGE",
            "--storage trash:[days=DAYS:][name=NAME:][max=SIZE:]STORAGE",
        ):
            self.assertIn(form, told)

    def test_wrong(self) -> None:
        """What is wrong is told in one line, with exit status 1."""
        for storage, told in (
            ("trash:dayz=3:memory:", "trash: has no setting 'dayz'; there are: days, name, max."),
            ("trash:days=3:days=3:memory:", "given twice"),
            ("trash:days=never:memory:", "trash: days: the number of days"),
            ("trash:", "names no storage"),
            ("overlay:memory:", "overlay: needs a setting lower=[STORAGE]"),
            ("mount:memory:", "mount: names no folder"),
            ("mount:/a=[local:/nonexistent]:memory:", "/nonexistent"),
            ("readonly:nope:", "nope"),
            ("readonly:" * 40 + "memory:", "wrapped in each other"),
        ):
            done = run_ftpx("--storage", storage)
            lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            self.assertEqual((done.returncode, len(lines)), (1, 1), f"{storage}: {done.stdout}{done.stderr}")
            self.assertTrue(re.search(re.escape(told), lines[0]), lines[0])
