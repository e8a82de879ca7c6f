"""CP24: whatever a client sends, each command has one answer and nothing is logged as a failure."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.server.verbs import COMMANDS
from ftpx.storage.memory import MemoryStorage
from ftpx.testing.server import MemoryClient, ServerHarness
from ftpx.wire.replies import Reply

_ARGUMENTS = st.sampled_from(
    [
        *(
            "a",
            "b",
            "d",
            "d/a",
            "/",
            "..",
            "../..",
            "*",
            "d/*",
            "-la",
            "-la d",
            "-",
            "[",
            "missing",
            " a ",
            "a;b=c; d",
            '"',
        ),
        *("A", "I", "L 8", "S", "F", "ALL", "1", "2", "5", "0 3", "1 0", "99999999999999999999", "-1", "1" * 5000),
        *("127,0,0,1,20,0", "|1|127.0.0.1|5000|", "|2|::1|5000|", "20200101000000 a", "modify=20200101000000; a"),
        *("alice", "anonymous", "secret", "UTF8 ON", "MLST type;", "CHMOD 600 a", "CPFR a", "CPTO b", "UTIME 2020 a"),
        *("HELP", "CPFR d", "SYMLINK a l", "%s{0}", "\x1b[2J", "\u00e9", "\udcff\udcfe", "x" * 300, "a\0b", "a\rb"),
    ]
)
_VERBS = st.sampled_from(sorted(COMMANDS) + ["XYZZY", "AUTH", "SITE", "EPSV", "RETR", "STOR", "ABOR", "EPSV", "RETR"])
_LINES = st.tuples(_VERBS, st.one_of(st.none(), _ARGUMENTS, st.text(max_size=20))).map(
    lambda pair: pair[0] if pair[1] is None else f"{pair[0]} {pair[1]}"
)
# Telnet commands take octets out of the stream, and so perhaps the end of a line.
_TELNET = frozenset(b"\xff\xf2")


def _server() -> ServerHarness:
    """A server whose sessions have all the time there is."""
    server = ServerHarness(MemoryStorage(limit=100_000), login_timeout=1e6, idle_timeout=1e6)
    server.login()
    server.command("MKD d")
    server.store("STOR a", b"line\nline\n")
    server.store("STOR d/a", b"x")
    return server


def _finish(server: ServerHarness, client: MemoryClient) -> list[Reply]:
    """Let every transfer find its peer and end, and every delay pass; what was said."""
    for _ in range(200):
        client.settle()
        waiting = [port for port in server.data.ports if port.connecting and not port.closed]
        for port in waiting:
            peer = port.accept()
            peer.send(b"a\r\nb")
            peer.end()
        server.clock.advance(16)
        client.settle()
        if not waiting and not client.unread:
            break
    server.clock.advance(16)
    client.settle()
    return client.replies()


class HostileInputTests(SynchronousTestCase):
    """Random lines and octets, in memory."""

    def check(self, server: ServerHarness, replies: list[Reply], commands: int) -> None:
        """One final reply for each command, unless the session has ended, and no failure."""
        final = [reply.code for reply in replies if reply.final]
        if server.client.closed:
            self.assertIn(final[-1], (221, 421, 226, 426, 425, 450, 451, 452, 550, 552, 553))
            self.assertLessEqual(len(final), commands + 1)
        else:
            self.assertEqual(len(final), commands)
        self.assertEqual(self.flushLoggedErrors(), [])

    @given(st.lists(_LINES, max_size=25))
    def test_pipelined_lines(self, lines: list[str]) -> None:
        """CP24: commands that come all at once have one final reply each."""
        server = _server()
        octets = [line.encode("utf-8", "surrogateescape") for line in map(_encodable, lines)]
        octets = [line.replace(b"\n", b"") for line in octets]
        server.client.send(b"".join(line + b"\r\n" for line in octets))
        self.check(server, _finish(server, server.client), len(lines))

    @given(st.lists(_LINES, max_size=15))
    @settings(max_examples=100)
    def test_one_line_at_a_time(self, lines: list[str]) -> None:
        """CP24: and so have commands that come one by one, with transfers between them."""
        server = _server()
        for line in lines:
            octets = _encodable(line).encode("utf-8", "surrogateescape").replace(b"\n", b"")
            closed = server.client.closed
            server.client.send(octets + b"\r\n")
            replies = _finish(server, server.client)
            self.check(server, replies, 0 if closed else 1) if not closed else self.assertEqual(replies, [])

    @given(st.lists(st.binary(max_size=60), max_size=10), st.booleans())
    def test_octets(self, blocks: list[bytes], logged_in: bool) -> None:
        """CP24: octets in any pieces make lines, each with one reply."""
        server = _server()
        if not logged_in:
            server.command("REIN")
        for block in blocks:
            server.client.send(block)
        everything = b"".join(blocks)
        replies = _finish(server, server.client)
        if _TELNET.isdisjoint(everything):
            self.check(server, replies, everything.count(b"\n"))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_much_noise(self) -> None:
        """CP24: a mebibyte of noise is refused, line for line."""
        for seed in range(3):
            noise = random.Random(seed).randbytes(1 << 20)
            server = _server()
            server.client.send(noise)
            codes = {reply.code for reply in _finish(server, server.client)}
            self.assertTrue(codes <= {500, 501, 421}, codes)
            self.assertEqual(self.flushLoggedErrors(), [])


def _encodable(line: str) -> str:
    """A line without the surrogates that stand for no octet."""
    return "".join(
        character for character in line if not "\ud800" <= character < "\udc80" and not "\udd00" <= character < "\ue000"
    )
