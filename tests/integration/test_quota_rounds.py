"""
RS07: many sessions on two servers store into one quota, which is never exceeded, and the ledger stays exact.

QUOTA_ROUNDS is how many rounds; ``make quota-rounds`` has more of them. QUOTA_SEED repeats a run.
"""

from __future__ import annotations

import os
import sys
import time

from tests.integration.accounts_cases import AccountsTestCase, PostgresqlAccountsTestCase
from tests.integration.quota_rounds import QUOTA, Rounds

_ROUNDS = int(os.environ.get("QUOTA_ROUNDS", "10"))
_SEED = int(os.environ.get("QUOTA_SEED", str(time.time_ns() % 1_000_000)))


class SqliteQuotaRoundsTests(AccountsTestCase):
    """Two servers that share a SQLite file."""

    def test_rs07_rounds(self) -> None:
        """RS07: twenty sessions at a time; behind each round the ledger is what is there."""
        self.add_user("alice", "secret", "--quota", str(QUOTA))
        rounds = Rounds([self.start(), self.start()], self.root, self.url, seed=_SEED)
        self.addCleanup(rounds.close)
        begun = time.monotonic()
        try:
            rounds.run(_ROUNDS)
        except AssertionError as error:
            raise AssertionError(f"seed {_SEED}: {error}") from error
        seconds = time.monotonic() - begun
        sys.stderr.write(
            f"{_ROUNDS} rounds, {rounds.done} changes, {rounds.refused} refused, {seconds:.0f} s, seed {_SEED}\n"
        )
        self.assertGreater(rounds.refused, 0)


class PostgresqlQuotaRoundsTests(SqliteQuotaRoundsTests, PostgresqlAccountsTestCase):
    """Two servers that share a PostgreSQL."""
