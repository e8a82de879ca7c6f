"""Tests of `ftpx.accounts.certificate`."""

from __future__ import annotations

from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnhandledCredentials
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ftpx.accounts.authentication import make_portal
from ftpx.accounts.certificate import CertificateChecker, CertifiedName, ICertifiedName
from ftpx.accounts.realm import Realm
from ftpx.interfaces import IAccount, IStorage
from ftpx.storage.memory import MemoryStorage


async def _home(name: str, anonymous: bool) -> IStorage:
    return MemoryStorage()


class CertificateCheckerTests(SynchronousTestCase):
    """TL26: logins by certificate."""

    def test_interfaces(self) -> None:
        """Checker and credentials provide their interfaces."""
        verifyObject(ICredentialsChecker, CertificateChecker())
        verifyObject(ICertifiedName, CertifiedName(b"alice"))

    def test_login(self) -> None:
        """Everybody whose certificate is good has an account, which is not anonymous, whatever the name."""
        portal = make_portal(Realm(_home), [CertificateChecker()])
        for name in (b"alice", b"anonymous", b"ftp", "z\u00f6e".encode()):
            login = portal.login(CertifiedName(name), None, IAccount)
            account: Any = self.successResultOf(login)[1]
            self.assertEqual((account.name.encode("utf-8", "surrogateescape"), account.anonymous), (name, False))

    def test_passwords(self) -> None:
        """It has nothing to say about passwords."""
        portal = make_portal(Realm(_home), [CertificateChecker()])
        login = portal.login(UsernamePassword(b"alice", b"secret"), None, IAccount)
        self.failureResultOf(login, UnhandledCredentials)
