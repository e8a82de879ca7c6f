"""``twistd ftpx --storage object:s3://...`` on a real store, driven by real clients."""

from __future__ import annotations

import ftplib
import io
import shutil
from pathlib import Path

from tests.integration.cases import PASSWORD, USER, checksum, content
from tests.integration.clients import run_program
from tests.integration.control import reset
from tests.integration.object_cases import PART, ObjectStorageCase
from tests.integration.waiting import eventually

_LARGE = 50_000_000


class ObjectStorageTests(ObjectStorageCase):
    """What a client does with it."""

    def client_file(self, name: str, size: int) -> Path:
        """A file of a client."""
        path = self.work / name
        path.write_bytes(content(size))
        return path

    def test_curl(self) -> None:
        """A file of 50 MB goes up and down by curl, and is what it was; nothing else is left in the store."""
        if shutil.which("curl") is None:
            self.skipTest("curl is not installed")
        server = self.start()
        local, back = self.client_file("large", _LARGE), self.work / "back"
        url = f"ftp://{USER}:{PASSWORD}@127.0.0.1:{server.port}"
        done = run_program(["curl", "-sS", "--ftp-create-dirs", "-T", str(local), f"{url}/in/large"], home=self.work)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(checksum(self.content("in/large")), checksum(local))
        done = run_program(["curl", "-sS", "-o", str(back), f"{url}/in/large"], home=self.work)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(checksum(back), checksum(local))
        self.assert_clean("in/", "in/large")

    def test_lftp(self) -> None:
        """lftp puts, renames, mirrors and removes a tree."""
        if shutil.which("lftp") is None:
            self.skipTest("lftp is not installed")
        server = self.start()
        tree = self.work / "tree" / "below"
        tree.mkdir(parents=True)
        for number in range(5):
            (tree / f"file {number}").write_bytes(content(100_000 * number, number))
        script = (
            f"set net:max-retries 1; open -u {USER},{PASSWORD} 127.0.0.1:{server.port}; "
            f"mirror -R {self.work}/tree up; mv up moved; mirror moved {self.work}/back; rm -r moved; cls -1a"
        )
        done = run_program(["lftp", "--norc", "-c", script], home=self.work)
        self.assertEqual(done.returncode, 0, done.stderr)
        for number in range(5):
            name = f"below/file {number}"
            self.assertEqual(checksum(self.work / "back" / name), checksum(self.work / "tree" / name))
        self.assert_clean()

    def test_ftplib(self) -> None:
        """ftplib stores, lists, appends, renames, asks for sizes and times, and removes."""
        server = self.start()
        with ftplib.FTP() as ftp:
            ftp.connect(server.host, server.port, timeout=30)
            ftp.login(USER, PASSWORD)
            ftp.mkd("d")
            ftp.storbinary("STOR d/a", io.BytesIO(b"one"))
            ftp.storbinary("APPE d/a", io.BytesIO(b" two"))
            self.assertEqual(ftp.size("d/a"), 7)
            facts = dict(ftp.mlsd("d"))
            self.assertEqual((list(facts), facts["a"]["size"], facts["a"]["type"]), (["a"], "7", "file"))
            self.assertRegex(ftp.sendcmd("MDTM d/a"), r"^213 20\d{12}")
            ftp.rename("d/a", "b")
            self.assertEqual(dict(ftp.mlsd("d")), {})
            ftp.rmd("d")
            got = io.BytesIO()
            ftp.retrbinary("RETR b", got.write, rest=4)
            self.assertEqual(got.getvalue(), b"two")
            ftp.delete("b")
        self.assert_clean()

    def test_unseen_until_complete(self) -> None:
        """An upload is not there before it is complete, and one over another leaves that whole."""
        server = self.start()
        control, other = self.login(server), self.login(server)
        control.store("STOR file", b"old")
        large = content(3 * PART)
        data = control.open_data()
        control.expect("STOR file", 150)
        data.sendall(large)
        eventually(lambda: self.part_count() >= 2, seconds=30, what="parts are in the store")
        self.assertEqual(other.retrieve("RETR file"), b"old")
        self.assertIn(b"size=3;", other.retrieve("MLSD"))
        data.close()
        control.expect_reply(226)
        self.assertEqual(checksum(other.retrieve("RETR file")), checksum(large))
        self.assert_clean("file")

    def test_nothing_is_left(self) -> None:
        """An upload that broke off and whose owner is nobody leaves no parts."""
        server = self.start("--auth", "anonymous", "--partial-lifetime", "0")
        control = self.login(server)
        data = control.open_data()
        control.expect("STOR file", 150)
        data.sendall(content(3 * PART))
        eventually(lambda: self.part_count() >= 2, seconds=30, what="parts are in the store")
        reset(data)
        control.expect_reply(426)
        eventually(lambda: not self.place.uploads() and not self.place.keys(), what="nothing is left")

    def test_names(self) -> None:
        """Names come back as they were; what not every store keeps is refused."""
        server = self.start()
        control = self.login(server)
        for name in ("a b", "über", "100%", "a+b&c=d#e?f", "[x]*", "'quoted\""):
            self.assertEqual(control.store(f"STOR {name}", name.encode()).code, 226)
            self.assertEqual(control.retrieve(f"RETR {name}"), name.encode())
            self.assertIn(name.encode(), control.retrieve("NLST"))
            control.expect(f"DELE {name}", 250)
        for refused in ("back\\slash", "bell\x07", ".ftpx-upload-staging", "x" * 256):
            control.expect("EPSV", 229)
            control.expect(f"STOR {refused}", 553)
        self.assert_clean()
