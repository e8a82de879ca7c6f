"""``sftp:`` of fsspec, by paramiko's own calls where fsspec's lose something."""

from __future__ import annotations

import base64
import errno
import os
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Final

from zope.interface.interface import InterfaceClass

from ftpx.errors import DirectoryNotEmpty
from ftpx.interfaces import IModes, ITimes
from ftpx.storage.filesystems.entries import Info, type_of_mode
from ftpx.storage.filesystems.filesystem import Filesystem, plain_name

__all__ = ["KNOWN_HOSTS", "SftpFilesystem", "known_hosts_policy"]

#: Where the keys of hosts are looked for, as ssh does.
KNOWN_HOSTS: Final = ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")

#: How many seconds a server may take to say something.
_TIMEOUT: Final = 10.0
_SILENCE: Final = 60.0
#: How many octets one request of SFTP writes: what every server takes.
_REQUEST: Final = 32768


def known_hosts_policy(files: Sequence[str]) -> Any:
    """A policy of paramiko that knows the hosts of some files, and connects to no other. Has no types."""
    import paramiko  # type: ignore[import-untyped]  # it has no types

    class KnownHosts(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]  # it has no types
        """Is asked about each host, as paramiko itself was told of none."""

        def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
            """:raises paramiko.SSHException: the host is not known by this key."""
            for file in files:
                try:
                    keys = paramiko.HostKeys(os.path.expanduser(file))
                except OSError:
                    continue
                if keys.check(hostname, key):
                    return
            told = f"{hostname} {key.get_name()} {base64.b64encode(key.asbytes()).decode('ascii')}"
            raise paramiko.SSHException(
                f"the host is not known by this key: if it is the right one, add it to {files[0]}: {told}"
            )

    return KnownHosts()


class SftpFilesystem(Filesystem):
    """
    A directory of an SFTP server.

    Every call leaves nothing under way when it returns, since a client of paramiko mixes up answers of two calls.
    """

    moves = True
    links = True
    listing_lingers = True
    abilities: ClassVar[Sequence[InterfaceClass]] = (IModes, ITimes)

    def __init__(self, filesystem: Any, root: str) -> None:
        super().__init__(filesystem, root or "/")
        self._client = filesystem.ftp
        self._client.get_channel().settimeout(_SILENCE)
        self._exchanges = True

    @classmethod
    def options(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Time limits, and the keys of hosts that are known; see `Filesystem`."""
        limits = {"timeout": _TIMEOUT, "banner_timeout": _TIMEOUT, "auth_timeout": _TIMEOUT}
        options = {**limits, **given}
        known = options.pop("known_hosts", None)
        if "host_key_policy" not in options:
            options["host_key_policy"] = known_hosts_policy(KNOWN_HOSTS if known is None else (str(known),))
        return options

    def _info(self, attributes: Any) -> Info:
        mode = attributes.st_mode
        return {
            "type": "file" if mode is None else type_of_mode(mode),
            "size": attributes.st_size,
            "mtime": attributes.st_mtime,
            "mode": mode,
            "uid": attributes.st_uid,
            "gid": attributes.st_gid,
        }

    def real_path(self, path: str) -> str:
        """The server's own answer; see `Filesystem`."""
        real: str = self._client.normalize(path)
        return real

    def info(self, path: str) -> Info:
        """What is at a path; see `Filesystem`."""
        info = self._info(self._client.lstat(path))
        if info["type"] == "link":
            return {**info, "destination": self._client.readlink(path)}
        return info

    def target(self, path: str) -> Info:
        """What a symbolic link leads to."""
        return self._info(self._client.stat(path))

    def infos(self, path: str) -> Iterator[tuple[str, Info]]:
        """What is in a directory, as it comes; see `Filesystem`."""
        # No reading ahead: another call in between would take the answers for its own.
        for attributes in self._client.listdir_iter(path, read_aheads=1):
            name = plain_name(attributes.filename)
            if name is not None:
                yield name, self._info(attributes)

    def read(self, file: Any, offset: int, size: int) -> bytes:
        """Octets from an offset, by many requests at once; see `Filesystem`."""
        blocks: Iterator[bytes] = file.readv([(offset, size)])
        return b"".join(blocks)

    def open_to_write(self, path: str) -> Any:
        """A file object for a file that is not there; see `Filesystem`."""
        return self._client.open(path, "wx", bufsize=0)

    def write(self, file: Any, block: bytes) -> None:
        """Add a block by many requests at once, and wait for the answers to all of them; see `Filesystem`."""
        last = max(0, len(block) - 1) // _REQUEST * _REQUEST
        if last:
            file.set_pipelined(True)
            file.write(block[:last])
            file.set_pipelined(False)
        file.write(block[last:])

    def remove_file(self, path: str) -> None:
        """Remove anything but a directory."""
        self._client.remove(path)

    def replace(self, source: str, destination: str) -> None:
        """Give a file the name of another: in one step, if the server knows how; see `Filesystem`."""
        if self._exchanges:
            try:
                self._client.posix_rename(source, destination)
            except OSError as error:
                if error.errno in {errno.ENOENT, errno.EACCES}:
                    raise
                # It does not know this extension, or failed for another reason: then the next call says so.
                self._client.lstat(source)
            else:
                return
        try:
            self.place(source, destination)
        except OSError:
            # SFTP itself renames over nothing.
            self._client.lstat(source)
            self.replace_aside(source, destination)
        self._exchanges = False

    def place(self, source: str, destination: str) -> None:
        """Give a file a name that must be free: SFTP's own rename fails if it is not; see `Filesystem`."""
        self._client.rename(source, destination)

    def move_directory(self, source: str, destination: str) -> None:
        """Give a directory a name that is free."""
        self._client.rename(source, destination)

    def make_directory(self, path: str) -> None:
        """Make a directory in one that is there."""
        self._client.mkdir(path)

    def remove_directory(self, path: str) -> None:
        """Remove an empty directory; see `Filesystem`."""
        try:
            self._client.rmdir(path)
        except OSError as error:
            if error.errno is None and self._client.get_channel().active:
                # SFTP has no word for it: "failure".
                raise DirectoryNotEmpty("the directory is not empty") from None
            raise

    def set_mode(self, path: str, mode: int) -> None:
        """Set permission bits."""
        self._client.chmod(path, mode)

    def set_modified(self, path: str, seconds: float) -> None:
        """Set the time of the last modification; that of the last access is set too, as SFTP knows no other way."""
        self._client.utime(path, (int(seconds), int(seconds)))

    def close(self) -> None:
        """Close the connection."""
        self.filesystem.client.close()
