"""Rules for tests of `PermittedStorage`."""

from __future__ import annotations

from collections.abc import Iterable

from zope.interface import implementer

from ftpx.accounts.access import AccessRules
from ftpx.interfaces import IAccessRules, Path, Right
from tests.accounts.profiles import profile_of

__all__ = ["ChangingRules", "rules"]


def rules(rights: Iterable[str], hidden: Iterable[str] = ()) -> IAccessRules:
    """The rules of a user for whom this is set."""
    return AccessRules(profile_of({"rights": list(rights), "hidden": list(hidden)}))


@implementer(IAccessRules)
class ChangingRules:
    """Rules in whose place others can be put."""

    def __init__(self) -> None:
        self.now = rules([])

    def rights(self, path: Path) -> Right:
        """See `IAccessRules`."""
        return self.now.rights(path)

    def is_hidden(self, path: Path) -> bool:
        """See `IAccessRules`."""
        return self.now.is_hidden(path)

    def is_boundary(self, path: Path) -> bool:
        """See `IAccessRules`."""
        return self.now.is_boundary(path)
