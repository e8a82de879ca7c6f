"""Uploads: from the peer to a sink."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from ftpx.data.carrier import Carrier, write_all
from ftpx.data.descriptor import Duplicate
from ftpx.data.transfer import Transfer
from ftpx.interfaces import IFileDescriptor, IStagedDescriptor, IWritableFile

__all__ = ["receive"]

_SMALL = 16 * 1024
_COPY = 512 * 1024
_TURN = 16 * 1024 * 1024
"""How much a thread takes before others may have it."""


async def receive(transfer: Transfer, sink: IWritableFile) -> None:
    """Write everything that comes to a sink, until the clean end. Does not commit."""
    file = IFileDescriptor(sink, None)
    if file is None:
        await _receive_copies(transfer, sink)
    else:
        first = memoryview(bytearray(_SMALL))
        try:
            ended = await _receive_first(transfer, first)
        except BaseException:
            _leave(sink, first[: transfer.moved])
            raise
        if not ended:
            await _receive_into_descriptor(transfer, first, sink.offset, file)
        elif transfer.moved:
            await transfer.storage(sink.write(first[: transfer.moved]))


def _leave(sink: IWritableFile, octets: memoryview) -> None:
    """Give a sink what came before the transfer broke off, as it may be kept; nobody waits for that any more."""
    if octets:
        written = Deferred.fromCoroutine(_written(sink, octets))
        written.addErrback(lambda _: None)
        written.cancel()


async def _written(sink: IWritableFile, octets: memoryview) -> None:
    await sink.write(octets)


async def _receive_first(transfer: Transfer, buffer: memoryview) -> bool:
    """
    Take the beginning in the reactor thread: for a small file, going to another costs more than the copy.

    :return: whether that was all; if not, the buffer is full.
    """
    ended = False
    while not ended and transfer.moved < len(buffer):
        try:
            size = transfer.stream.receive_into(buffer[transfer.moved :])
        except BlockingIOError:
            await transfer.readable()
        else:
            transfer.moved += size
            ended = not size
    return ended


async def _receive_copies(transfer: Transfer, sink: IWritableFile) -> None:
    # The sink has the buffer until its write has fired, and we may be broken off before: it belongs to this transfer.
    buffer = memoryview(bytearray(_COPY))
    since = _TURN
    while True:
        if since >= _TURN:
            await transfer.readable()
            since = 0
        try:
            size = transfer.stream.receive_into(buffer)
        except BlockingIOError:
            since = _TURN
            continue
        if not size:
            return
        transfer.moved += size
        since += size
        await transfer.storage(sink.write(buffer[:size]))


async def _receive_into_descriptor(transfer: Transfer, first: memoryview, offset: int, file: IFileDescriptor) -> None:
    duplicate = Duplicate(file)
    try:
        await transfer.in_pool(file.pool, _begin, first, file, duplicate, offset)
        ended = False
        while not ended:
            await transfer.readable()
            ended = await transfer.in_pool(file.pool, _drain, transfer, file, duplicate, offset)
    finally:
        transfer.release(duplicate.close_in_pool)


def _begin(first: memoryview, file: IFileDescriptor, duplicate: Duplicate, offset: int) -> None:
    """In a thread: write what has come already."""
    staged = IStagedDescriptor(file, None)
    try:
        if staged is not None:
            staged.prepare()
        write_all(duplicate.fileno(), first, offset)
    except OSError as error:
        raise file.translate(error) from error


def _drain(transfer: Transfer, file: IFileDescriptor, duplicate: Duplicate, offset: int) -> bool:
    """
    In a thread: take what has come and write it.

    :return: whether that was the end; the duplicate is closed then, as closing may wait.
    """
    stop = transfer.moved + _TURN
    with Carrier(transfer.stream) as carrier:
        while transfer.moved < stop:
            try:
                size = carrier.take()
            except BlockingIOError:
                return False
            try:
                if not size:
                    duplicate.close()
                    return True
                carrier.put(duplicate.fileno(), offset + transfer.moved)
            except OSError as error:
                raise file.translate(error) from error
            transfer.moved += size
    return False
