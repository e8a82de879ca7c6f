"""TYPE, STRU, MODE, OPTS and LANG."""

from __future__ import annotations

import zlib

from ftpx.testing.server import ServerHarness
from tests.server.doubles import ServerCase, codes


class NegotiationTests(ServerCase):
    """What is said about how things are sent."""

    def test_type(self) -> None:
        """Each form of TYPE sets what it says, and one that is refused changes nothing."""
        for line, name in (
            ("TYPE A", "ASCII"),
            ("TYPE L 8", "IMAGE"),
            ("type a n", "ASCII"),
            ("TYPE i", "IMAGE"),
            ("TYPE E", "IMAGE"),
            ("TYPE X", "IMAGE"),
        ):
            self.codes(line)
            self.assertIn(f"TYPE: {name};", self.texts("STAT"))

    def test_default_type(self) -> None:
        """RFC 959: a session begins in ASCII."""
        server = ServerHarness()
        server.command("USER alice", "PASS secret")
        self.assertIn("TYPE: ASCII", str(server.command("STAT")))

    def test_options_before_login(self) -> None:
        """OPTS UTF8 ON comes before login from many clients; OPTS MLST holds over the login."""
        client = self.server.connect()
        client.replies()
        self.assertEqual(codes(client.command("OPTS UTF8 ON", "OPTS MLST size;")), [200, 200])
        client.login()
        client.replies()
        self.assertIn("size*;modify;", client.command("FEAT")[0].encode().decode())

    def test_blanks(self) -> None:
        """Blanks around the options do not matter."""
        self.assertEqual(self.codes("OPTS UTF8  on ", "OPTS MLST  size; "), [200, 200])
        self.assertEqual(self.texts("OPTS MLST size;type; "), "MLST OPTS type;size;")

    def test_language(self) -> None:
        """RFC 2640: English is offered, and marked as chosen."""
        self.assertEqual(self.codes("LANG en-us", "LANG", "LANG de"), [200, 200, 504])


class DeflateTests(ServerCase):
    """MODE Z and its options."""

    def test_mode(self) -> None:
        """MODE Z holds until MODE S, and STAT tells which is in force; one that is refused changes nothing."""
        for line, letter in (("MODE z", "Z"), ("MODE B", "Z"), ("MODE X", "Z"), ("MODE S", "S"), ("MODE C", "S")):
            self.codes(line)
            self.assertIn(f"MODE: {letter}", self.texts("STAT"))

    def test_part_of_the_parameters(self) -> None:
        """It is a transfer parameter: it outlives USER, and REIN ends it."""
        self.codes("MODE Z", "OPTS MODE Z LEVEL 9")
        self.client.login()
        self.assertIn("MODE: Z", self.texts("STAT"))
        self.codes("REIN")
        self.client.login()
        self.assertIn("MODE: S", self.texts("STAT"))

    def test_options(self) -> None:
        """The draft's options are taken in any order and spelling, others refused; nothing at all is the default."""
        for line, code, text in (
            ("OPTS MODE Z LEVEL 9", 200, "LEVEL 9"),
            ("OPTS mode z level 1", 200, "LEVEL 1"),
            ("OPTS MODE Z ENGINE ZLIB METHOD 8 LEVEL 3", 200, "LEVEL 3"),
            ("OPTS MODE Z  LEVEL  4 ", 200, "LEVEL 4"),
            ("OPTS MODE Z", 200, "LEVEL 6"),
            ("OPTS MODE Z LEVEL 0", 501, "LEVEL 1 to 9"),
            ("OPTS MODE Z LEVEL 10", 501, "LEVEL 1 to 9"),
            ("OPTS MODE Z LEVEL", 501, "LEVEL 1 to 9"),
            ("OPTS MODE Z LEVEL \u0663", 501, "LEVEL 1 to 9"),
            ("OPTS MODE Z ENGINE LZO", 501, "ENGINE ZLIB"),
            ("OPTS MODE Z BLOCKSIZE 4096", 501, "METHOD 8"),
            ("OPTS MODE Z LEVEL 9 9", 501, "LEVEL 1 to 9"),
            ("OPTS MODE S LEVEL 9", 504, "Not implemented"),
            ("OPTS MODE", 504, "Not implemented"),
        ):
            reply = self.client.command(line)[0]
            self.assertEqual(reply.code, code, line)
            self.assertIn(text, reply.lines[0])

    def test_refused_options_change_nothing(self) -> None:
        """An option that is refused takes those before it with it."""
        self.put("a", b"".join(b"%d" % number**5 for number in range(30_000)))
        self.codes("MODE Z", "OPTS MODE Z LEVEL 1", "OPTS MODE Z LEVEL 9 ENGINE X")
        fast = len(self.client.fetch("RETR a")[1])
        self.codes("OPTS MODE Z LEVEL 9")
        self.assertLess(len(self.client.fetch("RETR a")[1]), fast)

    def test_off(self) -> None:
        """Where the operator has turned it off, it is not there, and FEAT does not promise it."""
        server = ServerHarness(deflate_level=0)
        server.login()
        self.assertEqual(codes(server.command("MODE Z", "OPTS MODE Z LEVEL 9", "MODE S")), [504, 504, 200])
        self.assertNotIn(" MODE Z", server.command("FEAT")[0].lines)
        self.assertIn(" MODE Z", self.client.command("FEAT")[0].lines)

    def test_download(self) -> None:
        """REST and RANG count octets of the file, and TYPE A translates before it is deflated."""
        self.put("a", b"one\ntwo\nthree\n")
        self.codes("MODE Z")
        for lines, content in (
            ((), b"one\ntwo\nthree\n"),
            (("REST 4",), b"two\nthree\n"),
            (("RANG 4 6",), b"two"),
            (("TYPE A",), b"one\r\ntwo\r\nthree\r\n"),
        ):
            self.in_session(*lines)
            replies, octets = self.client.fetch("RETR a")
            self.assertEqual(codes(replies), [150, 226])
            self.assertEqual(zlib.decompress(octets), content)

    def test_listings(self) -> None:
        """Listings are deflated as files are; those on the control connection are not."""
        self.codes("MKD d", "MKD e", "MODE Z")
        self.put("d/a", b"x")
        for command, text in (("LIST d", b" a\r\n"), ("NLST d", b"a\r\n"), ("MLSD d", b" a\r\n"), ("NLST e", b"")):
            octets = self.client.fetch(command)[1]
            self.assertTrue(zlib.decompress(octets).endswith(text), command)
        self.assertIn(" a", self.texts("STAT d"))

    def test_upload(self) -> None:
        """STOR, APPE and STOU inflate, behind REST too."""
        self.codes("MODE Z")
        for command, content in (("STOR a", b"abcde"), ("APPE a", b"abcdeabcde"), ("STOR a", b"abcabcde")):
            self.assertEqual(codes(self.client.store(command, zlib.compress(b"abcde"))), [150, 226])
            self.assertEqual(self.get("a"), content)
            self.codes("REST 3" if command == "APPE a" else "NOOP")
        self.assertEqual(codes(self.client.store("STOU", zlib.compress(b"unique"))), [150, 226])
        self.codes("TYPE A")
        self.assertEqual(codes(self.client.store("STOR text", zlib.compress(b"a\r\nb\r\n"))), [150, 226])
        self.assertEqual(self.get("text"), b"a\nb\n")

    def test_refused_uploads(self) -> None:
        """What is no whole stream, or a bomb, is not stored, and each is told by a text of its own."""
        self.put("a", b"old")
        self.codes("MODE Z")
        for octets, code, text in (
            (zlib.compress(b"new" * 100)[:-1], 426, "in the middle of the compressed data"),
            (b"not deflated", 501, "zlib's format"),
            (zlib.compress(bytes(300 << 20), 9), 552, "inflates to far too much"),
        ):
            replies = self.client.store("STOR a", octets)
            self.assertEqual(codes(replies), [150, code])
            self.assertIn(text, replies[-1].lines[0])
            self.assertEqual((self.get("a"), self.names()), (b"old", ["a"]))

    def test_abort(self) -> None:
        """ABOR ends an upload in the middle, and nothing of it is published."""
        self.codes("MODE Z")
        replies, peer = self.client.begin("STOR b")
        self.assertEqual(codes(replies), [150])
        peer.send(zlib.compress(b"x" * 100)[:9])
        self.client.settle()
        self.assertEqual(self.codes("ABOR"), [426, 226])
        self.assertTrue(peer.closed)
        self.assertEqual(self.names(), [])
