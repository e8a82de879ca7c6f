"""A certificate that the server makes and keeps for itself, for a first try."""

from __future__ import annotations

import os
import pwd
import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ftpx.errors import ConfigurationError
from ftpx.tls.certificates import load_identities

__all__ = ["FILE_NAME", "RENEWAL", "VALIDITY", "self_signed_file", "state_directory"]

FILE_NAME: Final = "self-signed.pem"

VALIDITY: Final = timedelta(days=397)
"""As long as clients take any certificate."""

RENEWAL: Final = timedelta(days=30)
"""How long before its end a certificate is made anew."""

# Clocks of clients are not all right.
_EARLIER: Final = timedelta(hours=1)
_MAXIMUM_COMMON_NAME: Final = 64


def state_directory(environ: Mapping[str, str]) -> Path:
    """
    Where ftpx keeps what it makes for itself: what systemd or the XDG base directories say.

    :raises ConfigurationError: the user whom the server runs as has no home.
    """
    given = environ.get("STATE_DIRECTORY", "").split(":")[0]
    if given:
        return Path(given)
    # A relative one is to be ignored (XDG Base Directory Specification).
    base = environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(base):
        return Path(base, "ftpx")
    home = environ.get("HOME") or _home()
    return Path(home, ".local", "state", "ftpx")


def _home() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        raise ConfigurationError(
            "There is no home to keep a certificate in: set STATE_DIRECTORY to a directory for it."
        ) from None


def self_signed_file(directory: str | os.PathLike[str], now: datetime, names: Sequence[str]) -> Path:
    """
    The PEM file in a directory that holds a self-signed certificate and its key.

    It is made if it is not there, cannot be used or is about to expire, and kept else. Blocking.

    :param now: the time, with a time zone.
    :param names: the DNS names and IP addresses that a new certificate is for.
    :raises ConfigurationError: it cannot be written.
    """
    path = Path(os.path.abspath(directory), FILE_NAME)
    if not _is_good(path, now):
        content = _make(now, names)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(path, content)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise ConfigurationError(f"The certificate {path} cannot be written: {reason}.") from None
    return path


def _is_good(path: Path, now: datetime) -> bool:
    try:
        (identity,) = load_identities([str(path)], [])
    except ConfigurationError:
        return False
    return identity.problem(now) is None and identity.problem(now + RENEWAL) is None


def _make(now: datetime, names: Sequence[str]) -> bytes:
    """A new certificate and its key, in PEM form."""
    key = ec.generate_private_key(ec.SECP256R1())
    common_name = next((name for name in names if 0 < len(name) <= _MAXIMUM_COMMON_NAME), "ftpx")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    begin = now.replace(microsecond=0) - _EARLIER
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + VALIDITY)
        # An authority, if only for itself: some clients trust nothing else.
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(_general_names(names)), critical=False)
    certificate = builder.sign(key, SHA256())
    return certificate.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _key_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_names(names: Iterable[str]) -> list[x509.GeneralName]:
    return [_general_name(name) for name in dict.fromkeys(names)]


def _general_name(name: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ip_address(name))
    try:
        return x509.DNSName(name)
    except ValueError:
        raise ConfigurationError(f"A certificate cannot be for {name!r}: names in it are ASCII.") from None


def _write(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    hidden = path.with_name(f".{path.name}-{secrets.token_hex(16)}")
    descriptor = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        hidden.replace(path)
    except BaseException:
        with suppress(OSError):
            hidden.unlink()
        raise
