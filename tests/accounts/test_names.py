"""Tests of ``ftpx.accounts.names``."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.names import check_name, home_path, identity_of, is_name, parse_home
from ftpx.errors import ConfigurationError

_ESCAPES = ["../../etc", ".", "..", "a/b", "", "x\0y", "a\\b", "\uff0e\uff0e", "\uff0fetc", "a\nb", " a", "a ", "a."]


class NamesTests(SynchronousTestCase):
    """Which names there may be."""

    def test_ordinary(self) -> None:
        """Names of people and machines are names."""
        for name in ("alice", "Bob Smith", "till-7", "josé", "例", "a.b@example.org", "x" * 64):
            self.assertEqual(check_name(name), name)

    def test_au18_escapes(self) -> None:
        """AU18: what could lead out of a home, or hide it, is no name."""
        for name in _ESCAPES:
            self.assertRaises(ConfigurationError, check_name, name)

    def test_too_long(self) -> None:
        """Neither more than 64 characters nor more than 255 octets."""
        self.assertFalse(is_name("x" * 65))
        self.assertFalse(is_name("\U00010348" * 64))

    def test_au19_one_identity(self) -> None:
        """AU19: neither case nor normal form nor width makes another name."""
        for spelling in ("Alice", "ALICE", "\uff41\uff4cice"):
            self.assertEqual(identity_of(spelling), identity_of("alice"))
        self.assertEqual(identity_of(unicodedata.normalize("NFD", "José")), identity_of("josé"))
        self.assertNotEqual(identity_of("alice"), identity_of("alicé"))

    def test_composed(self) -> None:
        """A name is kept in the composed form."""
        self.assertEqual(check_name(unicodedata.normalize("NFD", "josé")), "josé")

    @given(st.text(max_size=20))
    def test_identity_is_stable(self, name: str) -> None:
        """The identity of an identity is itself."""
        self.assertEqual(identity_of(identity_of(name)), identity_of(name))


class HomeTests(SynchronousTestCase):
    """Homes by a template."""

    def test_templates(self) -> None:
        """The name stands where the template says."""
        self.assertEqual(home_path("/{name}", "alice"), ("alice",))
        self.assertEqual(home_path("/homes/{name}/files", "alice"), ("homes", "alice", "files"))
        self.assertEqual(home_path("/u-{name}", "alice"), ("u-alice",))
        self.assertEqual(home_path("/", "alice"), ())

    def test_templates_refused(self) -> None:
        """A template is an absolute path that goes up nowhere."""
        for template in ("{name}", "/../x", "/a/../b", "/a/./b", "/x\0"):
            self.assertRaises(ConfigurationError, parse_home, template)

    def test_au18_names(self) -> None:
        """AU18: no name leads out of its component, whoever has put it into the database."""
        for name in _ESCAPES:
            self.assertRaises(ConfigurationError, home_path, "/homes/{name}", name)

    def test_fixed_home(self) -> None:
        """A home without the name in it takes any name."""
        self.assertEqual(home_path("/pub", "whoever"), ("pub",))

    @given(st.text(max_size=10))
    def test_au18_any_name(self, name: str) -> None:
        """AU18: what a name becomes is one component below the template's directory, or an error."""
        try:
            path = home_path("/homes/{name}", name)
        except ConfigurationError:
            return
        self.assertEqual(path[0], "homes")
        self.assertEqual(len(path), 2)
        self.assertNotIn(path[1], {"", ".", ".."})
        self.assertNotIn("/", path[1])
