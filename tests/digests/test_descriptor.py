"""Descriptors for threads that nobody waits for any more."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from ftpx.digests.descriptor import HeldDescriptor
from ftpx.errors import StorageFailure
from tests.data.doubles import DescriptorSource, FullPool, HangingPool


def is_open(number: int) -> bool:
    """Whether a descriptor is one."""
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


class HeldDescriptorTests(SynchronousTestCase):
    """Whoever is last closes it."""

    def held(self, source: DescriptorSource) -> tuple[HeldDescriptor, int]:
        self.addCleanup(source.close)
        held = HeldDescriptor(source)
        with held.use() as number:
            self.assertNotEqual(number, source.fileno())
            self.assertTrue(os.path.samestat(os.fstat(number), os.fstat(source.fileno())))
        return held, number

    def test_released_when_idle(self) -> None:
        """It is closed in the file's pool, once."""
        pool = HangingPool()
        held, number = self.held(DescriptorSource(b"", pool))
        held.release()
        held.release()
        self.assertTrue(is_open(number))
        self.assertEqual(len(pool.calls), 1)
        pool.go_on()
        self.assertFalse(is_open(number))

    def test_released_while_used(self) -> None:
        """The thread that uses it closes it at its end."""
        pool = HangingPool()
        held, number = self.held(DescriptorSource(b"", pool))
        with held.use() as used:
            held.release()
            self.assertTrue(held.released)
            self.assertEqual((used, is_open(number)), (number, True))
        self.assertFalse(is_open(number))
        self.assertEqual(pool.calls, [])

    def test_used_after_release(self) -> None:
        """A call that begins too late gets no descriptor."""
        held, _ = self.held(DescriptorSource(b"", HangingPool()))
        held.release()
        with held.use() as number:
            self.assertEqual(number, -1)

    def test_full_pool(self) -> None:
        """A pool that takes no calls costs no descriptor."""
        held, number = self.held(DescriptorSource(b"", FullPool()))
        held.release()
        self.assertFalse(is_open(number))

    def test_closed_file(self) -> None:
        """An error is told as the storage has it."""
        source = DescriptorSource(b"")
        number = source.fileno()
        source.close()
        source.fileno = lambda: number  # type: ignore[method-assign]
        self.assertRaises(StorageFailure, HeldDescriptor, source)
