"""Tests of ftpx.storage.filesystems.connections."""

# mypy: allow-untyped-calls

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import NotFound, StorageFailure, StorageUnavailable
from ftpx.storage.filesystems.connections import IDLE, MOST_CALLS, Connections
from ftpx.storage.filesystems.filesystem import Filesystem
from tests.storage.filesystems.fakes import Clock, FakeFilesystem, FakeFsspec, make_connections

__all__: list[str] = []


def _raise(error: Exception) -> None:
    raise error


class ConnectionsTests(SynchronousTestCase):
    """Which instance is used for what, and how long."""

    def setUp(self) -> None:
        """Up to two instances."""
        self.clock = Clock()
        self.fsspec = FakeFsspec()
        self.made: list[FakeFilesystem] = []
        self.connections = make_connections(self.make, self.clock)

    def make(self) -> Filesystem:
        """Make an instance."""
        self.made.append(FakeFilesystem(self.fsspec))
        return self.made[-1]

    def used(self, connections: Connections) -> Filesystem:
        """The instance that a call is given."""
        return connections.call(lambda filesystem: filesystem)

    def test_used_again(self) -> None:
        """One instance serves call after call."""
        self.assertIs(self.used(self.connections), self.used(self.connections))
        self.assertEqual(len(self.made), 1)

    def test_at_once(self) -> None:
        """Two calls at once have two instances; a third waits, and not for ever."""

        def third(_: Filesystem) -> None:
            # With each look at the clock, more time passes than anybody waits.
            self.clock.step = 100.0
            self.assertRaises(StorageUnavailable, self.used, self.connections)
            self.clock.step = 0.0

        self.connections.call(lambda first: self.connections.call(third))
        self.assertEqual(len(self.made), 2)

    def test_lease_keeps_its_instance(self) -> None:
        """A lease comes back to its instance; other calls get another as long as there may be one."""
        lease = self.connections.lease()
        mine = lease.call(lambda filesystem: filesystem)
        self.assertIsNot(self.used(self.connections), mine)
        self.assertIs(lease.call(lambda filesystem: filesystem), mine)
        lease.end()
        lease.end()
        self.assertRaises(StorageUnavailable, lease.call, lambda filesystem: filesystem)
        self.assertFalse(any(made.closed for made in self.made))

    def test_answers_keep_it(self) -> None:
        """An error that is an answer is of no consequence for the instance."""
        self.assertRaises(NotFound, self.connections.call, lambda _: _raise(FileNotFoundError()))
        self.used(self.connections)
        self.assertEqual(len(self.made), 1)

    def test_broken(self) -> None:
        """CR09: an instance that broke is closed and not used again."""
        for error, expected in ((EOFError(), StorageUnavailable), (OSError("Failure"), StorageFailure)):
            self.assertRaises(expected, self.connections.call, lambda _, error=error: _raise(error))
            self.assertTrue(self.made[-1].closed)
        self.assertIs(self.used(self.connections), self.made[2])

    def test_broken_with_a_file(self) -> None:
        """One that broke is closed when the last file on it is, and counts no more."""
        lease = self.connections.lease()
        self.assertRaises(StorageUnavailable, lease.call, lambda _: _raise(EOFError()))
        self.assertFalse(self.made[0].closed)
        self.assertIsNot(self.used(self.connections), self.made[0])
        lease.end()
        self.assertTrue(self.made[0].closed)

    def test_spoiled(self) -> None:
        """What was left in the middle is not used by anybody else."""
        self.connections.lease().end(spoiled=True)
        self.assertTrue(self.made[0].closed)
        self.assertIs(self.used(self.connections), self.made[1])

    def test_idle(self) -> None:
        """One that was not used for a while is asked whether it lives, and replaced if not."""
        self.used(self.connections)
        self.clock.now += IDLE + 1
        self.used(self.connections)
        self.assertEqual((self.fsspec.called, len(self.made)), (["info"], 1))
        self.clock.now += IDLE + 1
        self.fsspec.faults["info"] = EOFError()
        self.assertIs(self.used(self.connections), self.made[1])
        self.assertTrue(self.made[0].closed)

    def test_others_are_suspected(self) -> None:
        """When one breaks, the others are asked before they are used again."""
        lease = self.connections.lease()
        self.assertRaises(StorageUnavailable, self.connections.call, lambda _: _raise(EOFError()))
        lease.end()
        self.fsspec.faults["info"] = EOFError()
        self.used(self.connections)
        self.assertEqual([made.closed for made in self.made], [True, True, False])

    def test_old(self) -> None:
        """One that has made many calls is replaced."""
        for _ in range(MOST_CALLS + 1):
            self.used(self.connections)
        self.assertEqual([made.closed for made in self.made], [True, False])

    def test_cannot_be_made(self) -> None:
        """What cannot be made is tried again with the next call, and is no answer about a file."""
        connections = make_connections(lambda: _raise(FileNotFoundError("/secret/place")), self.clock)  # type: ignore[arg-type,return-value]  # raises
        for _ in range(5):
            error = self.assertRaises(StorageUnavailable, connections.call, lambda _: None)
            self.assertNotIn("secret", str(error))

    def test_close_fails(self) -> None:
        """An instance that cannot be closed is no trouble for who used it last."""
        self.used(self.connections)
        self.patch(self.made[0], "close", lambda: _raise(OSError("no")))
        self.connections.lease().end(spoiled=True)
        self.assertIs(self.used(self.connections), self.made[1])
