"""Known and unknown users cost the same work, counted and not timed."""

from __future__ import annotations

import hmac
from collections import Counter
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.checkers import ClearPasswords, PasswordChecker, Passwords
from ftpx.accounts.htpasswd import HashedPasswords, LibpassHashes
from ftpx.accounts.password_file import Format, PasswordFile, clear_passwords_file
from ftpx.testing.pool import InlinePool
from tests.accounts.doubles import CountedHashes, granted, temporary_path
from tests.accounts.vectors import VECTORS


class HashTimingTests(SynchronousTestCase):
    """AU02 for hashed passwords."""

    def work(self, stored: dict[bytes, bytes], name: str) -> list[bytes]:
        """The costs of the hashes that one failed login verifies."""
        hashes = CountedHashes()
        checker = PasswordChecker(HashedPasswords(hashes, stored), InlinePool())
        self.assertFalse(granted(self, checker, name, "wrong"))
        return hashes.costs

    def test_one_cost(self) -> None:
        """AU02: one hash of the file's cost is verified for everybody."""
        stored = {b"user%d" % number: b"12=secret" for number in range(5)}
        for name in ("user0", "user4", "nobody", "", "user5"):
            self.assertEqual(self.work(stored, name), [b"12"])

    def test_mixed_costs(self) -> None:
        """AU02: in a mixed file unknown names have the costs of the known ones, about as often."""
        stored = {b"cheap%d" % number: b"4=secret" for number in range(10)}
        stored |= {b"dear%d" % number: b"12=secret" for number in range(30)}
        hashes = CountedHashes()
        passwords = HashedPasswords(hashes, stored)
        for number in range(2000):
            passwords.verify(b"nobody%d" % number, b"x")
        self.assertEqual(set(hashes.costs), {b"4", b"12"})
        # A quarter is expected; eight standard deviations to each side.
        self.assertTrue(345 < Counter(hashes.costs)[b"4"] < 655)

    def test_same_again(self) -> None:
        """AU02: trying an unknown name again meets the same cost, as it does for a known one."""
        hashes = CountedHashes()
        passwords = HashedPasswords(hashes, {b"a": b"1=x", b"b": b"2=x", b"c": b"3=x"})
        for _ in range(20):
            passwords.verify(b"nobody", b"x")
        self.assertEqual(len(set(hashes.costs)), 1)

    def test_real_hashes(self) -> None:
        """AU02: it is the library's own verification that unknown users cost, once each."""
        _, _, stored = VECTORS[0]
        hashes = LibpassHashes()
        passwords = HashedPasswords(hashes, {b"alice": stored.encode()})
        with patch.object(LibpassHashes, "verify", autospec=True, side_effect=LibpassHashes.verify) as verify:
            passwords.verify(b"alice", b"wrong")
            passwords.verify(b"nobody", b"wrong")
        self.assertEqual([call.args for call in verify.mock_calls], [(hashes, stored.encode(), b"wrong")] * 2)

    def test_long_password(self) -> None:
        """AU08: a password of a mebibyte costs one verification, as any other."""
        hashes = CountedHashes()
        checker = PasswordChecker(HashedPasswords(hashes, {b"alice": b"12=secret"}), InlinePool())
        for name in ("alice", "nobody"):
            self.assertFalse(granted(self, checker, name, b"x" * 2**20))
        self.assertEqual(hashes.costs, [b"12", b"12"])


class ClearTimingTests(SynchronousTestCase):
    """AU02 for passwords in clear text."""

    def comparisons(self, passwords: Passwords, name: bytes, password: bytes) -> list[tuple[int, ...]]:
        """The lengths of what one login compares."""
        with patch("hmac.compare_digest", side_effect=hmac.compare_digest) as compare:
            passwords.verify(name, password)
        return [tuple(len(argument) for argument in call.args) for call in compare.mock_calls]

    def test_memory(self) -> None:
        """AU02: one comparison of two digests in constant time, whoever asks with whatever length."""
        passwords = ClearPasswords({b"alice": b"secret", b"bob": b"x" * 100})
        for name in (b"alice", b"bob", b"nobody", b""):
            for password in (b"", b"secret", b"x" * 1000):
                self.assertEqual(self.comparisons(passwords, name, password), [(32, 32)])

    def test_file(self) -> None:
        """AU02: a file costs one look and one comparison for known and unknown users."""
        path = temporary_path(self)
        path.write_text("alice:secret\nbob:hunter2\n")
        passwords = clear_passwords_file(str(path))
        for name in (b"alice", b"bob", b"nobody"):
            self.assertEqual(self.comparisons(passwords, name, b"wrong"), [(32, 32)])

    def test_damaged_entry(self) -> None:
        """AU02: a user whose hash was damaged meanwhile costs what everybody costs."""
        path = temporary_path(self)
        path.write_text("alice:12=secret\nbob:12=hunter2\n")
        hashes = CountedHashes()
        users = PasswordFile(
            str(path), Format("htpasswd", hashes.fault, lambda stored: HashedPasswords(hashes, stored))
        )
        path.write_text("alice:damaged\nbob:12=hunter2\n")
        for name in (b"alice", b"bob", b"nobody"):
            self.assertFalse(users.verify(name, b"damaged"))
        self.assertEqual(hashes.costs, [b"12"] * 3)
