"""Uploads that broke off: what is kept, who sees it, and that nothing is ever made of two files."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import socket
import threading
import unittest
from collections.abc import Callable, Sequence
from typing import ClassVar

from tests.integration.cases import AUTH, PASSWORD, USER, ServerTestCase, checksum, content
from tests.integration.control import Control, read_all, reset
from tests.integration.resume_cases import BOTH, OLD, OTHER, PART, THEIRS, WHOLE, begin, break_off, go_on
from tests.integration.server import FtpxServer
from tests.integration.tls_cases import TlsTestCase
from tests.integration.waiting import eventually


class _Contract(ServerTestCase):
    """What the storages have in common."""

    storage: ClassVar[tuple[str, ...] | None] = None

    @classmethod
    def make_server(cls) -> FtpxServer:
        """A server with two users."""
        return FtpxServer().start(*BOTH, *(cls.storage or ()))

    def setUp(self) -> None:
        """Have a session of each, and no file."""
        if self.storage is None:
            raise unittest.SkipTest("no storage of its own")
        super().setUp()
        self.mine = self.login()
        self.addCleanup(self.forget, "file")
        self.theirs = self.login(OTHER)
        self.nobody = self.login("anonymous", "me@example.org")

    def forget(self, name: str) -> None:
        """DELE, until there is nothing left of a name."""
        with Control(("127.0.0.1", self.server.port)) as control:
            control.login(USER, PASSWORD)
            while control.expect(f"DELE {name}", 250, 550).code == 250:
                pass
        eventually(self.nothing_hidden, what="nothing hidden is left")

    def nothing_hidden(self) -> bool:
        """Whether no file of ftpx's own is on the disk."""
        return not [path for path in self.server.root.rglob("*") if path.name.startswith(".ftpx-")]

    def stands(self, name: str = "file") -> bytes | None:
        """What a file is for everybody else; ``None``: it is not there."""
        size = self.theirs.expect(f"SIZE {name}", 213, 550)
        if size.code == 550:
            return None
        octets = self.theirs.retrieve(f"RETR {name}")
        self.assertEqual(size.text, f"213 {len(octets)}")
        return octets

    def size(self, control: Control, name: str = "file") -> int | None:
        """What SIZE answers."""
        answer = control.expect(f"SIZE {name}", 213, 550)
        return int(answer.text.split()[1]) if answer.code == 213 else None

    def wait_size(self, octets: int) -> None:
        """Wait until so much is kept: where no reply tells that it is, it may take a moment."""
        eventually(lambda: self.size(self.mine) == octets, what=f"SIZE is {octets}")

    def assert_unseen(self) -> None:
        """Nobody finds a file, in whatever way they look, and nobody but its owner its size."""
        for control in (self.mine, self.theirs, self.nobody):
            for line in ("LIST", "NLST", "MLSD", "LIST -a"):
                self.assertEqual(control.retrieve(line), b"", line)
            for line in ("MLST file", "MDTM file", "STAT file", "RNFR file"):
                control.expect(line, 550, 450)
            with control.open_data():
                control.expect("RETR file", 550)
        for control in (self.theirs, self.nobody):
            self.assertIsNone(self.size(control))
            with control.open_data(restart=10):
                control.expect("STOR file" if control is self.theirs else "RETR file", 554, 550)


class ResumeContract(_Contract):
    """Breaking off and going on."""

    __test__ = False

    def _abort(self, control: Control, data: socket.socket) -> None:
        control.expect("ABOR", 426)
        control.expect_reply(226)
        data.close()

    def _reset(self, control: Control, data: socket.socket) -> None:
        reset(data)
        control.expect_reply(426)

    def _control_ends(self, control: Control, data: socket.socket) -> None:
        control.close()
        with contextlib.suppress(ConnectionError):
            data.recv(1)
        data.close()

    def _control_is_reset(self, control: Control, data: socket.socket) -> None:
        control.reset()
        with contextlib.suppress(ConnectionError):
            data.recv(1)
        data.close()

    def _both_end(self, control: Control, data: socket.socket) -> None:
        control.reset()
        data.close()

    @property
    def ways(self) -> Sequence[Callable[[Control, socket.socket], None]]:
        """How an upload may break off."""
        return self._abort, self._reset, self._control_ends, self._control_is_reset, self._both_end

    def test_what_is_kept_is_seen_by_its_owner_alone(self) -> None:
        """However it broke off: no file is there, SIZE tells its owner how much has come, and then it is continued."""
        for way in self.ways:
            for size in (1, 5000, PART):
                with self.subTest(way=way.__name__, size=size):
                    control = self.login()
                    way(control, begin(control, "STOR file", WHOLE[:size]))
                    self.wait_size(size)
                    self.assert_unseen()
                    self.assertEqual(go_on(self.mine, "STOR file", WHOLE[size:], restart=size).code, 226)
                    self.assertEqual(checksum(self.stands() or b""), checksum(WHOLE))
                    self.forget("file")

    def test_old_file_stands(self) -> None:
        """However it broke off: what had the name before is whole, and its size is what SIZE tells everybody."""
        for way in self.ways:
            with self.subTest(way=way.__name__):
                self.assertEqual(self.mine.store("STOR file", OLD).code, 226)
                control = self.login()
                way(control, begin(control, "STOR file", WHOLE[:PART]))
                eventually(lambda: self.continues(PART), what="it can be continued")
                self.assertEqual(checksum(self.stands() or b""), checksum(WHOLE))
                self.forget("file")

    def continues(self, size: int) -> bool:
        """Whether an upload over an old file can be continued yet; until then the old one stands."""
        self.assertEqual((self.stands(), self.size(self.mine)), (OLD, len(OLD)))
        # Only what was kept is so long.
        return go_on(self.mine, "STOR file", WHOLE[size:], restart=size).code == 226

    def test_continued_by_append(self) -> None:
        """APPE goes on where it broke off."""
        break_off(self.mine, "STOR file", WHOLE[:PART])
        self.assertEqual(go_on(self.mine, "APPE file", WHOLE[PART:]).code, 226)
        self.assertEqual(checksum(self.stands() or b""), checksum(WHOLE))
        self.mine.expect("DELE file", 250)
        self.assertIsNone(self.size(self.mine))

    def test_continued_from_before(self) -> None:
        """REST of less than there is: the rest is sent again."""
        for offset in (1, 100_000, PART - 1):
            with self.subTest(offset=offset):
                break_off(self.mine, "STOR file", WHOLE[:PART])
                self.assertEqual(go_on(self.mine, "STOR file", WHOLE[offset:], restart=offset).code, 226)
                self.assertEqual(checksum(self.stands() or b""), checksum(WHOLE))
                self.forget("file")

    def test_continued_with_less(self) -> None:
        """What was kept behind REST does not come back if the file has become shorter."""
        break_off(self.mine, "STOR file", WHOLE[:PART])
        self.assertEqual(go_on(self.mine, "STOR file", b"end", restart=1000).code, 226)
        self.assertEqual(self.stands(), WHOLE[:1000] + b"end")

    def test_continued_again_and_again(self) -> None:
        """It may break off any number of times, by STOR and by APPE."""
        steps = (1, 60_000, 60_001, PART, 300_000)
        break_off(self.mine, "STOR file", WHOLE[:1])
        for done, more in itertools.pairwise(steps):
            if more % 2:
                break_off(self.mine, "APPE file", WHOLE[done:more])
            else:
                break_off(self.mine, "STOR file", WHOLE[done:more], restart=done)
            self.assertEqual(self.size(self.mine), more)
            self.assertIsNone(self.stands())
        self.assertEqual(go_on(self.mine, "APPE file", WHOLE[300_000:]).code, 226)
        self.assertEqual(checksum(self.stands() or b""), checksum(WHOLE))

    def test_beyond_what_came(self) -> None:
        """REST behind the end of what came is 554, and changes nothing."""
        break_off(self.mine, "STOR file", WHOLE[:PART])
        for offset in (PART + 1, 1 << 62):
            self.assertEqual(go_on(self.mine, "STOR file", b"x", restart=offset).code, 554)
            self.assertEqual(self.size(self.mine), PART)
        self.assertEqual(go_on(self.mine, "APPE file", WHOLE[PART:]).code, 226)
        self.assertEqual(checksum(self.stands() or b""), checksum(WHOLE))

    def test_old_file_stands_unchanged(self) -> None:
        """The upload that was to replace it goes on by REST, and not behind what has come."""
        self.mine.store("STOR file", OLD)
        break_off(self.mine, "STOR file", WHOLE[:PART])
        self.assertEqual(go_on(self.mine, "STOR file", b"x", restart=PART + 1).code, 554)
        self.assertEqual(self.stands(), OLD)
        self.assertEqual(go_on(self.mine, "STOR file", WHOLE[1000:], restart=1000).code, 226)
        self.assertEqual(checksum(self.stands() or b""), checksum(WHOLE))

    def test_append_to_the_old_file(self) -> None:
        """APPE says no offset, so nobody knows which of two it means: 554, and both are as they were."""
        self.mine.store("STOR file", OLD)
        break_off(self.mine, "STOR file", WHOLE[:PART])
        self.assertEqual(go_on(self.mine, "APPE file", b"more").code, 554)
        self.assertEqual(self.stands(), OLD)
        self.assertEqual(go_on(self.mine, "STOR file", WHOLE[PART:], restart=PART).code, 226)
        self.assertEqual(self.stands(), WHOLE)

    def test_replaced_meanwhile(self) -> None:
        """Whoever has stored another file of that name since: 554, the file stands, and a fresh upload works."""
        for before in (None, OLD):
            for who in (self.mine, self.theirs):
                with self.subTest(before=before is not None, own=who is self.mine):
                    if before is not None:
                        self.mine.store("STOR file", before)
                    break_off(self.mine, "STOR file", WHOLE[:PART])
                    self.assertEqual(who.store("STOR file", THEIRS).code, 226)
                    for offset in (1, 1000, PART):
                        self.assertEqual(go_on(self.mine, "STOR file", WHOLE[offset:], restart=offset).code, 554)
                    if who is self.theirs:
                        self.assertEqual(go_on(self.mine, "APPE file", WHOLE[PART:]).code, 554)
                    self.assertEqual(checksum(self.stands() or b""), checksum(THEIRS))
                    self.assertEqual(self.size(self.mine), len(THEIRS))
                    self.assertEqual(self.mine.store("STOR file", WHOLE).code, 226)
                    self.assertEqual(checksum(self.stands() or b""), checksum(WHOLE))
                    self.forget("file")

    def test_replaced_and_removed_meanwhile(self) -> None:
        """A file that was there in between and has been deleted by somebody else: what was kept is still whole."""
        break_off(self.mine, "STOR file", WHOLE[:PART])
        self.theirs.store("STOR file", THEIRS)
        self.theirs.expect("DELE file", 250)
        code = go_on(self.mine, "STOR file", WHOLE[PART:], restart=PART).code
        self.assertIn(code, {226, 554})
        if code == 226:
            self.assertEqual(checksum(self.stands() or b""), checksum(WHOLE))

    def test_second_fresh_upload_ends_it(self) -> None:
        """Behind a fresh upload and another, what broke off is forgotten: the file is continued as any other."""
        break_off(self.mine, "STOR file", WHOLE[:PART])
        for _ in range(2):
            self.mine.store("STOR file", THEIRS)
        self.assertEqual(go_on(self.mine, "STOR file", b"end", restart=1000).code, 226)
        self.assertEqual(self.stands(), THEIRS[:1000] + b"end")

    def test_delete_ends_it(self) -> None:
        """DELE takes what is kept where no file is, and what is kept of an upload over a file with that file."""
        break_off(self.mine, "STOR file", WHOLE[:PART])
        self.theirs.expect("DELE file", 550)
        self.nobody.expect("DELE file", 550)
        self.assertEqual(self.size(self.mine), PART)
        self.mine.expect("DELE file", 250)
        self.assertIsNone(self.size(self.mine))
        self.mine.expect("DELE file", 550)
        self.assertEqual(go_on(self.mine, "STOR file", b"x", restart=1).code, 554)
        self.mine.store("STOR file", OLD)
        break_off(self.mine, "STOR file", WHOLE[:PART])
        self.mine.expect("DELE file", 250)
        self.assertIsNone(self.size(self.mine))

    def test_without_anything_kept(self) -> None:
        """A file that stands is continued as it always was, by whom it may be."""
        self.mine.store("STOR file", OLD)
        self.assertEqual(go_on(self.mine, "APPE file", b"more").code, 226)
        self.assertEqual(self.stands(), OLD + b"more")
        self.assertEqual(go_on(self.theirs, "STOR file", b"less", restart=10).code, 226)
        self.assertEqual(self.stands(), OLD[:10] + b"less")
        self.assertEqual(go_on(self.mine, "STOR file", b"x", restart=15).code, 554)

    def test_broken_continuing_of_a_file(self) -> None:
        """An upload that continues a published file and breaks off leaves it as it was, and nothing is kept."""
        self.mine.store("STOR file", OLD)
        for line, restart in (("APPE file", None), ("STOR file", 1000)):
            with self.subTest(line=line):
                break_off(self.mine, line, WHOLE[:PART], restart=restart)
                self.assertEqual(self.stands(), OLD)
                self.assertEqual(go_on(self.mine, "STOR file", b"x", restart=len(OLD) + 1).code, 554)
                self.assertTrue(self.nothing_hidden())

    def test_refused_content_is_not_kept(self) -> None:
        """What is not what was announced is thrown away."""
        wrong = hashlib.sha256(b"something else").hexdigest()
        for before in (None, OLD):
            with self.subTest(before=before is not None):
                if before is not None:
                    self.mine.store("STOR file", before)
                self.mine.expect(f"SITE EXPECT SHA-256 {wrong}", 350)
                self.assertEqual(go_on(self.mine, "STOR file", WHOLE).code, 550)
                self.assertEqual(self.stands(), before)
                self.assertEqual(self.size(self.mine), None if before is None else len(before))
                self.assertTrue(self.nothing_hidden())

    def test_text_is_not_kept(self) -> None:
        """An upload in ASCII cannot be restarted, so nothing of it is kept; nor of STOU, whose name nobody knows."""
        self.mine.expect("TYPE A", 200)
        break_off(self.mine, "STOR file", b"line\r\n" * 50_000)
        self.mine.expect("TYPE I", 200)
        self.assertIsNone(self.size(self.mine))
        break_off(self.mine, "STOU file", WHOLE)
        self.assertEqual(self.mine.retrieve("NLST"), b"")
        self.assertTrue(self.nothing_hidden())

    def test_two_sessions_of_one_user(self) -> None:
        """Two uploads of one user to one name, both broken: one of the two is kept, and is no mixture."""
        again = self.login()
        for first, second in ((self.mine, again), (again, self.mine)):
            with self.subTest(first=first is self.mine):
                one = begin(self.mine, "STOR file", WHOLE[:PART])
                two = begin(again, "STOR file", THEIRS[:100_000])
                sockets = {self.mine: one, again: two}
                for control in (first, second):
                    reset(sockets[control])
                    control.expect_reply(426)
                kept = self.size(self.mine)
                self.assertIn(kept, {PART, 100_000})
                source = WHOLE if kept == PART else THEIRS
                self.assertEqual(go_on(self.mine, "APPE file", source[kept:]).code, 226)
                self.assertEqual(checksum(self.stands() or b""), checksum(source))
                self.forget("file")

    def test_continued_twice_at_once(self) -> None:
        """What is being continued cannot be continued by another session meanwhile."""
        again = self.login()
        break_off(self.mine, "STOR file", WHOLE[:100_000])
        data = begin(self.mine, "STOR file", WHOLE[100_000:PART], restart=100_000)
        self.assertEqual(go_on(again, "STOR file", b"x" * 1000, restart=100_000).code, 554)
        self.assertEqual(go_on(again, "APPE file", b"x" * 1000).code, 554)
        data.sendall(WHOLE[PART:])
        data.close()
        self.mine.expect_reply(226)
        self.assertEqual(checksum(self.stands() or b""), checksum(WHOLE))

    def test_continued_twice_at_the_same_moment(self) -> None:
        """Of many sessions that continue it at once, the content of one comes to be the file."""
        rest = [content(100_000, 310 + number) for number in range(6)]
        controls = [self.login() for _ in rest]
        for _ in range(5):
            break_off(self.mine, "STOR file", WHOLE[:100_000])
            codes: list[int] = []

            def continue_it(control: Control, octets: bytes, codes: list[int] = codes) -> None:
                codes.append(go_on(control, "STOR file", octets, restart=100_000).code)

            threads = [threading.Thread(target=continue_it, args=each) for each in zip(controls, rest, strict=True)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            # Who comes when the first is done continues the file that stands now.
            self.assertLessEqual(set(codes), {226, 554, 450})
            self.assertIn(226, codes)
            self.assertIn(self.stands(), [WHOLE[:100_000] + octets for octets in rest])
            self.forget("file")

    def test_names(self) -> None:
        """Names of any octets, in directories too, have what is kept of them."""
        self.mine.expect("MKD some dir", 257)
        for name in (b"caf\xc3\xa9", b"\xff\xfe\x80z", b"some dir/-x", b".hidden", b" blank ", b"n" * 255):
            with self.subTest(name=name):
                break_off(self.mine, (b"STOR " + name).decode("utf-8", "surrogateescape"), WHOLE[:PART])
                self.assertEqual(self.mine.expect(b"SIZE " + name, 213).text, f"213 {PART}")
                with self.mine.open_data(restart=PART) as data:
                    self.mine.expect(b"STOR " + name, 150)
                    data.sendall(WHOLE[PART:])
                self.mine.expect_reply(226)
                self.assertEqual(checksum(self.mine.retrieve(b"RETR " + name)), checksum(WHOLE))
                self.mine.expect(b"DELE " + name, 250)
        self.mine.expect("RMD some dir", 250)

    def test_other_names_know_nothing_of_it(self) -> None:
        """What is kept belongs to one name in one directory."""
        self.mine.expect("MKD one", 257)
        break_off(self.mine, "STOR file", WHOLE[:PART])
        for name in ("file2", "one/file", "FILE"):
            self.assertIsNone(self.size(self.mine, name))
            self.assertEqual(go_on(self.mine, f"STOR {name}", b"x", restart=1).code, 554)
        self.assertEqual(self.size(self.mine, "one/../file"), PART)
        self.mine.expect("RMD one", 250)


class LocalResumeTests(ResumeContract):
    """A directory."""

    __test__ = True

    storage = ()


class MemoryResumeTests(ResumeContract):
    """Memory."""

    __test__ = True

    storage = ("--storage", "memory:")


class ChangedDownloadTests(ServerTestCase):
    """Downloads that go on, of files that are not what they were."""

    def test_changed_since(self) -> None:
        """REST and RETR of a file that is another than the session was told of is 554, until it asks again."""
        other = self.login()
        for ask in ("SIZE file", "MDTM file", "MLST file", None):
            with self.subTest(ask=ask):
                control = self.login()
                self.assertEqual(other.store("STOR file", OLD).code, 226)
                if ask is None:
                    control.retrieve("RETR file")
                else:
                    control.expect(ask, 213, 250)
                with control.open_data(restart=1000) as data:
                    control.expect("RETR file", 150)
                    self.assertEqual(read_all(data), OLD[1000:])
                control.expect_reply(226)
                self.assertEqual(other.store("STOR file", WHOLE).code, 226)
                with control.open_data(restart=1000):
                    control.expect("RETR file", 554)
                control.expect("SIZE file", 213)
                with control.open_data(restart=1000) as data:
                    control.expect("RETR file", 150)
                    self.assertEqual(read_all(data), WHOLE[1000:])
                control.expect_reply(226)
                other.store("STOR file", THEIRS)
                # From the start it is one file in any case.
                self.assertEqual(control.retrieve("RETR file"), THEIRS)

    def test_replaced_while_it_is_read(self) -> None:
        """A download under way is of the file that it began with."""
        self.make_sparse("big", 64 << 20)
        control, other = self.login(), self.login()
        data = control.open_data(receive_buffer=4096)
        control.expect("RETR big", 150)
        self.assertEqual(other.store("STOR big", b"x" * 1000).code, 226)
        self.assertEqual(read_all(data).count(0), 64 << 20)
        control.expect_reply(226)

    def test_session_that_never_asked(self) -> None:
        """Who asks for a part without having asked anything gets it."""
        self.make("file", OLD)
        with self.login() as control, control.open_data(restart=119_000) as data:
            control.expect("RETR file", 150)
            self.assertEqual(read_all(data), OLD[119_000:])


class StalledResumeTests(ServerTestCase):
    """Uploads of which nothing comes any more."""

    options = (*AUTH, "--data-timeout", "1")

    def test_stall(self) -> None:
        """What came before the stall is kept."""
        control = self.login()
        with begin(control, "STOR file", WHOLE[:PART]):
            control.expect_reply(426)
        self.assertEqual(control.expect("SIZE file", 213).text, f"213 {PART}")
        self.assertEqual(go_on(control, "APPE file", WHOLE[PART:]).code, 226)
        self.assertEqual(checksum(self.server.root / "file"), checksum(WHOLE))


class TlsResumeTests(TlsTestCase):
    """Uploads over TLS."""

    def test_cut(self) -> None:
        """An end without close_notify, and a reset, break an upload off; what came in whole records is kept."""
        for end in (socket.socket.close, reset):
            with self.subTest(end=end.__name__):
                control = self.login_tls()
                end(begin(control, "STOR file", WHOLE[:PART]))
                control.expect_reply(426)
                kept = int(control.expect("SIZE file", 213).text.split()[1])
                self.assertGreater(kept, 0)
                self.assertLessEqual(kept, PART)
                with control.open_tls(restart=kept) as data:
                    control.expect("STOR file", 150)
                    data.sendall(WHOLE[kept:])
                    data.end()
                control.expect_reply(226)
                self.assertEqual(checksum(self.server.root / "file"), checksum(WHOLE))
                control.expect("DELE file", 250)
