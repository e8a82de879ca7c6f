"""Users and groups as they are shown: without secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ftpx.accounts.exporting import item_values, record_values
from ftpx.accounts.profile import Group, Profile
from ftpx.accounts.user_record import PASSWORD_HASH, TOTP, UserRecord

__all__ = ["group_values", "item_lines", "size_text", "user_values"]

# As operators write them; the largest first.
_UNITS: Final = {
    "Ti": 2**40,
    "T": 10**12,
    "Gi": 2**30,
    "G": 10**9,
    "Mi": 2**20,
    "M": 10**6,
    "Ki": 2**10,
    "K": 10**3,
}


def user_values(profile: Profile) -> dict[str, Any]:
    """What JSON has of a user: of the secrets only whether there are any."""
    values = record_values(UserRecord.of(profile))
    password, totp = values.pop(PASSWORD_HASH), values.pop(TOTP)
    return {**values, "password": password is not None, "totp": totp is not None}


def group_values(group: Group) -> dict[str, Any]:
    """What JSON has of a group."""
    return {"name": group.name, **item_values(group.policy)}


def item_lines(texts: Mapping[str, Sequence[str]], whose: str) -> Iterator[tuple[str, str, str]]:
    """The items of a policy as rows: each value with its item and whose it is."""
    for item, values in texts.items():
        for value in values:
            yield item.replace("_", "-"), value, whose


def size_text(octets: int | None) -> str:
    """Octets as operators write them: exactly if that is short, else to a tenth."""
    if octets is None:
        return "-"
    for unit, size in _UNITS.items():
        if octets and octets % size == 0:
            return f"{octets // size}{unit}"
    for unit, size in _UNITS.items():
        if unit.endswith("i") and octets >= size:
            return f"{octets / size:.1f}{unit}"
    return str(octets)
