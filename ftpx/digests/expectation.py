"""What an upload must be to be published."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import attrs

from ftpx.digests.algorithms import Algorithm
from ftpx.errors import ArgumentError, DigestMismatch
from ftpx.wire.numbers import parse_number

__all__ = ["Expectation", "parse_expectation", "verify"]

_SIZE = "SIZE"


@attrs.frozen
class Expectation:
    """The size and the digests, in lower case, that the next content of a file must have. Nothing is always met."""

    size: int | None = None
    digests: Mapping[Algorithm, str] = attrs.field(factory=dict)

    def with_digests(self, digests: Mapping[Algorithm, str]) -> Expectation:
        """
        The same and some digests more.

        :raises DigestMismatch: nothing can meet both.
        """
        for algorithm in self.digests.keys() & digests.keys():
            _require(algorithm, self.digests[algorithm], digests[algorithm])
        return Expectation(self.size, {**self.digests, **digests})

    def __str__(self) -> str:
        """As replies have it: ``SHA-256 ba78... and 3 octets``."""
        parts = [f"{algorithm.value} {digest}" for algorithm, digest in self.digests.items()]
        if self.size is not None:
            parts.append(f"{self.size} octets")
        return " and ".join(parts)


def parse_expectation(argument: str) -> Expectation:
    """
    ``SHA-256 hex`` with any of the algorithms, or ``SIZE octets``.

    :raises ArgumentError: it is neither.
    """
    name, _, value = argument.partition(" ")
    if name.upper() == _SIZE:
        return Expectation(size=parse_number(value))
    algorithm = Algorithm.parse(name)
    digest = algorithm.read(value)
    if digest is None:
        raise ArgumentError(f"{algorithm.value} has {algorithm.digits} hexadecimal digits.")
    return Expectation(digests={algorithm: digest})


async def verify(expectation: Expectation, size: int, digest_of: Callable[[Algorithm], Awaitable[str]]) -> None:
    """
    Compare what came with what was announced.

    :param size: how many octets came, those included that were there before.
    :param digest_of: gives the digest of all of them, in lower case.
    :raises DigestMismatch: they differ; the text tells both values, for the peer.
    """
    if expectation.size is not None and size != expectation.size:
        raise DigestMismatch(f"Nothing was stored: expected {expectation.size} octets, got {size}.")
    for algorithm, expected in expectation.digests.items():
        _require(algorithm, expected, await digest_of(algorithm))


def _require(algorithm: Algorithm, expected: str, digest: str) -> None:
    if digest != expected:
        raise DigestMismatch(f"Nothing was stored: expected {algorithm.value} {expected}, got {digest}.")
