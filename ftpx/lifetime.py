"""The life of a server: what starts and stops with it, and in which order."""

from __future__ import annotations

import inspect
import socket
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import attrs
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure

from ftpx.errors import ConfigurationError
from ftpx.server.factory import ControlFactory, ImplicitTlsFactory

__all__ = ["Entrance", "FtpService", "Part"]

# How long a part that hangs may hold up the end, in seconds.
_LAST_CALLS = 5.0

_INTERNET = (
    # Replies are whole when they are written: waiting for more would only delay them.
    (socket.IPPROTO_TCP, socket.TCP_NODELAY),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
    # Urgent data may be any octet of an ABOR, its line end too: out of band it would be lost.
    (socket.SOL_SOCKET, socket.SO_OOBINLINE),
)
# Set on the sockets that listen: connections inherit them, and need no calls of their own.
_OPTIONS = {socket.AF_INET: _INTERNET, socket.AF_INET6: _INTERNET}


@attrs.frozen
class Entrance:
    """Where to listen; ``option`` is what the operator wrote."""

    option: str
    endpoint: IStreamServerEndpoint
    implicit_tls: bool = False


def _nothing() -> None:
    """What a part does that has nothing to do then."""


@attrs.frozen(kw_only=True)
class Part:
    """
    Something that lives as long as the server.

    ``start`` and ``reload`` begin what they do and return. ``stop`` may return a coroutine or a Deferred, which is
    waited for, but not for ever. ``serves_sessions``: it stops only when the last session has ended.
    """

    name: str
    start: Callable[[], object] = _nothing
    stop: Callable[[], object] = _nothing
    reload: Callable[[], object] | None = None
    serves_sessions: bool = True


class FtpService(Service):
    """
    Listens, and ends in good order: no new sessions, then the grace for transfers, then the parts.

    :param parts: in the order in which they start and stop.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        entrances: Sequence[Entrance],
        factory: ControlFactory,
        parts: Sequence[Part],
        *,
        grace: float,
    ) -> None:
        self.setName("ftpx")
        self.factory = factory
        self._reactor = reactor
        self._entrances = entrances
        self._parts = parts
        self._grace = grace
        self._ports: list[IListeningPort] = []
        self._listening = False

    def privilegedStartService(self) -> None:
        """
        Listen, while the process may still use low ports.

        :raises ConfigurationError: an endpoint cannot be listened on.
        """
        self._listening = True
        for entrance in self._entrances:
            failures: list[Failure] = []
            factory = ImplicitTlsFactory(self.factory) if entrance.implicit_tls else self.factory
            entrance.endpoint.listen(factory).addCallbacks(self._add, failures.append)
            for failure in failures:
                failure.trap(CannotListenError, OSError, OverflowError)
                raise ConfigurationError(f"{entrance.option}: cannot listen there: {_reason(failure)}.")
            self.log.info("listening: {option}", option=entrance.option)

    def _add(self, port: IListeningPort) -> None:
        # Ports that plugins bring need not have a socket.
        listener = getattr(port, "socket", None)
        if listener is not None:
            for level, option in _OPTIONS.get(listener.family, ()):
                listener.setsockopt(level, option, 1)
        self._ports.append(port)

    def startService(self) -> None:
        """Start the parts; and listen, under ``twist``, which knows no privileged start."""
        super().startService()
        if not self._listening:
            self.privilegedStartService()
        for part in self._parts:
            part.start()

    def stopService(self) -> Deferred[None]:
        """Stop accepting, let transfers end, stop the parts."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    def end_grace(self) -> None:
        """End all sessions now."""
        self.factory.shut_down(0)

    def reload(self) -> None:
        """Read again what is read from files; sessions go on as they are."""
        reloads = [part.reload for part in self._parts if part.reload is not None]
        if not reloads:
            self.log.info("There is nothing to reload: no certificates, and no other files.")
        for reload in reloads:
            _begun(reload())

    async def _stop(self) -> None:
        for part in self._parts:
            if not part.serves_sessions:
                await self._end(part)
        ports, self._ports, self._listening = self._ports, [], False
        for port in ports:
            stopped = _begun(port.stopListening())
            if stopped is not None:
                await stopped
        await self.factory.shut_down(self._grace)
        for part in self._parts:
            if part.serves_sessions:
                await self._end(part)

    async def _end(self, part: Part) -> None:
        """Wait for the end of a part, but not for ever."""
        ended = _begun(part.stop())
        if ended is not None:
            ended.addTimeout(_LAST_CALLS, self._reactor)
            await ended.addErrback(
                lambda failure: self.log.warn("ending without waiting any longer for {part}", part=part.name)
            )


def _begun(result: object) -> Deferred[Any] | None:
    """What to wait for, if there is anything."""
    if isinstance(result, Deferred):
        return result
    if inspect.iscoroutine(result):
        waiting: Coroutine[Any, Any, object] = result
        return Deferred.fromCoroutine(waiting)
    return None


def _reason(failure: Failure) -> str:
    error = failure.value
    cause = error.socketError if isinstance(error, CannotListenError) else error
    return getattr(cause, "strerror", None) or str(cause)
