"""curl."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from tests.integration import contract
from tests.integration.cases import USER, checksum, content
from tests.integration.clients import Client, Tls

# https://github.com/curl/curl/issues/10666
_NO_ACTIVE_TLS = ("curl 7.87.", "curl 7.88.")
_VERSIONS = {"1.2": ("--tlsv1.2", "--tls-max", "1.2"), "1.3": ("--tlsv1.3",)}
_MODES = {"EPSV": (), "PASV": ("--disable-epsv",), "PORT": ("-P", "-", "--disable-eprt"), "EPRT": ("-P", "-")}


def _tls(tls: Tls | None) -> tuple[str, ...]:
    if tls is None:
        return ()
    certificate = () if tls.certificate is None else ("--cert", str(tls.certificate), "--key", str(tls.certificate))
    return ("--ssl-reqd", "--cacert", str(tls.authority), *_VERSIONS[tls.version], *certificate)


class Curl(Client):
    """curl: one URL an operation."""

    program = "curl"

    def url(self, path: str) -> str:
        """The URL of an absolute remote path."""
        host = f"[{self.login.host}]" if ":" in self.login.host else self.login.host
        scheme = "ftps" if self.login.tls is not None and self.login.tls.implicit else "ftp"
        return f"{scheme}://{host}:{self.login.port}{quote(path, errors='surrogateescape')}"

    def curl(self, *arguments: str, check: bool = True) -> str:
        """Run curl as this login."""
        who = () if self.login.user is None else ("--user", f"{self.login.user}:{self.login.password}")
        common = ("--silent", "--show-error", "--globoff", "--max-time", "30", *_MODES[self.login.mode.name])
        if self.login.tls is not None and self.login.mode.active and self.run("--version").startswith(_NO_ACTIVE_TLS):
            raise self.cannot("begin TLS on a connection that it has accepted, in this version")
        return self.run(*common, *_tls(self.login.tls), *who, *arguments, check=check)

    def outcome(self, *arguments: str) -> int:
        """The exit status of a run."""
        return int(self.curl(*arguments, "--write-out", "%{exitcode}", check=False).split()[-1])

    def _quote(self, *commands: str) -> None:
        flags = [part for command in commands for part in ("--quote", command)]
        self.curl(*flags, "--output", "/dev/null", self.url("/"))

    def names(self, directory: str) -> set[str]:
        """By NLST."""
        return set(self.curl("--list-only", self.url(directory.rstrip("/") + "/")).splitlines())

    def upload(self, local: Path, remote: str) -> None:
        """By STOR."""
        self.curl("--upload-file", str(local), self.url(remote))

    def download(self, remote: str, local: Path) -> None:
        """By RETR."""
        self.curl("--output", str(local), self.url(remote))

    def resume_upload(self, local: Path, remote: str) -> None:
        """By SIZE and APPE."""
        self.curl("--continue-at", "-", "--upload-file", str(local), self.url(remote))

    def resume_download(self, remote: str, local: Path) -> None:
        """By REST."""
        self.curl("--continue-at", "-", "--output", str(local), self.url(remote))

    def rename(self, old: str, new: str) -> None:
        """By commands of our own."""
        self._quote(f"RNFR {old}", f"RNTO {new}")

    def remove_file(self, remote: str) -> None:
        """By a command of our own."""
        self._quote(f"DELE {remote}")

    def make_directory(self, remote: str) -> None:
        """By a command of our own."""
        self._quote(f"MKD {remote}")

    def remove_directory(self, remote: str) -> None:
        """By a command of our own."""
        self._quote(f"RMD {remote}")

    def mirror_up(self, local: Path, remote: str) -> None:
        """One run for all files; curl makes the directories on the way."""
        arguments: list[str] = []
        for path in sorted(local.rglob("*")):
            if path.is_file():
                arguments += ["--upload-file", str(path), self.url(f"{remote}/{path.relative_to(local)}")]
        self.curl("--ftp-create-dirs", *arguments)

    def mirror_down(self, remote: str, local: Path) -> None:
        """Directory by directory, as LIST shows them."""
        local.mkdir()
        for line in self.curl(self.url(remote + "/")).splitlines():
            name = line.split(None, 8)[8]
            if line.startswith("d"):
                self.mirror_down(f"{remote}/{name}", local / name)
            else:
                self.download(f"{remote}/{name}", local / name)

    def upload_text(self, local: Path, remote: str) -> None:
        """``--use-ascii`` and ``--crlf``."""
        self.curl("--use-ascii", "--crlf", "--upload-file", str(local), self.url(remote))

    def download_text(self, remote: str, local: Path) -> None:
        """``--use-ascii``."""
        self.curl("--use-ascii", "--output", str(local), self.url(remote))


class CurlTests(contract.ClientContract):
    """curl against the server."""

    client_class = Curl
    keeps_empty_directories = False

    def _curl(self) -> Curl:
        client = self.client()
        assert isinstance(client, Curl)
        return client

    def test_fetches_a_range(self) -> None:
        """``--range`` gets the octets in the middle."""
        data = content(100_000, 20)
        self.make("data", data)
        target = self.work / "part"
        client = self._curl()
        client.curl("--range", "1000-1999", "--output", str(target), client.url("/data"))
        self.assertEqual(target.read_bytes(), data[1000:2000])

    def test_asks_for_size_and_time(self) -> None:
        """``--head`` shows length and time from SIZE and MDTM."""
        path = self.make("data", b"12345")
        path.touch()
        client = self._curl()
        answer = client.curl("--head", client.url("/data"))
        self.assertIn("Content-Length: 5", answer)
        self.assertIn("Last-Modified: ", answer)
        self.assertIn("Accept-ranges: bytes", answer)

    def test_every_way_to_change_directory(self) -> None:
        """multicwd, singlecwd and nocwd reach the same file."""
        self.make("a/b c/file", b"found")
        client = self._curl()
        for method in ("multicwd", "singlecwd", "nocwd"):
            with self.subTest(method=method):
                self.assertEqual(client.curl("--ftp-method", method, client.url("/a/b c/file")), "found")

    def test_says_when_a_file_is_missing(self) -> None:
        """A file that is not there is status 78 and no file of ours."""
        client = self._curl()
        target = self.work / "none"
        self.assertEqual(client.outcome("--output", str(target), client.url("/none")), 78)
        self.assertFalse(target.exists())

    def test_refuses_a_wrong_password(self) -> None:
        """A wrong password is status 67."""
        client = self._curl()
        self.assertEqual(client.outcome("--user", f"{USER}:wrong", client.url("/")), 67)

    def test_several_files_in_one_session(self) -> None:
        """Twenty files come over one control connection."""
        arguments: list[str] = []
        client = self._curl()
        for number in range(20):
            self.make(f"f{number}", content(5000, number))
            arguments += ["--output", str(self.work / f"f{number}"), client.url(f"/f{number}")]
        client.curl(*arguments)
        for number in range(20):
            self.assertEqual(checksum(self.work / f"f{number}"), checksum(content(5000, number)))


class CurlTls13Tests(contract.TlsContract, CurlTests):
    """curl over TLS 1.3."""


class CurlTlsTests(contract.BriefTlsContract):
    """curl over other kinds of TLS."""

    client_class = Curl
    keeps_empty_directories = False
