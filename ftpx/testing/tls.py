"""
TLS in memory, for both ends of a connection::

    server = ServerHarness(tls=make_tls_server())
    server.client.secure()  # AUTH TLS and the handshake
    server.login()
    server.client.protect()  # PBSZ 0 and PROT P
"""

from __future__ import annotations

from datetime import UTC, datetime
from tempfile import TemporaryDirectory

from OpenSSL import SSL

from ftpx.tls.channel import outgoing
from ftpx.tls.credentials import CredentialFiles, Credentials
from ftpx.tls.self_signed import self_signed_file
from ftpx.tls.server import TlsRules, TlsServer

__all__ = ["TlsClient", "make_tls_server"]

_BLOCK = 65536


def make_tls_server(rules: TlsRules | None = None, credentials: Credentials | None = None) -> TlsServer:
    """A server with these credentials, or with a self-signed certificate for ``localhost``."""
    shown = credentials or _self_signed()
    return TlsServer(lambda: shown, rules or TlsRules())


def _self_signed() -> Credentials:
    with TemporaryDirectory() as directory:
        # OpenSSL compares with the clock on the wall.
        path = self_signed_file(directory, datetime.now(UTC), ["localhost"])
        return CredentialFiles((str(path),)).load()


class TlsClient:
    """
    The client's end of a TLS connection in memory: octets in, octets out.

    ``established``: the handshake is over, as far as this end can tell. ``ended``: the server has sent close_notify.

    :param context: what the client can do; by default everything, and it trusts everybody.
    :param server_name: the name that is asked for (SNI).
    :param session: a session to resume.
    """

    def __init__(
        self,
        context: SSL.Context | None = None,
        *,
        server_name: str | None = None,
        session: SSL.Session | None = None,
    ) -> None:
        self.connection = SSL.Connection(context or SSL.Context(SSL.TLS_CLIENT_METHOD), None)
        self.connection.set_connect_state()
        if server_name is not None:
            self.connection.set_tlsext_host_name(server_name.encode("ascii"))
        if session is not None:
            self.connection.set_session(session)
        self.established = False
        self.ended = False

    def receive(self, octets: bytes) -> bytes:
        """
        Take in what came, as the first of all nothing, and give what it says.

        :raises SSL.Error: the server breaks the rules of TLS, or refuses.
        """
        if octets:
            self.connection.bio_write(octets)
        blocks: list[bytes] = []
        try:
            if not self.established:
                self.connection.do_handshake()
                self.established = True
            while True:
                blocks.append(self.connection.recv(_BLOCK))
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.ended = True
        return b"".join(blocks)

    def outgoing(self) -> bytes:
        """What TLS itself has to send. Each octet is given once."""
        return outgoing(self.connection)

    def protect(self, octets: bytes) -> bytes:
        """What is to be sent in the place of these octets."""
        if octets:
            self.connection.sendall(octets)
        return self.outgoing()

    def end(self) -> bytes:
        """The end of what the client says by TLS (close_notify), which is to be sent."""
        self.connection.shutdown()
        return self.outgoing()
