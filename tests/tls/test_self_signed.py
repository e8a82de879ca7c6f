"""Tests of `ftpx.tls.self_signed`."""

from __future__ import annotations

import os
import pwd
import stat
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from unittest.mock import patch

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import ConfigurationError
from ftpx.tls.certificates import Identity, load_identities
from ftpx.tls.self_signed import RENEWAL, VALIDITY, self_signed_file, state_directory
from tests.tls.certificates import Authority

NOW = datetime(2026, 3, 1, 12, 30, 15, 999, tzinfo=UTC)
NAMES = ("ftp.example.org", "192.0.2.1", "2001:db8::1", "localhost", "localhost")


def only(path: Path) -> Identity:
    """The one identity of a file."""
    (identity,) = load_identities([str(path)], [])
    return identity


class SelfSignedFileTests(SynchronousTestCase):
    """A certificate that is made when it is needed, and kept as long as it is good."""

    def setUp(self) -> None:
        """A directory that is not there yet, nor the one above."""
        self.directory = Path(os.path.abspath(self.mktemp())) / "state"

    def make(self, now: datetime = NOW) -> Path:
        """The file at a time."""
        return self_signed_file(self.directory, now, NAMES)

    def test_certificate(self) -> None:
        """It is for the names, good for 397 days, an authority for itself, and signed with its own key."""
        identity = only(self.make())
        (certificate,) = identity.chain
        certificate.verify_directly_issued_by(certificate)
        assert isinstance(identity.key, ec.EllipticCurvePrivateKey)
        self.assertEqual(identity.key.curve.name, "secp256r1")
        self.assertIsInstance(certificate.signature_hash_algorithm, SHA256)
        self.assertEqual(identity.names, ("ftp.example.org", "localhost"))
        extension = certificate.extensions.get_extension_for_class
        self.assertEqual(
            extension(x509.SubjectAlternativeName).value.get_values_for_type(x509.IPAddress),
            [ip_address("192.0.2.1"), ip_address("2001:db8::1")],
        )
        constraints = extension(x509.BasicConstraints)
        self.assertEqual((constraints.critical, constraints.value), (True, x509.BasicConstraints(True, 0)))
        usage = extension(x509.KeyUsage).value
        self.assertTrue(usage.digital_signature and usage.key_cert_sign)
        self.assertFalse(usage.crl_sign or usage.key_encipherment)
        self.assertEqual(list(extension(x509.ExtendedKeyUsage).value), [ExtendedKeyUsageOID.SERVER_AUTH])
        self.assertEqual(certificate.not_valid_after_utc - certificate.not_valid_before_utc, VALIDITY)
        self.assertEqual(VALIDITY, timedelta(days=397))
        self.assertIsNone(identity.problem(NOW))

    def test_private(self) -> None:
        """Only the owner gets at the key, and nothing else is left in the directory."""
        path = self.make()
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(self.directory.stat().st_mode), 0o700)
        self.assertEqual(os.listdir(self.directory), ["self-signed.pem"])

    def test_kept(self) -> None:
        """A good one is not touched, whatever the names are now."""
        path = self.make()
        content = path.read_bytes()
        end = only(path).chain[0].not_valid_after_utc
        for now in (NOW, end - RENEWAL):
            self.assertEqual(self_signed_file(self.directory, now, ["other.example.org"]), path)
            self.assertEqual(path.read_bytes(), content)

    def test_renewed(self) -> None:
        """One that expires within 30 days, has expired or is not valid yet is made anew."""
        self.assertEqual(RENEWAL, timedelta(days=30))
        end = only(self.make()).chain[0].not_valid_after_utc
        fingerprints = {only(self.make()).fingerprint}
        for now in (end - RENEWAL + timedelta(seconds=1), end + VALIDITY, NOW):
            identity = only(self.make(now))
            self.assertIsNone(identity.problem(now))
            fingerprints.add(identity.fingerprint)
        self.assertEqual(len(fingerprints), 4)
        self.assertEqual(os.listdir(self.directory), ["self-signed.pem"])

    def test_broken(self) -> None:
        """A file that cannot be used gives way, also one that is none."""
        path = self.make()
        content = path.read_bytes()
        for broken in (b"", b"\xff" * 100, content[:-100], content[: content.index(b"-----BEGIN PRIVATE")]):
            path.write_bytes(broken)
            self.assertEqual(only(self.make()).names, ("ftp.example.org", "localhost"))
        path.unlink()
        os.mkfifo(path)
        self.assertTrue(self.make().is_file())

    def test_link_is_replaced(self) -> None:
        """A symbolic link in its place is replaced, and not written through."""
        path = self.make()
        victim = self.directory.parent / "victim"
        victim.write_bytes(b"mine")
        path.unlink()
        path.symlink_to(victim)
        self.assertFalse(self.make().is_symlink())
        self.assertEqual(victim.read_bytes(), b"mine")

    def refused(self, names: tuple[str, ...] = NAMES) -> str:
        """The sentence that it cannot be made with."""
        error = self.assertRaises(ConfigurationError, self_signed_file, self.directory, NOW, names)
        self.assertNotIn("\n", str(error))
        return str(error)

    def test_cannot_be_written(self) -> None:
        """Why it cannot be written is told with its path, and nothing is left behind."""
        path = self.directory / "self-signed.pem"
        path.mkdir(parents=True)
        self.assertIn(f"The certificate {path} cannot be written: Is a directory.", self.refused())
        self.assertEqual(os.listdir(self.directory), ["self-signed.pem"])
        path.rmdir()
        with patch("os.fsync", side_effect=OSError(28, "No space left on device")):
            self.assertIn("No space left on device", self.refused())
        self.assertEqual(os.listdir(self.directory), [])
        self.directory.rmdir()
        self.directory.write_bytes(b"")
        self.assertIn("cannot be written", self.refused())

    def test_names(self) -> None:
        """No names are fine, long ones too; what no certificate can hold is an error."""
        self.assertIn("'ftp.exämple.org'", self.refused(("ftp.exämple.org",)))
        long = "a" * 63 + ".example.org"
        self.assertEqual(only(self_signed_file(self.directory, NOW, [long])).names, (long,))
        other = self.directory / "other"
        self.assertEqual(only(self_signed_file(other, NOW, [])).names, ("ftpx",))

    def test_not_confused(self) -> None:
        """Whatever good certificate somebody has put there is used."""
        issued = Authority().issue(
            "x", "ftp.example.net", not_before=NOW - timedelta(days=1), not_after=NOW + timedelta(days=90)
        )
        self.directory.mkdir(parents=True)
        (self.directory / "self-signed.pem").write_bytes(issued.pem)
        self.assertEqual(only(self.make()).names, ("ftp.example.net",))


class StateDirectoryTests(SynchronousTestCase):
    """Where things are kept between two runs."""

    def test_places(self) -> None:
        """What systemd says comes first, then the XDG directories, then the home."""
        for environ, expected in (
            ({"STATE_DIRECTORY": "/var/lib/ftpx", "XDG_STATE_HOME": "/x", "HOME": "/h"}, "/var/lib/ftpx"),
            ({"STATE_DIRECTORY": "/var/lib/a:/var/lib/b"}, "/var/lib/a"),
            ({"STATE_DIRECTORY": "", "XDG_STATE_HOME": "/x", "HOME": "/h"}, "/x/ftpx"),
            ({"XDG_STATE_HOME": "relative", "HOME": "/h"}, "/h/.local/state/ftpx"),
            ({"XDG_STATE_HOME": "", "HOME": "/h"}, "/h/.local/state/ftpx"),
        ):
            self.assertEqual(state_directory(environ), Path(expected))

    def test_password_database(self) -> None:
        """Without HOME, the password database knows the home."""
        home = pwd.getpwuid(os.getuid()).pw_dir
        for environ in ({}, {"HOME": ""}):
            self.assertEqual(state_directory(environ), Path(home, ".local/state/ftpx"))

    def test_nobody(self) -> None:
        """A user that is in no database needs to say where."""
        with patch("pwd.getpwuid", side_effect=KeyError("uid not found")):
            error = self.assertRaises(ConfigurationError, state_directory, {})
        self.assertIn("set STATE_DIRECTORY", str(error))
