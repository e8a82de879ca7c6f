"""What counts as one guesser: addresses, as failures, bans and limits by address know them."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

__all__ = ["parse_source", "source_of"]

_SUBNET: Final = 64
"""Bits of an IPv6 address that count: a customer has at least a /64 and any address in it."""

_LONGEST: Final = 64


@lru_cache(maxsize=4096)
def source_of(address: str) -> str:
    """
    What one client is taken to have: an IPv4 address, or the /64 of an IPv6 address such as ``2001:db8::/64``.

    An IPv4 address by an IPv6 socket is the IPv4 address. What is no address is taken as it is, up to 64 characters.
    """
    parsed = parse_source(address)
    if parsed is None:
        return address[:_LONGEST]
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(IPv6Network((int(parsed), _SUBNET), strict=False))


def parse_source(address: str) -> IPv4Address | IPv6Address | None:
    """An address without the disguise of an IPv4 address as an IPv6 one; ``None``: it is no address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address):
        return parsed.ipv4_mapped or IPv6Address(int(parsed))
    return parsed
