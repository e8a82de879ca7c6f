"""The one table that turns errors of the domain into FTP replies."""

from __future__ import annotations

from collections.abc import Mapping

from ftpx import errors
from ftpx.wire.commands import CommandError
from ftpx.wire.hostport import ProtocolNotSupported
from ftpx.wire.lines import LineTooLong
from ftpx.wire.replies import Reply

__all__ = ["REPLIES", "reply_for"]

# What is missing and what is forbidden read the same, so that nobody can tell one from the other.
_UNAVAILABLE = "No such file or directory, or not permitted."

# Their texts are written for the peer.
_TELLING = (
    errors.ArgumentError,
    errors.DigestMismatch,
    errors.FileReplaced,
    errors.NotComparable,
    errors.QuotaExceeded,
)

REPLIES: Mapping[type[errors.FtpxError], Reply] = {
    errors.AccountsCorrupt: Reply(450, "The accounts cannot be asked now; try again later."),
    errors.AccountsUnavailable: Reply(450, "The accounts cannot be asked now; try again later."),
    errors.ArgumentError: Reply(501, "Syntax error in the argument."),
    errors.AlreadyExists: Reply(550, "File exists."),
    errors.AnotherStorage: Reply(553, "That is in another storage: copy the file there, then delete it here."),
    errors.DataConnectionAborted: Reply(426, "Transfer aborted; data connection closed."),
    errors.DataConnectionLost: Reply(426, "The data connection was broken; transfer aborted."),
    errors.DataConnectionNotOpened: Reply(425, "Cannot open the data connection."),
    errors.DataConnectionNotResumed: Reply(
        522, "The data connection must resume the TLS session of the control connection; transfer refused."
    ),
    errors.DataConnectionNotSecured: Reply(522, "No TLS on the data connection; transfer refused."),
    errors.DataConnectionStalled: Reply(426, "The data connection stalled; transfer aborted."),
    errors.DataConnectionTruncated: Reply(
        426, "The data connection ended without TLS close_notify, so this may not be all; transfer aborted."
    ),
    errors.DeflatedDataInvalid: Reply(
        501, "What came is not one whole stream in zlib's format, as MODE Z has it; transfer aborted."
    ),
    errors.DeflatedDataTruncated: Reply(
        426, "The data connection ended in the middle of the compressed data; transfer aborted."
    ),
    errors.DigestMismatch: Reply(550, "What came is not what was announced; nothing was stored."),
    errors.DirectoryNotEmpty: Reply(550, "Directory not empty."),
    errors.FileChanged: Reply(
        554, "The file was changed by somebody else meanwhile. Send yours from the start, without REST."
    ),
    errors.FileReplaced: Reply(
        554, "This upload cannot be continued: another file has the name now. Send it from the start, without REST."
    ),
    errors.InflatesTooFar: Reply(
        552, "This is small and inflates to far too much; nothing was stored. Send it without compression (MODE S)."
    ),
    errors.IsADirectory: Reply(550, "Is a directory."),
    errors.NameRefused: Reply(553, "That name is not allowed here."),
    errors.NoFreePort: Reply(425, "No port is free for a data connection; try again later."),
    errors.NoSpace: Reply(452, "The storage is full."),
    errors.NotADirectory: Reply(550, "Not a directory."),
    errors.NotARegularFile: Reply(550, "Not a regular file."),
    errors.NotComparable: Reply(504, "This storage cannot compare the digest of that upload."),
    errors.NotFound: Reply(550, _UNAVAILABLE),
    errors.NotSupported: Reply(504, "This storage cannot do that."),
    errors.OffsetBeyondEnd: Reply(554, "The restart point is beyond the end of the file."),
    errors.OutcomeUnknown: Reply(
        451, "The storage did not answer in time, so whether that was done is not known. Look before you try again."
    ),
    errors.PermissionDenied: Reply(550, _UNAVAILABLE),
    errors.QuotaExceeded: Reply(552, "The quota is used up."),
    errors.StorageError: Reply(451, "The storage could not do that."),
    errors.StorageFailure: Reply(451, "The storage broke while doing that."),
    errors.StorageUnavailable: Reply(450, "The storage is busy; try again later."),
    errors.TooManyTransfers: Reply(450, "You have too many transfers under way; try again when one is done."),
    CommandError: Reply(500, "Syntax error: that is no command."),
    LineTooLong: Reply(500, "The command line is too long."),
    ProtocolNotSupported: Reply(522, "Network protocol not supported, use (1,2)."),
}


def reply_for(error: errors.FtpxError) -> Reply:
    """
    The reply to a command that ended with an error.

    A text that is written for the peer replaces the table's.
    """
    for kind in type(error).__mro__:
        reply = REPLIES.get(kind)
        if reply is not None:
            if isinstance(error, _TELLING) and error.args:
                return Reply(reply.code, str(error))
            return reply
    return Reply(451, "The server could not do that.")
