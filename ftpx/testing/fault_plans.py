"""What goes wrong where: the values of which `ftpx.testing.faults` makes plans, and how every place is tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import attrs

from ftpx.errors import NoSpace, StorageFailure, StorageUnavailable

__all__ = ["Call", "Fail", "Fault", "FaultPlan", "ShortRead", "Stall", "every_fault", "plans_for"]


@attrs.frozen
class Call:
    """A call of an operation, and its number among those of this operation, from 1."""

    operation: str
    number: int = 1


@attrs.frozen
class Fail:
    """
    The call raises an error, in the place of being made, or, if it is ``late``, when it has been made: as when the
    answer of a storage in the network is lost.
    """

    error: type[Exception] = StorageFailure
    late: bool = False


@attrs.frozen
class Stall:
    """The call is not made before `FaultyStorage.release`."""


@attrs.frozen
class ShortRead:
    """A call that reads gives at most so many octets."""

    octets: int = 0


Fault = Fail | Stall | ShortRead
FaultPlan = Mapping[Call, Fault]

_READS: Final = frozenset({"read", "read_back"})
_FAULTS: Final[Sequence[Fault]] = (
    Fail(StorageFailure),
    Fail(StorageFailure, late=True),
    Fail(StorageUnavailable),
    Fail(NoSpace),
    Fail(OSError),
    Stall(),
    ShortRead(0),
    ShortRead(1),
)


def plans_for(calls: Sequence[Call], faults: Sequence[Fault] = _FAULTS) -> Iterator[FaultPlan]:
    """Every plan in which one of these calls goes wrong, in each of these ways that fits it."""
    for call in calls:
        for fault in faults:
            if not isinstance(fault, ShortRead) or call.operation in _READS:
                yield {call: fault}


def every_fault(story: Callable[[FaultPlan], Sequence[Call]], faults: Sequence[Fault] = _FAULTS) -> int:
    """
    Run a story without faults, and then once for each call that it makes and each way in which that goes wrong.

    :param story: makes everything anew, with `FaultyStorage` by the given plan; looks whether what has come of it may
        be; and returns the calls that were made.
    :return: how many times the story was run.
    :raises AssertionError: the story raised it; the plan is told.
    """
    runs = 1
    for plan in plans_for(story({}), faults):
        runs += 1
        try:
            story(plan)
        except Exception as error:
            raise AssertionError(f"{plan}: {error}") from error
    return runs
