"""Tests of ``ftpx.accounts.access``."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ftpx.accounts.access import AccessRules
from ftpx.interfaces import IAccessRules, Right
from tests.accounts.profiles import profile_of


class RightsTests(SynchronousTestCase):
    """Rights by directory."""

    def test_contract(self) -> None:
        """It is what storages ask."""
        verifyObject(IAccessRules, AccessRules(profile_of()))

    def test_nothing_said(self) -> None:
        """Who has no rules may do everything at home."""
        self.assertEqual(AccessRules(profile_of()).rights(("a", "b")), Right.ALL)

    def test_longest_directory(self) -> None:
        """The rule of the nearest directory above counts."""
        rules = AccessRules(profile_of({"rights": ["/=look", "/in=write", "/in/open=all"]}))
        for path, rights in {
            (): Right.LOOK,
            ("x", "y"): Right.LOOK,
            ("in",): Right.WRITE,
            ("in", "a"): Right.WRITE,
            ("in", "open", "a"): Right.ALL,
            ("inn",): Right.LOOK,
        }.items():
            self.assertEqual(rules.rights(path), rights, path)

    def test_user_before_groups(self) -> None:
        """For one directory the user's own rule counts, whatever groups say."""
        rules = AccessRules(profile_of({"rights": ["/p=none"]}, {"g": {"rights": ["/p=all", "/q=look"]}}))
        self.assertEqual(rules.rights(("p",)), Right(0))
        self.assertEqual(rules.rights(("q",)), Right.LOOK)

    def test_groups_together(self) -> None:
        """What one group allows, another does not take away."""
        rules = AccessRules(profile_of({}, {"a": {"rights": ["/p=list"]}, "b": {"rights": ["/p=read"]}}))
        self.assertEqual(rules.rights(("p",)), Right.LOOK)

    def test_hidden(self) -> None:
        """A hidden name gives no rights, nor does anything below it; dots at the beginning count like others."""
        rules = AccessRules(profile_of({"hidden": ["*.bak"]}, {"g": {"hidden": ["secret"]}}))
        for path in (("a.bak",), ("secret",), ("secret", "x"), ("d", "a.bak"), (".x.bak",)):
            self.assertTrue(rules.is_hidden(path))
            self.assertEqual(rules.rights(path), Right(0))
        self.assertFalse(rules.is_hidden(("a.bakery",)))
        self.assertFalse(rules.is_hidden(()))

    def test_boundaries(self) -> None:
        """Where rules or mounts begin, and above, nothing may be moved; below it may."""
        rules = AccessRules(profile_of({"rights": ["/a/b=none"], "mounts": ["/m/n=memory:"]}))
        for path, expected in {
            ("a",): True,
            ("a", "b"): True,
            ("a", "b", "c"): False,
            ("m",): True,
            ("m", "n"): True,
            ("x",): False,
        }.items():
            self.assertEqual(rules.is_boundary(path), expected, path)

    def test_decisions_name_the_rule(self) -> None:
        """A decision tells the rule it comes of."""
        rules = AccessRules(
            profile_of({"rights": ["/=look"], "hidden": ["*.tmp"]}, {"staff": {"rights": ["/in=write"]}})
        )
        for path, right, expected in [
            (("a",), Right.READ, (True, "rights /=look of user alice")),
            (("a",), Right.WRITE, (False, "rights /=look of user alice")),
            (("in", "a"), Right.WRITE, (True, "rights /in=write of group staff")),
            (("a.tmp",), Right.READ, (False, "hidden *.tmp of user alice")),
        ]:
            decision = rules.decide(path, right)
            self.assertEqual((decision.allowed, decision.rule), expected)
        self.assertIn("no rule", AccessRules(profile_of()).decide((), Right.ALL).rule)
