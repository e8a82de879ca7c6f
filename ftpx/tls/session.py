"""The TLS of one session: its control connection, and the data connections that must prove to belong to it."""

from __future__ import annotations

from OpenSSL import SSL

from ftpx.tls.channel import Channel
from ftpx.tls.openssl import session_reused, store_no_more_sessions

__all__ = ["TlsSession"]


class TlsSession:
    """
    Makes the connections of one session.

    :param context: nobody else's; it issues and recognises the tickets of this session.
    :param identities: the context with the certificate that is shown to clients that name no server.
    """

    def __init__(self, context: SSL.Context, identities: SSL.Context) -> None:
        self._context = context
        self._identities = identities
        self._control: SSL.Connection | None = None
        self._master_secret: bytes | None = None

    def control(self) -> Channel:
        """The control connection's channel; made once."""
        self._control = self._accepting()
        return Channel(self._control)

    def data(self) -> SSL.Connection:
        """A data connection in memory, which waits for a handshake."""
        if self._control is not None:
            # The certificate that the control connection has shown, perhaps by the name that the client asked for.
            self._identities = self._control.get_context()
            self._master_secret = self._control.master_key()
            self._control = None
            # A client that never resumes cannot fill the memory with sessions.
            store_no_more_sessions(self._context)
        return self._accepting()

    def resumed_by(self, connection: SSL.Connection) -> bool:
        """
        Whether a data connection, whose handshake is over, resumed the control connection's session, or one that comes
        of it.

        Whoever did a handshake of their own on a data connection may have a ticket of this context too, and come back
        with it. Under TLS 1.2 the ticket comes in the handshake, but another master secret with it. Under TLS 1.3 it
        comes behind the handshake: who is refused must not be sent it.
        """
        if not session_reused(connection):
            return False
        return connection.get_protocol_version() >= SSL.TLS1_3_VERSION or connection.master_key() == self._master_secret

    def _accepting(self) -> SSL.Connection:
        connection = SSL.Connection(self._context, None)
        # The certificate comes from the shared context, keys for tickets and stored sessions from our own.
        connection.set_context(self._identities)
        connection.set_accept_state()
        return connection
