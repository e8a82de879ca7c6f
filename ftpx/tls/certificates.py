"""Certificates and keys in PEM files (RFC 7468), and which belong together."""

from __future__ import annotations

import binascii
import os
import re
import stat
from binascii import a2b_base64
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias, TypeVar

import attrs
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from ftpx.errors import ConfigurationError

__all__ = [
    "MAXIMUM_FILE",
    "Identity",
    "PrivateKey",
    "load_certificates",
    "load_identities",
    "load_revocations",
    "plain_name",
]

MAXIMUM_FILE: Final = 1024 * 1024
"""Octets of a PEM file."""

PrivateKey: TypeAlias = (
    rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey
)

_T = TypeVar("_T")

_CERTIFICATES: Final = frozenset({"CERTIFICATE", "X509 CERTIFICATE"})
_REVOCATIONS: Final = frozenset({"X509 CRL"})
_KEYS: Final = frozenset({"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"})
_ENCRYPTED_KEY: Final = "ENCRYPTED PRIVATE KEY"

_CURVES: Final = frozenset({"secp256r1", "secp384r1", "secp521r1"})
_MINIMUM_RSA: Final = 2048

_BOUNDARY: Final = re.compile(rb"-----(BEGIN|END) ([A-Z0-9 ]{1,40})-----")
# What the parsers of cryptography raise: for nonsense, for lengths beyond all bounds, for what it does not know.
_UNPARSABLE: Final = (ValueError, TypeError, OverflowError, UnsupportedAlgorithm, x509.InvalidVersion)


@attrs.frozen
class _Block:
    """What stands between a BEGIN and its END, as it is in the file. It may be a key, so it is never shown."""

    label: str
    body: bytes = attrs.field(repr=False)


@attrs.frozen
class Identity:
    """
    A certificate to show to clients, with its key.

    ``chain`` is the certificate itself, then the intermediate ones. ``names`` are the DNS names that
    it is for, in lower case: those of its subjectAltName, or its common name if it has none.
    """

    chain: tuple[x509.Certificate, ...]
    key: PrivateKey = attrs.field(repr=False, eq=False)
    names: tuple[str, ...] = attrs.field(init=False)

    @names.default
    def _names_of_leaf(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(plain_name(name) for name in _dns_names(self.chain[0])))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as ``openssl x509 -fingerprint`` shows it."""
        return self.chain[0].fingerprint(SHA256()).hex(":").upper()

    def matches(self, name: str) -> bool:
        """Whether it is for a DNS name. ``*.`` stands for exactly one label (RFC 6125 section 6.4.3)."""
        wanted = plain_name(name)
        label, dot, rest = wanted.partition(".")
        return wanted in self.names or bool(label and dot and f"*.{rest}" in self.names)

    def problem(self, now: datetime) -> str | None:
        """A sentence that says why clients will not take it at a time (with a time zone), or nothing."""
        leaf = self.chain[0]
        whose = ", ".join(self.names) or leaf.subject.rfc4514_string() or f"serial number {leaf.serial_number:x}"
        if now > leaf.not_valid_after_utc:
            return f"The certificate of {whose} expired on {leaf.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC."
        if now < leaf.not_valid_before_utc:
            return f"The certificate of {whose} is not valid before {leaf.not_valid_before_utc:%Y-%m-%d %H:%M:%S} UTC."
        return None


def load_identities(certificate_files: Sequence[str], key_files: Sequence[str]) -> tuple[Identity, ...]:
    """
    Read certificates, one with its intermediate ones from each certificate file, and find their keys.

    The keys may be in any of the files, in any order. Blocking.

    :raises ConfigurationError: a file cannot be used, a certificate has no key, or a key no certificate.
    """
    contents = {path: _blocks(path) for path in dict.fromkeys((*certificate_files, *key_files))}
    keys: dict[bytes, tuple[str, PrivateKey]] = {}
    for path, blocks in contents.items():
        found = _keys(path, blocks)
        if not found and path not in certificate_files:
            raise ConfigurationError(f"The file {path} holds no private key in PEM form.")
        for key in found:
            keys.setdefault(_public_octets(key.public_key()), (path, key))
    identities = []
    used = set()
    for path in dict.fromkeys(certificate_files):
        public, identity = _identity(path, _certificates(path, contents[path]), keys)
        used.add(public)
        identities.append(identity)
    for public, (path, _key) in keys.items():
        if public not in used:
            raise ConfigurationError(f"The private key in {path} belongs to none of the certificates.")
    return tuple(identities)


def load_certificates(path: str) -> tuple[x509.Certificate, ...]:
    """
    The certificates of a file, at least one. Blocking.

    :raises ConfigurationError: it cannot be used.
    """
    return _certificates(path, _blocks(path))


def load_revocations(path: str) -> tuple[x509.CertificateRevocationList, ...]:
    """
    The certificate revocation lists of a file, at least one. Blocking.

    :raises ConfigurationError: it cannot be used.
    """
    found = tuple(
        _parsed(path, "revocation list", _revocations, block) for block in _blocks(path) if block.label in _REVOCATIONS
    )
    if not found:
        raise ConfigurationError(f"The file {path} holds no certificate revocation list in PEM form.")
    return found


def plain_name(name: str) -> str:
    """A DNS name in the form in which names are compared."""
    return name.lower().removesuffix(".")


def _dns_names(certificate: x509.Certificate) -> Iterable[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return [name.value for name in names if isinstance(name.value, str)]
    return extension.value.get_values_for_type(x509.DNSName)


def _read(path: str) -> bytes:
    """
    The content of a regular file.

    :raises ConfigurationError: there is none, or too much of it.
    """
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(0, "it is not a regular file")
            content = file.read(MAXIMUM_FILE + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigurationError(f"The file {path} cannot be read: {reason}.") from None
    except ValueError:
        raise ConfigurationError(f"The name {path!r} is not one that a file can have.") from None
    if len(content) > MAXIMUM_FILE:
        raise ConfigurationError(f"The file {path} is larger than {MAXIMUM_FILE // 1024 // 1024} MiB.")
    return content


def _open_at_once(path: str, flags: int) -> int:
    """Open a file; of a FIFO, without waiting for its writer."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


def _blocks(path: str) -> list[_Block]:
    """
    The PEM blocks of a file; whatever stands around them is skipped.

    :raises ConfigurationError: it cannot be read, or a block has no end, as in a file that is being written.
    """
    content = _read(path)
    blocks: list[_Block] = []
    begun: re.Match[bytes] | None = None
    for boundary in _BOUNDARY.finditer(content):
        if begun is None:
            begun = boundary if boundary[1] == b"BEGIN" else None
            continue
        if boundary[1] == b"BEGIN" or boundary[2] != begun[2]:
            break
        blocks.append(_Block(begun[2].decode(), content[begun.end() : boundary.start()]))
        begun = None
    if begun is not None:
        raise ConfigurationError(f"The file {path} is damaged: its block {begun[2].decode()} has no end.")
    return blocks


def _parsed(path: str, what: str, parse: Callable[[bytes], _T], block: _Block) -> _T:
    """
    What a block holds.

    :raises ConfigurationError: nothing that can be parsed.
    """
    try:
        return parse(a2b_base64(b"".join(block.body.split()), strict_mode=True))
    except (*_UNPARSABLE, binascii.Error):
        # The parsers' own words are about ASN.1, and might quote a key.
        raise ConfigurationError(f"A {what} in {path} is damaged, or of a form that is not known.") from None


def _certificate(octets: bytes) -> x509.Certificate:
    certificate = x509.load_der_x509_certificate(octets)
    # These are parsed no sooner than they are asked for: what is wrong with them must show here.
    _public_octets(certificate.public_key())
    list(_dns_names(certificate))
    certificate.issuer.rfc4514_string()
    certificate.subject.rfc4514_string()
    _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return certificate


def _revocations(octets: bytes) -> x509.CertificateRevocationList:
    revocations = x509.load_der_x509_crl(octets)
    # As above.
    revocations.issuer.rfc4514_string()
    _ = revocations.last_update_utc, revocations.next_update_utc, list(revocations.extensions)
    for _revoked in revocations:
        pass
    return revocations


def _certificates(path: str, blocks: Iterable[_Block]) -> tuple[x509.Certificate, ...]:
    found = tuple(_parsed(path, "certificate", _certificate, block) for block in blocks if block.label in _CERTIFICATES)
    if not found:
        raise ConfigurationError(f"The file {path} holds no certificate in PEM form.")
    return found


def _keys(path: str, blocks: Iterable[_Block]) -> list[PrivateKey]:
    """
    The private keys among the blocks of a file.

    :raises ConfigurationError: one is encrypted, damaged, or nothing for TLS.
    """
    found = []
    for block in blocks:
        if not block.label.endswith("PRIVATE KEY"):
            continue
        # The older way to encrypt says so in a header (RFC 1421 section 4.6.1.1).
        if block.label == _ENCRYPTED_KEY or b"ENCRYPTED" in block.body:
            raise ConfigurationError(
                f"The private key in {path} is encrypted; decrypt it, for example with openssl pkey -in FILE -out NEW."
            )
        if block.label not in _KEYS:
            raise ConfigurationError(f"The private key in {path} is of a kind that is not for TLS: {block.label}.")
        found.append(_usable(path, _parsed(path, "private key", _private_key, block)))
    return found


def _private_key(octets: bytes) -> Any:
    return load_der_private_key(octets, password=None)


def _usable(path: str, key: Any) -> PrivateKey:
    match key:
        case rsa.RSAPrivateKey():
            if key.key_size < _MINIMUM_RSA:
                raise ConfigurationError(
                    f"The private key in {path} is too weak for TLS: it has {key.key_size} bits, and RSA needs at "
                    f"least {_MINIMUM_RSA}."
                )
            return key
        case ec.EllipticCurvePrivateKey():
            if key.curve.name not in _CURVES:
                raise ConfigurationError(
                    f"The private key in {path} is not for TLS: its curve is {key.curve.name}, and not P-256, "
                    "P-384 or P-521."
                )
            return key
        case ed25519.Ed25519PrivateKey() | ed448.Ed448PrivateKey():
            return key
        case _:
            raise ConfigurationError(
                f"The private key in {path} is not for TLS: it is of another kind than RSA, ECDSA and EdDSA."
            )


def _public_octets(key: Any) -> bytes:
    """What a certificate and its key have in common."""
    octets: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return octets


def _identity(
    path: str, certificates: Sequence[x509.Certificate], keys: dict[bytes, tuple[str, PrivateKey]]
) -> tuple[bytes, Identity]:
    """
    The certificate of a file that there is a key for, with the others behind it; and what it shares with the key.

    :raises ConfigurationError: there is no key for it, or OpenSSL does not take the two.
    """
    # It should be the first one, but some tools put it behind the intermediate ones.
    for leaf in certificates:
        public = _public_octets(leaf.public_key())
        if public in keys:
            identity = Identity((leaf, *(other for other in certificates if other is not leaf)), keys[public][1])
            _try(path, identity)
            return public, identity
    raise ConfigurationError(f"There is no private key for the certificate in {path}.")


def _try(path: str, identity: Identity) -> None:
    """
    Have OpenSSL look at an identity before a connection depends on it.

    :raises ConfigurationError: it refuses it, for example for a key that is for RSASSA-PSS alone.
    """
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    try:
        context.use_certificate(identity.chain[0])
        for certificate in identity.chain[1:]:
            context.add_extra_chain_cert(certificate)
        context.use_privatekey(identity.key)
        context.check_privatekey()
    except (SSL.Error, ValueError) as error:
        raise ConfigurationError(f"OpenSSL does not take the certificate in {path}{_reason(error)}.") from None


def _reason(error: Exception) -> str:
    """What OpenSSL says, in its words: it keeps a list of (library, function, reason)."""
    match error.args:
        case ([*_, (_, _, str(reason))],):
            return f": {reason}"
        case _:
            return ""
