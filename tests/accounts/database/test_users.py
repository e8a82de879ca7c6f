"""Users in the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, delete, event, func, insert, select, text, update
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.database.groups import add_group, change_group
from ftpx.accounts.database.revision import current
from ftpx.accounts.database.schema import balances, metadata, user_items, users
from ftpx.accounts.database.users import (
    add_user,
    change_user,
    delete_user,
    find_for_login,
    find_profile,
    list_profiles,
    profile_by_id,
    profiles_by_id,
    replace_password,
    set_disabled,
    set_password,
    set_totp,
    use_totp,
)
from ftpx.accounts.policy import DirectoryRights
from ftpx.accounts.profile import Profile
from ftpx.errors import AccountsCorrupt, AccountsUnavailable, ConfigurationError
from ftpx.interfaces import Right
from tests.accounts.databases import DatabaseCase, OnPostgresql, OnSqlite
from tests.accounts.doubles import log_events

HOSTILE = (
    "' OR 1=1 --",
    "\\'",
    "%27",
    "x'||sleep(5)--",
    "x'||pg_sleep(5)--",
    "${}",
    '"; DROP TABLE users; --',
    "%n%s%x",
    "%(name)s",
    ":name",
    "?",
    "{0.__class__}",
    "x:)",
    "\x1b[2J",
    "\udcff\udcfe",
    "a\0b",
    "",
    ".",
    "..",
    "../../etc",
    "a/b",
    "x" * 5000,
    "\u0344" * 600,
)


def _due(connection: Connection) -> set[tuple[str, int]]:
    """Whose storage is to be counted again."""
    rows = connection.execute(select(balances.c.user_id, balances.c.group_id).where(balances.c.recount_due))
    return {("user", user) if user is not None else ("group", group) for user, group in rows}


def _counted(connection: Connection) -> None:
    connection.execute(update(balances).values(recount_due=False))


def _all(connection: Connection) -> list[Profile]:
    return list(list_profiles(connection))


class UsersContract(DatabaseCase):
    """Users on every database."""

    def profile(self, name: str) -> Profile:
        """A user who is there."""
        profile = self.read(find_profile, name)
        assert profile is not None
        return profile

    def test_add_and_find(self) -> None:
        """All that is said of a user is found again, the groups sorted by name."""
        for name, quota in (("zoo", "5"), ("Art", "7")):
            self.write(add_group, name, items={"quota": [quota]})
        items = {"quota": ["10G"], "rights": ["/pub=look", "/in=write"], "tls": ["yes"]}
        id = self.write(add_user, "Alice", password="$hash", totp="SECRET", items=items, groups=["zoo", "art"])
        profile = self.profile("alice")
        self.assertEqual(profile, self.read(profile_by_id, id))
        user = profile.user
        self.assertEqual((user.id, user.name, user.password, user.totp), (id, "Alice", "$hash", "SECRET"))
        self.assertEqual((user.disabled, user.policy.quota, user.policy.tls), (False, 10**10, True))
        self.assertEqual(
            user.policy.rights, (DirectoryRights(("pub",), Right.LOOK), DirectoryRights(("in",), Right.WRITE))
        )
        self.assertEqual([(group.name, group.policy.quota) for group in profile.groups], [("Art", 7), ("zoo", 5)])

    def test_nobody(self) -> None:
        """Who is not there is not found, by name or by id."""
        self.assertIsNone(self.read(find_profile, "alice"))
        self.assertIsNone(self.read(profile_by_id, 1))
        self.assertEqual(self.read(profiles_by_id, [1, 2]), {})

    def test_au19_one_identity(self) -> None:
        """AU19: all spellings of a name find one user, and nobody else can have another of them."""
        self.write(add_user, "Ren\u00e9")
        for name in ("ren\u00e9", "REN\u00c9", "rene\u0301", "RENE\u0301"):
            self.assertEqual(self.profile(name).user.name, "Ren\u00e9")
            self.assertRaises(ConfigurationError, self.write, add_user, name)
        for name in ("rene", "ren\u00e9.", "ren\u00e9 ", " ren\u00e9", "ren\u00e9\0", "ren\u00e9\u200b"):
            self.assertIsNone(self.read(find_profile, name))
        self.assertEqual(len(self.read(_all)), 1)

    def test_au02_same_queries(self) -> None:
        """AU02: a login asks the database the same, whether somebody has the name or not, and finds only that one."""
        names = ["bob", "carol"]
        for name in names:
            self.write(add_user, name, items={"quota": ["5"]})
        asked: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            asked.append(statement)

        event.listen(self.engine, "before_cursor_execute", note)
        seen = []
        for name in ("bob", "alice", "bobby", "a/b", "", "\udcff"):
            asked.clear()
            profile = self.read(find_for_login, name)
            self.assertEqual(profile is not None and profile.user.name, name in names and name)
            seen.append(tuple(asked))
        self.assertEqual(len(set(seen)), 1)
        self.assertIsNone(self.read(find_for_login, "zoe"))

    def test_au16_names(self) -> None:
        """AU16: whatever a name holds, it is only compared; it finds nobody, breaks nothing and changes nothing."""
        self.write(add_user, "alice")
        before = self.read(current)
        for name in HOSTILE:
            self.assertIsNone(self.read(find_profile, name))
            self.assertIsNone(self.read(find_for_login, name))
            for change in (set_password, set_totp, set_disabled):
                self.assertRaises(ConfigurationError, self.write, change, name, None)
            self.assertRaises(ConfigurationError, self.write, delete_user, name)
            self.assertRaises(ConfigurationError, self.write, change_user, "alice", groups=[name])
        self.assertEqual(self.read(current), before)
        self.assertEqual(self.profile("alice").user.name, "alice")

    def test_au16_values(self) -> None:
        """AU16: hashes and items that look like SQL are kept as they are, or refused."""
        for number, octets in enumerate(name for name in HOSTILE if name.isprintable()):
            self.write(add_user, f"user{number}", password=octets, totp=octets)
            self.assertEqual(self.profile(f"user{number}").user.password, octets)
        self.write(add_user, "alice")
        for octets in HOSTILE:
            try:
                self.write(change_user, "alice", items={"hidden": [octets]})
            except ConfigurationError:
                continue
            self.assertEqual(self.profile("alice").user.policy.hidden, (octets,))
        for octets in HOSTILE:
            self.assertRaises(ConfigurationError, self.write, change_user, "alice", items={"quota": [octets]})
            self.assertRaises(ConfigurationError, self.write, change_user, "alice", items={octets: ["1"]})

    def test_au18_names(self) -> None:
        """AU18: nobody is made whose name leads out of a home, or is none."""
        for name in (
            "../../etc",
            ".",
            "..",
            "a/b",
            "",
            "x\0y",
            "\u2024\u2024",
            "\uff0fetc",
            ".hidden",
            "-rf",
            "a\nb",
            "a\\b",
        ):
            self.assertRaises(ConfigurationError, self.write, add_user, name, items={"home": ["/srv/{name}"]})
        self.assertEqual(self.read(_all), [])

    def test_au18_homes(self) -> None:
        """AU18: no user gets a home that leads somewhere else, when made or changed."""
        self.write(add_user, "alice")
        for home in ("srv", "/../{name}", "/a/../{name}", "/srv/..", ""):
            self.assertRaises(ConfigurationError, self.write, add_user, "bob", items={"home": [home]})
            self.assertRaises(ConfigurationError, self.write, change_user, "alice", items={"home": [home]})
        self.assertEqual(self.profile("alice").home, ("alice",))
        self.assertIsNone(self.read(find_profile, "bob"))

    def test_change_items(self) -> None:
        """Items that are given are replaced or taken back, and the others stay."""
        self.write(add_user, "alice", items={"quota": ["5"], "hidden": ["*.a", "*.b"], "sessions": ["3"]})
        self.write(change_user, "ALICE", items={"quota": [], "hidden": ["*.c"], "transfers": ["2"]})
        policy = self.profile("alice").user.policy
        self.assertEqual(policy.texts(), {"hidden": ("*.c",), "sessions": ("3",), "transfers": ("2",)})

    def test_wrong_items(self) -> None:
        """Of a change of which something is wrong, nothing is done."""
        self.write(add_user, "alice", items={"quota": ["5"]})
        for items in ({"quota": ["x"]}, {"quota": ["1", "2"]}, {"nothing": ["1"]}, {"hidden": ["\udcff"]}):
            self.assertRaises(ConfigurationError, self.write, change_user, "alice", items={"sessions": ["1"], **items})
        self.assertEqual(self.profile("alice").user.policy.texts(), {"quota": ("5",)})

    def test_groups(self) -> None:
        """The groups that are given replace those before; nothing given leaves them."""
        for name in ("a", "b", "c"):
            self.write(add_group, name)
        self.write(add_user, "alice", groups=["a", "b", "A"])
        self.write(change_user, "alice", items={"quota": ["5"]})
        self.assertEqual([group.name for group in self.profile("alice").groups], ["a", "b"])
        self.write(change_user, "alice", groups=["C"])
        self.assertEqual([group.name for group in self.profile("alice").groups], ["c"])
        self.assertRaises(ConfigurationError, self.write, change_user, "alice", groups=["nothing"])

    def test_password_and_secret(self) -> None:
        """A new password or secret counts as one; the same password hashed anew does not."""
        id = self.write(add_user, "alice", password="one")
        self.write(set_password, "alice", "two")
        self.write(set_totp, "alice", "SECRET")
        user = self.profile("alice").user
        self.assertEqual((user.password, user.totp, user.credentials), ("two", "SECRET", 2))
        before = self.read(current)
        self.assertFalse(self.write(replace_password, id, "one", "other"))
        self.assertTrue(self.write(replace_password, id, "two", "renewed"))
        user = self.profile("alice").user
        self.assertEqual((user.password, user.credentials, self.read(current)), ("renewed", 2, before))

    def test_totp_once(self) -> None:
        """The one-time password of a step is used once, and none of a step before it any more."""
        id = self.write(add_user, "alice", totp="SECRET")
        used = [self.write(use_totp, id, step) for step in (100, 100, 99, 101, 101)]
        self.assertEqual(used, [True, False, False, True, False])
        self.write(set_totp, "alice", "OTHER")
        self.assertTrue(self.write(use_totp, id, 100))

    def test_disabled(self) -> None:
        """A user is disabled and enabled again."""
        self.write(add_user, "alice")
        for disabled in (True, False):
            self.write(set_disabled, "alice", disabled)
            self.assertEqual(self.profile("alice").user.disabled, disabled)

    def test_delete(self) -> None:
        """Nothing in any table is left of a user who was deleted, and the name is free."""
        self.write(add_group, "g")
        self.write(delete_user, "alice") if self.write(
            add_user, "alice", items={"quota": ["5"]}, groups=["g"]
        ) else None
        self.assertIsNone(self.read(find_profile, "alice"))
        self.assertEqual(self.read(_row_counts), {"groups": 1, "balances": 1, "revision": 1})
        self.write(add_user, "alice")
        self.assertEqual(self.profile("alice").user.policy.texts(), {})

    def test_list(self) -> None:
        """All users are listed by name, also those of more than one page."""
        names = [f"user{number:03}" for number in range(450)]
        rows = [{"name": name, "identity": name} for name in reversed(names)]
        self.write(Connection.execute, insert(users), rows)
        self.write(change_user, "user449", items={"quota": ["5"]})
        found = self.read(_all)
        self.assertEqual([profile.user.name for profile in found], names)
        self.assertEqual(found[-1].user.policy.quota, 5)
        ids = [profile.user.id for profile in found]
        self.assertEqual(len(self.read(profiles_by_id, [*ids, 10**9])), 450)

    def test_revision(self) -> None:
        """Each change of an operator makes the number grow that servers look at."""
        changes: list[Callable[[Connection], Any]] = [
            lambda connection: add_user(connection, "alice"),
            lambda connection: change_user(connection, "alice", items={"quota": ["5"]}),
            lambda connection: set_password(connection, "alice", "hash"),
            lambda connection: set_totp(connection, "alice", "SECRET"),
            lambda connection: set_disabled(connection, "alice", True),
            lambda connection: delete_user(connection, "alice"),
        ]
        for change in changes:
            before = self.read(current)
            self.write(change)
            self.assertEqual(self.read(current), before + 1)

    def test_recount(self) -> None:
        """What is stored is counted again when it is asked for in another way."""
        group = self.write(add_group, "g")
        id = self.write(add_user, "alice", groups=["g"])
        self.assertEqual(self.read(_due), {("user", id), ("group", group)})
        for change, due in (
            ({"items": {"sessions": ["5"]}}, set()),
            ({"items": {"quota": ["5"]}}, {("user", id), ("group", group)}),
            ({"items": {"home": ["/h/{name}"]}}, {("user", id), ("group", group)}),
            ({"groups": []}, {("user", id), ("group", group)}),
            ({"items": {"quota_files": ["5"]}}, {("user", id)}),
        ):
            self.write(_counted)
            self.write(change_user, "alice", **change)
            self.assertEqual(self.read(_due), due, change)
        self.write(_counted)
        self.write(change_group, "g", items={"mounts": ["/m=memory:"]}, join=["alice"])
        self.assertEqual(self.read(_due), {("user", id), ("group", group)})
        self.write(_counted)
        self.write(delete_user, "alice")
        self.assertEqual(self.read(_due), {("group", group)})

    def damage(self, item: str, value: object) -> None:
        """Break an item of a user by hand."""
        self.write(_replace_item, {"user_id": self.alice, "item": item, "place": 0, "value": value})

    def test_cr08_items(self) -> None:
        """CR08: an item that is damaged shuts the user out, is logged with the name, and can be repaired."""
        self.alice = self.write(add_user, "alice")
        other = self.write(add_user, "bob")
        for item, value in (
            ("quota", "-1"),
            ("quota", ""),
            ("quota", "NULL"),
            ("quota", "unlimited"),
            ("quota", "99999999999999999999"),
            ("sessions", "one"),
            ("expires", "never"),
            ("addresses", "everywhere"),
            ("qouta", "5"),
        ):
            self.damage(item, value)
            events = log_events(self)
            error = self.assertRaises(AccountsCorrupt, self.read, find_profile, "alice")
            self.assertIsInstance(error, AccountsUnavailable)
            self.assertIn("alice", events[0]["error"])
            self.assertIn(item, events[0]["error"])
            found = self.read(profiles_by_id, [self.alice, other])
            self.assertIsInstance(found[self.alice], AccountsCorrupt)
            self.assertIsInstance(found[other], Profile)
        self.damage("quota", "broken")
        self.write(change_user, "alice", items={"quota": ["5"]})
        self.assertEqual(self.profile("alice").user.policy.quota, 5)

    def test_cr08_twice(self) -> None:
        """CR08: an item that takes one value and has two is damaged, too."""
        self.alice = self.write(add_user, "alice", items={"quota": ["5"]})
        row = {"user_id": self.alice, "item": "quota", "place": 1, "value": "6"}
        self.write(Connection.execute, insert(user_items), [row])
        self.assertRaises(AccountsCorrupt, self.read, find_profile, "alice")

    def test_cr08_name(self) -> None:
        """CR08: a name that was changed by hand belongs to nobody."""
        self.write(add_user, "alice")
        self.write(_set, "name", "root")
        self.assertRaises(AccountsCorrupt, self.read, find_profile, "alice")
        self.assertIsNone(self.read(find_profile, "root"))


def _replace_item(connection: Connection, row: dict[str, object]) -> None:
    connection.execute(delete(user_items))
    connection.execute(insert(user_items), [row])


def _set(connection: Connection, column: str, value: object) -> None:
    connection.execute(text(f"UPDATE users SET {column} = :value"), {"value": value})


def _row_counts(connection: Connection) -> dict[str, int]:
    counts = {table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in _TABLES}
    return {name: count for name, count in counts.items() if count}


_TABLES = metadata.sorted_tables


class SqliteUsersTests(OnSqlite, UsersContract, SynchronousTestCase):
    """On SQLite."""

    def test_cr08_types(self) -> None:
        """CR08: SQLite keeps octets and numbers in any column; they are no text."""
        self.alice = self.write(add_user, "alice")
        for octets in (b"5", b"\xff"):
            self.damage("quota", octets)
            self.assertRaises(AccountsCorrupt, self.read, find_profile, "alice")
        self.damage("quota", "5")
        for column, value in (("password", b"x"), ("totp", b"x"), ("disabled", "maybe"), ("disabled", b"")):
            self.write(_set, column, value)
            self.assertRaises(AccountsCorrupt, self.read, find_profile, "alice")
            self.write(_set, column, 0 if column == "disabled" else None)
        self.assertEqual(self.profile("alice").user.policy.quota, 5)


class PostgresqlUsersTests(OnPostgresql, UsersContract, SynchronousTestCase):
    """On PostgreSQL."""
