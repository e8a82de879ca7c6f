"""``openssl s_client``, and the certificate that a server with several of them shows."""

from __future__ import annotations

import re
import shutil
import unittest
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from tests.integration.cases import ServerTestCase
from tests.integration.certified import CertifiedServerTestCase, certificate_files
from tests.integration.clients import run_program
from tests.integration.server import FtpxServer

_SUBJECT = re.compile(r"^subject=CN ?= ?(.*)$", re.MULTILINE)
_SESSION = re.compile(r"^(New|Reused), (TLSv1\.[23]), ", re.MULTILINE)
_VERSIONS = {"-tls1_2": "TLSv1.2", "-tls1_3": "TLSv1.3"}


class OpensslTestCase(ServerTestCase):
    """Runs the program."""

    def setUp(self) -> None:
        """Skip where it is missing."""
        if shutil.which("openssl") is None:
            raise unittest.SkipTest("openssl is not installed")
        super().setUp()

    def s_client(self, *options: str, implicit: bool = False, authority: Path | None = None) -> tuple[int, str]:
        """Connect, verify the server and send QUIT; the exit status, and all that the program writes."""
        done = run_program(
            [
                "openssl", "s_client", "-ign_eof", "-verify_return_error",
                "-connect", f"127.0.0.1:{self.server.implicit_port if implicit else self.server.port}",
                *(() if implicit else ("-starttls", "ftp")),
                "-CAfile", str(authority or certificate_files().authority_file),
                *options,
            ],
            home=self.work,
            stdin="quit\r\n",
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def sessions(self, output: str) -> Iterable[tuple[str, str]]:
        """For every handshake: New or Reused, and the version."""
        return [(found[1], found[2]) for found in _SESSION.finditer(output)]


class HandshakeTests(CertifiedServerTestCase, OpensslTestCase):
    """Handshakes as the program sees them."""

    def test_verifies(self) -> None:
        """Explicit and implicit, TLS 1.2 and 1.3: the certificate is good for the address, and FTP goes on inside."""
        for option, version in _VERSIONS.items():
            for implicit in (False, True):
                with self.subTest(version=version, implicit=implicit):
                    status, output = self.s_client(option, "-verify_ip", "127.0.0.1", implicit=implicit)
                    self.assertEqual(status, 0, output)
                    self.assertIn("Verification: OK", output)
                    self.assertEqual(self.sessions(output), [("New", version)])
                    self.assertIn("Compression: NONE", output)
                    self.assertRegex(output, "(?m)^221 ")

    def test_refuses_old_versions(self) -> None:
        """TLS 1.1 and older end with an alert."""
        for option in ("-tls1_1", "-tls1"):
            with self.subTest(option=option):
                status, output = self.s_client(option, "-cipher", "ALL:@SECLEVEL=0")
                self.assertEqual(status, 1, output)
                self.assertIn("alert protocol version", output)

    def test_session_is_of_one_control_connection(self) -> None:
        """A session does not outlive its control connection: another one cannot resume it."""
        kept = self.work / "session.pem"
        for option, version in _VERSIONS.items():
            with self.subTest(version=version):
                status, output = self.s_client(option, "-sess_out", str(kept))
                self.assertEqual(status, 0, output)
                self.assertTrue(kept.exists(), output)
                status, output = self.s_client(option, "-sess_in", str(kept))
                self.assertEqual((status, self.sessions(output)), (0, [("New", version)]), output)
                kept.unlink()

    def test_reconnects(self) -> None:
        """``-reconnect``: five more connections, of which none resumes, are served."""
        for option, version in _VERSIONS.items():
            with self.subTest(version=version):
                status, output = self.s_client(option, "-reconnect")
                self.assertEqual(status, 0, output)
                self.assertEqual(set(self.sessions(output)), {("New", version)}, output)
                self.assertRegex(output, "(?m)^221 ")

    def test_renegotiation(self) -> None:
        """What asks for a second handshake (TLS 1.2) is not given one."""
        done = run_program(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{self.server.port}", "-starttls", "ftp", "-tls1_2"],
            home=self.work,
            stdin="R\n",
        )
        self.assertRegex(done.stdout + done.stderr, "RENEGOTIATING(?s:.*)(no renegotiation|handshake failure)")

    # ALPN

    def test_protocols(self) -> None:
        """ALPN: FTP is spoken, whatever else is asked for besides."""
        for asked, chosen in (("ftp", "ftp"), ("http/1.1,ftp", "ftp"), ("ftp-data", "ftp-data")):
            for option in _VERSIONS:
                with self.subTest(asked=asked, option=option):
                    status, output = self.s_client(option, "-alpn", asked)
                    self.assertEqual(status, 0, output)
                    self.assertIn(f"ALPN protocol: {chosen}", output)

    def test_other_protocols(self) -> None:
        """Who asks for another protocol gets the alert no_application_protocol (120)."""
        for asked in ("http/1.1", "h2,http/1.1", "smtp", "ftps"):
            for option in _VERSIONS:
                for implicit in (False, True):
                    with self.subTest(asked=asked, option=option, implicit=implicit):
                        status, output = self.s_client(option, "-alpn", asked, implicit=implicit)
                        self.assertEqual(status, 1, output)
                        self.assertIn("SSL alert number 120", output)


class ServerNameTests(OpensslTestCase):
    """A server with several certificates."""

    names: ClassVar[tuple[str, ...]] = ("default.example.org", "one.example.com", "*.example.net", "two.example.net")

    @classmethod
    def make_server(cls) -> FtpxServer:
        """Start the server; the keys are in files of their own, in another order."""
        files = certificate_files()
        certificates: list[str] = []
        keys: list[str] = []
        for number, name in enumerate(cls.names):
            issued = files.authority.issue(name, name, key="rsa" if number == 1 else "ec")
            certificates += ["--tls-cert", str(files.write(f"name{number}.pem", issued.certificate_pem))]
            keys += ["--tls-key", str(files.write(f"name{number}.key", issued.key_pem))]
        pairs = [keys[at : at + 2] for at in range(0, len(keys), 2)]
        shuffled = [part for pair in reversed(pairs) for part in pair]
        return FtpxServer(implicit_tls=True).start(*cls.options, *certificates, *shuffled)

    def test_server_name(self) -> None:
        """The name that the client asks for chooses; an unknown name, or none, gets the first certificate."""
        cases = (
            (("-servername", "one.example.com"), "one.example.com"),
            (("-servername", "ONE.Example.COM"), "one.example.com"),
            (("-servername", "any.example.net"), "*.example.net"),
            (("-servername", "two.example.net"), "two.example.net"),
            (("-servername", "a.b.example.net"), "default.example.org"),
            (("-servername", "default.example.org"), "default.example.org"),
            (("-servername", "unknown.example"), "default.example.org"),
            (("-noservername",), "default.example.org"),
        )
        for options, expected in cases:
            for version in _VERSIONS:
                for implicit in (False, True):
                    with self.subTest(options=options, version=version, implicit=implicit):
                        status, output = self.s_client(version, *options, implicit=implicit)
                        self.assertEqual(status, 0, output)
                        self.assertEqual(_SUBJECT.findall(output), [expected])
