"""What the operator decided about sessions; `ftpx.service` fills it in from the configuration."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs

from ftpx.tls.policy import DataSession, TlsPolicy

__all__ = ["Policy"]


@attrs.frozen(kw_only=True)
class Policy:
    """
    The rules every session of a server lives by. Times are in seconds.

    ``passive_address`` turns the local IPv4 address of a control connection into the one that a
    227 reply tells, for servers behind NAT. ``allow_ccc``: a session may give up the TLS of its control connection.
    """

    banner: str
    idle_timeout: float
    login_timeout: float
    active: bool
    symbolic_links: bool
    hide_owners: bool
    passive_address: Callable[[str], Awaitable[str]]
    unique_key: bytes
    tls_policy: TlsPolicy = TlsPolicy.OPTIONAL
    data_session: DataSession = DataSession.REPORT
    allow_ccc: bool = False
    login_attempts: int = 3
