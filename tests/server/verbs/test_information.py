"""NOOP, SYST, FEAT, HELP and STAT."""

from __future__ import annotations

import tempfile

from ftpx.errors import StorageFailure
from ftpx.server.verbs import COMMANDS
from ftpx.storage.memory import MemoryStorage
from ftpx.storage.registry import open_storage
from ftpx.testing.pool import InlinePool
from ftpx.testing.server import ServerHarness
from ftpx.testing.tls import make_tls_server
from tests.server.doubles import PlainStorage, ServerCase, codes

_ALWAYS = {
    "CLNT",
    "EPRT",
    "EPSV",
    "HASH",
    "HOST",
    "LANG",
    "MD5",
    "MDTM",
    "MLST",
    "MODE",
    "RANG",
    "REST",
    "SITE COPY",
    "SITE EXPECT SHA-256;SHA-512;SHA-1;MD5;CRC32;SIZE",
    "SIZE",
    "TVFS",
    "UTF8",
    "XCRC",
    "XMD5",
    "XSHA1",
    "XSHA256",
    "XSHA512",
}
_SETTABLE = {"MFMT", "MFF", "SITE CHMOD", "SITE UTIME"}


def _features(server: ServerHarness) -> set[str]:
    """The names of FEAT."""
    reply = server.command("FEAT")[0]
    lines = reply.lines[1:-1]
    assert all(line.startswith(" ") for line in lines)
    return {line[1:] if line.startswith(" SITE") else line[1:].split(" ")[0] for line in lines}


class FeaturesTests(ServerCase):
    """FEAT tells what the account's own storage can do."""

    def test_memory(self) -> None:
        """Files in memory have all times and modes; only with a limit there is free space."""
        self.assertEqual(_features(self.server), _ALWAYS | _SETTABLE | {"MFCT"})
        self.assertIn("MFF modify;create;UNIX.mode;", self.texts("FEAT"))
        server = ServerHarness(MemoryStorage(limit=5))
        server.login()
        self.assertEqual(_features(server), _ALWAYS | _SETTABLE | {"MFCT", "AVBL"})

    def test_local(self) -> None:
        """Files on a disk have links and free space and no time of creation that could be set."""
        with tempfile.TemporaryDirectory() as directory:
            server = ServerHarness(open_storage(f"local:{directory}", InlinePool()))
            server.login()
            self.assertEqual(_features(server), _ALWAYS | _SETTABLE | {"AVBL", "SITE SYMLINK"})
            self.assertEqual(codes(server.command("MFCT 20200101000000 a", "SITE HELP")), [502, 214])

    def test_read_only(self) -> None:
        """Who only looks cannot set anything, and MFF is not there at all."""
        self.server.login("anonymous", "me@")
        self.assertEqual(_features(self.server), _ALWAYS)

    def test_plain(self) -> None:
        """A storage with no abilities has what ftpx does itself."""
        server = ServerHarness(PlainStorage(self.storage))
        server.login()
        self.assertEqual(_features(server), _ALWAYS)
        self.assertEqual(
            codes(server.command("MFMT 20200101000000 a", "MFCT 20200101000000 a", "AVBL", "SITE CHMOD 600 a")),
            [502] * 4,
        )
        self.assertEqual(codes(server.command("MFF modify=20200101000000; a", "SITE SYMLINK a b")), [504, 502])

    def test_before_login(self) -> None:
        """Before login FEAT tells what some user may be able to do."""
        server = ServerHarness(symbolic_links=False)
        self.assertEqual(_features(server), _ALWAYS | _SETTABLE | {"MFCT", "AVBL", "SITE QUOTA"})

    def test_tls(self) -> None:
        """A server with a certificate tells what TLS it speaks, also by TLS; and CCC only where it is allowed."""
        tls = make_tls_server()
        for ccc in (False, True):
            client = ServerHarness(tls=tls, allow_ccc=ccc).client
            for _ in range(2):
                lines = client.command("FEAT")[0].lines
                self.assertLessEqual({" AUTH TLS", " PBSZ", " PROT"}, set(lines))
                self.assertEqual(" CCC" in lines, ccc)
                client.secure()

    def test_form(self) -> None:
        """RFC 2389: sorted lines that begin with a space, and each once."""
        lines = self.client.command("FEAT")[0].lines
        self.assertEqual(list(lines[1:-1]), sorted(set(lines[1:-1])))
        self.assertIn(" LANG EN*", lines)
        self.assertIn(" REST STREAM", lines)


class HelpTests(ServerCase):
    """HELP is computed from the records."""

    def test_all(self) -> None:
        """HELP names every command, and HELP with a name explains it."""
        named = set(" ".join(self.client.command("HELP")[0].lines[1:-1]).split())
        self.assertEqual(named, set(COMMANDS))
        for name, record in COMMANDS.items():
            text = self.texts(f"HELP {name.lower()}")
            self.assertTrue(text.startswith(name) and text.endswith(record.help), text)
        self.assertEqual(self.texts("HELP PWD"), "PWD: Tell the working directory.")

    def test_system(self) -> None:
        """IL01: nothing tells which server this is, or where."""
        client = self.server.connect()
        said = " ".join(text for reply in client.command("SYST", "HELP", "FEAT", "NOOP") for text in reply.lines)
        self.assertIn("UNIX Type: L8", said)
        for secret in ("Twisted", "Python", "127.0.0.1", "/srv"):
            self.assertNotIn(secret, said)


class StatusTests(ServerCase):
    """STAT."""

    def test_session(self) -> None:
        """STAT tells who and where one is."""
        self.client.command("MKD d", "CWD d")
        said = self.texts("STAT")
        for text in ("Logged in as alice.", "Working directory: /d", "TYPE: IMAGE; STRU: F; MODE: S"):
            self.assertIn(text, said)

    def test_path(self) -> None:
        """STAT with a path lists it on the control connection, in one reply."""
        self.put("a", b"12345")
        self.client.command("MKD d")
        for line, count in (
            ("STAT .", 2),
            ("STAT -la", 2),
            ("STAT a", 1),
            ("STAT *", 2),
            ("STAT d", 0),
            ("STAT -a a", 1),
        ):
            reply = self.client.command(line)[0]
            self.assertEqual((reply.code, len(reply.lines)), (213, count + 2), line)
        self.assertTrue(self.client.command("STAT a")[0].lines[1].endswith(" a"))
        self.assertEqual(self.codes("STAT missing", "STAT *.pdf"), [550, 550])

    def test_hostile_path(self) -> None:
        """PH08: the path is repeated without control characters."""
        self.put("a\x1b")
        self.assertEqual(self.client.command("STAT a\x1b")[0].lines[0], "Status of a?:")

    def test_storage_fails(self) -> None:
        """RS06: a listing that breaks says so within its reply."""
        for number in range(3000):
            self.put(f"f{number}")
        self.script.faults["page"] = StorageFailure()
        reply = self.client.command("STAT .")[0]
        self.assertEqual(reply.code, 213)
        self.assertIn("not complete", reply.lines[-1])
        self.script.faults = {"list": StorageFailure()}
        self.assertEqual(self.codes("STAT .", "NOOP"), [451, 200])
