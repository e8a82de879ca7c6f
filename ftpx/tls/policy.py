"""What an operator may decide about TLS."""

from __future__ import annotations

from enum import Enum

__all__ = ["ClientCertificates", "DataSession", "TlsPolicy", "TlsVersion"]


class TlsPolicy(Enum):
    """What must go over TLS: nothing, the login (USER and what follows it), or data connections too."""

    OPTIONAL = "optional"
    LOGIN = "login"
    REQUIRED = "required"


class TlsVersion(Enum):
    """The lowest version that is spoken."""

    TLS_1_2 = "1.2"
    TLS_1_3 = "1.3"


class DataSession(Enum):
    """Whether a data connection must resume the TLS session of its control connection."""

    OFF = "off"
    REPORT = "report"
    REQUIRE = "require"


class ClientCertificates(Enum):
    """What a certificate of a client is good for: nothing that is demanded, to be let in, or to log in."""

    OPTIONAL = "optional"
    REQUIRED = "required"
    LOGIN = "login"
