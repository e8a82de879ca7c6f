"""Tests of `ftpx.accounts.password_file`."""

from __future__ import annotations

import os
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts import password_file
from ftpx.accounts.password_file import clear_passwords_file, parse
from ftpx.errors import ConfigurationError, StorageUnavailable
from tests.accounts.doubles import log_events, temporary_path


def no_fault(secret: bytes) -> None:
    """Every secret will do."""


class ParseTests(SynchronousTestCase):
    """The text of a password file."""

    def test_lines(self) -> None:
        """Comments and empty lines are skipped; what stands behind the first colon is the password, as it is."""
        content = "\ufeff# users\r\n\r\n   \nalice:a:b # c \nzoë: pä ss\r\nlast:1".encode()
        entries, faults = parse(content, no_fault)
        self.assertEqual(entries, {b"alice": b"a:b # c ", "zoë".encode(): " pä ss".encode(), b"last": b"1"})
        self.assertEqual(faults, [])

    def test_faults(self) -> None:
        """IL04: a wrong line is named by its number, never quoted, and the others count."""
        content = b"s3cr3t\n:s3cr3t\nalice:\nbob:1\nbob:s3cr3t\neve:bad\n"
        entries, faults = parse(content, lambda secret: "no good" if secret == b"bad" else None)
        self.assertEqual(entries, {b"bob": b"1"})
        self.assertEqual(
            [fault.split(":")[0].split(" is")[0].split(" names")[0] for fault in faults],
            ["line 1", "line 2", "line 3", "line 5", "line 6"],
        )
        self.assertNotIn("s3cr3t", repr(faults))

    @given(st.binary(max_size=200))
    def test_anything(self, content: bytes) -> None:
        """Any octets parse, and no entry is without name or secret."""
        entries, _ = parse(content, no_fault)
        for name, secret in entries.items():
            self.assertTrue(name and secret)
            self.assertNotIn(b"\n", name + secret)

    @given(
        st.dictionaries(
            st.text(st.characters(exclude_characters=":\n\r\ufeff", codec="utf-8"), min_size=1).filter(
                lambda name: not name.startswith("#")
            ),
            st.text(st.characters(exclude_characters="\n\r", codec="utf-8"), min_size=1),
        )
    )
    def test_round_trip(self, users: dict[str, str]) -> None:
        """Any UTF-8 name without a colon and any UTF-8 password can be had."""
        content = "".join(f"{name}:{secret}\n" for name, secret in users.items()).encode()
        entries, faults = parse(content, no_fault)
        self.assertEqual(entries, {name.encode(): secret.encode() for name, secret in users.items()})
        self.assertEqual(faults, [])


class PasswordFileTests(SynchronousTestCase):
    """A file that changes while the server runs."""

    def setUp(self) -> None:
        """A file of one user, and an ear on the log."""
        self.path = temporary_path(self)
        self.path.write_text("alice:secret\n")
        self.events = log_events(self)

    def rewrite(self, content: bytes) -> None:
        """Replace the file by another one."""
        other = self.path.with_suffix(".new")
        other.write_bytes(content)
        other.replace(self.path)

    def test_read_again(self) -> None:
        """A user who was added gets in, one who was removed does not, and a changed password counts at once."""
        users = clear_passwords_file(str(self.path))
        self.assertTrue(users.verify(b"alice", b"secret"))
        self.rewrite(b"bob:hunter2\ncarol:new")
        self.assertTrue(users.verify(b"bob", b"hunter2"))
        self.assertFalse(users.verify(b"alice", b"secret"))

    def test_not_read_without_need(self) -> None:
        """A file that has not changed is not opened again."""
        users = clear_passwords_file(str(self.path))
        with patch.object(password_file, "_open_at_once", side_effect=AssertionError):
            self.assertTrue(users.verify(b"alice", b"secret"))

    def test_gone(self) -> None:
        """While the file is away nobody is told right or wrong; when it is back it counts again."""
        users = clear_passwords_file(str(self.path))
        aside = self.path.with_suffix(".aside")
        self.path.rename(aside)
        self.assertRaises(StorageUnavailable, users.verify, b"alice", b"secret")
        self.assertIn("cannot be read", self.events[-1]["log_format"])
        aside.rename(self.path)
        self.assertTrue(users.verify(b"alice", b"secret"))

    def test_fault_later(self) -> None:
        """IL04: a line that got wrong meanwhile is left out and logged once, without being quoted."""
        users = clear_passwords_file(str(self.path))
        self.rewrite(b"alice:secret\ns3cr3t\n")
        for _ in range(2):
            self.assertTrue(users.verify(b"alice", b"secret"))
        self.assertEqual([event["first"] for event in self.events], ["line 2 is not of the form NAME:PASSWORD"])
        self.assertNotIn("s3cr3t", repr(self.events))

    def test_other_directory(self) -> None:
        """A relative path means the same file after the server has changed its directory."""
        users = clear_passwords_file(os.path.relpath(self.path))
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir("/")
        self.rewrite(b"alice:other")
        self.assertTrue(users.verify(b"alice", b"other"))

    def refused(self, path: str) -> str:
        """The sentence that a path is refused with."""
        text = str(self.assertRaises(ConfigurationError, clear_passwords_file, path))
        self.assertNotIn("\n", text)
        return text

    def test_unusable(self) -> None:
        """What cannot be a password file is an error that says so: none, missing, a directory, a wrong line."""
        self.assertIn("wants the path", self.refused(""))
        self.assertIn("No such file", self.refused(str(self.path) + ".missing"))
        self.assertIn("Is a directory", self.refused(str(self.path.parent)))
        self.path.write_text("alice:secret\ns3cr3t\n")
        self.assertIn("line 2", self.refused(str(self.path)))
        self.assertNotIn("s3cr3t", self.refused(str(self.path)))

    def test_unreadable(self) -> None:
        """A file that may not be read is an error with the reason."""
        with patch("os.open", side_effect=PermissionError(13, "Permission denied")):
            self.assertIn("Permission denied", self.refused(str(self.path)))

    def test_fifo(self) -> None:
        """A FIFO is refused at once instead of waited for."""
        self.path.unlink()
        os.mkfifo(self.path)
        self.assertIn("not a regular file", self.refused(str(self.path)))

    def test_too_large(self) -> None:
        """A file over the limit is refused, not read into memory."""
        os.truncate(self.path, password_file.MAXIMUM_FILE + 1)
        self.assertIn("larger than 16 MiB", self.refused(str(self.path)))
