"""Groups in the database."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.database.groups import add_group, change_group, delete_group, find_group, list_groups, members
from ftpx.accounts.database.revision import current
from ftpx.accounts.database.schema import balances, group_items
from ftpx.accounts.database.users import add_user, find_profile
from ftpx.accounts.profile import Group
from ftpx.errors import AccountsCorrupt, ConfigurationError
from tests.accounts.database.test_users import HOSTILE
from tests.accounts.databases import DatabaseCase, OnPostgresql, OnSqlite


class GroupsContract(DatabaseCase):
    """Groups on every database."""

    def group(self, name: str) -> Group:
        """A group that is there."""
        group = self.read(find_group, name)
        assert group is not None
        return group

    def test_add_and_find(self) -> None:
        """What is said of groups is found again, by any spelling of the name."""
        id = self.write(add_group, "Staff", items={"quota": ["1Gi"], "rights": ["/a=look", "/b=none"]})
        self.write(add_group, "guests")
        staff = self.group("STAFF")
        self.assertEqual((staff.id, staff.name, staff.policy.quota), (id, "Staff", 2**30))
        self.assertEqual([group.name for group in self.read(list_groups)], ["guests", "Staff"])
        self.assertIsNone(self.read(find_group, "nobody"))

    def test_balance(self) -> None:
        """A group has a balance, that is to be counted."""
        id = self.write(add_group, "staff")
        rows = self.read(Connection.execute, select(balances.c.group_id, balances.c.recount_due)).all()
        self.assertEqual([tuple(row) for row in rows], [(id, True)])

    def test_au19_one_identity(self) -> None:
        """AU19: no two groups have names that differ by case or normal form only."""
        self.write(add_group, "\u00e9quipe")
        for name in ("\u00c9quipe", "e\u0301quipe"):
            self.assertRaises(ConfigurationError, self.write, add_group, name)

    def test_au16_names(self) -> None:
        """AU16: whatever the name of a group holds, it is only compared."""
        self.write(add_group, "staff")
        self.write(add_user, "alice")
        for name in HOSTILE:
            self.assertIsNone(self.read(find_group, name))
            for change in (members, delete_group, change_group):
                self.assertRaises(ConfigurationError, self.write, change, name)
            self.assertRaises(ConfigurationError, self.write, change_group, "staff", join=[name])
            self.assertRaises(ConfigurationError, self.write, change_group, "staff", items={"home": [name]})
        self.assertEqual([group.name for group in self.read(list_groups)], ["staff"])

    def test_members(self) -> None:
        """Users join and leave, once each."""
        self.write(add_group, "staff")
        for name in ("bob", "Alice", "carol"):
            self.write(add_user, name)
        self.write(change_group, "staff", join=["alice", "BOB", "bob"])
        self.write(change_group, "staff", join=["bob", "carol"], leave=["alice"])
        self.assertEqual(self.read(members, "Staff"), ["bob", "carol"])
        self.write(change_group, "staff", leave=["alice"])
        self.assertRaises(ConfigurationError, self.write, change_group, "staff", join=["nobody"])

    def test_change_items(self) -> None:
        """Items that are given are replaced, and the others stay."""
        self.write(add_group, "staff", items={"quota": ["5"], "sessions": ["3"]})
        self.write(change_group, "staff", items={"quota": ["6"]})
        self.assertEqual(self.group("staff").policy.texts(), {"quota": ("6",), "sessions": ("3",)})
        self.assertRaises(ConfigurationError, self.write, change_group, "staff", items={"quota": ["x"]})

    def test_delete(self) -> None:
        """A group in use is deleted, and those who were in it stay."""
        self.write(add_group, "staff", items={"quota": ["5"]})
        self.write(add_user, "alice", groups=["staff"])
        self.write(delete_group, "staff")
        profile = self.read(find_profile, "alice")
        assert profile is not None
        self.assertEqual(profile.groups, ())
        self.assertRaises(ConfigurationError, self.read, members, "staff")

    def test_revision(self) -> None:
        """Each change makes the number grow that servers look at."""
        for change in (add_group, change_group, delete_group):
            before = self.read(current)
            self.write(change, "staff")
            self.assertEqual(self.read(current), before + 1)

    def test_cr08(self) -> None:
        """CR08: a damaged item of a group shuts all of its members out."""
        id = self.write(add_group, "staff")
        self.write(add_user, "alice", groups=["staff"])
        row = {"group_id": id, "item": "quota", "place": 0, "value": "much"}
        self.write(Connection.execute, insert(group_items), [row])
        self.assertRaises(AccountsCorrupt, self.read, find_profile, "alice")
        self.assertRaises(AccountsCorrupt, self.read, find_group, "staff")


class SqliteGroupsTests(OnSqlite, GroupsContract, SynchronousTestCase):
    """On SQLite."""


class PostgresqlGroupsTests(OnPostgresql, GroupsContract, SynchronousTestCase):
    """On PostgreSQL."""
