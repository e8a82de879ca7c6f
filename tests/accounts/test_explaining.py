"""Tests of `ftpx.accounts.explaining` and `ftpx.accounts.demands`: they say what a server does."""

from __future__ import annotations

from itertools import combinations

import attrs
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ftpx.accounts.access import AccessRules
from ftpx.accounts.admission import Circumstances
from ftpx.accounts.balance import GRACE
from ftpx.accounts.demands import DEMANDS, Thing
from ftpx.accounts.explaining import Explanation, Question, Used, explain
from ftpx.accounts.policy import show_rights
from ftpx.accounts.profile import Profile
from ftpx.errors import ConfigurationError
from ftpx.interfaces import IAccessRules, ISymbolicLinks, Path, Right
from ftpx.server.verbs import COMMANDS
from ftpx.server.verbs.site import SITE_COMMANDS
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.permitted import PermittedStorage
from ftpx.testing.server import ServerHarness
from ftpx.wire.paths import resolve
from tests.accounts.profiles import Texts, profile_of

NOON = 1_800_000_000.0
FROM_THERE = Circumstances(now=NOON, address="192.0.2.1", secured=True)
# What a client sends for a verb; the path is /d/x where it is not said.
LINES = {
    "MFCT": "MFCT 20200101000000 /d/x",
    "MFF": "MFF modify=20200101000000; /d/x",
    "MFMT": "MFMT 20200101000000 /d/x",
    "SITE CHMOD": "SITE CHMOD 600 /d/x",
    "SITE SYMLINK": "SITE SYMLINK x /d/x",
    "SITE UTIME": "SITE UTIME 20200101000000 /d/x",
}
FETCHED = ("LIST", "MLSD", "NLST", "RETR")
STORED = ("APPE", "STOR", "STOU")
# What goes before, and for which everything is allowed.
BEFORE = {"RNTO": "RNFR /d/other", "SITE CPTO": "SITE CPFR /d/other"}
# Without which it would come to nothing.
AFTER = {"RNFR": "RNTO /d/y", "SITE CPFR": "SITE CPTO /d/y"}
EACH = [right for right in Right if right in Right.ALL]
SUBSETS = [
    Right(0),
    Right.ALL,
    *EACH,
    *(one | other for one, other in combinations(EACH, 2)),
    *(Right.ALL & ~right for right in EACH),
]


def asked(
    verb: str,
    path: str,
    profile: Profile | None,
    *,
    how: Circumstances = FROM_THERE,
    thing: Thing | None = None,
    source: str | None = None,
    bans: tuple[str, ...] = (),
    used: dict[str, Used] | None = None,
) -> Explanation:
    """The explanation for alice."""
    question = Question(
        name="alice",
        verb=verb,
        path=resolve((), path),
        thing=thing,
        source=None if source is None else resolve((), source),
        how=how,
        bans=bans,
        used=used or {},
    )
    return explain(question, profile)


def decided(verb: str, path: str, texts: Texts, groups: dict[str, Texts] | None = None) -> tuple[bool, str]:
    """Whether alice may do something, and the rule that decides."""
    explanation = asked(verb, path, profile_of(texts, groups))
    return explanation.allowed, explanation.decisive.rule


@implementer(ISymbolicLinks)
class LinkingStorage(MemoryStorage):
    """A storage in memory that takes symbolic links, and forgets them."""

    async def make_link(self, path: Path, target: str) -> None:
        """Do nothing."""


@implementer(IAccessRules)
@attrs.define
class ChangingRules:
    """A double: rules that are others for each command."""

    rules: AccessRules

    def rights(self, path: Path) -> Right:
        """Of the present rules."""
        return self.rules.rights(path)

    def is_hidden(self, path: Path) -> bool:
        """Of the present rules."""
        return self.rules.is_hidden(path)

    def is_boundary(self, path: Path) -> bool:
        """Of the present rules."""
        return self.rules.is_boundary(path)


class AsTheServerTests(SynchronousTestCase):
    """The table and the server say the same."""

    def test_every_verb(self) -> None:
        """Every verb that takes a path is in the table, and no other."""
        verbs = {name for name, verb in COMMANDS.items() if "path" in verb.argument.syntax}
        site = {f"SITE {name}" for name, command in SITE_COMMANDS.items() if "path" in command.syntax}
        self.assertEqual(set(DEMANDS), verbs | site)

    def test_every_verb_does_what_it_says(self) -> None:
        """For each verb, each thing at the path and each set of rights, the server does what the table says."""
        free = profile_of()
        rules = ChangingRules(AccessRules(free))
        inner = LinkingStorage(1_000_000)
        harness = ServerHarness(PermittedStorage(inner, rules))
        harness.login()
        harness.command("TYPE I")
        for verb, demand in DEMANDS.items():
            for thing in demand.rights:
                for rights in SUBSETS:
                    self.lay_out(inner, thing)
                    rules.rules = AccessRules(free)
                    harness.command("CWD /", *([BEFORE[verb]] if verb in BEFORE else []))
                    # A rule for the path alone is a boundary, and STOU has another path.
                    shown = show_rights(rights)
                    everywhere = demand.moves or verb == "STOU"
                    where = {"rights": [f"/={shown}"] if everywhere else ["/=all", f"/d/x={shown}"]}
                    profile = profile_of(where)
                    rules.rules = AccessRules(profile)
                    done = self.run_verb(harness, verb)
                    told = asked(verb, "/d/x", profile, thing=thing)
                    self.assertEqual(done, told.allowed, (verb, thing, rights, told.decisive))

    def run_verb(self, harness: ServerHarness, verb: str) -> bool:
        """Whether a command succeeds."""
        line = LINES.get(verb, f"{verb} /d/x")
        if verb in FETCHED:
            replies, _ = harness.fetch(line)
        elif verb in STORED:
            replies = harness.store(line, b"new")
        else:
            replies = harness.command(line)
            if verb in AFTER and replies[-1].positive:
                replies = harness.command(AFTER[verb])
        self.assertNotIn(replies[-1].code // 100, {0, 1}, replies)
        self.assertNotIn(replies[-1].code, {500, 501, 502, 503, 504, 530}, (line, replies))
        return replies[-1].positive

    def lay_out(self, storage: MemoryStorage, thing: Thing) -> None:
        """Put a thing at /d/x, and a file next to it."""
        self.successResultOf(Deferred.fromCoroutine(_lay_out(storage, thing)))


async def _lay_out(storage: MemoryStorage, thing: Thing) -> None:
    async for page in storage.list_directory(()):
        for entry in page:
            await _remove(storage, (entry.name,))
    await storage.make_directory(("d",))
    await _write(storage, ("d", "other"))
    if thing is Thing.FILE:
        await _write(storage, ("d", "x"))
    elif thing is Thing.DIRECTORY:
        await storage.make_directory(("d", "x"))


async def _write(storage: MemoryStorage, path: Path) -> None:
    file = await storage.open_write(path)
    await file.write(b"old")
    await file.commit()


async def _remove(storage: MemoryStorage, path: Path) -> None:
    async for page in storage.list_directory(path):
        for entry in page:
            below = (*path, entry.name)
            if entry.kind.value == "directory":
                await _remove(storage, below)
            else:
                await storage.remove_file(below)
    await storage.remove_directory(path)


class DecisiveRuleTests(SynchronousTestCase):
    """Which rule decides."""

    def test_allowed(self) -> None:
        """Where nothing is said, everything is allowed."""
        self.assertEqual(decided("RETR", "/a", {}), (True, "no rule, so rights /=all"))

    def test_unknown_user(self) -> None:
        """Nothing is asked about nobody."""
        explanation = asked("CWD", "/", None)
        self.assertEqual([step.rule for step in explanation.steps], ["there is no user alice"])
        self.assertFalse(explanation.allowed)

    def test_bans(self) -> None:
        """A ban is told before all that the account says."""
        explanation = asked("CWD", "/", profile_of(disabled=True), bans=("address:192.0.2.1 for ever: scan",))
        self.assertEqual(explanation.decisive.rule, "address:192.0.2.1 for ever: scan")

    def test_admission(self) -> None:
        """What stands against a login stands against everything."""
        for texts, rule in (
            ({"expires": "2020-01-01"}, "expires 2020-01-02T00:00:00Z of user alice"),
            ({"addresses": ["198.51.100.0/24"]}, "addresses 198.51.100.0/24 of user alice"),
        ):
            self.assertEqual(decided("CWD", "/", texts), (False, rule))

    def test_tls(self) -> None:
        """Who must use TLS cannot do without."""
        explanation = asked("CWD", "/", profile_of({"tls": "yes"}), how=attrs.evolve(FROM_THERE, secured=False))
        self.assertEqual(explanation.decisive.rule, "tls yes of user alice")

    def test_hidden(self) -> None:
        """A pattern that hides is told with whose it is."""
        self.assertEqual(
            decided("RETR", "/a/b.tmp", {}, {"staff": {"hidden": "*.tmp"}}), (False, "hidden *.tmp of group staff")
        )

    def test_rights(self) -> None:
        """A rule is told with what the verb needs."""
        texts = {"rights": ["/pub=list,read", "/in=write"]}
        rule = "rights /pub=look of user alice"
        self.assertEqual(decided("retr", "/pub/a", texts), (True, rule))
        self.assertEqual(decided("STOR", "/pub/a", texts), (False, f"{rule}; STOR needs write"))
        self.assertEqual(
            decided("SIZE", "/in/a", texts), (False, "rights /in=write of user alice; SIZE needs list or read")
        )
        self.assertEqual(
            decided("CWD", "/no", {"rights": "/no=none"}), (False, "rights /no=none of user alice; CWD needs any right")
        )

    def test_what_is_there(self) -> None:
        """Over a file other rights are needed than for a new one; and not everything is for everything."""
        profile = profile_of({"rights": "/=write"})
        self.assertTrue(asked("STOR", "/a", profile).allowed)
        over = asked("STOR", "/a", profile, thing=Thing.FILE)
        self.assertEqual(over.decisive.rule, "rights /=write of user alice; STOR needs overwrite")
        rule = asked("CWD", "/a", profile, thing=Thing.FILE).decisive.rule
        self.assertEqual(rule, "CWD is for a path where there is: directory")

    def test_renaming(self) -> None:
        """Nothing comes to where one may do more with it, nor moves with rules of its own."""
        profile = profile_of({"rights": ["/in=write,rename", "/pub=all"]})
        self.assertTrue(asked("RNTO", "/in/b", profile, source="/in/a").allowed)
        rule = asked("RNTO", "/pub/b", profile, source="/in/a").decisive.rule
        self.assertIn("by coming to /pub/b one would gain", rule)
        rule = asked("RNFR", "/pub", profile, thing=Thing.DIRECTORY).decisive.rule
        self.assertIn("rules of their own begin", rule)
        with self.assertRaises(ConfigurationError):
            asked("RETR", "/a", profile, source="/b")

    def test_places(self) -> None:
        """It is told where a path leads."""
        texts = {"home": "/homes/{name}", "mounts": ["/s=local:/srv/s", "/s/t=memory:"]}
        for path, place in (
            ("/x", "home: /homes/alice/x of the storage that is served"),
            ("/s/x", "mount /s=local:/srv/s: /x there"),
            ("/s/t/x/y", "mount /s/t=memory:: /x/y there"),
        ):
            steps = {step.about: step.rule for step in asked("RETR", path, profile_of(texts)).steps}
            self.assertEqual(steps["place"], place)

    def test_mounted_folders_stay(self) -> None:
        """Where a folder is mounted, it can be neither removed nor changed."""
        texts = {"mounts": ["/a/s=local:/srv/s"]}
        for verb, path in (("RMD", "/a/s"), ("RMD", "/a"), ("RNFR", "/a/s"), ("MFMT", "/a/s")):
            explanation = asked(verb, path, profile_of(texts), thing=Thing.DIRECTORY)
            self.assertFalse(explanation.allowed, verb)
            self.assertIn("mounted", explanation.decisive.rule)

    def test_au18_home(self) -> None:
        """Who can have no home can do nothing."""
        self.assertFalse(asked("CWD", "/", profile_of(name="..")).allowed)

    def test_unknown_verb(self) -> None:
        """What is no verb with a path is refused, with those that are."""
        with self.assertRaisesRegex(ConfigurationError, "SITE CHMOD"):
            asked("NOOP", "/", profile_of())
        self.assertTrue(asked(" site  chmod ", "/a", profile_of()).allowed)


class QuotaTests(SynchronousTestCase):
    """What is used counts where something is stored."""

    def test_full(self) -> None:
        """No octet more than the quota, but a file may take the place of another."""
        profile = profile_of({"quota": "100", "quota_files": "3"}, {"staff": {"quota": "1000"}})
        used = {"user alice": Used(octets=100, files=2), "group staff": Used(octets=500)}
        explanation = asked("STOR", "/a", profile, used=used)
        self.assertEqual(explanation.decisive.rule, "quota of user alice: 100 of 100 octets used")
        rules = [step.rule for step in explanation.steps]
        self.assertIn("quota of group staff: 500 of 1000 octets used", rules)
        self.assertIn("quota-files of user alice: 2 of 3 files used", rules)
        self.assertTrue(asked("STOR", "/a", profile, thing=Thing.FILE, used=used).allowed)
        self.assertFalse(asked("APPE", "/a", profile, thing=Thing.FILE, used=used).allowed)
        self.assertTrue(asked("RETR", "/a", profile, used=used).allowed)

    def test_files(self) -> None:
        """A new file takes one of the files, another content of one that is there does not."""
        profile, used = profile_of({"quota_files": "3"}), {"user alice": Used(files=3)}
        self.assertFalse(asked("STOR", "/a", profile, used=used).allowed)
        self.assertTrue(asked("STOR", "/a", profile, thing=Thing.FILE, used=used).allowed)

    def test_whose(self) -> None:
        """In a group's folder only the group's quota counts, in one's own only one's own."""
        profile = profile_of(
            {"quota": "100", "mounts": "/mine=memory:"}, {"staff": {"quota": "100", "mounts": "/ours=memory:"}}
        )
        full = Used(octets=100)
        for path, whose, allowed in (
            ("/ours/a", "user alice", True),
            ("/ours/a", "group staff", False),
            ("/mine/a", "user alice", False),
            ("/mine/a", "group staff", True),
            ("/a", "user alice", False),
            ("/a", "group staff", False),
        ):
            self.assertEqual(asked("STOR", path, profile, used={whose: full}).allowed, allowed, (path, whose))

    def test_soft(self) -> None:
        """A soft quota may be exceeded for seven days."""
        profile = profile_of({"quota_soft": "100", "quota_files_soft": "1"})
        for since, allowed in ((NOON - GRACE + 1, True), (NOON - GRACE, False)):
            for used in (Used(octets=101, octets_over_since=since), Used(files=2, files_over_since=since)):
                explanation = asked("STOR", "/a", profile, used={"user alice": used})
                self.assertEqual(explanation.allowed, allowed)
                self.assertTrue(any("soft" in step.rule for step in explanation.steps))

    def test_traffic(self) -> None:
        """What was moved today and this month counts for the direction."""
        profile = profile_of({"upload_day": "10", "download_month": "10", "largest_file": "7"})
        used = {"user alice": Used(traffic={"upload_day": 10, "download_month": 9})}
        upload, download = (asked(verb, "/a", profile, used=used) for verb in ("STOR", "RETR"))
        self.assertEqual(upload.decisive.rule, "upload-day of user alice: 10 of 10 octets used")
        self.assertIn("largest-file of user alice: 7 octets", [step.rule for step in upload.steps])
        self.assertTrue(download.allowed)
