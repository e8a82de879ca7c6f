"""Profiles for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ftpx.accounts.policy import AccountPolicy
from ftpx.accounts.profile import Group, Profile, User

__all__ = ["policy_of", "profile_of"]

Texts = Mapping[str, str | Iterable[str]]


def policy_of(texts: Texts) -> AccountPolicy:
    """A policy from items by name; those with several values as lists of texts."""
    return AccountPolicy.parse(
        (item, text) for item, given in texts.items() for text in ([given] if isinstance(given, str) else given)
    )


def profile_of(
    texts: Texts | None = None,
    groups: Mapping[str, Texts] | None = None,
    *,
    name: str = "alice",
    user_id: int = 1,
    disabled: bool = False,
    password: str | None = None,
    totp: str | None = None,
) -> Profile:
    """The profile of a user, and of groups by name, with these items."""
    user = User(id=user_id, name=name, password=password, totp=totp, disabled=disabled, policy=policy_of(texts or {}))
    members = [
        Group(id=number, name=group, policy=policy_of(items))
        for number, (group, items) in enumerate(sorted((groups or {}).items()), 1)
    ]
    return Profile(user=user, groups=tuple(members))
