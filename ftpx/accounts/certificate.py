"""Logins by the certificate that a client has shown."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ICredentials
from zope.interface import Attribute, implementer

__all__ = ["CertificateChecker", "CertifiedName", "ICertifiedName"]


class ICertifiedName(ICredentials):
    """The name in a client's certificate. TLS has verified the certificate."""

    username: bytes = Attribute("The common name, as the octets that a client would send by USER.")


@implementer(ICertifiedName)
@attrs.frozen
class CertifiedName:
    """See `ICertifiedName`."""

    username: bytes


@implementer(ICredentialsChecker)
class CertificateChecker:
    """Lets everybody in whom an authority has certified: who has a certificate has an account."""

    credentialInterfaces = (ICertifiedName,)

    # Twisted's annotation forgets what its documentation allows: to return the result itself.
    def requestAvatarId(self, credentials: Any) -> Any:
        """The name."""
        return credentials.username
