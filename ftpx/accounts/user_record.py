"""A user as files of users have it: what is exported, and imported again."""

from __future__ import annotations

from typing import Final

import attrs

from ftpx.accounts.policy import AccountPolicy, items
from ftpx.accounts.profile import Profile

__all__ = [
    "COLUMNS",
    "DISABLED",
    "GROUPS",
    "NAME",
    "PASSWORD_HASH",
    "TOTP",
    "UserRecord",
    "join_values",
    "split_values",
]

NAME: Final = "name"
PASSWORD_HASH: Final = "password_hash"  # noqa: S105 - the name of a column
TOTP: Final = "totp"
GROUPS: Final = "groups"
DISABLED: Final = "disabled"

COLUMNS: Final = (NAME, PASSWORD_HASH, TOTP, GROUPS, DISABLED, *items())
"""The columns of a CSV file of users."""

# None of the items needs it, while rights and hours are full of commas and blanks.
_DIVIDER: Final = ";"
_ESCAPE: Final = "\\"


@attrs.frozen(kw_only=True)
class UserRecord:
    """
    A user of a file. ``given`` names the columns of which the file says something; nothing is known of the others.

    ``password_hash`` ``None``: no password is verified here.
    """

    name: str
    given: frozenset[str] = frozenset(COLUMNS)
    password_hash: str | None = attrs.field(default=None, repr=False)
    totp: str | None = attrs.field(default=None, repr=False)
    groups: tuple[str, ...] = ()
    disabled: bool = False
    policy: AccountPolicy = attrs.field(factory=AccountPolicy)

    @classmethod
    def of(cls, profile: Profile) -> UserRecord:
        """All that there is about a user."""
        user = profile.user
        return cls(
            name=user.name,
            password_hash=user.password,
            totp=user.totp,
            groups=tuple(group.name for group in profile.groups),
            disabled=user.disabled,
            policy=user.policy,
        )


def join_values(values: tuple[str, ...]) -> str:
    """Several values in one cell: semicolons between them; backslashes in front of those that are part of one."""
    return _DIVIDER.join(value.replace(_ESCAPE, _ESCAPE * 2).replace(_DIVIDER, _ESCAPE + _DIVIDER) for value in values)


def split_values(cell: str) -> tuple[str, ...]:
    """The values of a cell; an empty cell has none."""
    if not cell:
        return ()
    values = [""]
    rest = iter(cell)
    for character in rest:
        if character == _DIVIDER:
            values.append("")
        else:
            # A backslash at the very end stands for itself.
            values[-1] += next(rest, _ESCAPE) if character == _ESCAPE else character
    return tuple(values)
