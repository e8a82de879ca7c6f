"""Data connections that resume the TLS session of their control connection, and those that do not."""

from __future__ import annotations

import contextlib
import ftplib
import io
import shutil
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

from tests.integration.cases import PASSWORD, USER, checksum, content, tree
from tests.integration.certified import CertifiedServerTestCase
from tests.integration.clients import Client, ClientFailed
from tests.integration.control import read_all
from tests.integration.test_clients_aioftp import Aioftp
from tests.integration.test_clients_curl import Curl
from tests.integration.test_clients_ftplib import Ftplib, FtpTls
from tests.integration.test_clients_lftp import Lftp
from tests.integration.test_clients_rclone import Rclone
from tests.integration.test_clients_wget import Wget
from tests.integration.tls_control import TlsControl, TlsSocket, client_context
from tests.integration.waiting import eventually

_FILES = 100
_TRANSFERS = {"1.2": 1000, "1.3": 3000}
_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_DOES_NOT_RESUME = "does not resume the TLS session on data connections"


class ResumingFtpTls(FtpTls):
    """ftplib that resumes, as its users write it."""

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        control = cast(ssl.SSLSocket, self.sock)
        return self.context.wrap_socket(connection, server_hostname=self.host, session=control.session), size


class ResumingControl(TlsControl):
    """
    Every data connection must resume, and show the certificate of the control connection, as FileZilla demands.

    :param once: never use a session (a ticket) of TLS 1.3 twice, as OpenSSL's own cache of clients does.
    """

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext, *, once: bool = False) -> None:
        super().__init__(address, context)
        self.once = once
        self.used: set[bytes] = set()
        self.received: ssl.SSLSession | None = None

    def secure_data(self, connection: socket.socket) -> TlsSocket:
        """As said above; the session is the newest one that came."""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        control = self.tls.tls
        session = self.received or control.session
        assert session is not None, "no session came on the control connection"
        assert not (self.once and session.id in self.used), "no ticket is left"
        self.used.add(session.id)
        self.session = session
        data = super().secure_data(connection)
        data.shake_hands()
        assert data.tls.session_reused, f"data connection {len(self.used)} did not resume"
        assert data.tls.getpeercert(binary_form=True) == control.getpeercert(binary_form=True)
        return data

    def remember(self, data: TlsSocket) -> None:
        """Take the ticket that came on a data connection that has ended."""
        self.received = data.tls.session

    def fetch(self, line: str) -> bytes:
        """What a command sends, and the ticket that comes along."""
        with self.open_tls() as data:
            self.expect(line, 150, 125)
            octets = read_all(data)
            self.remember(data)
        self.expect_reply(226)
        return octets

    def put(self, line: str, octets: bytes) -> None:
        """Store octets, and wait for the server's end with the ticket in front of it."""
        with self.open_tls() as data:
            self.expect(line, 150, 125)
            data.sendall(octets)
            data.end()
            with contextlib.suppress(ssl.SSLZeroReturnError):
                assert read_all(data) == b""
            self.remember(data)
        self.expect_reply(226)


class SessionTestCase(CertifiedServerTestCase):
    """What the tests here use."""

    def resuming(self, version: str, *, once: bool = False) -> ResumingControl:
        """A session that is logged in and resumes."""
        context = client_context(self.certificates.authority.pem, version=_VERSIONS[version])
        control = ResumingControl(("127.0.0.1", self.server.port), context, once=once)
        self.addCleanup(control.close)
        control.login(USER, PASSWORD)
        return control

    def ftplib(self, version: str, kind: type[FtpTls]) -> ftplib.FTP:
        """A session of ftplib that is logged in."""
        session = Ftplib(self.login_over_tls(version), self.work).session(kind)
        self.addCleanup(session.close)
        return session

    def files(self) -> Path:
        """A directory with files."""
        directory = self.work / "ours"
        directory.mkdir(exist_ok=True)
        for number in range(_FILES):
            (directory / f"f{number}").write_bytes(content(number * 100, number))
        return directory


class RequireTests(SessionTestCase):
    """``--tls-data-session require``."""

    tls_options = ("--tls-data-session", "require")

    # Who resumes

    def mirror(self, client: Client, *, up: bool = True) -> None:
        """A hundred files up and down."""
        client.require()
        ours = self.files()
        self.server.empty_root()
        theirs = self.server.root / "theirs"
        if up:
            client.mirror_up(ours, "/theirs")
            self.assertEqual(tree(theirs), tree(ours))
        else:
            shutil.copytree(ours, theirs)
        back = self.work / "back"
        client.mirror_down("/theirs", back)
        self.assertEqual(tree(back), tree(ours))
        shutil.rmtree(back)

    def mirror_both(self, kind: type[Client], *, up: bool = True) -> None:
        """The same with both versions."""
        for version in _VERSIONS:
            with self.subTest(version=version):
                self.mirror(kind(self.login_over_tls(version), self.work), up=up)

    def test_lftp(self) -> None:
        """lftp resumes, with three sessions at once too."""
        self.mirror_both(Lftp)

    def test_wget(self) -> None:
        """wget resumes."""
        self.mirror_both(Wget, up=False)

    def test_aioftp(self) -> None:
        """aioftp resumes, with a handshake that comes before the command."""
        if not Aioftp.resumes():
            self.skipTest("this aioftp does not resume")
        self.mirror_both(Aioftp)

    def test_rclone(self) -> None:
        """
        rclone resumes the newest session of any of its connections.

        So it needs ``--transfers 1 --checkers 1``, with which it has one.
        """
        Rclone.require()
        ours = self.files()
        for version in _VERSIONS:
            with self.subTest(version=version):
                self.server.empty_root()
                client = Rclone(self.login_over_tls(version), self.work)
                client.rclone("copy", "--transfers=1", "--checkers=1", str(ours), "there:/theirs")
                self.assertEqual(tree(self.server.root / "theirs"), tree(ours))
                back = self.work / f"back{version}"
                client.rclone("copy", "--transfers=1", "--checkers=1", "there:/theirs", str(back))
                self.assertEqual(tree(back), tree(ours))

    def curl(self, version: str) -> Curl:
        """curl."""
        Curl.require()
        return Curl(self.login_over_tls(version), self.work)

    def test_curl_downloads(self) -> None:
        """
        curl resumes for download after download: under TLS 1.3 each brings a ticket for the next.

        The hundred are four runs at once: curl may sleep for a second between files, whatever the server.
        """
        ours = self.files()
        shutil.copytree(ours, self.server.root, dirs_exist_ok=True)
        names = sorted(path.name for path in ours.iterdir())
        for version in _VERSIONS:
            with self.subTest(version=version):
                client = self.curl(version)
                back = self.work / f"back{version}"
                back.mkdir()

                def download(some: list[str], client: Curl = client, back: Path = back) -> str:
                    targets = (("--output", str(back / name), client.url(f"/{name}")) for name in some)
                    return client.curl(*(part for target in targets for part in target))

                with ThreadPoolExecutor(4) as pool:
                    list(pool.map(download, [names[first::4] for first in range(4)]))
                self.assertEqual(tree(back), tree(ours))

    def test_curl_upload(self) -> None:
        """curl resumes for an upload."""
        source = self.work / "source"
        source.write_bytes(content(100_000, 50))
        for version in _VERSIONS:
            with self.subTest(version=version):
                self.server.empty_root()
                self.curl(version).upload(source, "/file")
                self.assertEqual(tree(self.server.root), {"file": checksum(source)})

    def test_ftplib_that_resumes(self) -> None:
        """ftplib with ``session=self.sock.session`` is served."""
        for version in _VERSIONS:
            session = self.ftplib(version, ResumingFtpTls)
            for number in range(20):
                with self.subTest(version=version, number=number):
                    octets = content(number * 1000, number)
                    session.storbinary("STOR /file", io.BytesIO(octets))
                    blocks: list[bytes] = []
                    session.retrbinary("RETR /file", blocks.append)
                    self.assertEqual(b"".join(blocks), octets)

    def test_filezilla(self) -> None:
        """A client as careful as FileZilla, which takes the newest session each time, moves a hundred files."""
        for version in _VERSIONS:
            with self.subTest(version=version):
                control = self.resuming(version)
                control.expect("CLNT FileZilla", 200)
                control.expect("OPTS UTF8 ON", 200)
                for number in range(_FILES):
                    control.put(f"STOR /f{number}", content(number * 500, number))
                listed = control.fetch("MLSD /").decode().splitlines()
                self.assertEqual(
                    {line.partition(" ")[2] for line in listed if "type=file" in line},
                    {f"f{number}" for number in range(_FILES)},
                )
                for number in range(_FILES):
                    self.assertEqual(control.fetch(f"RETR /f{number}"), content(number * 500, number))
                control.expect("QUIT", 221)

    def thousands(self, version: str) -> None:
        """In one session: downloads that use each ticket of TLS 1.3 once, and uploads."""
        self.make("down", b"little")
        control = self.resuming(version, once=version == "1.3")
        half = _TRANSFERS[version] // 2
        for _ in range(half):
            self.assertEqual(control.fetch("RETR /down"), b"little")
        control.once, control.received = False, None
        for number in range(half):
            self.assertEqual(control.store("STOR /up", b"%d" % number).code, 226)
        self.assertEqual((self.server.root / "up").read_bytes(), b"%d" % (half - 1))

    def test_thousands_of_transfers(self) -> None:
        """3,000 transfers in one session all resume: under TLS 1.3 a download brings the ticket for the next one."""
        self.thousands("1.3")

    def test_thousands_of_transfers_under_tls_1_2(self) -> None:
        """1,000 transfers in one session all resume."""
        self.thousands("1.2")

    def test_tickets_of_uploads(self) -> None:
        """Who waits for the server's end of an upload gets a ticket there, for the next one."""
        control = self.resuming("1.3", once=True)
        for number in range(_FILES):
            control.put("STOR /up", b"%d" % number)

    # Who does not

    def refusal(self, session: ftplib.FTP, transfer: Callable[[], object]) -> str:
        """The reply to a transfer whose data connection breaks."""
        try:
            transfer()
        except ftplib.error_perm as refused:
            return str(refused)
        except OSError:
            # The data connection told it first; the reply is to come.
            with self.assertRaises(ftplib.error_perm) as raised:
                session.voidresp()
            return str(raised.exception)
        raise AssertionError("it was not refused")

    def test_ftplib_as_it_is(self) -> None:
        """ftplib does not resume: 522, and no file is made, replaced or truncated; the session goes on."""
        self.make("there", b"as it was")
        for version in _VERSIONS:
            session = self.ftplib(version, FtpTls)
            session.voidcmd("TYPE I")
            for line in ("STOR /new", "STOR /there", "APPE /new", "APPE /there", "STOU"):
                for size in (0, 10, 1_000_000):
                    with self.subTest(version=version, line=line, size=size):
                        source = io.BytesIO(content(size))
                        told = self.refusal(session, lambda s=session, c=line, f=source: s.storbinary(c, f))  # type: ignore[misc]
                        self.assertRegex(told, "^522 .*must resume the TLS session")
                        self.assertEqual(tree(self.server.root), {"there": checksum(b"as it was")})
            for line in ("RETR /there", "MLSD /", "LIST", "NLST"):
                with self.subTest(version=version, line=line):
                    blocks: list[bytes] = []
                    told = self.refusal(session, lambda s=session, c=line, b=blocks: s.retrbinary(c, b.append))  # type: ignore[misc]
                    self.assertRegex(told, "^522 ")
                    self.assertEqual(blocks, [])
            self.assertEqual(session.pwd(), "/")

    def test_session_of_another_control_connection(self) -> None:
        """The session of somebody else, even of the same user, does not count."""
        for version in _VERSIONS:
            with self.subTest(version=version):
                mine, other = self.resuming(version), self.ftplib(version, ResumingFtpTls)
                # Python resumes within a context only, so the other one is made with the first one's.
                theirs = TlsControl(("127.0.0.1", self.server.port), mine.context)
                self.addCleanup(theirs.close)
                theirs.login(USER, PASSWORD)
                theirs.session = mine.tls.tls.session
                with theirs.open_tls() as data:
                    theirs.expect("STOR /new", 150)
                    data.shake_hands()
                    self.assertFalse(data.tls.session_reused)
                    self.assertEqual(theirs.reply().code, 522)
                self.assertEqual(tree(self.server.root), {})
                self.assertEqual(other.pwd(), "/")

    def test_rclone_with_several_connections(self) -> None:
        """rclone as it is mixes up the sessions of its connections: some files are refused, none is damaged."""
        Rclone.require()
        ours = self.files()
        client = Rclone(self.login_over_tls(), self.work)
        with self.assertRaisesRegex(ClientFailed, "522 The data connection must resume"):
            client.rclone("copy", "--transfers=8", str(ours), "there:/")
        arrived, meant = tree(self.server.root), tree(ours)
        self.assertEqual({name: meant[name] for name in arrived}, arrived)

    def test_curl_uploads_in_a_row(self) -> None:
        """
        All uploads of a session resume.

        Under TLS 1.3 curl uses a ticket once, and has closed an upload before the server says anything on it: its
        tickets come by the control connection.
        """
        ours = self.work / "one"
        ours.write_bytes(b"content")
        for version in ("1.2", "1.3"):
            with self.subTest(version=version):
                self.server.empty_root()
                client = self.curl(version)
                names = [f"file{number}" for number in range(30)]
                uploads = [part for name in names for part in ("--upload-file", str(ours), client.url(f"/{name}"))]
                client.curl(*uploads)
                self.assertEqual(tree(self.server.root), dict.fromkeys(names, checksum(ours)))


class ReportTests(SessionTestCase):
    """``--tls-data-session report``, which is the default."""

    def reports(self, start: int) -> list[str]:
        """The lines of the log that tell who does not resume."""
        return [line for line in self.server.log[start:].splitlines() if _DOES_NOT_RESUME in line]

    def test_names_who_does_not_resume(self) -> None:
        """The log has user, address and program, once a session."""
        self.make("file", b"1")
        for version in _VERSIONS:
            with self.subTest(version=version):
                start = len(self.server.log)
                session = self.ftplib(version, FtpTls)
                session.sendcmd("CLNT Careless 1.0")
                for _ in range(3):
                    session.storbinary("STOR /file", io.BytesIO(b"2"))
                    session.retrbinary("RETR /file", lambda block: None)
                session.quit()
                (line,) = eventually(lambda s=start: self.reports(s), what="a line in the log")  # type: ignore[misc]
                for word in (USER, "127.0.0.1", "Careless 1.0", "--tls-data-session require"):
                    self.assertIn(word, line)

    def test_is_silent_about_who_resumes(self) -> None:
        """A client that resumes is not named."""
        for version in _VERSIONS:
            with self.subTest(version=version):
                start = len(self.server.log)
                control = self.resuming(version)
                control.put("STOR /file", b"1")
                self.assertEqual(control.fetch("RETR /file"), b"1")
                control.expect("QUIT", 221)
                self.ftplib(version, FtpTls).nlst()
                self.assertEqual(len(eventually(lambda s=start: self.reports(s), what="the other's line")), 1)  # type: ignore[misc]


class OffTests(SessionTestCase):
    """``--tls-data-session off``."""

    tls_options = ("--tls-data-session", "off")

    def test_serves_everybody_and_says_nothing(self) -> None:
        """A client that does not resume is served, and the log does not tell."""
        session = self.ftplib("1.3", FtpTls)
        session.storbinary("STOR /file", io.BytesIO(b"1"))
        session.quit()
        self.assertEqual((self.server.root / "file").read_bytes(), b"1")
        self.assertNotIn(_DOES_NOT_RESUME, self.server.log)
