"""Tests of `ftpx.tls.credentials`."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import ConfigurationError
from ftpx.tls.certificates import Identity
from ftpx.tls.credentials import CredentialFiles, Credentials
from tests.tls.certificates import Authority

AUTHORITY = Authority()
SERVER = AUTHORITY.issue("ftp.example.org", "ftp.example.org")


def identity(*names: str) -> Identity:
    """An identity for names."""
    issued = AUTHORITY.issue("x", *names)
    return Identity((issued.certificate,), issued.key)


class IdentityForTests(SynchronousTestCase):
    """TL25: which certificate a client gets for the name that it asks for."""

    def setUp(self) -> None:
        """A default, and others that overlap."""
        self.identities = (
            identity("ftp.example.org"),
            identity("*.example.net", "*.example.com"),
            identity("ftp.example.net"),
            identity("*.example.net", "ftp.example.net"),
        )
        self.credentials = Credentials(self.identities)

    def index_for(self, name: str | None) -> int:
        """Which of the identities it is."""
        found = self.credentials.identity_for(name)
        return next(index for index, each in enumerate(self.identities) if each is found)

    def test_choice(self) -> None:
        """The first exact match, else the first with a star, else the default."""
        for name, index in (
            *((None, 0), ("", 0), ("unknown.example", 0), ("a.b.example.net", 0), ("ftp.example.org", 0)),
            *(("ftp.example.net", 2), ("FTP.EXAMPLE.NET.", 2), ("other.example.net", 1), ("ftp.example.com", 1)),
        ):
            self.assertEqual(self.index_for(name), index, name)

    def test_named(self) -> None:
        """Who asks for no name, or for one that is unknown, names no identity."""
        for name in (None, "", "unknown.example", "example.net"):
            self.assertIsNone(self.credentials.identity_named(name))
        self.assertIs(self.credentials.identity_named("ftp.example.org"), self.identities[0])

    @given(st.none() | st.text())
    def test_any_name(self, name: str | None) -> None:
        """There is always one of them."""
        self.assertIn(self.index_for(name), range(4))


class FilesTests(SynchronousTestCase):
    """Reading all files, and seeing that they change."""

    def setUp(self) -> None:
        """A certificate and its key, an authority and a revocation list."""
        self.directory = Path(os.path.abspath(self.mktemp()))
        self.directory.mkdir()
        self.contents = {
            "cert": SERVER.certificate_pem,
            "key": SERVER.key_pem,
            "ca": AUTHORITY.pem,
            "crl": AUTHORITY.revoke(SERVER),
        }
        for name, content in self.contents.items():
            (self.directory / name).write_bytes(content)
        cert, key, ca, crl = (str(self.directory / name) for name in self.contents)
        self.files = CredentialFiles((cert,), (key,), ca, crl)

    def test_load(self) -> None:
        """All that the files hold."""
        credentials = self.files.load()
        self.assertEqual([each.names for each in credentials.identities], [("ftp.example.org",)])
        self.assertEqual(credentials.authorities, (AUTHORITY.certificate,))
        (revoked,) = credentials.revocations
        self.assertIsNotNone(revoked.get_revoked_certificate_by_serial_number(SERVER.certificate.serial_number))

    def test_server_only(self) -> None:
        """Nothing about clients need be given."""
        credentials = CredentialFiles(self.files.certificates, self.files.keys).load()
        self.assertEqual((credentials.authorities, credentials.revocations), ((), ()))

    def test_refused(self) -> None:
        """Whichever file cannot be used is named."""
        for name in self.contents:
            path = self.directory / name
            content = path.read_bytes()
            for broken in (b"", content[: len(content) // 2]):
                path.write_bytes(broken)
                self.assertIn(f"{path} ", str(self.assertRaises(ConfigurationError, self.files.load)))
            path.write_bytes(content)
        self.assertRaises(ConfigurationError, CredentialFiles(()).load)

    def test_other_directory(self) -> None:
        """Relative paths mean the same files after the server has changed its directory."""
        paths = [os.path.relpath(self.directory / name) for name in self.contents]
        files = CredentialFiles((paths[0],), (paths[1],), *paths[2:])
        self.assertEqual(files, self.files)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir("/")
        self.assertEqual(files.stamp(), self.files.stamp())
        self.assertNotIn(None, files.stamp())

    def test_stamp(self) -> None:
        """TL27: it stays as long as nothing changes, and is another one whichever file is changed and however."""
        seen = [self.files.stamp()]
        self.assertEqual(self.files.stamp(), seen[0])
        for name, content in self.contents.items():
            path = self.directory / name
            path.write_bytes(content + b"\n")
            seen.append(self.files.stamp())
            os.utime(path, ns=(1, 1))
            seen.append(self.files.stamp())
            (self.directory / "new").write_bytes(content + b"\n")
            os.utime(self.directory / "new", ns=(1, 1))
            (self.directory / "new").replace(path)
            seen.append(self.files.stamp())
            path.unlink()
            seen.append(self.files.stamp())
        self.assertEqual(seen[-1], (None,) * 4)
        self.assertEqual(len(set(seen)), len(seen))

    def test_stamp_of_link(self) -> None:
        """A symbolic link that leads elsewhere is a change, in the path too; so does certbot renew."""
        first, second = self.directory / "1", self.directory / "2"
        for version in (first, second):
            version.mkdir()
            (version / "cert").write_bytes(SERVER.pem)
        link = self.directory / "live"
        link.symlink_to(first)
        files = CredentialFiles((str(link / "cert"),))
        before = files.stamp()
        new = self.directory / "new"
        new.symlink_to(second)
        new.replace(link)
        self.assertNotEqual(files.stamp(), before)

    def test_stamp_never_fails(self) -> None:
        """What cannot be looked at is not there."""
        loop = self.directory / "loop"
        loop.symlink_to(loop)
        files = CredentialFiles(("", str(loop), str(self.directory / "cert" / "below"), "a\0b", "x" * 5000))
        self.assertEqual(files.stamp(), (None,) * 5)

    def test_problems(self) -> None:
        """What is out of date is told: certificates and revocation lists."""
        now = datetime(2026, 1, 1, tzinfo=UTC)
        day = timedelta(days=1)
        old = AUTHORITY.issue("x", "old.example.org", not_before=now - 9 * day, not_after=now - day)
        (self.directory / "cert").write_bytes(old.certificate_pem)
        (self.directory / "key").write_bytes(old.key_pem)
        (self.directory / "crl").write_bytes(AUTHORITY.revoke(next_update=now - day))
        credentials = self.files.load()
        self.assertEqual(
            list(credentials.problems(now)),
            [
                "The certificate of old.example.org expired on 2025-12-31 00:00:00 UTC.",
                "The revocation list of CN=Test CA was to be renewed by 2025-12-31 00:00:00 UTC.",
            ],
        )
        self.assertEqual(list(credentials.problems(now - 2 * day)), [])
