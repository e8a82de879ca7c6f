"""Where a file is to appear in an object store, and whether it still may."""

from __future__ import annotations

import attrs

from ftpx.errors import AlreadyExists, FileChanged
from ftpx.storage.objects.tree import ObjectTree

__all__ = ["Target"]


@attrs.frozen
class Target:
    """
    Where a file is to appear.

    A ``continued`` one goes only over the very file that it continues, or that stood when it began: ``replaces`` is the
    version of that, ``None`` if there was none.
    """

    tree: ObjectTree
    key: str
    name: str
    exclusive: bool
    continued: bool
    replaces: str | None

    @property
    def only_new(self) -> bool:
        """Whether the key must be free."""
        return self.exclusive or (self.continued and self.replaces is None)

    def check(self) -> None:
        """
        Look once more before the publication. Blocks.

        :raises AlreadyExists, FileChanged, NotFound, IsADirectory: it cannot be published.
        """
        if not self.continued:
            self.tree.require_place(self.key)
            return
        present = self.tree.file(self.key)
        if self.exclusive and present is not None:
            raise AlreadyExists("the name is taken")
        if self.replaces != (None if present is None else present.etag):
            raise FileChanged("the file was changed meanwhile")
        if present is None:
            self.tree.require_place(self.key)
