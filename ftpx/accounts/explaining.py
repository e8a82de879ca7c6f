"""Why a user may do something or may not: every rule that is asked, in its order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import attrs

from ftpx.accounts.access import AccessRules, Decision
from ftpx.accounts.admission import Circumstances, admission
from ftpx.accounts.balance import GRACE
from ftpx.accounts.demands import DEMANDS, Demand, Thing
from ftpx.accounts.policy import AccountPolicy, Mount, show_rights
from ftpx.accounts.profile import Group, Profile
from ftpx.accounts.traffic_limits import TRAFFIC_ITEMS
from ftpx.errors import ConfigurationError
from ftpx.interfaces import Direction, Path, Right
from ftpx.wire.paths import render

__all__ = ["Explanation", "Question", "Step", "Used", "explain"]

_NO_USE: Final[Mapping[str, int]] = MappingProxyType({})
_RIGHTS: Final = "rights"


@attrs.frozen(kw_only=True)
class Used:
    """
    What a user or a group has used. ``octets_over_since`` and ``files_over_since`` are since when a soft quota is
    exceeded, in seconds since the epoch. ``traffic`` has octets by item, such as ``upload_day``.
    """

    octets: int = 0
    files: int = 0
    octets_over_since: float | None = None
    files_over_since: float | None = None
    traffic: Mapping[str, int] = _NO_USE


def _verb(text: str) -> str:
    verb = " ".join(text.upper().split())
    if verb not in DEMANDS:
        raise ConfigurationError(f"{text!r} is no verb with a path; those are {', '.join(DEMANDS)}.")
    return verb


@attrs.frozen(kw_only=True)
class Question:
    """
    Whether a verb is allowed. ``thing`` is what is at the path; ``None``: what the verb is for as a rule. ``source``
    is what RNTO renames. ``bans`` tells in a few words of each ban that holds for the address or the name, ``used`` by
    whose it is, such as ``user alice``, what is used.

    :raises ConfigurationError: there is no such verb with a path.
    """

    name: str
    verb: str = attrs.field(converter=_verb)
    path: Path
    thing: Thing | None = None
    source: Path | None = None
    how: Circumstances
    bans: Sequence[str] = ()
    used: Mapping[str, Used] = attrs.field(factory=dict)


@attrs.frozen
class Step:
    """A rule that was asked: what about, and what it says."""

    about: str
    allowed: bool
    rule: str


@attrs.frozen
class Explanation:
    """All steps, in the order in which a server goes."""

    steps: tuple[Step, ...]

    @property
    def allowed(self) -> bool:
        """Whether nothing stands against it."""
        return all(step.allowed for step in self.steps)

    @property
    def decisive(self) -> Step:
        """The step that decides: the first that refuses, or else the rights that allow."""
        refusals = [step for step in self.steps if not step.allowed]
        return [*refusals, *(step for step in self.steps if step.about == _RIGHTS)][0]


def explain(question: Question, profile: Profile | None) -> Explanation:
    """
    Ask all rules.

    :param profile: the user's; ``None``: there is no such user.
    """
    return Explanation(tuple(_steps(question, profile)))


def _steps(question: Question, profile: Profile | None) -> Iterator[Step]:
    if profile is None:
        yield Step("user", False, f"there is no user {question.name}")
        return
    yield Step("user", True, f"user {profile.user.name}")
    yield Step("bans", not question.bans, "; ".join(question.bans) or "no ban holds")
    yield _step("login", admission(profile, question.how))
    demand = DEMANDS[question.verb]
    thing = question.thing or next(iter(demand.rights))
    rules = AccessRules(profile)
    yield _step(_RIGHTS, _by_rights(question, rules, demand, thing))
    if question.source is not None:
        yield _step("source", _by_source(question.path, question.source, rules, demand))
    mount, group = _mounted(profile, question.path)
    yield _step("place", _by_place(question.path, profile, rules, demand, mount))
    charged = _charged(profile, mount, group)
    if demand.stores:
        for whose, policy in charged:
            yield from _quotas(whose, policy, question, demand, thing)
    if demand.direction is not None:
        for whose, policy in profile.named:
            yield from _traffic(whose, policy, question, demand.direction)


def _step(about: str, decision: Decision) -> Step:
    return Step(about, decision.allowed, decision.rule)


# Rights


def _by_rights(question: Question, rules: AccessRules, demand: Demand, thing: Thing) -> Decision:
    if thing not in demand.rights:
        possible = " or ".join(one.value for one in demand.rights)
        return Decision(False, f"{question.verb} is for a path where there is: {possible}")
    alternatives = demand.rights[thing]
    decisions = [rules.decide(question.path, wanted) for wanted in alternatives]
    for decision in decisions:
        if decision.allowed:
            return decision
    rule = decisions[0].rule
    # What is hidden is so with whatever rights.
    return Decision(
        False, rule if rules.is_hidden(question.path) else f"{rule}; {question.verb} needs {_needed(alternatives)}"
    )


def _by_source(path: Path, source: Path, rules: AccessRules, demand: Demand) -> Decision:
    if not demand.moves:
        raise ConfigurationError("Only RNTO has a path that something comes from.")
    from_there = rules.decide(source, Right.RENAME)
    if not from_there.allowed:
        return Decision(False, f"{from_there.rule}; it needs rename")
    if rules.is_boundary(source):
        return Decision(False, f"{render(source)} stays: rules of their own begin there or below")
    gained = rules.rights(path) & ~rules.rights(source)
    if gained:
        return Decision(False, f"{from_there.rule}; by coming to {render(path)} one would gain {show_rights(gained)}")
    return Decision(True, from_there.rule)


def _needed(alternatives: Sequence[Right]) -> str:
    if len(alternatives) > len(Right.LOOK):
        return "any right"
    return " or ".join(show_rights(rights).replace(",", " and ") for rights in alternatives)


# Places


def _mounted(profile: Profile, path: Path) -> tuple[Mount | None, Group | None]:
    """The folder that a path is in, and the group that it comes by."""
    found = [(mount, group) for mount, group in profile.mounts if path[: len(mount.path)] == mount.path]
    return max(found, key=lambda one: len(one[0].path), default=(None, None))


def _by_place(path: Path, profile: Profile, rules: AccessRules, demand: Demand, mount: Mount | None) -> Decision:
    try:
        home = profile.home
    except ConfigurationError as error:
        return Decision(False, str(error))
    if mount is None:
        place = f"home: {render((*home, *path))} of the storage that is served"
    else:
        place = f"mount {render(mount.path)}={mount.storage}: {render(path[len(mount.path) :])} there"
    points = [mount.path for mount, _ in profile.mounts]
    if demand.changes and path in points:
        return Decision(False, f"{place}, where a folder is mounted that stays where it is")
    if demand.removes and any(point[: len(path)] == path for point in points):
        return Decision(False, f"{place}, below which a folder is mounted")
    if demand.moves and rules.is_boundary(path):
        return Decision(False, f"{place}, where rules of their own begin, here or below")
    return Decision(True, place)


def _charged(profile: Profile, mount: Mount | None, group: Group | None) -> Sequence[tuple[str, AccountPolicy]]:
    """Whose quotas count: in the home all; in a folder those of the user or of the group that it comes by."""
    if mount is None:
        return profile.named
    if group is None:
        return profile.named[:1]
    return [(f"group {group.name}", group.policy)]


# Quotas


@attrs.frozen(kw_only=True)
class _Limit:
    """A quota and what is used of it. ``counts``: this verb adds to it."""

    item: str
    whose: str
    most: int | None
    used: int
    unit: str = "octets"
    counts: bool = True

    def hard(self) -> Iterator[Step]:
        if self.most is not None:
            rule = f"{self.item} of {self.whose}: {self.used} of {self.most} {self.unit} used"
            yield Step("quota", self.used < self.most or not self.counts, rule)

    def soft(self, since: float | None, now: float) -> Iterator[Step]:
        if self.most is None or self.used <= self.most or since is None:
            return
        left = since + GRACE - now
        rule = f"{self.item} of {self.whose}: {self.used} {self.unit} used, more than {self.most}"
        rule = f"{rule}, for {left / 3600:.0f} hours yet" if left > 0 else f"{rule}, for too long"
        yield Step("quota", left > 0 or not self.counts, rule)


def _quotas(whose: str, policy: AccountPolicy, question: Question, demand: Demand, thing: Thing) -> Iterator[Step]:
    used, now = question.used.get(whose, Used()), question.how.now
    octets = _Limit(
        item="quota",
        whose=whose,
        most=policy.quota,
        used=used.octets,
        counts=not demand.replaces or thing is not Thing.FILE,
    )
    files = _Limit(
        item="quota-files",
        whose=whose,
        most=policy.quota_files,
        used=used.files,
        unit="files",
        counts=thing is Thing.NOTHING,
    )
    yield from octets.hard()
    yield from attrs.evolve(octets, item="quota-soft", most=policy.quota_soft).soft(used.octets_over_since, now)
    yield from files.hard()
    yield from attrs.evolve(files, item="quota-files-soft", most=policy.quota_files_soft).soft(
        used.files_over_since, now
    )
    if policy.largest_file is not None:
        yield Step("quota", True, f"largest-file of {whose}: {policy.largest_file} octets")


def _traffic(whose: str, policy: AccountPolicy, question: Question, direction: Direction) -> Iterator[Step]:
    used = question.used.get(whose, Used()).traffic
    for item in TRAFFIC_ITEMS[direction]:
        limit = _Limit(item=item.replace("_", "-"), whose=whose, most=getattr(policy, item), used=used.get(item, 0))
        for step in limit.hard():
            yield attrs.evolve(step, about="traffic")
