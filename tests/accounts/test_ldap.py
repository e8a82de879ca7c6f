"""Tests of `ftpx.accounts.ldap`, with a directory in memory; `tests.integration.test_ldap` has a real one."""

from __future__ import annotations

import os
import socket
import ssl
import sys
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import attrs
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.ldap import SECONDS, LdapPasswords, ldap_passwords
from ftpx.accounts.ldap_url import LdapUrl
from ftpx.accounts.outage import PAUSE
from ftpx.errors import ConfigurationError, StorageUnavailable
from tests.accounts.doubles import log_events, temporary_path

# It has no types.
ldap3: Any = import_module("ldap3")
URL = "ldap://localhost/dc=x"
ALICE = ("uid=alice,dc=x", ["alice"])


@attrs.define
class Directory:
    """What is in the directory, what it answers, and what it was asked."""

    entries: list[tuple[str, list[str]]] = attrs.Factory(lambda: [ALICE])
    passwords: dict[str, bytes] = attrs.Factory(lambda: {ALICE[0]: b"secret"})
    bind_code: int = 49
    search_code: int = 0
    failing: str = ""
    asked: list[str] = attrs.Factory(list)
    shown: list[bytes] = attrs.Factory(list)
    timeouts: list[float] = attrs.Factory(list)
    meanwhile: Callable[[], object] = lambda: None
    core: Any = ldap3.core
    NONE = SIMPLE = BASE = LEVEL = SUBTREE = DEREF_NEVER = "constant"

    def Tls(self, **settings: object) -> SimpleNamespace:
        """Settings of TLS."""
        return SimpleNamespace(**settings)

    def Server(self, address: str, *_: object, **__: object) -> str:
        """A server is its address here."""
        return address

    def Connection(self, server: str, **settings: Any) -> FakeConnection:
        """A connection that is not open yet."""
        assert settings["auto_referrals"] is False
        return FakeConnection(self, server)


class FakeConnection:
    """What `ftpx.accounts.ldap` uses of ldap3's connections."""

    def __init__(self, directory: Directory, address: str) -> None:
        self.directory = directory
        self.address = address
        self.last_error = ""
        self.result: dict[str, Any] = {}
        self.response: list[dict[str, Any]] = []
        self.socket = SimpleNamespace(settimeout=directory.timeouts.append)

    def _ask(self, what: str) -> None:
        self.directory.asked.append(what)
        if what == self.directory.failing:
            self.last_error = "nobody listens"
            raise ldap3.core.exceptions.LDAPSocketOpenError("(nobody listens, )")
        self.directory.meanwhile()

    def open(self, *, read_server_info: bool) -> None:
        """Connect."""
        self._ask(f"open {self.address}")

    def start_tls(self, *, read_server_info: bool) -> bool:
        """Go on under TLS."""
        self._ask("tls")
        return self.directory.failing != "refused tls"

    def rebind(self, dn: str, password: bytes, **_: object) -> None:
        """Log in; with an empty password it is a success, as RFC 4513 has it."""
        self._ask("bind")
        self.directory.shown.append(password)
        right = not password or self.directory.passwords.get(dn) == password
        self.result = {"result": 0 if right else self.directory.bind_code, "description": "described"}

    def search(self, base: str, condition: str, *_: object, attributes: list[str], **__: object) -> None:
        """All entries, whatever was searched for."""
        self._ask("search")
        self.result = {"result": self.directory.search_code, "description": "described"}
        self.response = [{"type": "searchResRef"}]
        for dn, names in self.directory.entries:
            values = {attributes[0]: [name.encode() for name in names]}
            self.response.append({"type": "searchResEntry", "dn": dn, "raw_attributes": values})

    def unbind(self) -> None:
        """Say goodbye; nobody may be there."""
        self.directory.asked.append("unbind")
        raise OSError


class LdapTestCase(SynchronousTestCase):
    """A test with a directory in memory."""

    def setUp(self) -> None:
        """Nothing is asked yet."""
        self.clock = Clock()
        self.directory = Directory()
        self.addresses = ["127.0.0.1"]
        patcher = patch.object(socket, "getaddrinfo", lambda *_, **__: [(0, (one, 389)) for one in self.addresses])
        patcher.start()
        self.addCleanup(patcher.stop)

    def passwords(self, url: str = URL, secret: bytes = b"") -> LdapPasswords:
        """The users of the directory."""
        context = ssl.create_default_context()
        return LdapPasswords(LdapUrl.parse(url), secret, self.directory, context, self.clock.seconds)


class VerifyTests(LdapTestCase):
    """Right and wrong."""

    def test_right_and_wrong(self) -> None:
        """The password of the entry that was found is right, and no other."""
        passwords = self.passwords()
        self.assertTrue(passwords.verify(b"alice", b"secret"))
        self.assertFalse(passwords.verify(b"alice", b"wrong"))

    def test_au02_same_work(self) -> None:
        """AU02: nobody costs as many questions as somebody does."""
        passwords = self.passwords()
        passwords.verify(b"alice", b"wrong")
        known, self.directory.asked, self.directory.entries = self.directory.asked, [], []
        passwords.verify(b"mallory", b"wrong")
        self.assertEqual(self.directory.asked, known)
        self.assertEqual(known, ["open 127.0.0.1", "search", "bind", "unbind"])

    def test_nobody_with_a_success(self) -> None:
        """A directory that lets everybody in lets nobody in who is not in it."""
        self.directory.entries, self.directory.bind_code = [], 0
        self.assertFalse(self.passwords().verify(b"mallory", b"x"))

    def test_no_password(self) -> None:
        """Without a password, or with a name that nobody can have, nothing is asked."""
        passwords = self.passwords()
        for name, password in ((b"alice", b""), (b"", b"x"), (b"\xff", b"x"), (b"a\0", b"x"), (b"a/b", b"x")):
            self.assertFalse(passwords.verify(name, password))
        self.assertEqual(self.directory.asked, [])

    def test_au19_spelling(self) -> None:
        """AU19: the name must be one of those that the entry has, as it is spelled there."""
        self.directory.entries = [(ALICE[0], ["Alice", "ALICE"])]
        self.assertFalse(self.passwords().verify(b"alice", b"secret"))
        self.assertTrue(self.passwords().verify(b"Alice", b"secret"))

    def test_several(self) -> None:
        """Of several entries none is taken, and the operator is told."""
        events = log_events(self)
        self.directory.entries = [ALICE, ("uid=alice,ou=b,dc=x", ["alice"])]
        self.assertFalse(self.passwords().verify(b"alice", b"secret"))
        self.directory.entries, self.directory.search_code = [ALICE], 4
        self.assertFalse(self.passwords().verify(b"alice", b"secret"))
        self.assertEqual(len(events), 2)

    def test_entry_without_dn(self) -> None:
        """The root of a directory is nobody."""
        self.directory.entries = [("", ["alice"])]
        self.assertFalse(self.passwords().verify(b"alice", b"secret"))

    def test_refusals(self) -> None:
        """Whatever a directory says of an account that may not log in is a refusal."""
        for code in (19, 32, 34, 48, 49, 50, 53):
            self.directory.bind_code = code
            self.assertFalse(self.passwords().verify(b"alice", b"wrong"), code)

    def test_bind_name(self) -> None:
        """The search is made as bindname, if there is one."""
        self.directory.passwords["cn=reader"] = b"read"
        passwords = self.passwords(f"{URL}????bindname=cn=reader,x-password-file=/f", b"read")
        self.assertTrue(passwords.verify(b"alice", b"secret"))
        self.assertEqual(self.directory.shown, [b"read", b"secret"])

    def test_direct(self) -> None:
        """With the name in the base, the bind comes first, and the entry must have the name."""
        passwords = self.passwords("ldap://localhost/uid={name},dc=x")
        self.assertTrue(passwords.verify(b"alice", b"secret"))
        self.directory.entries = [(ALICE[0], ["Alice"])]
        self.assertFalse(passwords.verify(b"alice", b"secret"))
        self.directory.asked.clear()
        self.assertFalse(passwords.verify(b"alice", b"wrong"))
        self.assertEqual(self.directory.asked, ["open 127.0.0.1", "bind", "unbind"])


class UnavailableTests(LdapTestCase):
    """What is no answer about a password."""

    def setUp(self) -> None:
        """Look at the log, too."""
        super().setUp()
        self.events = log_events(self)

    def assert_unavailable(self, passwords: LdapPasswords) -> None:
        """It cannot be told now."""
        self.assertRaises(StorageUnavailable, passwords.verify, b"alice", b"secret")

    def test_results(self) -> None:
        """Results that say nothing of the password, which keep nobody else from asking."""
        passwords = self.passwords()
        for code in (1, 2, 8, 10, 13, 51, 52, 80):
            self.directory.bind_code, self.directory.search_code = code, 0
            self.assertRaises(StorageUnavailable, passwords.verify, b"alice", b"wrong")
            self.directory.search_code = code
            self.assert_unavailable(passwords)
        self.directory.search_code = 0
        self.assertTrue(passwords.verify(b"alice", b"secret"))

    def test_bind_name_refused(self) -> None:
        """Who may not search cannot tell, and the log has the reason and no password."""
        self.assert_unavailable(self.passwords(f"{URL}????bindname=cn=reader,x-password-file=/f", b"read"))
        self.assertIn("bindname", self.events[0]["reason"])
        self.assertNotIn("secret", repr(self.events))

    def test_broken_off(self) -> None:
        """Wherever the connection breaks, the directory is left alone for a while."""
        for what in ("open 127.0.0.1", "search", "bind"):
            passwords = self.passwords()
            self.directory.failing = what
            self.assert_unavailable(passwords)
            self.directory.failing = ""
            self.directory.asked.clear()
            self.assert_unavailable(passwords)
            self.assertEqual(self.directory.asked, [])
            self.clock.advance(PAUSE)
            self.assertTrue(passwords.verify(b"alice", b"secret"))
        self.assertEqual(self.events[0]["reason"], "nobody listens")

    def test_other_address(self) -> None:
        """If one address does not answer, the next is asked."""
        self.addresses = ["::1", "127.0.0.1"]
        self.directory.failing = "open ::1"
        self.assertTrue(self.passwords().verify(b"alice", b"secret"))
        self.assertEqual(self.directory.asked[:2], ["open ::1", "open 127.0.0.1"])

    def test_no_address(self) -> None:
        """A name without addresses is an outage."""
        self.addresses = []
        self.assert_unavailable(self.passwords())
        with patch.object(socket, "getaddrinfo", side_effect=socket.gaierror(-2, "not known")):
            self.assert_unavailable(self.passwords())

    def test_deadline(self) -> None:
        """All together may take so long and no longer: each question has the time that is left."""
        self.directory.meanwhile = lambda: self.clock.advance(1.5)
        self.assertTrue(self.passwords().verify(b"alice", b"secret"))
        self.assertEqual(self.directory.timeouts, [2.5, 1.0])
        self.directory.meanwhile = lambda: self.clock.advance(SECONDS / 2)
        self.assert_unavailable(self.passwords())
        self.addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
        self.directory.failing = "search"
        self.directory.meanwhile = lambda: self.clock.advance(SECONDS)
        self.assert_unavailable(self.passwords())

    def test_anything(self) -> None:
        """Whatever goes wrong, the log has its kind, and nothing that it quotes."""

        def broken() -> None:
            raise ValueError("alice's password is secret")

        self.directory.meanwhile = broken
        self.assert_unavailable(self.passwords())
        self.assertEqual(self.events[0]["reason"], "ValueError")

    def test_start_tls(self) -> None:
        """Another machine is told nothing before there is TLS; if there is none, that is all."""
        passwords = self.passwords("ldap://ldap.example.org/dc=x")
        self.assertTrue(passwords.verify(b"alice", b"secret"))
        self.assertEqual(self.directory.asked, ["open 127.0.0.1", "tls", "search", "bind", "unbind"])
        for failing in ("tls", "refused tls"):
            self.directory.asked.clear()
            self.directory.failing = failing
            self.assert_unavailable(self.passwords("ldap://ldap.example.org/dc=x"))
            self.assertEqual(self.directory.asked, ["open 127.0.0.1", "tls", "unbind"])


class OpenTests(SynchronousTestCase):
    """``ldap:`` with its argument."""

    def refused(self, url: str) -> str:
        """The text of the error."""
        return str(self.assertRaises(ConfigurationError, ldap_passwords, url))

    def test_missing(self) -> None:
        """Without the library the error says what to install."""
        with patch.dict(sys.modules, {"ldap3": None}):
            self.assertIn("pip install 'ftpx[ldap]'", self.refused(URL))

    def test_base_and_filter(self) -> None:
        """A base that is no DN, and a filter that is none, are errors at the start."""
        for url in ("ldap://localhost/people", f"{URL}?uid??(a)", f"{URL}?uid??((a=b)", "ldap://localhost/{name},dc=x"):
            self.assertIn("base or the filter", self.refused(url), url)

    def test_secret(self) -> None:
        """The password to search with is the first line of a file, or a variable."""
        path = temporary_path(self)
        self.assertIn("cannot be read: No such file", self.refused(f"{URL}????bindname=cn=x,x-password-file={path}"))
        path.write_text("")
        self.assertIn("is empty", self.refused(f"{URL}????bindname=cn=x,x-password-file={path}"))
        self.assertIn("is empty", self.refused(f"{URL}????bindname=cn=x,x-password-variable=FTPX_TEST_NONE"))
        path.write_text("zwölf \r\nnothing else\n")
        passwords = ldap_passwords(f"{URL}????bindname=cn=x,x-password-file={path}")
        self.assertEqual(passwords._secret, "zwölf ".encode())
        with patch.dict(os.environ, {"FTPX_TEST_SECRET": "zwölf"}):
            passwords = ldap_passwords(f"{URL}????bindname=cn=x,x-password-variable=FTPX_TEST_SECRET")
        self.assertEqual(passwords._secret, "zwölf".encode())

    def test_authorities(self) -> None:
        """A file of authorities that cannot be used is an error at the start."""
        path = temporary_path(self)
        url = f"ldaps://localhost/dc=x????x-ca={path}"
        self.assertIn("No such file", self.refused(url))
        path.write_text("no certificate")
        self.assertIn("cannot be used", self.refused(url))

    def test_verifies(self) -> None:
        """Certificates and names are verified."""
        context = ldap_passwords(URL)._context
        self.assertEqual((context.verify_mode, context.check_hostname), (ssl.CERT_REQUIRED, True))
