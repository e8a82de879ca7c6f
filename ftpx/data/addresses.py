"""Addresses as sockets take and give them."""

from __future__ import annotations

import socket
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

__all__ = ["family_of", "normalised", "socket_address"]


@lru_cache(maxsize=1024)
def normalised(host: str) -> str:
    """
    The one spelling of an address: an IPv4 address in IPv6 clothes is IPv4, and there is no zone.

    :raises ValueError: it is no address.
    """
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


def family_of(host: str) -> socket.AddressFamily:
    """The family of a normalised address."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def socket_address(host: str, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    """
    What ``bind`` and ``connect`` take for an address, which may have a zone.

    :raises OSError: there is no such zone.
    """
    plain, _, zone = host.partition("%")
    plain = normalised(plain)
    if ":" not in plain:
        return (plain, port)
    scope = 0
    if zone:
        scope = int(zone) if zone.isdecimal() else socket.if_nametoindex(zone)
    return (plain, port, 0, scope)
