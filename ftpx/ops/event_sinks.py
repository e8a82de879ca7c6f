"""Which kinds of event sinks there are, and how one is made of ``KIND:ARGUMENTS``. All of them come from plugins."""

from __future__ import annotations

from typing import Final

from ftpx.errors import ConfigurationError
from ftpx.interfaces import (
    Event,
    IEventSink,
    IEventSinkPlugin,
    IWorkerPool,
    TransferFailed,
    TransferFinished,
    TransferProgress,
    TransferStarted,
)
from ftpx.plugins import Kinds

__all__ = ["event_sink_plugins", "open_event_sink"]

_EVENTS: Final[frozenset[type[Event]]] = frozenset(
    {TransferStarted, TransferProgress, TransferFinished, TransferFailed}
)
_KINDS: Final[Kinds[IEventSinkPlugin]] = Kinds("event sink", IEventSinkPlugin, IEventSink)


def open_event_sink(spec: str, pool: IWorkerPool) -> IEventSink:
    """
    Make the sink that ``KIND:ARGUMENTS`` names.

    :param pool: of one thread, for this sink alone.
    :raises ConfigurationError: there is no such kind, it cannot use the arguments, or it makes no sink.
    """
    sink: IEventSink = _KINDS.make(spec, lambda plugin, arguments: plugin.open_sink(arguments, pool))
    wants = getattr(sink, "wants", None)
    if not isinstance(wants, frozenset) or not wants <= _EVENTS:
        kind = spec.partition(":")[0]
        raise ConfigurationError(f"the event sink kind {kind!r} wants no set of classes of events: {wants!r}")
    return sink


def event_sink_plugins() -> list[IEventSinkPlugin]:
    """All kinds that there are. Of two with one prefix, the first."""
    return _KINDS.all()
