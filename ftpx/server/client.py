"""The client of a session, as those see it who decide on logins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import implementer

from ftpx.interfaces import IClient
from ftpx.wire.replies import Reply

if TYPE_CHECKING:
    from ftpx.server.session import Control

__all__ = ["Client"]


@implementer(IClient)
class Client:
    """The other end of a control connection; see `IClient`."""

    def __init__(self, control: Control) -> None:
        self._control = control

    @property
    def address(self) -> str:
        """See `IClient`."""
        return self._control.client

    @property
    def secured(self) -> bool:
        """See `IClient`."""
        return self._control.secured

    def end(self, text: str) -> None:
        """See `IClient`."""
        self._control.close(Reply(421, text))
