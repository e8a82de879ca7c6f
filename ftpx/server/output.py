"""Replies on their way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.tcp import Connection

__all__ = ["Output"]


class Output:
    """
    Writes to a control connection. What is written in one turn goes out together, by `flush`.

    A transport of Twisted writes when its descriptor is found writable, which costs the reactor
    another turn for each reply. While a peer keeps up, replies go straight to its socket instead;
    from the first that it has no room for on, everything takes the transport's way, in order.
    """

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._send: Callable[[bytes], int] | None = None
        if isinstance(transport, Connection):
            self._send = transport.getHandle().send
        self._written: list[bytes] = []

    def write(self, octets: bytes) -> None:
        """Write with the next `flush`."""
        self._written.append(octets)

    def flush(self) -> None:
        """Send what was written, or hand it to the transport, which applies its back-pressure."""
        if not self._written:
            return
        octets = self._written[0] if len(self._written) == 1 else b"".join(self._written)
        self._written.clear()
        if self._send is not None and not self._transport.TLS and self._transport.connected:
            try:
                sent = self._send(octets)
            except OSError:
                # No room, or the connection is lost: the transport finds out which.
                sent = 0
            if sent == len(octets):
                return
            self._send = None
            octets = octets[sent:]
        self._transport.write(octets)
