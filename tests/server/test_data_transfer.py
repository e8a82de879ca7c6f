"""What the operators and the client are told of transfers, over whole servers in memory."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from ftpx.errors import DigestMismatch, NoSpace, StorageFailure
from ftpx.interfaces import (
    Direction,
    TransferFailed,
    TransferFinished,
    TransferProgress,
    TransferStarted,
)
from ftpx.server.session import Session
from ftpx.testing.server import EPOCH, ServerHarness
from tests.ops.doubles import HOSTILE_NAME, Sink
from tests.server.doubles import ServerCase, codes

_STARTED_AND_FINISHED = [TransferStarted, TransferFinished]
_STARTED_AND_FAILED = [TransferStarted, TransferFailed]


class _Case(ServerCase):
    """A server whose operators are told everything."""

    def make_server(self) -> ServerHarness:
        """The server, with a timer that looks at transfers."""
        self.sink = Sink()
        server = ServerHarness(self.storage, sinks=[self.sink])
        server.services.transfers.start()
        self.addCleanup(server.services.transfers.stop)
        return server

    def setUp(self) -> None:
        """Put a file."""
        super().setUp()
        self.put("a", b"x" * 1000)
        protocol: Any = self.client._protocol
        self.session: Session = protocol.session

    def begin_slowly(self, command: str = "RETR a") -> Any:
        """Begin a transfer whose peer takes nothing yet."""
        self.client.command("EPSV")
        peer = self.client.last_port.accept()
        peer.take(0)
        self.assertEqual(self.codes(command), [150])
        self.addCleanup(self.leave)
        return peer

    def leave(self) -> None:
        """The client goes, if it is still there, and with it what is under way."""
        if not self.client.closed:
            self.client.lose()

    def failure(self) -> TransferFailed:
        """What was told of the only transfer, which failed."""
        self.assertEqual(self.sink.kinds, _STARTED_AND_FAILED)
        failure = self.sink.events[-1]
        assert isinstance(failure, TransferFailed)
        return failure


class OutcomeTests(_Case):
    """Events of transfers from their start to their end."""

    def test_download(self) -> None:
        """A download is finished when it is sent."""
        self.client.fetch("RETR a")
        self.assertEqual(self.sink.kinds, _STARTED_AND_FINISHED)
        finished = self.sink.events[-1]
        assert isinstance(finished, TransferFinished)
        facts = finished.transfer
        self.assertEqual(
            (facts.id, facts.user, facts.client, facts.verb, facts.direction, facts.path, facts.protected),
            (1, "alice", "127.0.0.1", "RETR", Direction.DOWNLOAD, ("a",), False),
        )
        self.assertEqual((facts.started, facts.size), (EPOCH, 1000))
        self.assertEqual((finished.octets, finished.size, finished.digest), (1000, None, None))

    def test_uploads(self) -> None:
        """Each kind of upload is told with its path, its octets and the size of what it has become."""
        for command, path, octets, stored in (
            ("STOR b", ("b",), 5, 5),
            ("APPE b", ("b",), 5, 10),
            ("STOU", ("ftpx.0001",), 5, 5),
        ):
            self.sink.events.clear()
            self.client.store(command, b"12345")
            self.assertEqual(self.sink.kinds, _STARTED_AND_FINISHED, command)
            finished = self.sink.events[-1]
            assert isinstance(finished, TransferFinished)
            facts = finished.transfer
            self.assertEqual((facts.verb, facts.direction), (command.split()[0], Direction.UPLOAD))
            self.assertEqual((facts.path, finished.octets, finished.size), (path, octets, stored))

    def test_part(self) -> None:
        """Behind REST the size is that of the part."""
        self.client.command("REST 400")
        self.client.fetch("RETR a")
        facts = self.sink.events[0].transfer
        self.assertEqual(facts.size, 600)

    def test_translated(self) -> None:
        """In ASCII nobody knows how many octets will go over the wire."""
        self.client.command("TYPE A")
        self.client.fetch("RETR a")
        self.assertEqual(self.sink.kinds, _STARTED_AND_FINISHED)
        self.assertIsNone(self.sink.events[0].transfer.size)

    def test_upload_ends_with_publishing(self) -> None:
        """An upload is not finished before its file has its name."""
        hold = self.script.hold("commit")
        self.assertEqual(codes(self.client.store("STOR b", b"12345")), [150])
        self.assertEqual(self.sink.kinds, [TransferStarted])
        self.assertIn("the data connection is closed; what came is being stored", self.texts("STAT").lower())
        hold.callback(None)
        self.client.settle()
        self.assertEqual(codes(self.client.replies()), [226])
        self.assertEqual(self.sink.kinds, _STARTED_AND_FINISHED)

    def test_upload_is_not_published(self) -> None:
        """An upload that is refused behind its last octet has failed."""
        for error, reason in (
            (NoSpace(), "storage full"),
            (DigestMismatch("wanted a, got b"), "digest mismatch"),
            (StorageFailure(), "storage failed"),
            (ZeroDivisionError(), "server error"),
        ):
            self.sink.events.clear()
            self.script.faults["commit"] = error
            self.client.store("STOR b", b"12345")
            failure = self.failure()
            self.assertEqual((failure.reason, failure.octets), (reason, 5))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_storage_fails_under_way(self) -> None:
        """The same if it fails before."""
        self.script.faults["write"] = NoSpace("no room")
        self.client.store("STOR b", b"12345")
        self.assertEqual((self.failure().reason, self.failure().text), ("storage full", "no room"))

    def test_abort(self) -> None:
        """ABOR."""
        peer = self.begin_slowly()
        peer.take(300)
        self.assertEqual(self.codes("ABOR"), [426, 226])
        self.assertEqual((self.failure().reason, self.failure().octets), ("aborted", 300))

    def test_lost_data_connection(self) -> None:
        """The peer resets the data connection."""
        self.begin_slowly("STOR b").reset()
        self.client.settle()
        self.assertEqual(self.failure().reason, "connection lost")

    def test_lost_control_connection(self) -> None:
        """The client is gone."""
        self.begin_slowly("STOR b")
        self.client.lose()
        self.client.settle()
        self.assertEqual((self.failure().reason, self.failure().transfer.user), ("session ended", "alice"))

    def test_shutdown(self) -> None:
        """The server ends."""
        self.begin_slowly()
        self.server.factory.shut_down(1)
        self.server.clock.advance(1)
        self.assertEqual(self.sink.kinds[0::len(self.sink.kinds) - 1], _STARTED_AND_FAILED)  # fmt: skip
        failure = self.sink.events[-1]
        assert isinstance(failure, TransferFailed)
        self.assertEqual(failure.reason, "session ended")

    def test_stall(self) -> None:
        """The peer takes nothing for too long; there is progress of nothing until then."""
        self.begin_slowly()
        self.server.clock.pump([1] * 61)
        failure = self.sink.events[-1]
        assert isinstance(failure, TransferFailed)
        self.assertEqual((failure.reason, failure.seconds), ("stalled", 60.0))
        self.assertEqual(set(self.sink.kinds[1:-1]), {TransferProgress})

    def test_not_opened(self) -> None:
        """The client never connects: that is a transfer that failed, without octets and seconds."""
        self.client.command("EPSV")
        self.assertEqual(self.codes("RETR a"), [])
        self.assertIn("It waits for its data connection.", self.texts("STAT"))
        self.client.last_port.refuse()
        self.client.settle()
        self.assertEqual(codes(self.client.replies()), [425])
        failure = self.failure()
        self.assertEqual((failure.reason, failure.octets, failure.seconds), ("not opened", 0, 0.0))
        self.assertIsNone(self.session.transfer)

    def test_no_transfer(self) -> None:
        """What is refused before a data connection is wanted is no transfer, and uses no id."""
        for command in ("RETR missing", "STOR a/b", "RETR a\0b"):
            self.client.command("EPSV")
            self.assertGreaterEqual(self.codes(command)[-1], 500, command)
        self.assertEqual(self.codes("REST 2000", "RETR a"), [350, 554])
        self.assertEqual(self.sink.events, [])
        self.client.fetch("RETR a")
        self.assertEqual(self.sink.events[0].transfer.id, 1)

    def test_listings(self) -> None:
        """Listings are no transfers of files."""
        for command in ("LIST", "NLST", "MLSD"):
            self.client.fetch(command)
        self.assertEqual(self.sink.events, [])
        self.begin_slowly("LIST")
        self.assertIn("Listing under way: 0 octets so far.", self.texts("STAT"))

    def test_ids_are_the_servers(self) -> None:
        """Sessions share the count."""
        other = self.server.connect()
        other.login()
        for client in (self.client, other, self.client):
            client.fetch("RETR a")
        self.assertEqual([event.transfer.id for event in self.sink.events], [1, 1, 2, 2, 3, 3])

    def test_sink_fails(self) -> None:
        """A sink that raises harms no transfer, and is logged once."""
        self.sink.fault = ZeroDivisionError()
        for _ in range(2):
            self.assertEqual(codes(self.client.fetch("RETR a")[0]), [150, 226])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_log(self) -> None:
        """The log has a line for each transfer that is over, and none for what is under way."""
        logged = self.log()
        self.client.fetch("RETR a")
        self.begin_slowly("STOR b")
        self.server.services.journal.flush()
        self.assertEqual(
            [line for line in logged if line.startswith("transfer")],
            ['transfer 1 of alice from 127.0.0.1: download of "/a" finished: 1000 octets in 0.000 s, 0 octets/s'],
        )

    def test_hostile_names(self) -> None:
        """PH08: a name of any octets but NUL, CR and LF is one line of the log, and whole in the event."""
        name = "".join(letter for letter in HOSTILE_NAME if letter not in "\r\n\ud800/")
        logged = self.log()
        self.assertEqual(codes(self.client.store(f"STOR {name}", b"1")), [150, 226])
        self.server.services.journal.flush()
        lines = [line for line in logged if "transfer 1 " in line]
        self.assertEqual(len(lines), 1)
        self.assertTrue(lines[0].isprintable(), lines)
        self.assertEqual(self.sink.events[-1].transfer.path, (name,))


class OpenDataTests(_Case):
    """The contexts by themselves."""

    def test_nothing_asked(self) -> None:
        """A context in which no data connection was asked for is none."""
        with self.session.file_transfer("STOR", Direction.UPLOAD, ("b",)):
            self.assertIsNone(self.session.transfer)
        self.assertEqual(self.sink.events, [])

    def test_stored(self) -> None:
        """What was noted is told when the context is left, and not before."""

        async def work() -> None:
            with self.session.file_transfer("STOR", Direction.UPLOAD, ("b",), 77) as transfer:
                async with transfer.open_data("b"):
                    self.assertIs(self.session.transfer, transfer)
                transfer.stored(100, algorithm="SHA-256", digest="abc")
                self.assertEqual(self.sink.kinds, [TransferStarted])
                self.assertIs(self.session.transfer, transfer)

        self.client.command("EPSV")
        self.client.last_port.accept()
        self.successResultOf(Deferred.fromCoroutine(work()))
        self.assertIsNone(self.session.transfer)
        finished = self.sink.events[-1]
        assert isinstance(finished, TransferFinished)
        self.assertEqual(
            (finished.transfer.size, finished.size, finished.algorithm, finished.digest), (77, 100, "SHA-256", "abc")
        )

    def test_protected(self) -> None:
        """Whether the data connection speaks TLS is told."""

        async def work() -> None:
            with self.session.file_transfer("RETR", Direction.DOWNLOAD, ("a",)) as transfer:
                async with transfer.open_data("a"):
                    pass

        self.client.command("EPSV")
        self.client.last_port.accept()
        self.session.state.protected = True
        self.successResultOf(Deferred.fromCoroutine(work()))
        self.assertTrue(self.sink.events[0].transfer.protected)


class StatusTests(_Case):
    """STAT during a transfer."""

    def lines(self) -> list[str]:
        """The lines of STAT that are about the transfer."""
        return list(self.client.command("STAT")[-1].lines[4:-1])

    def test_progress(self) -> None:
        """Id, verb, path, octets of how many, share, rates and the time that is left."""
        peer = self.begin_slowly()
        self.assertEqual(
            self.lines(),
            [
                " Transfer 1: RETR /a",
                " 0 of 1000 octets so far, 0 %.",
                " 0 octets a second now, 0 on average.",
            ],
        )
        for _ in range(3):
            peer.take(100)
            self.server.clock.advance(1)
        self.assertEqual(
            self.lines(),
            [
                " Transfer 1: RETR /a",
                " 300 of 1000 octets so far, 30 %.",
                " 100 octets a second now, 100 on average; about 7 seconds left.",
            ],
        )
        for _ in range(10):
            self.server.clock.advance(1)
        self.assertEqual(self.lines()[2], " 0 octets a second now, 23 on average.")
        peer.take(None)
        self.client.settle()
        self.assertEqual(codes(self.client.replies()), [226])
        self.assertEqual(self.lines(), [])

    def test_upload(self) -> None:
        """Without a size there is neither a share nor an end."""
        peer = self.begin_slowly("STOR b")
        peer.send(b"x" * 50)
        self.server.clock.advance(2)
        self.assertEqual(
            self.lines(),
            [
                " Transfer 1: STOR /b",
                " 50 octets so far.",
                " 25 octets a second now, 25 on average.",
            ],
        )

    def test_empty_file(self) -> None:
        """All of nothing is there."""
        self.put("e")

        async def work() -> None:
            with self.session.file_transfer("RETR", Direction.DOWNLOAD, ("e",), 0) as transfer:
                async with transfer.open_data("e"):
                    self.assertIn(" 0 of 0 octets so far, 100 %.", self.lines())

        self.client.command("EPSV")
        self.client.last_port.accept()
        self.successResultOf(Deferred.fromCoroutine(work()))

    def test_hostile_name(self) -> None:
        """PH08: the path is told without control characters, and no line looks like the end of the reply."""
        self.put("211 End\x1b[31m", b"x")
        self.client.command("CWD /")
        self.begin_slowly("RETR 211 End\x1b[31m")
        self.assertEqual(self.lines()[0], " Transfer 1: RETR /211 End?[31m")

    def test_others(self) -> None:
        """IL05: nobody sees the transfers of others."""
        self.begin_slowly()
        other = self.server.connect()
        other.login()
        self.assertNotIn("Transfer", " ".join(other.command("STAT")[0].lines))
