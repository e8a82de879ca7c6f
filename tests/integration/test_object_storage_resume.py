"""Uploads to an object store that broke off, and how they go on: also behind a crash of the server, or of the store."""

from __future__ import annotations

import signal
import socket

from tests.integration.cases import checksum, content
from tests.integration.control import Control, reset
from tests.integration.object_cases import PART, ObjectStorageCase
from tests.integration.resume_cases import break_off, go_on
from tests.integration.waiting import eventually

_WHOLE = content(5 * PART + 123_456, 400)
# More than three parts, and the beginning of one.
_SENT = 3 * PART + 1_000_000


class ObjectResumeTests(ObjectStorageCase):
    """One upload that breaks off."""

    def begin(self, control: Control, octets: bytes, parts: int = 3, line: str = "STOR file") -> socket.socket:
        """An upload under way, of which the store has so many parts."""
        data = control.open_data()
        control.expect(line, 150)
        data.sendall(octets)
        eventually(lambda: self.part_count() >= parts, seconds=60, what=f"{parts} parts are in the store")
        return data

    def assert_continued(self, control: Control, kept: int) -> None:
        """What is kept goes on; no part is sent twice, and the file is whole."""
        before = self.place.parts()
        self.assertEqual(control.expect("SIZE file", 213).text, f"213 {kept}")
        with control.open_data(restart=kept) as data:
            control.expect("STOR file", 150)
            data.sendall(_WHOLE[kept:-1])
            eventually(lambda: self.part_count() > len(before), seconds=60, what="another part is in the store")
            now = self.place.parts()
            self.assertEqual({number: now[number] for number in before}, before)
            data.sendall(_WHOLE[-1:])
        control.expect_reply(226)
        self.assertEqual(checksum(self.content("file")), checksum(_WHOLE))
        self.assertEqual(checksum(control.retrieve("RETR file")), checksum(_WHOLE))
        self.assert_clean("file")

    def test_lost_connection(self) -> None:
        """What had come goes on, to the octet, behind a connection that was lost; others see nothing of it."""
        server = self.start("--auth", "memory:bob:secret")
        control, other = self.login(server), self.login(server, "bob", "secret")
        reset(self.begin(control, _WHOLE[:_SENT]))
        control.expect_reply(426)
        other.expect("SIZE file", 550)
        self.assertEqual(other.retrieve("MLSD"), b"")
        kept = int(control.expect("SIZE file", 213).text.split()[1])
        self.assertGreaterEqual(kept, 3 * PART)
        self.assert_continued(control, kept)

    def test_small(self) -> None:
        """So does an upload that is no part yet, and it goes on at any of its octets."""
        server = self.start()
        control = self.login(server)
        break_off(control, "STOR file", _WHOLE[:300_000])
        kept = int(control.expect("SIZE file", 213).text.split()[1])
        self.assertEqual(self.place.uploads(), [])
        self.assertEqual(go_on(control, "STOR file", _WHOLE[kept - 5 : 400_000], restart=kept - 5).code, 226)
        self.assertEqual(checksum(self.content("file")), checksum(_WHOLE[:400_000]))
        self.assert_clean("file")

    def test_killed(self) -> None:
        """CR05: kill -9: the parts that the store has go on at the next server, at once, and none is sent again."""
        server = self.start()
        data = self.begin(self.login(server), _WHOLE[:_SENT])
        server.signal(signal.SIGKILL)
        server.wait()
        data.close()
        server = self.start()
        self.assert_continued(self.login(server), 3 * PART)

    def test_store_killed(self) -> None:
        """The store is killed in the middle of an upload: never 226, and what it has goes on when it is back."""
        server = self.start()
        control = self.login(server)
        data = self.begin(control, _WHOLE[:_SENT])
        self.store.kill()
        try:
            data.settimeout(60)
            try:
                data.sendall(_WHOLE[_SENT:])
                data.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            control.socket.settimeout(120)
            self.assertIn(control.reply().code, {426, 450, 451})
            data.close()
            self.assertIn(control.command("SIZE file").code, {450, 451})
        finally:
            self.store.start()
        kept = PART * self.part_count()
        self.assertGreaterEqual(kept, 3 * PART)
        self.assertEqual(control.expect("SIZE file", 213).text, f"213 {kept}")
        self.assertEqual(go_on(control, "STOR file", _WHOLE[kept:], restart=kept).code, 226)
        self.assertEqual(checksum(self.content("file")), checksum(_WHOLE))
        self.assert_clean("file")

    def test_offsets(self) -> None:
        """Behind which octets it goes on: those that are parts are stored for good; nothing is lost by asking."""
        server = self.start()
        control = self.login(server)
        reset(self.begin(control, _WHOLE[:_SENT]))
        control.expect_reply(426)
        kept = int(control.expect("SIZE file", 213).text.split()[1])
        for offset in (1, PART, 3 * PART - 1, kept + 1):
            self.assertEqual(go_on(control, "STOR file", b"x", restart=offset).code, 554)
        self.assert_continued(control, kept)

    def test_digest(self) -> None:
        """The digest of parts cannot be compared before they are published: refused at once, and nothing is lost."""
        server = self.start()
        control = self.login(server)
        reset(self.begin(control, _WHOLE[:_SENT]))
        control.expect_reply(426)
        kept = int(control.expect("SIZE file", 213).text.split()[1])
        control.expect(f"SITE EXPECT SHA-256 {checksum(_WHOLE)}", 350)
        self.assertEqual(go_on(control, "STOR file", b"x", restart=kept).code, 504)
        self.assert_continued(control, kept)

    def test_lifetime(self) -> None:
        """What is kept for too long is thrown away, with all its parts."""
        server = self.start("--partial-lifetime", "2")
        control = self.login(server)
        reset(self.begin(control, _WHOLE[:_SENT]))
        control.expect_reply(426)
        eventually(lambda: not self.place.uploads() and not self.place.keys(), seconds=30, what="nothing is left")
        control.expect("SIZE file", 550)
