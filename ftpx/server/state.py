"""What a session remembers between commands, and the rules of sequence."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping

import attrs

from ftpx.digests.algorithms import Algorithm
from ftpx.digests.expectation import Expectation
from ftpx.interfaces import IAccount, IDataPort, Path
from ftpx.wire.facts import FACTS
from ftpx.wire.replies import Reply

__all__ = [
    "DEFAULT_FACTS",
    "SEQUENCE",
    "SUPERSEDED_BY_EPSV_ALL",
    "Login",
    "Pending",
    "SessionState",
    "TransferMode",
    "TransferType",
]

DEFAULT_FACTS = frozenset(FACTS)
_NOTHING_EXPECTED = Expectation()


class Login(enum.Enum):
    """How far a login has come."""

    NONE = enum.auto()
    USER_GIVEN = enum.auto()
    DONE = enum.auto()


class TransferType(enum.Enum):
    """The representation type (RFC 959, section 3.1.1); ``L 8`` is IMAGE by another name."""

    ASCII = "A"
    IMAGE = "I"


class TransferMode(enum.Enum):
    """The transmission mode (RFC 959, section 3.4, and draft-preston-ftpext-deflate)."""

    STREAM = "S"
    DEFLATE = "Z"


class Pending(enum.Flag):
    """What a command may leave behind for a later one. A verb's record says what it keeps."""

    NOTHING = 0
    RESTART = enum.auto()
    RENAME = enum.auto()
    COPY = enum.auto()


def _nobody() -> None:
    """End the login of nobody."""


@attrs.define
class SessionState:
    """
    Everything that commands change. REIN replaces it; USER resets all but the transfer parameters.

    ``restart`` and ``range_end`` are octets, ``range_end`` the one behind the last. ``protected``: data connections
    speak TLS (PROT P); ``protection_begun``: PBSZ, which comes before PROT, was given. ``deflate_level`` is what
    OPTS MODE Z asked for, ``None``: the server's own. ``hash_algorithm`` is the digest that HASH tells; ``expected`` is
    what the next upload must be.
    """

    login: Login = Login.NONE
    user: str = ""
    account: IAccount | None = None
    logout: Callable[[], None] = _nobody
    failures: int = 0
    cwd: Path = ()
    restart: int = 0
    range_end: int | None = None
    rename_from: Path | None = None
    copy_from: Path | None = None
    data_port: IDataPort | None = None
    epsv_all: bool = False
    type: TransferType = TransferType.ASCII
    mode: TransferMode = TransferMode.STREAM
    deflate_level: int | None = None
    facts: frozenset[str] = DEFAULT_FACTS
    hash_algorithm: Algorithm = Algorithm.SHA_256
    expected: Expectation = _NOTHING_EXPECTED
    allocation: int | None = None
    protection_begun: bool = False
    protected: bool = False

    def protect(self) -> None:
        """Let data connections speak TLS, as if PBSZ and PROT P had been sent."""
        self.protection_begun = self.protected = True

    def forget(self, kept: Pending) -> None:
        """Drop what the next command does not keep."""
        if (self.restart or self.range_end is not None) and Pending.RESTART not in kept:
            self.restart, self.range_end = 0, None
        if self.rename_from is not None and Pending.RENAME not in kept:
            self.rename_from = None
        if self.copy_from is not None and Pending.COPY not in kept:
            self.copy_from = None

    def take_range(self) -> tuple[int, int | None]:
        """What REST or RANG asked for; it is good for one transfer."""
        wanted = self.restart, self.range_end
        self.restart, self.range_end = 0, None
        return wanted

    def take_expectation(self) -> Expectation:
        """What SITE EXPECT has announced; it is good for one upload, whatever commands come between."""
        expected, self.expected = self.expected, _NOTHING_EXPECTED
        return expected

    def take_allocation(self) -> int | None:
        """How many octets ALLO has asked room for; it is good for one upload."""
        allocation, self.allocation = self.allocation, None
        return allocation

    def take_data_port(self) -> IDataPort | None:
        """The port that PASV, EPSV, PORT or EPRT set up; it is good for one transfer."""
        port, self.data_port = self.data_port, None
        return port

    def set_data_port(self, port: IDataPort | None) -> None:
        """Replace the data port; there is at most one."""
        if self.data_port is not None:
            self.data_port.close()
        self.data_port = port

    def end(self) -> None:
        """End the login and close the data port."""
        self.login, self.account = Login.NONE, None
        self.set_data_port(None)
        logout, self.logout = self.logout, _nobody
        logout()

    def reset(self, *, keep_parameters: bool) -> SessionState:
        """
        End the login and give the state to go on with.

        :param keep_parameters: of transfers, and the protection of data connections, which is no part of the login.
        """
        self.end()
        fresh = SessionState(failures=self.failures)
        if keep_parameters:
            fresh.type, fresh.facts, fresh.hash_algorithm = self.type, self.facts, self.hash_algorithm
            fresh.mode, fresh.deflate_level = self.mode, self.deflate_level
            fresh.protection_begun, fresh.protected = self.protection_begun, self.protected
        return fresh


# Commands that stand behind another one: what must hold, and what is said if it does not.
SEQUENCE: Mapping[str, tuple[Callable[[SessionState], bool], Reply]] = {
    "PASS": (lambda state: state.login is Login.USER_GIVEN, Reply(503, "Send USER first.")),
    "RNTO": (lambda state: state.rename_from is not None, Reply(503, "Send RNFR first.")),
    "PROT": (lambda state: state.protection_begun, Reply(503, "Send PBSZ 0 first.")),
}

# RFC 2428, section 4: after EPSV ALL every other way to set up a data connection is refused.
SUPERSEDED_BY_EPSV_ALL = frozenset({"PASV", "PORT", "EPRT", "LPRT", "LPSV"})
