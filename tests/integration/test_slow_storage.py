"""
Storages that make a call wait for as long as the test likes: whoever asked waits, and nobody else does.

No clock is involved: while one request hangs, others are served from beginning to end, and only then is it let go.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import unittest
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar
from unittest import mock

from tests.integration.cases import AUTH, PASSWORD, USER, ServerTestCase, checksum, content
from tests.integration.control import Control, read_all
from tests.integration.data_cases import SLOW_READER
from tests.integration.server import FtpxServer
from tests.integration.slow_mount import SlowFileSystem, slow_disk, slow_file_system
from tests.integration.slow_storage import Gate, plugin_folder
from tests.integration.tls_cases import TlsTestCase
from tests.integration.tls_control import TlsSocket
from tests.integration.waiting import eventually

_WARM = content(3_000_000, 90)
_COLD = content(6_000_000, 91)
# More than the storage has threads.
_MANY = 20


def _silent(control: Control) -> bool:
    return not select.select([control.socket], [], [], 0)[0]


class SlowCase(TlsTestCase):
    """A server of which one directory is ordinary; what is slow lies beside it."""

    options: ClassVar[tuple[str, ...]] = (*AUTH, "--tls-policy", "optional")

    def setUp(self) -> None:
        """Have a file that is in memory, and a session that will not wait for anything slow."""
        super().setUp()
        self.make("warm", _WARM)
        self.other = self.login()
        self.assertEqual(checksum(self.other.retrieve("RETR warm")), checksum(_WARM))

    def assert_others_are_served(self, *, threads: bool = True) -> None:
        """
        Another session gets 50 answers and a file, and one that comes now logs in.

        :param threads: a thread of the storage is free, so files can be stored too.
        """
        for _ in range(50):
            self.other.expect("NOOP", 200)
        self.other.expect("PWD", 257)
        self.assertEqual(checksum(self.other.retrieve("RETR warm")), checksum(_WARM))
        with Control(("127.0.0.1", self.server.port)) as late:
            late.login(USER, PASSWORD)
            late.expect("SIZE warm", 213)
            late.expect("QUIT", 221)
        if threads:
            self.assertEqual(self.other.store("STOR stored", b"meanwhile").code, 226)

    def session(self, kind: str) -> Control:
        """A session that will wait: ``clear``, ``TLS`` or, in clear with TYPE A, ``ASCII``."""
        if kind == "TLS":
            return self.login_tls()
        control = self.login()
        if kind == "ASCII":
            control.expect("TYPE A", 200)
        return control

    @contextlib.contextmanager
    def mounted(self) -> Iterator[SlowFileSystem]:
        """A slow file system as the directory ``slow``."""
        place = self.server.root / "slow"
        place.mkdir()
        with slow_file_system(place) as slow:
            yield slow


class SlowCommandTests(SlowCase):
    """Commands that ask a file system which does not answer."""

    # The request that hangs, the commands before, the command that waits for it, and how it is answered in the end.
    _COMMANDS: ClassVar[Sequence[tuple[str, Sequence[str], str, int]]] = (
        ("LOOKUP file", (), "SIZE slow/file", 213),
        ("GETATTR file", (), "SIZE slow/file", 213),
        ("GETATTR file", (), "MDTM slow/file", 213),
        ("LOOKUP file", (), "MLST slow/file", 250),
        ("LOOKUP directory", (), "CWD slow/directory", 250),
        ("LOOKUP file", (), "RNFR slow/file", 350),
        ("RENAME file", ("RNFR slow/file",), "RNTO slow/other", 250),
        ("LOOKUP other", ("RNFR slow/other",), "RNTO slow/file", 250),
        ("MKDIR made", (), "MKD slow/made", 257),
        ("RMDIR made", (), "RMD slow/made", 250),
        ("SETATTR file", (), "SITE CHMOD 600 slow/file", 200),
        ("SETATTR file", (), "MFMT 20200101000000 slow/file", 213),
        ("STATFS /", (), "AVBL slow", 213),
        ("READDIR directory", (), "STAT slow/directory", 213),
        ("UNLINK file", (), "DELE slow/file", 250),
    )

    def test_commands(self) -> None:
        """A command whose file system hangs keeps nobody else waiting, and is answered when it comes back."""
        with self.mounted() as slow:
            (slow.directory / "directory").mkdir()
            (slow.directory / "file").write_bytes(_COLD[:1000])
            for request, before, line, code in self._COMMANDS:
                with self.subTest(request=request, line=line):
                    control = self.login()
                    for earlier in before:
                        control.expect(earlier, 250, 350)
                    with slow.holding(*request.split(" ")):
                        control.send(line.encode() + b"\r\n")
                        self.assertEqual(slow.wait_held(), request)
                        self.assert_others_are_served()
                        self.assertTrue(_silent(control))
                    control.expect_reply(code)

    def test_listings(self) -> None:
        """A directory that does not answer, and one whose files do not, keep only their reader waiting."""
        with self.mounted() as slow:
            for name in ("one", "two"):
                (slow.directory / name).write_bytes(b"1234")
            for line in ("MLSD slow", "LIST slow", "NLST slow"):
                for request in ("OPENDIR *", "READDIR *", "GETATTR one", "LOOKUP one"):
                    with self.subTest(line=line, request=request):
                        control = self.login()
                        data = control.open_data()
                        self.addCleanup(data.close)
                        with slow.holding(*request.split(" ")):
                            control.send(line.encode() + b"\r\n")
                            slow.wait_held()
                            self.assert_others_are_served()
                        control.expect_reply(150)
                        self.assertIn(b"two", read_all(data))
                        control.expect_reply(226)

    def test_more_hang_than_there_are_threads(self) -> None:
        """With every thread of the storage taken, sessions that need none go on, logins and files in memory too."""
        with self.mounted() as slow:
            (slow.directory / "file").write_bytes(b"12345")
            with slow.holding("LOOKUP", "file"):
                waiting = [self.login() for _ in range(_MANY)]
                for control in waiting:
                    control.send(b"SIZE slow/file\r\n")
                slow.wait_held()
                self.assert_others_are_served(threads=False)
                self.assertTrue(all(map(_silent, waiting)))
            for control in waiting:
                self.assertEqual(control.expect_reply(213).text, "213 5")


class SlowDownloadTests(SlowCase):
    """Files whose octets do not come."""

    def begin(self, control: Control, name: str, *, restart: int | None = None) -> socket.socket:
        """Ask for a file; 150 may be late, too."""
        data = control.open_data(restart=restart)
        self.addCleanup(data.close)
        if isinstance(data, TlsSocket):
            data.shake_hands()
        control.send(f"RETR {name}\r\n".encode())
        return data

    def test_file_system_without_nowait(self) -> None:
        """FUSE does not tell what is in memory, so a thread sends: whichever request hangs, only its reader waits."""
        with self.mounted() as slow:
            (slow.directory / "cold").write_bytes(_COLD)
            for kind in ("clear", "TLS", "ASCII"):
                for request in ("LOOKUP", "OPEN", "READ", "FLUSH"):
                    with self.subTest(kind=kind, request=request):
                        control = self.session(kind)
                        with slow.holding(request, "cold"):
                            data = self.begin(control, "slow/cold")
                            received = b""
                            if request == "FLUSH":
                                # It comes at the end, when all has been sent.
                                control.expect_reply(150)
                                received = read_all(data)
                            slow.wait_held()
                            self.assert_others_are_served()
                        if request != "FLUSH":
                            control.expect_reply(150)
                            received = read_all(data)
                        control.expect_reply(226)
                        expected = _COLD.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") if kind == "ASCII" else _COLD
                        self.assertEqual(checksum(received), checksum(expected))

    def test_cold_disk(self) -> None:
        """On a disk whose reads hang, what is in memory is served, and what is not keeps only its reader waiting."""
        files = self.work / "files"
        files.mkdir()
        kinds = ("clear", "TLS", "ASCII")
        for kind in kinds:
            for name in ("whole", "rest"):
                (files / f"{name}-{kind}").write_bytes(_COLD)
        (files / "small").write_bytes(_COLD[:50_000])
        (files / "warm").write_bytes(_WARM)
        with self.cold_disk(files, 64) as disk:
            self.assert_cold(disk, self.session("clear"), "disk/small", 0)
            for kind in kinds:
                self.assert_cold(disk, self.session(kind), f"disk/whole-{kind}", 0)
                if kind != "ASCII":
                    self.assert_cold(disk, self.session(kind), f"disk/rest-{kind}", 4_567_890)

    @contextlib.contextmanager
    def cold_disk(self, files: Path, megabytes: int) -> Iterator[SlowFileSystem]:
        """A slow disk with these files as the directory ``disk``."""
        place, work = self.server.root / "disk", self.work / "disk"
        place.mkdir()
        work.mkdir()
        with slow_disk(work, place, files, megabytes) as disk:
            yield disk

    def assert_cold(self, disk: SlowFileSystem, control: Control, name: str, offset: int) -> None:
        """A file of which nothing is in memory is waited for by its reader alone, and comes whole."""
        path = self.server.root / name
        warm = self.server.root / "disk" / "warm"
        # The directory is in memory, and so is another file of the same disk.
        size = path.stat().st_size
        self.assertEqual(checksum(warm), checksum(_WARM))
        self.assertEqual(checksum(self.other.retrieve("RETR disk/warm")), checksum(_WARM))
        with disk.holding("READ", "image"):
            data = self.begin(control, name, restart=offset or None)
            disk.wait_held()
            self.assert_others_are_served()
            self.assertEqual(checksum(self.other.retrieve("RETR disk/warm")), checksum(_WARM))
        control.expect_reply(150)
        received = read_all(data)
        control.expect_reply(226)
        if "ASCII" not in name:
            self.assertEqual(checksum(received), checksum(_COLD[offset:size]))

    def test_hole_in_memory(self) -> None:
        """A file of which the beginning and the end are in memory, and the middle is not, stalls nobody either."""
        size = 4 << 20
        files = self.work / "files"
        files.mkdir()
        data = content(size, 92)
        (files / "part").write_bytes(data)
        with self.cold_disk(files, 32) as disk:
            descriptor = os.open(self.server.root / "disk" / "part", os.O_RDONLY)
            self.addCleanup(os.close, descriptor)
            # Without it, the kernel reads more than it is asked for.
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
            for offset in (0, size - 4096):
                os.pread(descriptor, 4096, offset)
            with disk.holding("READ", "image"):
                control = self.login()
                connection = self.begin(control, "disk/part")
                disk.wait_held()
                self.assert_others_are_served()
            control.expect_reply(150)
            self.assertEqual(checksum(read_all(connection)), checksum(data))
            control.expect_reply(226)

    def test_abort(self) -> None:
        """ABOR ends a transfer whose read hangs: the replies do not wait for it, and nothing is left open."""
        quiet = self.quiet_descriptors()
        for kind in ("clear", "TLS", "ASCII"):
            with self.subTest(kind=kind), contextlib.ExitStack() as stack:
                place = self.server.root / kind
                place.mkdir()
                slow = stack.enter_context(slow_file_system(place))
                (place / "cold").write_bytes(_COLD)
                control = self.session(kind)
                with slow.holding("READ", "cold"):
                    data = self.begin(control, f"{kind}/cold")
                    control.expect_reply(150)
                    slow.wait_held()
                    control.expect("ABOR", 426)
                    control.expect_reply(226)
                    self.assert_others_are_served()
                data.close()
                control.expect("QUIT", 221)
                control.close()
                self.assert_descriptors(quiet)

    def test_client_goes_away(self) -> None:
        """A client that leaves while its read hangs takes nobody with it, and nothing stays open."""
        quiet = self.quiet_descriptors()
        with self.mounted() as slow:
            (slow.directory / "cold").write_bytes(_COLD)
            for kind in ("clear", "TLS"):
                with self.subTest(kind=kind):
                    control = self.session(kind)
                    with slow.holding("READ", "cold"):
                        data = self.begin(control, "slow/cold")
                        control.expect_reply(150)
                        slow.wait_held()
                        control.close()
                        data.close()
                        self.assert_others_are_served()
                    self.assert_descriptors(quiet)

    def test_slow_reader_of_a_slow_file(self) -> None:
        """The storage's time does not count against a client, and a client's time not against the storage."""
        with self.mounted() as slow:
            (slow.directory / "cold").write_bytes(_COLD)
            control = self.login()
            with slow.holding("READ", "cold"):
                data = control.open_data(receive_buffer=SLOW_READER)
                self.addCleanup(data.close)
                control.expect("RETR slow/cold", 150)
                slow.wait_held()
                self.assert_others_are_served()
            first = data.recv(1)
            self.assert_others_are_served()
            self.assertEqual(checksum(first + read_all(data)), checksum(_COLD))
            control.expect_reply(226)


class SlowUploadTests(SlowCase):
    """Files that cannot be written."""

    def test_requests_of_an_upload(self) -> None:
        """Whichever request of an upload hangs, only its writer waits, and the file comes to be whole."""
        with self.mounted() as slow:
            for kind in ("clear", "TLS"):
                for size in (1000, 2_000_000):
                    for request in ("LOOKUP", "CREATE", "WRITE", "FLUSH", "RENAME"):
                        with self.subTest(kind=kind, size=size, request=request):
                            self.assert_upload(slow, self.session(kind), request, content(size, 93))

    def assert_upload(self, slow: SlowFileSystem, control: Control, request: str, octets: bytes) -> None:
        """One upload over a file that is there; ``request`` of any name hangs."""
        (slow.directory / "file").write_bytes(b"old")
        with slow.holding(request):
            data = control.open_data()
            self.addCleanup(data.close)
            control.send(b"STOR slow/file\r\n")
            begun = request not in {"LOOKUP", "CREATE"}
            if begun:
                self.send_all(control, data, octets)
            slow.wait_held()
            self.assert_others_are_served()
        if not begun:
            self.send_all(control, data, octets)
        control.expect_reply(226)
        self.assertEqual(checksum(slow.directory / "file"), checksum(octets))

    @staticmethod
    def send_all(control: Control, data: socket.socket, octets: bytes) -> None:
        """Send a whole file behind 150; the server may not read it, so it must fit what the kernel keeps."""
        control.expect_reply(150)
        data.sendall(octets)
        if isinstance(data, TlsSocket):
            data.end()
        data.close()

    def test_abort(self) -> None:
        """ABOR ends an upload whose write hangs; the old file stands, and stays when the write comes back."""
        quiet = self.quiet_descriptors()
        with self.mounted() as slow:
            (slow.directory / "file").write_bytes(b"old")
            control = self.login()
            data = control.open_data()
            control.expect("STOR slow/file", 150)
            with slow.holding("WRITE"):
                data.sendall(content(500_000))
                slow.wait_held()
                control.send(b"ABOR\r\n")
                self.assert_others_are_served()
            control.expect_reply(426)
            control.expect_reply(226)
            data.close()
            control.expect("QUIT", 221)
            control.close()
            self.assert_descriptors(quiet)
            self.assertEqual((slow.directory / "file").read_bytes(), b"old")


class SlowRootTests(unittest.TestCase):
    """A server whose whole directory is slow."""

    def start(self, *options: str) -> tuple[FtpxServer, SlowFileSystem]:
        """The server and what it serves."""
        server = FtpxServer()
        self.addCleanup(shutil.rmtree, server.directory, ignore_errors=True)
        mounted = contextlib.ExitStack()
        self.addCleanup(mounted.close)
        slow = mounted.enter_context(slow_file_system(server.root))
        return server.start(*AUTH, *options), slow

    def login(self, server: FtpxServer) -> Control:
        """A session."""
        control = Control((server.host, server.port))
        self.addCleanup(control.close)
        control.login(USER, PASSWORD)
        return control

    def test_others_are_served(self) -> None:
        """Sessions that ask for no file go on, and people log in."""
        server, slow = self.start()
        with server:
            (slow.directory / "file").write_bytes(b"123")
            waiting, other = self.login(server), self.login(server)
            for request, line in (
                ("LOOKUP file", b"SIZE file"),
                ("GETATTR file", b"MDTM file"),
                ("OPEN file", b"RETR file"),
            ):
                with slow.holding(*request.split(" ")):
                    data = waiting.open_data()
                    waiting.send(line + b"\r\n")
                    slow.wait_held()
                    for _ in range(50):
                        other.expect("NOOP", 200)
                    self.login(server).expect("PWD", 257)
                    self.assertTrue(_silent(waiting))
                waiting.expect_reply(213, 150)
                data.close()
            waiting.expect_reply(226, 426)
            # The files of the server are removed with it, but this one is not ours to remove.
            (slow.directory / "file").unlink()

    def test_the_end_does_not_wait_for_it(self) -> None:
        """
        SIGTERM ends a server whose file system hangs: it waits for none of its calls.

        The kernel does, before the process is gone; so at last the call is let go.
        """
        server, slow = self.start("--shutdown-grace", "0.5")
        (slow.directory / "file").write_bytes(b"123")
        waiting = self.login(server)
        slow.hold("LOOKUP", "file")
        waiting.send(b"SIZE file\r\n")
        slow.wait_held()
        server.signal(signal.SIGTERM)
        eventually(lambda: "Server Shut Down" in server.log, seconds=30, what="the server has ended")
        self.assertIn("ending without waiting any longer for calls into the storage", server.log)
        slow.release()
        self.assertEqual(server.wait(), 0)


class SlowPluginTests(ServerTestCase):
    """A storage of somebody else's, without descriptors, whose read blocks its thread."""

    gate: ClassVar[Path]

    @classmethod
    def make_server(cls) -> FtpxServer:
        """A server with the plugin."""
        server = FtpxServer()
        cls.gate = server.directory / "gate"
        os.mkfifo(cls.gate)
        folder = plugin_folder(server.directory)
        with mock.patch.dict(os.environ, {"PYTHONPATH": str(folder)}):
            return server.start(*AUTH, "--storage", f"gated:{cls.gate}")

    def test_read(self) -> None:
        """While it reads, others get their answers, and files that are read at once."""
        for kind in ("I", "A"):
            with self.subTest(kind=kind):
                waiting, other = self.login(), self.login()
                self.assertEqual(other.store("STOR slow", b"a\nb").code, 226)
                self.assertEqual(other.store("STOR quick", b"quick").code, 226)
                waiting.expect(f"TYPE {kind}", 200)
                data = waiting.open_data()
                waiting.expect("RETR slow", 150)
                with Gate(self.gate) as gate:
                    for _ in range(50):
                        other.expect("NOOP", 200)
                    self.assertEqual(other.retrieve("RETR quick"), b"quick")
                    self.assertTrue(_silent(waiting))
                    gate.open()
                    self.assertEqual(read_all(data), b"a\nb" if kind == "I" else b"a\r\nb")
                data.close()
                waiting.expect_reply(226)

    def test_abort(self) -> None:
        """ABOR does not wait for the read."""
        control, other = self.login(), self.login()
        control.store("STOR slow", b"12345")
        data = control.open_data()
        control.expect("RETR slow", 150)
        with Gate(self.gate) as gate:
            control.expect("ABOR", 426)
            control.expect_reply(226)
            for _ in range(50):
                other.expect("NOOP", 200)
            gate.open()
        data.close()
        self.assertEqual(control.store("STOR quick", b"1").code, 226)
