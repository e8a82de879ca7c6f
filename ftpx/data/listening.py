"""Sockets that listen on a port nobody can guess."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from random import Random
from typing import Protocol

from ftpx.data.addresses import family_of, normalised, socket_address
from ftpx.errors import NoFreePort

__all__ = ["DYNAMIC_PORTS", "SocketMaker", "open_listener"]

DYNAMIC_PORTS = range(49152, 65536)
"""
The ports that IANA leaves for such use (RFC 6335 section 6), when no range is configured.

Port 0 would be simpler, but the kernel does not draw evenly, and it never gives a port out while a connection
on it is in TIME_WAIT: some ten thousand small files a minute make it search for milliseconds, or find nothing.
"""

_BACKLOG = 8
_DRAWS = 8
_TAKEN = frozenset({errno.EADDRINUSE, errno.EACCES})
_NOT_OURS = frozenset({errno.EADDRNOTAVAIL, errno.EINVAL})


class SocketMaker(Protocol):
    """What makes sockets: `socket.socket`."""

    def __call__(self, family: int, kind: int, /) -> socket.socket: ...


def open_listener(host: str, ports: range, random: Random, make_socket: SocketMaker) -> tuple[socket.socket, int]:
    """
    Listen on a port drawn from a range.

    An address that is not ours, as behind a proxy that tells us its own, becomes the wildcard of its family.

    :return: the listening socket, which does not block, and its port.
    :raises NoFreePort: no port of the range, or no descriptor, is free.
    """
    wildcard = "::" if family_of(normalised(host)) == socket.AF_INET6 else "0.0.0.0"
    try:
        try:
            return _listen_on(host, ports, random, make_socket)
        except OSError as error:
            if error.errno not in _NOT_OURS:
                raise
            return _listen_on(wildcard, ports, random, make_socket)
    except OSError as error:
        raise NoFreePort(f"cannot listen for a data connection: {error.strerror or error}") from error


def _drawn(ports: range, random: Random) -> Iterator[int]:
    # To put a large range into random order takes long, and one of the first draws nearly always does.
    for _ in range(_DRAWS):
        yield random.choice(ports)
    yield from random.sample(ports, len(ports))


def _listen_on(host: str, ports: range, random: Random, make_socket: SocketMaker) -> tuple[socket.socket, int]:
    family = family_of(normalised(host))
    for port in _drawn(ports, random):
        listener = make_socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setblocking(False)
            listener.bind(socket_address(host, port))
            listener.listen(_BACKLOG)
        except OSError as error:
            listener.close()
            if error.errno not in _TAKEN:
                raise
        else:
            return listener, port
    raise NoFreePort("every port for data connections is taken")
