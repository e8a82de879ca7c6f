"""Rules for rates, as operators write them."""

from __future__ import annotations

import contextlib
from ipaddress import ip_network
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import ConfigurationError
from ftpx.interfaces import Direction
from ftpx.server.rates import Level, RateRule, RateTable, parse_rule, parse_rules

_UP, _DOWN = Direction.UPLOAD, Direction.DOWNLOAD

# Text -> level, whose, direction, rate.
_RULES: dict[str, tuple[Level, Any, Direction | None, int]] = {
    "transfer=1000": (Level.TRANSFER, None, None, 1000),
    "session:up=2K": (Level.SESSION, None, _UP, 2000),
    "server:down=3M": (Level.SERVER, None, _DOWN, 3_000_000),
    "user=4G": (Level.USER, None, None, 4_000_000_000),
    "user:alice=5Ki": (Level.USER, "alice", None, 5120),
    "user:alice:down=6Mi": (Level.USER, "alice", _DOWN, 6 << 20),
    "user:up=7Gi": (Level.USER, None, _UP, 7 << 30),
    "user:up:up=1": (Level.USER, "up", _UP, 1),
    "user:a=b=0": (Level.USER, "a=b", None, 0),
    "user:Jürgen Meier = 10K": (Level.USER, "Jürgen Meier", None, 10_000),
    "address=1": (Level.ADDRESS, None, None, 1),
    "address:down=1": (Level.ADDRESS, None, _DOWN, 1),
    "address:10.0.0.0/8=1": (Level.ADDRESS, ip_network("10.0.0.0/8"), None, 1),
    "address:192.0.2.1:up=1": (Level.ADDRESS, ip_network("192.0.2.1/32"), _UP, 1),
    "address:2001:db8::/32:down=1": (Level.ADDRESS, ip_network("2001:db8::/32"), _DOWN, 1),
    "address:2001:db8::/64=1": (Level.ADDRESS, ip_network("2001:db8::/64"), None, 1),
}
_NO_RULES = (
    "",
    "=",
    "user",
    "user=",
    "=1M",
    "users=1M",
    "User=1M",
    "user=-1",
    "user=1.5M",
    "user=1m",
    "user=1KB",
    "user=1 M",
    "user=\u0661",
    "user=" + "9" * 30,
    "user:=1",
    "user:alice:sideways=1",
    "user::up=1",
    "server:alice=1",
    "transfer:both=1",
    "session:alice:up=1",
    "address:alice=1",
    "address:10.0.0.1/8=1",
    "address:2001:db8::1=1",
    "address:2001:db8::/65=1",
)


class ParseTests(SynchronousTestCase):
    """From texts to rules."""

    def test_rules(self) -> None:
        """Every form."""
        for text, values in _RULES.items():
            self.assertEqual(parse_rule(text), RateRule(*values), text)

    def test_refused(self) -> None:
        """Everything else is refused, in one line that quotes it."""
        for text in _NO_RULES:
            with self.assertRaises(ConfigurationError, msg=text) as caught:
                parse_rule(text)
            self.assertNotIn("\n", str(caught.exception))
            self.assertIn(repr(text), str(caught.exception))

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """Whatever it is, it is a rule or an error."""
        for candidate in (text, f"user:{text}", f"address:{text}=1", f"user={text}"):
            with contextlib.suppress(ConfigurationError):
                self.assertGreaterEqual(parse_rule(candidate).rate, 0)

    def test_file(self) -> None:
        """Lines, comments and blanks; names are octets that need not be UTF-8."""
        content = b"\xef\xbb\xbf# Rates\n\n  user=1K  \r\n\t# user=2K\nuser:caf\xe9=3K"
        self.assertEqual(
            parse_rules(content),
            (RateRule(Level.USER, None, None, 1000), RateRule(Level.USER, "caf\udce9", None, 3000)),
        )
        self.assertEqual(parse_rules(b""), ())

    def test_broken_file(self) -> None:
        """What is wrong is told with its line."""
        with self.assertRaises(ConfigurationError) as caught:
            parse_rules(b"user=1K\n\nuser:alice\nusers=1")
        self.assertIn("line 3: 'user:alice'", str(caught.exception))


class TableTests(SynchronousTestCase):
    """Which rule counts."""

    def rate(self, rules: str, level: Level, direction: Direction = _DOWN, whose: str | None = None) -> int | None:
        """The rate by rules that are separated by blanks."""
        return RateTable(map(parse_rule, rules.split())).rate(level, direction, whose)

    def test_nothing(self) -> None:
        """Without a rule there is no limit."""
        self.assertIsNone(self.rate("", Level.SERVER))
        self.assertIsNone(self.rate("user=1", Level.SESSION))
        self.assertIsNone(self.rate("user:alice=1", Level.USER, whose="bob"))

    def test_direction(self) -> None:
        """The one of the direction counts before the one of both, wherever it stands."""
        for rules in ("server=1 server:up=2", "server:up=2 server=1"):
            self.assertEqual(self.rate(rules, Level.SERVER, _UP), 2)
            self.assertEqual(self.rate(rules, Level.SERVER, _DOWN), 1)

    def test_user(self) -> None:
        """The one of the user counts before that of everybody, whatever the directions are."""
        for rules in ("user=1 user:down=2 user:alice=3", "user:alice=3 user:down=2 user=1"):
            self.assertEqual(self.rate(rules, Level.USER, whose="alice"), 3)
            self.assertEqual(self.rate(rules, Level.USER, whose="bob"), 2)
            self.assertEqual(self.rate(rules, Level.USER, _UP, whose="bob"), 1)

    def test_network(self) -> None:
        """The one of the smallest network counts."""
        rules = "address=1 address:10.0.0.0/8=2 address:10.1.0.0/16=3 address:10.1.2.3:up=4 address:2001:db8::/32=5"
        for address, direction, rate in (
            ("192.0.2.1", _DOWN, 1),
            ("10.2.3.4", _DOWN, 2),
            ("10.1.3.4", _DOWN, 3),
            ("10.1.2.3", _DOWN, 3),
            ("10.1.2.3", _UP, 4),
            ("2001:db8:1:2::", _DOWN, 5),
            ("2001:db9::", _DOWN, 1),
            ("::a01:203", _DOWN, 1),
        ):
            self.assertEqual(self.rate(rules, Level.ADDRESS, direction, address), rate, address)

    def test_no_limit(self) -> None:
        """0 lifts the limit of a more general rule."""
        self.assertIsNone(self.rate("user=1 user:alice=0", Level.USER, whose="alice"))
        self.assertIsNone(self.rate("address=1 address:10.0.0.0/8=0", Level.ADDRESS, whose="10.0.0.1"))

    def test_later_counts(self) -> None:
        """Of two rules for the same the later one counts."""
        self.assertEqual(self.rate("server=1 server=2", Level.SERVER), 2)
        self.assertIsNone(self.rate("server=1 server=0", Level.SERVER))

    def test_truth(self) -> None:
        """A table that limits nothing is as good as none."""
        self.assertFalse(RateTable())
        self.assertFalse(RateTable([parse_rule("user:alice=0")]))
        self.assertTrue(RateTable([parse_rule("user:alice=0"), parse_rule("user:bob=1")]))
