"""Users and groups as they are read from the database, and what they come to together."""

from __future__ import annotations

import attrs

from ftpx.accounts.names import home_path
from ftpx.accounts.policy import AccountPolicy, Mount
from ftpx.interfaces import Path

__all__ = ["DEFAULT_HOME", "Group", "Profile", "User"]

DEFAULT_HOME = "/{name}"


@attrs.frozen(kw_only=True)
class Group:
    """A group of users. ``id`` is the database's."""

    id: int
    name: str
    policy: AccountPolicy


@attrs.frozen(kw_only=True)
class User:
    """
    A user. ``id`` is the database's.

    ``password`` is a hash in argon2's or another format that `ftpx.accounts.passwords` knows; ``None``: somebody else
    (PAM, LDAP, a certificate) vouches for the user. ``totp`` is the secret of one-time passwords, in base 32.
    ``credentials`` grows when an operator changes one of them, and not when a password is only hashed anew.
    """

    id: int
    name: str
    password: str | None = attrs.field(repr=False)
    totp: str | None = attrs.field(repr=False)
    disabled: bool
    policy: AccountPolicy
    credentials: int = 0


@attrs.frozen(kw_only=True)
class Profile:
    """A user with the groups, sorted by name."""

    user: User
    groups: tuple[Group, ...]

    @property
    def named(self) -> tuple[tuple[str, AccountPolicy], ...]:
        """All policies with whose they are, in the order in which they count: the user's, then the groups'."""
        return (
            (f"user {self.user.name}", self.user.policy),
            *((f"group {group.name}", group.policy) for group in self.groups),
        )

    @property
    def policies(self) -> tuple[AccountPolicy, ...]:
        """The policies, the user's first."""
        return tuple(policy for _, policy in self.named)

    @property
    def home(self) -> Path:
        """
        Where the tree of the user begins in the storage that is served.

        :raises ConfigurationError: the name cannot be put into the template.
        """
        templates = [policy.home for policy in self.policies if policy.home is not None]
        return home_path((templates or [DEFAULT_HOME])[0], self.user.name)

    @property
    def mounts(self) -> tuple[tuple[Mount, Group | None], ...]:
        """The folders that are mounted, each with the group that it comes by; of two at one place the first."""
        found: dict[Path, tuple[Mount, Group | None]] = {}
        for mount in self.user.policy.mounts:
            found.setdefault(mount.path, (mount, None))
        for group in self.groups:
            for mount in group.policy.mounts:
                found.setdefault(mount.path, (mount, group))
        return tuple(found.values())

    @property
    def requires_tls(self) -> bool:
        """Whether nothing of this user goes in clear."""
        return any(policy.tls for policy in self.policies)

    def smallest(self, item: str) -> int | None:
        """The smallest of the values of an item that counts for each member of a group."""
        values = [value for policy in self.policies if (value := getattr(policy, item)) is not None]
        return min(values, default=None)
