"""What every client can do with ftpx; one test class for each client fills in the rest."""

from __future__ import annotations

import contextlib
import os
import subprocess
import unittest
from pathlib import Path
from typing import Any, ClassVar

import attrs

from tests.integration.cases import PASSWORD, USER, ServerTestCase, checksum, content, tree
from tests.integration.certified import CertifiedServerTestCase
from tests.integration.clients import Client, ClientFailed, Login, Mode, Tls
from tests.tls.certificates import Authority

__all__ = ["PLAIN_TREE", "BriefTlsContract", "ClientCase", "ClientContract", "TlsContract"]

PLAIN_TREE: dict[str, bytes | None] = {
    "top.bin": content(70_000, 3),
    "empty": b"",
    "one": None,
    "one/a.txt": b"first\n",
    "one/two": None,
    "one/two/deep.bin": content(300_000, 4),
    "one/other name.txt": b"a name with a space\n",
    "\u00e5ngstr\u00f6m": None,
    "\u00e5ngstr\u00f6m/\u65e5\u672c\u8a9e.txt": b"any script\n",
}


class ClientCase(ServerTestCase):
    """What tests of a client use. Subclasses name the client; those without one are not run."""

    client_class: ClassVar[type[Client] | None] = None
    names_to_try: ClassVar[tuple[str, ...]] = (
        "with space",
        "caf\u00e9 \u2603 \u65e5\u672c",
        "it's",
        'a "quoted" name',
        "percent%20hash#",
        "semi;colon=x",
    )
    keeps_empty_directories: ClassVar[bool] = True
    text_endings: ClassVar[bytes] = b"\n"

    def setUp(self) -> None:
        """Skip where the program is not there."""
        if self.client_class is None:
            raise unittest.SkipTest("no client of its own")
        self.client_class.require()
        super().setUp()
        self.home = self.work / "home"
        self.home.mkdir()

    def client(self, *, anonymous: bool = False, mode: str | None = None, host: str = "127.0.0.1") -> Client:
        """The client, logged in as the named user or anonymously."""
        assert self.client_class is not None
        mode = mode or self.client_class.usual_mode
        if mode not in (self.client_class.ipv6_modes if ":" in host else self.client_class.modes):
            raise unittest.SkipTest(f"{self.client_class.program} cannot do {mode} with {host}")
        tls = self.tls()
        login = Login(
            host,
            self.server.port if tls is None or not tls.implicit else self.server.implicit_port,
            None if anonymous else USER,
            "" if anonymous else PASSWORD,
            Mode(mode),
            tls,
        )
        return self.client_class(login, self.home)

    def tls(self) -> Tls | None:
        """What the client is told about TLS; nothing: in clear."""
        return None

    def local(self, name: str, data: bytes) -> Path:
        """A file of ours."""
        path = self.work / name
        path.write_bytes(data)
        return path

    def local_tree(self) -> Path:
        """A tree of ours."""
        return self.plant(self.work / "ours")

    def plant(self, top: Path) -> Path:
        top.mkdir(exist_ok=True)
        for name, data in PLAIN_TREE.items():
            path = top / name
            if data is None:
                path.mkdir(exist_ok=True)
            else:
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(data)
        if self.keeps_empty_directories:
            (top / "one" / "nothing").mkdir()
        return top

    def transfer_both_ways(self, *, mode: str | None = None, host: str = "127.0.0.1") -> None:
        """A file comes down, is listed, and goes up if the client can do that."""
        data = content(200_000, 10)
        self.make("down.bin", data)
        client = self.client(mode=mode, host=host)
        target = self.work / "target"
        client.download("/down.bin", target)
        self.assertEqual(checksum(target), checksum(data))
        self.assertIn("down.bin", client.names("/"))
        try:
            client.upload(self.local("source", data), "/up.bin")
        except unittest.SkipTest:
            return
        self.assertEqual(checksum(self.server.root / "up.bin"), checksum(data))

    def need_ipv6(self) -> None:
        """:raises unittest.SkipTest: this machine has no IPv6."""
        if len(self.server.endpoints) < 2:
            raise unittest.SkipTest("this machine has no ::1")


class ClientContract(ClientCase):
    """The tests."""

    # Listing

    def test_lists_as_named_user(self) -> None:
        """A named user gets the names of a directory."""
        self.make("a.txt", b"1")
        self.make("b c.txt", b"2")
        (self.server.root / "dir").mkdir()
        self.assertEqual(self.client().names("/"), {"a.txt", "b c.txt", "dir"})

    def test_lists_as_anonymous(self) -> None:
        """Anonymous gets the names of a directory below the root."""
        self.make("pub/a.txt", b"1")
        self.assertEqual(self.client(anonymous=True).names("/pub"), {"a.txt"})

    def test_lists_an_empty_directory(self) -> None:
        """A directory with nothing in it gives no names and no error."""
        (self.server.root / "nothing").mkdir()
        self.assertEqual(self.client().names("/nothing"), set())

    # Files

    def test_downloads_as_anonymous(self) -> None:
        """Anonymous gets a file whole."""
        data = content(400_000, 5)
        self.make("pub/data.bin", data)
        target = self.work / "data.bin"
        self.client(anonymous=True).download("/pub/data.bin", target)
        self.assertEqual(checksum(target), checksum(data))

    def test_anonymous_cannot_write(self) -> None:
        """What anonymous uploads is refused, and nothing appears."""
        source = self.local("mine", b"mine")
        client = self.client(anonymous=True)
        with contextlib.suppress(ClientFailed):
            client.upload(source, "/mine")
        self.assertEqual(tree(self.server.root), {})

    def test_uploads_and_downloads(self) -> None:
        """A file goes up and comes back with the same checksum."""
        data = content(1_500_000, 6)
        source = self.local("source", data)
        client = self.client()
        client.upload(source, "/up.bin")
        self.assertEqual(checksum(self.server.root / "up.bin"), checksum(data))
        target = self.work / "target"
        client.download("/up.bin", target)
        self.assertEqual(checksum(target), checksum(data))

    def test_replaces_a_file(self) -> None:
        """An upload over a longer file leaves nothing of the old one."""
        self.make("file", content(50_000, 7))
        self.client().upload(self.local("source", b"short"), "/file")
        self.assertEqual((self.server.root / "file").read_bytes(), b"short")

    def test_moves_an_empty_file(self) -> None:
        """A file of no octets goes up and comes back."""
        client = self.client()
        client.upload(self.local("source", b""), "/empty")
        self.assertEqual(tree(self.server.root), {"empty": checksum(b"")})
        target = self.work / "target"
        client.download("/empty", target)
        self.assertEqual(target.read_bytes(), b"")

    def test_resumes_a_download(self) -> None:
        """The rest is fetched behind what is here already, which is not fetched again."""
        data = content(300_000, 8)
        self.make("big.bin", data)
        ours = self.local("big.bin", b"#" * 100_000)
        self.client().resume_download("/big.bin", ours)
        self.assertEqual(checksum(ours), checksum(b"#" * 100_000 + data[100_000:]))

    def test_resumes_an_upload(self) -> None:
        """The rest is stored behind what is there already, which is not sent again."""
        data = content(300_000, 9)
        ours = self.local("big.bin", data)
        theirs = self.make("big.bin", b"#" * 100_000)
        for path in (ours, theirs):  # ncftp goes on only where the times agree
            os.utime(path, (1_600_000_000, 1_600_000_000))
        self.client().resume_upload(ours, "/big.bin")
        self.assertEqual(checksum(self.server.root / "big.bin"), checksum(b"#" * 100_000 + data[100_000:]))

    def test_renames(self) -> None:
        """A file gets another name in another directory."""
        self.make("old.txt", b"kept")
        (self.server.root / "dir").mkdir()
        self.client().rename("/old.txt", "/dir/new name.txt")
        self.assertEqual(tree(self.server.root), {"dir": "directory", "dir/new name.txt": checksum(b"kept")})

    def test_removes_a_file(self) -> None:
        """A file is removed, its neighbour stays."""
        self.make("gone", b"1")
        self.make("stays", b"2")
        self.client().remove_file("/gone")
        self.assertEqual(set(tree(self.server.root)), {"stays"})

    def test_makes_and_removes_directories(self) -> None:
        """A directory is made and removed again."""
        client = self.client()
        client.make_directory("/new dir")
        self.assertEqual(tree(self.server.root), {"new dir": "directory"})
        client.remove_directory("/new dir")
        self.assertEqual(tree(self.server.root), {})

    def test_keeps_names(self) -> None:
        """Names with blanks, quotes and any script go up, are listed and come back as they are."""
        client = self.client()
        for number, name in enumerate(self.names_to_try):
            with self.subTest(name=name):
                data = f"content {number}".encode()
                client.upload(self.local("source", data), "/" + name)
                self.assertEqual((self.server.root / name).read_bytes(), data)
                target = self.work / f"target{number}"
                client.download("/" + name, target)
                self.assertEqual(target.read_bytes(), data)
        self.assertEqual(client.names("/"), set(self.names_to_try))

    # Trees

    def test_mirrors_up(self) -> None:
        """A tree goes up with the same names and checksums."""
        ours = self.local_tree()
        self.client().mirror_up(ours, "/theirs")
        self.assertEqual(tree(self.server.root / "theirs"), tree(ours))

    def test_mirrors_down(self) -> None:
        """A tree comes down with the same names and checksums."""
        theirs = self.plant(self.server.root / "theirs")
        self.client().mirror_down("/theirs", self.work / "ours")
        self.assertEqual(tree(self.work / "ours"), tree(theirs))

    # Ways to connect

    def test_pasv(self) -> None:
        """Data connections by PASV."""
        self.transfer_both_ways(mode="PASV")

    def test_port(self) -> None:
        """Data connections by PORT."""
        self.transfer_both_ways(mode="PORT")

    def test_eprt(self) -> None:
        """Data connections by EPRT."""
        self.transfer_both_ways(mode="EPRT")

    def test_ipv6(self) -> None:
        """Control and data over IPv6."""
        self.need_ipv6()
        self.transfer_both_ways(host="::1")

    def test_ipv6_active(self) -> None:
        """Control over IPv6 and data by EPRT."""
        self.need_ipv6()
        self.transfer_both_ways(host="::1", mode="EPRT")

    # Text

    def test_uploads_text(self) -> None:
        """A text file sent by TYPE A is stored with line feeds."""
        text = b"".join(b"line %d\n" % number for number in range(20_000))
        self.client().upload_text(self.local("text", text), "/text")
        self.assertEqual(checksum(self.server.root / "text"), checksum(text))

    def test_downloads_text(self) -> None:
        """A text file fetched by TYPE A arrives with the line ends that the client writes."""
        text = b"".join(b"line %d\n" % number for number in range(20_000))
        self.make("text", text)
        target = self.work / "text"
        self.client().download_text("/text", target)
        self.assertEqual(checksum(target), checksum(text.replace(b"\n", self.text_endings)))


class TlsContract(CertifiedServerTestCase, ClientContract):
    """
    The same under TLS 1.3, and what a client does where it must not go on.

    The server speaks nothing older, so that what passes has used it.
    """

    tls_options = ("--tls-min-version", "1.3")

    def refused(self, client: Client) -> None:
        """The client gives up before it has fetched a file."""
        self.make("file", b"kept from strangers")
        target = self.work / "target"
        with contextlib.suppress(subprocess.TimeoutExpired), self.assertRaises((ClientFailed, OSError)):
            client.download("/file", target)
        self.assertNotIn(b"kept", target.read_bytes() if target.exists() else b"")

    def changed(self, **changes: Any) -> Client:
        """The client, told something else about TLS."""
        client = self.client()
        assert client.login.tls is not None
        client.login = attrs.evolve(client.login, tls=attrs.evolve(client.login.tls, **changes))
        return client

    def test_verifies_the_server(self) -> None:
        """The client does not go on with a server whom its authority has not certified."""
        other = self.work / "other.pem"
        other.write_bytes(Authority("Another").pem)
        self.refused(self.changed(authority=other))

    def test_speaks_the_version_it_was_told(self) -> None:
        """A client that is told to speak TLS 1.2 speaks nothing else, so this server does not suit it."""
        self.refused(self.changed(version="1.2"))


class BriefTlsContract(CertifiedServerTestCase, ClientCase):
    """The most important of it over TLS 1.2, and on the port where TLS begins at once."""

    def _mirror(self) -> None:
        ours = self.local_tree()
        client = self.client()
        client.mirror_up(ours, "/theirs")
        client.mirror_down("/theirs", self.work / "back")
        self.assertEqual(tree(self.work / "back"), tree(ours))

    def test_transfers_over_tls_1_2(self) -> None:
        """A file comes down, is listed, and goes up."""
        self.tls_version = "1.2"
        self.transfer_both_ways()

    def test_mirrors_over_tls_1_2(self) -> None:
        """A tree goes up and comes down again."""
        self.tls_version = "1.2"
        self._mirror()

    def test_transfers_over_implicit_tls(self) -> None:
        """A file comes down, is listed, and goes up."""
        self.implicit = True
        self.transfer_both_ways()

    def test_mirrors_over_implicit_tls(self) -> None:
        """A tree goes up and comes down again."""
        self.implicit = True
        self._mirror()
