"""Tests of ftpx.wire.paths."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import ArgumentError
from ftpx.wire.paths import quote, render, resolve

names = st.text(st.characters(exclude_characters="/\0\r\n"), min_size=1).filter(lambda name: name not in (".", ".."))
paths = st.lists(names, max_size=6).map(tuple)
arguments = st.lists(st.sampled_from(["..", ".", "", "a", "b c", "...", "\udcff", '"']), max_size=12).map("/".join)


class ResolveTests(SynchronousTestCase):
    """Pathnames of clients."""

    def test_relative(self) -> None:
        """A relative path is under the working directory, an absolute one is not."""
        self.assertEqual(resolve(("pub",), "a/b"), ("pub", "a", "b"))
        self.assertEqual(resolve(("pub",), "/a/b"), ("a", "b"))
        self.assertEqual(resolve(("pub",), ""), ("pub",))
        self.assertEqual(resolve(("pub",), "/"), ())

    def test_dot_dot(self) -> None:
        """PH01: no number of ``..`` leads above the root."""
        self.assertEqual(resolve(("a", "b"), "../c"), ("a", "c"))
        self.assertEqual(resolve(("a",), "../../etc"), ("etc",))
        self.assertEqual(resolve((), "a/../../etc/passwd"), ("etc", "passwd"))
        self.assertEqual(resolve(("a",), "../" * 4000), ())
        self.assertEqual(resolve((), "/.."), ())

    def test_no_other_way_up(self) -> None:
        """PH01: backslashes, more dots and percent signs are only names."""
        for name in ("..\\", "....", "%2e%2e", "..\\..\\etc", ".. ", "\N{FULLWIDTH FULL STOP}."):
            self.assertEqual(resolve(("a",), f"{name}/"), ("a", name))

    def test_normalised(self) -> None:
        """PH02: all spellings of one path are the same tuple."""
        for argument in ("//a", "/./a", "a/", "/a/.", "/a/b/..", "./a", "a//", "b/../a", "///a///"):
            self.assertEqual(resolve((), argument), ("a",), argument)
        self.assertEqual(resolve((), "a//b"), ("a", "b"))

    def test_forbidden(self) -> None:
        """CP09: NUL, CR and LF are refused anywhere in a path."""
        for argument in ("q\0w", "\0", "a\rb", "a/b\n", "\r\n226 pwned"):
            with self.assertRaises(ArgumentError):
                resolve((), argument)

    def test_blanks(self) -> None:
        """CP19: blanks at the ends of a name are part of it."""
        self.assertEqual(resolve((), " a "), (" a ",))

    @given(paths, arguments)
    def test_always_normal(self, cwd: tuple[str, ...], argument: str) -> None:
        """PH02: the result holds sound names only, and resolving it again changes nothing."""
        path = resolve(cwd, argument)
        for name in path:
            self.assertNotIn(name, ("", ".", ".."))
            self.assertNotIn("/", name)
        self.assertEqual(resolve(cwd, render(path)), path)

    @given(paths, paths)
    def test_round_trip(self, cwd: tuple[str, ...], path: tuple[str, ...]) -> None:
        """What is rendered is resolved to the same path from anywhere."""
        self.assertEqual(resolve(cwd, render(path)), path)

    @given(paths, arguments, arguments)
    def test_in_two_steps(self, cwd: tuple[str, ...], first: str, second: str) -> None:
        """Changing to one directory and then to another is the same as both at once."""
        first, second = f"{first}.", second.lstrip("/")
        self.assertEqual(resolve(resolve(cwd, first), second), resolve(cwd, f"{first}/{second}"))


class RenderTests(SynchronousTestCase):
    """Paths as clients see them."""

    def test_render(self) -> None:
        """The root is a slash; names are joined by slashes."""
        self.assertEqual([render(()), render(("a",)), render(("a", "b c"))], ["/", "/a", "/a/b c"])

    def test_quote(self) -> None:
        """PH10: quotes in a name are doubled."""
        self.assertEqual([quote(()), quote(('a"b',)), quote(('"', "c"))], ['"/"', '"/a""b"', '"/""/c"'])

    @given(paths)
    def test_unquote(self, path: tuple[str, ...]) -> None:
        """PH10: a client that undoes the quotes has the path."""
        quoted = quote(path)
        self.assertEqual((quoted[0], quoted[-1]), ('"', '"'))
        self.assertNotIn('"', quoted[1:-1].replace('""', ""))
        self.assertEqual(quoted[1:-1].replace('""', '"'), render(path))
