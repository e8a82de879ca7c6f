"""How users and groups are found by their names."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable
from typing import Final

from sqlalchemy import Connection, Table, select

from ftpx.accounts.names import identity_of, is_name
from ftpx.errors import ConfigurationError

__all__ = ["ids_by_name", "key_of"]

# More characters than the longest name has in any spelling.
_LONGEST: Final = 1000


def key_of(name: str) -> str | None:
    """The identity by which a name is found in the database; ``None``: nobody can have that name."""
    if len(name) > _LONGEST:
        return None
    composed = unicodedata.normalize("NFC", name)
    return identity_of(composed) if is_name(composed) else None


def ids_by_name(
    connection: Connection, table: Table, what: str, names: Iterable[str], *, lock: bool = False
) -> list[int]:
    """
    The users or groups of these names, in the order of their ids; ``what`` is what they are called.

    :param lock: nobody else changes them until the transaction ends.
    :raises ConfigurationError: there is none of such a name.
    """
    keys = {name: key_of(name) for name in names}
    wanted = [key for key in keys.values() if key is not None]
    query = select(table.c.id, table.c.identity).where(table.c.identity.in_(wanted)).order_by(table.c.id)
    found = connection.execute(query.with_for_update() if lock else query).all() if wanted else ()
    _refuse_missing(what, [name for name, key in keys.items() if key not in {identity for _, identity in found}])
    return [id for id, _ in found]


def _refuse_missing(what: str, names: Collection[str]) -> None:
    if names:
        raise ConfigurationError(f"There is no {what} {', '.join(map(repr, names))}.")
