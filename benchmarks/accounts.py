"""
How long a login looks for its user among many: ``python -m benchmarks.accounts``.

It is the whole way of a login with a password, threads and database included, and without the hash, which takes as long
as the settings ask for.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Engine, insert
from twisted.cred.credentials import UsernamePassword
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from ftpx.accounts.account_checker import AccountChecker
from ftpx.accounts.database.connection import CONNECTIONS, Database, open_database, parse_url, transaction
from ftpx.accounts.database.groups import add_group
from ftpx.accounts.database.migrating import upgrade
from ftpx.accounts.database.schema import balances, memberships, user_items, users
from ftpx.accounts.settings import Settings
from ftpx.storage.pool import WorkerPool

__all__ = ["fill", "main", "name_of"]

_SEED = 959
_GROUPS = 100
_GROUPS_EACH = 2
_ITEMS = {
    "quota": "10000000000",
    "sessions": "5",
    "rights": "/pub=look",
    "addresses": "127.0.0.0/8",
    "rate_up": "1000000",
}


class _NoHashes:
    """Passwords that cost nothing."""

    def hash(self, password: bytes, settings: Settings) -> str:
        """The password."""
        return password.decode()

    def verify(self, stored: str | None, password: bytes, settings: Settings) -> bool:
        """Compare."""
        return stored == password.decode()

    def is_outdated(self, stored: str, settings: Settings) -> bool:
        """Never."""
        return False


def main(arguments: Sequence[str]) -> None:
    """Make the users, let some of them log in one after the other, and print how long that took."""
    parser = argparse.ArgumentParser("python -m benchmarks.accounts", description=__doc__)
    parser.add_argument("--users", type=int, default=100_000, help="how many there are (default 100000)")
    parser.add_argument("--logins", type=int, default=2000, help="how many log in (default 2000)")
    parser.add_argument("--accounts", help="another database than SQLite in a new file; it must be empty")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="ftpx-benchmark-") as folder:
        engine = open_database(parse_url(options.accounts or f"sqlite:{folder}/accounts"))
        begin = time.perf_counter()
        fill(engine, options.users)
        print(f"{options.users} users made in {time.perf_counter() - begin:.1f} s")
        if not options.accounts:
            print(f"the file has {Path(folder, 'accounts').stat().st_size / 2**20:.0f} MiB")
        react(lambda reactor: Deferred.fromCoroutine(_measure(reactor, engine, options)))


def fill(engine: Engine, count: int) -> None:
    """Make so many users in an empty database."""
    upgrade(engine)
    ids = range(1, count + 1)
    with transaction(engine, write=True) as connection:
        groups = [add_group(connection, f"group{number}", items={"quota": ["1Ti"]}) for number in range(_GROUPS)]
        for start in range(0, count, 10_000):
            some = ids[start : start + 10_000]
            names = {id: name_of(id) for id in some}
            rows = [{"id": id, "name": name, "identity": name, "password": "secret"} for id, name in names.items()]
            connection.execute(insert(users), rows)
            items = [{"item": item, "value": text, "place": 0} for item, text in _ITEMS.items()]
            connection.execute(insert(user_items), [{"user_id": id, **item} for id in some for item in items])
            theirs = [(id, groups[(id + step) % _GROUPS]) for id in some for step in range(_GROUPS_EACH)]
            connection.execute(insert(memberships), [{"user_id": id, "group_id": group} for id, group in theirs])
            connection.execute(insert(balances), [{"user_id": id} for id in some])


def name_of(id: int) -> str:
    """The name of a user."""
    return f"user{id:06}"


async def _measure(reactor: Any, engine: Engine, options: argparse.Namespace) -> None:
    pool = WorkerPool(reactor, CONNECTIONS, 100, "accounts")
    pool.start()
    database = Database(engine, pool, reactor)
    checker = AccountChecker(database, _NoHashes(), pool, time.time, Settings)
    random = Random(_SEED)
    waits: dict[str, list[float]] = {"right": [], "wrong": [], "unknown": []}
    for _ in range(options.logins):
        name = name_of(random.randint(1, options.users)).encode()
        for kind, shown, password in (
            ("right", name, b"secret"),
            ("wrong", name, b"wrong"),
            ("unknown", b"nobody" + name, b"secret"),
        ):
            begin = time.perf_counter()
            await checker.requestAvatarId(UsernamePassword(shown, password)).addErrback(lambda _: None)
            waits[kind].append((time.perf_counter() - begin) * 1000)
    for kind, times in waits.items():
        cuts = statistics.quantiles(times, n=100, method="inclusive")
        figures = f"median {cuts[49]:.2f} ms, p99 {cuts[98]:.2f} ms, longest {max(times):.2f} ms"
        print(f"{kind:8} login without the hash: {figures}")
    await database.close()
    await pool.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
