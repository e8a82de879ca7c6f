"""The control connection: framing, order, pressure and time."""

from __future__ import annotations

from typing import Any

from ftpx.testing.server import ServerHarness
from tests.server.doubles import ServerCase, codes


class FramingTests(ServerCase):
    """Octets and commands."""

    def test_greeting(self) -> None:
        """IL01: 220 with the banner, which may have several lines, and nothing else."""
        client = ServerHarness(banner="Hello.\nBe nice.").connect()
        self.assertEqual([reply.lines for reply in client.replies()], [("Hello.", "Be nice.")])

    def test_empty_banner(self) -> None:
        """An empty banner is a greeting all the same."""
        self.assertEqual(codes(ServerHarness(banner="").connect().replies()), [220])

    def test_pieces(self) -> None:
        """CP05: commands come in any pieces, with CRLF or LF."""
        for octet in b"PWD\r\nNOOP\nPW":
            self.client.send(bytes([octet]))
        self.client.send(b"D\r\n")
        self.assertEqual(codes(self.client.replies()), [257, 200, 257])

    def test_pipelined(self) -> None:
        """CP15: 1,000 commands in one go are answered in order."""
        self.storage.script.done.clear()
        self.put("a")
        replies = self.client.command(*(f"STOR{number}" if number % 3 else f"MKD {number}" for number in range(1000)))
        self.assertEqual(codes(replies), [257 if number % 3 == 0 else 500 for number in range(1000)])
        self.assertEqual(
            [reply.lines[0] for reply in replies[:7:3]], ['"/0" created.', '"/3" created.', '"/6" created.']
        )

    def test_turns(self) -> None:
        """Of many commands 100 run before others have their turn."""
        self.client.send(b"NOOP\r\n" * 250)
        self.assertEqual(len(self.client.replies()), 100)
        self.client.settle()
        self.assertEqual(len(self.client.replies()), 150)

    def test_not_commands(self) -> None:
        """CP07, CP08, CP09, CP18: what is no command is refused in its turn, and the session lives on."""
        self.client.send(
            b"NO\0OP\r\nMKD q\0w\r\nMKD a\rDELE b\r\n NOOP\r\nNOOP\tx\r\n\r\npWd\r\nNOOP \r\n"
            + b"x" * 9000
            + b"\r\nPWD\r\n"
        )
        self.client.settle()
        self.assertEqual(codes(self.client.replies()), [500, 501, 501, 500, 500, 500, 257, 200, 500, 257])
        self.assertEqual(self.names(), [])

    def test_endless_line(self) -> None:
        """A line without an end is 421 and the end."""
        self.client.send(b"x" * 100_000)
        self.client.settle()
        self.assertEqual(codes(self.client.replies()), [421])
        self.assertTrue(self.client.closed)

    def test_endless_line_behind_commands(self) -> None:
        """A line without an end that waits behind many commands is 421 too, however much came at once."""
        protocol: Any = self.client._protocol
        protocol.dataReceived(b"NOOP\r\n" * 64 + b"x" * 100_000)
        self.client.settle()
        self.assertEqual(codes(self.client.replies())[-1], 421)
        self.assertTrue(self.client.closed)

    def test_telnet(self) -> None:
        """CP12, CP13: Telnet commands before a verb are passed over, 100,000 of them too."""
        self.client.send(b"\xff\xf4\xff\xf2ABOR\r\n\xf2ABOR\r\n" + b"\xff\xfd\x01" * 100_000 + b"NOOP\r\n")
        self.client.settle()
        self.assertEqual(codes(self.client.replies()), [225, 225, 200])

    def test_names_are_octets(self) -> None:
        """CP10, CP14, CP19: any name comes back exactly."""
        for name in (
            b"\xff\xfe\x80z".replace(b"\xff", b"\xff\xff"),
            b" a ",
            b"-x",
            "\u00e9".encode(),
            b"a\xff\xffb",
            b"%s{0}",
        ):
            self.client.send(b"MKD " + name + b"\r\n")
            kept = name.replace(b"\xff\xff", b"\xff")
            self.assertIn(b'257 "/' + kept + b'" created.', self.client.transport.value())
            self.client.transport.clear()
        self.assertEqual(self.server.fetch("NLST")[1].count(b"\r\n"), 6)
        self.assertIn(b"\r\n a \r\n", b"\r\n" + self.server.fetch("NLST")[1])

    def test_bug_in_a_verb(self) -> None:
        """An error that is none of the domain's is logged, answered with 451 and survived."""
        self.script.faults["stat"] = RuntimeError("not expected")
        self.assertEqual(self.codes("CWD d", "NOOP"), [451, 200])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class QueueTests(ServerCase):
    """What waits while a command takes time."""

    def test_commands_wait(self) -> None:
        """Commands run one after another, in the order they came."""
        ready = self.script.hold("make_directory")
        self.assertEqual(self.codes("MKD a", "PWD", "NOOP"), [])
        ready.callback(None)
        self.client.settle()
        self.assertEqual(codes(self.client.replies()), [257, 257, 200])

    def test_noop_waits_for_other_commands(self) -> None:
        """Only in a transfer do commands act at once; ABOR waits for a command that it cannot end."""
        ready = self.script.hold("make_directory")
        self.assertEqual(self.codes("MKD a", "NOOP", "STAT", "ABOR"), [])
        ready.callback(None)
        self.client.settle()
        self.assertEqual(codes(self.client.replies()), [257, 200, 211, 225])

    def test_reading_pauses(self) -> None:
        """CP16: while many commands wait no more is read."""
        ready = self.script.hold("make_directory")
        self.client.send(b"MKD a\r\n" + b"NOOP\r\n" * 100_000)
        self.assertEqual(self.client.transport.producerState, "paused")
        self.assertGreater(self.client.unread, 460_000)
        ready.callback(None)
        while self.client.unread:
            self.client.settle()
        self.client.settle()
        self.assertEqual(codes(self.client.replies()), [257] + [200] * 100_000)

    def test_fast_pipeline_is_bounded(self) -> None:
        """CP16: no more is read than is run in a turn, though the peer reads its replies."""
        self.client.send(b"NOOP\r\n" * 100_000)
        self.assertGreater(self.client.unread, 400_000)
        self.assertEqual(self.client.transport.producerState, "paused")

    def test_peer_that_does_not_read(self) -> None:
        """CP16: while replies are not read, no command runs and nothing is read; afterwards all goes on."""
        self.client.stop_reading()
        self.client.send(b"FEAT\r\n" * 100)
        self.client.settle()
        self.assertEqual(self.client.transport.value(), b"")
        self.assertEqual(self.client.transport.producerState, "paused")
        self.client.resume_reading()
        self.assertEqual(codes(self.client.replies()), [211] * 100)
        self.assertEqual(self.client.transport.producerState, "producing")

    def test_peer_that_never_reads(self) -> None:
        """CP16: a client that never reads is cut off."""
        self.client.stop_reading()
        self.client.send(b"FEAT\r\n" * 100)
        self.server.clock.advance(300)
        self.server.clock.advance(10)
        self.client.settle()
        self.assertTrue(self.client.closed)


class TimeTests(ServerCase):
    """Idle sessions and slow logins."""

    def test_idle(self) -> None:
        """A session that asks nothing for long gets 421; each command begins the time anew."""
        self.server.clock.advance(200)
        self.assertEqual(self.codes("NOOP"), [200])
        self.server.clock.advance(299)
        self.assertEqual(self.codes("NOOP"), [200])
        self.server.clock.advance(300)
        self.client.settle()
        self.assertEqual(codes(self.client.replies()), [421])
        self.assertTrue(self.client.closed)

    def test_transfer_is_not_idle(self) -> None:
        """A session in a transfer is not idle, and the time begins when it ends."""
        _, peer = self.client.begin("STOR a")
        for _ in range(100):
            peer.send(b"x" * 10_000)
            self.server.clock.advance(10)
        peer.end()
        self.client.settle()
        self.server.clock.advance(0.1)
        self.assertEqual(codes(self.client.replies()), [226])
        self.server.clock.advance(299)
        self.client.settle()
        self.assertEqual(self.codes("NOOP"), [200])

    def test_login_timeout(self) -> None:
        """AU21: who has not logged in gets 421, whatever they send meanwhile."""
        client = self.server.connect()
        client.replies()
        for _ in range(29):
            self.server.clock.advance(1)
            client.command("NOOP")
            client.send(b"x")
            client.send(b"\r\n")
            client.replies()
        self.assertFalse(client.closed)
        self.server.clock.advance(1)
        client.settle()
        self.assertEqual((codes(client.replies()), client.closed), ([421], True))
        self.assertEqual(self.codes("NOOP"), [200])

    def test_login_timeout_during_login(self) -> None:
        """AU21: the time of a login counts as well as the delay of a failed one."""
        client = self.server.connect()
        client.command("USER alice")
        self.server.clock.advance(29.5)
        client.command("PASS wrong")
        self.server.clock.advance(0.5)
        client.settle()
        self.assertEqual((codes(client.replies()), client.closed), ([421], True))
        self.server.clock.advance(20)

    def test_reader_that_stops_in_transfer(self) -> None:
        """A client that does not read is idle, a transfer or not."""
        self.client.begin("STOR a")
        self.client.stop_reading()
        self.server.clock.advance(150)
        self.server.clock.advance(150)
        self.server.clock.advance(300)
        self.server.clock.advance(10)
        self.client.settle()
        self.assertTrue(self.client.closed)

    def test_quit(self) -> None:
        """CP17: nothing runs behind QUIT, and no timer is left."""
        self.put("a")
        self.assertEqual(self.codes("QUIT", "DELE a"), [221])
        self.client.command("DELE a")
        self.assertTrue(self.client.closed)
        self.assertEqual((self.names(), self.server.clock.getDelayedCalls()), (["a"], []))

    def test_quit_and_never_read(self) -> None:
        """A client that does not read the last reply is cut off after a while."""
        self.client.send(b"QUIT\r\n")
        self.client.stop_reading()
        self.server.clock.advance(10)
        self.client.settle()
        self.assertTrue(self.client.transport.aborted and self.client.closed)

    def test_producer_of_a_transport_that_stops(self) -> None:
        """A transport may tell that it is lost by stopProducing; nothing happens until it is."""
        protocol: Any = self.client._protocol
        protocol.stopProducing()
        self.assertEqual(self.codes("NOOP"), [200])
