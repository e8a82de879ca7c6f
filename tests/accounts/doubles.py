"""Stand-ins that count, and a shortcut to ask a checker."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.logger import ILogObserver, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ftpx.errors import StorageUnavailable
from ftpx.interfaces import IWorkerPool

__all__ = ["CountedHashes", "FullPool", "StubChecker", "ask", "granted", "log_events", "temporary_path"]


@attrs.define
class CountedHashes:
    """Hashes of the form ``COST=PASSWORD`` that note the cost of each verification."""

    costs: list[bytes] = attrs.Factory(list)

    def fault(self, stored: bytes) -> str | None:
        """No ``=``: damaged."""
        return None if b"=" in stored else "the hash is damaged"

    def verify(self, stored: bytes, password: bytes) -> bool:
        """Compare, and note the cost."""
        cost, _, right = stored.partition(b"=")
        self.costs.append(cost)
        return password == right


@implementer(IWorkerPool)
class FullPool:
    """A pool in which too many calls are waiting."""

    def run(self, function: Any, *arguments: object, discard: Any = None) -> Deferred[Any]:
        """Refuse the call."""
        return fail(StorageUnavailable("too many calls are waiting"))


@implementer(ICredentialsChecker)
class StubChecker:
    """A checker that always answers alike and counts how often it was asked."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, answer: bytes | Exception) -> None:
        self.answer = answer
        self.asked = 0

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        """Answer; an error is raised as careless plugins do it, not returned as a failure."""
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return succeed(self.answer)


def ask(checker: Any, name: str | bytes, password: str | bytes) -> Deferred[Any]:
    """Ask a checker about a name and a password."""
    octets = [value.encode() if isinstance(value, str) else value for value in (name, password)]
    answer: Deferred[Any] = maybeDeferred(checker.requestAvatarId, UsernamePassword(*octets))
    return answer


def granted(case: SynchronousTestCase, checker: Any, name: str | bytes, password: str | bytes) -> bool:
    """Whether a checker lets somebody in; any error but a refusal fails the test."""
    answer = ask(checker, name, password)
    failures: list[Any] = []
    answer.addErrback(failures.append)
    if failures:
        failures[0].trap(UnauthorizedLogin)
        return False
    wanted = name.encode() if isinstance(name, str) else name
    case.assertEqual(case.successResultOf(answer), wanted)
    return True


def temporary_path(case: SynchronousTestCase) -> Path:
    """The path of a file that is not there, in a directory that goes when the test ends."""
    directory = TemporaryDirectory()
    case.addCleanup(directory.cleanup)
    return Path(directory.name) / "users"


def log_events(case: SynchronousTestCase) -> list[dict[str, Any]]:
    """What is logged from now until the test ends."""
    events: list[dict[str, Any]] = []

    @implementer(ILogObserver)
    def observe(event: dict[str, Any]) -> None:
        events.append(event)

    globalLogPublisher.addObserver(observe)
    case.addCleanup(globalLogPublisher.removeObserver, observe)
    return events
