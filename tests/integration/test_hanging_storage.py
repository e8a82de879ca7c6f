"""
Storages that do not answer: who asks is told so in time, nobody else is harmed, and all recovers.

The deadline is short, and nothing is measured: that a reply comes at all while the call still hangs is what is seen.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import unittest
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar
from unittest import mock

from tests.integration.accounts_cases import AccountsTestCase
from tests.integration.cases import AUTH, PASSWORD, USER, content
from tests.integration.control import Control, read_all
from tests.integration.hanging_storage import Gates, plugin_folder
from tests.integration.server import FtpxServer
from tests.integration.slow_mount import slow_file_system
from tests.integration.waiting import eventually

_DEADLINE = ("--storage-deadline", "1")
# More than a storage has threads.
_MANY = 24
_PATIENCE = 60.0


class HangingCase(unittest.TestCase):
    """A server whose storage hangs where a test wants it."""

    spec: ClassVar[str] = "hanging:{}"
    gates: Gates
    server: FtpxServer

    def start(self, *options: str) -> None:
        """Start the server."""
        directory = Path(tempfile.mkdtemp(prefix="ftpx-hanging-"))
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        gates = directory / "gates"
        gates.mkdir()
        self.gates = Gates(gates)
        self.addCleanup(self.gates.open_all)
        with mock.patch.dict(os.environ, {"PYTHONPATH": str(plugin_folder(directory))}):
            spec = self.spec.format(gates)
            self.server = FtpxServer().start(*AUTH, *_DEADLINE, "--storage", spec, *options)
        self.addCleanup(self._stop)

    def _stop(self) -> None:
        if self.server.running:
            self.gates.open_all()
            self.assertEqual(self.server.stop(), 0)

    def login(self) -> Control:
        """A session that waits longer for a reply than any call may take."""
        control = Control((self.server.host, self.server.port), timeout=_PATIENCE)
        self.addCleanup(control.close)
        control.login(USER, PASSWORD)
        return control


class OperationsTests(HangingCase):
    """Each operation of a storage hangs."""

    # The call that hangs, the command that waits for it, and how it is answered.
    _COMMANDS: ClassVar[Sequence[tuple[str, str, int]]] = (
        ("stat", "SIZE file", 450),
        ("stat", "CWD directory", 450),
        ("make_directory", "MKD made", 451),
        ("remove_directory", "RMD directory", 451),
        ("remove_file", "DELE file", 451),
        ("set_modified", "MFMT 20200101000000 file", 451),
        ("list_directory", "STAT directory", 450),
        ("page", "STAT /", 450),
    )

    def setUp(self) -> None:
        """Start it with a file and a directory."""
        self.start()
        self.control = self.login()
        self.store()
        self.control.expect("MKD directory", 257)

    def store(self) -> None:
        """Have the file."""
        self.assertEqual(self.control.store("STOR file", b"12345").code, 226)

    def refused(self) -> bool:
        """A transfer ends with 450; whether it had begun."""
        begun = self.control.expect_reply(150, 450).code == 150
        if begun:
            self.control.expect_reply(450)
        return begun

    def test_commands(self) -> None:
        """What hangs is answered; of what it changes it is said that nobody knows; and NOOP and others go on."""
        for gate, line, code in self._COMMANDS:
            with self.subTest(gate=gate, line=line):
                with self.gates.hanging(gate):
                    self.control.expect(line, code)
                    self.gates.wait_held(gate)
                    self.control.expect("NOOP", 200)
                    self.login().expect("PWD", 257)
                self.store()
                self.control.command("MKD directory")
                self.control.expect("SIZE file", 213)

    def test_listings(self) -> None:
        """A listing whose beginning or whose page hangs ends with an error, and not as if it were all."""
        for gate in ("list_directory", "page"):
            for line in ("MLSD", "LIST", "NLST"):
                with self.subTest(gate=gate, line=line), self.control.open_data() as data:
                    with self.gates.hanging(gate):
                        self.control.send(line.encode() + b"\r\n")
                        self.refused()
                        self.control.expect("NOOP", 200)
                    data.close()

    def test_downloads(self) -> None:
        """So does a download; what was asked for late is closed."""
        for gate in ("open_read", "read"):
            with self.subTest(gate=gate), self.gates.hanging(gate), self.control.open_data() as data:
                self.control.send(b"RETR file\r\n")
                if self.refused():
                    # It is reset, so that nobody takes it for a file that is empty.
                    with self.assertRaises(ConnectionResetError):
                        data.recv(10)
            self.assertEqual(self.control.retrieve("RETR file"), b"12345")

    def test_uploads(self) -> None:
        """An upload that hangs as it begins or is written is refused, and the old file stands."""
        for gate in ("open_write", "write"):
            with self.subTest(gate=gate), self.gates.hanging(gate), self.control.open_data() as data:
                self.control.send(b"STOR file\r\n")
                code = self.control.expect_reply(150, 450).code
                if code == 150:
                    data.sendall(b"new")
                    data.close()
                    self.control.expect_reply(450)
            self.assertEqual(self.control.retrieve("RETR file"), b"12345")

    def test_publication(self) -> None:
        """
        CR10: an upload whose publication hangs is not told as stored, nor as not stored.

        It may take ten times as long as others.
        """
        with self.gates.hanging("commit"), self.control.open_data() as data:
            self.control.expect("STOR file", 150)
            data.sendall(b"new")
            data.close()
            reply = self.control.expect_reply(451)
            self.assertIn("not known", reply.text)
            self.control.expect("NOOP", 200)
        eventually(lambda: self.control.retrieve("RETR file") == b"new", what="the late publication is there")

    def test_abort_and_quit(self) -> None:
        """ABOR and QUIT do not wait for a call that hangs."""
        for gate, line in (("read", b"RETR file\r\n"), ("open_read", b"RETR file\r\n"), ("page", b"MLSD\r\n")):
            with self.subTest(gate=gate), self.gates.hanging(gate), self.control.open_data():
                self.control.send(line)
                self.gates.wait_held(gate)
                self.control.send(b"ABOR\r\n")
                codes = [self.control.reply().code for _ in range(2)]
                if codes[0] == 150:
                    codes = [codes[1], self.control.reply().code]
                self.assertEqual(codes, [426, 226])
        with self.gates.hanging("stat"):
            self.control.send(b"SIZE file\r\n")
            self.gates.wait_held("stat")
            self.control.send(b"QUIT\r\n")
            self.assertIn(221, [self.control.reply().code for _ in range(2)])

    def test_descriptors_and_files(self) -> None:
        """What is opened too late does not stay open: the file can be read and written as before."""
        with self.gates.hanging("open_write"):
            self.control.expect("EPSV", 229)
            self.control.expect("STOR file", 450)
            self.gates.wait_held("open_write")
        self.store()
        self.assertEqual(self.control.retrieve("RETR file"), b"12345")


class AllThreadsTests(HangingCase):
    """Every thread of a storage hangs."""

    def test_recovery(self) -> None:
        """Calls are refused at once when none comes back, and made again as soon as one has; logins go on."""
        self.start()
        first = self.login()
        self.assertEqual(first.store("STOR file", b"12345").code, 226)
        waiting = [self.login() for _ in range(_MANY)]
        with self.gates.hanging("stat"):
            for control in waiting:
                control.send(b"SIZE file\r\n")
            self.gates.wait_held("stat", 16)
            for control in waiting:
                control.expect_reply(450)
            eventually(lambda: "does not answer" in self.server.log, what="the log tells")
            # No thread is free, so this is refused without asking.
            self.assertIn("busy", first.expect("SIZE file", 450).text)
            self.login().expect("NOOP", 200)
        eventually(lambda: first.command("SIZE file").code == 213, seconds=30, what="it answers again")
        self.assertIn("answers again", self.server.log)
        for control in waiting:
            control.expect("SIZE file", 213)

    def test_the_end_does_not_wait(self) -> None:
        """The server can be stopped while all its threads hang."""
        self.start("--shutdown-grace", "0.5")
        waiting = [self.login() for _ in range(_MANY)]
        self.gates.shut("stat")
        for control in waiting:
            control.send(b"SIZE file\r\n")
        self.gates.wait_held("stat", 16)
        self.server.signal(signal.SIGTERM)
        self.assertEqual(self.server.wait(40), 0)
        self.assertEqual(self.server.stop(), 0)


class MountKindTests(HangingCase):
    """A storage in a tree of several hangs."""

    spec = "mount:/far=[hanging:{}]:memory:"

    def test_others_are_not_held_up(self) -> None:
        """The others of the tree have threads of their own."""
        self.start()
        other = self.login()
        self.assertEqual(other.store("STOR file", b"near").code, 226)
        self.assertEqual(other.store("STOR far/file", b"far away").code, 226)
        waiting = [self.login() for _ in range(_MANY)]
        with self.gates.hanging("stat"):
            for control in waiting:
                control.send(b"SIZE far/file\r\n")
            self.gates.wait_held("stat", 16)
            self.assertEqual(other.retrieve("RETR file"), b"near")
            self.assertEqual(other.store("STOR another", b"near").code, 226)
            for control in waiting:
                control.expect_reply(450)
        eventually(lambda: other.command("SIZE far/file").code == 213, seconds=30, what="it answers again")


class MountedTests(AccountsTestCase):
    """A storage that is mounted for one user hangs."""

    def test_others_are_not_held_up(self) -> None:
        """Who is on another storage is served, also in the middle of a transfer, and all recovers."""
        gates_directory = self.work / "gates"
        gates_directory.mkdir()
        gates = Gates(gates_directory)
        self.addCleanup(gates.open_all)
        self.add_user("alice", "secret", "--mounts", f"/far=hanging:{gates_directory}")
        self.add_user("bob")
        with mock.patch.dict(os.environ, {"PYTHONPATH": str(plugin_folder(self.work))}):
            server = self.start(*_DEADLINE)
        bob = self.login(server, "bob")
        far = [self.login(server, "alice") for _ in range(12)]
        for control in far:
            control.socket.settimeout(_PATIENCE)
        self.assertEqual(far[0].store("STOR /far/file", b"12345").code, 226)
        large = content(8_000_000)
        self.assertEqual(bob.store("STOR large", large).code, 226)
        with gates.hanging("stat"):
            for control in far:
                control.send(b"SIZE /far/file\r\n")
            gates.wait_held("stat", 8)
            self.assertEqual(bob.retrieve("RETR large"), large)
            self.login(server, "bob").expect("SIZE large", 213)
            self.login(server, "alice").expect("PWD", 257)
            for control in far:
                control.expect_reply(450)
            self.assertEqual(bob.store("STOR other", b"1").code, 226)
        eventually(lambda: far[0].command("SIZE /far/file").code == 213, seconds=30, what="it answers again")

    def test_hangs_while_it_is_opened(self) -> None:
        """Who needs a storage that hangs as it is opened logs in without it, and one thread alone is lost to that."""
        gates_directory = self.work / "gates"
        gates_directory.mkdir()
        gates = Gates(gates_directory)
        self.addCleanup(gates.open_all)
        self.add_user("alice", "secret", "--mounts", f"/far=hanging:{gates_directory}")
        self.add_user("bob")
        with mock.patch.dict(os.environ, {"PYTHONPATH": str(plugin_folder(self.work))}):
            server = self.start(*_DEADLINE)
        with gates.hanging("open_storage"):
            for _ in range(5):
                self.login(server, "alice").expect("SIZE /far/file", 450)
            self.login(server, "bob").expect("MKD made", 257)
            self.assertEqual((gates_directory / "open_storage.held").read_bytes(), b".")

        def answers() -> bool:
            control = self.login(server, "alice")
            return control.command("MLST /far").code == 250

        eventually(answers, seconds=30, pause=0.5, what="it is opened")


class LocalTests(unittest.TestCase):
    """A directory on a file system that hangs."""

    def test_deadline(self) -> None:
        """Commands are answered, and no descriptor is left of what comes back late."""
        server = FtpxServer()
        self.addCleanup(shutil.rmtree, server.directory, ignore_errors=True)
        place = server.root / "slow"
        place.mkdir()
        with slow_file_system(place) as slow, server.start(*AUTH, *_DEADLINE):
            for name in ("file", "other"):
                (slow.directory / name).write_bytes(b"12345")
            with Control((server.host, server.port), timeout=_PATIENCE) as control:
                control.login(USER, PASSWORD)
                control.expect("SIZE slow/file", 213)
                # It is kept where an upload is refused.
                control.expect("EPSV", 229)
                quiet = server.process.descriptors
                for request, line, codes in (
                    ("LOOKUP", "SIZE slow/file", (450,)),
                    ("GETATTR", "MDTM slow/file", (450,)),
                    ("MKDIR", "MKD slow/made", (451,)),
                    ("UNLINK", "DELE slow/other", (451,)),
                    ("OPENDIR", "STAT slow", (450,)),
                    ("READDIR", "STAT slow", (450,)),
                ):
                    with self.subTest(request=request):
                        with slow.holding(request):
                            control.send(line.encode() + b"\r\n")
                            slow.wait_held()
                            control.expect_reply(*codes)
                            control.expect("NOOP", 200)
                        control.expect("SIZE slow/file", 213)
                with slow.holding("CREATE"):
                    control.expect("STOR slow/new", 450)
                eventually(lambda: server.process.descriptors <= quiet, what="nothing stays open")
                control.expect("QUIT", 221)
                self.assertEqual(read_all(control.socket), b"")
            for path in slow.directory.iterdir():
                path.rmdir() if path.is_dir() else path.unlink()
