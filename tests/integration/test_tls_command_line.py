"""The options of TLS: mistakes are told in one line, and the certificate that the server makes for itself."""

from __future__ import annotations

import os
import re
import shutil
import unittest
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import attrs

from tests.integration.cases import AUTH, PASSWORD, USER, ServerTestCase
from tests.integration.certified import certificate_files
from tests.integration.clients import Login, Mode, Tls, run_program
from tests.integration.server import FtpxServer, run_ftpx
from tests.integration.test_clients_curl import Curl
from tests.integration.test_clients_lftp import Lftp
from tests.tls.certificates import Authority

_FINGERPRINT = re.compile(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}")


class WrongValueTests(unittest.TestCase):
    """Wrong command lines."""

    def setUp(self) -> None:
        """Have files of every kind."""
        files = certificate_files()
        self.directory = files.directory
        self.good = str(files.server_file)
        other = files.authority.issue("other", "other")
        self.certificate = str(files.write("certificate-alone.pem", files.server.certificate_pem))
        self.key = str(files.write("key-alone.pem", files.server.key_pem))
        self.other_key = str(files.write("other.key", other.key_pem))
        self.nonsense = str(files.write("nonsense.pem", b"nonsense\n"))
        self.half = str(files.write("half.pem", files.server.pem[:200]))
        self.authority = str(files.authority_file)
        self.missing = str(files.directory / "missing.pem")

    def assert_refused(self, *wrong: tuple[tuple[str, ...], str]) -> None:
        """For options and a word: one line that has the word in it, exit status 1, and no traceback."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            outcomes = pool.map(lambda row: run_ftpx(*row[0]), wrong)
            for (options, told), done in zip(wrong, outcomes, strict=True):
                with self.subTest(options=options):
                    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
                    self.assertEqual((done.returncode, len(lines)), (1, 1), f"{options}: {done.stdout}{done.stderr}")
                    self.assertTrue(lines[0].startswith("ftpx: "), lines[0])
                    self.assertIn(told, lines[0])

    def test_files(self) -> None:
        """Files that are missing, hold nothing of use, or do not fit together."""
        trusting = ("--tls-cert", self.good, "--tls-client-ca", self.authority)
        self.assert_refused(
            (("--tls-cert", self.missing), self.missing),
            (("--tls-cert", str(self.directory)), str(self.directory)),
            (("--tls-cert", self.nonsense), self.nonsense),
            (("--tls-cert", self.half), self.half),
            (("--tls-cert", self.key), self.key),
            (("--tls-cert", self.certificate), self.certificate),
            (("--tls-cert", self.certificate, "--tls-key", self.missing), self.missing),
            (("--tls-cert", self.certificate, "--tls-key", self.nonsense), self.nonsense),
            (("--tls-cert", self.certificate, "--tls-key", self.other_key), self.certificate),
            (("--tls-cert", self.good, "--tls-key", self.other_key), self.other_key),
            (("--tls-cert", self.good, "--tls-client-ca", self.nonsense), self.nonsense),
            ((*trusting, "--tls-client-crl", self.authority), self.authority),
        )

    def test_what_is_missing(self) -> None:
        """Options that need another one name it."""
        self.assert_refused(
            (("--tls-key", self.key), "--tls-key needs a certificate: give --tls-cert"),
            (("--implicit-tls", "0"), "--implicit-tls needs a certificate: give --tls-cert"),
            (("--tls-policy", "required"), "--tls-policy needs a certificate: give --tls-cert"),
            (("--tls-client-ca", self.authority), "--tls-client-ca needs a certificate: give --tls-cert"),
            (("--tls-cert", self.good, "--tls-client-cert", "required"), "--tls-client-cert needs --tls-client-ca"),
            (("--tls-cert", self.good, "--tls-client-crl", self.missing), "--tls-client-crl needs --tls-client-ca"),
        )

    def test_words(self) -> None:
        """Values that are none of those that there are; and two certificates that do not go together."""
        use = ("--tls-cert", self.good)
        self.assert_refused(
            ((*use, "--tls-policy", "nonsense"), "--tls-policy: 'nonsense' is none of optional, login, required"),
            ((*use, "--tls-min-version", "1.1"), "--tls-min-version: '1.1' is none of 1.2, 1.3"),
            ((*use, "--tls-data-session", "yes"), "--tls-data-session: 'yes' is none of off, report, require"),
            ((*use, "--tls-client-cert", "never"), "--tls-client-cert: 'never' is none of optional, required, login"),
            ((*use, "--implicit-tls", "nonsense"), "--implicit-tls 'nonsense'"),
            ((*use, "--implicit-tls", "99999"), "99999"),
            ((*use, "--tls-self-signed"), "--tls-cert and --tls-self-signed do not go together"),
        )

    def test_expired(self) -> None:
        """An expired certificate is used, and the log warns."""
        files = certificate_files()
        yesterday = datetime.now(UTC) - timedelta(days=1)
        expired = files.write("expired.pem", files.authority.issue("old", "old.example", not_after=yesterday).pem)
        with FtpxServer().start("--tls-cert", str(expired)) as server:
            self.assertIn("The certificate of old.example expired on ", server.log)


class SelfSignedTests(ServerTestCase):
    """``--tls-self-signed``, tried as a new user would."""

    options: ClassVar[tuple[str, ...]] = (*AUTH, "--tls-self-signed")

    @classmethod
    def make_server(cls) -> FtpxServer:
        """Start the server with an implicit port too."""
        return FtpxServer(implicit_tls=True).start(*cls.options)

    def file(self) -> Path:
        """Where the server says that its certificate is."""
        found = re.search(r"(/\S+\.pem)", self.server.log)
        assert found is not None, self.server.log
        return Path(found[1])

    def fingerprint(self) -> str:
        """What the server says of it."""
        found = _FINGERPRINT.search(self.server.log)
        assert found is not None, self.server.log
        return found[0]

    def test_fingerprint(self) -> None:
        """The log tells the file and the fingerprint that openssl shows of it; nobody else may read it."""
        path = self.file()
        self.assertEqual(path.parent, self.server.directory / "state")
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        if shutil.which("openssl") is None:
            self.skipTest("openssl is not installed")
        shown = run_program(
            ["openssl", "x509", "-in", str(path), "-noout", "-fingerprint", "-sha256"], home=self.work
        ).stdout
        self.assertEqual(shown.strip().rpartition("=")[2], self.fingerprint())

    def login_to(self, host: str, *, implicit: bool = False) -> Login:
        """A login that trusts the server's file."""
        tls = Tls(self.file(), implicit=implicit)
        port = self.server.implicit_port if implicit else self.server.port
        return Login(host, port, USER, PASSWORD, Mode(), tls)

    def test_curl_trusts_the_file(self) -> None:
        """``curl --cacert`` of the file transfers, by every name of this machine that it knows."""
        Curl.require()
        source = self.work / "source"
        source.write_bytes(b"content")
        for host in ("127.0.0.1", "localhost"):
            for implicit in (False, True):
                with self.subTest(host=host, implicit=implicit):
                    client = Curl(self.login_to(host, implicit=implicit), self.work)
                    client.upload(source, "/file")
                    self.assertEqual((self.server.root / "file").read_bytes(), b"content")
                    self.assertEqual(client.curl(client.url("/file")), "content")

    def test_lftp_trusts_the_file(self) -> None:
        """lftp with the file as its authority transfers."""
        Lftp.require()
        source = self.work / "source"
        source.write_bytes(b"content")
        Lftp(self.login_to("localhost"), self.work).upload(source, "/file")
        self.assertEqual((self.server.root / "file").read_bytes(), b"content")

    def test_others_are_not_trusted(self) -> None:
        """With another authority curl does not go on."""
        Curl.require()
        other = self.work / "other.pem"
        other.write_bytes(Authority("Another").pem)
        login = self.login_to("127.0.0.1")
        client = Curl(attrs.evolve(login, tls=Tls(other)), self.work)
        self.assertEqual(client.outcome(client.url("/")), 60)

    def test_keeps_it(self) -> None:
        """The next start uses the same file, and says so."""
        before, state = self.file().read_bytes(), self.file().parent
        with _Restarted(state).start(*self.options) as again:
            self.assertIn(self.fingerprint(), again.log)
            self.assertEqual((again.directory / "state" / self.file().name).read_bytes(), before)


class _Restarted(FtpxServer):
    """A server that finds the state of another one."""

    def __init__(self, state: Path) -> None:
        super().__init__()
        shutil.copytree(state, self.directory / "state")
