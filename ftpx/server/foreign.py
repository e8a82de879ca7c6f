"""FXP, transfers between two servers: which hosts other than its own a client may name for a data connection."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

from ftpx.data.addresses import family_of, normalised, socket_address
from ftpx.interfaces import IAccount
from ftpx.server.addresses import Addresses

__all__ = ["EVERYBODY", "LOWEST_PORT", "is_of_this_machine", "may_be_foreign", "objection"]

EVERYBODY = "*"
"""In the place of a user's name: all but anonymous ones."""

LOWEST_PORT = 1024
"""No data connection goes to a port below, where the services of a system are."""

_Address = IPv4Address | IPv6Address

_THIS_NETWORK = IPv4Network("0.0.0.0/8")


def _is_no_host(address: _Address) -> bool:
    return (
        address.is_unspecified
        or address.is_multicast
        or address.is_reserved
        or (isinstance(address, IPv4Address) and address in _THIS_NETWORK)
    )


def _is_a_detour(address: _Address) -> bool:
    return isinstance(address, IPv6Address) and (address.sixtofour is not None or address.teredo is not None)


# An address that one of these holds for is refused. Loopback addresses are looked at before.
_OBJECTIONS: tuple[tuple[Callable[[_Address], bool], str], ...] = (
    (_is_no_host, "it is not the address of a host"),
    (lambda address: address.is_link_local, "it is good on one link only"),
    (_is_a_detour, "it leads to an IPv4 address"),
)
_OURS = "it is this server's own"


def may_be_foreign(account: IAccount, users: frozenset[str]) -> bool:
    """Whether an account's data connections may be with any host; ``users``: see `ftpx.server.policy.Policy.fxp`."""
    return not account.anonymous and (account.name in users or EVERYBODY in users)


def is_of_this_machine(host: str) -> bool:
    """
    Whether an address (normalised) belongs to this machine.

    The kernel lets a socket have an address only if it does. No packet is sent for that, and nothing waits. Only
    the one clear answer counts as no.
    """
    try:
        with socket.socket(family_of(host), socket.SOCK_DGRAM) as probe:
            probe.bind(socket_address(host, 0))
    except OSError as error:
        return error.errno != errno.EADDRNOTAVAIL
    return True


def objection(host: str, port: int, addresses: Addresses, known_as: Iterable[str]) -> str | None:
    """
    Why no data connection may go to a host (a normalised address) that is not the client's.

    A client on a loopback address is on this machine already, so other loopback addresses are nothing new to it. They
    are to everybody else, and so are all other addresses of this machine: behind them are services that trust it.

    :param known_as: by which further addresses this server is reached, such as that of a router before it.
    :return: ``None`` if it may.
    """
    address = ip_address(host)
    if address.is_loopback:
        neighbour = all(ip_address(peer).is_loopback for peer in addresses.peers)
        return None if neighbour and host != addresses.local and port != addresses.port else _OURS
    for holds, why in _OBJECTIONS:
        if holds(address):
            return why
    ours = {normalised(name) for name in (addresses.local, addresses.announced, *known_as)}
    return _OURS if host in ours or is_of_this_machine(host) else None
