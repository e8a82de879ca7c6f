"""Servers with a certificate."""

from __future__ import annotations

from twisted.internet.interfaces import IProtocolFactory

from ftpx.testing.client import MemoryClient
from ftpx.testing.server import ServerHarness
from ftpx.testing.tls import make_tls_server
from tests.server.doubles import ServerCase, codes

__all__ = ["HANDSHAKE_TIME", "TlsCase"]

HANDSHAKE_TIME = 10
_TLS = make_tls_server()


class TlsCase(ServerCase):
    """A server with a certificate."""

    def make_server(self) -> ServerHarness:
        """The server."""
        return ServerHarness(self.storage, tls=_TLS, allow_ccc=True, max_sessions_per_ip=5)

    def connect(self, factory: IProtocolFactory | None = None) -> MemoryClient:
        """Another client, who has read what it was greeted with."""
        client = self.server.connect(factory=factory)
        client.replies()
        return client

    def later(self, client: MemoryClient, seconds: float) -> list[int]:
        """What is said when time has passed."""
        self.server.clock.advance(seconds)
        client.settle()
        return codes(client.replies())
