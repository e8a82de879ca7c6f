"""HASH, MD5, XCRC and its like, OPTS HASH, SITE EXPECT."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.digests.algorithms import Algorithm
from ftpx.digests.computing import Computations
from ftpx.digests.digests import Digests
from ftpx.digests.expectation import Expectation
from ftpx.errors import ArgumentError
from ftpx.interfaces import Entry
from ftpx.server.verbs.digests import Part, parse_parts
from ftpx.testing.server import ServerHarness
from ftpx.wire.replies import Reply
from tests.data.doubles import FullPool, HangingPool

CONTENT = bytes(range(100))
SHA = hashlib.sha256(CONTENT).hexdigest()
FIRST_HALF = hashlib.sha256(CONTENT[:50]).hexdigest()
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


class DigestsCase(SynchronousTestCase):
    """A server with one file of 100 octets."""

    def setUp(self) -> None:
        self.serve()

    def serve(self, **settings: Any) -> None:
        self.server = ServerHarness(**settings)
        self.server.login()
        self.server.command("TYPE I", "PASV")
        self.server.store("STOR a b.txt", CONTENT)
        self.server.clock.advance(60)

    def compute_in(self, pool: Any) -> None:
        """Let digests be computed in another pool, with what is known already."""
        store = self.server.services.digests.store
        digests = Digests(store, Computations(pool), self.server.now)
        object.__setattr__(self.server.services, "digests", digests)

    def assertReply(self, command: str, code: int, text: str) -> None:
        """One command, one reply."""
        self.assertEqual(self.server.command(command), [Reply(code, text)])

    def features(self) -> list[str]:
        """The lines of FEAT."""
        (reply,) = self.server.command("FEAT")
        return [line.strip() for line in reply.lines]


class HashTests(DigestsCase):
    """HASH and its options."""

    def test_whole_file(self) -> None:
        """SHA-256 unless another one was chosen; the range is that of the draft, its end is the last octet."""
        self.assertReply("HASH a b.txt", 213, f"SHA-256 0-99 {SHA} a b.txt")
        self.assertReply("HASH /a b.txt", 213, f"SHA-256 0-99 {SHA} /a b.txt")

    def test_part(self) -> None:
        """RANG is for the next HASH, and only for that."""
        self.server.command("RANG 0 49")
        self.assertReply("HASH a b.txt", 213, f"SHA-256 0-49 {FIRST_HALF} a b.txt")
        self.assertReply("HASH a b.txt", 213, f"SHA-256 0-99 {SHA} a b.txt")
        self.server.command("RANG 1 1")
        one = hashlib.sha256(CONTENT[1:2]).hexdigest()
        self.assertReply("HASH a b.txt", 213, f"SHA-256 1-1 {one} a b.txt")

    def test_part_behind_the_end(self) -> None:
        """As for RETR: it ends where the file ends, and cannot begin behind it."""
        self.server.command("RANG 50 1000")
        rest = hashlib.sha256(CONTENT[50:]).hexdigest()
        self.assertReply("HASH a b.txt", 213, f"SHA-256 50-99 {rest} a b.txt")
        self.server.command("RANG 101 1000")
        self.assertReply("HASH a b.txt", 554, "The restart point is beyond the end of the file.")

    def test_rest(self) -> None:
        """REST counts as well, as it does for RETR."""
        self.server.command("REST 50")
        rest = hashlib.sha256(CONTENT[50:]).hexdigest()
        self.assertReply("HASH a b.txt", 213, f"SHA-256 50-99 {rest} a b.txt")

    def test_empty_file(self) -> None:
        """The end of a range is never before its start."""
        self.server.command("PASV")
        self.server.store("STOR empty", b"")
        self.assertReply("HASH empty", 213, f"SHA-256 0-0 {hashlib.sha256().hexdigest()} empty")

    def test_ascii(self) -> None:
        """Whatever the type is, the octets are those that are stored."""
        self.server.command("TYPE A")
        self.assertReply("HASH a b.txt", 213, f"SHA-256 0-99 {SHA} a b.txt")

    def test_options(self) -> None:
        """Every algorithm can be chosen, and FEAT marks the one that is."""
        self.assertReply("OPTS HASH", 200, "SHA-256")
        self.assertIn("HASH SHA-256*;SHA-512;SHA-1;MD5;CRC32", self.features())
        self.assertReply("OPTS HASH md5", 200, "MD5")
        self.assertReply("OPTS HASH", 200, "MD5")
        self.assertIn("HASH SHA-256;SHA-512;SHA-1;MD5*;CRC32", self.features())
        self.assertReply("HASH a b.txt", 213, f"MD5 0-99 {MD5} a b.txt")
        self.assertReply("OPTS HASH sha512", 200, "SHA-512")
        self.assertReply("HASH a b.txt", 213, f"SHA-512 0-99 {hashlib.sha512(CONTENT).hexdigest()} a b.txt")

    def test_unknown_algorithm(self) -> None:
        """The choice is not changed."""
        self.assertReply("OPTS HASH CRC-37", 501, "That is none of SHA-256, SHA-512, SHA-1, MD5, CRC32.")
        self.assertReply("OPTS HASH", 200, "SHA-256")

    def test_choice_ends_with_the_session(self) -> None:
        """REIN takes it back, and USER does not."""
        self.server.command("OPTS HASH MD5")
        self.server.login()
        self.assertReply("OPTS HASH", 200, "MD5")
        self.server.command("REIN")
        self.assertReply("OPTS HASH", 200, "SHA-256")

    def test_no_file(self) -> None:
        """The usual errors, and nobody learns which names are there."""
        self.assertReply("HASH missing", 550, "No such file or directory, or not permitted.")
        self.assertReply("HASH /", 550, "Is a directory.")
        self.assertEqual(self.server.command("HASH")[0].code, 501)
        self.assertEqual(self.server.command("HASH a\0b")[0].code, 501)

    def test_login(self) -> None:
        """It is for users; the read-only ones among them too."""
        self.server.command("REIN")
        self.assertEqual(
            [self.server.command(f"{verb} a b.txt")[0].code for verb in ("HASH", "MD5", "XCRC")], [530] * 3
        )
        self.server.login("anonymous")
        self.assertReply("HASH a b.txt", 213, f"SHA-256 0-99 {SHA} a b.txt")


class OlderCommandsTests(DigestsCase):
    """XCRC, XMD5, XSHA1, XSHA256, XSHA512 and MD5."""

    def test_each(self) -> None:
        """The digest alone, in upper case."""
        self.assertReply("XCRC a b.txt", 250, f"{zlib.crc32(CONTENT):08X}")
        self.assertReply("XMD5 a b.txt", 250, MD5.upper())
        self.assertReply("XSHA1 a b.txt", 250, hashlib.sha1(CONTENT, usedforsecurity=False).hexdigest().upper())
        self.assertReply("XSHA256 a b.txt", 250, SHA.upper())
        self.assertReply("XSHA512 a b.txt", 250, hashlib.sha512(CONTENT).hexdigest().upper())

    def test_md5(self) -> None:
        """MD5 repeats the path as it was written."""
        self.assertReply("MD5 a b.txt", 251, f"a b.txt {MD5.upper()}")
        self.assertReply('MD5 "a b.txt"', 251, f'"a b.txt" {MD5.upper()}')

    def test_features(self) -> None:
        """Clients find them in FEAT."""
        self.assertLessEqual({"XCRC", "XMD5", "XSHA1", "XSHA256", "XSHA512", "MD5"}, set(self.features()))

    def test_part(self) -> None:
        """The second number is behind the last octet."""
        for command in ("XSHA256 a b.txt 0 50", 'XSHA256 "a b.txt" 0 50', 'XSHA256 "/a b.txt" 0 50'):
            self.assertReply(command, 250, FIRST_HALF.upper())
        self.assertReply("XSHA256 a b.txt 0 100", 250, SHA.upper())
        self.assertReply("XCRC a b.txt 7 7", 250, "00000000")

    def test_no_part(self) -> None:
        """A range that is none is refused, rather than a digest told that means something else."""
        self.assertReply("XCRC a b.txt 0 101", 501, "The end is behind the end of the file.")
        self.assertReply("XCRC a b.txt 5 4", 501, "The end is before the start.")
        self.assertReply('XCRC "a b.txt" 5', 501, "The form is path, or path, start and end.")
        self.assertReply("XCRC a b.txt 5", 550, "No such file or directory, or not permitted.")
        self.assertReply("XCRC a b.txt -1 5", 550, "No such file or directory, or not permitted.")

    def test_name_that_ends_with_numbers(self) -> None:
        """If a file has the whole as its name, that is meant."""
        self.server.command("PASV")
        self.server.store("STOR a b.txt 0 50", b"other")
        self.assertReply("XCRC a b.txt 0 50", 250, f"{zlib.crc32(b'other'):08X}")
        self.assertReply('XSHA256 "a b.txt" 0 50', 250, FIRST_HALF.upper())

    def test_no_file(self) -> None:
        """The usual errors."""
        for command in ("XMD5 missing", "XMD5 missing 0 1", "MD5 missing", 'XMD5 "missing"'):
            self.assertReply(command, 550, "No such file or directory, or not permitted.")
        for command in ("XMD5 /", "XMD5 / 0 0", "MD5 /"):
            self.assertReply(command, 550, "Is a directory.")


class PartTests(SynchronousTestCase):
    """What the argument of an older command may mean."""

    def test_meanings(self) -> None:
        """The whole as a path comes first, unless it is in quotes."""
        for argument, parts in (
            ("a", (Part("a"),)),
            ("a 1", (Part("a 1"),)),
            ("a 1 2", (Part("a 1 2"), Part("a", 1, 2))),
            ("a b 1 2", (Part("a b 1 2"), Part("a b", 1, 2))),
            ("1 2", (Part("1 2"),)),
            ('"a 1 2"', (Part("a 1 2"),)),
            ('"a" 1 2', (Part("a", 1, 2),)),
            ('"a ""b"""', (Part('a "b"'),)),
            ('"a"b', (Part('"a"b'),)),
            ('"a', (Part('"a'),)),
            ('""', (Part('""'),)),
            ('"', (Part('"'),)),
        ):
            self.assertEqual(parse_parts(argument), parts)

    def test_refused(self) -> None:
        """What stands behind quotes must be two numbers."""
        for argument in ('"a" 1', '"a" 1 2 3', '"a" x y', '"a" 2 1', '"a" -1 2', '"a" 1 9223372036854775808'):
            self.assertRaises(ArgumentError, parse_parts, argument)


@given(st.text(min_size=1), st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_quoted_paths(name: str, start: int, length: int) -> None:
    """Every path can be written in quotes, alone and with a range."""
    quoted = '"' + name.replace('"', '""') + '"'
    assert parse_parts(quoted) == (Part(name),)
    if start + length < 2**63:
        assert parse_parts(f"{quoted} {start} {start + length}") == (Part(name, start, start + length),)


@given(st.text(min_size=1))
def test_any_argument(argument: str) -> None:
    """Whatever is sent means something or is an error of the argument."""
    try:
        parts = parse_parts(argument)
    except ArgumentError:
        return
    assert parts[0].name == argument or argument.startswith('"')


class EffortTests(DigestsCase):
    """What digests cost, and how they are broken off."""

    def test_known(self) -> None:
        """A digest that was computed once is told without any work."""
        self.server.command("HASH a b.txt", "XMD5 a b.txt")
        self.compute_in(FullPool())
        self.assertReply("HASH a b.txt", 213, f"SHA-256 0-99 {SHA} a b.txt")
        self.assertReply("XSHA256 a b.txt", 250, SHA.upper())
        self.assertReply("MD5 a b.txt", 251, f"a b.txt {MD5.upper()}")

    def test_changed(self) -> None:
        """A new content is computed anew."""
        self.server.command("HASH a b.txt", "PASV")
        self.server.store("STOR a b.txt", b"new")
        self.assertReply("HASH a b.txt", 213, f"SHA-256 0-2 {hashlib.sha256(b'new').hexdigest()} a b.txt")

    def test_renamed(self) -> None:
        """A new name is no new content."""
        self.server.command("HASH a b.txt", "RNFR a b.txt", "RNTO c")
        self.compute_in(FullPool())
        self.assertReply("HASH c", 213, f"SHA-256 0-99 {SHA} c")

    def test_busy(self) -> None:
        """Too much is being computed."""
        self.compute_in(FullPool())
        self.assertReply("HASH a b.txt", 450, "The storage is busy; try again later.")

    def test_aborted(self) -> None:
        """ABOR ends it at once, and the session goes on."""
        pool = HangingPool()
        self.compute_in(pool)
        for command in ("HASH a b.txt", "XCRC a b.txt", "MD5 a b.txt"):
            self.assertEqual(self.server.command(command), [])
            codes = [reply.code for reply in self.server.command("ABOR", "NOOP")]
            self.assertEqual(codes, [426, 226, 200])
        pool.go_on()
        self.assertEqual(self.server.command("NOOP"), [Reply(200, "Nothing done.")])

    def test_client_gone(self) -> None:
        """Who hangs up does not keep a place."""
        pool = HangingPool()
        self.compute_in(pool)
        places = Computations(pool, running=1, waiting=1)
        object.__setattr__(self.server.services.digests, "computations", places)
        self.assertEqual(self.server.command("HASH a b.txt"), [])
        self.server.client.lose()
        self.assertEqual(places._running.total(), 0)


class AttributeTests(DigestsCase):
    """Changes of attributes leave a content as it is."""

    def test_attributes(self) -> None:
        """What is known of a file stays known, on a storage whose versions change with every attribute."""
        for command in (
            "MFMT 20200101000000 a b.txt",
            "MFF modify=20200101000001;UNIX.mode=600; a b.txt",
            "SITE UTIME 20200101000002 a b.txt",
            "SITE CHMOD 644 a b.txt",
        ):
            self.server.command("HASH a b.txt")
            before = self.known()
            carried: list[tuple[object, object]] = []
            store = self.server.services.digests.store
            self.patch(store, "carry", lambda old, new, carried=carried: carried.append((old, new)))
            (reply,) = self.server.command(command)
            self.assertTrue(reply.positive)
            ((old, new),) = carried
            self.assertEqual(old, before)
            self.assertEqual(new, self.known())

    def known(self) -> object:
        async def stat() -> Entry:
            return await self.server.storage.stat(("a b.txt",))

        return self.successResultOf(Deferred.fromCoroutine(stat()))

    def test_missing_file(self) -> None:
        """The errors are what they were."""
        self.server.command("HASH a b.txt")
        self.assertReply("MFMT 20200101000000 missing", 550, "No such file or directory, or not permitted.")


class ExpectTests(DigestsCase):
    """SITE EXPECT: what the next upload must be."""

    def expected(self) -> Expectation:
        """What the session expects."""
        (protocol,) = self.server.factory._sessions
        return protocol.session.state.expected

    def test_digest(self) -> None:
        """A digest of any algorithm."""
        self.assertReply(f"SITE EXPECT sha256 {SHA.upper()}", 350, f"Expecting SHA-256 {SHA}. Send STOR, APPE or STOU.")
        self.assertEqual(self.expected(), Expectation(digests={Algorithm.SHA_256: SHA}))

    def test_several(self) -> None:
        """Digests and size are gathered; the later one of a kind holds."""
        self.server.command("SITE EXPECT SIZE 7", f"SITE EXPECT MD5 {MD5}", "SITE EXPECT CRC32 00000000")
        self.server.command("SITE EXPECT SIZE 100")
        expected = Expectation(100, {Algorithm.MD5: MD5, Algorithm.CRC32: "00000000"})
        self.assertEqual(self.expected(), expected)

    def test_wrong(self) -> None:
        """What is no digest is refused, and what was expected before stays."""
        self.server.command("SITE EXPECT SIZE 7")
        for argument in ("MD5", "MD5 00", f"TIGER {MD5}", f"SHA-256 {MD5}", "SIZE", "SIZE x", MD5):
            (reply,) = self.server.command(f"SITE EXPECT {argument}")
            self.assertEqual(reply.code, 501, argument)
        self.assertEqual(self.server.command("SITE EXPECT")[0].code, 501)
        self.assertEqual(self.expected(), Expectation(7))

    def test_feature(self) -> None:
        """FEAT tells what can be expected, and SITE HELP how."""
        self.assertIn("SITE EXPECT SHA-256;SHA-512;SHA-1;MD5;CRC32;SIZE", self.features())
        (reply,) = self.server.command("SITE HELP")
        self.assertIn(
            " SITE EXPECT SIZE octets|algorithm hex: Say what the next upload must be to be stored.", reply.lines
        )

    def test_kept_until_the_upload(self) -> None:
        """Clients send what they like before an upload: it is not to go unnoticed that nothing was compared."""
        self.server.command(f"SITE EXPECT MD5 {MD5}")
        between = ("TYPE I", "PASV", "EPSV", "REST 0", "ALLO 100", "NOOP", "CWD /", "SIZE a b.txt", "MKD d", "FEAT")
        self.server.command(*between)
        self.assertEqual(self.expected(), Expectation(digests={Algorithm.MD5: MD5}))

    def test_ends_with_the_login(self) -> None:
        """Nobody inherits it."""
        for commands in (("REIN",), ("USER bob",)):
            self.server.login()
            self.server.command(f"SITE EXPECT MD5 {MD5}")
            self.server.command(*commands)
            self.assertEqual(self.expected(), Expectation())

    def test_met(self) -> None:
        """The upload is stored, and the expectation is used up."""
        self.server.command(f"SITE EXPECT MD5 {MD5}", "SITE EXPECT SIZE 100", "PASV")
        self.assertEqual(self.server.store("STOR new", CONTENT)[-1].code, 226)
        self.server.command("PASV")
        self.assertEqual(self.server.store("STOR new", b"other")[-1].code, 226)

    def test_not_met(self) -> None:
        """The reply tells both values, and what was there before stands."""
        for content, size in ((b"other", 5), (b"", 0), (CONTENT[:-1], 99)):
            found = hashlib.md5(content, usedforsecurity=False).hexdigest()
            self.server.command(f"SITE EXPECT MD5 {MD5}", "PASV")
            reply = self.server.store("STOR a b.txt", content)[-1]
            self.assertEqual(reply, Reply(550, f"Nothing was stored: expected MD5 {MD5}, got {found}."))
            self.server.command("SITE EXPECT SIZE 100", "PASV")
            reply = self.server.store("STOR a b.txt", content)[-1]
            self.assertEqual(reply, Reply(550, f"Nothing was stored: expected 100 octets, got {size}."))
            self.assertReply("HASH a b.txt", 213, f"SHA-256 0-99 {SHA} a b.txt")

    def test_not_met_by_a_new_name(self) -> None:
        """Nothing appears under the name."""
        for command in ("STOR new", "APPE new"):
            self.server.command("SITE EXPECT CRC32 00000000", "PASV")
            self.assertEqual(self.server.store(command, CONTENT)[-1].code, 550)
            self.assertReply("SIZE new", 550, "No such file or directory, or not permitted.")
