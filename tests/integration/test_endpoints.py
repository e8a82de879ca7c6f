"""Where the server can listen: IPv4, IPv6, UNIX sockets and behind a proxy that says who the client is."""

from __future__ import annotations

import shutil
import tempfile
import unittest
from pathlib import Path

from tests.integration.cases import AUTH, PASSWORD, USER, content
from tests.integration.control import Control, read_all
from tests.integration.server import FtpxServer, free_port


class EndpointTests(unittest.TestCase):
    """One server on four endpoints."""

    server: FtpxServer
    directory: Path

    def setUp(self) -> None:
        """Start it."""
        self.directory = Path(tempfile.mkdtemp(prefix="ftpx-unix-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.unix = str(self.directory / "control")
        self.proxied = free_port()
        self.server = FtpxServer()
        self.addCleanup(self.server.stop)
        self.server.start(
            *AUTH, "--port", f"unix:{self.unix}", "--port", f"haproxy:tcp:{self.proxied}:interface=127.0.0.1",
            "--max-sessions-per-ip", "2",
        )  # fmt: skip
        self.data = content(200_000, 50)
        (self.server.root / "file").write_bytes(self.data)

    def login(self, control: Control) -> Control:
        """Log in on a connection."""
        self.addCleanup(control.close)
        control.login(USER, PASSWORD)
        return control

    def assert_serves(self, control: Control) -> None:
        """A file comes down and goes up."""
        self.assertEqual(control.retrieve("RETR file"), self.data)
        self.assertEqual(control.store("STOR copy", self.data).code, 226)
        self.assertEqual((self.server.root / "copy").read_bytes(), self.data)

    def test_every_endpoint(self) -> None:
        """IPv4 and IPv6 at once, by EPSV."""
        self.assert_serves(self.login(Control(("127.0.0.1", self.server.port))))
        if len(self.server.endpoints) < 2:
            raise unittest.SkipTest("this machine has no ::1")
        self.assert_serves(self.login(Control(("::1", self.server.port))))

    def test_ipv6_has_no_pasv(self) -> None:
        """Over IPv6, PASV and PORT are refused and EPRT works."""
        if len(self.server.endpoints) < 2:
            raise unittest.SkipTest("this machine has no ::1")
        control = self.login(Control(("::1", self.server.port)))
        control.expect("PASV", 500, 501, 502, 522, 425)
        control.expect("EPSV 1", 522)
        control.expect("EPRT |1|127.0.0.1|50000|", 501, 522)
        with control.listen_data() as listener:
            control.send(b"RETR file\r\n")
            data, _ = listener.accept()
        with data:
            self.assertEqual(read_all(data), self.data)
        control.expect_reply(150)
        control.expect_reply(226)

    def test_unix_socket(self) -> None:
        """Over a UNIX socket data connections are on the loopback interface."""
        control = self.login(Control(self.unix))
        port = int(control.expect("EPSV", 229).text.split("|||")[1].split("|")[0])
        with control.connect_data(("127.0.0.1", port)) as data:
            control.expect("RETR file", 150)
            self.assertEqual(read_all(data), self.data)
        control.expect_reply(226)
        address = control.passive()
        self.assertEqual(address[0], "127.0.0.1")
        with control.connect_data(address) as data:
            control.expect("NLST", 150)
            self.assertEqual(read_all(data), b"file\r\n")
        control.expect_reply(226)

    def test_proxy_header(self) -> None:
        """Behind a PROXY header the client it names is the client: for data connections and for limits."""
        header = b"PROXY TCP4 127.0.0.7 127.0.0.1 40000 %d\r\n" % self.proxied
        control = self.login(Control(("127.0.0.1", self.proxied), preamble=header))
        address = control.extended_passive()
        with control.connect_data(("127.0.0.1", address[1]), source="127.0.0.7") as data:
            control.expect("RETR file", 150)
            self.assertEqual(read_all(data), self.data)
        control.expect_reply(226)
        self.login(Control(("127.0.0.1", self.proxied), preamble=header))
        refused = Control(("127.0.0.1", self.proxied), preamble=header)
        self.addCleanup(refused.close)
        answers = [refused.reply().code]
        if answers == [220]:  # the greeting goes out before the header has come
            answers.append(refused.command("NOOP").code)
        self.assertIn(421, answers)
        self.login(Control(("127.0.0.1", self.proxied), preamble=header.replace(b"127.0.0.7", b"127.0.0.8")))

    def test_proxy_header_is_needed(self) -> None:
        """Without a PROXY header the connection is closed, not served."""
        control = Control(("127.0.0.1", self.proxied))
        self.addCleanup(control.close)
        control.send(b"USER anonymous\r\n" * 20)
        self.assertTrue(control.at_end())
