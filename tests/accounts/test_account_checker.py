"""Logins with the passwords of the accounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pyotp
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from ftpx.accounts.account_checker import AccountChecker
from ftpx.accounts.checkers import MAXIMUM_PASSWORD
from ftpx.accounts.database.connection import Database
from ftpx.accounts.database.users import add_user, change_user, find_profile, set_disabled, set_password
from ftpx.accounts.settings import Settings
from ftpx.accounts.totp import new_secret
from ftpx.errors import AccountsUnavailable, StorageUnavailable
from ftpx.interfaces import IWorkerPool
from ftpx.testing.pool import FaultyPool, InlinePool
from tests.accounts.database.test_users import HOSTILE
from tests.accounts.databases import DatabaseCase, OnPostgresql, OnSqlite
from tests.accounts.doubles import FullPool, ask, log_events


@attrs.define
class ClearHashes:
    """Hashes of the form ``COST=PASSWORD`` that note what was done."""

    done: list[tuple[str, object]] = attrs.Factory(list)
    meanwhile: Callable[[], object] = lambda: None

    def hash(self, password: bytes, settings: Settings) -> str:
        """The password behind the cost of now."""
        self.done.append(("hash", settings.argon2_time_cost))
        self.meanwhile()
        return f"{settings.argon2_time_cost}={password.decode('latin-1')}"

    def verify(self, stored: str | None, password: bytes, settings: Settings) -> bool:
        """Compare, and note the cost."""
        self.done.append(("verify", settings.argon2_time_cost if stored is None else int(stored.partition("=")[0])))
        return stored is not None and stored.partition("=")[2] == password.decode("latin-1")

    def is_outdated(self, stored: str, settings: Settings) -> bool:
        """Whether the cost has risen."""
        return int(stored.partition("=")[0]) < settings.argon2_time_cost


@implementer(IWorkerPool)
class FailingPool(InlinePool):
    """A pool that takes so many calls and refuses the others."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self.left = calls

    def run(self, function: Callable[..., Any], *arguments: object, discard: Any = None) -> Deferred[Any]:
        """Make the call, or refuse it."""
        self.left -= 1
        if self.left < 0:
            return fail(StorageUnavailable("too many calls are waiting"))
        return super().run(function, *arguments)


class AccountCheckerContract(DatabaseCase):
    """`AccountChecker` on every database."""

    def setUp(self) -> None:
        """Nobody is there."""
        super().setUp()
        self.hashes = ClearHashes()
        self.settings = Settings()
        self.secret = new_secret()
        self.clock.advance(1_800_000_000)
        self.checker = self.check_with(InlinePool())

    def check_with(self, pool: Any) -> AccountChecker:
        """A checker that hashes in a pool."""
        return AccountChecker(self.database, self.hashes, pool, self.clock.seconds, lambda: self.settings)

    def code(self, ahead: float = 0) -> str:
        """The one-time password of now, or of so many seconds later."""
        return pyotp.TOTP(self.secret).at(int(self.clock.seconds() + ahead))

    def granted(self, name: str | bytes, password: str | bytes) -> str | None:
        """Who is let in; any error but a refusal fails the test."""
        answer = ask(self.checker, name, password)
        if isinstance(answer.result, bytes):
            return str(self.successResultOf(answer), "utf-8")
        refusal = self.failureResultOf(answer, UnauthorizedLogin)
        self.assertEqual(refusal.value.args, ())
        return None

    def test_contract(self) -> None:
        """It is a checker of names and passwords, whose repr shows nothing."""
        verifyObject(ICredentialsChecker, self.checker)
        self.assertEqual(repr(self.checker), "AccountChecker()")

    def test_password(self) -> None:
        """The right password lets in, and no other."""
        self.write(add_user, "alice", password="2=secret")
        self.assertEqual(self.granted("alice", "secret"), "alice")
        for password in ("", "Secret", "secret ", "secret123456", "2=secret"):
            self.assertIsNone(self.granted("alice", password))

    def test_au19_canonical_name(self) -> None:
        """AU19: whoever logs in by another spelling is the user of the database, by the name that is there."""
        self.write(add_user, "Ren\u00e9", password="2=secret")
        for name in ("ren\u00e9", "REN\u00c9", "rene\u0301"):
            self.assertEqual(self.granted(name, "secret"), "Ren\u00e9")
        for name in ("rene", "ren\u00e9.", "ren\u00e9 ", "ren\u00e9\0"):
            self.assertIsNone(self.granted(name, "secret"))

    def test_au01_same_refusal(self) -> None:
        """AU01: unknown, disabled, without password, damaged and wrong are refused alike, each after one hash."""
        for name in ("alice", "disabled", "damaged"):
            self.write(add_user, name, password="2=secret")
        self.write(add_user, "elsewhere")
        self.write(set_disabled, "disabled", True)
        self.write(add_user, "full", password="2=secret", items={"quota": ["0"]})
        self.write(_damage, "damaged")
        for name, password in (
            ("alice", "wrong"),
            ("nobody", "secret"),
            ("a/b", "secret"),
            ("", ""),
            ("disabled", "secret"),
            ("disabled", "wrong"),
            ("elsewhere", "secret"),
            ("elsewhere", ""),
            ("damaged", "secret"),
            ("full", "wrong"),
        ):
            self.hashes.done.clear()
            self.assertIsNone(self.granted(name, password), name)
            # AU02: of one cost.
            self.assertEqual(self.hashes.done, [("verify", 2)], name)

    def test_au08_long_password(self) -> None:
        """AU08: a password over the limit, or with an octet 0, is never right and only a short one is worked on."""
        self.write(add_user, "alice", password="2=" + "x" * MAXIMUM_PASSWORD)
        self.write(add_user, "short", password="2=\x01")
        self.assertEqual(self.granted("alice", "x" * MAXIMUM_PASSWORD), "alice")
        for name, password in (
            ("alice", b"x" * (MAXIMUM_PASSWORD + 1)),
            ("short", b"\x01" * 2**20),
            ("short", b"\x01\0"),
        ):
            self.assertIsNone(self.granted(name, password))

    def test_au16_injection(self) -> None:
        """AU16: whatever name and password hold, they are only compared, and refused."""
        self.write(add_user, "alice", password="2=secret")
        for text in HOSTILE:
            octets = text.encode("utf-8", "surrogateescape")
            self.assertIsNone(self.granted(octets, "secret"))
            self.assertIsNone(self.granted(b"alice" + octets, "secret") if octets else None)
            self.assertIsNone(self.granted("alice", octets))
        self.assertEqual(self.granted("alice", "secret"), "alice")

    def test_renewed(self) -> None:
        """When the parameters have risen, a login hashes the password anew, once, and servers need not follow."""
        self.write(add_user, "alice", password="2=secret", totp=self.secret)
        self.settings = Settings(argon2_time_cost=5)
        self.assertIsNone(self.granted("alice", "wrong" + self.code()))
        self.assertEqual(self.granted("alice", "secret" + self.code()), "alice")
        profile = self.read(find_profile, "alice")
        assert profile is not None
        self.assertEqual((profile.user.password, profile.user.credentials), ("5=secret", 0))
        self.clock.advance(30)
        self.assertEqual(self.granted("alice", "secret" + self.code()), "alice")
        self.assertEqual([what for what, _ in self.hashes.done].count("hash"), 1)

    def test_renewing_fails(self) -> None:
        """A login goes on if its password cannot be hashed anew, whatever the reason."""
        self.write(add_user, "alice", password="1=secret")
        self.checker = self.check_with(FailingPool(1))
        self.assertEqual(self.granted("alice", "secret"), "alice")
        self.checker = self.check_with(InlinePool())
        self.hashes.meanwhile = _run_out
        self.assertEqual(self.granted("alice", "secret"), "alice")
        self.assertEqual(len(self.flushLoggedErrors(MemoryError)), 1)

    def test_renewing_loses(self) -> None:
        """A password that an operator changes meanwhile is not undone by the old one, hashed anew."""
        self.write(add_user, "alice", password="1=secret")
        self.hashes.meanwhile = lambda: self.write(set_password, "alice", "2=other")
        self.assertEqual(self.granted("alice", "secret"), "alice")
        self.assertIsNone(self.granted("alice", "secret"))
        self.assertEqual(self.granted("alice", "other"), "alice")

    def test_totp(self) -> None:
        """With a secret, password and one-time password are both needed, and each of the latter works once."""
        self.write(add_user, "alice", password="2=secret", totp=self.secret)
        code = self.code()
        for password in (
            "secret",
            code,
            "secret" + self.code(90),
            "wrong" + code,
            code + "secret",
            "secret" + code[:5],
        ):
            self.assertIsNone(self.granted("alice", password))
        self.assertEqual(self.granted("alice", "secret" + code), "alice")
        self.assertIsNone(self.granted("alice", "secret" + code))
        self.clock.advance(30)
        self.assertIsNone(self.granted("alice", "secret" + code))
        self.assertEqual(self.granted("alice", "secret" + self.code()), "alice")

    def test_totp_window(self) -> None:
        """The step before and the next one are taken, but none before one that was used."""
        self.write(add_user, "alice", password="2=secret", totp=self.secret)
        before, now, behind = (self.code(ahead) for ahead in (-30, 0, 30))
        self.assertEqual(self.granted("alice", "secret" + before), "alice")
        self.assertEqual(self.granted("alice", "secret" + behind), "alice")
        self.assertIsNone(self.granted("alice", "secret" + now))

    def test_totp_same_work(self) -> None:
        """AU02: a wrong one-time password costs the one hash that a wrong password costs."""
        self.write(add_user, "alice", password="2=secret", totp=self.secret)
        for password in ("secret000000", "wrong" + self.code(), "secret", "wrong"):
            self.hashes.done.clear()
            if password != "secret" + self.code():
                self.assertIsNone(self.granted("alice", password))
            self.assertEqual(self.hashes.done, [("verify", 2)])

    def test_totp_damaged(self) -> None:
        """CR08: with a secret that is damaged nobody gets in, rather than without one."""
        for number, secret in enumerate(("", "damaged", "1")):
            self.write(add_user, f"user{number}", password="2=secret", totp=secret)
            for password in ("secret", "secret" + self.code(), "secret000000"):
                self.assertIsNone(self.granted(f"user{number}", password))

    def test_au07_full_pool(self) -> None:
        """AU07: if too many hashes wait already, that is no wrong password."""
        self.write(add_user, "alice", password="2=secret")
        for name in ("alice", "nobody"):
            self.failureResultOf(ask(self.check_with(FullPool()), name, "secret"), StorageUnavailable)

    def test_cr07_unavailable(self) -> None:
        """CR07: while the database does not answer nobody gets in, nothing is hashed, and it is no wrong password."""
        self.write(add_user, "alice", password="2=secret")
        pool = FaultyPool()
        pool.faults["perform"] = StorageUnavailable()
        away = Database(self.engine, pool, self.clock)
        checker = attrs.evolve(self.checker, database=away)
        for name in ("alice", "nobody"):
            self.failureResultOf(ask(checker, name, "secret"), AccountsUnavailable)
        self.assertEqual(self.hashes.done, [])
        pool.faults.clear()
        self.assertEqual(self.successResultOf(ask(checker, "alice", "secret")), b"alice")

    def test_il04_nothing_told(self) -> None:
        """IL04: neither the log nor an error says anything of a password."""
        self.write(add_user, "alice", password="2=s3cr3t")
        events = log_events(self)
        self.granted("alice", "s3cr3t!")
        failure = self.failureResultOf(maybeDeferred(ask, self.checker, "alice", b"s3cr3t\xff"), UnauthorizedLogin)
        self.assertNotIn("s3cr3t", str(failure.value) + repr(events))


def _run_out() -> None:
    raise MemoryError


def _damage(connection: Any, name: str) -> None:
    change_user(connection, name, items={"quota": ["5"]})
    connection.exec_driver_sql("UPDATE user_items SET value = 'much' WHERE value = '5'")


class SqliteAccountCheckerTests(OnSqlite, AccountCheckerContract, SynchronousTestCase):
    """On SQLite."""


class PostgresqlAccountCheckerTests(OnPostgresql, AccountCheckerContract, SynchronousTestCase):
    """On PostgreSQL."""
