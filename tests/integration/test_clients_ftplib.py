"""ftplib of the standard library."""

from __future__ import annotations

import ftplib
import io
import socket
import ssl
from pathlib import Path

from tests.integration import contract
from tests.integration.cases import content
from tests.integration.clients import Client, ClientFailed


class _Pasv(ftplib.FTP):
    """ftplib that asks for PASV and PORT over IPv4, as it does, or for EPSV and EPRT."""

    extended = False

    def makepasv(self) -> tuple[str, int]:
        if not self.extended:
            return super().makepasv()
        assert self.sock is not None
        return ftplib.parse229(self.sendcmd("EPSV"), self.sock.getpeername())

    def sendport(self, host: str, port: int) -> str:
        return self.sendeprt(host, port) if self.extended else super().sendport(host, port)


class FtpTls(_Pasv, ftplib.FTP_TLS):
    """The same over TLS, also on a port where it begins at once."""

    implicit = False

    def connect(
        self,
        host: str = "",
        port: int = 0,
        timeout: float = -999,
        source_address: tuple[str, int] | None = None,
    ) -> str:
        if not self.implicit:
            return super().connect(host, port, timeout, source_address)
        self.host, self.port = host, port
        connected = socket.create_connection((host, port), self.timeout)
        self.af = connected.family
        self.sock = self.context.wrap_socket(connected, server_hostname=host)
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome


class Ftplib(Client):
    """ftplib: one session an operation."""

    program = "ftplib"

    @classmethod
    def require(cls) -> None:
        """It is always there."""

    def session(self, kind: type[FtpTls] = FtpTls) -> ftplib.FTP:
        """A session that is logged in; ``kind`` is for those with TLS."""
        tls = self.login.tls
        if tls is None:
            session = _Pasv(timeout=20, encoding="utf-8")
        else:
            session = kind(timeout=20, encoding="utf-8", context=tls.context())
            session.implicit = tls.implicit
        session.extended = self.login.mode.name in {"EPSV", "EPRT"}
        session.connect(self.login.host, self.login.port)
        session.login(self.login.user or "", self.login.password)
        if isinstance(session, FtpTls):
            session.prot_p()
        session.set_pasv(not self.login.mode.active)
        return session

    def names(self, directory: str) -> set[str]:
        """By NLST and by MLSD, which agree."""
        with self.session() as session:
            facts = {name: facts["type"] for name, facts in session.mlsd(directory)}
            names = {name for name, kind in facts.items() if kind in {"file", "dir"}}
            session.cwd(directory)
            assert set(session.nlst()) == names
            return names

    def upload(self, local: Path, remote: str) -> None:
        """By STOR."""
        with self.session() as session, local.open("rb") as file:
            try:
                session.storbinary(f"STOR {remote}", file)
            except ftplib.error_perm as refused:
                raise ClientFailed(str(refused)) from refused

    def download(self, remote: str, local: Path) -> None:
        """By RETR."""
        with self.session() as session, local.open("wb") as file:
            session.retrbinary(f"RETR {remote}", file.write)

    def resume_upload(self, local: Path, remote: str) -> None:
        """By REST and STOR."""
        with self.session() as session, local.open("rb") as file:
            session.voidcmd("TYPE I")
            size = session.size(remote)
            assert size is not None
            file.seek(size)
            session.storbinary(f"STOR {remote}", file, rest=size)

    def resume_download(self, remote: str, local: Path) -> None:
        """By REST and RETR."""
        with self.session() as session, local.open("ab") as file:
            session.retrbinary(f"RETR {remote}", file.write, rest=file.tell())

    def rename(self, old: str, new: str) -> None:
        """By RNFR and RNTO."""
        with self.session() as session:
            session.rename(old, new)

    def remove_file(self, remote: str) -> None:
        """By DELE."""
        with self.session() as session:
            session.delete(remote)

    def make_directory(self, remote: str) -> None:
        """By MKD, which answers with the absolute path."""
        with self.session() as session:
            assert session.mkd(remote) == remote

    def remove_directory(self, remote: str) -> None:
        """By RMD."""
        with self.session() as session:
            session.rmd(remote)

    def mirror_up(self, local: Path, remote: str) -> None:
        """One session for all."""
        with self.session() as session:
            session.mkd(remote)
            for path in sorted(local.rglob("*")):
                theirs = f"{remote}/{path.relative_to(local)}"
                if path.is_dir():
                    session.mkd(theirs)
                else:
                    with path.open("rb") as file:
                        session.storbinary(f"STOR {theirs}", file)

    def mirror_down(self, remote: str, local: Path) -> None:
        """One session for all, by MLSD."""
        with self.session() as session:
            self._fetch(session, remote, local)

    def _fetch(self, session: ftplib.FTP, remote: str, local: Path) -> None:
        local.mkdir()
        for name, facts in list(session.mlsd(remote)):
            if facts["type"] == "dir":
                self._fetch(session, f"{remote}/{name}", local / name)
            elif facts["type"] == "file":
                with (local / name).open("wb") as file:
                    session.retrbinary(f"RETR {remote}/{name}", file.write)

    def upload_text(self, local: Path, remote: str) -> None:
        """``storlines``."""
        with self.session() as session, local.open("rb") as file:
            session.storlines(f"STOR {remote}", file)

    def download_text(self, remote: str, local: Path) -> None:
        """``retrlines``."""
        with self.session() as session, local.open("w", encoding="utf-8", newline="\n") as file:
            session.retrlines(f"RETR {remote}", lambda line: file.write(line + "\n"))


class FtplibTests(contract.ClientContract):
    """ftplib against the server."""

    client_class = Ftplib
    names_to_try = (*contract.ClientContract.names_to_try, "-leading dash", "back\\slash", "[a-z]*?", " blanks ")

    def setUp(self) -> None:
        """Have a session of our own as well."""
        super().setUp()
        client = self.client()
        assert isinstance(client, Ftplib)
        self.session = client.session()
        self.addCleanup(self.session.close)

    def test_aborts_a_download(self) -> None:
        """``abort`` in a transfer (its last octet goes as urgent data) ends the transfer and not the session."""
        self.make_sparse("big", 200_000_000)
        self.session.voidcmd("TYPE I")
        data = self.session.transfercmd("RETR /big")
        self.addCleanup(data.close)
        self.assertTrue(data.recv(1000))
        answer = self.session.abort()
        self.assertIn(answer[:3], {"225", "226", "426"})
        if answer[:3] == "426":
            self.assertEqual(self.session.getmultiline()[:3], "226")
        self.assertEqual(self.session.pwd(), "/")

    def test_stores_under_a_name_of_the_servers_choice(self) -> None:
        """STOU answers with the name, which holds what was sent."""
        data, _ = self.session.ntransfercmd("STOU")
        with data:
            data.sendall(b"unique")
            if isinstance(data, ssl.SSLSocket):
                data.unwrap()
        self.session.voidresp()
        names = self.session.nlst()
        self.assertEqual(len(names), 1)
        self.assertEqual((self.server.root / names[0].lstrip("/")).read_bytes(), b"unique")

    def test_appends(self) -> None:
        """APPE continues a file, and makes one that is not there."""
        for part in (b"one ", b"two"):
            self.session.storbinary("APPE /file", io.BytesIO(part))
        self.assertEqual((self.server.root / "file").read_bytes(), b"one two")

    def test_reads_many_files_in_one_session(self) -> None:
        """A hundred small files go up and come back over one control connection."""
        for number in range(100):
            self.session.storbinary(f"STOR /f{number}", io.BytesIO(content(2000, number)))
        for number in range(100):
            blocks: list[bytes] = []
            self.session.retrbinary(f"RETR /f{number}", blocks.append)
            self.assertEqual(b"".join(blocks), content(2000, number))


class FtplibTls13Tests(contract.TlsContract, FtplibTests):
    """ftplib over TLS 1.3."""


class FtplibTlsTests(contract.BriefTlsContract):
    """ftplib over other kinds of TLS."""

    client_class = Ftplib
