"""Accounts: what a session gets when somebody has logged in."""

from __future__ import annotations

import unicodedata
from collections.abc import Awaitable, Callable

import attrs
from twisted.cred.checkers import ANONYMOUS
from twisted.cred.error import LoginDenied
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from zope.interface import Interface, implementer

from ftpx.interfaces import IAccount, IAllowance, IStorage
from ftpx.running import begin
from ftpx.wire.commands import decode, encode

__all__ = ["ANONYMOUS_NAME", "Account", "Realm", "account_name", "safe_name"]

ANONYMOUS_NAME = "anonymous"

_MAXIMUM_NAME = 255

_Avatar = tuple[type[Interface], object, Callable[[], None]]


@implementer(IAccount)
@attrs.frozen
class Account:
    """Who is logged in; see `IAccount`."""

    name: str
    anonymous: bool
    storage: IStorage = attrs.field(repr=False)
    requires_tls: bool = False
    allowance: IAllowance | None = None


def account_name(avatar_id: bytes | str | tuple[()]) -> str:
    """
    The name that a checker vouches for; bytes that are not UTF-8 are kept by ``surrogateescape``.

    Two names are the same only if they are octet for octet: neither case nor normal form is folded.
    """
    if avatar_id == ANONYMOUS:
        return ANONYMOUS_NAME
    if isinstance(avatar_id, bytes):
        return decode(avatar_id)
    return str(avatar_id)


def safe_name(name: str) -> str:
    """
    A login name that is fit to be the name of a home: one path component, visible and printable.

    :raises LoginDenied: it is none: empty, hidden, with a slash or a control character, or over 255 octets.
    """
    hidden = not name or name.startswith(".")
    broken = "/" in name or any(unicodedata.category(character) == "Cc" for character in name)
    try:
        too_long = len(encode(name)) > _MAXIMUM_NAME
    except UnicodeEncodeError:
        # A lone surrogate that stands for no octet: no file system could keep it.
        raise LoginDenied from None
    if hidden or broken or too_long:
        raise LoginDenied
    return name


def _log_out() -> None:
    """An account holds nothing that would have to be let go of."""


@implementer(IRealm)
class Realm:
    """
    Gives everybody who may log in an `IAccount`.

    :param homes: the storage of an account, from its name and whether it is anonymous, rights
        already in force. What it raises, such as `LoginDenied` or a `StorageError`, ends the login.
    """

    def __init__(self, homes: Callable[[str, bool], Awaitable[IStorage]]) -> None:
        self._homes = homes

    def requestAvatar(
        self, avatarId: bytes | str | tuple[()], mind: object, *interfaces: type[Interface]
    ) -> _Avatar | Deferred[_Avatar]:
        """`IAccount`, the account and what to call at logout, at once if its storage is there; see `IRealm`."""
        if IAccount not in interfaces:
            raise NotImplementedError("this realm has IAccount and nothing else")
        return begin(self._open(avatarId))

    async def _open(self, avatar_id: bytes | str | tuple[()]) -> _Avatar:
        name, anonymous = account_name(avatar_id), avatar_id == ANONYMOUS
        storage = await self._homes(name, anonymous)
        return IAccount, Account(name, anonymous, storage), _log_out
