"""The listing that LIST sends, the form of ``ls -l``, and the options that clients give to it."""

from __future__ import annotations

import re
from functools import lru_cache

from ftpx.interfaces import Entry, Kind
from ftpx.wire.replies import printable
from ftpx.wire.times import list_time

__all__ = ["format_line", "split_options"]

_ANYBODY = "ftp"

# Kinds without a letter of their own are shown as a FIFO: clients pass over those.
_LETTERS = {Kind.FILE: "-", Kind.DIRECTORY: "d", Kind.LINK: "l", Kind.OTHER: "p"}
_USUAL_MODES = {Kind.FILE: 0o644, Kind.DIRECTORY: 0o755, Kind.LINK: 0o777, Kind.OTHER: 0o644}

# The special bit, and the execute bit whose place it is shown in.
_SPECIAL_BITS = ((0o4000, 0o100, "s"), (0o2000, 0o010, "s"), (0o1000, 0o001, "t"))

_BLANK = re.compile(r"\s")
_OPTION = re.compile(r" *-([A-Za-z1]+)(?: |\Z)")
_END_OF_OPTIONS = re.compile(r" *--(?: |\Z)")


def format_line(entry: Entry, now: float, *, owner: str | None = None, group: str | None = None) -> str:
    """
    One line of a listing without its line end.

    :param now: seconds since the epoch; older entries show the year in place of the time.
    :param owner: shown in place of the entry's owner. ``group`` likewise.
    """
    target = entry.target
    name = printable(entry.name)
    # An absolute target would show where things really are.
    if target and entry.kind is Kind.LINK and target[0] != "/" and printable(target) == target:
        name = f"{name} -> {target}"
    front = _front(entry.kind, entry.mode, entry.links, owner or entry.owner, group or entry.group)
    return f"{front}{entry.size:8d} {list_time(entry.modified or 0, now)} {name}"


# Most entries of a directory begin alike.
@lru_cache(maxsize=1024)
def _front(kind: Kind, mode: int | None, links: int, owner: str | None, group: str | None) -> str:
    return f"{_permissions(kind, mode)} {links:3d} {_column(owner)} {_column(group)} "


def _permissions(kind: Kind, mode: int | None) -> str:
    if mode is None:
        mode = _USUAL_MODES[kind]
    letters = [letter if mode & (0o400 >> place) else "-" for place, letter in enumerate("rwxrwxrwx")]
    for place, (special, execute, letter) in zip((2, 5, 8), _SPECIAL_BITS, strict=True):
        if mode & special:
            letters[place] = letter if mode & execute else letter.upper()
    return _LETTERS[kind] + "".join(letters)


def _column(name: str | None) -> str:
    """A name that stays one column, whatever it holds."""
    return f"{_BLANK.sub('_', printable(name or _ANYBODY)):<8}"


def split_options(argument: str | None) -> tuple[frozenset[str], str | None]:
    """
    The options at the front of an argument of LIST, NLST or STAT, and the pathname behind them.

    An option is ``-`` and letters, as in ``-la``, or ``-1``; ``--`` ends them. So ``-`` and ``-a.txt`` are names;
    a file called ``-abc`` is meant by ``./-abc``. The pathname is exact, or ``None`` if there is none.
    """
    if not argument:
        return frozenset(), None
    options: set[str] = set()
    place = 0
    while option := _OPTION.match(argument, place):
        options.update(option[1])
        place = option.end()
    if last := _END_OF_OPTIONS.match(argument, place):
        place = last.end()
    name = argument[place:]
    if place and not name.strip(" "):
        return frozenset(options), None
    return frozenset(options), name
