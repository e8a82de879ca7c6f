"""
The life of an upload, on every storage the same: reserve, stage, receive, verify, publish, account, answer.

Until it is published, nobody sees anything of it, and what had the name before is whole. If it breaks off, what has
come is kept for its owner where the storage can do that (`IPartialUploads`), else it is thrown away.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from twisted.internet.defer import CancelledError

from ftpx.digests.algorithms import Algorithm
from ftpx.digests.companion import companion_expectation
from ftpx.digests.expectation import Expectation, verify
from ftpx.digests.taking import DigestingFile, take_digest
from ftpx.errors import DataConnectionError, NotComparable, NotSupported, QuotaExceeded, StorageUnavailable
from ftpx.interfaces import (
    Direction,
    Entry,
    IBoundedFile,
    IDurableFile,
    IFileDescriptor,
    IPartialFile,
    IPartialUploads,
    IStagedContent,
    IWritableFile,
    Path,
)
from ftpx.server.data_transfer import ContentTransfer
from ftpx.server.partials import partial_uploads
from ftpx.server.session import Session
from ftpx.server.state import TransferMode, TransferType
from ftpx.server.translation import AsciiSink
from ftpx.wire.replies import Reply

__all__ = ["Stage", "Upload"]


_NOT_COMPARABLE: Final = (
    "This storage cannot compare the digest of an upload that goes on: send it from the start, "
    "or without a digest to compare, and ask for that afterwards."
)


class Stage(enum.Enum):
    """How far an upload has come, and whether what has come is kept if it breaks off now."""

    RESERVE = ("reserve", False)
    STAGE = ("stage", False)
    RECEIVE = ("receive", True)
    VERIFY = ("verify", True)
    PUBLISH = ("publish", False)
    ACCOUNT = ("account", False)

    def __init__(self, title: str, keeps: bool) -> None:
        self.title = title
        self.keeps = keeps


# What breaks an upload off, in contrast to what refuses it: its content is as good as ever.
_BREAKS = (DataConnectionError, CancelledError, StorageUnavailable)

# Threads may hold what is kept for a moment after the upload has broken off: for so many seconds, and so many apart, it
# is asked for again.
_CONTINUE_PATIENCE: Final = 1.0
_CONTINUE_PAUSE: Final = 0.05


class Upload:
    """
    One upload.

    :param offset: how much of what is there to keep and continue behind; ``None``: all of it.
    :param exclusive: the name must be free, and nothing is kept if it breaks off.
    :param opening: the text of the 150 reply; the name if not given.
    """

    def __init__(
        self,
        session: Session,
        verb: str,
        path: Path,
        *,
        offset: int | None,
        exclusive: bool = False,
        opening: str | None = None,
    ) -> None:
        self._session = session
        self._verb = verb
        self._path = path
        self._offset = offset
        self._exclusive = exclusive
        self._opening = opening
        self._expected = session.state.take_expectation()
        self._announced = session.state.take_allocation()
        self._ascii = session.state.type is TransferType.ASCII
        self.stage = Stage.RESERVE

    async def run(self) -> Reply:
        """Go through all stages; the reply at the end."""
        session = self._session
        size = self._expected.size if self._expected.size is not None else self._announced
        with session.file_transfer(self._verb, Direction.UPLOAD, self._path, size) as transfer:
            async with session.services.reservations.reserve(
                session.storage, self._path[:-1], size, lambda: transfer.moved
            ):
                self.stage = Stage.STAGE
                expected = await self._all_expected()
                plain = await self._open()
                bounded = IBoundedFile(plain, None)
                digesting = self._digesting(plain, expected)
                file = plain if digesting is None else digesting
                try:
                    await self._require_comparable(plain, expected)
                    await self._announce(bounded, file, size)
                    self.stage = Stage.RECEIVE
                    await self._receive(transfer, file, bounded)
                    self.stage = Stage.VERIFY
                    digests = await self._verify(expected, digesting)
                    self.stage = Stage.PUBLISH
                    entry = await self._publish(file)
                    self.stage = Stage.ACCOUNT
                    return self._account(transfer, entry, digests)
                except _BREAKS:
                    if self.stage.keeps and IPartialFile.providedBy(file):
                        # A client that dies loses its data connection first, and the control connection right behind.
                        with session.commitment():
                            await file.suspend()
                    raise
                finally:
                    await file.abort()
                    # The ticket that came by the data connection is not read by most clients.
                    session.control.send_ticket()

    async def _all_expected(self) -> Expectation:
        """What the client has announced, and what stands in a file beside."""
        if not self._session.policy.verify_companions or self._exclusive:
            return self._expected
        companion = await companion_expectation(self._session.storage, self._path)
        return self._expected if companion is None else self._expected.with_digests(companion.digests)

    async def _open(self) -> IWritableFile:
        """The file that is written: new, or what there is of it."""
        storage, offset = self._session.storage, self._offset
        owned = None if self._ascii or self._exclusive else partial_uploads(self._session)
        if owned is None:
            return await storage.open_write(self._path, offset=offset, exclusive=self._exclusive)
        partials, owner = owned
        if offset == 0:
            return await partials.begin_upload(self._path, owner)
        continued = await self._continue(partials, owner)
        return await storage.open_write(self._path, offset=offset) if continued is None else continued

    async def _continue(self, partials: IPartialUploads, owner: str) -> IPartialFile | None:
        """What is kept, if need be as soon as nobody holds it any more."""
        clock = self._session.services.clock
        end = clock.seconds() + _CONTINUE_PATIENCE
        while True:
            try:
                return await partials.continue_upload(self._path, owner, self._offset)
            except StorageUnavailable:
                # So it is said, too, where the storage has not answered, and much later.
                if clock.seconds() >= end:
                    raise
            await self._session.sleep(_CONTINUE_PAUSE)

    def _digesting(self, file: IWritableFile, expected: Expectation) -> DigestingFile | None:
        """The file with its digests taken on the way, if anybody wants them."""
        services = self._session.services
        wanted = self._algorithms(expected)
        if not wanted and expected.size is None:
            return None
        return take_digest(file, wanted, services.computing, services.clock)

    def _algorithms(self, expected: Expectation) -> set[Algorithm]:
        configured = self._session.policy.digest
        return {*expected.digests, *(() if configured is None else (configured,))}

    async def _announce(self, bounded: IBoundedFile | None, file: IWritableFile, size: int | None) -> None:
        """Tell a file that is limited how large it will be, as far as that is known."""
        if bounded is None or size is None:
            return
        try:
            await bounded.announce(size)
        except QuotaExceeded:
            await _leave(file)
            raise

    @staticmethod
    async def _require_comparable(file: IWritableFile, expected: Expectation) -> None:
        """Refuse before the first octet comes what could not be verified behind the last."""
        readable = IFileDescriptor.providedBy(file) or IStagedContent.providedBy(file)
        if expected.digests and file.offset and not readable:
            await _leave(file)
            raise NotComparable(_NOT_COMPARABLE)

    async def _receive(self, transfer: ContentTransfer, file: IWritableFile, bounded: IBoundedFile | None) -> None:
        sink = AsciiSink(file) if self._ascii else file
        async with transfer.open_data(self._opening or self._path[-1]) as data:
            if isinstance(sink, DigestingFile) and self._session.state.mode is TransferMode.STREAM:
                sink.follow(lambda: data.moved)
            by_descriptor = self._session.state.mode is TransferMode.STREAM and IFileDescriptor.providedBy(sink)
            if bounded is not None and by_descriptor:
                data.keep_pace(bounded.pace())
            await data.receive(sink)
        if isinstance(sink, AsciiSink):
            await sink.finish()
        await self._session.outlive(transfer.seconds)

    async def _verify(self, expected: Expectation, digesting: DigestingFile | None) -> Mapping[Algorithm, str]:
        """Compare with what was announced; the digests that were taken."""
        if digesting is None:
            return {}
        await verify(expected, digesting.size, digesting.digest)
        digests = {}
        for algorithm in self._algorithms(expected):
            # Nobody waits for it where the storage cannot read back what was there before.
            with suppress(NotSupported):
                digests[algorithm] = await digesting.digest(algorithm)
        return digests

    async def _publish(self, file: IWritableFile) -> Entry:
        with self._session.commitment():
            if self._session.policy.fsync and IDurableFile.providedBy(file):
                return await file.commit_durably()
            return await file.commit()

    def _account(self, transfer: ContentTransfer, entry: Entry, digests: Mapping[Algorithm, str]) -> Reply:
        """Remember what was learnt, and tell the operators and the client."""
        self._session.services.digests.stored(entry, digests)
        told = f"{entry.size} octets stored"
        configured = self._session.policy.digest
        chosen = configured if configured in digests else next(iter(digests), None)
        if chosen is None:
            transfer.stored(entry.size)
        else:
            transfer.stored(entry.size, algorithm=chosen.value, digest=digests[chosen])
            told += f", {chosen.value} {digests[chosen]}"
        return Reply(226, f"Transfer complete: {told}.")


async def _leave(file: IWritableFile) -> None:
    """Leave what an upload would have gone on with as it was: it is as good as ever."""
    if file.offset and IPartialFile.providedBy(file):
        await file.suspend()
