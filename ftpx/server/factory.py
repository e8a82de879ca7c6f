"""Who may have a session, and how all of them end."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory

from ftpx.server.protocol import ControlProtocol
from ftpx.server.session import Services
from ftpx.wire.replies import Reply

__all__ = ["ControlFactory", "ImplicitTlsFactory"]

_FULL = Reply(421, "Too many sessions; try again later.")
_FULL_FOR_ADDRESS = Reply(421, "Too many sessions from your address; try again later.")
_BANNED = Reply(421, "Your address is banned for now; try again later.")
_SHUTDOWN = Reply(421, "The server is shutting down.")


class ControlFactory(Factory):
    """
    Makes the control connections of a server and bounds their number.

    ``max_sessions`` and ``max_sessions_per_ip`` of 0 mean no bound. A session whose descriptor would be
    above ``max_descriptor`` is refused, so that those there are keep enough for their transfers.
    """

    noisy = False

    def __init__(self, services: Services, max_sessions: int, max_sessions_per_ip: int, max_descriptor: int) -> None:
        self.services = services
        self.greeting = Reply(220, *services.policy.banner.splitlines())
        self._max_sessions = max_sessions
        self._max_sessions_per_ip = max_sessions_per_ip
        self._max_descriptor = max_descriptor
        self._sessions: dict[ControlProtocol, str | None] = {}
        self._per_address: dict[str, int] = {}
        self._shutting_down = False
        self._emptied: Deferred[None] | None = None

    def buildProtocol(self, addr: IAddress | None) -> ControlProtocol:
        """A protocol for a connection that was accepted; it asks `admit` itself."""
        return ControlProtocol(self)

    def admit(self, session: ControlProtocol) -> Reply | None:
        """Count a session in, or give the reply that refuses it."""
        if self._shutting_down:
            return _SHUTDOWN
        if self._max_sessions and len(self._sessions) >= self._max_sessions:
            return _FULL
        if session.descriptor() > self._max_descriptor:
            return _FULL
        self._sessions[session] = None
        return None

    def identify(self, session: ControlProtocol, address: str) -> Reply | None:
        """Count a session that was admitted for its client's address, or give the reply that refuses it."""
        if self.services.bans.refuses(address):
            return _BANNED
        present = self._per_address.get(address, 0)
        if self._max_sessions_per_ip and present >= self._max_sessions_per_ip:
            return _FULL_FOR_ADDRESS
        self._sessions[session] = address
        self._per_address[address] = present + 1
        return None

    def release(self, session: ControlProtocol) -> None:
        """Count a session out, if it was counted in."""
        address = self._sessions.pop(session, None)
        if address is not None:
            self._per_address[address] -= 1
            if not self._per_address[address]:
                del self._per_address[address]
        if self._emptied is not None and not self._sessions:
            emptied, self._emptied = self._emptied, None
            emptied.callback(None)

    def shut_down(self, grace: float) -> Deferred[None]:
        """
        End all sessions: idle ones now, others when their transfer is done or after ``grace`` seconds.

        Fires when the last one is gone. Called a second time, it ends the grace.
        """
        self._shutting_down = True
        emptied: Deferred[None] = Deferred()
        if not self._sessions:
            emptied.callback(None)
            return emptied
        if self._emptied is not None:
            self._emptied.chainDeferred(emptied)
            self._end_all()
            return emptied
        self._emptied = emptied
        for session in list(self._sessions):
            session.close_when_idle(_SHUTDOWN)
        call = self.services.clock.callLater(grace, self._end_all)

        def settle(result: None) -> None:
            if call.active():
                call.cancel()

        return emptied.addCallback(settle)

    def _end_all(self) -> None:
        for session in list(self._sessions):
            session.close(_SHUTDOWN)


class ImplicitTlsFactory(Factory):
    """Makes control connections of the same server that speak TLS from their first octet on."""

    noisy = False

    def __init__(self, server: ControlFactory) -> None:
        self._server = server

    def buildProtocol(self, addr: IAddress | None) -> ControlProtocol:
        """A protocol for a connection that was accepted."""
        return ControlProtocol(self._server, implicit=True)
