"""When a control connection speaks TLS."""

from __future__ import annotations

from ftpx.server.output import Output
from ftpx.tls.channel import Channel, TlsFailed

__all__ = ["ControlTls"]


class ControlTls:
    """
    Stands between what the network brings and the commands, and gives the output its protection.

    TLS begins and ends behind a reply: `begin` and `end` are said by a command, `switch` does it when its reply has
    been sent. ``secured``: TLS is spoken, or its handshake is under way.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._channel: Channel | None = None
        self._next: Channel | None = None
        self._ends = False
        self._leaving = False

    @property
    def secured(self) -> bool:
        return self._channel is not None

    @property
    def shaking_hands(self) -> bool:
        """Whether nothing can be said yet."""
        return self._channel is not None and not self._channel.established

    @property
    def peer_ended(self) -> bool:
        """Whether the peer has ended TLS, and with it the connection."""
        return self._channel is not None and self._channel.ended

    def certified_name(self) -> str | None:
        """The name in the certificate that the client has shown."""
        return None if self._channel is None else self._channel.certified_name()

    def send_ticket(self) -> None:
        """Give the client a ticket with the next reply; see `Channel.send_ticket`."""
        if self._channel is not None:
            self._channel.send_ticket()

    def begin(self, channel: Channel) -> None:
        """Speak TLS behind the reply."""
        self._next = channel

    def end(self) -> None:
        """Speak in clear behind the reply."""
        self._ends = True

    def switch(self) -> bool:
        """Do what a command has asked for; whether a handshake is to come now."""
        if self._next is not None:
            self._channel, self._next = self._next, None
            self._output.protect = self._channel.protect
            return True
        if self._ends:
            self._ends = False
            self.leave()
            self._leaving = True
        return False

    def receive(self, octets: bytes) -> bytes:
        """
        The commands in what the network brought.

        :raises TlsFailed: the connection is to be closed; an alert that says why has been sent.
        """
        channel = self._channel
        if channel is None:
            return octets
        try:
            said = channel.receive(octets)
        except TlsFailed:
            self._output.pass_on(channel.outgoing())
            raise
        self._output.pass_on(channel.outgoing())
        if self._leaving and channel.ended:
            self._channel, self._leaving = None, False
        return said

    def leave(self) -> None:
        """Send close_notify, and whatever follows in clear."""
        if self._channel is not None and not self._leaving:
            self._output.flush()
            self._output.pass_on(self._channel.leave())
            self._output.protect = None
