"""Logins by a real LDAP server: slapd, with entries of the test's own."""

from __future__ import annotations

import atexit
import functools
import os
import socket
import tempfile
import unittest
from pathlib import Path
from unittest.mock import patch

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from ftpx.accounts.ldap import LdapPasswords, ldap_passwords
from ftpx.accounts.outage import PAUSE
from ftpx.errors import StorageUnavailable
from tests.integration.certified import certificate_files
from tests.integration.control import Control
from tests.integration.server import FtpxServer, free_port
from tests.integration.slapd import BASE, READER, READER_PASSWORD, Slapd
from tests.tls.certificates import Authority

PEOPLE = f"ou=people,{BASE}"
CLOSED = f"ou=closed,{BASE}"
PASSWORD = "open-sesame"
AWAY = f"""\
dn: ou=away,{PEOPLE}
objectClass: referral
objectClass: extensibleObject
ou: away
ref: ldap://127.0.0.1:1/ou=away,{PEOPLE}"""
# Names that mean something in a filter, or in a DN, and how the DN of each is written.
ODD_NAMES = {
    "a*b": "a*b",
    "p(q)": "p(q)",
    "x+y": "x\\+y",
    "k=v": "k\\3Dv",
    'say"it': 'say\\"it',
    "#1": "\\#1",
    "a;b<c>": "a\\;b\\<c\\>",
    "Zoë": "Zoë",
    "two words": "two words",
}


def entries() -> list[str]:
    """Everybody who is in the directory, and a reference to where nobody answers."""
    return [
        f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example",
        *(f"dn: ou={name},{BASE}\nobjectClass: organizationalUnit\nou: {name}" for name in ("people", "others")),
        f"dn: {CLOSED}\nobjectClass: organizationalUnit\nou: closed",
        Slapd.person(READER, password=READER_PASSWORD),
        Slapd.person(f"uid=alice,{PEOPLE}", "alice", password=PASSWORD),
        Slapd.person(f"uid=nopass,{PEOPLE}", "nopass", password=None),
        Slapd.person(f"cn=first,{PEOPLE}", "twin", password=PASSWORD),
        Slapd.person(f"cn=second,{PEOPLE}", "twin", password=PASSWORD),
        Slapd.person(f"uid=deep,ou=inner,{PEOPLE}", "deep", password=PASSWORD),
        Slapd.person(f"uid=admin,ou=others,{BASE}", "admin", password=PASSWORD),
        Slapd.person(f"uid=carol,{CLOSED}", "carol", password=PASSWORD),
        *(Slapd.person(f"uid={written},{PEOPLE}", name, password=PASSWORD) for name, written in ODD_NAMES.items()),
        AWAY,
    ]


@functools.cache
def directory() -> Slapd:
    """The server of all tests here."""
    server = Slapd()
    atexit.register(server.remove)
    inner = f"dn: ou=inner,{PEOPLE}\nobjectClass: organizationalUnit\nou: inner"
    found = entries()
    server.add(*found[:4], inner, *found[4:])
    server.start()
    return server


class DirectoryTestCase(unittest.TestCase):
    """A test with the directory."""

    def setUp(self) -> None:
        """:raises unittest.SkipTest: there is no slapd."""
        self.directory = directory()
        self.clock = Clock()

    def passwords(self, url: str) -> LdapPasswords:
        """The users that a URL leads to."""
        return ldap_passwords(url, self.clock.seconds)

    def assert_unavailable(self, passwords: LdapPasswords, name: str = "alice", password: str = PASSWORD) -> None:
        """It cannot be told, which is not to say that the password is wrong."""
        with self.assertRaises(StorageUnavailable):
            passwords.verify(name.encode(), password.encode())


class SearchTests(DirectoryTestCase):
    """Users who are searched for."""

    def setUp(self) -> None:
        """Search anonymously, beneath the people."""
        super().setUp()
        self.people = self.passwords(f"{self.directory.url}/{PEOPLE}")

    def test_right_and_wrong(self) -> None:
        """The right password is right, any other is wrong, and so is any password of nobody."""
        self.assertTrue(self.people.verify(b"alice", PASSWORD.encode()))
        for name, password in (
            (b"alice", b"wrong"),
            (b"alice", PASSWORD.upper().encode()),
            (b"mallory", PASSWORD.encode()),
            (b"nopass", PASSWORD.encode()),
            (b"admin", PASSWORD.encode()),
        ):
            self.assertFalse(self.people.verify(name, password), (name, password))

    def test_empty_password(self) -> None:
        """Who shows no password is refused, although LDAP itself would call that bind a success."""
        for name in (b"alice", b"nopass", b"mallory"):
            self.assertFalse(self.people.verify(name, b""))

    def test_au16_injection(self) -> None:
        """AU16: what means something in a filter or in a DN finds nobody."""
        for name in (
            "*",
            "a*",
            "*)(uid=*",
            "alice)(|(uid=*",
            "alice)(objectClass=*",
            "\\61lice",
            "alice\\00",
            "alice\0",
            "admin,dc=evil",
            f"admin,ou=others,{BASE}",
            "alice,ou=people",
            "()",
            "(uid=alice)",
            "' OR 1=1 --",
            "",
        ):
            self.assertFalse(self.people.verify(name.encode(), PASSWORD.encode()), name)
        self.assertFalse(self.people.verify(b"alice\xff", PASSWORD.encode()))

    def test_odd_names(self) -> None:
        """Who has such a name gets in by it."""
        for name in ODD_NAMES:
            self.assertTrue(self.people.verify(name.encode(), PASSWORD.encode()), name)

    def test_au19_one_spelling(self) -> None:
        """AU19: a name counts as the directory spells it, not in all the ways that LDAP takes for equal."""
        for name in ("Alice", "ALICE", " alice", "alice ", "two  words", "zoë", "Zoe\u0308"):
            self.assertFalse(self.people.verify(name.encode(), PASSWORD.encode()), name)

    def test_two_entries(self) -> None:
        """Of two entries with one name neither gets in."""
        self.assertFalse(self.people.verify(b"twin", PASSWORD.encode()))

    def test_referral(self) -> None:
        """A reference to another server is not followed: as part of what was found it is left out."""
        self.assert_unavailable(self.passwords(f"{self.directory.url}/ou=away,{PEOPLE}"))

    def test_scope(self) -> None:
        """How deep it is searched is as the URL says."""
        for scope, deep in (("", True), ("sub", True), ("one", False)):
            passwords = self.passwords(f"{self.directory.url}/{PEOPLE}?uid?{scope}")
            self.assertEqual(passwords.verify(b"deep", PASSWORD.encode()), deep, scope)
            self.assertTrue(passwords.verify(b"alice", PASSWORD.encode()), scope)

    def test_filter_and_attribute(self) -> None:
        """Entries must pass the filter, too, and any attribute may have the name."""
        for filter_, right in (("(uid=a*)", True), ("(uid=b*)", False), ("(|(uid=bob)(sn=x))", True)):
            passwords = self.passwords(f"{self.directory.url}/{PEOPLE}?uid?sub?{filter_}")
            self.assertEqual(passwords.verify(b"alice", PASSWORD.encode()), right, filter_)
        by_cn = self.passwords(f"{self.directory.url}/{PEOPLE}?cn?sub?(uid=alice)")
        self.assertTrue(by_cn.verify(b"x", PASSWORD.encode()))

    def test_base_that_is_not_there(self) -> None:
        """A base that is not there is a fault of the server's settings, not a wrong password."""
        self.assert_unavailable(self.passwords(f"{self.directory.url}/ou=nowhere,{BASE}"))


class BindNameTests(DirectoryTestCase):
    """Users that only somebody in particular may search for."""

    def url(self, extensions: str) -> str:
        """The part of the directory that is closed to others."""
        return f"{self.directory.url}/{CLOSED}?uid?sub??{extensions}"

    def secret(self, text: str) -> Path:
        """A file with a password."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = Path(folder.name) / "secret"
        path.write_text(text)
        return path

    def test_anonymous(self) -> None:
        """Without the bind nobody is found."""
        self.assert_unavailable(self.passwords(f"{self.directory.url}/{CLOSED}"), "carol")

    def test_file(self) -> None:
        """The password for the search can come from a file."""
        name = READER.replace(",", "%2C")
        file = self.secret(f"{READER_PASSWORD}\n")
        passwords = self.passwords(self.url(f"bindname={name},x-password-file={file}"))
        self.assertTrue(passwords.verify(b"carol", PASSWORD.encode()))
        self.assertFalse(passwords.verify(b"carol", READER_PASSWORD.encode()))
        self.assertFalse(passwords.verify(b"mallory", READER_PASSWORD.encode()))

    def test_variable(self) -> None:
        """It can come from the environment."""
        name = READER.replace(",", "%2C")
        with patch.dict(os.environ, {"FTPX_TEST_SECRET": READER_PASSWORD}):
            passwords = self.passwords(self.url(f"!bindname={name},x-password-variable=FTPX_TEST_SECRET"))
        self.assertTrue(passwords.verify(b"carol", PASSWORD.encode()))

    def test_wrong(self) -> None:
        """If it is wrong, nobody can be looked for."""
        name = READER.replace(",", "%2C")
        self.assert_unavailable(
            self.passwords(self.url(f"bindname={name},x-password-file={self.secret('wrong')}")), "carol"
        )


class DirectTests(DirectoryTestCase):
    """Users whose DN is made of the name."""

    def test_names(self) -> None:
        """The user logs in without a search, whatever signs are in the name."""
        passwords = self.passwords(f"{self.directory.url}/uid={{name}},{PEOPLE}")
        for name in ("alice", *ODD_NAMES):
            self.assertTrue(passwords.verify(name.encode(), PASSWORD.encode()), name)
            self.assertFalse(passwords.verify(name.encode(), b"wrong"), name)

    def test_own_entry_only(self) -> None:
        """Only their own entry must be readable for users."""
        passwords = self.passwords(f"{self.directory.url}/uid={{name}},{CLOSED}")
        self.assertTrue(passwords.verify(b"carol", PASSWORD.encode()))
        self.assertFalse(passwords.verify(b"Carol", PASSWORD.encode()))

    def test_filter(self) -> None:
        """The filter counts here, too."""
        passwords = self.passwords(f"{self.directory.url}/uid={{name}},{PEOPLE}?uid??(uid=b*)")
        self.assertFalse(passwords.verify(b"alice", PASSWORD.encode()))

    def test_au16_injection(self) -> None:
        """AU16: a name is a value in the DN and cannot be more."""
        passwords = self.passwords(f"{self.directory.url}/uid={{name}},{PEOPLE}")
        for name in ("admin,ou=others", "alice+sn=x", "alice,", "alice\\2Cou=people", "*", "", "alice\0", "ALICE"):
            self.assertFalse(passwords.verify(name.encode(), PASSWORD.encode()), name)
        everywhere = self.passwords(f"{self.directory.url}/uid={{name}},{BASE}")
        self.assertFalse(everywhere.verify(b"admin,ou=others", PASSWORD.encode()))


class TlsTests(DirectoryTestCase):
    """What is said to a directory is protected."""

    def setUp(self) -> None:
        """The authority of the directory's certificate, and one of nobody's."""
        super().setUp()
        self.authority = certificate_files().authority_file
        self.stranger = certificate_files().write("stranger.pem", Authority("Stranger").pem)

    def test_ldaps(self) -> None:
        """``ldaps`` works by name and by address, if the certificate is of the authority that is trusted."""
        for host in ("localhost", "127.0.0.1"):
            url = f"ldaps://{host}:{self.directory.port + 1}/{PEOPLE}?uid?sub??x-ca={self.authority}"
            self.assertTrue(self.passwords(url).verify(b"alice", PASSWORD.encode()), host)

    def test_stranger(self) -> None:
        """A certificate that nobody trusted has made is refused, and that is not a wrong password."""
        self.assert_unavailable(self.passwords(f"{self.directory.tls_url}/{PEOPLE}?uid?sub??x-ca={self.stranger}"))
        self.assert_unavailable(self.passwords(f"{self.directory.tls_url}/{PEOPLE}"))

    def test_other_name(self) -> None:
        """A certificate for another name is refused."""
        passwords = self.passwords(
            f"ldaps://other.example:{self.directory.port + 1}/{PEOPLE}?uid?sub??x-ca={self.authority}"
        )
        with patch("ftpx.accounts.ldap.socket.getaddrinfo", self.loopback), capturedLogs() as events:
            self.assert_unavailable(passwords)
        self.assertIn("not valid for 'other.example'", str(formatEvent(events[0])))

    @staticmethod
    def loopback(host: str, port: int, *options: object, **others: object) -> list[tuple[object, ...]]:
        """Every name is this machine's."""
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    def test_start_tls(self) -> None:
        """``ldap`` to another machine turns to TLS, and verifies as ``ldaps`` does."""
        with patch("ftpx.accounts.ldap_url._is_loopback", return_value=False):
            for authority, right in ((self.authority, True), (self.stranger, False)):
                passwords = self.passwords(f"{self.directory.url}/{PEOPLE}?uid?sub??x-ca={authority}")
                if right:
                    self.assertTrue(passwords.verify(b"alice", PASSWORD.encode()))
                    self.assertFalse(passwords.verify(b"alice", b"wrong"))
                else:
                    self.assert_unavailable(passwords)

    def test_insecure(self) -> None:
        """Only ``x-insecure`` does without."""
        with patch("ftpx.accounts.ldap_url._is_loopback", return_value=False):
            passwords = self.passwords(f"{self.directory.url}/{PEOPLE}?uid?sub??x-insecure")
            self.assertTrue(passwords.verify(b"alice", PASSWORD.encode()))


class OutageTests(DirectoryTestCase):
    """A directory that does not answer."""

    def test_down_and_back(self) -> None:
        """While it is down nobody can log in, and somebody looks again after a pause."""
        server = Slapd()
        self.addCleanup(server.remove)
        server.add(*entries()[:6])
        passwords = self.passwords(f"{server.url}/{PEOPLE}")
        self.assert_unavailable(passwords)
        server.start()
        self.assert_unavailable(passwords)
        self.clock.advance(PAUSE)
        self.assertTrue(passwords.verify(b"alice", PASSWORD.encode()))
        server.stop()
        self.assert_unavailable(passwords)

    def test_no_such_host(self) -> None:
        """A host that nobody knows is an outage."""
        self.assert_unavailable(self.passwords(f"ldap://no-such-host.invalid/{PEOPLE}?uid?sub??x-insecure"))


class LoginTests(DirectoryTestCase):
    """The server with ``--auth ldap:``."""

    def start(self, *options: str) -> FtpxServer:
        """A server that is stopped after the test."""
        server = FtpxServer().start(*options)
        self.addCleanup(server.stop)
        return server

    def answer(self, server: FtpxServer, user: str, password: str) -> tuple[int, str]:
        """What the server says to a login."""
        with Control((server.host, server.port)) as control:
            control.expect_reply(220)
            control.expect(f"USER {user}", 331)
            reply = control.command(f"PASS {password}")
            return reply.code, reply.text

    def test_au01_same_reply(self) -> None:
        """AU01: users of the directory get in; a wrong password and an unknown user read the same."""
        url = f"{self.directory.tls_url}/{PEOPLE}?uid?sub??x-ca={certificate_files().authority_file}"
        server = self.start("--auth", f"ldap:{url}")
        self.assertEqual(self.answer(server, "alice", PASSWORD)[0], 230)
        wrong, unknown = self.answer(server, "alice", "wrong"), self.answer(server, "mallory", PASSWORD)
        self.assertEqual((wrong, wrong[0]), (unknown, 530))
        self.assertNotIn(PASSWORD, server.log)

    def test_hangs(self) -> None:
        """While the directory hangs, the answer is to try later, and users of a file log in all the same."""
        with socket.create_server(("127.0.0.1", free_port())) as silent:
            url = f"ldap://127.0.0.1:{silent.getsockname()[1]}/{PEOPLE}"
            server = self.start("--auth", f"memory:bob:{PASSWORD}", "--auth", f"ldap:{url}")
            later = (530, "530 Nobody can log in now; try again later.")
            self.assertEqual(self.answer(server, "alice", PASSWORD), later)
            self.assertEqual(self.answer(server, "bob", PASSWORD)[0], 230)
            self.assertNotIn(PASSWORD, server.log)
