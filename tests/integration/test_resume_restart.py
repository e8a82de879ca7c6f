"""Uploads that broke off, and the server's next start."""

from __future__ import annotations

import contextlib
import shutil
import signal
import unittest
from pathlib import Path

from tests.integration.cases import PASSWORD, USER, checksum
from tests.integration.control import Control
from tests.integration.resume_cases import BOTH, OLD, OTHER, PART, THEIRS, WHOLE, begin, break_off, go_on
from tests.integration.server import FtpxServer
from tests.integration.waiting import eventually


class RestartTests(unittest.TestCase):
    """Servers that end while an upload is under way, and their successors."""

    def setUp(self) -> None:
        """A directory that outlives its servers."""
        self.server = FtpxServer()
        self.root = self.server.root
        self.addCleanup(self._end)

    def _end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.server.stop()
        shutil.rmtree(self.server.directory, ignore_errors=True)

    def start(self, *options: str) -> Control:
        """The next server, and a session."""
        self.server.start(*BOTH, *options)
        return self.login()

    def login(self, user: str = USER) -> Control:
        """A session."""
        control = Control((self.server.host, self.server.port))
        self.addCleanup(control.close)
        control.login(user, PASSWORD)
        return control

    def hidden(self) -> list[Path]:
        """What ftpx keeps."""
        return [path for path in self.root.rglob("*") if path.name.startswith(".ftpx-")]

    def assert_continued(self, control: Control, kept: int = PART, name: str = "file") -> None:
        """What was kept goes on."""
        self.assertEqual(control.expect(f"SIZE {name}", 213).text, f"213 {kept}")
        self.assertEqual(go_on(control, f"STOR {name}", WHOLE[kept:], restart=kept).code, 226)
        self.assertEqual(checksum(control.retrieve(f"RETR {name}")), checksum(WHOLE))
        self.assertEqual(self.hidden(), [])

    def test_ended_in_good_order(self) -> None:
        """SIGTERM, and its grace is over: what has come is kept for the next server."""
        control = self.start("--shutdown-grace", "0.1")
        with begin(control, "STOR file", WHOLE[:PART]):
            self.server.signal(signal.SIGTERM)
            self.assertEqual(self.server.wait(), 0)
        self.assert_continued(self.start())

    def test_killed(self) -> None:
        """kill -9: what was written is kept for the next server, which finds it by itself."""
        for old in (None, OLD):
            with self.subTest(old=old is not None):
                control = self.start()
                if old is not None:
                    control.store("STOR file", old)
                data = begin(control, "STOR file", WHOLE[:PART])
                eventually(self._all_written, what="it is on the disk")
                self.server.signal(signal.SIGKILL)
                self.server.wait()
                data.close()
                control = self.start()
                if old is None:
                    self.assert_continued(control)
                else:
                    self.assertEqual(checksum(self.root / "file"), checksum(old))
                    self.assertEqual(control.expect("SIZE file", 213).text, f"213 {len(old)}")
                    self.assertEqual(go_on(control, "STOR file", WHOLE[PART:], restart=PART).code, 226)
                    self.assertEqual(checksum(self.root / "file"), checksum(WHOLE))
                control.expect("DELE file", 250)
                control.close()
                self.server.signal(signal.SIGTERM)
                self.assertEqual(self.server.wait(), 0)

    def _all_written(self) -> bool:
        return any(path.is_file() and path.stat().st_size == PART for path in self.hidden_files())

    def hidden_files(self) -> list[Path]:
        """The files in folders of ftpx's own."""
        return [path for path in self.root.rglob("*") if any(part.startswith(".ftpx-") for part in path.parts)]

    def test_lifetime(self) -> None:
        """What is older than --partial-lifetime is thrown away, also if the server did not run when its time came."""
        control = self.start("--partial-lifetime", "1")
        break_off(control, "STOR file", WHOLE[:PART])
        eventually(lambda: control.expect("SIZE file", 213, 550).code == 550, what="its time is over")
        eventually(lambda: not self.hidden(), what="nothing is left")
        self.assertEqual(go_on(control, "STOR file", b"x", restart=1).code, 554)
        break_off(control, "STOR file", WHOLE[:PART])
        self.server.signal(signal.SIGKILL)
        self.server.wait()
        self.start("--partial-lifetime", "1")
        eventually(lambda: not self.hidden(), what="nothing is left")

    def test_nothing_is_kept(self) -> None:
        """--partial-lifetime 0: an upload that breaks off leaves nothing."""
        control = self.start("--partial-lifetime", "0")
        for old in (None, OLD):
            if old is not None:
                control.store("STOR file", old)
            break_off(control, "STOR file", WHOLE[:PART])
            self.assertEqual(control.expect("SIZE file", 213, 550).code, 550 if old is None else 213)
            offset = 1 if old is None else len(old) + 1
            self.assertEqual(go_on(control, "STOR file", b"x", restart=offset).code, 554)
            self.assertEqual(self.hidden(), [])

    def test_nothing_is_kept_any_more(self) -> None:
        """What was kept goes when the next server is told to keep nothing."""
        break_off(self.start(), "STOR file", WHOLE[:PART])
        self.server.signal(signal.SIGTERM)
        self.server.wait()
        control = self.start("--partial-lifetime", "0")
        control.expect("SIZE file", 550)
        eventually(lambda: not self.hidden(), what="nothing is left")

    def test_homes(self) -> None:
        """With a directory for each user, each has what is kept of their own, also behind a restart."""
        control = self.start("--home", "per-user")
        break_off(control, "STOR file", WHOLE[:PART])
        theirs = self.login(OTHER)
        theirs.expect("SIZE file", 550)
        break_off(theirs, "STOR file", THEIRS[:1000])
        self.assertEqual(control.retrieve("MLSD"), b"")
        self.server.signal(signal.SIGTERM)
        self.server.wait()
        control = self.start("--home", "per-user")
        self.assertEqual(self.login(OTHER).expect("SIZE file", 213).text, "213 1000")
        self.assertEqual(control.expect("SIZE file", 213).text, f"213 {PART}")
        self.assertEqual(go_on(control, "APPE file", WHOLE[PART:]).code, 226)
        self.assertEqual(checksum(self.root / USER / "file"), checksum(WHOLE))
        self.login(OTHER).expect("DELE file", 250)
        self.assertEqual(self.hidden(), [])
