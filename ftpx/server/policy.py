"""What the operator decided about sessions; `ftpx.service` fills it in from the configuration."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs

from ftpx.digests.algorithms import Algorithm
from ftpx.tls.policy import DataSession, TlsPolicy

__all__ = ["Policy"]


@attrs.frozen(kw_only=True)
class Policy:
    """
    The rules every session of a server lives by. Times are in seconds.

    ``passive_address`` turns the local IPv4 address of a control connection into the one that a
    227 reply tells, for servers behind NAT. ``allow_ccc``: a session may give up the TLS of its control connection.

    ``fsync``: an upload is answered when it would survive a loss of power; ``partial_lifetime``: for how long one that
    broke off is kept, 0: not at all.

    ``deflate_level`` is how hard MODE Z tries unless the client says otherwise, 0: there is no MODE Z;
    ``deflate_ratio``: how many times its size an upload may inflate to, 0: no limit. ``fxp`` are the users whose data
    connections may be with other hosts than their own, ``*``: everybody but anonymous.

    ``digest`` is taken of every upload as it arrives; ``verify_companions``: an upload of NAME must be what NAME.sha256
    or its like says, where there is one.
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
    digest: Algorithm | None = None
    verify_companions: bool = False
    fsync: bool = False
    partial_lifetime: float = 86_400.0
    deflate_level: int = 6
    deflate_ratio: int = 200
    fxp: frozenset[str] = frozenset()
