"""Who is logged in, by a database whose operators may change everything meanwhile."""

from __future__ import annotations

import attrs
from zope.interface import implementer

from ftpx.accounts.access import AccessRules
from ftpx.accounts.profile import Profile
from ftpx.interfaces import IAccessRules, IAccount, IAllowance, IStorage, Path, Right

__all__ = ["CurrentProfile", "DatabaseAccount"]


@implementer(IAccessRules)
class CurrentProfile:
    """
    The profile of a user as it is now, and what it says of rights.

    :param default: what is allowed where no rule says anything.
    """

    def __init__(self, profile: Profile, default: Right = Right.ALL) -> None:
        self.profile = profile
        self._default = default
        self._rules = AccessRules(profile, default)

    def update(self, profile: Profile) -> None:
        """From now on the profile is another one, of the same user."""
        self._rules = AccessRules(profile, self._default)
        self.profile = profile

    def rights(self, path: Path) -> Right:
        """See `IAccessRules`."""
        return self._rules.rights(path)

    def is_hidden(self, path: Path) -> bool:
        """See `IAccessRules`."""
        return self._rules.is_hidden(path)

    def is_boundary(self, path: Path) -> bool:
        """See `IAccessRules`."""
        return self._rules.is_boundary(path)


@implementer(IAccount)
@attrs.frozen
class DatabaseAccount:
    """An account of one session; see `IAccount`. Storage and allowance ask ``current`` again and again."""

    current: CurrentProfile
    storage: IStorage = attrs.field(repr=False)
    allowance: IAllowance | None = attrs.field(repr=False)
    anonymous: bool = False

    @property
    def name(self) -> str:
        """See `IAccount`."""
        return self.current.profile.user.name

    @property
    def requires_tls(self) -> bool:
        """See `IAccount`."""
        return self.current.profile.requires_tls

    @property
    def profile(self) -> Profile:
        """The profile as it is now."""
        return self.current.profile

    def update(self, profile: Profile) -> None:
        """See `CurrentProfile.update`."""
        self.current.update(profile)
