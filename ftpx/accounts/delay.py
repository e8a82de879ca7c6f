"""How long a failed login waits for its answer."""

from __future__ import annotations

from collections import OrderedDict

import attrs
from twisted.internet.interfaces import IReactorTime

from ftpx.accounts.sources import source_of

__all__ = ["FIRST", "FORGET_AFTER", "LONGEST", "MAXIMUM_ADDRESSES", "LoginDelay"]

FIRST = 1.0
"""Seconds that the first failure waits; each further one waits twice as long, up to `LONGEST`."""

LONGEST = 16.0
FORGET_AFTER = 600.0
"""Seconds after its last failure that an address is forgotten."""

MAXIMUM_ADDRESSES = 10_000


@attrs.frozen
class _Failures:
    delay: float
    last: float


class LoginDelay:
    """
    Failures for each source address, so that guessing gets slow and a new connection does not help.

    Only the address that failed waits, never an account: who guesses cannot lock the owner out.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        # The address that failed longest ago comes first.
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def failed(self, address: str) -> float:
        """Note a failure; the seconds to wait before it is answered."""
        now = self._clock.seconds()
        self._forget(now)
        source = source_of(address)
        earlier = self._failures.pop(source, None)
        delay = FIRST if earlier is None else min(earlier.delay * 2, LONGEST)
        self._failures[source] = _Failures(delay, now)
        if len(self._failures) > MAXIMUM_ADDRESSES:
            self._failures.popitem(last=False)
        return delay

    def succeeded(self, address: str) -> None:
        """
        Forget the failures of an address: somebody there proved who they are.

        Not for an anonymous login, which proves nothing: it would let who guesses begin afresh.
        """
        if self._failures:
            self._failures.pop(source_of(address), None)

    def _forget(self, now: float) -> None:
        while self._failures:
            source, oldest = next(iter(self._failures.items()))
            if now - oldest.last < FORGET_AFTER:
                return
            del self._failures[source]
