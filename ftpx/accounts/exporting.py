"""Users as files: CSV, JSON, htpasswd. All hold hashes of passwords, and some the secrets of one-time passwords."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import attrs

from ftpx.accounts.policy import AccountPolicy, items
from ftpx.accounts.user_record import COLUMNS, DISABLED, GROUPS, NAME, PASSWORD_HASH, TOTP, UserRecord, join_values

__all__ = ["EXPORTS", "Export", "item_values", "record_values"]


_NEEDS_QUOTES: Final = re.compile('[",\r\n]|^ | $')


@attrs.frozen
class Export:
    """A form of files: ``write`` gives the parts of the text, ``holds`` tells whether a user can be in such a file."""

    write: Callable[[Iterable[UserRecord]], Iterator[str]]
    holds: Callable[[UserRecord], bool] = lambda record: True


def item_values(policy: AccountPolicy) -> dict[str, Any]:
    """The items that are set, as JSON has them."""
    return {name: _json_value(getattr(policy, name), texts) for name, texts in policy.texts().items()}


def _json_value(value: object, texts: Sequence[str]) -> object:
    match value:
        case tuple():
            return list(texts)
        case int():
            return value
    return texts[0]


def record_values(record: UserRecord) -> dict[str, Any]:
    """What is set for a user, by column, as JSON has it."""
    return {
        NAME: record.name,
        PASSWORD_HASH: record.password_hash,
        TOTP: record.totp,
        GROUPS: list(record.groups),
        DISABLED: record.disabled,
        **item_values(record.policy),
    }


def _csv_row(record: UserRecord) -> list[str]:
    texts = record.policy.texts()
    return [
        record.name,
        record.password_hash or "",
        record.totp or "",
        # No name of a group holds what divides or escapes.
        join_values(record.groups),
        "yes" if record.disabled else "",
        *(_cell(name, texts.get(name, ())) for name in items()),
    ]


def _cell(name: str, texts: tuple[str, ...]) -> str:
    return join_values(texts) if items()[name].several else "".join(texts)


def _csv(records: Iterable[UserRecord]) -> Iterator[str]:
    for row in _rows(records):
        yield ",".join(map(_quoted, row)) + "\n"


def _quoted(cell: str) -> str:
    """A cell of RFC 4180. (Python's csv does not quote a lone CR, which its reader takes for the end of a line.)"""
    return '"' + cell.replace('"', '""') + '"' if _NEEDS_QUOTES.search(cell) else cell


def _rows(records: Iterable[UserRecord]) -> Iterator[Iterable[str]]:
    yield COLUMNS
    for record in records:
        yield _csv_row(record)


def _json(records: Iterable[UserRecord]) -> Iterator[str]:
    before = "[\n"
    for record in records:
        yield f"{before}{json.dumps(record_values(record))}"
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _is_in_htpasswd(record: UserRecord) -> bool:
    """Whether a user can be in an htpasswd file: one that needs a password and nothing else to log in."""
    # A line that begins with the sign is a comment.
    can_be_told = not record.name.startswith("#")
    return can_be_told and record.password_hash is not None and record.totp is None and not record.disabled


def _htpasswd(records: Iterable[UserRecord]) -> Iterator[str]:
    for record in records:
        yield f"{record.name}:{record.password_hash}\n"


EXPORTS: Final[Mapping[str, Export]] = MappingProxyType(
    {"csv": Export(_csv), "json": Export(_json), "htpasswd": Export(_htpasswd, _is_in_htpasswd)}
)
"""The forms of files by name."""
