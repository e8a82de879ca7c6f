"""The record that says everything about a verb but how it does its work."""

from __future__ import annotations

import enum
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
from zope.interface.interface import InterfaceClass

from ftpx.server.arguments import ArgumentRule
from ftpx.server.state import Pending
from ftpx.wire.replies import Reply

if TYPE_CHECKING:
    from ftpx.server.session import Session

__all__ = ["DuringTransfer", "Features", "Outcome", "Run", "Verb", "verb"]

T = TypeVar("T")
Outcome = Reply | Coroutine[Any, Any, Reply]
Run = Callable[["Session", Any], Outcome]
Features = Callable[["Session"], Iterable[str]]


class DuringTransfer(enum.Enum):
    """Whether a verb acts at once while a transfer runs; if not, it waits for the end."""

    WAITS = enum.auto()
    ACTS = enum.auto()
    ACTS_WITHOUT_ARGUMENT = enum.auto()


@attrs.frozen(kw_only=True)
class Verb:
    """
    A verb of the protocol. FEAT, HELP, the gate and the command table of the documentation are
    computed from these records.

    ``feature`` is the line of FEAT, or a function of the session that gives any number of them. ``ability`` is the
    optional interface that the storage must provide. ``abortable``: ABOR ends it. ``secret``: its
    argument is never logged.
    """

    name: str
    rfc: str
    argument: ArgumentRule[Any]
    help: str
    run: Run
    before_login: bool = False
    opens_data: bool = False
    abortable: bool = False
    during_transfer: DuringTransfer = DuringTransfer.WAITS
    keeps: Pending = Pending.NOTHING
    feature: str | Features | None = None
    ability: InterfaceClass | None = None
    secret: bool = False

    def features(self, session: Session) -> Iterable[str]:
        """The lines of FEAT in a session; before login, those that some user may see."""
        account = session.state.account
        if self.ability is not None and account is not None and not self.ability.providedBy(account.storage):
            return ()
        if callable(self.feature):
            return self.feature(session)
        return () if self.feature is None else (self.feature,)


def verb(
    name: str, rfc: str, argument: ArgumentRule[T], help: str, **record: Any
) -> Callable[[Callable[[Session, T], Outcome]], Verb]:
    """Make the function below, a coroutine function if it has to wait, into the `Verb` of that name."""

    def decorate(run: Callable[[Session, T], Outcome]) -> Verb:
        return Verb(name=name, rfc=rfc, argument=argument, help=help, run=run, **record)

    return decorate
