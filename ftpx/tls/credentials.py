"""What a server proves itself with and whom it trusts, and the files that this is kept in."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import datetime

import attrs
from cryptography import x509
from OpenSSL import crypto

from ftpx.errors import ConfigurationError
from ftpx.tls.certificates import Identity, load_certificates, load_identities, load_revocations, plain_name

__all__ = ["CredentialFiles", "Credentials", "FileStamp"]


@attrs.frozen
class FileStamp:
    """Differs when a file may have changed."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int


@attrs.frozen(eq=False)
class Credentials:
    """
    What a TLS context is made of.

    The first of the ``identities`` is the default. Certificates of clients must come from one of the
    ``authorities``, and not be in one of the ``revocations``.
    """

    identities: tuple[Identity, ...]
    authorities: tuple[x509.Certificate, ...] = ()
    revocations: tuple[x509.CertificateRevocationList, ...] = ()

    def identity_for(self, server_name: str | None) -> Identity:
        """The identity for the name that a client asks for (RFC 6066 section 3), or the default."""
        return self.identity_named(server_name) or self.identities[0]

    def identity_named(self, server_name: str | None) -> Identity | None:
        """The first identity for exactly this name, else the first with a ``*`` for it, else none."""
        if server_name is None:
            return None
        plain = plain_name(server_name)
        exact = (identity for identity in self.identities if plain in identity.names)
        wild = (identity for identity in self.identities if identity.matches(plain))
        return next(exact, None) or next(wild, None)

    def problems(self, now: datetime) -> Iterator[str]:
        """Sentences that say what of this is out of date at a time (with a time zone)."""
        for identity in self.identities:
            if (problem := identity.problem(now)) is not None:
                yield problem
        for revocations in self.revocations:
            due = revocations.next_update_utc
            if due is not None and now > due:
                issuer = revocations.issuer.rfc4514_string()
                yield f"The revocation list of {issuer} was to be renewed by {due:%Y-%m-%d %H:%M:%S} UTC."


def _absolute(path: str | None) -> str | None:
    # A daemon leaves the directory that it was started in.
    return os.path.abspath(path) if path else path


def _all_absolute(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(os.path.abspath(path) if path else path for path in paths)


@attrs.frozen
class CredentialFiles:
    """PEM files. The keys may be in any of the first two; see `load_identities`."""

    certificates: tuple[str, ...] = attrs.field(converter=_all_absolute)
    keys: tuple[str, ...] = attrs.field(default=(), converter=_all_absolute)
    client_ca: str | None = attrs.field(default=None, converter=_absolute)
    client_crl: str | None = attrs.field(default=None, converter=_absolute)

    def load(self) -> Credentials:
        """
        Read all of them. Blocking.

        :raises ConfigurationError: one of them cannot be used.
        """
        if not self.certificates:
            raise ConfigurationError("A TLS server needs a certificate, and no file with one is given.")
        credentials = Credentials(
            load_identities(self.certificates, self.keys),
            () if self.client_ca is None else load_certificates(self.client_ca),
            () if self.client_crl is None else load_revocations(self.client_crl),
        )
        self._try(credentials)
        return credentials

    def stamp(self) -> tuple[FileStamp | None, ...]:
        """What differs when one of the files may have changed; None for a file that is not there. Blocking."""
        others = (path for path in (self.client_ca, self.client_crl) if path is not None)
        return tuple(_stamp(path) for path in (*self.certificates, *self.keys, *others))

    def _try(self, credentials: Credentials) -> None:
        """
        Have OpenSSL look at what concerns clients before a connection depends on it.

        :raises ConfigurationError: it refuses a file.
        """
        store = crypto.X509Store()
        path = self.client_ca
        try:
            for authority in credentials.authorities:
                store.add_cert(crypto.X509.from_cryptography(authority))
            path = self.client_crl
            for revocations in credentials.revocations:
                store.add_crl(revocations)
        except (crypto.Error, ValueError):
            raise ConfigurationError(f"OpenSSL does not take what is in {path}.") from None


def _stamp(path: str) -> FileStamp | None:
    try:
        # Follows symbolic links, so one that leads elsewhere now is a change.
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    # The time of the last change covers rights, too: a file that may be read at last is worth another try.
    return FileStamp(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
