"""Rules that say how fast transfers may go, as operators write them."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import attrs

from ftpx.errors import ArgumentError, ConfigurationError
from ftpx.interfaces import Direction
from ftpx.wire.commands import decode
from ftpx.wire.numbers import parse_number

__all__ = ["IPV6_PREFIX", "Level", "RateRule", "RateTable", "parse_rule", "parse_rules"]

IPV6_PREFIX = 64
"""So many bits of an IPv6 address count: whoever has one address has all that begin like it."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_RATE = re.compile("([0-9]+)([KMG]i?)?")
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
_DIRECTIONS = {"up": Direction.UPLOAD, "down": Direction.DOWNLOAD}


class Level(enum.Enum):
    """Whose transfers share a rate."""

    TRANSFER = "transfer"
    SESSION = "session"
    USER = "user"
    ADDRESS = "address"
    SERVER = "server"


_Network = IPv4Network | IPv6Network


@attrs.frozen
class RateRule:
    """
    One rule.

    ``whose`` is the user or the network that it is for, ``None``: everybody; ``direction`` is ``None`` for both, each
    by itself; ``rate`` is in octets a second, 0: no limit.
    """

    level: Level
    whose: str | _Network | None
    direction: Direction | None
    rate: int


def parse_rule(text: str) -> RateRule:
    """
    Read a rule: ``LEVEL=RATE``, ``LEVEL:DIRECTION=RATE``, ``user:NAME=RATE``, ``address:NETWORK:DIRECTION=RATE``.

    :raises ConfigurationError: it is none.
    """
    # A name may hold a sign of equality, a rate cannot.
    named, equals, rate = text.rpartition("=")
    level_name, *rest = named.strip().split(":")
    if not equals:
        raise ConfigurationError(f"{text!r} is no rate such as user=2M, or user:alice:down=500K.")
    try:
        level = Level(level_name)
    except ValueError:
        known = ", ".join(member.value for member in Level)
        raise ConfigurationError(f"{text!r}: {level_name!r} is none of {known}.") from None
    direction = _DIRECTIONS.get(rest[-1]) if rest else None
    if direction is not None:
        rest.pop()
    whose = _whose(level, ":".join(rest), text) if rest else None
    return RateRule(level, whose, direction, _octets(rate.strip(), text))


def _whose(level: Level, whose: str, text: str) -> str | _Network:
    if not whose:
        raise ConfigurationError(f"{text!r} names nobody.")
    if level is Level.USER:
        if ":" in whose:
            raise ConfigurationError(f"{text!r}: behind the name of a user there is up, down or nothing.")
        return whose
    if level is not Level.ADDRESS:
        raise ConfigurationError(f"{text!r}: {level.value} is not followed by {whose!r}, but by up, down or nothing.")
    try:
        network = ip_network(whose)
    except ValueError as error:
        raise ConfigurationError(f"{text!r}: {error}.") from None
    if network.version == 6 and network.prefixlen > IPV6_PREFIX:
        raise ConfigurationError(f"{text!r}: IPv6 addresses count by /{IPV6_PREFIX}, and networks cannot be smaller.")
    return network


def _octets(rate: str, text: str) -> int:
    form = _RATE.fullmatch(rate)
    try:
        if form is None:
            raise ArgumentError
        return parse_number(form[1], 10**12) * _UNITS[form[2] or ""]
    except ArgumentError:
        raise ConfigurationError(
            f"{text!r}: {rate!r} is no number of octets a second such as 800, 500K or 2Mi."
        ) from None


def parse_rules(content: bytes) -> tuple[RateRule, ...]:
    """
    Read a file with one rule a line. Empty lines and lines that begin with ``#`` are skipped.

    :raises ConfigurationError: a line is no rule; it says which.
    """
    rules = []
    for number, line in enumerate(decode(content.removeprefix(_BYTE_ORDER_MARK)).split("\n"), 1):
        text = line.strip()
        if text and not text.startswith("#"):
            try:
                rules.append(parse_rule(text))
            except ConfigurationError as error:
                raise ConfigurationError(f"line {number}: {error}") from None
    return tuple(rules)


class RateTable:
    """
    Rules, to be looked up. The most specific one counts: first by whose it is, of networks the smallest, then by the
    direction; of two for the same the later one.
    """

    def __init__(self, rules: Iterable[RateRule] = ()) -> None:
        self._rates = {(rule.level, rule.whose, rule.direction): rule.rate for rule in rules}
        networks = {whose for _, whose, _ in self._rates if isinstance(whose, IPv4Network | IPv6Network)}
        self._prefixes = {
            version: sorted({network.prefixlen for network in networks if network.version == version}, reverse=True)
            for version in (4, 6)
        }

    def rate(self, level: Level, direction: Direction, whose: str | None = None) -> int | None:
        """
        Octets a second; ``None``: no limit.

        :param whose: the name of a user, or an address, where the level is of one.
        """
        for candidate in self._candidates(level, whose):
            for which in (direction, None):
                rate = self._rates.get((level, candidate, which))
                if rate is not None:
                    return rate or None
        return None

    def __bool__(self) -> bool:
        """Whether there is any rule that limits something."""
        return any(self._rates.values())

    def _candidates(self, level: Level, whose: str | None) -> Iterator[str | _Network | None]:
        if level is Level.USER:
            yield whose
        elif level is Level.ADDRESS and whose is not None:
            address = ip_address(whose)
            network = IPv4Network if address.version == 4 else IPv6Network
            for prefix in self._prefixes[address.version]:
                yield network((int(address), prefix), strict=False)
        yield None
