"""Logins of the users of a database: whether they may, and what they get."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import cast

from twisted.cred.checkers import ANONYMOUS
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from zope.interface import Interface, implementer

from ftpx.accounts.admission import Circumstances, first_objection
from ftpx.accounts.database.connection import Database
from ftpx.accounts.database.users import find_profile
from ftpx.accounts.database_account import CurrentProfile, DatabaseAccount
from ftpx.accounts.following import Following
from ftpx.accounts.presence import Presence, ProfileOutdated, Slot
from ftpx.accounts.profile import Profile
from ftpx.accounts.realm import account_name
from ftpx.accounts.refusals import LoginNeedsTls, LoginRefused
from ftpx.accounts.verified_name import VerifiedName
from ftpx.errors import ConfigurationError
from ftpx.interfaces import IAccount, IClient, Right
from ftpx.running import begin

__all__ = ["AccountRealm"]

_Avatar = tuple[type[Interface], object, Callable[[], None]]


@implementer(IRealm)
class AccountRealm:
    """
    Gives who is a user of the database an account, whoever has vouched for the name.

    Its ``mind`` is the `IClient` of the session.

    :param open_account: makes the account of a profile and a client.
    """

    def __init__(
        self,
        database: Database,
        now: Callable[[], float],
        presence: Presence,
        following: Following,
        open_account: Callable[[CurrentProfile, IClient, bool], Awaitable[DatabaseAccount]],
    ) -> None:
        self._database = database
        self._now = now
        self._presence = presence
        self._following = following
        self._open_account = open_account

    def requestAvatar(
        self, avatarId: bytes | str | tuple[()], mind: object, *interfaces: type[Interface]
    ) -> _Avatar | Deferred[_Avatar]:
        """`IAccount`, the account and what to call at logout; see `IRealm`."""
        if IAccount not in interfaces:
            raise NotImplementedError("this realm has IAccount and nothing else")
        return begin(self._log_in(avatarId, cast(IClient, mind)))

    async def _log_in(self, avatar_id: bytes | str | tuple[()], client: IClient) -> _Avatar:
        name, anonymous = account_name(avatar_id), avatar_id == ANONYMOUS
        profile, slot = await self._admit(name, avatar_id, client)
        try:
            # Without rights of its own, what everybody may use is there to look at.
            current = CurrentProfile(profile, Right.LOOK if anonymous else Right.ALL)
            account = await self._open_account(current, client, anonymous)
        except BaseException as error:
            slot.release()
            if isinstance(error, ConfigurationError):
                raise LoginRefused(str(error)) from None
            raise
        unregister = self._following.register(account, client)

        def log_out() -> None:
            unregister()
            slot.release()

        return IAccount, account, log_out

    async def _admit(self, name: str, avatar_id: bytes | str | tuple[()], client: IClient) -> tuple[Profile, Slot]:
        """The profile, as it is when the session is counted in: hashing the password may have taken its time."""
        verified = avatar_id if isinstance(avatar_id, VerifiedName) else None
        if verified is not None:
            self._demand_admission(verified.profile, client)
            with suppress(ProfileOutdated):
                slot = await self._presence.admit(verified.profile, client.address, verified.revision)
                return verified.profile, slot
        profile = await self._database.read(find_profile, name)
        if profile is None:
            raise LoginRefused(f"the accounts have no user {name}")
        if verified is not None and verified.profile.user.credentials != profile.user.credentials:
            raise LoginRefused(f"the password of user {name} was changed meanwhile")
        self._demand_admission(profile, client)
        return profile, await self._presence.admit(profile, client.address)

    def _demand_admission(self, profile: Profile, client: IClient) -> None:
        objection = first_objection(profile, Circumstances(self._now(), client.address, client.secured))
        if objection is not None:
            item, rule = objection
            raise LoginNeedsTls(rule) if item == "tls" else LoginRefused(rule)
