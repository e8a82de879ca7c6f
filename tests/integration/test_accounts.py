"""Users of a database, with the real server and the real command."""

from __future__ import annotations

from contextlib import suppress

import pyotp

from tests.integration.accounts_cases import AccountsTestCase
from tests.integration.cases import content


class StoryTests(AccountsTestCase):
    """What users see and may do."""

    def test_homes_are_apart(self) -> None:
        """Each user is in a home of their own and nothing leads out of it."""
        self.add_user("alice")
        self.add_user("bob", "hunter2")
        server = self.start()
        alice, bob = self.login(server, "alice"), self.login(server, "bob", "hunter2")
        self.assertEqual(alice.store("STOR note", b"mine").code, 226)
        self.assertEqual((self.root / "alice" / "note").read_bytes(), b"mine")
        self.assertEqual(bob.retrieve("NLST"), b"")
        for line in ("RETR ../alice/note", "RETR /alice/note", "CWD ../alice", "SIZE /../alice/note"):
            bob.expect(line, 550, 425) if line.startswith("RETR") else bob.expect(line, 550)

    def test_no_anonymous(self) -> None:
        """Nobody is anonymous unless the database has that user."""
        self.add_user("alice")
        server = self.start()
        self.assertEqual(self.try_login(server, "anonymous", "x@example.org").code, 530)

    def test_other_spelling(self) -> None:
        """AU19: another spelling of a name is the same user, in the same home."""
        self.add_user("Alice")
        server = self.start()
        self.login(server, "Alice").store("STOR note", b"mine")
        self.assertEqual(self.login(server, "aLICE").retrieve("RETR note"), b"mine")

    def test_rights(self) -> None:
        """Rights are by directory; a drop box takes files and shows none."""
        self.add_user(
            "alice",
            "secret",
            "--rights",
            "/=look",
            "--rights",
            "/in=write",
            "--rights",
            "/drafts=all",
            "--hidden",
            "*.bak",
        )
        for name in ("in", "drafts"):
            (self.root / "alice" / name).mkdir(parents=True)
        (self.root / "alice" / "drafts" / "x.bak").write_bytes(b"old")
        server = self.start()
        alice = self.login(server, "alice")
        self.assertEqual(alice.retrieve("NLST /drafts"), b"")
        alice.expect("DELE /drafts/x.bak", 550)
        alice.expect("MKD /new", 550)
        self.assertEqual(alice.store("STOR /in/a", b"x").code, 226)
        alice.expect("SIZE /in/a", 550)
        alice.expect("CWD /in", 250)
        alice.expect("CWD /", 250)
        self.assertEqual(alice.store("STOR /drafts/a", b"x").code, 226)
        alice.expect("DELE /drafts/a", 250)

    def test_mounts(self) -> None:
        """Folders of other storages are in the tree, with rights of their own, for a whole group."""
        shared, incoming = self.work / "shared", self.work / "incoming"
        shared.mkdir()
        incoming.mkdir()
        (shared / "news").write_bytes(b"hear")
        self.ftpx(
            *(
                "group",
                "add",
                "staff",
                "--mounts",
                f"/shared=local:{shared}",
                "--mounts",
                f"/incoming=local:{incoming}",
            ),
            *("--rights", "/shared=look", "--rights", "/incoming=write"),
        )
        self.add_user("alice", "secret", "--group", "staff")
        server = self.start()
        alice = self.login(server, "alice")
        self.assertEqual(alice.retrieve("NLST").split(), [b"incoming", b"shared"])
        self.assertEqual(alice.retrieve("RETR /shared/news"), b"hear")
        alice.expect("DELE /shared/news", 550)
        self.assertEqual(alice.store("STOR /incoming/a", b"x").code, 226)
        self.assertEqual((incoming / "a").read_bytes(), b"x")
        alice.expect("RMD /incoming", 550)

    def test_mount_that_is_not_there(self) -> None:
        """A folder that cannot be had is unavailable, and all else is there."""
        self.add_user("alice", "secret", "--mounts", f"/gone=local:{self.work / 'gone'}")
        server = self.start()
        alice = self.login(server, "alice")
        self.assertEqual(alice.store("STOR a", b"x").code, 226)
        alice.expect("SIZE /gone/a", 450)

    def test_quota(self) -> None:
        """RS08: the quota holds for what is announced and for what is not, and is told."""
        self.add_user("alice", "secret", "--quota", "1Mi", "--quota-files", "3")
        server = self.start()
        alice = self.login(server, "alice")
        self.assertEqual(alice.store("STOR a", content(512 * 1024)).code, 226)
        alice.expect("AVBL", 213)
        alice.expect(f"ALLO {1024 * 1024}", 552)
        alice.expect(f"SITE EXPECT SIZE {1024 * 1024}", 350)
        with alice.open_data():
            alice.expect("STOR b", 552)
        with alice.open_data() as data:
            alice.expect("STOR b", 150)
            with suppress(OSError):
                data.sendall(content(4 * 1024 * 1024))
            alice.expect_reply(552)
        self.assertEqual([path.name for path in (self.root / "alice").iterdir()], ["a"])
        self.assertIn("524288", alice.expect("SITE QUOTA", 200, 211, 214).text)
        for name in ("b", "c"):
            self.assertEqual(alice.store(f"STOR {name}", b"x").code, 226)
        with alice.open_data():
            alice.expect("STOR d", 552)
        (usage,) = self.told("quota", "show", "alice")
        self.assertEqual((usage["octets"], usage["files"]), (512 * 1024 + 2, 3))

    def test_totp(self) -> None:
        """One-time passwords stand behind the password, and each counts once."""
        self.add_user("alice")
        uri = next(word for word in self.ftpx("user", "totp", "alice").split() if word.startswith("otpauth://"))
        server = self.start()
        one_time = pyotp.parse_uri(uri)
        assert isinstance(one_time, pyotp.TOTP)
        code = one_time.now()
        self.assertEqual(self.try_login(server, "alice").code, 530)
        self.assertEqual(self.try_login(server, "alice", f"secret{code}").code, 230)
        self.assertEqual(self.try_login(server, "alice", f"secret{code}").code, 530)

    def test_admission(self) -> None:
        """Addresses, TLS and expiry are asked for at login; the reason is in the log only."""
        self.add_user("alice", "secret", "--addresses", "127.0.0.1/32")
        self.add_user("bob", "secret", "--expires", "2020-01-01")
        self.add_user("carol", "secret", "--tls", "yes")
        server = self.start()
        self.assertEqual(self.try_login(server, "alice").code, 230)
        self.assertEqual(self.try_login(server, "alice", source="127.0.0.2").lines, (b"530 Login incorrect.",))
        self.assertEqual(self.try_login(server, "bob").lines, (b"530 Login incorrect.",))
        self.assertIn(b"TLS", self.try_login(server, "carol").lines[0])
        self.assertIn("expires", server.log)

    def test_explained(self) -> None:
        """The command names the rule by which the server decides."""
        self.add_user("alice", "secret", "--rights", "/=look")
        self.assertIn("/=look", self.ftpx("explain", "alice", "STOR", "/a", status=3))
        self.assertIn("/=look", self.ftpx("explain", "alice", "RETR", "/a"))
