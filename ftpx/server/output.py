"""Replies on their way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.internet.tcp import Connection

__all__ = ["Output"]


class Output:
    """
    Writes to a control connection. What is written in one turn goes out together, by `flush`.

    A transport of Twisted writes, and closes, when its descriptor is found writable, which costs the reactor
    another turn each time. While a peer keeps up, replies go straight to its socket instead; from the first that
    it has no room for on, everything takes the transport's way, in order.

    ``protect`` makes of replies what TLS sends in their place.

    :param producer: is paused while the transport holds more than it likes to.
    """

    def __init__(self, transport: Any, producer: IPushProducer) -> None:
        self._transport = transport
        self._producer: IPushProducer | None = producer
        self._registered = False
        self._send: Callable[[bytes], int] | None = None
        if isinstance(transport, Connection):
            self._send = transport.getHandle().send
        self._written = b""
        self.protect: Callable[[bytes], bytes] | None = None

    def write(self, octets: bytes) -> None:
        """Write with the next `flush`."""
        self._written += octets

    def flush(self) -> None:
        """Send what was written, or hand it to the transport, which applies its back-pressure."""
        if not self._written:
            return
        octets, self._written = self._written, b""
        if self.protect is not None:
            octets = self.protect(octets)
        if self._send is not None and not self._transport.TLS and self._transport.connected:
            try:
                sent = self._send(octets)
            except OSError:
                # No room, or the connection is lost: the transport finds out which.
                sent = 0
            if sent == len(octets):
                return
            octets = octets[sent:]
        if self._transport is None:
            return
        self._send = None
        if not self._registered:
            self._registered = True
            self._transport.registerProducer(self._producer, True)
        self._transport.write(octets)

    def pass_on(self, octets: bytes) -> None:
        """Send octets of TLS itself as they are, behind what was written."""
        self.flush()
        protect, self.protect = self.protect, None
        self._written = octets
        self.flush()
        self.protect = protect

    def close(self) -> bool:
        """Send what was written and close the connection: now if there is nothing to wait for, which is told."""
        self.flush()
        if self._send is not None and not self._transport.TLS and self._transport.connected:
            self._transport.connectionLost(connectionDone)
            return True
        if self._registered:
            self._transport.unregisterProducer()
        self._transport.loseConnection()
        return False

    def end(self) -> None:
        """The connection is lost. Let go of it and of the producer: a session then leaves no garbage to collect."""
        self._send = None
        self._transport = self._producer = None
