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

__all__ = [
    "PARTIAL_WRITES",
    "decrypt_into",
    "encrypt_into",
    "input_waits",
    "output_waits",
    "pause_at_each_record",
    "read_into",
    "select_protocol",
    "session_reused",
    "store_no_more_sessions",
]

_BLOCK = 16 * 1024

PARTIAL_WRITES: int = lib.SSL_MODE_ENABLE_PARTIAL_WRITE
"""The mode in which `SSL.Connection.send` takes no more than one record at a time."""


def session_reused(connection: SSL.Connection) -> bool:
    """Whether the handshake resumed a session that this connection's context has issued."""
    return bool(lib.SSL_session_reused(_ssl(connection)))


def pause_at_each_record(connection: SSL.Connection) -> None:
    """
    Let a connection give control back after each record that has no data, too.

    A peer that sends nothing else must not keep a thread in OpenSSL for as long as it likes.
    """
    # pyOpenSSL sets it for every connection, whatever the mode of the context is.
    lib.SSL_clear_mode(_ssl(connection), lib.SSL_MODE_AUTO_RETRY)


def encrypt_into(connection: SSL.Connection, octets: memoryview, records: memoryview) -> int:
    """
    Encrypt octets, in memory and without the copies that `send` and `bio_read` make.

    :param octets: not empty; all of them are taken, as `PARTIAL_WRITES` is not set.
    :param records: gets what is to be sent, whatever was left over from before first. What it has no room for is kept.
    :return: how many octets of records.
    """
    with ffi.from_buffer("char[]", octets) as source, ffi.from_buffer("char[]", records) as place:
        size = lib.SSL_write(_ssl(connection), source, len(octets))
        if size <= 0:
            connection._raise_ssl_error(_ssl(connection), size)
        made: int = lib.BIO_read(connection._from_ssl, place, len(records))
    return made


def decrypt_into(connection: SSL.Connection, records: memoryview, buffer: memoryview) -> tuple[int, SSL.Error | None]:
    """
    Decrypt records that came, in memory and without the copies that `bio_write` and `recv_into` make.

    :param records: what has come, not empty; everything that came before has been read.
    :param buffer: gets what they say. What it has no room for is kept: `input_waits`, and `read_into` gets it.
    :return: as from `read_into`.
    """
    with ffi.from_buffer("char[]", records) as source:
        given = lib.BIO_new_mem_buf(source, len(records))
        lib.BIO_set_mem_eof_return(given, -1)
        _set_input(connection, given)
        try:
            return read_into(connection, buffer)
        finally:
            # The records are the caller's again: OpenSSL gets a copy of what is left of them.
            kept, rest = lib.BIO_new(lib.BIO_s_mem()), ffi.new("char[]", _BLOCK)
            while (size := lib.BIO_read(given, rest, _BLOCK)) > 0:
                lib.BIO_write(kept, rest, size)
            _set_input(connection, kept)


def _set_input(connection: SSL.Connection, octets: Any) -> None:
    """Let a connection read from other memory; what it has read from is freed."""
    connection._into_ssl = octets
    lib.SSL_set_bio(_ssl(connection), octets, connection._from_ssl)


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


def input_waits(connection: SSL.Connection) -> bool:
    """Whether a connection in memory has something that `read_into` has not come to."""
    return lib.SSL_pending(_ssl(connection)) > 0 or _waits(connection._into_ssl)


def output_waits(connection: SSL.Connection) -> bool:
    """Whether a connection in memory has made something that nobody has taken."""
    return _waits(connection._from_ssl)


def _waits(memory: Any) -> bool:
    return bool(lib.BIO_get_mem_data(memory, ffi.new("char **")) > 0)


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
