"""Tests of ftpx.wire.patterns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import ArgumentError
from ftpx.wire.patterns import compile_pattern, has_pattern

short_names = st.text("ab.", min_size=1, max_size=6)


def simple_match(pattern: str, name: str) -> bool:
    """The rule for ``*`` and ``?``, step by step."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return any(simple_match(pattern[1:], name[start:]) for start in range(len(name) + 1))
    return bool(name) and pattern[0] in ("?", name[0]) and simple_match(pattern[1:], name[1:])


class HasPatternTests(SynchronousTestCase):
    """Names and patterns told apart."""

    def test_wildcards(self) -> None:
        """An asterisk, a question mark or a bracket makes a pattern."""
        self.assertEqual([has_pattern(name) for name in ("*", "a?", "[a]", "a[")], [True] * 4)

    def test_names(self) -> None:
        """Other characters do not, braces among them."""
        self.assertEqual([has_pattern(name) for name in ("", "a.txt", "{a,b}", "a]", "\\", "a+b")], [False] * 6)


class PatternTests(SynchronousTestCase):
    """Names that match."""

    def check(self, pattern: str, *, matched: str, others: str) -> None:
        """Assert which of the names, divided by commas, match."""
        test = compile_pattern(pattern)
        self.assertEqual([name for name in f"{matched},{others}".split(",") if test(name)], matched.split(","))

    def test_asterisk(self) -> None:
        """An asterisk is any text."""
        self.check("*.txt", matched="a.txt,a.b.txt", others="a.txtx,a.TXT,txt,.txt")
        self.check("*", matched="a,-l, ", others=".a")

    def test_question_mark(self) -> None:
        """A question mark is one character, of any script or none."""
        self.check("a?c", matched="abc,aüc,a\udcffc,a.c", others="ac,abbc")

    def test_sets(self) -> None:
        """Brackets are one character of a set or not of it."""
        self.check("[a-c]x", matched="ax,cx", others="dx,x,Ax")
        self.check("[!a-c]x", matched="dx,-x", others="ax,.x")
        self.check("[]]", matched="]", others="[,a")

    def test_literal(self) -> None:
        """What is special elsewhere is not here; a bracket that is not closed is only a bracket."""
        self.check("a+(b|c)$", matched="a+(b|c)$", others="ab,aab")
        self.check("{a;b}", matched="{a;b}", others="a,b")
        self.check("a[b", matched="a[b", others="ab")

    def test_hidden(self) -> None:
        """A name with a leading dot wants a pattern with one."""
        self.check(".*", matched=".a,..b", others="a")
        self.check("?a", matched="ba", others=".a")
        self.assertFalse(compile_pattern("[.]a")(".a"))

    def test_line_ends(self) -> None:
        """A name with a line end is matched as a whole."""
        self.assertTrue(compile_pattern("a*b")("a\nb"))
        self.assertFalse(compile_pattern("a")("a\n"))

    def test_longest(self) -> None:
        """RS13: longer patterns than names are refused."""
        self.assertTrue(compile_pattern("?" * 255)("x" * 255))
        for pattern in ("?" * 256, "[" * 1000, "{a,b}" * 200):
            with self.assertRaises(ArgumentError):
                compile_pattern(pattern)

    def test_bombs(self) -> None:
        """RS13: patterns that take others an exponential time come to an end."""
        name = "a" * 255
        for pattern in (
            "*a*a*a*a*b",
            "*a" * 127 + "b",
            "*" * 254 + "b",
            "*?" * 127 + "b",
            "[" * 255,
            "[!" * 127,
            "[a*" * 85,
        ):
            self.assertFalse(compile_pattern(pattern)(name), pattern)
        self.assertTrue(compile_pattern("*a" * 127)(name))

    @given(st.text("ab*?.", max_size=6), short_names)
    def test_same_as_the_rule(self, pattern: str, name: str) -> None:
        """Any pattern of asterisks and question marks matches what the rule says."""
        hidden = name.startswith(".") and not pattern.startswith(".")
        self.assertEqual(compile_pattern(pattern)(name), simple_match(pattern, name) and not hidden)

    @given(st.text("ab[]!-^&|~*?.\\", max_size=12), short_names)
    def test_any_pattern(self, pattern: str, name: str) -> None:
        """Any brackets make a pattern that gives an answer."""
        self.assertIn(compile_pattern(pattern)(name), (True, False))

    @given(st.text("ab{}()+.é\n\udcff", min_size=1, max_size=12))
    def test_names_match_themselves(self, name: str) -> None:
        """A name without wildcards is a pattern for itself alone."""
        test = compile_pattern(name)
        self.assertTrue(test(name))
        self.assertFalse(test(name + "x"))
