"""Data connections, and how fast octets go over them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable
from typing import TYPE_CHECKING

from OpenSSL import SSL
from zope.interface import Attribute, Interface

from ftpx.interfaces.values import Block

if TYPE_CHECKING:
    from ftpx.interfaces.files import IReadableFile, IWritableFile

__all__ = ["IDataConnection", "IDataConnections", "IDataPort", "IDataSecurity", "IPace"]


class IPace(Interface):
    """How fast one transfer may go. Called in the reactor thread only."""

    def allowed(moved: int) -> int:
        """
        How many octets may have moved by now, from the beginning of the transfer on; fewer than ``moved`` if a rate
        was lowered meanwhile.

        :param moved: how many have.
        :raises FtpxError: no more ever may; the transfer ends with this error.
        """

    def wait() -> float:
        """Seconds after which to ask `allowed` again, if it allowed no more than had moved; above 0."""

    def end(moved: int) -> None:
        """The transfer is over: what it was allowed and did not move is there for others. May be repeated."""


class IDataConnection(Interface):
    """
    An established data connection. It serves one transfer and has one outcome.

    ``moved`` counts the octets so far. All three ways to move bytes return how many went over
    the wire, and raise `DataConnectionLost`, `DataConnectionStalled` or `DataConnectionAborted`,
    or whatever the source or sink raised. Whichever way they end, the connection is closed; behind a `StorageError` a
    moment later, so that the peer can read the reply before it finds out.
    """

    moved: int = Attribute("Octets sent or received so far.")

    def keep_pace(pace: IPace) -> None:
        """Move octets no faster than a pace allows, and end it with the transfer; called before that begins."""

    def send_file(source: IReadableFile, offset: int, end: int) -> Awaitable[int]:
        """Send the octets from ``offset`` up to, not including, ``end``, then end the connection cleanly."""

    def send_blocks(blocks: AsyncGenerator[Block, None], delimited: bool = False) -> Awaitable[int]:
        """
        Send every block, asking for more only as the peer takes them, then end cleanly. Closes ``blocks``.

        :param delimited: the octets tell by themselves where they end, so a peer may close as soon as it has them.
        """

    def receive(sink: IWritableFile) -> Awaitable[int]:
        """Write all that comes to the sink until the peer ends cleanly. Does not commit."""

    def abort() -> None:
        """Close at once. A transfer under way raises `DataConnectionAborted`."""


class IDataSecurity(Interface):
    """The TLS of one session's data connections, in which the server is the server whoever connects (RFC 4217)."""

    def connection() -> SSL.Connection:
        """A connection in memory that waits for a handshake."""

    def resumed_by(connection: SSL.Connection) -> bool:
        """Whether a connection whose handshake is over resumed a TLS session of this FTP session."""

    def judge(resumed: bool) -> None:
        """
        Decide on a connection whose handshake is over.

        :param resumed: whether it resumed a TLS session of this FTP session.
        :raises DataConnectionNotResumed: it must and did not.
        """


class IDataPort(Interface):
    """Where the next data connection will come about: a passive or an active one."""

    host: str = Attribute("The address: ours for a passive port, the peer's for an active one.")
    port: int = Attribute("The TCP port.")

    def connect() -> Awaitable[IDataConnection]:
        """
        Wait for the connection, or make it. Once only.

        :raises DataConnectionNotOpened: refused, or not in time.
        """

    def close() -> None:
        """Stop listening or connecting, and close a connection nobody took. May be repeated."""


class IDataConnections(Interface):
    """Makes data ports for sessions."""

    def listen(host: str, peers: frozenset[str] | None, security: IDataSecurity | None = None) -> IDataPort:
        """
        Listen on a fresh port of a local address (no name) for a connection from one of ``peers``.

        :param peers: addresses; ``None``: from anybody, and the first one gets it.
        :param security: the TLS of the connection; ``None``: it goes in clear.
        :raises NoFreePort: no port or descriptor is free.
        """

    def dial(host: str, port: int, source: str | None, security: IDataSecurity | None = None) -> IDataPort:
        """A port that connects to the peer when it is wanted, from the local address ``source``."""
