"""Open sessions follow what operators change: within a few seconds, without a word from anybody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import count
from typing import Final

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ftpx.accounts.admission import Circumstances, first_objection
from ftpx.accounts.bans import Bans
from ftpx.accounts.database import revision
from ftpx.accounts.database.connection import Database
from ftpx.accounts.database.settings import read_settings
from ftpx.accounts.database.users import profiles_by_id
from ftpx.accounts.database_account import DatabaseAccount
from ftpx.accounts.profile import Profile
from ftpx.accounts.settings import Settings
from ftpx.errors import AccountsCorrupt, ConfigurationError, FtpxError
from ftpx.interfaces import IClient
from ftpx.wire.replies import printable

__all__ = ["POLL", "Following"]

POLL: Final = 2.0
"""Seconds between two looks."""

# How many users one transaction reads, and how many sessions are looked at before others have their turn.
_USERS: Final = 500
_SESSIONS: Final = 200

_GONE: Final = "Your account was deleted; closing."
_DAMAGED: Final = "Your account cannot be read; closing."
_OTHER_CREDENTIALS: Final = "Your password was changed; log in again."
_OTHER_PLACES: Final = "Your files are in another place now; log in again."
_BANNED: Final = "You are banned; closing."
_OBJECTIONS: Final[Mapping[str, str]] = {
    "disabled": "Your account was disabled; closing.",
    "expires": "Your account has expired; closing.",
    "addresses": "Your account is not to be used from your address; closing.",
    "hours": "Your account is not to be used at this time; closing.",
    "tls": "Your account needs TLS; log in again by TLS.",
}

_log = Logger()

_Found = Mapping[int, Profile | AccountsCorrupt]


@attrs.define
class _Session:
    """
    A session that is logged in. ``fresh``: its profile is of the time before the login was complete, so something may
    have changed that it has missed. ``timed``: what may be done depends on the time.
    """

    account: DatabaseAccount
    client: IClient
    timed: bool
    fresh: bool = True
    ended: bool = False


@attrs.frozen
class _Ending:
    """Why a session ends: for the client, and for the operators."""

    text: str
    reason: str


class Following:
    """
    Looks at the number of the revision from time to time. When it has changed, all who are logged in are looked up
    again: their profiles count from then on, or their sessions end.

    While the database cannot be reached, sessions go on with what is known.

    :param settings: those of the start; later ones are in ``settings``.
    """

    def __init__(
        self,
        database: Database,
        clock: IReactorTime,
        wall_clock: Callable[[], float],
        bans: Bans,
        settings: Settings,
    ) -> None:
        self._database = database
        self._clock = clock
        self._now = wall_clock
        self._bans = bans
        self.settings = settings
        self._revision: int | None = None
        self._sessions: dict[int, _Session] = {}
        self._numbers = count(1)
        self._busy = False
        self._polling = LoopingCall(self.reload)
        self._polling.clock = clock

    def start(self) -> None:
        """Begin to look."""
        self._polling.start(POLL)

    def stop(self) -> None:
        """Look no more."""
        if self._polling.running:
            self._polling.stop()

    def reload(self) -> None:
        """Look now."""
        # A database that hangs must not gather looks.
        if not self._busy:
            self._busy = True
            Deferred.fromCoroutine(self._look())

    def register(self, account: DatabaseAccount, client: IClient) -> Callable[[], None]:
        """Have a session follow from now on; what is returned ends that, and may be called again."""
        number = next(self._numbers)
        self._sessions[number] = _Session(account, client, _is_timed(account.profile))

        def unregister() -> None:
            self._sessions.pop(number, None)

        return unregister

    def __len__(self) -> int:
        """How many sessions follow."""
        return len(self._sessions)

    async def _look(self) -> None:
        """Look once; does not raise."""
        try:
            # The next look tries again; the database itself says that it cannot be reached.
            with suppress(FtpxError):
                await self._follow()
            await self._each(list(self._sessions.values()), self._now_against)
        except Exception:
            _log.failure("sessions cannot follow what was changed")
        finally:
            self._busy = False

    async def _follow(self) -> None:
        number = await self._database.read(revision.current)
        changed = number != self._revision
        if changed:
            await self._follow_settings()
            await self._bans.refresh()
        sessions = [session for session in self._sessions.values() if changed or session.fresh]
        found = await self._look_up({session.account.profile.user.id for session in sessions})
        for session in sessions:
            session.fresh = False
        await self._each(sessions, lambda session: self._change(session, found))
        self._revision = number

    async def _follow_settings(self) -> None:
        try:
            self.settings = await self._database.read(read_settings)
        except AccountsCorrupt as error:
            _log.error("the settings of the accounts stay as they were: {reason}", reason=str(error))

    async def _look_up(self, ids: Iterable[int]) -> _Found:
        wanted = sorted(ids)
        found: dict[int, Profile | AccountsCorrupt] = {}
        for start in range(0, len(wanted), _USERS):
            found.update(await self._database.read(profiles_by_id, wanted[start : start + _USERS]))
        return found

    async def _each(self, sessions: Sequence[_Session], look: Callable[[_Session], _Ending | None]) -> None:
        """Look at sessions, and end those that are to end; the reactor looks at others in between."""
        for number, session in enumerate(sessions, 1):
            ending = None if session.ended else look(session)
            if ending is not None:
                session.ended = True
                _log.info(
                    "the session of {user} from {client} ends: {reason}",
                    user=printable(session.account.name),
                    client=session.client.address,
                    reason=printable(ending.reason),
                )
                session.client.end(ending.text)
            if number % _SESSIONS == 0:
                turn: Deferred[None] = Deferred()
                self._clock.callLater(0, turn.callback, None)
                await turn

    def _change(self, session: _Session, found: _Found) -> _Ending | None:
        """Have a session go on with what was found of its user, or say why it ends."""
        before = session.account.profile
        after = found.get(before.user.id)
        if after is None:
            return _Ending(_GONE, "the user is not there any more")
        if isinstance(after, AccountsCorrupt):
            return _Ending(_DAMAGED, str(after))
        if after.user.credentials != before.user.credentials or after.user.name != before.user.name:
            return _Ending(_OTHER_CREDENTIALS, "the password was changed")
        if _places(after) != _places(before):
            return _Ending(_OTHER_PLACES, "the home or the mounts were changed")
        session.account.update(after)
        session.timed = _is_timed(after)
        return self._objection(session)

    def _now_against(self, session: _Session) -> _Ending | None:
        """Why a session ends although nobody has changed its user."""
        if self._bans.by_operator and self._bans.ends(session.client.address, session.account.name):
            return _Ending(_BANNED, "banned by an operator")
        return self._objection(session) if session.timed else None

    def _objection(self, session: _Session) -> _Ending | None:
        client = session.client
        how = Circumstances(self._now(), client.address, client.secured)
        objection = first_objection(session.account.profile, how)
        return None if objection is None else _Ending(_OBJECTIONS[objection[0]], objection[1])


def _is_timed(profile: Profile) -> bool:
    return any(policy.hours or policy.expires is not None for policy in profile.policies)


def _places(profile: Profile) -> object:
    """Where the files of a user are; ``None``: nowhere, as somebody has broken that by hand."""
    try:
        home = profile.home
    except ConfigurationError:
        return None
    return home, [(mount, None if group is None else group.id) for mount, group in profile.mounts]
