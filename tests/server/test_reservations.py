"""Tests of ftpx.server.reservations."""

from __future__ import annotations

from contextlib import AsyncExitStack

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import NoSpace
from ftpx.interfaces import IStorage
from ftpx.server.reservations import Reservations
from ftpx.storage.memory import MemoryStorage


class ReservationsTests(SynchronousTestCase):
    """Room for uploads under way."""

    def setUp(self) -> None:
        """A storage of 100 octets."""
        self.storage: IStorage = MemoryStorage(100)
        self.reservations = Reservations()

    async def _reserve(self, stack: AsyncExitStack, octets: int | None, moved: int = 0) -> None:
        await stack.enter_async_context(self.reservations.reserve(self.storage, (), octets, lambda: moved))

    def test_fits(self) -> None:
        """What fits is set aside for the time of the upload, less what has come of it."""

        async def scenario() -> None:
            async with AsyncExitStack() as stack:
                await self._reserve(stack, 60, moved=20)
                self.assertEqual(self.reservations.outstanding(), 40)
                await self._reserve(stack, 60)
                self.assertEqual(self.reservations.outstanding(), 100)
            self.assertEqual(self.reservations.outstanding(), 0)

        self.successResultOf(Deferred.fromCoroutine(scenario()))

    def test_too_much(self) -> None:
        """Two that fit one by one are not both begun, and the one that was refused takes no room."""

        async def scenario() -> None:
            async with AsyncExitStack() as stack:
                await self._reserve(stack, 60)
                with self.assertRaises(NoSpace):
                    await self._reserve(stack, 41)
                self.assertEqual(self.reservations.outstanding(), 60)
                await self._reserve(stack, 40)

        self.successResultOf(Deferred.fromCoroutine(scenario()))

    def test_more_than_announced(self) -> None:
        """An upload that is larger than it was announced takes nothing from others."""

        async def scenario() -> None:
            async with AsyncExitStack() as stack:
                await self._reserve(stack, 10, moved=20)
                self.assertEqual(self.reservations.outstanding(), 0)

        self.successResultOf(Deferred.fromCoroutine(scenario()))

    def test_unknown(self) -> None:
        """Where the size is not known, or the storage knows no bound, nothing is set aside."""

        async def scenario() -> None:
            async with AsyncExitStack() as stack:
                await self._reserve(stack, None)
                self.storage = MemoryStorage()
                await self._reserve(stack, 1000)
                self.assertEqual(self.reservations.outstanding(), 0)

        self.successResultOf(Deferred.fromCoroutine(scenario()))
