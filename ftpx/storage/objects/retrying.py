"""Try again what a network spoils: with growing pauses that differ from client to client, and not for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import attrs

__all__ = ["LASTING", "PROMPT", "Patience", "Retries"]

_T = TypeVar("_T")

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0


@attrs.frozen
class Patience:
    """At most so many tries, and none that is likely to end later than so many seconds after the first began."""

    tries: int
    seconds: float


# A user waits for this call; 5 tries that fail at once and the pauses between them take no more than 3.1 s.
PROMPT: Final = Patience(8, 7.0)
# This call moves the octets of a part, or makes the store move those of an object.
LASTING: Final = Patience(10, 120.0)


@attrs.frozen
class Retries:
    """
    Makes calls until one succeeds.

    :param clock: seconds that only grow.
    :param wait: blocks the thread for so many seconds.
    :param random: a number from 0 to 1.
    """

    clock: Callable[[], float]
    wait: Callable[[float], object]
    random: Callable[[], float]

    def call(self, patience: Patience, attempt: Callable[[int], _T], again: Callable[[Exception], bool]) -> _T:
        """
        What the first attempt that succeeds returns; each is given its number, from 0.

        :param again: whether an error may be gone at the next try. All others are raised, and so is the last one.
        """
        began = self.clock()
        number = 0
        while True:
            tried = self.clock()
            try:
                return attempt(number)
            except Exception as error:
                now = self.clock()
                # The full range of the pause is random, so that clients that failed together do not come back together.
                pause = self.random() * min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**number)
                number += 1
                # The next try may take as long as this one did.
                late = now - began + pause + (now - tried) > patience.seconds
                if number >= patience.tries or late or not again(error):
                    raise
            self.wait(pause)
