"""The command line."""

from __future__ import annotations

import io
import time
from typing import Any, cast
from unittest import mock

import twisted.internet
from twisted.application.service import MultiService
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from ftpx import tap
from ftpx.config import Config, Home, settings
from ftpx.lifetime import FtpService
from ftpx.tap import Options, makeService
from ftpx.tls.policy import ClientCertificates, DataSession, TlsPolicy, TlsVersion


def _options(*arguments: str) -> Options:
    options = Options()
    options.parseOptions(list(arguments))
    return options


class OptionsTests(SynchronousTestCase):
    """Options become the configuration."""

    def refused(self, *arguments: str) -> str:
        """The line that a command line is refused with."""
        with self.assertRaises(SystemExit, msg=str(arguments)) as caught:
            _options(*arguments)
        line = str(caught.exception.code)
        self.assertNotIn("\n", line)
        self.assertTrue(line.startswith("ftpx: "), line)
        return line

    def test_defaults(self) -> None:
        """Without options the configuration is the default one."""
        self.assertEqual(_options().config, Config())

    def test_all(self) -> None:
        """Every option sets what it says."""
        config = _options(
            *("-p", "2121", "--port", "unix:/run/ftpx", "-s", "memory:", "--auth", "memory:a:b", "--auth", "anonymous"),
            *(
                "--home",
                "per-user",
                "--read-only",
                "--passive-ports",
                "50000-50099",
                "--passive-address",
                "203.0.113.1",
            ),
            *("--no-active", "--banner", "Hi.", "--max-sessions", "5", "--max-sessions-per-ip", "2"),
            *("--idle-timeout", "10", "--login-timeout", "11", "--data-timeout", "12", "--shutdown-grace", "0"),
            *("--hide-owners", "--symbolic-links"),
            *("--tls-cert", "a.pem", "--tls-cert", "b.pem", "--tls-key", "a.key", "--tls-key", "b.key"),
            *("--implicit-tls", "990", "--implicit-tls", "tcp6:990", "--tls-policy", "login", "--tls-self-signed"),
            *("--tls-min-version", "1.3", "--tls-data-session", "require", "--tls-allow-ccc"),
            *("--tls-client-ca", "ca.pem", "--tls-client-crl", "crl.pem", "--tls-client-cert", "optional"),
        ).config
        self.assertEqual(
            config,
            Config(
                port=("tcp:2121", "unix:/run/ftpx"),
                storage="memory:",
                auth=("memory:a:b", "anonymous"),
                home=Home.PER_USER,
                read_only=True,
                passive_ports=range(50000, 50100),
                passive_address="203.0.113.1",
                no_active=True,
                banner="Hi.",
                max_sessions=5,
                max_sessions_per_ip=2,
                idle_timeout=10.0,
                login_timeout=11.0,
                data_timeout=12.0,
                shutdown_grace=0.0,
                hide_owners=True,
                symbolic_links=True,
                tls_cert=("a.pem", "b.pem"),
                tls_key=("a.key", "b.key"),
                tls_self_signed=True,
                implicit_tls=("tcp:990", "tcp6:990"),
                tls_policy=TlsPolicy.LOGIN,
                tls_min_version=TlsVersion.TLS_1_3,
                tls_data_session=DataSession.REQUIRE,
                tls_client_ca="ca.pem",
                tls_client_crl="crl.pem",
                tls_client_cert=ClientCertificates.OPTIONAL,
                tls_allow_ccc=True,
            ),
        )

    def test_repeatable(self) -> None:
        """What is given replaces the default, in the order that it was given; another command line begins anew."""
        self.assertEqual(_options("--port", "2", "-p", "1").config.port, ("tcp:2", "tcp:1"))
        self.assertEqual(_options("--tls-cert", "a").config.tls_cert, ("a",))
        self.assertEqual((_options().config.port, _options().config.tls_cert), (("tcp:2121",), ()))

    def test_root(self) -> None:
        """-r and --root are short for local:."""
        self.assertEqual(_options("-r", "/srv").config.storage, "local:/srv")
        self.assertEqual(_options("--root", "/srv").config.storage, "local:/srv")

    def test_refused(self) -> None:
        """A wrong value is one line that names the option."""
        for name, value in (
            ("port", "65536"),
            ("home", "mine"),
            ("passive-ports", "5"),
            ("passive-address", "::1"),
            ("max-sessions", "x"),
            ("idle-timeout", "0"),
            ("implicit-tls", "65536"),
            ("tls-policy", "always"),
            ("tls-min-version", "1.1"),
            ("tls-data-session", "yes"),
            ("tls-client-cert", "none"),
        ):
            self.assertIn(f"--{name}: ", self.refused(f"--{name}", value))

    def test_unknown(self) -> None:
        """An option that is not there, a value that is missing and an argument too many are refused."""
        for arguments in (("--nonsense",), ("--port",), ("argument",)):
            self.refused(*arguments)

    def test_help(self) -> None:
        """--help shows every setting with its default, if there is one."""
        text = str(Options())
        for name, (_, default) in settings().items():
            self.assertIn(f"--{name.replace('_', '-')}", text)
            if isinstance(default, str) and name != "storage":
                self.assertIn(default, " ".join(text.split()))
        joined = " ".join(text.split())
        for shown in ("[default: tcp:2121]", "[default: 300]", "[default: shared]", "local:."):
            self.assertIn(shown, joined)
        self.assertNotIn("[default: ]", joined)
        self.assertNotIn("[default: None]", joined)

    def told(self, option: str) -> str:
        """What an option tells before it exits with 0."""
        output = io.StringIO()
        self.patch(Options, "output", output)
        with self.assertRaises(SystemExit) as caught:
            _options(option)
        self.assertEqual(caught.exception.code, 0)
        return output.getvalue()

    def test_help_storage(self) -> None:
        """--help-storage tells the kinds with what they say about themselves."""
        text = self.told("--help-storage")
        for kind in ("--storage local:DIR", "--storage memory:[SIZE]"):
            self.assertIn(kind, text)
        self.assertIn("Files in memory", text)
        self.assertTrue(all(len(line) <= 80 for line in text.splitlines()))

    def test_help_auth(self) -> None:
        """--help-auth tells the kinds of login."""
        text = self.told("--help-auth")
        for kind in ("memory", "file", "htpasswd", "anonymous"):
            self.assertIn(f"--auth {kind}:", text)


class MakeServiceTests(SynchronousTestCase):
    """From the options to the service."""

    def setUp(self) -> None:
        """Take a reactor in memory for the global one, and note what signals would do."""
        self.reactor: Any = MemoryReactorClock()
        replaced = mock.patch.object(twisted.internet, "reactor", self.reactor, create=True)
        replaced.start()
        self.addCleanup(replaced.stop)
        self.installed: list[tuple[Any, ...]] = []
        self.patch(tap, "install_signals", lambda *arguments: self.installed.append(arguments))

    def test_service(self) -> None:
        """The service is that of the configuration, on the global reactor."""
        service = makeService(_options("-s", "memory:", "-p", "2199"))
        (server,) = cast(MultiService, service)
        self.assertIsInstance(server, FtpService)
        self.assertEqual(self.installed, [(self.reactor, server.end_grace, server.reload)])
        self.assertEqual(self.reactor.tcpServers, [])
        service.privilegedStartService()
        self.assertEqual(self.reactor.tcpServers[0][0], 2199)

    def test_cannot_listen(self) -> None:
        """An address that is taken ends the process with one line."""

        def refuse(port: int, factory: object, backlog: int = 50, interface: str = "") -> None:
            raise CannotListenError(interface, port, OSError(98, "Address already in use"))

        service = makeService(_options("-s", "memory:", "-p", "2199"))
        self.patch(self.reactor, "listenTCP", refuse)
        with self.assertRaises(SystemExit) as caught:
            service.privilegedStartService()
        self.assertEqual(caught.exception.code, "ftpx: --port tcp:2199: cannot listen there: Address already in use.")

    def test_time(self) -> None:
        """RS21: the reactor counts time by a clock that nobody sets."""
        makeService(_options("-s", "memory:"))
        self.assertIs(self.reactor.seconds, time.monotonic)

    def test_refused(self) -> None:
        """What only the system can tell is refused with one line too."""
        for arguments in (
            *(("-s", "nonsense:"), ("-p", "nonsense"), ("--auth", "nonsense"), ("-r", "/does/not/exist")),
            *(("--tls-cert", "/does/not/exist"), ("--implicit-tls", "990"), ("--tls-client-ca", "ca.pem")),
        ):
            with self.assertRaises(SystemExit, msg=str(arguments)) as caught:
                makeService(_options(*arguments))
            line = str(caught.exception.code)
            self.assertTrue(line.startswith("ftpx: ") and "\n" not in line, line)
