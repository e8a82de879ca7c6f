"""Two ends of a TLS connection in memory, and what servers are made of in the tests."""

from __future__ import annotations

from collections.abc import Callable

from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from ftpx.testing.tls import TlsClient
from ftpx.tls.certificates import Identity
from ftpx.tls.channel import Channel
from tests.tls.certificates import Authority, Issued

__all__ = ["AUTHORITY", "client_context", "identity", "meet", "meet_channel", "shown"]

AUTHORITY = Authority()
"""Certifies servers and clients of the tests."""

_ROUNDS = 10


def identity(issued: Issued) -> Identity:
    """A certificate as servers have it."""
    return Identity((issued.certificate, *issued.chain), issued.key)


def client_context(
    version: int | None = None,
    *,
    tickets: bool = True,
    issued: Issued | None = None,
    protocols: tuple[bytes, ...] = (),
) -> SSL.Context:
    """
    A client that trusts everybody.

    :param version: the one that it speaks, such as `SSL.TLS1_2_VERSION`; all by default.
    :param tickets: whether it takes session tickets; without, TLS 1.2 resumes by session id.
    :param issued: its certificate.
    :param protocols: what it asks for by ALPN.
    """
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    # With a cache, OpenSSL gives up a session for the next ticket that it gets.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    if version is not None:
        context.set_min_proto_version(version)
        context.set_max_proto_version(version)
    if not tickets:
        context.set_options(SSL.OP_NO_TICKET)
    if issued is not None:
        context.use_certificate(issued.certificate)
        context.use_privatekey(issued.key)
    if protocols:
        context.set_alpn_protos(list(protocols))
    return context


def meet(server: SSL.Connection, client: TlsClient) -> None:
    """
    Let both ends shake hands, and give the client what the server sends behind that.

    :raises SSL.Error: of whichever end refuses; the other one has got the alert.
    """
    for _ in range(_ROUNDS):
        client.receive(_all_of(server))
        _give(server, client.outgoing())
        try:
            server.do_handshake()
        except SSL.WantReadError:
            continue
        except SSL.Error:
            octets = _all_of(server)
            if octets:
                client.receive(octets)
            raise
        client.receive(_all_of(server))
        return


def meet_channel(channel: Channel, client: TlsClient, said: Callable[[bytes], object] = lambda _: None) -> None:
    """
    Let a channel and a client shake hands.

    :param said: gets what the channel takes from the client meanwhile.
    """
    client.receive(b"")
    for _ in range(_ROUNDS):
        octets = client.outgoing()
        if octets:
            said(channel.receive(octets))
        client.receive(channel.outgoing())
        if channel.established and client.established:
            return


def shown(client: TlsClient) -> str:
    """The name in the certificate that the server has shown."""
    certificate = client.connection.get_peer_certificate(as_cryptography=True)
    assert certificate is not None
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _give(connection: SSL.Connection, octets: bytes) -> None:
    if octets:
        connection.bio_write(octets)


def _all_of(connection: SSL.Connection) -> bytes:
    blocks: list[bytes] = []
    try:
        while True:
            blocks.append(connection.bio_read(65536))
    except SSL.WantReadError:
        return b"".join(blocks)
