"""What the users of a database see: homes and mounted folders of storages, with quotas and rights in force."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

import attrs

from ftpx.accounts.profile import Group, Profile
from ftpx.errors import AlreadyExists, NotFound
from ftpx.interfaces import IAccessRules, IQuotas, IStorage, IWithoutLinks, Path
from ftpx.storage.metered import MeteredStorage
from ftpx.storage.mounted import MountedStorage
from ftpx.storage.opening import StoragesByNeed
from ftpx.storage.permitted import PermittedStorage
from ftpx.storage.prefixed import subtree

__all__ = ["Homes", "TreePart"]


@attrs.frozen
class TreePart:
    """
    A directory of a storage that is a part of somebody's tree.

    ``at`` is where in the tree; ``()`` is the home. ``name`` is that of the storage, the same on all servers, and
    ``base`` the directory of it. ``group`` is whose folder it is; ``None``: the user's own.
    """

    at: Path
    storage: IStorage
    name: str
    base: Path
    group: Group | None

    @property
    def place(self) -> tuple[str, Path]:
        """The same for one directory, whoever's tree it is in."""
        return self.name, self.base


class Homes:
    """
    Puts trees together.

    No symbolic link is followed in them: so a path has one meaning, and what is allowed in one directory cannot be
    done in another. Folders from elsewhere are mounted instead.

    :param root: the storage that is served, in which the homes are.
    :param others: those that are mounted.
    """

    def __init__(self, root: IStorage, others: StoragesByNeed) -> None:
        self._root = _without_links(root)
        self._others = others

    async def parts(self, profile: Profile) -> list[TreePart]:
        """
        The parts of a user's tree, the home first; it is made if it is not there.

        :raises ConfigurationError: the name of the user cannot be that of a home.
        :raises StorageError: the home cannot be had.
        """
        home = profile.home
        return [TreePart((), await self._made(home), "home", home, None), *await self._mounts(profile)]

    async def _mounts(self, profile: Profile) -> list[TreePart]:
        return [
            TreePart(mount.path, _without_links(await self._others.get(mount.storage)), mount.storage, (), group)
            for mount, group in profile.mounts
        ]

    def tree(self, parts: Iterable[TreePart], rules: IAccessRules, quotas: Callable[[TreePart], IQuotas]) -> IStorage:
        """What the user of some parts sees, by rules and within quotas."""
        home, *mounts = [(part.at, MeteredStorage(part.storage, quotas(part), part.name, part.base)) for part in parts]
        whole = MountedStorage(home[1], dict(mounts)) if mounts else home[1]
        return PermittedStorage(whole, rules)

    async def charged_to_user(self, profile: Profile) -> list[TreePart]:
        """The parts whose content is the user's, as far as they are there: the home, and the user's own folders."""
        return [part for part in await self._present(profile) if part.group is None]

    async def charged_to_group(self, group_id: int, members: Iterable[Profile]) -> list[tuple[TreePart, list[str]]]:
        """
        The parts whose content is a group's: the homes of its members, and folders that are mounted for it. Each comes
        once, with the names of those whose broken uploads count there.
        """
        found: dict[tuple[str, Path], tuple[TreePart, list[str]]] = {}
        for profile in members:
            for part in await self._present(profile):
                if not part.at or (part.group is not None and part.group.id == group_id):
                    found.setdefault(part.place, (part, []))[1].append(profile.user.name)
        return list(found.values())

    async def _present(self, profile: Profile) -> list[TreePart]:
        """The parts of a tree; without the home, if nobody has been there yet."""
        home = profile.home
        parts = await self._mounts(profile)
        with suppress(NotFound):
            parts.insert(0, TreePart((), await subtree(self._root, home), "home", home, None))
        return parts

    async def _made(self, path: Path) -> IStorage:
        """A directory of the root, made with those above it if it is not there."""
        with suppress(NotFound):
            return await subtree(self._root, path)
        for length in range(1, len(path) + 1):
            with suppress(AlreadyExists):
                await self._root.make_directory(path[:length])
        return await subtree(self._root, path)


def _without_links(storage: IStorage) -> IStorage:
    able = IWithoutLinks(storage, None)
    return storage if able is None else able.without_links()
