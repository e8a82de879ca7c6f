"""
The contracts of ftpx.

A storage provides `IStorage`, which is small. Whatever more it can do, it says by
providing one of the optional interfaces below; ftpx asks ``ISomething(storage, None)``
and FEAT tells each user what their own storage can do.

Paths are tuples of names, relative to the root of the storage: ``()`` is the root,
``("pub", "a.txt")`` a file in a directory of it. Names are ``str``; bytes that are not
UTF-8 are kept by ``surrogateescape``. ftpx has normalised a path before a storage sees
it: no name is empty, ``.`` or ``..``, or holds ``/``, NUL, CR or LF.

Every operation raises an error of `ftpx.errors` and nothing else. Whatever may block
runs off the reactor thread: a storage uses the pool that it is given.
"""

from __future__ import annotations

from ftpx.interfaces.abilities import (
    ICreationTimes,
    IDurable,
    IFreeSpace,
    IModes,
    IPartialUploads,
    IQuotaLeft,
    IRights,
    IServerSideCopy,
    ISubtrees,
    ISymbolicLinks,
    ITidied,
    ITimes,
    IVersions,
    IWithoutLinks,
)
from ftpx.interfaces.accounts import (
    IAccessRules,
    IAccount,
    IAllowance,
    IBans,
    IClient,
    IQuotas,
    IReservation,
    ITransferAllowance,
)
from ftpx.interfaces.blocking import IBlockingReadableFile, IBlockingStorage, IBlockingWritableFile
from ftpx.interfaces.data import IDataConnection, IDataConnections, IDataPort, IDataSecurity, IPace
from ftpx.interfaces.events import (
    Event,
    FileTransfer,
    IEventSink,
    IEventSinkPlugin,
    TransferFailed,
    TransferFinished,
    TransferProgress,
    TransferStarted,
)
from ftpx.interfaces.files import (
    IBoundedFile,
    IDurableFile,
    IFileDescriptor,
    IPartialFile,
    IReadableFile,
    IStagedContent,
    IStagedDescriptor,
    IStoredDigests,
    IWritableFile,
)
from ftpx.interfaces.storage import IStorage, IStoragePlugin
from ftpx.interfaces.threads import IStoragePool, IWorkerPool
from ftpx.interfaces.values import Block, Direction, Entry, Kind, Path, Right

__all__ = [
    "Block",
    "Direction",
    "Entry",
    "Event",
    "FileTransfer",
    "IAccessRules",
    "IAccount",
    "IAllowance",
    "IBans",
    "IBlockingReadableFile",
    "IBlockingStorage",
    "IBlockingWritableFile",
    "IBoundedFile",
    "IClient",
    "ICreationTimes",
    "IDataConnection",
    "IDataConnections",
    "IDataPort",
    "IDataSecurity",
    "IDurable",
    "IDurableFile",
    "IEventSink",
    "IEventSinkPlugin",
    "IFileDescriptor",
    "IFreeSpace",
    "IModes",
    "IPace",
    "IPartialFile",
    "IPartialUploads",
    "IQuotaLeft",
    "IQuotas",
    "IReadableFile",
    "IReservation",
    "IRights",
    "IServerSideCopy",
    "IStagedContent",
    "IStagedDescriptor",
    "IStorage",
    "IStoragePlugin",
    "IStoragePool",
    "IStoredDigests",
    "ISubtrees",
    "ISymbolicLinks",
    "ITidied",
    "ITimes",
    "ITransferAllowance",
    "IVersions",
    "IWithoutLinks",
    "IWorkerPool",
    "IWritableFile",
    "Kind",
    "Path",
    "Right",
    "TransferFailed",
    "TransferFinished",
    "TransferProgress",
    "TransferStarted",
]
