"""The control connection: transfers under way and what ends them."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed

from tests.server.doubles import ServerCase, codes


class TransferTests(ServerCase):
    """Commands while a transfer runs."""

    def setUp(self) -> None:
        """Put a file."""
        super().setUp()
        self.put("a", b"x" * 1000)

    def begin_slowly(self, command: str = "RETR a") -> Any:
        """Begin a transfer whose peer takes nothing yet."""
        self.client.command("EPSV")
        peer = self.client.last_port.accept()
        peer.take(0)
        self.assertEqual(self.codes(command), [150])
        return peer

    def test_noop_and_stat(self) -> None:
        """NOOP and STAT act at once; STAT tells how far the transfer is."""
        peer = self.begin_slowly()
        peer.take(300)
        self.assertEqual(self.codes("NOOP"), [200])
        self.assertIn("300 of 1000 octets so far", self.texts("STAT"))
        peer.take(None)
        self.assertEqual(codes(self.client.replies()), [226])
        self.assertNotIn("octets so far", self.texts("STAT"))

    def test_others_are_deferred(self) -> None:
        """DC24: other commands wait for the end, and so does what stands behind them."""
        peer = self.begin_slowly()
        self.assertEqual(self.codes("NOOP", "PWD", "NOOP", "STAT a", "XYZZY", "\0", "EPSV"), [200])
        peer.take(None)
        self.client.settle()
        self.assertEqual(codes(self.client.replies()), [226, 257, 200, 213, 500, 500, 229])

    def test_second_transfer(self) -> None:
        """DC24: a second transfer waits, and its data are its own."""
        peer = self.begin_slowly()
        self.assertEqual(self.codes("EPSV", "RETR a"), [])
        peer.take(None)
        self.client.settle()
        self.assertEqual(codes(self.client.replies()), [226, 229])
        other = self.client.last_port.accept()
        self.client.settle()
        self.assertEqual(codes(self.client.replies()), [150, 226])
        self.assertEqual((peer.sent, other.sent), (b"x" * 1000, b"x" * 1000))

    def test_quit(self) -> None:
        """DC24: QUIT is answered at once and lets the transfer end; what follows is dropped."""
        peer = self.begin_slowly()
        self.assertEqual(self.codes("QUIT", "DELE a"), [221])
        self.assertFalse(self.client.closed)
        self.client.command("DELE a")
        peer.take(None)
        self.client.settle()
        self.assertEqual(codes(self.client.replies()), [226])
        self.assertTrue(peer.complete and self.client.closed)
        self.assertEqual(self.names(), ["a"])

    def test_user_in_transfer(self) -> None:
        """AU12, AU14: USER and REIN wait until the transfer is over."""
        peer = self.begin_slowly()
        self.assertEqual(self.codes("REIN", "USER v"), [])
        peer.take(None)
        self.client.settle()
        self.assertEqual(codes(self.client.replies()), [226, 220, 331])

    def test_abort(self) -> None:
        """DC21: ABOR ends the transfer at once: 426, then 226; the peer sees no clean end."""
        peer = self.begin_slowly()
        self.assertEqual(self.codes("ABOR"), [426, 226])
        self.assertTrue(peer.closed and not peer.complete)
        self.assertEqual(self.codes("NOOP"), [200])

    def test_urgent_abort(self) -> None:
        """DC21, CP12: ABOR behind Telnet's IP and Synch is ABOR."""
        self.begin_slowly()
        self.client.send(b"\xff\xf4\xff")
        self.client.send(b"\xf2ABOR\r\n")
        self.assertEqual(codes(self.client.replies()), [426, 226])

    def test_abort_behind_other_commands(self) -> None:
        """ABOR ends the transfer though others stand before it, and replies stay in order."""
        self.begin_slowly()
        self.assertEqual(self.codes("PWD", "\0", "ABOR"), [426, 257, 500, 226])

    def test_abort_of_the_next_transfer(self) -> None:
        """An ABOR behind another transfer is for that one."""
        peer = self.begin_slowly()
        self.assertEqual(self.codes("EPSV", "RETR a", "ABOR"), [])
        peer.take(None)
        self.client.settle()
        self.assertEqual(codes(self.client.replies()), [226, 229, 426, 226])
        self.assertEqual(peer.sent, b"x" * 1000)

    def test_abort_while_waiting_for_the_peer(self) -> None:
        """ABOR ends a transfer whose data connection never came about."""
        self.assertEqual(self.codes("EPSV", "RETR a"), [229])
        self.assertEqual(self.codes("ABOR"), [426, 226])
        self.assertTrue(self.client.last_port.closed)

    def test_storm(self) -> None:
        """DC22: 1,000 times PASV, RETR, ABOR in one go have all their replies and leave nothing open."""
        replies = self.client.command(*(["PASV", "RETR a", "ABOR"] * 1000))
        self.assertEqual(codes(replies), [227, 426, 226] * 1000)
        self.assertEqual([port for port in self.server.data.ports if not port.closed], [])
        self.assertEqual(self.script.done.count("close"), 1000)
        self.assertEqual(len(self.server.clock.getDelayedCalls()), 1)

    def test_abort_idle(self) -> None:
        """DC23: ABOR without a transfer is 226, and closes the data port."""
        self.client.command("EPSV")
        self.assertEqual(self.codes("ABOR"), [225])
        self.assertTrue(self.client.last_port.closed)

    def test_abort_in_commit(self) -> None:
        """What is just being published is published, and ABOR waits for it without burning time."""
        ready = self.script.hold("commit")
        self.assertEqual(codes(self.client.store("STOR b", b"new")), [150])
        self.client.send(b"ABOR\r\n")
        due = [call for call in self.server.clock.getDelayedCalls() if call.getTime() <= self.server.clock.seconds()]
        self.assertEqual((codes(self.client.replies()), due), ([], []))
        ready.callback(None)
        self.client.settle()
        self.assertEqual(codes(self.client.replies()), [226, 225])
        self.assertEqual(self.get("b"), b"new")

    def test_abort_of_copy(self) -> None:
        """ABOR ends a copy too."""
        self.script.hold("copy")
        self.assertEqual(self.codes("SITE CPFR a", "SITE CPTO b", "ABOR"), [350, 426, 226])


class LossTests(ServerCase):
    """The control connection is lost."""

    def setUp(self) -> None:
        """Put a file."""
        super().setUp()
        self.put("a", b"old")

    def test_in_upload(self) -> None:
        """DC19, CR01: the upload ends, nothing is published and the old file is whole."""
        for command, name in (("APPE a", "a"), ("STOR a", "a"), ("STOR b", "b")):
            client = self.server.connect("192.0.2.1")
            client.login()
            _, peer = client.begin(command)
            peer.send(b"new content")
            client.lose()
            self.server.clock.advance(1)
            self.assertTrue(peer.closed, name)
        self.assertEqual((self.get("a"), self.names()), (b"old", ["a"]))
        self.assertEqual(self.script.done.count("abort"), 3)

    def test_client_dies(self) -> None:
        """CR01: data ended and control lost in the same turn is a client that died: nothing is published."""
        _, peer = self.client.begin("STOR a")
        peer.send(b"ne")
        peer.end()
        self.client.lose()
        self.server.clock.advance(1)
        self.assertEqual((self.get("a"), self.names()), (b"old", ["a"]))
        self.assertNotIn("commit", self.script.done)

    def test_client_dies_and_the_reactor_is_late(self) -> None:
        """CR01: calls that are due run before descriptors are looked at; one round of them publishes nothing yet."""
        _, peer = self.client.begin("STOR a")
        peer.send(b"ne")
        peer.end()
        clock = self.server.clock
        due: list[Any] = [call for call in clock.getDelayedCalls() if call.getTime() <= clock.seconds()]
        for call in due:
            clock.calls.remove(call)
            call.called = 1
            call.func(*call.args, **call.kw)
        self.client.lose()
        clock.advance(1)
        self.assertEqual((self.get("a"), self.names()), (b"old", ["a"]))

    def test_client_dies_slowly(self) -> None:
        """CR01: the longer an upload took, the longer its client may take to die; a tenth of a second at most."""
        for seconds, doubt in ((1, 1 / 64), (100, 0.1)):
            client = self.server.connect()
            client.login()
            _, peer = client.begin("STOR b")
            for _ in range(seconds):
                peer.send(b"x" * 10_000)
                self.server.clock.advance(1)
            peer.end()
            client.settle()
            self.server.clock.advance(doubt - 0.01)
            client.lose()
            self.server.clock.advance(1)
            self.assertNotIn("b", self.names())

    def test_client_dies_control_first(self) -> None:
        """CR01: and so it is when the end of the control connection is seen first."""
        _, peer = self.client.begin("STOR a")
        peer.send(b"ne")
        self.client.lose()
        peer.end()
        self.server.clock.advance(1)
        self.assertEqual(self.get("a"), b"old")

    def test_in_commit(self) -> None:
        """What is just being published is finished, and then the login ends."""
        ready = self.script.hold("commit")
        self.client.store("STOR a", b"new")
        self.client.lose()
        self.assertIsNotNone(self._protocol().session.state.account)
        ready.callback(None)
        self.server.clock.advance(1)
        self.assertEqual(self.get("a"), b"new")
        self.assertIsNone(self._protocol().session.state.account)

    def _protocol(self) -> Any:
        return self.client._protocol

    def test_in_download(self) -> None:
        """A download ends and the file is closed."""
        self.client.command("EPSV")
        peer = self.client.last_port.accept()
        peer.take(0)
        self.client.command("RETR a")
        self.client.lose()
        self.assertTrue(peer.closed)
        self.assertIn("close", self.script.done)

    def test_before_data_connection(self) -> None:
        """A data port that nobody connected to is closed, wanted or not."""
        self.client.command("EPSV")
        self.client.lose()
        self.assertTrue(self.client.last_port.closed)
        other = self.server.connect()
        other.login()
        other.command("EPSV", "RETR a")
        other.lose()
        self.assertTrue(self.client.last_port.closed)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_nothing_is_said_afterwards(self) -> None:
        """Nothing is written to a connection that is lost."""
        ready = self.script.hold("make_directory")
        self.client.command("MKD b", "PWD")
        self.client.lose()
        ready.callback(None)
        self.server.clock.advance(1)
        self.assertEqual(self.client.transport.value(), b"")

    def test_commands_that_wait_are_dropped(self) -> None:
        """Commands behind the one that runs never run."""
        self.script.hold("make_directory")
        self.client.command("MKD b", "DELE a")
        self.client.lose()
        self.server.clock.advance(1)
        self.assertEqual(self.names(), ["a"])

    def test_in_long_status(self) -> None:
        """RS15: STAT of a directory waits for a peer that does not read, and ends with the connection."""
        for number in range(2500):
            self.put(f"f{number}")
        held = self.script.hold("page")
        self.client.send(b"STAT\r\nSTAT .\r\n")
        self.client.stop_reading()
        held.callback(None)
        before = len(self.client.transport.value())
        self.server.clock.advance(1)
        self.assertEqual(len(self.client.transport.value()), before)
        self.client.lose()
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_long_status_goes_on(self) -> None:
        """RS15: STAT of a directory goes on when the peer reads again, and is one well-formed reply."""
        for number in range(2500):
            self.put(f"f{number}")
        held = self.script.hold("page")
        self.client.send(b"STAT .\r\n")
        self.client.stop_reading()
        held.callback(None)
        self.client.resume_reading()
        replies = self.client.replies()
        self.assertEqual((codes(replies), len(replies[0].lines)), ([213], 2503))

    def test_close_in_long_status(self) -> None:
        """A session that is cut off in a long reply drops it."""
        for number in range(2500):
            self.put(f"f{number}")
        held = self.script.hold("page")
        self.client.send(b"STAT .\r\n")
        self.client.stop_reading()
        held.callback(None)
        self.server.clock.advance(301)
        self.server.clock.advance(11)
        self.client.settle()
        self.assertTrue(self.client.transport.aborted and self.client.closed)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])


class CancelTests(ServerCase):
    """Commands that are ended."""

    def test_wait_that_does_not_end(self) -> None:
        """A command that was ended does not harm the next one when its wait is over after all."""
        self.put("a", b"x")
        held: Deferred[None] = self.script.hold("open_read")
        self.assertEqual(self.codes("EPSV", "RETR a", "ABOR", "PWD"), [229, 426, 226, 257])
        if not held.called:
            held.callback(None)
        self.script.waits["open_read"] = succeed(None)
        self.assertEqual(codes(self.client.fetch("RETR a")[0]), [150, 226])
