"""Who may log in."""

from __future__ import annotations

from twisted.cred.error import UnauthorizedLogin
from twisted.cred.strcred import ICheckerFactory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ftpx_sqlite.login import SqliteCheckerFactory, add_user


class LoginTests(SynchronousTestCase):
    """A database with one user."""

    def setUp(self) -> None:
        """Add the user."""
        self.file = self.mktemp()
        add_user(self.file, "alice", "correct horse")
        factory = SqliteCheckerFactory()
        verifyObject(ICheckerFactory, factory)
        self.checker = factory.generateChecker(self.file)

    def test_right(self) -> None:
        """The right password lets the user in, by the name."""
        self.assertEqual(self.checker.check(b"alice", b"correct horse"), b"alice")

    def test_wrong(self) -> None:
        """A wrong password, an unknown user and octets that are no text are refused alike."""
        for name, password in ((b"alice", b"wrong"), (b"bob", b"correct horse"), (b"\xff\0", b"\xff\0"), (b"", b"")):
            self.assertRaises(UnauthorizedLogin, self.checker.check, name, password)

    def test_changed(self) -> None:
        """Another password counts at once."""
        add_user(self.file, "alice", "battery staple")
        self.assertEqual(self.checker.check(b"alice", b"battery staple"), b"alice")
        self.assertRaises(UnauthorizedLogin, self.checker.check, b"alice", b"correct horse")
