"""Events on their way to everybody who wants them."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.logger import Logger

from ftpx.interfaces import Event, IEventSink

__all__ = ["Events"]


class Events:
    """
    Hands events to sinks.

    ``wanted`` are the classes of which there is somebody who wants them: nobody need make others.
    """

    log = Logger()

    def __init__(self, sinks: Sequence[IEventSink]) -> None:
        self._sinks: dict[type[Event], list[IEventSink]] = {}
        for sink in sinks:
            for kind in sink.wants:
                self._sinks.setdefault(kind, []).append(sink)
        self.wanted = frozenset(self._sinks)
        self._broken: set[int] = set()

    def emit(self, event: Event) -> None:
        """Tell those who want it; what they raise is logged once for each of them, and nobody else is hurt."""
        for sink in self._sinks.get(type(event), ()):
            try:
                sink.emit(event)
            except Exception:
                if id(sink) not in self._broken:
                    self._broken.add(id(sink))
                    self.log.failure("a sink of events failed; this is said once: {sink!r}", sink=sink)
