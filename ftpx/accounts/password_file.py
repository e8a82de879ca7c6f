"""Files of ``name:secret`` lines that are read again when they changed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping

import attrs
from twisted.logger import Logger

from ftpx.accounts.checkers import ClearPasswords, Passwords
from ftpx.errors import ConfigurationError, StorageUnavailable

__all__ = ["MAXIMUM_FILE", "Format", "PasswordFile", "clear_passwords_file", "parse"]

MAXIMUM_FILE = 16 * 1024 * 1024
"""Octets of a password file."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_log = Logger()


@attrs.frozen
class Format:
    """
    What stands behind the names in a file.

    ``kind`` is the kind of login, as in ``--auth``. ``fault`` says in a few words what is wrong
    with a secret, or nothing. ``build`` makes a table of the good ones.
    """

    kind: str
    fault: Callable[[bytes], str | None]
    build: Callable[[Mapping[bytes, bytes]], Passwords]


@attrs.frozen
class _Signature:
    """Differs when the file may have changed."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, status: os.stat_result) -> _Signature:
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@attrs.frozen
class _Content:
    signature: _Signature
    passwords: Passwords


def parse(content: bytes, fault: Callable[[bytes], str | None]) -> tuple[dict[bytes, bytes], list[str]]:
    """
    The names and secrets of a file, and what is wrong with its other lines.

    Empty lines and lines that begin with ``#`` are skipped. The secret is all that stands behind
    the first colon: spaces and further colons belong to it. What is wrong is told by number of
    line and never quotes one.
    """
    entries: dict[bytes, bytes] = {}
    faults: list[str] = []
    for number, line in enumerate(content.removeprefix(_BYTE_ORDER_MARK).split(b"\n"), 1):
        text = line.removesuffix(b"\r")
        if not text.strip() or text.startswith(b"#"):
            continue
        name, _, secret = text.partition(b":")
        if not name or not secret:
            faults.append(f"line {number} is not of the form NAME:PASSWORD")
        elif name in entries:
            faults.append(f"line {number} names a user of an earlier line again")
        elif (wrong := fault(secret)) is not None:
            faults.append(f"line {number}: {wrong}")
        else:
            entries[name] = secret
    return entries, faults


class PasswordFile:
    """
    The users of a file, as it is now.

    It is read once at the start, when nothing may be wrong with it, and again whenever it has
    changed. A line that is wrong by then is left out and logged; while the file cannot be read,
    nobody gets in by it.

    :raises ConfigurationError: the file cannot be used.
    """

    blocking = True

    def __init__(self, path: str, form: Format) -> None:
        if not path:
            raise ConfigurationError(f"{form.kind}: wants the path of a file, such as {form.kind}:/etc/ftpx.users.")
        # Absolute, since a daemon leaves the directory that it was started in.
        self._path = os.path.abspath(path)
        self._format = form
        try:
            self._content, faults = self._load()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise ConfigurationError(f"The password file {self._path} cannot be read: {reason}.") from None
        if faults:
            raise ConfigurationError(f"The password file {self._path} cannot be used: {faults[0]}.")

    def verify(self, name: bytes, password: bytes) -> bool:
        """
        See `Passwords`.

        :raises StorageUnavailable: the file cannot be read now.
        """
        return self._current().passwords.verify(name, password)

    def _current(self) -> _Content:
        # Several threads may be here at once: each swaps in a whole new content, and one that
        # is out of date by then does not match the file and is replaced the next time.
        content = self._content
        try:
            if _Signature.of(os.stat(self._path)) == content.signature:
                return content
            content, faults = self._load()
        except OSError as error:
            _log.error("The password file {path} cannot be read: {error}", path=self._path, error=error.strerror)
            raise StorageUnavailable("the users cannot be read") from None
        if faults:
            _log.warn(
                "The password file {path} has {count} lines that are left out; {first}.",
                path=self._path,
                count=len(faults),
                first=faults[0],
            )
        self._content = content
        return content

    def _load(self) -> tuple[_Content, list[str]]:
        with open(self._path, "rb", opener=_open_at_once) as file:
            # Before reading: what is written meanwhile makes the file differ from it.
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise OSError(0, "it is not a regular file")
            octets = file.read(MAXIMUM_FILE + 1)
        if len(octets) > MAXIMUM_FILE:
            raise OSError(0, f"it is larger than {MAXIMUM_FILE // 1024 // 1024} MiB")
        entries, faults = parse(octets, self._format.fault)
        return _Content(_Signature.of(status), self._format.build(entries)), faults


def _open_at_once(path: str, flags: int) -> int:
    """Open a file; of a FIFO, without waiting for its writer."""
    return os.open(path, flags | os.O_NONBLOCK)


def _no_fault(secret: bytes) -> None:
    """Every clear text is a password."""


def clear_passwords_file(path: str) -> PasswordFile:
    """
    A file of ``name:password`` lines in clear text.

    :raises ConfigurationError: the file cannot be used.
    """
    return PasswordFile(path, Format("file", _no_fault, ClearPasswords))
