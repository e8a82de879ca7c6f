"""Ending a connection so that its peer sees no clean end."""

from __future__ import annotations

import ctypes
import socket
import struct
from contextlib import suppress
from typing import Final

__all__ = ["close_by_reset", "disconnect", "reset_on_close"]

_AT_ONCE: Final = struct.pack("ii", 1, 0)
_NO_ADDRESS: Final = struct.pack("=H14x", socket.AF_UNSPEC)

_libc = ctypes.CDLL(None, use_errno=True)


def reset_on_close(connected: socket.socket) -> None:
    """Let the socket's close be a reset; what is not sent yet is dropped."""
    with suppress(OSError):
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)


def close_by_reset(connected: socket.socket) -> None:
    """Close a connection that nobody wants: some peers take a clean end for an empty file."""
    reset_on_close(connected)
    connected.close()


def disconnect(connected: socket.socket) -> None:
    """
    Reset the connection of a socket now, and leave its descriptor open: a call in a thread may be using it, which fails
    then. Shutting it down instead would say to the peer that all was well.
    """
    # connect(2): "connecting to an address with sa_family AF_UNSPEC dissolves the association".
    if _libc.connect(connected.fileno(), _NO_ADDRESS, len(_NO_ADDRESS)) < 0:
        with suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)
