"""What can be set for a user or a group: every item with its form and its help, once."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final

import attrs

from ftpx.accounts.names import parse_home
from ftpx.errors import ArgumentError, ConfigurationError
from ftpx.interfaces import Path, Right
from ftpx.wire.paths import render, resolve
from ftpx.wire.patterns import compile_pattern

__all__ = [
    "RIGHTS",
    "AccountPolicy",
    "DirectoryRights",
    "Hours",
    "Item",
    "Mount",
    "Scope",
    "items",
    "show_rights",
]

RIGHTS: Final = {
    "list": Right.LIST,
    "read": Right.READ,
    "write": Right.WRITE,
    "append": Right.APPEND,
    "overwrite": Right.OVERWRITE,
    "delete": Right.DELETE,
    "rename": Right.RENAME,
    "mkdir": Right.MAKE_DIRECTORY,
    "attributes": Right.SET_ATTRIBUTES,
}
"""The rights by the names that operators use."""

_NO_RIGHT: Final = Right(0)
_TOGETHER: Final = {"all": Right.ALL, "look": Right.LOOK, "none": _NO_RIGHT}
_SIZE = re.compile("([0-9]{1,18})([KMGT]i?)?")
_UNITS: Final = {
    "": 1,
    "K": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}
_LARGEST: Final = 2**62
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HOURS = re.compile(r"(?:([A-Z][a-z]{2})(?:-([A-Z][a-z]{2}))? )?([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")


class Scope(enum.Enum):
    """What an item means when it is set for a group."""

    TOGETHER = "the members together"
    EACH = "each member"


@attrs.frozen
class DirectoryRights:
    """What may be done in a directory and below, up to where other rights are given."""

    path: Path
    rights: Right


@attrs.frozen
class Mount:
    """A directory of the tree that comes from another storage, such as ``local:/srv/shared``."""

    path: Path
    storage: str


@attrs.frozen
class Hours:
    """
    A time of the week, in the time zone of the server. ``first`` and ``last`` are days, 0 is Monday; ``start`` and
    ``end`` are minutes of a day. If the end is not after the start, it is that of the next day.
    """

    first: int
    last: int
    start: int
    end: int

    def hold(self, now: datetime) -> bool:
        """Whether a moment is in it."""
        minute = now.hour * 60 + now.minute
        if self.start < self.end:
            return self._on(now.weekday()) and self.start <= minute < self.end
        yesterday = (now - timedelta(days=1)).weekday()
        return (self._on(now.weekday()) and minute >= self.start) or (self._on(yesterday) and minute < self.end)

    def _on(self, day: int) -> bool:
        if self.first <= self.last:
            return self.first <= day <= self.last
        return day >= self.first or day <= self.last


@attrs.frozen
class Item:
    """
    One thing that can be set: ``parse`` turns its text into a value or raises `ConfigurationError`, ``show`` turns the
    value into the text again. ``several``: the value is a tuple of such things. ``scope`` is what it means for a group.
    """

    help: str
    form: str
    parse: Callable[[str], Any]
    show: Callable[[Any], str]
    scope: Scope
    several: bool = False


def _size(text: str) -> int:
    form = _SIZE.fullmatch(text)
    octets = int(form[1]) * _UNITS[form[2] or ""] if form else -1
    if not 0 <= octets <= _LARGEST:
        raise ConfigurationError(f"{text!r} is no size such as 500M or 10Gi.")
    return octets


def _count(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text):
        raise ConfigurationError(f"{text!r} is not a number.")
    return int(text)


def _rate(text: str) -> int:
    rate = _size(text)
    if not rate:
        raise ConfigurationError("A rate is above 0 octets a second.")
    return rate


def _directory(text: str) -> Path:
    if not text.startswith("/"):
        raise ConfigurationError(f"{text!r} is no directory such as /pub: it begins with /.")
    try:
        path = resolve((), text)
    except ArgumentError as error:
        raise ConfigurationError(f"{text!r} is no directory: {error}") from None
    if ".." in text.split("/"):
        raise ConfigurationError(f"{text!r} is no directory: it holds '..'.")
    return path


def _rights(text: str) -> DirectoryRights:
    directory, equals, names = text.rpartition("=")
    if not equals:
        raise ConfigurationError(f"{text!r} is not of the form /DIRECTORY=RIGHT,RIGHT such as /pub=list,read.")
    rights = _NO_RIGHT
    for name in names.split(","):
        right = RIGHTS.get(name, _TOGETHER.get(name))
        if right is None:
            raise ConfigurationError(f"{name!r} is none of {', '.join([*RIGHTS, *_TOGETHER])}.")
        rights |= right
    return DirectoryRights(_directory(directory), rights)


def show_rights(rights: Right) -> str:
    """Rights as operators write them."""
    for name, together in _TOGETHER.items():
        if rights == together:
            return name
    return ",".join(name for name, right in RIGHTS.items() if right in rights)


def _show_rights(value: DirectoryRights) -> str:
    return f"{render(value.path)}={show_rights(value.rights)}"


def _mount(text: str) -> Mount:
    directory, equals, storage = text.partition("=")
    kind, colon, _ = storage.partition(":")
    if not equals or not colon or not kind:
        raise ConfigurationError(f"{text!r} is not of the form /DIRECTORY=KIND:ARGUMENTS such as /pub=local:/srv/pub.")
    path = _directory(directory)
    if not path:
        raise ConfigurationError("A folder cannot be mounted in the place of the home; that is what --home is for.")
    return Mount(path, storage)


def _show_mount(mount: Mount) -> str:
    return f"{render(mount.path)}={mount.storage}"


def _pattern(text: str) -> str:
    if not text or "/" in text:
        raise ConfigurationError(f"{text!r} is no pattern for a name such as *.tmp.")
    try:
        compile_pattern(text)
    except ArgumentError as error:
        raise ConfigurationError(str(error)) from None
    return text


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise ConfigurationError(f"{text!r} is no address and no network such as 192.0.2.0/24: {error}.") from None


def _hours(text: str) -> Hours:
    form = _HOURS.fullmatch(text)
    if form is not None:
        first, last, *times = form.groups()
        days = (first or "Mon", last or first or "Sun")
        hour, minute, end_hour, end_minute = (int(number) for number in times)
        start, end = hour * 60 + minute, end_hour * 60 + end_minute
        if set(days) <= set(_DAYS) and start < 24 * 60 and end <= 24 * 60 and minute < 60 and end_minute < 60:
            return Hours(_DAYS.index(days[0]), _DAYS.index(days[1]), start, end)
    raise ConfigurationError(f"{text!r} is no time such as 'Mon-Fri 08:00-18:00' or '22:00-06:00'.")


def _show_hours(hours: Hours) -> str:
    days = _DAYS[hours.first] if hours.first == hours.last else f"{_DAYS[hours.first]}-{_DAYS[hours.last]}"
    return f"{days} {hours.start // 60:02}:{hours.start % 60:02}-{hours.end // 60:02}:{hours.end % 60:02}"


def _expiry(text: str) -> float:
    """The end of a day, or a moment, in UTC."""
    try:
        if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            day = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
            return (day + timedelta(days=1)).timestamp()
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ConfigurationError(f"{text!r} is no date such as 2027-12-31 or 2027-12-31T12:00:00Z.") from None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def _show_expiry(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _flag(text: str) -> bool:
    if text not in {"yes", "no"}:
        raise ConfigurationError(f"{text!r} is neither yes nor no.")
    return text == "yes"


def _show_flag(value: bool) -> str:
    return "yes" if value else "no"


def _item(
    help: str,
    form: str,
    parse: Callable[[str], Any],
    scope: Scope,
    *,
    show: Callable[[Any], str] = str,
    several: bool = False,
) -> Any:
    return attrs.field(default=() if several else None, metadata={Item: Item(help, form, parse, show, scope, several)})


_EACH, _TOGETHER_SCOPE = Scope.EACH, Scope.TOGETHER


@attrs.frozen(kw_only=True)
class AccountPolicy:
    """
    What is set for a user or for a group. ``None`` or nothing: this says nothing about it. Sizes are in octets, rates
    in octets a second, ``expires`` is in seconds since the epoch.
    """

    home: str | None = _item(
        "The home, a directory of the storage that is served; {name} in it is the user's name. /{name} if nobody "
        "says otherwise.",
        "TEMPLATE",
        parse_home,
        _EACH,
    )
    rights: tuple[DirectoryRights, ...] = _item(
        "What may be done in a directory and below: /pub=list,read. Rights are list, read, write, append, overwrite, "
        "delete, rename, mkdir and attributes; all, look (list and read) and none. The longest directory counts; all "
        "is allowed where none does.",
        "/DIRECTORY=RIGHTS",
        _rights,
        _EACH,
        show=_show_rights,
        several=True,
    )
    mounts: tuple[Mount, ...] = _item(
        "A directory of the home that comes from a storage of its own: /shared=local:/srv/shared.",
        "/DIRECTORY=KIND:ARGUMENTS",
        _mount,
        _EACH,
        show=_show_mount,
        several=True,
    )
    hidden: tuple[str, ...] = _item(
        "Names that are neither seen nor used, by a pattern such as *.tmp.", "PATTERN", _pattern, _EACH, several=True
    )
    addresses: tuple[IPv4Network | IPv6Network, ...] = _item(
        "From where to log in; from everywhere if nothing is said.", "NETWORK", _network, _EACH, several=True
    )
    hours: tuple[Hours, ...] = _item(
        "When to be logged in, in the server's time zone: Mon-Fri 08:00-18:00; always if nothing is said.",
        "HOURS",
        _hours,
        _EACH,
        show=_show_hours,
        several=True,
    )
    tls: bool | None = _item(
        "Whether logins and data connections must be protected by TLS.", "yes|no", _flag, _EACH, show=_show_flag
    )
    expires: float | None = _item(
        "The last day (UTC), or the moment, of the account.", "DATE", _expiry, _EACH, show=_show_expiry
    )
    quota: int | None = _item("Octets that may be stored.", "SIZE", _size, _TOGETHER_SCOPE)
    quota_soft: int | None = _item(
        "Octets that may be exceeded for seven days, up to the quota.", "SIZE", _size, _TOGETHER_SCOPE
    )
    quota_files: int | None = _item("Files that may be stored.", "NUMBER", _count, _TOGETHER_SCOPE)
    quota_files_soft: int | None = _item(
        "Files that may be exceeded for seven days, up to the quota.", "NUMBER", _count, _TOGETHER_SCOPE
    )
    upload_day: int | None = _item("Octets to upload in a day (UTC).", "SIZE", _size, _TOGETHER_SCOPE)
    upload_month: int | None = _item("Octets to upload in a month (UTC).", "SIZE", _size, _TOGETHER_SCOPE)
    download_day: int | None = _item("Octets to download in a day (UTC).", "SIZE", _size, _TOGETHER_SCOPE)
    download_month: int | None = _item("Octets to download in a month (UTC).", "SIZE", _size, _TOGETHER_SCOPE)
    largest_file: int | None = _item("Octets of the largest file that may be stored.", "SIZE", _size, _EACH)
    sessions: int | None = _item("Sessions at once.", "NUMBER", _count, _TOGETHER_SCOPE)
    sessions_per_address: int | None = _item("Sessions at once from one address.", "NUMBER", _count, _EACH)
    logins_per_minute: int | None = _item("Logins in a minute.", "NUMBER", _count, _EACH)
    transfers: int | None = _item("Transfers of files at once.", "NUMBER", _count, _TOGETHER_SCOPE)
    rate_up: int | None = _item("Octets a second of all uploads.", "RATE", _rate, _TOGETHER_SCOPE)
    rate_down: int | None = _item("Octets a second of all downloads.", "RATE", _rate, _TOGETHER_SCOPE)

    @classmethod
    def parse(cls, texts: Iterable[tuple[str, str]]) -> AccountPolicy:
        """
        A policy from items by name and text; those that take several values may come several times.

        :raises ConfigurationError: a text is none for its item.
        """
        known = items()
        values: dict[str, Any] = {}
        for name, text in texts:
            item = known[name]
            try:
                value = item.parse(text)
            except ConfigurationError as error:
                raise ConfigurationError(f"{name.replace('_', '-')}: {error}") from None
            values[name] = (*values.get(name, ()), value) if item.several else value
        return cls(**values)

    def texts(self) -> dict[str, tuple[str, ...]]:
        """The items that are set, as texts that `parse` understands."""
        found = {}
        for name, item in items().items():
            value = getattr(self, name)
            if item.several and value:
                found[name] = tuple(item.show(one) for one in value)
            elif not item.several and value is not None:
                found[name] = (item.show(value),)
        return found


def items() -> dict[str, Item]:
    """Every item by its name in `AccountPolicy`."""
    return {field.name: field.metadata[Item] for field in attrs.fields(AccountPolicy)}
