"""A certificate for the servers of a run, and the one TLS 1.3 suite that all of them use."""

from __future__ import annotations

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

__all__ = ["SUITE", "write_certificate", "write_openssl_settings"]

SUITE = "TLS_AES_128_GCM_SHA256"
_DAYS = 2
# Read by every program that has OpenSSL as a library and by those that have it built in.
_OPENSSL_SETTINGS = f"""\
openssl_conf = openssl
[openssl]
ssl_conf = contexts
[contexts]
system_default = suites
[suites]
Ciphersuites = {SUITE}
"""


def write_certificate(path: Path) -> None:
    """Write a new ECDSA P-256 key and its self-signed certificate for ``localhost``, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
    )


def write_openssl_settings(path: Path) -> None:
    """Write a file for ``OPENSSL_CONF`` that leaves `SUITE` as the only suite of TLS 1.3."""
    path.write_text(_OPENSSL_SETTINGS)
