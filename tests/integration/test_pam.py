"""Logins by the real PAM: services of the test's own, with users of the test's own."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ftpx.accounts.pam import PamPasswords, pam_passwords
from ftpx.errors import StorageUnavailable
from tests.integration.control import Control
from tests.integration.server import FtpxServer

_SERVICES = Path("/etc/pam.d")
_MODULE = "pam_pwdfile.so"
_MODULE_FOLDERS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
PASSWORD = "open-sesame"
HASH = "$6$rounds=1000$saltsalt$DrjWAO/MPesqcpu8YFKGSFbzMeH6hOVfdV5i4kx7.OoZAZoHcjYsZmqGdmGY4v81mC7lKO/0Bf2HPb4f8fHJI0"
# Users, and those among them whose accounts are locked.
USERS = ("alice", "Zoë", "lou", "root")
LOCKED = "lou"
_SERVICE = """\
auth required pam_pwdfile.so pwdfile={folder}/users
account required pam_listfile.so item=user sense=deny file={folder}/locked onerr=fail
"""


def _has_module() -> bool:
    return any(
        found
        for folder in _MODULE_FOLDERS
        for found in (*Path(folder).glob(f"security/{_MODULE}"), *Path(folder).glob(f"*/security/{_MODULE}"))
    )


class PamTestCase(unittest.TestCase):
    """A test with a service of PAM that is gone afterwards."""

    def setUp(self) -> None:
        """:raises unittest.SkipTest: this user may not make a service, or PAM's module is not installed."""
        if not os.access(_SERVICES, os.W_OK):
            raise unittest.SkipTest("only root can make a PAM service")
        if not _has_module():
            raise unittest.SkipTest(f"{_MODULE} is not installed")
        self.folder = Path(tempfile.mkdtemp(prefix="ftpx-pam-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.users = self.folder / "users"
        self.users.write_text("".join(f"{name}:{HASH}\n" for name in USERS), encoding="utf-8")
        (self.folder / "locked").write_text(f"{LOCKED}\n")
        self.service = _SERVICES / f"ftpx-test-{secrets.token_hex(8)}"
        self.addCleanup(self.service.unlink, missing_ok=True)
        self.service.write_text(_SERVICE.format(folder=self.folder))

    def passwords(self) -> PamPasswords:
        """The users of the service."""
        return pam_passwords(self.service.name)


class VerifyTests(PamTestCase):
    """What PAM says."""

    def test_right_and_wrong(self) -> None:
        """Users get in by their passwords; wrong ones and unknown users are refused."""
        passwords = self.passwords()
        for name in ("alice", "Zoë"):
            self.assertTrue(passwords.verify(name.encode(), PASSWORD.encode()))
        for name, password in (("alice", "wrong"), ("alice", ""), ("Alice", PASSWORD), ("mallory", PASSWORD)):
            self.assertFalse(passwords.verify(name.encode(), password.encode()), (name, password))

    def test_locked(self) -> None:
        """PAM's account management counts: who is locked is refused with the right password."""
        self.assertFalse(self.passwords().verify(LOCKED.encode(), PASSWORD.encode()))

    def test_superuser(self) -> None:
        """The superuser is refused although PAM would let them in."""
        self.assertFalse(self.passwords().verify(b"root", PASSWORD.encode()))

    def test_au16_names(self) -> None:
        """AU16: names that could mean something to a module get nobody in."""
        passwords = self.passwords()
        for name in (
            b"alice:",
            b"alice\nroot",
            b"alice\0root",
            b"../alice",
            b"%s%n",
            b"alice ",
            b" alice",
            b"*",
            b"\xff",
        ):
            self.assertFalse(passwords.verify(name, PASSWORD.encode()), name)

    def test_many_threads(self) -> None:
        """Many may ask at once."""
        passwords = self.passwords()
        asked = [(name, password) for name in (b"alice", b"mallory") for password in (PASSWORD.encode(), b"x")] * 25
        with ThreadPoolExecutor(8) as pool:
            said = list(pool.map(lambda pair: passwords.verify(*pair), asked))
        self.assertEqual(said, [True, False, False, False] * 25)


class UnavailableTests(PamTestCase):
    """What is no answer about a password."""

    def assert_unavailable(self, passwords: PamPasswords) -> None:
        """It cannot be told now."""
        with self.assertRaises(StorageUnavailable):
            passwords.verify(b"alice", PASSWORD.encode())

    def test_users_gone(self) -> None:
        """A module that cannot read its users says so."""
        passwords = self.passwords()
        self.users.unlink()
        self.assert_unavailable(passwords)

    def test_broken_service(self) -> None:
        """A service with a module that does not exist cannot answer."""
        passwords = self.passwords()
        self.service.write_text("auth required pam_of_nobody.so\naccount required pam_of_nobody.so\n")
        self.assert_unavailable(passwords)

    def test_service_gone(self) -> None:
        """A service that was removed is not replaced by that of all others."""
        passwords = self.passwords()
        self.service.unlink()
        self.assert_unavailable(passwords)


class LoginTests(PamTestCase):
    """The server with ``--auth pam:``."""

    def answer(self, server: FtpxServer, user: str, password: str) -> tuple[int, str]:
        """What the server says to a login."""
        with Control((server.host, server.port)) as control:
            control.expect_reply(220)
            control.expect(f"USER {user}", 331)
            reply = control.command(f"PASS {password}")
            return reply.code, reply.text

    def test_au01_same_reply(self) -> None:
        """AU01: who PAM knows gets in; wrong, unknown and locked read the same, and no password is in the log."""
        server = FtpxServer().start("--auth", f"pam:{self.service.name}")
        self.addCleanup(server.stop)
        self.assertEqual(self.answer(server, "alice", PASSWORD)[0], 230)
        answers = {
            self.answer(server, user, password)
            for user, password in (("alice", "wrong-one"), ("mallory", PASSWORD), (LOCKED, PASSWORD))
        }
        self.assertEqual(answers, {(530, "530 Login incorrect.")})
        self.users.unlink()
        self.assertEqual(self.answer(server, "alice", PASSWORD), (530, "530 Nobody can log in now; try again later."))
        self.assertNotIn(PASSWORD, server.log)
        self.assertNotIn("wrong-one", server.log)
