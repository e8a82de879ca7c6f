"""Scores and bans, as numbers."""

from __future__ import annotations

import attrs
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.banning import (
    Ban,
    NoBans,
    Score,
    address_subject,
    ban_after,
    login_subject,
    name_subject,
    next_score,
)

__all__ = ["Rules"]


@attrs.frozen
class Rules:
    """Settings of bans."""

    ban_failures: int = 10
    ban_name_failures: int = 50
    ban_window: int = 600
    ban_first: int = 60
    ban_factor: int = 4
    ban_longest: int = 86_400


class ScoreTests(SynchronousTestCase):
    """How failures add up."""

    def test_halves(self) -> None:
        """A score grows by 1 and halves in each window, down to nothing."""
        score = next_score(next_score(Score(), 1000.0, Rules()), 1000.0, Rules())
        self.assertEqual((score.score, score.at(1600, 600), score.at(2200, 600)), (2, 1, 0.5))
        self.assertEqual(score.at(1e12, 600), 0)
        self.assertEqual(next_score(score, 1600.0, Rules()).score, 2)

    def test_clock_that_goes_back(self) -> None:
        """A clock that goes back makes no score grow."""
        self.assertEqual(next_score(Score(3.0, 1000.0), 10.0, Rules()), Score(4.0, 1000.0))


class LengthTests(SynchronousTestCase):
    """How long bans are."""

    def test_grows(self) -> None:
        """AU04: each ban is four times as long as the one before, up to a day."""
        ban, lengths, now = None, [], 0.0
        for _ in range(8):
            ban = ban_after(ban, "address:192.0.2.1", now, Rules(), "why")
            assert ban.until is not None
            lengths.append(ban.until - now)
            now = ban.until + 1
        self.assertEqual(lengths, [60, 240, 960, 3840, 15_360, 61_440, 86_400, 86_400])

    def test_forgotten(self) -> None:
        """Who was not banned for as long as the longest ban is begins anew."""
        first = ban_after(None, "a", 0, Rules(), "why")
        self.assertEqual(ban_after(first, "a", 60 + 86_399, Rules(), "why").times, 2)
        self.assertEqual(ban_after(first, "a", 60 + 86_400, Rules(), "why").times, 1)

    def test_bounded(self) -> None:
        """However often somebody was banned, the numbers stay small."""
        often = Ban(subject="a", since=0, until=1, times=10**6)
        self.assertEqual(ban_after(often, "a", 2, Rules(), "why").until, 86_402)

    def test_operator(self) -> None:
        """What an operator has banned stays as it is while it holds."""
        for_ever = Ban(subject="a", since=0, until=None, by_operator=True)
        self.assertIs(ban_after(for_ever, "a", 5, Rules(), "why"), for_ever)
        over = Ban(subject="a", since=0, until=4, by_operator=True)
        self.assertFalse(ban_after(over, "a", 5, Rules(), "why").by_operator)


class SubjectTests(SynchronousTestCase):
    """What failures are kept under."""

    def test_au19_one_identity(self) -> None:
        """AU19: no spelling of a name has a score of its own."""
        self.assertEqual(name_subject("ALICE"), "name:alice")
        self.assertEqual(name_subject("e\u0301"), name_subject("\u00c9"))
        self.assertEqual(login_subject("::ffff:192.0.2.1", "Alice"), "address:192.0.2.1 name:alice")

    def test_nobodys_names(self) -> None:
        """AU16: a name that nobody can have is not kept, whatever is in it."""
        for name in ("", "x" * 65, "a:b", "../../etc", "a\udcff", "x\0y", "-x", "a name:alice"):
            self.assertIsNone(name_subject(name), name)
            self.assertIsNone(login_subject("192.0.2.1", name))
        self.assertEqual(address_subject("2001:db8::1"), "address:2001:db8::/64")


class NoBansTests(SynchronousTestCase):
    """Servers without bans."""

    def test_nobody(self) -> None:
        """Nobody is banned, whatever fails."""
        bans = NoBans()
        for _ in range(100):
            bans.failed("192.0.2.1", "alice")
        self.assertFalse(bans.refuses("192.0.2.1") or bans.refuses_login("192.0.2.1", "alice"))
