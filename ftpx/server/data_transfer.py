"""A transfer, from the asking for a data connection to its outcome."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError

from ftpx.errors import DataConnectionNotOpened, StorageError
from ftpx.interfaces import Direction, IDataConnection, ITransferAllowance, Path
from ftpx.ops.reasons import ABORTED, SESSION_ENDED, reason_of
from ftpx.ops.transfers import RunningTransfer
from ftpx.server.state import TransferMode, TransferType
from ftpx.wire.replies import Reply

if TYPE_CHECKING:
    from ftpx.server.session import Session

__all__ = ["ContentTransfer", "DataTransfer", "OpenData"]


class DataTransfer:
    """What goes over one data connection, such as a listing."""

    def __init__(self, session: Session, direction: Direction) -> None:
        self.session = session
        self.direction = direction
        self.connection: IDataConnection | None = None
        self.closed = False

    @property
    def moved(self) -> int:
        """Octets that went over the data connection so far."""
        return 0 if self.connection is None else self.connection.moved

    def open_data(self, opening: str) -> OpenData:
        """Open the data connection that was set up, say 150 and ``opening``, and close it whatever happens."""
        return OpenData(self, opening)

    async def admitted(self) -> None:
        """Wait until it may begin; listings always may."""

    def asked(self) -> None:
        """The data connection is waited for."""
        self.session.transfer = self

    def opened(self, connection: IDataConnection) -> None:
        """The data connection is there."""
        self.connection = connection

    def over(self) -> None:
        """The data connection is closed, or did not come about."""
        self.closed = True
        self.session.transfer = None


class ContentTransfer(DataTransfer):
    """
    The transfer of a file's content, of which the operators are told; see `Session.file_transfer`.

    It is finished, for an upload: published, when the context of this is left without an error; it failed when that is
    left with one. Without a data connection there was no transfer, and nobody is told.
    """

    def __init__(self, session: Session, verb: str, direction: Direction, path: Path, size: int | None) -> None:
        super().__init__(session, direction)
        self.running: RunningTransfer | None = None
        self._allowed: ITransferAllowance | None = None
        self._verb = verb
        self._path = path
        self._size = size
        self._stored: tuple[int | None, str | None, str | None] = None, None, None

    @property
    def seconds(self) -> float:
        """How long ago the data connection was opened."""
        return 0.0 if self.running is None else self.running.seconds(self.session.services.clock.seconds())

    def __enter__(self) -> ContentTransfer:
        """Nothing happens before the data connection is asked for."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tell the outcome."""
        running, session = self.running, self.session
        if running is None:
            return
        session.transfer = None
        transfers = session.services.transfers
        if error is None:
            transfers.finish(running, *self._stored)
        elif not isinstance(error, CancelledError):
            transfers.fail(running, *reason_of(error))
        elif session.aborted:
            transfers.fail(running, ABORTED, "The client has sent ABOR.")
        else:
            transfers.fail(running, SESSION_ENDED, "The control connection was lost or closed.")

    def stored(self, size: int, *, algorithm: str | None = None, digest: str | None = None) -> None:
        """
        Note what an upload has become.

        :param size: of the whole file, in octets.
        :param digest: of the whole file, in hexadecimal, of the kind that ``algorithm`` says.
        """
        self._stored = size, algorithm, digest

    async def admitted(self) -> None:
        """
        Ask whether the account may transfer now.

        :raises TooManyTransfers, QuotaExceeded, StorageUnavailable: it may not.
        """
        allowance = self.session.account.allowance
        if allowance is not None:
            self._allowed = await allowance.begin_transfer(self.direction)

    def asked(self) -> None:
        """The data connection is waited for, and so it is a transfer."""
        session, state = self.session, self.session.state
        as_it_is = state.type is TransferType.IMAGE and state.mode is TransferMode.STREAM
        self.running = session.services.transfers.begin(
            user=session.account.name,
            client=session.control.client,
            verb=self._verb,
            direction=self.direction,
            path=self._path,
            protected=state.protected,
            # Nobody knows beforehand how many octets a translation makes of them.
            size=self._size if as_it_is else None,
        )
        session.transfer = self

    def opened(self, connection: IDataConnection) -> None:
        """The data connection is there, and its time runs."""
        self.connection = connection
        if self._allowed is not None and self._allowed.pace is not None:
            connection.keep_pace(self._allowed.pace)
        assert self.running is not None  # noqa: S101 - it was asked for
        self.running.open(self.session.services.clock.seconds(), connection)

    def over(self) -> None:
        """What came by the data connection may still have to be published."""
        self.closed = True
        if self._allowed is not None:
            self._allowed.end(self.moved)


class OpenData:
    """A data connection for the time of a command; see `DataTransfer.open_data`."""

    def __init__(self, transfer: DataTransfer, opening: str) -> None:
        self._session = transfer.session
        self._transfer = transfer
        self._opening = opening

    async def __aenter__(self) -> IDataConnection:
        """
        Wait for the connection.

        :raises TooManyTransfers, QuotaExceeded, StorageUnavailable: see `ContentTransfer.admitted`; the port that was
            set up stays.
        :raises DataConnectionNotOpened: it did not come about.
        """
        session = self._session
        session.end_refused()
        await self._transfer.admitted()
        port = session.state.take_data_port()
        self._transfer.asked()
        try:
            if port is None:
                raise DataConnectionNotOpened
            try:
                connection = session.in_mode(await port.connect())
            finally:
                port.close()
        except BaseException:
            self._transfer.over()
            raise
        self._connection = connection
        session.keep_pace(connection, self._transfer.direction)
        self._transfer.opened(connection)
        session.control.send(Reply(150, self._opening))
        return connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it; where the storage has refused what comes, when the client has had time to read why."""
        self._transfer.over()
        if isinstance(error, StorageError):
            self._session.refused = self._connection
        else:
            self._connection.abort()
