"""The one table that says in a few fixed words why a transfer failed."""

from __future__ import annotations

from collections.abc import Mapping

from ftpx import errors

__all__ = ["ABORTED", "REASONS", "SERVER_ERROR", "SESSION_ENDED", "reason_of"]

ABORTED = "aborted"
"""The client has sent ABOR."""

SESSION_ENDED = "session ended"
"""The control connection was lost, or the server has closed it."""

SERVER_ERROR = "server error"
"""A fault in ftpx or in a plugin; the log has it."""

REASONS: Mapping[type[errors.FtpxError], str] = {
    errors.DataConnectionAborted: ABORTED,
    errors.DataConnectionError: "connection failed",
    errors.DataConnectionLost: "connection lost",
    errors.DataConnectionNotOpened: "not opened",
    errors.DataConnectionNotSecured: "not secured",
    errors.DataConnectionStalled: "stalled",
    errors.DataConnectionTruncated: "not complete",
    errors.DeflatedDataInvalid: "bad compression",
    errors.DeflatedDataTruncated: "not complete",
    errors.DigestMismatch: "digest mismatch",
    errors.FileChanged: "file changed",
    errors.FileReplaced: "file changed",
    errors.FtpxError: "failed",
    errors.InflatesTooFar: "compression bomb",
    errors.NoSpace: "storage full",
    errors.OutcomeUnknown: "outcome unknown",
    errors.PermissionDenied: "not permitted",
    errors.QuotaExceeded: "quota exceeded",
    errors.StorageError: "storage failed",
    errors.StorageUnavailable: "storage busy",
}


def reason_of(error: BaseException) -> tuple[str, str]:
    """
    Why a transfer failed that ended with an error: a fixed text, and one that says more.

    Of an error that is not ftpx's only the class is told: its text may hold anything.
    """
    for kind in type(error).__mro__:
        if issubclass(kind, errors.FtpxError) and kind in REASONS:
            return REASONS[kind], str(error) or _summary(type(error))
    return SERVER_ERROR, type(error).__name__


def _summary(kind: type[BaseException]) -> str:
    return (kind.__doc__ or kind.__name__).strip().partition("\n")[0]
