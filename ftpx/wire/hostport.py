"""Addresses of data connections: PORT and 227 (RFC 959), EPRT and 229 (RFC 2428)."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address

from ftpx.errors import ArgumentError, FtpxError
from ftpx.wire.numbers import parse_number

__all__ = ["ProtocolNotSupported", "format_epsv", "format_port", "parse_eprt", "parse_port"]

_HIGHEST_PORT = 65535
_SIX_NUMBERS = re.compile("[0-9]{1,3}(?:,[0-9]{1,3}){5}")
_DELIMITERS = range(33, 127)
_FAMILIES: dict[int, type[IPv4Address | IPv6Address]] = {1: IPv4Address, 2: IPv6Address}


class ProtocolNotSupported(FtpxError):
    """An address family that is neither IPv4 (1) nor IPv6 (2)."""


def parse_port(argument: str) -> tuple[str, int]:
    """
    The argument of PORT, ``h1,h2,h3,h4,p1,p2``: address and port.

    :raises ArgumentError: it is not six numbers up to 255, or the port is 0.
    """
    if not _SIX_NUMBERS.fullmatch(argument):
        raise ArgumentError("Six decimal numbers are wanted.")
    numbers = [int(text) for text in argument.split(",")]
    if max(numbers) > 255:
        raise ArgumentError("A number is above 255.")
    port = numbers[4] * 256 + numbers[5]
    if not port:
        raise ArgumentError("There is no port 0.")
    return ".".join(map(str, numbers[:4])), port


def format_port(host: str, port: int) -> str:
    """An IPv4 address and a port as PORT and reply 227 write them: ``h1,h2,h3,h4,p1,p2``."""
    return f"{host.replace('.', ',')},{port >> 8},{port & 255}"


def parse_eprt(argument: str) -> tuple[str, int]:
    """
    The argument of EPRT, such as ``|1|132.235.1.2|6275|``: address and port.

    Addresses are literal and without a scope. One of IPv4 mapped into IPv6 is given as IPv4.

    :raises ArgumentError: it is not of this form, or the address is not of the family.
    :raises ProtocolNotSupported: the family is another one.
    """
    delimiter = argument[:1]
    fields = argument.split(delimiter) if delimiter and ord(delimiter) in _DELIMITERS else []
    if len(fields) != 5 or fields[0] or fields[4]:
        raise ArgumentError("Family, address and port are wanted, each between delimiters.")
    family = _FAMILIES.get(parse_number(fields[1]))
    if family is None:
        raise ProtocolNotSupported("Network protocol not supported, use (1,2)")
    port = parse_number(fields[3], _HIGHEST_PORT)
    if not port:
        raise ArgumentError("There is no port 0.")
    return _parse_address(family, fields[2]), port


def _parse_address(family: type[IPv4Address | IPv6Address], text: str) -> str:
    try:
        address = family(text)
    except ValueError:
        raise ArgumentError("The address is not one of this family.") from None
    if isinstance(address, IPv4Address):
        return str(address)
    if address.scope_id is not None:
        raise ArgumentError("An address with a scope is not allowed.")
    return str(address.ipv4_mapped or address)


def format_epsv(port: int) -> str:
    """A port as reply 229 writes it: ``|||6446|``."""
    return f"|||{port}|"
