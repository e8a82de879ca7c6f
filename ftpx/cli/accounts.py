"""The database that a command works on, opened when it is first asked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy import URL, Connection, Engine

from ftpx.accounts.database.connection import open_database, parse_url, transaction
from ftpx.accounts.database.migrating import check_version, upgrade
from ftpx.errors import ConfigurationError

__all__ = ["Accounts", "pass_accounts"]


class Accounts:
    """
    The accounts in a database.

    :param text: see `ftpx.accounts.database.opening.parse_url`.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._engine: Engine | None = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """
        One transaction that changes nothing.

        :raises ConfigurationError: there are no accounts yet, or they are of another version.
        :raises AccountsUnavailable: the database does not answer.
        """
        first = self._engine is None
        if first:
            _require_file(parse_url(self._text))
        with transaction(self._opened(), write=False) as connection:
            if first:
                check_version(connection)
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """
        One transaction. The tables are made, or brought up to date, before the first.

        :raises ConfigurationError: this is no database of accounts that this version can use.
        :raises AccountsUnavailable: the database does not answer.
        """
        with transaction(self.prepared(), write=True) as connection:
            yield connection

    def prepared(self) -> Engine:
        """The database with its tables made or brought up to date; see `writing`."""
        if self._engine is None:
            upgrade(self._opened())
        return self._opened()

    def close(self) -> None:
        """Let go of the connections."""
        if self._engine is not None:
            self._engine.dispose()

    def _opened(self) -> Engine:
        if self._engine is None:
            self._engine = open_database(parse_url(self._text))
        return self._engine


def _require_file(url: URL) -> None:
    """Whoever only looks makes no file."""
    if url.get_backend_name() == "sqlite" and not os.path.exists(url.database or ""):
        raise ConfigurationError(
            f"There are no accounts in {url.database} yet: ftpx user add makes them, --accounts names others."
        )


pass_accounts = click.make_pass_decorator(Accounts)
"""Gives the accounts to a command, as its first argument."""
