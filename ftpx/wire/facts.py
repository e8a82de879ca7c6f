"""Facts of MLST and MLSD (RFC 3659 section 7) and of MFF (draft-somers-ftp-mfxx)."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from functools import lru_cache

from ftpx.errors import ArgumentError
from ftpx.interfaces import Entry, Kind, Right
from ftpx.wire.times import format_time

__all__ = [
    "FACTS",
    "features",
    "format_facts",
    "parse_fact_names",
    "parse_fact_settings",
    "perm_fact",
]

FACTS: tuple[str, ...] = (
    "type",
    "size",
    "modify",
    "create",
    "perm",
    "unique",
    "UNIX.mode",
    "UNIX.owner",
    "UNIX.group",
)

_CANONICAL = {name.lower(): name for name in FACTS}
_TYPES = {Kind.FILE: "file", Kind.DIRECTORY: "dir", Kind.LINK: "OS.unix=symlink", Kind.OTHER: "OS.unix=other"}

# RFC 3659 section 7.5.5. Any one of the rights grants the letter.
_REMOVABLE = (("d", Right.DELETE), ("f", Right.RENAME))
_PERMISSIONS: dict[Kind, tuple[tuple[str, Right], ...]] = {
    Kind.FILE: (("a", Right.APPEND), *_REMOVABLE, ("r", Right.READ), ("w", Right.OVERWRITE)),
    Kind.DIRECTORY: (
        ("c", Right.WRITE),
        ("d", Right.DELETE),
        ("e", Right.LOOK),
        ("f", Right.RENAME),
        ("l", Right.LIST),
        ("m", Right.MAKE_DIRECTORY),
        ("p", Right.DELETE),
    ),
    Kind.LINK: _REMOVABLE,
    Kind.OTHER: _REMOVABLE,
}


def format_facts(
    entry: Entry, wanted: AbstractSet[str], *, perm: str, unique: str | None, entry_type: str | None = None
) -> str:
    """
    What stands before the name in a line of MLST or MLSD, with the one space: ``type=file;size=3; ``.

    :param wanted: names out of `FACTS`; what is not known of the entry is left out all the same.
    :param perm: the value of Perm, from `perm_fact`.
    :param unique: the value of Unique; letters and digits.
    :param entry_type: the value of Type if the entry's kind does not say it: ``cdir``, ``pdir``.
    """
    line = ""
    if "type" in wanted:
        line = f"type={entry_type or _type(entry)};"
    if "size" in wanted and entry.kind is Kind.FILE:
        line += f"size={entry.size};"
    if "modify" in wanted and entry.modified is not None:
        line += f"modify={format_time(entry.modified)};"
    if "create" in wanted and entry.created is not None:
        line += f"create={format_time(entry.created)};"
    if "perm" in wanted:
        line += f"perm={perm};"
    if "unique" in wanted and unique is not None:
        line += f"unique={unique};"
    return line + _unix_facts(
        entry.mode if "UNIX.mode" in wanted else None,
        entry.owner if "UNIX.owner" in wanted else None,
        entry.group if "UNIX.group" in wanted else None,
    )


# Most entries of a directory end alike.
@lru_cache(maxsize=1024)
def _unix_facts(mode: int | None, owner: str | None, group: str | None) -> str:
    line = "" if mode is None else f"UNIX.mode={mode & 0o7777:04o};"
    if _is_value(owner):
        line += f"UNIX.owner={owner};"
    if _is_value(group):
        line += f"UNIX.group={group};"
    return line + " "


def _type(entry: Entry) -> str:
    # An absolute target would show where things really are.
    if entry.target is not None and entry.kind is Kind.LINK and entry.target[:1] != "/" and _is_value(entry.target):
        return f"OS.unix=slink:{entry.target}"
    return _TYPES[entry.kind]


def _is_value(text: str | None) -> bool:
    """Whether a text can be the value of a fact: it cannot be taken for the end of it, or of the facts."""
    if not text:
        return False
    return text.isprintable() and " " not in text and ";" not in text


def perm_fact(kind: Kind, rights: Right) -> str:
    """The letters of the Perm fact for a thing of a kind with which one may do this much."""
    return _permission_letters(kind, rights)


@lru_cache(maxsize=1024)
def _permission_letters(kind: Kind, rights: Right) -> str:
    return "".join(letter for letter, enough in _PERMISSIONS[kind] if rights & enough)


def parse_fact_names(argument: str) -> frozenset[str]:
    """The facts chosen by ``OPTS MLST type;size;``, in any case, as `FACTS` writes them; others are passed over."""
    return frozenset(_CANONICAL[name] for name in argument.lower().split(";") if name in _CANONICAL)


def features(wanted: AbstractSet[str], offered: AbstractSet[str] = frozenset(FACTS)) -> str:
    """The line of FEAT: the facts on offer, those that are ``wanted`` with an asterisk (RFC 3659 section 7.8)."""
    return "MLST " + "".join(f"{name}{'*' if name in wanted else ''};" for name in FACTS if name in offered)


def parse_fact_settings(argument: str) -> tuple[dict[str, str], str]:
    """
    The argument of MFF, ``modify=20200101000000;UNIX.mode=0644; path``: the facts' new values and the path.

    Names of known facts come as `FACTS` writes them, others as they were sent.

    :raises ArgumentError: it is not of this form, or names a fact twice.
    """
    facts, _, path = argument.partition(" ")
    if not path or not facts.endswith(";"):
        raise ArgumentError("Facts, each with a semicolon, a space and a path are wanted.")
    settings: dict[str, str] = {}
    for fact in facts[:-1].split(";"):
        given, equals, value = fact.partition("=")
        name = _CANONICAL.get(given.lower(), given)
        if not given or not equals or name in settings:
            raise ArgumentError("Facts are wanted as name=value, each once.")
        settings[name] = value
    return settings, path
