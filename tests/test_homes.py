"""Tests of ``ftpx.homes``."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ftpx.accounts.access import AccessRules
from ftpx.accounts.profile import Profile
from ftpx.errors import ConfigurationError, PermissionDenied
from ftpx.homes import Homes, TreePart
from ftpx.interfaces import Entry, IQuotas, IReservation, IStorage, Kind, Path
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.opening import StoragesByNeed
from tests.accounts.profiles import profile_of


class _Storages(StoragesByNeed):
    """Storages in memory by name."""

    def __init__(self) -> None:
        self.storages: dict[str, IStorage] = {}

    async def get(self, spec: str) -> IStorage:
        return self.storages.setdefault(spec, MemoryStorage())


@implementer(IQuotas)
class _NoQuotas:
    """Nothing is limited, so nothing is asked for."""

    limited = False
    largest_file = None

    async def reserve(self, octets: int, files: int, places: Sequence[str] = ()) -> IReservation:
        raise NotImplementedError

    async def available(self) -> int | None:
        return None


class HomesTests(SynchronousTestCase):
    """Trees of users."""

    def setUp(self) -> None:
        self.root = MemoryStorage()
        self.others = _Storages()
        self.homes = Homes(self.root, self.others)

    def _parts(self, profile: Profile) -> list[TreePart]:
        return self.successResultOf(self.homes.parts(profile))

    def _tree(self, profile: Profile) -> IStorage:
        return self.homes.tree(self._parts(profile), AccessRules(profile), lambda part: _NoQuotas())

    def _write(self, storage: IStorage, path: Path) -> None:
        async def write() -> None:
            file = await storage.open_write(path)
            await file.write(b"12345")
            await file.commit()

        self.successResultOf(write())

    def _kind(self, storage: IStorage, path: Path) -> Kind:
        async def look() -> Entry:
            return await storage.stat(path)

        entry: Entry = self.successResultOf(look())
        return entry.kind

    def test_home_is_made(self) -> None:
        """The home of a first login is made, with the directories above it, and is found by the next."""
        for _ in range(2):
            self._tree(profile_of({"home": "/homes/{name}/files"}))
        self.assertIs(self._kind(self.root, ("homes", "alice", "files")), Kind.DIRECTORY)

    def test_home_is_the_root(self) -> None:
        """What a user stores is in the home, and nowhere else."""
        self._write(self._tree(profile_of()), ("a",))
        self.assertIs(self._kind(self.root, ("alice", "a")), Kind.FILE)

    def test_au18_no_home(self) -> None:
        """AU18: a name that cannot be that of a home has none, whoever has put it into the database."""
        self.failureResultOf(self.homes.parts(profile_of(name="../etc")), ConfigurationError)

    def test_mounts(self) -> None:
        """Folders of other storages are in the tree, and rights hold in them."""
        profile = profile_of({"mounts": ["/own=memory:a"]}, {"staff": {"mounts": ["/shared=memory:b"]}})
        tree = self._tree(profile)
        self._write(tree, ("own", "x"))
        self._write(tree, ("shared", "y"))
        self.assertIs(self._kind(self.others.storages["memory:a"], ("x",)), Kind.FILE)
        self.assertIs(self._kind(self.others.storages["memory:b"], ("y",)), Kind.FILE)
        forbidding = self._tree(profile_of({"mounts": ["/own=memory:a"], "rights": ["/own=look"]}))
        self.failureResultOf(forbidding.remove_file(("own", "x")), PermissionDenied)

    def test_parts(self) -> None:
        """A part says whose it is, and names the directory in the same way in everybody's tree."""
        groups = {"staff": {"mounts": ["/shared=memory:b"]}}
        home, own, shared = self._parts(profile_of({"mounts": ["/own=memory:a"]}, groups))
        self.assertEqual((home.at, home.place, home.group), ((), ("home", ("alice",)), None))
        self.assertEqual((own.at, own.group), (("own",), None))
        self.assertEqual(shared.group and shared.group.name, "staff")
        self.assertEqual(self._parts(profile_of({}, groups, name="bob"))[-1].place, shared.place)

    def test_charged(self) -> None:
        """A user is charged for the home and folders of the user; a group for its members' homes and its folders."""
        groups = {"staff": {"mounts": ["/shared=memory:b"]}}
        alice = profile_of({"mounts": ["/own=memory:a"]}, groups)
        bob = profile_of({}, groups, name="bob", user_id=2)
        owned = self.successResultOf(self.homes.charged_to_user(alice))
        self.assertEqual([part.at for part in owned], [("own",)])
        for profile in (alice, bob):
            self._parts(profile)
        owned = self.successResultOf(self.homes.charged_to_user(alice))
        self.assertEqual([part.at for part in owned], [(), ("own",)])
        group = alice.groups[0].id
        shared = self.successResultOf(self.homes.charged_to_group(group, [alice, bob]))
        self.assertEqual(
            [(part.place, names) for part, names in shared],
            [
                (("home", ("alice",)), ["alice"]),
                (("memory:b", ()), ["alice", "bob"]),
                (("home", ("bob",)), ["bob"]),
            ],
        )
