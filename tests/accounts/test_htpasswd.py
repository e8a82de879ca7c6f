"""Tests of `ftpx.accounts.htpasswd`."""

from __future__ import annotations

import sys
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.checkers import PasswordChecker
from ftpx.accounts.htpasswd import HashedPasswords, LibpassHashes, htpasswd_file
from ftpx.errors import ConfigurationError
from ftpx.testing.pool import InlinePool
from tests.accounts.doubles import CountedHashes, granted, temporary_path
from tests.accounts.vectors import PASSWORD, UNSUPPORTED, VECTORS, htpasswd

DAMAGED = (
    "$2y$zz",
    "$2y$05$short",
    "$2y$05$l0FaSfQiQZbceCAkZQtPDO",
    "$apr1$abc$",
    "$5$rounds=999999999$abc$def",
    "$6$rounds=1$x$y",
    "$argon2id$v=19$m=65536,t=3,p=4$aa$bb",
    "{SHA}5en6G6MezRroT3XKqkdPOmY/B!Q=",
)


class LibpassHashesTests(SynchronousTestCase):
    """Hashes that other programs made."""

    def setUp(self) -> None:
        """The library."""
        self.hashes = LibpassHashes()

    def test_vectors(self) -> None:
        """The password of every vector is right, and any other is wrong."""
        for maker, password, stored in VECTORS:
            octets = stored.encode()
            self.assertIsNone(self.hashes.fault(octets), maker)
            self.assertTrue(self.hashes.verify(octets, password.encode()), maker)
            for wrong in (b"", b"Hunter2", b"\xff\xfe", b"x" * 1024, stored.encode()):
                self.assertFalse(self.hashes.verify(octets, wrong), (maker, wrong))

    def test_unsupported(self) -> None:
        """Clear text, DES and unknown kinds are told, and are nobody's password."""
        for maker, stored in UNSUPPORTED:
            self.assertIn("none of bcrypt", self.hashes.fault(stored.encode()) or "", maker)

    def test_damaged(self) -> None:
        """A hash that was cut off or mistyped is told, not an error of the library."""
        for stored in DAMAGED:
            self.assertEqual(self.hashes.fault(stored.encode()), "the hash is damaged", stored)

    @given(
        st.one_of(
            st.binary(max_size=80),
            st.sampled_from([stored.encode() for _, _, stored in VECTORS]).flatmap(
                lambda stored: st.tuples(st.integers(0, len(stored) - 1), st.binary(max_size=3)).map(
                    lambda change: stored[: change[0]] + change[1] + stored[change[0] + 1 :]
                )
            ),
        )
    )
    def test_anything(self, stored: bytes) -> None:
        """Whatever stands in a file is told to be good or not."""
        self.assertIn(self.hashes.fault(stored) is None, (True, False))

    def test_missing(self) -> None:
        """Without one of the libraries the error says what to install."""
        for library in ("passlib.context", "bcrypt", "argon2"):
            with patch.dict(sys.modules, {library: None}):
                error = self.assertRaises(ConfigurationError, LibpassHashes)
            self.assertIn("pip install 'ftpx[htpasswd]'", str(error))


class HtpasswdFileTests(SynchronousTestCase):
    """Whole files."""

    def setUp(self) -> None:
        """A file of all vectors."""
        self.path = temporary_path(self)
        self.path.write_text(htpasswd())

    def test_logins(self) -> None:
        """Every user of the file gets in by their password and by no other, through the pool."""
        checker = PasswordChecker(htpasswd_file(str(self.path)), InlinePool())
        for number, (_, password, _) in enumerate(VECTORS):
            self.assertTrue(granted(self, checker, f"user{number}", password))
        for name, password in (("user0", "wrong"), ("nobody", PASSWORD), ("user0", VECTORS[0][2]), ("user0", "")):
            self.assertFalse(granted(self, checker, name, password))

    def test_unsupported(self) -> None:
        """IL04: a hash of another kind is an error at the start that tells the line and not the hash."""
        for _, stored in UNSUPPORTED:
            self.path.write_text(f"# users\nalice:{stored}\n")
            error = self.assertRaises(ConfigurationError, htpasswd_file, str(self.path))
            self.assertIn("line 2: the hash is none of", str(error))
            self.assertNotIn(stored, str(error))

    def test_missing_file(self) -> None:
        """A file that is not there is an error at the start."""
        error = self.assertRaises(ConfigurationError, htpasswd_file, str(self.path) + ".missing")
        self.assertIn("No such file", str(error))

    def test_no_path(self) -> None:
        """Without a path the error shows the form."""
        self.assertIn("htpasswd:/", str(self.assertRaises(ConfigurationError, htpasswd_file, "")))


class HashedPasswordsTests(SynchronousTestCase):
    """Names and hashes."""

    def test_empty(self) -> None:
        """A file without users lets nobody in."""
        self.assertFalse(HashedPasswords(CountedHashes(), {}).verify(b"alice", b""))

    def test_other_password(self) -> None:
        """An unknown name with somebody's right password is refused."""
        passwords = HashedPasswords(CountedHashes(), {b"alice": b"1=secret"})
        self.assertTrue(passwords.verify(b"alice", b"secret"))
        self.assertFalse(passwords.verify(b"mallory", b"secret"))
