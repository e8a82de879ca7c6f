"""``webdav:`` of fsspec, by the library webdav4."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final
from urllib.parse import quote, unquote

from zope.interface.interface import InterfaceClass

from ftpx.interfaces import IServerSideCopy
from ftpx.storage.filesystems.filesystem import Filesystem

__all__ = ["WebdavFilesystem"]

_CHUNK: Final = 256 * 1024


class WebdavFilesystem(Filesystem):
    """A directory of a WebDAV server. A rename is one request, of which the server makes one step or not."""

    moves = True
    abilities: ClassVar[Sequence[InterfaceClass]] = (IServerSideCopy,)

    @classmethod
    def options(cls, given: dict[str, Any]) -> dict[str, Any]:
        """A name and a password are a pair; see `Filesystem`."""
        options = {"timeout": 20.0, **given}
        if isinstance(options.get("auth"), list):
            options["auth"] = tuple(options["auth"])
        return options

    def path(self, names: Sequence[str]) -> str:
        """The path of something: the client takes it as a part of a URL, and what is quoted in it as it is."""
        return super().path([quote(name) for name in names])

    def _name_in(self, directory: str, told: str) -> str | None:
        # What the server tells has been unquoted.
        return super()._name_in(unquote(directory), told)

    def open_to_read(self, path: str) -> Any:
        """A stream of the content. The way of fsspec's own goes by a path that is not quoted."""
        from webdav4.stream import IterStream  # type: ignore[import-untyped]  # it has no types

        client = self.filesystem.client
        return IterStream(client, client.join_url(path), chunk_size=_CHUNK).__enter__()

    def by_range(self, file: Any) -> bool:
        """Always: each part is asked for by the name."""
        return True

    def copy_file(self, source: str, destination: str) -> None:
        """Copy a file, over one that may be there."""
        self.filesystem.client.copy(source, destination, overwrite=True)

    def replace(self, source: str, destination: str) -> None:
        """Give a file the name of another, as one request."""
        self.filesystem.client.move(source, destination, overwrite=True)

    def place(self, source: str, destination: str) -> None:
        """Give a file a name that must be free, as one request."""
        self.filesystem.client.move(source, destination, overwrite=False)

    def move_directory(self, source: str, destination: str) -> None:
        """Give a directory a name that is free."""
        self.filesystem.client.move(source, destination, overwrite=False)

    def close(self) -> None:
        """Close the connections."""
        self.filesystem.client.http.close()
