"""Tests of ftpx.storage.encrypted.keys."""

# mypy: allow-untyped-calls

from __future__ import annotations

import base64
import os

from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import ConfigurationError, StorageFailure
from ftpx.storage.encrypted.keys import KeyRing, keys_from_environment, keys_from_file
from ftpx.storage.encrypted.layout import Ending
from tests.storage.directories import new_directory
from tests.storage.encrypted.keyed import KEY, OTHER_KEY, Counted


class KeyFileTests(SynchronousTestCase):
    """Files with keys."""

    def write(self, text: str | bytes, mode: int = 0o600) -> str:
        """A file of keys."""
        path = os.path.join(new_directory(self), "keys")
        with open(path, "wb") as file:
            file.write(text.encode() if isinstance(text, str) else text)
        os.chmod(path, mode)
        return path

    def refusal(self, path: str) -> str:
        """Why a file is refused."""
        return str(self.assertRaises(ConfigurationError, keys_from_file, path))

    def test_forms(self) -> None:
        """A key is 64 hexadecimal digits or base64; comments and empty lines do not count."""
        text = (
            f"# from the safe\n\n{KEY.hex()}  # of 2026\n{base64.b64encode(OTHER_KEY).decode()}\n{KEY.hex().upper()}\n"
        )
        for mode in (0o600, 0o400, 0o640):
            self.assertEqual(len(keys_from_file(self.write(text, mode))), 2)

    def test_refused(self) -> None:
        """What is no key is refused, and nothing of it is told."""
        secret = KEY.hex()
        texts = ("", "# nothing\n", secret[:-1], secret + "0", f"{secret}\n{secret[:62]}zz\n", secret[:32], "=" * 44)
        for text in texts:
            told = self.refusal(self.write(text))
            self.assertIn("openssl rand -hex 32", told)
            self.assertNotIn(secret[:16], told)
        self.assertIn("number 2 is none", self.refusal(self.write(f"{secret}\nhello\n")))
        self.assertIn("ASCII", self.refusal(self.write(b"\xff" * 64)))
        self.assertIn("larger than 64 KiB", self.refusal(self.write("#" * 70_000)))

    def test_modes(self) -> None:
        """A file that everybody may read or write is refused, with what to do."""
        for mode in (0o604, 0o644, 0o602, 0o666):
            self.assertIn("chmod 600", self.refusal(self.write(KEY.hex(), mode)))

    def test_not_there(self) -> None:
        """What is not there, or is a directory or a FIFO, is refused at once."""
        directory = new_directory(self)
        self.assertIn("No such file", self.refusal(os.path.join(directory, "none")))
        self.assertIn("Is a directory", self.refusal(directory))
        os.mkfifo(os.path.join(directory, "fifo"), 0o600)
        self.assertIn("regular", self.refusal(os.path.join(directory, "fifo")))

    def test_environment(self) -> None:
        """A variable holds the same."""
        self.assertEqual(len(keys_from_environment("KEYS", {"KEYS": f"{KEY.hex()} {OTHER_KEY.hex()}"})), 2)
        for environment in ({}, {"KEYS": ""}, {"KEYS": "x"}):
            self.assertRaises(ConfigurationError, keys_from_environment, "KEYS", environment)


class KeyRingTests(SynchronousTestCase):
    """Which key is for what."""

    def test_first_encrypts(self) -> None:
        """A new file is encrypted with the first key; all are found by what the header says."""
        one, two = KeyRing([KEY]), KeyRing([OTHER_KEY, KEY])
        header, cipher = one.begin(Counted())
        sealed = cipher.seal(b"abc", 0, Ending.LAST, bytes(16), bytes(12))
        again = two.cipher(header).seal(b"abc", 0, Ending.LAST, bytes(16), bytes(12))
        self.assertEqual(sealed, again)
        self.assertNotEqual(two.begin(Counted())[0].key_id, header.key_id)
        error = self.assertRaises(StorageFailure, KeyRing([OTHER_KEY]).cipher, header)
        self.assertIn("key that the server was not given", str(error))

    def test_files_have_keys_of_their_own(self) -> None:
        """Two files are not encrypted with one key."""
        random = Counted()
        ring = KeyRing([KEY])
        sealed = {ring.begin(random)[1].seal(b"abc", 0, Ending.LAST, bytes(16), bytes(12)) for _ in range(3)}
        self.assertEqual(len(sealed), 3)

    def test_last_is_for_names(self) -> None:
        """A key that is put in front changes no names."""
        self.assertEqual(KeyRing([KEY]).key_for_names(64), KeyRing([OTHER_KEY, KEY]).key_for_names(64))
        self.assertNotEqual(KeyRing([KEY]).key_for_names(64), KeyRing([OTHER_KEY]).key_for_names(64))

    def test_not_told(self) -> None:
        """No text of a ring has a key in it."""
        ring = KeyRing([KEY])
        for text in (repr(ring), str(ring), repr(ring.begin(Counted())[1])):
            self.assertNotIn(KEY.hex(), text)
            self.assertNotIn(repr(KEY)[2:20], text)
