"""What a user may do where: the one place that decides, and that can tell by which rule."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import or_

import attrs
from zope.interface import implementer

from ftpx.accounts.policy import DirectoryRights, show_rights
from ftpx.accounts.profile import Profile
from ftpx.interfaces import IAccessRules, Path, Right
from ftpx.wire.paths import render
from ftpx.wire.patterns import compile_pattern

__all__ = ["AccessRules", "Decision"]


@attrs.frozen
class Decision:
    """Whether something is allowed, and the rule that says so, for people."""

    allowed: bool
    rule: str


@attrs.frozen
class _Hidden:
    pattern: str
    whose: str
    matches: Callable[[str], bool]


@implementer(IAccessRules)
class AccessRules:
    """
    The rights of a user, by directory.

    Of all rules the one with the longest directory counts. Of two for one directory, the user's own counts before the
    groups'; what one group allows there, another does not take away.

    :param default: what is allowed where no rule says anything.
    """

    def __init__(self, profile: Profile, default: Right = Right.ALL) -> None:
        self._default = default
        self._rules: dict[Path, tuple[Right, str]] = {}
        whose, policy = profile.named[0]
        for rule in policy.rights:
            self._rules[rule.path] = (rule.rights, _named(rule, whose))
        by_groups: dict[Path, list[tuple[DirectoryRights, str]]] = {}
        for whose, policy in profile.named[1:]:
            for rule in policy.rights:
                by_groups.setdefault(rule.path, []).append((rule, whose))
        for path, rules in by_groups.items():
            together = reduce(or_, (rule.rights for rule, _ in rules))
            self._rules.setdefault(path, (together, "; ".join(_named(rule, whose) for rule, whose in rules)))
        self._hidden = [
            _Hidden(pattern, whose, compile_pattern(pattern, dots=True))
            for whose, policy in profile.named
            for pattern in policy.hidden
        ]
        mounts = [mount.path for mount, _ in profile.mounts]
        self._boundaries = {path[:length] for path in [*self._rules, *mounts] for length in range(1, len(path) + 1)}

    def rights(self, path: Path) -> Right:
        """See `IAccessRules`."""
        return Right(0) if self.is_hidden(path) else self._rule(path)[0]

    def is_hidden(self, path: Path) -> bool:
        """See `IAccessRules`."""
        return bool(self._hidden) and self._hiding(path) is not None

    def is_boundary(self, path: Path) -> bool:
        """See `IAccessRules`."""
        return path in self._boundaries

    def decide(self, path: Path, wanted: Right) -> Decision:
        """Whether all of the rights are there at a path, and the rule that says so."""
        hidden = self._hiding(path)
        if hidden is not None:
            return Decision(False, f"hidden {hidden.pattern} of {hidden.whose}")
        rights, rule = self._rule(path)
        return Decision(wanted in rights, rule)

    def _rule(self, path: Path) -> tuple[Right, str]:
        for length in range(len(path), -1, -1):
            rule = self._rules.get(path[:length])
            if rule is not None:
                return rule
        return self._default, f"no rule, so rights /={show_rights(self._default)}"

    def _hiding(self, path: Path) -> _Hidden | None:
        for name in path:
            for hidden in self._hidden:
                if hidden.matches(name):
                    return hidden
        return None


def _named(rule: DirectoryRights, whose: str) -> str:
    return f"rights {render(rule.path)}={show_rights(rule.rights)} of {whose}"
