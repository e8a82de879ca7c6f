"""Users from the files of other programs, and from those of `ftpx.accounts.exporting`."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final

import attrs

from ftpx.accounts.names import check_name, identity_of
from ftpx.accounts.policy import AccountPolicy, items
from ftpx.accounts.totp import check_secret
from ftpx.accounts.user_record import (
    COLUMNS,
    DISABLED,
    GROUPS,
    NAME,
    PASSWORD_HASH,
    TOTP,
    UserRecord,
    split_values,
)
from ftpx.errors import ConfigurationError

__all__ = ["FORMS", "Fault", "UserFile", "guess_form", "parse_users"]

Fault = Callable[[str], str | None]
"""What is wrong with a hash of a password, in a few words; or nothing."""

FORMS: Final = ("csv", "htpasswd", "passwd")
"""The forms of files by name."""

_BYTE_ORDER_MARK: Final = "\ufeff"
_PASSWD_FIELDS: Final = 7
# Somewhere else, in shadow or with PAM.
_ELSEWHERE: Final = "x"
_LOCKED: Final = ("!", "*")
_FLAGS: Final = MappingProxyType({"": False, "no": False, "yes": True})


class _Wrong(Exception):
    """A line cannot be used; the text says why, and quotes nothing, as what stands there may be a secret."""


def _name(text: str) -> str:
    try:
        return check_name(text)
    except ConfigurationError:
        raise _Wrong(
            "what stands in the place of the name cannot be one: a name has up to 64 printable characters, none of "
            "/ \\ : and comma, no dot, hyphen or space at the beginning, no dot or space at the end"
        ) from None


def _hash(text: str, fault: Fault) -> str:
    wrong = fault(text) if text else "there is no hash of a password"
    if wrong is not None:
        raise _Wrong(wrong)
    return text


def _lines(content: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(content.split("\n"), 1):
        text = line.removesuffix("\r")
        if text.strip() and not text.startswith("#"):
            yield number, text


@attrs.frozen
class UserFile:
    """
    What has been read of a file: its users, each with the number of its line, and what is wrong with other lines.

    What is wrong is told by number of line and quotes nothing of it.
    """

    users: tuple[tuple[int, UserRecord], ...]
    faults: tuple[str, ...]


_Read = Callable[[], UserRecord]


def parse_users(content: bytes, form: str, fault: Fault) -> UserFile:
    """
    The users of a file.

    :param form: one of `FORMS`.
    :param fault: tells of a hash of a password whether it can be verified.
    """
    users: list[tuple[int, UserRecord]] = []
    faults: list[str] = []
    lines: dict[str, int] = {}
    try:
        text = content.decode().removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        return UserFile((), (f"line {number}: is not in UTF-8",))
    for number, read in _READERS[form](text, fault):
        try:
            record = read()
            first = lines.setdefault(identity_of(record.name), number)
            if first != number:
                raise _Wrong(f"names the user of line {first} again")
        except _Wrong as wrong:
            faults.append(f"line {number}: {wrong}")
        else:
            users.append((number, record))
    return UserFile(tuple(users), tuple(faults))


def guess_form(name: str, content: bytes) -> str:
    """The form of a file: by its name, or by its first line that is no comment."""
    if name.lower().endswith(".csv"):
        return "csv"
    first = next((line for line in content.splitlines() if line.strip() and not line.startswith(b"#")), b"")
    if first.count(b":") == _PASSWD_FIELDS - 1:
        return "passwd"
    return "htpasswd" if b":" in first else "csv"


# Files of lines


def _htpasswd(text: str, fault: Fault) -> Iterator[tuple[int, _Read]]:
    for number, line in _lines(text):
        yield number, partial(_htpasswd_user, line, fault)


def _htpasswd_user(line: str, fault: Fault) -> UserRecord:
    name, colon, stored = line.partition(":")
    if not colon:
        raise _Wrong("is not of the form NAME:HASH")
    return UserRecord(name=_name(name), given=frozenset({PASSWORD_HASH}), password_hash=_hash(stored, fault))


def _passwd(text: str, fault: Fault) -> Iterator[tuple[int, _Read]]:
    for number, line in _lines(text):
        yield number, partial(_passwd_user, line, fault)


def _passwd_user(line: str, fault: Fault) -> UserRecord:
    fields = line.split(":")
    if len(fields) != _PASSWD_FIELDS:
        raise _Wrong("is not of the form NAME:HASH:UID:GID:COMMENT:HOME:SHELL")
    name, stored = _name(fields[0]), fields[1]
    if stored == _ELSEWHERE:
        return UserRecord(name=name, given=frozenset())
    if stored.startswith(_LOCKED):
        return UserRecord(name=name, given=frozenset({PASSWORD_HASH, DISABLED}), disabled=True)
    return UserRecord(name=name, given=frozenset({PASSWORD_HASH}), password_hash=_hash(stored, fault))


# CSV


def _csv(text: str, fault: Fault) -> Iterator[tuple[int, _Read]]:
    rows = _csv_rows(text)
    try:
        number, header = next(rows, (1, []))
        columns = _columns(header)
        for number, row in rows:
            if row:
                yield number, partial(_csv_user, columns, row, fault)
    except _Wrong as wrong:
        yield number, partial(_refuse, wrong)
    except csv.Error:
        yield number + 1, partial(_refuse, _Wrong("here or below, quotes are wrong, or a cell is too long"))


def _csv_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """The rows, each with the number of the line where it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    before = 0
    for row in reader:
        yield before + 1, row
        before = reader.line_num


def _refuse(wrong: _Wrong) -> UserRecord:
    raise wrong


def _columns(header: Sequence[str]) -> list[str]:
    names = [name.strip() for name in header]
    for number, name in enumerate(names, 1):
        if name not in COLUMNS:
            raise _Wrong(f"column {number} has none of the names {', '.join(COLUMNS)}")
        if name in names[: number - 1]:
            raise _Wrong(f"column {number} has the name of an earlier one")
    if NAME not in names:
        raise _Wrong(f"no column is called {NAME}")
    return names


def _csv_user(columns: Sequence[str], row: Sequence[str], fault: Fault) -> UserRecord:
    if len(row) != len(columns):
        raise _Wrong(f"has {len(row)} cells and not {len(columns)}")
    if any("\0" in cell for cell in row):
        raise _Wrong("holds a NUL")
    cells = dict(zip(columns, row, strict=True))
    stored, disabled = cells.get(PASSWORD_HASH), cells.get(DISABLED, "")
    if disabled not in _FLAGS:
        raise _Wrong(f"{DISABLED} is neither yes nor no nor empty")
    return UserRecord(
        name=_name(cells[NAME]),
        given=frozenset(columns),
        password_hash=_hash(stored, fault) if stored else None,
        totp=_totp(cells.get(TOTP, "")),
        groups=tuple(_name(group) for group in split_values(cells.get(GROUPS, ""))),
        disabled=_FLAGS[disabled],
        policy=_policy(cells),
    )


def _totp(secret: str) -> str | None:
    try:
        return check_secret(secret) if secret else None
    except ConfigurationError as error:
        raise _Wrong(f"{TOTP}: {error}".rstrip(".")) from None


def _policy(cells: Mapping[str, str]) -> AccountPolicy:
    texts = []
    for name, item in items().items():
        cell = cells.get(name, "")
        for value in split_values(cell) if item.several else (cell,) if cell else ():
            try:
                item.parse(value)
            except ConfigurationError:
                raise _Wrong(f"{name} is not of the form {item.form}") from None
            texts.append((name, value))
    return AccountPolicy.parse(texts)


_READERS: Final[Mapping[str, Callable[[str, Fault], Iterator[tuple[int, _Read]]]]] = MappingProxyType(
    dict(zip(FORMS, (_csv, _htpasswd, _passwd), strict=True))
)
