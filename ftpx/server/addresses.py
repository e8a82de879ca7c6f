"""Which addresses belong to the two ends of a control connection."""

from __future__ import annotations

import attrs
from twisted.internet.interfaces import ITransport

from ftpx.data.addresses import normalised

__all__ = ["Addresses", "addresses_of", "client_of"]

_LOOPBACK = "127.0.0.1"


@attrs.frozen
class Addresses:
    """
    The two ends of a control connection.

    ``client`` is who the peer says it is (behind a PROXY header, the client and not the proxy),
    ``peers`` are the addresses that data connections may come from or go to, ``local`` is an
    address of this host to listen on, ``announced`` the one by which the client reached us.
    ``port`` is the local TCP port, if there is one.
    """

    client: str
    peers: frozenset[str]
    local: str
    announced: str
    port: int | None = None

    @property
    def family(self) -> int:
        """The address family of data connections in RFC 2428's numbers: 1 is IPv4, 2 IPv6."""
        return 2 if ":" in self.local else 1


def addresses_of(transport: ITransport) -> Addresses:
    """
    Read the addresses off a transport, looking through wrappers such as the PROXY protocol's.

    A control connection without IP addresses, over a UNIX socket, gets its data connections on
    the loopback interface.
    """
    peers: list[str] = []
    hosts: list[str] = []
    layer: ITransport | None = transport
    port = None
    while layer is not None:
        host = layer.getHost()
        port = getattr(host, "port", None)
        peers.append(_host(layer.getPeer()))
        hosts.append(_host(host))
        layer = getattr(layer, "transport", None)
    return Addresses(peers[0], frozenset(peers), hosts[-1], hosts[0], port)


def client_of(transport: ITransport) -> str:
    """`Addresses.client` alone."""
    return _host(transport.getPeer())


def _host(address: object) -> str:
    host = getattr(address, "host", None)
    return _LOOPBACK if host is None else normalised(host)
