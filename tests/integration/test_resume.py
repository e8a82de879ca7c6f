"""Uploads that broke off: what is kept, who sees it, and that nothing is ever made of two files."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import shutil
import signal
import socket
import threading
import unittest
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from tests.integration.cases import AUTH, PASSWORD, USER, ServerTestCase, checksum, content
from tests.integration.control import Control, Reply, read_all, reset
from tests.integration.server import FtpxServer
from tests.integration.tls_cases import TlsTestCase
from tests.integration.waiting import eventually

_OTHER = "bob"
_BOTH = (*AUTH[:2], "--auth", f"memory:{_OTHER}:{PASSWORD}", *AUTH[2:])
_WHOLE = content(400_000, 300)
_THEIRS = content(350_000, 301)
_OLD = content(120_000, 302)
_PART = 250_000


def _unread(data: socket.socket) -> int:
    """How much of what was sent over a connection of this machine its reader has not taken from the kernel."""
    here, there = (f"{port:04X}" for _, port in (data.getsockname(), data.getpeername()))
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(":" + there) and fields[2].endswith(":" + here):
            return int(fields[4].partition(":")[2], 16)
    return 0


def begin(control: Control, line: str, octets: bytes, *, restart: int | None = None) -> socket.socket:
    """An upload under way, of which the server has read all that was sent."""
    data = control.open_data(restart=restart)
    try:
        control.expect(line, 150)
        data.sendall(octets)
        eventually(lambda: not _unread(data), what="the server has read everything", pause=0.001)
    except BaseException:
        data.close()
        raise
    return data


def break_off(control: Control, line: str, octets: bytes, *, restart: int | None = None) -> None:
    """An upload that ends by a reset."""
    reset(begin(control, line, octets, restart=restart))
    control.expect_reply(426)


def go_on(control: Control, line: str, octets: bytes, *, restart: int | None = None) -> Reply:
    """An upload, behind REST if it has an offset; the last reply, which may refuse it."""
    with control.open_data(restart=restart) as data:
        answer = control.command(line)
        if answer.code != 150:
            return answer
        data.sendall(octets)
    return control.reply()


class _Contract(ServerTestCase):
    """What the storages have in common."""

    storage: ClassVar[tuple[str, ...] | None] = None

    @classmethod
    def make_server(cls) -> FtpxServer:
        """A server with two users."""
        return FtpxServer().start(*_BOTH, *(cls.storage or ()))

    def setUp(self) -> None:
        """Have a session of each, and no file."""
        if self.storage is None:
            raise unittest.SkipTest("no storage of its own")
        super().setUp()
        self.mine = self.login()
        self.addCleanup(self.forget, "file")
        self.theirs = self.login(_OTHER)
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
            for size in (1, 5000, _PART):
                with self.subTest(way=way.__name__, size=size):
                    control = self.login()
                    way(control, begin(control, "STOR file", _WHOLE[:size]))
                    self.wait_size(size)
                    self.assert_unseen()
                    self.assertEqual(go_on(self.mine, "STOR file", _WHOLE[size:], restart=size).code, 226)
                    self.assertEqual(checksum(self.stands() or b""), checksum(_WHOLE))
                    self.forget("file")

    def test_old_file_stands(self) -> None:
        """However it broke off: what had the name before is whole, and its size is what SIZE tells everybody."""
        for way in self.ways:
            with self.subTest(way=way.__name__):
                self.assertEqual(self.mine.store("STOR file", _OLD).code, 226)
                control = self.login()
                way(control, begin(control, "STOR file", _WHOLE[:_PART]))
                eventually(lambda: self.continues(_PART), what="it can be continued")
                self.assertEqual(checksum(self.stands() or b""), checksum(_WHOLE))
                self.forget("file")

    def continues(self, size: int) -> bool:
        """Whether an upload over an old file can be continued yet; until then the old one stands."""
        self.assertEqual((self.stands(), self.size(self.mine)), (_OLD, len(_OLD)))
        # Only what was kept is so long.
        return go_on(self.mine, "STOR file", _WHOLE[size:], restart=size).code == 226

    def test_continued_by_append(self) -> None:
        """APPE goes on where it broke off."""
        break_off(self.mine, "STOR file", _WHOLE[:_PART])
        self.assertEqual(go_on(self.mine, "APPE file", _WHOLE[_PART:]).code, 226)
        self.assertEqual(checksum(self.stands() or b""), checksum(_WHOLE))
        self.mine.expect("DELE file", 250)
        self.assertIsNone(self.size(self.mine))

    def test_continued_from_before(self) -> None:
        """REST of less than there is: the rest is sent again."""
        for offset in (1, 100_000, _PART - 1):
            with self.subTest(offset=offset):
                break_off(self.mine, "STOR file", _WHOLE[:_PART])
                self.assertEqual(go_on(self.mine, "STOR file", _WHOLE[offset:], restart=offset).code, 226)
                self.assertEqual(checksum(self.stands() or b""), checksum(_WHOLE))
                self.forget("file")

    def test_continued_with_less(self) -> None:
        """What was kept behind REST does not come back if the file has become shorter."""
        break_off(self.mine, "STOR file", _WHOLE[:_PART])
        self.assertEqual(go_on(self.mine, "STOR file", b"end", restart=1000).code, 226)
        self.assertEqual(self.stands(), _WHOLE[:1000] + b"end")

    def test_continued_again_and_again(self) -> None:
        """It may break off any number of times, by STOR and by APPE."""
        steps = (1, 60_000, 60_001, _PART, 300_000)
        break_off(self.mine, "STOR file", _WHOLE[:1])
        for done, more in itertools.pairwise(steps):
            if more % 2:
                break_off(self.mine, "APPE file", _WHOLE[done:more])
            else:
                break_off(self.mine, "STOR file", _WHOLE[done:more], restart=done)
            self.assertEqual(self.size(self.mine), more)
            self.assertIsNone(self.stands())
        self.assertEqual(go_on(self.mine, "APPE file", _WHOLE[300_000:]).code, 226)
        self.assertEqual(checksum(self.stands() or b""), checksum(_WHOLE))

    def test_beyond_what_came(self) -> None:
        """REST behind the end of what came is 554, and changes nothing."""
        break_off(self.mine, "STOR file", _WHOLE[:_PART])
        for offset in (_PART + 1, 1 << 62):
            self.assertEqual(go_on(self.mine, "STOR file", b"x", restart=offset).code, 554)
            self.assertEqual(self.size(self.mine), _PART)
        self.assertEqual(go_on(self.mine, "APPE file", _WHOLE[_PART:]).code, 226)
        self.assertEqual(checksum(self.stands() or b""), checksum(_WHOLE))

    def test_old_file_stands_unchanged(self) -> None:
        """The upload that was to replace it goes on by REST, and not behind what has come."""
        self.mine.store("STOR file", _OLD)
        break_off(self.mine, "STOR file", _WHOLE[:_PART])
        self.assertEqual(go_on(self.mine, "STOR file", b"x", restart=_PART + 1).code, 554)
        self.assertEqual(self.stands(), _OLD)
        self.assertEqual(go_on(self.mine, "STOR file", _WHOLE[1000:], restart=1000).code, 226)
        self.assertEqual(checksum(self.stands() or b""), checksum(_WHOLE))

    def test_append_to_the_old_file(self) -> None:
        """APPE says no offset, so nobody knows which of two it means: 554, and both are as they were."""
        self.mine.store("STOR file", _OLD)
        break_off(self.mine, "STOR file", _WHOLE[:_PART])
        self.assertEqual(go_on(self.mine, "APPE file", b"more").code, 554)
        self.assertEqual(self.stands(), _OLD)
        self.assertEqual(go_on(self.mine, "STOR file", _WHOLE[_PART:], restart=_PART).code, 226)
        self.assertEqual(self.stands(), _WHOLE)

    def test_replaced_meanwhile(self) -> None:
        """Whoever has stored another file of that name since: 554, the file stands, and a fresh upload works."""
        for before in (None, _OLD):
            for who in (self.mine, self.theirs):
                with self.subTest(before=before is not None, own=who is self.mine):
                    if before is not None:
                        self.mine.store("STOR file", before)
                    break_off(self.mine, "STOR file", _WHOLE[:_PART])
                    self.assertEqual(who.store("STOR file", _THEIRS).code, 226)
                    for offset in (1, 1000, _PART):
                        self.assertEqual(go_on(self.mine, "STOR file", _WHOLE[offset:], restart=offset).code, 554)
                    if who is self.theirs:
                        self.assertEqual(go_on(self.mine, "APPE file", _WHOLE[_PART:]).code, 554)
                    self.assertEqual(checksum(self.stands() or b""), checksum(_THEIRS))
                    self.assertEqual(self.size(self.mine), len(_THEIRS))
                    self.assertEqual(self.mine.store("STOR file", _WHOLE).code, 226)
                    self.assertEqual(checksum(self.stands() or b""), checksum(_WHOLE))
                    self.forget("file")

    def test_replaced_and_removed_meanwhile(self) -> None:
        """A file that was there in between and has been deleted by somebody else: what was kept is still whole."""
        break_off(self.mine, "STOR file", _WHOLE[:_PART])
        self.theirs.store("STOR file", _THEIRS)
        self.theirs.expect("DELE file", 250)
        code = go_on(self.mine, "STOR file", _WHOLE[_PART:], restart=_PART).code
        self.assertIn(code, {226, 554})
        if code == 226:
            self.assertEqual(checksum(self.stands() or b""), checksum(_WHOLE))

    def test_second_fresh_upload_ends_it(self) -> None:
        """Behind a fresh upload and another, what broke off is forgotten: the file is continued as any other."""
        break_off(self.mine, "STOR file", _WHOLE[:_PART])
        for _ in range(2):
            self.mine.store("STOR file", _THEIRS)
        self.assertEqual(go_on(self.mine, "STOR file", b"end", restart=1000).code, 226)
        self.assertEqual(self.stands(), _THEIRS[:1000] + b"end")

    def test_delete_ends_it(self) -> None:
        """DELE takes what is kept where no file is, and what is kept of an upload over a file with that file."""
        break_off(self.mine, "STOR file", _WHOLE[:_PART])
        self.theirs.expect("DELE file", 550)
        self.nobody.expect("DELE file", 550)
        self.assertEqual(self.size(self.mine), _PART)
        self.mine.expect("DELE file", 250)
        self.assertIsNone(self.size(self.mine))
        self.mine.expect("DELE file", 550)
        self.assertEqual(go_on(self.mine, "STOR file", b"x", restart=1).code, 554)
        self.mine.store("STOR file", _OLD)
        break_off(self.mine, "STOR file", _WHOLE[:_PART])
        self.mine.expect("DELE file", 250)
        self.assertIsNone(self.size(self.mine))

    def test_without_anything_kept(self) -> None:
        """A file that stands is continued as it always was, by whom it may be."""
        self.mine.store("STOR file", _OLD)
        self.assertEqual(go_on(self.mine, "APPE file", b"more").code, 226)
        self.assertEqual(self.stands(), _OLD + b"more")
        self.assertEqual(go_on(self.theirs, "STOR file", b"less", restart=10).code, 226)
        self.assertEqual(self.stands(), _OLD[:10] + b"less")
        self.assertEqual(go_on(self.mine, "STOR file", b"x", restart=15).code, 554)

    def test_broken_continuing_of_a_file(self) -> None:
        """An upload that continues a published file and breaks off leaves it as it was, and nothing is kept."""
        self.mine.store("STOR file", _OLD)
        for line, restart in (("APPE file", None), ("STOR file", 1000)):
            with self.subTest(line=line):
                break_off(self.mine, line, _WHOLE[:_PART], restart=restart)
                self.assertEqual(self.stands(), _OLD)
                self.assertEqual(go_on(self.mine, "STOR file", b"x", restart=len(_OLD) + 1).code, 554)
                self.assertTrue(self.nothing_hidden())

    def test_refused_content_is_not_kept(self) -> None:
        """What is not what was announced is thrown away."""
        wrong = hashlib.sha256(b"something else").hexdigest()
        for before in (None, _OLD):
            with self.subTest(before=before is not None):
                if before is not None:
                    self.mine.store("STOR file", before)
                self.mine.expect(f"SITE EXPECT SHA-256 {wrong}", 350)
                self.assertEqual(go_on(self.mine, "STOR file", _WHOLE).code, 550)
                self.assertEqual(self.stands(), before)
                self.assertEqual(self.size(self.mine), None if before is None else len(before))
                self.assertTrue(self.nothing_hidden())

    def test_text_is_not_kept(self) -> None:
        """An upload in ASCII cannot be restarted, so nothing of it is kept; nor of STOU, whose name nobody knows."""
        self.mine.expect("TYPE A", 200)
        break_off(self.mine, "STOR file", b"line\r\n" * 50_000)
        self.mine.expect("TYPE I", 200)
        self.assertIsNone(self.size(self.mine))
        break_off(self.mine, "STOU file", _WHOLE)
        self.assertEqual(self.mine.retrieve("NLST"), b"")
        self.assertTrue(self.nothing_hidden())

    def test_two_sessions_of_one_user(self) -> None:
        """Two uploads of one user to one name, both broken: one of the two is kept, and is no mixture."""
        again = self.login()
        for first, second in ((self.mine, again), (again, self.mine)):
            with self.subTest(first=first is self.mine):
                one = begin(self.mine, "STOR file", _WHOLE[:_PART])
                two = begin(again, "STOR file", _THEIRS[:100_000])
                sockets = {self.mine: one, again: two}
                for control in (first, second):
                    reset(sockets[control])
                    control.expect_reply(426)
                kept = self.size(self.mine)
                self.assertIn(kept, {_PART, 100_000})
                source = _WHOLE if kept == _PART else _THEIRS
                self.assertEqual(go_on(self.mine, "APPE file", source[kept:]).code, 226)
                self.assertEqual(checksum(self.stands() or b""), checksum(source))
                self.forget("file")

    def test_continued_twice_at_once(self) -> None:
        """What is being continued cannot be continued by another session meanwhile."""
        again = self.login()
        break_off(self.mine, "STOR file", _WHOLE[:100_000])
        data = begin(self.mine, "STOR file", _WHOLE[100_000:_PART], restart=100_000)
        self.assertEqual(go_on(again, "STOR file", b"x" * 1000, restart=100_000).code, 554)
        self.assertEqual(go_on(again, "APPE file", b"x" * 1000).code, 554)
        data.sendall(_WHOLE[_PART:])
        data.close()
        self.mine.expect_reply(226)
        self.assertEqual(checksum(self.stands() or b""), checksum(_WHOLE))

    def test_continued_twice_at_the_same_moment(self) -> None:
        """Of many sessions that continue it at once, the content of one comes to be the file."""
        rest = [content(100_000, 310 + number) for number in range(6)]
        controls = [self.login() for _ in rest]
        for _ in range(5):
            break_off(self.mine, "STOR file", _WHOLE[:100_000])
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
            self.assertIn(self.stands(), [_WHOLE[:100_000] + octets for octets in rest])
            self.forget("file")

    def test_names(self) -> None:
        """Names of any octets, in directories too, have what is kept of them."""
        self.mine.expect("MKD some dir", 257)
        for name in (b"caf\xc3\xa9", b"\xff\xfe\x80z", b"some dir/-x", b".hidden", b" blank ", b"n" * 255):
            with self.subTest(name=name):
                break_off(self.mine, (b"STOR " + name).decode("utf-8", "surrogateescape"), _WHOLE[:_PART])
                self.assertEqual(self.mine.expect(b"SIZE " + name, 213).text, f"213 {_PART}")
                with self.mine.open_data(restart=_PART) as data:
                    self.mine.expect(b"STOR " + name, 150)
                    data.sendall(_WHOLE[_PART:])
                self.mine.expect_reply(226)
                self.assertEqual(checksum(self.mine.retrieve(b"RETR " + name)), checksum(_WHOLE))
                self.mine.expect(b"DELE " + name, 250)
        self.mine.expect("RMD some dir", 250)

    def test_other_names_know_nothing_of_it(self) -> None:
        """What is kept belongs to one name in one directory."""
        self.mine.expect("MKD one", 257)
        break_off(self.mine, "STOR file", _WHOLE[:_PART])
        for name in ("file2", "one/file", "FILE"):
            self.assertIsNone(self.size(self.mine, name))
            self.assertEqual(go_on(self.mine, f"STOR {name}", b"x", restart=1).code, 554)
        self.assertEqual(self.size(self.mine, "one/../file"), _PART)
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
                self.assertEqual(other.store("STOR file", _OLD).code, 226)
                if ask is None:
                    control.retrieve("RETR file")
                else:
                    control.expect(ask, 213, 250)
                with control.open_data(restart=1000) as data:
                    control.expect("RETR file", 150)
                    self.assertEqual(read_all(data), _OLD[1000:])
                control.expect_reply(226)
                self.assertEqual(other.store("STOR file", _WHOLE).code, 226)
                with control.open_data(restart=1000):
                    control.expect("RETR file", 554)
                control.expect("SIZE file", 213)
                with control.open_data(restart=1000) as data:
                    control.expect("RETR file", 150)
                    self.assertEqual(read_all(data), _WHOLE[1000:])
                control.expect_reply(226)
                other.store("STOR file", _THEIRS)
                # From the start it is one file in any case.
                self.assertEqual(control.retrieve("RETR file"), _THEIRS)

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
        self.make("file", _OLD)
        with self.login() as control, control.open_data(restart=119_000) as data:
            control.expect("RETR file", 150)
            self.assertEqual(read_all(data), _OLD[119_000:])


class StalledResumeTests(ServerTestCase):
    """Uploads of which nothing comes any more."""

    options = (*AUTH, "--data-timeout", "1")

    def test_stall(self) -> None:
        """What came before the stall is kept."""
        control = self.login()
        with begin(control, "STOR file", _WHOLE[:_PART]):
            control.expect_reply(426)
        self.assertEqual(control.expect("SIZE file", 213).text, f"213 {_PART}")
        self.assertEqual(go_on(control, "APPE file", _WHOLE[_PART:]).code, 226)
        self.assertEqual(checksum(self.server.root / "file"), checksum(_WHOLE))


class TlsResumeTests(TlsTestCase):
    """Uploads over TLS."""

    def test_cut(self) -> None:
        """An end without close_notify, and a reset, break an upload off; what came in whole records is kept."""
        for end in (socket.socket.close, reset):
            with self.subTest(end=end.__name__):
                control = self.login_tls()
                end(begin(control, "STOR file", _WHOLE[:_PART]))
                control.expect_reply(426)
                kept = int(control.expect("SIZE file", 213).text.split()[1])
                self.assertGreater(kept, 0)
                self.assertLessEqual(kept, _PART)
                with control.open_tls(restart=kept) as data:
                    control.expect("STOR file", 150)
                    data.sendall(_WHOLE[kept:])
                    data.end()
                control.expect_reply(226)
                self.assertEqual(checksum(self.server.root / "file"), checksum(_WHOLE))
                control.expect("DELE file", 250)


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
        self.server.start(*_BOTH, *options)
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

    def assert_continued(self, control: Control, kept: int = _PART, name: str = "file") -> None:
        """What was kept goes on."""
        self.assertEqual(control.expect(f"SIZE {name}", 213).text, f"213 {kept}")
        self.assertEqual(go_on(control, f"STOR {name}", _WHOLE[kept:], restart=kept).code, 226)
        self.assertEqual(checksum(control.retrieve(f"RETR {name}")), checksum(_WHOLE))
        self.assertEqual(self.hidden(), [])

    def test_ended_in_good_order(self) -> None:
        """SIGTERM, and its grace is over: what has come is kept for the next server."""
        control = self.start("--shutdown-grace", "0.1")
        with begin(control, "STOR file", _WHOLE[:_PART]):
            self.server.signal(signal.SIGTERM)
            self.assertEqual(self.server.wait(), 0)
        self.assert_continued(self.start())

    def test_killed(self) -> None:
        """kill -9: what was written is kept for the next server, which finds it by itself."""
        for old in (None, _OLD):
            with self.subTest(old=old is not None):
                control = self.start()
                if old is not None:
                    control.store("STOR file", old)
                data = begin(control, "STOR file", _WHOLE[:_PART])
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
                    self.assertEqual(go_on(control, "STOR file", _WHOLE[_PART:], restart=_PART).code, 226)
                    self.assertEqual(checksum(self.root / "file"), checksum(_WHOLE))
                control.expect("DELE file", 250)
                control.close()
                self.server.signal(signal.SIGTERM)
                self.assertEqual(self.server.wait(), 0)

    def _all_written(self) -> bool:
        return any(path.is_file() and path.stat().st_size == _PART for path in self.hidden_files())

    def hidden_files(self) -> list[Path]:
        """The files in folders of ftpx's own."""
        return [path for path in self.root.rglob("*") if any(part.startswith(".ftpx-") for part in path.parts)]

    def test_lifetime(self) -> None:
        """What is older than --partial-lifetime is thrown away, also if the server did not run when its time came."""
        control = self.start("--partial-lifetime", "1")
        break_off(control, "STOR file", _WHOLE[:_PART])
        eventually(lambda: control.expect("SIZE file", 213, 550).code == 550, what="its time is over")
        eventually(lambda: not self.hidden(), what="nothing is left")
        self.assertEqual(go_on(control, "STOR file", b"x", restart=1).code, 554)
        break_off(control, "STOR file", _WHOLE[:_PART])
        self.server.signal(signal.SIGKILL)
        self.server.wait()
        self.start("--partial-lifetime", "1")
        eventually(lambda: not self.hidden(), what="nothing is left")

    def test_nothing_is_kept(self) -> None:
        """--partial-lifetime 0: an upload that breaks off leaves nothing."""
        control = self.start("--partial-lifetime", "0")
        for old in (None, _OLD):
            if old is not None:
                control.store("STOR file", old)
            break_off(control, "STOR file", _WHOLE[:_PART])
            self.assertEqual(control.expect("SIZE file", 213, 550).code, 550 if old is None else 213)
            offset = 1 if old is None else len(old) + 1
            self.assertEqual(go_on(control, "STOR file", b"x", restart=offset).code, 554)
            self.assertEqual(self.hidden(), [])

    def test_nothing_is_kept_any_more(self) -> None:
        """What was kept goes when the next server is told to keep nothing."""
        break_off(self.start(), "STOR file", _WHOLE[:_PART])
        self.server.signal(signal.SIGTERM)
        self.server.wait()
        control = self.start("--partial-lifetime", "0")
        control.expect("SIZE file", 550)
        eventually(lambda: not self.hidden(), what="nothing is left")

    def test_homes(self) -> None:
        """With a directory for each user, each has what is kept of their own, also behind a restart."""
        control = self.start("--home", "per-user")
        break_off(control, "STOR file", _WHOLE[:_PART])
        theirs = self.login(_OTHER)
        theirs.expect("SIZE file", 550)
        break_off(theirs, "STOR file", _THEIRS[:1000])
        self.assertEqual(control.retrieve("MLSD"), b"")
        self.server.signal(signal.SIGTERM)
        self.server.wait()
        control = self.start("--home", "per-user")
        self.assertEqual(self.login(_OTHER).expect("SIZE file", 213).text, "213 1000")
        self.assertEqual(control.expect("SIZE file", 213).text, f"213 {_PART}")
        self.assertEqual(go_on(control, "APPE file", _WHOLE[_PART:]).code, 226)
        self.assertEqual(checksum(self.root / USER / "file"), checksum(_WHOLE))
        self.login(_OTHER).expect("DELE file", 250)
        self.assertEqual(self.hidden(), [])
