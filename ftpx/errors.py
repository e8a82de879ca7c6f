"""
The errors of ftpx's domain.

They name the cause and know no reply code: ``ftpx.server.outcome`` holds the one
table that turns them into FTP replies.
"""

from __future__ import annotations

__all__ = [
    "AccountsCorrupt",
    "AccountsUnavailable",
    "AlreadyExists",
    "AnotherStorage",
    "ArgumentError",
    "ConfigurationError",
    "DataConnectionAborted",
    "DataConnectionError",
    "DataConnectionLost",
    "DataConnectionNotOpened",
    "DataConnectionNotResumed",
    "DataConnectionNotSecured",
    "DataConnectionStalled",
    "DataConnectionTruncated",
    "DeflatedDataInvalid",
    "DeflatedDataTruncated",
    "DigestMismatch",
    "DirectoryNotEmpty",
    "FileChanged",
    "FileReplaced",
    "FtpxError",
    "InflatesTooFar",
    "IsADirectory",
    "NameRefused",
    "NoFreePort",
    "NoSpace",
    "NotADirectory",
    "NotARegularFile",
    "NotComparable",
    "NotFound",
    "NotSupported",
    "OffsetBeyondEnd",
    "OutcomeUnknown",
    "PermissionDenied",
    "QuotaExceeded",
    "StorageError",
    "StorageFailure",
    "StorageUnavailable",
    "TooManyTransfers",
]


class FtpxError(Exception):
    """The root of every error that ftpx raises on purpose."""


class ConfigurationError(FtpxError):
    """A setting cannot be used; the text says which and what to do."""


class ArgumentError(FtpxError):
    """The argument of a command is not of the form that the command takes."""


class StorageError(FtpxError):
    """A storage could not do what it was asked; the text never holds a real path."""


class NotFound(StorageError):
    """Nothing of that name is there."""


class AlreadyExists(StorageError):
    """Something of that name is there already."""


class NotADirectory(StorageError):
    """A directory is wanted, and that name is something else."""


class IsADirectory(StorageError):
    """A file is wanted, and that name is a directory."""


class NotARegularFile(StorageError):
    """That name is a FIFO, a socket, a device or another thing without content."""


class DirectoryNotEmpty(StorageError):
    """A directory that still has entries cannot be removed or replaced."""


class NameRefused(StorageError):
    """The storage cannot keep a name like this one: too long, reserved or not allowed."""


class AnotherStorage(NameRefused):
    """A thing cannot be renamed to a place that is in another storage."""


class PermissionDenied(StorageError):
    """The account, or the user the server runs as, may not do that."""


class NoSpace(StorageError):
    """The storage is full."""


class QuotaExceeded(StorageError):
    """What the account may store or transfer is used up; a text says which quota, and is meant for the peer."""


class OffsetBeyondEnd(StorageError):
    """A file cannot be continued behind its end."""


class FileChanged(StorageError):
    """The file was changed by somebody else since this operation began."""


class FileReplaced(StorageError):
    """
    An upload cannot be continued: what it would go on with, or replace, is not what it was when it began. The text
    says why, and is meant for the peer.
    """


class DigestMismatch(StorageError):
    """What came is not what was announced; the text tells both, and is meant for the peer."""


class NotSupported(StorageError):
    """This storage has no such ability."""


class NotComparable(NotSupported):
    """What came could not be compared with what was announced; the text says why, and is meant for the peer."""


class StorageUnavailable(StorageError):
    """The storage cannot answer now, but may later."""


class OutcomeUnknown(StorageUnavailable):
    """The storage was asked to change something and did not answer in time: it may have done so, or do so yet."""


class AccountsUnavailable(StorageUnavailable):
    """The accounts cannot be asked now, but may be later."""


class AccountsCorrupt(AccountsUnavailable):
    """What is kept of an account is none of what can be set; the text says whose it is and which item."""


class TooManyTransfers(StorageUnavailable):
    """The account has as many transfers under way as it may have."""


class StorageFailure(StorageError):
    """The storage broke: an input/output error."""


class DataConnectionError(FtpxError):
    """The data connection did not do its work."""


class DataConnectionNotOpened(DataConnectionError):
    """No data connection came about: refused, timed out, or never asked for."""


class NoFreePort(DataConnectionNotOpened):
    """No port, or no descriptor, is free to listen on."""


class DataConnectionLost(DataConnectionError):
    """The peer broke the data connection before the transfer was complete."""


class DataConnectionTruncated(DataConnectionLost):
    """The peer ended the data connection without the end that TLS demands, so what came may not be all."""


class DeflatedDataTruncated(DataConnectionLost):
    """The peer ended the data connection in the middle of deflated octets, so what came is not all."""


class DeflatedDataInvalid(FtpxError):
    """What came is not what MODE Z wants: one whole stream in zlib's format, and nothing behind it."""


class InflatesTooFar(FtpxError):
    """What came inflates to so much that it was made to fill the storage."""


class DataConnectionNotSecured(DataConnectionError):
    """TLS could not be agreed upon for the data connection."""


class DataConnectionNotResumed(DataConnectionNotSecured):
    """The data connection does not prove that it belongs to the control connection."""


class DataConnectionStalled(DataConnectionError):
    """The data connection moved too little in the time it was given."""


class DataConnectionAborted(DataConnectionError):
    """The transfer was ended on request: ABOR, QUIT, lost control or shutdown."""
