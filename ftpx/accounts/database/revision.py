"""The number that grows with each change that an operator makes, by which servers see that they have to follow."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from ftpx.accounts.database.schema import revision

__all__ = ["bump", "current"]

_ROW = 1


def current(connection: Connection) -> int:
    """The number as it is now."""
    return connection.execute(select(revision.c.number)).scalar() or 0


def bump(connection: Connection) -> None:
    """Make it grow. Two who do so wait for each other, until the transaction ends."""
    grown = connection.execute(update(revision).values(number=revision.c.number + 1))
    if not grown.rowcount:
        connection.execute(insert(revision).values(id=_ROW, number=1))
