"""Uploads: from the peer to a sink."""

from __future__ import annotations

import os

from ftpx.data.buffer import thread_buffer
from ftpx.data.descriptor import Duplicate
from ftpx.data.stream import IStream
from ftpx.data.transfer import Transfer
from ftpx.interfaces import IFileDescriptor, IWritableFile

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
    elif not await _receive_small(transfer, sink):
        await _receive_into_descriptor(transfer, sink.offset, file)


async def _receive_small(transfer: Transfer, sink: IWritableFile) -> bool:
    """
    Take the beginning in the reactor thread: for a small file, going to another costs more than the copy.

    :return: whether that was all.
    """
    buffer = memoryview(bytearray(_SMALL))
    ended = False
    while not ended and transfer.moved < _SMALL:
        try:
            size = transfer.stream.receive_into(buffer[transfer.moved :])
        except BlockingIOError:
            await transfer.readable()
        else:
            transfer.moved += size
            ended = not size
    if transfer.moved:
        await transfer.storage(sink.write(buffer[: transfer.moved]))
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


async def _receive_into_descriptor(transfer: Transfer, offset: int, file: IFileDescriptor) -> None:
    duplicate = Duplicate(file)
    try:
        ended = False
        while not ended:
            await transfer.readable()
            ended = await transfer.in_pool(file.pool, _drain, transfer, file, duplicate, offset)
    finally:
        transfer.release(duplicate.close_in_pool)


def _drain(transfer: Transfer, file: IFileDescriptor, duplicate: Duplicate, offset: int) -> bool:
    """
    In a thread: take what has come and write it.

    :return: whether that was the end; the duplicate is closed then, as closing may wait.
    """
    stream: IStream = transfer.stream
    view = thread_buffer()
    descriptor = duplicate.fileno()
    stop = transfer.moved + _TURN
    while transfer.moved < stop:
        try:
            size = stream.receive_into(view)
        except BlockingIOError:
            return False
        try:
            if not size:
                duplicate.close()
                return True
            written = 0
            while written < size:
                written += os.pwrite(descriptor, view[written:size], offset + transfer.moved + written)
        except OSError as error:
            raise file.translate(error) from error
        transfer.moved += size
    return False
