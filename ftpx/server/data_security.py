"""What is demanded of the TLS of data connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import attrs
from OpenSSL import SSL
from zope.interface import implementer

from ftpx.errors import DataConnectionNotResumed
from ftpx.interfaces import IDataSecurity
from ftpx.tls.policy import DataSession
from ftpx.tls.session import TlsSession
from ftpx.wire.replies import printable

if TYPE_CHECKING:
    from ftpx.server.session import Session

__all__ = ["DataSecurity"]

_REPORTS = {
    DataSession.REPORT: "--tls-data-session require would refuse that",
    DataSession.REQUIRE: "refused, as --tls-data-session says",
}


@implementer(IDataSecurity)
@attrs.frozen
class DataSecurity:
    """
    The TLS of one session's data connections.

    Only who began the TLS of the control connection can resume it: with that demanded, nobody can steal a transfer by
    being the first to connect to its port.
    """

    session: Session

    def connection(self) -> SSL.Connection:
        """See `IDataSecurity`."""
        return self._tls.data()

    def resumed_by(self, connection: SSL.Connection) -> bool:
        """See `IDataSecurity`."""
        return self._tls.resumed_by(connection)

    def judge(self, resumed: bool) -> None:
        """See `IDataSecurity`."""
        rule = self.session.policy.data_session
        if resumed or rule is DataSession.OFF:
            return
        self._report(_REPORTS[rule])
        if rule is DataSession.REQUIRE:
            raise DataConnectionNotResumed("the data connection does not resume the control connection's TLS session")

    @property
    def _tls(self) -> TlsSession:
        return cast(TlsSession, self.session.tls)

    def _report(self, text: str) -> None:
        session = self.session
        if session.reported:
            return
        session.reported = True
        session.services.journal.info(
            "{user} from {client} ({software}) does not resume the TLS session on data connections: " + text,
            user=printable(session.state.user),
            client=session.control.client,
            software=printable(session.software) or "unknown software",
        )
