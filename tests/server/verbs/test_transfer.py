"""RETR, STOR, STOU, APPE, REST, RANG and ALLO."""

from __future__ import annotations

from ftpx.errors import (
    FileChanged,
    NameRefused,
    NoSpace,
    PermissionDenied,
    QuotaExceeded,
    StorageError,
    StorageFailure,
    StorageUnavailable,
)
from ftpx.storage.memory import MemoryStorage
from ftpx.testing.server import ServerHarness
from tests.server.doubles import ServerCase, codes

_FAULTS: tuple[tuple[type[StorageError], int], ...] = (
    (NoSpace, 452),
    (QuotaExceeded, 552),
    (PermissionDenied, 550),
    (StorageFailure, 451),
    (StorageUnavailable, 450),
    (NameRefused, 553),
    (FileChanged, 554),
)


class RetrieveTests(ServerCase):
    """Downloads."""

    def setUp(self) -> None:
        """Put a file."""
        super().setUp()
        self.put("a", b"0123456789")

    def test_whole(self) -> None:
        """The file is sent, its size is told, and it is closed."""
        replies, content = self.client.fetch("RETR a")
        self.assertEqual((codes(replies), content), ([150, 226], b"0123456789"))
        self.assertEqual(replies[0].lines, ("a (10 bytes)",))
        self.assertEqual(self.script.done[-1], "close")

    def test_empty(self) -> None:
        """An empty file is a clean end."""
        self.put("b")
        self.client.command("EPSV")
        peer = self.client.last_port.accept()
        self.assertEqual(self.codes("RETR b"), [150, 226])
        self.assertTrue(peer.complete)

    def test_restart(self) -> None:
        """REST begins the next transfer there, and only that."""
        self.codes("REST 4")
        replies, content = self.client.fetch("RETR a")
        self.assertEqual((codes(replies), content, replies[0].lines), ([150, 226], b"456789", ("a (6 bytes)",)))
        self.assertEqual(self.client.fetch("RETR a")[1], b"0123456789")

    def test_restart_at_the_end(self) -> None:
        """RS10: at the end nothing is sent; beyond it is 554, and the data port stays."""
        self.codes("REST 10")
        self.assertEqual(self.client.fetch("RETR a")[1], b"")
        self.assertEqual(self.codes("EPSV", "REST 11", "RETR a"), [229, 350, 554])
        self.assertFalse(self.client.last_port.closed)

    def test_restart_is_kept(self) -> None:
        """RS11: what sets up a data connection keeps the offset, and so do NOOP, MODE, STRU and ALLO."""
        for line in (
            "PASV",
            "EPSV",
            "PORT 127,0,0,1,20,0",
            "EPRT |1|127.0.0.1|5000|",
            "NOOP",
            "MODE S",
            "STRU F",
            "ALLO 5",
        ):
            self.codes("REST 4", line)
            self.assertEqual(self.client.fetch("RETR a")[1], b"456789", line)

    def test_restart_is_dropped(self) -> None:
        """RS11: every other command drops the offset."""
        for line in ("PWD", "TYPE I", "CWD /", "SIZE a", "XYZZY", "AUTH", "RNFR a", "LIST", "REST 0"):
            self.codes("REST 4", line)
            self.assertEqual(self.client.fetch("RETR a")[1], b"0123456789", line)

    def test_range(self) -> None:
        """RANG sends the octets from the first to the last, as far as there are any."""
        for line, content in (
            ("RANG 2 4", b"234"),
            ("RANG 0 0", b"0"),
            ("RANG 8 100", b"89"),
            ("RANG 10 20", b""),
            ("RANG 1 0", b"0123456789"),
        ):
            self.assertEqual(self.codes(line), [350])
            self.assertEqual(self.client.fetch("RETR a")[1], content, line)
        self.assertEqual(self.codes("RANG 11 20", "EPSV", "RETR a"), [350, 229, 554])

    def test_range_taken_back(self) -> None:
        """RANG 1 0 takes back an earlier range."""
        self.codes("RANG 2 4", "RANG 1 0")
        self.assertEqual(self.client.fetch("RETR a")[1], b"0123456789")

    def test_ascii(self) -> None:
        """In ASCII LF goes out as CRLF, and there is no restart but at 0."""
        self.put("t", b"a\nb\r\nc")
        self.codes("TYPE A")
        replies, content = self.client.fetch("RETR t")
        self.assertEqual((codes(replies), content, replies[0].lines), ([150, 226], b"a\r\nb\r\nc", ("t",)))
        self.assertEqual(self.codes("REST 1", "REST 0", "RANG 1 2", "RANG 1 0"), [501, 350, 501, 350])

    def test_peer_leaves(self) -> None:
        """DC18: a peer that resets is 426, and the session lives on."""
        self.client.command("EPSV")
        peer = self.client.last_port.accept()
        peer.take(3)
        self.client.command("RETR a")
        peer.reset()
        self.assertEqual((codes(self.client.replies()), self.codes("NOOP")), ([426], [200]))

    def test_peer_stalls(self) -> None:
        """DC14: a peer that takes nothing is 426 after the time for it."""
        self.put("big", b"x" * 1_000_000)
        self.client.command("EPSV")
        peer = self.client.last_port.accept()
        peer.take(10)
        self.client.command("RETR big")
        for _ in range(30):
            self.server.clock.advance(10)
        self.assertEqual((codes(self.client.replies()), self.codes("NOOP")), ([426], [200]))
        self.assertTrue(peer.closed)

    def test_storage_errors(self) -> None:
        """RS06: an error of the storage has its reply, before or after 150, and no clean end."""
        for error, code in _FAULTS:
            self.script.faults = {"open_read": error()}
            self.assertEqual(self.codes("EPSV", "RETR a"), [229, code])
            self.script.faults = {"read": error()}
            self.client.command("EPSV")
            peer = self.client.last_port.accept()
            self.assertEqual(self.codes("RETR a"), [150, code])
            self.assertFalse(peer.complete)

    def test_replaced_while_it_is_sent(self) -> None:
        """Where a file that is replaced cannot be read on, the client is told what to do."""
        self.script.faults = {"read": FileChanged()}
        self.codes("EPSV")
        self.client.last_port.accept()
        self.assertEqual(
            self.client.command("RETR a")[-1].lines,
            ("The file was replaced by another one while it was sent; fetch it from the start.",),
        )

    def test_not_a_file(self) -> None:
        """Directories, the root and what is not there are 550."""
        self.codes("MKD d")
        self.assertEqual(self.codes("EPSV", "RETR d", "RETR /", "RETR b", "RETR a/b"), [229] + [550] * 4)

    def test_changed(self) -> None:
        """REST does not go on with another file than the session was told of, until it is told of that one."""
        for asked in ("SIZE a", "MDTM a", "MLST a"):
            self.put("a", b"0123456789")
            self.codes(asked)
            self.put("a", b"abcdefghijk")
            self.assertEqual(self.codes("EPSV", "REST 4", "RETR a"), [229, 350, 554])
            self.codes("MDTM a", "REST 4")
            self.assertEqual(self.client.fetch("RETR a")[1], b"efghijk")

    def test_changed_and_fetched(self) -> None:
        """What was fetched was told of, too; from the start everything may be fetched."""
        self.put("a", b"0123456789")
        self.client.fetch("RETR a")
        self.put("a", b"abcdefghij")
        self.assertEqual(self.codes("EPSV", "REST 4", "RETR a"), [229, 350, 554])
        self.assertEqual(self.client.fetch("RETR a")[1], b"abcdefghij")
        self.codes("REST 4")
        self.assertEqual(self.client.fetch("RETR a")[1], b"efghij")

    def test_not_asked(self) -> None:
        """Who has not asked in this session is told nothing."""
        self.put("a", b"0123456789")
        self.put("a", b"abcdefghij")
        self.codes("REST 4")
        self.assertEqual(self.client.fetch("RETR a")[1], b"efghij")


class StoreTests(ServerCase):
    """Uploads."""

    def test_new(self) -> None:
        """A file is there when all of it is."""
        _, peer = self.client.begin("STOR a")
        peer.send(b"con")
        self.assertEqual(self.names(), [])
        peer.send(b"tent")
        peer.end()
        self.client.settle()
        self.assertEqual((codes(self.client.replies()), self.get("a")), ([226], b"content"))

    def test_replace(self) -> None:
        """The old file is whole until the new one is."""
        self.put("a", b"old")
        _, peer = self.client.begin("STOR a")
        peer.send(b"new content")
        self.assertEqual(self.get("a"), b"old")
        peer.end()
        self.client.settle()
        self.assertEqual(self.get("a"), b"new content")

    def test_reset(self) -> None:
        """DC17: an upload that was reset is 426, never 226, and leaves the old file."""
        self.put("a", b"old")
        for sent in (b"", b"x", b"x" * 100_000):
            _, peer = self.client.begin("STOR a")
            peer.send(sent)
            peer.reset()
            self.client.settle()
            self.assertEqual((codes(self.client.replies()), self.get("a")), ([426], b"old"))

    def test_reset_with_the_rest_unread(self) -> None:
        """DC17: and so it is when the reset comes behind the last octets."""
        _, peer = self.client.begin("STOR a")
        peer.send(b"x" * 1000)
        peer.end()
        peer.reset()
        self.client.settle()
        self.assertEqual(len(codes(self.client.replies())), 1)

    def test_stall(self) -> None:
        """DC12: an upload that stalls is 426 after the time for it, and the session lives on."""
        _, peer = self.client.begin("STOR a")
        peer.send(b"x")
        for _ in range(30):
            self.server.clock.advance(10)
        self.assertEqual((codes(self.client.replies()), self.codes("NOOP"), self.names()), ([426], [200], []))
        self.assertTrue(peer.closed)

    def test_abort(self) -> None:
        """CR01: an upload that was aborted leaves the old file."""
        self.put("a", b"old")
        _, peer = self.client.begin("STOR a")
        peer.send(b"new")
        self.assertEqual((self.codes("ABOR"), self.get("a"), self.names()), ([426, 226], b"old", ["a"]))

    def test_data_before_the_command(self) -> None:
        """DC15: what comes before the command is not read until then."""
        self.client.command("EPSV")
        peer = self.client.last_port.accept()
        peer.send(b"early")
        self.client.settle()
        self.assertEqual(peer.waiting, 5)
        peer.end()
        self.assertEqual((self.codes("STOR a"), self.get("a")), ([150, 226], b"early"))

    def test_storage_errors(self) -> None:
        """RS05, RS06: an error at any step of the storage has its reply, never 226, and the old file is whole."""
        self.put("a", b"old")
        for error, code in _FAULTS:
            self.script.faults = {"open_write": error()}
            self.assertEqual(self.codes("EPSV", "STOR a"), [229, code])
            for step in ("write", "commit"):
                self.script.faults = {step: error()}
                self.assertEqual(codes(self.client.store("STOR a", b"new")), [150, code], step)
                self.assertEqual((self.get("a"), self.script.done[-1]), (b"old", "abort"))
        self.script.faults.clear()
        self.assertEqual(codes(self.client.store("STOR a", b"new")), [150, 226])

    def test_no_connection(self) -> None:
        """Without a data connection the upload is thrown away."""
        self.codes("EPSV", "STOR a")
        self.client.last_port.refuse()
        self.assertEqual((codes(self.client.replies()), self.names()), ([425], []))
        self.assertEqual(self.script.done[-1], "abort")

    def test_restart(self) -> None:
        """REST keeps so much of the file and continues there, over PASV too."""
        self.put("a", b"0123456789")
        self.codes("REST 4")
        self.assertEqual((codes(self.client.store("STOR a", b"xy")), self.get("a")), ([150, 226], b"0123xy"))
        self.assertEqual((codes(self.client.store("STOR a", b"z")), self.get("a")), ([150, 226], b"z"))

    def test_restart_beyond(self) -> None:
        """RS10: a file is not continued beyond its end."""
        self.put("a", b"abc")
        self.assertEqual(self.codes("EPSV", "REST 4", "STOR a"), [229, 350, 554])
        self.assertEqual(self.codes("REST 1", "STOR b"), [350, 554])
        self.assertEqual(self.names(), ["a"])

    def test_range(self) -> None:
        """RANG is not for uploads."""
        self.put("a", b"abc")
        self.assertEqual(
            self.codes("EPSV", "RANG 0 1", "STOR a", "RANG 0 1", "STOU", "REST 1", "STOU"),
            [229, 350, 504, 350, 501, 350, 501],
        )
        self.assertEqual(self.names(), ["a"])

    def test_append(self) -> None:
        """APPE continues a file at its end or begins one; REST does not count."""
        self.codes("REST 1")
        self.assertEqual(codes(self.client.store("APPE a", b"abc")), [150, 226])
        self.codes("REST 1")
        self.assertEqual((codes(self.client.store("APPE a", b"def")), self.get("a")), ([150, 226], b"abcdef"))

    def test_changed_meanwhile(self) -> None:
        """An APPE to a file that somebody else replaced is 554, and theirs stays."""
        self.put("a", b"abc")
        _, peer = self.client.begin("APPE a")
        peer.send(b"def")
        self.put("a", b"other")
        peer.end()
        self.client.settle()
        self.assertEqual((codes(self.client.replies()), self.get("a")), ([554], b"other"))

    def test_ascii(self) -> None:
        """In ASCII CRLF is kept as LF, over the edges of blocks."""
        self.codes("TYPE A")
        _, peer = self.client.begin("STOR a")
        for block in (b"a\r", b"\nb\r", b"c\r\n", b"\r"):
            peer.send(block)
        peer.end()
        self.client.settle()
        self.assertEqual((codes(self.client.replies()), self.get("a")), ([226], b"a\nb\rc\n\r"))

    def test_ascii_abort(self) -> None:
        """In ASCII too an upload that breaks leaves the old file."""
        self.put("a", b"old")
        self.codes("TYPE A")
        _, peer = self.client.begin("STOR a")
        peer.send(b"new\r")
        peer.reset()
        self.assertEqual((codes(self.client.replies()), self.get("a")), ([426], b"old"))

    def test_not_a_file(self) -> None:
        """Directories, the root and what is in no directory are 550."""
        self.codes("MKD d")
        self.put("a")
        self.assertEqual(self.codes("EPSV", "STOR d", "STOR /", "STOR x/b", "STOR a/b", "APPE d"), [229] + [550] * 5)

    def test_read_only(self) -> None:
        """Who may not write is refused before a data connection."""
        client = self.server.connect()
        client.login("anonymous", "me@")
        client.replies()
        self.assertEqual(codes(client.command("EPSV", "STOR a", "APPE a", "STOU")), [229] + [550] * 3)

    def test_limit(self) -> None:
        """RS05: a full storage is 452, and afterwards there is room again."""
        server = ServerHarness(MemoryStorage(limit=100))
        server.login()
        self.assertEqual(codes(server.store("STOR a", b"x" * 101)), [150, 452])
        self.assertEqual(codes(server.store("STOR a", b"x" * 100)), [150, 226])


class StoreUniqueTests(ServerCase):
    """STOU."""

    def test_names(self) -> None:
        """PH22: the name is new and told in the form of RFC 1123."""
        first = self.client.store("STOU", b"1")
        self.assertEqual([reply.lines[0] for reply in first], ["FILE: ftpx.0001"] * 2)
        self.assertEqual(codes(first), [150, 226])
        second = self.client.store("STOU a.txt", b"2")
        self.assertEqual(second[0].lines, ("FILE: a.txt.0002",))
        self.assertEqual((self.get("ftpx.0001"), self.get("a.txt.0002")), (b"1", b"2"))

    def test_taken(self) -> None:
        """PH22: a name that is taken is never written over."""
        self.put("ftpx.0001", b"old")
        self.assertEqual((self.codes("EPSV", "STOU"), self.get("ftpx.0001")), ([229, 550], b"old"))

    def test_directories(self) -> None:
        """STOU works in any working directory and for any path."""
        self.codes("MKD d", "CWD d")
        self.assertEqual(codes(self.client.store("STOU", b"1")), [150, 226])
        self.assertEqual(codes(self.client.store("STOU ../a", b"1")), [150, 226])
        self.assertEqual(self.names("d"), ["ftpx.0001"])
        self.assertEqual(self.names(), ["a.0002", "d"])

    def test_root(self) -> None:
        """The root, named from elsewhere, is no name to begin with."""
        self.codes("MKD d", "CWD d")
        self.assertNotIn(451, self.codes("EPSV", "STOU /", "ABOR", "EPSV", "STOU ..", "ABOR"))


class AllocateTests(ServerCase):
    """ALLO and AVBL."""

    def test_unknown(self) -> None:
        """Where nobody knows the space ALLO is superfluous and AVBL not there."""
        self.assertEqual(self.codes("ALLO 9223372036854775807", "AVBL"), [202, 502])

    def test_limit(self) -> None:
        """RS16: where the space is known ALLO compares, reserves nothing, and AVBL tells it."""
        server = ServerHarness(MemoryStorage(limit=100))
        server.login()
        server.store("STOR a", b"x" * 40)
        replies = server.command("ALLO 60", "ALLO 61", "ALLO 60 R 10", "AVBL", "AVBL /", "AVBL a", "AVBL missing")
        self.assertEqual(codes(replies), [200, 552, 200, 213, 213, 550, 550])
        self.assertEqual(replies[3].lines, ("60",))
        self.assertIn(" AVBL", server.command("FEAT")[0].lines)
