"""Who is logged in, and what they may do and use."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from zope.interface import Attribute, Interface

from ftpx.interfaces.data import IPace
from ftpx.interfaces.storage import IStorage
from ftpx.interfaces.values import Direction, Path, Right

__all__ = [
    "IAccessRules",
    "IAccount",
    "IAllowance",
    "IBans",
    "IClient",
    "IQuotas",
    "IReservation",
    "ITransferAllowance",
]


class IAccessRules(Interface):
    """
    What one account may do where. Nothing here waits.

    What is said may change between two calls: an operator changes the rights of who is logged in.
    """

    def rights(path: Path) -> Right:
        """What may be done with the thing at a path, or in it."""

    def is_hidden(path: Path) -> bool:
        """Whether a name of the path is one that the account neither sees nor uses."""

    def is_boundary(path: Path) -> bool:
        """Whether rules of their own begin at the path or below it, so that moving it would move things out of them."""


class IAccount(Interface):
    """Who is logged in: the avatar that the realm gives to a session."""

    name: str = Attribute("The login name, for logs and replies.")
    anonymous: bool = Attribute("Whether nobody proved who they are.")
    storage: IStorage = Attribute("What the account sees, with its rights already in force.")
    requires_tls: bool = Attribute("Whether its data connections must be protected; may change.")
    allowance: IAllowance | None = Attribute("What it may use; ``None``: as much as it likes, for ever.")


class IClient(Interface):
    """The client of a session: the ``mind`` that a login gives to the realm."""

    address: str = Attribute("The client's address, or what stands for it.")
    secured: bool = Attribute("Whether the control connection speaks TLS.")

    def end(text: str) -> None:
        """End the session now, whatever is under way, with a reply 421 of this text."""


class IAllowance(Interface):
    """What an account may use besides room: transfers at once, octets a day and a month, octets a second."""

    def begin_transfer(direction: Direction) -> Awaitable[ITransferAllowance]:
        """
        Count a transfer of a file in.

        :raises TooManyTransfers, QuotaExceeded, StorageUnavailable: it cannot begin now.
        """

    def rates(direction: Direction) -> Sequence[tuple[str, int | None]]:
        """
        The rates that the account's transfers share: what each is for, such as ``user:alice`` or ``group:staff``, and
        octets a second, ``None``: no limit. May say other rates later, for the same things.
        """

    def quota_lines() -> Awaitable[Sequence[str]]:
        """What of its quotas is used, in lines for people."""


class ITransferAllowance(Interface):
    """What one transfer may use."""

    pace: IPace | None = Attribute("How many octets it may move by now; ``None``: as many as it likes.")

    def end(moved: int) -> None:
        """The transfer is over, and has moved so many octets over the data connection. May be repeated."""


class IQuotas(Interface):
    """How much an account may store in one part of its tree."""

    limited: bool = Attribute("Whether there is any quota or largest file; if not, nothing else here need be asked.")
    largest_file: int | None = Attribute("Octets that a file may have.")

    def reserve(octets: int, files: int, places: Sequence[str] = ()) -> Awaitable[IReservation]:
        """
        Set room aside for one change, and lock places as `IReservation.lock` does.

        :raises QuotaExceeded: there is not enough.
        :raises StorageUnavailable: the accounts cannot be asked now, or a place stays locked.
        """

    def available() -> Awaitable[int | None]:
        """Octets that can still be stored; ``None``: there is no limit."""


class IReservation(Interface):
    """
    Room that is set aside for one change in a storage, and the account of what has come of it.

    It ends with `settle` or `release`, of which the first counts.
    """

    octets: int = Attribute("Octets that are set aside.")

    def extend(needed: int, wanted: int, files: int = 0) -> Awaitable[None]:
        """
        Set aside ``needed`` octets in all, and as many more, up to ``wanted``, as there is room for; and so many files.

        :raises QuotaExceeded: ``needed`` or ``files`` is too much; then nothing has changed.
        :raises StorageUnavailable: the accounts cannot be asked now.
        """

    def lock(places: Sequence[str]) -> Awaitable[None]:
        """
        Keep everybody else, on all servers, from changing what is at these places until this ends.

        :raises StorageUnavailable: somebody else has held one of them for too long.
        """

    def try_lock(place: str) -> Awaitable[bool]:
        """Lock one place if nobody has it."""

    def take_over(octets: int, files: int) -> Awaitable[None]:
        """Turn what is accounted for already into what is set aside here, and unlock all places."""

    def settle(octets: int, files: int, *, certain: bool = True) -> Awaitable[None]:
        """
        Account for what the change came to, below 0: for what went away; give back what was set aside, and unlock.

        Does not raise: what cannot be written now is written when it can be.

        :param certain: that is what has changed; if not, all is to be counted again.
        """

    def release() -> Awaitable[None]:
        """Nothing has changed: give back what was set aside, and unlock. Does not raise."""


class IBans(Interface):
    """Who may not even try to log in."""

    def refuses(address: str) -> bool:
        """Whether nobody is served at an address."""

    def refuses_login(address: str, name: str) -> bool:
        """Whether a login by this name is refused to this address."""

    def failed(address: str, name: str) -> None:
        """
        Count a failed login.

        A right password makes nothing good: who guesses may have an account of his own.
        """
