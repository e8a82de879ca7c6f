"""LIST, NLST, MLSD and MLST."""

from __future__ import annotations

from typing import Any

import attrs

from ftpx.errors import PermissionDenied, StorageFailure
from ftpx.interfaces import Entry, ICreationTimes, Kind
from ftpx.testing.server import EPOCH, ServerHarness
from tests.server.doubles import PlainStorage, ServerCase, codes


class ListingCase(ServerCase):
    """A tree to list."""

    def setUp(self) -> None:
        """Make a directory with two texts and a picture, and an empty one."""
        super().setUp()
        self.client.command("MKD d", "MKD e")
        for name in ("d/a.txt", "d/b.txt", "d/c.png", "d/.hidden"):
            self.put(name, b"12345")

    def lines(self, command: str) -> list[str]:
        """The lines of a listing."""
        replies, content = self.client.fetch(command)
        self.assertEqual(codes(replies), [150, 226], command)
        return content.decode("utf-8", "surrogateescape").split("\r\n")[:-1]


class ListTests(ListingCase):
    """LIST and NLST."""

    def test_list(self) -> None:
        """LIST has the form of ls -l."""
        self.assertEqual(
            self.lines("LIST /"),
            ["drwxr-xr-x   1 ftp      ftp             0 Jan  1 00:00 " + name for name in ("d", "e")],
        )
        self.assertEqual(self.lines("LIST d")[1], "-rw-r--r--   1 ftp      ftp             5 Jan  1 00:00 a.txt")

    def test_forms(self) -> None:
        """PH24: options are options, and each form lists what it says."""
        everything = [".hidden", "a.txt", "b.txt", "c.png"]
        for argument, names in (
            ("d", everything),
            ("-la d", everything),
            ("-l -a d/", everything),
            ("d/*.txt", ["a.txt", "b.txt"]),
            ("-a d/[ab]*", ["a.txt", "b.txt"]),
            ("d/a.txt", ["d/a.txt"]),
            ("-d d", ["d"]),
            ("e", []),
            ("-laR ../..", ["d", "e"]),
        ):
            self.assertEqual([line[55:] for line in self.lines(f"LIST {argument}")], names, argument)

    def test_names(self) -> None:
        """NLST gives pathnames that the next command can use."""
        for argument, names in (
            ("", ["d", "e"]),
            ("d", ["d/.hidden", "d/a.txt", "d/b.txt", "d/c.png"]),
            ("d/*.txt", ["d/a.txt", "d/b.txt"]),
            ("/d/?.png", ["/d/c.png"]),
            ("d/a.txt", ["d/a.txt"]),
            ("e", []),
        ):
            self.assertEqual(self.lines(f"NLST {argument}".strip()), names, argument)
        self.client.command("CWD d")
        self.assertEqual(self.lines("NLST -1 *.png"), ["c.png"])
        self.assertEqual(self.lines("NLST ../e/../d/b*"), ["../e/../d/b.txt"])

    def test_missing(self) -> None:
        """PH24, RS13: what is not there, or matches nothing, is 550 before a data connection, and the port stays."""
        self.client.command("EPSV")
        for command in ("LIST", "NLST"):
            for argument in ("missing", "*.pdf", "missing/*", "d/a.txt/b", "e/*", "*/a.txt", "-l -", "{a,b}{c,d}"):
                self.assertEqual(self.codes(f"{command} {argument}"), [550], argument)
        self.assertEqual(self.codes("MLSD missing"), [550])
        self.assertFalse(self.client.last_port.closed)

    def test_glob_bombs(self) -> None:
        """RS13: patterns that cost elsewhere are 550 or 501 at once."""
        self.put("a" * 200)
        for pattern in ("*/*/*/*/../*/../*", "[" * 250, "*a" * 120 + "b", "{a,b}" * 50):
            self.assertEqual(self.codes("EPSV", f"NLST {pattern}"), [229, 550], pattern[:20])
        self.assertEqual(self.codes("NLST " + "*" * 300), [501])

    def test_control_characters(self) -> None:
        """PH08: a name on the disk never puts a control character on the wire, and one name is one line."""
        self.put("e/x\r\n226 pwned\x1b[2J\x9b")
        for command in ("LIST e", "NLST e", "MLSD e"):
            content = self.client.fetch(command)[1]
            self.assertTrue(content.endswith(b"x??226 pwned?[2J?\r\n"), content)
            self.assertEqual(content.count(b"\n"), 1)
        for reply in self.client.command("STAT e"):
            self.assertTrue(reply.lines[1].isprintable())

    def test_many(self) -> None:
        """RS12: a large directory comes in pages, all of it."""
        for number in range(3000):
            self.put(f"e/{number:04}")
        self.assertEqual(self.lines("NLST e"), [f"e/{number:04}" for number in range(3000)])

    def test_broken_storage(self) -> None:
        """RS06: an error in the listing is told, before or after it began, and is no clean end."""
        self.script.faults["list"] = PermissionDenied()
        self.assertEqual(self.codes("EPSV", "LIST d", "MLSD d", "STAT d"), [229, 550, 550, 550])
        self.script.faults = {"page": StorageFailure()}
        for number in range(3000):
            self.put(f"e/{number}")
        for command in ("LIST e", "NLST e", "MLSD e"):
            self.client.command("EPSV")
            peer = self.client.last_port.accept()
            self.assertEqual(self.codes(command), [150, 451])
            self.assertFalse(peer.complete)

    def test_abort(self) -> None:
        """RS12: ABOR ends a listing and the work for it."""
        for number in range(3000):
            self.put(f"e/{number}")
        self.script.hold("page")
        self.client.begin("LIST e")
        self.assertEqual(self.codes("ABOR", "NOOP"), [426, 226, 200])

    def test_hidden_owners(self) -> None:
        """IL03: owners and groups can be hidden."""
        storage = PlainStorage(self.storage)
        storage.entries[("d",)] = Entry("d", Kind.FILE, 5, EPOCH, owner="root", group="wheel")
        for hide, owner in ((False, "root     wheel"), (True, "ftp      ftp  ")):
            server = ServerHarness(storage, hide_owners=hide)
            server.login()
            self.assertIn(owner, server.fetch("LIST d")[1].decode())
            facts = server.command("MLST d")[0].lines[1]
            self.assertEqual("UNIX.owner=root;UNIX.group=wheel;" in facts, not hide)
            self.assertEqual("UNIX.owner" in server.command("FEAT")[0].encode().decode(), not hide)


class FactsTests(ListingCase):
    """MLST, MLSD and OPTS MLST."""

    def facts(self, path: str) -> dict[str, str]:
        """The facts that MLST tells."""
        reply = self.client.command(f"MLST {path}")[0]
        line = reply.lines[1]
        self.assertEqual((reply.code, line[0]), (250, " "))
        facts, _, _ = line[1:].partition(" ")
        return dict(fact.split("=", 1) for fact in facts.split(";")[:-1])

    def test_file(self) -> None:
        """All that is known of a file, with its absolute path."""
        facts = self.facts("d/a.txt")
        unique = facts.pop("unique")
        self.assertRegex(unique, r"\A[0-9a-f]{16}\Z")
        self.assertEqual(
            facts,
            {
                "type": "file",
                "size": "5",
                "modify": "20200101000000",
                "create": "20200101000000",
                "perm": "adfrw",
                "UNIX.mode": "0644",
            },
        )
        self.assertTrue(self.client.command("MLST d/a.txt")[0].lines[1].endswith("; /d/a.txt"))

    def test_unique(self) -> None:
        """IL03: unique is the same for the same file, differs between files, and is no number of the disk."""
        self.assertEqual(self.facts("d/a.txt")["unique"], self.facts("/d/../d/a.txt")["unique"])
        self.assertNotEqual(self.facts("d/a.txt")["unique"], self.facts("d/b.txt")["unique"])
        entry = self.result(self.storage.stat(("d", "a.txt")))
        self.assertNotIn(str(entry.identity), self.facts("d/a.txt")["unique"])
        self.assertNotEqual(self.facts("d/a.txt")["unique"], self._facts_with_another_key("d/a.txt"))

    def _facts_with_another_key(self, path: str) -> str:
        server = ServerHarness(self.storage, unique_key=b"other")
        server.login()
        return server.command(f"MLST {path}")[0].lines[1].partition("unique=")[2][:16]

    def test_directory(self) -> None:
        """A directory is one, and the working directory is what is meant without a path."""
        self.assertEqual((self.facts("d")["type"], self.facts("d")["perm"]), ("dir", "cdeflmp"))
        self.client.command("CWD d")
        self.assertTrue(self.client.command("MLST")[0].lines[1].endswith(" /d"))
        self.assertEqual(self.codes("MLST missing", "MLST a.txt/b"), [550, 550])

    def test_list(self) -> None:
        """MLSD has a line for each entry, and lists nothing but directories."""
        lines = self.lines("MLSD d")
        self.assertEqual([line.partition("; ")[2] for line in lines], [".hidden", "a.txt", "b.txt", "c.png"])
        self.assertEqual(self.lines("MLSD e"), [])
        self.client.command("EPSV")
        self.assertEqual(self.codes("MLSD d/a.txt", "MLSD *"), [501, 550])

    def test_pattern_is_a_name(self) -> None:
        """MLSD takes no patterns: a directory may have any name."""
        self.client.command("MKD [x]", "MKD [x]/y")
        self.assertTrue(self.lines("MLSD [x]")[0].endswith("; y"))

    def test_options(self) -> None:
        """OPTS MLST chooses, in any case, and passes over what nobody knows; nothing chosen is a space."""
        self.assertEqual(self.texts("OPTS MLST Size;TYPE;colour;"), "MLST OPTS type;size;")
        self.assertEqual(self.lines("MLSD d")[1], "type=file;size=5; a.txt")
        self.assertIn("MLST type*;size*;modify;create;perm;unique;", self.texts("FEAT"))
        self.assertEqual(self.texts("OPTS MLST"), "MLST OPTS")
        self.assertEqual(self.lines("MLSD d")[1], " a.txt")

    def test_read_only(self) -> None:
        """perm tells what the account may do."""
        client = self.server.connect()
        client.login("anonymous", "me@")
        client.replies()
        replies = client.command("MLST d/a.txt", "MLST d")
        self.assertIn(";perm=r;", replies[0].lines[1])
        self.assertIn(";perm=el;", replies[1].lines[1])

    def test_without_creation_times(self) -> None:
        """create is neither told nor offered where the storage does not know it."""
        storage = PlainStorage(self.storage)
        server = ServerHarness(storage)
        server.login()
        self.assertNotIn("create=", server.command("MLST d")[0].lines[1])
        self.assertNotIn("create", str(server.command("FEAT")))
        self.assertFalse(ICreationTimes.providedBy(storage))

    def test_unknown_identity(self) -> None:
        """Where the storage has no identities there is no unique."""
        storage = PlainStorage(self.storage)
        entry: Any = attrs.evolve(self.result(self.storage.stat(("d",))), identity=None)
        storage.entries[("d",)] = entry
        server = ServerHarness(storage)
        server.login()
        self.assertNotIn("unique=", server.command("MLST d")[0].lines[1])

    def test_forged_facts(self) -> None:
        """PH11: names that look like facts are names."""
        for name in ("type=dir; x", " x", ";", "a;b=c; "):
            self.put(f"e/{name}")
        for name, line in zip(sorted(("type=dir; x", " x", ";", "a;b=c; ")), self.lines("MLSD e"), strict=True):
            facts, _, rest = line.partition("; ")
            self.assertEqual((rest, facts.startswith("type=file;size=0;")), (name, True))
