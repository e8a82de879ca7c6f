"""Transfers as the client (STAT) and the operators (the log, ``--events``) see them."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import stat
import threading
import unittest
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.integration.cases import AUTH, PASSWORD, USER, ServerTestCase, content
from tests.integration.control import Control, Reply, reset
from tests.integration.mounts import small_file_system
from tests.integration.server import FtpxServer, run_ftpx
from tests.integration.tls_cases import TlsTestCase
from tests.integration.waiting import eventually

_MEGABYTE = 1 << 20
# More than all buffers between the server and a peer that does not read.
_LARGE = 256 * _MEGABYTE
_SLOW_READER = 65536


def _events(path: Path) -> list[dict[str, Any]]:
    """The events in a file; a line that has no end yet is none."""
    return [json.loads(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


class EventsTestCase(ServerTestCase):
    """A server that writes events."""

    events: Path
    start: int

    @classmethod
    def make_server(cls) -> FtpxServer:
        """Start the server that the tests of this class share."""
        server = FtpxServer()
        return server.start(*cls.options, "--events", str(cls.place(server)))

    @classmethod
    def place(cls, server: FtpxServer) -> Path:
        """Where the events are written."""
        return server.directory / "events.jsonl"

    def setUp(self) -> None:
        """Look at the events from here on."""
        super().setUp()
        self.events = self.place(self.server)
        self.seen = len(_events(self.events))

    def told(self) -> list[dict[str, Any]]:
        """The events of this test so far."""
        return _events(self.events)[self.seen :]

    def ends(self, count: int = 1) -> list[dict[str, Any]]:
        """The events of transfers that are over, as soon as there are so many."""

        def over() -> list[dict[str, Any]]:
            return [event for event in self.told() if event["event"] in {"transfer finished", "transfer failed"}]

        return eventually(lambda: over() if len(over()) >= count else [], what=f"{count} transfers are over")


class OutcomeTests(EventsTestCase):
    """What the file of events says of transfers."""

    def test_finished(self) -> None:
        """An upload and a download: a start and an end each, with octets, seconds and facts; and a line of the log."""
        octets = content(300_000)
        control = self.login()
        self.assertEqual(control.store("STOR a", octets).code, 226)
        self.assertEqual(control.retrieve("RETR a"), octets)
        self.ends(2)
        told = self.told()
        self.assertEqual(
            [event["event"] for event in told], ["transfer started", "transfer finished"] * 2, json.dumps(told)
        )
        self.assertEqual([told[0]["id"], told[2]["id"]], [told[1]["id"], told[3]["id"]])
        self.assertEqual(told[2]["id"], told[0]["id"] + 1)
        for event, verb, direction, stored in (
            (told[1], "STOR", "upload", 300_000),
            (told[3], "RETR", "download", None),
        ):
            self.assertEqual((event["verb"], event["direction"], event["stored"]), (verb, direction, stored))
            self.assertEqual((event["user"], event["client"], event["path"]), (USER, "127.0.0.1", "/a"))
            self.assertEqual((event["octets"], event["protected"]), (300_000, False))
            self.assertGreater(event["seconds"], 0)
            self.assertLessEqual(datetime.fromisoformat(event["started"]), datetime.fromisoformat(event["time"]))
        self.assertEqual(told[3]["size"], 300_000)
        self.assertEqual(stat.S_IMODE(self.events.stat().st_mode), 0o600)
        line = f'transfer {told[0]["id"]} of {USER} from 127.0.0.1: upload of "/a" finished: 300000 octets in '
        eventually(lambda: line in self.server.log, what="the log has the upload")

    def test_nothing_but_files(self) -> None:
        """Listings, and what is refused before a data connection is wanted, are no transfers."""
        control = self.login()
        for line in ("LIST", "NLST", "MLSD"):
            control.retrieve(line)
        with control.open_data():
            control.expect("RETR missing", 550)
        control.store("STOR mark", b"")
        self.ends()
        self.assertEqual({event["path"] for event in self.told()}, {"/mark"})

    def test_aborted(self) -> None:
        """ABOR, of a download and of an upload that leaves nothing under its name."""
        self.make_sparse("large", _LARGE)
        control = self.login()
        with control.open_data(receive_buffer=_SLOW_READER):
            control.expect("RETR large", 150)
            control.expect("ABOR", 426)
            control.expect_reply(226)
        with control.open_data() as data:
            control.expect("STOR new", 150)
            data.sendall(b"x" * 1000)
            eventually(lambda: "\n 1000 octets so far" in control.command("STAT").text, what="the octets are there")
            control.expect("ABOR", 426)
            control.expect_reply(226)
        down, up = self.ends(2)
        self.assertEqual((down["event"], down["reason"], down["verb"]), ("transfer failed", "aborted", "RETR"))
        self.assertLess(down["octets"], _LARGE)
        self.assertEqual((up["event"], up["reason"], up["octets"]), ("transfer failed", "aborted", 1000))
        self.assertFalse((self.server.root / "new").exists())

    def test_lost(self) -> None:
        """A data connection that is reset, and a client that is gone."""
        control = self.login()
        data = control.open_data()
        control.expect("STOR new", 150)
        reset(data)
        control.expect_reply(426)
        self.assertEqual([event["reason"] for event in self.ends()], ["connection lost"])
        self.make_sparse("large", _LARGE)
        gone = self.login()
        with gone.open_data(receive_buffer=_SLOW_READER):
            gone.expect("RETR large", 150)
            gone.reset()
            self.assertEqual([event["reason"] for event in self.ends(2)], ["connection lost", "session ended"])

    def test_hostile_name(self) -> None:
        """PH08: a name of every octet that a name may have is one line of each, and can be had back."""
        name = bytes(octet for octet in range(1, 256) if octet not in b"\r\n/\xff")
        control = self.login()
        control.expect(b"STAT", 211)
        data = control.open_data()
        # Telnet: 255 stands twice.
        control.send(b"STOR " + name + b"\xff\xff\r\n")
        self.assertIn(control.reply().code, {150, 553})
        data.close()
        name += b"\xff"
        self.assertEqual(control.reply().code, 226)
        event = self.ends()[0]
        self.assertEqual(os.fsencode(event["path"]), b"/" + name)
        self.assertTrue((Path(os.fsdecode(bytes(self.server.root) + b"/" + name))).exists())
        pattern = re.compile(rf"^.* transfer {event['id']} of .*$", re.MULTILINE)
        line = eventually(lambda: pattern.findall(self.server.log), what="the log has the transfer")[0]
        self.assertTrue(line.isprintable(), line)
        self.assertIn(r"\x1b", line)
        self.assertTrue(line.split(" finished: ")[0].endswith(r'\xff"'), line)


class ProgressTests(EventsTestCase):
    """Transfers that take their time."""

    def test_stat_beside_the_transfer(self) -> None:
        """STAT, asked by one thread while another reads the data, tells how far it is, until all has moved."""
        self.make_sparse("large", _LARGE)
        control = self.login()
        data = control.open_data(receive_buffer=_SLOW_READER)
        control.expect("RETR large", 150)
        go_on = threading.Event()
        received = 0

        def read() -> None:
            nonlocal received
            buffer = bytearray(_MEGABYTE)
            while count := data.recv_into(buffer):
                received += count
                if received > _LARGE // 4:
                    go_on.wait(30)

        reader = threading.Thread(target=read)
        reader.start()
        self.addCleanup(reader.join, 30)
        self.addCleanup(go_on.set)
        pattern = re.compile(
            rf"\n Transfer \d+: RETR /large\n (\d+) of {_LARGE} octets so far, (\d+) %\.\n"
            r" (\d+) octets a second now, (\d+) on average(?:; about (\d+) seconds left)?\.\n"
        )

        def asked() -> Reply:
            answer = control.expect("STAT", 211)
            self.assertRegex(answer.text, pattern)
            return answer

        def quarter() -> list[int]:
            values = [int(value) for value in pattern.findall(asked().text)[0][:4]]
            return values if values[0] >= _LARGE // 4 else []

        octets, percent, _, average = eventually(quarter, what="a quarter has moved")
        self.assertEqual(percent, octets * 100 // _LARGE)
        self.assertLess(octets, _LARGE)
        self.assertGreater(average, 0)
        # What moved is in the buffers between the two, or was received.
        self.assertGreaterEqual(octets, received)
        go_on.set()
        control.expect_reply(226)
        reader.join(30)
        self.assertEqual(received, _LARGE)
        self.assertNotIn("Transfer", control.expect("STAT", 211).text)

    def test_progress(self) -> None:
        """Events of progress come at most once a second, of a transfer that lasts, and none of one that does not."""
        self.make_sparse("large", _LARGE)
        slow, quick = self.login(), self.login()
        with slow.open_data(receive_buffer=_SLOW_READER) as data:
            slow.expect("RETR large", 150)
            data.recv(1)

            def of_progress() -> list[dict[str, Any]]:
                quick.store("STOR quick", b"x")
                return [event for event in self.told() if event["event"] == "transfer progress"]

            told = eventually(lambda: of_progress() if len(of_progress()) >= 3 else [], what="three events of progress")
            slow.expect("ABOR", 426)
        self.assertEqual({event["path"] for event in told}, {"/large"})
        self.assertEqual({event["size"] for event in told}, {_LARGE})
        times = [datetime.fromisoformat(event["time"]) for event in told]
        for before, later in pairwise(times):
            self.assertGreaterEqual((later - before).total_seconds(), 0.99)
        self.assertGreater(told[0]["octets"], 0)
        self.assertGreater(told[0]["average"], 0)


class ProtectedTests(TlsTestCase):
    """Transfers over TLS."""

    @classmethod
    def tls_options(cls, server: FtpxServer) -> tuple[str, ...]:
        """Write events too."""
        return (*super().tls_options(server), "--tls-policy", "optional", "--events", str(server.directory / "events"))

    def test_protected(self) -> None:
        """It is told whether the data connection speaks TLS."""
        with self.usual_session() as control:
            self.assertEqual(control.store("STOR a", b"12345").code, 226)
        self.login().store("STOR b", b"12345")
        path = self.server.directory / "events"

        def finished() -> dict[str, bool]:
            return {
                event["path"]: event["protected"] for event in _events(path) if event["event"] == "transfer finished"
            }

        self.assertEqual(
            eventually(lambda: finished() if len(finished()) == 2 else {}, what="both are told"),
            {"/a": True, "/b": False},
        )


class FileTests(unittest.TestCase):
    """The file itself, each test with a server of its own."""

    def begin(self, events: str = "events/events.jsonl") -> FtpxServer:
        """Start a server that writes events to a path below its directory."""
        self.server = server = FtpxServer()
        self.path = server.directory / events
        self.path.parent.mkdir(exist_ok=True)
        self.ended = False
        self.addCleanup(self.end)
        # Relative: the process may change its directory later.
        return server.start(*AUTH, "--events", events)

    def end(self) -> None:
        """The server ends in good order."""
        if not self.ended:
            self.ended = True
            self.assertEqual(self.server.stop(), 0)

    def login(self) -> Control:
        """A session."""
        control = Control((self.server.host, self.server.port))
        self.addCleanup(control.close)
        control.login(USER, PASSWORD)
        return control

    def finished(self, path: Path | None = None) -> list[str]:
        """The paths of uploads that are finished, as a file has them."""
        events = _events(path or self.path)
        return [event["path"] for event in events if event["event"] == "transfer finished"]

    def told(self, *paths: str) -> None:
        """The file has these, sooner or later."""
        eventually(
            lambda: self.path.exists() and self.finished() == list(paths), what=f"the file has {paths}", seconds=15
        )

    def test_rotation(self) -> None:
        """A file that was renamed is followed by a new one, with SIGHUP at once and without it at the next event."""
        self.begin()
        control = self.login()
        control.store("STOR a", b"1")
        self.told("/a")
        self.path.rename(self.path.with_suffix(".1"))
        self.server.signal(signal.SIGHUP)
        eventually(self.path.exists, what="there is a new file")
        control.store("STOR b", b"1")
        self.told("/b")
        self.path.rename(self.path.with_suffix(".2"))
        control.store("STOR c", b"1")
        self.told("/c")
        rotated = [self.finished(self.path.with_suffix(suffix)) for suffix in (".1", ".2")]
        self.assertEqual(rotated, [["/a"], ["/b"]])

    def test_folder_removed(self) -> None:
        """CR17: without its folder uploads go on, it is said once, and nothing is lost when the folder is back."""
        server = self.begin()
        control = self.login()
        shutil.rmtree(self.path.parent)
        for name in ("a", "b"):
            self.assertEqual(control.store(f"STOR {name}", b"1").code, 226)
            eventually(lambda: "events cannot be written" in server.log, what="it is said")
        self.path.parent.mkdir()
        self.told("/a", "/b")
        eventually(lambda: "events are written" in server.log, what="it is said that it works again")
        self.assertEqual(server.log.count("events cannot be written"), 1)

    def test_disk_full(self) -> None:
        """CR17: with a full disk uploads go on, it is said once, and every line is whole when there is room again."""
        server = FtpxServer()
        folder = server.directory / "events"
        folder.mkdir()
        with small_file_system(folder, 64 << 10):
            self.server, self.path, self.ended = server, folder / "events.jsonl", False
            try:
                server.start(*AUTH, "--events", str(self.path))
                control = self.login()
                control.store("STOR a", b"1")
                self.told("/a")
                ballast = folder / "ballast"
                with ballast.open("wb", buffering=0) as file:
                    self._fill(file.fileno())
                names = [f"{'n' * 200}{number:03}" for number in range(40)]
                for name in names:
                    self.assertEqual(control.store(f"STOR {name}", b"1").code, 226)
                eventually(lambda: "events cannot be written" in server.log, what="it is said")
                ballast.unlink()
                self.told("/a", *(f"/{name}" for name in names))
                self.assertEqual(server.log.count("events cannot be written"), 1)
                control.close()
            finally:
                self.end()

    @staticmethod
    def _fill(descriptor: int) -> None:
        """Write until there is no room."""
        try:
            while True:
                os.write(descriptor, bytes(512))
        except OSError:
            return

    def _kept_log(self, server: FtpxServer) -> Callable[[], str]:
        """Reads the log, also when the server's files are removed."""
        keep = server.directory.with_name(f"{server.directory.name}-log")
        os.link(server.directory / "log", keep)
        self.addCleanup(keep.unlink)
        return lambda: keep.read_text(encoding="utf-8")

    def test_stop(self) -> None:
        """What happened last is in the file when the server has ended: also what the end broke off."""
        server = self.begin()
        (server.root / "large").touch()
        os.truncate(server.root / "large", _LARGE)
        keep = server.directory.with_name(f"{server.directory.name}-events")
        self.addCleanup(keep.unlink, missing_ok=True)
        os.link(self.path, keep)
        slow, sending, control = self.login(), self.login(), self.login()
        data = slow.open_data(receive_buffer=_SLOW_READER)
        self.addCleanup(data.close)
        slow.expect("RETR large", 150)
        upload = sending.open_data()
        self.addCleanup(upload.close)
        sending.expect("STOR new", 150)
        upload.sendall(bytes(_MEGABYTE))
        eventually(lambda: f" {_MEGABYTE} octets so far" in sending.command("STAT").text, what="the octets are there")
        control.store("STOR a", b"1")
        server.signal(signal.SIGTERM)
        # Two signals in one moment are one.
        eventually(lambda: f"(TCP Port {server.port} Closed)" in server.log, what="nobody is accepted any more")
        log = self._kept_log(server)
        self.end()
        told = _events(keep)
        self.assertEqual(self.finished(keep), ["/a"])
        failed = {event["path"]: event["reason"] for event in told if event["event"] == "transfer failed"}
        self.assertEqual(failed, {"/large": "session ended", "/new": "session ended"})
        self.assertIn('upload of "/new" failed: session ended', log())

    def test_cannot_be_opened(self) -> None:
        """A file that cannot be written is one line at the start, and nothing listens."""
        for path in ("/nonexistent/events", "/"):
            done = run_ftpx("--events", path)
            lines = (done.stdout + done.stderr).splitlines()
            self.assertEqual((done.returncode, len(lines)), (1, 1), lines)
            self.assertIn(f"--events {path}: cannot be written: ", lines[0])
