"""Tests of `ftpx.tls.certificates`."""

from __future__ import annotations

import os
import re
import ssl
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import ConfigurationError
from ftpx.tls.certificates import (
    MAXIMUM_FILE,
    Identity,
    PrivateKey,
    load_certificates,
    load_identities,
    load_revocations,
)
from tests.tls.certificates import Authority, Issued, certificate_pem

AUTHORITY = Authority()
SERVER = AUTHORITY.issue("ftp.example.org", "ftp.example.org")
OTHER = AUTHORITY.issue("other.example.org", "other.example.org")


def identity(issued: Issued) -> Identity:
    """What would be loaded."""
    return Identity((issued.certificate, *issued.chain), issued.key)


def signed_by_itself(key: PrivateKey) -> x509.Certificate:
    """A certificate that is made of a key alone."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ftp.example.org")])
    hashed = None if isinstance(key, ed25519.Ed25519PrivateKey) else SHA256()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1))
        .not_valid_after(datetime(2026, 2, 1))
        .sign(key, hashed)
    )


def pkcs8(key: Any) -> bytes:
    """A private key of any kind in PEM form."""
    octets: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return octets


class Case(SynchronousTestCase):
    """Files in a directory of the test."""

    def setUp(self) -> None:
        """A directory."""
        self.directory = Path(self.mktemp())
        self.directory.mkdir()

    def file(self, name: str, *contents: bytes) -> str:
        """The path of a file with this content."""
        path = self.directory / name
        path.write_bytes(b"".join(contents))
        return str(path)

    def refused(self, certificates: list[str], keys: list[str] | None = None) -> str:
        """The one sentence that files are refused with."""
        error = self.assertRaises(ConfigurationError, load_identities, certificates, keys or [])
        self.assert_sentence(str(error))
        self.assertIsNone(error.__cause__)
        self.assertTrue(error.__suppress_context__ or error.__context__ is None)
        return str(error)

    def assert_sentence(self, text: str) -> None:
        """One line, and an end."""
        self.assertNotIn("\n", text)
        self.assertTrue(text.endswith("."), text)


class IdentityTests(SynchronousTestCase):
    """Whom a certificate is for, and until when."""

    def test_names(self) -> None:
        """The DNS names of the subjectAltName, in lower case and each once; addresses are none."""
        issued = AUTHORITY.issue("cn.example.org", "FTP.example.org", "*.Example.org", "ftp.example.org", "192.0.2.1")
        self.assertEqual(identity(issued).names, ("ftp.example.org", "*.example.org"))

    def test_common_name(self) -> None:
        """The common name counts only where there is no subjectAltName."""
        self.assertEqual(identity(AUTHORITY.issue("Old.example.org")).names, ("old.example.org",))
        self.assertEqual(identity(AUTHORITY.issue("old.example.org", "192.0.2.1")).names, ())

    def test_matches(self) -> None:
        """Case and a trailing dot do not count, and a ``*`` is one whole label at the left."""
        wild = identity(AUTHORITY.issue("x", "ftp.example.org", "*.example.net"))
        for name in ("ftp.example.org", "FTP.Example.ORG", "ftp.example.org.", "a.example.net", "A.EXAMPLE.net."):
            self.assertTrue(wild.matches(name), name)
        for name in (
            *("", ".", "example.org", "a.ftp.example.org", "example.net", ".example.net", "a.b.example.net"),
            *("ftp.example.org..", "xexample.net", "*", "net"),
        ):
            self.assertFalse(wild.matches(name), name)

    def test_star_within_a_label(self) -> None:
        """A ``*`` beside other letters, or alone, stands for nothing."""
        odd = identity(AUTHORITY.issue("x", "f*.example.org", "*"))
        for name in ("ftp.example.org", "localhost", "a.b"):
            self.assertFalse(odd.matches(name), name)

    @given(st.text())
    def test_any_name(self, name: str) -> None:
        """Whatever a client sends as a name has an answer."""
        self.assertEqual(identity(SERVER).matches(name), name.lower().removesuffix(".") == "ftp.example.org")

    def test_fingerprint(self) -> None:
        """It is that of the standard library's SHA-256, in the form of openssl."""
        fingerprint = identity(SERVER).fingerprint
        self.assertTrue(re.fullmatch(r"([0-9A-F]{2}:){31}[0-9A-F]{2}", fingerprint))
        octets = ssl.PEM_cert_to_DER_cert(SERVER.certificate_pem.decode())
        self.assertEqual(x509.load_der_x509_certificate(octets).fingerprint(SHA256()).hex(":").upper(), fingerprint)

    def test_problem(self) -> None:
        """Before and after its time a certificate has a problem, and in between none."""
        begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
        short = identity(AUTHORITY.issue("x", "ftp.example.org", not_before=begin, not_after=end))
        second = timedelta(seconds=1)
        self.assertIsNone(short.problem(begin))
        self.assertIsNone(short.problem(end))
        self.assertEqual(
            short.problem(begin - second),
            "The certificate of ftp.example.org is not valid before 2026-01-01 00:00:00 UTC.",
        )
        self.assertEqual(
            short.problem(end + second), "The certificate of ftp.example.org expired on 2026-02-01 00:00:00 UTC."
        )

    def test_problem_without_name(self) -> None:
        """A certificate without DNS names is told by its subject."""
        nameless = identity(AUTHORITY.issue("box", "192.0.2.1"))
        self.assertIn("of CN=box expired", str(nameless.problem(datetime(2100, 1, 1, tzinfo=UTC))))

    def test_no_secret(self) -> None:
        """IL04: a key does not show where an identity is shown."""
        self.assertNotIn("key", repr(identity(SERVER)))


class LoadTests(Case):
    """Which certificates and keys belong together."""

    def loaded(self, certificates: list[str], keys: list[str] | None = None) -> list[tuple[str, ...]]:
        """The names of what is loaded, after a check of the keys."""
        identities = load_identities(certificates, keys or [])
        for each in identities:
            self.assertEqual(each.key.public_key(), each.chain[0].public_key())
        return [each.names for each in identities]

    def test_one_file(self) -> None:
        """A key may be in the file of its certificate, before it or behind it."""
        self.assertEqual(self.loaded([self.file("a", SERVER.pem)]), [("ftp.example.org",)])
        both = self.file("b", SERVER.key_pem, SERVER.certificate_pem)
        self.assertEqual(self.loaded([both]), [("ftp.example.org",)])
        self.assertEqual(self.loaded([both], [both]), [("ftp.example.org",)])

    def test_any_order(self) -> None:
        """Certificates keep their order, and find their keys wherever they are."""
        certificates = [self.file("a", SERVER.certificate_pem), self.file("b", OTHER.certificate_pem)]
        keys = [self.file("ka", SERVER.key_pem), self.file("kb", OTHER.key_pem)]
        expected = [("ftp.example.org",), ("other.example.org",)]
        self.assertEqual(self.loaded(certificates, keys), expected)
        self.assertEqual(self.loaded(certificates, keys[::-1]), expected)
        self.assertEqual(self.loaded(certificates, [self.file("k", OTHER.key_pem, SERVER.key_pem)]), expected)
        self.assertEqual(self.loaded(certificates[::-1], keys), expected[::-1])

    def test_key_in_other_certificate_file(self) -> None:
        """A key is found in the file of another certificate, too."""
        first = self.file("a", SERVER.certificate_pem)
        second = self.file("b", OTHER.pem, SERVER.key_pem)
        self.assertEqual(len(self.loaded([first, second])), 2)

    def test_chain(self) -> None:
        """The certificate is first, those of the authorities come behind it, even if the file has them before it."""
        intermediate = Authority("Intermediate", AUTHORITY)
        issued = intermediate.issue("ftp.example.org", "ftp.example.org")
        chain = (issued.certificate, intermediate.certificate)
        (found,) = load_identities([self.file("a", issued.pem)], [])
        self.assertEqual(found.chain, chain)
        reverse = self.file("b", certificate_pem(*chain[::-1]))
        (found,) = load_identities([reverse], [self.file("k", issued.key_pem)])
        self.assertEqual(found.chain, chain)

    def test_one_key_for_two(self) -> None:
        """Two certificates may share a key, and a key may be given twice."""
        key = ec.generate_private_key(ec.SECP384R1())
        certificates = [self.file(name, certificate_pem(signed_by_itself(key))) for name in "ab"]
        keys = [self.file(f"k{name}", pkcs8(key)) for name in "ab"]
        self.assertEqual(len(self.loaded(certificates, keys)), 2)

    def test_kinds(self) -> None:
        """RSA, ECDSA and EdDSA keys are taken in every form that openssl writes."""
        elliptic, eddsa = ec.generate_private_key(ec.SECP521R1()), ed25519.Ed25519PrivateKey.generate()
        big = rsa.generate_private_key(65537, 2048)
        for key in (elliptic, big):
            old = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
            for octets in (old, pkcs8(key)):
                self.loaded([self.file("a", certificate_pem(signed_by_itself(key)), octets)])
        self.loaded([self.file("a", certificate_pem(signed_by_itself(eddsa)), pkcs8(eddsa))])

    def test_text_around(self) -> None:
        """Text around the blocks, other blocks, line ends of other systems and missing ones do not matter."""
        odd = (
            b"\xef\xbb\xbfBag Attributes\n  friendlyName: \xff\x00\n-----END NOTHING-----\n",
            b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n",
            SERVER.key_pem.replace(b"\n", b"\r\n").rstrip(),
            SERVER.certificate_pem.replace(b"\n", b"  \n\t").rstrip(),
            AUTHORITY.pem.replace(b"\n", b"\r"),
            b"garbage -----BEGIN lower case-----",
        )
        (found,) = load_identities([self.file("a", *odd)], [])
        self.assertEqual(found.chain, (SERVER.certificate, AUTHORITY.certificate))

    def test_expired(self) -> None:
        """A certificate that is out of date is loaded all the same."""
        past = datetime(2020, 1, 1, tzinfo=UTC)
        old = AUTHORITY.issue("x", "old.example.org", not_before=past, not_after=past + timedelta(days=1))
        self.assertEqual(self.loaded([self.file("a", old.pem)]), [("old.example.org",)])


class RefusedTests(Case):
    """IL04: what cannot be used is named with its file, in one sentence, and never quoted."""

    def test_unreadable(self) -> None:
        """TL27: no file, a directory, a FIFO, a device and a socket are told at once, without waiting for a writer."""
        fifo = self.directory / "fifo"
        os.mkfifo(fifo)
        good = self.file("good", SERVER.pem)
        for path, reason in (
            (str(self.directory / "missing"), "No such file"),
            (str(self.directory), "Is a directory"),
            (str(fifo), "not a regular file"),
            ("/dev/zero", "not a regular file"),
            (good + "/below", "Not a directory"),
        ):
            for text in (self.refused([path]), self.refused([good], [path])):
                self.assertIn(f"The file {path} cannot be read: ", text)
                self.assertIn(reason, text)
        self.assertIn("not one that a file can have", self.refused(["a\0b"]))

    def test_too_large(self) -> None:
        """A file over the limit is not read into memory."""
        path = self.file("a", SERVER.pem)
        os.truncate(path, MAXIMUM_FILE)
        self.assertEqual(len(load_identities([path], [])), 1)
        os.truncate(path, MAXIMUM_FILE + 1)
        self.assertIn("larger than 1 MiB", self.refused([path]))

    def test_nothing_in_it(self) -> None:
        """A file without a certificate, or a key file without a key, is named."""
        certificate, key = self.file("cert", SERVER.certificate_pem), self.file("key", SERVER.key_pem)
        empty = self.file("empty")
        binary = self.file("binary", SERVER.certificate.public_bytes(Encoding.DER))
        for path in (key, empty, binary):
            self.assertIn(f"{path} holds no certificate", self.refused([path], [key]))
        for path in (certificate, empty, binary):
            self.assertIn(f"{path} holds no private key", self.refused([self.file("all", SERVER.pem)], [path]))

    def test_unmatched(self) -> None:
        """A certificate without its key is named, and so is a key without its certificate."""
        certificate, key = self.file("cert", SERVER.certificate_pem), self.file("key", OTHER.key_pem)
        self.assertIn(f"no private key for the certificate in {certificate}", self.refused([certificate]))
        self.assertIn(f"no private key for the certificate in {certificate}", self.refused([certificate], [key]))
        whole = self.file("whole", SERVER.pem)
        self.assertIn(f"The private key in {key} belongs to none", self.refused([whole], [key]))

    def test_encrypted(self) -> None:
        """A key that needs a password is refused with what to do, in its new form and in the old one."""
        certificate = self.file("cert", SERVER.certificate_pem)
        for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
            octets = SERVER.key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"secret"))
            text = self.refused([certificate], [self.file("key", octets)])
            self.assertIn("is encrypted; decrypt it", text)

    def test_weak(self) -> None:
        """Keys that TLS peers refuse are refused here."""
        weak = rsa.generate_private_key(65537, 1024)
        text = self.refused([self.file("weak", certificate_pem(signed_by_itself(weak)), pkcs8(weak))])
        self.assertIn("too weak for TLS: it has 1024 bits", text)
        curve = ec.generate_private_key(ec.SECP256K1())
        text = self.refused([self.file("curve", certificate_pem(signed_by_itself(curve)), pkcs8(curve))])
        self.assertIn("its curve is secp256k1", text)

    def test_other_kinds(self) -> None:
        """Keys for other uses are told from damaged ones."""
        exchange = x25519.X25519PrivateKey.generate()
        old = dsa.generate_private_key(1024)
        certificate = self.file("cert", SERVER.pem)
        for key in (exchange, old):
            self.assertIn("of another kind", self.refused([certificate], [self.file("key", pkcs8(key))]))
        octets = SERVER.key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        self.assertIn("OPENSSH PRIVATE KEY", self.refused([certificate], [self.file("key", octets)]))

    def test_damaged(self) -> None:
        """What is cut off, wrongly spelled or no ASN.1 is damaged, and not a line of it is quoted."""
        secret = SERVER.key_pem.splitlines()[1]
        for broken in (
            SERVER.key_pem[:-40],
            SERVER.key_pem.replace(secret, secret[:-4]),
            SERVER.key_pem.replace(secret, secret[:-4] + b"!!!!"),
            SERVER.key_pem.replace(b"END", b"BEGIN"),
            SERVER.key_pem.replace(b"END PRIVATE", b"END RSA PRIVATE"),
        ):
            path = self.file("key", broken)
            text = self.refused([self.file("cert", SERVER.certificate_pem)], [path])
            self.assertIn(path, text)
            self.assertIn("damaged", text)
            self.assertNotIn(secret[:16].decode(), text)
        cut = self.file("cut", SERVER.certificate_pem.replace(b"-----END", b"====END"), SERVER.key_pem)
        self.assertIn(f"The file {cut} is damaged", self.refused([cut]))

    def test_damaged_within(self) -> None:
        """What a certificate says of itself is looked at now, and not when a client comes."""
        octets = SERVER.certificate.public_bytes(Encoding.DER)
        name = octets.rindex(b"ftp.example.org")
        wrong = octets[: name - 1] + b"\x7f" + octets[name:]
        pem = b"-----BEGIN CERTIFICATE-----\n" + b64encode(wrong) + b"\n-----END CERTIFICATE-----\n"
        self.assertIn("A certificate in", self.refused([self.file("a", pem, SERVER.key_pem)]))

    def test_refused_by_openssl(self) -> None:
        """What OpenSSL would refuse in every handshake is refused here, with its reason."""
        # The key says that it is for RSASSA-PSS alone (RFC 4055 section 1.2), and so is of another kind than its pair.
        key = rsa.generate_private_key(65537, 2048)
        encryption, pss = (bytes.fromhex(f"06092a864886f70d0101{last}") for last in ("010500", "0a3000"))
        octets = signed_by_itself(key).public_bytes(Encoding.DER)
        odd = x509.load_der_x509_certificate(octets.replace(encryption, pss))
        path = self.file("a", certificate_pem(odd), pkcs8(key))
        self.assertTrue(self.refused([path]).startswith(f"OpenSSL does not take the certificate in {path}: "))

    def test_many_begins(self) -> None:
        """A file of nothing but beginnings is refused as fast as it is read."""
        path = self.file("a", b"-----BEGIN CERTIFICATE-----" * (MAXIMUM_FILE // 27))
        self.assertIn("has no end", self.refused([path]))

    @given(
        st.lists(
            st.sampled_from(
                [*SERVER.pem.splitlines(keepends=True), b"-----BEGIN X509 CRL-----\n", b"-----", b"\xff", b"AAAA\n"]
            ),
            max_size=30,
        )
        | st.binary(max_size=100).map(
            lambda octets: [b"-----BEGIN PRIVATE KEY-----", b64encode(octets), b"-----END PRIVATE KEY-----"]
        )
    )
    def test_anything(self, parts: list[bytes]) -> None:
        """Any content is loaded or refused, and nothing else."""
        path = self.file("any", *parts)
        for load in (lambda: load_identities([path], []), lambda: load_revocations(path)):
            try:
                found = load()
            except ConfigurationError as error:
                self.assert_sentence(str(error))
            else:
                self.assertTrue(found)


class AuthoritiesTests(Case):
    """The files about clients."""

    def test_authorities(self) -> None:
        """A file has any number of certificates, but not none; keys in it do not matter."""
        other = Authority("Other CA")
        path = self.file("ca", AUTHORITY.pem, SERVER.key_pem, other.pem)
        self.assertEqual(load_certificates(path), (AUTHORITY.certificate, other.certificate))
        error = self.assertRaises(ConfigurationError, load_certificates, self.file("none", SERVER.key_pem))
        self.assertIn("holds no certificate in PEM form", str(error))

    def test_revocations(self) -> None:
        """A file has any number of revocation lists, but not none."""
        path = self.file("crl", AUTHORITY.revoke(SERVER), Authority("Other CA").revoke())
        first, second = load_revocations(path)
        self.assertIsNotNone(first.get_revoked_certificate_by_serial_number(SERVER.certificate.serial_number))
        self.assertEqual((len(first), len(second)), (1, 0))
        error = self.assertRaises(ConfigurationError, load_revocations, self.file("none", AUTHORITY.pem))
        self.assertIn("holds no certificate revocation list", str(error))

    def test_damaged_revocations(self) -> None:
        """A damaged list is refused rather than left out."""
        cut = AUTHORITY.revoke(SERVER).splitlines(keepends=True)
        path = self.file("crl", AUTHORITY.revoke(), *cut[:2], *cut[3:])
        error = self.assertRaises(ConfigurationError, load_revocations, path)
        self.assertIn("A revocation list in", str(error))
