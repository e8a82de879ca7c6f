"""Tests of `ftpx.accounts.authentication`."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from twisted.cred.checkers import ANONYMOUS
from twisted.cred.credentials import Anonymous, IAnonymous, ISSHPrivateKey, IUsernamePassword, UsernamePassword
from twisted.cred.error import UnauthorizedLogin, UnhandledCredentials
from twisted.cred.portal import IRealm
from twisted.cred.strcred import ICheckerFactory
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import Interface, implementer
from zope.interface.verify import verifyObject

from ftpx.accounts import authentication
from ftpx.accounts.authentication import checker_factories, describe_factories, make_checker, make_portal
from ftpx.errors import ConfigurationError
from ftpx.testing.pool import InlinePool
from tests.accounts.doubles import StubChecker, ask, granted, temporary_path
from tests.accounts.vectors import VECTORS, htpasswd

OURS = ["memory", "file", "htpasswd", "pam", "ldap", "anonymous"]


class PluginFactory:
    """A factory that another package brings."""

    def __init__(self, name: str, *interfaces: type[Interface], error: Exception | None = None) -> None:
        self.authType = name
        self.authHelp = "\n  Lines\n  of help.\n"
        self.argStringFormat = "WHAT"
        self.credentialInterfaces = interfaces
        self.error = error
        self.arguments: list[str] = []

    def generateChecker(self, argstring: str) -> StubChecker:
        """Note the argument."""
        if self.error is not None:
            raise self.error
        self.arguments.append(argstring)
        return StubChecker(argstring.encode())


class FactoryTests(SynchronousTestCase):
    """The kinds of login."""

    def setUp(self) -> None:
        """Some plugins beside ours."""
        self.pool = InlinePool()
        self.radius = PluginFactory("radius", IUsernamePassword)
        self.plugins = [
            PluginFactory("file", IUsernamePassword),
            self.radius,
            PluginFactory("sshkey", ISSHPrivateKey),
            PluginFactory("radius", IUsernamePassword),
            PluginFactory("broken", IAnonymous, error=ValueError("no such host")),
        ]
        patcher = patch.object(authentication, "findCheckerFactories", return_value=self.plugins)
        patcher.start()
        self.addCleanup(patcher.stop)

    def test_order(self) -> None:
        """Ours come first and take the place of others of their name; what FTP cannot serve is not offered."""
        factories = checker_factories(self.pool)
        self.assertEqual([factory.authType for factory in factories], [*OURS, "radius", "broken"])
        self.assertIs(factories[len(OURS)], self.radius)

    def test_contract(self) -> None:
        """Ours are factories as `twisted.cred.strcred` wants them."""
        for factory in checker_factories(self.pool)[: len(OURS)]:
            verifyObject(ICheckerFactory, factory)

    def test_describe(self) -> None:
        """Each kind has a name, a form and a help in one line, in the same order."""
        descriptions = describe_factories()
        self.assertEqual(
            [name for name, _, _ in descriptions], [factory.authType for factory in checker_factories(self.pool)]
        )
        self.assertIn(("radius", "WHAT", "Lines of help."), descriptions)
        for _, form, text in descriptions:
            self.assertTrue(form and text)
            self.assertNotIn("\n", text)

    def test_memory(self) -> None:
        """``memory:`` makes a checker of its users."""
        checker = make_checker("memory:alice:secret:bob:hunter2", self.pool)
        self.assertTrue(granted(self, checker, "bob", "hunter2"))

    def test_files(self) -> None:
        """``file:`` and ``htpasswd:`` make checkers of the file that they name."""
        path = temporary_path(self)
        path.write_text("zoë:pä:ss\n")
        self.assertTrue(granted(self, make_checker(f"file:{path}", self.pool), "zoë", "pä:ss"))
        self.assertEqual(self.pool.calls, 1)
        path.write_text(htpasswd())
        self.assertTrue(granted(self, make_checker(f"htpasswd:{path}", self.pool), "user0", VECTORS[0][1]))

    def test_asking(self) -> None:
        """Who asks a directory waits in threads of its own, if there are such, and a file is read in the others."""
        path = temporary_path(self)
        path.write_text("alice:secret\n")
        asking = InlinePool()
        # Nobody is asked about a login without password.
        self.assertFalse(granted(self, make_checker("ldap:ldap://localhost/dc=x", self.pool, asking), "alice", ""))
        self.assertTrue(granted(self, make_checker(f"file:{path}", self.pool, asking), "alice", "secret"))
        self.assertEqual((self.pool.calls, asking.calls), (1, 1))
        self.assertFalse(granted(self, make_checker("ldap:ldap://localhost/dc=x", self.pool), "alice", ""))
        self.assertEqual(self.pool.calls, 2)

    def test_anonymous(self) -> None:
        """``anonymous`` lets nobody in particular in, and takes no argument."""
        for description in ("anonymous", "anonymous:"):
            checker: Any = make_checker(description, self.pool)
            self.assertEqual(self.successResultOf(maybeDeferred(checker.requestAvatarId, Anonymous())), ANONYMOUS)
        self.assertRaises(ConfigurationError, make_checker, "anonymous:yes", self.pool)

    def test_plugin(self) -> None:
        """A plugin gets everything behind the first colon."""
        make_checker("radius:host:389", self.pool)
        self.assertEqual(self.radius.arguments, ["host:389"])

    def test_broken_plugin(self) -> None:
        """A plugin that cannot make its checker is an error with its name and reason."""
        error = self.assertRaises(ConfigurationError, make_checker, "broken:x", self.pool)
        self.assertEqual(str(error), "The login of kind 'broken' cannot be used: no such host")

    def test_unknown(self) -> None:
        """IL04: an unknown kind is an error that names those there are, and not what stands behind the colon."""
        for description in ("nonsense:s3cr3t", ":s3cr3t", ""):
            error = self.assertRaises(ConfigurationError, make_checker, description, self.pool)
            self.assertIn("memory, file, htpasswd, pam, ldap, anonymous, radius", str(error))
            self.assertNotIn("s3cr3t", str(error))


class TwistedPluginTests(SynchronousTestCase):
    """The plugins that Twisted itself brings."""

    def test_real(self) -> None:
        """``file`` and ``memory`` are ours and there once; Twisted's ``unix`` is there, its ``sshkey`` is not."""
        names = [name for name, _, _ in describe_factories()]
        self.assertEqual(names[: len(OURS)], OURS)
        self.assertEqual(len(names), len(set(names)))
        self.assertIn("unix", names)
        self.assertNotIn("sshkey", names)


@implementer(IRealm)
class NameRealm:
    """A realm whose avatars are the names."""

    def requestAvatar(self, avatarId: Any, mind: object, *interfaces: Any) -> Deferred[Any]:
        """The name itself."""
        return succeed((interfaces[0], avatarId, lambda: None))


class PortalTests(SynchronousTestCase):
    """Several ``--auth`` together."""

    def setUp(self) -> None:
        """Two sources of users."""
        pool = InlinePool()
        self.checkers = [make_checker("memory:alice:a", pool), make_checker("memory:bob:b", pool)]
        self.anonymous = make_checker("anonymous", pool)

    def test_all_sources(self) -> None:
        """Users of every source get in, and nobody else."""
        portal = make_portal(NameRealm(), [*self.checkers, self.anonymous])
        for credentials, avatar in (
            (UsernamePassword(b"alice", b"a"), b"alice"),
            (UsernamePassword(b"bob", b"b"), b"bob"),
            (Anonymous(), ANONYMOUS),
        ):
            self.assertEqual(self.successResultOf(portal.login(credentials, None, Interface))[1], avatar)
        wrong = portal.login(UsernamePassword(b"alice", b"b"), None, Interface)
        self.failureResultOf(wrong, UnauthorizedLogin)

    def test_anonymous_off(self) -> None:
        """AU22: without ``anonymous`` nobody gets in unnamed, and a user "anonymous" is one like any other."""
        portal = make_portal(NameRealm(), self.checkers)
        self.failureResultOf(portal.login(Anonymous(), None, Interface), UnhandledCredentials)
        named = portal.login(UsernamePassword(b"anonymous", b"me@here"), None, Interface)
        self.failureResultOf(named, UnauthorizedLogin)

    def test_double_names(self) -> None:
        """A name in two sources gets in by either password."""
        portal = make_portal(NameRealm(), [make_checker("memory:alice:z", InlinePool()), *self.checkers])
        for password in (b"a", b"z"):
            self.successResultOf(portal.login(UsernamePassword(b"alice", password), None, Interface))

    def test_stub_plugin(self) -> None:
        """A plugin's checker is asked with octets, as `twisted.cred` documents it."""
        stub = StubChecker(b"carol")
        portal = make_portal(NameRealm(), [stub])
        self.successResultOf(ask(portal.checkers[IUsernamePassword], "carol", "x"))
        self.assertEqual(stub.asked, 1)
