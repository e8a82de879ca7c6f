"""What a session may see of uploads that broke off."""

from __future__ import annotations

from ftpx.interfaces import IPartialUploads
from ftpx.server.session import Session

__all__ = ["partial_uploads"]


def partial_uploads(session: Session) -> tuple[IPartialUploads, str] | None:
    """The storage's partial uploads and the name of their owner; ``None`` if nothing is kept for this account."""
    partials = IPartialUploads(session.storage, None)
    if partials is None or session.account.anonymous or not session.policy.partial_lifetime:
        return None
    return partials, session.account.name
