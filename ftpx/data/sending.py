"""Downloads: from a file or from blocks to the peer."""

from __future__ import annotations

import errno
from collections.abc import AsyncGenerator

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ftpx.data.descriptor import Duplicate
from ftpx.data.residency import Residency
from ftpx.data.stream import IFileStream
from ftpx.data.transfer import Transfer
from ftpx.errors import DataConnectionLost, StorageFailure
from ftpx.interfaces import Block, IFileDescriptor, IReadableFile

__all__ = ["send_blocks", "send_file"]

_SMALL = 65536
_COPY = 512 * 1024
_TURN = 4 * 1024 * 1024
"""How much is sent before other sessions get their turn, at most."""
_FIRST_TURN = 128 * 1024
"""How much of a file is sent in one turn at first."""
_EARNED = 8
"""
A turn is such a part of what the transfer has sent already, so a large file is soon sent in large turns. When
hundreds begin together, those that are first would otherwise have done all their work before the others begin.
"""
_HELD_BACK = 2 * 65536
"""Octets whose acknowledgement the peer's system may hold back: of two packets, which on a loopback are this long."""
_TURN_OF_THREAD = 16 * 1024 * 1024
"""The same, where a thread does it."""

# The file system cannot do it; the bytes can still be copied.
_NO_SENDFILE = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})

_log = Logger()


async def send_file(transfer: Transfer, source: IReadableFile, offset: int, end: int) -> None:
    """
    Send the octets of a file from ``offset`` up to, not including, ``end``, and end the stream.

    :raises StorageFailure: the file ends before ``end``.
    """
    position = offset
    file = IFileDescriptor(source, None)
    if file is not None and position < end:
        position = await _send_descriptor(transfer, file, position, end)
    since = 0
    while position < end:
        block = await transfer.storage(source.read(position, min(_COPY, end - position)))
        _demand(len(block))
        since = await _send_block(transfer, block, since)
        position += len(block)
    await _end(transfer)


async def send_blocks(transfer: Transfer, blocks: AsyncGenerator[Block, None], delimited: bool) -> None:
    """
    Send every block and end the stream; the generator is closed in any case.

    :param delimited: the octets tell by themselves where they end, so a peer may close as soon as it has them.
    """
    since = 0
    reading: Deferred[Block | None] | None = None
    try:
        while True:
            reading = Deferred.fromCoroutine(_next(blocks))
            block = await transfer.storage(reading)
            if block is None:
                break
            since = await _send_block(transfer, block, since)
    except BaseException:
        # Before anybody else: who made the blocks may close what they come from next.
        await _close(blocks, reading)
        raise
    try:
        await _end(transfer)
    except DataConnectionLost:
        # To close a connection where something is unread, if only close_notify, resets it; lftp does so in MODE Z.
        if not delimited or transfer.stream.unacknowledged() > _HELD_BACK:
            raise


async def _next(blocks: AsyncGenerator[Block, None]) -> Block | None:
    async for block in blocks:
        return block
    return None


async def _close(blocks: AsyncGenerator[Block, None], reading: Deferred[Block | None] | None) -> None:
    # A generator that still runs cannot be closed: first let it come back. (A coroutine that was cancelled counts as
    # called already while it still cleans up, so only its callbacks tell.)
    if reading is not None:
        back: Deferred[None] = Deferred()
        reading.addBoth(lambda _: back.callback(None))
        if not back.called:
            reading.cancel()
        await back
    try:
        await blocks.aclose()
    except Exception:
        _log.failure("A source of blocks could not be closed")


async def _send_descriptor(transfer: Transfer, file: IFileDescriptor, position: int, end: int) -> int:
    """Send as much as goes without copying; returns where copying has to go on."""
    descriptor = file.fileno()
    pages = Residency(descriptor)
    try:
        if end - position <= _SMALL:
            # One read that does not wait and one packet beat sendfile here.
            block = pages.read(position, end - position)
            if block is not None:
                _demand(len(block))
                await _send_block(transfer, block, 0, last=len(block) == end - position)
                return position + len(block)
        if IFileStream.providedBy(transfer.stream):
            return await _send_windows(transfer, file, pages, position, end)
    except OSError as error:
        raise file.translate(error) from error
    return position


async def _send_windows(transfer: Transfer, file: IFileDescriptor, pages: Residency, position: int, end: int) -> int:
    stream = IFileStream(transfer.stream)
    # A thread keeps nobody waiting, and to go to one has its price.
    turn = _TURN_OF_THREAD if stream.computes else _TURN
    duplicate: Duplicate | None = None
    try:
        while True:
            size = min(end - position, turn if stream.computes else min(turn, _earned(transfer)))
            try:
                if not stream.computes and pages.covers(position, size):
                    sent = stream.send_file(file.fileno(), position, size)
                else:
                    duplicate = duplicate or Duplicate(file)
                    sent = await transfer.in_pool(file.pool, stream.send_file, duplicate.fileno(), position, size)
                _demand(sent)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                if error.errno not in _NO_SENDFILE:
                    raise
                return position
            position += sent
            transfer.moved += sent
            if position == end:
                return position
            await transfer.writable()
    finally:
        if duplicate is not None:
            transfer.release(duplicate.close_in_pool)


def _earned(transfer: Transfer) -> int:
    return max(_FIRST_TURN, transfer.moved // _EARNED)


async def _send_block(transfer: Transfer, block: Block, since: int, last: bool = False) -> int:
    """
    Send a block.

    :param since: octets sent since others last had their turn.
    :param last: the stream ends right behind it.
    :return: the new ``since``.
    """
    left = memoryview(block)
    while left:
        if since >= _TURN:
            await transfer.writable()
            since = 0
        try:
            sent = transfer.stream.send(left, last)
        except BlockingIOError:
            since = _TURN
            continue
        transfer.moved += sent
        # Less than all went: the next try would be in vain.
        since = since + sent if sent == len(left) else _TURN
        left = left[sent:]
    return since


def _demand(octets: int) -> None:
    if not octets:
        raise StorageFailure("the file is shorter than it was when it was opened")


async def _end(transfer: Transfer) -> None:
    while True:
        try:
            transfer.stream.end()
            break
        except BlockingIOError:
            await transfer.writable()
    # To wait until the peer has a small file would cost as much as sending it, and its end is as good as there.
    if transfer.moved > _SMALL:
        await transfer.acknowledged()
