"""That this server lives, and the sessions and transfers that count against the limits of accounts."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

import attrs
from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ftpx.accounts.database import revision
from ftpx.accounts.database.connection import Database
from ftpx.accounts.database.presence import (
    Gone,
    Limit,
    LoginRate,
    Outdated,
    Server,
    SlotRow,
    Terms,
    beat,
    delete_slots,
    held_slots,
    other_servers,
    reap,
    remove_server,
    restore_slots,
    take_slot,
)
from ftpx.accounts.profile import Profile
from ftpx.accounts.refusals import LoginRefused, TooManySessions
from ftpx.accounts.sources import source_of
from ftpx.errors import FtpxError, TooManyTransfers

__all__ = ["BEAT", "LEASE", "Presence", "ProfileOutdated", "Slot", "this_machine"]

BEAT: Final = 3.0
"""Seconds between two signs of life of a server."""

LEASE: Final = 15.0
"""Seconds without a sign of life after which a server is taken for dead."""

_SESSION: Final = "session"
_TRANSFER: Final = "transfer"
# After so many beats, what is held is compared with what the table has, in any case.
_COMPARED_EVERY: Final = 10

_log = Logger()


def this_machine() -> str:
    """
    What differs for two processes if a process number of one means nothing to the other: the machine, when it was
    started, and the container. Reads a file.
    """
    facts = [socket.gethostname()]
    with suppress(OSError):
        facts.append(Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip())
        facts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(facts)


def _is_dead(pid: int) -> bool:
    """Whether no process of this machine has a number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


class ProfileOutdated(Exception):
    """Operators have changed something since the profile was read."""


class Slot:
    """A session or a transfer that was counted in."""

    def __init__(self, release: Callable[[], object]) -> None:
        self._release = release

    def release(self) -> None:
        """Count it out. Does not wait and does not raise; may be repeated."""
        release, self._release = self._release, _nothing
        release()


def _nothing() -> None:
    """Count out what was never counted in."""


@attrs.define
class _Seen:
    """The last beat of another server, and since when it is that, by our clock."""

    beat: int
    since: float


class Presence:
    """
    This server among those that share the accounts.

    It beats in the database, so that the others know that it lives, and looks whether they do. What a dead one held is
    free again. A server is never taken for dead because of a clock that is wrong, nor for the time in which the
    database could not be reached.

    :param mark_recount: has counted again what a dead server was changing; called in a transaction.
    :param reappeared: called when others have taken this server for dead while it was not, with what it held.
    """

    def __init__(
        self,
        database: Database,
        clock: IReactorTime,
        wall_clock: Callable[[], float],
        server: Server,
        *,
        new_id: Callable[[], str],
        mark_recount: Callable[[Connection, str], object],
        reappeared: Callable[[], object] = _nothing,
        is_dead: Callable[[int], bool] = _is_dead,
        own_pid: Callable[[], int] = os.getpid,
    ) -> None:
        self._database = database
        self._clock = clock
        self._wall_clock = wall_clock
        self.server = server
        self._new_id = new_id
        self._mark_recount = mark_recount
        self._reappeared = reappeared
        self._is_dead = is_dead
        self._own_pid = own_pid
        self._held: dict[str, SlotRow] = {}
        # What must not be in the table, as far as is known.
        self._doomed: set[str] = set()
        self._sweeping = False
        self._compare = False
        self._known = False
        self._seen: dict[str, _Seen] = {}
        self._last_look: float | None = None
        self._busy = False
        self._stopped = False
        self._numbers = count(1)
        self._beating = LoopingCall(self._begin_beat)
        self._beating.clock = clock

    # Life

    def start(self) -> None:
        """Begin to beat. This is when the number of the process is looked up, as a daemon has forked by now."""
        self.server = attrs.evolve(self.server, pid=self._own_pid())
        self._stopped = False
        self._beating.start(BEAT)

    async def stop(self) -> None:
        """Beat no more, and let others have what was held. Does not raise."""
        self._stopped = True
        if self._beating.running:
            self._beating.stop()
        try:
            await self._database.write(remove_server, self.server.id, self._mark_recount)
        except FtpxError as error:
            _log.warn("what this server held is free when its lease has ended: {reason}", reason=str(error))

    def _begin_beat(self) -> None:
        # A database that hangs must not gather beats.
        if not self._busy:
            Deferred.fromCoroutine(self._beat())

    async def _beat(self) -> None:
        """Beat, put right what differs, and look after the others. Does not raise."""
        self._busy = True
        try:
            await self._beat_once()
        except FtpxError:
            # It is tried again with the next beat; the database itself says that it cannot be reached.
            self._last_look = None
        except Exception:
            self._last_look = None
            _log.failure("this server cannot say that it lives")
        finally:
            self._busy = False

    async def _beat_once(self) -> None:
        before = dict(self._held)
        there = await self._database.write(beat, self.server)
        if self._stopped:
            return
        if not there and self._known:
            _log.warn("others have taken this server for dead; it is there again")
            self._compare = True
        if self._compare or next(self._numbers) % _COMPARED_EVERY == 0:
            await self._put_right(before)
        if not there and self._known:
            self._reappeared()
        self._known = True
        self._sweep()
        await self._look_at_others()

    async def _put_right(self, before: dict[str, SlotRow]) -> None:
        """Have in the table what is held and nothing else; ``before``: what was held before this beat."""
        there = await self._database.read(held_slots, self.server.id)
        # What is being taken at this moment is held already, and need not be in the table yet.
        self._doomed |= there - self._held.keys()
        missing = [slot for id, slot in before.items() if id in self._held and id not in there]
        if missing:
            await self._database.write(restore_slots, self.server, missing)
            # What was let go of meanwhile is there again, too.
            self._doomed |= {slot.id for slot in missing} - self._held.keys()
        self._compare = False

    async def _look_at_others(self) -> None:
        others = await self._database.read(other_servers, self.server.id)
        now = self._clock.seconds()
        if self._last_look is None or now - self._last_look > 2 * BEAT:
            # Nobody knows whether the others could beat meanwhile.
            self._seen.clear()
        self._last_look = now
        seen, self._seen = self._seen, {}
        for other in others:
            last = seen.get(other.id)
            if last is None or last.beat != other.beat:
                last = _Seen(other.beat, now)
            self._seen[other.id] = last
            gone = other.host == self.server.host and self._is_dead(other.pid)
            dead = gone or now - last.since >= LEASE
            if dead and await self._database.write(reap, other, self._mark_recount):
                _log.warn("the server of process {pid} on {host} is dead", pid=other.pid, host=other.host)

    # Slots

    async def admit(self, profile: Profile, address: str, number: int | None = None) -> Slot:
        """
        Count a session in, at the address of its client.

        :param number: of the revision in which the profile was read, if that is to be the present one.
        :raises ProfileOutdated: it is not.
        :raises TooManySessions: a limit of the user or of a group is reached.
        :raises LoginRefused: the user is not there any more.
        :raises StorageUnavailable: the accounts cannot be asked now.
        """
        limits = _limits(profile, "sessions")
        per_address, rate = profile.smallest("sessions_per_address"), profile.smallest("logins_per_minute")
        if per_address is not None:
            limits.append(Limit(per_address, same_address=True))
        per_minute = None if rate is None else LoginRate(rate, int(self._wall_clock() // 60))
        obstacle, slot = await self._take(_SESSION, profile, address, Terms(limits, per_minute, number))
        if isinstance(obstacle, Outdated):
            raise ProfileOutdated
        if obstacle is not None:
            raise _too_many(obstacle, profile)
        return slot

    async def begin_transfer(self, profile: Profile, address: str) -> Slot:
        """
        Count a transfer in.

        :raises TooManyTransfers: a limit of the user or of a group is reached.
        :raises StorageUnavailable: the accounts cannot be asked now.
        """
        obstacle, slot = await self._take(_TRANSFER, profile, address, Terms(_limits(profile, "transfers")))
        if obstacle is not None:
            raise TooManyTransfers
        return slot

    async def _take(
        self, kind: str, profile: Profile, address: str, terms: Terms
    ) -> tuple[Limit | LoginRate | Gone | Outdated | None, Slot]:
        if not terms.limits and terms.rate is None:
            present = terms.revision is None or terms.revision == await self._database.read(revision.current)
            return None if present else Outdated(), Slot(_nothing)
        row = SlotRow(self._new_id(), kind, profile.user.id, source_of(address))
        self._held[row.id] = row

        def discard(obstacle: object) -> None:
            """Nobody waits for the slot any more, and it was taken in the last moment."""
            self._doomed.add(row.id)
            self._sweep()

        try:
            obstacle = await self._database.write(take_slot, self.server, row, terms, discard=discard)
        except BaseException:
            del self._held[row.id]
            raise
        if obstacle is not None:
            del self._held[row.id]
        return obstacle, Slot(partial(self._let_go, row.id))

    def _let_go(self, id: str) -> None:
        if self._held.pop(id, None) is not None:
            self._doomed.add(id)
            self._sweep()

    def _sweep(self) -> None:
        """Take out of the table what is let go of; one transaction at a time, for all that has come together."""
        if self._doomed and not self._sweeping and not self._stopped:
            self._sweeping = True
            Deferred.fromCoroutine(self._sweep_all())

    async def _sweep_all(self) -> None:
        try:
            while self._doomed and not self._stopped:
                ids, self._doomed = self._doomed, set()
                try:
                    await self._database.write(delete_slots, ids)
                except Exception as error:
                    # The next beat tries again.
                    self._doomed |= ids
                    if not isinstance(error, FtpxError):
                        _log.failure("sessions that ended cannot be counted out")
                    break
        finally:
            self._sweeping = False


def _limits(profile: Profile, item: str) -> list[Limit]:
    """The limits for the user, and for the members of each group together."""
    own = getattr(profile.user.policy, item)
    limits = [] if own is None else [Limit(own)]
    for group in profile.groups:
        most = getattr(group.policy, item)
        if most is not None:
            limits.append(Limit(most, group.id))
    return limits


def _too_many(obstacle: Limit | LoginRate | Gone, profile: Profile) -> LoginRefused:
    name = profile.user.name
    if isinstance(obstacle, Gone):
        return LoginRefused(f"user {name} was deleted meanwhile")
    if isinstance(obstacle, LoginRate):
        text = f"Too many logins, {obstacle.most} in a minute are allowed; try again in a minute."
        return TooManySessions(text, f"logins-per-minute {obstacle.most} of user {name}")
    if obstacle.same_address:
        text = f"Too many sessions from your address, {obstacle.most} at once are allowed; try again later."
        return TooManySessions(text, f"sessions-per-address {obstacle.most} of user {name}")
    whose = next((f"group {group.name}" for group in profile.groups if group.id == obstacle.group_id), f"user {name}")
    text = f"Too many sessions of {whose}, {obstacle.most} at once are allowed; try again later."
    return TooManySessions(text, f"sessions {obstacle.most} of {whose}")
