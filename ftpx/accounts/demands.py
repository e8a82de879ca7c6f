"""What each verb asks of the rights of an account: the same rules as `ftpx.storage.permitted` has, by verb."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import attrs

from ftpx.interfaces import Direction, Right

__all__ = ["DEMANDS", "Demand", "Thing"]


class Thing(enum.Enum):
    """What is at the path of a verb."""

    FILE = "file"
    DIRECTORY = "directory"
    NOTHING = "nothing"


@attrs.frozen(kw_only=True)
class Demand:
    """
    What a verb asks.

    ``rights`` has, by what is at the path, the sets of rights of which any one will do; the first thing is what is
    there as a rule. Of anything else the verb makes nothing. ``changes``: it cannot be done to a mounted folder itself;
    ``removes``: nor to a directory that holds one; ``moves``: nor to one that rules of their own begin in. ``stores``:
    it takes up room; ``replaces``: that of the file that is there becomes free.
    """

    rights: Mapping[Thing, tuple[Right, ...]]
    changes: bool = False
    removes: bool = False
    moves: bool = False
    stores: bool = False
    replaces: bool = False
    direction: Direction | None = None


_ANY: Final = tuple(Right(1 << bit) for bit in range(Right.ALL.value.bit_length()))
_SEEN: Final = (Right.LIST, Right.READ)
_FREE: Final = (Right.LIST, Right.WRITE, Right.APPEND, Right.OVERWRITE)
_STORED: Final[dict[str, Any]] = {"changes": True, "stores": True, "direction": Direction.UPLOAD}

_ENTER = Demand(rights={Thing.DIRECTORY: _ANY})
_LOOK = Demand(rights={Thing.FILE: _SEEN, Thing.DIRECTORY: _ANY})
_LOOK_AT_FILE = Demand(rights={Thing.FILE: _SEEN})
_LIST = Demand(rights={Thing.DIRECTORY: (Right.LIST,), Thing.FILE: _SEEN})
_READ = Demand(rights={Thing.FILE: (Right.READ,)})
_MAKE = Demand(rights={Thing.NOTHING: (Right.MAKE_DIRECTORY,)}, changes=True)
_REMOVE_DIRECTORY = Demand(rights={Thing.DIRECTORY: (Right.DELETE,)}, changes=True, removes=True)
_SET = Demand(rights={Thing.FILE: (Right.SET_ATTRIBUTES,), Thing.DIRECTORY: (Right.SET_ATTRIBUTES,)}, changes=True)
_NEW_OR_OVER = {Thing.NOTHING: (Right.WRITE,), Thing.FILE: (Right.OVERWRITE,)}

DEMANDS: Final[Mapping[str, Demand]] = MappingProxyType(
    {
        "APPE": Demand(rights={Thing.NOTHING: (Right.WRITE,), Thing.FILE: (Right.APPEND, Right.OVERWRITE)}, **_STORED),
        "AVBL": Demand(rights={Thing.DIRECTORY: _FREE}),
        "CWD": _ENTER,
        "DELE": Demand(rights={Thing.FILE: (Right.DELETE,)}, changes=True),
        "HASH": _READ,
        "LIST": _LIST,
        "MD5": _READ,
        "MDTM": _LOOK_AT_FILE,
        "MFCT": _SET,
        "MFF": _SET,
        "MFMT": _SET,
        "MKD": _MAKE,
        "MLSD": Demand(rights={Thing.DIRECTORY: (Right.LIST,)}),
        "MLST": _LOOK,
        "NLST": _LIST,
        "RETR": Demand(rights={Thing.FILE: (Right.READ,)}, direction=Direction.DOWNLOAD),
        "RMD": _REMOVE_DIRECTORY,
        "RNFR": Demand(
            rights={
                Thing.FILE: tuple(Right.RENAME | right for right in _SEEN),
                Thing.DIRECTORY: (Right.RENAME,),
            },
            changes=True,
            removes=True,
            moves=True,
        ),
        "RNTO": Demand(
            rights={
                Thing.NOTHING: (Right.RENAME,),
                Thing.FILE: (Right.RENAME | Right.OVERWRITE, Right.RENAME | Right.DELETE),
            },
            changes=True,
            moves=True,
        ),
        "SITE CHMOD": _SET,
        "SITE CPFR": _READ,
        "SITE CPTO": Demand(rights=_NEW_OR_OVER, changes=True, stores=True, replaces=True),
        "SITE SYMLINK": Demand(rights={Thing.NOTHING: (Right.WRITE | Right.SET_ATTRIBUTES,)}, changes=True),
        "SITE UTIME": _SET,
        "SIZE": _LOOK_AT_FILE,
        "STAT": _LIST,
        "STOR": Demand(rights=_NEW_OR_OVER, replaces=True, **_STORED),
        "STOU": Demand(rights={Thing.NOTHING: (Right.WRITE,)}, **_STORED),
        "XCRC": _READ,
        "XCWD": _ENTER,
        "XMD5": _READ,
        "XMKD": _MAKE,
        "XRMD": _REMOVE_DIRECTORY,
        "XSHA1": _READ,
        "XSHA256": _READ,
        "XSHA512": _READ,
    }
)
"""Every verb that has a path, and the commands behind SITE."""
