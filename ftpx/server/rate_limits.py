"""The rates that are in force, and who shares them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from ipaddress import IPv6Network, ip_address
from itertools import islice

import attrs

from ftpx.data.stream import Time
from ftpx.data.throttle import Bucket, Pace
from ftpx.interfaces import Direction, IAllowance, IPace
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


@attrs.frozen(cache_hash=True)
class _AccountKey:
    """What a bucket of an account is for: the account's own word, such as ``user:alice``."""

    direction: Direction
    owner: str


class _AccountPace(Pace):
    """A pace that follows the rates of an account, which may change at any time."""

    def __init__(self, buckets: Sequence[Bucket], ended: Callable[[], object], follow: Callable[[], object]) -> None:
        super().__init__(buckets, ended)
        self._follow = follow

    def allowed(self, moved: int) -> int:
        """See `IPace`."""
        self._follow()
        return super().allowed(moved)


class RateLimits:
    """
    Paces for transfers, by the rules of a table and the rates of the account.

    A bucket is made when the first transfer needs it. When the last one has ended, it is kept until it is full: before,
    a new one in its place would give away more than the rate.

    :param changing: whether `change` may be called, so that transfers without a limit may get one later.
    """

    def __init__(self, clock: Time, table: RateTable, *, changing: bool = False) -> None:
        self._clock = clock
        self._table = table
        self._changing = changing
        self._limits = bool(table) or changing
        self._buckets: dict[_Key | _AccountKey, Bucket] = {}
        self._unused: dict[_Key | _AccountKey, None] = {}

    def pace(
        self,
        direction: Direction,
        session: object,
        user: str,
        address: str,
        allowance: IAllowance | None = None,
    ) -> IPace | None:
        """
        The pace of a transfer that begins; ``None``: as fast as it can.

        :param session: what tells the sessions apart.
        :param user: the login name.
        :param address: the client's.
        :param allowance: the account's. What it says of rates is asked again and again, and looked at when it is
            another object than before.
        """
        if not self._limits and allowance is None:
            return None
        self._drop_full()
        used = self._keys(direction, session, user, address)
        if allowance is None:
            return Pace(list(map(self._bucket, used)), partial(self._ended, used)) if used else None
        rates = allowance.rates(direction)
        shared = [_AccountKey(direction, owner) for owner, _ in rates]
        if not shared and not used:
            return None
        together = [*used, *shared]
        buckets = {key: self._bucket(key) for key in together}

        seen: object = None

        def follow() -> None:
            nonlocal seen
            rates = allowance.rates(direction)
            if rates is not seen:
                seen = rates
                for owner, rate in rates:
                    bucket = buckets.get(_AccountKey(direction, owner))
                    if bucket is not None:
                        bucket.change(rate)

        follow()
        return _AccountPace(list(buckets.values()), partial(self._ended, together), follow)

    def _keys(self, direction: Direction, session: object, user: str, address: str) -> list[_Key | _AccountKey]:
        """The buckets of the table's rules that a transfer uses."""
        if not self._limits:
            return []
        network = _counted(address)
        keys = [
            _Key(Level.TRANSFER, direction, object()),
            _Key(Level.SESSION, direction, session),
            _Key(Level.USER, direction, user, user),
            _Key(Level.ADDRESS, direction, network, network),
            _Key(Level.SERVER, direction, None),
        ]
        return [key for key in keys if self._changing or self._rate(key) is not None]

    def change(self, table: RateTable) -> None:
        """Have other rules from now on, for the transfers under way too."""
        self._table = table
        for key, bucket in self._buckets.items():
            if isinstance(key, _Key):
                bucket.change(self._rate(key))

    def __len__(self) -> int:
        """How many buckets there are."""
        return len(self._buckets)

    def _rate(self, key: _Key | _AccountKey) -> int | None:
        """What the table says; of an account's rate the account does."""
        return self._table.rate(key.level, key.direction, key.whose) if isinstance(key, _Key) else None

    def _bucket(self, key: _Key | _AccountKey) -> Bucket:
        self._unused.pop(key, None)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(self._clock, self._rate(key))
        return bucket

    def _ended(self, keys: list[_Key | _AccountKey]) -> None:
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
