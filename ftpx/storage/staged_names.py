"""The names that files have before they are published; all that has to be known of one is in it."""

from __future__ import annotations

import enum
import re
import secrets
from functools import cache
from hashlib import blake2b
from typing import Final

import attrs

from ftpx.storage.names import Names

__all__ = ["NO_FILE", "PartialKey", "StagedName", "State", "parse_staged_name", "passing_name", "token_of"]

#: The token of a name that no file has.
NO_FILE: Final = "0" * 16
#: The boot of what has reached the disk, and so outlives every other.
ON_DISK: Final = "0" * 8

_FORM: Final = re.compile(
    rb"(?P<state>[tup])\.(?P<owner>[0-9a-f]{16})\.(?P<path>[0-9a-f]{32})\.(?P<token>[0-9a-f]{16})\."
    rb"(?P<boot>[0-9a-f]{8})\.(?P<unique>[0-9a-f]{16})"
)


class State(enum.Enum):
    """What a staged file is: on its way to another name, an upload under way, or one that broke off."""

    PASSING = "t"
    UNDER_WAY = "u"
    PARTIAL = "p"


@attrs.frozen
class PartialKey:
    """Whose upload to where; hashes, so that names are short and tell nothing."""

    owner: str
    path: str

    @classmethod
    def of(cls, owner: str, names: Names) -> PartialKey:
        """The key of an account's upload to a path from the storage's root."""
        account = owner.encode("utf-8", "surrogateescape")
        return cls(_digest(account, 8), _digest(b"/".join(names), 16))

    @property
    def part(self) -> str:
        """How it stands in a name."""
        return f"{self.owner}.{self.path}"


def _digest(octets: bytes, size: int) -> str:
    return blake2b(octets, digest_size=size).hexdigest()


def token_of(identity: bytes, version: bytes) -> str:
    """What stands for the file that an upload is to replace."""
    return _digest(identity + b"/" + version, 8)


@cache
def current_boot() -> str:
    """Another one after each start of the machine: what was not on disk then is not to be trusted."""
    try:
        with open("/proc/sys/kernel/random/boot_id", "rb") as boot:
            return _digest(boot.read(64).strip(), 4)
    except OSError:
        return ON_DISK


@attrs.frozen
class StagedName:
    """
    The name of a staged file.

    ``token`` stands for the file that it is to replace, ``boot`` for the start of the machine since which it was
    written.
    """

    state: State
    key: PartialKey
    token: str = NO_FILE
    boot: str = attrs.field(factory=current_boot)
    unique: str = attrs.field(factory=lambda: secrets.token_hex(8))

    def octets(self) -> bytes:
        """The name as the file system has it."""
        parts = (self.state.value, self.key.part, self.token, self.boot, self.unique)
        return ".".join(parts).encode()

    @property
    def trusted(self) -> bool:
        """Whether all that was written is there: it reached the disk, or the machine has run since."""
        return self.boot in {ON_DISK, current_boot()}

    def on_disk(self) -> StagedName:
        """The name of the same file once it has reached the disk."""
        return attrs.evolve(self, boot=ON_DISK)


def parse_staged_name(octets: bytes) -> StagedName | None:
    """What a name says, if it is one of these."""
    form = _FORM.fullmatch(octets)
    if form is None:
        return None
    state, owner, path, token, boot, unique = (part.decode() for part in form.groups())
    return StagedName(State(state), PartialKey(owner, path), token, boot, unique)


def passing_name() -> StagedName:
    """A name for the moment between two system calls."""
    return StagedName(State.PASSING, PartialKey(secrets.token_hex(8), secrets.token_hex(16)))
