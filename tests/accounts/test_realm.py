"""Tests of `ftpx.accounts.realm`."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.cred.checkers import ANONYMOUS
from twisted.cred.error import LoginDenied
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import Interface
from zope.interface.verify import verifyObject

from ftpx.accounts.realm import Account, Realm, account_name, safe_name
from ftpx.errors import StorageUnavailable
from ftpx.interfaces import IAccount


class RealmTests(SynchronousTestCase):
    """From a name to an account."""

    def setUp(self) -> None:
        """A realm whose homes are opened when the test says so."""
        self.asked: list[tuple[str, bool]] = []
        self.home: Deferred[Any] = Deferred()
        self.realm = Realm(self.open_home)

    async def open_home(self, name: str, anonymous: bool) -> Any:
        """Wait for the test."""
        self.asked.append((name, anonymous))
        return await self.home

    def test_contract(self) -> None:
        """It is a realm, and its avatars are accounts."""
        verifyObject(IRealm, self.realm)
        verifyObject(IAccount, Account("alice", False, self.home))  # type: ignore[arg-type]

    def test_account(self) -> None:
        """An account has the name, the home that was opened for it, and a way to log out."""
        answer = self.realm.requestAvatar(b"alice", None, IAccount)
        assert isinstance(answer, Deferred)
        self.assertNoResult(answer)
        storage = object()
        self.home.callback(storage)
        interface, account, logout = self.successResultOf(answer)
        self.assertEqual((interface, account), (IAccount, Account("alice", False, storage)))  # type: ignore[arg-type]
        logout()
        self.assertEqual(self.asked, [("alice", False)])

    def test_anonymous(self) -> None:
        """Who is nobody is called anonymous, and the home is told apart from that of a user of this name."""
        for avatar_id in (ANONYMOUS, b"anonymous"):
            self.realm.requestAvatar(avatar_id, None, IAccount)
        self.assertEqual(self.asked, [("anonymous", True), ("anonymous", False)])

    def test_no_home(self) -> None:
        """What opening the home raises ends the login."""
        answer = self.realm.requestAvatar(b"alice", None, IAccount)
        self.home.errback(StorageUnavailable())
        self.failureResultOf(answer, StorageUnavailable)

    def test_other_interface(self) -> None:
        """Nothing but accounts can be had."""
        self.assertRaises(NotImplementedError, self.realm.requestAvatar, b"alice", None, Interface)
        self.assertEqual(self.asked, [])

    def test_frozen(self) -> None:
        """Nobody can change an account under a session."""
        account: Any = Account("alice", False, self.home)  # type: ignore[arg-type]
        self.assertRaises(AttributeError, setattr, account, "name", "root")


class AccountNameTests(SynchronousTestCase):
    """What checkers vouch for."""

    @given(st.binary())
    def test_octets(self, name: bytes) -> None:
        """AU19: two names of different octets are two names."""
        self.assertEqual(account_name(name).encode("utf-8", "surrogateescape"), name)

    def test_text(self) -> None:
        """AU19, CP22: a name that is text already is taken as it is, neither folded nor filled in."""
        for name in ("Alice", "e\u0301", "%n%s%x", "{0.__class__}", "${HOME}"):
            self.assertEqual(account_name(name), name)


class SafeNameTests(SynchronousTestCase):
    """Names of homes."""

    def test_safe(self) -> None:
        """AU16, AU19: what is one visible path component is taken as it is."""
        for name in ("alice", "Zoë", "a b", "a.b", "-rf", "'; DROP TABLE users", "x:)", "\udcff", "é" * 127, "n" * 255):
            self.assertEqual(safe_name(name), name)

    def test_refused(self) -> None:
        """AU18: nothing that leads elsewhere, hides or breaks a line is the name of a home."""
        for name in ("", ".", "..", "../../etc", "a/b", "/", "x\0y", ".ssh", "a\nb", "\x1b[2J", "\x7f", "a\x85b"):
            self.assertRaises(LoginDenied, safe_name, name)

    def test_too_long(self) -> None:
        """AU18: the limit is in octets, not in characters."""
        for name in ("n" * 256, "é" * 128, "\ud800"):
            self.assertRaises(LoginDenied, safe_name, name)

    @given(st.text(st.characters(categories=("L", "N", "P", "S", "Z", "C"))))
    def test_one_component(self, name: str) -> None:
        """AU18, CP23: whatever passes is one component without control characters."""
        try:
            safe_name(name)
        except LoginDenied:
            return
        self.assertNotIn("/", name)
        self.assertNotIn(name, ("", ".", ".."))
        self.assertFalse(any(ord(character) < 32 or 127 <= ord(character) < 160 for character in name))
        self.assertLessEqual(len(name.encode("utf-8", "surrogateescape")), 255)
