"""Transfers between two servers (FXP), and what must not come of allowing them."""

from __future__ import annotations

import contextlib
import ftplib
import select
import shutil
import socket
import unittest
from functools import partial
from typing import ClassVar

from tests.integration.cases import AUTH, PASSWORD, USER, ServerTestCase, checksum, content
from tests.integration.clients import Login, Mode
from tests.integration.control import Control, port_argument, read_all
from tests.integration.data_cases import DataTestCase
from tests.integration.server import FtpxServer, free_port
from tests.integration.test_clients_lftp import Lftp
from tests.integration.tls_cases import TlsTestCase
from tests.integration.tls_control import TlsSocket
from tests.integration.waiting import eventually

_FIRST, _SECOND, _CLIENT = "127.0.0.1", "127.0.0.2", "127.0.0.3"
_OTHER_USER = "bob"
_FXP = (*AUTH, "--auth", f"memory:{_OTHER_USER}:{PASSWORD}", "--fxp", USER)


def _outer_address() -> str:
    """
    An address of this machine that is no loopback address.

    :raises unittest.SkipTest: it has none.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        # For datagrams this only looks up the route: nothing is sent.
        if way.connect_ex(("192.0.2.1", 9)) == 0 and not way.getsockname()[0].startswith("127."):
            return str(way.getsockname()[0])
    raise unittest.SkipTest("this machine has no address but loopback")


def _tells(server: FtpxServer, line: str) -> bool:
    return line in server.log


class _Lftp(Lftp):
    """lftp from an address of its own, with a second server."""

    def script(self, *lines: str) -> str:
        return super().script(f"set net:socket-bind-ipv4 {_CLIENT}", "set ftp:fxp-force yes", *lines)


class TwoServersTests(ServerTestCase):
    """A client on a third address lets two servers transfer a file from one to the other."""

    options: ClassVar[tuple[str, ...]] = _FXP

    def setUp(self) -> None:
        """Have a second server on another address."""
        super().setUp()
        port = free_port()
        self.second = FtpxServer(endpoints=[f"tcp:{port}:interface={_SECOND}"])
        self.second.port, self.second.host = port, _SECOND
        self.second.start(*self.options)
        self.addCleanup(self.second.stop)
        self.data = content(3_000_000)
        self.make("file", self.data)

    def ftp(self, server: FtpxServer, user: str = USER) -> ftplib.FTP:
        """A session from the third address."""
        session = ftplib.FTP(timeout=20, source_address=(_CLIENT, 0))
        session.connect(server.host, server.port)
        session.login(user, PASSWORD)
        session.voidcmd("TYPE I")
        self.addCleanup(session.close)
        return session

    def assert_copied(self) -> None:
        """The second server has the file."""
        self.assertEqual(checksum(self.second.root / "copy"), checksum(self.data))

    def copy(self, source: ftplib.FTP, target: ftplib.FTP, *, to_target: bool) -> None:
        """One listens and the other connects, and the file goes from source to target."""
        listening, connecting = (target, source) if to_target else (source, target)
        host, port = ftplib.parse227(listening.sendcmd("PASV"))
        connecting.sendport(host, port)
        # Who listens is told first, as RFC 959 has it in figure 2.
        for session, command in sorted(
            ((source, "RETR /file"), (target, "STOR /copy")), key=lambda told: told[0] is connecting
        ):
            session.putcmd(command)
        for session in (source, target):
            self.assertEqual(session.getresp()[:3], "150")
        for session in (source, target):
            self.assertEqual(session.voidresp()[:3], "226")

    def test_either_listens(self) -> None:
        """It works whichever of them listens."""
        source, target = self.ftp(self.server), self.ftp(self.second)
        for to_target in (True, False):
            self.copy(source, target, to_target=to_target)
            self.assert_copied()
            (self.second.root / "copy").unlink()

    def test_deflated(self) -> None:
        """Both may speak MODE Z with each other."""
        source, target = self.ftp(self.server), self.ftp(self.second)
        source.voidcmd("MODE Z")
        target.voidcmd("MODE Z")
        self.copy(source, target, to_target=True)
        self.assert_copied()

    def test_lftp(self) -> None:
        """lftp does it by ``get`` from one address to another, and does not fall back on moving the file itself."""
        Lftp.require()
        home = self.work / "home"
        home.mkdir()
        lftp = _Lftp(Login(_FIRST, self.server.port, USER, PASSWORD, Mode("PASV")), home)
        there = f"ftp://{USER}:{PASSWORD}@{_SECOND}:{self.second.port}/copy"
        for passive_source in ("no", "yes"):
            lftp.script(f"set ftp:fxp-passive-source {passive_source}", f"get /file -o {there}")
            self.assert_copied()
            (self.second.root / "copy").unlink()
        for server, goes_to in ((self.server, _SECOND), (self.second, _FIRST)):
            line = f"from {_CLIENT} goes to {goes_to}, port"
            eventually(partial(_tells, server, line), what=line)

    def test_who_may_not(self) -> None:
        """The other user's session neither connects to the second server nor is connected to by it."""
        source, target = self.ftp(self.server, _OTHER_USER), self.ftp(self.second)
        host, port = ftplib.parse227(target.sendcmd("PASV"))
        with self.assertRaises(ftplib.error_perm) as refused:
            source.sendport(host, port)
        self.assertEqual(str(refused.exception)[:3], "501")
        host, port = ftplib.parse227(source.sendcmd("PASV"))
        target.sendport(host, port)
        source.putcmd("RETR /file")
        target.putcmd("STOR /copy")
        # Turned away, it has no empty file, whether it learns that before it says 150 or behind. The session that
        # waits still waits for its own client.
        with self.assertRaises(ftplib.error_temp) as broken:
            self.assertEqual(target.getresp()[:3], "150")
            target.voidresp()
        self.assertIn(str(broken.exception)[:3], {"425", "426"})
        self.assertFalse((self.second.root / "copy").exists())
        with socket.create_connection((host, port), timeout=10, source_address=(_CLIENT, 0)) as data:
            self.assertEqual(source.getresp()[:3], "150")
            with data.makefile("rb") as received:
                self.assertEqual(checksum(received.read()), checksum(self.data))


class BounceTests(DataTestCase):
    """DC01 to DC03: what a user who may is still refused, and that nobody is connected to."""

    options: ClassVar[tuple[str, ...]] = _FXP

    def refused(self, control: Control, host: str, *lines: str) -> None:
        """The lines are refused, and somebody who listens on an address is not connected to."""
        self.make("file", b"data")
        with self.listener(host) as listener:
            port = listener.getsockname()[1]
            for line in (f"PORT {port_argument(host, port)}", f"EPRT |1|{host}|{port}|", *lines):
                with self.subTest(line=line):
                    self.assertIn(control.command(line).code, (501, 504))
                    self.assertEqual(control.command("RETR file").code, 425)
            self.assertEqual(select.select([listener], [], [], 0)[0], [])

    def test_server(self) -> None:
        """Not to the address that the client has reached the server by."""
        self.refused(self.login(source=_CLIENT), _FIRST, f"PORT {port_argument(_FIRST, self.server.port)}")

    def test_machine(self) -> None:
        """Not to another address of this machine, though the client is here too."""
        self.refused(self.login(source=_CLIENT), _outer_address())

    def test_low_ports_and_no_hosts(self) -> None:
        """Not to low ports, and not to what is the address of no host or of any."""
        self.refused(
            self.login(source=_CLIENT),
            _FIRST,
            "PORT 127,0,0,2,0,22",
            "PORT 127,0,0,2,3,255",
            "EPRT |1|192.0.2.1|25|",
            "PORT 0,0,0,0,200,0",
            "PORT 224,0,0,1,200,0",
            "PORT 255,255,255,255,200,0",
            "PORT 169,254,169,254,200,0",
        )

    def test_control_ports_of_neighbours(self) -> None:
        """Not to the control port's number on another loopback address."""
        self.refused(self.login(source=_CLIENT), _FIRST, f"PORT {port_argument(_SECOND, self.server.port)}")

    def test_who_may_not(self) -> None:
        """Others are refused as ever, and so are anonymous users."""
        for user in (_OTHER_USER, "anonymous"):
            self.refused(self.login(user, source=_CLIENT), _SECOND)

    def test_passive_ports_of_others(self) -> None:
        """DC07: the port of who may not still belongs to that client's address."""
        self.make("file", b"data")
        for user, stranger_is_served in ((USER, True), (_OTHER_USER, False)):
            control = self.login(user)
            with control.connect_data(control.extended_passive(), source=_SECOND) as stranger:
                control.send(b"RETR file\r\n")
                with contextlib.suppress(ConnectionResetError):
                    self.assertEqual(stranger.recv(100), b"data" if stranger_is_served else b"")


class OuterClientTests(DataTestCase):
    """DC01: a client that does not come from a loopback address is not connected to any."""

    options: ClassVar[tuple[str, ...]] = _FXP

    @classmethod
    def make_server(cls) -> FtpxServer:
        """Listen where such a client comes from."""
        port = free_port()
        host = _outer_address()
        server = FtpxServer(endpoints=[f"tcp:{port}:interface={host}"])
        server.port, server.host = port, host
        try:
            return server.start(*cls.options)
        except AssertionError:
            shutil.rmtree(server.directory, ignore_errors=True)
            raise

    def setUp(self) -> None:
        """Skip where there is no such address."""
        _outer_address()
        super().setUp()

    def test_loopback(self) -> None:
        """Nobody behind a loopback address is connected to."""
        self.make("file", b"data")
        with Control((self.server.host, self.server.port)) as control:
            control.login(USER, PASSWORD)
            for host in (_FIRST, _SECOND):
                with self.listener(host) as listener:
                    answer = control.command(f"PORT {port_argument(host, listener.getsockname()[1])}")
                    self.assertEqual(answer.code, 504)
                    self.assertIn("own", answer.text)
                    self.assertEqual(control.command("RETR file").code, 425)
                    self.assertEqual(select.select([listener], [], [], 0)[0], [])


class TlsFxpTests(TlsTestCase):
    """A passive port for anybody, and data connections that must resume the control connection's session."""

    @classmethod
    def tls_options(cls, server: FtpxServer) -> list[str]:
        """Demand it."""
        return [*super().tls_options(server), "--fxp", USER, "--tls-data-session", "require"]

    def test_stranger(self) -> None:
        """TL15: who connects first from somewhere else gets nothing; who holds the session does, from anywhere."""
        (self.server.root / "file").write_bytes(b"data")
        control = self.login_tls()
        for resumes, code in ((False, 522), (True, 226)):
            address = control.extended_passive()
            control.resumes = resumes
            control.send(b"RETR file\r\n")
            with control.connect_data(address, source=_SECOND) as data:
                assert isinstance(data, TlsSocket)
                received = b""
                with contextlib.suppress(OSError):
                    received = read_all(data)
                self.assertEqual(received, b"data" if resumes else b"")
            control.expect_reply(150)
            control.expect_reply(code)
