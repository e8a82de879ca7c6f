"""Tests of `ftpx.accounts.pam`, with a PAM in memory; `tests.integration.test_pam` has the real one."""

from __future__ import annotations

import ctypes
import os
import pwd
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import attrs
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.pam import Pam, PamPasswords, SystemUser, Verdict, pam_passwords, system_user
from ftpx.errors import ConfigurationError, StorageUnavailable
from tests.accounts.doubles import log_events


@attrs.define
class AskedPam:
    """Says the same to everybody, and notes who was asked about."""

    code: int = 0
    asked: list[tuple[str, bytes, bytes]] = attrs.Factory(list)

    def ask(self, service: str, name: bytes, password: bytes) -> Verdict:
        """See `Pam`."""
        self.asked.append((service, name, password))
        return Verdict(self.code, "in words")


class PamTestCase(SynchronousTestCase):
    """A test with a folder of services."""

    def setUp(self) -> None:
        """There is a service ``ftpx``."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.service = self.folder / "ftpx"
        self.service.touch()
        self.pam = AskedPam()
        self.users: dict[bytes, SystemUser] = {b"alice": SystemUser(b"alice", 1000)}

    def passwords(self, service: str = "ftpx") -> PamPasswords:
        """The users of a service."""
        return PamPasswords(service, self.pam.ask, self.users.get, ["/nowhere", str(self.folder)])


class VerifyTests(PamTestCase):
    """Right and wrong."""

    def test_right(self) -> None:
        """PAM is asked about the octets that came, and what it says counts."""
        self.assertTrue(self.passwords().verify("zoë".encode(), b"\xff\x01 x "))
        self.assertEqual(self.pam.asked, [("ftpx", "zoë".encode(), b"\xff\x01 x ")])

    def test_refusals(self) -> None:
        """AU01: wrong, unknown, locked, expired: all are the same refusal."""
        for code in (6, 7, 10, 11, 12, 13, 16, 27):
            self.pam.code = code
            self.assertIs(self.passwords().verify(b"alice", b"x"), False, code)

    def test_no_answer(self) -> None:
        """Anything else is no word about the password; the operator is told, without the password."""
        events = log_events(self)
        for code in (1, 2, 3, 4, 5, 8, 9, 14, 19, 25, 26, 28, 99):
            self.pam.code = code
            self.assertRaises(StorageUnavailable, self.passwords().verify, b"alice", b"s3cr3t")
        self.assertEqual(len(events), 13)
        self.assertNotIn("s3cr3t", repr(events))

    def test_impossible(self) -> None:
        """PAM is not asked about what nobody can have, and never without a password."""
        for name, password in (
            (b"alice", b""),
            (b"", b"x"),
            (b"a\0", b"x"),
            (b"a\nb", b"x"),
            (b"ro\xffot", b"x"),
            (b"../root", b"x"),
            (b"-alice", b"x"),
            (b"a" * 65, b"x"),
            ("a\u202eb".encode(), b"x"),
        ):
            self.assertFalse(self.passwords().verify(name, password), name)
        self.assertEqual(self.pam.asked, [])

    def test_superuser(self) -> None:
        """The superuser never gets in, by whatever name; PAM is asked all the same, as for everybody."""
        self.users |= {b"root": SystemUser(b"root", 0), b"toor": SystemUser(b"toor", 0)}
        for name in (b"root", b"toor"):
            self.assertFalse(self.passwords().verify(name, b"x"))
        self.assertEqual(len(self.pam.asked), 2)

    def test_au19_spelling(self) -> None:
        """AU19: where the system takes two spellings for one user, only its own gets in."""
        self.users[b"ALICE"] = self.users[b"alice"]
        self.assertFalse(self.passwords().verify(b"ALICE", b"x"))
        self.assertTrue(self.passwords().verify(b"alice", b"x"))


class ServiceTests(PamTestCase):
    """The service must be one of its own."""

    def test_missing(self) -> None:
        """PAM would take "other" for a service that is not there, which could let everybody in."""
        error = self.assertRaises(ConfigurationError, self.passwords, "vsftpd")
        self.assertIn("/nowhere/vsftpd", str(error))

    def test_gone(self) -> None:
        """While its file is gone nobody can log in."""
        passwords = self.passwords()
        self.service.unlink()
        self.assertRaises(StorageUnavailable, passwords.verify, b"alice", b"x")
        self.assertEqual(self.pam.asked, [])

    def test_names(self) -> None:
        """A path is no service, and neither is what PAM would spell otherwise."""
        for name in ("", "../ftpx", "/etc/pam.d/ftpx", "FTPX", ".ftpx", "ftpx\n", "a b"):
            self.assertIn("no name of a service", str(self.assertRaises(ConfigurationError, self.passwords, name)))


class SystemUserTests(SynchronousTestCase):
    """Users of the operating system."""

    def test_find(self) -> None:
        """Who runs this is one; a name of nobody is none."""
        entry = pwd.getpwuid(os.getuid())
        self.assertEqual(system_user(entry.pw_name.encode()), SystemUser(entry.pw_name.encode(), entry.pw_uid))
        self.assertIsNone(system_user(b"no-such-user-here"))


class Authenticator:
    """What `Pam` uses of python-pam."""

    made: list[Authenticator] = []

    def __init__(self) -> None:
        self.made.append(self)
        self.items: list[int] = []
        self.flags = -1
        self.code, self.reason = 7, "wrong"

    def pam_set_item(self, handle: str, item: int, value: Any) -> int:
        """Note which; what is set as delay must be callable by the library."""
        self.items.append(item)
        ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)(value.value)(7, 2_000_000, None)
        return 0

    def pam_authenticate(self, handle: str, flags: int) -> int:
        """Note how."""
        self.flags = flags
        return 0

    def authenticate(self, *arguments: object, **options: object) -> bool:
        """Ask by the function that is in the attribute, as python-pam does."""
        self.asked = arguments, options
        self.code = self.pam_authenticate("handle", 0)
        return True


class LibraryTests(SynchronousTestCase):
    """How python-pam is used."""

    def setUp(self) -> None:
        """A stand-in for it."""
        Authenticator.made.clear()
        patcher = patch.dict(sys.modules, {"pam": SimpleNamespace(PamAuthenticator=Authenticator)})
        patcher.start()
        self.addCleanup(patcher.stop)

    def test_ask(self) -> None:
        """Accounts without a password are refused, and no credentials are set."""
        self.assertEqual(Pam().ask("ftpx", b"alice", b"x"), Verdict(0, "wrong"))
        asked = Authenticator.made[-1]
        self.assertEqual(asked.asked, ((b"alice", b"x", b"ftpx"), {"encoding": "latin-1", "resetcreds": False}))
        self.assertEqual(asked.flags, 0x8001)

    def test_au06_no_delay(self) -> None:
        """AU06: PAM does not sleep for a wrong password in a thread that others wait for."""
        Pam().ask("ftpx", b"alice", b"x")
        self.assertEqual(Authenticator.made[-1].items, [10])

    def test_missing(self) -> None:
        """Without the library, or without the system's, the error says what to install."""
        with patch.dict(sys.modules, {"pam": None}):
            error = self.assertRaises(ConfigurationError, pam_passwords, "")
        self.assertIn("pip install 'ftpx[pam]'", str(error))
        with patch.object(Authenticator, "__init__", side_effect=AttributeError("no pam_start")):
            self.assertRaises(ConfigurationError, pam_passwords, "")
