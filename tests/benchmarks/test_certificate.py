"""What the servers of a benchmark share under TLS."""

from __future__ import annotations

import stat
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from twisted.trial.unittest import SynchronousTestCase

from benchmarks.certificate import SUITE, write_certificate, write_openssl_settings


class CertificateTests(SynchronousTestCase):
    """The certificate and the settings of OpenSSL."""

    def test_one_file(self) -> None:
        """The key and its certificate, of P-256, are in one file that nobody else may read."""
        path = Path(self.mktemp())
        write_certificate(path)
        key = load_pem_private_key(path.read_bytes(), None)
        self.assertIsInstance(key, ec.EllipticCurvePrivateKey)
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        self.assertEqual(certificate.public_key(), key.public_key())
        public = certificate.public_key()
        self.assertEqual(public.curve.name if isinstance(public, ec.EllipticCurvePublicKey) else None, "secp256r1")
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)

    def test_one_suite(self) -> None:
        """The settings name the one suite."""
        path = Path(self.mktemp())
        write_openssl_settings(path)
        self.assertIn(f"Ciphersuites = {SUITE}\n", path.read_text())
