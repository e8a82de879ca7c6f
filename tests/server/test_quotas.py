"""Quotas, as clients meet them: the server, a metered storage in memory and a ledger in SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ftpx.interfaces import Direction, IAllowance, IStorage, ITransferAllowance
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.metered import MeteredStorage
from ftpx.storage.usage import usage
from ftpx.testing.data import MemoryPeer
from ftpx.testing.server import ServerHarness
from ftpx.wire.replies import Reply
from tests.server.doubles import codes
from tests.storage.directories import new_directory
from tests.storage.metered_case import new_books

_MIB = 1024 * 1024
_QUOTA = 10 * _MIB


class _QuotaCase(SynchronousTestCase):
    """Alice may store 10 MiB in 5 files."""

    limit: ClassVar[int | None] = None

    def setUp(self) -> None:
        """Log her in."""
        super().setUp()
        self.books = new_books(new_directory(self), Clock())
        self.addCleanup(self.books.engine.dispose)
        self.books.limit(_QUOTA, files=5)
        self.inner = MemoryStorage(self.limit)
        self.server = ServerHarness(self.make_storage())
        self.server.login()
        self.server.command("TYPE I")

    def make_storage(self) -> IStorage:
        """The metered storage."""
        return MeteredStorage(self.inner, self.books.quotas, "tests")

    def tearDown(self) -> None:
        """RS09: the ledger is what a count finds, whatever was done."""
        counted = self.successResultOf(_done(usage(self.inner, (), ["alice"])))
        self.assertEqual(self.books.used(), counted)
        self.assertFalse(self.books.recount_due())

    def codes(self, *commands: str) -> list[int]:
        """The codes of the replies."""
        return codes(self.server.command(*commands))

    def texts(self, *commands: str) -> list[str]:
        """The first lines of the replies."""
        return [reply.lines[0] for reply in self.server.command(*commands)]

    def store(self, command: str, octets: int) -> list[int]:
        """The codes of an upload."""
        return codes(self.server.store(command, bytes(octets)))

    def break_off(self, command: str, octets: int) -> list[int]:
        """An upload whose connection breaks when so much has come."""
        replies, peer = self.server.client.begin(command)
        peer.send(bytes(octets))
        peer.reset()
        self.server.client.settle()
        return codes([*replies, *self.server.client.replies()])

    def end(self, peer: MemoryPeer) -> list[int]:
        """The codes behind the end of an upload."""
        peer.end()
        self.server.client.settle()
        return codes(self.server.client.replies())

    def used(self) -> tuple[int, int]:
        """What the ledger says."""
        return self.books.used()


class UploadTests(_QuotaCase):
    """What is stored."""

    def test_rs08_in_flight(self) -> None:
        """RS08: a file of 100 MiB ends at the limit, with 552, and leaves nothing."""
        replies, peer = self.server.client.begin("STOR a")
        sent = 0
        while not replies[1:] and sent < 100 * _MIB:
            peer.send(bytes(_MIB))
            sent += _MIB
            replies += self.server.client.replies()
        self.assertEqual(codes(replies), [150, 552])
        self.assertLessEqual(sent, _QUOTA + 2 * _MIB)
        self.assertIn("The quota of user alice is", replies[1].lines[0])
        self.assertEqual((self.used(), self.books.under_way(), self.codes("SIZE a")), ((0, 0), 0, [550]))

    def test_to_the_last_octet(self) -> None:
        """A file that just fits is stored, one octet more is not."""
        self.assertEqual(self.store("STOR a", _QUOTA), [150, 226])
        self.assertEqual(self.store("STOR b", 1), [150, 552])
        self.assertEqual(self.store("STOR b", 0), [150, 226])
        self.assertEqual(self.used(), (_QUOTA, 2))

    def test_announced(self) -> None:
        """What is known to be too large is refused before its first octet; a part that was kept stays."""
        self.break_off("STOR a", 3 * _MIB)
        for command in (f"ALLO {_QUOTA + 1}", f"SITE EXPECT SIZE {_QUOTA + 1}"):
            self.server.command(command, f"REST {3 * _MIB}")
            self.assertEqual(self.store("STOR a", 5), [552])
        self.assertEqual((self.texts("SIZE a"), self.used()), ([str(3 * _MIB)], (3 * _MIB, 0)))
        self.server.command(f"ALLO {_QUOTA - 3 * _MIB}")
        self.assertEqual(self.store("STOR b", _QUOTA - 3 * _MIB), [150, 226])

    def test_two_announced(self) -> None:
        """Of two that fit one by one, and not together, the second is refused."""
        self.server.command(f"ALLO {6 * _MIB}")
        self.server.client.begin("STOR a")
        other = self.server.connect()
        other.login("alice", "secret")
        other.command("TYPE I", f"ALLO {6 * _MIB}")
        self.assertEqual(codes(other.store("STOR b", b"x")), [552])
        self.assertEqual(codes(self.server.command("ABOR"))[-1], 226)

    def test_rs09_overwritten(self) -> None:
        """RS09: a file takes the place of one that is as large, though both do not fit."""
        self.assertEqual(self.store("STOR a", 6 * _MIB), [150, 226])
        self.assertEqual(self.store("STOR a", 6 * _MIB), [150, 226])
        self.assertEqual(self.store("STOR a", _QUOTA), [150, 226])
        self.assertEqual(self.store("STOR a", _QUOTA + 1), [150, 552])
        self.assertEqual(self.used(), (_QUOTA, 1))
        self.assertEqual(self.store("STOR a", 5), [150, 226])
        self.assertEqual(self.used(), (5, 1))

    def test_rs09_two_over_one(self) -> None:
        """RS09: only one of two uploads counts on the room of the file that both replace."""
        self.store("STOR a", 8 * _MIB)
        _, peer = self.server.client.begin("STOR a")
        peer.send(bytes(7 * _MIB))
        other = self.server.connect()
        other.login("alice", "secret")
        other.command("TYPE I")
        self.assertEqual(codes(other.store("STOR a", bytes(7 * _MIB))), [150, 552])
        self.assertEqual(self.end(peer), [226])
        self.assertEqual(self.used(), (7 * _MIB, 1))

    def test_rs09_replaced_and_removed(self) -> None:
        """RS09: who counts on a file that somebody has removed meanwhile finds that there is no room."""
        self.store("STOR a", 8 * _MIB)
        _, peer = self.server.client.begin("STOR a")
        peer.send(bytes(8 * _MIB))
        other = self.server.connect()
        other.login("alice", "secret")
        other.command("TYPE I", "RNFR a", "RNTO b")
        self.assertEqual(self.end(peer), [552])
        self.assertEqual((self.used(), self.codes("SIZE a", "SIZE b")), ((8 * _MIB, 1), [550, 213]))

    def test_rs09_appended(self) -> None:
        """RS09: what is appended counts, and what it is appended to only once."""
        self.store("STOR a", 6 * _MIB)
        self.assertEqual(self.store("APPE a", 4 * _MIB), [150, 226])
        self.assertEqual(self.store("APPE a", 1), [150, 552])
        self.assertEqual(self.used(), (_QUOTA, 1))

    def test_rs09_restarted(self) -> None:
        """RS09: REST keeps the beginning and cuts off what is behind it; beyond the end there is no hole."""
        self.store("STOR a", 6 * _MIB)
        self.server.command(f"REST {_MIB}")
        self.assertEqual(self.store("STOR a", _MIB), [150, 226])
        self.assertEqual(self.used(), (2 * _MIB, 1))
        self.server.command(f"REST {9 * _MIB}")
        self.assertEqual(self.store("STOR a", 1), [554])
        self.server.command("REST 0")
        self.assertEqual(self.store("STOR a", 7), [150, 226])
        self.assertEqual(self.used(), (7, 1))

    def test_rs09_unique(self) -> None:
        """RS09: each STOU is a file of its own."""
        for _ in range(5):
            self.assertEqual(self.store("STOU", 10), [150, 226])
        self.assertEqual(self.store("STOU", 10), [552])
        self.assertEqual(self.used(), (50, 5))

    def test_rs09_failed(self) -> None:
        """RS09: what fails leaves the old file, and what was kept is gone with it."""
        self.store("STOR a", _MIB)
        self.server.command("SITE EXPECT SHA-256 " + "0" * 64)
        self.assertEqual(self.store("STOR a", 10), [150, 550])
        self.assertEqual(self.used(), (_MIB, 1))

    def test_kept(self) -> None:
        """What is kept of a broken upload takes room, until it is continued, replaced or thrown away."""
        self.assertEqual(self.break_off("STOR a", 6 * _MIB), [150, 426])
        self.assertEqual(self.used(), (6 * _MIB, 0))
        self.assertEqual(self.store("STOR b", 5 * _MIB), [150, 552])
        self.assertEqual(self.store("APPE a", 4 * _MIB), [150, 226])
        self.assertEqual(self.used(), (_QUOTA, 1))
        self.assertEqual(self.codes("DELE a"), [250])
        self.break_off("STOR a", 6 * _MIB)
        self.assertEqual(self.store("STOR a", 8 * _MIB), [150, 226])
        self.assertEqual(self.used(), (8 * _MIB, 1))
        self.break_off("STOR b", _MIB)
        self.assertEqual(self.codes("DELE b"), [250])
        self.assertEqual(self.used(), (8 * _MIB, 1))

    def test_kept_in_parts(self) -> None:
        """What breaks off again and again counts as what there is."""
        for part in range(4):
            self.server.command(f"REST {part * _MIB}")
            self.assertEqual(self.break_off("STOR a", _MIB), [150, 426])
            self.assertEqual(self.used(), ((part + 1) * _MIB, 0))
        self.server.command("REST 10")
        self.assertEqual(self.store("STOR a", 5), [150, 226])
        self.assertEqual(self.used(), (15, 1))

    def test_not_kept(self) -> None:
        """What there is no room to keep is thrown away: it counted on that of the old file, which still stands."""
        self.store("STOR a", 8 * _MIB)
        self.assertEqual(self.break_off("STOR a", 8 * _MIB), [150, 426])
        self.assertEqual(self.used(), (8 * _MIB, 1))

    def test_translated(self) -> None:
        """In ASCII what counts is what is stored."""
        self.server.command("TYPE A")
        self.assertEqual(codes(self.server.store("STOR a", b"x\r\n" * (4 * _MIB))), [150, 226])
        self.assertEqual(self.used()[0], 8 * _MIB)
        self.assertEqual(codes(self.server.store("STOR b", b"xyz\r\n" * _MIB)), [150, 552])

    def test_largest_file(self) -> None:
        """A file can be too large, however much room there is."""
        self.books.largest = 100
        self.assertEqual(self.store("STOR a", 100), [150, 226])
        replies = self.server.store("APPE a", b"x")
        self.assertEqual(replies[1], Reply(552, "A file may have 100 octets at most."))
        self.server.command("ALLO 101")
        self.assertEqual(self.store("STOR b", 5), [552])

    def test_limited_meanwhile(self) -> None:
        """A quota that comes while an upload is under way counts for it when it is published."""
        limits, self.books.limits = self.books.limits, []
        _, peer = self.server.client.begin("STOR a")
        peer.send(bytes(5))
        self.books.limits = limits
        self.assertEqual((self.end(peer), self.used()), ([226], (5, 1)))
        self.books.limits = []
        _, peer = self.server.client.begin("STOR b")
        peer.send(bytes(_QUOTA))
        self.books.limits = limits
        self.assertEqual((self.end(peer), self.used()), ([552], (5, 1)))


class ChangeTests(_QuotaCase):
    """What is changed otherwise."""

    def test_rs09_removed(self) -> None:
        """RS09: DELE gives room back."""
        self.store("STOR a", _QUOTA)
        self.assertEqual(self.codes("DELE a", "DELE a"), [250, 550])
        self.assertEqual(self.used(), (0, 0))
        self.assertEqual(self.store("STOR b", _QUOTA), [150, 226])

    def test_rs09_renamed_over(self) -> None:
        """RS09: RNTO over a file gives back that one's."""
        self.store("STOR a", 3)
        self.store("STOR b", 5)
        self.assertEqual(self.codes("RNFR a", "RNTO b"), [350, 250])
        self.assertEqual(self.used(), (3, 1))
        self.assertEqual(self.codes("RNFR b", "RNTO b", "RNFR b", "RNTO c/d"), [350, 250, 350, 550])
        self.assertEqual(self.used(), (3, 1))

    def test_rs09_directories(self) -> None:
        """RS09: a directory that moves changes nothing; it does not count."""
        self.server.command("MKD d")
        self.store("STOR d/a", 5)
        self.assertEqual(self.codes("RNFR d", "RNTO e", "DELE e/a", "RMD e"), [350, 250, 250, 250])
        self.assertEqual(self.used(), (0, 0))

    def test_rs09_into_a_directory_that_moves(self) -> None:
        """RS09: an upload whose directory gets another name meanwhile still counts."""
        self.server.command("MKD d")
        _, peer = self.server.client.begin("STOR d/a")
        peer.send(bytes(5))
        other = self.server.connect()
        other.login("alice", "secret")
        other.command("RNFR d", "RNTO e")
        self.assertEqual(self.end(peer), [226])
        self.assertEqual((self.used(), self.books.recount_due()), ((5, 1), True))
        self.books.write(lambda connection: connection.exec_driver_sql("UPDATE balances SET recount_due = 0"))

    def test_rs09_copied(self) -> None:
        """RS09: SITE CPTO counts, and is refused if there is no room."""
        self.store("STOR a", 4 * _MIB)
        self.assertEqual(self.codes("SITE CPFR a", "SITE CPTO b", "SITE CPFR a", "SITE CPTO b"), [350, 250, 350, 250])
        self.assertEqual(self.used(), (8 * _MIB, 2))
        self.assertEqual(self.codes("SITE CPFR a", "SITE CPTO c"), [350, 552])
        self.assertEqual(self.codes("SITE CPFR a", "SITE CPTO d/c"), [350, 552])
        self.store("STOR b", 5)
        self.assertEqual(self.codes("SITE CPFR b", "SITE CPTO a", "SITE CPFR a", "SITE CPTO a"), [350, 250, 350, 250])
        self.assertEqual(self.used(), (10, 2))


class RoomTests(_QuotaCase):
    """What users are told."""

    def test_avbl(self) -> None:
        """AVBL tells what is left of the quota, where the storage itself has no end."""
        self.store("STOR a", _MIB)
        self.assertEqual(self.texts("AVBL"), [str(_QUOTA - _MIB)])
        self.assertIn(" AVBL", self.server.command("FEAT")[0].lines)

    def test_rs16_allo(self) -> None:
        """RS16: ALLO tells whether there is room, and sets nothing aside by itself."""
        self.store("STOR a", _MIB)
        self.assertEqual(self.texts(f"ALLO {_QUOTA}"), [f"Only {_QUOTA - _MIB} octets are left of the quota."])
        self.assertEqual(self.codes(*(["ALLO 5"] * 100)), [200] * 100)
        self.assertEqual(self.books.under_way(), 0)

    def test_unlimited(self) -> None:
        """Without any limit nothing need be allocated, and nobody knows of room."""
        self.books.limits = []
        self.assertEqual(self.codes("ALLO 5", "AVBL"), [202, 504])

    def test_no_allowance(self) -> None:
        """Whose account knows of no quotas is not told of any."""
        self.assertEqual(self.codes("SITE QUOTA"), [502])

    def test_site_quota(self) -> None:
        """SITE QUOTA tells all there are."""
        lines: list[str] = ["user alice: 5 of 10 octets stored"]

        @implementer(IAllowance)
        class Allowance:
            async def quota_lines(self) -> Sequence[str]:
                return lines

            async def begin_transfer(self, direction: Direction) -> ITransferAllowance:
                raise NotImplementedError

            def rates(self, direction: Direction) -> Sequence[tuple[str, int | None]]:
                return ()

        protocol: Any = self.server.client._protocol
        state = protocol.session.state
        state.account = attrs.evolve(state.account, allowance=Allowance())
        self.assertEqual(
            self.server.command("SITE QUOTA"), [Reply(211, "Quotas:", " user alice: 5 of 10 octets stored", "End")]
        )
        lines.clear()
        self.assertEqual(self.texts("SITE QUOTA"), ["There is no quota."])
        self.assertIn(" SITE QUOTA", self.server.command("FEAT")[0].lines)


class FullStorageTests(_QuotaCase):
    """The storage has less room than the quota."""

    limit = 1000

    def test_least(self) -> None:
        """What is least counts."""
        self.assertEqual(self.texts("AVBL", "ALLO 1001"), ["1000", "Only 1000 octets are free."])
        self.assertEqual(self.store("STOR a", 1001), [452])
        self.books.limit(600)
        self.assertEqual(self.texts("AVBL"), ["600"])


def _done(awaitable: Any) -> Any:
    return Deferred.fromCoroutine(awaitable)
