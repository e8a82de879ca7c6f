"""Tests of ftpx.server.upload: the life of an upload, seen from the control connection."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar

from zope.interface import implementer

from ftpx.digests.algorithms import Algorithm
from ftpx.errors import NoSpace, StorageFailure, StorageUnavailable
from ftpx.interfaces import Entry, IDurable, IDurableFile, IPartialFile
from ftpx.server import upload
from ftpx.storage.memory import MemoryStorage
from ftpx.testing.server import ServerHarness
from tests.server.doubles import ServerCase, codes

_DIGEST = hashlib.sha256(b"content").hexdigest()


class LifeTests(ServerCase):
    """The stages, and what is left when they fail."""

    def _break(self, name: str, content: bytes, command: str = "STOR") -> list[int]:
        _, peer = self.client.begin(f"{command} {name}")
        peer.send(content)
        peer.reset()
        return codes(self.client.replies())

    def test_order(self) -> None:
        """Stage, receive, publish; then nothing is left to be thrown away."""
        self.script.done.clear()
        self.assertEqual(codes(self.client.store("STOR a", b"content")), [150, 226])
        self.assertEqual(self.script.done, ["open_write", "write", "commit", "abort"])

    def test_broken(self) -> None:
        """What has come is kept for its owner, who alone sees it, and only by SIZE."""
        self.assertEqual(self._break("a", b"cont"), [426])
        self.assertEqual(self.texts("SIZE a"), "4")
        self.assertEqual(self.codes("MLST a", "MDTM a", "RNFR a", "STAT b", "CWD a"), [550, 550, 550, 550, 550])
        self.assertEqual(self.names(), [])
        other = self.server.connect("192.0.2.1")
        other.login("anonymous")
        self.assertEqual(codes(other.command("TYPE I", "SIZE a")), [200, 550])

    def test_continued(self) -> None:
        """REST and STOR, or APPE, go on where it broke off."""
        for commands in (("REST 4", "STOR a"), ("APPE a",)):
            self._break("a", b"cont")
            self.client.command(*commands[:-1])
            self.assertEqual(codes(self.client.store(commands[-1], b"ent")), [150, 226])
            self.assertEqual(self.get("a"), b"content")
            self.codes("DELE a")

    def test_continued_at_once(self) -> None:
        """Who comes back before all threads have let go waits for them."""
        self._break("a", b"cont")
        self.script.faults["continue_upload"] = StorageUnavailable("in use")
        self.codes("REST 4")
        replies, peer = self.client.begin("STOR a")
        self.assertEqual(codes(replies), [])
        del self.script.faults["continue_upload"]
        self.server.clock.advance(0.1)
        self.assertEqual(codes(self.client.replies()), [150])
        peer.send(b"ent")
        peer.end()
        self.client.settle()
        self.assertEqual((codes(self.client.replies()), self.get("a")), ([226], b"content"))

    def test_still_in_use(self) -> None:
        """A second at most; then what was kept stays as it is."""
        self._break("a", b"cont")
        self.script.faults["continue_upload"] = StorageUnavailable("in use")
        self.codes("REST 4")
        replies, _ = self.client.begin("STOR a")
        self.server.clock.pump([0.05] * 18)
        self.assertEqual(codes([*replies, *self.client.replies()]), [])
        self.server.clock.pump([0.05] * 3)
        self.assertEqual((codes(self.client.replies()), self.texts("SIZE a")), ([450], "4"))

    def test_storage_does_not_answer(self) -> None:
        """If the storage cannot take more now, what has come is kept; not so if it is what went wrong."""
        for error, code, size in ((StorageUnavailable("busy"), 450, [213]), (StorageFailure("broken"), 451, [550])):
            _, peer = self.client.begin("STOR a")
            peer.send(b"cont")
            self.client.settle()
            self.script.faults["write"] = error
            peer.send(b"ent")
            self.client.settle()
            self.assertEqual(codes(self.client.replies())[-1], code)
            self.script.faults.clear()
            self.assertEqual(self.codes("SIZE a"), size)
            self.codes("DELE a")

    def test_not_comparable(self) -> None:
        """Where what is kept cannot be read, no digest of all is compared: refused at once, and all of it stays."""
        self._break("a", b"cont")
        self.patch(upload, "IStagedContent", IDurable)
        expect = f"SITE EXPECT SHA-256 {_DIGEST}"
        self.assertEqual(self.codes(expect, "EPSV", "REST 4", "STOR a"), [350, 229, 350, 504])
        self.assertEqual(self.texts("SIZE a"), "4")
        self.codes("REST 4")
        self.assertEqual(codes(self.client.store("STOR a", b"ent")), [150, 226])
        self.assertEqual(self.get("a"), b"content")

    def test_continued_and_broken_again(self) -> None:
        """It grows with each try."""
        self._break("a", b"co")
        self.codes("REST 2")
        self._break("a", b"nt")
        self.assertEqual(self.texts("SIZE a"), "4")
        self.assertEqual((codes(self.client.store("APPE a", b"ent")), self.get("a")), ([150, 226], b"content"))

    def test_no_data_connection(self) -> None:
        """What was kept stays if the next try has no data connection."""
        self._break("a", b"cont")
        self.codes("EPSV", "REST 4")
        self.client.command("STOR a")
        self.client.last_port.refuse()
        self.assertEqual((codes(self.client.replies()), self.texts("SIZE a")), ([425], "4"))

    def test_replaced_meanwhile(self) -> None:
        """Never a file made of two."""
        self._break("a", b"cont")
        self.client.store("STOR a", b"something else")
        for offset in (2, 4):
            self.assertEqual(self.codes("EPSV", f"REST {offset}", "STOR a")[-1], 554)
        self.assertEqual(self.get("a"), b"something else")
        self.assertEqual(codes(self.client.store("APPE a", b"!")), [150, 226])
        self.assertEqual(self.get("a"), b"something else!")

    def test_replaced_by_another(self) -> None:
        """If somebody else has published a file of that name meanwhile, APPE could mean either."""
        server = ServerHarness(users={"alice": "secret", "bob": "secret"})
        server.login()
        _, peer = server.client.begin("STOR a")
        peer.send(b"cont")
        peer.reset()
        server.client.replies()
        other = server.connect("192.0.2.1")
        other.login("bob")
        other.store("STOR a", b"something else")
        for commands in (("REST 4", "STOR a"), ("APPE a",)):
            self.assertEqual(codes(server.command("EPSV", *commands))[-1], 554)
        self.assertEqual(other.fetch("RETR a")[1], b"something else")

    def test_beyond(self) -> None:
        """Nobody continues behind what has come."""
        self._break("a", b"cont")
        self.assertEqual(self.codes("EPSV", "REST 5", "STOR a")[-1], 554)
        self.assertEqual(self.texts("SIZE a"), "4")

    def test_over_an_old_file(self) -> None:
        """The old file is whole and has its size; the upload goes on by its own offset, and APPE is refused."""
        self.put("a", b"old")
        self._break("a", b"cont")
        self.assertEqual((self.get("a"), self.texts("SIZE a")), (b"old", "3"))
        self.assertEqual(self.codes("EPSV", "APPE a")[-1], 554)
        self.codes("REST 3")
        self.assertEqual((codes(self.client.store("STOR a", b"tent")), self.get("a")), ([150, 226], b"content"))

    def test_delete(self) -> None:
        """DELE ends it, with a file of the name and without."""
        self._break("a", b"cont")
        self.assertEqual(self.codes("DELE a", "SIZE a", "DELE a"), [250, 550, 550])
        self.put("a", b"old")
        self._break("a", b"cont")
        self.assertEqual(self.codes("DELE a", "SIZE a"), [250, 550])

    def test_refused_deletion(self) -> None:
        """Who may not delete does not delete what is kept either."""
        self._break("a", b"cont")
        other = self.server.connect("192.0.2.1")
        other.login("anonymous")
        self.assertEqual(codes(other.command("DELE a")), [550])
        self.assertEqual(self.texts("SIZE a"), "4")

    def test_text(self) -> None:
        """Nothing is kept in ASCII: the octets that have come are not those of the client's file."""
        self.codes("TYPE A")
        self._break("a", b"cont")
        self.assertEqual(self.codes("TYPE I", "SIZE a"), [200, 550])

    def test_unique(self) -> None:
        """Nothing is kept of STOU, whose name nobody will ask for."""
        _, peer = self.client.begin("STOU a")
        peer.send(b"cont")
        peer.reset()
        self.assertEqual(codes(self.client.replies()), [426])
        self.assertNotIn("suspend", self.script.done)

    def test_storage_fails(self) -> None:
        """What a storage does not take is no upload that broke off."""
        for error, code in ((NoSpace(), 452), (StorageFailure(), 451)):
            self.script.faults = {"write": error}
            self.assertEqual(codes(self.client.store("STOR a", b"content")), [150, code])
            self.script.faults = {}
            self.assertEqual(self.codes("SIZE a"), [550])

    def test_client_dies(self) -> None:
        """A client that dies loses its control connection, too, while what has come is being kept; it is kept."""
        keeping = self.script.hold("suspend")
        _, peer = self.client.begin("STOR a")
        peer.send(b"cont")
        peer.reset()
        self.client.lose()
        self.script.waits.clear()
        keeping.callback(None)
        again = self.server.connect("192.0.2.1")
        again.login("alice")
        self.assertEqual([reply.lines[-1] for reply in again.command("TYPE I", "SIZE a")][-1], "4")

    def test_keeping_fails(self) -> None:
        """Where it cannot be kept, the reply tells of the storage, and nothing is left."""
        self.script.faults = {"suspend": StorageFailure()}
        self.assertEqual(self._break("a", b"cont"), [451])
        self.script.faults = {}
        self.assertEqual((self.codes("SIZE a"), self.script.done[-2:]), ([550], ["abort", "stat"]))

    def test_abort(self) -> None:
        """ABOR breaks it off, and what has come is kept."""
        _, peer = self.client.begin("STOR a")
        peer.send(b"cont")
        self.assertEqual(self.codes("ABOR"), [426, 226])
        self.assertEqual(self.texts("SIZE a"), "4")

    def test_not_kept(self) -> None:
        """A server that keeps nothing says so."""
        server = ServerHarness(partial_lifetime=0.0)
        server.login()
        _, peer = server.client.begin("STOR a")
        peer.send(b"cont")
        peer.reset()
        server.client.replies()
        self.assertEqual(codes(server.command("SIZE a")), [550])


class ExpectationTests(ServerCase):
    """Verify before publish."""

    def test_met(self) -> None:
        """What is as it was announced is published, and the reply tells its digest."""
        self.assertEqual(self.codes(f"SITE EXPECT SHA-256 {_DIGEST}"), [350])
        replies = self.client.store("STOR a", b"content")
        self.assertEqual((codes(replies), self.get("a")), ([150, 226], b"content"))
        self.assertIn(f"7 octets stored, SHA-256 {_DIGEST}", replies[-1].lines[-1])

    def test_not_met(self) -> None:
        """What is not is refused with both values; the old file stands, and nothing is kept."""
        self.put("a", b"old")
        for expected, got in ((f"SHA-256 {_DIGEST}", hashlib.sha256(b"contend").hexdigest()), ("SIZE 8", "7")):
            self.codes(f"SITE EXPECT {expected}")
            replies = self.client.store("STOR a", b"contend")
            self.assertEqual(codes(replies), [150, 550])
            self.assertIn(expected.split()[1], replies[-1].lines[-1])
            self.assertIn(got, replies[-1].lines[-1])
            self.assertEqual(self.get("a"), b"old")
        self.codes("REST 7")
        self.assertEqual(self.codes("EPSV", "REST 7", "STOR a")[-1], 554)

    def test_continued(self) -> None:
        """It is the digest of all of the file that counts, not of the part that came last."""
        _, peer = self.client.begin("STOR a")
        peer.send(b"cont")
        peer.reset()
        self.client.replies()
        self.codes(f"SITE EXPECT SHA-256 {_DIGEST}", "SITE EXPECT SIZE 7", "REST 4")
        self.assertEqual((codes(self.client.store("STOR a", b"ent")), self.get("a")), ([150, 226], b"content"))

    def test_text(self) -> None:
        """In ASCII it is the digest of what is stored."""
        digest = hashlib.sha256(b"a\nb").hexdigest()
        self.codes("TYPE A", f"SITE EXPECT SHA-256 {digest}", "SITE EXPECT SIZE 3")
        self.assertEqual(codes(self.client.store("STOR a", b"a\r\nb")), [150, 226])

    def test_known_afterwards(self) -> None:
        """What was verified need not be read again."""
        self.codes(f"SITE EXPECT SHA-256 {_DIGEST}")
        self.client.store("STOR a", b"content")
        self.script.faults = {"read": StorageFailure()}
        self.assertIn(_DIGEST, self.texts("HASH a"))

    def test_once(self) -> None:
        """It is good for one upload."""
        self.codes("SITE EXPECT SIZE 7")
        self.client.store("STOR a", b"content")
        self.assertEqual(codes(self.client.store("STOR a", b"other content")), [150, 226])

    def test_no_room(self) -> None:
        """A size that does not fit is refused before the first octet, by ALLO and by SITE EXPECT."""
        server = ServerHarness(MemoryStorage(100))
        server.login()
        for announcement in ("SITE EXPECT SIZE 101", "ALLO 101"):
            replies = codes(server.command("TYPE I", announcement, "EPSV", "STOR a"))
            self.assertEqual(replies[-1], 452, announcement)
        self.assertEqual(codes(server.client.store("STOR a", b"x" * 100)), [150, 226])

    def test_room_is_set_aside(self) -> None:
        """While an upload that was announced is under way, others do not get its room."""
        server = ServerHarness(MemoryStorage(100))
        server.login()
        server.command("TYPE I", "ALLO 60")
        _, peer = server.client.begin("STOR a")
        other = server.connect("192.0.2.1")
        other.login()
        self.assertEqual(codes(other.command("ALLO 60", "EPSV", "STOR b")), [552, 229, 452])
        peer.send(b"x")
        peer.end()
        server.client.settle()
        self.assertEqual(codes(other.command("ALLO 60")), [200])


class ConfiguredTests(ServerCase):
    """What the operator wants of every upload."""

    def test_digest(self) -> None:
        """The reply tells the digest."""
        server = ServerHarness(digest=Algorithm.SHA_256)
        server.login()
        self.assertIn(_DIGEST, server.store("STOR a", b"content")[-1].lines[-1])

    def test_companions(self) -> None:
        """Where a companion stands beside, the upload has to match it."""
        server = ServerHarness(verify_companions=True)
        server.login()
        server.store("STOR a.sha256", f"{_DIGEST}  a\n".encode())
        self.assertEqual(codes(server.store("STOR a", b"contend")), [150, 550])
        self.assertEqual(codes(server.store("STOR a", b"content")), [150, 226])
        self.assertEqual(codes(server.store("STOR b", b"contend")), [150, 226])

    def test_fsync(self) -> None:
        """What the storage can promise is asked of it."""
        server = ServerHarness(_Durable(), fsync=True)
        server.login()
        self.assertEqual(codes(server.store("STOR a", b"content")), [150, 226])
        self.assertEqual(_Durable.promised, ["a"])


@implementer(IDurableFile)
class _DurableFile:
    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.offset = inner.offset
        self.write, self.commit, self.abort = inner.write, inner.commit, inner.abort

    async def commit_durably(self) -> Entry:
        entry: Entry = await self._inner.commit()
        _Durable.promised.append(entry.name)
        return entry


@implementer(IDurable)
class _Durable(MemoryStorage):
    promised: ClassVar[list[str]] = []

    async def begin_upload(self, path: tuple[str, ...], owner: str, *, exclusive: bool = False) -> IPartialFile:
        return _DurableFile(await super().begin_upload(path, owner, exclusive=exclusive))  # type: ignore[return-value]
