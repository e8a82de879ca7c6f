"""Tests of `ftpx.accounts.checkers`."""

from __future__ import annotations

from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import LoginDenied, UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ftpx.accounts.checkers import (
    MAXIMUM_PASSWORD,
    AnyChecker,
    ClearPasswords,
    PasswordChecker,
    memory_passwords,
)
from ftpx.errors import ConfigurationError, StorageUnavailable
from ftpx.testing.pool import InlinePool
from tests.accounts.doubles import FullPool, StubChecker, ask, granted, log_events

HOSTILE = (
    b"' OR 1=1 --",
    b"\\'",
    b"%27",
    b"x'||sleep(5)--",
    b"${}",
    b"%n%s%x",
    b"{0.__class__}",
    b"x:)",
    b"\x1b[2J",
    b"\xff\xfe",
    b"",
    b"../../etc",
    b"x" * 5000,
)


class MemoryPasswordsTests(SynchronousTestCase):
    """``memory:`` arguments."""

    def test_pairs(self) -> None:
        """Names and passwords alternate, and each password is only its own user's."""
        passwords = memory_passwords("alice:secret:bob:hunter2")
        self.assertTrue(passwords.verify(b"alice", b"secret"))
        self.assertTrue(passwords.verify(b"bob", b"hunter2"))
        self.assertFalse(passwords.verify(b"alice", b"hunter2"))
        self.assertFalse(passwords.verify(b"carol", b"secret"))

    def test_octets(self) -> None:
        """Octets of the command line that are not UTF-8 are the same octets in a login."""
        passwords = memory_passwords("zo\udceb:p\xe4ss")
        self.assertTrue(passwords.verify(b"zo\xeb", "p\xe4ss".encode()))

    def test_malformed(self) -> None:
        """IL04: a wrong argument is an error in one line that quotes no password."""
        for arguments in ("", "alice", "alice:", ":s3cr3t", "alice:s3cr3t:bob", "alice:s3cr3t:alice:s3cr3t"):
            error = self.assertRaises(ConfigurationError, memory_passwords, arguments)
            self.assertNotIn("s3cr3t", str(error))
            self.assertNotIn("\n", str(error))

    def test_not_kept(self) -> None:
        """IL04: the clear text is not kept, so no dump of the object shows it."""
        self.assertNotIn("s3cr3t", repr(vars(memory_passwords("alice:s3cr3t"))))


class SlowPasswords(ClearPasswords):
    """Passwords whose check takes its time."""

    blocking = True


class PasswordCheckerTests(SynchronousTestCase):
    """Passwords as a checker of `twisted.cred`."""

    def setUp(self) -> None:
        """One user."""
        self.pool = InlinePool()
        self.checker = PasswordChecker(ClearPasswords({b"alice": b"secret"}), self.pool)

    def test_contract(self) -> None:
        """It is a checker of names and passwords."""
        verifyObject(ICredentialsChecker, self.checker)
        self.assertEqual(self.checker.credentialInterfaces, (IUsernamePassword,))

    def test_in_pool(self) -> None:
        """AU07: every check that may take long is a call in the pool, and no other is."""
        for kind, calls in ((SlowPasswords, 3), (ClearPasswords, 0)):
            pool = InlinePool()
            checker = PasswordChecker(kind({b"alice": b"secret"}), pool)
            self.assertTrue(granted(self, checker, "alice", "secret"))
            self.assertFalse(granted(self, checker, "alice", "wrong"))
            self.assertFalse(granted(self, checker, "bob", "secret"))
            self.assertEqual(pool.calls, calls)

    def test_full_pool(self) -> None:
        """AU07: if too many checks wait already, that is no wrong password."""
        checker = PasswordChecker(SlowPasswords({}), FullPool())
        self.failureResultOf(ask(checker, "alice", "secret"), StorageUnavailable)

    def test_same_refusal(self) -> None:
        """AU01: known and unknown users are refused by the same error with the same text."""
        refusals = [self.failureResultOf(ask(self.checker, name, "x"), UnauthorizedLogin) for name in ("alice", "bob")]
        self.assertEqual(*[(refusal.type, refusal.value.args) for refusal in refusals])

    def test_hostile(self) -> None:
        """AU16, AU20, AU22, CP22: whatever the name or password is, it is only compared, and refused."""
        for octets in (*HOSTILE, b"anonymous", b"ftp"):
            self.assertFalse(granted(self, self.checker, octets, "secret"))
            self.assertFalse(granted(self, self.checker, "alice", octets))

    def test_spellings(self) -> None:
        """AU19: a name is its octets: case, normal form, trailing dots and spaces all make another name."""
        checker = PasswordChecker(ClearPasswords({"é".encode(): b"x", b"Alice": b"x"}), self.pool)
        for name in ("e\u0301", "alice", "ALICE", "Alice.", "Alice ", " Alice", "Alice\0"):
            self.assertFalse(granted(self, checker, name, "x"))
        self.assertTrue(granted(self, checker, "\u00e9", "x"))

    def test_long_password(self) -> None:
        """AU08: a password over the limit is never right, and only a short one is worked on."""
        seen: list[bytes] = []

        class Yes:
            blocking = False

            def verify(self, name: bytes, password: bytes) -> bool:
                seen.append(password)
                return True

        checker = PasswordChecker(Yes(), self.pool)
        self.assertTrue(granted(self, checker, "alice", b"x" * MAXIMUM_PASSWORD))
        for password in (b"x" * (MAXIMUM_PASSWORD + 1), b"x" * 2**20, b"a\0b"):
            self.assertFalse(granted(self, checker, "alice", password))
        self.assertEqual([len(password) for password in seen], [MAXIMUM_PASSWORD, 1, 1, 1])

    def test_secrets_hidden(self) -> None:
        """IL04: the repr of a checker shows neither names nor passwords."""
        self.assertEqual(repr(self.checker), "PasswordChecker()")


class AnyCheckerTests(SynchronousTestCase):
    """Several checkers as one."""

    def setUp(self) -> None:
        """Listen to the log."""
        self.events = log_events(self)

    def join(self, *checkers: object) -> AnyChecker:
        """The checkers as one."""
        return AnyChecker((IUsernamePassword,), checkers)

    def test_contract(self) -> None:
        """It is a checker itself."""
        verifyObject(ICredentialsChecker, self.join())

    def test_any(self) -> None:
        """A user of the second source gets in, and the third is not asked."""
        third = StubChecker(b"mallory")
        joined = self.join(StubChecker(UnauthorizedLogin()), StubChecker(b"alice"), third)
        self.assertEqual(self.successResultOf(ask(joined, "alice", "x")), b"alice")
        self.assertEqual(third.asked, 0)

    def test_every_kind_of_answer(self) -> None:
        """A source may answer at once, by a Deferred, or be a coroutine function, which is waited for."""
        wait: Deferred[bytes] = Deferred()

        class AtOnce(StubChecker):
            def requestAvatarId(self, credentials: Any) -> Any:
                return self.answer

        class Later(StubChecker):
            async def requestAvatarId(self, credentials: Any) -> Any:  # type: ignore[override]
                if await wait != b"yes":
                    raise UnauthorizedLogin
                return self.answer

        self.assertEqual(self.successResultOf(ask(self.join(AtOnce(b"alice")), "alice", "x")), b"alice")
        answer = ask(self.join(Later(b"alice")), "alice", "x")
        self.assertNoResult(answer)
        wait.callback(b"no")
        self.failureResultOf(answer, UnauthorizedLogin)

    def test_none(self) -> None:
        """AU01: who is refused by all was looked for in all, and the refusal does not tell by whom."""
        checkers = [StubChecker(UnauthorizedLogin("no such user")), StubChecker(LoginDenied("disabled"))]
        refusal = self.failureResultOf(ask(self.join(*checkers), "alice", "x"), UnauthorizedLogin)
        self.assertEqual(refusal.value.args, ())
        self.assertEqual([checker.asked for checker in checkers], [1, 1])

    def test_broken_source(self) -> None:
        """IL04: a source that breaks refuses, the next is asked, and the log quotes nothing of the credentials."""
        broken = StubChecker(UnicodeDecodeError("utf-8", b"s3cr3t\xff", 6, 7, "s3cr3t"))
        self.assertTrue(granted(self, self.join(broken, StubChecker(b"alice")), "alice", "s3cr3t"))
        self.assertFalse(granted(self, self.join(broken), "alice", "s3cr3t"))
        self.assertEqual([event["error"] for event in self.events], ["UnicodeDecodeError"] * 2)
        self.assertNotIn("s3cr3t", repr(self.events))

    def test_unavailable_source(self) -> None:
        """While one source cannot tell, users of another get in, and nobody is told that a password is wrong."""
        away = StubChecker(StorageUnavailable())
        self.assertTrue(granted(self, self.join(away, StubChecker(b"alice")), "alice", "x"))
        joined = self.join(away, StubChecker(UnauthorizedLogin()))
        self.failureResultOf(ask(joined, "alice", "x"), StorageUnavailable)
