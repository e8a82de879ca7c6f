"""Tests of `ftpx.cli.transfer_files`."""

from __future__ import annotations

import json

from tests.accounts.vectors import VECTORS
from tests.cli.cases import CommandCase

HASH = next(stored for _, _, stored in VECTORS if stored.startswith("$2"))
OTHER = next(stored for _, _, stored in VECTORS if stored.startswith("$6$"))


class ImportTests(CommandCase):
    """``ftpx user import``."""

    def setUp(self) -> None:
        """A group and a user."""
        super().setUp()
        self.done("group", "add", "staff")
        self.add_user("alice", "--quota", "1M", "--group", "staff")

    def hashes(self) -> dict[str, str | None]:
        """The hashes of all users."""
        users = json.loads(self.done("user", "export", "--json"))
        return {user["name"]: user["password_hash"] for user in users}

    def test_forms(self) -> None:
        """Each form is imported, guessed or said."""
        for name, content, options in (
            ("bob", f"bob:{HASH}\n", ()),
            ("carol", f"carol:{HASH}:1:1::/:/bin/sh\n", ()),
            ("dave", f"name,password_hash\ndave,{HASH}\n", ()),
            ("eve", f"eve:{HASH}\n", ("--format", "htpasswd")),
        ):
            printed = self.done("user", "import", self.write_file("users", content), *options)
            self.assertEqual(printed, "Users added: 1, changed: 0.\n")
            self.assertEqual(self.hashes()[name], HASH)

    def test_stdin(self) -> None:
        """What comes in can be imported."""
        self.done("user", "import", "-", stdin=f"bob:{HASH}\n")
        self.assertIn("bob", self.hashes())

    def test_all_or_nothing(self) -> None:
        """One line that is wrong keeps all out; each is told by its number, and no hash is."""
        for content in (
            f"bob:{HASH}\ncarol:5ecret\n",
            f"bob:{HASH}\nalice:{HASH}\n",
            f"bob:{HASH}\nBob:{HASH}\n",
            f"name,password_hash,groups\nbob,{HASH},5ecret\n",
            f"name,password_hash,quota\nbob,{HASH},5ecret\n",
            "name,home\nbob,/x/../{name}\n",
        ):
            result = self.run_ftpx("user", "import", self.write_file("users", content))
            self.assertEqual(result.exit_code, 1, content)
            self.assertRegex(result.stderr, r"\Aftpx: line 2: [^\n]+\nftpx: No user is imported[^\n]+\n\Z")
            self.assertNotIn("5ecret", result.output)
            self.assertNotIn(HASH, result.output)
            self.assertEqual(self.hashes(), {"alice": None})

    def test_many_faults(self) -> None:
        """Not more than a screen of faults is told, and how many there are."""
        result = self.run_ftpx("user", "import", self.write_file("users", "x:y\n" * 1000))
        self.assertEqual(len(result.stderr.splitlines()), 21)
        self.assertIn("cannot be used: 1000", result.stderr)

    def test_update(self) -> None:
        """Who is there is changed as far as the file says something."""
        self.done("user", "import", self.write_file("users", f"ALICE:{HASH}\n"), "--update")
        self.assertEqual(self.hashes(), {"alice": HASH})
        user = self.read_json("user", "show", "alice")
        self.assertEqual((user["quota"], user["groups"]), (10**6, ["staff"]))
        content = "name,quota,hidden,groups,disabled\nalice,,*.tmp,,yes\nbob,5,,staff,\n"
        printed = self.done("user", "import", self.write_file("users.csv", content), "--update")
        self.assertEqual(printed, "Users added: 1, changed: 1.\n")
        user = self.read_json("user", "show", "alice")
        self.assertEqual(self.hashes(), {"alice": HASH, "bob": None})
        self.assertEqual((user["hidden"], user["groups"], user["disabled"]), (["*.tmp"], [], True))
        self.assertNotIn("quota", user)
        self.assertEqual(self.read_json("user", "show", "bob")["groups"], ["staff"])

    def test_shadowed_password_stays(self) -> None:
        """A passwd file that has the hash somewhere else takes no password away."""
        self.done("user", "import", self.write_file("users", f"alice:{HASH}\n"), "--update")
        self.done("user", "import", self.write_file("users", "alice:x:1:1::/:/bin/sh\n"), "--update")
        self.assertEqual(self.hashes(), {"alice": HASH})

    def test_dry_run(self) -> None:
        """What would be done is told, and not done."""
        path = self.write_file("users", f"alice:{HASH}\nbob:{OTHER}\n")
        printed = self.done("user", "import", path, "--update", "--dry-run")
        self.assertEqual(printed, "Nothing is wrong. Users that would be added: 1, changed: 1.\n")
        self.assertEqual(self.hashes(), {"alice": None})
        self.assertIn("No user is imported", self.refused("user", "import", path, "--dry-run"))


class ExportTests(CommandCase):
    """``ftpx user export``."""

    def setUp(self) -> None:
        """Users of all kinds."""
        super().setUp()
        self.done("group", "add", "staff")
        self.done("user", "import", "-", stdin=f"alice:{HASH}\nbob:{OTHER}\n")
        self.done("user", "set", "alice", "--rights", "/=look", "--rights", "/in=write", "--group", "staff")
        self.done("user", "totp", "bob")
        self.add_user("carol", "--expires", "2027-12-31")
        self.done("user", "disable", "carol")

    def test_round_trip(self) -> None:
        """What is exported can be imported into other accounts, and is the same there."""
        exported = self.done("user", "export")
        self.url = f"sqlite:{self.folder / 'others'}"
        self.done("group", "add", "staff")
        self.done("user", "import", self.write_file("users.csv", exported))
        self.assertEqual(self.done("user", "export"), exported)

    def test_htpasswd(self) -> None:
        """Who needs more than a password is in no htpasswd file; how many that are is told."""
        result = self.run_ftpx("user", "export", "--format", "htpasswd")
        self.assertEqual(result.stdout, f"alice:{HASH}\n")
        self.assertIn("cannot hold them: 2", result.stderr)
