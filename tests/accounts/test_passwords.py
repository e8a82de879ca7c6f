"""Hashes of passwords."""

from __future__ import annotations

from unittest.mock import patch

import argon2
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.checkers import MAXIMUM_PASSWORD
from ftpx.accounts.passwords import Argon2Passwords, check_password
from ftpx.accounts.settings import Settings
from ftpx.accounts.totp import DIGITS
from ftpx.errors import ConfigurationError
from tests.accounts.doubles import log_events
from tests.accounts.vectors import VECTORS

# The cheapest there are.
_CHEAP = Settings(argon2_time_cost=1, argon2_memory_cost=1024)
_DEARER = Settings(argon2_time_cost=2, argon2_memory_cost=2048)


class PasswordsTests(SynchronousTestCase):
    """`Argon2Passwords`."""

    def setUp(self) -> None:
        """Nothing is known of any password."""
        self.passwords = Argon2Passwords()

    def test_hash(self) -> None:
        """A hash is argon2id's with the parameters of the settings, and that of its password alone."""
        stored = self.passwords.hash(b"s3cr3t\xff", _CHEAP)
        self.assertTrue(stored.startswith("$argon2id$v=19$m=1024,t=1,p=1$"))
        self.assertTrue(self.passwords.verify(stored, b"s3cr3t\xff", _CHEAP))
        self.assertFalse(self.passwords.verify(stored, b"s3cr3t", _CHEAP))
        self.assertNotEqual(stored, self.passwords.hash(b"s3cr3t\xff", _CHEAP))

    def test_imported(self) -> None:
        """Hashes that other programs made are verified, and are to be replaced."""
        for name, password, stored in VECTORS:
            self.assertIsNone(self.passwords.fault(stored), name)
            shown = password if isinstance(password, bytes) else password.encode()
            self.assertTrue(self.passwords.verify(stored, shown, _CHEAP), name)
            self.assertFalse(self.passwords.verify(stored, b"wrong", _CHEAP), name)
            if not stored.startswith("$argon2id$"):
                self.assertTrue(self.passwords.is_outdated(stored, _CHEAP), name)

    def test_outdated(self) -> None:
        """A hash is to be replaced when a parameter has risen, and not when it has fallen."""
        stored = self.passwords.hash(b"x", _DEARER)
        self.assertFalse(self.passwords.is_outdated(stored, _DEARER))
        self.assertFalse(self.passwords.is_outdated(stored, _CHEAP))
        for settings in (
            Settings(argon2_time_cost=3, argon2_memory_cost=1024),
            Settings(argon2_time_cost=1, argon2_memory_cost=4096),
            Settings(argon2_time_cost=1, argon2_memory_cost=1024, argon2_parallelism=2),
        ):
            self.assertTrue(self.passwords.is_outdated(stored, settings))
        argon2i = argon2.PasswordHasher(time_cost=9, memory_cost=9999, parallelism=9, type=argon2.Type.I).hash("x")
        self.assertTrue(self.passwords.is_outdated(argon2i, _DEARER))

    def test_damaged(self) -> None:
        """CR08: a damaged hash is nobody's password, and is logged without being quoted."""
        whole = self.passwords.hash(b"x", _CHEAP)
        for stored in ("", "x", whole[:-1], whole[:20], whole + "\u00e9", "$argon2id$", "$2b$12$x", "\udcff", "x\0"):
            events = log_events(self)
            self.assertFalse(self.passwords.verify(stored, b"x", _CHEAP))
            self.assertEqual(len(events), 1, stored)
            self.assertNotIn(whole[30:40], repr(events))

    def test_dear(self) -> None:
        """RS06: a hash that asks for more memory or time than any setting may is not verified."""
        whole = self.passwords.hash(b"x", _CHEAP)
        for parameters in ("m=99999999,t=1,p=1", "m=1024,t=999,p=1", "m=1024,t=1,p=100"):
            stored = whole.replace("m=1024,t=1,p=1", parameters)
            self.assertIn("too much", str(self.passwords.fault(stored)))
            self.assertFalse(self.passwords.verify(stored, b"x", _CHEAP))

    def test_au02_one_verification(self) -> None:
        """AU02: it is one verification of the same cost, whether there is a hash, none, or a damaged one."""
        stored = self.passwords.hash(b"x", _CHEAP)
        self.passwords.verify(None, b"x", _CHEAP)
        costs = []
        for given in (stored, None, "damaged"):
            with patch.object(argon2.PasswordHasher, "verify", autospec=True, return_value=True) as verify:
                self.assertEqual(self.passwords.verify(given, b"x", _CHEAP), given == stored)
            costs.append([argon2.extract_parameters(call.args[1]) for call in verify.mock_calls])
        self.assertEqual(costs, [[argon2.extract_parameters(stored)]] * 3)

    def test_au02_stand_in_follows(self) -> None:
        """AU02: what is verified for nobody has the parameters of now, and is made once."""
        with patch.object(argon2.PasswordHasher, "verify", autospec=True, return_value=True) as verify:
            for settings in (_CHEAP, _CHEAP, _DEARER):
                self.assertFalse(self.passwords.verify(None, b"x", settings))
        seen = [call.args[1] for call in verify.mock_calls]
        self.assertEqual(seen[0], seen[1])
        self.assertIn("m=2048,t=2", seen[2])

    def test_check_password(self) -> None:
        """A password that no login could show is none to have."""
        for password in (b"x", b"\xff", b" ", b"x" * (MAXIMUM_PASSWORD - DIGITS)):
            self.assertEqual(check_password(password), password)
        for password in (b"", b"a\0b", b"a\nb", b"a\r", b"x" * (MAXIMUM_PASSWORD - DIGITS + 1)):
            error = self.assertRaises(ConfigurationError, check_password, password)
            self.assertNotIn("xxx", str(error))
