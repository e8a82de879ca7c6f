"""The users of a database as one server has them: everything that is built for ``--accounts``."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from random import SystemRandom
from typing import Any, Final
from uuid import uuid4

import attrs
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.portal import IRealm

from ftpx.accounts.account_checker import AccountChecker
from ftpx.accounts.account_realm import AccountRealm
from ftpx.accounts.allowance import Allowance
from ftpx.accounts.balance import home_limits, mount_limits
from ftpx.accounts.bans import Bans
from ftpx.accounts.database.connection import CONNECTIONS, Database, transaction
from ftpx.accounts.database.ledger import mark_recount
from ftpx.accounts.database.migrating import upgrade
from ftpx.accounts.database.opening import open_database, parse_url
from ftpx.accounts.database.presence import Server
from ftpx.accounts.database.settings import read_settings
from ftpx.accounts.database.users import profile_by_id, profiles_in_group
from ftpx.accounts.database_account import CurrentProfile, DatabaseAccount
from ftpx.accounts.following import Following
from ftpx.accounts.ledger import Ledger
from ftpx.accounts.passwords import Argon2Passwords
from ftpx.accounts.presence import Presence, this_machine
from ftpx.accounts.quotas import Quotas, storage_lines, traffic_lines
from ftpx.accounts.recounting import Recounting
from ftpx.accounts.traffic_limits import traffic_limits
from ftpx.accounts.traffic_pace import traffic_pace
from ftpx.errors import AccountsUnavailable, ConfigurationError
from ftpx.homes import Homes, TreePart
from ftpx.interfaces import Direction, IBans, IClient, IPace, IStorage, IWorkerPool
from ftpx.lifetime import Part
from ftpx.storage.deadline import StoragePool, with_deadline
from ftpx.storage.opening import StoragesByNeed
from ftpx.storage.pool import WorkerPool
from ftpx.storage.readonly import ReadOnlyStorage
from ftpx.storage.tidying import Tidying
from ftpx.storage.usage import usage

__all__ = ["UserBase", "open_user_base"]

_DATABASE_CALLS: Final = 4096
_MOUNT_THREADS, _MOUNT_CALLS = 8, 1024


@attrs.frozen(kw_only=True)
class UserBase:
    """What a server needs of the users of a database. ``parts`` live as long as the server."""

    checker: ICredentialsChecker
    realm: IRealm
    bans: IBans
    parts: Sequence[Part]


def open_user_base(
    url: str, root: IStorage, reactor: Any, login_pool: IWorkerPool, *, read_only: bool, storage_deadline: float
) -> UserBase:
    """
    Open a database and build what works on it. Blocks: it is called at start-up. The tables are made, or brought up to
    date.

    :param root: the storage in which the homes are.
    :param login_pool: where passwords are hashed.
    :param storage_deadline: of calls into storages that are mounted in homes, in seconds; 0: there is none.
    :raises ConfigurationError: the database cannot be used, or a library is missing.
    """
    engine = open_database(parse_url(url))
    try:
        upgrade(engine)
        with transaction(engine, write=False) as connection:
            settings = read_settings(connection)
    except AccountsUnavailable as error:
        raise ConfigurationError(f"--accounts: the database cannot be reached: {error}.") from None
    finally:
        # The process may fork behind this, and connections do not survive that.
        engine.dispose()
    pool = WorkerPool(reactor, CONNECTIONS, _DATABASE_CALLS, "ftpx-accounts")
    database = Database(engine, pool, reactor)
    bans = Bans(database, reactor, time.time, lambda: following.settings)
    following = Following(database, reactor, time.time, bans, settings)
    server = Server(uuid4().hex, this_machine(), os.getpid())
    presence = Presence(database, reactor, time.time, server, new_id=lambda: uuid4().hex, mark_recount=mark_recount)
    ledger = Ledger(database, server.id, reactor, time.time)

    def make_pool(spec: str) -> StoragePool:
        pool = WorkerPool(reactor, _MOUNT_THREADS, _MOUNT_CALLS, "ftpx-mount")
        name = f"the storage {spec}"
        return with_deadline(pool, reactor, storage_deadline, SystemRandom().random, threads=_MOUNT_THREADS, name=name)

    mounts = StoragesByNeed(make_pool)
    tidying = Tidying(mounts.tidy, "what is mounted", reactor)
    accounts = _Accounts(Homes(root, mounts), ledger, presence, read_only)
    recounting = Recounting(ledger, accounts.count, reactor)
    return UserBase(
        checker=AccountChecker(database, Argon2Passwords(), login_pool, time.time, lambda: following.settings),
        realm=AccountRealm(database, time.time, presence, following, accounts.open),
        bans=bans,
        parts=[
            # It is needed from the first moment on, and to the last.
            Part(name="calls into the database", start=pool.start),
            Part(name="the bans", start=bans.start, stop=bans.stop),
            Part(name="changes of the accounts", start=following.start, stop=following.stop, reload=following.reload),
            Part(name="counting what is stored", start=recounting.start, stop=recounting.stop),
            *([] if read_only else [Part(name="tidying of mounted storages", start=tidying.start, stop=tidying.stop)]),
            Part(name="mounted storages", stop=mounts.stop),
            Part(name="the ledger", start=ledger.start, stop=ledger.stop),
            # Behind all that hangs on it: what is still owed when it goes is counted again.
            Part(name="this server's presence", start=presence.start, stop=presence.stop),
            Part(name="the database", stop=database.close),
            Part(name="calls into the database", stop=pool.stop),
        ],
    )


class _Accounts:
    """Makes accounts, and counts what they have."""

    def __init__(self, homes: Homes, ledger: Ledger, presence: Presence, read_only: bool) -> None:
        self._homes = homes
        self._ledger = ledger
        self._presence = presence
        self._read_only = read_only

    async def open(self, current: CurrentProfile, client: IClient, anonymous: bool) -> DatabaseAccount:
        """
        The account of who has logged in.

        :raises ConfigurationError, StorageError: the home cannot be had.
        """
        ledger = self._ledger

        def quotas(part: TreePart) -> Quotas:
            return Quotas(
                ledger,
                lambda: mount_limits(current.profile, part.group) if part.at else home_limits(current.profile),
                lambda: current.profile.smallest("largest_file"),
            )

        async def traffic(direction: Direction) -> IPace | None:
            return await traffic_pace(ledger, lambda: traffic_limits(current.profile, direction), direction)

        async def quota_lines() -> Sequence[str]:
            profile = current.profile
            lines = await storage_lines(ledger, home_limits(profile))
            for direction in Direction:
                lines += await traffic_lines(ledger, traffic_limits(profile, direction), direction)
            return lines

        tree = self._homes.tree(await self._homes.parts(current.profile), current, quotas)
        allowance = Allowance(lambda: current.profile, client.address, self._presence, traffic, quota_lines)
        storage = ReadOnlyStorage(tree) if self._read_only else tree
        return DatabaseAccount(current, storage, allowance, anonymous)

    async def count(self, user_id: int | None, group_id: int | None) -> tuple[int, int]:
        """Octets and files of a user or of a group; see `ftpx.accounts.recounting.Count`."""
        if user_id is not None:
            profile = await self._ledger.read(profile_by_id, user_id)
            owned = [] if profile is None else await self._homes.charged_to_user(profile)
            parts = [(part, [] if profile is None else [profile.user.name]) for part in owned]
        else:
            assert group_id is not None  # noqa: S101 - it is the one or the other
            parts = await self._homes.charged_to_group(group_id, await self._ledger.read(profiles_in_group, group_id))
        octets = files = 0
        for part, owners in parts:
            stored = await usage(part.storage, (), owners)
            octets, files = octets + stored[0], files + stored[1]
        return octets, files
