"""What operators are told."""

from __future__ import annotations

import attrs
from zope.interface import Attribute, Interface

from ftpx.interfaces.threads import IWorkerPool
from ftpx.interfaces.values import Direction, Path

__all__ = [
    "Event",
    "FileTransfer",
    "IEventSink",
    "IEventSinkPlugin",
    "TransferFailed",
    "TransferFinished",
    "TransferProgress",
    "TransferStarted",
]


@attrs.frozen(slots=True, kw_only=True)
class FileTransfer:
    """
    A transfer of a file's content, as the operators are told of it: what is the same from its start to its end.

    ``id`` tells it from all others since the server's start. ``user`` is the login name, ``client`` the address,
    ``verb`` the command. ``protected``: the data connection speaks TLS. ``started`` is in seconds since the epoch.
    ``size`` is how many octets will go over the data connection, ``None`` if nobody knows.
    """

    id: int
    user: str
    client: str
    verb: str
    direction: Direction
    path: Path
    protected: bool
    started: float
    size: int | None


@attrs.frozen(slots=True, kw_only=True)
class TransferStarted:
    """A command waits for its data connection. ``time`` is in seconds since the epoch, as it is in all events."""

    time: float
    transfer: FileTransfer


@attrs.frozen(slots=True, kw_only=True)
class TransferProgress:
    """
    How far a transfer is: at most once a second, and first when it is a second old.

    ``octets`` went over the data connection so far. ``rate`` is in octets a second over the last seconds, ``average``
    over all. ``expected_end`` is in seconds since the epoch, ``None`` if the size is not known or nothing moves.
    """

    time: float
    transfer: FileTransfer
    octets: int
    rate: float
    average: float
    expected_end: float | None


@attrs.frozen(slots=True, kw_only=True)
class TransferFinished:
    """
    A download was sent, or an upload is published.

    ``octets`` went over the data connection, in ``seconds`` since it opened. ``size`` is that of the file that an
    upload has become. ``digest`` is in hexadecimal, and ``algorithm`` says of which kind, if one was taken.
    """

    time: float
    transfer: FileTransfer
    octets: int
    seconds: float
    size: int | None
    algorithm: str | None
    digest: str | None


@attrs.frozen(slots=True, kw_only=True)
class TransferFailed:
    """
    A transfer broke off, or its upload was not published.

    ``reason`` is one of a few fixed texts (``ftpx.ops.reasons``), ``text`` says more to people.
    """

    time: float
    transfer: FileTransfer
    octets: int
    seconds: float
    reason: str
    text: str


Event = TransferStarted | TransferProgress | TransferFinished | TransferFailed


class IEventSink(Interface):
    """Who is told what happens in the server."""

    wants: frozenset[type[Event]] = Attribute("The classes of the events that are emitted to it; never changes.")

    def emit(event: Event) -> None:
        """
        Take an event. Called in the reactor thread: must not block.

        An error that this raises is logged, the first of each sink only, and nobody else is hurt.
        """


class IEventSinkPlugin(Interface):
    """A kind of event sink, found by `twisted.plugin` and named on the command line by its prefix."""

    prefix: str = Attribute("The kind: what stands before the first colon of ``--event-sink``.")
    argument_format: str = Attribute("The form of what stands behind it, such as ``FILE``.")
    help: str = Attribute("What it does, in a sentence or two, for ``--help-event-sink``.")

    def open_sink(arguments: str, pool: IWorkerPool) -> IEventSink:
        """
        Make the sink. Called once, at start-up, before anything listens.

        :param pool: one thread of the sink's own for what may block, in the order in which it is asked for.
        :raises ConfigurationError: the arguments cannot be used.
        """
