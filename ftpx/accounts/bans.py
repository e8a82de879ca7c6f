"""Who may not even try to log in here, as all servers on the accounts know it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from zope.interface import implementer

from ftpx.accounts.banning import (
    Ban,
    BanRules,
    Score,
    address_subject,
    ban_after,
    login_subject,
    name_subject,
    next_score,
)
from ftpx.accounts.database.bans import (
    BanList,
    BanStamp,
    Failure,
    ban_stamp,
    forget,
    is_allowed,
    read_bans,
    record_failures,
)
from ftpx.accounts.database.connection import Database
from ftpx.errors import FtpxError
from ftpx.interfaces import IBans
from ftpx.wire.replies import printable

__all__ = ["MAXIMUM_WAITING", "POLL", "Bans"]

POLL: Final = 2.0
"""Seconds between two looks at the bans that other servers and operators have made."""

MAXIMUM_WAITING: Final = 1000
"""Failed logins that wait to be counted in the database; beyond that they are counted in memory only."""

_BATCH: Final = 100
_MOST_SCORES: Final = 10_000
_FORGOTTEN_EVERY: Final = 300.0

_log = Logger()


@implementer(IBans)
class Bans:
    """
    The bans of the database, with a memory of them so that nobody waits.

    What fails here is counted in the database for all servers, a moment later. While that cannot be reached, this
    server counts addresses in its own memory.

    :param rules: the settings as they are now.
    """

    def __init__(
        self,
        database: Database,
        clock: IReactorTime,
        wall_clock: Callable[[], float],
        rules: Callable[[], BanRules],
    ) -> None:
        self._database = database
        self._clock = clock
        self._now = wall_clock
        self._rules = rules
        self._bans: dict[str, Ban] = {}
        self._list = BanList()
        self._by_operator = False
        self._stamp: BanStamp | None = None
        self._waiting: deque[Failure] = deque()
        self._writing = False
        self._busy = False
        self._forgot: float | None = None
        # What could not be counted in the database.
        self._own_scores: dict[str, Score] = {}
        self._own_bans: dict[str, Ban] = {}
        self._polling = LoopingCall(self._poll)
        self._polling.clock = clock

    def start(self) -> None:
        """Begin to look."""
        self._polling.start(POLL)

    def stop(self) -> None:
        """Look no more."""
        if self._polling.running:
            self._polling.stop()

    # What is asked

    def refuses(self, address: str) -> bool:
        """See `IBans`."""
        return self._holds(address_subject(address)) is not None and not self._is_allowed(address)

    def refuses_login(self, address: str, name: str) -> bool:
        """
        Whether a login is refused: the address is banned, or for this name, or an operator has banned the name.

        Nobody else can lock a user out: an address where nothing has failed always has its try.
        """
        if self._bans_name(name) or self.refuses(address):
            return True
        login = login_subject(address, name)
        return login is not None and self._holds(login) is not None and not self._is_allowed(address)

    @property
    def by_operator(self) -> bool:
        """Whether there is any ban by an operator, so that `ends` may have something to say."""
        return self._by_operator

    def ends(self, address: str, name: str) -> bool:
        """Whether an operator has banned who is logged in."""
        ban = self._holds(address_subject(address))
        banned = ban is not None and ban.by_operator and not self._is_allowed(address)
        return banned or self._bans_name(name)

    def _bans_name(self, name: str) -> bool:
        subject = name_subject(name)
        ban = None if subject is None else self._holds(subject)
        return ban is not None and ban.by_operator

    def _holds(self, subject: str) -> Ban | None:
        """The ban of a subject that is in force."""
        for bans in (self._bans, self._own_bans):
            ban = bans.get(subject)
            if ban is not None and ban.holds(self._now()):
                return ban
        return None

    def _is_allowed(self, address: str) -> bool:
        return is_allowed(address, self._list.networks)

    # What fails

    def failed(self, address: str, name: str) -> None:
        """See `IBans`."""
        failure = Failure(address, name, self._now())
        if len(self._waiting) < MAXIMUM_WAITING:
            self._waiting.append(failure)
            self._write()
        else:
            self._count_here(failure)

    def _write(self) -> None:
        if not self._writing:
            self._writing = True
            Deferred.fromCoroutine(self._write_all())

    async def _write_all(self) -> None:
        """Count what waits, one transaction at a time."""
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
                try:
                    made = await self._database.write(record_failures, batch, self._rules())
                except Exception as error:
                    if not isinstance(error, FtpxError):
                        _log.failure("failed logins cannot be counted in the database")
                    for failure in batch:
                        self._count_here(failure)
                    break
                for ban in made:
                    self._take(ban)
        finally:
            self._writing = False

    def _take(self, ban: Ban) -> None:
        self._bans[ban.subject] = ban
        seconds = 0 if ban.until is None else ban.until - self._now()
        _log.warn(
            "{subject} is banned for {seconds:.0f} s: {reason}",
            subject=printable(ban.subject),
            seconds=seconds,
            reason=ban.reason,
        )

    def _count_here(self, failure: Failure) -> None:
        """Count a failure of an address in memory."""
        subject, rules = address_subject(failure.address), self._rules()
        score = next_score(self._own_scores.pop(subject, Score()), failure.time, rules)
        if score.reaches(rules.ban_failures) and not self._is_allowed(failure.address):
            reason = f"{rules.ban_failures} failed logins"
            ban = ban_after(self._own_bans.get(subject), subject, failure.time, rules, reason)
            self._own_bans[subject] = ban
            score = Score(0.0, failure.time)
        self._own_scores[subject] = score
        for memory in (self._own_scores, self._own_bans):
            if len(memory) > _MOST_SCORES:
                del memory[next(iter(memory))]

    # What others have made

    def _poll(self) -> None:
        # A database that hangs must not gather looks.
        if not self._busy:
            Deferred.fromCoroutine(self.refresh())

    async def refresh(self) -> None:
        """Look whether there are other bans than before. Does not raise."""
        self._busy = True
        try:
            await self._refresh()
        except FtpxError:
            # The next look tries again; what is known still holds.
            pass
        except Exception:
            _log.failure("the bans cannot be read")
        finally:
            self._busy = False

    async def _refresh(self) -> None:
        if self._waiting:
            self._write()
        stamp = await self._database.read(ban_stamp)
        if stamp != self._stamp:
            self._list = await self._database.read(read_bans, self._now())
            self._bans = dict(self._list.bans)
            self._by_operator = any(ban.by_operator for ban in self._bans.values())
            if self._stamp is not None and stamp.revision != self._stamp.revision:
                # An operator may have lifted a ban that only this server knows of.
                self._own_scores.clear()
                self._own_bans.clear()
            self._stamp = stamp
        now = self._clock.seconds()
        if self._forgot is None or now - self._forgot >= _FORGOTTEN_EVERY:
            await self._database.write(forget, self._now(), self._rules())
            self._forgot = now
