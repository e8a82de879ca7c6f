"""
What pyOpenSSL can do but does not say in public, each in one function.

Nothing else in ftpx touches the binding; tests/tls/test_openssl.py shows that each still does what it says.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, cast

from OpenSSL import SSL
from OpenSSL._util import ffi, lib

__all__ = ["PARTIAL_WRITES", "attach", "read_into", "select_protocol", "session_reused", "store_no_more_sessions"]

PARTIAL_WRITES: int = lib.SSL_MODE_ENABLE_PARTIAL_WRITE
"""The mode in which `SSL.Connection.send` takes no more than one record at a time."""


def session_reused(connection: SSL.Connection) -> bool:
    """Whether the handshake resumed a session that this connection's context has issued."""
    return bool(lib.SSL_session_reused(_ssl(connection)))


def attach(connection: SSL.Connection, descriptor: int) -> None:
    """
    Let a connection that was made for memory read from and write to a socket from now on.

    It gives control back after each record that has no data, too: a peer that sends nothing else must not keep a
    thread in OpenSSL for as long as it likes.
    """
    lib.SSL_set_fd(_ssl(connection), descriptor)
    # pyOpenSSL sets it for every connection, whatever the mode of the context is.
    lib.SSL_clear_mode(_ssl(connection), lib.SSL_MODE_AUTO_RETRY)


def read_into(connection: SSL.Connection, buffer: memoryview) -> tuple[int, SSL.Error | None]:
    """
    Decrypt what has come into a writable buffer, without the copies that `recv_into` makes of each record.

    :return: how many octets, and what `recv_into` would raise now; ``None`` if the buffer is full.
    """
    ssl, received, left = _ssl(connection), 0, len(buffer)
    # Let go of the buffer whatever happens: an error keeps this frame alive.
    with ffi.from_buffer("char[]", buffer) as place:
        while left:
            size = lib.SSL_read(ssl, place + received, left)
            if size <= 0:
                try:
                    connection._raise_ssl_error(ssl, size)
                except SSL.Error as error:
                    return received, error.with_traceback(None)
            received += size
            left -= size
    return received, None


def select_protocol(context: SSL.Context, select: Callable[[SSL.Connection, list[bytes]], bytes]) -> None:
    """Let a function choose among the protocols of a client (ALPN); if it raises, the handshake ends with an alert."""
    context.set_alpn_select_callback(select)
    # pyOpenSSL keeps what was raised with the context, and the next connection of that context with an error of any
    # kind raises it: that may be another's, in another thread. OpenSSL has an error of its own for the right one.
    helper = cast(Any, context._alpn_select_helper)
    helper._problems = deque(maxlen=0)


def store_no_more_sessions(context: SSL.Context) -> None:
    """
    Keep the sessions that a context has stored, and store no further ones.

    The setters of a context refuse to work once it has been used.
    """
    # A session is stored when a handshake is over; what is there can still be resumed.
    lib.SSL_CTX_set_session_cache_mode(
        context._context,
        lib.SSL_SESS_CACHE_SERVER | lib.SSL_SESS_CACHE_NO_INTERNAL_STORE,
    )


def _ssl(connection: SSL.Connection) -> Any:
    return connection._ssl
