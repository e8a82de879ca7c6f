"""The storage contract, against every built-in storage and each way that it can work."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.access import AccessRules
from ftpx.interfaces import IStorage, IStoragePool
from ftpx.storage.local import open_local
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.mounted import MountedStorage
from ftpx.storage.permitted import PermittedStorage
from ftpx.storage.prefixed import PrefixedStorage
from ftpx.storage.readonly import ReadOnlyStorage
from ftpx.testing.pool import InlinePool
from ftpx.testing.storage import StorageContract
from tests.accounts.profiles import profile_of
from tests.storage.directories import new_directory, open_beneath
from tests.storage.whole import whole_run


class MemoryContractTests(StorageContract, SynchronousTestCase):
    """``memory:``"""

    may_refuse_names = False

    def make_storage(self) -> IStorage:
        """A storage without a limit."""
        return MemoryStorage()


class LimitedMemoryContractTests(StorageContract, SynchronousTestCase):
    """``memory:SIZE``"""

    def make_storage(self) -> IStorage:
        """A storage with a limit that the contract does not reach."""
        return MemoryStorage(100_000_000)


class LocalContractTests(StorageContract, SynchronousTestCase):
    """``local:DIR``, confined by the kernel where it can do that."""

    may_refuse_names = False
    opened: tuple[str, int] | None = None

    def make_storage(self) -> IStorage:
        """An empty directory."""
        return open_local(new_directory(self), InlinePool())

    def make_storage_on(self, pool: IStoragePool) -> IStorage:
        """An empty directory of which no descriptor may be left open."""
        directory = new_directory(self)
        storage = open_local(directory, pool)
        self.opened = directory, open_beneath(directory)
        return storage

    def assert_nothing_open(self) -> None:
        """There are no more descriptors than at first."""
        if self.opened is not None:
            directory, count = self.opened
            self.assertEqual(open_beneath(directory), count)


class WalkContractTests(LocalContractTests):
    """``local:DIR``, walked name by name."""

    def make_storage(self) -> IStorage:
        """An empty directory."""
        return open_local(new_directory(self), InlinePool(), openat2=False)


class NamedStagingContractTests(LocalContractTests):
    """``local:DIR``, where uploads are staged under a hidden name."""

    def make_storage(self) -> IStorage:
        """An empty directory."""
        return open_local(new_directory(self), InlinePool(), tmpfile=False)


class SubtreeContractTests(LocalContractTests):
    """A directory of ``local:DIR`` as a storage."""

    def make_storage(self) -> IStorage:
        """An empty directory."""
        outer = open_local(new_directory(self), InlinePool())
        self.result(outer.make_directory(("d",)))
        return self.result(outer.subtree(("d",)))


@whole_run
class MemorySubtreeContractTests(StorageContract, SynchronousTestCase):
    """A directory of ``memory:`` as a storage."""

    def make_storage(self) -> IStorage:
        """An empty directory."""
        outer = MemoryStorage()
        self.result(outer.make_directory(("d",)))
        return self.result(outer.subtree(("d",)))


@whole_run
class NamedWalkContractTests(LocalContractTests):
    """``local:DIR``, walked name by name and staged under hidden names."""

    def make_storage(self) -> IStorage:
        """An empty directory."""
        return open_local(new_directory(self), InlinePool(), openat2=False, tmpfile=False)


class PrefixedContractTests(StorageContract, SynchronousTestCase):
    """A directory of another storage."""

    def make_storage(self) -> IStorage:
        """An empty directory two levels deep."""
        inner = MemoryStorage()
        self.result(inner.make_directory(("outer",)))
        self.result(inner.make_directory(("outer", "inner")))
        return PrefixedStorage(inner, ("outer", "inner"))


@whole_run
class PrefixedLocalContractTests(LocalContractTests):
    """A directory of a local storage, by its prefix."""

    def make_storage(self) -> IStorage:
        """An empty directory."""
        inner = super().make_storage()
        self.result(inner.make_directory(("d",)))
        return PrefixedStorage(inner, ("d",))


class LinklessContractTests(StorageContract, SynchronousTestCase):
    """``local:DIR`` without links, confined by the kernel."""

    follows_links = False

    def make_storage(self) -> IStorage:
        """An empty directory."""
        return open_local(new_directory(self), InlinePool()).without_links()


@whole_run
class LinklessWalkContractTests(LinklessContractTests):
    """``local:DIR`` without links, walked name by name."""

    def make_storage(self) -> IStorage:
        """An empty directory."""
        return open_local(new_directory(self), InlinePool(), openat2=False).without_links()


class PermittedContractTests(StorageContract, SynchronousTestCase):
    """A storage where everything is allowed."""

    def make_storage(self) -> IStorage:
        """An empty storage."""
        return PermittedStorage(MemoryStorage(100_000_000), AccessRules(profile_of()))


class PermittedLocalContractTests(StorageContract, SynchronousTestCase):
    """A directory where everything is allowed."""

    follows_links = False

    def make_storage(self) -> IStorage:
        """An empty directory."""
        return PermittedStorage(
            open_local(new_directory(self), InlinePool()).without_links(), AccessRules(profile_of())
        )


class MountingContractTests(LocalContractTests):
    """A storage in which nothing is mounted."""

    def make_storage(self) -> IStorage:
        """An empty directory."""
        return MountedStorage(super().make_storage(), {})


class MountedContractTests(LocalContractTests):
    """A storage that is mounted in another."""

    def make_storage(self) -> IStorage:
        """An empty directory, two levels deep."""
        base = ReadOnlyStorage(MemoryStorage())
        return PrefixedStorage(MountedStorage(base, {("d", "m"): super().make_storage()}), ("d", "m"))


class MountedMemoryContractTests(StorageContract, SynchronousTestCase):
    """The directory of a storage in which another is mounted, elsewhere."""

    def make_storage(self) -> IStorage:
        """An empty directory."""
        storage = MountedStorage(MemoryStorage(), {("d", "m"): MemoryStorage()})
        self.result(storage.make_directory(("e",)))
        return PrefixedStorage(storage, ("e",))
