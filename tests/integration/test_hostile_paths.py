"""Hostile cases of names and paths on a real disk: links, races, control characters, things that are no files."""

from __future__ import annotations

import ctypes
import os
import re
import socket
import tempfile
import threading
import time
import unittest
from collections.abc import Callable
from pathlib import Path

from tests.integration.cases import ServerTestCase, content, tree
from tests.integration.control import Control

_CONTROL_CHARACTERS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]")
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100
SECRET = b"this is outside of the root"


class OutsideTestCase(ServerTestCase):
    """A directory beside the served one, whose content nobody may see or change."""

    def setUp(self) -> None:
        """Make it."""
        super().setUp()
        self.outside = Path(tempfile.mkdtemp(prefix="outside-", dir=self.server.directory))
        (self.outside / "f").write_bytes(SECRET)
        (self.outside / "sub").mkdir()
        self.before = tree(self.outside)

    def assert_untouched(self) -> None:
        """I4: outside nothing has changed."""
        self.assertEqual(tree(self.outside), self.before)

    def transfer(self, control: Control, line: str, octets: bytes = b"") -> tuple[int, bytes]:
        """A transfer that may be refused: its last code and what came."""
        data = control.open_data()
        try:
            answer = control.command(line)
            if answer.code >= 400:
                return answer.code, b""
            if line.startswith(("STOR", "APPE", "STOU")):
                data.sendall(octets)
                data.close()
                return control.reply().code, b""
            received = b""
            while block := data.recv(1 << 16):
                received += block
            return control.reply().code, received
        finally:
            data.close()


class LinkTests(OutsideTestCase):
    """PH03 and PH04: symbolic links that lead out."""

    def test_link_to_a_directory(self) -> None:
        """PH03: nothing behind a link out of the root can be reached by any command."""
        (self.server.root / "out").symlink_to(self.outside)
        (self.server.root / "relative").symlink_to(f"../{self.outside.name}")
        self.make("mine", b"mine")
        control = self.login()
        for link in ("out", "relative"):
            for line in (
                f"CWD {link}", f"SIZE {link}/f", f"MDTM {link}/f", f"DELE {link}/f", f"MKD {link}/new",
                f"RMD {link}/sub", f"RNFR {link}/f", f"MLST {link}/f", f"STAT {link}/f", f"SITE CHMOD 777 {link}/f",
                f"MFMT 20200101000000 {link}/f",
            ):  # fmt: skip
                with self.subTest(line=line):
                    self.assertEqual(control.command(line).code, 550)
            for line in (f"RETR {link}/f", f"LIST {link}/", f"NLST {link}/sub", f"MLSD {link}"):
                with self.subTest(line=line):
                    code, received = self.transfer(control, line)
                    self.assertNotIn(SECRET, received)
                    self.assertNotIn(b"sub", received.replace(f"{link}/sub".encode(), b""))
                    self.assertTrue(code >= 500 or received.count(b"\r\n") <= 1, (code, received))
            for line in (f"STOR {link}/f", f"STOR {link}/new", f"APPE {link}/f", f"STOU {link}/x"):
                with self.subTest(line=line):
                    self.assertIn(self.transfer(control, line, b"spoilt")[0], (550, 553))
            control.expect("RNFR mine", 350)
            self.assertIn(control.command(f"RNTO {link}/f").code, (550, 553))
        self.assert_untouched()

    def test_link_to_a_file(self) -> None:
        """PH03: a link to a file outside is not read or written through; it can be listed and removed."""
        (self.server.root / "link").symlink_to(self.outside / "f")
        control = self.login()
        self.assertEqual(self.transfer(control, "RETR link"), (550, b""))
        self.assertIn(self.transfer(control, "APPE link", b"spoilt")[0], (550, 553))
        self.transfer(control, "STOR link", b"replaces the link at most")
        self.assert_untouched()
        self.assertIn(b"link", control.retrieve("LIST"))
        control.expect("DELE link", 250)
        self.assertFalse(os.path.lexists(self.server.root / "link"))
        self.assert_untouched()

    def test_links_inside(self) -> None:
        """A link that stays inside is followed."""
        self.make("dir/file", b"inside")
        (self.server.root / "link").symlink_to("dir")
        (self.server.root / "dir" / "up").symlink_to("../dir/file")
        control = self.login()
        self.assertEqual(control.retrieve("RETR link/file"), b"inside")
        self.assertEqual(control.retrieve("RETR dir/up"), b"inside")

    def test_race(self) -> None:
        """PH04: a directory that is swapped for a link out, again and again: nothing ever gets through."""
        inside = self.server.root / "d"
        inside.mkdir()
        (inside / "f").write_bytes(b"inside")
        (self.server.root / "other").symlink_to(self.outside)
        swap = _exchange(inside, self.server.root / "other")
        ended = threading.Event()

        def flip() -> None:
            while not ended.is_set():
                swap()

        flipper = threading.Thread(target=flip)
        flipper.start()
        self.addCleanup(flipper.join)
        self.addCleanup(ended.set)
        control = self.login()
        deadline = time.monotonic() + 4
        rounds = 0
        while time.monotonic() < deadline:
            self.assertNotEqual(self.transfer(control, "RETR d/f")[1], SECRET)
            self.transfer(control, f"STOR d/new{rounds % 7}", b"new")
            for line in (f"MKD d/m{rounds % 7}", f"DELE d/new{rounds % 7}", f"RMD d/m{rounds % 7}", "SIZE d/f"):
                answer = control.command(line)
                self.assertNotIn(str(len(SECRET)), answer.text.split(" ", 1)[1] if line.startswith("SIZE") else "")
            rounds += 1
        ended.set()
        flipper.join()
        self.assert_untouched()
        self.assertGreater(rounds, 20)


def _exchange(one: Path, other: Path) -> Callable[[], None]:
    """
    What swaps two names in one step.

    :raises unittest.SkipTest: this system cannot.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "renameat2"):
        raise unittest.SkipTest("no renameat2 here")
    names = (os.fsencode(one), os.fsencode(other))

    def swap() -> None:
        library.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE)

    swap()
    if not one.is_symlink():
        raise unittest.SkipTest("this file system cannot swap names")
    swap()
    return swap


class ControlCharacterTests(OutsideTestCase):
    """PH08: names on the disk that would forge replies or listings."""

    names = (
        b"evil\r\n226 pwned",
        b"tab\there",
        b"\x1b[2Jclear",
        b"nul-free \x7f del",
        b"c1 \xc2\x9b2J",
        b"bad \xff utf",
    )

    def setUp(self) -> None:
        """Plant them."""
        super().setUp()
        for name in self.names:
            (self.server.root / os.fsdecode(name)).write_bytes(b"1")
        os.mkdir(os.fsencode(self.server.root) + b"/d\r\n226 pwned")

    def test_listings(self) -> None:
        """One line an entry and no control character in any listing."""
        control = self.login()
        for line in ("NLST", "LIST", "MLSD", "LIST -la", "NLST *", "LIST *"):
            with self.subTest(line=line):
                received = control.retrieve(line)
                self.assertLessEqual(received.count(b"\n"), len(self.names) + 1)
                self.assertEqual(received.count(b"\n"), received.count(b"\r\n"))
                self.assertNotIn(b"\n226", received)
                self.assertIsNone(_CONTROL_CHARACTERS.search(received.replace(b"\r\n", b"")))

    def test_replies(self) -> None:
        """No reply on the control connection holds a forged line."""
        control = self.login()
        for line in ("STAT .", "STAT *", "MLST"):
            for text in control.expect(line, 211, 212, 213, 250).lines:
                self.assertFalse(text.startswith(b"226"))
                self.assertIsNone(_CONTROL_CHARACTERS.search(text))
        self.assert_alive(control)

    def test_names_in_commands(self) -> None:
        """PH09: NUL, CR and LF in an argument are refused and make nothing."""
        control = self.login()
        before = set(os.listdir(os.fsencode(self.server.root)))
        for name in (b"q\0w", b"a\rDELE evil", b"x\r\0y"):
            for verb in (b"MKD", b"CWD", b"SIZE", b"DELE", b"RNFR", b"MLST"):
                with self.subTest(verb=verb, name=name):
                    self.assertIn(control.command(verb + b" " + name).code, (500, 501, 550, 553))
            control.extended_passive()
            self.assertIn(control.command(b"STOR " + name).code, (500, 501, 550, 553))
        self.assertEqual(set(os.listdir(os.fsencode(self.server.root))), before)


class OtherThingsTests(OutsideTestCase):
    """PH15, PH21, PH24."""

    def test_no_regular_files(self) -> None:
        """PH15: FIFO, socket and device are 550 at once for every transfer, and nobody waits."""
        os.mkfifo(self.server.root / "fifo")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.server.root / "socket"))
        names = ["fifo", "socket"]
        if os.getuid() == 0:
            os.mknod(self.server.root / "device", 0o020666, os.makedev(1, 5))
            names.append("device")
        control, other = self.login(), self.login()
        for name in names:
            for line in (f"RETR {name}", f"APPE {name}", f"STOR {name}"):
                with self.subTest(line=line):
                    start = time.monotonic()
                    self.assertIn(self.transfer(control, line, b"spoilt")[0], (550, 553))
                    self.assertLess(time.monotonic() - start, 2)
                    self.assert_alive(other)
            with self.subTest(name=name):
                control.expect(f"SIZE {name}", 550)
                self.assertIn(name.encode(), control.retrieve(f"LIST {name}"))
        self.assertEqual(len(control.retrieve("LIST").splitlines()), len(names))

    def test_hidden_names(self) -> None:
        """PH21: uploads that are not complete are neither listed nor reached nor made by name."""
        self.make(".ftpx-upload-1234", b"partial")
        control = self.login()
        for line in ("NLST", "NLST -a", "LIST -la", "MLSD", "NLST .ftpx*", "LIST .f*"):
            with self.subTest(line=line):
                self.assertEqual(self.transfer(control, line)[1], b"")
        for line in ("DELE", "SIZE", "RNFR", "MLST", "SITE CHMOD 777", "CWD", "MDTM"):
            with self.subTest(line=line):
                self.assertEqual(control.command(f"{line} .ftpx-upload-1234").code, 550)
        self.assertEqual(self.transfer(control, "RETR .ftpx-upload-1234")[0], 550)
        self.assertIn(self.transfer(control, "STOR .ftpx-upload-1234", b"spoilt")[0], (550, 553))
        self.make("mine", b"mine")
        control.expect("RNFR mine", 350)
        control.expect("RNTO .ftpx-upload-1234", 550, 553)
        self.assertEqual((self.server.root / ".ftpx-upload-1234").read_bytes(), b"partial")

    def test_uploads_are_unseen(self) -> None:
        """PH21: while a file is uploaded another session sees no trace of it."""
        control, other = self.login(), self.login()
        data = control.open_data()
        self.addCleanup(data.close)
        control.expect("STOR file", 150)
        data.sendall(content(500_000))
        self.assertEqual(other.retrieve("NLST"), b"")
        self.assertEqual(other.retrieve("MLSD"), b"")
        other.expect("SIZE file", 550)
        data.close()
        control.expect_reply(226)
        self.assertEqual(other.retrieve("NLST"), b"file\r\n")

    def test_dots(self) -> None:
        """PH01, PH24: no spelling of a path leads out."""
        control = self.login()
        name = self.outside.name
        paths = (
            f"../{name}/f", f"../../../../../..{self.outside}/f", f"d/../../{name}/f", "../" * 1000 + "etc/passwd",
            "..\\..\\etc\\passwd", "%2e%2e/etc/passwd", "....//etc/passwd", f"{self.outside}/f",
        )  # fmt: skip
        for path in paths:
            with self.subTest(path=path[:40]):
                code, received = self.transfer(control, f"RETR {path}")
                self.assertEqual((code, received), (550, b""))
        for line in (f"LIST -laR ../../{name}", "LIST ..", f"NLST ../{name}/*", f"NLST ../{name}"):
            with self.subTest(line=line):
                self.assertNotIn(b"sub", self.transfer(control, line)[1])
        self.assert_untouched()
