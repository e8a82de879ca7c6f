"""A certificate authority that lives as long as a test."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Literal

import attrs
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["Authority", "Issued", "certificate_pem", "key_pem"]

# OpenSSL compares with the clock on the wall.
_LONG_AGO = timedelta(days=30)
_LONG_FROM_NOW = timedelta(days=300)

_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def certificate_pem(*certificates: x509.Certificate) -> bytes:
    """Certificates in PEM form."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def key_pem(key: _Key) -> bytes:
    """A private key in PEM form (PKCS #8)."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@attrs.frozen
class Issued:
    """A certificate, its key, and the intermediate authorities above it (never the root)."""

    certificate: x509.Certificate
    key: _Key = attrs.field(repr=False)
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def certificate_pem(self) -> bytes:
        """The certificate alone."""
        return certificate_pem(self.certificate)

    @property
    def key_pem(self) -> bytes:
        """The key alone."""
        return key_pem(self.key)

    @property
    def pem(self) -> bytes:
        """All of it: the certificate, its chain and the key."""
        return certificate_pem(self.certificate, *self.chain) + self.key_pem


class Authority:
    """A root of trust, or an intermediate authority if it has a ``parent``."""

    def __init__(self, name: str = "Test CA", parent: Authority | None = None) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.chain: tuple[x509.Certificate, ...] = ()
        issuer = self if parent is None else parent
        self._name = _name(name)
        now = datetime.now(UTC)
        self.certificate = (
            issuer._begin(self._name, self._key, now - _LONG_AGO, now + _LONG_FROM_NOW)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .sign(issuer._key, SHA256())
        )
        if parent is not None:
            self.chain = (self.certificate, *parent.chain)

    @property
    def pem(self) -> bytes:
        """The certificate of the authority."""
        return certificate_pem(self.certificate)

    def issue(
        self,
        common_name: str,
        *names: str,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        key: Literal["ec", "rsa"] = "ec",
        client: bool = False,
        also: str | None = None,
    ) -> Issued:
        """
        A certificate for DNS names and IP addresses, or for a client; ``also`` is a second common name.

        Without names there is no subjectAltName, and the common name counts.
        """
        private: _Key = (
            ec.generate_private_key(ec.SECP256R1()) if key == "ec" else rsa.generate_private_key(65537, 2048)
        )
        now = datetime.now(UTC)
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        begin, end = not_before or now - _LONG_AGO, not_after or now + _LONG_FROM_NOW
        builder = (
            self._begin(_name(common_name, also), private, begin, end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(_general_names(names)), critical=False)
        return Issued(builder.sign(self._key, SHA256()), private, self.chain)

    def revoke(self, *issued: Issued, next_update: datetime | None = None) -> bytes:
        """A revocation list (PEM) of these certificates, or of none."""
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self._name)
        due = next_update or now + _LONG_FROM_NOW
        builder = builder.last_update(min(now, due) - _LONG_AGO).next_update(due)
        for each in issued:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(each.certificate.serial_number)
                .revocation_date(now - timedelta(days=1))
                .build()
            )
        return builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM)

    def _begin(self, subject: x509.Name, key: _Key, begin: datetime, end: datetime) -> x509.CertificateBuilder:
        """What every certificate of this authority has."""
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )


def _name(*common_names: str | None) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in common_names if name is not None])


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_names(names: Iterable[str]) -> list[x509.GeneralName]:
    return [_general_name(name) for name in names]


def _general_name(name: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ip_address(name))
    return x509.DNSName(name)
