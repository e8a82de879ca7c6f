"""The rates that are in force, and who shares them."""

from __future__ import annotations

from functools import lru_cache, partial
from ipaddress import IPv6Network, ip_address
from itertools import islice

import attrs

from ftpx.data.stream import Time
from ftpx.data.throttle import Bucket, Pace
from ftpx.interfaces import Direction, IPace
from ftpx.server.rates import IPV6_PREFIX, Level, RateTable

__all__ = ["RateLimits"]

_LOOKS = 8
"""How many buckets that nobody uses are looked at when a transfer begins; one transfer leaves five of them at most."""


@attrs.frozen(cache_hash=True)
class _Key:
    """What a bucket is for. ``owner`` tells those of one level apart, ``whose`` is what the rules know them by."""

    level: Level
    direction: Direction
    owner: object
    whose: str | None = None


class RateLimits:
    """
    Paces for transfers, by the rules of a table.

    A bucket is made when the first transfer needs it. When the last one has ended, it is kept until it is full: before,
    a new one in its place would give away more than the rate.

    :param changing: whether `change` may be called, so that transfers without a limit may get one later.
    """

    def __init__(self, clock: Time, table: RateTable, *, changing: bool = False) -> None:
        self._clock = clock
        self._table = table
        self._changing = changing
        self._limits = bool(table) or changing
        self._buckets: dict[_Key, Bucket] = {}
        self._unused: dict[_Key, None] = {}

    def pace(self, direction: Direction, session: object, user: str, address: str) -> IPace | None:
        """
        The pace of a transfer that begins; ``None``: as fast as it can.

        :param session: what tells the sessions apart.
        :param user: the login name.
        :param address: the client's.
        """
        if not self._limits:
            return None
        self._drop_full()
        network = _counted(address)
        keys = [
            _Key(Level.TRANSFER, direction, object()),
            _Key(Level.SESSION, direction, session),
            _Key(Level.USER, direction, user, user),
            _Key(Level.ADDRESS, direction, network, network),
            _Key(Level.SERVER, direction, None),
        ]
        used = [key for key in keys if self._changing or self._rate(key) is not None]
        if not used:
            return None
        return Pace([self._bucket(key) for key in used], partial(self._ended, used))

    def change(self, table: RateTable) -> None:
        """Have other rules from now on, for the transfers under way too."""
        self._table = table
        for key, bucket in self._buckets.items():
            bucket.change(self._rate(key))

    def __len__(self) -> int:
        """How many buckets there are."""
        return len(self._buckets)

    def _rate(self, key: _Key) -> int | None:
        return self._table.rate(key.level, key.direction, key.whose)

    def _bucket(self, key: _Key) -> Bucket:
        self._unused.pop(key, None)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(self._clock, self._rate(key))
        return bucket

    def _ended(self, keys: list[_Key]) -> None:
        for key in keys:
            if not self._buckets[key].sharers:
                self._unused[key] = None

    def _drop_full(self) -> None:
        for key in list(islice(self._unused, _LOOKS)):
            del self._unused[key]
            if self._buckets[key].full:
                del self._buckets[key]
            else:
                # To the end, so that one that takes long is in nobody's way.
                self._unused[key] = None


@lru_cache(maxsize=1024)
def _counted(address: str) -> str:
    """What of a client's address counts."""
    plain = ip_address(address)
    if plain.version == 4:
        return str(plain)
    return str(IPv6Network((int(plain), IPV6_PREFIX), strict=False).network_address)
